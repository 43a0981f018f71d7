"""Runs: a server, a generator, what they measured; and the limits of the machine between them."""

import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Final

import uvloop
from msgspec import Struct, structs

from bench import market
from bench.generator import Generator, Measured, Plan
from bench.latency import encoded, fold, latency, median
from bench.probes import echo_times, sync_times
from bench.processes import Server, cpu_seconds, machine_busy_seconds, resident_bytes, server
from bench.progress import Told
from bench.results import PresetResult, Repetition, Run, Target, verdicts
from bench.timeline import timeline
from bench.validity import Checked, check_journal, shortfalls
from bench.workload import Workload, digest, session_frames
from carbonmatch.matching.messages import AnyReport
from carbonmatch.protocol.messages import SessionOutbound

_ANY_PORT: Final = "127.0.0.1:0"
# Where the bare server did not run, and nothing says how large a batch is.
_SYNC_BYTES_DEFAULT: Final = 512
_SYNC_COUNT: Final = 2_000
_ECHO_COUNT: Final = 5_000
# The kernel writes back what a run left behind; the next one should not pay for it.
_SETTLE_SECONDS: Final = 0.3

_REPORT_KINDS: Final = {kind.__struct_config__.tag: kind.__name__ for kind in AnyReport.__args__}
_KINDS: Final = {
    **_REPORT_KINDS,
    **{kind.__struct_config__.tag: kind.__name__ for kind in SessionOutbound.__args__},
}
# Where in its directory an engine that was started here has its journal.
DATA: Final = "data"


class Attach(Struct, frozen=True):
    """An engine that runs already."""

    order_entry: tuple[str, int]
    market_data: tuple[str, int] | None = None
    pid: int | None = None


class Setup(Struct, frozen=True):
    """What all runs of a preset have in common."""

    preset: str
    workload: Workload
    plan: Plan
    targets: tuple[Target, ...] = ("engine", "bare")
    repetitions: int = 3
    subscribers: int = 1
    sync: str = "always"
    attach: Attach | None = None
    directory: Path = Path(tempfile.gettempdir())
    server_cores: frozenset[int] | None = None
    order_wait_ms: int = 0  # after which the engine refuses an order, 0: never
    source: Path | None = None  # what holds the engine, where it is not this checkout's
    is_checked: bool = True  # whether the engine's journal is executed again afterwards


def run_preset(setup: Setup, progress: Told) -> PresetResult:
    """Measure the targets and the limits in turns, so that a slow minute is slow for all of them."""
    workload = setup.workload
    progress.say(f"{setup.preset}: encoding {workload.commands:,} commands")
    frames = [session_frames(workload, index) for index in range(workload.sessions)]
    repetitions = []
    for number in range(1, setup.repetitions + 1):
        progress.doing(f"{setup.preset} {number}/{setup.repetitions}")
        repetitions.append(_repetition(setup, frames, progress.say))
        progress.advance()
    return PresetResult(
        setup.preset,
        workload,
        digest(frames),
        setup.plan,
        setup.subscribers,
        repetitions,
        verdicts(setup.preset, repetitions),
        setup.sync,
    )


def _repetition(setup: Setup, frames: list[list[bytes]], progress: Callable[[str], None]) -> Repetition:
    with tempfile.TemporaryDirectory(prefix="carbonmatch-bench-", dir=setup.directory) as name:
        directory = Path(name)
        engine = bare = None
        sync_bytes = _SYNC_BYTES_DEFAULT
        if "engine" in setup.targets:
            engine = _run_engine(setup, frames, directory)
            progress(f"  engine {_in_short(engine)}")
        if "bare" in setup.targets:
            sleep(_SETTLE_SECONDS)
            bare, sync_bytes = _run_bare(setup, frames, directory)
            progress(f"  bare   {_in_short(bare)}")
        sleep(_SETTLE_SECONDS)
        sync = latency(fold(sync_times(directory, sync_bytes, _SYNC_COUNT)))
        echo_bytes = round(sum(map(len, frames[0])) / len(frames[0]))
        with server(["-m", "bench.bare", "--echo"], directory / "echo.log", setup.server_cores) as running:
            times = uvloop.run(echo_times(running.address("order_entry"), echo_bytes, _ECHO_COUNT))
        echo = latency(fold(times))
        progress(f"  sync of {sync_bytes} B p50 {sync.p50_us:.0f} us, echo p50 {echo.p50_us:.0f} us")
        return Repetition(engine, bare, sync_bytes, sync, echo_bytes, echo)


