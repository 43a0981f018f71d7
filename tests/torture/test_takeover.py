"""Odd moments of a session that changes connections, held still."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.matching.messages import NewOrder, Ref, Side
from carbonmatch.server import stream as stream_module
from carbonmatch.server.gateway import SessionPeer
from tests.end_to_end.market import ALICE, EUA
from tests.end_to_end.running import running


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
    may_go_on = asyncio.Event()

    async def held(_: SessionPeer) -> None:
        await may_go_on.wait()

    monkeypatch.setattr(SessionPeer, "_room", held)
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
                may_go_on.set()
                await alice.settle()
                alice.send(buy(4))
                (accepted,) = await alice.reports(1)
                assert accepted.seq == 4
