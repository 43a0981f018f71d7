"""A session over its rate is told so, is served at its rate, and can still get out."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.limits import FRAME_MESSAGES_MAX, THROTTLE_PATIENCE_SECONDS
from carbonmatch.matching.messages import (
    Accepted,
    Cancel,
    Canceled,
    MassCancel,
    MassCanceled,
    MassCancelScope,
    NewOrder,
    Ref,
    RejectReason,
    Side,
)
from carbonmatch.protocol.messages import LoggedOut, LogoutReason, SessionRejected
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Clock, Venue, running

# Four commands at once and two a second; two cancels at once and one a second.
THROTTLE = "{ commands_per_second = 2, commands_burst = 4, cancels_per_second = 1, cancels_burst = 2 }"


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000 + ref)


@pytest.fixture
async def venue(clock: Clock, tmp_path: Path) -> AsyncIterator[Venue]:
    """Carol is throttled, and time passes only where a test says so."""
    clock.stop()
    async with running(tmp_path / "journal", throttle=THROTTLE) as one:
        yield one


async def test_commands_over_the_burst_are_refused_until_there_is_room_again(
    clock: Clock, venue: Venue
) -> None:
    async with venue.wire("carol") as carol:
        for ref in range(1, 5):
            carol.send(buy(ref))
        await carol.reports(4)
        carol.send(buy(5))
        assert await carol.next(SessionRejected) == SessionRejected(Ref(5), RejectReason.THROTTLED, 500_000)
        clock.advance(0.5)
        carol.send(buy(6))
        assert isinstance((await carol.frame())[0], Accepted)
        carol.send(buy(7))
        assert isinstance((await carol.frame())[0], SessionRejected)
    assert venue.engine.open_order_count == 5


async def test_a_throttled_session_can_still_cancel(venue: Venue) -> None:
    async with venue.wire("carol") as carol:
        carol.send(buy(1), buy(2), buy(3), buy(4))
        await carol.reports(4)
        # The cancel of a frame passes and its order does not.
        carol.send(buy(5), Cancel(Ref(6), order_ref=Ref(1)))
        assert (await carol.next(SessionRejected)).ref == 5
        assert isinstance((await carol.frame())[0], Canceled)
        carol.send(MassCancel(Ref(7), MassCancelScope.SESSION))
        assert isinstance((await carol.frame())[-1], MassCanceled)
        # Their bucket has an end, too.
        carol.send(Cancel(Ref(8), order_ref=Ref(2)))
        assert await carol.next(SessionRejected) == SessionRejected(Ref(8), RejectReason.THROTTLED, 1_000_000)


async def test_the_others_are_not_throttled(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        for start in range(1, 1_001, 100):
            alice.send(*(buy(ref) for ref in range(start, start + 100)))
        assert all(isinstance(report, Accepted) for report in await alice.reports(1_000))


async def test_a_reconnect_does_not_fill_the_bucket(venue: Venue) -> None:
    async with venue.wire("carol") as carol:
        carol.send(buy(1), buy(2), buy(3), buy(4))
        await carol.reports(4)
        carol.abort()
    async with venue.wire("carol") as carol:
        carol.send(buy(5))
        assert (await carol.next(SessionRejected)).reason is RejectReason.THROTTLED


async def test_a_repeat_costs_nothing(venue: Venue) -> None:
    async with venue.wire("carol") as carol:
        carol.send(buy(1))
        await carol.reports(1)
        for _ in range(10):
            carol.send(buy(1))
            assert isinstance((await carol.frame())[0], Accepted)
        carol.send(buy(2))
        assert isinstance((await carol.frame())[0], Accepted)


async def test_who_does_not_stop_is_sent_away(venue: Venue) -> None:
    patience = 2 * THROTTLE_PATIENCE_SECONDS
    async with venue.wire("carol") as carol:
        carol.send(buy(1), buy(2), buy(3), buy(4))
        await carol.reports(4)
        for ref in range(5, 5 + patience):
            carol.send(buy(ref))
            assert (await carol.next(SessionRejected)).ref == ref
        # What stands in the frame that was one too many is answered like all before it.
        last = 5 + patience
        carol.send(buy(last), Cancel(Ref(last + 1), order_ref=Ref(1)))
        messages: list[Any] = []
        while not messages or not isinstance(messages[-1], LoggedOut):
            messages += await carol.frame()
        assert [type(message) for message in messages] == [SessionRejected, Canceled, LoggedOut]
        assert messages[-1].reason is LogoutReason.THROTTLED
        assert await carol.ended()
    assert venue.engine.open_order_count == 3


async def test_commands_may_be_throttled_and_cancels_not(clock: Clock, tmp_path: Path) -> None:
    throttle = "{ commands_per_second = 1, commands_burst = 200 }"
    async with running(tmp_path / "journal", throttle=throttle) as venue, venue.wire("carol") as carol:
        assert (carol.accepted.cancels_per_second, carol.accepted.cancels_burst) == (0, 0)
        carol.send(*(buy(ref) for ref in range(1, FRAME_MESSAGES_MAX + 1)))
        await carol.reports(FRAME_MESSAGES_MAX)
        carol.send(*(Cancel(Ref(200 + ref), order_ref=Ref(ref)) for ref in range(1, FRAME_MESSAGES_MAX + 1)))
        assert all(isinstance(report, Canceled) for report in await carol.reports(FRAME_MESSAGES_MAX))


async def test_cancels_may_be_throttled_and_commands_not(clock: Clock, tmp_path: Path) -> None:
    throttle = "{ cancels_per_second = 1, cancels_burst = 1 }"
    async with running(tmp_path / "journal", throttle=throttle) as venue, venue.wire("carol") as carol:
        carol.send(*(buy(ref) for ref in range(1, FRAME_MESSAGES_MAX + 1)))
        await carol.reports(FRAME_MESSAGES_MAX)
        carol.send(Cancel(Ref(201), order_ref=Ref(1)))
        assert isinstance((await carol.frame())[0], Canceled)
        carol.send(Cancel(Ref(202), order_ref=Ref(2)))
        assert (await carol.next(SessionRejected)).reason is RejectReason.THROTTLED
