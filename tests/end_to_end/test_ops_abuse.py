"""The ops port under hands that mean no good: bounded, and no trade notices."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from carbonmatch.config import host_and_port
from carbonmatch.limits import OPS_CONNECTIONS_MAX, OPS_PAGES_PER_SECOND
from carbonmatch.ops.http import REQUEST_BYTES_MAX, Page
from carbonmatch.server.ops_port import PageMaker
from tests.end_to_end.honest import honest_trading
from tests.end_to_end.running import Venue
from tests.end_to_end.wire import SECONDS_MAX

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def visit(venue: Venue, first_bytes: bytes = b"") -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(*host_and_port(venue.addresses["ops"]))
    try:
        writer.write(first_bytes)
        yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> bytes:
    """All there is; nothing where the connection was reset."""
    try:
        async with asyncio.timeout(SECONDS_MAX):
            return await reader.read()
    except ConnectionError:
        return b""


async def test_slow_requests_make_room_for_honest_ones(venue: Venue) -> None:
    async with honest_trading(venue) as honest, AsyncExitStack() as stack:
        slow = [
            await stack.enter_async_context(visit(venue, b"GET /metr"))
            for _ in range(3 * OPS_CONNECTIONS_MAX)
        ]
        for _ in range(5):
            status, body = await venue.get("/metrics")
            assert status == 200
            assert "carbonmatch_" in body
        await honest.trade()
        # The ones there longest had to go.
        assert await answer(slow[0][0]) == b""
        assert len(venue.service._ops.connections) <= OPS_CONNECTIONS_MAX


BAD = {
    "an unknown method": (b"BREW / HTTP/1.1\r\n\r\n", b"405"),
    "a post": (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
    "no version": (b"GET /metrics\r\n\r\n", b"400"),
    "an unknown version": (b"GET /metrics HTTP/9.9\r\n\r\n", b"400"),
    "bytes": (bytes(range(1, 255)) + b"\r\n\r\n", b"400"),
    "a handshake of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    "a path that climbs": (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
    "a path with a null": (b"GET /metrics\x00.html HTTP/1.1\r\n\r\n", b"404"),
    "an address of somebody else": (b"GET http://elsewhere/ HTTP/1.1\r\n\r\n", b"400"),
    "two blanks": (b"GET  /metrics HTTP/1.1\r\n\r\n", b"400"),
    "huge headers": (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * (REQUEST_BYTES_MAX // 5), b"431"),
    "one huge header": (b"GET / HTTP/1.1\r\nx: " + b"y" * (REQUEST_BYTES_MAX + 1), b"431"),
}


@pytest.mark.parametrize(("request_bytes", "status"), BAD.values(), ids=list(BAD))
async def test_a_request_that_is_none_is_told_so_and_closed(
    venue: Venue, request_bytes: bytes, status: bytes
) -> None:
    async with visit(venue) as (reader, writer):
        writer.write(request_bytes)
        head = await reader.readline()
    assert head.split(b" ")[1] == status
    assert (await venue.get("/healthz"))[0] == 200


async def test_of_requests_in_one_breath_the_first_is_answered(venue: Venue) -> None:
    async with visit(venue, REQUEST * 100) as (reader, _):
        assert (await answer(reader)).count(b"HTTP/1.1 ") == 1


async def test_a_request_may_come_byte_by_byte(venue: Venue) -> None:
    async with visit(venue) as (reader, writer):
        for byte in REQUEST:
            writer.write(bytes((byte,)))
            await writer.drain()
        assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")


async def test_a_request_that_does_not_end_is_cut_off(venue: Venue) -> None:
    async with honest_trading(venue) as honest, visit(venue) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nx: " + b"y" * 4_000_000)
        # Where it is still being sent, the goodbye is lost with the connection.
        assert (await answer(reader))[:12] in (b"", b"HTTP/1.1 431")
        await honest.trade()


async def test_a_circle_of_scrapes_does_not_keep_sessions_waiting(venue: Venue) -> None:
    async with honest_trading(venue) as honest:
        for _ in range(10):
            found = await asyncio.gather(*(venue.get("/metrics") for _ in range(OPS_CONNECTIONS_MAX - 1)))
            assert {status for status, _ in found} == {200}
            await honest.trade()


class Loop:
    """A clock, turns that a test takes, and what pages and answers there were."""

    def __init__(self, pages: dict[str, Callable[[], Page]]) -> None:
        self.now_ns = 0
        self.turns: list[Callable[[], object]] = []
        self.answers: list[bytes] = []
        self.maker = PageMaker(pages, lambda: self.now_ns, self.turns.append)

    def ask(self, path: str) -> None:
        self.maker.ask(path, lambda page: self.answers.append(page.body))

    def turn(self) -> None:
        self.turns.pop(0)()


def test_pages_are_rationed_each_by_itself() -> None:
    made: list[str] = []

    def page(path: str) -> Page:
        made.append(path)
        return Page(str(len(made)).encode())

    loop = Loop({"/a": lambda: page("/a"), "/b": lambda: page("/b")})
    for _ in range(3 * OPS_PAGES_PER_SECOND):
        loop.ask("/a")
    assert len(made) == OPS_PAGES_PER_SECOND
    assert len(loop.answers) == 3 * OPS_PAGES_PER_SECOND
    assert loop.answers[-1] == str(OPS_PAGES_PER_SECOND).encode()
    loop.ask("/b")
    assert made[-1] == "/b"
    loop.now_ns = 1_000_000_000 // OPS_PAGES_PER_SECOND
    loop.ask("/a")
    assert loop.answers[-1] == str(OPS_PAGES_PER_SECOND + 2).encode()


def test_a_page_in_pieces_is_made_a_piece_a_turn_and_once_for_all_who_ask_meanwhile() -> None:
    begun: list[int] = []

    def page() -> Page:
        begun.append(len(loop.turns))
        return Page(b"", pieces=iter([b"one ", b"two ", b"three"]))

    loop = Loop({"/metrics": page})
    loop.ask("/metrics")
    loop.turn()
    loop.ask("/metrics")
    assert loop.answers == []
    while loop.turns:
        assert len(loop.turns) == 1
        loop.turn()
    assert loop.answers == [b"one two three"] * 2
    assert len(begun) == 1
    loop.ask("/metrics")
    assert len(begun) == 2, "who asks later gets a new one"


async def test_who_leaves_while_a_page_is_made_costs_nothing(venue: Venue) -> None:
    for _ in range(3):
        async with visit(venue, b"GET /metrics HTTP/1.1\r\n\r\n") as (_, writer):
            writer.transport.abort()
    status, body = await venue.get("/metrics")
    assert (status, body.endswith("\n"), body.count("# TYPE carbonmatch_state gauge")) == (200, True, 1)
