"""Nanoseconds per command in the engine alone: no wire, no journal, one thread.

    python -m bench.core [--commands N] [--runs N] [--seed N] [--json]

Timed is `Engine.apply` of entries of 64 commands and `take_outputs` after each: all checks, all
reports, public events and level changes built. It is the thread's CPU time, so that neighbours on
the machine matter less. Entries are made before. The garbage collector is off while timing, and what
exists before is frozen, as in the service.

The flows are in `flows`: `touch`, `instruments`, `deep`, `stops`, `icebergs`, `groups`, `collar`, `corridor`,
`limits`.
`cascade` is what one stop costs that fires and trades, of 500 that one trade fires. `waiting` is what a
trade costs beside 10,000 stops that wait, as a ratio to the same trades without them: both are timed in turn,
so that the machine's drift falls out. `restrained` is the same for prices that a collar, a corridor or an
interval limit restrains. `accounts` is the same for accounts that hold units and money; `--accounts` measures
that and nothing else.

Every flow also runs shortened against the naive reference of the tests, in the same process, for a
ratio that does not depend on the machine; and two ladders of sizes show how the cost of a command
grows with levels (a level opened and closed at a random place) and with resting orders.

`yardstick` is the time of a fixed piece of Python in this process. The machine's speed drifts more
between two runs than most changes are worth: compare within one run, or by the yardstick.
"""

import argparse
import gc
import json
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from bench.flows import BATCH_COMMANDS, FLOWS, MIDDLE_TICKS, RULES, SESSIONS, Flow, flow_of, prepare, trades
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    Cancel,
    Entry,
    InstrumentId,
    NewOrder,
    Outputs,
    Ref,
    Side,
    TimeInForce,
)

LEVEL_COUNTS: Final = (100, 1_000, 10_000, 100_000)
# What sets the engine up, and what is timed.
Prepared = tuple[list[Entry], list[Entry]]
ORDER_COUNTS: Final = (1_000, 10_000, 100_000, 500_000)
MEMORY_ORDERS: Final = 1_000_000
WAITING_STOPS: Final = 10_000


def apply_all(engine: Engine, entries: Sequence[Entry]) -> Outputs:
    """What is timed. Returns the last outputs, so that all others have been freed as they would be."""
    outputs = engine.take_outputs()
    for entry in entries:
        engine.apply(entry)
        outputs = engine.take_outputs()
    return outputs


def timed(engine: Engine, entries: Sequence[Entry]) -> float:
    """Nanoseconds per command."""
    gc.collect()
    gc.freeze()
    gc.disable()
    start = time.thread_time_ns()
    apply_all(engine, entries)
    spent = time.thread_time_ns() - start
    gc.enable()
    gc.unfreeze()
    return spent / sum(len(entry.commands) for entry in entries)


def measure_flow(name: str, seed: int, commands: int, runs: int) -> dict[str, Any]:
    before, entries = prepare(name, seed, commands)
    figures = []
    engine = Engine()
    for _ in range(runs):
        engine = Engine()
        apply_all(engine, before)
        figures.append(timed(engine, entries))
    count = sum(len(entry.commands) for entry in entries)
    return {
        "commands": count,
        "ns_best": round(min(figures)),
        "ns_median": round(statistics.median(figures)),
        "trades": engine.venue.last_trade_id,
        "open_orders": engine.venue.open_order_count,
        "levels": sum(
            len(list(ladder.levels_from_best()))
            for book in engine.books.values()
            for ladder in (book.bids, book.asks)
        ),
    }


def measure_waiting(seed: int, trade_count: int, runs: int) -> dict[str, Any]:
    """A trade beside stops that wait, as a ratio to the same one without them, run by run."""
    alone, beside = trades(seed, trade_count, 0), trades(seed, trade_count, WAITING_STOPS)
    return {"stops": WAITING_STOPS, **measure_beside(alone, beside, runs)}


def measure_accounts(seed: int, commands: int, runs: int) -> dict[str, Any]:
    """A command where accounts hold units and money, as a ratio to the same one of `touch`, run by run."""
    return measure_beside(prepare("touch", seed, commands), prepare("accounts", seed, commands), runs)


def measure_restrained(name: str, seed: int, commands: int, runs: int) -> dict[str, Any]:
    """A command of the flow as a ratio to the same one of `touch`, run by run."""
    return measure_beside(prepare("touch", seed, commands), prepare(name, seed, commands), runs)


