"""Orders of a gateway that is gone: when they go, when they stay."""

from pathlib import Path

from carbonmatch.client.book import BookBuilder
from carbonmatch.matching.messages import (
    Canceled,
    CancelReason,
    NewOrder,
    OrderFlag,
    OrderStatusRequest,
    Ref,
    Side,
    StatusEnd,
)
from carbonmatch.protocol.messages import Logout, Subscribe
from carbonmatch.server import listener as listener_module
from tests.end_to_end.market import ALICE, EUA
from tests.end_to_end.running import Addresses, Clock, Process, Venue, running
from tests.end_to_end.wire import Wire


def buy(ref: int, flags: int = 0) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000 + ref, flags=flags)


KEPT = OrderFlag.KEEP_ON_DISCONNECT


async def disconnected_with_orders(engine: Addresses, grace_ms: int = 0) -> None:
    """Alice had two orders, one of them to be kept, when her connection broke."""
    async with engine.wire("alice", cancel_on_disconnect=True, grace_ms=grace_ms) as alice:
        alice.send(buy(1), buy(2, KEPT))
        await alice.reports(2)
        alice.abort()


async def cancellation(engine: Addresses) -> None:
    """Wait until Alice's first order is gone, as she is told when she comes back."""
    async with engine.feed_wire() as feed:
        await level_gone(feed, 7001)
    async with engine.wire("alice", next_seq=3) as alice:
        (canceled,) = await alice.reports(1)
        assert isinstance(canceled, Canceled)
        assert (canceled.seq, canceled.ref, canceled.reason) == (3, 0, CancelReason.DISCONNECTED)
        assert await open_orders(alice) == [2]


async def test_orders_go_with_the_connection(venue: Venue) -> None:
    await disconnected_with_orders(venue)
    await cancellation(venue)


async def test_orders_go_with_a_logout_too(venue: Venue) -> None:
    async with venue.wire("alice", cancel_on_disconnect=True) as alice:
        alice.send(buy(1), buy(2, KEPT), Logout())
        await alice.goodbye()
    await cancellation(venue)


async def test_orders_go_when_the_grace_time_is_over(clock: Clock, venue: Venue) -> None:
    await disconnected_with_orders(venue, grace_ms=5_000)
    async with venue.wire("bob") as bob:
        assert await bob.settle() == []
    assert venue.engine.open_order_count == 2
    clock.advance(5)
    await cancellation(venue)


async def test_who_is_back_within_the_grace_time_keeps_everything(clock: Clock, venue: Venue) -> None:
    await disconnected_with_orders(venue, grace_ms=5_000)
    clock.advance(4)
    async with venue.wire("alice", cancel_on_disconnect=True, grace_ms=5_000) as alice:
        clock.advance(4)
        await swept(venue)
        assert await open_orders(alice) == [1, 2]


async def test_a_take_over_is_no_disconnect(venue: Venue) -> None:
    async with venue.wire("alice", cancel_on_disconnect=True) as first:
        first.send(buy(1))
        await first.reports(1)
        async with venue.wire("alice", cancel_on_disconnect=True) as second:
            await first.goodbye()
            await swept(venue)
            assert await open_orders(second) == [1]


