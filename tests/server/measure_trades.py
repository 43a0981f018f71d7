"""What it costs to find a trade again, and to have statistics that can do without one.

    python -m tests.server.measure_trades [--trades 1000000]

Look-ups: a journal with so many trades, one to a batch of two commands, in segments of the usual size; trades
drawn from all of it. Statistics: nanoseconds a trade with and without what is kept of it, side by side in
one run; bytes kept of each; a bust in a day of so many trades. All times are of CPU, so that what the machine
does besides is left out.
"""

import argparse
import tempfile
import time
import tracemalloc
from pathlib import Path
from random import Random
from unittest.mock import patch

from carbonmatch.journal.segments import segment_numbers
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.limits import SEGMENT_BYTES
from carbonmatch.market_data.day_trades import DayTrades
from carbonmatch.market_data.statistics import DayStatistics
from carbonmatch.matching.messages import (
    VENUE_SESSION_ID,
    AccountId,
    AnyCommand,
    DefineAccount,
    DefineInstrument,
    DefineSession,
    Entry,
    ParticipantId,
    Phase,
    Traded,
    TradeId,
)
from carbonmatch.server.trade_search import search
from tests.market_data.world import busted, traded
from tests.matching.market import ALICE, BOB, TIME_NS, buy, definition, sell
from tests.server.journaled import Journaled

_SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trades", type=int, default=1_000_000)
    trades = parser.parse_args().trades
    measure_statistics(trades)
    with tempfile.TemporaryDirectory() as directory:
        measure_look_ups(Path(directory), trades)


def measure_look_ups(directory: Path, trades: int) -> None:
    storage = DiskStorage(directory)
    venue = Journaled(storage, SEGMENT_BYTES, relaxed=True)
    setup: list[AnyCommand] = [
        DefineInstrument(definition()),
        DefineAccount(AccountId(11), ParticipantId(1), "alpha"),
        DefineAccount(AccountId(13), ParticipantId(2), "beta"),
        DefineSession(ALICE, "alice", (AccountId(11),)),
        DefineSession(BOB, "bob", (AccountId(13),)),
    ]
    venue.batch([Entry(1, TIME_NS, VENUE_SESSION_ID, setup)])
    for ref in range(1, trades + 1):
        sequence = venue.engine.sequence + 1
        offer = Entry(sequence, TIME_NS + sequence, ALICE, [sell(ref, 100)])
        venue.batch([offer, Entry(sequence + 1, TIME_NS + sequence + 1, BOB, [buy(ref, 100)])])
    random = Random(_SEED)
    learned: dict[int, TradeId] = {}
    seconds, steps = [], []
    for _ in range(20):
        trade_id = TradeId(random.randint(1, trades))
        began = time.process_time()
        steps.append(len(list(search(lambda: storage, trade_id, venue.writer.durable_position, learned))))
        seconds.append(time.process_time() - began)
    print(
        f"look-ups among {trades:,} trades in {len(segment_numbers(storage))} segments: median "
        f"{sorted(seconds)[10] * 1e3:.0f} ms, longest {max(seconds) * 1e3:.0f}, in up to {max(steps)} steps"
    )
    venue.writer.close()
    storage.release()


def measure_statistics(trades: int) -> None:
    batches = [
        [traded(100 + at % 7, 1, 64 * number + at) for at in range(64)] for number in range(trades // 64)
    ]
    with patch.object(DayTrades, "add", lambda *_: None):
        without_ns = _add_ns(batches[:16], trades)
    with_ns = _add_ns(batches[:16], trades)
    print(f"statistics, batches of 64: {without_ns:.0f} ns a trade without what is kept, {with_ns:.0f} with")
    tracemalloc.start()
    kept = DayStatistics(Phase.CONTINUOUS)
    before, _ = tracemalloc.get_traced_memory()
    for batch in batches:
        kept.add(batch)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"kept of each trade: {(after - before) / (64 * len(batches)):.1f} bytes")
    began = time.process_time()
    for trade_id in range(0, 64 * len(batches), 64 * len(batches) // 100):
        kept.bust(busted(trade_id, 100, 1))
    print(f"a bust in a day of {trades:,} trades: {(time.process_time() - began) / 100 * 1e6:.0f} us")


def _add_ns(batches: list[list[Traded]], trades: int) -> float:
    """The same few batches again and again: in a venue, too, they were made a moment ago."""
    rounds = trades // (64 * len(batches))
    best = float("inf")
    for _ in range(5):
        statistics = DayStatistics(Phase.CONTINUOUS)
        began = time.process_time_ns()
        for _ in range(rounds):
            for batch in batches:
                statistics.add(batch)
        best = min(best, (time.process_time_ns() - began) / (rounds * 64 * len(batches)))
    return best


if __name__ == "__main__":
    main()
