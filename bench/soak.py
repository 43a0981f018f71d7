"""A moderate rate for a long time: what grows, leaks or slows down.

    python -m bench load soak                              # 10 minutes at 5,000 commands/s
    python -m bench load soak --seconds 3600 --rate 10000

One engine and one set of connections; an open loop in windows, between which there is a pause of some
hundredths of a window for the next frames to be encoded, and for a look at the engine: memory, open files,
threads, journal. The first windows are not counted: books and buffers fill.

The verdict holds the last third of the windows against the first, by their medians. Exit status 1 where
something drifted beyond its limit, more than a tenth of the windows was not valid, or an answer was wrong.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np
import uvloop
from msgspec import Struct

from bench.campaign import Campaign, campaign, place
from bench.generator import Plan
from bench.hgrm import merged
from bench.latency import encoded, median
from bench.options import (
    ArgumentsError,
    add_engine,
    add_run,
    add_workload,
    common_setup,
    new_parser,
    refuse,
    within,
    workload_of,
)
from bench.outcome import measuring
from bench.processes import Server
from bench.progress import Told, told
from bench.results import OTHERS_SHARE_MAX, Drift, Run, Soak, SoakWindow
from bench.runs import Setup, started_engine
from bench.validity import Checked

_RATE_MAX: Final = 200_000
_SECONDS_MAX: Final = 86_400.0
# Fewer than three in a third say nothing about a drift.
_WINDOWS_MIN: Final = 9
_INVALID_SHARE_MAX: Final = 0.1
_MIB: Final = 2**20


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        for name, most in (("rate", _RATE_MAX), ("seconds", _SECONDS_MAX), ("window", 600.0)):
            within(name, getattr(options, name), 0.1, most)
        within("warmup", options.warmup, 0, _SECONDS_MAX)
        length = Length(options.rate, options.window, options.seconds, options.warmup)
        refuse(length.problem())
        frames = max(1, round(options.rate * options.window / options.frame / options.sessions))
        commands = frames * options.sessions * options.frame
        workload = workload_of(options, options.sessions, commands, options.frame)
        plan = Plan(options.frame, 0, rate_per_second=options.rate, seconds_max=10 * options.window + 30)
        setup = common_setup(options, "soak", workload, plan)
    except ArgumentsError as error:
        print(f"python -m bench load soak: {error}", file=sys.stderr)
        return 2
    return measuring("soak", arguments, options, setup, lambda: {"soak": measure(setup, length)})


def parser() -> argparse.ArgumentParser:
    it = new_parser("soak", __doc__)
    add_workload(it, sessions=8, frame=1)
    soak = it.add_argument_group("soak")
    soak.add_argument("--rate", type=int, default=5_000, metavar="R", help="commands a second, default 5,000")
    soak.add_argument("--seconds", type=float, default=600.0, help="in all, default 600")
    soak.add_argument("--window", type=float, default=10.0, help="seconds of a window, default 10")
    soak.add_argument(
        "--warmup",
        type=float,
        default=60.0,
        help="seconds that are not counted, at most a quarter; default 60",
    )
    add_engine(it)
    add_run(it)
    return it


class Length(Struct, frozen=True):
    """How long a soak is, and in which portions."""

    rate_per_second: int
    window_seconds: float
    seconds: float
    warmup_seconds: float

    @property
    def warmup_windows(self) -> int:
        return round(min(self.warmup_seconds, self.seconds / 4) / self.window_seconds)

    @property
    def windows(self) -> int:
        """All of them."""
        return round(self.seconds / self.window_seconds)

    def problem(self) -> str:
        counted = self.windows - self.warmup_windows
        if counted < _WINDOWS_MIN:
            return (
                f"{self.seconds:g} s leave {counted} windows of {self.window_seconds:g} s behind the "
                f"warm-up, expected at least {_WINDOWS_MIN}"
            )
        return ""


# --- the run -------------------------------------------------------------------------------------


class Windows:
    """What a soak has seen so far."""

    def __init__(self) -> None:
        self.windows: list[SoakWindow] = []
        self.invalid: list[list[str]] = []
        self.problems: list[str] = []
        self.histograms: list[str] = []

    def add(self, run: Run, begin_seconds: float, running: Server, data: Path) -> None:
        lag = 0.0 if run.lag is None else run.lag.p99_us
        self.windows.append(
            SoakWindow(
                begin_seconds,
                run.seconds,
                run.commands,
                run.rate_per_second,
                run.latency.p50_us,
                run.latency.p99_us,
                run.latency.max_us,
                lag,
                run.server_cpu_us_per_command or 0.0,
                run.others_cpu_share or 0.0,
                run.server_resident_mib or 0.0,
                len(list(Path(f"/proc/{running.pid}/fd").iterdir())),
                len(list(Path(f"/proc/{running.pid}/task").iterdir())),
                stored_bytes(data) / _MIB,
            )
        )
        self.invalid.append(run.invalid)
        self.problems = run.problems  # of all runs of the sessions
        # One histogram of all, so that a day of windows does not have to be kept.
        self.histograms = [encoded(merged([*self.histograms, run.histogram]))]


def measure(setup: Setup, length: Length) -> Soak:
    with place(setup) as where, told(length.windows) as progress:
        with started_engine(setup, where.directory) as running:
            seen, done = uvloop.run(_soak(setup, length, running, where.data, progress))
        return soak_of(setup, length, seen, where.check(setup, done))


async def _soak(
    setup: Setup, length: Length, running: Server, data: Path, progress: Told
) -> tuple[Windows, Campaign]:
    seen = Windows()
    async with campaign(setup, running) as it:
        began = perf_counter()
        for number in range(length.windows):
            begin_seconds = perf_counter() - began
            progress.doing(f"{begin_seconds:,.0f} of {length.seconds:,.0f} s")
            run = await it.run(setup.plan, setup.workload.frames_per_session)
            if number >= length.warmup_windows:
                seen.add(run, begin_seconds, running, data)
            progress.advance()
            if run.problems:
                break
    return seen, it


def stored_bytes(directory: Path) -> int:
    """On the disk, as blocks that are taken."""
    return sum(512 * path.stat().st_blocks for path in directory.rglob("*") if path.is_file())


# --- the verdict ---------------------------------------------------------------------------------


class Watched(Struct, frozen=True):
    """A figure of a window, and how much of it more there may be in the end: a factor, and some on top."""

    what: str
    unit: str
    of: Callable[[SoakWindow], float]
    factor: float
    more: float


# Factors are for what the machine's other work does to times, the rest for what starts small: a buffer that
# doubles, a segment that is made ahead.
WATCHED: Final = (
    Watched("resident memory", "MiB", lambda window: window.resident_mib, 1.05, 4.0),
    Watched("open files", "", lambda window: window.open_files, 1.0, 2.0),
    Watched("threads", "", lambda window: window.threads, 1.0, 0.0),
    Watched("p50", "us", lambda window: window.p50_us, 1.5, 200.0),
    Watched("p99", "us", lambda window: window.p99_us, 2.0, 1_000.0),
    Watched("processor time a command", "us", lambda window: window.server_cpu_us_per_command, 1.25, 1.0),
)


def soak_of(setup: Setup, length: Length, seen: Windows, checked: Checked | None) -> Soak:
    drifts = [drift(seen.windows, watched) for watched in WATCHED] if len(seen.windows) > 1 else []
    problems = [*seen.problems, *([] if checked is None else checked.problems)]
    return Soak(
        setup.workload,
        length.rate_per_second,
        seen.windows,
        drifts,
        invalid_of(seen),
        problems,
        seen.histograms[0] if seen.histograms else "",
        checked,
        growth_mib_per_hour(seen.windows),
    )


def drift(windows: Sequence[SoakWindow], watched: Watched) -> Drift:
    third = max(1, len(windows) // 3)
    values = [watched.of(window) for window in windows]
    first, last = median(values[:third]), median(values[-third:])
    limit = watched.factor * first + watched.more
    slope = slope_per_hour([window.begin_seconds for window in windows], values)
    return Drift(watched.what, watched.unit, first, last, slope, limit, last > limit)


def growth_mib_per_hour(windows: Sequence[SoakWindow]) -> float:
    """Of the journal and its snapshots: no drift, for it is what a venue is for, but a disk ends."""
    seconds = [window.begin_seconds for window in windows]
    return slope_per_hour(seconds, [window.journal_mib for window in windows]) if len(windows) > 1 else 0.0


def slope_per_hour(seconds: Sequence[float], values: Sequence[float]) -> float:
    """The median of the slopes between any two windows (Theil and Sen), which a few cannot move."""
    at, of = np.array(seconds), np.array(values)
    one, other = np.triu_indices(len(at), 1)
    return median((of[other] - of[one]) / (at[other] - at[one])) * 3_600


def invalid_of(seen: Windows) -> list[str]:
    """Why the soak was not the load it claims to be; a window in ten may have been disturbed."""
    count = len(seen.windows)
    if not count:
        return ["no window was measured"]
    wrong = [reasons for reasons in seen.invalid if reasons]
    found = []
    if len(wrong) > _INVALID_SHARE_MAX * count:
        found.append(f"{len(wrong)} of {count} windows were not valid, at last: {'; '.join(wrong[-1])}")
    disturbed = sum(window.others_cpu_share > OTHERS_SHARE_MAX for window in seen.windows)
    if disturbed > count / 2:
        found.append(
            f"in {disturbed} of {count} windows others had more than {OTHERS_SHARE_MAX:.0%} of the machine"
        )
    return found
