"""The default matrix: what is known of each market, as a literal table here, against its loaded profile.

A number that is known stands below with how surely it is known. Where it is unknown there is no number, and
the profile has to say so.
"""

# Tests write ids as plain numbers.
# mypy: disable-error-code="arg-type"

from collections.abc import Callable
from typing import Final

import pytest
from msgspec import structs

from carbonmatch.config import Config, Instrument, parse
from carbonmatch.config.calendars import AUCTIONS
from carbonmatch.config.evidence import Certainty, RuleName
from carbonmatch.config.profiles import profile_named
from carbonmatch.config.volatility import Volatility, Width
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


def screen(one: Instrument, word: str) -> str:
    """`word`, where orders trade on a screen."""
    return word if one.schedule is not None else "no screen"


def tick(one: Instrument) -> str:
    """And a tick on a lot is worth its part of the currency's hundredths, of which KRW has none."""
    hundredths = 1 if one.currency == "KRW" else 100
    assert one.tick_value_minor * 10**one.price_decimals == hundredths * one.lot_tonnes
    return f"{price_text(one.price_increment_ticks, one.price_decimals)} {one.currency}"


def hours_of(name: str | None, config: Config) -> list[str]:
    for schedule in config.schedules:
        if schedule.name == name:
            zone = next(each.time_zone for each in config.calendars if each.name == schedule.calendar)
            return [zone, *(f"{step.at} {step.phase}" for step in schedule.steps)]
    return []


def band(one: Instrument, _: Config) -> object:
    """Percent up and down of the reference price."""
    if not one.prices.has_band:
        return "none"
    return (one.prices.band_up_basis_points / 100, one.prices.band_down_basis_points / 100)


def block_size(one: Instrument, _: Config) -> object:
    """Smallest and largest, in tonnes; 0: no bound."""
    rules = one.blocks
    if rules is None:
        return "no blocks"
    return (tonnes(rules.quantity_min_lots, one), tonnes(rules.quantity_max_lots, one))


def block_band(one: Instrument, _: Config) -> object:
    """Its base, percent up and down of it, and above how many tonnes there is none."""
    rules = one.blocks
    if rules is None:
        return "no blocks"
    up, down = rules.band_up_basis_points / 100, rules.band_down_basis_points / 100
    return (rules.band, up, down, tonnes(rules.free_above_lots, one))


def negotiation(one: Instrument, _: Config) -> object:
    """Posts, offers to one, confirmations by both; for how many seconds; without names; when all are told."""
    rules = one.blocks
    if rules is None:
        return "no blocks"
    return (
        rules.public_posts,
        rules.directed,
        rules.confirm_both,
        rules.ttl_seconds,
        rules.anonymous,
        rules.tape,
    )


def end_of_day(one: Instrument, config: Config) -> str | None:
    return next((each.end_of_day for each in config.schedules if each.name == one.schedule), None)


def auctions(one: Instrument, config: Config) -> list[str]:
    steps = next((each.steps for each in config.schedules if each.name == one.schedule), ())
    return [step.phase for step in steps if step.phase in AUCTIONS]


def freezes(one: Instrument, config: Config) -> list[int]:
    steps = next((each.steps for each in config.schedules if each.name == one.schedule), ())
    return [step.freeze_s for step in steps if step.freeze_s]


def selection(one: Instrument, _: Config) -> object:
    rules = one.screen
    if rules.mechanism != "listing":
        return screen(one, rules.mechanism)
    return (rules.levels_max, rules.order_choice, rules.strict_level_order, rules.order_list)


def biddings(one: Instrument, _: Config) -> object:
    """Price, ties, smallest bid and steps in tonnes, price step, percent of all, bids, revision, too few."""
    rules = one.bidding
    if rules is None:
        return "none"
    return (
        rules.pricing,
        rules.tie,
        tonnes(rules.bid_min_lots, one),
        tonnes(rules.bid_increment_lots, one),
        price_text(rules.price_increment_ticks or one.price_increment_ticks, one.price_decimals),
        rules.share_max_basis_points / 100,
        rules.bids_max,
        rules.revision,
        rules.undersubscription,
    )


def fees(one: Instrument, _: Config) -> object:
    """Of each kind of trade, percent of the money for the buyer and for the seller."""
    if one.clearing is None:
        return None
    assert not any(each.buyer_minor_per_lot or each.seller_minor_per_lot for each in one.clearing.fees)
    return [
        (kind, each.buyer_basis_points / 100, each.seller_basis_points / 100)
        for each in one.clearing.fees
        for kind in each.kinds
    ]


