"""Any orders and trades: units and money stay what they are, and nobody owes either.

The reference is a list of what is open: what is reserved is computed anew from it, with fractions for fees,
and nothing else is remembered of how it came to be.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from carbonmatch.matching.accounts import Account
from carbonmatch.matching.clearing.cash import CashLedger
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.messages import AccountId, GroupId, ParticipantId, Side, TradeId, TradeKind
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees

BUY, SELL = Side.BUY, Side.SELL
KINDS = list(TradeKind)
SCREEN = [TradeKind.CONTINUOUS, TradeKind.AUCTION, TradeKind.LISTED]
TICK_VALUE = 7
ACCOUNTS = [Account(AccountId(n), ParticipantId(n), f"A{n}", GroupId(0)) for n in (1, 2, 3)]
owners = st.sampled_from(ACCOUNTS)
few_lots = st.integers(1, 60)
prices = st.integers(1, 40)
some_fees = st.lists(
    st.builds(
        Fees,
        st.sampled_from(KINDS),
        st.integers(0, 10_000),
        st.integers(0, 10_000),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    unique_by=lambda fees: fees.kind,
).map(tuple)


@dataclass
class Open:
    """An order as the reference has it."""

    owner: Account
    side: Side
    lots: int
    price_ticks: int
    kind: TradeKind


class ClearingMachine(RuleBasedStateMachine):
    """Two instruments of one currency, with orders which rest, trade in parts, and go."""

    def __init__(self) -> None:
        super().__init__()
        self.cash = CashLedger("CNY")
        self.clearing = Clearing(ClearingRules(), TICK_VALUE, self.cash)
        self.open: list[Open] = []
        self.day = 0
        self.units = 0
        self.money = 0

    @precondition(lambda self: not self.open and not self.units)
    @rule(fees=some_fees, lag_days=st.integers(0, 3), most=st.sampled_from([0, 0, 80]))
    def begin(self, fees: tuple[Fees, ...], lag_days: int, most: int) -> None:
        rules = ClearingRules(lag_days=lag_days, fees=fees, position_max_lots=most)
        self.clearing = Clearing(rules, TICK_VALUE, self.cash)
        self.day = 0

    @rule(owner=owners, lots=st.integers(1, 200), minor=st.integers(1, 100_000))
    def deposit(self, owner: Account, lots: int, minor: int) -> None:
        self.clearing.deposit(owner.account_id, lots)
        self.cash.deposit(owner.account_id, minor)
        self.units += lots
        self.money += minor

    @rule(owner=owners, lots=st.integers(1, 50), minor=st.integers(1, 50_000))
    def withdraw(self, owner: Account, lots: int, minor: int) -> None:
        if self.clearing.may_withdraw(owner.account_id, lots):
            self.clearing.withdraw(owner.account_id, lots)
            self.units -= lots
        if self.cash.may_withdraw(owner.account_id, minor):
            self.cash.withdraw(owner.account_id, minor)
            self.money -= minor

    @rule(
        owner=owners,
        side=st.sampled_from(Side),
        lots=few_lots,
        price_ticks=prices,
        kind=st.sampled_from(KINDS),
    )
    def order(self, owner: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind) -> None:
        refusal = self.clearing.refusal(owner, side, lots, price_ticks, kind)
        assert (refusal is None) == self.fits(Open(owner, side, lots, price_ticks, kind))
        if refusal is None:
            self.clearing.reserve(owner, side, lots, price_ticks, kind)
            self.open.append(Open(owner, side, lots, price_ticks, kind))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def reduce(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.open))
        self.give_back(order, data.draw(st.integers(1, order.lots)))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), taker=owners, better=st.integers(0, 5))
    def trade(self, data: st.DataObject, taker: Account, better: int) -> None:
        """A taker meets an order that rests, at its price or a better one, in any way the order may trade."""
        order = data.draw(st.sampled_from(self.open))
        lots = data.draw(st.integers(1, order.lots))
        sign = 1 if order.side is BUY else -1
        price_ticks = max(1, order.price_ticks - sign * better)
        kind = data.draw(st.sampled_from(SCREEN)) if order.kind in SCREEN else order.kind
        side = SELL if order.side is BUY else BUY
        if self.clearing.refusal(taker, side, lots, price_ticks, kind) is not None:
            return
        self.give_back(order, lots)
        buyer, seller = (order.owner, taker) if order.side is BUY else (taker, order.owner)
        self.clearing.settle(buyer, seller, lots, price_ticks, kind)

    @rule()
    def end_day(self) -> None:
        self.day += 1
        self.clearing.roll(self.day, TradeId(0))

    def give_back(self, order: Open, lots: int) -> None:
        order.lots -= lots
        self.clearing.release(order.owner, order.side, lots, order.lots, order.price_ticks, order.kind)
        if not order.lots:
            self.open.remove(order)

    # --- the reference ---------------------------------------------------------------------------

    def needed(self, order: Open) -> int:
        money = order.lots * order.price_ticks * TICK_VALUE
        kinds = SCREEN if order.kind in SCREEN else [order.kind]
        fees = [fees for fees in self.clearing.rules.fees if fees.kind in kinds] or [Fees(order.kind)]
        share = Fraction(max(fee.buyer_basis_points for fee in fees), 10_000)
        return money + floor(money * share) + order.lots * max(fee.buyer_minor_per_lot for fee in fees)

    def fits(self, order: Open) -> bool:
        number = order.owner.account_id
        position = self.clearing.positions.get(number)
        mine = [other for other in self.open if other.owner is order.owner]
        total = 0 if position is None else position.total_lots
        if order.side is SELL:
            unsettled = 0 if position is None else sum(position.unsettled_lots)
            return order.lots <= total - unsettled - sum(one.lots for one in mine if one.side is SELL)
        most = self.clearing.rules.position_max_lots
        if most and total + sum(one.lots for one in mine if one.side is BUY) + order.lots > most:
            return False
        cash = self.cash.accounts.get(number)
        reserved = sum(self.needed(one) for one in mine if one.side is BUY)
        return self.needed(order) <= (0 if cash is None else cash.total_minor) - reserved

    # --- what always holds -----------------------------------------------------------------------

    @invariant()
    def units_and_money_are_what_came_in(self) -> None:
        self.clearing.check()
        self.cash.check()
        assert sum(position.total_lots for position in self.clearing.positions.values()) == self.units
        totals = sum(cash.total_minor for cash in self.cash.accounts.values())
        assert totals + self.cash.fees_minor == self.money

    @invariant()
    def what_is_reserved_is_what_open_orders_need(self) -> None:
        for owner in ACCOUNTS:
            mine = [order for order in self.open if order.owner is owner]
            position = self.clearing.positions.get(owner.account_id)
            if position is not None:
                selling = sum(order.lots for order in mine if order.side is SELL)
                assert position.reserved_lots == selling
                assert position.buying_lots == sum(order.lots for order in mine if order.side is BUY)
            cash = self.cash.accounts.get(owner.account_id)
            if cash is not None:
                assert cash.reserved_minor == sum(self.needed(one) for one in mine if one.side is BUY)


ClearingMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestClearingOfChance = ClearingMachine.TestCase
