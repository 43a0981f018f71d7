"""The verdict: how many changes were noticed, and what that says of those that were not tried."""

import enum
import math
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

KILLED_MIN: Final = 0.9
# Two-sided, 95 %.
_NORMAL_QUANTILE: Final = 1.959964


class Outcome(enum.Enum):
    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


class Result(Struct, frozen=True):
    mutant: str
    file: str
    outcome: Outcome
    # The test that noticed.
    test: str | None
    # So many tests were to be asked, and so long it took.
    tests: int
    seconds: float


def wilson(noticed: int, tried: int) -> tuple[float, float]:
    """The 95 % interval of a rate of which a sample of `tried` is known (Wilson's score interval, 1927)."""
    squared = _NORMAL_QUANTILE**2
    rate = noticed / tried
    middle = rate + squared / (2 * tried)
    width = _NORMAL_QUANTILE * math.sqrt(rate * (1 - rate) / tried + squared / (4 * tried**2))
    return (middle - width) / (1 + squared / tried), (middle + width) / (1 + squared / tried)


def report(results: Iterable[Result], population: int) -> int:
    """Print the rate by file and that of all; 0 where it is high enough for all of `population`, else 1.

    Where only some were tried, the lower end of the interval counts. A change that keeps a test from ending
    has been noticed as well.
    """
    by_file: dict[str, Counter[Outcome]] = {}
    for result in results:
        by_file.setdefault(result.file, Counter())[result.outcome] += 1
    for file, found in sorted(by_file.items()):
        print(f"{file}: {_said(found)}")
    total = sum(by_file.values(), Counter[Outcome]())
    tried = total.total()
    if not tried:
        print("no mutant was tried", file=sys.stderr)
        return 1
    noticed = tried - total[Outcome.SURVIVED]
    print(f"all: {_said(total)}")
    lowest = noticed / tried
    if tried < population:
        lowest, highest = wilson(noticed, tried)
        print(f"of all {population:,}, {lowest:.1%} to {highest:.1%} (95 % interval of Wilson)")
    print(f"expected {KILLED_MIN:.0%} at least")
    return 0 if lowest >= KILLED_MIN else 1


def _said(found: Counter[Outcome]) -> str:
    tried = found.total()
    noticed = tried - found[Outcome.SURVIVED]
    each = ", ".join(f"{found[outcome]:,} {outcome.value}" for outcome in Outcome)
    return f"{noticed:,} of {tried:,} mutants killed, {noticed / tried:.1%} ({each})"
