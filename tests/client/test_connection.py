"""One connection: what it sends and when, and what it makes of what comes."""

import asyncio
from random import Random
from typing import Any, cast

import pytest

from carbonmatch.client.connection import Access, Connection, open_connection
from carbonmatch.client.errors import Disconnected, LogonRefused, SendBufferFull
from carbonmatch.limits import (
    FRAME_MESSAGES_MAX,
    FRAME_SEARCHES_MAX,
    LOGON_SECONDS_MAX,
    SEND_BUFFER_BYTES_MAX,
)
from carbonmatch.matching.messages import (
    BlockStatusRequest,
    Cancel,
    ClientCommand,
    InstrumentStatusRequest,
    MassCancel,
    MassCancelScope,
    OrderStatusRequest,
    Phase,
    Ref,
    Rejected,
    RejectReason,
    SetPhase,
    SettlementStatusRequest,
)
from carbonmatch.protocol.codec import decode_client_frame, decode_reports
from carbonmatch.protocol.frames import FrameReader
from carbonmatch.protocol.messages import Challenge, LoggedOut, LogonRejected, LogoutReason
from tests.client.clock import in_virtual_time, until
from tests.client.fake_server import NONCE, PRIVATE_KEY, FakeServer

ACCESS = Access(host="", port=0, key_id="key", private_key=PRIVATE_KEY, session="S1")


def framed(payload: str) -> bytes:
    data = bytes.fromhex(payload)
    return len(data).to_bytes(4, "big") + data


# [[4, "fake", 32 zero bytes, 1, 1]]
CHALLENGE = framed("9195 04 a466616b65 c420" + 32 * "00" + "01 01")
# [[5, 1, "S1", 1, 1, 0, 1000, 0, 0, 0, 0, 0, 7, true]]
ACCEPTED = framed("919e 05 01 a25331 01 01 00 cd03e8 00 00 00 00 00 07 c3")
# [[49, 1, 1, 7, 0, 103], [49, 2, 2, 7, 0, 113]]
TWO_REJECTED = framed("92 96 31 01 01 07 00 67 96 31 02 02 07 00 71")
HEARTBEAT = framed("91 92 03 00")
HEARTBEAT_ANSWER = framed("91 93 08 00 07")
LOGOUT = framed("91 92 02 a0")
LOGGED_OUT = framed("91 93 07 01 a0")