def measure_beside(alone: Prepared, beside: Prepared, runs: int) -> dict[str, Any]:
    """What one costs as a ratio to the other; both make the same trades."""
    ratios = []
    for number in range(runs):
        alone_ns = beside_ns = 0.0
        traded = set()
        for is_beside in (False, True) if number % 2 == 0 else (True, False):
            before, entries = beside if is_beside else alone
            engine = Engine()
            apply_all(engine, before)
            spent_ns = timed(engine, entries)
            traded.add(engine.venue.last_trade_id)
            if is_beside:
                beside_ns = spent_ns
            else:
                alone_ns = spent_ns
        assert len(traded) == 1, f"they do not do the same: {traded} trades"
        ratios.append(beside_ns / alone_ns)
    return {
        "median": round(statistics.median(ratios), 3),
        "least": round(min(ratios), 3),
        "most": round(max(ratios), 3),
    }


def measure_ratio(name: str, seed: int, commands: int) -> dict[str, Any]:
    """The engine against the naive reference, on the start of the flow without its resting orders."""
    from tests.reference_book import ReferenceVenue

    parameters = FLOWS[name]
    flow = flow_of(parameters, seed)
    before = [flow.definitions()]
    entries = flow.entries(commands, flow.mixed)
    engine = Engine()
    apply_all(engine, before)
    ours = timed(engine, entries)
    reference = ReferenceVenue()
    for entry in before:
        reference.apply(entry)
    start = time.thread_time_ns()
    for entry in entries:
        reference.apply(entry)
    theirs = (time.thread_time_ns() - start) / sum(len(entry.commands) for entry in entries)
    return {"ns": round(ours), "reference_ns": round(theirs), "times_faster": round(theirs / ours)}


def measure_levels(levels: int, seed: int) -> float:
    """ns a command: at a random place among `levels`, a level is opened and, 64 commands later, closed."""
    flow = Flow(seed, 1, 2 * levels)
    engine = Engine()
    places = list(range(levels))

    def place(session: int, distance: int) -> NewOrder:
        price = MIDDLE_TICKS - 2 * distance
        return NewOrder(
            Ref(flow.next_ref(session)), InstrumentId(1), Side.BUY, 1, price, time_in_force=TimeInForce.GTC
        )

    def opening(session: int) -> NewOrder:
        # Odd prices lie between the levels which stay, so each is a level of its own.
        price = MIDDLE_TICKS - 2 * flow.random.randrange(levels) - 1
        ref = flow.next_ref(session)
        flow.open[session].append((ref, Side.BUY))
        return NewOrder(Ref(ref), InstrumentId(1), Side.BUY, 1, price, time_in_force=TimeInForce.GTC)

    def closing(session: int) -> Cancel:
        ref, _ = flow.open[session].pop()
        return Cancel(Ref(flow.next_ref(session)), Ref(ref))

    before = [
        flow.definitions(),
        *flow.entries(levels, lambda session: place(session, places.pop() if places else 0)),
    ]
    entries = []
    for _ in range(20):
        entries += flow.entries(BATCH_COMMANDS * SESSIONS, opening)
        entries += flow.entries(BATCH_COMMANDS * SESSIONS, closing)
    apply_all(engine, before)
    return timed(engine, entries)


def measure_orders(orders: int, seed: int) -> float:
    """ns a command of the mix on a book of so many orders on 300 levels."""
    flow, engine = resting(orders, seed)
    return timed(engine, flow.entries(40_000, flow.mixed))


def measure_cascade(seed: int, stops: int = 500) -> float:
    """ns for each of so many stops that one trade fires, and that trades a lot itself."""
    flow = Flow(seed, 1, 2)
    engine = Engine()
    offer = NewOrder(Ref(flow.next_ref(1)), InstrumentId(1), Side.SELL, stops + 1, MIDDLE_TICKS)
    waiting = [flow.waiting(2, MIDDLE_TICKS) for _ in range(stops)]
    taker = NewOrder(Ref(flow.next_ref(2)), InstrumentId(1), Side.BUY, 1, MIDDLE_TICKS)
    before = [flow.definitions(), flow.entry_of(1, [offer]), flow.entry_of(2, [*waiting])]
    apply_all(engine, before)
    spent = timed(engine, [flow.entry_of(2, [taker])]) / stops
    assert engine.venue.last_trade_id == stops + 1
    return spent


def measure_memory(orders: int, seed: int) -> int:
    """Resident bytes that so many resting orders add, to be asked before anything else is measured."""
    before = resident_bytes()
    kept = resting(orders, seed, remembered=False)[1]
    grown = resident_bytes() - before
    assert kept.venue.open_order_count == orders // BATCH_COMMANDS * BATCH_COMMANDS
    return grown


