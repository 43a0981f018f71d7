"""Intervals of ratios: how sure they are, and that they are not surer."""

from itertools import combinations
from random import Random

import pytest

from bench.significance import REPETITIONS_MIN, ROUNDS_MIN, Seen, _ways, of_rounds, of_two


def test_few_rounds_have_no_interval_and_more_a_narrower_one() -> None:
    assert of_rounds([2.0] * (ROUNDS_MIN - 1)) == Seen(2.0, None, None)
    ratios = [1.01, 1.02, 1.03, 1.04, 1.05, 1.06]
    six = of_rounds(ratios)
    assert six.ratio == pytest.approx(1.035)
    assert (six.low, six.high) == (1.01, 1.06)
    # By the tables of the sign test: of nine, all but the least and the most.
    nine = of_rounds([1.0, *ratios, 1.07, 1.08])
    assert (nine.low, nine.high) == (1.01, 1.07)


def test_what_was_measured_apart_needs_four_of_each() -> None:
    assert of_two([2.0] * 3, [1.0] * 3).outcome() == "too few measurements"
    assert of_two([2.0] * REPETITIONS_MIN, [1.0] * REPETITIONS_MIN).outcome() == "worse"


def test_orders_are_counted_as_by_trying_them() -> None:
    for ones in range(1, 5):
        for others in range(1, 5):
            tried = [0] * (ones * others + 1)
            for places in combinations(range(ones + others), ones):
                tried[sum(place - rank for rank, place in enumerate(places))] += 1
            assert _ways(ones, others) == tried


@pytest.mark.parametrize("apart", [False, True])
def test_no_difference_is_taken_for_one_in_one_case_of_twenty_at_most(apart: bool) -> None:
    draw = Random(3)
    wrong = 0
    for _ in range(2_000):
        ones, others = ([draw.lognormvariate(0, 0.1) for _ in range(7)] for _ in range(2))
        seen = of_two(ones, others) if apart else of_rounds(ones)
        assert seen.low is not None
        assert seen.high is not None
        wrong += not seen.low <= 1 <= seen.high
    assert wrong <= 0.05 * 2_000


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        (Seen(1.1, 1.021, 1.2), "worse"),
        (Seen(1.1, 1.02, 1.2), "no difference seen"),
        (Seen(0.9, 0.8, 0.979), "better"),
        (Seen(0.9, 0.8, 0.98), "no difference seen"),
        (Seen(3.0, None, None), "too few measurements"),
    ],
)
def test_only_what_lies_beyond_the_tolerance_as_a_whole_is_a_difference(seen: Seen, outcome: str) -> None:
    assert seen.outcome(0.02) == outcome
    assert outcome in seen.words(0.02)


def test_where_no_difference_was_seen_it_says_how_large_one_could_be() -> None:
    assert (
        Seen(1.01, 0.97, 1.05).words() == "1.010 (0.970 to 1.050): no difference seen, at most +5.0% or -3.0%"
    )
