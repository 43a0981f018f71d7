"""The plan comes to the published totals, and every deal keeps to the rules that are published."""

from collections import defaultdict
from datetime import date

import pytest

from carbonmatch.config import parse
from carbonmatch.config.timetable import Timetable
from carbonmatch.launch import assumptions, figures
from carbonmatch.launch.asking import QUOTED_TONNES_MAX
from carbonmatch.launch.firms import assign, found_firms
from carbonmatch.launch.market import amounts_of, launch_config
from carbonmatch.launch.plan import NATIONAL, Deal, Plan, half_up, make_plan, trading_days
from carbonmatch.matching.messages import AccountId

SEEDS = range(1, 6)


@pytest.fixture(scope="module", params=SEEDS)
def plan(request: pytest.FixtureRequest) -> Plan:
    return make_plan(request.param)


def of(plan: Plan, market: str, first: date, last: date, section: str = "all") -> list[Deal]:
    return [
        deal
        for deal in plan.deals
        if deal.market == market
        and first <= deal.day <= last
        and (section == "all" or deal.is_block == (section == "block"))
    ]


def test_the_days_are_those_of_the_shipped_calendar() -> None:
    config = parse('profiles = ["cea"]', "test")
    schedule = next(one for one in config.schedules if one.name == "cea-listed")
    calendar = next(one for one in config.calendars if one.name == schedule.calendar)
    timetable = Timetable(schedule, calendar)
    days = [day for day in map(date.fromordinal, range(*_ordinals())) if timetable.steps_of(day)]
    assert days == trading_days()
    assert len(days) == 114


def _ordinals() -> tuple[int, int]:
    return figures.FIRST_DAY.toordinal(), figures.LAST_DAY.toordinal() + 1


def test_stretches_between_published_totals_sum_to_those_of_the_cycle() -> None:
    stretches = assumptions.STRETCHES
    total = {one.section: one for one in figures.NATIONAL if one.name == "first cycle"}
    assert sum(one.tonnes for one in stretches) == total["all"].tonnes
    assert sum(one.fen for one in stretches) == total["all"].fen
    assert sum(one.listed_tonnes for one in stretches) == total["listed"].tonnes
    assert sum(one.tonnes for one in assumptions.PILOTS) == figures.PILOT_TONNES


def test_the_same_seed_gives_the_same_plan() -> None:
    assert make_plan(1) == make_plan(1)
    assert make_plan(1) != make_plan(2)


def test_every_published_total_is_met(plan: Plan) -> None:
    for total in figures.NATIONAL:
        deals = of(plan, NATIONAL, total.first, total.last, total.section)
        assert sum(deal.tonnes for deal in deals) == total.tonnes, total
        if total.fen is not None:
            assert sum(deal.tonnes * deal.price for deal in deals) == total.fen, total
    pilots = [deal for deal in plan.deals if deal.market != NATIONAL]
    assert sum(deal.tonnes for deal in pilots) == figures.PILOT_TONNES
    assert sum(deal.tonnes * deal.price for deal in pilots) == figures.PILOT_FEN


def test_national_deals_keep_to_sizes_and_bands(plan: Plan) -> None:
    close = 48_00
    for day in plan.days:
        listed = of(plan, NATIONAL, day, day, "listed")
        assert all(1 <= deal.tonnes <= 99_999 for deal in listed)
        assert all(90 * close <= 100 * deal.price + 50 <= 110 * close + 100 for deal in listed)
        blocks = of(plan, NATIONAL, day, day, "block")
        assert all(deal.tonnes >= 100_000 for deal in blocks)
        assert all(70 * close <= 100 * deal.price <= 130 * close for deal in blocks)
        if listed:
            tonnes = sum(deal.tonnes for deal in listed)
            close = half_up(sum(deal.tonnes * deal.price for deal in listed), tonnes)


def test_pilots_keep_to_their_ticks_and_sizes(plan: Plan) -> None:
    for pilot in assumptions.PILOTS:
        deals = [deal for deal in plan.deals if deal.market == pilot.symbol]
        assert all(deal.price % pilot.tick_fen == 0 for deal in deals)
        assert all(deal.tonnes >= pilot.block_min_tonnes for deal in deals if deal.is_block)


def test_most_of_a_pilots_volume_is_in_its_two_busiest_months(plan: Plan) -> None:
    for pilot in assumptions.PILOTS:
        by_month: dict[int, int] = defaultdict(int)
        for deal in plan.deals:
            if deal.market == pilot.symbol:
                by_month[deal.day.month] += deal.tonnes
        assert sum(sorted(by_month.values())[-2:]) * 2 > pilot.tonnes


@pytest.mark.parametrize("companies", [40, figures.COMPANIES])
def test_nobody_sells_what_it_has_not_or_has_bought_today(companies: int) -> None:
    plan = make_plan(3)
    firms = found_firms(3, companies, 60)
    assign(plan, firms, amounts_of(plan.references), 3)
    everybody = {firm.account: firm for those in firms.values() for firm in those}
    has = {account: firm.deposited for account, firm in everybody.items()}
    bought: dict[int, int] = {}
    today: date | None = None
    for deal in plan.deals:
        if deal.day != today:
            today = deal.day
            for account, tonnes in bought.items():
                has[account] += tonnes
            bought = {}
        assert deal.seller != deal.buyer
        assert everybody[deal.seller].market == everybody[deal.buyer].market == deal.market
        has[deal.seller] -= deal.tonnes
        assert has[deal.seller] >= 0, deal
        bought[deal.buyer] = bought.get(deal.buyer, 0) + deal.tonnes
    dealt = {account for deal in plan.deals for account in (deal.seller, deal.buyer)}
    assert dealt == set(everybody)


def test_nobody_comes_to_have_more_than_its_market_lets_it_hold(plan: Plan) -> None:
    firms = found_firms(1, figures.COMPANIES, 60)
    assign(plan, firms, amounts_of(plan.references), 1)
    config = launch_config(firms, plan.references)
    classes = {account.id: account.holder_class for one in config.participants for account in one.accounts}
    most: dict[int, int] = {}
    for instrument in config.instruments:
        rules = instrument.clearing
        assert rules is not None
        by_class = {one.holder_class: one for one in rules.holders}
        for firm in firms[instrument.symbol]:
            limits = by_class.get(classes[AccountId(firm.account)])
            lots = rules.position_max_lots if limits is None else limits.position_max_lots + firm.allocated
            if lots:
                most[firm.account] = lots
    assert len(most) == 60, "Beijing's are limited"
    has = {firm.account: firm.deposited for those in firms.values() for firm in those}
    for deal in plan.deals:
        has[deal.seller] -= deal.tonnes
        has[deal.buyer] += deal.tonnes
        if deal.buyer in most:
            assert has[deal.buyer] + QUOTED_TONNES_MAX <= most[deal.buyer], deal
