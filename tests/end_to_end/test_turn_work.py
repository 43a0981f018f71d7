"""What one turn of the loop may do: everybody else waits for it."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from carbonmatch.limits import (
    FRAME_MESSAGES_MAX,
    FRAME_WORK,
    RECEIVE_KERNEL_BYTES,
    TURN_SESSION_WORK_MAX,
    TURN_WORK_MAX,
)
from carbonmatch.matching.messages import NewOrder, Ref, Side
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import LoggedOut, LogoutReason
from carbonmatch.server.gateway import Gateway
from carbonmatch.server.pipeline import Pipeline
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Venue
from tests.end_to_end.wire import Wire

FLOOD_COMMANDS = 40 * FRAME_MESSAGES_MAX


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commands each turn has applied."""
    found: list[int] = []
    turn: Callable[[Gateway], None] = Gateway._turn

    def noted(gateway: Gateway) -> None:
        before = gateway.pipeline.engine.sequence
        turn(gateway)
        found.append(gateway.pipeline.engine.sequence - before)

    monkeypatch.setattr(Gateway, "_turn", noted)
    return found


def flood(wire: Wire, per_frame: int) -> None:
    for start in range(1, FLOOD_COMMANDS + 1, per_frame):
        refs = range(start, start + per_frame)
        wire.send(*(NewOrder(Ref(ref), EUA, Side.BUY, 1, 1 + ref % 1_000) for ref in refs))


@pytest.mark.parametrize("per_frame", [1, 64, FRAME_MESSAGES_MAX])
async def test_a_turn_ends_when_its_work_is_done_whatever_the_frames(
    venue: Venue, turns: list[int], per_frame: int
) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        for wire in (alice, bob):
            flood(wire, per_frame)
        await asyncio.gather(*(wire.reports(FLOOD_COMMANDS) for wire in (alice, bob)))
    # Each frame is as much work as its commands and some more, the least where it was read with others; the
    # last session is served to its own bound, and its last frame is applied whole.
    work_max = TURN_WORK_MAX + TURN_SESSION_WORK_MAX + per_frame
    assert max(turns) <= work_max * per_frame / (per_frame + (1 if per_frame == 1 else FRAME_WORK))
    assert max(turns) > TURN_WORK_MAX * per_frame / (per_frame + FRAME_WORK) / 2, "the test floods"


async def test_the_kernel_may_hold_no_more_than_one_chunk(venue: Venue) -> None:
    """By itself it grows to megabytes, which would be read at once, and would wait where nobody sees it."""
    async with venue.wire("alice"), venue.feed_wire():
        for peer in (*venue.order_entry_peers, *venue.market_data_peers):
            raw = peer.transport.get_extra_info("socket")
            # The kernel doubles what it is asked for.
            assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * RECEIVE_KERNEL_BYTES


async def test_frames_that_are_read_at_once_are_one_entry_and_each_command_is_answered(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries: list[list[int]] = []
    submit = Pipeline.submit

    def noted(pipeline: Pipeline, session_id: Any, commands: Any, *rest: Any) -> None:
        entries.append([command.ref for command in commands])
        submit(pipeline, session_id, commands, *rest)

    monkeypatch.setattr(Pipeline, "submit", noted)
    async with venue.wire("alice") as alice:
        entries.clear()
        alice.writer.write(b"".join(frame(encode([order(ref)])) for ref in (1, 2, 3)))
        assert [report.ref for report in await alice.reports(3)] == [1, 2, 3]
    assert entries == [[1, 2, 3]]


async def test_what_was_sent_before_a_broken_frame_is_applied_though_they_are_read_at_once(
    venue: Venue,
) -> None:
    async with venue.wire("alice") as alice:
        good = b"".join(frame(encode([order(ref)])) for ref in (1, 2))
        alice.writer.write(good + frame(b"\x91\xc1") + frame(encode([order(3)])))
        (goodbye,) = await alice.frame()
        assert type(goodbye) is LoggedOut
        assert goodbye.reason is LogoutReason.PROTOCOL_ERROR
    async with venue.wire("alice", next_seq=1) as alice:
        assert alice.accepted.last_ref == 2
        assert [report.ref for report in await alice.reports(2)] == [1, 2]


def order(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 1, 10)
