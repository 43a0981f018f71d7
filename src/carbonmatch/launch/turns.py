"""A loop and connections whose time is the replay's own: what the server asks of asyncio, without waiting.

One thing happens after the other, and the clock only moves from one to the next, so a seed repeats a run
to the last byte of the journal.
"""

import heapq
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from msgspec import structs

from carbonmatch.launch.market import KEY_ID, PRIVATE_KEY
from carbonmatch.limits import HEARTBEAT_MS_MAX, OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.protocol import auth
from carbonmatch.protocol.codec import decode_feed, decode_reports, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import (
    PROTOCOL_VERSION,
    SIGNATURE_BYTES,
    Challenge,
    Logon,
    LogonAccepted,
    Role,
)
from carbonmatch.server.peer import Peer

_Read = TypeVar("_Read")

NS_PER_SECOND: Final = 1_000_000_000
# What a measure of time grows by when it is read: there are no deadlines here, but orders in time.
_READING_NS: Final = 1_000


class Timer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """A `server.scheduler.Scheduler`. Invariant: `now_ns` (UTC) never goes back."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self._readings = 0
        self._soon: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[int, int, Timer]] = []
        self._asked = 0

    def time_ns(self) -> int:
        return self.now_ns

    def monotonic_ns(self) -> int:
        self._readings += 1
        return self._readings * _READING_NS

    def call_soon(self, callback: Callable[[], object], /) -> None:
        self._soon.append(callback)

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        timer = Timer(callback)
        self._asked += 1
        heapq.heappush(self._timers, (self.now_ns + int(delay * NS_PER_SECOND), self._asked, timer))
        return timer

    def read(
        self,
        work: Callable[[], _Read],
        done: Callable[[_Read], object],
        failed: Callable[[Exception], object],  # noqa: ARG002 what is durable can be read
    ) -> None:
        self.call_soon(lambda: done(work()))

    def run(self) -> None:
        """Take turns until nobody wants one."""
        while self._soon:
            self._soon.popleft()()

    def advance(self, to_ns: int) -> None:
        """Let time pass, and every timer fire at its own."""
        while self._timers and self._timers[0][0] <= to_ns:
            at_ns, _, timer = heapq.heappop(self._timers)
            self.now_ns = max(self.now_ns, at_ns)
            if timer.callback is not None:
                timer.callback()
            self.run()
        self.now_ns = max(self.now_ns, to_ns)


class Wire:
    """The server's end of a connection, as its transport; what is written arrives in a later turn."""

    def __init__(self, loop: Loop, arrived: Callable[[bytes], object], lost: Callable[[], object]) -> None:
        self._loop = loop
        self._arrived = arrived
        self._lost = lost
        self._closing = False

    def write(self, data: bytes) -> None:
        kept = bytes(data)
        self._loop.call_soon(lambda: self._arrived(kept))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._lost)

    abort = close

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Everything is read at once."""

    def pause_reading(self) -> None:
        """Whoever writes here waits for the answer before it writes again."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""

    def setsockopt(self, *_arguments: object) -> None:
        """It stands for its own socket."""

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("127.0.0.1", 1), "socket": self}.get(name)


class ConnectionRefused(Exception):
    """The engine does not take a logon, or ends a connection that it should keep."""


class Connection:
    """A client's end: logs on in the first turns, then passes on what comes."""

    def __init__(
        self,
        loop: Loop,
        peer: Peer,
        session: str,
        role: Role,
        next_seq: int,
        taken: Callable[[Any], object],
    ) -> None:
        self._loop = loop
        self._peer = peer
        self._logon = Logon(
            PROTOCOL_VERSION,
            PROTOCOL_VERSION,
            KEY_ID,
            session,
            role,
            next_seq,
            HEARTBEAT_MS_MAX,
            False,
            0,
            bytes(SIGNATURE_BYTES),
        )
        self._taken = taken
        self._frames = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._decode: Callable[[bytes], list[Any]] = (
            decode_feed if role is Role.MARKET_DATA else decode_reports
        )
        self.accepted: LogonAccepted | None = None
        self.is_leaving = False
        peer.connection_made(cast("Any", Wire(loop, self._arrived, self._lost)))

    def send(self, messages: list[Any]) -> None:
        """One frame."""
        data = frame(encode(messages))
        self._loop.call_soon(lambda: self._peer.data_received(data))

    def _arrived(self, data: bytes) -> None:
        for payload in self._frames.feed(data):
            for message in self._decode(payload):
                if self.accepted is not None:
                    self._taken(message)
                elif isinstance(message, Challenge):
                    signature = auth.sign(PRIVATE_KEY, message.server_id, message.nonce, self._logon)
                    self.send([structs.replace(self._logon, signature=signature)])
                elif isinstance(message, LogonAccepted):
                    self.accepted = message
                else:
                    raise ConnectionRefused(f"{self._logon.session}: {message}")

    def _lost(self) -> None:
        self._peer.connection_lost(None)
        if not self.is_leaving:
            raise ConnectionRefused(f"{self._logon.session}: the engine has ended the connection")
