"""Profiles taken into a configuration: what comes in, what a venue changes of it, and what it may not."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from carbonmatch.config import Config, ConfigError, parse
from carbonmatch.config.evidence import RuleName
from carbonmatch.config.profile_pages import pages
from carbonmatch.config.profiles import profile_named, profile_names, profile_text
from carbonmatch.config.rule_words import RULES, doubts, explained
from carbonmatch.config.words import in_words

DOCS = Path(__file__).parent.parent / "docs"

PROFILES = [
    "bea", "ccer", "cea", "continuous", "cqea", "eua_auction", "eua_spot", "fjea", "gdea", "hbea", "kau",
    "shea", "szea", "tjea",
]  # fmt: skip


def symbols(config: Config) -> list[str]:
    return [instrument.symbol for instrument in config.instruments]


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "venue.toml")
    return [problem.removeprefix("venue.toml: ") for problem in caught.value.problems]


def test_all_profiles_together_are_a_good_configuration() -> None:
    assert profile_names() == PROFILES
    config = parse(f"profiles = {PROFILES}", "all.toml")
    assert len(config.instruments) == 19
    assert {calendar.name for calendar in config.calendars} == {"china", "korea", "europe"}


def test_numbers_of_profiles_do_not_overlap_and_leave_room_for_a_venue() -> None:
    taken: dict[int, str] = {}
    for name in PROFILES:
        first, last = profile_named(name).ids
        assert first >= 1000
        for number in range(first, last + 1):
            assert taken.setdefault(number, name) == name
        tables = profile_named(name).tables
        for one in tables["instruments"].values():
            assert first <= one["id"] <= last


def test_names_of_profiles_do_not_clash() -> None:
    for kind in ("schedules", "composites", "instruments"):
        keys = [key for name in PROFILES for key in profile_named(name).tables[kind]]
        assert len(set(keys)) == len(keys)


def test_a_profile_brings_its_calendar_schedules_and_instruments_behind_those_of_the_file() -> None:
    config = parse(
        """
        profiles = ["cea", "hbea"]
        [[calendars]]
        name = "own"
        time_zone = "UTC"
        [[instruments]]
        id = 1
        symbol = "OWN"
        currency = "CNY"
        tick_value_minor = 1
        price_decimals = 2
        lot_tonnes = 1
        """,
        "venue.toml",
    )
    assert config.profiles == ("cea", "hbea")
    assert symbols(config) == ["OWN", "CEA", "CEA21", "CEA22", "CEA23", "CEA24", "CEA25", "HBEA"]
    assert [calendar.name for calendar in config.calendars] == ["own", "china"]
    assert {schedule.name for schedule in config.schedules} >= {"cea-listed", "hbea-screen"}
    assert date(2021, 10, 1) in config.calendars[1].holidays


def test_a_venue_adjusts_single_values_of_a_profile() -> None:
    config = parse(
        """
        profiles = ["cea"]
        [adjust.instruments.CEA25]
        reference_price_ticks = 7000
        volatility = { collar = { ticks = 5 } }
        [adjust.calendars.china]
        holidays = [2027-01-01]
        """,
        "venue.toml",
    )
    by_symbol = {one.symbol: one for one in config.instruments}
    assert by_symbol["CEA25"].reference_price_ticks == 7000
    assert by_symbol["CEA25"].volatility.collar.ticks == 5
    assert by_symbol["CEA25"].quantity_max_lots == 99_999
    assert by_symbol["CEA24"].reference_price_ticks == 0
    assert config.calendars[0].holidays == (date(2027, 1, 1),)
    # What was adjusted here is not adjusted for the next one who reads.
    assert parse('profiles = ["cea"]', "other.toml").calendars[0].holidays != config.calendars[0].holidays


def test_an_instrument_like_one_of_a_profile_has_all_that_it_does_not_say() -> None:
    config = parse(
        """
        profiles = ["cea"]
        [adjust.instruments.CEA25]
        quantity_min_lots = 10
        [[instruments]]
        like = "CEA25"
        id = 1
        symbol = "CEA26"
        self_trade = { key = "account" }
        """,
        "venue.toml",
    )
    by_symbol = {one.symbol: one for one in config.instruments}
    new, model = by_symbol["CEA26"], by_symbol["CEA25"]
    assert (new.id, new.schedule, new.quantity_min_lots) == (1, model.schedule, 10)
    assert (new.self_trade.key, new.self_trade.modes) == ("account", model.self_trade.modes)


OWN = """
[[instruments]]
id = {id}
symbol = "{symbol}"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'profiles = ["hbae"]',
            [f"profiles[0]: there is no profile 'hbae'; there are {', '.join(PROFILES)}"],
        ),
        ('profiles = ["calendars"]', None),
        ('profiles = ["cea", "cea"]', ["profiles[1]: 'cea' is there twice"]),
        ("profiles = 3", ["profiles: expected `array`, found `int`"]),
        ("profiles = [3]", ["profiles[0]: expected `str`, found `int`"]),
        (
            'profiles = ["hbea"]' + OWN.format(id=1, symbol="HBEA"),
            [
                "instruments[0].symbol: profile hbea has 'HBEA'; change that in [adjust.instruments.HBEA], "
                "or give yours another symbol"
            ],
        ),
        (
            'profiles = ["hbea"]' + OWN.format(id=1799, symbol="OWN"),
            ["instruments[0].id: 1799; 1700 to 1799 belong to profile hbea"],
        ),
        (
            'profiles = ["hbea"]\n[[calendars]]\nname = "china"\ntime_zone = "UTC"',
            [
                "calendars[0].name: profile hbea has 'china'; change that in [adjust.calendars.china], or "
                "give yours another name"
            ],
        ),
        (
            'profiles = ["hbea"]\n[adjust.instruments.HBAE]\nlot_tonnes = 2',
            ["adjust.instruments.HBAE: the profiles of this file have no instrument 'HBAE'; they have HBEA"],
        ),
        (
            "[adjust.instruments.HBEA]\nlot_tonnes = 2",
            ["adjust.instruments.HBEA: the profiles of this file have no instrument 'HBEA'; they have none"],
        ),
        (
            'profiles = ["hbea"]\n[adjust.instruments.HBEA]\nid = 2\nsymbol = "X"',
            [
                "adjust.instruments.HBEA.id: stays as the profile has it; for another one, make one of your "
                "own",
                "adjust.instruments.HBEA.symbol: stays as the profile has it; for another one, make one of "
                "your own",
            ],
        ),
        (
            'profiles = ["hbea"]\n[adjust.instruments.HBEA]\nlot_tons = 2',
            ["adjust.instruments.HBEA.lot_tons: unknown key; did you mean lot_tonnes?"],
        ),
        (
            'profiles = ["hbea"]\n[adjust.schedule]\nx = {}',
            ["adjust.schedule: unknown key; did you mean schedules?"],
        ),
        (
            'profiles = ["hbea"]\n[adjust.instruments]\nHBEA = 3',
            ["adjust.instruments: expected a table, found `int`"],
        ),
        ("adjust = 3", ["adjust: expected a table, found `int`"]),
        (
            'profiles = ["hbea"]\n[adjust.instruments.HBEA]\nquantity_min_lots = 2_000_000_000',
            None,
        ),
        (
            'profiles = ["hbea"]\n[adjust.schedules.hbea-screen]\ncalendar = "moon"',
            ["adjust.schedules.hbea-screen.calendar: there is no calendar 'moon'"],
        ),
        (
            'profiles = ["hbea"]\n[[instruments]]\nlike = "HBAE"\nid = 1\nsymbol = "HBEA26"',
            None,
        ),
        (
            'profiles = ["hbea"]\n[[instruments]]\nlike = "HBEA"',
            ["instruments[0].id: missing", "instruments[0].symbol: missing"],
        ),
        ('profiles = ["hbea"]\ninstruments = [{ symbol = [1], id = [2] }, 7]', None),
        ('profiles = ["hbea"]\n[[instruments]]\nlike = ["HBEA"]', None),
        ('profiles = ["hbea"]\n[adjust.instruments.HBEA]\nscreen = 3\nprices = { x = 1 }', None),
        ('profiles = ["hbea"]\ncalendars = { x = 1 }', None),
        ('profiles = ["hbea"]\n[adjust]\ninstruments = [1]', None),
        ('profiles = ["hbea"]\ninstruments = 3', ["instruments: expected `array`, found `int`"]),
    ],
)
def test_what_is_wrong_with_profiles_is_told_with_its_key(text: str, expected: list[str] | None) -> None:
    found = problems(text)
    if expected is not None:
        assert found == expected


