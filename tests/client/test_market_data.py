"""The feed client: right books through gaps and lost connections."""

import asyncio
from random import Random
from typing import Any

import pytest

from carbonmatch.client.book import Level
from carbonmatch.client.errors import Disconnected, EventsLost, SubscriptionRefused
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.matching.messages import InstrumentId, Phase, Ref, RejectReason
from carbonmatch.protocol.messages import (
    BatchBegin,
    FeedKind,
    GapRequest,
    LevelUpdate,
    LoggedOut,
    LogoutReason,
    Subscribe,
    SubscribeRejected,
    Trade,
)
from tests.client.clock import in_virtual_time, until
from tests.client.fake_feed import CEA, DEFINITION, FakeFeed


def client_of(feed: FakeFeed, **options: Any) -> MarketDataClient:
    return MarketDataClient(feed.access(), random=Random(1), **options)


def bids(client: MarketDataClient) -> list[tuple[int, int]]:
    return [(level.price_ticks, level.quantity_lots) for level in client.books[CEA].depth()[0]]


@in_virtual_time
async def test_a_subscriber_has_the_book_and_follows_it() -> None:
    async with FakeFeed() as feed:
        feed.set_level(6_050, 100)
        async with client_of(feed) as client:
            await client.synced()
            book = client.books[CEA]
            assert book.definition == DEFINITION
            assert book.phase is Phase.CONTINUOUS
            assert book.best() == (Level(6_050, 100, 1), None)
            feed.set_level(6_060, 40)
            feed.set_level(6_050, 0)
            await until(lambda: client.feed_sequence == 3)
            assert bids(client) == [(6_060, 40)]
            assert feed.requests == [Subscribe(Ref(1), (), FeedKind.ALL)]


@in_virtual_time
async def test_a_subscriber_of_all_stays_in_step_when_an_instrument_is_defined() -> None:
    async with FakeFeed() as feed, client_of(feed) as client:
        await client.synced()
        feed.define(InstrumentId(6))
        await until(lambda: InstrumentId(6) in client.books)
        assert client.is_synced


@in_virtual_time
async def test_batches_come_frame_by_frame_when_the_books_have_them() -> None:
    async with FakeFeed() as feed, client_of(feed) as client:
        await client.synced()
        feed.set_level(6_050, 7)
        async for batch in client.batches():
            if type(batch[0]) is BatchBegin:
                assert [type(message) for message in batch] == [BatchBegin, LevelUpdate]
                assert bids(client) == [(6_050, 7)]
                break


@in_virtual_time
async def test_updates_may_be_called_instead() -> None:
    seen: list[Any] = []
    async with FakeFeed() as feed, client_of(feed, on_update=seen.extend) as client:
        await client.synced()
        feed.trade(6_050, 7)
        await until(lambda: any(type(message) is Trade for message in seen))


@in_virtual_time
async def test_a_gap_is_mended_by_asking_for_a_snapshot() -> None:
    async with FakeFeed() as feed, client_of(feed) as client:
        await client.synced()
        feed.skip()
        feed.set_level(6_050, 7)
        await until(lambda: GapRequest(Ref(2), CEA) in feed.requests)
        await client.synced()
        assert bids(client) == [(6_050, 7)]


@in_virtual_time
async def test_a_snapshot_that_does_not_add_up_is_asked_for_again_once_a_second() -> None:
    async with FakeFeed() as feed:
        feed.set_level(6_050, 7)
        feed.checksum_error = 1
        async with client_of(feed) as client:
            await asyncio.sleep(3.5)
            assert [type(request) for request in feed.requests] == [Subscribe, *[GapRequest] * 3]
            assert not client.is_synced
            feed.checksum_error = 0
            await client.synced()


@pytest.mark.parametrize("seed", range(10))
@in_virtual_time
async def test_the_book_is_right_again_after_every_lost_connection(seed: int) -> None:
    world = Random(seed)
    async with FakeFeed() as feed, client_of(feed) as client:
        feed.cuts = world
        for _ in range(60):
            feed.set_level(world.randrange(6_000, 6_010), world.randrange(3) * 100)
            if world.random() < 0.2:
                feed.drop()
            if world.random() < 0.2:
                feed.skip()
            await until(lambda: world.random() < 0.3)
        await until(lambda: bool(feed.connections))
        feed.set_level(5_000, 1)
        await client.synced()
        await until(lambda: client.feed_sequence == feed.feed_sequence)
        expected = sorted(((p, q) for p, q in feed.levels.items() if q), reverse=True)
        assert bids(client) == expected, f"seed {seed}"


@in_virtual_time
async def test_books_are_not_current_while_the_engine_is_away() -> None:
    async with FakeFeed() as feed, client_of(feed) as client:
        feed.set_level(6_050, 7)
        await client.synced()
        await feed.vanish()
        await until(lambda: not client.is_synced)
        assert bids(client) == [(6_050, 7)]
        await feed.listen()
        await client.synced()


@in_virtual_time
async def test_a_refused_subscription_ends_the_client() -> None:
    async with FakeFeed() as feed:
        feed.subscription_refused = SubscribeRejected(Ref(1), RejectReason.UNKNOWN_INSTRUMENT, "99")
        async with client_of(feed, instrument_ids=[99]) as client:
            with pytest.raises(SubscriptionRefused, match="UNKNOWN_INSTRUMENT, 99"):
                await client.synced()
            with pytest.raises(SubscriptionRefused):
                async for _ in client.batches():
                    pass


@in_virtual_time
async def test_a_reader_of_batches_that_is_too_slow_is_told() -> None:
    async with FakeFeed() as feed, client_of(feed, batches_max=5) as client:
        await client.synced()
        for lots in range(1, 11):
            feed.set_level(6_050, lots)
        await until(lambda: client.feed_sequence == 10)
        with pytest.raises(EventsLost):
            async for _ in client.batches():
                pass
        assert bids(client) == [(6_050, 10)]


@in_virtual_time
async def test_gives_up_when_the_engine_stays_away() -> None:
    feed = FakeFeed()
    await feed.listen()
    client = client_of(feed, reconnect_seconds=5)
    await client.start()
    await feed.vanish()
    with pytest.raises(Disconnected, match="no engine for 5 s"):
        async for _ in client.batches():
            pass
    await client.stop()


@in_virtual_time
async def test_says_when_it_loses_and_finds_the_engine() -> None:
    told: list[str] = []
    async with FakeFeed() as feed:
        options = {
            "on_disconnect": lambda loss: told.append(f"lost: {loss.reason.name}"),
            "on_reconnect": lambda _: told.append("found"),
        }
        async with client_of(feed, **options) as client:
            await client.synced()
            feed.connections[0].send([LoggedOut(LogoutReason.SHUTTING_DOWN)])
            await until(lambda: len(told) == 2)
            assert told == ["lost: SHUTTING_DOWN", "found"]
