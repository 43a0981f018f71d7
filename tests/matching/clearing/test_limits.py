"""What an account may hold, and from what on it is a large holder: by the rules, or by an operator."""

from typing import Any

import pytest

from carbonmatch import limits
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AccountId,
    ClearingRules,
    InstrumentId,
    Ref,
    RejectReason,
    SetAccountLimits,
)
from carbonmatch.matching.state import restore, snapshot
from tests.matching.clearing.test_transfers import COMPANY, SECOND, TRADER, Operator
from tests.matching.market import ALICE, BOB, CEA, EUA, OPS, Market, buy, sell


def house(**rules: Any) -> Operator:
    """The trader has 50 lots and money for any number, the company has 500 lots."""
    operator = Operator(Market(clearing=ClearingRules(lag_days=0, **rules)))
    operator.units(COMPANY, 500)
    operator.units(TRADER, 50)
    operator.money(TRADER, 1_000_000)
    return operator


def limited(operator: Operator, most: int, told: int = 0, account: AccountId = TRADER) -> list[str]:
    return operator.asks(SetAccountLimits(Ref(0), account, EUA, most, told))


@pytest.mark.parametrize(
    ("rule", "own", "most"), [(100, 0, 100), (100, 80, 80), (100, 200, 200), (0, 80, 80)]
)
def test_an_account_holds_what_its_own_limit_says_or_that_of_the_rules(
    rule: int, own: int, most: int
) -> None:
    operator = house(position_max_lots=rule)
    assert limited(operator, own) == ["done"]
    lines = operator.market.send(BOB, buy(1, price=10, lots=most - 49))
    assert lines == ["bob 1: rejected POSITION_LIMIT"]
    assert "accepted" in operator.market.send(BOB, buy(2, price=10, lots=most - 50))[0]


def test_who_has_more_than_a_new_limit_keeps_it_and_orders_no_more() -> None:
    operator = house()
    operator.market.send(BOB, buy(1, price=10, lots=20))
    assert limited(operator, 60) == ["done"]
    assert operator.market.send(BOB, buy(2, price=11)) == ["bob 2: rejected POSITION_LIMIT"]
    assert "bob 1: executed" in operator.market.send(ALICE, sell(1, price=10, lots=20))[-1].replace(
        "bob 0", "bob 1"
    )
    operator.market.send(BOB, sell(3, price=20, lots=15))
    operator.market.send(ALICE, buy(2, price=20, lots=15))
    assert limited(operator, 0) == ["done"]
    assert "accepted" in operator.market.send(BOB, buy(4, price=11))[0]


def test_limits_are_told_with_what_there_is() -> None:
    operator = house(position_max_lots=100, report_from_lots=400)
    limited(operator, 80, 50)
    operator.asks(m.RestrictAccount(Ref(0), TRADER, m.Restriction.NO_SELLING, EUA))
    assert operator.asks(m.InspectHoldings(Ref(0), instrument_id=EUA)) == [
        "11 has 500 lots of 1: 500 available, 0 reserved, 0 unsettled, 0 of today, buys 0, of 100 at most, "
        "told from 400 on",
        "13 has 50 lots of 1: 50 available, 0 reserved, 0 unsettled, 0 of today, buys 0, of 80 at most, "
        "told from 50 on, NO_SELLING",
        "end of 2",
    ]


def test_a_limit_holds_before_there_is_anything() -> None:
    operator = house()
    operator.money(SECOND, 100)
    assert limited(operator, 5, account=SECOND) == ["done"]
    assert operator.asks(m.InspectHoldings(Ref(0), SECOND, EUA))[0].startswith("12 has 0 lots")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((AccountId(99), EUA, 5), RejectReason.UNKNOWN_ACCOUNT),
        ((TRADER, InstrumentId(99), 5), RejectReason.UNKNOWN_INSTRUMENT),
        ((TRADER, InstrumentId(0), 5), RejectReason.UNKNOWN_INSTRUMENT),
        ((TRADER, CEA, 5), RejectReason.MECHANISM_NOT_AVAILABLE),
        ((TRADER, EUA, limits.HOLDINGS_LOTS_MAX + 1), RejectReason.INVALID_QUANTITY),
        ((TRADER, EUA, 0, limits.HOLDINGS_LOTS_MAX + 1), RejectReason.INVALID_QUANTITY),
    ],
)
def test_limits_of_nothing_are_refused(values: tuple[int, ...], reason: RejectReason) -> None:
    assert house().asks(SetAccountLimits(Ref(0), *values)) == [f"rejected {reason.name}"]  # type: ignore[arg-type]


def test_limits_are_an_operators() -> None:
    command = SetAccountLimits(Ref(1), TRADER, EUA, 5)
    assert house().market.send(ALICE, command) == ["alice 1: rejected NOT_ENTITLED"]


def test_limits_are_part_of_the_state() -> None:
    operator = house()
    limited(operator, 60, 40)
    before = snapshot(operator.market.engine)
    operator.market.engine = restore(before)
    assert snapshot(operator.market.engine) == before
    assert operator.market.send(BOB, buy(1, price=10, lots=11)) == ["bob 1: rejected POSITION_LIMIT"]
    assert operator.market.send(OPS, m.HoldingsRequest(Ref(90)))[-1] == "ops 90: end of 0"
