"""What an auction costs: so many orders that cross, half of the sessions against the others."""

import gc
import time
from typing import Any

from bench.flows import BATCH_COMMANDS, MIDDLE_TICKS, SESSIONS, Flow
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    NO_REF,
    InstrumentId,
    NewOrder,
    Phase,
    Ref,
    SetPhase,
    Side,
    TimePassed,
)

INSTRUMENT_ID = InstrumentId(1)
# Half of the sessions buy and the others sell, at prices that nearly all cross the other side's best.
LEVELS = 200


def measure_auction(orders: int, seed: int) -> dict[str, Any]:
    """The thread's time from the end of the auction to the phase after it, over all entries that it takes."""
    flow = Flow(seed, 1, LEVELS)
    engine = Engine()
    engine.apply(flow.definitions())
    engine.apply(flow.entry_of(0, [SetPhase(NO_REF, INSTRUMENT_ID, Phase.OPENING_AUCTION)]))
    for turn in range(orders // BATCH_COMMANDS):
        session = 1 + turn % SESSIONS
        engine.apply(flow.entry_of(session, [_order(flow, session) for _ in range(BATCH_COMMANDS)]))
        engine.take_outputs()
    gathered = engine.open_order_count
    gc.collect()
    gc.freeze()
    gc.disable()
    entry = flow.entry_of(0, [SetPhase(NO_REF, INSTRUMENT_ID, Phase.CONTINUOUS)])
    spent_ns = []
    while True:
        start = time.thread_time_ns()
        engine.apply(entry)
        spent_ns.append(time.thread_time_ns() - start)
        engine.take_outputs()
        if not engine.venue.uncrossing:
            break
        entry = flow.entry_of(0, [TimePassed()])
    gc.enable()
    gc.unfreeze()
    return {
        "orders": gathered,
        "traded_orders": gathered - engine.open_order_count,
        "trades": engine.venue.last_trade_id,
        "entries": len(spent_ns),
        "ms": round(sum(spent_ns) / 1e6, 1),
        "longest_entry_ms": round(max(spent_ns) / 1e6, 1),
        "ns_a_trade": round(sum(spent_ns) / engine.venue.last_trade_id),
    }


def _order(flow: Flow, session: int) -> NewOrder:
    side = Side.BUY if session % 2 else Side.SELL
    away = flow.random.randint(-LEVELS // 10, LEVELS)
    price = MIDDLE_TICKS + (away if side is Side.BUY else -away)
    return NewOrder(Ref(flow.next_ref(session)), INSTRUMENT_ID, side, flow.random.randint(1, 10), price)