class MemoryTransport:
    """Keeps what is written; `unread` of it counts as not taken by the engine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.writes: list[bytes] = []
        self.unread = 0
        self.is_closed = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.writes.append(data)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)

    abort = close


class Wire:
    """A connection, and the transport it believes to be TCP."""

    def __init__(self) -> None:
        self.frames: list[list[Any]] = []
        self.connection = Connection(ACCESS, 0, decode_reports, self.frames.append, None)
        self.transport = MemoryTransport(self.connection)
        self.connection.connection_made(cast(asyncio.BaseTransport, self.transport))

    def feed(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.connection.data_received(chunk)


def logged_on() -> Wire:
    wire = Wire()
    wire.feed(CHALLENGE, ACCEPTED)
    wire.transport.writes.clear()
    return wire


@in_virtual_time
async def test_a_frame_is_delivered_as_one_list_however_its_bytes_are_cut() -> None:
    everything = CHALLENGE + ACCEPTED + TWO_REJECTED
    for piece_bytes in (1, 2, 3, 7, len(everything)):
        wire = Wire()
        wire.feed(*[everything[i : i + piece_bytes] for i in range(0, len(everything), piece_bytes)])
        assert wire.frames == [
            [
                Rejected(1, Ref(1), 7, 0, RejectReason.INVALID_QUANTITY),
                Rejected(2, Ref(2), 7, 0, RejectReason.CLOSED),
            ]
        ]
        assert wire.connection.accepted.heartbeat_ms == 1_000
        wire.connection.abort("end of test")


@in_virtual_time
async def test_reports_that_come_with_the_logons_answer_are_delivered_after_on_logon() -> None:
    async with FakeServer() as server:
        server.report(Rejected, 1, RejectReason.CLOSED)
        order: list[str] = []
        connection = await open_connection(
            server.access(),
            next_seq=1,
            on_messages=lambda messages: order.append(f"{len(messages)} reports"),
            on_logon=lambda connection: order.append(f"next is {connection.accepted.next_seq}"),
        )
        await until(lambda: len(order) == 2)
        assert order == ["next is 1", "1 reports"]
        await connection.logout()


@in_virtual_time
async def test_says_something_at_least_once_in_each_heartbeat_interval() -> None:
    wire = logged_on()
    for second in range(1, 6):
        await asyncio.sleep(1.0)
        wire.feed(HEARTBEAT_ANSWER)
        assert len(wire.transport.writes) >= second
        assert set(wire.transport.writes) == {HEARTBEAT}
    wire.connection.abort("end of test")


@in_virtual_time
async def test_sends_no_heartbeat_while_it_has_commands_to_send() -> None:
    wire = logged_on()
    for ref in range(1, 20):
        await asyncio.sleep(0.4)
        wire.feed(HEARTBEAT_ANSWER)
        wire.connection.send([Cancel(Ref(ref), Ref(1))])
    assert HEARTBEAT not in wire.transport.writes
    wire.connection.abort("end of test")


@in_virtual_time
async def test_drops_an_engine_that_is_silent_for_three_intervals_but_not_before() -> None:
    wire = logged_on()
    await asyncio.sleep(2.9)
    assert wire.connection.is_open
    await asyncio.sleep(0.7)
    assert not wire.connection.is_open
    loss = await wire.connection.wait_lost()
    assert loss.reason is LogoutReason.HEARTBEAT_MISSED
    assert str(loss) == "nothing heard for 3000 ms"


@in_virtual_time
async def test_any_byte_counts_as_a_sign_of_life() -> None:
    wire = logged_on()
    for byte in TWO_REJECTED:
        await asyncio.sleep(2.0)
        wire.feed(bytes([byte]))
    assert wire.connection.is_open
    wire.connection.abort("end of test")


@in_virtual_time
async def test_more_commands_than_a_frame_takes_go_out_as_several_frames_in_one_write() -> None:
    wire = logged_on()
    commands = [Cancel(Ref(ref), Ref(1)) for ref in range(1, 301)]
    wire.connection.send(commands)
    assert len(wire.transport.writes) == 1
    frames = [decode_client_frame(p) for p in FrameReader(16 * 1024).feed(wire.transport.writes[0])]
    assert [command for frame in frames for command in frame] == commands
    assert max(len(frame) for frame in frames) <= FRAME_MESSAGES_MAX
    wire.connection.abort("end of test")


@in_virtual_time
async def test_commands_whose_bytes_do_not_fit_a_frame_are_split_too() -> None:
    wire = logged_on()
    wide = "\U0001f332" * 64  # 256 bytes, 128 of which are more than a frame
    wire.connection.send([SetPhase(Ref(r), 0, Phase.HALTED, wide) for r in range(1, 129)])  # type: ignore[arg-type]
    payloads = FrameReader(16 * 1024).feed(wire.transport.writes[0])
    assert sum(len(decode_client_frame(payload)) for payload in payloads) == 128
    wire.connection.abort("end of test")


@in_virtual_time
async def test_more_searches_than_a_frame_may_have_go_out_in_several() -> None:
    """One of the frames would otherwise be the last: to the engine it is a breach of the protocol."""
    wire = logged_on()
    commands: list[ClientCommand] = []
    for ref in range(1, 20, 3):
        commands += [
            OrderStatusRequest(Ref(ref)),
            MassCancel(Ref(ref + 1), MassCancelScope.SESSION),
            BlockStatusRequest(Ref(ref + 2)),
        ]
    commands += [
        SettlementStatusRequest(Ref(30)),
        *(InstrumentStatusRequest(Ref(ref)) for ref in range(31, 39)),
    ]
    wire.connection.send(commands)
    (written,) = wire.transport.writes
    frames = [decode_client_frame(payload) for payload in FrameReader(16 * 1024).feed(written)]
    assert [command for frame in frames for command in frame] == commands
    assert max(len(frame) for frame in frames) <= FRAME_SEARCHES_MAX
    wire.connection.abort("end of test")


@in_virtual_time
async def test_ready_waits_while_the_engine_does_not_take_what_was_sent() -> None:
    wire = logged_on()
    await wire.connection.ready()
    wire.connection.pause_writing()
    waiting = asyncio.create_task(wire.connection.ready())
    await asyncio.sleep(0.1)
    assert not waiting.done()
    wire.connection.resume_writing()
    await waiting
    wire.connection.abort("end of test")


@in_virtual_time
async def test_ready_ends_with_the_connection() -> None:
    wire = logged_on()
    wire.connection.pause_writing()
    waiting = asyncio.create_task(wire.connection.ready())
    await asyncio.sleep(0)
    wire.feed(LOGGED_OUT)
    with pytest.raises(Disconnected, match="REQUESTED"):
        await waiting


@in_virtual_time
async def test_ready_gives_up_on_an_engine_that_stalls() -> None:
    wire = logged_on()
    wire.connection.pause_writing()
    with pytest.raises(TimeoutError):
        await wire.connection.ready(seconds=0.5)
    wire.connection.abort("end of test")


@in_virtual_time
async def test_refuses_to_send_more_than_the_bound_and_then_sends_nothing_of_it() -> None:
    wire = logged_on()
    wire.connection.pause_writing()
    wire.transport.unread = SEND_BUFFER_BYTES_MAX - 20
    wire.connection.send([Cancel(Ref(1), Ref(1))])
    assert len(wire.transport.writes) == 1
    with pytest.raises(SendBufferFull):
        wire.connection.send([Cancel(Ref(ref), Ref(1)) for ref in range(2, 12)])
    assert len(wire.transport.writes) == 1
    wire.connection.abort("end of test")


@in_virtual_time
async def test_nothing_can_be_sent_before_the_logon_or_after_the_end() -> None:
    wire = Wire()
    with pytest.raises(Disconnected, match="not logged on yet"):
        wire.connection.send([Cancel(Ref(1), Ref(1))])
    wire.feed(CHALLENGE, ACCEPTED)
    wire.connection.abort("enough")
    with pytest.raises(Disconnected, match="enough"):
        wire.connection.send([Cancel(Ref(1), Ref(1))])
    await asyncio.sleep(0)


@in_virtual_time
async def test_an_encoded_payload_is_sent_as_it_is() -> None:
    wire = logged_on()
    wire.connection.send_payload(bytes.fromhex("91 92 03 05"))
    assert wire.transport.writes == [framed("91 92 03 05")]
    wire.connection.abort("end of test")


@in_virtual_time
async def test_logs_out_with_a_word_and_waits_for_the_engines() -> None:
    wire = logged_on()
    leaving = asyncio.create_task(wire.connection.logout())
    await asyncio.sleep(0.1)
    assert wire.transport.writes == [LOGOUT]
    assert not leaving.done()
    wire.feed(LOGGED_OUT)
    await leaving
    assert (await wire.connection.wait_lost()).reason is LogoutReason.REQUESTED


@in_virtual_time
async def test_a_logout_that_is_not_answered_ends_at_its_deadline() -> None:
    wire = logged_on()
    await wire.connection.logout(seconds=0.5)
    assert str(await wire.connection.wait_lost()) == "the engine did not answer the logout"


@in_virtual_time
async def test_the_last_reports_of_a_frame_that_logs_out_are_delivered() -> None:
    wire = logged_on()
    # [[49, 1, 1, 7, 0, 103], [7, 5, ""]]
    wire.feed(framed("92 96 31 01 01 07 00 67 93 07 05 a0"))
    assert wire.frames == [[Rejected(1, Ref(1), 7, 0, RejectReason.INVALID_QUANTITY)]]
    assert (await wire.connection.wait_lost()).reason is LogoutReason.SHUTTING_DOWN


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        (bytes.fromhex("00000000"), "frame of 0 bytes"),
        (bytes.fromhex("ffffffff"), "frame of 4294967295 bytes"),
        (bytes.fromhex("00000001 c1"), "broke the protocol"),
        (ACCEPTED, "LogonAccepted after the logon"),
        # A report, a challenge and a report: [[49, 1, ...], [4, ...], [49, 2, ...]]
        (
            framed(
                "93 96 31 01 01 07 00 67 95 04 a466616b65 c420" + 32 * "00" + "01 01 96 31 02 02 07 00 71"
            ),
            "Challenge after the logon",
        ),
    ],
)
@in_virtual_time
async def test_an_engine_that_breaks_the_protocol_is_left(found: bytes, complaint: str) -> None:
    wire = logged_on()
    wire.feed(found)
    assert complaint in str(await wire.connection.wait_lost())


@pytest.mark.parametrize(
    ("accepted", "complaint"),
    [
        ("919e 05 02 a25331 01 01 00 cd03e8 00 00 00 00 00 07 c3", "version 2, expected 1 to 1"),
        ("919e 05 01 a25331 01 01 00 00 00 00 00 00 00 07 c3", "heartbeat_ms 0, expected 100 to 60000"),
        ("919e 05 01 a25331 01 00 00 cd03e8 00 00 00 00 00 07 c3", "next_seq 0, expected 1 to"),
        (
            "919e 05 01 a25331 01 01 cf001fffffffffffff cd03e8 00 00 00 00 00 07 c3",
            "last_ref 9007199254740991, expected 0 to 9007199254740990",
        ),
    ],
)
@in_virtual_time
async def test_terms_that_nobody_could_keep_are_refused(accepted: str, complaint: str) -> None:
    wire = Wire()
    wire.feed(CHALLENGE, framed(accepted))
    with pytest.raises(Disconnected, match=complaint):
        await wire.connection.wait_logged_on()


@in_virtual_time
async def test_a_report_before_the_logons_answer_is_no_report() -> None:
    wire = Wire()
    wire.feed(CHALLENGE, TWO_REJECTED)
    with pytest.raises(Disconnected, match="before the answer to the logon"):
        await wire.connection.wait_logged_on()
    assert wire.frames == []


@in_virtual_time
async def test_nothing_is_delivered_after_the_end() -> None:
    wire = logged_on()
    wire.connection.abort("enough")
    wire.feed(TWO_REJECTED)
    await asyncio.sleep(0)
    assert wire.frames == []


@in_virtual_time
async def test_a_refused_logon_says_why() -> None:
    async with FakeServer() as server:
        server.refusal = LogonRejected(RejectReason.HISTORY_LOST, "too old", first_available=9)
        with pytest.raises(LogonRefused, match="HISTORY_LOST, too old") as caught:
            await open_connection(server.access(), on_messages=lambda _: None)
        assert caught.value.reason is RejectReason.HISTORY_LOST
        assert caught.value.first_available == 9


@in_virtual_time
async def test_an_engine_of_another_version_is_not_logged_on_to() -> None:
    async with FakeServer() as server:
        server.greeting = Challenge("fake", NONCE, 2, 3)
        with pytest.raises(LogonRefused, match="the engine speaks 2 to 3, this library 1"):
            await open_connection(server.access(), on_messages=lambda _: None)
        assert server.logons == []


@in_virtual_time
async def test_a_full_engine_says_so_instead_of_a_challenge() -> None:
    async with FakeServer() as server:
        server.greeting = LoggedOut(LogoutReason.TOO_MANY_CONNECTIONS)
        with pytest.raises(Disconnected) as caught:
            await open_connection(server.access(), on_messages=lambda _: None)
        assert caught.value.reason is LogoutReason.TOO_MANY_CONNECTIONS


@in_virtual_time
async def test_an_engine_that_says_nothing_is_left_at_the_deadline() -> None:
    async with FakeServer() as server:
        server.is_mute = True
        started = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await open_connection(server.access(), on_messages=lambda _: None)
        assert asyncio.get_running_loop().time() - started == pytest.approx(LOGON_SECONDS_MAX)


@in_virtual_time
async def test_no_engine_at_all_is_an_os_error() -> None:
    async with FakeServer() as server:
        access = server.access()
    with pytest.raises(ConnectionRefusedError):
        await open_connection(access, on_messages=lambda _: None)


@in_virtual_time
async def test_a_connection_that_breaks_off_says_that_there_was_no_logout() -> None:
    async with FakeServer() as server:
        server.cuts = Random(1)
        connection = await open_connection(server.access(), on_messages=lambda _: None)
        server.drop()
        loss = await connection.wait_lost()
        assert loss.reason is None
        assert "connection lost" in str(loss)
