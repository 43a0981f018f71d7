"""What the machine alone takes: a sync of so many bytes, a round trip of so many bytes."""

import asyncio
import os
from pathlib import Path
from time import perf_counter_ns
from typing import Final, cast

import numpy as np

from bench.bare import make_zero_filled
from bench.latency import Nanoseconds

_PROBE_FILE_BYTES: Final = 16 * 1024 * 1024
_WARMUP: Final = 50


def sync_times(directory: Path, size: int, count: int) -> Nanoseconds:
    """Nanoseconds of `count` writes of `size` bytes with a sync each, into a zero-filled file."""
    path = directory / "probe.journal"
    fd = make_zero_filled(path, _PROBE_FILE_BYTES)
    data = os.urandom(size)
    times = []
    position = 0
    try:
        for _ in range(_WARMUP + count):
            if position + size > _PROBE_FILE_BYTES:
                position = 0
            start = perf_counter_ns()
            os.pwrite(fd, data, position)
            os.fdatasync(fd)
            times.append(perf_counter_ns() - start)
            position += size
    finally:
        os.close(fd)
        path.unlink()
    return np.array(times[_WARMUP:], np.int64)


class _EchoClient(asyncio.Protocol):
    """One message in flight."""

    def __init__(self, data: bytes, count: int) -> None:
        self._data = data
        self._count = count
        self._received = 0
        self._sent_ns = 0
        self.times: list[int] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._received == len(self._data):
            self.times.append(perf_counter_ns() - self._sent_ns)
            if len(self.times) < self._count:
                self._send()
            elif not self.done.done():
                self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"the echo server is gone: {error!r}"))

    def _send(self) -> None:
        self._received = 0
        self._sent_ns = perf_counter_ns()
        self._transport.write(self._data)


async def echo_times(address: tuple[str, int], size: int, count: int) -> Nanoseconds:
    """Nanoseconds of `count` round trips of `size` bytes, one after the other."""
    client = _EchoClient(os.urandom(size), _WARMUP + count)
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: client, *address)
    try:
        await client.done
    finally:
        transport.abort()
    return np.array(client.times[_WARMUP:], np.int64)
