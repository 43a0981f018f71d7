"""The page's end of the feed: nothing is shown half, and what is old is said to be."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from carbonmatch.dashboard.feed import FeedFollower
from carbonmatch.dashboard.view import Seen, View
from carbonmatch.matching.messages import Phase, Ref, RejectReason
from carbonmatch.protocol.messages import PhaseUpdate, SubscribeRejected
from tests.client.clock import in_virtual_time
from tests.client.fake_feed import CEA, FakeFeed


class Followed:
    """A follower of a fake feed, ticked while a test waits; its clock counts the ticks."""

    def __init__(self, feed: FakeFeed) -> None:
        self.view = View()
        self.ticks = 0
        self.follower = FeedFollower(feed.access(), self.view, lambda: self.ticks)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(120):
            while not condition():
                await asyncio.sleep(0.1)
                self.ticks += 1
                self.follower.tick()

    def is_good(self) -> bool:
        source = self.view.get("feed")
        return source is not None and source.is_good

    def rows(self) -> list[Any]:
        return self.view._market.since(0)[1]


@asynccontextmanager
async def followed(feed: FakeFeed) -> AsyncIterator[Followed]:
    one = Followed(feed)
    running = asyncio.create_task(one.follower.run())
    try:
        yield one
    finally:
        running.cancel()
        await asyncio.wait({running})


@in_virtual_time
async def test_the_market_is_shown_when_it_is_whole_and_followed() -> None:
    async with FakeFeed() as feed, followed(feed) as one:
        one.follower.tick()
        assert one.view.get("feed").text == "connecting"
        assert one.rows() == []
        await one.until(one.is_good)
        feed.set_level(6_050, 100)
        await one.until(lambda: one.rows()[0].bid_lots == 100)
        assert one.view.symbol_of(CEA) == "CEA24"
        assert feed.requests[0].conflate_ms == 250


@in_virtual_time
async def test_why_an_instrument_is_in_its_phase_is_shown() -> None:
    async with FakeFeed() as feed, followed(feed) as one:
        await one.until(one.is_good)
        feed._publish(PhaseUpdate(CEA, feed._next_seq(), Phase.HALTED, "a rumour", 7))
        await one.until(lambda: one.rows()[0].phase == "halted")
        assert one.rows()[0].phase_text == "a rumour"


@in_virtual_time
async def test_while_the_engine_is_away_the_last_market_stays_and_is_said_to_be_old() -> None:
    async with FakeFeed() as feed, followed(feed) as one:
        feed.set_level(6_050, 100)
        await one.until(one.is_good)
        good_since = one.view.get("feed").since_ns
        await feed.vanish()
        await one.until(lambda: not one.is_good())
        lost = one.view.get("feed")
        assert lost.since_ns > good_since
        assert lost.text.startswith("not connected to 127.0.0.1:")
        assert (one.rows()[0].is_current, one.rows()[0].bid_lots) == (False, 100)
        await feed.listen()
        await one.until(one.is_good)
        assert one.rows()[0].is_current


@in_virtual_time
async def test_a_refused_subscription_is_told_and_tried_again() -> None:
    async with FakeFeed() as feed, followed(feed) as one:
        feed.subscription_refused = SubscribeRejected(Ref(1), RejectReason.NOT_ENTITLED, "not you")
        await one.until(lambda: "not you" in one.view.get("feed").text if one.view.get("feed") else False)
        feed.subscription_refused = None
        await one.until(one.is_good)


@in_virtual_time
async def test_an_engine_that_is_not_there_yet_is_waited_for() -> None:
    feed = FakeFeed()
    async with feed:
        access = feed.access()
    view = View()
    follower = FeedFollower(access, view, lambda: 1)
    running = asyncio.create_task(follower.run())
    async with asyncio.timeout(60):
        while "no engine at" not in (view.get("feed").text if view.get("feed") else ""):
            await asyncio.sleep(0.01)
            follower.tick()
    assert view.changes(Seen(), 1) is not None
    running.cancel()
    await asyncio.wait({running})


@in_virtual_time
async def test_a_market_that_was_whole_stays_while_another_client_begins() -> None:
    async with FakeFeed() as feed, followed(feed) as one:
        feed.set_level(6_050, 100)
        await one.until(one.is_good)
        feed.subscription_refused = SubscribeRejected(Ref(1), RejectReason.NOT_ENTITLED, "not you")
        for peer in feed.connections:
            peer.send([feed.subscription_refused])
        subscribed_before = len(feed.requests)
        await one.until(lambda: len(feed.requests) > subscribed_before)
        assert [row.bid_lots for row in one.rows()] == [100]
        assert not one.is_good()
        feed.subscription_refused = None
        await one.until(one.is_good)
