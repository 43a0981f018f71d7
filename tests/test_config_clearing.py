"""The table `clearing` of an instrument: what it means to the engine, in words, and what it excludes."""

import pytest

from carbonmatch.config import ConfigError, parse, venue_commands
from carbonmatch.config.words import in_words
from carbonmatch.limits import HOLDER_CLASSES_MAX, REVERSAL_DAYS_MAX, SETTLEMENT_LAG_DAYS_MAX
from carbonmatch.matching.messages import (
    CarryOverRules,
    ClearingRules,
    DefineAccount,
    DefineInstrument,
    Fees,
    HolderRules,
    TradeKind,
)

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
HOLDERS = "[[instruments.clearing.holders]]\n"
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


def test_limits_of_classes_and_the_days_of_reversals_are_said_in_words() -> None:
    table = (
        CLEARING
        + "position_max_lots = 100\nreversal_days = 5\n"
        + HOLDERS
        + 'holder_class = "compliance"\nposition_max_lots = 100\nreport_from_lots = 50\n'
        + HOLDERS
        + 'holder_class = "fund"\nposition_max_lots = 20\nadds_allocation = false\n'
    )
    assert rules(table) == ClearingRules(
        position_max_lots=100,
        holders=(HolderRules("compliance", 100, 50), HolderRules("fund", 20, 0, adds_allocation=False)),
        reversal_days=5,
    )
    assert words(table)[1:] == [
        "who has bought sells, and who has sold buys, only once 5 trading days have ended since",
        "an account holds at most its allocation and 1,000 t (compliance) or 200 t (fund) or 1,000 t "
        "(others), with all that it has ordered to buy",
        "who holds its allocation and 500 t (compliance) or more is a large holder; nobody of class fund is",
    ]


def test_a_class_that_has_no_limit_is_said_to_have_none_where_others_have_one() -> None:
    table = CLEARING + "position_max_lots = 5\n" + HOLDERS + 'holder_class = "fund"\nreport_from_lots = 1\n'
    assert words(table)[1] == (
        "an account holds at most any quantity (fund) or 50 t (others), with all that it has ordered to buy"
    )


SCHEDULE = """
[[calendars]]
name = "europe"
time_zone = "Europe/Berlin"
[[schedules]]
name = "spot"
calendar = "europe"
steps = [{ at = "08:00", phase = "continuous" }, { at = "18:00", phase = "closed" }]
"""


CARRY_OVER = """
[instruments.clearing.carry_over]
group = "2019-2024"
from_day = 2021-07-16
until_day = 2025-12-31
base_lots = 1_000
net_sales_basis_points = 15_000
"""


def test_what_is_counted_for_the_carry_over_is_said_once_for_its_instruments() -> None:
    assert rules(CLEARING + CARRY_OVER) == ClearingRules(
        carry_over=CarryOverRules("2019-2024", 20210716, 20251231, 1_000, 15_000)
    )
    assert rules(CLEARING + CARRY_OVER + "enabled = false\n") == ClearingRules()
    other = INSTRUMENT.replace("id = 1", "id = 2").replace('"CEA"', '"CEA21"')
    lines = in_words(parse(INSTRUMENT + CLEARING + CARRY_OVER + other + CLEARING + CARRY_OVER, "x.toml"))
    assert [line for line in lines if "carried over" in line] == [
        "counted for what may be carried over of 2019-2024: 10,000 t and 1.5 times what an account has sold "
        "more than bought on trading days from 2021-07-16 to 2025-12-31 (CEA, CEA21)"
    ]
    backwards = CARRY_OVER.replace("2025-12-31", "2020-12-31")
    assert problems(CLEARING + backwards) == [
        "clearing.carry_over: 2021-07-16 to 2020-12-31, expected a first day and a last one"
    ]


