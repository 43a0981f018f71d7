"""Two versions of the project, side by side: what a command costs in the one, as a ratio to the other.

    python -m bench compare A [B] [--flows touch,deep] [--rounds N] [--commands N] [--seed N]
                            [--instructions] [--at-most RATIO] [--tolerance SHARE] [--json FILE]
    python -m bench compare A [B] --load batched,open

A and B are directories with a `src` of the project each, such as worktrees, or commits, tags or branches of
this repository; A is what is looked at, and B, by default the checkout that this command is from, what it
is held against. Both play the same bytes, which come from this checkout's `flows`: fields that a version
does not know are left out where they say nothing. What each version made of them (trades, open orders) has
to be the same, or nothing was compared.

A round is one process of each, A first in one round and B first in the next, and a process counts the best
of three engines' times. The ratio is taken within each round, so that it does not matter whether the
machine is slower by the next. What counts is the median of the rounds, with its 95 % interval
(bench/significance.py): where all of it is above 1 and the tolerance, A is worse, and the exit status 1. A
wide interval means that the machine was busy: measure again, with more rounds, or count instructions. Fewer
than six rounds decide nothing.

`--load` compares whole engines over TCP instead, with presets of `bench load`: rate, p50, p99 and processor
time.

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

from bench.checkouts import Checkout, CheckoutError, checkout
from bench.compare_load import LoadCompared, compare_load, setup_of
from bench.environment import capture
from bench.flows import FLOWS, prepare
from bench.load import PRESETS
from bench.processes import REPOSITORY, StartError
from bench.sessions import RunError
from bench.significance import TOLERANCE, Seen, exact, of_rounds
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
    seen: Seen
    trades: int
    open_orders: int


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    flows, presets = options.flows.split(","), options.load.split(",") if options.load else []
    for what, given, known in (("flow", flows, FLOWS), ("preset", presets, PRESETS)):
        for name in given:
            if name not in known:
                print(
                    f"bench compare: no {what} {name!r}, expected some of {', '.join(known)}", file=sys.stderr
                )
                return 2
    try:
        with checkout(options.a) as a, checkout(options.b) as b:
            return _loads(a, b, presets, options) if presets else _flows(a, b, flows, options)
    except (CompareError, CheckoutError, RunError, StartError, TimeoutError) as error:
        print(f"bench compare: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("a", help="the directory or commit that is looked at")
    parser.add_argument("b", nargs="?", default=str(REPOSITORY), help="what it is held against")
    parser.add_argument("--flows", default=",".join(PLAIN_FLOWS), help=f"of {', '.join(FLOWS)}")
    parser.add_argument("--load", metavar="PRESETS", help=f"whole engines over TCP: of {', '.join(PRESETS)}")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--commands", type=int, help=f"of a round, default {_DEFAULT_COMMANDS:,} or the preset's"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--at-most", type=float, help="the largest median ratio that is no failure")
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help="what may be worse, default %(default)s"
    )
    parser.add_argument("--json", type=Path)
    return parser


def _flows(a: Checkout, b: Checkout, flows: Sequence[str], options: argparse.Namespace) -> int:
    results = [compare(flow, a.directory, b.directory, options) for flow in flows]
    print(as_text(a, b, results, options.tolerance))
    if options.json:
        options.json.write_text(json.dumps(as_json(a, b, options, results), indent=2))
    failed = 0
    for one in results:
        if options.at_most:
            # Who names a bound has it, and no other one.
            if one.median > options.at_most:
                print(
                    f"{one.flow}: {one.median:.3f} times, expected at most {options.at_most}", file=sys.stderr
                )
                failed = 1
        elif one.seen.outcome(options.tolerance) == "worse":
            print(f"{one.flow}: worse, {one.seen.words(options.tolerance)}", file=sys.stderr)
            failed = 1
    return failed


def _loads(a: Checkout, b: Checkout, presets: Sequence[str], options: argparse.Namespace) -> int:
    found = [
        compare_load(setup_of(preset, options.commands, options.seed), a.source, b.source, options.rounds)
        for preset in presets
    ]
    print(load_text(a, b, found, options.tolerance))
    if options.json:
        compared = msgspec.json.encode({**_of_both(a, b, options), "load": found})
        options.json.write_bytes(msgspec.json.format(compared))
    flaws = [flaw for one in found for flaw in one.flaws]
    for flaw in flaws:
        print(f"NOT VALID: {flaw}", file=sys.stderr)
    outcomes = [seen.outcome(options.tolerance) for one in found for seen in one.seen.values()]
    return 1 if flaws or "worse" in outcomes else 0


def compare(flow: str, of_a: Path, of_b: Path, options: argparse.Namespace) -> Compared:
    """Let both play the flow, and hold one against the other."""
    with tempfile.TemporaryDirectory() as directory:
        workload = Path(directory) / "workload"
        workload.write_bytes(workload_of(flow, options.seed, options.commands or _DEFAULT_COMMANDS))
        a: list[float] = []
        b: list[float] = []
        sides = [(of_a, a), (of_b, b)]
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
        exact(ratios[0]) if options.instructions else of_rounds(ratios),
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


def as_text(a: Checkout, b: Checkout, results: Sequence[Compared], tolerance: float) -> str:
    lines = [
        _heading(a, b),
        f"{'a command:':<12} {'A':>9} {'B':>9} {'':<13} {'half of the rounds':>18} {'least':>6}  "
        "A / B, 95 % interval",
    ]
    for one in results:
        half = f"{one.quartiles[0]:.3f} to {one.quartiles[1]:.3f}"
        lines.append(
            f"{one.flow:<12} {statistics.median(one.a):>9,.0f} {statistics.median(one.b):>9,.0f} "
            f"{one.unit:<13} {half:>18} {one.least:>6.3f}  {one.seen.words(tolerance)}"
        )
    return "\n".join(lines)


def load_text(a: Checkout, b: Checkout, results: Sequence[LoadCompared], tolerance: float) -> str:
    lines = [_heading(a, b), "A / B with 95 % intervals, more is worse:"]
    for one in results:
        rate_a, rate_b = (statistics.median(run.rate_per_second for run in runs) for runs in (one.a, one.b))
        lines.append(f"{one.preset}: {len(one.a)} rounds, {rate_a:,.0f} and {rate_b:,.0f} commands/s")
        lines += [f"  {what:<28}{seen.words(tolerance)}" for what, seen in one.seen.items()]
    return "\n".join(lines)


def _heading(a: Checkout, b: Checkout) -> str:
    return f"A {a.name} ({a.revision}), B {b.name} ({b.revision})"


def as_json(
    a: Checkout, b: Checkout, options: argparse.Namespace, results: Sequence[Compared]
) -> dict[str, Any]:
    return {**_of_both(a, b, options), "flows": [msgspec.to_builtins(one) for one in results]}


def _of_both(a: Checkout, b: Checkout, options: argparse.Namespace) -> dict[str, Any]:
    return {
        "a": {"checkout": a.name, "revision": a.revision},
        "b": {"checkout": b.name, "revision": b.revision},
        "commands": options.commands,
        "seed": options.seed,
        "tolerance": options.tolerance,
        "environment": structs.asdict(capture(Path(tempfile.gettempdir()), "one process after the other")),
    }


if __name__ == "__main__":
    sys.exit(main())
