"""The ops port: one small HTTP answer a connection, on loopback, for operators' tools."""

import asyncio
from typing import Final, cast

from carbonmatch.ops.http import Pages, respond

# Two scrapers and a person; more are turned away before they cost anything.
_CONNECTIONS_MAX: Final = 8
_REQUEST_SECONDS_MAX: Final = 5.0


class OpsPort:
    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.connections: set[_OpsConnection] = set()
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _OpsConnection(self), host, port, backlog=16)
        return cast("tuple[str, int]", self._server.sockets[0].getsockname()[:2])

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.transport.abort()


class _OpsConnection(asyncio.Protocol):
    def __init__(self, port: OpsPort) -> None:
        self._port = port
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if len(self._port.connections) >= _CONNECTIONS_MAX:
            self.transport.abort()
            return
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
        if self._timer is not None:
            self._timer.cancel()
