"""The drop-copy client: every copy once, in order, over lost connections."""

from random import Random
from typing import Any

import pytest

from carbonmatch.client import DropCopyClient
from carbonmatch.client.errors import Disconnected, EventsLost, LogonRefused, StreamGap
from carbonmatch.matching.messages import Ref, Rejected, RejectReason, SessionId
from carbonmatch.protocol.codec import UnknownMessage
from carbonmatch.protocol.messages import Copied, LogonRejected, Role
from tests.client.clock import in_virtual_time, until
from tests.client.fake_server import FakeServer


def copied(seq: int) -> Copied:
    return Copied(seq, SessionId(1), Rejected(seq, Ref(seq), 1, 0, RejectReason.HALTED))


def client_of(server: FakeServer, **options: Any) -> DropCopyClient:
    return DropCopyClient(server.access(role=Role.DROP_COPY), random=Random(1), **options)


@in_virtual_time
async def test_copies_come_in_order_and_a_lost_connection_is_taken_up_at_the_next_one() -> None:
    losses: list[Disconnected] = []
    async with FakeServer() as server:
        server.next_seq_told = 1
        async with client_of(server, next_seq=1, on_disconnect=losses.append) as client:
            server.connections[-1].send([copied(1), copied(2)])
            copies = client.copies()
            assert [(await anext(copies)).seq, (await anext(copies)).seq] == [1, 2]
            server.next_seq_told = 3
            server.drop()
            await until(lambda: len(server.logons) == 2 and bool(server.connections))
            assert [logon.next_seq for logon in server.logons] == [1, 3]
            server.connections[-1].send([copied(3)])
            assert await anext(copies) == copied(3)
            assert client.next_seq == 4
    assert len(losses) == 1


@in_virtual_time
async def test_a_callback_gets_the_copies_of_each_frame() -> None:
    frames: list[list[Copied]] = []
    async with FakeServer() as server:
        server.next_seq_told = 7
        async with client_of(server, on_copies=lambda copies: frames.append(list(copies))) as client:
            server.connections[-1].send([copied(7), copied(8)])
            server.connections[-1].send([copied(9)])
            await until(lambda: client.next_seq == 10)
    assert frames == [[copied(7), copied(8)], [copied(9)]]


@pytest.mark.parametrize("found", [1, 3])
@in_virtual_time
async def test_a_gap_and_a_repeat_end_the_client(found: int) -> None:
    async with FakeServer() as server:
        server.next_seq_told = 1
        async with client_of(server, next_seq=1) as client:
            server.connections[-1].send([copied(1)])
            server.connections[-1].send([copied(found)])
            copies = client.copies()
            assert (await anext(copies)).seq == 1
            with pytest.raises(StreamGap, match=f"expected 2, found {found}|{found}"):
                await anext(copies)


@in_virtual_time
async def test_an_engine_that_goes_on_elsewhere_is_not_believed() -> None:
    async with FakeServer() as server:
        server.next_seq_told = 5
        with pytest.raises(StreamGap):
            await client_of(server, next_seq=2).start()


@in_virtual_time
async def test_a_message_of_a_later_version_counts_and_is_left_out() -> None:
    frames: list[list[Copied]] = []
    async with FakeServer() as server:
        server.next_seq_told = 1
        async with client_of(server, on_copies=lambda copies: frames.append(list(copies))) as client:
            later = UnknownMessage(69, (1, "what this version does not know"))
            server.connections[-1].send([(later.tag, *later.fields), copied(2)])
            await until(lambda: client.next_seq == 3)
    assert frames == [[copied(2)]]


@in_virtual_time
async def test_a_reader_that_is_too_slow_is_told_what_it_lost() -> None:
    async with FakeServer() as server:
        server.next_seq_told = 1
        async with client_of(server, next_seq=1, copies_max=2) as client:
            server.connections[-1].send([copied(1), copied(2), copied(3)])
            await until(lambda: client.next_seq == 4)
            with pytest.raises(EventsLost):
                await anext(client.copies())


@in_virtual_time
async def test_a_refused_logon_is_raised_at_once() -> None:
    async with FakeServer() as server:
        server.refusal = LogonRejected(RejectReason.LOGON_REFUSED, "logon refused")
        with pytest.raises(LogonRefused):
            await client_of(server).start()
