"""Nanoseconds of engine CPU per changed level and per trade, released batch to bytes to send.

    python -m tests.market_data.measure_feed

One subscriber of everything: apply, publish, offer. Each figure is the best of many rounds, so what
the machine does besides is left out; the batches are made before.
"""

import gc
from collections.abc import Callable
from time import process_time_ns

from carbonmatch.market_data.feed import MarketData
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import InstrumentId, LevelChanged, Outputs, Ref, Side, Traded
from carbonmatch.protocol.messages import Subscribe
from tests.market_data.world import NOW_NS, defined, level, released, traded

ROUNDS = 60


def levels(count: int, instrument_count: int) -> list[LevelChanged]:
    """Both sides of 500 prices, the instruments taking turns."""
    return [
        level(
            Side.BUY if index & 1 else Side.SELL,
            100_000 + index // instrument_count % 500,
            1_000 + index,
            3,
            InstrumentId(1 + index % instrument_count),
        )
        for index in range(count)
    ]


def trades(count: int, instrument_count: int) -> list[Traded]:
    return [
        traded(100_000 + index % 7, 1 + index % 50, index, InstrumentId(1 + index % instrument_count))
        for index in range(count)
    ]


def batch_ns(outputs: Outputs, instrument_count: int, subscriber_count: int = 1) -> int:
    market_data = MarketData()
    market_data.apply(
        released(*[defined(InstrumentId(1 + index), f"I{index}") for index in range(instrument_count)]),
        NOW_NS,
    )
    subscriptions = Subscriptions(market_data)
    subscribers = [subscriptions.join() for _ in range(subscriber_count)]
    for subscriber in subscribers:
        subscriptions.subscribe(subscriber, Subscribe(Ref(1)), NOW_NS)
        subscriptions.drained(subscriber, NOW_NS)

    def one_batch() -> None:
        subscriptions.publish(market_data.apply(outputs, NOW_NS))
        for subscriber in subscribers:
            assert subscriptions.offer(subscriber, 0, NOW_NS) is not None

    return best_ns(one_batch, ROUNDS)


def best_ns(action: Callable[[], None], rounds: int) -> int:
    best = 2**63
    for _ in range(rounds):
        begin = process_time_ns()
        action()
        best = min(best, process_time_ns() - begin)
    return best


def join_ns(level_count: int, subscriber_count: int) -> tuple[int, int]:
    """The first subscriber of one instrument, who pays for the snapshot; and each of the others."""
    market_data = MarketData()
    market_data.apply(released(defined(), *levels(level_count, 1)), NOW_NS)
    subscriptions = Subscriptions(market_data)
    times = []
    for _ in range(subscriber_count):
        subscriber = subscriptions.join()
        begin = process_time_ns()
        subscriptions.subscribe(subscriber, Subscribe(Ref(1)), NOW_NS)
        assert subscriptions.drained(subscriber, NOW_NS)
        times.append(process_time_ns() - begin)
    return times[0], sorted(times)[subscriber_count // 2]


def main() -> None:
    gc.freeze()
    for instrument_count in (1, 10):
        for count in (1, 10, 100, 1_000, 5_000):
            level_ns = batch_ns(released(*levels(count, instrument_count)), instrument_count)
            trade_ns = batch_ns(released(*trades(count, instrument_count)), instrument_count)
            both = released(*trades(count, instrument_count), *levels(count, instrument_count))
            both_ns = batch_ns(both, instrument_count)
            print(
                f"{count:5} messages, {instrument_count:2} instruments: {level_ns / count:7.0f} ns a level"
                f" {trade_ns / count:7.0f} ns a trade {both_ns / count / 2:7.0f} ns of both"
            )
    thousand_ns = batch_ns(released(*levels(100, 1)), 1, subscriber_count=1_000)
    print(f"offering a batch to 1,000 subscribers: {thousand_ns / 1_000:.0f} ns each")
    first, others = join_ns(1_000, 1_000)
    print(f"joining a book of 1,000 levels: first {first / 1_000:.0f} us, others {others / 1_000:.1f} us")


if __name__ == "__main__":
    main()
