"""The ops port: one small HTTP answer a connection, on loopback, for operators' tools."""

import asyncio
from collections.abc import Callable
from ssl import SSLContext
from typing import Final, cast

from carbonmatch.ops.counters import Counters
from carbonmatch.ops.http import Pages, respond
from carbonmatch.server.door import Door
from carbonmatch.server.guard import Bounds, Guard, Visit

# Two scrapers and a person; more are turned away before they cost anything.
_CONNECTIONS_MAX: Final = 8
_REQUEST_SECONDS_MAX: Final = 5.0


class OpsPort:
    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.connections: set[_OpsConnection] = set()
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
        bounds = Bounds(waiting_per_address=_CONNECTIONS_MAX)
        guard = Guard(counters or Counters(), monotonic_ns(), bounds)

        def has_room(arriving: int) -> bool:
            return len(self.connections) + arriving < _CONNECTIONS_MAX

        self.door = Door(guard, monotonic_ns, lambda visit: _OpsConnection(self, visit), has_room, tls)
        return await self.door.open(*address)

    def close(self) -> None:
        if self.door is not None:
            self.door.close()
        for connection in list(self.connections):
            connection.transport.abort()


class _OpsConnection(asyncio.Protocol):
    def __init__(self, port: OpsPort, visit: Visit) -> None:
        self._port = port
        self._visit = visit
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._port.connections.add(self)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_REQUEST_SECONDS_MAX, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        self._received += data
        response = respond(self._received, self._port.pages)
        if response is not None:
            self.transport.write(response)
            self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self._port.connections.discard(self)
        self._visit.waits_no_more()
        if self._timer is not None:
            self._timer.cancel()
