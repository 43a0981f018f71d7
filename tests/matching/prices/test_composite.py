"""The price of several instruments together: a national market's example, and the rule against fractions."""

from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.prices.composite import composite_price_ticks


class Weighted(NamedTuple):
    price_ticks: int
    weight: int


weights = st.integers(1, 10_000)
members = st.lists(st.builds(Weighted, st.integers(1, PRICE_TICKS_MAX), weights), min_size=1, max_size=20)


def equal(*prices_ticks: int) -> list[Weighted]:
    return [Weighted(price_ticks, 1) for price_ticks in prices_ticks]


def test_five_vintages_of_equal_weight() -> None:
    assert composite_price_ticks(equal(90_00, 92_00, 95_00, 97_00, 100_00)) == 94_80


@pytest.mark.parametrize(
    ("prices_ticks", "composite_ticks"),
    [((5, 6), 6), ((5, 5, 6), 5), ((5, 6, 6), 6), ((5,), 5)],
    ids=["half", "third", "two thirds", "one member"],
)
def test_a_half_is_rounded_up(prices_ticks: tuple[int, ...], composite_ticks: int) -> None:
    assert composite_price_ticks(equal(*prices_ticks)) == composite_ticks


def test_who_weighs_three_times_as_much_counts_three_times() -> None:
    assert composite_price_ticks([Weighted(100, 3), Weighted(60, 1)]) == 90


def test_without_the_price_of_a_member_there_is_none() -> None:
    assert composite_price_ticks([Weighted(100, 3), Weighted(0, 1)]) == 0


def test_without_members_there_is_none() -> None:
    assert composite_price_ticks([]) == 0


@given(members)
def test_it_is_the_nearest_tick_to_the_exact_average_and_the_higher_of_two(found: list[Weighted]) -> None:
    exact = Fraction(sum(one.price_ticks * one.weight for one in found), sum(one.weight for one in found))
    composite_ticks = composite_price_ticks(found)
    assert Fraction(-1, 2) < composite_ticks - exact <= Fraction(1, 2)
    assert min(found).price_ticks <= composite_ticks <= max(found).price_ticks


@given(members, st.integers(2, 9))
def test_only_the_ratio_of_weights_counts(found: list[Weighted], factor: int) -> None:
    scaled = [one._replace(weight=one.weight * factor) for one in found]
    assert composite_price_ticks(scaled) == composite_price_ticks(found)
