"""Who does not read costs a bounded buffer, then its connection or its increments, and nothing else."""

import asyncio
from typing import Any

import pytest

from carbonmatch.client.book import BookBuilder
from carbonmatch.limits import (
    FRAME_MESSAGES_MAX,
    SEND_STALL_SECONDS_MAX,
    STATUS_ORDERS_MAX,
)
from carbonmatch.matching.messages import NewOrder, OrderStatusRequest, Ref, Side
from carbonmatch.protocol.messages import Heartbeat, HeartbeatAnswer, LogoutReason, Subscribe
from carbonmatch.server import history as history_module
from carbonmatch.server import peer as peer_module
from carbonmatch.server import stream as stream_module
from tests.end_to_end.honest import Honest, honest_trading
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Clock, Venue
from tests.end_to_end.wire import SECONDS_MAX, Wire

KIB = 1024
# Of a peer that does not read; the engine's own kernel buffer comes to that.
LITTLE = 4 * KIB


@pytest.fixture(autouse=True)
def clock(clock: Clock) -> Clock:
    """No deadline passes before a test says so, however long the machine takes for what it does meanwhile."""
    clock.stop()
    return clock


def orders(first_ref: int, count: int, first_price: int = 1) -> list[NewOrder]:
    return [NewOrder(Ref(first_ref + n), EUA, Side.BUY, 1, first_price + n) for n in range(count)]


