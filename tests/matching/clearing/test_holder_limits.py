"""Limits by classes of accounts, to which what they were allocated is added: as Beijing's of 2014."""

from typing import Any

import pytest

from carbonmatch.limits import HOLDINGS_LOTS_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AccountId,
    ClearingRules,
    GroupId,
    HolderRules,
    ParticipantId,
    Ref,
    SetAccountLimits,
)
from carbonmatch.matching.state import restore, snapshot
from tests.matching.clearing.test_transfers import COMPANY, TRADER, Operator
from tests.matching.market import ALICE, BOB, EUA, VENUE, Market, buy, definition, sell

COMPLIANCE = HolderRules("compliance", position_max_lots=100, report_from_lots=50)


def house(*holders: HolderRules, holder_class: str = "compliance", **rules: Any) -> Operator:
    """The trader is of a class, and has money for any number."""
    rules = {"lag_days": 0, "position_max_lots": 60, "report_from_lots": 30, **rules}
    operator = Operator(Market(clearing=ClearingRules(holders=holders, **rules)))
    operator.units(COMPANY, 500)
    operator.money(TRADER, 1_000_000)
    classify(operator, holder_class)
    return operator


def classify(operator: Operator, holder_class: str) -> None:
    whose = m.DefineAccount(TRADER, ParticipantId(2), "beta", GroupId(0), holder_class)
    assert operator.market.send(VENUE, whose) == []


def allocate(operator: Operator, lots: int, own: int = 0) -> list[str]:
    return operator.asks(SetAccountLimits(Ref(0), TRADER, EUA, own, allocated_lots=lots))


def limits(operator: Operator, account: AccountId = TRADER) -> tuple[int, int, int]:
    """What it may hold, from what on it is reported, and what it was allocated, as operators are told."""
    ask = m.InspectHoldings(Ref(900 + operator.ref), account, EUA)
    chunks = operator.market.outputs(m.SessionId(4), ask).streams
    (found,) = (one for chunk in chunks for one in chunk.reports if isinstance(one, m.Holding))
    operator.ref += 900
    return found.position_max_lots, found.report_from_lots, found.allocated_lots


def most(operator: Operator) -> int:
    """What it may order to buy beside nothing, by asking."""
    operator.ref += 1
    for lots in range(300, 0, -1):
        operator.market.time_ns += 1
        ref = 10_000 - lots + 1_000 * operator.ref
        if "accepted" in operator.market.send(BOB, buy(ref, price=1, lots=lots))[0]:
            operator.market.send(BOB, m.Cancel(Ref(ref + 500), Ref(ref)))
            return lots
    return 0


def test_the_limit_of_a_class_is_its_own_and_what_was_allocated() -> None:
    operator = house(COMPLIANCE)
    assert most(operator) == 100
    assert allocate(operator, 25) == ["done"]
    assert most(operator) == 125
    assert limits(operator) == (125, 75, 25)


def test_who_is_of_no_class_of_the_rules_goes_by_those_for_everybody() -> None:
    operator = house(COMPLIANCE, holder_class="fund")
    assert allocate(operator, 25) == ["done"]
    assert most(operator) == 60
    assert limits(operator) == (60, 30, 25)


def test_a_class_may_have_a_limit_to_which_nothing_is_added() -> None:
    operator = house(HolderRules("compliance", 80, 0, adds_allocation=False))
    assert allocate(operator, 25) == ["done"]
    assert most(operator) == 80
    assert limits(operator) == (80, 0, 25)


def test_a_class_without_a_limit_holds_anything_whatever_it_was_allocated() -> None:
    operator = house(HolderRules("compliance"))
    assert allocate(operator, 25) == ["done"]
    assert limits(operator) == (0, 0, 25)
    assert most(operator) == 300


def test_a_limit_of_the_account_itself_stands_as_it_is() -> None:
    operator = house(COMPLIANCE)
    assert allocate(operator, 25, own=90) == ["done"]
    assert most(operator) == 90
    assert limits(operator) == (90, 75, 25)
    assert allocate(operator, 0) == ["done"]
    assert limits(operator) == (100, 50, 0)


def test_another_class_of_an_account_is_another_limit_at_once() -> None:
    operator = house(COMPLIANCE)
    operator.market.send(ALICE, sell(1, price=1, lots=1))
    operator.market.send(BOB, buy(1, price=1, lots=1))
    assert most(operator) == 99
    classify(operator, "")
    assert most(operator) == 59
    classify(operator, "compliance")
    assert most(operator) == 99


def test_other_rules_hold_for_accounts_that_are_there() -> None:
    operator = house(COMPLIANCE)
    allocate(operator, 25)
    rules = ClearingRules(lag_days=0, holders=(HolderRules("compliance", 10),))
    operator.market.send(VENUE, m.DefineInstrument(definition(clearing=rules)))
    assert most(operator) == 35


def test_a_restart_changes_no_limit() -> None:
    operator = house(COMPLIANCE)
    allocate(operator, 25)
    data = snapshot(operator.market.engine)
    operator.market.engine = restore(data)
    assert snapshot(operator.market.engine) == data
    assert limits(operator) == (125, 75, 25)
    assert most(operator) == 125


@pytest.mark.parametrize(("lots", "answer"), [(HOLDINGS_LOTS_MAX, "done"), (HOLDINGS_LOTS_MAX + 1, None)])
def test_nothing_is_allocated_that_no_venue_could_hold(lots: int, answer: str | None) -> None:
    assert allocate(house(COMPLIANCE), lots) == [answer or "rejected INVALID_QUANTITY"]


def test_the_limits_of_a_class_stand_once() -> None:
    with pytest.raises(AssertionError, match="each class has its limits once"):
        house(COMPLIANCE, COMPLIANCE)
