"""Clearing of one instrument: nothing is sold that is not there, and nothing bought that is not paid for.

An order reserves what it needs when it rests: units to sell, or money for its limit and the highest fee.
What of it goes on to rest keeps reserved what it would need as an order of its own, and the difference is
given back; so an order that is gone has left nothing behind, whichever way and in however many parts it went.
A taker reserves nothing, because it pays from what is free while its command is applied.
"""

from carbonmatch.matching.accounts import Account
from carbonmatch.matching.clearing.amounts import Amounts
from carbonmatch.matching.clearing.cash import CashLedger
from carbonmatch.matching.clearing.position import Position
from carbonmatch.matching.messages import AccountId, RejectReason, Side, TradeKind
from carbonmatch.matching.vocabulary.clearing import ClearingRules


class Clearing:
    """The positions of one instrument, and what its orders reserve of them and of the cash behind.

    Invariant: all positions together are what was deposited, less what was withdrawn. `cash` is shared by
    the instruments of its currency; it is None where the rules do not hold money.
    """

    __slots__ = ("_amounts", "cash", "deposited_lots", "positions", "rolled_day", "rules")

    def __init__(self, rules: ClearingRules, tick_value_minor: int, cash: CashLedger) -> None:
        self.rules = rules
        self.cash = cash if rules.cash else None
        self.positions: dict[AccountId, Position] = {}
        self.deposited_lots = 0
        # The last trading day that ended here.
        self.rolled_day = 0
        self._amounts = Amounts(rules, tick_value_minor)

    def of(self, account_id: AccountId) -> Position:
        """The account's position; nothing at first."""
        position = self.positions.get(account_id)
        if position is None:
            position = self.positions[account_id] = Position(self.rules.lag_days)
        return position

    def is_by(self, rules: ClearingRules | None, tick_value_minor: int, currency: str) -> bool:
        """Whether these are what it goes by."""
        is_same_cash = self.cash is None or self.cash.currency == currency
        return self.rules == rules and self._amounts.tick_value_minor == tick_value_minor and is_same_cash

    # --- orders ----------------------------------------------------------------------------------

    def refusal(
        self, account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind
    ) -> RejectReason | None:
        """Why so many lots at this limit may neither trade nor be reserved, None if they may."""
        position = self.positions.get(account.account_id)
        if side is Side.SELL:
            if position is None or lots > position.free_lots:
                return RejectReason.INSUFFICIENT_HOLDINGS
            return None
        most_lots = self.rules.position_max_lots
        if most_lots:
            there = 0 if position is None else position.total_lots + position.buying_lots
            if there + lots > most_lots:
                return RejectReason.POSITION_LIMIT
        if self.cash is not None:
            cash = self.cash.accounts.get(account.account_id)
            needed_minor = self._amounts.reserved_minor(lots, price_ticks, kind)
            if cash is None or needed_minor > cash.free_minor:
                return RejectReason.INSUFFICIENT_CASH
        return None

    def reserve(self, account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind) -> None:
        """Hold what so many lots at this limit need, after `refusal` had nothing against it."""
        position = self.of(account.account_id)
        if side is Side.SELL:
            assert lots <= position.free_lots, "it was asked before whether they may be reserved"
            position.free_lots -= lots
            return
        position.buying_lots += lots
        if self.cash is not None:
            cash = self.cash.of(account.account_id)
            minor = self._amounts.reserved_minor(lots, price_ticks, kind)
            assert minor <= cash.free_minor, "it was asked before whether it may be reserved"
            cash.free_minor -= minor

    def release(
        self, account: Account, side: Side, lots: int, leaves_lots: int, price_ticks: int, kind: TradeKind
    ) -> None:
        """Give back what so many lots held, where `leaves_lots` of the order stay reserved."""
        position = self.positions[account.account_id]
        if side is Side.SELL:
            position.free_lots += lots
            assert position.free_lots <= position.total_lots, "no more is given back than was reserved"
            return
        position.buying_lots -= lots
        assert position.buying_lots >= 0, "no more is given back than was reserved"
        if self.cash is not None:
            cash = self.cash.accounts[account.account_id]
            held_minor = self._amounts.reserved_minor(lots + leaves_lots, price_ticks, kind)
            cash.free_minor += held_minor - self._amounts.reserved_minor(leaves_lots, price_ticks, kind)
            assert cash.free_minor <= cash.total_minor, "no more is given back than was reserved"

    def held_minor(self, lots: int, price_ticks: int, kind: TradeKind) -> int:
        """The money that an order to buy holds."""
        return 0 if self.cash is None else self._amounts.reserved_minor(lots, price_ticks, kind)

    # --- trades ----------------------------------------------------------------------------------

    def settle(self, buyer: Account, seller: Account, lots: int, price_ticks: int, kind: TradeKind) -> None:
        """Move units and money, and take fees. The lots are reserved no longer, on either side."""
        position = self.positions[seller.account_id]
        position.take_free(lots)
        self.of(buyer.account_id).add_bought(lots)
        if self.cash is None:
            return
        money_minor = self._amounts.money_minor(lots, price_ticks)
        buyer_fee = self._amounts.fee_minor(Side.BUY, lots, money_minor, kind)
        seller_fee = self._amounts.fee_minor(Side.SELL, lots, money_minor, kind)
        self.cash.accounts[buyer.account_id].take(money_minor + buyer_fee)
        proceeds_minor = money_minor - seller_fee
        cash = self.cash.of(seller.account_id)
        cash.add(proceeds_minor)
        cash.proceeds_minor += proceeds_minor
        position.proceeds_minor += proceeds_minor
        self.cash.fees_minor += buyer_fee + seller_fee

    def roll(self, trading_day: int) -> None:
        """The day is over: the oldest purchases may be sold, and its proceeds may leave."""
        assert trading_day > self.rolled_day, "each trading day ends once"
        self.rolled_day = trading_day
        for account_id, position in self.positions.items():
            position.roll()
            if position.proceeds_minor:
                assert self.cash is not None
                self.cash.accounts[account_id].proceeds_minor -= position.proceeds_minor
                position.proceeds_minor = 0

    # --- the registry ----------------------------------------------------------------------------

    def deposit(self, account_id: AccountId, lots: int) -> None:
        """So many units came in from the registry: they may be sold at once."""
        self.of(account_id).add_free(lots)
        self.deposited_lots += lots

    def may_withdraw(self, account_id: AccountId, lots: int) -> bool:
        position = self.positions.get(account_id)
        return position is not None and lots <= position.free_lots

    def withdraw(self, account_id: AccountId, lots: int) -> None:
        """So many units go back to the registry, after `may_withdraw`."""
        assert self.may_withdraw(account_id, lots)
        self.positions[account_id].take_free(lots)
        self.deposited_lots -= lots

    def check(self) -> None:
        """Assert every invariant but that of what is reserved, which only the orders know."""
        for position in self.positions.values():
            position.check()
            assert len(position.unsettled_lots) == self.rules.lag_days
        total_lots = sum(position.total_lots for position in self.positions.values())
        assert total_lots == self.deposited_lots, "units neither come nor go by trading"
