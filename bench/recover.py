"""How fast a venue comes back after a crash: replay of its journal, with every event compared.

    python -m bench recover --commands 1000000

Fills a journal through the engine over TCP, kills the engine (SIGKILL, so there is no snapshot),
starts it again on the same directory and takes the time from its own log; then stops it in order and
starts it once more, now from a snapshot. Exit status 1 where a session's last ref, or the sequence,
is not what was answered before the kill.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec
import uvloop
from msgspec import Struct

from bench import market
from bench.environment import Environment, capture
from bench.from_snapshot import FromSnapshot
from bench.from_snapshot import measure as measure_from_snapshot
from bench.from_snapshot import report as report_from_snapshot
from bench.generator import Generator, Plan
from bench.processes import Server, StartError, kill
from bench.runs import Setup, attach_to, drive_engine, started_engine
from bench.sessions import Address, RunError
from bench.workload import Workload, session_frames

_COMMANDS: Final = 1_000_000
# Snapshots come every million: as many as there may be behind the newest one.
_FROM_SNAPSHOT_COMMANDS: Final = 10_900_000
_SESSIONS: Final = 8
_FRAME_COMMANDS: Final = 64
_WINDOW_COMMANDS: Final = 512


class Start(Struct, frozen=True):
    """One start of the engine on an existing directory."""

    commands: int  # replayed
    seconds: float  # of recovery, as the engine says
    ready_seconds: float  # from the start of the process until it listens
    snapshot_sequence: int
    sequence: int  # recovered; each start adds commands of its own, the venue's seed at least
    ready_sequence: int

    @property
    def commands_per_second(self) -> float:
        return self.commands / self.seconds if self.seconds else 0.0


class Recovery(Struct, frozen=True):
    environment: Environment
    workload: Workload
    after_kill: Start
    after_stop: Start
    problems: list[str]


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    commands = options.commands or (_FROM_SNAPSHOT_COMMANDS if options.from_snapshot else _COMMANDS)
    workload = Workload(_SESSIONS, commands, _FRAME_COMMANDS, options.seed)
    if problem := workload.problem():
        print(f"python -m bench recover: {problem}", file=sys.stderr)
        return 2
    within = options.directory or Path(tempfile.gettempdir())
    result: Recovery | FromSnapshot
    try:
        if options.from_snapshot:
            result = measure_from_snapshot(workload, within, options.live)
        else:
            result = measure(workload, within)
    except (RunError, StartError, TimeoutError, OSError) as error:
        print(f"python -m bench recover: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    encoded = msgspec.json.format(msgspec.json.encode(result)).decode()
    text = report_from_snapshot(result) if isinstance(result, FromSnapshot) else _report(result)
    print(encoded if options.json == "-" else text)
    if options.json not in (None, "-"):
        Path(options.json).write_text(encoded + "\n")
    return 1 if result.problems else 0


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(
        prog="python -m bench recover",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("--commands", type=int, metavar="M", help=f"default {_COMMANDS:,}")
    it.add_argument(
        "--from-snapshot",
        action="store_true",
        help=f"with a follower, see bench.from_snapshot (default {_FROM_SNAPSHOT_COMMANDS:,} commands)",
    )
    it.add_argument("--live", action="store_true", help="with the follower beside the engine")
    it.add_argument("--seed", type=int, default=1)
    it.add_argument(
        "--directory", type=Path, help="where the journal goes (default: the temporary directory)"
    )
    it.add_argument("--json", metavar="FILE", help="write the result there, or to stdout for -")
    return it


def measure(workload: Workload, within: Path) -> Recovery:
    plan = Plan(workload.frame_commands, warmup_frames=0, window_commands=_WINDOW_COMMANDS)
    setup = Setup("recover", workload, plan)
    frames = [session_frames(workload, index) for index in range(workload.sessions)]
    last_ref = workload.frames_per_session * workload.frame_commands
    with tempfile.TemporaryDirectory(prefix="carbonmatch-bench-", dir=within) as name:
        directory = Path(name)
        with started_engine(setup, directory) as running:
            before = running.ready["sequence"]
            run = drive_engine(setup, frames, attach_to(running))
            kill(running)
        problems = list(run.problems)
        after_kill, refs = _start(setup, directory)
        after_stop, refs_again = _start(setup, directory)
    answered = before + workload.sessions * last_ref
    for which, start, found, expected in (
        ("kill", after_kill, refs, answered),
        ("stop", after_stop, refs_again, after_kill.ready_sequence),
    ):
        if start.sequence != expected:
            problems.append(f"after the {which}: sequence {start.sequence}, answered was {expected}")
        problems += [
            f"after the {which}: session {index + 1} is at ref {ref}, answered was {last_ref}"
            for index, ref in enumerate(found)
            if ref != last_ref
        ]
    return Recovery(capture(within, "the kernel's"), workload, after_kill, after_stop, problems)


def _start(setup: Setup, directory: Path) -> tuple[Start, list[int]]:
    """Start the engine, ask each session where it is, and stop it in order."""
    began = perf_counter()
    with started_engine(setup, directory) as running:
        ready_seconds = perf_counter() - began
        recovered = running.event("recovered")
        refs = uvloop.run(_last_refs(running.address("order_entry"), setup))
        return _start_of(running, recovered, ready_seconds), refs


def _start_of(running: Server, recovered: dict[str, int | float], ready_seconds: float) -> Start:
    return Start(
        int(recovered["commands"]),
        float(recovered["seconds"]),
        ready_seconds,
        int(recovered["snapshot_sequence"]),
        int(recovered["sequence"]),
        int(running.ready["sequence"]),
    )


async def _last_refs(address: Address, setup: Setup) -> list[int]:
    found: list[int] = []

    def nothing_to_send(_: int, first_ref: int) -> list[bytes]:
        found.append(first_ref - 1)
        return []

    generator = Generator(setup.plan)
    try:
        await generator.connect(address, market.traders(setup.workload.sessions), nothing_to_send)
    finally:
        generator.close()
    return found


def _report(result: Recovery) -> str:
    lines = [f"{'':<14}{'commands':>12}{'seconds':>10}{'commands/s':>13}{'ready after s':>15}"]
    for which, start in (("after kill -9", result.after_kill), ("after a stop", result.after_stop)):
        lines.append(
            f"{which:<14}{start.commands:>12,}{start.seconds:>10.2f}"
            f"{start.commands_per_second:>13,.0f}{start.ready_seconds:>15.2f}"
        )
    return "\n".join([*lines, *(f"WRONG: {problem}" for problem in result.problems)])
