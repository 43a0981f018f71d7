"""Subscribers in processes of their own: some read, of whom a few look at what comes, and some do not."""

import asyncio
import os
import socket
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final, cast

import uvloop
from msgspec import Raw, Struct
from msgspec.msgpack import Decoder

from bench import market
from bench.hostile.crew import crew
from bench.market import Member
from bench.sessions import Address, Handshake
from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.matching.messages import Ref
from carbonmatch.protocol.codec import decode_feed, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import BatchBegin, FeedKind, Heartbeat, Role, Subscribe

_LOOKING: Final = 10
_START_SECONDS_MAX: Final = 60.0
# Of one that never reads: the less its own kernel takes for it, the sooner the engine has to keep it.
_SILENT_KERNEL_BYTES: Final = 4_096
# How often it looks whether it was cut: nobody tells a connection that is not read.
_LOOK_SECONDS: Final = 0.1
_ESTABLISHED: Final = 1


class _Begin(Struct, frozen=True, array_like=True):
    tag: int
    feed_sequence: int = 0
    time_ns: int = 0


_decode_parts: Final = Decoder(list[Raw]).decode
_decode_begin: Final = Decoder(_Begin).decode
# As every batch begins, and no snapshot.
_BATCH_HEAD: Final = encode([BatchBegin(1, 2)])[1:3]


class Follower(asyncio.Protocol):
    """Subscribes to everything; reads it or does not."""

    def __init__(self, handshake: Handshake, reading: bool, looking: bool) -> None:
        self._handshake: Handshake | None = handshake
        self._reading = reading
        self._looking = looking
        self._reader = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.latency_ns = array("q")
        self.bytes = 0
        # Of a feed that is looked at; the messages that head a batch with them.
        self.messages = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._reading:
            raw: Any = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SILENT_KERNEL_BYTES)

    def data_received(self, chunk: bytes) -> None:
        self.bytes += len(chunk)
        if self._handshake is not None:
            for payload in self._reader.feed(chunk):
                if reply := self._handshake.answer(decode_feed(payload)):
                    self._transport.write(reply)
            if self._handshake.accepted.done():
                self._handshake = None
                self._transport.write(frame(encode([Subscribe(Ref(1), kinds=FeedKind.LEVELS)])))
                if not self._reading:
                    self._transport.pause_reading()
        elif self._looking:
            now = time.time_ns()
            for payload in self._reader.feed(chunk):
                parts = _decode_parts(payload)
                self.messages += len(parts)
                first = bytes(parts[0])
                if first.startswith(_BATCH_HEAD):
                    self.latency_ns.append(now - _decode_begin(first).time_ns)

    def look_anew(self) -> None:
        """Forget what came, and send a sign of life: who only listens is sent away after some silence."""
        self.latency_ns = array("q")
        self.bytes = self.messages = 0
        self._transport.write(frame(encode([Heartbeat()])))

    @property
    def is_cut(self) -> bool:
        raw: Any = self._transport.get_extra_info("socket")
        # The first byte of `tcp_info` is the state.
        return raw is None or raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _ESTABLISHED

    def close(self) -> None:
        self._transport.abort()


def listen(pipe: Connection, told: Callable[[], None]) -> None:
    """Call `told` when there is something to receive; what is sent is still waited for, however long."""
    asyncio.get_running_loop().add_reader(pipe.fileno(), told)
    # The loop has made it one that takes what it has room for, and fails.
    os.set_blocking(pipe.fileno(), True)


# --- who are there from first to last ----------------------------------------------------------------


@contextmanager
def following(address: Address, count: int) -> Iterator[Connection]:
    """`count` subscribers that read, in a process of their own. It takes "look", "tell" and "count"."""
    with crew("subscribers", _run_following, (address, count), _START_SECONDS_MAX) as pipe:
        yield pipe


def _run_following(pipe: Connection, address: Address, count: int) -> None:
    uvloop.run(_follow(pipe, address, count))


async def _follow(pipe: Connection, address: Address, count: int) -> None:
    loop = asyncio.get_running_loop()
    followers = [
        await _connected(address, member, looking=index < _LOOKING)
        for index, member in enumerate(market.subscribers(count))
    ]
    stopped = asyncio.Event()

    def told() -> None:
        word = pipe.recv()
        if word == "look":
            for one in followers:
                one.look_anew()
        elif word == "tell":
            pipe.send(b"".join(one.latency_ns.tobytes() for one in followers))
        elif word == "count":
            pipe.send([(one.bytes, one.messages) for one in followers])
        else:
            stopped.set()

    listen(pipe, told)
    pipe.send("follows")
    await stopped.wait()
    loop.remove_reader(pipe.fileno())
    for follower in followers:
        follower.close()


async def _connected(
    address: Address, member: Member, *, reading: bool = True, looking: bool = False
) -> Follower:
    handshake = Handshake(member, Role.MARKET_DATA)
    follower = Follower(handshake, reading, looking)
    await asyncio.get_running_loop().create_connection(lambda: follower, *address)
    await handshake.outcome()
    return follower


# --- who come and go ---------------------------------------------------------------------------------


@contextmanager
def others(address: Address, first: int, count: int) -> Iterator[Connection]:
    """`count` more, which "read" or are "silent" or "gone", as they are told; answered once they are.

    Who is silent and was cut comes again at once: there are as many all the time.
    """
    with crew("other subscribers", _run_others, (address, first, count), _START_SECONDS_MAX) as pipe:
        yield pipe


def _run_others(pipe: Connection, address: Address, first: int, count: int) -> None:
    uvloop.run(_Others(pipe, address, market.subscribers(first + count)[first:]).serve())


class _Others:
    def __init__(self, pipe: Connection, address: Address, members: list[Member]) -> None:
        self._pipe = pipe
        self._address = address
        self._members = members
        self._words: asyncio.Queue[str] = asyncio.Queue()
        self._readers: list[Follower] = []
        self._silent: list[asyncio.Task[None]] = []

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        listen(self._pipe, lambda: self._words.put_nowait(self._pipe.recv()))
        word = "gone"
        while word != "stop":
            await self._become(word)
            self._pipe.send(word)
            word = await self._words.get()
        loop.remove_reader(self._pipe.fileno())
        await self._become("gone")

    async def _become(self, word: str) -> None:
        for task in self._silent:
            task.cancel()
        await asyncio.gather(*self._silent, return_exceptions=True)
        for reader in self._readers:
            reader.close()
        self._silent, self._readers = [], []
        if word == "read":
            self._readers = [await _connected(self._address, member) for member in self._members]
        elif word == "silent":
            first = [await _connected(self._address, member, reading=False) for member in self._members]
            self._silent = [
                asyncio.create_task(self._stay_silent(follower, member))
                for follower, member in zip(first, self._members, strict=True)
            ]

    async def _stay_silent(self, follower: Follower, member: Member) -> None:
        try:
            while True:
                while not follower.is_cut:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_SECONDS)
                follower.close()
                follower = await _connected(self._address, member, reading=False)
        finally:
            follower.close()
