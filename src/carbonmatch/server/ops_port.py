"""The ops port: one small HTTP answer a connection, on loopback, for operators' tools."""

import asyncio
from collections.abc import Callable
from functools import partial
from ssl import SSLContext
from typing import cast

from carbonmatch.limits import OPS_CONNECTIONS_MAX, OPS_PAGES_PER_SECOND, OPS_REQUEST_SECONDS_MAX
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.http import Page, Pages, Request, response, understood
from carbonmatch.protocol.throttle import TokenBucket
from carbonmatch.server.door import Arriving, Door
from carbonmatch.server.guard import Bounds, Guard, Visit


class OpsPort:
    """Whoever asks slowly makes room for who comes next, and whoever asks too often gets what he has seen."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self.maker: PageMaker
        # Those that have not got their answer yet, or not read it; the longest there first.
        self.connections: dict[_OpsConnection, None] = {}
        self.door: Door | None = None

    async def open(
        self,
        address: tuple[str, int],
        monotonic_ns: Callable[[], int],
        tls: SSLContext | None = None,
        counters: Counters | None = None,
    ) -> tuple[str, int]:
        """Listen; `counters` are told of those who are turned away."""
        # A guard of its own: whoever scrapes does not wait with those who want to trade.
        # One machine asks for all: its bound has to leave room for those that are being dropped.
        bounds = Bounds(waiting_per_address=2 * OPS_CONNECTIONS_MAX)
        guard = Guard(counters or Counters(), monotonic_ns(), bounds)
        self.maker = PageMaker(self._pages, monotonic_ns, asyncio.get_running_loop().call_soon)

        def has_room(arriving: int) -> bool:
            while self.connections and len(self.connections) + arriving >= OPS_CONNECTIONS_MAX:
                next(iter(self.connections)).drop()
            return arriving < OPS_CONNECTIONS_MAX

        self.door = Door(guard, monotonic_ns, lambda visit: _OpsConnection(self, visit), has_room, tls)
        return await self.door.open(*address)

    def close(self) -> None:
        if self.door is not None:
            self.door.close()
        for connection in list(self.connections):
            connection.transport.abort()


class PageMaker:
    """Pages that are made OPS_PAGES_PER_SECOND times a second at most; above that, each as it last was.

    A page takes up to a millisecond: who asks in a circle would have the loop to himself. One that comes in
    pieces is made a piece a turn, once for all who ask meanwhile, so it keeps nobody waiting for long.
    """

    def __init__(
        self,
        pages: Pages,
        monotonic_ns: Callable[[], int],
        call_soon: Callable[[Callable[[], object]], object],
    ) -> None:
        self.paths = pages.keys()
        self._pages = pages
        self._monotonic_ns = monotonic_ns
        self._call_soon = call_soon
        # Each has a ration of its own: whoever asks for one in a circle must not make another one stale.
        self._rations = {
            path: TokenBucket(OPS_PAGES_PER_SECOND, OPS_PAGES_PER_SECOND, monotonic_ns()) for path in pages
        }
        self._kept: dict[str, Page] = {}
        # Who waits for a page that is being made.
        self._waiting: dict[str, list[Callable[[Page], object]]] = {}

    def ask(self, path: str, answer: Callable[[Page], object]) -> None:
        """Call `answer` with the page, which is whole: now, or in a later turn."""
        if path in self._waiting:
            self._waiting[path].append(answer)
            return
        kept = self._kept.get(path)
        if self._rations[path].take(1, self._monotonic_ns()) and kept is not None:
            answer(kept)
            return
        page = self._pages[path]()
        self._waiting[path] = [answer]
        if page.is_whole:
            self._made(path, page)
        else:
            self._go_on(path, page, [])

    def _go_on(self, path: str, page: Page, made: list[bytes]) -> None:
        assert page.pieces is not None
        piece = next(page.pieces, None)
        if piece is None:
            self._made(path, Page(b"".join(made), page.content_type, page.status))
        else:
            made.append(piece)
            self._call_soon(partial(self._go_on, path, page, made))

    def _made(self, path: str, page: Page) -> None:
        self._kept[path] = page
        for answer in self._waiting.pop(path):
            answer(page)


class _OpsConnection(Arriving):
    def __init__(self, port: OpsPort, visit: Visit) -> None:
        self._port = port
        self._visit = visit
        self.connected = False
        self._received = b""
        self._answered = False
        self._timer: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.connected = True
        self._port.connections[self] = None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(OPS_REQUEST_SECONDS_MAX, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._answered:
            return
        self._received += data
        found = understood(self._received, self._port.maker.paths)
        if found is None:
            return
        self._answered = True
        if isinstance(found, Request):
            self._port.maker.ask(found.path, partial(self._answer, found))
        else:
            self._write(found)

    def _answer(self, request: Request, page: Page) -> None:
        # It may have gone while the page was made.
        if self.connected:
            self._write(response(page, request.with_body))

    def _write(self, response_bytes: bytes) -> None:
        self.transport.write(response_bytes)
        self.transport.close()

    def drop(self) -> None:
        """Make room for another one."""
        self._port.connections.pop(self, None)
        self._visit.is_gone()
        self.transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self.connected = False
        self._port.connections.pop(self, None)
        self._visit.is_gone()
        if self._timer is not None:
            self._timer.cancel()
