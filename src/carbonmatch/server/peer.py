"""One connection of any listener: its socket, its deadlines, what it may keep waiting.

The protocol's rules are in `protocol.session`; here they meet a transport. What a peer does wrong
ends this connection and nothing else.
"""

import asyncio
import secrets
import socket
import sys
from functools import partial
from typing import Any, Final, cast

from carbonmatch.limits import (
    LOGON_REFUSED_SECONDS,
    RECEIVE_KERNEL_BYTES,
    SEND_BUFFER_BYTES_MAX,
    SEND_STALL_SECONDS_MAX,
)
from carbonmatch.matching.messages import RejectReason
from carbonmatch.ops.logs import log
from carbonmatch.protocol import session
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import LENGTH_BYTES, frame
from carbonmatch.protocol.messages import (
    NONCE_BYTES,
    HeartbeatAnswer,
    LoggedOut,
    Logon,
    LogonAccepted,
    LogonRejected,
    LogoutReason,
    Role,
)
from carbonmatch.server.door import NO_LINGER, Arriving
from carbonmatch.server.guard import Visit
from carbonmatch.server.listener import Listener

_NS_PER_SECOND: Final = 1_000_000_000
# A peer that was told goodbye has this long to read it.
_CLOSE_NS: Final = _NS_PER_SECOND
# How many bytes the kernel may hide from us before we notice that a peer does not read.
_SEND_KERNEL_BYTES: Final = 128 * 1024
# What waits here beyond that for us to say that it is unread. The loop's own bound is 512 KiB with TLS:
# more than a conflated subscriber ever has waiting.
_SEND_UNREAD_BYTES: Final = 64 * 1024