def lag(one: Instrument, _: Config) -> object:
    """Trading days until what was bought may be sold; and from when on how many."""
    rules = one.clearing
    if rules is None:
        return None
    return (rules.lag_days, None if rules.cut_off is None else (rules.cut_off, rules.late_lag_days))


def limits(one: Instrument, key: str) -> object:
    """Of everybody, and of each class, where the allocation may come on top; in tonnes, 0: none."""
    rules = one.clearing
    if rules is None:
        return None
    of_classes = [
        (each.holder_class, tonnes(getattr(each, key), one), each.adds_allocation) for each in rules.holders
    ]
    return (tonnes(getattr(rules, key), one), of_classes)


AS_WE_DO = ("uniform", "time", 1, 0, "0.01", 100.0, 256, "free", "partial")
CHINESE_DAY = ["Asia/Shanghai", "09:30 continuous", "11:30 break", "13:00 continuous", "15:00 closed"]
CANTONESE_DAY = ["Asia/Shanghai", "09:30 continuous", "11:30 break", "13:30 continuous", "15:30 closed"]
LISTING = (5, "any", True, True)
CLICK = (1, "first", True, True)
LIMIT = (("limit",), "verify")
DAY = (("day",), "verify")

MATRIX: Final[dict[RuleName, tuple[Callable[[Instrument, Config], object], Row]]] = {
    "lot": (
        lambda one, _: one.lot_tonnes,
        row(
            (1, "verify"),
            cea=(1, "read"),
            shea=(1, "read"),
            hbea=(1, "read"),
            szea=(1, "read"),
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
            kau=("1 KRW", "unknown"),
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
            eua_auction=("no screen", "ours"),
            kau=("continuous", "read"),
        ),
    ),
    "oversize": (
        lambda one, _: one.screen.oversize,
        row(("reject", "ours"), eua_spot=("reject", "read"), kau=("reject", "read")),
    ),
    "trade_price": (
        lambda one, _: screen(one, one.screen.mechanism),
        row(
            ("listing", "verify"),
            cea=("listing", "read"),
            shea=("continuous", "verify"),
            hbea=("middle_price", "read"),
            gdea=("listing", "read"),
            szea=("continuous", "verify"),
            tjea=("continuous", "verify"),
            eua_spot=("continuous", "read"),
            eua_auction=("no screen", "read"),
            kau=("continuous", "read"),
        ),
    ),
    "mechanisms": (
        lambda one, _: (screen(one, one.screen.mechanism), one.blocks is not None, one.bidding is not None),
        row(
            None,
            cea=(("listing", True, True), "read"),
            # Blocks are there, closed; biddings come later.
            ccer=(("listing", True, False), "read"),
            shea=(("continuous", True, True), "verify"),
            hbea=(("middle_price", True, False), "read"),
            gdea=(("listing", True, True), "verify"),
            szea=(("continuous", True, False), "read"),
            bea=(("listing", True, True), "verify"),
            tjea=(("continuous", True, True), "verify"),
            cqea=(("listing", True, False), "verify"),
            fjea=(("listing", True, True), "verify"),
            eua_spot=(("continuous", False, False), "read"),
            eua_auction=(("no screen", False, True), "read"),
            kau=(("continuous", True, True), "read"),
        ),
    ),
    "priority": (
        lambda one, _: one.screen.order_choice if one.screen.mechanism == "listing" else screen(one, "time"),
        row(
            ("any", "verify"),
            cea=("any", "read"),
            shea=("time", "verify"),
            hbea=("time", "read"),
            gdea=("first", "read"),
            szea=("time", "verify"),
            tjea=("time", "verify"),
            fjea=("first", "verify"),
            eua_spot=("time", "recalled"),
            # Bids at one price by chance: see bidding.
            eua_auction=("no screen", "read"),
            kau=("time", "read"),
        ),
    ),
    "collar": (
        lambda one, _: one.volatility.collar.basis_points,
        row(
            (None, "unknown"),
            cea=(0, "ours"),
            hbea=(500, "unknown"),
            eua_spot=(0, "ours"),
            eua_auction=(0, "ours"),
            kau=(0, "ours"),
        ),
    ),
    "volatility": (
        lambda one, _: structs.replace(one.volatility, collar=Width()) == Volatility(),
        row(
            (True, "ours"),
            eua_spot=(None, "unknown"),
        ),
    ),
    "self_trade": (
        lambda one, _: (one.self_trade.key, one.self_trade_prevention),
        row(
            (("group", "cancel_newest"), "ours"),
            eua_spot=(("participant", "cancel_oldest"), "read"),
            eua_auction=(("participant", "cancel_newest"), "ours"),
        ),
    ),
    "sessions": (
        lambda one, config: hours_of(one.schedule, config),
        row(
            (CHINESE_DAY, "verify"),
            cea=(CHINESE_DAY, "read"),
            gdea=(CANTONESE_DAY, "verify"),
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
    "band": (
        band,
        row(
            ((10.0, 10.0), "verify"),
            cea=((10.0, 10.0), "read"),
            shea=((10.0, 10.0), "read"),
            hbea=((10.0, 10.0), "read"),
            szea=((10.0, 10.0), "read"),
            bea=((20.0, 20.0), "verify"),
            cqea=((20.0, 20.0), "verify"),
            eua_spot=("none", "read"),
            eua_auction=("none", "read"),
            kau=((10.0, 10.0), "read"),
        ),
    ),
    "rounding": (
        lambda one, _: one.prices.band_rounding,
        row(("half_up", "ours"), hbea=("half_up", "read"), szea=("half_up", "read")),
    ),
    "close": (
        lambda one, _: (one.prices.close, one.prices.n_trades, one.prices.close_quantity_min_lots),
        row(
            (("vwap_day", 0, 0), "verify"),
            cea=(("vwap_day", 0, 0), "read"),
            hbea=(("vwap_last_n", 5, 0), "read"),
            # Up to 100 t the close is the open.
            gdea=(("vwap_day", 0, 101), "read"),
            fjea=(None, "unknown"),
            eua_spot=(("reference", 0, 0), "verify"),
            eua_auction=(None, "ours"),
            kau=(("closing_auction", 0, 0), "read"),
        ),
    ),
    "open": (
        lambda one, _: one.prices.open,
        row(
            ("first_trade_or_reference", "verify"),
            cea=("first_trade_or_reference", "read"),
            hbea=("first_trade", "read"),
            gdea=("reference", "read"),
            eua_spot=("first_trade_or_reference", "ours"),
            eua_auction=(None, "ours"),
            kau=("opening_auction", "read"),
        ),
    ),
    "block_size": (
        block_size,
        row(
            None,
            cea=((100_000, 0), "read"),
            ccer=((100_000, 0), "verify"),
            shea=((100_000, 0), "verify"),
            hbea=((10_000, 0), "verify"),
            gdea=((100_000, 0), "verify"),
            szea=((10_000, 0), "verify"),
            bea=((10_000, 0), "verify"),
            tjea=((200_000, 0), "verify"),
            cqea=((10_000, 0), "verify"),
            fjea=(None, "unknown"),
            eua_spot=("no blocks", "ours"),
            eua_auction=("no blocks", "ours"),
            kau=((1_000, 1_000_000), "read"),
        ),
    ),
    "block_band": (
        block_band,
        row(
            (("reference", 30.0, 30.0, 0), "verify"),
            cea=(("reference", 30.0, 30.0, 0), "read"),
            shea=(("day_close", 30.0, 30.0, 500_000), "read"),
            bea=(("none", 0.0, 0.0, 0), "verify"),
            tjea=(("reference", 10.0, 10.0, 0), "verify"),
            eua_spot=("no blocks", "ours"),
            eua_auction=("no blocks", "ours"),
            kau=(("instrument", 0.0, 0.0, 0), "read"),
        ),
    ),
    "block_sessions": (
        lambda one, config: [] if one.blocks is None else hours_of(one.blocks.schedule, config),
        row(
            (CHINESE_DAY, "verify"),
            cea=(["Asia/Shanghai", "13:00 continuous", "15:00 closed"], "read"),
            ccer=([], "verify"),
            gdea=(CANTONESE_DAY, "verify"),
            eua_spot=([], "ours"),
            eua_auction=([], "ours"),
            kau=(["Asia/Seoul", "10:00 continuous", "11:30 closed"], "read"),
        ),
    ),
    "negotiation": (
        negotiation,
        row(
            ((True, True, True, 0, False, "at_once"), "verify"),
            cea=((True, True, True, 0, False, "at_once"), "read"),
            ccer=((True, True, True, 0, False, "at_once"), "read"),
            eua_spot=("no blocks", "ours"),
            eua_auction=("no blocks", "ours"),
            kau=((True, True, True, 3_600, True, "value_at_close"), "read"),
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
    "bidding": (
        biddings,
        row(
            (AS_WE_DO, "unknown"),
            ccer=("none", "read"),
            shea=(("uniform", "time", 1, 0, "0.01", 100.0, 256, "free", "partial"), "read"),
            hbea=("none", "ours"),
            gdea=(("uniform", "time", 1_000, 0, "0.01", 50.0, 256, "none", "partial"), "read"),
            szea=("none", "verify"),
            bea=(("uniform", "time", 1, 0, "0.10", 100.0, 256, "free", "partial"), "unknown"),
            cqea=("none", "ours"),
            eua_spot=("none", "ours"),
            eua_auction=(("uniform", "seed", 500, 0, "0.01", 100.0, 256, "free", "cancel"), "read"),
            kau=(("uniform", "time", 1_000, 100, "50", 15.0, 1, "free", "partial"), "read"),
        ),
    ),
    "cancels": (
        freezes,
        row(
            ([], "verify"),
            cea=([], "recalled"),
            gdea=([], "read"),
            hbea=([], "read"),
            eua_spot=([], "ours"),
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
    "checks": (
        lambda one, _: None if one.clearing is None else ("units", *["money"] * one.clearing.cash),
        row(
            (("units", "money"), "verify"),
            cea=(("units", "money"), "read"),
            gdea=(("units", "money"), "read"),
            # Money is the clearing house's.
            eua_spot=(("units",), "read"),
            eua_auction=(("units", "money"), "ours"),
        ),
    ),
    "lag": (
        lag,
        row(
            ((1, None), "verify"),
            cea=((1, None), "read"),
            eua_spot=((1, ("16:00", 2)), "read"),
            eua_auction=((1, None), "read"),
            kau=((0, None), "read"),
        ),
    ),
    # They buy at once wherever money is held: there is no other way to configure it.
    "proceeds": (
        lambda one, _: one.clearing is not None,
        row((True, "ours"), cea=(True, "recalled")),
    ),
    "position_limit": (
        lambda one, _: limits(one, "position_max_lots"),
        row(
            ((0, []), "unknown"),
            bea=((1_000_000, [("compliance", 1_000_000, True)]), "read"),
            eua_spot=((0, []), "ours"),
            eua_auction=((0, []), "ours"),
            kau=((0, []), "ours"),
        ),
    ),
    "large_holder": (
        lambda one, _: limits(one, "report_from_lots"),
        row(
            ((0, []), "unknown"),
            bea=((500_000, [("compliance", 500_000, True)]), "read"),
            eua_spot=((0, []), "ours"),
            eua_auction=((0, []), "ours"),
            kau=((0, []), "ours"),
        ),
    ),
    "fees": (
        fees,
        row(
            ([], "unknown"),
            hbea=([("continuous", 0.5, 0.5), ("block", 0.0, 4.0)], "read"),
            eua_spot=([], "ours"),
            eua_auction=([], "ours"),
            kau=([], "ours"),
        ),
    ),
    "reference": (
        lambda one, _: one.reference_price_ticks,
        row((None, "unknown"), cea=(48_00, "read"), hbea=(20_00, "read")),
    ),
}

# What is no number: how surely it is known, all the same.
KNOWN: Final[dict[RuleName, tuple[Certainty, dict[str, Certainty]]]] = {
    "books": ("ours", {"cea": "read", "eua_spot": "read"}),
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


@pytest.mark.parametrize("rule", KNOWN)
@pytest.mark.parametrize("name", MARKETS)
def test_how_surely_the_rest_is_known_is_in_its_profile(name: str, rule: RuleName) -> None:
    common, others = KNOWN[rule]
    assert profile_named(name).rules[rule].certainty == others.get(name, common)


def test_no_rule_of_a_market_is_left_out() -> None:
    for name in MARKETS:
        rules = set(profile_named(name).rules) - {"composite", "carry_over"}
        assert rules == set(MATRIX) | set(KNOWN)


@pytest.mark.parametrize("name", sorted(set(MARKETS) - {"eua_spot", "eua_auction"}))
def test_reference_prices_are_stale_after_twenty_days_without_a_trade(name: str) -> None:
    assert market(name)[0].prices.stale_alert_days == 20


def test_all_vintages_follow_the_same_rules() -> None:
    _, config = market("cea")
    assert [one.symbol for one in config.instruments] == ["CEA", "CEA21", "CEA22", "CEA23", "CEA24", "CEA25"]
    for rule, (of, _) in MATRIX.items():
        if rule != "reference":
            assert len({repr(of(one, config)) for one in config.instruments}) == 1, rule


def test_what_may_be_carried_over_is_counted_of_the_national_vintages_of_2019_to_2024() -> None:
    _, config = market("cea")
    counted = {
        one.symbol: None
        if one.clearing is None or one.clearing.carry_over is None
        else one.clearing.carry_over
        for one in config.instruments
    }
    rules = [one for symbol, one in counted.items() if symbol != "CEA25"]
    assert {(one.base_lots, one.net_sales_basis_points) for one in rules if one} == {(10_000, 15_000)}
    assert all(one is not None and one.enabled for one in rules)
    assert counted["CEA25"] is not None
    assert not counted["CEA25"].enabled
    assert profile_named("cea").rules["carry_over"].certainty == "verify"
