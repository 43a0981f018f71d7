"""How fast a venue comes back where a follower has kept snapshots, and how fast the follower is.

    python -m bench recover --from-snapshot --commands 10900000

Fills a journal through the engine over TCP in rounds of a million commands, kills the engine, follows the
journal from its first command to its last (each batch compared, a snapshot every million), kills the
follower too, and starts the engine: what lies behind the newest snapshot is all that it has to replay. With
`--live` the follower runs beside the engine and shares the machine with it and the load.
"""

import tempfile
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from time import perf_counter, sleep
from typing import Final
from urllib.request import urlopen

from msgspec import Struct, structs

from bench.environment import Environment, capture
from bench.generator import Plan
from bench.processes import Server, cpu_seconds, kill, resident_bytes, server
from bench.runs import Setup, attach_to, drive_engine, started_engine
from bench.workload import Workload, session_frames
from carbonmatch.journal_tools import verify

_WINDOW_COMMANDS: Final = 512
_ROUND_COMMANDS: Final = 1_000_000
# An idle engine seals after 10 ms; until then its last batch may be taken back.
_SEALED_SECONDS: Final = 0.2
_CAUGHT_UP_SECONDS_MAX: Final = 600.0
_LOOK_SECONDS: Final = 0.02


class Following(Struct, frozen=True):
    """What the follower did."""

    live: bool
    commands: int
    seconds: float
    cpu_seconds: float
    snapshots: int
    resident_mib: float

    @property
    def commands_per_second(self) -> float:
        return self.commands / self.seconds if self.seconds else 0.0


class FromSnapshot(Struct, frozen=True):
    environment: Environment
    workload: Workload
    journal_bytes: int
    segments: int
    engine_commands_per_second: float
    engine_cpu_us_per_command: float
    following: Following
    ready_seconds: float  # from the start of the process until orders are accepted
    ready_cpu_seconds: float  # what of it was work, and not the wait for a core or a disk
    recovery_seconds: float  # of it, as the engine says
    replayed: int  # commands behind the snapshot
    verify_seconds: float
    problems: list[str]


def measure(workload: Workload, within: Path, live: bool) -> FromSnapshot:
    load = _Load.of(workload)
    plan = Plan(workload.frame_commands, warmup_frames=0, window_commands=_WINDOW_COMMANDS)
    with tempfile.TemporaryDirectory(prefix="carbonmatch-bench-", dir=within) as name:
        directory = Path(name)
        setup = Setup("from-snapshot", workload, plan)
        with ExitStack() as running:
            engine = running.enter_context(started_engine(setup, directory))
            beside = running.enter_context(_follower(directory)) if live else None
            before = int(engine.ready["sequence"])
            rate, engine_cpu_us, problems = _fill(setup, load, engine)
            expected = before + load.commands
            sleep(_SEALED_SECONDS)
            if beside is not None:
                following = _followed(beside, expected, live=True)
                kill(beside)
            kill(engine)
        if not live:
            with _follower(directory) as alone:
                following = _followed(alone, expected, live=False)
                kill(alone)
        began = perf_counter()
        with started_engine(setup, directory) as again:
            ready_seconds = perf_counter() - began
            ready_cpu_seconds = cpu_seconds(again.pid)
            recovered = again.event("recovered")
            # What it recovered: a start adds commands of its own, the venue's seed at least.
            if recovered["sequence"] != expected:
                problems.append(f"sequence {recovered['sequence']} recovered, answered was {expected}")
        began = perf_counter()
        verified = verify(directory / "data")
        verify_seconds = perf_counter() - began
        segments = list((directory / "data").glob("*.cmj"))
        return FromSnapshot(
            capture(within, "the kernel's"),
            workload,
            sum(one.stat().st_size for one in segments),
            verified.segments,
            rate,
            engine_cpu_us,
            following,
            ready_seconds,
            ready_cpu_seconds,
            float(recovered["seconds"]),
            int(recovered["commands"]),
            verify_seconds,
            problems,
        )


class _Load(Struct, frozen=True):
    """The workload in rounds, so that the frames of one are all that is in memory."""

    rounds: int
    workload: Workload  # of one round

    @classmethod
    def of(cls, workload: Workload) -> "_Load":
        rounds = max(1, round(workload.commands / _ROUND_COMMANDS))
        return cls(rounds, structs.replace(workload, commands=workload.commands // rounds))

    @property
    def commands(self) -> int:
        one = self.workload
        return self.rounds * one.sessions * one.frames_per_session * one.frame_commands


def _fill(setup: Setup, load: _Load, engine: Server) -> tuple[float, float, list[str]]:
    """Commands a second while the load ran, the engine's time for each, and what went wrong."""
    frames = [session_frames(load.workload, index) for index in range(load.workload.sessions)]
    problems: list[str] = []
    seconds = 0.0
    cpu_before = cpu_seconds(engine.pid)
    for _ in range(load.rounds):
        run = drive_engine(structs.replace(setup, workload=load.workload), frames, attach_to(engine))
        problems += run.problems
        seconds += run.seconds
    cpu_us = (cpu_seconds(engine.pid) - cpu_before) / load.commands * 1e6
    return load.commands / seconds, cpu_us, problems


def _follower(directory: Path) -> AbstractContextManager[Server]:
    arguments = ["-m", "carbonmatch", "follow", "--data-dir", str(directory / "data"), "--ops", "127.0.0.1:0"]
    return server(arguments, directory / "follower.log")


def _followed(follower: Server, expected: int, live: bool) -> Following:
    """Wait until it has executed everything, and ask what that took."""
    host, port = follower.address("ops")
    began = perf_counter()
    while perf_counter() - began < _CAUGHT_UP_SECONDS_MAX:
        values = _metrics(host, port)
        if values["carbonmatch_follower_sequence"] >= expected:
            break
        sleep(_LOOK_SECONDS)
    return Following(
        live,
        int(values["carbonmatch_follower_commands_total"]),
        perf_counter() - began,
        cpu_seconds(follower.pid),
        int(values["carbonmatch_follower_snapshots_written_total"]),
        resident_bytes(follower.pid) / 2**20,
    )


def _metrics(host: str, port: int) -> dict[str, float]:
    with urlopen(f"http://{host}:{port}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (
            line.partition(" ") for line in lines if line.startswith("carbonmatch_follower")
        )
    }


def report(result: FromSnapshot) -> str:
    following = result.following
    gib = result.journal_bytes / 2**30
    where = (
        "beside the engine" if following.live else f"alone, {following.commands_per_second:,.0f} commands/s"
    )
    return "\n".join(
        [
            f"journal   {result.workload.commands:,} commands, {gib:.2f} GiB in {result.segments} segments, "
            f"written at {result.engine_commands_per_second:,.0f} commands/s, "
            f"{result.engine_cpu_us_per_command:.2f} us of the engine's CPU a command",
            f"follower  {where}: {following.commands:,} commands, caught up after {following.seconds:.1f} s, "
            f"{following.cpu_seconds / max(1, following.commands) * 1e6:.2f} us of CPU a command, "
            f"{following.snapshots} snapshots, {following.resident_mib:.0f} MiB resident",
            f"start     ready after {result.ready_seconds:.2f} s ({result.ready_cpu_seconds:.2f} s of CPU), "
            f"{result.recovery_seconds:.2f} s of it recovery: {result.replayed:,} commands replayed",
            f"verify    {result.verify_seconds:.1f} s, {result.verify_seconds / gib:.1f} s a GiB",
            *(f"WRONG: {problem}" for problem in result.problems),
        ]
    )
