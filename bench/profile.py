"""Where the time of an order goes in the server, by stage, under one of the loads of `bench load`.

    python -m bench profile --preset batched                     and every other option of `bench load`
    python -m bench profile --preset batched --sessions 8 --frame 1 --window 16 --commands 200000
    python -m bench profile --preset unbatched --functions       by function instead

Runs an engine under the load and has py-spy (`pip install py-spy`) look at its threads 500 times a second.
A stage's figure is its share of the samples in which its thread was working, times the processor time that
the thread took for a command: what waits, for the disk or for a client, is in none of them. Samples are few:
a stage below a tenth of a microsecond is known to half of itself.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Timer
from typing import Final

from msgspec import Struct

from bench import load
from bench.options import ArgumentsError
from bench.processes import TICKS_PER_SECOND
from bench.results import Run
from bench.runs import Setup, attach_to, drive_engine, started_engine
from bench.workload import session_frames

# What a loop's own thread is called by py-spy.
_MAIN_THREAD: Final = "MainThread"
_SAMPLES_PER_SECOND: Final = 500
# The warm-up of the presets takes less.
_BEGIN_SECONDS: Final = 1.0

# The innermost function of a stack that is named here says which stage the sample belongs to: by the end of
# its file's path and its name, or by its file or directory alone.
STAGES: Final[dict[str, str]] = {
    "asyncio/runners.py": "the loop itself, and reading from sockets",
    "server/peer.py:Peer.data_received": "read",
    "protocol/frames.py": "read",
    "server/session_peer.py:SessionPeer.received": "read",
    "protocol/codec.py:decode_client_frame": "decode",
    "protocol/codec.py:decode_if_valid": "decode",
    "protocol/codec.py:joined": "session rules",
    "server/session_peer.py": "session rules",
    "server/frames_together.py": "session rules",
    "protocol/session.py": "session rules",
    "server/gateway.py": "session rules",
    "carbonmatch/matching/": "match",
    "server/pipeline.py:Pipeline.submit": "gather",
    "matching/engine.py:Engine.take_outputs": "take outputs and check them",
    "matching/invariants.py": "take outputs and check them",
    "matching/clearing/conservation.py": "take outputs and check them",
    "protocol/batch.py": "encode",
    "server/stream.py:chunks_of": "encode",
    "server/pipeline.py:Pipeline._cut": "hand over to the journal",
    "server/commit.py": "hand over to the journal",
    "journal/": "write to the journal",
    "server/pipeline.py:Pipeline.durable": "release",
    "server/stream.py": "release",
    "server/marks.py": "release",
    "server/peer.py:Peer.send": "write to sockets",
    "server/publisher.py": "publish",
    "market_data/": "publish",
    "server/pipeline.py:Pipeline._count": "count",
    "ops/": "count",
    "server/vitals.py": "count",
}


class Thread(Struct, frozen=True):
    """What one thread of the server did."""

    name: str
    us_per_command: float
    samples: Counter[str]  # by stage or by function


def main(arguments: Sequence[str]) -> int:
    parser = load.parser()
    parser.prog, parser.description = "python -m bench profile", __doc__
    parser.add_argument("--functions", action="store_true", help="by function, the innermost of each sample")
    parser.add_argument("--raw", type=Path, metavar="FILE", help="keep the samples, as py-spy wrote them")
    options = parser.parse_args(arguments)
    if shutil.which("py-spy", path=str(Path(sys.executable).parent)) is None:
        print("python -m bench profile needs py-spy: pip install py-spy", file=sys.stderr)
        return 2
    try:
        (setup,) = load.setups_of(options)
    except (ArgumentsError, ValueError) as error:
        print(f"python -m bench profile: {error}", file=sys.stderr)
        return 2
    run, threads = profiled(setup, by_function=options.functions, raw=options.raw)
    print(text_of(run, threads))
    return 1 if run.problems else 0


def profiled(setup: Setup, *, by_function: bool, raw: Path | None) -> tuple[Run, list[Thread]]:
    """One run of the engine under the load, and what its threads did meanwhile."""
    workload = setup.workload
    frames = [session_frames(workload, index) for index in range(workload.sessions)]
    with tempfile.TemporaryDirectory(prefix="carbonmatch-bench-", dir=setup.directory) as name:
        directory = Path(name)
        samples = directory / "samples"
        with started_engine(setup, directory) as running:
            before = _cpu_seconds(running.pid)
            sampling = _Sampling(running.pid, samples)
            run = drive_engine(setup, frames, attach_to(running))
            sampling.stop()
            after = _cpu_seconds(running.pid)
        lines = samples.read_text(errors="replace").splitlines()
    if raw is not None:
        raw.write_text("\n".join(lines) + "\n")
    counted = counted_by(lines, _function_of if by_function else stage_of)
    total = workload.commands
    return run, [
        Thread(thread, (after[number] - before.get(number, 0.0)) / total * 1e6, counted[number])
        for number, thread in _thread_names(lines).items()
        if number in after
    ]


class _Sampling:
    """py-spy beside a process, from when the warm-up is over."""

    def __init__(self, pid: int, output: Path) -> None:
        program = str(Path(sys.executable).parent / "py-spy")
        self._command = [program, "record", "--pid", str(pid), "--rate", str(_SAMPLES_PER_SECOND)]
        # Not to stop the process for each sample costs a few stacks that make no sense.
        self._command += ["--nonblocking", "--threads", "--duration", "unlimited"]
        self._command += ["--format", "raw", "--output", str(output)]
        self._process: subprocess.Popen[bytes] | None = None
        self._timer = Timer(_BEGIN_SECONDS, self._begin)
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(30)

    def _begin(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# --- samples -------------------------------------------------------------------------------------


def stage_of(stack: Sequence[str]) -> str:
    """The stage of a sample, whose functions go from the outermost to the innermost."""
    for function in reversed(stack):
        name, _, place = function.partition(" (")
        path = place.rpartition(":")[0]
        found = max((key for key in STAGES if _is_in(key, name, path)), key=len, default=None)
        if found is not None:
            return STAGES[found]
    return "other"


def _is_in(key: str, name: str, path: str) -> bool:
    file, _, function = key.partition(":")
    if function:
        return path.endswith(file) and (name == function or name.startswith(f"{function}."))
    return path.endswith(file) if file.endswith(".py") else file in path


def _function_of(stack: Sequence[str]) -> str:
    name, _, place = stack[-1].partition(" (")
    return f"{name} ({place.rpartition(':')[0]})"


def counted_by(lines: Iterable[str], of: Callable[[Sequence[str]], str]) -> dict[int, Counter[str]]:
    """The samples of each thread, by its number."""
    counted: dict[int, Counter[str]] = {}
    for line in lines:
        stack, _, count = line.rpartition(" ")
        thread, *functions = stack.split(";")
        if functions:
            counted.setdefault(_number_of(thread), Counter())[of(functions)] += int(count)
    return counted


def _number_of(thread: str) -> int:
    return int(thread.partition("(")[2].partition(")")[0])


def _thread_names(lines: Iterable[str]) -> dict[int, str]:
    names = {}
    for line in lines:
        thread = line.partition(";")[0]
        names[_number_of(thread)] = thread.partition(": ")[2]
    return names


def _cpu_seconds(pid: int) -> dict[int, float]:
    """What each thread of a process has used so far."""
    used = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        used[int(task.name)] = (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
    return used


# --- text ----------------------------------------------------------------------------------------


def text_of(run: Run, threads: Iterable[Thread]) -> str:
    lines = [
        f"{run.rate_per_second:,.0f} commands/s, p50 {run.latency.p50_us:,.0f} us; sampled, which slows it"
    ]
    for thread in sorted(threads, key=lambda one: one.name != _MAIN_THREAD):
        total = thread.samples.total()
        lines.append(
            f"\n{thread.name}: {thread.us_per_command:.2f} us of processor time a command, {total} samples"
        )
        lines += [
            f"  {thread.us_per_command * count / total:6.2f} us {100 * count / total:5.1f} %  {what}"
            for what, count in thread.samples.most_common(40)
        ]
    return "\n".join([*lines, *run.problems])