async def test_a_gateway_that_does_not_read_is_cut_at_the_bound_and_loses_nothing(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = 256 * KIB
    monkeypatch.setattr(peer_module, "SEND_BUFFER_BYTES_MAX", bound)
    async with honest_trading(venue) as honest:
        async with venue.wire("alice", receive_bytes=LITTLE) as alice:
            alice.send(*orders(1, FRAME_MESSAGES_MAX))
            alice.send(*orders(201, FRAME_MESSAGES_MAX))
            await alice.reports(STATUS_ORDERS_MAX)
            # Every answer to this is some 15 KiB.
            ref = 1_000
            buffered: list[int] = []
            (peer,) = [one for one in venue.order_entry_peers if one.address == alice.address]
            while peer.connected:
                alice.send(OrderStatusRequest(Ref(ref)))
                ref += 1
                await honest.trade()
                buffered.append(peer.transport.get_write_buffer_size())
                assert ref < 1_000 + 1_000, "it is never cut"
            assert await alice.cut()
        assert max(buffered) < bound + 32 * KIB
        assert venue.service.counters.slow_readers_cut == 1
        # All that was taken was executed, and is there to be read.
        async with venue.wire("alice", next_seq=1) as alice:
            applied = int(alice.accepted.last_ref)
            assert 1_000 < applied < ref
            count = STATUS_ORDERS_MAX + (applied - 999) * (STATUS_ORDERS_MAX + 1)
            reports = await alice.reports(count)
            assert [report.seq for report in reports] == list(range(1, count + 1))


async def test_a_gateway_that_reads_nothing_for_long_is_cut(clock: Clock, venue: Venue) -> None:
    async with honest_trading(venue) as honest, venue.wire("alice", receive_bytes=LITTLE) as alice:
        alice.send(*orders(1, FRAME_MESSAGES_MAX))
        await alice.reports(FRAME_MESSAGES_MAX)
        ref = 1_000
        (peer,) = [one for one in venue.order_entry_peers if one.address == alice.address]
        while peer.transport.get_write_buffer_size() < 128 * KIB:
            alice.send(OrderStatusRequest(Ref(ref)))
            ref += 1
            await honest.trade()
        await cut_off(peer, clock, honest)
        assert await alice.cut()
        assert venue.service.counters.slow_readers_cut == 1


async def test_a_gateway_that_does_not_read_its_past_is_cut_too(
    clock: Clock, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 2_000)
    monkeypatch.setattr(history_module, "_SLICE_BYTES", 64 * KIB)
    async with honest_trading(venue) as honest:
        async with venue.wire("alice") as alice:
            alice.send(*orders(1, FRAME_MESSAGES_MAX))
            stream = await alice.reports(FRAME_MESSAGES_MAX)
            for ref in range(1_000, 1_200):
                alice.send(OrderStatusRequest(Ref(ref)))
                stream += await alice.reports(FRAME_MESSAGES_MAX + 1)
        async with venue.wire("alice", next_seq=1, receive_bytes=LITTLE) as alice:
            # What fits the kernel and the slice on its way is all that it gets for nothing.
            (peer,) = [one for one in venue.order_entry_peers if one.address == alice.address]
            for _ in range(50):
                await honest.trade()
            assert 0 < peer.transport.get_write_buffer_size() < 256 * KIB
            await cut_off(peer, clock, honest)
            assert await alice.cut()
        async with venue.wire("alice", next_seq=1) as alice:
            assert await alice.reports(len(stream)) == stream


async def read_on(wire: Wire, peer: Any) -> None:
    """Read until the engine's kernel hears of it."""
    raw = peer.transport.get_extra_info("socket")
    before = peer_module._taken_bytes(raw)
    async with asyncio.timeout(SECONDS_MAX):
        while peer_module._taken_bytes(raw) == before:
            assert await wire.reader.read(LITTLE)


def until_cut(peer: Any, clock: Clock) -> None:
    """Let time pass and nobody read. What was read before may still count, once."""
    for _ in range(2):
        clock.advance(SEND_STALL_SECONDS_MAX + 1)
        peer.sweep(peer.clocks.monotonic_ns())
    assert peer.rules.closed


async def reset(wire: Wire) -> None:
    """Read what is left, to the end that a cut has; frames were cut by `read_on` already."""
    async with asyncio.timeout(SECONDS_MAX):
        with pytest.raises(ConnectionResetError):
            await _read_all(wire)


async def _read_all(wire: Wire) -> None:
    while await wire.reader.read(LITTLE):
        pass


async def test_a_gateway_on_a_slow_line_is_served_as_long_as_it_reads(clock: Clock, venue: Venue) -> None:
    async with honest_trading(venue) as honest, venue.wire("alice", receive_bytes=LITTLE) as alice:
        alice.send(*orders(1, FRAME_MESSAGES_MAX))
        await alice.reports(FRAME_MESSAGES_MAX)
        ref = 1_000
        (peer,) = [one for one in venue.order_entry_peers if one.address == alice.address]
        while peer.transport.get_write_buffer_size() < 256 * KIB:
            alice.send(OrderStatusRequest(Ref(ref)))
            ref += 1
            await honest.trade()
        for _ in range(20):
            await read_on(alice, peer)
            peer.sweep(peer.clocks.monotonic_ns())
            assert peer.is_unread, "it has not drained once"
            clock.advance(SEND_STALL_SECONDS_MAX * 0.7)
            peer.sweep(peer.clocks.monotonic_ns())
            assert peer.connected
        until_cut(peer, clock)
        await reset(alice)


async def cut_off(peer: Any, clock: Clock, honest: Honest) -> None:
    """Trade and let time pass until the engine has ended this connection, which nobody reads meanwhile."""
    clock.advance(SEND_STALL_SECONDS_MAX + 1)
    while peer.connected:
        await honest.trade()
        # What was read before still counts when the engine looks for the first time.
        clock.advance(0.1)


async def move_prices(alice: Wire, rounds: int, first_ref: int = 1) -> int:
    """Change many levels, again and again; return the next ref."""
    ref = first_ref
    for turn in range(rounds):
        alice.send(*orders(ref, FRAME_MESSAGES_MAX, 1 + turn % 7))
        ref += FRAME_MESSAGES_MAX
        await alice.reports(FRAME_MESSAGES_MAX)
    return ref


async def test_a_subscriber_that_does_not_read_is_conflated_and_ends_with_the_right_book(
    venue: Venue,
) -> None:
    async with (
        honest_trading(venue) as honest,
        venue.feed_wire(receive_bytes=LITTLE) as slow,
        venue.feed_wire() as quick,
        venue.wire("alice") as alice,
    ):
        for feed in (slow, quick):
            feed.send(Subscribe(Ref(1), (EUA,)))
        (peer,) = [one for one in venue.market_data_peers if one.address == slow.address]
        quick_books = BookBuilder()
        ref = 1
        buffered = []
        while not venue.service._publisher.subscriptions.conflation_count:
            ref = await move_prices(alice, 20, ref)
            buffered.append(peer.transport.get_write_buffer_size())
            await catch_up(quick, quick_books)
        for _ in range(5):
            ref = await move_prices(alice, 20, ref)
            buffered.append(peer.transport.get_write_buffer_size())
            await catch_up(quick, quick_books)
        await honest.trade()
        assert max(buffered) < 256 * KIB + 64 * KIB

        await catch_up(quick, quick_books)
        slow_books = BookBuilder()
        end = quick_books.books[EUA].instrument_seq
        while not slow_books.books or slow_books.books[EUA].instrument_seq != end:
            slow_books.apply(await slow.frame())
        assert (slow_books.batches_left_out > 0, quick_books.batches_left_out) == (True, 0)
        assert slow_books.books[EUA].depth() == quick_books.books[EUA].depth()
        # And it follows the increments again.
        await move_prices(alice, 1, ref)
        for feed, books in ((slow, slow_books), (quick, quick_books)):
            before = books.feed_sequence
            await catch_up(feed, books)
            assert books.feed_sequence == before + 1
        assert slow_books.books[EUA].depth() == quick_books.books[EUA].depth()


async def test_a_subscriber_that_stays_behind_is_cut(clock: Clock, venue: Venue) -> None:
    async with (
        honest_trading(venue) as honest,
        venue.feed_wire(receive_bytes=LITTLE) as slow,
        venue.wire("alice") as alice,
    ):
        slow.send(Subscribe(Ref(1), (EUA,)))
        (peer,) = venue.market_data_peers
        ref = 1
        while not venue.service._publisher.subscriptions.conflation_count:
            ref = await move_prices(alice, 20, ref)
        await cut_off(peer, clock, honest)
        assert await slow.cut()
        assert venue.service.counters.slow_readers_cut == 1


async def test_a_subscriber_on_a_slow_line_is_conflated_and_not_cut(clock: Clock, venue: Venue) -> None:
    async with (
        honest_trading(venue),
        venue.feed_wire(receive_bytes=LITTLE) as slow,
        venue.wire("alice") as alice,
    ):
        slow.send(Subscribe(Ref(1), (EUA,)))
        (peer,) = venue.market_data_peers
        ref = 1
        while not venue.service._publisher.subscriptions.conflation_count:
            ref = await move_prices(alice, 20, ref)
        for _ in range(10):
            await read_on(slow, peer)
            peer.sweep(peer.clocks.monotonic_ns())
            assert peer.is_unread, "it has not drained once"
            clock.advance(SEND_STALL_SECONDS_MAX * 0.7)
            peer.sweep(peer.clocks.monotonic_ns())
            assert peer.connected
        until_cut(peer, clock)
        await reset(slow)


async def deep_book(alice: Wire) -> None:
    for first in range(1, 10 * FRAME_MESSAGES_MAX, FRAME_MESSAGES_MAX):
        alice.send(*orders(first, FRAME_MESSAGES_MAX, first))
        await alice.reports(FRAME_MESSAGES_MAX)


# More than are taken in before the answers are read, each of which is a snapshot of some 15 KiB.
REQUESTS = 200


async def test_requests_wait_for_a_subscriber_that_does_not_read_the_answers(venue: Venue) -> None:
    async with (
        honest_trading(venue) as honest,
        venue.feed_wire(receive_bytes=LITTLE) as feed,
        venue.wire("alice") as alice,
    ):
        await deep_book(alice)
        for ref in range(1, REQUESTS + 1):
            feed.send(Subscribe(Ref(ref), (EUA,)))
        await honest.trade()
        # It is not left waiting once it reads, nor is it deaf from then on.
        feed.send(Heartbeat(9))
        frames, _ = await feed.frames_until(HeartbeatAnswer)
        refs = [one.ref for messages in frames for one in messages if type(one).__name__ == "Subscribed"]
        assert refs == list(range(1, REQUESTS + 1))
        assert await feed.settle() is not None


async def test_garbage_among_requests_that_wait_ends_the_connection(venue: Venue) -> None:
    async with (
        honest_trading(venue),
        venue.feed_wire(receive_bytes=LITTLE) as feed,
        venue.wire("alice") as alice,
    ):
        await deep_book(alice)
        for ref in range(1, REQUESTS + 1):
            feed.send(Subscribe(Ref(ref), (EUA,)))
        feed.write(b"\x00\x00\x00\x01\xc1")
        assert (await feed.goodbye()).reason is LogoutReason.PROTOCOL_ERROR


async def catch_up(feed: Wire, books: BookBuilder) -> None:
    """Read everything that the engine has for this subscriber by now."""
    for messages in await feed.settle():
        books.apply(messages)
