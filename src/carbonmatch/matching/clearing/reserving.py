"""Orders hold what they need for as long as they rest: units to sell, or money to buy.

The ladders tell of every order that comes, goes or gets smaller, be it in the book, as a stop or for an
auction to come. So there is no way out that could forget to give something back: cancels, expiries,
reductions, replacements and purges all take their orders off a ladder. Only three loops change what is left
of an order without one, and say so themselves: those of continuous trading, of auctions and of self-trade
prevention.
"""

from typing import TYPE_CHECKING, Final

from carbonmatch.matching.accounts import Account
from carbonmatch.matching.clearing.amounts import BASIS_POINTS
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.ladder import Observer, Order
from carbonmatch.matching.messages import RejectReason, TradeKind

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.listing.order_list import OrderList

# For all kinds of the screen an order holds the same.
SCREEN: Final = TradeKind.CONTINUOUS


class _Reserving(Observer):
    """Nearly every command pays for resting or leaving, so what `Clearing.reserve` and `release` do is
    written out for each: called, it would cost as much again.
    """

    __slots__ = ("_clearing", "_positions")

    def __init__(self, clearing: Clearing) -> None:
        self._clearing = clearing
        self._positions = clearing.positions

    def filled(self, order: Order, lots: int) -> None:
        self.reduced(order, lots)


class ReservingUnits(_Reserving):
    """Lets the orders of a ladder of sellers hold their units."""

    __slots__ = ()

    def rested(self, order: Order) -> None:
        position = self._positions[order.account.account_id]
        position.free_lots -= order.leaves_lots + order.hidden_lots
        assert position.free_lots >= 0, "it was asked before whether they may be reserved"

    def removed(self, order: Order) -> None:
        position = self._positions[order.account.account_id]
        position.free_lots += order.leaves_lots + order.hidden_lots
        assert position.free_lots <= position.total_lots, "no more is given back than was reserved"

    def reduced(self, order: Order, lots: int) -> None:
        position = self._positions[order.account.account_id]
        position.free_lots += lots
        assert position.free_lots <= position.total_lots, "no more is given back than was reserved"

    def traded(self, order: Order, taker: Account, lots: int) -> None:
        self.reduced(order, lots)
        self._clearing.settle(taker, order.account, lots, order.level.price_ticks, SCREEN)


class ReservingPurchases(_Reserving):
    """Lets the orders of a ladder of buyers count for their limits, where no money is held."""

    __slots__ = ()

    def rested(self, order: Order) -> None:
        account_id = order.account.account_id
        position = self._positions.get(account_id) or self._clearing.of(account_id)
        position.buying_lots += order.leaves_lots + order.hidden_lots

    def removed(self, order: Order) -> None:
        self.reduced(order, order.leaves_lots + order.hidden_lots)

    def reduced(self, order: Order, lots: int) -> None:
        position = self._positions[order.account.account_id]
        position.buying_lots -= lots
        assert position.buying_lots >= 0, "no more is given back than was reserved"

    def traded(self, order: Order, taker: Account, lots: int) -> None:
        self.reduced(order, lots)
        self._clearing.settle(order.account, taker, lots, order.level.price_ticks, SCREEN)


