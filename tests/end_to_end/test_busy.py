"""Orders that have waited too long for their turn are refused, and what takes orders out passes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.limits import BUSY_TOLD_SECONDS
from carbonmatch.matching.messages import (
    Accepted,
    Cancel,
    Canceled,
    MassCancel,
    MassCanceled,
    MassCancelScope,
    NewOrder,
    NewOrderLong,
    OrderId,
    Reduce,
    Reduced,
    Ref,
    Rejected,
    RejectReason,
    Replace,
    Side,
)
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.messages import SessionRejected
from carbonmatch.server import pipeline as pipeline_module
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Clock, Disk, Venue, eventually, running
from tests.end_to_end.wire import Wire

WAIT_SECONDS = 0.025


@pytest.fixture
async def venue(clock: Clock, disk: Disk, tmp_path: Path) -> AsyncIterator[Venue]:
    """Time passes only where a test says so, and a batch is full with its first command."""
    clock.stop()
    async with running(tmp_path / "journal") as one:
        one.service._gateway.order_wait_ns = round(WAIT_SECONDS * 1e9)
        yield one


def buy(ref: int, price: int = 5000) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, price)


@asynccontextmanager
async def full(venue: Venue, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Nothing is served until the block ends: one batch waits for the disk, and the next one is full."""
    with monkeypatch.context() as patch, disk.held():
        patch.setattr(pipeline_module, "BATCH_COMMANDS_MAX", 1)
        async with venue.wire("carol") as carol:
            sequence = venue.engine.sequence
            carol.send(buy(1))
            await eventually(lambda: venue.engine.sequence > sequence)
            carol.send(buy(2))
            await eventually(lambda: venue.service._pipeline.is_full)
            yield


async def queued(venue: Venue, wire: Wire, frames: int) -> None:
    """Wait until the engine has read this many frames of the connection, which wait for their turn."""
    (peer,) = [one for one in venue.order_entry_peers if one.address == wire.address]
    await eventually(lambda: len(peer.frames) == frames)


async def messages(wire: Wire, count: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < count:
        found += await wire.frame()
    assert len(found) == count, found
    return found


async def test_a_late_order_is_refused_and_the_cancels_behind_it_pass(
    clock: Clock, venue: Venue, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue.wire("alice") as alice:
        alice.send(buy(1), buy(2), buy(3))
        await alice.reports(3)
        async with full(venue, disk, monkeypatch):
            alice.send(buy(4))
            alice.send(
                NewOrderLong(Ref(5), EUA, Side.BUY, 10, 5000),
                Cancel(Ref(6), Ref(1)),
                Replace(Ref(7), Ref(2), OrderId(0), 20, 9),
            )
            alice.send(Reduce(Ref(8), Ref(2), OrderId(0), 5))
            alice.send(Cancel(Ref(9), Ref(4)))
            alice.send(MassCancel(Ref(10), MassCancelScope.SESSION))
            await queued(venue, alice, 5)
            clock.advance(WAIT_SECONDS + 0.001)
        found = await messages(alice, 9)
        refused = [one for one in found if type(one) is SessionRejected]
        assert [(one.ref, one.reason) for one in refused] == [
            (4, RejectReason.BUSY),
            (5, RejectReason.BUSY),
            (7, RejectReason.BUSY),
        ]
        reports = [one for one in found if type(one) is not SessionRejected]
        assert [(type(one), one.ref) for one in reports] == [
            (Canceled, 6),
            (Reduced, 8),
            (Rejected, 9),
            (Canceled, 10),
            (Canceled, 10),
            (MassCanceled, 10),
        ]
        # Nothing happened, and that is for good.
        alice.send(buy(5))
        assert (await alice.next(SessionRejected)).reason is RejectReason.REF_NOT_APPLIED
        alice.send(buy(11))
        assert isinstance((await alice.frame())[0], Accepted)


async def test_who_sent_a_moment_ago_is_not_refused_for_what_others_wait(
    clock: Clock, venue: Venue, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        async with full(venue, disk, monkeypatch):
            alice.send(buy(1))
            await queued(venue, alice, 1)
            clock.advance(WAIT_SECONDS + 0.001)
            bob.send(buy(1))
            await queued(venue, bob, 1)
        assert (await alice.next(SessionRejected)).reason is RejectReason.BUSY
        assert isinstance((await bob.frame())[0], Accepted)


async def test_an_order_in_time_and_a_repeat_at_any_time_are_served(
    clock: Clock, venue: Venue, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue.wire("alice") as alice:
        alice.send(buy(1))
        await alice.reports(1)
        async with full(venue, disk, monkeypatch):
            alice.send(buy(1))
            await queued(venue, alice, 1)
            clock.advance(WAIT_SECONDS)
            alice.send(buy(2))
            await queued(venue, alice, 2)
            clock.advance(WAIT_SECONDS)
        assert [(type(one), one.ref) for one in await messages(alice, 2)] == [(Accepted, 1), (Accepted, 2)]


async def test_operators_see_it(
    clock: Clock, venue: Venue, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue.wire("alice") as alice:
        async with full(venue, disk, monkeypatch):
            alice.send(buy(1))
            await queued(venue, alice, 1)
            clock.advance(WAIT_SECONDS + 0.001)
            waited_ns, waiting_bytes = venue.service._gateway.waiting()
            assert waited_ns == round((WAIT_SECONDS + 0.001) * 1e9)
            assert waiting_bytes == len(encode([buy(1)]))
        await alice.next(SessionRejected)
        assert (await venue.get("/readyz"))[0] == 200
        assert '"state":"busy"' in (await venue.get("/healthz"))[1]
        # It goes on taking orders that are in time, and it passes.
        alice.send(buy(2))
        assert isinstance((await alice.frame())[0], Accepted)
        clock.advance(BUSY_TOLD_SECONDS)
        assert '"state":"active"' in (await venue.get("/healthz"))[1]
    assert venue.service.counters.rejects[RejectReason.BUSY] == 1


async def test_late_commands_of_many_frames_are_taken_together_in_their_order(
    clock: Clock, venue: Venue, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 150
    entries: list[int] = []
    submit = pipeline_module.Pipeline.submit

    def noted(pipeline: Any, session_id: Any, commands: Any, *rest: Any) -> None:
        entries.append(len(commands))
        submit(pipeline, session_id, commands, *rest)

    async with venue.wire("alice") as alice:
        for first in range(1, count + 1, 50):
            alice.send(*(buy(ref) for ref in range(first, first + 50)))
            await alice.reports(50)
        async with full(venue, disk, monkeypatch):
            for number in range(1, count + 1):
                alice.send(buy(count + 2 * number))
                alice.send(Cancel(Ref(count + 2 * number + 1), Ref(number)))
            await queued(venue, alice, 2 * count)
            clock.advance(WAIT_SECONDS + 0.001)
            monkeypatch.setattr(pipeline_module.Pipeline, "submit", noted)
        found = await messages(alice, 2 * count)
    refused = [one.ref for one in found if type(one) is SessionRejected]
    canceled = [one.ref for one in found if type(one) is Canceled]
    assert refused == [count + 2 * number for number in range(1, count + 1)]
    assert canceled == [ref + 1 for ref in refused]
    assert sum(entries) == count
    assert len(entries) < count / 10
