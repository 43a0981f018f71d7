"""Does a command cost the same, however much there is? Resting orders, instruments, sessions; and the start.

    python -m bench flat
    python -m bench flat --parts orders,start

*orders*: the core beside 1,000 to 1,000,000 orders that rest on 300 levels. *instruments*: the core with 1
to 1,000 of them, 300 orders on each, so that the books are equally deep. Engines of all sizes play in turn,
round by round, in processor time, and ratios to the smallest are taken within a round. *sessions*: processor
time of the engine's process for a command, over TCP and with sync, of 1 to 1,000 sessions that send 20,000
frames of one a second together (`--commands` says fewer). Where their generator was late or slow nothing
is decided, and the exit status is 1. *start*: from the start of the process to the line that it is ready,
with an empty journal.

How many steps of the interpreter a command takes, whatever rests, is a test (tests/matching/test_cost.py):
what is more here is memory, which a larger book has to be fetched from.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from time import perf_counter
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from bench.core import apply_all, resting, timed
from bench.environment import capture
from bench.flows import BATCH_COMMANDS, SESSIONS, Flow
from bench.generator import Plan
from bench.latency import median
from bench.processes import StartError
from bench.results import Run
from bench.runs import Setup, attach_to, drive_engine, started_engine
from bench.sessions import RunError
from bench.workload import Workload, session_frames
from carbonmatch.matching.engine import Engine

RATIO_MAX: Final = 1.3
START_SECONDS_MAX: Final = 1.0
ORDERS: Final = (1_000, 10_000, 100_000, 1_000_000)
INSTRUMENTS: Final = (1, 10, 100, 1_000)
CONNECTIONS: Final = (1, 10, 100, 1_000)
_ORDERS_OF_AN_INSTRUMENT: Final = 300
_RATE: Final = 20_000
_SEED: Final = 7


class Ladder(Struct, frozen=True):
    """What a command costs at each size: medians, in `unit`, and as a ratio to the first size."""

    what: str
    unit: str
    sizes: list[int]
    costs: list[float]
    ratios: list[float]
    flaws: list[str] = []  # why some of it was not the load that was asked for

    @property
    def is_flat(self) -> bool:
        return max(self.ratios) <= RATIO_MAX


class Start(Struct, frozen=True):
    seconds: list[float]


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    parts = options.parts.split(",")
    if unknown := set(parts) - set(_PARTS):
        print(
            f"python -m bench flat: no part {sorted(unknown)}, expected some of {list(_PARTS)}",
            file=sys.stderr,
        )
        return 2
    result: dict[str, Any] = {
        "environment": capture(options.directory, "server and clients where the kernel puts them")
    }
    try:
        for part in parts:
            result[part] = found = _PARTS[part](options)
            print(
                "\n".join(_ladder_text(found) if isinstance(found, Ladder) else _start_text(found)),
                flush=True,
            )
    except (RunError, StartError, OSError) as error:
        print(f"python -m bench flat: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(msgspec.to_builtins(result), indent=2))
    return int(any(isinstance(found, Ladder) and found.flaws for found in result.values()))


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(
        prog="python -m bench flat", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    it.add_argument("--parts", default=",".join(_PARTS), help=f"of {', '.join(_PARTS)}")
    it.add_argument("--most", type=int, default=1_000_000, help="leave larger sizes out")
    it.add_argument(
        "--commands", type=int, default=20_000, help="timed in a round, or sent by the sessions a second"
    )
    it.add_argument("--rounds", type=int, default=5)
    it.add_argument("--seconds", type=float, default=3.0, help="of each number of sessions")
    it.add_argument("--directory", type=Path, default=Path(gettempdir()), help="where journals go")
    it.add_argument("--json", type=Path)
    return it


# --- the core ------------------------------------------------------------------------------------


def measure_orders(options: argparse.Namespace) -> Ladder:
    return _ladder("resting orders", ORDERS, options, lambda orders: resting(orders, _SEED))


def measure_instruments(options: argparse.Namespace) -> Ladder:
    return _ladder("instruments", INSTRUMENTS, options, _with_instruments)


def _with_instruments(instruments: int) -> tuple[Flow, Engine]:
    flow, engine = Flow(_SEED, instruments, 300), Engine()
    apply_all(engine, [flow.definitions()])
    turns = max(SESSIONS, _ORDERS_OF_AN_INSTRUMENT * instruments // BATCH_COMMANDS)
    for turn in range(turns):
        apply_all(engine, [flow.entry(1 + turn % SESSIONS, flow.resting)])
    return flow, engine


def _ladder(
    what: str, sizes: Sequence[int], options: argparse.Namespace, make: Callable[[int], tuple[Flow, Engine]]
) -> Ladder:
    """All sizes are there at once, so that each round sees them in one state of the machine."""
    chosen = [size for size in sizes if size <= options.most]
    made = [make(size) for size in chosen]
    rounds: list[list[float]] = []
    for number in range(options.rounds):
        costs = [0.0] * len(made)
        for index in range(len(made)) if number % 2 == 0 else reversed(range(len(made))):
            flow, engine = made[index]
            costs[index] = timed(engine, flow.entries(options.commands, flow.mixed))
        rounds.append(costs)
    return ladder(what, "ns", chosen, rounds)


def ladder(what: str, unit: str, sizes: list[int], rounds: list[list[float]]) -> Ladder:
    """Of the costs by size of each round."""
    costs = [median([one[index] for one in rounds]) for index in range(len(sizes))]
    ratios = [median([one[index] / one[0] for one in rounds]) for index in range(len(sizes))]
    return Ladder(what, unit, sizes, costs, ratios)


# --- the engine ----------------------------------------------------------------------------------


def measure_sessions(options: argparse.Namespace) -> Ladder:
    sizes = [size for size in CONNECTIONS if size <= options.most]
    runs = [_of_sessions(size, options) for size in sizes]
    found = ladder("sessions", "us", sizes, [[run.server_cpu_us_per_command or 0.0 for run in runs]])
    return structs.replace(found, flaws=flaws_of(sizes, runs))


def flaws_of(sizes: Sequence[int], runs: Sequence[Run]) -> list[str]:
    return [
        f"{size:,} sessions: {flaw}"
        for size, run in zip(sizes, runs, strict=True)
        for flaw in (*run.problems, *run.invalid)
    ]


def _of_sessions(sessions: int, options: argparse.Namespace) -> Run:
    """With the processor time of the engine's process."""
    rate = min(_RATE, options.commands)
    commands = max(4 * sessions, round(rate * options.seconds))
    workload = Workload(sessions, commands, frame_commands=1)
    plan = Plan(1, warmup_frames=max(1, commands // sessions // 4), rate_per_second=rate)
    frames = [session_frames(workload, index) for index in range(sessions)]
    with TemporaryDirectory(prefix="carbonmatch-flat-", dir=options.directory) as directory:
        setup = Setup("flat", workload, plan, directory=Path(directory))
        with started_engine(setup, Path(directory)) as running:
            run = drive_engine(setup, frames, attach_to(running))
    assert run.server_cpu_us_per_command is not None
    return run


def measure_start(options: argparse.Namespace) -> Start:
    seconds = []
    for _ in range(options.rounds):
        setup = Setup("start", Workload(1, 1, 1), Plan(1, 0, window_commands=1))
        with TemporaryDirectory(prefix="carbonmatch-flat-", dir=options.directory) as directory:
            began = perf_counter()
            with started_engine(setup, Path(directory)):
                seconds.append(perf_counter() - began)
    return Start(seconds)


_PARTS: Final[dict[str, Callable[[argparse.Namespace], Ladder | Start]]] = {
    "orders": measure_orders,
    "instruments": measure_instruments,
    "sessions": measure_sessions,
    "start": measure_start,
}


# --- text ----------------------------------------------------------------------------------------


def _ladder_text(found: Ladder) -> list[str]:
    outcome = "not decided" if found.flaws else "reached" if found.is_flat else "MISSED"
    digits = 0 if found.unit == "ns" else 1
    return [
        f"{found.what:<16}" + "".join(f"{size:>12,}" for size in found.sizes),
        f"  {found.unit + ' a command':<14}" + "".join(f"{cost:>12,.{digits}f}" for cost in found.costs),
        f"  {'ratio':<14}" + "".join(f"{ratio:>12.2f}" for ratio in found.ratios),
        f"  most {max(found.ratios):.2f}, bar <= {RATIO_MAX}: {outcome}",
        *(f"  INVALID: {flaw}" for flaw in found.flaws),
    ]


def _start_text(found: Start) -> list[str]:
    middle = median(found.seconds)
    outcome = "reached" if middle < START_SECONDS_MAX else "MISSED"
    least, most = min(found.seconds), max(found.seconds)
    spread = f"{least:.2f} to {most:.2f}"
    return [f"start to ready: {middle:.2f} s ({spread}), bar < {START_SECONDS_MAX:g} s: {outcome}"]
