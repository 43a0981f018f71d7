"""The table `prices` of an instrument: bands in percent, by the examples of China's national market."""

import pytest

from carbonmatch.config import ConfigError, parse
from carbonmatch.config.prices import Prices
from carbonmatch.config.words import in_words
from carbonmatch.matching.messages import CloseRule, OpenRule, PriceRounding, PriceRules

INSTRUMENT = """
[[instruments]]
id = 1
symbol = "CEA"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
{more}
[instruments.prices]
{prices}
"""
TEN_PERCENT = "band_up_basis_points = 1000\nband_down_basis_points = 1000"


def instrument_text(more: str, prices: str = TEN_PERCENT) -> str:
    return INSTRUMENT.format(more=more, prices=prices)


@pytest.mark.parametrize(
    ("reference_ticks", "prices", "band"),
    [
        (48_00, Prices(1_000, 1_000), (43_20, 52_80)),
        (51_23, Prices(1_000, 1_000), (46_11, 56_35)),
        (48_00, Prices(3_000, 3_000), (33_60, 62_40)),
        (51_23, Prices(3_000, 3_000), (35_86, 66_60)),
        # Half up may be beyond the percentage by a hair: 56.38 is 10.01 % above 51.25.
        (51_25, Prices(1_000, 1_000), (46_13, 56_38)),
        (51_25, Prices(1_000, 1_000, "inward"), (46_13, 56_37)),
        (51_23, Prices(1_000, 1_000, "inward"), (46_11, 56_35)),
        # Hubei in 2016: 10 % up, 1 % down.
        (20_00, Prices(1_000, 100), (19_80, 22_00)),
        (0, Prices(1_000, 1_000), (0, 0)),
        (48_00, Prices(), (0, 0)),
    ],
)
def test_a_band_lies_around_the_reference_price(
    reference_ticks: int, prices: Prices, band: tuple[int, int]
) -> None:
    assert prices.band(reference_ticks, 1) == band


def test_the_engine_gets_the_band_and_people_are_told_of_it() -> None:
    config = parse(instrument_text("reference_price_ticks = 4800"), "venue.toml")
    definition = config.instruments[0].definition()
    assert (definition.band_low_ticks, definition.band_high_ticks) == (43_20, 52_80)
    words = "\n".join(in_words(config))
    assert "43.20 to 52.80 around 48.00" in words
    assert "its band is 10 % up and down of the reference price, rounded half up" in words
    assert "NO REFERENCE PRICE" not in words


def test_a_band_without_a_reference_price_is_told_in_capitals() -> None:
    words = in_words(parse(instrument_text(""), "venue.toml"))
    expected = "NO REFERENCE PRICE: its schedule opens it once there is one, or an operator sets a band"
    assert f"    {expected}" in words


def test_a_band_is_in_percent_or_in_ticks() -> None:
    band = "reference_price_ticks = 4800\nband_low_ticks = 4300\nband_high_ticks = 5300"
    with pytest.raises(ConfigError) as caught:
        parse(instrument_text(band, "band_up_basis_points = 1000"), "venue.toml")
    assert caught.value.problems == (
        "venue.toml: instruments[0].prices: a band of 10 % up and 0 % down of the reference price, and one "
        "from 4300 to 5300 ticks; expected one of them",
    )


RULES = """
open = "reference"
close = "vwap_last_n"
n_trades = 5
close_quantity_min_lots = 101
close_rounding = "down"
stale_alert_days = 20
"""


def test_the_engine_gets_the_rules_and_people_are_told_of_them() -> None:
    config = parse(instrument_text("reference_price_ticks = 4800", RULES), "venue.toml")
    assert config.instruments[0].definition().prices == PriceRules(
        open=OpenRule.REFERENCE,
        close=CloseRule.VWAP_LAST_N,
        n_trades=5,
        close_quantity_min_lots=101,
        close_rounding=PriceRounding.DOWN,
        stale_alert_days=20,
    )
    words = "\n".join(in_words(config))
    assert (
        "its open is the reference price; its close is the average of the last 5 trades by volume, rounded "
        "down; the open where fewer than 101 lots trade; without a trade it is the reference price"
    ) in words
    assert "its reference price is stale after 20 trading days without a trade" in words


def test_an_instrument_of_which_nothing_is_said_has_no_rules() -> None:
    assert Prices().rules() is None


@pytest.mark.parametrize("prices", ['close = "vwap_last_n"', "n_trades = 5"])
def test_last_trades_are_counted_where_they_make_the_close(prices: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(instrument_text("", prices), "venue.toml")
    (problem,) = caught.value.problems
    assert problem.startswith("venue.toml: instruments[0].prices.n_trades: found ")
