"""A short launch, from the plan to the report; and that the checks notice a tonne or a fen that is lost."""

import json
import logging
import os
import subprocess
import sys
from collections import Counter
from datetime import date
from html import escape
from pathlib import Path

import pytest
from msgspec import structs

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.launch import checks, figures
from carbonmatch.launch.command import run
from carbonmatch.launch.desks import LaunchFailed
from carbonmatch.launch.ledger import read_ledger
from carbonmatch.launch.outcome import Outcome, as_json
from carbonmatch.launch.plan import NATIONAL, Deal, Plan
from carbonmatch.launch.report import report
from carbonmatch.matching.messages import AccountId
from carbonmatch.settlement.make import opened_journal, settle_day
from carbonmatch.settlement.text import Naming

DAYS, COMPANIES, SEED = 2, 60, 1


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("launch")


@pytest.fixture(scope="module")
def outcome(directory: Path) -> Outcome:
    return run(directory, SEED, DAYS, COMPANIES)


def named(outcome: Outcome) -> dict[str, checks.Check]:
    return {f"{check.name}, {check.unit}": check for check in outcome.checks}


def test_the_first_day_is_found_in_the_journal_as_it_was_published(outcome: Outcome) -> None:
    assert [check for check in outcome.checks if not check.ok] == []
    published = {name: one.found for name, one in named(outcome).items() if one.group == "published"}
    assert published == {
        "first day, t": 4_100_000,
        "first day, CNY": 210_000_000_00,
        "reference of 16 July, CNY/t": 48_00,
        "first trade of 16 July, CNY/t": 52_78,
        "close of 16 July, CNY/t": 51_23,
    }


def test_every_market_trades_in_its_own_way(outcome: Outcome) -> None:
    kinds = {symbol: set(found) - {"BLOCK"} for symbol, found in outcome.kinds.items()}
    assert kinds == {
        "CEA": {"LISTED"},
        "BEA": {"LISTED"},
        "TJEA": {"CONTINUOUS"},
        "SHEA": {"CONTINUOUS"},
        "CQEA": {"LISTED"},
        "GDEA": {"LISTED"},
        "HBEA": {"CONTINUOUS"},
        "SZEA": {"CONTINUOUS"},
    }
    assert outcome.kinds["CEA"]["BLOCK"] == 1


def test_what_the_rules_do_not_allow_is_asked_for_and_refused(outcome: Outcome) -> None:
    assert outcome.rejects["OUTSIDE_BAND"] > 0
    # Short, bought the same day, and overdrawn.
    assert outcome.rejects["INSUFFICIENT_HOLDINGS"] > 0
    assert outcome.rejects["INSUFFICIENT_CASH"] > 0
    assert set(outcome.cancels) >= {"EXPIRED"}


def test_companies_may_hold_what_they_were_allocated_where_the_rules_add_that(
    outcome: Outcome, directory: Path
) -> None:
    assert outcome.ok
    # Beijing's; a whole launch ended at the second week where the venue was not told.
    assert read_ledger(directory).commands["SetAccountLimits"] == 60


def first(plan: Plan, market: str) -> Deal:
    return next(deal for deal in plan.deals if deal.market == market and not deal.is_block)


def lose_a_fen(plan: Plan) -> None:
    """Of the largest deal, one tonne goes for a fen less."""
    deal = max((d for d in plan.deals if d.market == NATIONAL and not d.is_block), key=lambda d: d.tonnes)
    deal.tonnes -= 1
    cheaper = structs.replace(deal, tonnes=1, price=deal.price - 1)
    plan.deals.insert(plan.deals.index(deal) + 1, cheaper)


def test_a_tonne_and_a_fen_that_were_lost_on_the_way_are_noticed(tmp_path: Path) -> None:
    def change(plan: Plan) -> None:
        plan.deals = [deal for deal in plan.deals if deal.day == figures.FIRST_DAY]
        first(plan, "GDEA").tonnes -= 1
        lose_a_fen(plan)

    found = run(tmp_path, SEED, 1, COMPANIES, change=change)
    differing = {name: check for name, check in named(found).items() if not check.ok}
    assert set(differing) == {
        "first day, CNY",
        "Guangdong, t",
        "Guangdong, CNY",
        "days of a market's section that differ, ",
    }
    assert differing["first day, CNY"].found == 210_000_000_00 - 1
    assert int(differing["Guangdong, t"].found) == int(differing["Guangdong, t"].expected) - 1
    assert not found.ok


def test_a_side_of_a_trade_that_is_not_there_is_noticed(directory: Path, outcome: Outcome) -> None:
    ledger = read_ledger(directory)
    assert all(check.ok for check in checks.conserved(ledger))
    holding = next(held for (account, _), held in ledger.holdings.items() if held.bought)
    holding.bought -= 1
    holding.paid -= 1
    names = [check.name for check in checks.conserved(ledger) if not check.ok]
    assert len(names) == 2
    assert {name.split()[1] for name in names} == {"bought", "paid"}


def test_accounts_have_in_the_end_what_came_in_and_what_their_trades_have_moved(outcome: Outcome) -> None:
    national, hubei = (
        next(one.accounts for one in outcome.markets if one.symbol == symbol) for symbol in ("CEA", "HBEA")
    )
    assert national.deposited_tonnes == national.held_tonnes > 0
    assert (national.deposited_fen, national.fees_fen) == (national.held_fen, 0)
    assert national.moved_tonnes > 0
    assert hubei.fees_fen > 0
    assert hubei.deposited_fen == hubei.held_fen + hubei.fees_fen


