"""Prices that go too far, on the real process: what an ordinary client and an ordinary subscriber see."""

from collections import deque
from typing import Any

from carbonmatch.client.book import BookBuilder
from carbonmatch.matching.messages import (
    Accepted,
    Canceled,
    CancelReason,
    Executed,
    Liquidity,
    NewOrder,
    Phase,
    Ref,
    Rejected,
    RejectReason,
    Side,
    TimeInForce,
)
from carbonmatch.protocol.messages import (
    AuctionResult,
    AuctionUpdate,
    Instrument,
    LimitsUpdate,
    PhaseUpdate,
    Subscribe,
    Trade,
)
from tests.end_to_end import market
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process
from tests.end_to_end.wire import Wire

# No further than 0.50 from any trade of the last minute.
CORRIDOR = """
[instruments.volatility]
collar = { basis_points = 1000 }
short = { ticks = 50 }
short_window_ms = 60000
auction_ms = 500
auction_random_ms = 50
"""
LIMITS = """
[instruments.volatility]
interval = { ticks = 50 }
interval_recalculation_ms = 300
interval_hold_ms = 500
"""


def restrained(table: str) -> str:
    """The file of the market with this table of its EUA."""
    before, eua, after = market.text().partition('symbol = "EUA"\n')
    keys, blank, rest = after.partition("\n\n")
    return f"{before}{eua}reference_price_ticks = 8000\n{keys}\n{table}{blank}{rest}"


def order(
    ref: int, side: Side, lots: int, price: int, time_in_force: TimeInForce = TimeInForce.DAY
) -> NewOrder:
    return NewOrder(Ref(ref), EUA, side, lots, price, time_in_force=time_in_force)


