"""The default matrix: what is known of each market, as a literal table here, against its loaded profile.

A number that is known stands below with how surely it is known. Where it is unknown there is no number, and
the profile has to say so.
"""

# Tests write ids as plain numbers.
# mypy: disable-error-code="arg-type"

from collections.abc import Callable
from typing import Final

import pytest

from carbonmatch.config import Config, Instrument, parse
from carbonmatch.config.calendars import AUCTIONS
from carbonmatch.config.evidence import Certainty, RuleName
from carbonmatch.config.profiles import profile_named
from carbonmatch.words import price_text

MARKETS: Final = (
    "cea", "ccer", "shea", "hbea", "gdea", "szea", "bea", "tjea", "cqea", "fjea",
    "eua_spot", "eua_auction", "kau",
)  # fmt: skip

Row = dict[str, tuple[object, Certainty]]


def row(common: tuple[object, Certainty] | None, **others: tuple[object, Certainty]) -> Row:
    """One rule in all markets: `common` where it says nothing else."""
    found = {market: others.get(market, common) for market in MARKETS}
    missing = [market for market, one in found.items() if one is None]
    assert not missing, f"the row leaves out {missing}"
    return {market: one for market, one in found.items() if one is not None}


def tonnes(lots: int, one: Instrument) -> int:
    return lots * one.lot_tonnes


def tick(one: Instrument) -> str:
    return f"{price_text(one.price_increment_ticks, one.price_decimals)} {one.currency}"


def hours(one: Instrument, config: Config) -> list[str]:
    for schedule in config.schedules:
        if schedule.name == one.schedule:
            zone = next(each.time_zone for each in config.calendars if each.name == schedule.calendar)
            return [zone, *(f"{step.at} {step.phase}" for step in schedule.steps)]
    return []


def end_of_day(one: Instrument, config: Config) -> str | None:
    return next((each.end_of_day for each in config.schedules if each.name == one.schedule), None)


def auctions(one: Instrument, config: Config) -> list[str]:
    steps = next((each.steps for each in config.schedules if each.name == one.schedule), ())
    return [step.phase for step in steps if step.phase in AUCTIONS]


def freezes(one: Instrument, config: Config) -> list[int]:
    steps = next((each.steps for each in config.schedules if each.name == one.schedule), ())
    return [step.freeze_s for step in steps if step.freeze_s]


def selection(one: Instrument, _: Config) -> object:
    screen = one.screen
    if screen.mechanism != "listing":
        return screen.mechanism
    return (screen.levels_max, screen.order_choice, screen.strict_level_order)


CHINESE_DAY = ["Asia/Shanghai", "09:30 continuous", "11:30 break", "13:00 continuous", "15:00 closed"]
LISTING = (5, "any", True)
CLICK = (1, "first", True)
LIMIT = (("limit",), "verify")
DAY = (("day",), "verify")

