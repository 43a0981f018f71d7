"""Two checkouts of the project, side by side: what a command costs in the one, as a ratio to the other.

    python -m bench compare A [B] [--flows touch,deep] [--rounds N] [--commands N] [--seed N]
                            [--instructions] [--at-most RATIO] [--json FILE]

A and B are directories with a `src` of the project each, such as worktrees; A is what is looked at, and B,
by default the checkout that this command is from, what it is held against. Both play the same bytes,
which come from this checkout's `flows`: fields that a version does not know are left out where they say
nothing. What each version made of them (trades, open orders) has to be the same, or nothing was compared.

A round is one process of each, A first in one round and B first in the next, and a process counts the best of
three engines' times. The ratio is taken within each round, so that it does not matter whether the machine is
slower by the next; the median of the rounds counts, and half of them lie in the range beside it. Where that
is wide the machine was busy with something else: measure again, with more rounds, or count instructions.

`--instructions` counts what the processor executes instead, by valgrind (which has to be there): once, since
it is the same every time, and slowly. It sees no cache and no branch that was guessed wrong.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from bench.environment import capture, revision
from bench.flows import FLOWS, prepare
from bench.processes import REPOSITORY
from carbonmatch.matching.messages import Entry

PLAIN_FLOWS: Final = ("touch", "instruments", "deep")
# Engines of one process: more make the least of their times steadier, and a process longer.
ENGINES: Final = 3
_WORKER: Final = REPOSITORY / "bench" / "compare_worker.py"
_SECONDS_MAX: Final = 600
_DEFAULT_COMMANDS: Final = 40_000


class CompareError(Exception):
    """The two cannot be compared; says why."""


class Compared(Struct, frozen=True):
    """One flow. Ratios are A to B, one a round; of instructions there is one round."""

    flow: str
    unit: str  # of `a` and `b`, for a command
    a: list[float]
    b: list[float]
    ratios: list[float]
    median: float
    quartiles: tuple[float, float]
    least: float  # of the least of A to the least of B: what is left where a machine is busy all the time
    trades: int
    open_orders: int


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench compare", description="A command's cost in two checkouts")
    parser.add_argument("a", type=Path, help="the checkout that is looked at")
    parser.add_argument("b", type=Path, nargs="?", default=REPOSITORY, help="what it is held against")
    parser.add_argument("--flows", default=",".join(PLAIN_FLOWS), help=f"of {', '.join(FLOWS)}")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--commands", type=int, default=_DEFAULT_COMMANDS)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--at-most", type=float, help="the largest median ratio that is no failure")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    flows = options.flows.split(",")
    for flow in flows:
        if flow not in FLOWS:
            parser.error(f"there is no flow {flow!r}, expected some of {', '.join(FLOWS)}")
    try:
        results = [compare(flow, options) for flow in flows]
    except CompareError as error:
        print(f"bench compare: {error}", file=sys.stderr)
        return 1
    print(as_text(options.a, options.b, results))
    if options.json:
        options.json.write_text(json.dumps(as_json(options, results), indent=2))
    too_much = [one for one in results if options.at_most and one.median > options.at_most]
    for one in too_much:
        print(f"{one.flow}: {one.median:.3f} times, expected at most {options.at_most}", file=sys.stderr)
    return 1 if too_much else 0


def compare(flow: str, options: argparse.Namespace) -> Compared:
    """Let both play the flow, and hold one against the other."""
    with tempfile.TemporaryDirectory() as directory:
        workload = Path(directory) / "workload"
        workload.write_bytes(workload_of(flow, options.seed, options.commands))
        a: list[float] = []
        b: list[float] = []
        sides = [(options.a, a), (options.b, b)]
        outcomes = set()
        rounds = 1 if options.instructions else options.rounds
        cost = instructions if options.instructions else nanoseconds
        for _ in range(rounds):
            for checkout, found in sides:
                one, outcome = cost(checkout, workload)
                found.append(one)
                outcomes.add(outcome)
            sides.reverse()
    if len(outcomes) > 1:
        made = " and ".join(f"{trades} trades, {left} open orders" for trades, left in sorted(outcomes))
        raise CompareError(f"{flow}: not the same work was done: {made}")
    [(trades, open_orders)] = outcomes
    ratios = [one / other for one, other in zip(a, b, strict=True)]
    lower, _, upper = statistics.quantiles(ratios, method="inclusive") if rounds > 1 else ratios * 3
    unit = "instructions" if options.instructions else "ns"
    return Compared(
        flow,
        unit,
        a,
        b,
        ratios,
        statistics.median(ratios),
        (lower, upper),
        min(a) / min(b),
        trades,
        open_orders,
    )


def workload_of(flow: str, seed: int, commands: int) -> bytes:
    """What is played, as `compare_worker` reads it: entries before the measurement, and those measured."""
    parts = prepare(flow, seed, commands)
    return msgspec.msgpack.encode(
        [[[entry.session_id, _shortest_of(entry)] for entry in part] for part in parts]
    )


def _shortest_of(entry: Entry) -> list[Any]:
    return [shortest(command) for command in entry.commands]


def shortest(value: Any) -> Any:
    """A message with what says nothing left out: fields with their defaults, at its end.

    An older version, which does not have the latest of them, takes it too.
    """
    if not isinstance(value, Struct):
        return value
    fields = structs.fields(type(value))
    values = [getattr(value, field.name) for field in fields]
    while values and values[-1] == fields[len(values) - 1].default:
        values.pop()
    tag = value.__struct_config__.tag
    return [*([] if tag is None else [tag]), *map(shortest, values)]


def nanoseconds(checkout: Path, workload: Path) -> tuple[float, tuple[int, int]]:
    """A command's processor time, and what came of all of them."""
    told = json.loads(_run(checkout, _worker(workload, ENGINES)).stdout)
    return told["ns"], (told["trades"], told["open_orders"])


