"""The engine and the naive reference side by side, and what a reader of the outputs would know.

    python -m tests.matching.side_by_side --commands 1000000 --seed 1 [--seeds N]

plays a world of chance for as long as one likes, or so many of them, and fails with the seed and the sequence
up to which the two were equal. Now and then the engine is put down as a snapshot and goes on from that. In
the end it tells how much of everything there was, since what never happens proves nothing.
"""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from carbonmatch.matching.engine import Engine
from carbonmatch.matching.ladder import Ladder
from carbonmatch.matching.messages import (
    AcceptedLong,
    AuctionIndicated,
    Canceled,
    Entry,
    LevelChanged,
    Outputs,
    PhaseChanged,
    Rejected,
    SelfTradePrevented,
    Side,
    VolatilityRules,
)
from carbonmatch.matching.state import restore, snapshot
from tests.matching.worlds import SOME, seeded
from tests.reference_book import ReferenceVenue

# Entries after which the engine is put down and taken up again, where its outputs have been taken.
RESTORED_ENTRIES: Final = 501


class SideBySide:
    """Both venues. Each `take` compares what is new since the last one, and the whole of the books."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.reference = ReferenceVenue()
        # Of each session: how many of its reports have been compared.
        self.compared: dict[int, int] = {}
        self.compared_public = 0
        self.levels: dict[tuple[int, Side], dict[int, tuple[int, int]]] = {}
        self.last_refs: dict[int, int] = {}

    def apply(self, entry: Entry) -> None:
        self.engine.apply(entry)
        self.reference.apply(entry)

    def take(self) -> None:
        """Take the outputs, and compare everything that can be seen."""
        engine = self.engine
        engine.check()
        gathered = engine.gathered_report_count
        outputs = engine.take_outputs()
        assert sum(len(chunk.reports) for chunk in outputs.streams) == gathered
        self._compare_streams(outputs)
        self._compare_prevented(outputs)
        public = self.reference.public
        told = [event for event in outputs.public if not isinstance(event, AuctionIndicated)]
        assert told == public[self.compared_public :]
        for event in outputs.public[len(told) :]:
            assert isinstance(event, AuctionIndicated), "what is indicated is as of the end of the batch"
            assert event == self.reference.indicated(event.instrument_id)
        self.compared_public = len(public)
        self._read_levels(outputs.levels)
        self._compare_books()
        engine.check()

    def _compare_streams(self, outputs: Outputs) -> None:
        sessions = self.reference.sessions
        for chunk in outputs.streams:
            session = sessions[chunk.session_id]
            compared = self.compared.get(chunk.session_id, 0)
            assert chunk.reports
            assert chunk.reports[0].seq == compared + 1
            assert chunk.ref_before == self.last_refs.get(chunk.session_id, 0)
            assert chunk.reports == session.reports[compared:]
            self.compared[chunk.session_id] = len(session.reports)
            self.last_refs[chunk.session_id] = session.last_ref
        for session_id, session in sessions.items():
            assert self.compared.get(session_id, 0) == len(session.reports)
            state = self.engine.sessions[session_id]  # type: ignore[index]
            assert state.last_ref == session.last_ref
            assert state.next_seq == len(session.reports) + 1

    def restore(self) -> None:
        """Go on with an engine made from a snapshot of this one, whose outputs have been taken."""
        kept = snapshot(self.engine)
        self.engine = restore(kept)
        assert snapshot(self.engine) == kept

    def tally(self) -> Counter[str]:
        """How often everything was told: reports, public events, and for which reasons."""
        told = [event for session in self.reference.sessions.values() for event in session.reports]
        found = Counter(type(event).__name__ for event in [*told, *self.reference.public])
        found.update(event.reason.name for event in told if isinstance(event, Canceled | Rejected))
        found.update(event.order_type.name for event in told if isinstance(event, AcceptedLong))
        found["icebergs"] = sum(isinstance(event, AcceptedLong) and event.display_lots > 0 for event in told)
        found.update(event.phase.name for event in self.reference.public if isinstance(event, PhaseChanged))
        return found

    @staticmethod
    def _compare_prevented(outputs: Outputs) -> None:
        """What is counted is what both sides of each meeting were told."""
        told = [event for chunk in outputs.streams for event in chunk.reports]
        to_both = sum(event.prevented_lots for event in told if isinstance(event, SelfTradePrevented))
        assert 2 * sum(lots for _, lots in outputs.prevented) == to_both

    def _read_levels(self, changes: list[LevelChanged]) -> None:
        changed = [(level.instrument_id, level.side, level.price_ticks) for level in changes]
        assert len(changed) == len(set(changed)), "a level is published once a batch"
        for level in changes:
            levels = self.levels.setdefault((level.instrument_id, level.side), {})
            if level.order_count:
                levels[level.price_ticks] = (level.quantity_lots, level.order_count)
            else:
                assert level.quantity_lots == 0
                levels.pop(level.price_ticks, None)

    def _compare_books(self) -> None:
        for instrument_id, book in self.engine.books.items():
            for ladder in (book.bids, book.asks):
                expected = self.reference.levels(instrument_id, ladder.side)
                assert _levels(ladder) == expected
                seen = self.levels.get((instrument_id, ladder.side), {})
                assert sorted(seen.items()) == sorted(
                    (price, (lots, orders)) for price, lots, orders in expected
                )


def _levels(ladder: Ladder) -> list[tuple[int, int, int]]:
    return [
        (level.price_ticks, level.quantity_lots, level.order_count) for level in ladder.levels_from_best()
    ]


def play(seed: int, commands: int, rules: Sequence[VolatilityRules | None] = SOME) -> SideBySide:
    """A world of chance on both, compared after every third entry. A difference names the seed."""
    both = SideBySide()
    try:
        for number, entry in enumerate(seeded(seed, commands, rules)):
            both.apply(entry)
            if number % 3 == 0:
                both.take()
                if number % RESTORED_ENTRIES == 0:
                    both.restore()
        both.take()
    except BaseException as error:
        error.add_note(f"seed {seed}, up to sequence {both.engine.sequence}")
        raise
    return both


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--commands", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="worlds, from that seed on")
    options = parser.parse_args()
    total: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.seeds):
        began = time.monotonic()
        both = play(seed, options.commands)
        venue = both.engine.venue
        total += both.tally()
        print(
            f"seed {seed}: {venue.sequence:,} commands, {sum(both.compared.values()):,} reports, "
            f"{venue.last_trade_id:,} trades: no difference ({time.monotonic() - began:.0f} s)"
        )
    print(", ".join(f"{name} {count:,}" for name, count in total.most_common()))


if __name__ == "__main__":
    main()
