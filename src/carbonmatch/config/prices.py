"""The table `prices` of an instrument: the band that its prices keep to, as a part of the reference price."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from carbonmatch.config.section import Section
from carbonmatch.matching.messages import BandRounding
from carbonmatch.matching.prices.bands import BASIS_POINTS, band_of


class Prices(Section, frozen=True):
    # Of the reference price; 0 and 0: no such band.
    band_up_basis_points: Annotated[int, Meta(ge=0, le=100 * BASIS_POINTS)] = 0
    band_down_basis_points: Annotated[int, Meta(ge=0, le=BASIS_POINTS)] = 0
    band_rounding: Literal["half_up", "inward"] = "half_up"

    @property
    def has_band(self) -> bool:
        return bool(self.band_up_basis_points or self.band_down_basis_points)

    def band(self, reference_ticks: int, increment_ticks: int) -> tuple[int, int]:
        """The lowest and the highest price; 0 and 0 where there is no band, or no reference price."""
        return band_of(
            reference_ticks,
            self.band_up_basis_points,
            self.band_down_basis_points,
            BandRounding[self.band_rounding.upper()],
            increment_ticks,
        )

    @property
    def width(self) -> str:
        """In percent."""
        up, down = (
            f"{points / 100:g} %" for points in (self.band_up_basis_points, self.band_down_basis_points)
        )
        return f"{up} up and down" if up == down else f"{up} up and {down} down"


def problems(at: str, prices: Prices, band_low_ticks: int, band_high_ticks: int) -> Iterator[str]:
    if prices.has_band and (band_low_ticks or band_high_ticks):
        yield (
            f"{at}.prices: a band of {prices.width} of the reference price, and one from {band_low_ticks} to "
            f"{band_high_ticks} ticks; expected one of them"
        )


def in_words(prices: Prices, reference_ticks: int) -> Iterator[str]:
    if prices.has_band:
        rounding = prices.band_rounding.replace("_", " ")
        yield f"its band is {prices.width} of the reference price, rounded {rounding}"
    if prices.has_band and not reference_ticks:
        yield "NO REFERENCE PRICE: its schedule opens it once there is one, or an operator sets a band"
