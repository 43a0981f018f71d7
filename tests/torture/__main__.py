"""All that may be lost, at once: every part of `make torture`, two at a time.

    python -m tests.torture
    python -m tests.torture --small
    python -m tests.torture --parts kills power

Says which part begins and what each says, behind its name, and ends with a line for each. A part that fails
ends nothing: the others are run as well, and the status is 1. `--small` runs each of them for some seconds,
to see that it starts.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Final

from msgspec import Struct


class Part(Struct, frozen=True):
    """A module with its arguments, or a test; `minutes` it takes on two cores with nothing else to do."""

    name: str
    what: str
    whole: str
    small: str
    minutes: float
    environment: str = ""  # in which the number of `whole` or `small` is told


# The longest first: the others take turns beside it.
PARTS: Final = (
    Part(
        "kills",
        "kills of the engine under load",
        "tests.torture.kill --kills 10000 --seed 1000 --jobs 2",
        "tests.torture.kill --kills 6 --seed 1000 --jobs 2",
        25,
    ),
    Part(
        "worlds",
        "engine, disk, network and clock in worlds of chance",
        "tests.simulation --seed 1 --seeds 500",
        "tests.simulation --seed 1 --seeds 1",
        7,
    ),
    Part(
        "connections",
        "connections that bring nothing",
        "tests.torture.connections",
        "tests.torture.connections --count 100 --kind silent",
        2,
    ),
    Part(
        "reconnects",
        "sessions that come back without end",
        "pytest -q tests/end_to_end/test_reconnect_storm.py",
        "pytest -q tests/end_to_end/test_reconnect_storm.py",
        3,
        "CARBONMATCH_RECONNECTS=10000 200",
    ),
    Part(
        "follower",
        "kills with a follower beside the engine",
        "tests.torture.kill --kills 60 --seed 3 --follow",
        "tests.torture.kill --kills 3 --seed 3 --follow",
        1,
    ),
    Part(
        "determinism",
        "a journal executed again in other processes",
        "tests.server.determinism --commands 200000 --seed 1",
        "tests.server.determinism --commands 2000 --seed 1",
        4,
    ),
    Part(
        "power",
        "power cuts, flipped bits, lost sectors",
        "tests.journal.damage --cuts 20000 --flips 20000",
        "tests.journal.damage --cuts 100 --flips 100",
        3,
    ),
    Part(
        "disk",
        "calls of the disk that fail",
        "tests.faults.one_failure --calls 100",
        "tests.faults.one_failure --calls 1",
        3,
    ),
    Part(
        "reference",
        "the engine beside a reference that is right by inspection",
        "tests.matching.side_by_side --commands 200000 --seed 1",
        "tests.matching.side_by_side --commands 1000 --seed 1",
        1,
    ),
)
# Kills wait for the disk and for clients half of their time, which is then another part's.
AT_A_TIME: Final = 2
MINUTES_MAX: Final = 60
assert sum(part.minutes for part in PARTS) <= MINUTES_MAX, "an hour at most, even one after the other"

Run = Callable[[Part, Sequence[str], dict[str, str]], int]


def main(arguments: Sequence[str], run: Run | None = None) -> int:
    it = argparse.ArgumentParser(
        prog="python -m tests.torture", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    it.add_argument("--small", action="store_true", help="some seconds of each part")
    it.add_argument("--parts", nargs="+", choices=[part.name for part in PARTS], help="these only")
    options = it.parse_args(arguments)
    chosen = [part for part in PARTS if options.parts is None or part.name in options.parts]
    began = monotonic()

    def outcome(part: Part) -> tuple[Part, int, float]:
        expected = "" if options.small else f", about {part.minutes:g} minutes"
        _say(part, f"{part.what}{expected}")
        part_began = monotonic()
        status = (run or _run)(part, *command_of(part, small=options.small))
        return part, status, monotonic() - part_began

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        outcomes = list(pool.map(outcome, chosen))
    print("\n".join(summary(outcomes, monotonic() - began)), flush=True)
    return int(any(status for _, status, _ in outcomes))


def command_of(part: Part, *, small: bool) -> tuple[list[str], dict[str, str]]:
    """What is to be run, and what its environment has besides."""
    words = [sys.executable, "-m", *(part.small if small else part.whole).split()]
    if not part.environment:
        return words, {}
    name, _, counts = part.environment.partition("=")
    whole, few = counts.split()
    return words, {name: few if small else whole}


def summary(outcomes: Sequence[tuple[Part, int, float]], seconds: float) -> list[str]:
    """A line for each part, and one for all."""
    lines = [
        f"{part.name:<12}{'good' if status == 0 else f'FAILED ({status})':<14}{took:>8,.0f} s"
        for part, status, took in outcomes
    ]
    failed = sum(status != 0 for _, status, _ in outcomes)
    words = f"{failed} of {len(outcomes)} parts FAILED" if failed else f"all {len(outcomes)} parts are good"
    return ["", *lines, f"{words}, {seconds / 60:,.1f} minutes"]


def _run(part: Part, command: Sequence[str], environment: dict[str, str]) -> int:
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            _say(part, line.rstrip("\n"))
    return process.returncode


def _say(part: Part, line: str) -> None:
    print(f"{part.name:<12}{line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
