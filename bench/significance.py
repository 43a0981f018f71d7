"""Whether a difference is more than noise: intervals that assume nothing of how the noise is distributed.

Rounds that were measured in turn give one ratio each, and the interval is that of their median by the sign
test: from one of the ratios to another one, so many places from the ends that the true median lies outside
in one case of twenty at most. Two results of different hours have no rounds in common: then it is the
interval of the ratio between any two of their repetitions, by the test of Mann and Whitney (Hodges and
Lehmann's estimate).

Few measurements give a wide interval or none at all, never a narrow one.
"""

from collections.abc import Sequence
from math import comb
from typing import Final, Literal

from msgspec import Struct

from bench.latency import median

CONFIDENCE: Final = 0.95
# What a process's layout in memory does to its speed is a matter of luck, and the same in all rounds.
TOLERANCE: Final = 0.02
# Below these there is no interval of that confidence, however much the figures differ.
ROUNDS_MIN: Final = 6
REPETITIONS_MIN: Final = 4

_TAIL: Final = (1 - CONFIDENCE) / 2

Outcome = Literal["worse", "better", "no difference seen", "too few measurements"]


class Seen(Struct, frozen=True):
    """A ratio of which more is worse, and between what it lies. No interval: too little was measured."""

    ratio: float
    low: float | None
    high: float | None

    def outcome(self, tolerance: float = TOLERANCE) -> Outcome:
        if self.low is None or self.high is None:
            return "too few measurements"
        if self.low > 1 + tolerance:
            return "worse"
        if self.high < 1 - tolerance:
            return "better"
        return "no difference seen"

    def words(self, tolerance: float = TOLERANCE) -> str:
        """What was seen; where no difference was, how large one could be."""
        outcome = self.outcome(tolerance)
        if self.low is None or self.high is None:
            return f"{self.ratio:.3f}, {outcome}"
        text = f"{self.ratio:.3f} ({self.low:.3f} to {self.high:.3f}): {outcome}"
        if outcome == "no difference seen":
            text += f", at most {max(self.high - 1, 0):+.1%} or {min(self.low - 1, 0):.1%}"
        return text


def of_rounds(ratios: Sequence[float]) -> Seen:
    """Ratios that were each measured in a round of both."""
    ordered = sorted(ratios)
    count = len(ordered)
    place = -1
    tail = 0.0
    while place + 1 < count:
        tail += comb(count, place + 1) / 2**count
        if tail > _TAIL:
            break
        place += 1
    return _seen(ordered, place)


def of_two(ones: Sequence[float], others: Sequence[float]) -> Seen:
    """The ratio of the ones to the others, which were measured apart."""
    ordered = sorted(one / other for one in ones for other in others)
    whole = comb(len(ones) + len(others), len(ones))
    place = -1
    tail = 0
    for pairs, ways in enumerate(_ways(len(ones), len(others))):
        tail += ways
        if tail / whole > _TAIL:
            break
        place = pairs
    return _seen(ordered, place)


def exact(ratio: float) -> Seen:
    """What comes out the same each time."""
    return Seen(ratio, ratio, ratio)


def _seen(ordered: Sequence[float], place: int) -> Seen:
    """So many of the least and of the most lie outside."""
    if place < 0 or not ordered:
        return Seen(median(ordered), None, None)
    return Seen(median(ordered), ordered[place], ordered[-1 - place])


def _ways(ones: int, others: int) -> list[int]:
    """How many orders of so many of each have 0, 1, 2, ... pairs with the other before the one."""
    ways = [[1] for _ in range(others + 1)]
    for _ in range(ones):
        # The last in the order is one of the others, or is the new one, behind all of the others.
        longer = [[1]]
        for number in range(1, others + 1):
            without, before = longer[number - 1], ways[number]
            counts = [0] * max(len(without), len(before) + number)
            for pairs, count in enumerate(without):
                counts[pairs] += count
            for pairs, count in enumerate(before):
                counts[pairs + number] += count
            longer.append(counts)
        ways = longer
    return ways[others]
