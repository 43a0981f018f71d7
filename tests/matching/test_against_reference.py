"""The engine against price-time priority done by sorting everything, every time."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.matching.book import Ladder
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import Entry, LevelChanged, Outputs, Side
from tests.matching.worlds import COMMAND_BYTES, World, seeded
from tests.reference_book import ReferenceVenue

# Entries of one to three commands; outputs are taken after one or two of them.
entries_of_bytes = st.lists(
    st.tuples(
        st.lists(st.binary(min_size=COMMAND_BYTES, max_size=COMMAND_BYTES), min_size=1, max_size=3),
        st.booleans(),
    ),
    max_size=50,
)


class Watched:
    """Both venues side by side, and what a reader of the outputs would know."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.reference = ReferenceVenue()
        self.streams: dict[int, list[Any]] = {}
        self.public: list[Any] = []
        self.levels: dict[tuple[int, Side], dict[int, tuple[int, int]]] = {}
        self.last_refs: dict[int, int] = {}

    def apply(self, entry: Entry) -> None:
        self.engine.apply(entry)
        self.reference.apply(entry)

    def take(self) -> None:
        """Take the outputs, and compare everything that can be seen."""
        engine, reference = self.engine, self.reference
        engine.check()
        gathered = engine.gathered_report_count
        outputs = engine.take_outputs()
        assert sum(len(chunk.reports) for chunk in outputs.streams) == gathered
        self._read(outputs)
        assert self.public == reference.public
        for session_id, session in reference.sessions.items():
            assert self.streams.get(session_id, []) == session.reports
            state = engine.sessions[session_id]  # type: ignore[index]
            assert state.last_ref == session.last_ref
            assert state.next_seq == len(session.reports) + 1
        for instrument_id, book in engine.books.items():
            for ladder in (book.bids, book.asks):
                expected = reference.levels(instrument_id, ladder.side)
                assert _levels(ladder) == expected
                seen = self.levels.get((instrument_id, ladder.side), {})
                assert sorted(seen.items()) == sorted(
                    (price, (lots, orders)) for price, lots, orders in expected
                )
        engine.check()

    def _read(self, outputs: Outputs) -> None:
        for chunk in outputs.streams:
            assert chunk.reports
            stream = self.streams.setdefault(chunk.session_id, [])
            assert chunk.reports[0].seq == len(stream) + 1
            assert chunk.ref_before == self.last_refs.get(chunk.session_id, 0)
            self.last_refs[chunk.session_id] = self.reference.sessions[chunk.session_id].last_ref
            stream += chunk.reports
        self.public += outputs.public
        changed = [(level.instrument_id, level.side, level.price_ticks) for level in outputs.levels]
        assert len(changed) == len(set(changed)), "a level is published once a batch"
        for level in outputs.levels:
            self._read_level(level)

    def _read_level(self, level: LevelChanged) -> None:
        levels = self.levels.setdefault((level.instrument_id, level.side), {})
        if level.order_count:
            levels[level.price_ticks] = (level.quantity_lots, level.order_count)
        else:
            assert level.quantity_lots == 0
            levels.pop(level.price_ticks, None)


def _levels(ladder: Ladder) -> list[tuple[int, int, int]]:
    return [
        (level.price_ticks, level.quantity_lots, level.order_count) for level in ladder.levels_from_best()
    ]


@settings(max_examples=150, deadline=None)
@given(entries_of_bytes)
def test_everything_that_can_be_seen_equals_the_reference(choices: list[tuple[list[bytes], bool]]) -> None:
    world = World()
    watched = Watched()
    watched.apply(world.setup())
    for entry_choices, take in choices:
        watched.apply(world.entry(entry_choices))
        if take:
            watched.take()
    watched.take()


@pytest.mark.parametrize("seed", range(4))
def test_long_worlds_equal_the_reference(seed: int) -> None:
    watched = Watched()
    for number, entry in enumerate(seeded(seed, 3_000)):
        watched.apply(entry)
        if number % 3 == 0:
            watched.take()
    watched.take()
    assert watched.engine.venue.last_trade_id > 100, "the world is one in which orders trade"
