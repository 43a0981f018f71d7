"""The ops port: one small HTTP answer a connection, on loopback, for operators' tools."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from ssl import SSLContext
from typing import cast

from carbonmatch.limits import OPS_CONNECTIONS_MAX, OPS_PAGES_PER_SECOND, OPS_REQUEST_SECONDS_MAX
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.http import Page, Pages, respond
from carbonmatch.protocol.throttle import TokenBucket
from carbonmatch.server.door import Arriving, Door
from carbonmatch.server.guard import Bounds, Guard, Visit


class OpsPort:
    """Whoever asks slowly makes room for who comes next, and whoever asks too often gets what he has seen."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
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
        self.pages = Rationed(self.pages, monotonic_ns)

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


class Rationed(Mapping[str, Callable[[], Page]]):
    """Pages that are made OPS_PAGES_PER_SECOND times a second at most; above that, each as it last was.

    A page holds the loop for up to half a millisecond: who asks in a circle would have it to himself.
    """

    def __init__(self, pages: Pages, monotonic_ns: Callable[[], int]) -> None:
        self._pages = pages
        self._monotonic_ns = monotonic_ns
        # Each has a ration of its own: whoever asks for one in a circle must not make another one stale.
        self._rations = {
            path: TokenBucket(OPS_PAGES_PER_SECOND, OPS_PAGES_PER_SECOND, monotonic_ns()) for path in pages
        }
        self._kept: dict[str, Page] = {}

    def __getitem__(self, path: str) -> Callable[[], Page]:
        make = self._pages[path]

        def page() -> Page:
            kept = self._kept.get(path)
            if self._rations[path].take(1, self._monotonic_ns()) == 0 or kept is None:
                kept = self._kept[path] = make()
            return kept

        return page

    def __iter__(self) -> Iterator[str]:
        return iter(self._pages)

    def __len__(self) -> int:
        return len(self._pages)


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
        response = respond(self._received, self._port.pages)
        if response is not None:
            self._answered = True
            self.transport.write(response)
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