def resting(orders: int, seed: int, remembered: bool = True) -> tuple[Flow, Engine]:
    """So many orders on 300 levels. Not `remembered`, the flow keeps no list of them: 63 bytes an order."""
    flow = Flow(seed, 1, 300)
    engine = Engine()
    apply_all(engine, [flow.definitions()])
    for turn in range(orders // BATCH_COMMANDS):
        session = 1 + turn % SESSIONS
        apply_all(engine, [flow.entry(session, flow.resting)])
        if not remembered:
            flow.open[session].clear()
    return flow, engine


def yardstick() -> float:
    """ns for some Python of the engine's kind, by which runs on different days may be compared."""

    def work() -> None:
        kept: dict[int, Ack] = {}
        for number in range(20_000):
            kept[number] = Ack(number, 1, 2, 3, 4, 5, 6, 7)
            if number >= 1_000:
                del kept[number - 1_000]

    best = 1e9
    for _ in range(20):
        start = time.thread_time_ns()
        work()
        best = min(best, (time.thread_time_ns() - start) / 20_000)
    return best


class Ack(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1):
    a: int
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int
    h: int


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench core", description="Nanoseconds per command in the engine")
    parser.add_argument("--commands", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--reference-commands", type=int, default=2_560)
    parser.add_argument("--no-scaling", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--accounts", action="store_true", help="only what accounts cost, as a ratio")
    options = parser.parse_args(arguments)
    if options.accounts:
        ratio = measure_accounts(options.seed, options.commands, options.runs)
        print(json.dumps({"accounts": ratio}, indent=2) if options.json else accounts_text(ratio))
        return 0

    result: dict[str, Any] = {"seed": options.seed, "runs": options.runs, "gc": "off, frozen"}
    if not options.no_scaling:
        grown = measure_memory(MEMORY_ORDERS, options.seed)
        result["memory"] = {"orders": MEMORY_ORDERS, "rss_bytes": grown, "engine_rss_bytes": resident_bytes()}
    result["yardstick_ns"] = round(yardstick())
    result["flows"] = {}
    for name in FLOWS:
        figures = measure_flow(name, options.seed, options.commands, options.runs)
        if options.reference_commands:
            figures["reference"] = measure_ratio(name, options.seed, options.reference_commands)
        result["flows"][name] = figures
    result["waiting"] = measure_waiting(options.seed, options.commands, options.runs)
    result["restrained"] = {
        name: measure_restrained(name, options.seed, options.commands, options.runs) for name in RULES
    }
    result["accounts"] = measure_accounts(options.seed, options.commands, options.runs)
    result["cascade_ns"] = round(min(measure_cascade(options.seed) for _ in range(options.runs)))
    if not options.no_scaling:
        result["ns_by_levels"] = {
            str(levels): round(min(measure_levels(levels, options.seed) for _ in range(3)))
            for levels in LEVEL_COUNTS
        }
        result["ns_by_orders"] = {
            str(orders): round(min(measure_orders(orders, options.seed) for _ in range(3)))
            for orders in ORDER_COUNTS
        }
    print(json.dumps(result, indent=2) if options.json else as_text(result))
    return 0


def accounts_text(ratio: dict[str, Any]) -> str:
    return (
        f"with accounts: {ratio['median']:.3f} times what it costs without "
        f"({ratio['least']:.3f} to {ratio['most']:.3f})"
    )


def as_text(result: dict[str, Any]) -> str:
    lines = [f"{'flow':12} {'best':>6} {'median':>6} ns a command {'(times the reference)':>22}"]
    for name, figures in result["flows"].items():
        ratio = figures.get("reference", {}).get("times_faster", "-")
        lines.append(f"{name:12} {figures['ns_best']:6} {figures['ns_median']:6} {ratio:>20}")
    waiting = result["waiting"]
    lines.append(
        f"a trade beside {waiting['stops']:,} stops that wait: {waiting['median']:.3f} times one without "
        f"({waiting['least']:.3f} to {waiting['most']:.3f})"
    )
    for name, ratio in result["restrained"].items():
        lines.append(
            f"under a wide {name}: {ratio['median']:.3f} times what it costs without "
            f"({ratio['least']:.3f} to {ratio['most']:.3f})"
        )
    lines.append(accounts_text(result["accounts"]))
    lines.append(f"cascade: {result['cascade_ns']} ns a stop that fires and trades")
    for title, key in (("levels", "ns_by_levels"), ("resting orders", "ns_by_orders")):
        if key in result:
            sizes = ", ".join(f"{int(size):,}: {ns}" for size, ns in result[key].items())
            lines.append(f"ns a command by {title}: {sizes}")
    if "memory" in result:
        memory = result["memory"]
        lines.append(f"{memory['orders']:,} resting orders: {memory['rss_bytes'] / 1e6:.0f} MB resident")
    lines.append(f"yardstick: {result['yardstick_ns']} ns")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
