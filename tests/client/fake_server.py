"""A small engine's front door: real TCP, a real logon, and a stream it keeps; every order just rests.

What a test wants to go wrong is a switch: frames cut anywhere, connections that drop before or after
a command is applied, answers held back, sessions refused.
"""

import asyncio
from random import Random
from typing import Any, Self

import msgspec

from carbonmatch.client.connection import Access
from carbonmatch.limits import FRAME_BYTES_MAX
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    AnyReport,
    Cancel,
    Canceled,
    CancelReason,
    ClientCommand,
    NewOrder,
    OrderId,
    Ref,
    Rejected,
    RejectReason,
    ReportFlag,
)
from carbonmatch.protocol import auth
from carbonmatch.protocol.codec import decode_client_frame, decode_logon_frame, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import (
    AuditRequest,
    Challenge,
    DryRun,
    Foreseen,
    Heartbeat,
    HeartbeatAnswer,
    LoggedOut,
    Logon,
    LogonAccepted,
    LogonRejected,
    Logout,
    LogoutReason,
    SessionRejected,
)

PRIVATE_KEY = bytes(range(32))
SERVER_ID = "fake"
NONCE = bytes(32)


class FakeServer:
    """One session. `async with FakeServer() as server:` listens on `server.port`."""

    def __init__(self) -> None:
        self.port = 0
        # Of the session, kept over connections: what each frame held, and how far refs have got.
        self.frames: list[list[AnyReport]] = []
        self.last_ref = Ref(0)
        # What has come in, for tests to look at.
        self.logons: list[Logon] = []
        self.received: list[ClientCommand] = []
        self.heartbeats = 0
        self.connections: list[Peer] = []
        # Switches.
        self.cuts: Random | None = None  # every write is cut into pieces of random size
        self.refused_refs: set[Ref] = set()  # answered by SessionRejected, never applied
        self.loses_refusals = False  # their answers get lost
        self.drop_after_commands: int | None = None  # applied, but the answer goes nowhere
        self.drop_before_commands: int | None = None  # neither applied nor answered
        self.is_silent = False  # takes commands, says nothing until `speak`
        self.is_mute = False  # accepts connections and never says a word
        self.refusal: LogonRejected | None = None
        self.next_seq_told: int | None = None  # a lie about where the stream goes on
        self.last_ref_told: Ref | None = None  # less than applied: the rest is not durable yet
        self.greeting: Any = Challenge(SERVER_ID, NONCE, 1, 1)
        self.heartbeat_ms = 1_000
        self.sends_heartbeats = True
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.vanish()

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Peer(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def vanish(self) -> None:
        """As if the process had been killed."""
        assert self._server is not None
        self._server.close()
        self.drop()
        await self._server.wait_closed()

    def drop(self) -> None:
        for peer in list(self.connections):
            peer.transport.abort()

    def access(self, **changes: Any) -> Access:
        fields = {"host": "127.0.0.1", "port": self.port, "key_id": "key", "session": "S1"}
        return Access(**{**fields, "private_key": PRIVATE_KEY, **changes})

    @property
    def reports(self) -> list[AnyReport]:
        return [report for reports in self.frames for report in reports]

    def speak(self) -> None:
        """Send what was kept back."""
        self.is_silent = False
        for peer in self.connections:
            peer.send_stream()

    def report(self, kind: type[Any], ref: int, *fields: Any) -> None:
        """Something the market does by itself: one report, one frame."""
        self.frames.append([kind(len(self.reports) + 1, Ref(ref), 7, 0, *fields)])
        if not self.is_silent:
            for peer in self.connections:
                peer.send_stream()

    def take(self, payload: bytes, peer: "Peer") -> None:
        """A frame from one that is logged on."""
        commands: list[ClientCommand] = []
        for message in decode_client_frame(payload):
            if isinstance(message, Heartbeat | Logout):
                self.control(message, peer)
            elif isinstance(message, DryRun):
                # Whatever it is, it would be done.
                peer.send([Foreseen(message.token, 0)])
            elif isinstance(message, AuditRequest):
                raise AssertionError("an audit is asked of real engines")
            else:
                commands.append(message)
        if not commands:
            return
        if _counts_down(self, "drop_before_commands", len(commands)):
            peer.transport.abort()
            return
        self.apply(commands, peer)
        if _counts_down(self, "drop_after_commands", len(commands)):
            peer.transport.abort()
        elif not self.is_silent:
            peer.send_stream()

    def control(self, message: Heartbeat | Logout, peer: "Peer") -> None:
        if isinstance(message, Heartbeat):
            self.heartbeats += 1
        else:
            peer.send([LoggedOut(LogoutReason.REQUESTED)])
            peer.transport.close()

    def apply(self, commands: list[ClientCommand], peer: "Peer") -> None:
        """Apply a frame of commands, and let its connection have the answers."""
        self.received += commands
        seq = len(self.reports) + 1
        reports: list[AnyReport] = []
        for command in commands:
            if command.ref <= self.last_ref:
                peer.send(self._repeats(command))
            elif command.ref in self.refused_refs:
                if not self.loses_refusals:
                    peer.send([SessionRejected(command.ref, RejectReason.THROTTLED, 2_500_000)])
            else:
                self.last_ref = command.ref
                reports += self.answers(command, seq + len(reports))
        if reports:
            self.frames.append(reports)

    def answers(self, command: ClientCommand, seq: int) -> list[AnyReport]:
        return [self.answer(command, seq)]

    def answer(self, command: ClientCommand, seq: int) -> AnyReport:
        """The fake's whole market: orders rest, cancels work, lots of 13 are refused."""
        if type(command) is NewOrder and command.quantity_lots != 13:
            return Accepted(
                seq=seq,
                ref=command.ref,
                time_ns=7,
                flags=0,
                order_id=OrderId(command.ref),
                instrument_id=command.instrument_id,
                account_id=AccountId(1),
                side=command.side,
                price_ticks=command.price_ticks,
                quantity_lots=command.quantity_lots,
            )
        if type(command) is Cancel:
            order_id = OrderId(command.order_ref)
            return Canceled(seq, command.ref, 7, 0, order_id, 1, CancelReason.REQUESTED)
        return Rejected(seq, command.ref, 7, 0, RejectReason.INVALID_QUANTITY)

    def _repeats(self, command: ClientCommand) -> list[Any]:
        stored = [
            msgspec.structs.replace(report, flags=ReportFlag.POSSIBLE_DUPLICATE)
            for report in self.reports
            if report.ref == command.ref
        ]
        return stored or [SessionRejected(command.ref, RejectReason.REF_NOT_APPLIED)]


class Peer(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._reader = FrameReader(FRAME_BYTES_MAX)
        self._is_logged_on = False
        self._sent_seq = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.connections.append(self)
        if not self._server.is_mute:
            self.send([self._server.greeting])

    def connection_lost(self, _: Exception | None) -> None:
        self._server.connections.remove(self)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        for payload in self._reader.feed(data):
            if self.transport.is_closing():
                return
            if self._is_logged_on:
                self._server.take(payload, self)
            else:
                self._log_on(decode_logon_frame(payload))

    def send(self, messages: list[Any]) -> None:
        data = frame(encode(messages))
        cuts = self._server.cuts
        while cuts is not None and len(data) > 1:
            cut = cuts.randrange(1, len(data))
            self.transport.write(data[:cut])
            data = data[cut:]
        self.transport.write(data)

    def send_stream(self) -> None:
        """Every frame from the first report that this connection has not got."""
        if not self._is_logged_on:
            return
        for reports in self._server.frames:
            unsent = [report for report in reports if report.seq > self._sent_seq]
            if unsent:
                self.send(unsent)
                self._sent_seq = unsent[-1].seq

    def _log_on(self, logon: Logon) -> None:
        server = self._server
        server.logons.append(logon)
        assert auth.verify(auth.public_key_of(PRIVATE_KEY), SERVER_ID, NONCE, logon)
        if server.refusal is not None:
            self.send([server.refusal])
            self.transport.close()
            return
        self._is_logged_on = True
        next_seq = logon.next_seq or len(server.reports) + 1
        self._sent_seq = next_seq - 1
        self.send(
            [
                LogonAccepted(
                    version=1,
                    session=logon.session,
                    epoch=1,
                    next_seq=server.next_seq_told or next_seq,
                    last_ref=server.last_ref if server.last_ref_told is None else server.last_ref_told,
                    heartbeat_ms=server.heartbeat_ms,
                    grace_ms=logon.grace_ms,
                    commands_per_second=0,
                    commands_burst=0,
                    cancels_per_second=0,
                    cancels_burst=0,
                    time_ns=7,
                    durable=True,
                )
            ]
        )
        if not server.is_silent:
            self.send_stream()
        self._beat()

    def _beat(self) -> None:
        if self._server.sends_heartbeats:
            self.send([HeartbeatAnswer(0, 7)])
        self._timer = asyncio.get_running_loop().call_later(self._server.heartbeat_ms / 1_000, self._beat)


def _counts_down(server: FakeServer, switch: str, count: int) -> bool:
    """Whether this frame has used up a switch that is set to a number of commands."""
    left = getattr(server, switch)
    if left is None:
        return False
    setattr(server, switch, left - count if left > count else None)
    return bool(left <= count)