def test_a_tonne_and_a_fen_that_an_account_lacks_are_noticed(directory: Path, outcome: Outcome) -> None:
    assert outcome.ok
    ledger = read_ledger(directory)
    assert all(check.ok for check in [*checks.held(ledger), *checks.covered(ledger)])
    key = next(iter(ledger.held))
    ledger.held[key] -= 1
    ledger.cash[key[0]] -= 1
    assert [check.name for check in checks.held(ledger) if not check.ok] == [
        f"{ledger.symbols[key[1]]} in all accounts",
        "money in all accounts, and fees",
        "accounts with other units than came in and were traded",
        "accounts with other money than came in and was traded",
    ]


def test_the_day_of_a_purchase_does_not_count_for_a_sale(directory: Path, outcome: Outcome) -> None:
    """Had a seller of the first day begun with nothing, it would have sold what it did not have yet."""
    assert outcome.ok
    ledger = read_ledger(directory)
    key, sold = next((key, one) for key, one in ledger.holdings.items() if one.sold)
    ledger.deposited[key] = sold.sold - 1
    buyer = next(account for (account, _), one in ledger.holdings.items() if one.bought and not one.sold)
    ledger.funded[buyer] = 1
    assert [check.found for check in checks.covered(ledger)] == [1, 1]


def test_settlement_files_say_what_has_moved_in_every_account(
    directory: Path, outcome: Outcome, tmp_path: Path
) -> None:
    """Of all markets and both days, from the same journal."""
    assert outcome.ok
    ledger = read_ledger(directory)
    units, money = Counter(ledger.deposited), Counter(ledger.funded)
    numbers = {symbol: number for number, symbol in ledger.symbols.items()}
    journal = opened_journal(directory, None)
    for day in (2021_07_16, 2021_07_19):
        for made in settle_day(journal, tmp_path, day, Naming()):
            rows = json.loads(Path(made.file).with_suffix(".json").read_text())
            for row in rows["units"]:
                units[row["account_id"], numbers[row["instrument"]]] += row["net_lots"]
            for row in rows["cash"]:
                money[row["account_id"]] += row["net_minor"]
    journal.release()
    assert {key: units[key] for key in ledger.held} == ledger.held
    assert {account: money[account] for account in ledger.cash} == ledger.cash


def test_a_journal_with_another_byte_is_refused(directory: Path, outcome: Outcome, tmp_path: Path) -> None:
    assert outcome.ok
    segment = min(directory.glob("*.cmj"))
    data = bytearray(segment.read_bytes())
    data[200_000] ^= 1
    (tmp_path / segment.name).write_bytes(data)
    with pytest.raises(JournalDamaged):
        read_ledger(tmp_path)


def test_the_report_says_every_figure_and_its_source(outcome: Outcome) -> None:
    page = report(outcome)
    assert "4,100,000" in page
    assert "210,000,000.00" in page
    assert "52.78" in page
    for source in figures.SOURCES:
        assert escape(source.title) in page
    assert page.count("<svg") == 3 + 1 + 1 + 7
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_the_report_says_what_differs(outcome: Outcome) -> None:
    wrong = checks.Check("published", "first day", "t", 4_100_000, 4_099_999, "press")
    page = report(structs.replace(outcome, checks=[*outcome.checks, wrong]))
    assert "1 of" in page
    assert "do NOT match" in page
    assert "4,099,999" in page


def test_the_figures_are_there_for_programs(outcome: Outcome) -> None:
    found = json.loads(as_json(outcome))
    assert found["ok"] is True
    assert found["markets"][0]["days"][0]["day"] == "2021-07-16"
    assert found["markets"][0]["days"][0]["close"] == 51_23


def test_everybody_in_a_deal_has_an_account_of_its_market(directory: Path, outcome: Outcome) -> None:
    ledger = read_ledger(directory)
    national = {account for account, of in ledger.holdings if ledger.symbols[of] == NATIONAL}
    assert national <= {AccountId(account) for account in range(1, COMPANIES + 1)}
    assert ledger.days() == [date(2021, 7, 16), date(2021, 7, 19)]


def test_a_deal_that_the_engine_refuses_ends_the_replay(tmp_path: Path) -> None:
    def beyond_the_band(plan: Plan) -> None:
        first(plan, NATIONAL).price = 52_81

    with pytest.raises(LaunchFailed, match="OUTSIDE_BAND"):
        run(tmp_path, SEED, 1, COMPANIES, change=beyond_the_band)
    assert logging.getLogger("carbonmatch").level == logging.NOTSET, "the log of the process is its own again"


def test_the_command_ends_with_the_verdict_and_gives_the_same_again(outcome: Outcome, tmp_path: Path) -> None:
    options = {"days": DAYS, "companies": COMPANIES, "seed": SEED, "out": tmp_path / "out"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "carbonmatch",
            "launch",
            *(f"--{name}={value}" for name, value in options.items()),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": "src"},
    )
    assert done.returncode == 0, done.stderr
    assert "figures match" in done.stdout
    assert (tmp_path / "out" / "report.html").read_text().startswith("<!doctype html>")
    found = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert found["ok"] is True
    assert found["machine"]["state_digest"] == outcome.machine.state_digest