def _in_short(run: Run) -> str:
    flaws = "".join(f"; {one}" for one in (*run.problems, *run.invalid))
    return f"{run.rate_per_second:,.0f} commands/s, p50 {run.latency.p50_us:,.0f} us{flaws}"


# --- one server ----------------------------------------------------------------------------------


def _run_bare(setup: Setup, frames: list[list[bytes]], directory: Path) -> tuple[Run, int]:
    """The run, and the size of the batches that it made of this load."""
    arguments = ["-m", "bench.bare", "--directory", str(directory)]
    with server(arguments, directory / "bare.log", setup.server_cores) as running:

        async def connect(generator: Generator) -> None:
            await generator.connect_bare(running.address("order_entry"), frames)

        run = uvloop.run(_drive(setup.plan, "bare", running.pid, connect))
    stopped = running.event("stopped")
    return run, max(1, round(stopped["bytes"] / max(1, stopped["batches"])))


def _run_engine(setup: Setup, frames: list[list[bytes]], directory: Path) -> Run:
    if setup.attach is not None:
        return drive_engine(setup, frames, setup.attach)
    with started_engine(setup, directory) as running:
        run = drive_engine(setup, frames, attach_to(running))
    if not setup.is_checked:
        return run
    return checked(run, directory, setup.workload.sessions, run.warmup_commands + run.commands)


def started_engine(
    setup: Setup, directory: Path, program: Sequence[str] = ("-m", "carbonmatch")
) -> AbstractContextManager[Server]:
    """An engine with its configuration and its journal in `directory`, where another may have run.

    `program` is what Python runs as `carbonmatch`.
    """
    workload = setup.workload
    config = directory / "engine.toml"
    config.write_text(
        market.configuration(
            workload.sessions, setup.subscribers, workload.instruments, setup.sync, setup.order_wait_ms
        )
    )
    arguments = [*program, "serve", "--config", str(config), "--data-dir", str(directory / DATA)]
    for listener in ("order-entry", "market-data", "ops"):
        arguments += [f"--{listener}", _ANY_PORT]
    return server(arguments, directory / "engine.log", setup.server_cores, setup.source)


def attach_to(running: Server) -> Attach:
    return Attach(running.address("order_entry"), running.address("market_data"), running.pid)


def drive_engine(setup: Setup, frames: list[list[bytes]], at: Attach) -> Run:
    def make_frames(index: int, first_ref: int) -> list[bytes]:
        # An engine that was used before goes on where this session was.
        return frames[index] if first_ref == 1 else session_frames(setup.workload, index, first_ref)

    async def connect(generator: Generator) -> None:
        if at.market_data is not None:
            await generator.subscribe(at.market_data, market.subscribers(setup.subscribers))
        await generator.connect(at.order_entry, market.traders(setup.workload.sessions), make_frames)

    return uvloop.run(_drive(setup.plan, "engine", at.pid, connect))


class _Meter:
    """Processor time between two moments: of the server, of the generator, of everybody else."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._seconds = 0.0
        self._busy_seconds = 0.0
        self.server_seconds = 0.0
        self.generator_seconds = 0.0

    def start(self) -> None:
        self._add(-1)

    def stop(self) -> None:
        self._add(1)

    @property
    def others_share(self) -> float | None:
        """Of all cores; None where the server's part is not known."""
        if self._pid is None or self._seconds <= 0:
            return None
        others = self._busy_seconds - self.server_seconds - self.generator_seconds
        return max(0.0, others / (self._seconds * (os.cpu_count() or 1)))

    def _add(self, sign: int) -> None:
        self._seconds += sign * perf_counter()
        self._busy_seconds += sign * machine_busy_seconds()
        self.generator_seconds += sign * process_time()
        if self._pid is not None:
            self.server_seconds += sign * cpu_seconds(self._pid)


