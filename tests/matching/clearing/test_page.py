"""Refusals of proto/ACCOUNTS.md: each row played, and of two that hold the first is the reason."""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.limits import CASH_MINOR_MAX, HOLDINGS_LOTS_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AccountId,
    ClearingRules,
    Fees,
    InstrumentId,
    Ref,
    Restriction,
    TradeKind,
)
from tests.matching.clearing.test_transfers import COMPANY, TRADER, Operator
from tests.matching.market import ALICE, BOB, CEA, EUA, OPS, Market, buy, replace, sell

PAGE = Path(__file__).parents[3] / "proto" / "ACCOUNTS.md"
NOBODY, NOWHERE, MONEY = AccountId(99), InstrumentId(99), InstrumentId(0)
# What makes each row hold, in the order of the page: who asks, or what the command says otherwise.
Row = tuple[str, dict[str, Any]]
_ENTITLED: Row = ("NOT_ENTITLED", {"session": ALICE})
_ACCOUNT: Row = ("UNKNOWN_ACCOUNT", {"account_id": NOBODY})
_INSTRUMENT: Row = ("UNKNOWN_INSTRUMENT", {"instrument_id": NOWHERE})
_CLEARED: Row = ("MECHANISM_NOT_AVAILABLE", {"instrument_id": CEA})
_TRANSFER: list[Row] = [
    _ENTITLED,
    ("INCOMPATIBLE_INSTRUCTIONS", {"currency": "EUR"}),
    _ACCOUNT,
    ("INVALID_QUANTITY", {"quantity_lots": 0}),
    _INSTRUMENT,
    _CLEARED,
]
CASES: list[tuple[str, m.AnyCommand, list[Row]]] = [
    (
        "Deposit (135), Withdraw (136)",
        m.Deposit(Ref(1), COMPANY, EUA, 1),
        [*_TRANSFER, ("INVALID_QUANTITY", {"quantity_lots": HOLDINGS_LOTS_MAX})],
    ),
    (
        "Deposit (135), Withdraw (136)",
        m.Withdraw(Ref(1), COMPANY, EUA, 1),
        [*_TRANSFER, ("INSUFFICIENT_HOLDINGS", {"quantity_lots": 101})],
    ),
    (
        "Deposit (135), Withdraw (136)",
        m.Withdraw(Ref(1), TRADER, MONEY, 0, "EUR", 1),
        [
            ("INVALID_QUANTITY", {"amount_minor": 0}),
            ("MECHANISM_NOT_AVAILABLE", {"currency": "CNY"}),
            ("INSUFFICIENT_CASH", {"amount_minor": 1_001}),
        ],
    ),
    (
        "SetAccountLimits (137)",
        m.SetAccountLimits(Ref(1), COMPANY, EUA, 5),
        [
            _ENTITLED,
            _ACCOUNT,
            _INSTRUMENT,
            _CLEARED,
            ("INVALID_QUANTITY", {"position_max_lots": HOLDINGS_LOTS_MAX + 1}),
        ],
    ),
    (
        "RestrictAccount (138)",
        m.RestrictAccount(Ref(1), COMPANY, Restriction.NO_BUYING, EUA),
        [_ENTITLED, _ACCOUNT, _INSTRUMENT, _CLEARED],
    ),
    (
        "HoldingsRequest (23), InspectHoldings (146)",
        m.InspectHoldings(Ref(1), COMPANY, EUA),
        [_ENTITLED, _ACCOUNT, _INSTRUMENT],
    ),
]


def market() -> Market:
    """The company has 100 lots, the trader 1,000 minor units."""
    there = Market(clearing=ClearingRules(position_max_lots=500))
    operator = Operator(there)
    operator.units(COMPANY, 100)
    operator.money(TRADER, 1_000)
    return there


def answer(command: m.AnyCommand, *rows: Row) -> str:
    said = {name: value for _, row in reversed(rows) for name, value in row.items()}
    session = said.pop("session", OPS)
    ref = Ref(50)
    (line,) = market().send(session, structs.replace(command, ref=ref, **said))[-1:]
    return line.partition(": ")[2].removeprefix("rejected ")


def section(title: str) -> str:
    return PAGE.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def promised(title: str) -> list[str]:
    return re.findall(r"^\| ([A-Z_]+) \|", section(title), re.MULTILINE)


@pytest.mark.parametrize("title", sorted({title for title, _, _ in CASES}))
def test_every_row_of_the_page_is_played_in_its_order(title: str) -> None:
    orders = [[reason for reason, _ in rows] for one, _, rows in CASES if one == title]
    reasons = promised(title)
    assert {reason for rows in orders for reason in rows} == set(reasons)
    for rows in orders:
        remaining = iter(reasons)
        assert all(reason in remaining for reason in rows), (rows, reasons)


