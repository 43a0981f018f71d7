"""Busts and corrections where accounts hold units and money: what moves back, and when it cannot."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.matching import messages as m
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.book import Book
from carbonmatch.matching.clearing.cash import CashLedger
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.take_back import take_back, take_back_refusal
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.messages import (
    AccountId,
    GroupId,
    ParticipantId,
    RejectReason,
    Side,
    TradeId,
    TradeKind,
)
from carbonmatch.matching.state import digest, restore, snapshot
from carbonmatch.matching.venue import AmendedTrade
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees
from tests.matching.market import EUA, VENUE, definition
from tests.matching.test_trades import Floor

DAY = 20231114
BUST = AmendedTrade(100, 0)
# 5 lots at 100: the buyer pays 5, the seller 10.
FEES = (Fees(TradeKind.CONTINUOUS, 100, 200), Fees(TradeKind.BLOCK, 500))


class Exchange:
    """A book with clearing whose trades are settled and taken back, and whose days end."""

    def __init__(self, rules: ClearingRules, since_trade_id: int = 0) -> None:
        self.book = Book(Instrument(definition(EUA, clearing=rules)))
        self.clearing = Clearing(rules, 1, CashLedger("EUR"), TradeId(since_trade_id))
        self.book.clearing = self.clearing
        self.accounts = [Account(AccountId(n), ParticipantId(n), f"A{n}", GroupId(0)) for n in range(4)]
        self.trades: list[m.FoundTrade] = []
        self.stands: list[AmendedTrade] = []
        self.day = DAY

    def deposit(self, owner: int, lots: int = 0, minor: int = 0) -> None:
        self.clearing.deposit(AccountId(owner), lots)
        if self.clearing.cash is not None:
            self.clearing.cash.deposit(AccountId(owner), minor)

    def trade(
        self,
        buyer: int,
        seller: int,
        lots: int = 5,
        price: int = 100,
        kind: TradeKind = TradeKind.CONTINUOUS,
    ) -> None:
        self.clearing.settle(self.accounts[buyer], self.accounts[seller], lots, price, kind)
        sides = [m.TradeSide(m.SessionId(1), m.OrderId(1), AccountId(number)) for number in (buyer, seller)]
        self.trades.append(m.FoundTrade(EUA, 1, price, lots, sides[0], sides[1], kind))
        self.stands.append(AmendedTrade(price, lots))

    def amend(self, becomes: AmendedTrade = BUST, trade_id: int = 1) -> RejectReason | None:
        stands = self.stands[trade_id - 1]
        trade = self.trades[trade_id - 1]
        reason = take_back_refusal(self.book, TradeId(trade_id), trade, stands, becomes)
        if reason is None:
            take_back(self.book, TradeId(trade_id), trade, stands, becomes)
            self.stands[trade_id - 1] = becomes
        self.check()
        return reason

    def roll(self) -> None:
        self.day += 1
        self.clearing.roll(self.day, TradeId(len(self.trades)))

    def check(self) -> None:
        self.clearing.check()
        if self.clearing.cash is not None:
            self.clearing.cash.check()

    def lots(self, owner: int) -> tuple[int, list[int]]:
        position = self.clearing.of(AccountId(owner))
        return position.free_lots, position.unsettled_lots

    def minor(self, owner: int) -> tuple[int, int]:
        """Free, and of that proceeds."""
        assert self.clearing.cash is not None
        cash = self.clearing.cash.of(AccountId(owner))
        assert self.clearing.of(AccountId(owner)).proceeds_minor == cash.proceeds_minor
        return cash.free_minor, cash.proceeds_minor

    def everything(self) -> object:
        cash = self.clearing.cash
        return (
            {
                number: (
                    position.total_lots,
                    position.free_lots,
                    list(position.unsettled_lots),
                    position.buying_lots,
                    position.proceeds_minor,
                )
                for number, position in self.clearing.positions.items()
            },
            None
            if cash is None
            else (
                cash.fees_minor,
                {
                    number: (one.total_minor, one.free_minor, one.proceeds_minor)
                    for number, one in cash.accounts.items()
                },
            ),
        )


def exchange(lag_days: int = 1, fees: tuple[Fees, ...] = FEES) -> Exchange:
    """1 has 5 lots, 2 has 505: what they cost with the fee. 2 has bought them from 1."""
    market = Exchange(ClearingRules(lag_days=lag_days, fees=fees))
    market.deposit(1, lots=5)
    market.deposit(2, minor=505)
    market.trade(2, 1)
    return market


# --- the rows of proto/TRADES.md -----------------------------------------------------------------


def test_units_that_are_not_settled_come_out_of_those_of_their_day() -> None:
    market = exchange(lag_days=2)
    market.roll()
    market.deposit(1, lots=3)
    market.deposit(2, minor=303)
    market.trade(2, 1, lots=3)
    assert market.lots(2) == (0, [3, 5])
    assert market.amend(AmendedTrade(100, 2)) is None
    assert market.lots(2) == (0, [3, 2])
    assert market.amend() is None
    assert market.lots(2) == (0, [3, 0])


def test_units_that_are_settled_come_out_of_what_is_free() -> None:
    market = exchange()
    market.deposit(2, lots=2)
    market.roll()
    assert market.amend() is None
    assert market.lots(2) == (2, [0])


def test_the_seller_has_its_units_back_and_may_sell_them_at_once() -> None:
    market = exchange()
    assert market.amend() is None
    assert market.lots(1) == (5, [0])
    assert market.clearing.refusal(market.accounts[1], Side.SELL, 5, 100, TradeKind.CONTINUOUS) is None


def test_a_correction_to_more_lots_again_takes_what_the_seller_has_free() -> None:
    market = exchange(lag_days=2)
    market.amend(AmendedTrade(100, 1))
    market.roll()
    assert market.amend(AmendedTrade(100, 4)) is None
    assert (market.lots(1), market.lots(2)) == ((1, [0, 0]), (0, [0, 4]))
    market.roll()
    market.clearing.withdraw(AccountId(1), 1)
    assert market.amend(AmendedTrade(100, 5)) is RejectReason.INSUFFICIENT_HOLDINGS
    market.deposit(1, lots=1)
    assert market.amend(AmendedTrade(100, 5)) is None
    assert (market.lots(1), market.lots(2)) == ((0, [0, 0]), (5, [0, 0]))


def test_a_correction_moves_the_difference_of_money_and_fees() -> None:
    market = exchange()
    assert (market.minor(1), market.minor(2)) == ((490, 490), (0, 0))
    assert market.amend(AmendedTrade(80, 5)) is None
    assert (market.minor(1), market.minor(2)) == ((392, 392), (101, 0))
    assert market.clearing.cash is not None
    assert market.clearing.cash.fees_minor == 12
    assert market.amend(AmendedTrade(100, 5)) is None
    assert (market.minor(1), market.minor(2)) == ((490, 490), (0, 0))


def test_proceeds_are_less_by_what_is_given_back_on_their_day_only() -> None:
    market = exchange()
    market.amend(AmendedTrade(100, 4))
    assert market.minor(1) == (392, 392)
    market.roll()
    assert market.minor(1) == (392, 0)
    market.amend()
    assert market.minor(1) == (0, 0)


@pytest.mark.parametrize("settled", [False, True])
def test_a_bust_waits_until_units_are_free_again(settled: bool) -> None:
    market = exchange(lag_days=1 if settled else 0)
    if settled:
        market.roll()
    order = market.accounts[2], Side.SELL
    market.clearing.reserve(*order, 1, 100, TradeKind.CONTINUOUS)
    before = market.everything()
    assert market.amend() is RejectReason.INSUFFICIENT_HOLDINGS
    assert market.everything() == before
    market.clearing.release(*order, 1, 0, 100, TradeKind.CONTINUOUS)
    assert market.amend() is None


@pytest.mark.parametrize(
    "use",
    [
        lambda market: market.clearing.reserve(market.accounts[1], Side.BUY, 1, 1, TradeKind.CONTINUOUS),
        lambda market: (market.roll(), market.clearing.cash.withdraw(AccountId(1), 1)),
    ],
)
def test_a_bust_waits_until_money_is_free_again(use: Callable[[Exchange], object]) -> None:
    market = exchange()
    use(market)
    before = market.everything()
    assert market.amend() is RejectReason.INSUFFICIENT_CASH
    assert market.everything() == before
    market.deposit(1, minor=1)
    assert market.amend() is None


def test_a_buyer_without_money_does_not_pay_more() -> None:
    market = exchange()
    assert market.amend(AmendedTrade(101, 5)) is RejectReason.INSUFFICIENT_CASH
    market.deposit(2, minor=5)
    assert market.amend(AmendedTrade(101, 5)) is None


@pytest.mark.parametrize("days", [0, 1])
@pytest.mark.parametrize("lag_days", [0, 1, 2])
def test_of_a_trade_with_itself_only_fees_come_back(lag_days: int, days: int) -> None:
    market = Exchange(ClearingRules(lag_days=lag_days, fees=FEES))
    market.deposit(2, lots=5, minor=505)
    market.trade(2, 2)
    for _ in range(days):
        market.roll()
    free_lots = market.lots(2)[0]
    market.clearing.reserve(market.accounts[2], Side.SELL, free_lots, 100, TradeKind.CONTINUOUS)
    market.clearing.reserve(market.accounts[2], Side.BUY, 4, 100, TradeKind.CONTINUOUS)
    assert market.minor(2)[0] == 490 - 404
    assert market.amend() is None
    assert market.minor(2) == (505 - 404, 0)
    assert market.lots(2) == (5 - free_lots, [0] * lag_days)


def test_a_trade_from_before_there_was_clearing_has_moved_nothing() -> None:
    market = Floor()
    market.trade()
    rules = ClearingRules()
    market.outputs(VENUE, m.DefineInstrument(definition(EUA, clearing=rules)))
    before = digest(market.engine)
    assert market.bust()[0] == "ops 1: done"
    clearing = market.engine.books[EUA].clearing
    assert isinstance(clearing, Clearing)
    assert not clearing.positions
    assert digest(market.engine) != before


def test_a_correction_is_not_held_against_the_position_limit() -> None:
    market = Exchange(ClearingRules(position_max_lots=5))
    market.deposit(1, lots=5)
    market.deposit(2, minor=500)
    market.trade(2, 1)
    market.amend(AmendedTrade(100, 1))
    market.deposit(2, lots=5)
    assert market.amend(AmendedTrade(100, 5)) is None


# --- beside the page -----------------------------------------------------------------------------


def test_fees_go_by_the_kind_of_the_trade() -> None:
    market = Exchange(ClearingRules(fees=FEES))
    market.deposit(1, lots=5)
    market.deposit(2, minor=525)
    market.trade(2, 1, kind=TradeKind.BLOCK)
    assert market.minor(2) == (0, 0)
    assert market.amend() is None
    assert market.minor(2) == (525, 0)


def test_where_only_units_are_held_only_units_come_back() -> None:
    market = Exchange(ClearingRules(cash=False, fees=FEES))
    market.deposit(1, lots=5)
    market.trade(2, 1)
    assert market.amend() is None
    assert (market.lots(1), market.lots(2)) == ((5, [0]), (0, [0]))


def test_an_operator_is_refused_and_nothing_is_told_where_units_are_gone() -> None:
    market = Floor(clearing=ClearingRules(lag_days=0))
    clearing = market.engine.books[EUA].clearing
    assert isinstance(clearing, Clearing)
    assert clearing.cash is not None
    clearing.deposit(AccountId(11), 5)
    clearing.cash.deposit(AccountId(13), 500)
    market.trade()
    clearing.withdraw(AccountId(13), 1)
    assert market.bust() == ["ops 1: rejected INSUFFICIENT_HOLDINGS"]
    assert market.correct(100, 4) == [
        "ops 2: done",
        "bob 0: corrected #2 buy 5 @ 100 to 4 @ 100: why",
        "alice 0: corrected #1 sell 5 @ 100 to 4 @ 100: why",
    ]
    assert market.bust() == ["ops 3: rejected INSUFFICIENT_HOLDINGS"]
    clearing.deposit(AccountId(13), 1)
    assert market.bust()[0] == "ops 4: done"
    assert clearing.of(AccountId(11)).free_lots == 5


def test_a_restored_venue_knows_of_which_day_a_trade_was_and_since_when_there_is_clearing() -> None:
    market = Floor(clearing=ClearingRules(lag_days=2))
    clearing = market.engine.books[EUA].clearing
    assert isinstance(clearing, Clearing)
    assert clearing.cash is not None
    clearing.deposit(AccountId(11), 5)
    clearing.cash.deposit(AccountId(13), 500)
    clearing.since_trade_id = TradeId(0)
    market.trade()
    clearing.roll(DAY, TradeId(1))
    data = snapshot(market.engine)
    market.engine = restore(data)
    assert snapshot(market.engine) == data
    assert market.bust()[0] == "ops 1: done"
    restored = market.engine.books[EUA].clearing
    assert isinstance(restored, Clearing)
    assert restored.of(AccountId(13)).unsettled_lots == [0, 0]
    assert restored.of(AccountId(11)).free_lots == 5
    restored.since_trade_id = TradeId(1)
    market.engine = restore(snapshot(market.engine))
    again = market.engine.books[EUA].clearing
    assert isinstance(again, Clearing)
    assert again.since_trade_id == 1


# --- whatever the trade --------------------------------------------------------------------------

some_lots = st.integers(0, 60)
some_prices = st.integers(1, 40)
some_fees = st.builds(
    Fees,
    st.just(TradeKind.CONTINUOUS),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.integers(0, 9),
    st.integers(0, 9),
)


@given(
    some_fees,
    st.integers(0, 3),
    st.booleans(),
    st.integers(1, 3),
    st.integers(1, 3),
    st.lists(st.tuples(some_lots, some_prices), max_size=4),
    st.integers(1, 60),
    some_prices,
    st.booleans(),
)
def test_what_is_taken_back_leaves_everything_as_it_was(
    fees: Fees,
    lag_days: int,
    cash: bool,
    buyer: int,
    seller: int,
    corrections: list[tuple[int, int]],
    lots: int,
    price: int,
    between: bool,
) -> None:
    """Also by way of corrections, and where other trades of the day were made before and after."""
    market = Exchange(ClearingRules(lag_days=lag_days, cash=cash, fees=(fees,)))
    for owner in (1, 2, 3):
        market.deposit(owner, lots=200, minor=100_000)
    if between:
        market.trade(1, 2, lots=7, price=3)
    before = market.everything()
    market.trade(buyer, seller, lots=lots, price=price)
    trade_id = len(market.trades)
    for corrected_lots, corrected_price in corrections:
        becomes = AmendedTrade(corrected_price, min(lots, corrected_lots))
        assert market.amend(becomes, trade_id) is None
        if cash:
            expected = Exchange(ClearingRules(lag_days=lag_days, fees=(fees,)))
            for owner in (1, 2, 3):
                expected.deposit(owner, lots=200, minor=100_000)
            if between:
                expected.trade(1, 2, lots=7, price=3)
            if becomes.quantity_lots:
                expected.trade(buyer, seller, lots=becomes.quantity_lots, price=becomes.price_ticks)
            assert market.everything() == expected.everything()
    assert market.amend(AmendedTrade(price, 0), trade_id) is None
    assert market.everything() == before


@given(some_fees, st.integers(0, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 60), some_prices)
def test_days_later_units_and_money_come_back_to_where_they_came_from(
    fees: Fees, lag_days: int, days: int, buyer: int, lots: int, price: int
) -> None:
    market = Exchange(ClearingRules(lag_days=lag_days, fees=(fees,)))
    for owner in (1, 2, 3):
        market.deposit(owner, lots=200, minor=100_000)
    before = market.everything()
    market.trade(buyer, 3, lots=lots, price=price)
    for _ in range(days):
        market.roll()
    bought_lots = 0 if buyer == 3 else lots
    total = market.clearing.of(AccountId(buyer)).total_lots
    assert total == 200 + bought_lots
    assert market.clearing.cash is not None
    paid = price * lots + Fraction(price * lots * fees.buyer_basis_points, 10_000).__floor__()
    if buyer != 3:
        assert market.minor(buyer)[0] == 100_000 - paid - lots * fees.buyer_minor_per_lot
    assert market.amend() is None
    assert market.everything() == before
