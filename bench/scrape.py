"""What a scrape of `/metrics` takes of the loop of a real engine, and how long it keeps others waiting.

    python -m bench scrape --instruments 50 --sessions 500

Two figures, in microseconds. `scrape_us`: processor time of the loop's thread, seconds with scrapes less
seconds without; connection and all. `held_us`: a client in a process of its own asks for an answer again and
again; the longest that it waits while there is a scrape, less the longest that it waits in a time as long in
which there is none. Both are medians, so that neighbours on the machine disturb them little. Linux only.
"""

import argparse
import asyncio
import json
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import uvloop
from msgspec import Struct
from numpy.typing import NDArray

from bench import market
from bench.generator import Generator, Plan
from bench.hostile.crew import crew
from bench.market import Member
from bench.runs import Setup, started_engine
from bench.sessions import Address, signed_logon
from bench.workload import Workload
from carbonmatch.limits import OPS_PAGES_PER_SECOND, OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.protocol.codec import decode_reports, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import Challenge, Heartbeat, LogonAccepted, Role

# What a scrape may hold the loop.
HELD_US_MAX: Final = 500.0
# More of them would be answered with the page that there is.
_SCRAPES_PER_SECOND: Final = OPS_PAGES_PER_SECOND // 2
_START_SECONDS_MAX: Final = 20.0

# When it was asked and when it was answered, both in ns.
Pings = NDArray[np.int64]


class Scrapes(Struct, frozen=True):
    """What was measured."""

    page_bytes: int
    scrape_us: list[float]  # by round
    held_us: float


def main(arguments: Sequence[str]) -> int:
    it = argparse.ArgumentParser(
        prog="python -m bench scrape",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("--instruments", type=int, default=50)
    it.add_argument("--sessions", type=int, default=500)
    it.add_argument("--rounds", type=int, default=7)
    it.add_argument("--seconds", type=float, default=1.0, help="of each half of a round")
    it.add_argument("--enforce", action="store_true", help="exit with 1 where the loop is held for too long")
    options = it.parse_args(arguments)
    found = measure(options.instruments, options.sessions, options.rounds, options.seconds)
    figures = {
        "instruments": options.instruments,
        "sessions": options.sessions,
        "page_kib": round(found.page_bytes / 1024),
        "scrape_us": round(median(found.scrape_us)),
        "scrape_us_of_rounds": [round(one) for one in found.scrape_us],
        "held_us": round(found.held_us),
    }
    print(json.dumps(figures))
    return int(options.enforce and found.held_us > HELD_US_MAX)


def measure(instruments: int, sessions: int, rounds: int, seconds: float) -> Scrapes:
    # One session more, which asks.
    workload = Workload(sessions + 1, sessions + 1, frame_commands=1, instruments=instruments)
    setup = Setup("scrape", workload, Plan(1, warmup_frames=0, window_commands=1), subscribers=1)
    with (
        tempfile.TemporaryDirectory(prefix="carbonmatch-scrape-") as name,
        started_engine(setup, Path(name)) as running,
    ):
        at = Engine(running.address("order_entry"), running.address("ops"), running.pid)
        return uvloop.run(_measure(at, market.traders(sessions + 1), rounds, seconds))


class Engine(Struct, frozen=True):
    order_entry: Address
    ops: Address
    pid: int

    def worked_us(self) -> float:
        """Of the main thread, in which the loop runs, as the kernel counts it."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/schedstat").read_text().split()[0]) / 1_000


async def _measure(at: Engine, members: list[Member], rounds: int, seconds: float) -> Scrapes:
    asker, *others = members
    generator = Generator(Plan(1, warmup_frames=0, window_commands=1))
    try:
        await generator.connect(at.order_entry, others, lambda _index, _ref: [])
        page = await _scrape(at.ops)
        assert f'carbonmatch_sessions{{role="trade"}} {len(others)}\n'.encode() in page
        scrape_us = [await _round(at, seconds) for _ in range(rounds)]
        with asking(at.order_entry, asker) as pinger:
            windows = [await _window(at.ops) for _ in range(round(rounds * seconds * _SCRAPES_PER_SECOND))]
            pinger.send("stop")
            pings = np.frombuffer(await asyncio.to_thread(pinger.recv), np.int64).reshape(-1, 2)
    finally:
        generator.close()
    return Scrapes(len(page), scrape_us, _held_us(pings, windows))


async def _round(at: Engine, seconds: float) -> float:
    """What a scrape takes of the thread: seconds without, then seconds with."""
    count = round(seconds * _SCRAPES_PER_SECOND)
    before = at.worked_us()
    await asyncio.sleep(seconds)
    between, began = at.worked_us(), time.perf_counter()
    for number in range(count):
        await asyncio.sleep(began + number * seconds / count - time.perf_counter())
        await _scrape(at.ops)
    await asyncio.sleep(began + seconds - time.perf_counter())
    return (at.worked_us() - between - (between - before)) / count


async def _window(ops: Address) -> tuple[int, int]:
    """From when to when there was a scrape, after a time without."""
    await asyncio.sleep(1 / _SCRAPES_PER_SECOND)
    began_ns = time.monotonic_ns()
    await _scrape(ops)
    return began_ns, time.monotonic_ns()


def _held_us(pings: Pings, windows: list[tuple[int, int]]) -> float:
    """The longest wait while there is a scrape, less that in a time as long just before it."""
    during = [_longest_ns(pings, began, ended) for began, ended in windows]
    before = [_longest_ns(pings, 2 * began - ended, began) for began, ended in windows]
    return (median(during) - median(before)) / 1_000


def _longest_ns(pings: Pings, began_ns: int, ended_ns: int) -> int:
    overlapping = pings[(pings[:, 1] >= began_ns) & (pings[:, 0] <= ended_ns)]
    return int((overlapping[:, 1] - overlapping[:, 0]).max(initial=0))


async def _scrape(ops: Address) -> bytes:
    reader, writer = await asyncio.open_connection(*ops)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n")
    try:
        return (await reader.read()).partition(b"\r\n\r\n")[2]
    finally:
        with suppress(OSError):
            writer.close()


# --- the client that waits -----------------------------------------------------------------------


@contextmanager
def asking(address: Address, member: Member) -> Iterator[Connection]:
    """One that asks until it is sent "stop", and then sends when each question was asked and answered."""
    with crew("asker", _ask, (address, member), _START_SECONDS_MAX) as pipe:
        yield pipe


def _ask(pipe: Connection, address: Address, member: Member) -> None:
    reader = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
    question = frame(encode([Heartbeat(1)]))
    pings: list[tuple[int, int]] = []
    with socket.create_connection(address) as engine:
        engine.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        is_admitted = False
        while not is_admitted:
            for payload in reader.feed(engine.recv(65_536)):
                for message in decode_reports(payload):
                    if type(message) is Challenge:
                        engine.sendall(frame(encode([signed_logon(member, Role.TRADE, message)])))
                    is_admitted |= type(message) is LogonAccepted
        pipe.send("asking")
        while not pipe.poll():
            asked_ns = time.monotonic_ns()
            engine.sendall(question)
            while not reader.feed(engine.recv(65_536)):
                pass
            pings.append((asked_ns, time.monotonic_ns()))
    pipe.recv()
    pipe.send(np.array(pings, np.int64).tobytes())
