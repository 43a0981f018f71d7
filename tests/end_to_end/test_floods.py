"""One session that sends as much as it can, and others who want their turn."""

import asyncio
from collections.abc import Callable

import pytest

from carbonmatch.limits import (
    BATCH_COMMANDS_MAX,
    FRAME_MESSAGES_MAX,
    QUEUED_FRAME_BYTES_MAX,
)
from carbonmatch.market_data.subscriber import Subscriber
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import (
    Accepted,
    NewOrder,
    Ref,
    SessionId,
    Side,
)
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.frames import frame as framed
from carbonmatch.protocol.messages import LogoutReason, Subscribe
from carbonmatch.server import look_ups as look_ups_module
from carbonmatch.server import pipeline as pipeline_module
from carbonmatch.server import stream as stream_module
from carbonmatch.server.history import History
from carbonmatch.server.stream import Chunk
from tests.end_to_end.honest import honest_trading
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Disk, Venue, eventually
from tests.end_to_end.wire import Wire


def order(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 1, 1 + ref % 1_000)


def flood(wire: Wire, first_ref: int, count: int, per_frame: int = FRAME_MESSAGES_MAX) -> None:
    for start in range(first_ref, first_ref + count, per_frame):
        wire.send(*(order(ref) for ref in range(start, start + per_frame)))


@pytest.mark.parametrize("per_frame", [1, FRAME_MESSAGES_MAX])
async def test_a_flood_does_not_keep_others_from_their_turn(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, per_frame: int
) -> None:
    # Small, so that a small flood fills many.
    batch = 256
    monkeypatch.setattr(pipeline_module, "BATCH_COMMANDS_MAX", batch)
    count = 200 * FRAME_MESSAGES_MAX
    async with honest_trading(venue) as honest, venue.wire("alice") as alice:
        reading = asyncio.create_task(alice.reports(count))
        flood(alice, 1, count, per_frame)
        passed = []
        while not reading.done():
            # How much of the flood is applied while one trade lasts, and not how long that takes: it
            # says the same on every machine.
            before = venue.engine.sequence
            await honest.trade()
            passed.append(venue.engine.sequence - before)
        assert len(await reading) == count
        # A trade is two round trips, and each waits at most for the batch on its way and its own.
        assert max(passed) <= 4 * (batch + FRAME_MESSAGES_MAX)


async def test_what_waits_for_its_turn_is_bounded(venue: Venue, disk: Disk) -> None:
    count = 300 * FRAME_MESSAGES_MAX
    async with honest_trading(venue), venue.wire("alice") as alice:
        (peer,) = [one for one in venue.order_entry_peers if one.address == alice.address]
        with disk.held():
            flood(alice, 1, count, per_frame=1)
            while not peer._reading_paused:
                async with venue.feed_wire() as feed:
                    assert await feed.settle() == []
            # What it was reading when it stopped comes on top.
            assert sum(len(payload) for payload, _ in peer.frames) < QUEUED_FRAME_BYTES_MAX + 256 * 1024
            assert venue.engine.sequence < 2 * BATCH_COMMANDS_MAX
        reports = await alice.reports(count)
        assert [report.ref for report in reports] == list(range(1, count + 1))


async def test_a_flood_of_logons_and_partings_leaves_nothing_behind(venue: Venue) -> None:
    async with honest_trading(venue) as honest:
        for _ in range(50):
            async with venue.wire("alice") as alice, venue.wire() as nobody, venue.feed_wire() as feed:
                alice.abort()
                nobody.abort()
                feed.abort()
        await honest.trade()
        assert len(venue.service._gateway.peers) <= 2 + 3
        assert venue.service._publisher.subscriptions.subscriber_count <= 1


async def test_a_flood_of_repeats_that_wait_for_the_disk_is_bounded(
    venue: Venue, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "REPEATS_WAITING_MAX", 10)
    async with honest_trading(venue), venue.wire("alice") as alice:
        with disk.held():
            alice.send(*(order(ref) for ref in range(1, 21)))
            alice.send(*(order(ref) for ref in range(1, 11)))
            assert await alice.settle() == []
            alice.send(order(11))
            assert (await alice.goodbye()).reason is LogoutReason.THROTTLED
        # Nobody told it that its orders were not executed, because they were.
        async with venue.wire("alice", next_seq=1) as alice:
            assert [report.ref for report in await alice.reports(20)] == list(range(1, 21))


async def test_repeats_from_the_past_wait_for_each_other(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    find = History.find
    looking: list[Ref] = []

    def counted(
        history: History,
        session_id: SessionId,
        ref: Ref,
        done: Callable[[Chunk | None], object],
        failed: Callable[[Exception], object],
    ) -> None:
        def found(chunk: Chunk | None) -> None:
            looking.remove(ref)
            done(chunk)

        looking.append(ref)
        assert len(looking) == 1
        find(history, session_id, ref, found, failed)

    monkeypatch.setattr(History, "find", counted)
    async with honest_trading(venue) as honest, venue.wire("alice") as alice:
        for ref in range(1, 21):
            alice.send(order(ref))
            await alice.reports(1)
        refs = list(range(19, 0, -1))
        alice.send(*(order(ref) for ref in refs))
        await honest.trade()
        assert [report.ref for report in await alice.reports(len(refs))] == refs
        alice.send(order(21))
        assert isinstance((await alice.frame())[0], Accepted)


async def test_a_flood_of_repeats_from_the_past_is_bounded(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    monkeypatch.setattr(look_ups_module, "LOOK_UPS_WAITING_MAX", 10)
    async with honest_trading(venue), venue.wire("alice") as alice:
        for ref in range(1, 21):
            alice.send(order(ref))
            await alice.reports(1)
        alice.send(*(order(ref) for ref in range(1, 20)))
        assert (await alice.goodbye()).reason is LogoutReason.THROTTLED


async def test_a_flood_of_subscriptions_does_not_keep_others_from_their_turn(venue: Venue) -> None:
    async with honest_trading(venue) as honest, venue.feed_wire() as feed:
        for frame in range(200):
            feed.send(*(Subscribe(Ref(frame * 128 + n + 1)) for n in range(128)))
            await honest.trade()
        assert await feed.settle() != []


async def test_subscriptions_that_come_in_one_piece_are_answered_in_turn_with_those_of_others(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of 4,000 begins and ends a view of the best levels: together they took the loop for seconds."""
    asked: list[Ref] = []
    subscribe = Subscriptions.subscribe

    def noted(
        subscriptions: Subscriptions, subscriber: Subscriber, request: Subscribe, time_ns: int
    ) -> list[bytes]:
        asked.append(request.ref)
        return subscribe(subscriptions, subscriber, request, time_ns)

    monkeypatch.setattr(Subscriptions, "subscribe", noted)
    flood_ref, honest_ref = Ref(1), Ref(2)
    one = framed(encode([Subscribe(flood_ref, levels_max=1), Subscribe(flood_ref)]))
    async with venue.feed_wire() as flooder, venue.feed_wire("watcher") as honest:
        flooder.write(one * 2_000)
        await eventually(lambda: bool(asked))
        honest.send(Subscribe(honest_ref))
        assert await honest.settle() != []
        assert asked.index(honest_ref) < 2_000
        assert await flooder.settle() != []
    assert len(asked) == 4_001
