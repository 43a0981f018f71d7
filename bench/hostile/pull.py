"""Taking orders out while the venue is full: a mass cancel of 10,000, and connections that are lost.

    python -m bench hostile pull --rated 20000 --orders 10000

Eight sessions offer twice the rated load. Meanwhile one session cancels all its orders with one command,
and another one, with cancel-on-disconnect and no grace time, is lost again and again: what counts is from
the reset of its connection to the time that the engine gave the cancel.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import uvloop
from msgspec import structs

from bench import market
from bench.generator import Plan
from bench.hostile.open_load import APPLIED, Played, play
from bench.latency import fold, latency
from bench.market import Member
from bench.runs import Setup, started_engine
from bench.sessions import Address, signed_logon
from bench.workload import Workload
from carbonmatch.limits import ORDER_WAIT_MS, OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.matching.messages import (
    Canceled,
    InstrumentId,
    MassCancel,
    MassCanceled,
    MassCancelScope,
    NewOrder,
    Ref,
    Side,
)
from carbonmatch.protocol.auth import sign
from carbonmatch.protocol.codec import decode_reports, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import LogonAccepted, Role

KILL_MS_MAX: Final = 200.0
LOST_MS_MAX: Final = 100.0
_SESSIONS: Final = 8
_KILL_AFTER_SECONDS: Final = 1.5
_SECONDS: Final = 3.0
_LOSSES: Final = 10
_ANSWER_SECONDS_MAX: Final = 20.0


def main(arguments: Sequence[str]) -> int:
    it = argparse.ArgumentParser(prog="python -m bench hostile pull", description=__doc__)
    it.add_argument("--rated", type=int, default=20_000, help="commands a second of all sessions")
    it.add_argument("--orders", type=int, default=10_000)
    options = it.parse_args(arguments)
    workload = Workload(sessions=_SESSIONS + 2, commands=_SESSIONS + 2, frame_commands=1, instruments=1)
    plan = Plan(1, 0, rate_per_second=options.rated)
    setup = Setup("pull", workload, plan, order_wait_ms=ORDER_WAIT_MS)
    with (
        tempfile.TemporaryDirectory(prefix="carbonmatch-hostile-") as name,
        started_engine(setup, Path(name)) as running,
    ):
        print(uvloop.run(_measure(running.address("order_entry"), options.rated, options.orders)))
    return 0


async def _measure(address: Address, rated: int, orders: int) -> str:
    *members, killer, loser = market.traders(_SESSIONS + 2)
    async with _logged_on(address, killer) as wire:
        for first in range(1, orders + 1, 100):
            wire.send([_order(ref) for ref in range(first, first + 100)])
            await wire.reports(100)
        loading = asyncio.ensure_future(play(address, members, [(2 * rated, _SECONDS)]))
        losing = asyncio.ensure_future(_lose(address, loser))
        await asyncio.sleep(_KILL_AFTER_SECONDS)
        began_ns = time.perf_counter_ns()
        wire.send([MassCancel(Ref(orders + 1), MassCancelScope.SESSION)])
        reports = await wire.reports(orders + 1)
        kill_ms = (time.perf_counter_ns() - began_ns) / 1e6
        assert type(reports[-1]) is MassCanceled
        assert reports[-1].count == orders
        lost_ms = await losing
        played = await loading
    before, during = (
        _p99_ms(played, began_ns - 10**9, began_ns),
        _p99_ms(played, began_ns, began_ns + 250_000_000),
    )
    return (
        f"{2 * rated:,} commands/s meanwhile\n"
        f"mass cancel of {orders:,} orders answered after {kill_ms:.0f} ms, expected {KILL_MS_MAX:.0f}\n"
        f"others' p99: {before:.1f} ms in the second before, {during:.1f} ms in the quarter after\n"
        f"reset to cancel: median {np.median(lost_ms):.0f} ms, longest of {len(lost_ms)} {max(lost_ms):.0f} "
        f"ms, expected {LOST_MS_MAX:.0f}"
    )


def _p99_ms(played: Played, begin_ns: int, end_ns: int) -> float:
    chosen = (played.due_ns >= begin_ns) & (played.due_ns < end_ns) & (played.outcomes == APPLIED)
    return latency(fold(played.latency_ns[chosen])).p99_us / 1e3


async def _lose(address: Address, member: Member) -> list[float]:
    """How long each cancel came after the connection was reset, in ms."""
    found = []
    next_seq = 1
    for _ in range(_LOSSES):
        async with _logged_on(address, member, next_seq, cancel_on_disconnect=True) as wire:
            wire.send([_order(wire.accepted.last_ref + 1)])
            next_seq = (await wire.reports(1))[0].seq + 1
            lost_ns = time.time_ns()
            wire.abort()
        await asyncio.sleep(0.15)
        async with _logged_on(address, member, next_seq) as wire:
            (report,) = await wire.reports(1)
            assert type(report) is Canceled
            next_seq = report.seq + 1
            found.append((report.time_ns - lost_ns) / 1e6)
    return found


def _order(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), InstrumentId(1), Side.BUY, 1, 9_200 + ref % 256)


class _Wire:
    """A connection that says what it is told to, and reads reports."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._unread: list[Any] = []
        self.accepted: LogonAccepted

    def send(self, messages: list[Any]) -> None:
        self._writer.write(frame(encode(messages)))

    def abort(self) -> None:
        self._writer.transport.abort()

    async def reports(self, count: int) -> list[Any]:
        async with asyncio.timeout(_ANSWER_SECONDS_MAX):
            while len(self._unread) < count:
                chunk = await self._reader.read(2**16)
                assert chunk, "the engine has closed the connection"
                for payload in self._frames.feed(chunk):
                    self._unread += decode_reports(payload)
        found, self._unread = self._unread[:count], self._unread[count:]
        return found


@asynccontextmanager
async def _logged_on(
    address: Address, member: Member, next_seq: int = 0, *, cancel_on_disconnect: bool = False
) -> AsyncIterator[_Wire]:
    wire = _Wire(*await asyncio.open_connection(*address))
    (challenge,) = await wire.reports(1)
    logon = structs.replace(
        signed_logon(member, Role.TRADE, challenge),
        next_seq=next_seq,
        cancel_on_disconnect=cancel_on_disconnect,
    )
    signature = sign(member.private_key, challenge.server_id, challenge.nonce, logon)
    wire.send([structs.replace(logon, signature=signature)])
    (wire.accepted,) = await wire.reports(1)
    try:
        yield wire
    finally:
        wire.abort()
