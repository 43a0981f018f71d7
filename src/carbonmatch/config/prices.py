"""The table `prices` of an instrument: its open, close and reference price, and the band around that."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from msgspec import Meta

from carbonmatch.config.section import Section
from carbonmatch.limits import CLOSE_TRADES_MAX, QUANTITY_LOTS_MAX, STALE_DAYS_MAX
from carbonmatch.matching.messages import BandRounding, CloseRule, OpenRule, PriceRounding, PriceRules
from carbonmatch.matching.prices.bands import BASIS_POINTS, band_of

OpenName = Literal["first_trade_or_reference", "reference", "first_trade", "opening_auction"]
CloseName = Literal["vwap_day", "vwap_last_n", "last", "closing_auction", "reference"]
OPEN_WORDS: Final[dict[OpenName, str]] = {
    "first_trade_or_reference": "its open is the first trade, or else the reference price",
    "reference": "its open is the reference price",
    "first_trade": "its open is the first trade",
    "opening_auction": "its open is the price of the opening auction, or else the first trade",
}


class Prices(Section, frozen=True):
    # Of the reference price; 0 and 0: no such band.
    band_up_basis_points: Annotated[int, Meta(ge=0, le=100 * BASIS_POINTS)] = 0
    band_down_basis_points: Annotated[int, Meta(ge=0, le=BASIS_POINTS)] = 0
    band_rounding: Literal["half_up", "inward"] = "half_up"
    open: OpenName = "first_trade_or_reference"
    close: CloseName = "vwap_day"
    n_trades: Annotated[int, Meta(ge=0, le=CLOSE_TRADES_MAX)] = 0  # of vwap_last_n
    # On a day with fewer lots on the screen the close is the open.
    close_quantity_min_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0
    close_rounding: Literal["half_up", "down", "up"] = "half_up"  # of an average, to the price increment
    # After so many trading days without a trade on the screen the reference price is stale; 0: never.
    stale_alert_days: Annotated[int, Meta(ge=0, le=STALE_DAYS_MAX)] = 0

    def rules(self) -> PriceRules | None:
        """None: nothing was said of prices."""
        if self == Prices():
            return None
        return PriceRules(
            OpenRule[self.open.upper()],
            CloseRule[self.close.upper()],
            self.n_trades,
            self.close_quantity_min_lots,
            PriceRounding[self.close_rounding.upper()],
            self.band_up_basis_points,
            self.band_down_basis_points,
            BandRounding[self.band_rounding.upper()],
            self.stale_alert_days,
        )

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
    if (prices.close == "vwap_last_n") != bool(prices.n_trades):
        yield (
            f"{at}.prices.n_trades: found {prices.n_trades} with close {prices.close}; expected how many "
            "trades vwap_last_n takes, and 0 with every other close"
        )


def in_words(prices: Prices, reference_ticks: int) -> Iterator[str]:
    if prices.has_band:
        rounding = prices.band_rounding.replace("_", " ")
        yield f"its band is {prices.width} of the reference price, rounded {rounding}"
    if prices.rules() is not None:
        yield f"{OPEN_WORDS[prices.open]}; {close_words(prices)}"
    if prices.stale_alert_days:
        yield f"its reference price is stale after {prices.stale_alert_days} trading days without a trade"
    if prices.has_band and not reference_ticks:
        yield "NO REFERENCE PRICE: its schedule opens it once there is one, or an operator sets a band"


def close_words(prices: Prices) -> str:
    """The close of a day, which is the reference price of the next one."""
    rounded = f", rounded {prices.close_rounding.replace('_', ' ')}"
    words = {
        "vwap_day": f"the average of the day's trades by volume{rounded}",
        "vwap_last_n": f"the average of the last {prices.n_trades} trades by volume{rounded}",
        "last": "the last trade",
        "closing_auction": "the price of the closing auction, or else the last trade",
        "reference": "the reference price that operators set",
    }[prices.close]
    least = prices.close_quantity_min_lots
    few = f"; the open where fewer than {least} lots trade" if least > 1 else ""
    return f"its close is {words}{few}; without a trade it is the reference price"
