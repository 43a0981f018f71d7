"""Readers who have lost more than memory has: the journal is read for them, and they miss nothing."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.client.book import ALL_INSTRUMENTS
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.limits import FEED_GAP_MESSAGES_MAX
from carbonmatch.market_data.groups import Interest
from carbonmatch.market_data.subscriber import Lost
from carbonmatch.matching.messages import Cancel, NewOrder, Ref, RejectReason, Side
from carbonmatch.protocol.messages import (
    BatchBegin,
    FeedKind,
    FeedSource,
    GapFilled,
    GapRequest,
    SnapshotEnd,
    Subscribe,
    Subscribed,
    SubscribeRejected,
    Trade,
)
from carbonmatch.server import gap_fills
from carbonmatch.server.gap_worker import Piece
from tests.end_to_end import market
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Addresses, Process, Venue, eventually, running
from tests.end_to_end.wire import SECONDS_MAX, Wire

# Orders of a frame, at as many prices: a batch of about twice as many messages.
ORDERS = 50


async def churn(venue: Addresses, first_ref: int, frames: int) -> None:
    """Levels come and go, and each frame has a trade."""
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        for frame in range(frames):
            ref = first_ref + 2 * ORDERS * frame
            bids = [NewOrder(Ref(ref + at), EUA, Side.BUY, 2, 9_900 - at) for at in range(ORDERS)]
            alice.send(*bids)
            await alice.reports(ORDERS)
            bob.send(NewOrder(Ref(first_ref + frame), EUA, Side.SELL, 1, 9_900))
            await bob.reports(2)
            await alice.reports(1)
            cancels = [Cancel(Ref(ref + ORDERS + at), order_ref=Ref(ref + at)) for at in range(ORDERS)]
            alice.send(*cancels)
            await alice.reports(ORDERS)


def since(heard: list[Any], after_sequence: int) -> list[Any]:
    """Batches and what is in them, without what says where they come from."""
    messages = [one for one in heard if not isinstance(one, Subscribed | GapFilled)]
    start = next(
        at
        for at, one in enumerate(messages)
        if isinstance(one, BatchBegin) and one.feed_sequence > after_sequence
    )
    return messages[start:]


def newest(heard: list[Any]) -> int:
    return max((one.feed_sequence for one in heard if isinstance(one, BatchBegin)), default=0)


def trades(heard: Sequence[Any]) -> list[int]:
    return [one.trade_id for one in heard if isinstance(one, Trade)]


def sources(heard: list[Any]) -> list[FeedSource]:
    return [one.source for one in heard if isinstance(one, GapFilled)]


def last_trade(heard: list[Any]) -> int:
    return max(trades(heard), default=0)


@asynccontextmanager
async def hearing(venue: Addresses, *wanted: Any) -> AsyncIterator[list[Any]]:
    """All that comes, from the first message on."""
    heard: list[Any] = []

    async def listen(feed: Wire) -> None:
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                heard.extend(await feed.frame())

    async with venue.feed_wire() as feed:
        feed.send(*wanted)
        listening = asyncio.create_task(listen(feed))
        try:
            yield heard
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


@pytest.mark.parametrize(
    "wanted", [Subscribe(Ref(1)), Subscribe(Ref(1), (EUA,), FeedKind.LEVELS | FeedKind.TRADES, 3)]
)
async def test_whoever_comes_back_late_hears_every_batch_as_it_was_while_the_market_goes_on(
    venue: Venue, wanted: Subscribe
) -> None:
    async with hearing(venue, wanted) as live:
        await churn(venue, 1, 2)
        await eventually(lambda: last_trade(live) == 2)
        after = newest(live)
        await churn(venue, 10_001, 50)
        again = structs.replace(wanted, after_feed_sequence=after, from_journal=True)
        async with hearing(venue, again) as late:
            await churn(venue, 30_001, 50)
            await eventually(lambda: FeedSource.MEMORY in sources(late))
            await churn(venue, 50_001, 2)
            await eventually(lambda: last_trade(late) == last_trade(live) == 104)
    assert isinstance(late[0], Subscribed)
    assert late[0].is_resumed
    assert sources(late)[0] is FeedSource.JOURNAL
    assert sources(late)[-1] is FeedSource.MEMORY
    found, expected = since(late, after), since(live, after)
    assert wanted.levels_max or len(expected) > FEED_GAP_MESSAGES_MAX
    both = min(len(found), len(expected))
    assert found[:both] == expected[:both]


async def test_a_reader_who_has_lost_batches_asks_for_them_and_goes_on(venue: Venue) -> None:
    async with hearing(venue, Subscribe(Ref(1))) as live, venue.feed_wire() as feed:
        feed.send(Subscribe(Ref(1)))
        await churn(venue, 1, 60)
        await feed.settle()
        await eventually(lambda: last_trade(live) == 60)
        feed.send(GapRequest(Ref(2), ALL_INSTRUMENTS, 2, from_journal=True))
        heard: list[Any] = []
        while FeedSource.MEMORY not in sources(heard):
            heard += await feed.frame()
        pieces = [one for one in heard if isinstance(one, GapFilled)]
        assert {one.ref for one in pieces} == {Ref(2)}
        # One goes on where the one before it has ended, from what was asked for.
        assert [one.after_feed_sequence for one in pieces] == [2, *[one.feed_sequence for one in pieces[:-1]]]
        await churn(venue, 10_001, 1)
        while last_trade(heard) < 61:
            heard += await feed.frame()
        await eventually(lambda: last_trade(live) == 61)
        both = min(len(since(heard, 2)), len(since(live, 2)))
        assert since(heard, 2)[:both] == since(live, 2)[:both]


@pytest.mark.parametrize("is_clean", [False, True])
async def test_the_journal_is_read_over_kills_and_stops_of_the_engine(
    process: Process, is_clean: bool
) -> None:
    """A clean stop leaves a snapshot: before what was lost the first time, and behind that the second."""
    await process.start()
    process.listen_again(process.addresses)
    async with hearing(process, Subscribe(Ref(1))) as heard:
        await churn(process, 1, 2)
        await eventually(lambda: last_trade(heard) == 2)
    for first_ref in (10_001, 30_001):
        if is_clean:
            assert await process.stop() == 0
        else:
            await process.kill()
        await process.start()
        await churn(process, first_ref, 50)
    again = Subscribe(Ref(1), after_feed_sequence=newest(heard), from_journal=True)
    async with hearing(process, again) as late:
        await eventually(lambda: FeedSource.MEMORY in sources(late))
    assert trades(heard) + trades(late) == list(range(1, 103))


async def test_the_client_library_has_every_trade_of_a_long_absence(venue: Venue) -> None:
    heard: list[int] = []

    def note(batch: Any) -> None:
        heard.extend(trades(batch))

    access = market.access(venue.market_data, "feed")
    async with MarketDataClient(access, from_journal=True, on_update=note) as feed:
        await feed.synced()
        await churn(venue, 1, 1)
        await eventually(lambda: heard == [1])
        connection = feed._keeper.connection
        assert connection is not None
        # What it does not read while it is cut off is lost for it.
        feed._access = market.access(("127.0.0.1", 1), "feed")
        connection.abort("the test has cut it")
        await churn(venue, 10_001, 60)
        feed._access = access
        await eventually(lambda: len(heard) == 61)
        await feed.synced()
    assert heard == list(range(1, 62))


# --- what does not go well -------------------------------------------------------------------------


class Held:
    """A source that gives nothing until it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def go_on(self, until_position: int) -> None: ...

    def read(self) -> Piece:
        self.closed.wait(SECONDS_MAX)
        raise EOFError

    def close(self) -> None:
        self.closed.set()


