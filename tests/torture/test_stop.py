"""Odd moments of a stop, held still: a signal at random finds them once in a thousand."""

import asyncio
import socket
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.journal_tools import replay
from carbonmatch.matching.messages import NewOrder, Ref, Side
from carbonmatch.protocol.codec import decode_reports
from carbonmatch.protocol.messages import LoggedOut, LogoutReason
from carbonmatch.server.service import Service
from carbonmatch.server.session_peer import SessionPeer
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Disk, Venue, eventually, running


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


async def test_what_a_stop_cancels_is_in_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goodbyes end connections, that cancels orders, and the disk takes its time with them."""
    disk = Disk(monkeypatch)
    wait_for_peers = Service._wait_for_peers

    async def while_the_disk_is_slow(service: Service) -> None:
        held = ExitStack()
        held.enter_context(disk.held())
        await wait_for_peers(service)
        asyncio.get_running_loop().call_later(0.1, held.close)

    monkeypatch.setattr(Service, "_wait_for_peers", while_the_disk_is_slow)
    async with AsyncExitStack() as wires, running(tmp_path) as venue:
        for name in ("alice", "bob", "carol"):
            wire = await wires.enter_async_context(venue.wire(name, cancel_on_disconnect=True, grace_ms=0))
            wire.send(buy(1))
            await wire.reports(1)
    monkeypatch.undo()
    async with running(tmp_path) as venue:
        sequence = venue.engine.sequence
    assert replay(tmp_path).commands == sequence


async def late_greeting(venue: Venue) -> Any:
    """What a connection is told that the kernel has let in, and the loop gets to once a stop has begun."""
    accepted, ours = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(venue.service._gateway.make_peer, accepted)
    reader, writer = await asyncio.open_connection(sock=ours)
    data = await reader.read()
    writer.close()
    (message,) = decode_reports(data[4:])
    return message


async def test_nobody_new_is_let_in_while_a_stop_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a newcomer sent would be refused for good, instead of answered after the restart."""
    disk = Disk(monkeypatch)
    venue = Venue(tmp_path)
    await venue.start()
    async with venue.wire("alice") as alice:
        with disk.held():
            alice.send(buy(1))
            await alice.settle()
            stopping = asyncio.create_task(venue.stop())
            await asyncio.sleep(0)
            with pytest.raises(ConnectionRefusedError):
                async with venue.wire("bob"):
                    pass
            assert await late_greeting(venue) == LoggedOut(LogoutReason.SHUTTING_DOWN)
        (accepted,) = await alice.reports(1)
        assert accepted.ref == 1
        assert (await alice.goodbye()).reason is LogoutReason.SHUTTING_DOWN
    await stopping


async def test_a_stop_in_the_moment_in_which_a_connection_is_made_is_a_clean_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The door is closed between the loop making it and the door hearing of it."""
    venue = Venue(tmp_path)
    await venue.start()
    connection_made = SessionPeer.connection_made

    def made_while_stopping(peer: SessionPeer, transport: Any) -> None:
        connection_made(peer, transport)
        venue.service._gateway.stop_reading()

    monkeypatch.setattr(SessionPeer, "connection_made", made_while_stopping)
    reader, writer = await asyncio.open_connection(*venue.order_entry)
    await eventually(lambda: venue.service._gateway.is_closed)
    await venue.stop()
    assert not venue.service._gateway.peers
    messages = [message for payload in cut(await reader.read()) for message in decode_reports(payload)]
    assert messages[-1] == LoggedOut(LogoutReason.SHUTTING_DOWN)
    writer.close()


def cut(data: bytes) -> list[bytes]:
    """The payloads of frames."""
    payloads = []
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        payloads.append(data[4:end])
        data = data[end:]
    return payloads
