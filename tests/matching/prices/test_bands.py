"""Which prices a band admits: examples that rules of markets give, and the rule against fractions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.messages import BandRounding
from carbonmatch.matching.prices.bands import band_of

HALF_UP, INWARD = BandRounding.HALF_UP, BandRounding.INWARD


@pytest.mark.parametrize(
    ("reference_ticks", "basis_points", "band"),
    [
        (48_00, 1_000, (43_20, 52_80)),
        (48_00, 3_000, (33_60, 62_40)),
        (51_23, 1_000, (46_11, 56_35)),
        (51_23, 3_000, (35_86, 66_60)),
    ],
)
def test_bands_of_the_first_days_of_the_national_market(
    reference_ticks: int, basis_points: int, band: tuple[int, int]
) -> None:
    assert band_of(reference_ticks, basis_points, basis_points, HALF_UP) == band


def test_a_price_that_falls_in_the_middle_of_two_becomes_the_higher() -> None:
    # 0.05 x 10 % is half a tick: 0.045 and 0.055.
    assert band_of(5, 1_000, 1_000, HALF_UP) == (5, 6)


def test_inward_no_price_is_further_away_than_the_percentage() -> None:
    assert band_of(51_23, 1_000, 1_000, INWARD) == (46_11, 56_35)
    assert band_of(51_23, 3_000, 3_000, INWARD) == (35_87, 66_59)


def test_up_and_down_are_two_limits() -> None:
    assert band_of(25_00, 1_000, 100, HALF_UP) == (24_75, 27_50)
    assert band_of(25_00, 0, 100, HALF_UP) == (24_75, 25_00)


def test_a_band_ends_on_the_price_increment() -> None:
    assert band_of(48_03, 1_000, 1_000, HALF_UP, 5) == (43_25, 52_85)
    assert band_of(48_03, 1_000, 1_000, INWARD, 5) == (43_25, 52_80)


def test_a_percentage_below_one_increment_leaves_the_nearest_price() -> None:
    assert band_of(1_003, 1, 1, INWARD, 5) == (1_005, 1_005)
    assert band_of(1_002, 1, 1, INWARD, 5) == (1_000, 1_000)


def test_there_is_no_band_without_a_reference_price_or_without_a_percentage() -> None:
    assert band_of(0, 1_000, 1_000, HALF_UP) == (0, 0)
    assert band_of(48_00, 0, 0, HALF_UP) == (0, 0)


def test_a_band_holds_prices_only_that_an_order_can_have() -> None:
    assert band_of(3, 10_000, 10_000, HALF_UP, 2) == (2, 6)
    assert band_of(PRICE_TICKS_MAX, 1_000, 1_000, HALF_UP)[1] == PRICE_TICKS_MAX


@given(
    reference=st.integers(1, 10**7),
    up=st.integers(0, 30_000),
    down=st.integers(0, 10_000),
    increment=st.integers(1, 100),
    rounding=st.sampled_from(BandRounding),
)
def test_a_band_is_what_fractions_say(
    reference: int, up: int, down: int, increment: int, rounding: BandRounding
) -> None:
    low, high = band_of(reference, up, down, rounding, increment)
    if not up and not down:
        assert (low, high) == (0, 0)
        return
    assert low % increment == high % increment == 0
    assert increment <= low <= high
    lowest = Fraction(reference * (10_000 - down), 10_000)
    highest = Fraction(reference * (10_000 + up), 10_000)
    if rounding is HALF_UP:
        for price, exact in ((low, lowest), (high, highest)):
            assert price == increment or -increment < 2 * (price - exact) <= increment
    elif low < high:
        assert low == increment or 0 <= low - lowest < increment
        assert 0 <= highest - high < increment
