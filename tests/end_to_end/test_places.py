"""Places on the feed are bounded, and nobody's key can take those of the others."""

from contextlib import AsyncExitStack

import pytest

from carbonmatch.market_data import subscriptions as subscriptions_module
from carbonmatch.matching.messages import NewOrder, Ref, RejectReason, Side
from carbonmatch.protocol.messages import LogonRejected, LogoutReason, Subscribe
from carbonmatch.server import publisher as publisher_module
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Venue
from tests.end_to_end.wire import Wire

PLACES = 4


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions_module, "SUBSCRIBERS_MAX", PLACES)


async def refused(venue: Venue, name: str) -> bool:
    async with Wire.open(venue.market_data) as wire:
        answer = await wire.log_on(name)
        return isinstance(answer, LogonRejected) and answer.reason is RejectReason.SUBSCRIPTION


async def test_a_key_has_no_more_places_than_it_may(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "SUBSCRIBERS_PER_KEY_MAX", 2)
    async with venue.feed_wire(), venue.feed_wire():
        assert await refused(venue, "feed")
        async with venue.feed_wire("watcher"):
            pass
    # What was given back can be had again.
    async with AsyncExitStack() as stack:
        while await refused(venue, "feed"):
            pass
        await stack.enter_async_context(venue.feed_wire())


async def test_a_newcomer_gets_a_place_of_the_key_that_has_most(venue: Venue) -> None:
    async with AsyncExitStack() as stack:
        feeds = [await stack.enter_async_context(venue.feed_wire()) for _ in range(PLACES)]
        for _ in range(PLACES // 2):
            watcher = await stack.enter_async_context(venue.feed_wire("watcher"))
            # The last that came is the first that goes.
            assert (await feeds.pop().goodbye()).reason is LogoutReason.TOO_MANY_CONNECTIONS
            watcher.send(Subscribe(Ref(1), (EUA,)))
            assert await watcher.settle()
        # Both have as many now: taking places from each other would never end.
        assert await refused(venue, "watcher")
        assert await refused(venue, "feed")
        for feed in feeds:
            assert await feed.settle() == []
        assert venue.service._publisher.subscriptions.subscriber_count == PLACES


async def test_who_is_furthest_behind_goes_first(venue: Venue) -> None:
    async with AsyncExitStack() as stack:
        alice = await stack.enter_async_context(venue.wire("alice"))
        await stack.enter_async_context(venue.feed_wire())
        slow = await stack.enter_async_context(venue.feed_wire(receive_bytes=4096))
        slow.send(Subscribe(Ref(1), (EUA,)))
        quick = [await stack.enter_async_context(venue.feed_wire()) for _ in range(PLACES - 2)]
        ref = 1
        while not venue.service._publisher.subscriptions.conflation_count:
            alice.send(*(NewOrder(Ref(ref + n), EUA, Side.BUY, 1, 1 + n) for n in range(128)))
            ref += 128
            await alice.reports(128)
        await stack.enter_async_context(venue.feed_wire("watcher"))
        for feed in quick:
            assert await feed.settle() == []
        assert (await slow.goodbye()).reason is LogoutReason.TOO_MANY_CONNECTIONS
