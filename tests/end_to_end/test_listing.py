"""A listing and a market at the middle price, through the real process: look, select, kill, look again."""

import asyncio
from io import StringIO

import pytest
from rich.console import Console

from carbonmatch.client import OrderRejected
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.client.watch import watch
from carbonmatch.exit_codes import ExitCode
from carbonmatch.matching.messages import (
    Accepted,
    Busted,
    BustTrade,
    Canceled,
    CancelReason,
    Executed,
    Liquidity,
    OrderId,
    Phase,
    Ref,
    RejectReason,
    ReportFlag,
    Select,
    SetPhase,
    Side,
    TradeId,
    TradeKind,
)
from tests.end_to_end import market
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Process
from tests.end_to_end.wire import SECONDS_MAX

BUY, SELL = Side.BUY, Side.SELL
LISTING = """\
order_types = ["limit"]
times_in_force = ["day", "gtc"]
screen = { mechanism = "listing", levels_max = 2, oversize = "fill_available", order_list = true }
"""
MIDDLE_PRICE = """\
order_types = ["limit"]
times_in_force = ["day", "gtc"]
screen = { mechanism = "middle_price", order_list = true, levels_max = 1 }
"""


def configured(table: str) -> str:
    """CEA, in lots of 10 and steps of 5 between 900 and 1,100, trades as `table` says."""
    return market.text().replace("band_high_ticks = 1100\n", f"band_high_ticks = 1100\n{table}")


async def shown(feed: MarketDataClient, *expected: tuple[int, int]) -> None:
    """Return once the asks of the list are these: prices and lots."""
    async with asyncio.timeout(SECONDS_MAX):
        async for _ in feed.batches():
            book = feed.books.get(CEA)
            if book is None or not book.is_current:
                continue
            _, asks = book.orders()
            if [(one.price_ticks, one.quantity_lots) for one in asks] == list(expected):
                return


async def listed_by(session: object, price: int, lots: int) -> OrderId:
    (accepted,) = await session.new_order(CEA, SELL, lots, price)  # type: ignore[attr-defined]
    assert isinstance(accepted, Accepted)
    return accepted.order_id


async def test_a_taker_sees_who_is_listed_selects_and_sees_the_same_after_the_venue_was_killed(
    process: Process,
) -> None:
    process.text = configured(LISTING)
    await process.start()
    access = market.access(process.market_data, "feed")
    async with (
        process.session("alice") as alice,
        process.session("bob") as bob,
        MarketDataClient(access, instrument_ids=[CEA]) as feed,
    ):
        first = await listed_by(alice, 1000, 300)
        second = await listed_by(alice, 1000, 200)
        await listed_by(alice, 1010, 100)
        await listed_by(alice, 1020, 100)
        await bob.new_order(CEA, BUY, 50, 1050)
        await shown(feed, (1000, 300), (1000, 200), (1010, 100))

        answer = await bob.select(CEA, BUY, 150, second)
        assert [type(report) for report in answer] == [Accepted, Executed]
        assert isinstance(answer[1], Executed)
        assert (answer[1].price_ticks, answer[1].quantity_lots, answer[1].leaves_lots) == (1000, 150, 0)
        assert answer[1].liquidity is Liquidity.TAKER
        await shown(feed, (1000, 300), (1000, 50), (1010, 100))
        (trade,) = feed.books[CEA].trades
        assert (trade.price_ticks, trade.quantity_lots, trade.kind) == (1000, 150, TradeKind.LISTED)

        *_, canceled = await bob.select(CEA, BUY, 80, second, price_ticks=1000)
        assert isinstance(canceled, Canceled)
        assert (canceled.canceled_lots, canceled.reason) == (30, CancelReason.SELECT_REMAINDER)
        await shown(feed, (1000, 300), (1010, 100))
        with pytest.raises(OrderRejected) as refused:
            await bob.select(CEA, BUY, 50, second)
        assert refused.value.reason is RejectReason.NOT_SELECTABLE
        with pytest.raises(OrderRejected) as refused:
            await alice.select(CEA, BUY, 50, first)
        assert refused.value.reason is RejectReason.SELF_SELECTION

    await process.kill()
    await process.start()
    async with process.wire("bob") as bob_again:
        # Sent again as if it had never been answered: the same selection, made once.
        repeated = Select(Ref(2), CEA, BUY, 150, second)
        bob_again.send(repeated)
        accepted, fill = await bob_again.reports(2)
        assert (fill.quantity_lots, fill.flags) == (150, ReportFlag.POSSIBLE_DUPLICATE)
        assert accepted.order_id == fill.order_id
    access = market.access(process.market_data, "feed")
    async with MarketDataClient(access, instrument_ids=[CEA]) as feed, process.session("bob") as bob:
        await feed.synced()
        bids, asks = feed.books[CEA].orders()
        assert asks[0].order_id == first
        assert [(one.price_ticks, one.quantity_lots) for one in bids + asks] == [
            (1050, 50),
            (1000, 300),
            (1010, 100),
        ]
        await bob.select(CEA, BUY, 300)
        await shown(feed, (1010, 100), (1020, 100))
        async with process.session("operator") as operator:
            await operator.call(BustTrade(Ref(0), TradeId(1), "never was"))
        async with asyncio.timeout(SECONDS_MAX):
            async for event in bob.events():
                if isinstance(event, Busted):
                    break
        assert isinstance(event, Busted)
        assert (event.order_id, event.price_ticks, event.quantity_lots) == (accepted.order_id, 1000, 150)
    out = StringIO()
    await watch(access, "CEA", 5, Console(file=out, width=100, color_system=None), live=False)
    assert str(asks[1].order_id) in out.getvalue()
    assert await process.stop() == 0


