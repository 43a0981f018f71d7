"""The table `screen` of an instrument: what it means to the engine, in words, and what it excludes."""

import pytest

from carbonmatch.config import ConfigError, parse, venue_commands
from carbonmatch.config.words import in_words
from carbonmatch.matching.messages import (
    DefineInstrument,
    OrderChoice,
    Oversize,
    ScreenMechanism,
    ScreenRules,
)

INSTRUMENT = """
[[calendars]]
name = "china"
time_zone = "Asia/Shanghai"

[[schedules]]
name = "with-auction"
calendar = "china"
steps = [
    { at = "09:15", phase = "opening_auction" },
    { at = "09:30", phase = "continuous" },
    { at = "15:00", phase = "closed" },
]

[[schedules]]
name = "with-special-day"
calendar = "china"
steps = [{ at = "09:30", phase = "continuous" }, { at = "15:00", phase = "closed" }]

[[schedules.special]]
dates = [2026-12-31]
steps = [
    { at = "09:15", phase = "pre_open" },
    { at = "09:30", phase = "continuous" },
    { at = "15:00", phase = "closed" },
]

[[schedules]]
name = "without"
calendar = "china"
steps = [{ at = "09:30", phase = "continuous" }, { at = "15:00", phase = "closed" }]

[[instruments]]
id = 1
symbol = "CEA"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
reference_price_ticks = 4800
"""
LISTED = 'order_types = ["limit"]\ntimes_in_force = ["day"]\n'
LISTING = LISTED + '[instruments.screen]\nmechanism = "listing"\n'
MIDDLE = LISTED + '[instruments.screen]\nmechanism = "middle_price"\n'


def rules(table: str) -> ScreenRules:
    for command in venue_commands(parse(INSTRUMENT + table, "carbonmatch.toml")):
        if isinstance(command, DefineInstrument):
            return command.definition.screen
    raise AssertionError("the instrument is defined")


def words(table: str) -> list[str]:
    lines = in_words(parse(INSTRUMENT + table, "carbonmatch.toml"))
    first = next(number for number, line in enumerate(lines) if "CEA" in line)
    return [line.strip() for line in lines[first + 1 :] if line.startswith("    ")]


def problems(table: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(INSTRUMENT + table, "carbonmatch.toml")
    return [problem.removeprefix("carbonmatch.toml: instruments[0].") for problem in caught.value.problems]


def test_an_instrument_without_the_table_is_continuous_and_shows_no_orders() -> None:
    assert rules("") == ScreenRules()
    assert words("") == []


def test_every_key_says_what_it_is_named_after() -> None:
    table = LISTING + (
        'levels_max = 3\norder_choice = "first"\nstrict_level_order = false\noversize = "fill_available"\n'
        "order_list = true\n"
    )
    assert rules(table) == ScreenRules(
        ScreenMechanism.LISTING, 3, OrderChoice.FIRST, False, Oversize.FILL_AVAILABLE, True
    )
    assert words(table) == [
        "listing: no order trades by itself, a taker selects an order of the best 3 levels of the other side",
        "selected may be the order that has been there longest, of the best 3 levels",
        "a selection of more than the order has left trades what is left, and the rest is canceled",
        "market data has each order of the best 3 levels",
    ]


def test_what_a_listing_is_by_default_is_said_in_words() -> None:
    assert rules(LISTING) == ScreenRules(ScreenMechanism.LISTING)
    assert words(LISTING) == [
        "listing: no order trades by itself, a taker selects an order of the best 5 levels of the other side",
        "selected may be any order, of only the best level that has another owner's order",
        "a selection of more than the order has left is refused",
    ]
    assert words(LISTING + "levels_max = 0\norder_list = true\n")[-1] == (
        "market data has each order of all levels"
    )


def test_the_middle_price_is_said_in_words() -> None:
    assert rules(MIDDLE) == ScreenRules(ScreenMechanism.MIDDLE_PRICE)
    assert words(MIDDLE) == [
        "orders that cross trade at the middle one of bid, ask and previous price; the previous price of the "
        "first trade of a day is the reference price"
    ]


def test_a_listing_has_no_orders_that_do_anything_but_rest() -> None:
    assert problems('[instruments.screen]\nmechanism = "listing"\n') == [
        "order_types and times_in_force: listing has limit, day, gtc, gtd only, found market, post_only, "
        "ioc, fok too"
    ]


def test_the_middle_price_takes_orders_with_a_limit_of_their_own() -> None:
    assert problems('[instruments.screen]\nmechanism = "middle_price"\n') == [
        "order_types and times_in_force: middle_price has limit, post_only, day, gtc, ioc, fok, gtd only, "
        "found market too"
    ]


def test_the_middle_price_needs_a_price_before_the_first_trade() -> None:
    without = INSTRUMENT.replace("reference_price_ticks = 4800\n", "")
    with pytest.raises(ConfigError, match=r"reference_price_ticks: 0, but it is the previous price"):
        parse(without + MIDDLE, "carbonmatch.toml")


def test_a_listing_cannot_cancel_one_own_order_for_another() -> None:
    (problem,) = problems('self_trade_prevention = "decrement"\n' + LISTING)
    assert problem.startswith("self_trade_prevention: decrement is for orders that meet by themselves")
    assert rules('self_trade_prevention = "none"\n' + LISTING).mechanism is ScreenMechanism.LISTING


@pytest.mark.parametrize("table", [LISTING, MIDDLE])
def test_only_a_collar_restrains_prices_of_these(table: str) -> None:
    rules(table + "[instruments.volatility]\ncollar = { ticks = 5 }\n")
    for volatility in (
        "static = { ticks = 5 }\nauction_ms = 1000\n",
        "interval = { ticks = 5 }\ninterval_recalculation_ms = 1000\n",
    ):
        assert any(
            "has a collar only" in problem
            for problem in problems(table + "[instruments.volatility]\n" + volatility)
        )


@pytest.mark.parametrize("table", [LISTING, MIDDLE])
def test_no_schedule_with_auctions_goes_with_these(table: str) -> None:
    name = table.split('mechanism = "')[1].split('"')[0]
    rules('schedule = "without"\n' + table)
    assert problems('schedule = "with-auction"\n' + table) == [
        f"schedule: {name} has no auctions, but 'with-auction' has opening_auction"
    ]
    assert problems('schedule = "with-special-day"\n' + table) == [
        f"schedule: {name} has no auctions, but 'with-special-day' has pre_open"
    ]


def test_levels_have_a_bound() -> None:
    assert "levels_max" in problems(LISTING + "levels_max = 1001\n")[0]
