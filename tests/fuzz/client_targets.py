"""What an engine sends to its clients: it may be any engine, so no bytes of it may harm them.

The real connection, session and feed of the library, on a transport that goes nowhere and a loop that
never turns. What the library refuses ends its connection; nothing may leave `data_received`.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from carbonmatch.client.book import BookBuilder
from carbonmatch.client.connection import Access, Connection
from carbonmatch.client.errors import ClientError
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.client.session import Session
from carbonmatch.matching.messages import InstrumentId, NewOrder, Ref, Side
from carbonmatch.protocol import codec
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import Challenge, LogonAccepted, Role
from tests.fuzz.mutation import SEPARATOR
from tests.fuzz.wire_targets import message_seeds, payloads
from tests.protocol.vectors import load


class _Loop:
    """As much of a loop as the library asks for: futures that nobody waits for, timers that never fire."""

    def __init__(self) -> None:
        self.futures = asyncio.new_event_loop()
        self.futures.close()

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self.futures)

    def call_later(self, seconds: float, _callback: Any, *_arguments: Any) -> Any:
        assert 0.01 < seconds < 100.0, "an engine decides how often its clients wake up"
        return _Timer()

    def get_debug(self) -> bool:
        return False


class _Timer:
    def cancel(self) -> None:
        pass


class _Transport:
    """Takes everything, keeps nothing."""

    closed = False

    def write(self, data: bytes) -> None:
        assert data

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True

    abort = close


_LOOP: Final = _Loop()


@contextlib.contextmanager
def _still_loop() -> Iterator[None]:
    # Documented for those who make event loops; this is the smallest one there is.
    asyncio._set_running_loop(cast("asyncio.AbstractEventLoop", _LOOP))
    try:
        yield
    finally:
        asyncio._set_running_loop(None)


def _access(role: Role) -> Access:
    return Access(
        host="nowhere", port=1, key_id="key", private_key=bytes(range(32)), session="alice", role=role
    )


def _received(connection: Connection, data: bytes, on_frame: Callable[[], None] = lambda: None) -> str:
    """Give frame after frame; the first byte says whether an honest engine has answered the logon before."""
    transport = _Transport()
    connection.connection_made(cast("asyncio.Transport", transport))
    if data and data[0] & 1:
        connection.data_received(_LOGON)
    for payload in data[1:].split(SEPARATOR):
        if transport.closed:
            break
        if payload:
            connection.data_received(frame(payload))
            on_frame()
    is_open = connection.is_open
    connection.connection_lost(None)
    return "open" if is_open else "ended"


def session(data: bytes) -> str:
    """A session that has an order on its way whenever the engine lets it."""

    def order() -> None:
        with contextlib.suppress(ClientError):
            if len(client.unanswered) < 3:
                client.send([NewOrder(Ref(0), InstrumentId(1), Side.BUY, 1, 1)])

    with _still_loop():
        client = Session(_access(Role.TRADE))
        connection = Connection(_access(Role.TRADE), 0, codec.decode_reports, client._take, client._resume)
        return _received(connection, data, order)


def feed(data: bytes) -> str:
    with _still_loop():
        client = MarketDataClient(_access(Role.MARKET_DATA))
        outcome = _received(
            Connection(_access(Role.MARKET_DATA), 0, codec.decode_feed, client._take, client._subscribe),
            data,
        )
        for book in client.books.values():
            book.best()
            book.depth()
        return outcome


def _decoding(decode: Callable[[bytes], list[Any]]) -> Callable[[bytes], str]:
    def run(data: bytes) -> str:
        try:
            decode(data)
        except ProtocolError as error:
            return error.reason.name
        return "decoded"

    return run


decode_reports: Final = _decoding(codec.decode_reports)
decode_feed: Final = _decoding(codec.decode_feed)


def book(data: bytes) -> str:
    """One frame of the feed into a book that is there already."""
    try:
        messages = codec.decode_feed(data)
    except ProtocolError as error:
        return error.reason.name
    builder = BookBuilder()
    builder.apply(_BOOK)
    return "damaged" if builder.apply(cast("Any", messages)) else "applied"


_CHALLENGE: Final = Challenge("fuzz", bytes(32), 1, 1)
_ACCEPTED: Final = LogonAccepted(1, "alice", 1, 1, cast("Any", 0), 1000, 0, 0, 0, 0, 0, 1, True)
_LOGON_PAYLOADS: Final = [codec.encode([_CHALLENGE]), codec.encode([_ACCEPTED])]
# Without the challenge, which costs a signature: most inputs are about what comes after it.
_LOGON: Final = frame(_LOGON_PAYLOADS[1])
_BOOK: Final[list[Any]] = codec.decode_feed(
    b"\xdc"
    + len(load("feed")).to_bytes(2, "big")
    + b"".join(bytes.fromhex(one["hex"]) for one in load("feed"))
)


def session_seeds() -> list[bytes]:
    return _conversations(payloads("reports", "session"))


def feed_seeds() -> list[bytes]:
    return _conversations(payloads("feed", "session"))


def _conversations(messages: list[bytes]) -> list[bytes]:
    """With and without a logon before, one message to a frame and several."""
    several = b"\x93" + b"".join(one[1:] for one in messages[:3])
    return [
        b"\x01" + SEPARATOR.join(messages),
        b"\x00" + SEPARATOR.join([*_LOGON_PAYLOADS, *messages[:3]]),
        b"\x01" + several,
        *(b"\x01" + one for one in messages),
    ]


def decoder_seeds() -> list[bytes]:
    return message_seeds()