def test_a_cut_off_of_settlement_is_said_in_words() -> None:
    scheduled = INSTRUMENT + 'schedule = "spot"\n' + CLEARING + 'cut_off = "16:30"\nlate_lag_days = 2\n'
    config = parse(scheduled + SCHEDULE, "carbonmatch.toml")
    (one,) = (each for each in venue_commands(config) if isinstance(each, DefineInstrument))
    assert one.definition.clearing == ClearingRules(late_lag_days=2, cut_off_seconds=59_400)
    told = "what was bought may be sold on the next trading day, from 16:30 on after 2 trading days"
    assert any(line.strip().endswith(told) for line in in_words(config))


def test_the_class_of_an_account_is_defined_and_said_in_words() -> None:
    participant = """
[[participants]]
id = 3
name = "POWER"
accounts = [{ id = 7, name = "plant", holder_class = "compliance" }]
"""
    config = parse(INSTRUMENT + participant, "carbonmatch.toml")
    account = next(one for one in venue_commands(config) if isinstance(one, DefineAccount))
    assert account.holder_class == "compliance"
    # Most likely it is another word for a class that has some.
    assert "  holders of class compliance (no instrument has limits of it): plant of POWER" in in_words(
        config
    )
    limits = CLEARING + HOLDERS + 'holder_class = "compliance"\nposition_max_lots = 1\n'
    config = parse(INSTRUMENT + limits + participant, "carbonmatch.toml")
    assert "  holders of class compliance: plant of POWER" in in_words(config)


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
            CLEARING + 2 * (HOLDERS + 'holder_class = "fund"\n'),
            "clearing.holders: fund has limits 2 times, expected once",
        ),
        (
            CLEARING + "late_lag_days = 2\n",
            "clearing: cut_off and late_lag_days go together, found one of them",
        ),
        (
            CLEARING + "cash = false\n" + FEES + 'kinds = ["block"]\n',
            "clearing.fees: found with cash = false, expected none where no money is held",
        ),
    ],
)
def test_what_contradicts_itself_is_named(table: str, problem: str) -> None:
    assert problems(table) == [problem]


def test_a_cut_off_needs_a_schedule_and_more_days_after_it() -> None:
    expected = "expected more than that, and that to be at least 1"
    for lag_days, late_lag_days in ((0, 1), (2, 2), (2, 1)):
        table = f'lag_days = {lag_days}\ncut_off = "16:00"\nlate_lag_days = {late_lag_days}\n'
        assert problems(CLEARING + table) == [
            f"clearing.late_lag_days: {late_lag_days} beside lag_days = {lag_days}; {expected}",
            "clearing.cut_off: 16:00 needs a calendar; expected the instrument to have a schedule",
        ]
    assert problems(CLEARING + 'cut_off = "16:00"\n')[0] == (
        "clearing: cut_off and late_lag_days go together, found one of them"
    )


@pytest.mark.parametrize("cut_off", ["18:30", "19:00"])
def test_a_cut_off_that_never_comes_is_named(cut_off: str) -> None:
    table = f'schedule = "spot"\n{CLEARING}lag_days = 1\nlate_lag_days = 2\ncut_off = "{cut_off}"\n'
    assert problems(table + SCHEDULE + 'end_of_day = "18:30"\n') == [
        f"clearing.cut_off: {cut_off} never comes, because the day ends at 18:30; expected it before that"
    ]
    parse(INSTRUMENT + table + SCHEDULE + 'end_of_day = "19:01"\n', "carbonmatch.toml")
    switched_off = table.replace(CLEARING, f"{CLEARING}enabled = false\n")
    parse(INSTRUMENT + switched_off + SCHEDULE + 'end_of_day = "18:30"\n', "carbonmatch.toml")


@pytest.mark.parametrize(
    "line",
    [
        f"lag_days = {SETTLEMENT_LAG_DAYS_MAX + 1}",
        "lag_days = -1",
        "position_max_lots = -1",
        "report_from_lots = -1",
        "holdings = true",
        'cut_off = "48:00"',
        f"late_lag_days = {SETTLEMENT_LAG_DAYS_MAX + 1}",
        f"reversal_days = {REVERSAL_DAYS_MAX + 1}",
        (HOLDER_CLASSES_MAX + 1) * (HOLDERS + 'holder_class = "fund"\n'),
        HOLDERS + "position_max_lots = 1",
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
