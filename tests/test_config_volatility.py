"""The table `volatility` of an instrument: what it means to the engine, in words, and what it may not say."""

import pytest

from carbonmatch.config import ConfigError, parse, venue_commands
from carbonmatch.config.words import in_words
from carbonmatch.matching.messages import DefineInstrument, VolatilityRules, Width

MARKET = """
[[instruments]]
id = 1
symbol = "EUA"
currency = "EUR"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1

[instruments.volatility]
"""
CORRIDOR = """
collar = { ticks = 100, basis_points = 150 }
static = { basis_points = 1000 }
short = { ticks = 50 }
short_window_ms = 500
long = { basis_points = 250 }
long_window_ms = 60000
auction_ms = 300000
auction_random_ms = 30000
extension = { basis_points = 500 }
extensions_max = 2
waits_for_operator = true
"""
INTERVAL = """
interval = { ticks = 50 }
interval_recalculation_ms = 3000
interval_hold_ms = 15000
"""


def rules(table: str) -> VolatilityRules | None:
    for command in venue_commands(parse(MARKET + table, "carbonmatch.toml")):
        if isinstance(command, DefineInstrument):
            return command.definition.volatility
    raise AssertionError("the instrument is defined")


def words(table: str) -> list[str]:
    lines = in_words(parse(MARKET + table, "carbonmatch.toml"))
    first = next(number for number, line in enumerate(lines) if "EUA" in line)
    return [line.strip() for line in lines[first + 1 :] if line.startswith("    ")]


def problems(table: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(MARKET + table, "carbonmatch.toml")
    return [problem.removeprefix("carbonmatch.toml: ") for problem in caught.value.problems]


def test_an_empty_table_is_no_rules() -> None:
    assert rules("") is None
    assert words("") == []


def test_every_key_goes_to_its_rule_with_times_in_nanoseconds() -> None:
    assert rules(CORRIDOR) == VolatilityRules(
        collar=Width(100, 150),
        static=Width(0, 1_000),
        short=Width(50),
        short_window_ns=500_000_000,
        long=Width(0, 250),
        long_window_ns=60_000_000_000,
        auction_ns=300_000_000_000,
        auction_random_ns=30_000_000_000,
        extension=Width(0, 500),
        extensions_max=2,
        waits_for_operator=True,
    )
    assert rules(INTERVAL) == VolatilityRules(
        interval=Width(50), interval_recalculation_ns=3_000_000_000, interval_hold_ns=15_000_000_000
    )


def test_it_is_told_in_words() -> None:
    assert words(CORRIDOR) == [
        "refused further than 1.00 or 1.5 % beyond the opposite best",
        "interrupted where a trade would be further than 10 % from the reference price, 0.50 from trades of "
        "0.5 s (short window), 2.5 % from trades of 60 s (long window): an auction of 300 to 330 s",
        "the auction is extended while its price is further than 5 % from the last trade, 2 times, and then "
        "waits for an operator",
    ]
    assert words(INTERVAL) == [
        "trades within 0.50 of an anchor that is set anew every 3 s, and held for 15 s once that has stopped "
        "a trade"
    ]
    assert words(CORRIDOR.replace("= true", "= false"))[-1].endswith("2 times, and then is carried out")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("short = { ticks = 5 }\nauction_ms = 1", "short: a width and the length of its window"),
        ("long_window_ms = 5", "long: a width and the length of its window"),
        (CORRIDOR.replace("= 500\n", "= 60000\n"), "short: its window is not shorter than the long one"),
        ("static = { ticks = 5 }", "auction: static, short and long widths begin one"),
        ("auction_ms = 5", "auction: static, short and long widths begin one"),
        ("collar = { ticks = 1 }\nauction_random_ms = 5", "auction: there is none that could take longer"),
        (CORRIDOR.replace("extensions_max = 2", ""), "extension: a width and the number of extensions"),
        ("extension = { ticks = 1 }\nextensions_max = 1", "extension: there is no auction"),
        ("waits_for_operator = true", "extension: waiting for an operator comes after the last one"),
        (CORRIDOR + INTERVAL, "interval: a price that interrupts trading and a limit that does not"),
        ("interval = { ticks = 5 }\ninterval_hold_ms = 5", "interval: a width, the time of recalculation"),
        ("interval_recalculation_ms = 5", "interval: a width, the time of recalculation"),
    ],
)
def test_what_does_not_go_together_is_told_with_its_place(table: str, words: str) -> None:
    assert any(one.startswith(f"instruments[0].volatility.{words}") for one in problems(table))


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ("colar = { ticks = 5 }", "instruments[0].volatility.colar: unknown key; did you mean collar?"),
        ("collar = { tick = 5 }", "instruments[0].volatility.collar.tick: unknown key; did you mean ticks?"),
        ("collar = { ticks = -5 }", "instruments[0].volatility.collar.ticks"),
        ("collar = { basis_points = 10001 }", "instruments[0].volatility.collar.basis_points"),
        ("short_window_ms = 86400001", "instruments[0].volatility.short_window_ms"),
        ("extensions_max = 1001", "instruments[0].volatility.extensions_max"),
    ],
)
def test_unknown_keys_and_values_out_of_bounds_are_errors(table: str, place: str) -> None:
    [problem] = problems(table)
    assert problem.startswith(place)