def hold(venue: Venue) -> list[Held]:
    """Have nothing read for anybody from now on; those who were to do it."""
    held: list[Held] = []

    def open_source(_lost: Lost, _interest: Interest) -> Held:
        held.append(Held())
        return held[-1]

    fills = venue.service._publisher._gap_fills
    assert fills is not None
    fills.open_source = open_source
    return held


LATE = Subscribe(Ref(1), after_feed_sequence=1, from_journal=True)


async def test_where_the_journal_cannot_be_read_snapshots_come(venue: Venue) -> None:
    await churn(venue, 1, 60)
    fills = venue.service._publisher._gap_fills
    assert fills is not None

    def no_process(_lost: Lost, _interest: Interest) -> Held:
        raise OSError("no process")

    fills.open_source = no_process
    for _ in range(2):
        async with hearing(venue, LATE) as heard:
            while not any(isinstance(one, SnapshotEnd) for one in heard):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            assert sources(heard) == [FeedSource.SNAPSHOT]


async def test_a_reading_that_is_ended_gives_snapshots(venue: Venue) -> None:
    await churn(venue, 1, 60)
    held = hold(venue)
    async with hearing(venue, LATE) as heard:
        await eventually(lambda: bool(held))
        held[0].close()
        await eventually(lambda: sources(heard) == [FeedSource.SNAPSHOT])