@pytest.mark.parametrize(
    ("command", "row"), [(command, row) for _, command, rows in CASES for row in rows], ids=repr
)
def test_each_row_is_the_reason_where_it_holds_alone(command: m.AnyCommand, row: Row) -> None:
    assert answer(command) in ("done", "end of 1")
    assert answer(command, row) == row[0]


@pytest.mark.parametrize(
    ("command", "first", "second"),
    [
        (command, first, second)
        for _, command, rows in CASES
        for number, first in enumerate(rows)
        for second in rows[number + 1 :]
        if not first[1].keys() & second[1].keys()
    ],
    ids=repr,
)
def test_of_two_rows_that_hold_the_first_is_the_reason(
    command: m.AnyCommand, first: Row, second: Row
) -> None:
    assert answer(command, first, second) == first[0]


def test_the_venue_holds_so_much_money_and_no_more() -> None:
    deposit = m.Deposit(Ref(1), COMPANY, MONEY, 0, "EUR", CASH_MINOR_MAX - 1_000)
    assert answer(deposit) == "done"
    assert answer(deposit, ("", {"amount_minor": CASH_MINOR_MAX})) == "INVALID_QUANTITY"


def test_of_what_an_order_needs_each_row_is_a_reason_in_the_order_of_the_page() -> None:
    there = market()
    there.send(OPS, m.RestrictAccount(Ref(50), COMPANY, Restriction.NO_SELLING))
    reasons = [
        there.send(ALICE, sell(1, price=10, lots=101)),
        reversal(),
        there.send(BOB, sell(1, price=10)),
        there.send(BOB, buy(2, price=10, lots=501)),
        there.send(BOB, buy(3, price=10, lots=101)),
    ]
    assert [line.partition("rejected ")[2] for (line,) in reasons] == promised("What an order needs")


def reversal() -> list[str]:
    """What who sells is told that has an order to buy, in a market with that rule."""
    there = Market(clearing=ClearingRules(cash=False, reversal_days=1))
    there.send(BOB, buy(1, price=10))
    return there.send(BOB, sell(2, price=10))


def amounts(there: Market) -> list[str]:
    """Of the company and the trader, each its units and then its money, in the words of the example."""
    (chunk,) = there.outputs(OPS, m.InspectHoldings(Ref(there.engine.sessions[OPS].last_ref + 1))).streams
    cells = dict.fromkeys(
        [(COMPANY, m.Holding), (COMPANY, m.Cash), (TRADER, m.Holding), (TRADER, m.Cash)], ""
    )
    for one in chunk.reports:
        if isinstance(one, m.Cash):
            free, withdrawable = f"{one.available_minor:,}", f"{one.withdrawable_minor:,}"
            cells[one.account_id, m.Cash] = f"{free} + {one.reserved_minor:,} ({withdrawable})"
        elif isinstance(one, m.Holding):
            units = (one.available_lots, one.reserved_lots, one.unsettled_lots)
            cells[one.account_id, m.Holding] = " + ".join(map(str, units))
    return list(cells.values())


def test_the_example_of_the_page_is_what_happens() -> None:
    fees = (Fees(TradeKind.CONTINUOUS, 100, 100), Fees(TradeKind.AUCTION, 100, 100))
    there = Market(clearing=ClearingRules(fees=fees))
    operator = Operator(there)
    operator.units(COMPANY, 100)
    operator.money(TRADER, 10_100)
    steps = [amounts(there)]
    there.send(ALICE, sell(1, price=100, lots=60))
    steps.append(amounts(there))
    there.send(BOB, buy(1, price=102, lots=50))
    steps.append(amounts(there))
    there.send(BOB, buy(2, price=98, lots=20))
    steps.append(amounts(there))
    there.send(BOB, m.Reduce(Ref(3), Ref(2), m.OrderId(0), 5))
    steps.append(amounts(there))
    operator.ref = there.engine.sessions[OPS].last_ref
    operator.ends_day(20231114)
    steps.append(amounts(there))
    _, *rows = re.findall(r"^\| (.*) \|$", section("An example"), re.MULTILINE)
    assert steps == [[cell.strip() for cell in row.split("|")[1:]] for row in rows]


def test_who_is_above_a_new_limit_reduces_and_does_not_replace() -> None:
    there = market()
    there.send(BOB, buy(1, price=10, lots=20))
    there.send(OPS, m.SetAccountLimits(Ref(50), TRADER, EUA, 5))
    assert there.send(BOB, replace(2, 1, price=9, lots=10)) == ["bob 2: rejected POSITION_LIMIT"]
    assert there.send(BOB, m.Reduce(Ref(3), Ref(1), m.OrderId(0), 10)) == ["bob 3: reduced #3 to 10, 10 left"]
    assert "replaced" in there.send(BOB, replace(4, 1, price=9, lots=5))[0]
