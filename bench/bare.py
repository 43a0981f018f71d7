"""The limit: what this stack does where an engine would also have to match, check and remember.

    python -m bench.bare --directory DIR           decodes, journals, answers; nothing else
    python -m bench.bare --echo                    sends back what it gets

Same loop (uvloop), same frames, same codec, and the same journey of a batch: one thread writes and
syncs it while the next one gathers. Each command is answered with one report, a session's reports of
a batch are one frame. No sessions, no logon, no order is looked at, nothing can be resumed, no feed.
Drive it with the same generator and frames as the engine, in the same run: the ratio of the two says
what the engine adds, whatever the machine is doing.
"""

import argparse
import asyncio
import gc
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

import uvloop
from msgspec import Raw

from carbonmatch.limits import FRAME_BYTES_MAX, SEGMENT_BYTES
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    AnyReport,
    Cancel,
    Canceled,
    CancelReason,
    NewOrder,
    OrderId,
    Ref,
    Replace,
    Replaced,
    SessionId,
)
from carbonmatch.protocol.batch import EntryRecord, StreamRecord, encode_record, encode_stream
from carbonmatch.protocol.codec import decode_client_frame
from carbonmatch.protocol.frames import FrameReader, frame

_BLOCK_BYTES: Final = 1024 * 1024


def make_zero_filled(path: Path, size: int = SEGMENT_BYTES) -> int:
    """Open a file whose blocks are all written, so that a sync has no metadata to store."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    block = bytes(_BLOCK_BYTES)
    for _ in range(size // _BLOCK_BYTES):
        os.write(fd, block)
    os.fsync(fd)
    return fd


class Connection(asyncio.Protocol):
    """A client, and the reports that wait for its next frame."""

    def __init__(self, server: "BareServer") -> None:
        self._server = server
        self._reader = FrameReader(FRAME_BYTES_MAX)
        self._transport: asyncio.Transport | None = None
        self.id = SessionId(0)
        self.seq = 0
        self.last_ref = Ref(0)
        self.reports: list[AnyReport] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.id = self._server.next_id()

    def data_received(self, chunk: bytes) -> None:
        for payload in self._reader.feed(chunk):
            self._server.take(self, payload)
        self._server.flush()

    def write(self, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.write(frame(payload))


class BareServer:
    """At most one batch is on its way to the disk; the next one gathers."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._entries: list[EntryRecord] = []
        self._touched: list[Connection] = []
        self._released: list[tuple[Connection, bytes]] = []
        self._outstanding = False
        self._order_id = 0
        self._position = 0
        self._connections = 0
        self.commands = 0
        self.batches = 0
        self.bytes = 0
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_batches, name="journal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let the outstanding batch arrive, and no further one."""
        self._queue.put(None)
        self._thread.join()
        os.close(self._fd)

    def next_id(self) -> SessionId:
        self._connections += 1
        return SessionId(self._connections)

    def take(self, connection: Connection, payload: bytes) -> None:
        """Answer every command of a frame with the report that it would get most often."""
        now = time.time_ns()
        commands = decode_client_frame(payload)
        self._entries.append(EntryRecord(now, connection.id, Raw(payload)))
        reports = connection.reports
        if not reports:
            self._touched.append(connection)
        seq = connection.seq
        order_id = self._order_id
        for command in commands:
            seq += 1
            order_id += 1
            if type(command) is NewOrder:
                report: AnyReport = Accepted(
                    seq,
                    command.ref,
                    now,
                    0,
                    OrderId(order_id),
                    command.instrument_id,
                    AccountId(connection.id),
                    command.side,
                    command.price_ticks,
                    command.quantity_lots,
                )
            elif type(command) is Cancel:
                report = Canceled(seq, command.ref, now, 0, OrderId(order_id), 1, CancelReason.REQUESTED)
            else:
                assert type(command) is Replace, "the workload has no other commands"
                report = Replaced(
                    seq,
                    command.ref,
                    now,
                    0,
                    OrderId(order_id),
                    command.price_ticks,
                    command.quantity_lots,
                    command.quantity_lots,
                )
            reports.append(report)
        connection.seq = seq
        self._order_id = order_id
        self.commands += len(commands)

    def flush(self) -> None:
        if self._outstanding or not self._entries:
            return
        streams = []
        for connection in self._touched:
            payload = encode_stream(connection.reports)
            self._released.append((connection, payload))
            first_seq = connection.seq - len(connection.reports) + 1
            streams.append(StreamRecord(connection.id, first_seq, connection.last_ref, Raw(payload)))
            connection.last_ref = connection.reports[-1].ref
            connection.reports = []
        record = encode_record(self._entries, streams, [])
        self._entries = []
        self._touched = []
        self._outstanding = True
        self.batches += 1
        self.bytes += len(record)
        self._queue.put(record)

    def _durable(self) -> None:
        self._outstanding = False
        released, self._released = self._released, []
        for connection, payload in released:
            connection.write(payload)
        self.flush()

    def _write_batches(self) -> None:
        """The journal thread. Short of segments: it starts over at the head of the only one."""
        while (record := self._queue.get()) is not None:
            if self._position + len(record) > SEGMENT_BYTES:
                self._position = 0
            written = os.pwrite(self._fd, record, self._position)
            assert written == len(record), f"short write: {written} of {len(record)} bytes"
            os.fdatasync(self._fd)
            self._position += written
            self._loop.call_soon_threadsafe(self._durable)


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, chunk: bytes) -> None:
        self._transport.write(chunk)


async def serve(directory: Path | None) -> None:
    """Until SIGTERM; announces itself on stderr as the engine does, and says what it has written."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGINT, stopped.set)
    bare = BareServer(make_zero_filled(directory / "bare.journal")) if directory else None
    listener = await loop.create_server(lambda: Connection(bare) if bare else Echo(), "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()
    gc.collect()
    gc.freeze()
    gc.disable()
    _tell(event="ready", order_entry=f"{host}:{port}")
    await stopped.wait()
    listener.close()
    if bare:
        bare.close()
        _tell(event="stopped", commands=bare.commands, batches=bare.batches, bytes=bare.bytes)


def _tell(**fields: object) -> None:
    print(json.dumps(fields), file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.bare", description="The limit to compare with.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--directory", type=Path, help="where its journal goes")
    what.add_argument("--echo", action="store_true", help="send back every chunk")
    options = parser.parse_args(arguments)
    uvloop.run(serve(options.directory))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
