"""What held the loop of the engine while it was under load, and what of that the garbage collector did.

    python -m bench pauses --rate 100000 --frame 16

From the engine's own metrics, before and after: how often the collector stopped everything and for how
long, and how late a timer of the loop fired, ten times a second. Beside it, in the same seconds, a process
that only waits: what *its* timer is late is the doing of the machine. The metrics are histograms, so
the longest is known to be at most the end of a bucket.
"""

import argparse
import json
import sys
import time
import urllib.request
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

import msgspec
from msgspec import Struct

from bench.environment import capture
from bench.generator import Plan
from bench.hostile.crew import crew
from bench.processes import StartError
from bench.runs import Setup, attach_to, drive_engine, started_engine
from bench.sessions import Address, RunError
from bench.workload import Workload, session_frames

PAUSE_MS_MAX: Final = 2.0
_COLLECTOR: Final = "carbonmatch_gc_pause_seconds"
_LOOP: Final = "carbonmatch_event_loop_lag_seconds"
_SESSIONS: Final = 8
_TICK_SECONDS: Final = 0.1  # as the engine's own timer


class Times(Struct, frozen=True):
    """Durations as a histogram of the metrics knows them: how many were at most so long, in ms."""

    counts: dict[float, int]
    count: int
    total_ms: float

    @property
    def longest_ms(self) -> float:
        """At most: the end of the last bucket in which there is one."""
        reached = [bound for bound, count in sorted(self.counts.items()) if count == self.count]
        return reached[0] if self.count and reached else 0.0

    def less(self, before: "Times") -> "Times":
        counts = {bound: count - before.counts[bound] for bound, count in self.counts.items()}
        return Times(counts, self.count - before.count, self.total_ms - before.total_ms)


class Pauses(Struct, frozen=True):
    commands_per_second: float
    p99_us: float
    max_us: float
    collector: Times
    loop: Times
    idle_late_ms: list[float]  # of the process that only waits
    flaws: list[str]


def main(arguments: Sequence[str]) -> int:
    it = argparse.ArgumentParser(
        prog="python -m bench pauses",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("--rate", type=int, default=100_000, help="commands a second")
    it.add_argument("--frame", type=int, default=16, help="commands in a frame")
    it.add_argument("--seconds", type=float, default=8.0)
    it.add_argument("--directory", type=Path, default=Path(gettempdir()), help="where the journal goes")
    it.add_argument("--json", type=Path)
    options = it.parse_args(arguments)
    try:
        found = measure(options.rate, options.frame, options.seconds, options.directory)
    except (RunError, StartError, TimeoutError, OSError) as error:
        print(f"python -m bench pauses: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print("\n".join(as_text(found)))
    if options.json:
        environment = capture(options.directory, "all processes where the kernel puts them")
        kept = {"environment": environment, "pauses": found}
        options.json.write_text(json.dumps(msgspec.to_builtins(kept), indent=2))
    return 0


def measure(rate: int, frame: int, seconds: float, disk: Path) -> Pauses:
    workload = Workload(_SESSIONS, round(rate * seconds), frame_commands=frame)
    plan = Plan(frame, warmup_frames=max(1, workload.frames_per_session // 8), rate_per_second=rate)
    frames = [session_frames(workload, index) for index in range(_SESSIONS)]
    with TemporaryDirectory(prefix="carbonmatch-pauses-", dir=disk) as name:
        setup = Setup("pauses", workload, plan, directory=Path(name))
        with started_engine(setup, Path(name)) as running, crew("idler", _idle, (), 20.0) as idler:
            before = page(running.address("ops"))
            run = drive_engine(setup, frames, attach_to(running))
            after = page(running.address("ops"))
            idler.send("tell")
            late_ms: list[float] = idler.recv()
    collector, loop = (times(after, of).less(times(before, of)) for of in (_COLLECTOR, _LOOP))
    return Pauses(
        run.rate_per_second,
        run.latency.p99_us,
        run.latency.max_us,
        collector,
        loop,
        late_ms,
        [*run.problems, *run.invalid],
    )


def page(ops: Address) -> str:
    with urllib.request.urlopen(f"http://{ops[0]}:{ops[1]}/metrics", timeout=10) as answer:
        text: bytes = answer.read()
    return text.decode()


def times(text: str, metric: str) -> Times:
    """A histogram of seconds on a page of metrics."""
    counts: dict[float, int] = {}
    count, total = 0, 0.0
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith(f'{metric}_bucket{{le="'):
            counts[float(name.split('"')[1]) * 1_000] = int(float(value))
        elif name == f"{metric}_count":
            count = int(float(value))
        elif name == f"{metric}_sum":
            total = float(value) * 1_000
    if not counts:
        raise OSError(f"the engine's metrics have no {metric}")
    return Times(counts, count, total)


def _idle(pipe: Connection) -> None:
    """Waits, and notes how late it was woken, until it is asked."""
    late_ms: list[float] = []
    pipe.send("waits")
    due = time.monotonic() + _TICK_SECONDS
    while not pipe.poll():
        time.sleep(max(0.0, due - time.monotonic()))
        late_ms.append((time.monotonic() - due) * 1_000)
        due += _TICK_SECONDS
    pipe.recv()
    pipe.send(late_ms)
    pipe.recv()


def as_text(found: Pauses) -> list[str]:
    collector, loop = found.collector, found.loop
    rate = f"{found.commands_per_second:,.0f} commands/s"
    lines = [f"{rate}; latency p99 {found.p99_us:,.0f} us, most {found.max_us:,.0f} us"]
    lines += [f"INVALID: {flaw}" for flaw in found.flaws]
    for what, one in (("collections", collector), ("timer of the loop", loop)):
        mean = one.total_ms / one.count if one.count else 0.0
        lines.append(f"{what}: {one.count:,}, mean {mean:.2f} ms, longest at most {one.longest_ms:g} ms")
    if found.idle_late_ms:
        lines.append(
            f"timer of a process that only waits: {len(found.idle_late_ms)}, "
            f"longest {max(found.idle_late_ms):.2f} ms"
        )
    outcome = (
        "reached" if collector.longest_ms <= PAUSE_MS_MAX else "MISSED or within a bucket that ends above"
    )
    lines.append(f"longest collection <= {PAUSE_MS_MAX:g} ms: {outcome}")
    return lines