def instructions(checkout: Path, workload: Path) -> tuple[float, tuple[int, int]]:
    """A command's instructions: what two engines more have taken, so that all else falls out."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CompareError("there is no valgrind here, which counts instructions")
    counter = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    counted = []
    told: dict[str, Any] = {}
    for timed in (1, ENGINES):
        said = _run(checkout, [*counter, *_worker(workload, timed)])
        told = json.loads(said.stdout)
        [line] = [line for line in said.stderr.splitlines() if "refs:" in line]
        counted.append(int(line.rpartition(":")[2].replace(",", "")))
    spent = (counted[1] - counted[0]) / (ENGINES - 1) / told["commands"]
    return spent, (told["trades"], told["open_orders"])


def _worker(workload: Path, timed: int) -> list[str]:
    # -P: what lies beside the worker is this checkout's, and must not be found first.
    return [sys.executable, "-P", str(_WORKER), str(workload), str(ENGINES), str(timed)]


def _run(checkout: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    source = checkout.resolve() / "src"
    if not (source / "carbonmatch").is_dir():
        raise CompareError(f"{checkout} is no checkout of the project: there is no {source}/carbonmatch")
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(source), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        # Lines with == are valgrind's.
        said = [line for line in done.stderr.splitlines() if line and not line.startswith("==")]
        raise CompareError(f"{checkout} cannot play it: {said[-1] if said else 'it said nothing'}")
    return done


def as_text(a: Path, b: Path, results: Sequence[Compared]) -> str:
    lines = [
        f"A {a} ({revision(a)}), B {b} ({revision(b)})",
        f"{'a command:':<12} {'A':>9} {'B':>9} {'':<13} {'A / B':>6} {'half of the rounds':>19} {'least':>6}",
    ]
    for one in results:
        half = f"{one.quartiles[0]:.3f} to {one.quartiles[1]:.3f}"
        lines.append(
            f"{one.flow:<12} {statistics.median(one.a):>9,.0f} {statistics.median(one.b):>9,.0f} "
            f"{one.unit:<13} {one.median:>6.3f} {half:>19} {one.least:>6.3f}"
        )
    return "\n".join(lines)


def as_json(options: argparse.Namespace, results: Sequence[Compared]) -> dict[str, Any]:
    return {
        "a": {"checkout": str(options.a), "revision": revision(options.a)},
        "b": {"checkout": str(options.b), "revision": revision(options.b)},
        "commands": options.commands,
        "seed": options.seed,
        "environment": structs.asdict(capture(Path(tempfile.gettempdir()), "one process after the other")),
        "flows": [structs.asdict(one) for one in results],
    }


if __name__ == "__main__":
    sys.exit(main())