async def test_who_has_not_asked_for_it_keeps_everything(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(buy(1))
        await alice.reports(1)
        alice.abort()
    await swept(venue)
    async with venue.wire("alice") as alice:
        assert await open_orders(alice) == [1]


async def test_the_newest_logon_says_what_holds(venue: Venue) -> None:
    await disconnected_with_orders(venue, grace_ms=60_000)
    async with venue.wire("alice") as alice:
        alice.abort()
    await swept(venue)
    async with venue.wire("alice") as alice:
        assert await open_orders(alice) == [1, 2]


async def test_a_silent_gateway_loses_its_orders(clock: Clock, venue: Venue) -> None:
    async with venue.wire("alice", heartbeat_ms=1_000, cancel_on_disconnect=True) as alice:
        alice.send(buy(1), buy(2, KEPT))
        await alice.reports(2)
        clock.advance(3)
        await alice.goodbye()
    await cancellation(venue)


async def test_without_grace_the_next_look_at_deadlines_cancels(clock: Clock, venue: Venue) -> None:
    clock.stop()
    async with venue.wire("alice", cancel_on_disconnect=True) as alice:
        alice.send(buy(1))
        await alice.reports(1)
        alice.abort()
    # No time has passed at all, and the engine looks twenty times a second.
    await swept(venue)
    assert venue.engine.open_order_count == 0
    assert listener_module._SWEEP_SECONDS <= 0.1


async def test_a_kill_is_a_disconnect_for_everybody(process: Process) -> None:
    await process.start()
    async with process.wire("alice", cancel_on_disconnect=True, grace_ms=0) as alice:
        alice.send(buy(1), buy(2, KEPT))
        await alice.reports(2)
        await process.kill()
    await process.start()
    await cancellation(process)


async def test_a_stop_is_a_disconnect_for_everybody_who_does_not_come_back(
    clock: Clock, tmp_path: Path
) -> None:
    async with (
        running(tmp_path / "journal") as venue,
        venue.wire("alice", cancel_on_disconnect=True, grace_ms=5_000) as alice,
        venue.wire("bob", cancel_on_disconnect=True, grace_ms=5_000) as bob,
    ):
        alice.send(buy(1), buy(2, KEPT))
        await alice.reports(2)
        bob.send(buy(3))
        await bob.reports(1)
        await venue.stop()
    async with running(tmp_path / "journal") as venue:
        assert venue.engine.open_order_count == 3
        async with venue.wire("bob", cancel_on_disconnect=True, grace_ms=5_000) as bob:
            clock.advance(5)
            await cancellation(venue)
            assert await open_orders(bob) == [3]


async def test_a_stop_by_itself_cancels_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "journal") as venue:
        async with (
            venue.wire("alice", cancel_on_disconnect=True) as alice,
            venue.wire("bob", cancel_on_disconnect=True) as bob,
        ):
            for wire in (alice, bob):
                wire.send(buy(1))
                await wire.reports(1)
            await venue.stop()
        # The venue left them, and not they the venue: their time runs from the next start.
        assert venue.engine.open_order_count == 2


async def open_orders(wire: Wire) -> list[int]:
    """The refs of the session's open orders."""
    wire.send(OrderStatusRequest(Ref(wire.accepted.last_ref + 1)))
    *orders, end = await wire.frame()
    assert isinstance(end, StatusEnd)
    return [order.order_ref for order in orders]


async def level_gone(feed: Wire, price_ticks: int) -> None:
    """Follow the feed until nobody bids this price."""
    feed.send(Subscribe(Ref(1), (EUA,)))
    books = BookBuilder()
    while True:
        books.apply(await feed.frame())
        book = books.books.get(EUA)
        if book is not None and book.is_current:
            bids, _ = book.depth()
            if price_ticks not in [level.price_ticks for level in bids]:
                return


async def swept(venue: Venue) -> None:
    """Let the engine notice who is gone, and look at its deadlines."""
    async with venue.wire("carol") as carol:
        assert await carol.settle() == []
    venue.sweep()


async def test_what_nobody_would_notice_is_not_journaled(venue: Venue) -> None:
    """Else one client that comes and goes could fill the disk, where everything else is refused."""
    async with venue.wire("alice", cancel_on_disconnect=True) as alice:
        alice.send(buy(1, KEPT))
        await alice.reports(1)
    await swept(venue)
    sequence = venue.engine.sequence
    for _ in range(3):
        async with venue.wire("alice", cancel_on_disconnect=True):
            pass
        await swept(venue)
    assert venue.engine.sequence == sequence
    assert venue.engine.open_order_count == 1


async def test_on_a_full_disk_logons_write_nothing_and_what_they_asked_for_is_kept_once_there_is_room(
    venue: Venue,
) -> None:
    gateway = venue.service._gateway
    # The venue looks at its disk, and would find it well.
    assert venue.service._vitals is not None
    venue.service._vitals.stop()
    gateway.accept_orders(False)
    sequence = venue.engine.sequence
    for grace_ms in range(1, 6):
        async with venue.wire("alice", cancel_on_disconnect=True, grace_ms=grace_ms):
            pass
    async with venue.wire("alice", cancel_on_disconnect=True, grace_ms=7_000):
        assert venue.engine.sequence == sequence
        gateway.accept_orders(True)
        asked = venue.engine.sessions[ALICE]
        assert (asked.cancel_on_disconnect, asked.grace_ms) == (True, 7_000)
        assert venue.engine.sequence == sequence + 1
        gateway.accept_orders(True)
        assert venue.engine.sequence == sequence + 1