def test_an_instrument_that_is_like_none_is_told_which_there_are() -> None:
    text = 'profiles = ["hbea"]\n[[instruments]]\nlike = "HBAE"\nid = 1\nsymbol = "HBEA26"'
    assert problems(text)[0] == (
        "instruments[0].like: the profiles of this file have no instrument 'HBAE'; they have HBEA"
    )


@pytest.mark.parametrize("name", PROFILES)
def test_what_is_known_by_hearsay_says_so_where_it_stands(name: str) -> None:
    """A comment `# verify: RULE, RULE` stands at the number of each of these rules, and of no other."""
    profile = profile_named(name)
    marked = {
        rule
        for rules in re.findall(r"# verify: ([a-z_, ]+)", profile_text(name))
        for rule in rules.split(", ")
    }
    in_doubt = {rule for rule, evidence in profile.rules.items() if evidence.certainty == "verify"}
    # Composites have tables of their own.
    assert marked == in_doubt - {"composite"}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_told_in_words_with_its_doubts(name: str) -> None:
    config = parse(f'profiles = ["{name}"]', "venue.toml")
    profile = profile_named(name)
    lines = in_words(config)
    assert f"profile {name}: {profile.title}" in lines
    for doubt in doubts(name):
        assert f"  {doubt}" in lines
    told = explained(config, name)
    assert f"  {profile.sources[0]}" in told
    for rule in profile.rules:
        assert any(line.startswith(f"  {rule.replace('_', ' ')}: ") for line in told), rule


