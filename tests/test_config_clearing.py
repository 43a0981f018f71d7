"""The table `clearing` of an instrument: what it means to the engine, in words, and what it excludes."""

import pytest

from carbonmatch.config import ConfigError, parse, venue_commands
from carbonmatch.config.words import in_words
from carbonmatch.limits import SETTLEMENT_LAG_DAYS_MAX
from carbonmatch.matching.messages import ClearingRules, DefineInstrument, Fees, TradeKind

INSTRUMENT = """
[[instruments]]
id = 1
symbol = "CEA"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 10
band_low_ticks = 1
band_high_ticks = 9999
reference_price_ticks = 4800
"""
CLEARING = "[instruments.clearing]\n"
FEES = "[[instruments.clearing.fees]]\n"


def rules(table: str) -> ClearingRules | None:
    for command in venue_commands(parse(INSTRUMENT + table, "carbonmatch.toml")):
        if isinstance(command, DefineInstrument):
            return command.definition.clearing
    raise AssertionError("the instrument is defined")


def words(table: str) -> list[str]:
    lines = in_words(parse(INSTRUMENT + table, "carbonmatch.toml"))
    first = next(number for number, line in enumerate(lines) if "CEA" in line)
    return [line.strip() for line in lines[first + 1 :] if line.startswith("    ")]


def problems(table: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(INSTRUMENT + table, "carbonmatch.toml")
    return [problem.removeprefix("carbonmatch.toml: instruments[0].") for problem in caught.value.problems]


def test_without_the_table_orders_need_nothing() -> None:
    assert rules("") is None
    assert words("") == []


def test_an_empty_table_clears_as_usual() -> None:
    assert rules(CLEARING) == ClearingRules()
    assert words(CLEARING) == [
        "cleared: orders need units and money of their account; what was bought may be sold on the next "
        "trading day"
    ]


def test_a_table_that_is_switched_off_is_as_none() -> None:
    off = CLEARING + "enabled = false\nlag_days = 3\n"
    assert rules(off) is None
    assert words(off) == []


def test_every_key_says_what_it_is_named_after() -> None:
    table = (
        CLEARING
        + "lag_days = 5\nposition_max_lots = 200000\nreport_from_lots = 100000\n"
        + FEES
        + 'kinds = ["block"]\nbuyer_basis_points = 10\nseller_minor_per_lot = 3\n'
        + FEES
        + 'kinds = ["listed", "auction"]\nbuyer_basis_points = 25\nseller_basis_points = 25\n'
        + "buyer_minor_per_lot = 1\nseller_minor_per_lot = 1\n"
    )
    assert rules(table) == ClearingRules(
        5,
        True,
        (
            Fees(TradeKind.AUCTION, 25, 25, 1, 1),
            Fees(TradeKind.LISTED, 25, 25, 1, 1),
            Fees(TradeKind.BLOCK, 10, 0, 0, 3),
        ),
        200_000,
        100_000,
    )
    assert words(table) == [
        "cleared: orders need units and money of their account; what was bought may be sold after 5 "
        "trading days",
        "an account holds at most 2,000,000 t, with all that it has ordered to buy",
        "who holds 1,000,000 t or more is a large holder",
        "block trades cost the buyer 0.1 % of the money, the seller 3 minor units a lot",
        "listed and auction trades cost each side 0.25 % of the money and 1 minor units a lot",
    ]


def test_units_alone_are_held_where_there_is_no_cash() -> None:
    table = CLEARING + "lag_days = 0\ncash = false\n"
    assert rules(table) == ClearingRules(0, False)
    assert words(table) == [
        "cleared: orders need units of their account; what was bought may be sold at once"
    ]
    fees = words(CLEARING + FEES + 'kinds = ["block"]\nseller_basis_points = 1\n')
    assert fees[-1] == "block trades cost the buyer nothing, the seller 0.01 % of the money"


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (
            CLEARING + FEES + 'kinds = ["block", "block"]\n',
            "clearing.fees: block has fees 2 times, expected once",
        ),
        (
            CLEARING + FEES + 'kinds = ["block"]\n' + FEES + "kinds = []\nbuyer_basis_points = 5\n",
            "clearing.fees[1].kinds: found none, expected one or more",
        ),
        (
            CLEARING + FEES + 'kinds = ["listed"]\n' + FEES + 'kinds = ["block", "listed"]\n',
            "clearing.fees: listed has fees 2 times, expected once",
        ),
        (
            CLEARING + "cash = false\n" + FEES + 'kinds = ["block"]\n',
            "clearing.fees: found with cash = false, expected none where no money is held",
        ),
    ],
)
def test_what_contradicts_itself_is_named(table: str, problem: str) -> None:
    assert problems(table) == [problem]


@pytest.mark.parametrize(
    "line",
    [
        f"lag_days = {SETTLEMENT_LAG_DAYS_MAX + 1}",
        "lag_days = -1",
        "position_max_lots = -1",
        "report_from_lots = -1",
        "holdings = true",
        FEES + 'kinds = ["any"]',
        FEES + 'kinds = ["block"]\nbuyer_basis_points = 10001',
        FEES + 'kinds = ["block"]\nbuyer_minor_per_lot = 1000001',
        FEES + "buyer_basis_points = 1",
    ],
)
def test_what_is_out_of_bounds_is_named(line: str) -> None:
    (problem,) = problems(CLEARING + line + "\n")
    assert problem.startswith("clearing")


def test_fees_are_in_the_order_of_kinds_however_the_file_has_them() -> None:
    one = CLEARING + FEES + 'kinds = ["block", "listed"]\n'
    other = CLEARING + FEES + 'kinds = ["listed"]\n' + FEES + 'kinds = ["block"]\n'
    assert rules(one) == rules(other)
