"""What an auction costs: orders that gather, and the whole of what is carried out at its end.

    python -m bench auction [--orders N] [--runs N] [--seed N] [--json]

Orders of 8 participants gather on both sides of 300 prices, about half of them crossed at the end, in entries
of 64. Then the instrument starts to trade: what comes until everything is carried out is timed as one, in
as many entries as it takes, and the longest of these by itself: nobody is served meanwhile. `apart`: each
participant buys or sells; `eager`: as well, but at prices that nearly all cross; `mixed`: each does both, so
that much of what crosses is its own, and is kept from trading first.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from bench.core import apply_all, timed
from bench.flows import MIDDLE_TICKS, SESSIONS, Flow
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    VENUE_SESSION_ID,
    AnyCommand,
    Entry,
    InstrumentId,
    NewOrder,
    Phase,
    Ref,
    SetPhase,
    Side,
    TimeInForce,
    TimePassed,
)

# Prices of a side reach so far to both sides of the middle.
_CROSSED_TICKS: Final = 150
# Prices of those who are eager end here, on the side of the middle where hardly anybody crosses.
_EAGER_TICKS: Final = 15


class Gathering(Struct, frozen=True):
    """Who trades, and at which prices."""

    is_mixed: bool = False  # every participant buys and sells
    is_eager: bool = False


KINDS: Final = {
    "apart": Gathering(),
    "eager": Gathering(is_eager=True),
    "mixed": Gathering(is_mixed=True),
}


class Auction:
    """An engine in which so many orders have gathered, and how long each of them took."""

    def __init__(self, seed: int, orders: int, kind: Gathering) -> None:
        self.flow = flow = Flow(seed, 1, 2 * _CROSSED_TICKS)
        self.engine = Engine()

        least_ticks = -(_EAGER_TICKS if kind.is_eager else _CROSSED_TICKS)

        def gathering(session: int) -> NewOrder:
            side = Side.BUY if (flow.random.random() < 0.5 if kind.is_mixed else session % 2) else Side.SELL
            beyond_ticks = flow.random.randint(least_ticks, _CROSSED_TICKS)
            return NewOrder(
                Ref(flow.next_ref(session)),
                InstrumentId(1),
                side,
                flow.random.randint(1, 10),
                MIDDLE_TICKS + (beyond_ticks if side is Side.BUY else -beyond_ticks),
                time_in_force=TimeInForce.GTC,
            )

        open_it = SetPhase(Ref(0), InstrumentId(1), Phase.OPENING_AUCTION)
        apply_all(self.engine, [flow.definitions(), flow.entry_of(VENUE_SESSION_ID, [open_it])])
        self.gathered_ns = timed(self.engine, flow.entries(orders, gathering))

    def carry_out(self) -> list[int]:
        """Nanoseconds of each entry that it took."""
        commands: list[AnyCommand] = [SetPhase(Ref(0), InstrumentId(1), Phase.CONTINUOUS)]
        spent_ns = []
        gc.collect()
        gc.freeze()
        gc.disable()
        while commands:
            entry: Entry = self.flow.entry_of(VENUE_SESSION_ID, commands)
            began_ns = time.thread_time_ns()
            self.engine.apply(entry)
            self.engine.take_outputs()
            spent_ns.append(time.thread_time_ns() - began_ns)
            commands = [TimePassed()] if self.engine.is_due(entry.time_ns) else []
        gc.enable()
        gc.unfreeze()
        return spent_ns


def measure(seed: int, orders: int, kind: Gathering, runs: int) -> dict[str, Any]:
    """The best of the runs, by the time of the whole."""
    best: dict[str, Any] = {}
    for _ in range(runs):
        auction = Auction(seed, orders, kind)
        gathered = auction.engine.open_order_count
        spent_ns = auction.carry_out()
        venue = auction.engine.venue
        assert not venue.uncrossing, "nothing is left to be carried out"
        assert venue.last_trade_id, "an auction that trades"
        found = {
            "orders": gathered,
            "gathered_ns": round(auction.gathered_ns),
            "uncross_ms": round(sum(spent_ns) / 1e6, 1),
            "entries": len(spent_ns),
            "longest_entry_ms": round(max(spent_ns) / 1e6, 1),
            "trades": venue.last_trade_id,
            "open_orders": venue.open_order_count,
        }
        if not best or found["uncross_ms"] < best["uncross_ms"]:
            best = found
    return best


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench auction", description="Gathering, and the uncross")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    results = {
        name: measure(options.seed, options.orders, kind, options.runs) for name, kind in KINDS.items()
    }
    if options.json:
        print(json.dumps({"seed": options.seed, "sessions": SESSIONS, **results}, indent=2))
        return 0
    for name, found in results.items():
        print(
            f"{name}: {found['orders']:,} orders gathered at {found['gathered_ns']:,} ns each; "
            f"carried out in {found['uncross_ms']} ms, of {found['entries']} entries, the longest "
            f"{found['longest_entry_ms']} ms: {found['trades']:,} trades, {found['open_orders']:,} left"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
