"""What `carbonmatch surveillance` takes: seconds and memory, over a journal and over one that is longer.

    python -m bench surveillance --commands 1000000

Fills a journal through the engine over TCP, with a quarter of the commands and then with all of them, and has
each read by a process of its own. Exit status 1 where a report is not made, or where its memory grows with
the journal.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bench.environment import Environment, capture
from bench.generator import Plan
from bench.processes import REPOSITORY, StartError
from bench.runs import Setup, attach_to, drive_engine, started_engine
from bench.sessions import RunError
from bench.workload import Workload, session_frames

_COMMANDS: Final = 1_000_000
_SESSIONS: Final = 8
_FRAME_COMMANDS: Final = 64
_WINDOW_COMMANDS: Final = 512
# Of the longer journal, in place of four times as much.
_MEMORY_GROWTH_MAX: Final = 1.25
# Measured by a small process in between: what a process is started from counts as memory of its own.
_MEASURED: Final = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(code)
"""


class Reading(Struct, frozen=True):
    """One report."""

    commands: int
    journal_bytes: int
    seconds: float  # of the processor
    peak_bytes: int  # of memory

    @property
    def commands_per_second(self) -> float:
        return self.commands / self.seconds


class Surveillance(Struct, frozen=True):
    environment: Environment
    readings: list[Reading]
    problems: list[str]


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    workloads = [
        Workload(_SESSIONS, commands, _FRAME_COMMANDS, options.seed)
        for commands in (options.commands // 4, options.commands)
    ]
    if problem := workloads[0].problem():
        print(f"python -m bench surveillance: {problem}", file=sys.stderr)
        return 2
    within = options.directory or Path(tempfile.gettempdir())
    try:
        readings = [_reading(workload, within) for workload in workloads]
    except (RunError, StartError, TimeoutError, OSError, subprocess.CalledProcessError) as error:
        print(f"python -m bench surveillance: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    result = Surveillance(capture(within, "the kernel's"), readings, _problems(readings))
    encoded = msgspec.json.format(msgspec.json.encode(result)).decode()
    print(encoded if options.json == "-" else _report(result))
    if options.json not in (None, "-"):
        Path(options.json).write_text(encoded + "\n")
    return 1 if result.problems else 0


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(
        prog="python -m bench surveillance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("--commands", type=int, default=_COMMANDS, metavar="M", help=f"default {_COMMANDS:,}")
    it.add_argument("--seed", type=int, default=1)
    it.add_argument("--directory", type=Path, help="where the journals go (default: the temporary directory)")
    it.add_argument("--json", metavar="FILE", help="write the result there, or to stdout for -")
    return it


def _reading(workload: Workload, within: Path) -> Reading:
    plan = Plan(workload.frame_commands, warmup_frames=0, window_commands=_WINDOW_COMMANDS)
    setup = Setup("surveillance", workload, plan)
    frames = [session_frames(workload, index) for index in range(workload.sessions)]
    with tempfile.TemporaryDirectory(prefix="carbonmatch-bench-", dir=within) as name:
        directory = Path(name)
        with started_engine(setup, directory) as running:
            run = drive_engine(setup, frames, attach_to(running))
        if run.problems:
            raise RunError("; ".join(run.problems))
        segments = sorted(directory.rglob("*.cmj"))
        commands = workload.sessions * workload.frames_per_session * workload.frame_commands
        seconds, peak_bytes = _read(segments[0].parent, directory / "report")
        return Reading(commands, sum(one.stat().st_size for one in segments), seconds, peak_bytes)


def _read(journal: Path, out: Path) -> tuple[float, int]:
    """Seconds of the processor and most bytes of memory that a report on the journal takes."""
    command = [sys.executable, "-c", _MEASURED, sys.executable, "-m", "carbonmatch", "surveillance"]
    command += ["--directory", str(journal), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    seconds, peak_kib = done.stdout.split()
    return float(seconds), int(peak_kib) * 1024


def _problems(readings: Sequence[Reading]) -> list[str]:
    short, long = readings
    if long.peak_bytes <= _MEMORY_GROWTH_MAX * short.peak_bytes:
        return []
    least, most = (f"{one.peak_bytes / 2**20:,.0f} MiB for {one.commands:,} commands" for one in readings)
    return [f"memory grows with the journal: {least}, {most}"]


def _report(result: Surveillance) -> str:
    lines = [f"{'commands':>12}{'journal MiB':>13}{'CPU s':>8}{'commands/s':>12}{'peak MiB':>10}"]
    for one in result.readings:
        lines.append(
            f"{one.commands:>12,}{one.journal_bytes / 2**20:>13,.0f}{one.seconds:>8.1f}"
            f"{one.commands_per_second:>12,.0f}{one.peak_bytes / 2**20:>10,.0f}"
        )
    return "\n".join([*lines, *(f"WRONG: {problem}" for problem in result.problems)])
