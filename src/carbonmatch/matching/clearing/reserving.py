"""Orders hold what they need for as long as they rest: units to sell, or money to buy.

The ladders tell of every order that comes, goes or gets smaller, be it in the book, as a stop or for an
auction to come. So there is no way out that could forget to give something back: cancels, expiries,
reductions, replacements and purges all take their orders off a ladder. Only three loops change what is left
of an order without one, and say so themselves: those of continuous trading, of auctions and of self-trade
prevention.
"""

from typing import TYPE_CHECKING, Final

from carbonmatch.matching.accounts import Account
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.ladder import Observer, Order
from carbonmatch.matching.messages import RejectReason, Side, TradeKind

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.listing.order_list import OrderList

# Members of an enum are looked up once, here, and not for each order.
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL
# For all kinds of the screen an order holds the same.
SCREEN: Final = TradeKind.CONTINUOUS


class Reserving(Observer):
    """Lets the orders of a book's ladders hold what they need."""

    __slots__ = ("_clearing",)

    def __init__(self, clearing: Clearing) -> None:
        self._clearing = clearing

    # Nearly every command pays for resting or leaving, so `Clearing.reserve` and `release` are written out in
    # these two: called, they would cost as much again.

    def rested(self, order: Order) -> None:
        clearing = self._clearing
        lots = order.leaves_lots + order.hidden_lots
        account_id = order.account.account_id
        position = clearing.positions.get(account_id) or clearing.of(account_id)
        if order.ladder.side is _SELL:
            position.free_lots -= lots
            assert position.free_lots >= 0, "it was asked before whether they may be reserved"
            return
        position.buying_lots += lots
        if clearing.cash is not None:
            cash = clearing.cash.accounts[account_id]
            ticks = order.level.price_ticks if order.terms is None else _held_ticks(order)
            cash.free_minor -= clearing.amounts.reserved_minor(lots, ticks, SCREEN)
            assert cash.free_minor >= 0, "it was asked before whether it may be reserved"

    def removed(self, order: Order) -> None:
        lots = order.leaves_lots + order.hidden_lots
        if not lots:
            return
        clearing = self._clearing
        account_id = order.account.account_id
        position = clearing.positions[account_id]
        if order.ladder.side is _SELL:
            position.free_lots += lots
            assert position.free_lots <= position.total_lots, "no more is given back than was reserved"
            return
        position.buying_lots -= lots
        assert position.buying_lots >= 0, "no more is given back than was reserved"
        if clearing.cash is not None:
            cash = clearing.cash.accounts[account_id]
            ticks = order.level.price_ticks if order.terms is None else _held_ticks(order)
            cash.free_minor += clearing.amounts.reserved_minor(lots, ticks, SCREEN)
            assert cash.free_minor <= cash.total_minor, "no more is given back than was reserved"

    def reduced(self, order: Order, lots: int) -> None:
        left_lots = order.leaves_lots + order.hidden_lots
        self._clearing.release(order.account, order.ladder.side, lots, left_lots, _held_ticks(order), SCREEN)

    def filled(self, order: Order, lots: int) -> None:
        self.reduced(order, lots)

    def traded(self, order: Order, taker: Account, lots: int) -> None:
        self.reduced(order, lots)
        buyer, seller = (order.account, taker) if order.ladder.side is _BUY else (taker, order.account)
        self._clearing.settle(buyer, seller, lots, order.level.price_ticks, SCREEN)


class ReservingAndListing(Observer):
    """The same where the book has an order list as well."""

    __slots__ = ("_order_list", "_reserving")

    def __init__(self, reserving: Reserving, order_list: "OrderList") -> None:
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
    """Let the ladders tell those who have to know: the book's clearing, and its order list."""
    clearing, order_list = book.clearing, book.order_list
    reserving = Reserving(clearing) if isinstance(clearing, Clearing) else None
    of_book: Observer | None = reserving or order_list
    if reserving is not None and order_list is not None:
        of_book = ReservingAndListing(reserving, order_list)
    book.bids.observer = book.asks.observer = of_book
    book.buy_stops.observer = book.sell_stops.observer = reserving
    book.bids.waiting.observer = book.asks.waiting.observer = reserving


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