class Subscriber:
    """Reads the feed up to a message that a test waits for, and keeps the book."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.books = BookBuilder()
        self._unread: deque[Any] = deque()
        wire.send(Subscribe(Ref(1), (EUA,)))

    async def until(self, kind: type[Any]) -> Any:
        """The next message of this kind."""
        while True:
            while not self._unread:
                news = await self.wire.frame()
                assert self.books.apply(news) == []
                self._unread += news
            message = self._unread.popleft()
            if type(message) is kind:
                return message


async def test_a_breach_becomes_an_auction_and_continuous_trading_again(process: Process) -> None:
    process.text = restrained(CORRIDOR)
    await process.start()
    async with (
        process.wire("alice") as alice,
        process.wire("bob") as bob,
        process.wire("carol") as carol,
        process.feed_wire() as feed,
    ):
        subscriber = Subscriber(feed)
        definition = (await subscriber.until(Instrument)).definition
        assert definition.volatility is None, "nobody is told how far prices may go"
        alice.send(order(1, Side.SELL, 1, 8000), order(2, Side.SELL, 5, 8050), order(3, Side.SELL, 5, 8060))
        await alice.reports(3)
        bob.send(order(1, Side.BUY, 1, 8000))
        await bob.reports(2)
        assert (await subscriber.until(Trade)).price_ticks == 8000

        carol.send(order(1, Side.BUY, 1, 9000))
        (refused,) = await carol.reports(1)
        assert isinstance(refused, Rejected)
        assert refused.reason is RejectReason.OUTSIDE_COLLAR

        # The breach: five trade at 80.50, and 80.60 is too far from 80.00.
        bob.send(order(2, Side.BUY, 8, 8070))
        accepted, executed = await bob.reports(2)
        assert isinstance(accepted, Accepted)
        assert isinstance(executed, Executed)
        assert (executed.price_ticks, executed.leaves_lots) == (8050, 3)
        told = await subscriber.until(PhaseUpdate)
        assert (told.phase, told.text) == (Phase.VOLATILITY_AUCTION, "volatility interruption")
        assert told.until_ns > told.time_ns

        # Others take part while it goes on; what cannot rest is not taken.
        carol.send(order(2, Side.BUY, 4, 8065), order(3, Side.BUY, 1, 8065, TimeInForce.IOC))
        _, refused = await carol.reports(2)
        assert isinstance(refused, Rejected)

        indicated = await subscriber.until(AuctionUpdate)
        assert indicated.price_ticks in (8060, 8065), "as it would end with those who have come by then"
        result = await subscriber.until(AuctionResult)
        assert result.phase is Phase.VOLATILITY_AUCTION
        assert (result.price_ticks, result.volume_lots) == (8065, 5)
        (fill,) = await bob.reports(1)
        assert isinstance(fill, Executed)
        assert (fill.liquidity, fill.leaves_lots, fill.ref) == (Liquidity.AUCTION, 0, 0)
        again = await subscriber.until(PhaseUpdate)
        assert again.phase is Phase.CONTINUOUS
        book = subscriber.books.books[EUA]
        assert book.is_current
        assert book.depth()[1] == []

        # The auction's price is what prices are compared with from now on.
        alice.send(order(4, Side.SELL, 2, 8065))
        await subscriber.until(Trade)
        assert book.phase is Phase.CONTINUOUS


async def test_a_kill_within_the_auction_changes_nothing_of_its_end(process: Process) -> None:
    process.text = restrained(CORRIDOR)
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob") as bob:
        alice.send(order(1, Side.SELL, 1, 8000), order(2, Side.SELL, 5, 8060))
        await alice.reports(2)
        bob.send(order(1, Side.BUY, 1, 8000), order(2, Side.BUY, 5, 8060))
        reports = await bob.reports(3)
        assert [type(report) for report in reports] == [Accepted, Executed, Accepted]
    await process.kill()
    await process.start()
    async with process.wire("bob", next_seq=4) as bob, process.feed_wire() as feed:
        subscriber = Subscriber(feed)
        (fill,) = await bob.reports(1)
        assert isinstance(fill, Executed)
        assert (fill.price_ticks, fill.quantity_lots, fill.liquidity) == (8060, 5, Liquidity.AUCTION)
        while EUA not in subscriber.books.books or subscriber.books.books[EUA].phase is not Phase.CONTINUOUS:
            subscriber.books.apply(await feed.frame())


async def test_limits_are_held_and_set_anew_before_everyones_eyes(process: Process) -> None:
    process.text = restrained(LIMITS)
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob") as bob, process.feed_wire() as feed:
        subscriber = Subscriber(feed)
        limits = await subscriber.until(LimitsUpdate)
        assert (limits.anchor_ticks, limits.low_ticks, limits.high_ticks) == (8000, 7950, 8050)
        alice.send(order(1, Side.SELL, 5, 8040), order(2, Side.SELL, 5, 8060))
        await alice.reports(2)
        bob.send(order(1, Side.BUY, 8, 8060))
        reports = await bob.reports(3)
        assert [type(report) for report in reports] == [Accepted, Executed, Canceled]
        assert reports[1].price_ticks == 8040
        assert (reports[2].canceled_lots, reports[2].reason) == (3, CancelReason.INTERVAL_LIMIT)
        held = await subscriber.until(LimitsUpdate)
        assert (held.anchor_ticks, held.hold_ends_ns - held.time_ns) == (limits.anchor_ticks, 500_000_000)

        # Nobody does anything, and time passes.
        anew = await subscriber.until(LimitsUpdate)
        assert (anew.anchor_ticks, anew.low_ticks, anew.high_ticks, anew.hold_ends_ns) == (
            8040,
            7990,
            8090,
            0,
        )
        assert anew.time_ns >= held.hold_ends_ns
        bob.send(order(2, Side.BUY, 3, 8060))
        assert [type(report) for report in await bob.reports(2)] == [Accepted, Executed]
        assert subscriber.books.books[EUA].limits == anew


async def test_a_start_in_an_interruption_knows_when_it_is_to_end(process: Process) -> None:
    process.text = restrained(CORRIDOR.replace("auction_ms = 500", "auction_ms = 3600000"))
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob") as bob, process.feed_wire() as feed:
        alice.send(order(1, Side.SELL, 1, 8000), order(2, Side.SELL, 5, 8060))
        await alice.reports(2)
        subscriber = Subscriber(feed)
        bob.send(order(1, Side.BUY, 1, 8000), order(2, Side.BUY, 5, 8060))
        await bob.reports(3)
        told = await subscriber.until(PhaseUpdate)
    ends = f'carbonmatch_instrument_phase_end_time_seconds{{instrument="EUA"}} {told.until_ns // 10**9}\n'
    assert told.until_ns
    assert ends in (await process.get("/metrics"))[1]
    await process.kill()
    await process.start()
    assert ends in (await process.get("/metrics"))[1]
    assert await process.stop() == 0
