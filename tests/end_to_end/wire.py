"""A connection without any manners: sends what a test tells it to, and shows what comes back.

For what the client library would never do, and to look at frames as they are.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any, Self, TypeVar

from msgspec import structs

from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.protocol import auth
from carbonmatch.protocol.codec import decode_copies, decode_feed, decode_reports, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import (
    Challenge,
    Heartbeat,
    HeartbeatAnswer,
    LoggedOut,
    Logon,
    LogonAccepted,
    LogonRejected,
    Role,
)
from tests.end_to_end import market

# Nothing here takes a tenth of it, also on a machine that has other things to do.
SECONDS_MAX = 20.0

_Message = TypeVar("_Message")


class Wire:
    """`async with Wire.open(address) as wire:`; the engine's greeting has been read then."""

    challenge: Challenge  # or whatever the engine greets with instead
    accepted: LogonAccepted

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._frames = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._unread: list[list[Any]] = []
        self._decode: Any = decode_reports

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        address: tuple[str, int],
        receive_bytes: int = 0,
        host: str = "",
        ssl: SSLContext | None = None,
    ) -> AsyncIterator[Self]:
        """`receive_bytes`: how much the kernel may hold for a reader that does not read.

        `host`: the address to come from, of which loopback has 16 million.
        """
        raw = socket.socket()
        if host:
            raw.bind((host, 0))
        if receive_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        raw.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(raw, address)
        except OSError:
            raw.close()
            raise
        name = None if ssl is None else "127.0.0.1"
        limit = receive_bytes or 2**16
        try:
            streams = await asyncio.open_connection(sock=raw, limit=limit, ssl=ssl, server_hostname=name)
        except BaseException:
            # The engine has cut the handshake off: the loop closes the socket, and does not tell the object.
            raw.detach()
            raise
        wire = cls(*streams)
        try:
            (wire.challenge,) = await wire.frame()
            yield wire
        finally:
            wire.writer.close()

    @classmethod
    @asynccontextmanager
    async def logged_on(
        cls,
        address: tuple[str, int],
        session: str,
        next_seq: int = 0,
        *,
        receive_bytes: int = 0,
        host: str = "",
        **options: Any,
    ) -> AsyncIterator[Self]:
        async with cls.open(address, receive_bytes, host) as wire:
            answer = await wire.log_on(session, next_seq, **options)
            assert isinstance(answer, LogonAccepted), answer
            wire.accepted = answer
            yield wire

    @property
    def address(self) -> str:
        """As the engine sees this connection."""
        host, port = self.writer.get_extra_info("sockname")
        return f"{host}:{port}"

    # --- out -------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def send(self, *messages: Any) -> None:
        """One frame."""
        self.write(frame(encode(list(messages))))

    def abort(self) -> None:
        """Gone, as with a pulled cable that the kernel noticed: no word, no orderly end."""
        self.writer.transport.abort()

    # --- in --------------------------------------------------------------------------------------

    async def frame(self) -> list[Any]:
        """The messages of the next frame. Raises EOFError where the engine has closed."""
        async with asyncio.timeout(SECONDS_MAX):
            while not self._unread:
                data = await self.reader.read(1 << 16)
                if not data:
                    raise EOFError
                self._unread = [self._decode(payload) for payload in self._frames.feed(data)]
        return self._unread.pop(0)

    async def next(self, kind: type[_Message]) -> _Message:
        """The only message of the next frame, which has to be of this kind."""
        (message,) = await self.frame()
        assert isinstance(message, kind), message
        return message

    async def frames_until(self, kind: type[_Message]) -> tuple[list[list[Any]], _Message]:
        """The frames before one that has a message of this kind at its end, and that message."""
        frames: list[list[Any]] = []
        while True:
            messages = await self.frame()
            if isinstance(messages[-1], kind):
                return frames, messages[-1]
            frames.append(messages)

    async def until(self, kind: type[_Message]) -> _Message:
        return (await self.frames_until(kind))[1]

    async def reports(self, count: int) -> list[Any]:
        """The next `count` messages of the stream, however they are framed."""
        reports: list[Any] = []
        while len(reports) < count:
            reports += await self.frame()
        assert len(reports) == count, reports
        return reports

    async def settle(self, token: int = 1) -> list[list[Any]]:
        """Let the engine work off what was sent; return the frames that came before it said so.

        It answers heartbeats in their turn among the frames, and not when the disk has got to them.
        """
        self.send(Heartbeat(token))
        frames, answer = await self.frames_until(HeartbeatAnswer)
        assert answer.token == token
        return frames

    async def goodbye(self) -> LoggedOut:
        """The engine's last word, whatever stood before it; then the connection has to end."""
        message = await self.until(LoggedOut)
        assert await self.ended()
        return message

    async def cut(self) -> bool:
        """Read until the engine resets the connection; False where it ends in order instead."""
        try:
            while True:
                await self.frame()
        except ConnectionResetError:
            return True
        except EOFError:
            return False

    async def ended(self) -> bool:
        """Wait for the end of the connection; whether nothing came before it."""
        try:
            await self.frame()
        except (EOFError, ConnectionResetError):
            return True
        return False

    # --- logon -----------------------------------------------------------------------------------

    def logon(
        self,
        session: str,
        next_seq: int = 0,
        *,
        key_id: str | None = None,
        private_key: bytes | None = None,
        role: Role | None = None,
        version: int = 1,
        heartbeat_ms: int = 60_000,
        cancel_on_disconnect: bool = False,
        grace_ms: int = 0,
        nonce: bytes | None = None,
    ) -> Logon:
        """A signed logon that answers this connection's challenge, or whatever differs from that."""
        key_id = market.key_of(session) if key_id is None else key_id
        unsigned = Logon(
            version,
            version,
            key_id,
            session,
            market.role_of(session) if role is None else role,
            next_seq,
            heartbeat_ms,
            cancel_on_disconnect,
            grace_ms,
            bytes(64),
        )
        signature = auth.sign(
            private_key or market.private_key(key_id),
            self.challenge.server_id,
            nonce or self.challenge.nonce,
            unsigned,
        )
        return structs.replace(unsigned, signature=signature)

    async def log_on(self, session: str, next_seq: int = 0, **options: Any) -> LogonAccepted | LogonRejected:
        logon = self.logon(session, next_seq, **options)
        self._decode = {Role.MARKET_DATA: decode_feed, Role.DROP_COPY: decode_copies}.get(
            logon.role, decode_reports
        )
        self.send(logon)
        (answer,) = await self.frame()
        assert isinstance(answer, LogonAccepted | LogonRejected), answer
        return answer
