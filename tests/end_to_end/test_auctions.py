"""An opening and a closing auction, over the wire and through the real process."""

import asyncio
from typing import Any

from carbonmatch.matching.messages import (
    Canceled,
    CancelReason,
    Executed,
    InstrumentId,
    Liquidity,
    Phase,
    Ref,
    SetPhase,
    Side,
    TimeInForce,
    TradeKind,
)
from carbonmatch.protocol.messages import AuctionResult, AuctionUpdate, LevelUpdate, PhaseUpdate, Trade
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process
from tests.end_to_end.test_market_data import Follower
from tests.end_to_end.test_orders import events
from tests.end_to_end.wire import SECONDS_MAX

AT_CLOSE = TimeInForce.AT_CLOSE


def enter(phase: Phase) -> SetPhase:
    return SetPhase(Ref(0), InstrumentId(EUA), phase, "by hand")


async def told(feed: Follower, kind: type) -> Any:
    """The last message of a kind, once it has come."""
    async with asyncio.timeout(SECONDS_MAX):
        while not (found := [message for message in feed.messages if type(message) is kind]):
            await feed.catch_up()
    return found[-1]


async def test_an_operator_runs_an_opening_and_a_closing_auction(process: Process) -> None:
    process.text = process.text.replace('"gtd"]', '"gtd", "at_close", "good_for_auction"]')
    await process.start()
    async with (
        process.session("alice") as alice,
        process.session("bob") as bob,
        process.session("operator") as operator,
        process.feed_wire() as wire,
    ):
        feed = Follower(wire)
        await feed.subscribe(EUA)
        await operator.call(enter(Phase.OPENING_AUCTION))
        await alice.new_order(EUA, Side.SELL, 9, 7000)
        await alice.new_order(EUA, Side.SELL, 4, 7100, time_in_force=AT_CLOSE)
        await bob.new_order(EUA, Side.BUY, 5, 7020)
        update = await told(feed, AuctionUpdate)
        assert (update.price_ticks, update.volume_lots) == (7000, 5)
        assert (update.surplus_lots, update.surplus_side) == (4, Side.SELL)
        book = feed.books.books[EUA]
        assert book.auction == update
        assert [level.price_ticks for side in book.depth() for level in side] == [7020, 7000]

        # Whoever joins now is told the same.
        async with process.feed_wire() as late_wire:
            late = Follower(late_wire)
            await late.subscribe(EUA)
            assert late.books.books[EUA].auction == update

        await operator.call(enter(Phase.CONTINUOUS))
        result = await told(feed, AuctionResult)
        assert (result.price_ticks, result.volume_lots, result.phase) == (7000, 5, Phase.OPENING_AUCTION)
        trade = await told(feed, Trade)
        assert (trade.price_ticks, trade.quantity_lots, trade.kind) == (7000, 5, TradeKind.AUCTION)
        after = [type(message) for message in feed.messages[feed.messages.index(trade) :]]
        assert after[:3] == [Trade, AuctionResult, PhaseUpdate]
        assert LevelUpdate in after
        assert feed.books.books[EUA].auction is None

        await operator.call(enter(Phase.CLOSING_AUCTION))
        await bob.new_order(EUA, Side.BUY, 10, 7100, time_in_force=AT_CLOSE)
        feed.messages.clear()
        await operator.call(enter(Phase.CLOSED))
        result = await told(feed, AuctionResult)
        assert (result.price_ticks, result.volume_lots, result.phase) == (7100, 8, Phase.CLOSING_AUCTION)
        fills = [event for event in await events(bob, 6) if isinstance(event, Executed | Canceled)]
        assert [fill.liquidity for fill in fills if isinstance(fill, Executed)] == [Liquidity.AUCTION] * 3
        assert isinstance(fills[-1], Canceled)
        assert (fills[-1].canceled_lots, fills[-1].reason) == (2, CancelReason.AUCTION_OVER)
    assert await process.stop() == 0
    # The journal has it all, and gives it again.
    await process.start()
    assert await process.stop() == 0
