"""Odd moments of a session that changes connections, held still."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from carbonmatch.limits import BATCH_COMMANDS_MAX, FRAME_MESSAGES_MAX, REPEATS_WAITING_MAX, WIRE_INT_MAX
from carbonmatch.matching.messages import Accepted, NewOrder, Ref, ReportFlag, Side
from carbonmatch.protocol.batch import repeats_of
from carbonmatch.protocol.messages import LogoutReason
from carbonmatch.server import stream as stream_module
from carbonmatch.server.catch_up import CatchUp
from tests.end_to_end.market import ALICE, EUA
from tests.end_to_end.running import Disk, running


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


class Unread:
    """A transport whose peer does not read: what is closed stays until it has gone out."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        pass


async def test_a_connection_that_lost_its_session_while_catching_up_does_not_take_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    go_on = CatchUp.go_on
    begun: list[CatchUp] = []
    held: list[Callable[[], None]] = []

    def held_after_the_first_slice(catch_up: CatchUp) -> None:
        if catch_up in begun:
            held.append(partial(go_on, catch_up))
        else:
            begun.append(catch_up)
            go_on(catch_up)

    monkeypatch.setattr(CatchUp, "go_on", held_after_the_first_slice)
    async with running(tmp_path) as venue:
        async with venue.wire("alice") as alice:
            for ref in (1, 2, 3):
                alice.send(buy(ref))
                await alice.reports(1)
        async with venue.wire("alice", next_seq=1) as stale:
            await stale.reports(3)
            peer = venue.service._gateway.owners[ALICE]
            monkeypatch.setattr(peer, "transport", Unread(peer.transport))
            async with venue.wire("alice", next_seq=4) as alice:
                assert len(held) == 1
                held[0]()
                await alice.settle()
                alice.send(buy(4))
                (accepted,) = await alice.reports(1)
                assert accepted.seq == 4


async def test_a_command_that_was_applied_is_never_refused_because_many_came_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused it would count as not applied, and be sent anew under another ref: executed twice."""
    # As many as the disk may keep waiting before nobody is served any more.
    count = BATCH_COMMANDS_MAX
    disk = Disk(monkeypatch)
    # To take a whole batch apart for each ref that is repeated took seconds, and everybody waited.
    taking_apart = Mock(wraps=repeats_of)
    monkeypatch.setattr(stream_module, "repeats_of", taking_apart)
    async with running(tmp_path) as venue, venue.wire("alice") as alice:
        before = venue.engine.sequence
        with disk.held():
            for _ in ("once", "and again"):
                for first in range(1, count, FRAME_MESSAGES_MAX):
                    alice.send(*(buy(ref) for ref in range(first, first + FRAME_MESSAGES_MAX)))
            await alice.settle()
        reports = await alice.reports(2 * count)
        assert {type(report) for report in reports} == {Accepted}
        assert [report.ref for report in reports if not report.flags] == list(range(1, count + 1))
        assert [report.ref for report in reports if report.flags] == list(range(1, count + 1))
        assert venue.engine.sequence == before + count
        assert 1 <= taking_apart.call_count <= 2, "once for each batch"


async def test_repeating_more_than_can_have_been_sent_ends_the_connection_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    async with running(tmp_path) as venue, venue.wire("alice") as alice, venue.wire("bob") as bob:
        with disk.held():
            # Between what is durable and this one are refs enough to be waited for.
            alice.send(buy(WIRE_INT_MAX))
            for first in range(1, REPEATS_WAITING_MAX + 2, FRAME_MESSAGES_MAX):
                alice.send(*(buy(ref) for ref in range(first, first + FRAME_MESSAGES_MAX)))
            assert (await alice.goodbye()).reason is LogoutReason.THROTTLED
            bob.send(buy(1), buy(2))
            bob.send(buy(1))
            await bob.settle()
        assert [report.flags for report in await bob.reports(3)] == [0, 0, ReportFlag.POSSIBLE_DUPLICATE]


async def test_a_client_that_starts_anew_never_gets_the_answer_of_its_former_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot know of commands that are still on their way to the disk, and must not use their refs."""
    disk = Disk(monkeypatch)
    async with running(tmp_path) as venue:
        with disk.held():
            async with venue.wire("alice") as alice:
                alice.send(buy(1))
                await alice.settle()
            asyncio.get_running_loop().call_later(0.05, disk.release)
            async with venue.session("alice") as session:
                accepted = (await session.new_order(EUA, Side.SELL, 7, 8000))[0]
                assert isinstance(accepted, Accepted)
                assert (accepted.side, accepted.quantity_lots) == (Side.SELL, 7)