class Peer(Arriving):
    """A connection. Subclasses say what a logon and a frame mean."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.clocks = listener.clocks
        self.counters = listener.counters
        self.host = ""
        self.address = ""
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.rules = session.Connection(
            listener.rules, secrets.token_bytes(NONCE_BYTES), listener.clocks.monotonic_ns()
        )
        self.connected = False
        # What the guard counts it as; None where no door has let it in.
        self.visit: Visit | None = None
        self._write_paused_ns = 0
        # While writing is paused: how much the peer had taken when last looked at, and since when.
        self._taken_bytes = 0
        self._taken_ns = 0
        self._closing_ns = 0
        # When it was admitted, UTC; 0 until then.
        self.since_ns = 0
        # As what it was admitted; None until then.
        self._role: Role | None = None
        # Why we ended it; None where the other side or the network did.
        self._reason: LogoutReason | None = None
        # The answer to a failed logon, and when it is due.
        self._refusal: LogonRejected | None = None
        self._refuse_at_ns = 0

    # --- to be given a meaning ---------------------------------------------------------------------

    def logged_on(self, logon: Logon) -> None:
        """The signature holds: take the connection in, or `refuse_logon`."""
        raise NotImplementedError

    def received(self, payloads: list[bytes], now_ns: int) -> None:
        """Frames of an active connection. May raise ProtocolError."""
        raise NotImplementedError

    def lost(self) -> None:
        """The connection is gone."""

    @property
    def is_unread(self) -> bool:
        """Whether so much waits for the peer to read it that nothing is to be added unasked."""
        return bool(self._write_paused_ns)

    @property
    def is_logged_on(self) -> bool:
        """Whether it has been let in, and not told to go."""
        return self.since_ns > 0 and not self._closing_ns

    @property
    def waiting_bytes(self) -> int:
        """What waits for the peer to read it, or for us to serve it."""
        return self.transport.get_write_buffer_size() if self.connected else 0

    def drained(self) -> None:
        """The send buffer is low again. May raise ProtocolError."""

    # --- transport -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.connected = True
        peername: Any = transport.get_extra_info("peername")
        self.host = peername[0] if peername else ""
        self.address = f"{peername[0]}:{peername[1]}" if peername else "unknown"
        self.transport.set_write_buffer_limits(_SEND_UNREAD_BYTES)
        raw: Any = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_KERNEL_BYTES)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_KERNEL_BYTES)
        self.listener.peers[self] = None
        if self.listener.is_closed:
            # The kernel had let it in before the door was closed.
            self.log_out(LogoutReason.SHUTTING_DOWN)
            return
        self.send(encode([self.rules.challenge]))

    def data_received(self, data: bytes) -> None:
        rules = self.rules
        if rules.closed:
            return
        now_ns = self.clocks.monotonic_ns()
        self.listener.received_bytes += len(data)
        try:
            payloads = rules.feed(data, now_ns)
            if payloads:
                if rules.state is session.State.ACTIVE:
                    self.received(payloads, now_ns)
                else:
                    self._log_on(payloads[0], now_ns)
        except ProtocolError as error:
            self.fail(error)

    def _log_on(self, payload: bytes, now_ns: int) -> None:
        answer = self.rules.log_on(
            payload, now_ns, self.clocks.time_ns(), self.host, partial(self._is_shut_out, now_ns)
        )
        if isinstance(answer, LogonRejected):
            self._reject_later(answer, now_ns)
        else:
            self.logged_on(answer)

    def _is_shut_out(self, now_ns: int, key_id: str) -> bool:
        return self.visit is not None and self.visit.is_shut_out(key_id, now_ns)

    def _reject_later(self, answer: LogonRejected, now_ns: int) -> None:
        """Answer a failed logon after the same time for every failure; whoever guesses has to wait."""
        self._refusal = answer
        self._refuse_at_ns = now_ns + round(LOGON_REFUSED_SECONDS * _NS_PER_SECOND)
        self.transport.pause_reading()
        if self.visit is not None and answer.reason is RejectReason.LOGON_REFUSED:
            self.visit.has_failed(self.rules.known_key_id, now_ns)

    def connection_lost(self, _error: Exception | None) -> None:
        self.connected = False
        self.rules.close()
        self.listener.peers.pop(self, None)
        if self.visit is not None:
            self.visit.is_gone()
        self.counters.disconnects[self._reason] += 1
        if self._role is not None:
            assert self.rules.logon is not None, "a role is that of a logon"
            self.counters.sessions[self._role] -= 1
            log(
                "logged_off",
                session=self.rules.logon.session,
                address=self.address,
                reason="LOST" if self._reason is None else self._reason.name,
            )
        self.lost()

    def pause_writing(self) -> None:
        self._write_paused_ns = self._taken_ns = self.clocks.monotonic_ns()

    def resume_writing(self) -> None:
        self._write_paused_ns = 0
        # Not from inside the transport's own write: what follows may write again.
        self.listener.scheduler.call_soon(self._drained)

    def _drained(self) -> None:
        if self.connected and not self._closing_ns:
            try:
                self.drained()
            except ProtocolError as error:
                self.fail(error)

    # --- out -------------------------------------------------------------------------------------

    def send(self, payload: bytes) -> None:
        """Send one frame, or cut the peer that has left too much unread."""
        if not self.has_room():
            return
        self.transport.write(frame(payload))
        self.listener.sent_bytes += len(payload) + LENGTH_BYTES
        self.rules.sent(self.clocks.monotonic_ns())

    def has_room(self) -> bool:
        """Whether something may be sent; cuts the peer that has left too much unread."""
        if not self.connected or self._closing_ns:
            return False
        if self.transport.get_write_buffer_size() > SEND_BUFFER_BYTES_MAX:
            self.cut("does not read")
            return False
        return True

    def admit(self, logon: Logon, accepted: LogonAccepted) -> None:
        """Tell the peer that it is in."""
        self._role = logon.role
        self.since_ns = self.clocks.time_ns()
        if self.visit is not None:
            self.visit.has_logged_on()
        self.counters.sessions[logon.role] += 1
        self.counters.logons_accepted += 1
        self.send(encode([accepted]))

    def refuse_logon(self, reason: RejectReason, text: str = "", first_available: int = 0) -> None:
        """The logon was in order but cannot be had now."""
        self.rules.close()
        self._reject_logon(LogonRejected(reason, text, first_available))

    def _reject_logon(self, answer: LogonRejected) -> None:
        self._reason = LogoutReason.LOGON_REFUSED
        self.counters.logons_rejected += 1
        log("logon_refused", address=self.address, reason=answer.reason.name)
        self.send(encode([answer]))
        self._close()

    def fail(self, error: ProtocolError) -> None:
        """The peer broke the protocol: say what was wrong, and end."""
        log("protocol_error", address=self.address, reason=error.reason.name, text=str(error))
        self._say_goodbye(self.rules.fail(error))

    def log_out(self, reason: LogoutReason, text: str = "") -> None:
        if not self._closing_ns:
            self._say_goodbye(self.rules.end(reason, text))

    def _say_goodbye(self, message: LoggedOut) -> None:
        self._reason = message.reason
        self.send(encode([message]))
        self._close()

    def _close(self) -> None:
        if self.connected and not self._closing_ns:
            self._closing_ns = self.clocks.monotonic_ns()
            self.transport.close()

    def cut(self, why: str) -> None:
        """End a connection that cannot be told so any more."""
        self.counters.slow_readers_cut += 1
        paused_ns = self.clocks.monotonic_ns() - self._write_paused_ns if self._write_paused_ns else 0
        log(
            "connection_cut",
            address=self.address,
            why=why,
            unread_bytes=self.transport.get_write_buffer_size(),
            paused_seconds=paused_ns / _NS_PER_SECOND,
        )
        self.abort()

    def abort(self) -> None:
        if self.connected:
            raw: Any = self.transport.get_extra_info("socket")
            # None: TLS has lost it, and we are to be told in the next turn.
            if raw is not None:
                # Without lingering the peer sees a reset: a plain end could pass for a complete stream.
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            self.rules.close()
            self._closing_ns = self._closing_ns or self.clocks.monotonic_ns()
            self.transport.abort()

    # --- time ------------------------------------------------------------------------------------

    def sweep(self, now_ns: int) -> None:
        if self._closing_ns:
            if now_ns - self._closing_ns > _CLOSE_NS:
                self.abort()
            return
        if self._refusal is not None:
            if now_ns >= self._refuse_at_ns:
                self._reject_logon(self._refusal)
            return
        if self._write_paused_ns and self._has_stalled(now_ns):
            self.cut("stopped reading")
            return
        message = self.rules.poll(now_ns, self.clocks.time_ns())
        if isinstance(message, HeartbeatAnswer):
            # Nothing goes before the answer to the logon, which may be waiting for the disk.
            if self._role is not None:
                self.send(encode([message]))
        elif message is not None:
            log("connection_ended", address=self.address, reason=message.reason.name)
            self._say_goodbye(message)

    def _has_stalled(self, now_ns: int) -> bool:
        """Whether the peer, which has unread data, takes none of it."""
        raw: Any = self.transport.get_extra_info("socket")
        if raw is None:  # lost, as in `abort`
            return False
        taken_bytes = _taken_bytes(raw)
        if taken_bytes != self._taken_bytes:
            self._taken_bytes = taken_bytes
            self._taken_ns = now_ns
        return now_ns - self._taken_ns > SEND_STALL_SECONDS_MAX * _NS_PER_SECOND


def _taken_bytes(raw: Any) -> int:
    """What the peer's kernel has acknowledged since it connected: `tcpi_bytes_acked` of `tcp_info`.

    Its own buffer can hide a peer that does not read until it is full, and no longer.
    """
    info = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop)
    return int.from_bytes(info[_BYTES_ACKED], sys.byteorder)


_BYTES_ACKED: Final = slice(120, 128)
