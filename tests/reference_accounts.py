"""What accounts have, by dicts and fractions: the naive side of clearing, where units settle at once.

What is reserved is never kept, but reckoned anew from the orders that are open whenever somebody asks.
"""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from math import floor
from typing import Protocol

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import RejectReason, Side, TradeKind

_SCREEN = (TradeKind.CONTINUOUS, TradeKind.AUCTION, TradeKind.LISTED)


class OpenOrder(Protocol):
    account_id: int
    instrument_id: int
    side: Side
    price: int

    @property
    def leaves(self) -> int: ...


def _fee(money: int, lots: int, basis_points: int, minor_per_lot: int) -> int:
    return floor(Fraction(money * basis_points, 10_000)) + lots * minor_per_lot


class ReferenceAccounts:
    """Only of limit orders and auctions, in instruments that have been cleared from the beginning."""

    def __init__(self, definitions: dict[int, m.InstrumentDefinition]) -> None:
        self.definitions = definitions
        self.units: Counter[tuple[int, int]] = Counter()  # by instrument and account
        self.money: Counter[tuple[str, int]] = Counter()  # by currency and account
        self.proceeds: Counter[tuple[str, int]] = Counter()
        self.fees: Counter[str] = Counter()

    def rules(self, instrument_id: int) -> m.ClearingRules | None:
        definition = self.definitions.get(instrument_id)
        return None if definition is None else definition.clearing

    def means_refusal(
        self, account_id: int, instrument_id: int, side: Side, lots: int, price: int, orders: list[OpenOrder]
    ) -> RejectReason | None:
        """Why so many lots may not be ordered beside these orders."""
        rules = self.rules(instrument_id)
        if rules is None:
            return None
        if side is Side.SELL:
            enough = lots <= self.free_units(instrument_id, account_id, orders)
            return None if enough else RejectReason.INSUFFICIENT_HOLDINGS
        there = self.units[instrument_id, account_id] + sum(
            one.leaves
            for one in orders
            if (one.account_id, one.instrument_id, one.side) == (account_id, instrument_id, Side.BUY)
        )
        if rules.position_max_lots and there + lots > rules.position_max_lots:
            return RejectReason.POSITION_LIMIT
        currency = self.definitions[instrument_id].currency
        if self.needed(instrument_id, lots, price) > self.free_money(currency, account_id, orders):
            return RejectReason.INSUFFICIENT_CASH
        return None

    def needed(self, instrument_id: int, lots: int, price: int) -> int:
        """What an order to buy reserves: its money and the highest fee of the screen."""
        rules = self.rules(instrument_id)
        assert rules is not None
        money = lots * price * self.definitions[instrument_id].tick_value_minor
        fees = [one for one in rules.fees if one.kind in _SCREEN] or [m.Fees(TradeKind.CONTINUOUS)]
        share, a_lot = max(f.buyer_basis_points for f in fees), max(f.buyer_minor_per_lot for f in fees)
        return money + _fee(money, lots, share, a_lot)

    def free_units(self, instrument_id: int, account_id: int, orders: Iterable[OpenOrder]) -> int:
        return self.units[instrument_id, account_id] - sum(
            one.leaves
            for one in orders
            if (one.account_id, one.instrument_id, one.side) == (account_id, instrument_id, Side.SELL)
        )

    def free_money(self, currency: str, account_id: int, orders: Iterable[OpenOrder]) -> int:
        return self.money[currency, account_id] - sum(
            self.needed(one.instrument_id, one.leaves, one.price)
            for one in orders
            if (one.account_id, one.side) == (account_id, Side.BUY)
            and self.rules(one.instrument_id) is not None
            and self.definitions[one.instrument_id].currency == currency
        )

    def move(self, trade: m.FoundTrade, price: int, lots: int, sign: int = 1) -> None:
        """Make a trade, or with the other sign unmake it."""
        rules = self.rules(trade.instrument_id)
        if rules is None:
            return
        definition = self.definitions[trade.instrument_id]
        buyer, seller = trade.buyer.account_id, trade.seller.account_id
        self.units[trade.instrument_id, buyer] += sign * lots
        self.units[trade.instrument_id, seller] -= sign * lots
        fees = next((one for one in rules.fees if one.kind is trade.kind), m.Fees(trade.kind))
        money = price * lots * definition.tick_value_minor
        paid = money + _fee(money, lots, fees.buyer_basis_points, fees.buyer_minor_per_lot)
        got = max(0, money - _fee(money, lots, fees.seller_basis_points, fees.seller_minor_per_lot))
        self.money[definition.currency, buyer] -= sign * paid
        self.money[definition.currency, seller] += sign * got
        self.proceeds[definition.currency, seller] += sign * got
        self.fees[definition.currency] += sign * (paid - got)

    def amend(
        self, trade: m.FoundTrade, stands: tuple[int, int], becomes: tuple[int, int], orders: list[OpenOrder]
    ) -> RejectReason | None:
        """Move the difference; or say why not, where somebody would have less than nothing that is free."""
        if self.rules(trade.instrument_id) is None:
            return None
        self.move(trade, *stands, -1)
        self.move(trade, *becomes)
        currency = self.definitions[trade.instrument_id].currency
        owners = (trade.buyer.account_id, trade.seller.account_id)
        reason = None
        if any(self.free_units(trade.instrument_id, owner, orders) < 0 for owner in owners):
            reason = RejectReason.INSUFFICIENT_HOLDINGS
        elif any(self.free_money(currency, owner, orders) < 0 for owner in owners):
            reason = RejectReason.INSUFFICIENT_CASH
        if reason is not None:
            self.move(trade, *becomes, -1)
            self.move(trade, *stands)
        return reason

    def transfer(self, command: m.Deposit | m.Withdraw, orders: list[OpenOrder]) -> RejectReason | None:
        """Of units or of money, of a command that names one of them."""
        account_id = command.account_id
        is_cleared = any(
            definition.clearing is not None
            and (definition.currency == command.currency or number == command.instrument_id)
            for number, definition in self.definitions.items()
        )
        if not is_cleared:
            return RejectReason.MECHANISM_NOT_AVAILABLE
        sign = 1 if isinstance(command, m.Deposit) else -1
        if command.instrument_id:
            free = self.free_units(command.instrument_id, account_id, orders)
            if sign < 0 and command.quantity_lots > free:
                return RejectReason.INSUFFICIENT_HOLDINGS
            self.units[command.instrument_id, account_id] += sign * command.quantity_lots
            return None
        free = self.free_money(command.currency, account_id, orders)
        free -= self.proceeds[command.currency, account_id]
        if sign < 0 and command.amount_minor > max(0, free):
            return RejectReason.INSUFFICIENT_CASH
        self.money[command.currency, account_id] += sign * command.amount_minor
        return None
