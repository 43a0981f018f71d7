"""One logged-on TCP connection: bytes, logon, heartbeats and back-pressure.

What lives here never looks at a ref or a seq: `session` gives those their meaning. A connection does
the work of one frame in one call, with no future and no task for a message, so that it can carry
several hundred thousand commands a second.
"""

import asyncio
from collections.abc import Callable
from socket import gaierror
from ssl import SSLContext
from typing import Any, Final, cast

import msgspec

from carbonmatch.client.errors import Disconnected, LogonRefused, SendBufferFull
from carbonmatch.limits import (
    FRAME_BYTES_MAX,
    FRAME_MESSAGES_MAX,
    FRAME_SEARCHES_MAX,
    HEARTBEAT_MISSED_MAX,
    HEARTBEAT_MS_MAX,
    HEARTBEAT_MS_MIN,
    LOGON_SECONDS_MAX,
    OUTBOUND_FRAME_BYTES_MAX,
    SEND_BUFFER_BYTES_MAX,
    SEND_READY_SECONDS_MAX,
    TLS_SHUTDOWN_SECONDS_MAX,
    WIRE_INT_MAX,
)
from carbonmatch.matching.messages import RejectReason
from carbonmatch.protocol import auth
from carbonmatch.protocol.codec import decode_reports, encode
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import (
    PROTOCOL_VERSION,
    SIGNATURE_BYTES,
    Challenge,
    Heartbeat,
    HeartbeatAnswer,
    LoggedOut,
    Logon,
    LogonAccepted,
    LogonRejected,
    Logout,
    LogoutReason,
    Role,
    ThrottleChanged,
)
from carbonmatch.protocol.session import SEARCHES

HEARTBEAT_MS: Final = 1_000

# Wherever in a frame they stand: whoever takes the rest relies on there being none of them.
_SESSION_LAYER: Final = frozenset(
    {Challenge, LogonAccepted, LogonRejected, LoggedOut, HeartbeatAnswer, ThrottleChanged}
)