class Driver:
    """A generator connected to a server: one run after the other, and what each took of the machine."""

    def __init__(self, plan: Plan, target: Target, pid: int | None) -> None:
        self.generator = Generator(plan)
        self._plan = plan
        self._target = target
        self._pid = pid
        self.measured: Measured | None = None  # of the last run

    def reload(self, plan: Plan, frames: list[list[bytes]]) -> None:
        """Another run of the same sessions."""
        self._plan = plan
        self.generator.reload(plan, frames)

    async def run(self) -> Run:
        meter = _Meter(self._pid)
        self.measured = measured = await self.generator.run(meter.start, meter.stop)
        resident = None if self._pid is None else resident_bytes(self._pid) / 2**20
        return _summary(self._plan, self._target, measured, meter, resident)

    def close(self) -> None:
        self.generator.close()


def reports_by_tag(by_kind: dict[str, int]) -> dict[int, int]:
    """Of reports alone, without what else a session is sent."""
    return {tag: by_kind.get(kind, 0) for tag, kind in _REPORT_KINDS.items()}


async def _drive(
    plan: Plan, target: Target, pid: int | None, connect: Callable[[Generator], Awaitable[None]]
) -> Run:
    driver = Driver(plan, target, pid)
    try:
        await connect(driver.generator)
        return await driver.run()
    finally:
        driver.close()


def _summary(plan: Plan, target: Target, measured: Measured, meter: _Meter, resident: float | None) -> Run:
    histogram = fold(measured.latency_ns, plan.frame_commands)
    lag = latency(fold(measured.lag_ns)) if plan.is_open else None
    rate = measured.commands / measured.seconds if measured.seconds else 0.0
    first, last = thirds(measured)
    commands = max(1, measured.commands)
    share = meter.generator_seconds / measured.seconds if measured.seconds else 0.0
    return Run(
        target=target,
        commands=measured.commands,
        seconds=measured.seconds,
        rate_per_second=rate,
        latency=latency(histogram),
        first_third_p50_us=first,
        last_third_p50_us=last,
        lag=lag,
        server_cpu_us_per_command=None if resident is None else meter.server_seconds / commands * 1e6,
        generator_cpu_us_per_command=meter.generator_seconds / commands * 1e6,
        others_cpu_share=meter.others_share,
        server_resident_mib=resident,
        reports={_KINDS.get(tag, str(tag)): count for tag, count in measured.reports_by_tag.items()},
        feed_bytes=measured.feed_bytes,
        feed_frames=measured.feed_frames,
        problems=measured.problems,
        invalid=shortfalls(plan, rate, lag, share),
        histogram=encoded(histogram),
        generator_cpu_share=share,
        warmup_commands=measured.commands_all - measured.commands,
        timeline=timeline(measured.started_ns, measured.latency_ns, plan.frame_commands),
    )


def checked_as(run: Run, found: Checked | None) -> Run:
    """The run with what was found of it, which may be that it was wrong."""
    problems = [] if found is None else found.problems
    return structs.replace(run, checked=found, problems=[*run.problems, *problems])


def checked(run: Run, directory: Path, sessions: int, commands: int) -> Run:
    """The run with what a second execution of the engine's journal says of it: `commands` since its start."""
    return checked_as(run, check_journal(directory / DATA, sessions, commands, reports_by_tag(run.reports)))


def thirds(measured: Measured) -> tuple[float, float]:
    """p50 in microseconds of what was started in the first and in the last third of the time."""
    started, values = measured.started_ns, measured.latency_ns
    if not len(started):
        return float("nan"), float("nan")
    begin, end = int(started.min()), int(started.max())
    third = (end - begin) // 3
    first = values[started <= begin + third]
    last = values[started >= end - third]
    return median(first) / 1_000, median(last) / 1_000