class ReservingMoney(ReservingPurchases):
    """Lets the orders of a ladder of buyers hold the money that they may come to."""

    __slots__ = ("_basis_points", "_minor_per_lot", "_tick_value_minor")

    def __init__(self, clearing: Clearing) -> None:
        super().__init__(clearing)
        self._tick_value_minor = clearing.amounts.tick_value_minor
        self._basis_points, self._minor_per_lot = clearing.amounts.of_screen

    def rested(self, order: Order) -> None:
        account_id = order.account.account_id
        position = self._positions.get(account_id) or self._clearing.of(account_id)
        lots = order.leaves_lots + order.hidden_lots
        position.buying_lots += lots
        cash = position.cash or self._clearing.cash_of(account_id, position)
        # As `Amounts.reserved_minor`.
        ticks = order.level.price_ticks if order.terms is None else _held_ticks(order)
        money = lots * ticks * self._tick_value_minor
        minor = money + money * self._basis_points // BASIS_POINTS + lots * self._minor_per_lot
        order.held_minor = minor
        cash.free_minor -= minor
        assert cash.free_minor >= 0, "it was asked before whether it may be reserved"

    def removed(self, order: Order) -> None:
        position = self._positions[order.account.account_id]
        position.buying_lots -= order.leaves_lots + order.hidden_lots
        assert position.buying_lots >= 0, "no more is given back than was reserved"
        cash = position.cash
        assert cash is not None, "an order that holds money has found it"
        cash.free_minor += order.held_minor
        assert cash.free_minor <= cash.total_minor, "no more is given back than was reserved"

    def reduced(self, order: Order, lots: int) -> None:
        position = self._positions[order.account.account_id]
        position.buying_lots -= lots
        assert position.buying_lots >= 0, "no more is given back than was reserved"
        minor = held_minor(self._clearing, order)
        cash = position.cash
        assert cash is not None, "an order that holds money has found it"
        cash.free_minor += order.held_minor - minor
        assert cash.free_minor <= cash.total_minor, "no more is given back than was reserved"
        order.held_minor = minor


class ReservingAndListing(Observer):
    """The same where the book has an order list as well."""

    __slots__ = ("_order_list", "_reserving")

    def __init__(self, reserving: Observer, order_list: "OrderList") -> None:
        self._reserving = reserving
        self._order_list = order_list

    def rested(self, order: Order) -> None:
        self._reserving.rested(order)
        self._order_list.rested(order)

    def removed(self, order: Order) -> None:
        self._reserving.removed(order)
        self._order_list.removed(order)

    def reduced(self, order: Order, lots: int) -> None:
        self._reserving.reduced(order, lots)
        self._order_list.reduced(order, lots)

    def traded(self, order: Order, taker: Account, lots: int) -> None:
        self._reserving.traded(order, taker, lots)

    def filled(self, order: Order, lots: int) -> None:
        self._reserving.filled(order, lots)


def choose_observers(book: "Book") -> None:
    """Let the ladders tell those who have to know: the book's clearing as it is now, and its order list."""
    clearing = book.clearing
    units: Observer | None = None
    money: Observer | None = None
    if isinstance(clearing, Clearing):
        units = ReservingUnits(clearing)
        money = ReservingPurchases(clearing) if clearing.cash is None else ReservingMoney(clearing)
    for ladder, reserving in ((book.bids, money), (book.asks, units)):
        ladder.stops.observer = ladder.waiting.observer = reserving
        ladder.observer = _with_list(reserving, book.order_list)


def _with_list(reserving: Observer | None, order_list: "OrderList | None") -> Observer | None:
    if reserving is None or order_list is None:
        return reserving or order_list
    return ReservingAndListing(reserving, order_list)


def held_minor(clearing: Clearing, order: Order) -> int:
    """The money that an order to buy holds while it is on a ladder."""
    return clearing.held_minor(order.leaves_lots + order.hidden_lots, _held_ticks(order), SCREEN)


def replaced_order_refusal(order: Order, lots: int, price_ticks: int) -> RejectReason | None:
    """Why an order on a ladder may not have so many lots left at another price, None if it may."""
    clearing = order.ladder.book.clearing
    if not isinstance(clearing, Clearing):
        return None
    _give_back(clearing, order)
    reason = clearing.refusal(order.account, order.ladder.side, lots, price_ticks, SCREEN)
    _hold(clearing, order)
    return reason


def _hold(clearing: Clearing, order: Order) -> None:
    """Reserve what the order has left."""
    left_lots = order.leaves_lots + order.hidden_lots
    clearing.reserve(order.account, order.ladder.side, left_lots, _held_ticks(order), SCREEN)


def _give_back(clearing: Clearing, order: Order) -> None:
    """Reserve nothing for the order any more."""
    left_lots = order.leaves_lots + order.hidden_lots
    clearing.release(order.account, order.ladder.side, left_lots, 0, _held_ticks(order), SCREEN)


def _held_ticks(order: Order) -> int:
    """The price for which it holds money.

    A stop without a limit holds it for its stop price; what more it needs is asked when it fires.
    """
    terms = order.terms
    if terms is not None and terms.waits_since:
        return terms.price_ticks or order.level.price_ticks
    return order.level.price_ticks
