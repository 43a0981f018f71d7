"""The band that the rules of a market put around a reference price."""

from typing import Final

from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.messages import BandRounding, InstrumentDefinition

BASIS_POINTS: Final = 10_000
NO_BAND: Final = (0, 0)


def half_up(numerator: int, denominator: int) -> int:
    """The nearest integer to a ratio that is not negative; of two that are as near, the higher."""
    return (2 * numerator + denominator) // (2 * denominator)


def band_of(
    reference_ticks: int,
    up_basis_points: int,
    down_basis_points: int,
    rounding: BandRounding,
    increment_ticks: int = 1,
) -> tuple[int, int]:
    """The lowest and the highest price within so much above and below the reference price.

    Both are multiples of the price increment, and inclusive. Without a reference price, or where up and
    down are 0, there is no band: 0 and 0. A percentage of less than one increment leaves one price at
    least, the nearest to the reference.
    """
    assert 0 <= reference_ticks <= PRICE_TICKS_MAX
    assert 0 <= down_basis_points <= BASIS_POINTS, "no price is below nothing"
    assert up_basis_points >= 0
    if not reference_ticks or not (up_basis_points or down_basis_points):
        return NO_BAND
    unit = BASIS_POINTS * increment_ticks
    low = reference_ticks * (BASIS_POINTS - down_basis_points)
    high = reference_ticks * (BASIS_POINTS + up_basis_points)
    if rounding is BandRounding.HALF_UP:
        lowest, highest = half_up(low, unit), half_up(high, unit)
    else:
        lowest, highest = -(-low // unit), high // unit
        if lowest > highest:
            lowest = highest = half_up(reference_ticks, increment_ticks)
    most = PRICE_TICKS_MAX // increment_ticks
    lowest, highest = (min(max(1, number), most) for number in (lowest, highest))
    return lowest * increment_ticks, highest * increment_ticks


def rule_band(definition: InstrumentDefinition, reference_ticks: int) -> tuple[int, int]:
    """The band that the rules make of a reference price; where they make none, the one there is."""
    rules = definition.prices
    if rules is None or not (rules.band_up_basis_points or rules.band_down_basis_points):
        return definition.band_low_ticks, definition.band_high_ticks
    return band_of(
        reference_ticks,
        rules.band_up_basis_points,
        rules.band_down_basis_points,
        rules.band_rounding,
        definition.price_increment_ticks,
    )
