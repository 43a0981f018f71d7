"""Subscribers that never read among those that do.

    python -m bench hostile subscribers --subscribers 200 --silent 20 --rate 20000

The same engine serves the same load to the readers beside as many more that read and beside the silent
ones, in turns: each round has both, now one first and now the other one, and gives one ratio of their p99.
What counts is the median of the ratios and its interval: p99 of one round differs from that of the next one
by more than what is looked for. Who is silent and was cut comes again at once, so that there are as many all
the time. Latency is from the time that the engine gave a batch to its arrival at a reader; ten of the readers
look at it, the others only take what comes. Beside it stands the engine's processor time, which the rest of
the machine disturbs least. What the engine says of those that it cut is in its log.
"""

import argparse
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Final, cast

import numpy as np
import uvloop
from msgspec import Struct

from bench import market
from bench.generator import Generator, Plan
from bench.hostile.followers import following, others
from bench.latency import Latency, Nanoseconds, fold, latency
from bench.processes import Server, cpu_seconds, resident_bytes
from bench.runs import Setup, started_engine
from bench.sessions import Address
from bench.significance import Seen, of_rounds
from bench.workload import Workload, session_frames

# What silent ones may cost the others at p99, beside as many that read.
RATIO_MAX: Final = 1.10

_KINDS: Final = ("read", "silent")
_SESSIONS: Final = 8
_MIB: Final = 2**20


class Part(Struct, frozen=True):
    """What one round has measured of one kind."""

    latency_ns: Nanoseconds
    cpu_ms: float  # of the engine, in a second
    resident: int  # bytes of the engine, at the end


class Measured(Struct, frozen=True):
    parts: dict[str, list[Part]]
    resident_before: int
    cut: list[dict[str, object]]

    def ratio(self) -> Seen:
        """p99 beside silent ones to p99 beside readers."""
        return self._of_rounds([_p99_us([part]) for part in self.parts["silent"]], "latency")

    def cpu_ratio(self) -> Seen:
        return self._of_rounds([part.cpu_ms for part in self.parts["silent"]], "cpu")

    def _of_rounds(self, silent: list[float], what: str) -> Seen:
        read = [_p99_us([part]) if what == "latency" else part.cpu_ms for part in self.parts["read"]]
        return of_rounds([one / other for one, other in zip(silent, read, strict=True)])


def main(arguments: Sequence[str]) -> int:
    it = argparse.ArgumentParser(
        prog="python -m bench hostile subscribers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("--subscribers", type=int, default=200)
    it.add_argument("--silent", type=int, default=20, help="of them, never read")
    it.add_argument("--rate", type=int, default=20_000, help="commands a second")
    it.add_argument("--seconds", type=float, default=2.5, help="of each kind in each round")
    it.add_argument("--rounds", type=int, default=10)
    it.add_argument("--enforce", action="store_true", help="exit with 1 where the target is not shown")
    options = it.parse_args(arguments)
    measured = measure(options.subscribers, options.silent, options.rate, options.seconds, options.rounds)
    print(as_text(measured))
    return int(options.enforce and not is_shown(measured.ratio()))


def is_shown(ratio: Seen) -> bool:
    """Whether silent ones cost no more than they may, all of the interval considered."""
    return ratio.high is not None and ratio.high <= RATIO_MAX


def measure(subscribers: int, silent: int, rate: int, seconds: float, rounds: int) -> Measured:
    workload = Workload(sessions=_SESSIONS, commands=round(rate * seconds), frame_commands=1, instruments=4)
    plan = Plan(1, rate // _SESSIONS // 4, rate_per_second=rate)
    setup = Setup("subscribers", workload, plan, subscribers=subscribers)
    parts: dict[str, list[Part]] = {kind: [] for kind in _KINDS}
    with (
        tempfile.TemporaryDirectory(prefix="carbonmatch-hostile-") as name,
        started_engine(setup, Path(name)) as running,
    ):
        feed = running.address("market_data")
        readers = subscribers - silent
        with following(feed, readers) as pipe, others(feed, readers, silent) as beside:
            before = resident_bytes(running.pid)
            for number in range(rounds):
                # Whatever changes with time is as often for the one as for the other.
                for kind in _KINDS if number % 2 == 0 else reversed(_KINDS):
                    beside.send(kind)
                    beside.recv()
                    parts[kind].append(_part(running, setup, pipe))
        return Measured(parts, before, running.events("connection_cut"))


def _part(running: Server, setup: Setup, pipe: Connection) -> Part:
    pipe.send("look")
    before, began = cpu_seconds(running.pid), perf_counter()
    uvloop.run(_trade(running.address("order_entry"), setup))
    cpu_ms = (cpu_seconds(running.pid) - before) * 1_000 / (perf_counter() - began)
    pipe.send("tell")
    latency_ns = np.frombuffer(pipe.recv(), np.int64)
    assert latency_ns.size, "whoever reads has not been sent away"
    return Part(latency_ns, cpu_ms, resident_bytes(running.pid))


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


def as_text(measured: Measured) -> str:
    lines = [
        f"{'batch to reader, microseconds':<32}{'count':>10}{'p50':>10}{'p99':>10}{'max':>10}"
        f"{'engine ms/s':>13}"
    ]
    for kind, parts in measured.parts.items():
        one: Latency = latency(fold(np.concatenate([part.latency_ns for part in parts])))
        name = "beside readers" if kind == "read" else "beside silent ones"
        lines.append(
            f"{name:<32}{one.count:>10,}{one.p50_us:>10,.0f}{one.p99_us:>10,.0f}{one.max_us:>10,.0f}"
            f"{np.median([part.cpu_ms for part in parts]):>13,.0f}"
        )
    each = ", ".join(
        f"{_p99_us([silent]) / _p99_us([read]):.2f}"
        for read, silent in zip(measured.parts["read"], measured.parts["silent"], strict=True)
    )
    lines.append(f"p99 beside silent ones / beside readers: {measured.ratio().words()}")
    lines.append(f"  each round: {each}")
    lines.append(f"the engine's processor time likewise: {measured.cpu_ratio().words()}")
    paused = [cast(float, one["paused_seconds"]) for one in measured.cut]
    unread = [cast(int, one["unread_bytes"]) for one in measured.cut]
    lines.append(
        f"cut {len(paused)} times; longest after the pause {max(paused, default=0):.2f} s, "
        f"most unread {max(unread, default=0) / _MIB:.2f} MiB"
    )
    most = max(part.resident for parts in measured.parts.values() for part in parts)
    before = measured.resident_before
    lines.append(
        f"memory of the engine: {before / _MIB:.0f} MiB before, {(most - before) / _MIB:+.0f} MiB at most"
    )
    return "\n".join(lines)


def _p99_us(parts: list[Part]) -> float:
    return latency(fold(np.concatenate([part.latency_ns for part in parts]))).p99_us
