"""Subscribers that never read among those that do.

    python -m bench hostile subscribers --subscribers 200 --silent 20 --rate 20000

The same engine serves the same load to the readers alone and with the silent ones, in turns. Latency is
from the time that the engine gave a batch to its arrival at a reader; ten of the readers look at it, the
others only take what comes. What the engine says of those that it cut is in its log.
"""

import argparse
import asyncio
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, cast

import numpy as np
import uvloop
from msgspec import Raw, Struct
from msgspec.msgpack import Decoder

from bench import market
from bench.generator import Address, Generator, Handshake, Plan
from bench.hostile.crew import crew
from bench.latency import Latency, Nanoseconds, fold, latency
from bench.processes import resident_bytes
from bench.runs import Setup, started_engine
from bench.workload import Workload, session_frames
from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.matching.messages import Ref
from carbonmatch.protocol.codec import decode_feed, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import BatchBegin, FeedKind, Role, Subscribe

_LOOKING: Final = 10
_SESSIONS: Final = 8
_START_SECONDS_MAX: Final = 60.0
_MIB: Final = 2**20


class _Begin(Struct, frozen=True, array_like=True):
    tag: int
    feed_sequence: int = 0
    time_ns: int = 0


_decode_parts: Final = Decoder(list[Raw]).decode
_decode_begin: Final = Decoder(_Begin).decode
# As every batch begins, and no snapshot.
_BATCH_HEAD: Final = encode([BatchBegin(1, 2)])[1:3]


def main(arguments: Sequence[str]) -> int:
    it = argparse.ArgumentParser(prog="python -m bench hostile subscribers", description=__doc__)
    it.add_argument("--subscribers", type=int, default=200)
    it.add_argument("--silent", type=int, default=20, help="of them, never read")
    it.add_argument("--rate", type=int, default=20_000, help="commands a second")
    it.add_argument("--seconds", type=float, default=4.0)
    it.add_argument("--rounds", type=int, default=2)
    options = it.parse_args(arguments)
    found: dict[str, list[Nanoseconds]] = {"readers alone": [], "with silent ones": []}
    workload = Workload(
        sessions=_SESSIONS, commands=round(options.rate * options.seconds), frame_commands=1, instruments=4
    )
    plan = Plan(1, options.rate // _SESSIONS // 4, rate_per_second=options.rate)
    setup = Setup("subscribers", workload, plan, subscribers=options.subscribers)
    resident: list[int] = []
    with (
        tempfile.TemporaryDirectory(prefix="carbonmatch-hostile-") as name,
        started_engine(setup, Path(name)) as running,
    ):
        feed, order_entry = running.address("market_data"), running.address("order_entry")
        readers = options.subscribers - options.silent
        with following(feed, 0, readers, reading=True) as pipe:
            for _ in range(options.rounds):
                for kind, parts in found.items():
                    silent = kind == "with silent ones"
                    resident.append(resident_bytes(running.pid))
                    around = (
                        following(feed, readers, options.silent, reading=False) if silent else nullcontext()
                    )
                    with around:
                        pipe.send("look")
                        uvloop.run(_trade(order_entry, setup))
                        parts.append(_looked(pipe))
                        resident.append(resident_bytes(running.pid))
        cut = running.events("connection_cut")
    print(_report(found, cut, resident, options.silent * options.rounds))
    return 0


async def _trade(address: Address, setup: Setup) -> None:
    generator = Generator(setup.plan)
    try:
        await generator.connect(
            address,
            market.traders(_SESSIONS),
            lambda index, first_ref: session_frames(setup.workload, index, first_ref),
        )
        await generator.run(lambda: None, lambda: None)
    finally:
        generator.close()


def _looked(pipe: Connection) -> Nanoseconds:
    pipe.send("tell")
    return np.frombuffer(pipe.recv(), np.int64)


def _report(
    found: dict[str, list[Nanoseconds]], cut: list[dict[str, object]], resident: list[int], silent: int
) -> str:
    each = {kind: [latency(fold(part)) for part in parts] for kind, parts in found.items()}
    ratios = [
        silenced.p99_us / alone.p99_us
        for alone, silenced in zip(each["readers alone"], each["with silent ones"], strict=True)
    ]
    lines = [f"{'batch to reader, microseconds':<32}{'count':>10}{'p50':>10}{'p99':>10}{'max':>10}"]
    for kind, parts in found.items():
        one: Latency = latency(fold(np.concatenate(parts)))
        lines.append(
            f"{kind:<32}{one.count:>10,}{one.p50_us:>10,.0f}{one.p99_us:>10,.0f}{one.max_us:>10,.0f}"
        )
    lines.append("p99 with silent ones / alone, each round: " + ", ".join(f"{one:.2f}" for one in ratios))
    paused = [cast(float, one["paused_seconds"]) for one in cut]
    unread = [cast(int, one["unread_bytes"]) for one in cut]
    lines.append(
        f"cut {len(cut)} of {silent}; longest after the pause {max(paused, default=0):.2f} s, "
        f"most unread {max(unread, default=0) / _MIB:.2f} MiB"
    )
    growth = (max(resident) - resident[0]) / _MIB
    lines.append(f"memory of the engine: {resident[0] / _MIB:.0f} MiB before, {growth:+.0f} MiB at most")
    return "\n".join(lines)


# --- the other process -----------------------------------------------------------------------------


class Follower(asyncio.Protocol):
    """Subscribes to everything; reads it or does not."""

    def __init__(self, handshake: Handshake, reading: bool, looking: bool) -> None:
        self._handshake: Handshake | None = handshake
        self._reading = reading
        self._looking = looking
        self._reader = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.latency_ns = array("q")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, chunk: bytes) -> None:
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
                first = bytes(_decode_parts(payload)[0])
                if first.startswith(_BATCH_HEAD):
                    self.latency_ns.append(now - _decode_begin(first).time_ns)

    def close(self) -> None:
        self._transport.abort()


@contextmanager
def following(address: Address, first: int, count: int, *, reading: bool) -> Iterator[Connection]:
    """`count` subscribers in a process of their own. It takes "look" and "tell" where they read."""
    with crew("subscribers", _run, (address, first, count, reading), _START_SECONDS_MAX) as pipe:
        yield pipe


def _run(pipe: Connection, address: Address, first: int, count: int, reading: bool) -> None:
    uvloop.run(_follow(pipe, address, first, count, reading))


async def _follow(pipe: Connection, address: Address, first: int, count: int, reading: bool) -> None:
    loop = asyncio.get_running_loop()
    followers: list[Follower] = []
    for index, member in enumerate(market.subscribers(first + count)[first:]):
        handshake = Handshake(member, Role.MARKET_DATA)
        follower = Follower(handshake, reading, looking=reading and index < _LOOKING)
        await loop.create_connection(lambda one=follower: one, *address)  # type: ignore[misc]
        await handshake.outcome()
        followers.append(follower)
    stopped = asyncio.Event()

    def told() -> None:
        word = pipe.recv()
        if word == "look":
            for one in followers:
                one.latency_ns = array("q")
        elif word == "tell":
            pipe.send(b"".join(one.latency_ns.tobytes() for one in followers))
        else:
            stopped.set()

    loop.add_reader(pipe.fileno(), told)
    pipe.send("follows")
    await stopped.wait()
    loop.remove_reader(pipe.fileno())
    for follower in followers:
        follower.close()