def test_a_market_that_has_biddings_alone_is_not_said_to_match_orders() -> None:
    told = explained(parse('profiles = ["eua_auction"]', "venue.toml"), "eua_auction")
    for line in (
        "  mechanisms: one-way bidding",
        "  selection: no screen",
        "  trade price: one price for all",
        "  oversize: no screen",
        "  screen size: 500 t to 500,000,000 t a bid",
        "  sessions: those of each bidding, as it is announced",
        "  validity: bids stand until the bidding ends",
        "  order types: bids with a price",
        "  cancels: bids are changed and withdrawn while the window is open",
        "  priority: price; at the last price who is served first is drawn",
        "  self trade: no screen",
    ):
        assert line in told


def test_every_rule_of_a_market_is_carried_out() -> None:
    assert set(RULES) == set(get_args(RuleName)) - {"composite"}


def test_the_page_says_what_the_profiles_say() -> None:
    page = (DOCS / "profiles.md").read_text()
    assert page == pages(), "make it again: python -m carbonmatch.config.profile_pages > docs/profiles.md"


def test_profiles_are_plain_tables() -> None:
    for name in PROFILES:
        assert set(tomllib.loads(profile_text(name))) <= {
            "profile", "instrument", "calendars", "schedules", "composites", "instruments",
        }  # fmt: skip


def test_what_all_vintages_have_in_common_is_told_once() -> None:
    lines = in_words(parse('profiles = ["cea"]', "venue.toml"))
    assert sum("a taker selects an order of the best 5 levels" in line for line in lines) == 1
    assert lines.count("    otherwise as CEA") == 5
    changed = 'profiles = ["cea"]\n[adjust.instruments.CEA25.screen]\nlevels_max = 3'
    lines = in_words(parse(changed, "venue.toml"))
    assert sum("a taker selects an order of the best 3 levels" in line for line in lines) == 1
    assert lines.count("    otherwise as CEA") == 4


def test_a_calendar_says_how_far_its_holidays_are_known() -> None:
    lines = in_words(parse('profiles = ["cea", "kau"]', "venue.toml"))
    week = "mon, tue, wed, thu, fri"
    assert f"calendar china (Asia/Shanghai): {week}; 110 holidays, the last 2026-10-07; 0 extra days" in lines
    assert f"calendar korea (Asia/Seoul): {week}; no holidays; 0 extra days" in lines