# Silence is looked at twice an interval, so that no pause gets longer than the interval that was agreed.
_TICKS_PER_HEARTBEAT: Final = 2


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Where an engine listens, and who logs on there.

    With `cancel_on_disconnect` the engine cancels the session's orders (but those which say otherwise)
    when the connection has been gone for `grace_ms`; without, they rest until somebody comes back.
    """

    host: str
    port: int
    key_id: str
    private_key: bytes  # 32 raw bytes of Ed25519, see `protocol.auth`
    session: str
    role: Role = Role.TRADE
    heartbeat_ms: int = HEARTBEAT_MS
    cancel_on_disconnect: bool = False
    grace_ms: int = 0
    ssl: SSLContext | None = None  # see `client.tls`; None: not encrypted
    server_name: str | None = None  # in the venue's certificate, where that is not `host`


async def open_connection(
    access: Access,
    *,
    on_messages: Callable[[list[Any]], None],
    on_logon: Callable[["Connection"], None] | None = None,
    next_seq: int = 0,
    decode: Callable[[bytes], list[Any]] = decode_reports,
    seconds: float = LOGON_SECONDS_MAX,
) -> "Connection":
    """Connect and log on.

    `on_messages` gets the messages of each frame as one list: reports, or what `decode` makes of a
    feed. The first may come before this returns; `on_logon` is called before any of them.
    Raises LogonRefused, Disconnected, or OSError (TimeoutError is one).
    """
    connection = Connection(access, next_seq, decode, on_messages, on_logon)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            try:
                await loop.create_connection(
                    lambda: connection, access.host, access.port, ssl=access.ssl, **_tls_options(access)
                )
            except (ConnectionRefusedError, gaierror) as error:
                raise _unreachable(access, error) from None
            await connection.wait_logged_on()
    except BaseException as error:
        connection.abort("logon was given up")
        if isinstance(error, TimeoutError) and not error.args:
            raise TimeoutError(f"no logon at {access.host}:{access.port} within {seconds} s") from None
        raise
    return connection


def _unreachable(access: Access, error: OSError) -> OSError:
    """The same error in words; as it comes it is a tuple of numbers."""
    why = "connection refused" if isinstance(error, ConnectionRefusedError) else error.strerror
    text = f"no engine at {access.host}:{access.port}: {why}"
    return OSError(error.errno, text) if error.errno is not None else type(error)(text)


def _tls_options(access: Access) -> dict[str, Any]:
    if access.ssl is None:
        return {}
    return {
        "server_hostname": access.server_name or access.host,
        # A goodbye has been said before: nothing is lost with a peer that does not close in time.
        "ssl_shutdown_timeout": TLS_SHUTDOWN_SECONDS_MAX,
    }


class Connection(asyncio.Protocol):
    """Made by `open_connection`. `accepted` is the engine's answer to the logon,
    with the throttle as it is by now.

    `is_open` from there until either side ends it; `wait_lost` tells why.
    """

    accepted: LogonAccepted
    _lost: asyncio.Future[Disconnected]
    _logged_on: asyncio.Future[LogonRefused | Disconnected | None]

    def __init__(
        self,
        access: Access,
        next_seq: int,
        decode: Callable[[bytes], list[Any]],
        on_messages: Callable[[list[Any]], None],
        on_logon: Callable[["Connection"], None] | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._lost = self._loop.create_future()
        self._logged_on = self._loop.create_future()
        self._access = access
        self._next_seq = next_seq
        self._decode = decode
        self._on_messages = on_messages
        self._on_logon = on_logon
        self._reader = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._transport: asyncio.Transport | None = None
        self.is_open = False
        self._ending: Disconnected | None = None
        self._writable = asyncio.Event()
        # True whenever sending needs a closer look: not logged on, gone, or the engine is behind.
        self._congested = True
        self._heard = self._said = False
        self._silent_ticks = 0
        self._timer: asyncio.TimerHandle | None = None

    # --- sending -----------------------------------------------------------------------------

    def send(self, messages: list[Any]) -> None:
        """Write commands as one frame, or as several in one write where a frame cannot hold them.

        All or nothing: raises Disconnected, or SendBufferFull where the engine has not taken
        SEND_BUFFER_BYTES_MAX of what was sent before.
        """
        if messages:
            self._write(_framed(messages))

    def send_payload(self, payload: bytes) -> None:
        """Write one frame whose payload the caller has encoded (and kept within the frame's bounds)."""
        self._write(frame(payload))

    async def ready(self, seconds: float = SEND_READY_SECONDS_MAX) -> None:
        """Return when the engine takes what is sent. Raises Disconnected, or TimeoutError if it stalls."""
        if self._congested:
            async with asyncio.timeout(seconds):
                await self._writable.wait()
        if not self.is_open:
            raise self._reason()

    def _write(self, data: bytes) -> None:
        if self._congested:
            self._check_room(len(data))
        self._said = True
        assert self._transport is not None
        self._transport.write(data)

    def _check_room(self, byte_count: int) -> None:
        if not self.is_open:
            raise self._reason()
        assert self._transport is not None
        waiting = self._transport.get_write_buffer_size()
        if waiting + byte_count > SEND_BUFFER_BYTES_MAX:
            raise SendBufferFull(f"{waiting} bytes wait for the engine, at most {SEND_BUFFER_BYTES_MAX} may")

    def pause_writing(self) -> None:
        self._congested = True
        self._writable.clear()

    def resume_writing(self) -> None:
        if self.is_open:
            self._congested = False
            self._writable.set()

    # --- receiving ---------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._heard = True
        try:
            for payload in self._reader.feed(data):
                messages = self._decode(payload)
                if not messages:
                    continue
                # About 30 ns a message to know.
                if _SESSION_LAYER.isdisjoint(map(type, messages)):
                    self._deliver(messages)
                    continue
                for message in messages:
                    if type(message) in _SESSION_LAYER:
                        self._take_session_message(message)
                    else:
                        self._deliver([message])
        except ProtocolError as error:
            self.abort(f"the engine broke the protocol: {error}")

    def _deliver(self, messages: list[Any]) -> None:
        if self.is_open:
            self._on_messages(messages)
        elif self._ending is None:
            raise ProtocolError(RejectReason.NOT_LOGGED_ON, "a report before the answer to the logon")

    def _take_session_message(self, message: object) -> None:
        if type(message) is HeartbeatAnswer or self._ending is not None:
            return
        if type(message) is LoggedOut:
            text = f", {message.text}" if message.text else ""
            self._end(Disconnected(f"logged out by the engine: {message.reason.name}{text}", message.reason))
        elif type(message) is ThrottleChanged and self.is_open:
            rates = msgspec.structs.asdict(message)
            self.accepted = msgspec.structs.replace(self.accepted, **rates)
        elif self.is_open or self._logged_on.done():
            raise ProtocolError(RejectReason.MALFORMED, f"{type(message).__name__} after the logon")
        elif type(message) is Challenge:
            self._answer(message)
        elif type(message) is LogonAccepted:
            self._open(message)
        elif type(message) is LogonRejected:
            self._refuse(LogonRefused.of(message))

    # --- logon -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by class, only by behaviour.
        self._transport = cast(asyncio.Transport, transport)
        if self._ending is not None:
            self._transport.abort()

    def _answer(self, challenge: Challenge) -> None:
        if not challenge.version_min <= PROTOCOL_VERSION <= challenge.version_max:
            text = f"the engine speaks {challenge.version_min} to {challenge.version_max}"
            self._refuse(LogonRefused(RejectReason.VERSION, f"{text}, this library {PROTOCOL_VERSION}"))
            return
        access = self._access
        unsigned = Logon(
            version_min=PROTOCOL_VERSION,
            version_max=PROTOCOL_VERSION,
            key_id=access.key_id,
            session=access.session,
            role=access.role,
            next_seq=self._next_seq,
            heartbeat_ms=access.heartbeat_ms,
            cancel_on_disconnect=access.cancel_on_disconnect,
            grace_ms=access.grace_ms,
            signature=bytes(SIGNATURE_BYTES),
        )
        signature = auth.sign(access.private_key, challenge.server_id, challenge.nonce, unsigned)
        assert self._transport is not None
        self._transport.write(_framed([msgspec.structs.replace(unsigned, signature=signature)]))

    def _open(self, accepted: LogonAccepted) -> None:
        _check(accepted)
        self.accepted = accepted
        self.is_open = True
        self._congested = False
        self._writable.set()
        self._tick_later()
        if self._on_logon is not None:
            self._on_logon(self)
        self._logged_on.set_result(None)

    def _refuse(self, refusal: LogonRefused) -> None:
        self._logged_on.set_result(refusal)
        self._end(Disconnected(str(refusal), LogoutReason.LOGON_REFUSED))

    async def wait_logged_on(self) -> None:
        """Raise LogonRefused or Disconnected where the logon comes to nothing."""
        refusal = await asyncio.shield(self._logged_on)
        if refusal is not None:
            raise refusal

    # --- heartbeats --------------------------------------------------------------------------

    def _tick_later(self) -> None:
        seconds = self.accepted.heartbeat_ms / 1_000 / _TICKS_PER_HEARTBEAT
        self._timer = self._loop.call_later(seconds, self._tick)

    def _tick(self) -> None:
        self._silent_ticks = 0 if self._heard else self._silent_ticks + 1
        if self._silent_ticks >= HEARTBEAT_MISSED_MAX * _TICKS_PER_HEARTBEAT:
            silence_ms = HEARTBEAT_MISSED_MAX * self.accepted.heartbeat_ms
            self.abort(f"nothing heard for {silence_ms} ms", LogoutReason.HEARTBEAT_MISSED)
            return
        # An engine that is behind has bytes of ours to read: it needs no heartbeat on top of them.
        if not self._said and not self._congested:
            self._write(_framed([Heartbeat()]))
        self._heard = self._said = False
        self._tick_later()

    # --- ending ------------------------------------------------------------------------------

    async def logout(self, text: str = "", seconds: float = LOGON_SECONDS_MAX) -> None:
        """Tell the engine, wait for its word, close. Never raises for a peer that has gone already."""
        if self.is_open:
            assert self._transport is not None
            self._transport.write(_framed([Logout(text)]))
        try:
            async with asyncio.timeout(seconds):
                await self.wait_lost()
        except TimeoutError:
            self.abort("the engine did not answer the logout")

    async def wait_lost(self) -> Disconnected:
        """Return why the connection has ended, once it has; any number may wait."""
        return await asyncio.shield(self._lost)

    def abort(self, text: str, reason: LogoutReason | None = None) -> None:
        """Drop the connection at once; `wait_lost` gives `text` unless it had ended before."""
        self._end(Disconnected(text, reason))
        if self._transport is not None:
            self._transport.abort()

    def eof_received(self) -> None:
        """Closes this side too: half a connection is of no use to anybody."""

    def connection_lost(self, exc: Exception | None) -> None:
        why = str(exc or "closed by the engine without a logout")
        if not self._logged_on.done():
            why += "; before the logon: the port may speak TLS, or not, or want a certificate of the client's"
        self._end(Disconnected(f"connection lost: {why}"))
        if not self._logged_on.done():
            self._logged_on.set_result(self._reason())
        if not self._lost.done():
            self._lost.set_result(self._reason())

    def _end(self, reason: Disconnected) -> None:
        """Let nothing more be sent or delivered. The first reason is the one that counts."""
        if self._ending is not None:
            return
        self._ending = reason
        self.is_open = False
        self._congested = True
        self._writable.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    def _reason(self) -> Disconnected:
        return self._ending or Disconnected("not logged on yet")


def _check(accepted: LogonAccepted) -> None:
    """Refuse terms that nobody could keep: what is sent and timed from here on is made of them."""
    for name, low, high in (
        ("version", PROTOCOL_VERSION, PROTOCOL_VERSION),
        ("heartbeat_ms", HEARTBEAT_MS_MIN, HEARTBEAT_MS_MAX),
        ("next_seq", 1, WIRE_INT_MAX),
        # The next command's ref is one more.
        ("last_ref", 0, WIRE_INT_MAX - 1),
    ):
        found = getattr(accepted, name)
        if not low <= found <= high:
            raise ProtocolError(
                RejectReason.MALFORMED, f"a logon accepted with {name} {found}, expected {low} to {high}"
            )


def _framed(messages: list[Any]) -> bytes:
    if len(messages) <= FRAME_MESSAGES_MAX and _search_count(messages) <= FRAME_SEARCHES_MAX:
        payload = encode(messages)
        if len(payload) <= FRAME_BYTES_MAX:
            return frame(payload)
    middle = len(messages) // 2
    assert middle, "no message is longer than a frame"
    return _framed(messages[:middle]) + _framed(messages[middle:])


def _search_count(messages: list[Any]) -> int:
    # They are sent one by one, but what is sent again after a reconnect goes together. Most frames have
    # none: about 30 ns a message to know.
    if SEARCHES.isdisjoint(map(type, messages)):
        return 0
    return sum(type(message) in SEARCHES for message in messages)