async def test_meanwhile_nothing_else_is_told_and_nothing_more_may_be_asked_for(venue: Venue) -> None:
    await churn(venue, 1, 60)
    held = hold(venue)
    async with venue.feed_wire() as feed:
        feed.send(LATE)
        await feed.until(Subscribed)
        await eventually(lambda: bool(held))
        await churn(venue, 10_001, 1)
        feed.send(GapRequest(Ref(2), EUA))
        # Nothing before the refusal, and snapshots after it: whoever subscribes anew waits no more.
        (message,) = await feed.frame()
        text = "what was lost before is being read"
        assert message == SubscribeRejected(Ref(2), RejectReason.SUBSCRIPTION, text)
        feed.send(Subscribe(Ref(3)))
        assert (await feed.next(Subscribed)).instrument_count == 2
        assert any(isinstance(one, SnapshotEnd) for one in await feed.frame())
        held[0].close()
        await feed.settle()


async def test_a_key_has_one_reading_and_the_next_begins_when_whoever_waited_is_gone(venue: Venue) -> None:
    await churn(venue, 1, 60)
    held = hold(venue)
    async with venue.feed_wire() as first:
        first.send(LATE)
        await first.until(Subscribed)
        async with hearing(venue, LATE) as second:
            await eventually(lambda: sources(second) == [FeedSource.SNAPSHOT])
    await eventually(lambda: len(venue.market_data_peers) == 0)
    async with venue.feed_wire() as third:
        third.send(LATE)
        await third.until(Subscribed)
        assert len(held) == 1
        held[0].close()
        await eventually(lambda: len(held) == 2)
        held[1].close()
        assert (await third.until(GapFilled)).source is FeedSource.SNAPSHOT


async def test_whoever_subscribes_again_and_again_has_one_place(venue: Venue) -> None:
    await churn(venue, 1, 60)
    held = hold(venue)
    fills = venue.service._publisher._gap_fills
    assert fills is not None
    async with venue.feed_wire() as feed:
        feed.send(LATE)
        await feed.until(Subscribed)
        for _ in range(4):
            feed.send(*[LATE] * 50)
            for _ in range(50):
                await feed.until(Subscribed)
        # What is read for the first one, and what the last one has asked for.
        assert len(fills._fillings) == 2
        held[0].close()
        await eventually(lambda: len(held) == 2)
        held[1].close()
        assert (await feed.until(GapFilled)).source is FeedSource.SNAPSHOT


async def test_what_takes_too_long_is_given_up(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gap_fills, "FEED_JOURNAL_GAP_SECONDS_MAX", 0.05)
    await churn(venue, 1, 60)
    held = hold(venue)
    async with hearing(venue, LATE) as heard:
        await eventually(lambda: sources(heard) == [FeedSource.SNAPSHOT])
        await eventually(lambda: held[0].closed.is_set())


async def test_whoever_does_not_read_lets_others_pass(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if nothing of what was sent were ever read.
    monkeypatch.setattr(gap_fills, "CONFLATE_BUFFER_BYTES", -1)
    monkeypatch.setattr(gap_fills, "FEED_JOURNAL_UNREAD_SECONDS_MAX", 0.0)
    await churn(venue, 1, 60)
    fills = venue.service._publisher._gap_fills
    assert fills is not None
    async with hearing(venue, LATE) as slow:
        await eventually(lambda: sources(slow) == [FeedSource.JOURNAL])
        (filling,) = fills._fillings
        await eventually(lambda: filling._unread_seconds > 0.1)
        # While nobody else waits it has all the time that there is.
        assert sources(slow) == [FeedSource.JOURNAL]
        async with venue.feed_wire("watcher") as other:
            other.send(LATE)
            await eventually(lambda: sources(slow) == [FeedSource.JOURNAL, FeedSource.SNAPSHOT])
            while sources(await other.frame()) != [FeedSource.JOURNAL]:
                pass


async def test_the_venue_stops_while_the_journal_is_read(venue: Venue) -> None:
    await churn(venue, 1, 60)
    held = hold(venue)
    async with hearing(venue, LATE):
        await eventually(lambda: bool(held))
        await venue.stop()
        assert held[0].closed.is_set()


async def test_the_journal_of_a_venue_that_does_not_wait_for_the_disk_is_read_as_well(
    tmp_path: Path,
) -> None:
    async with running(tmp_path / "journal", sync="relaxed") as venue:
        await churn(venue, 1, 60)
        async with hearing(venue, LATE) as late:
            await eventually(lambda: FeedSource.MEMORY in sources(late))
    assert sources(late)[0] is FeedSource.JOURNAL
    assert trades(late) == list(range(1, 61))