MATRIX: Final[dict[RuleName, tuple[Callable[[Instrument, Config], object], Row]]] = {
    "lot": (
        lambda one, _: one.lot_tonnes,
        row(
            (1, "read"),
            ccer=(1, "verify"),
            cqea=(1, "verify"),
            kau=(1, "verify"),
            bea=(1, "read"),
            eua_spot=(1_000, "read"),
            eua_auction=(500, "read"),
        ),
    ),
    "tick": (
        lambda one, _: tick(one),
        row(
            ("0.01 CNY", "verify"),
            cea=("0.01 CNY", "read"),
            shea=("0.01 CNY", "read"),
            hbea=("0.01 CNY", "read"),
            szea=("0.01 CNY", "read"),
            bea=("0.10 CNY", "verify"),
            eua_spot=("0.01 EUR", "read"),
            eua_auction=("0.01 EUR", "read"),
            kau=(None, "unknown"),
        ),
    ),
    "screen_size": (
        lambda one, _: (tonnes(one.quantity_min_lots, one), tonnes(one.quantity_max_lots, one)),
        row(
            (None, "unknown"),
            cea=((1, 99_999), "read"),
            ccer=((1, 99_999), "verify"),
            kau=((1, 100_000), "read"),
            eua_spot=(None, "ours"),
            eua_auction=(None, "ours"),
        ),
    ),
    "selection": (
        selection,
        row(
            None,
            cea=(LISTING, "read"),
            ccer=(LISTING, "verify"),
            shea=("continuous", "ours"),
            hbea=("middle_price", "ours"),
            gdea=(CLICK, "read"),
            szea=("continuous", "verify"),
            bea=(LISTING, "verify"),
            tjea=("continuous", "verify"),
            cqea=(LISTING, "verify"),
            fjea=(CLICK, "verify"),
            eua_spot=("continuous", "read"),
            eua_auction=("continuous", "ours"),
            kau=("continuous", "read"),
        ),
    ),
    "oversize": (
        lambda one, _: one.screen.oversize,
        row(("reject", "ours"), eua_spot=("reject", "read"), kau=("reject", "read")),
    ),
    "sessions": (
        hours,
        row(
            (CHINESE_DAY, "verify"),
            cea=(CHINESE_DAY, "read"),
            gdea=(
                ["Asia/Shanghai", "09:30 continuous", "11:30 break", "13:30 continuous", "15:30 closed"],
                "verify",
            ),
            eua_spot=(
                ["Europe/Berlin", "07:55 opening_auction", "08:00 continuous", "18:00 closed"],
                "verify",
            ),
            eua_auction=([], "read"),
            kau=(
                [
                    "Asia/Seoul",
                    "09:00 opening_auction",
                    "10:00 continuous",
                    "11:30 closing_auction",
                    "12:00 closed",
                ],
                "read",
            ),
        ),
    ),
    "end_of_day": (
        end_of_day,
        row(
            ("15:30", "ours"),
            gdea=("16:00", "ours"),
            eua_spot=("18:30", "ours"),
            eua_auction=(None, "ours"),
            kau=("12:30", "ours"),
        ),
    ),
    "call_auction": (
        auctions,
        row(
            ([], "verify"),
            cea=([], "read"),
            eua_spot=(["opening_auction"], "verify"),
            eua_auction=([], "read"),
            kau=(["opening_auction", "closing_auction"], "read"),
        ),
    ),
    "cancels": (
        freezes,
        row(
            ([], "verify"),
            cea=([], "recalled"),
            gdea=([], "read"),
            hbea=([], "read"),
            eua_spot=([], "read"),
            eua_auction=([], "read"),
            kau=([60, 60], "read"),
        ),
    ),
    "order_types": (
        lambda one, _: one.order_types,
        row(
            LIMIT,
            cea=(("limit",), "read"),
            hbea=(("limit",), "read"),
            kau=(("limit",), "read"),
            eua_spot=(("limit", "market", "stop", "stop_limit", "post_only"), "read"),
            eua_auction=(("limit",), "read"),
        ),
    ),
    "validity": (
        lambda one, _: one.times_in_force,
        row(
            DAY,
            cea=(("day",), "recalled"),
            hbea=(("day",), "read"),
            eua_spot=(("day", "gtc", "gtd", "ioc"), "read"),
            eua_auction=(("day",), "read"),
        ),
    ),
    "reference": (
        lambda one, _: one.reference_price_ticks,
        row((None, "unknown"), cea=(48_00, "read"), hbea=(20_00, "read")),
    ),
}


def market(name: str) -> tuple[Instrument, Config]:
    """The first instrument of a profile, which is the oldest vintage where there are several."""
    config = parse(f'profiles = ["{name}"]', "venue.toml")
    return config.instruments[0], config


@pytest.mark.parametrize("rule", MATRIX)
@pytest.mark.parametrize("name", MARKETS)
def test_what_is_known_of_a_market_is_in_its_profile(name: str, rule: RuleName) -> None:
    of, expected = MATRIX[rule]
    value, certainty = expected[name]
    assert profile_named(name).rules[rule].certainty == certainty
    if value is not None:
        assert of(*market(name)) == value


def test_all_vintages_follow_the_same_rules() -> None:
    _, config = market("cea")
    assert [one.symbol for one in config.instruments] == ["CEA", "CEA21", "CEA22", "CEA23", "CEA24", "CEA25"]
    for rule, (of, _) in MATRIX.items():
        if rule != "reference":
            assert len({repr(of(one, config)) for one in config.instruments}) == 1, rule
