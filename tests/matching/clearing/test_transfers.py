"""What comes into accounts and leaves them, and what whoever may ask is told of it."""

import pytest
from msgspec import structs

from carbonmatch import limits
from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing import inquiries
from carbonmatch.matching.messages import (
    AccountId,
    ClearingRules,
    Deposit,
    HoldingsRequest,
    InspectHoldings,
    InstrumentId,
    Phase,
    Ref,
    RejectReason,
    Withdraw,
)
from carbonmatch.matching.state import restore, snapshot
from tests.matching.market import ALICE, BOB, CAROL, CEA, EUA, OPS, VENUE, Market, buy, sell

COMPANY, SECOND, TRADER = AccountId(11), AccountId(12), AccountId(13)
DAY = 20231114  # that of the market's time


def cleared(rules: ClearingRules | None = None) -> Market:
    """Only one of its two instruments is."""
    return Market(clearing=ClearingRules() if rules is None else rules)


class Operator:
    """Gives refs."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.ref = 0

    def asks(self, command: m.AnyCommand) -> list[str]:
        """What the operator is told, without its name and the ref."""
        self.ref += 1
        lines = self.market.send(OPS, structs.replace(command, ref=Ref(self.ref)))
        return [line.partition(": ")[2] for line in lines if line.startswith("ops")]

    def units(self, account: AccountId, lots: int) -> list[str]:
        return self.asks(Deposit(Ref(0), account, EUA, lots))

    def money(self, account: AccountId, minor: int) -> list[str]:
        return self.asks(Deposit(Ref(0), account, InstrumentId(0), 0, "EUR", minor))

    def takes_units(self, account: AccountId, lots: int) -> list[str]:
        return self.asks(Withdraw(Ref(0), account, EUA, lots))

    def takes_money(self, account: AccountId, minor: int) -> list[str]:
        return self.asks(Withdraw(Ref(0), account, InstrumentId(0), 0, "EUR", minor))

    def ends_day(self, day: int) -> None:
        for number in (EUA, CEA):
            assert self.asks(m.SetPhase(Ref(0), number, Phase.CLOSED)) == ["done"]
        assert self.asks(m.EndDay(Ref(0), day)) == ["done"]
        for number in (EUA, CEA):
            assert self.asks(m.Resume(Ref(0), number)) == ["done"]


def test_what_came_in_is_there_to_be_sold_and_spent() -> None:
    market = cleared()
    operator = Operator(market)
    assert operator.units(COMPANY, 10) == ["done"]
    assert operator.money(TRADER, 100) == ["done"]
    market.send(ALICE, sell(1, price=10, lots=4))
    market.send(BOB, buy(1, price=10, lots=3), buy(2, price=9, lots=2))
    assert operator.asks(InspectHoldings(Ref(0))) == [
        "11 has 30 EUR: 30 available, 0 reserved, 0 to withdraw",
        "11 has 7 lots of 1: 6 available, 1 reserved, 0 unsettled, 0 of today, buys 0",
        "13 has 70 EUR: 52 available, 18 reserved, 52 to withdraw",
        "13 has 3 lots of 1: 0 available, 0 reserved, 3 unsettled, 3 of today, buys 2",
        "end of 4",
    ]


def test_proceeds_and_purchases_of_a_day_leave_when_it_is_over() -> None:
    market = cleared()
    operator = Operator(market)
    operator.units(COMPANY, 10)
    operator.money(TRADER, 100)
    market.send(ALICE, sell(1, price=10, lots=4))
    market.send(BOB, buy(1, price=10, lots=4))
    assert operator.takes_money(COMPANY, 1) == ["rejected INSUFFICIENT_CASH"]
    assert operator.takes_units(TRADER, 1) == ["rejected INSUFFICIENT_HOLDINGS"]
    operator.ends_day(DAY)
    assert operator.takes_money(COMPANY, 41) == ["rejected INSUFFICIENT_CASH"]
    assert operator.takes_money(COMPANY, 39) == ["done"]
    assert operator.asks(InspectHoldings(Ref(0), COMPANY))[0] == (
        "11 has 1 EUR: 1 available, 0 reserved, 1 to withdraw"
    )
    assert operator.takes_money(COMPANY, 2) == ["rejected INSUFFICIENT_CASH"]
    assert operator.takes_money(COMPANY, 1) == ["done"]
    assert operator.takes_units(TRADER, 5) == ["rejected INSUFFICIENT_HOLDINGS"]
    assert operator.takes_units(TRADER, 4) == ["done"]
    assert operator.asks(InspectHoldings(Ref(0), TRADER)) == [
        "13 has 60 EUR: 60 available, 0 reserved, 60 to withdraw",
        "13 has 0 lots of 1: 0 available, 0 reserved, 0 unsettled, 0 of today, buys 0",
        "end of 2",
    ]


def test_what_orders_hold_does_not_leave() -> None:
    market = cleared()
    operator = Operator(market)
    operator.units(COMPANY, 10)
    operator.money(TRADER, 100)
    market.send(ALICE, sell(1, price=10, lots=4))
    market.send(BOB, buy(1, price=9, lots=4))
    assert operator.takes_units(COMPANY, 7) == ["rejected INSUFFICIENT_HOLDINGS"]
    assert operator.takes_money(TRADER, 65) == ["rejected INSUFFICIENT_CASH"]
    assert operator.takes_units(COMPANY, 6) == ["done"]
    assert operator.takes_money(TRADER, 64) == ["done"]


NO = InstrumentId(0)


@pytest.mark.parametrize("kind", [Deposit, Withdraw])
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((COMPANY, EUA, 1, "EUR"), RejectReason.INCOMPATIBLE_INSTRUCTIONS),
        ((COMPANY, EUA, 1, "", 1), RejectReason.INCOMPATIBLE_INSTRUCTIONS),
        ((COMPANY, NO, 1, "EUR", 1), RejectReason.INCOMPATIBLE_INSTRUCTIONS),
        ((COMPANY,), RejectReason.INCOMPATIBLE_INSTRUCTIONS),
        ((AccountId(99), EUA, 1), RejectReason.UNKNOWN_ACCOUNT),
        ((AccountId(0), EUA, 1), RejectReason.UNKNOWN_ACCOUNT),
        ((COMPANY, EUA, 0), RejectReason.INVALID_QUANTITY),
        ((COMPANY, NO, 0, "EUR", 0), RejectReason.INVALID_QUANTITY),
        ((COMPANY, InstrumentId(99), 1), RejectReason.UNKNOWN_INSTRUMENT),
        ((COMPANY, CEA, 1), RejectReason.MECHANISM_NOT_AVAILABLE),
        ((COMPANY, NO, 0, "CNY", 1), RejectReason.MECHANISM_NOT_AVAILABLE),
    ],
)
def test_a_transfer_that_names_nothing_to_move_is_refused(
    kind: type[Deposit | Withdraw], values: tuple[object, ...], reason: RejectReason
) -> None:
    market = cleared()
    assert Operator(market).asks(kind(Ref(0), *values)) == [f"rejected {reason.name}"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "command",
    [
        Deposit(Ref(1), COMPANY, EUA, 1),
        Withdraw(Ref(1), COMPANY, EUA, 1),
        InspectHoldings(Ref(1)),
    ],
)
def test_only_operators_move_and_see_what_is_everybodys(command: m.AnyCommand) -> None:
    assert cleared().send(ALICE, command) == ["alice 1: rejected NOT_ENTITLED"]


def test_the_venue_holds_so_much_and_no_more() -> None:
    operator = Operator(cleared())
    assert operator.units(COMPANY, limits.HOLDINGS_LOTS_MAX) == ["done"]
    assert operator.units(TRADER, 1) == ["rejected INVALID_QUANTITY"]
    assert operator.money(COMPANY, limits.CASH_MINOR_MAX) == ["done"]
    assert operator.money(TRADER, 1) == ["rejected INVALID_QUANTITY"]


def test_a_session_sees_its_own_accounts_and_no_others() -> None:
    market = cleared()
    operator = Operator(market)
    for account in (COMPANY, SECOND, TRADER):
        operator.units(account, 10)
        operator.money(account, 10)
    assert [line.partition(":")[0] for line in market.send(ALICE, HoldingsRequest(Ref(1)))] == ["alice 1"] * 3
    assert market.send(ALICE, HoldingsRequest(Ref(2), TRADER)) == ["alice 2: rejected UNKNOWN_ACCOUNT"]
    assert market.send(CAROL, HoldingsRequest(Ref(1), SECOND, EUA)) == [
        "carol 1: 12 has 10 lots of 1: 10 available, 0 reserved, 0 unsettled, 0 of today, buys 0",
        "carol 1: end of 1",
    ]
    assert market.send(CAROL, HoldingsRequest(Ref(2), instrument_id=InstrumentId(99))) == [
        "carol 2: rejected UNKNOWN_INSTRUMENT"
    ]
    assert market.send(CAROL, HoldingsRequest(Ref(3), instrument_id=CEA)) == ["carol 3: end of 0"]


def test_an_instrument_whose_units_settle_at_once_has_none_of_today() -> None:
    market = cleared(ClearingRules(lag_days=0, cash=False))
    operator = Operator(market)
    operator.units(COMPANY, 10)
    market.send(ALICE, sell(1, price=10, lots=4))
    market.send(BOB, buy(1, price=10, lots=4))
    assert operator.asks(InspectHoldings(Ref(0), TRADER, EUA)) == [
        "13 has 4 lots of 1: 4 available, 0 reserved, 0 unsettled, 0 of today, buys 0",
        "end of 1",
    ]


def test_pages_together_are_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inquiries, "HOLDINGS_STATUS_MAX", 2)
    market = cleared()
    other = structs.replace(market.engine.books[CEA].instrument.definition, currency="CNY")
    market.send(VENUE, m.DefineInstrument(structs.replace(other, clearing=ClearingRules())))
    operator = Operator(market)
    for account in (COMPANY, TRADER):
        operator.units(account, 10)
        operator.money(account, 10)
        operator.asks(Deposit(Ref(0), account, CEA, 5))
        operator.asks(Deposit(Ref(0), account, NO, 0, "CNY", 5))
    seen: list[str] = []
    after: tuple[int, int, str] = (0, 0, "")
    for number in range(4):
        operator.ref += 1
        page = market.outputs(OPS, InspectHoldings(Ref(operator.ref), AccountId(0), NO, *after))  # type: ignore[arg-type]
        *reports, end = page.streams[0].reports
        assert isinstance(end, m.StatusEnd)
        assert (end.count, end.more) == (2, number < 3)
        for report in reports:
            assert isinstance(report, m.Cash | m.Holding)
            instrument = report.instrument_id if isinstance(report, m.Holding) else 0
            currency = report.currency if isinstance(report, m.Cash) else ""
            after = report.account_id, instrument, currency
            seen.append(f"{report.account_id} {currency or instrument}")
    assert seen == ["11 CNY", "11 EUR", "11 1", "11 2", "13 CNY", "13 EUR", "13 1", "13 2"]


def test_what_came_in_is_part_of_the_state() -> None:
    market = cleared()
    operator = Operator(market)
    operator.units(COMPANY, 10)
    operator.money(TRADER, 100)
    before = snapshot(market.engine)
    assert snapshot(restore(before)) == before
    operator.units(COMPANY, 1)
    assert snapshot(market.engine) != before
