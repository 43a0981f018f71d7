"""Fuzz: python -m tests.fuzz [TARGET...] --inputs N | --seconds S --seed S

Without a target: all of them. Without a bound: for ever, round after round with the next seed. A target
that raises is a bug: its input goes to tests/fuzz/corpus, is printed, and the exit status is 1.
"""

import argparse
import itertools
import logging
import sys
import traceback

from tests.fuzz.runner import Failure, keep, run
from tests.fuzz.targets import TARGETS

# Of one target in one round of an open end.
_ROUND_SECONDS = 20.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--inputs", type=int, help="of each target")
    parser.add_argument("--seconds", type=float, help="of each target")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    # Each refusal is logged for operators, and here nearly every input is refused.
    logging.disable()
    names = options.targets or list(TARGETS)
    for name in names:
        if name not in TARGETS:
            parser.error(f"found {name}, expected one of {', '.join(TARGETS)}")
    bounded = options.inputs is not None or options.seconds is not None
    total = 0
    for seed in itertools.count(options.seed):
        for name in names:
            result = run_one(
                name, options.inputs or sys.maxsize, seed, options.seconds or _unless(bounded, _ROUND_SECONDS)
            )
            if result is None:
                return 1
            total += result
        print(f"{total:,} inputs, seed {seed}: 0 uncaught", flush=True)
        if bounded:
            return 0
    return 0


def _unless(bounded: bool, seconds: float) -> float:
    return float("inf") if bounded else seconds


def run_one(name: str, inputs: int, seed: int, seconds: float) -> int | None:
    """How many inputs there were, or None after a failure, which is told."""
    try:
        result = run(TARGETS[name], inputs, seed, seconds)
    except Failure as failure:
        path = keep(name, failure.data)
        traceback.print_exception(failure.__cause__)
        print(f"{failure}\nkept as {path}", file=sys.stderr)
        return None
    print(result.in_words(), flush=True)
    return result.inputs


if __name__ == "__main__":
    sys.exit(main())