async def test_a_listing_takes_no_auction_and_no_order_that_trades_by_itself(process: Process) -> None:
    process.text = configured(LISTING)
    await process.start()
    async with process.session("alice") as alice, process.session("operator") as operator:
        with pytest.raises(OrderRejected) as refused:
            await operator.call(SetPhase(Ref(0), CEA, Phase.OPENING_AUCTION))
        assert refused.value.reason is RejectReason.MECHANISM_NOT_AVAILABLE
        with pytest.raises(OrderRejected) as refused:
            await alice.new_order(CEA, BUY, 100, flags=0, price_ticks=1000, minimum_lots=20)
        assert refused.value.reason is RejectReason.ORDER_TYPE_NOT_ALLOWED
        with pytest.raises(OrderRejected) as refused:
            await alice.select(EUA, BUY, 100)
        assert refused.value.reason is RejectReason.MECHANISM_NOT_AVAILABLE
    assert await process.stop() == 0


async def test_a_venue_does_not_start_where_orders_rest_for_another_mechanism(process: Process) -> None:
    process.text = configured(LISTING)
    await process.start()
    async with process.session("alice") as alice:
        await listed_by(alice, 1000, 300)
    await process.kill()
    process.text = configured(MIDDLE_PRICE)
    status, line = await process.refused()
    assert status == ExitCode.REFUSED
    assert "1 orders rest that were entered for listing" in line


async def test_trades_are_at_the_middle_price_and_go_on_so_after_the_venue_was_killed(
    process: Process,
) -> None:
    process.text = configured(MIDDLE_PRICE)
    await process.start()

    async def price_of(bid: int, ask: int) -> int:
        async with process.session("alice") as alice, process.session("bob") as bob:
            await alice.new_order(CEA, SELL, 20, ask)
            *_, fill = await bob.new_order(CEA, BUY, 20, bid)
            assert isinstance(fill, Executed)
            return fill.price_ticks

    assert await price_of(1050, 950) == 1000, "the reference price is between them"
    assert await price_of(1080, 1060) == 1060
    assert await price_of(1100, 1040) == 1060, "the previous price is between them"
    await process.kill()
    await process.start()
    assert await price_of(1100, 1040) == 1060
    async with process.session("operator") as operator:
        for phase in (Phase.CLOSED, Phase.CONTINUOUS):
            await operator.call(SetPhase(Ref(0), CEA, phase))
    assert await price_of(1050, 950) == 1000, "a day later"
    assert await process.stop() == 0
