"""Durable commands a second beside durable SETs a second: the engine and Redis in turn, on one disk.

Both answer when what they were sent is on the disk, both are asked by one client on the same machine, and
nothing is pinned. A SET carries as many bytes as an order does. Within a repetition all of them are measured
one after the other, in the next one in the other order, and the ratios are taken within the repetition.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bench.builds import COMPILED, INTERPRETED, Builds
from bench.generator import Plan
from bench.latency import median
from bench.peers.redis import RedisLoad, RedisRun, redis_server, run_benchmark
from bench.results import Run
from bench.runs import Setup, attach_to, drive_engine, started_engine
from bench.workload import Workload, session_frames

# The kernel writes back what a run left behind; the next one should not pay for it.
_SETTLE_SECONDS: Final = 0.3


class Bar(Struct, frozen=True):
    """What is asked of the median ratio to Redis, of each build: a rate at least, a latency at most."""

    what: str
    at_least: bool
    by_build: Mapping[str, float]


class Setting(Struct, frozen=True):
    """The same number of connections and, as far as either can, of what is in flight."""

    name: str
    workload: Workload
    plan: Plan
    connections: int
    pipeline: int
    requests: int
    bars: tuple[Bar, ...]

    def smaller(self, share: float) -> "Setting":
        """With that share of the commands and requests: for a first look, not for a figure."""
        commands_min = 10 * self.workload.sessions * self.workload.frame_commands
        return replace(
            self,
            workload=replace(self.workload, commands=max(commands_min, int(self.workload.commands * share))),
            plan=replace(self.plan, warmup_frames=max(1, int(self.plan.warmup_frames * share))),
            requests=max(100, int(self.requests * share)),
        )


# Sizes give runs of two to three seconds: a repetition sees one state of the machine.
SETTINGS: Final = (
    Setting(
        "batched",
        Workload(sessions=8, commands=700_000, frame_commands=64),
        Plan(64, warmup_frames=150, window_commands=512),
        connections=8,
        pipeline=128,
        requests=1_000_000,
        bars=(Bar("rate", True, {INTERPRETED: 1.0, COMPILED: 1.5}),),
    ),
    Setting(
        "single",
        Workload(sessions=8, commands=150_000, frame_commands=1),
        Plan(1, warmup_frames=1_500, window_commands=16),
        connections=8,
        pipeline=16,
        requests=300_000,
        bars=(Bar("rate", True, {INTERPRETED: 0.75, COMPILED: 1.0}),),
    ),
    Setting(
        "round trip",
        Workload(sessions=1, commands=8_000, frame_commands=1),
        Plan(1, warmup_frames=500, window_commands=1),
        connections=1,
        pipeline=1,
        requests=8_000,
        bars=(
            Bar("p50", False, {INTERPRETED: 1.25, COMPILED: 1.25}),
            Bar("p99", False, {INTERPRETED: 1.5, COMPILED: 1.5}),
        ),
    ),
)


class Figures(Struct, frozen=True):
    """One run of one of them. The client is the generator of the bench, or redis-benchmark."""

    rate_per_second: float
    p50_us: float
    p99_us: float
    server_cpu_us: float
    client_cpu_us: float
    flaws: list[str]
    # Whether others had much of the machine meanwhile; of Redis it is not known.
    is_disturbed: bool = False

    def figure(self, what: str) -> float:
        return float(self.rate_per_second if what == "rate" else getattr(self, f"{what}_us"))


class Verdict(Struct, frozen=True):
    """Ratios of a build to Redis, one a repetition, and the bar for their median."""

    build: str
    what: str
    ratios: list[float]
    median: float
    bar: float
    at_least: bool

    @property
    def reached(self) -> bool:
        return self.median >= self.bar if self.at_least else self.median <= self.bar


class Durable(Struct, frozen=True):
    setting: str
    sessions: int
    frame_commands: int
    window_commands: int
    connections: int
    pipeline: int
    value_bytes: int
    keys: int
    runs: dict[str, list[Figures]]  # by build, and "redis"
    verdicts: list[Verdict]


def measure(
    setting: Setting, builds: Builds, repetitions: int, keys: int, disk: Path, progress: Callable[[str], None]
) -> Durable:
    """Measure all of them in turn, with journals and log in a directory on `disk`."""
    workload = setting.workload
    frames = [session_frames(workload, index) for index in range(workload.sessions)]
    value_bytes = order_bytes(frames, workload.frame_commands)
    load = RedisLoad(setting.requests, setting.connections, setting.pipeline, value_bytes, keys)
    turns: list[tuple[str, Callable[[Path], Figures]]] = [
        ("redis", lambda directory: _redis(load, directory)),
        *((name, _engine_of(setting, frames, source)) for name, source in builds.items()),
    ]
    runs: dict[str, list[Figures]] = {name: [] for name, _ in turns}
    for number in range(repetitions):
        for name, run in turns if number % 2 == 0 else reversed(turns):
            sleep(_SETTLE_SECONDS)
            with TemporaryDirectory(prefix="carbonmatch-peers-", dir=disk) as directory:
                figures = run(Path(directory))
            runs[name].append(figures)
            rate, p50 = figures.rate_per_second, figures.p50_us
            progress(f"{setting.name}, {name}: {rate:,.0f} a second, p50 {p50:,.0f} us")
    return Durable(
        setting.name,
        workload.sessions,
        workload.frame_commands,
        setting.plan.window_commands,
        setting.connections,
        setting.pipeline,
        value_bytes,
        keys,
        runs,
        verdicts(setting.bars, runs),
    )


def order_bytes(frames: list[list[bytes]], frame_commands: int) -> int:
    """What a command has on the wire, its share of the frame with it: the mean, rounded."""
    sizes = [len(one) for session in frames for one in session]
    return round(sum(sizes) / len(sizes) / frame_commands)


def verdicts(bars: tuple[Bar, ...], runs: dict[str, list[Figures]]) -> list[Verdict]:
    found = []
    for build in runs:
        if build == "redis":
            continue
        for bar in bars:
            ratios = [
                one.figure(bar.what) / beside.figure(bar.what)
                for one, beside in zip(runs[build], runs["redis"], strict=True)
            ]
            found.append(Verdict(build, bar.what, ratios, median(ratios), bar.by_build[build], bar.at_least))
    return found


def _engine_of(setting: Setting, frames: list[list[bytes]], source: Path) -> Callable[[Path], Figures]:
    def run(directory: Path) -> Figures:
        setup = Setup(setting.name, setting.workload, setting.plan, directory=directory, source=source)
        with started_engine(setup, directory) as running:
            return _of_engine(drive_engine(setup, frames, attach_to(running)))

    return run


def _of_engine(run: Run) -> Figures:
    return Figures(
        run.rate_per_second,
        run.latency.p50_us,
        run.latency.p99_us,
        run.server_cpu_us_per_command or 0.0,
        run.generator_cpu_us_per_command,
        [*run.problems, *run.invalid],
        run.is_disturbed,
    )


def _redis(load: RedisLoad, directory: Path) -> Figures:
    with redis_server(directory) as redis:
        # As the engine is warmed up: its first requests are not counted either.
        run_benchmark(redis, RedisLoad(max(1, load.requests // 10), *_shape(load)))
        run: RedisRun = run_benchmark(redis, load)
    return Figures(
        run.rate_per_second,
        run.p50_us,
        run.p99_us,
        run.server_cpu_us_per_request,
        run.client_cpu_us_per_request,
        [],
    )


def _shape(load: RedisLoad) -> tuple[int, int, int, int]:
    return load.connections, load.pipeline, load.value_bytes, load.keys


def as_text(found: Durable) -> list[str]:
    keys = "one key" if found.keys == 1 else f"{found.keys:,} keys"
    count = len(found.runs["redis"])
    lines = [
        f"{found.setting}: {found.sessions} sessions, frames of {found.frame_commands}, "
        f"{found.window_commands} in flight each; Redis: {found.connections} connections x {found.pipeline}, "
        f"SET of {found.value_bytes} bytes, {keys}",
        f"  {f'median of {count}':<14}{'a second':>12}{'p50 us':>10}{'p99 us':>10}"
        f"{'server us':>12}{'client us':>12}",
    ]
    for name, runs in found.runs.items():
        middle = [median([getattr(run, field) for run in runs]) for field in Figures.__struct_fields__[:5]]
        rate, p50, p99, server, client = middle
        lines.append(f"  {name:<14}{rate:>12,.0f}{p50:>10,.0f}{p99:>10,.0f}{server:>12.2f}{client:>12.2f}")
        lines += [f"  WRONG ({name}): {flaw}" for run in runs for flaw in run.flaws]
        if disturbed := sum(run.is_disturbed for run in runs):
            lines.append(f"  DISTURBED ({name}): {disturbed} of {len(runs)} runs, by other processes")
    for one in found.verdicts:
        least, most = min(one.ratios), max(one.ratios)
        sign = ">=" if one.at_least else "<="
        outcome = "reached" if one.reached else "MISSED"
        lines.append(
            f"  {one.what} of {one.build} / Redis: {one.median:.2f} ({least:.2f} to {most:.2f}), "
            f"bar {sign} {one.bar:g}: {outcome}"
        )
    return lines
