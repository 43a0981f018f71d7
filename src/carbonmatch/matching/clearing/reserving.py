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
from carbonmatch.matching.messages import RejectReason, Side, TradeKind

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.listing.order_list import OrderList

# For all kinds of the screen an order holds the same.
SCREEN: Final = TradeKind.CONTINUOUS
_SELL: Final = Side.SELL


class Reserving(Observer):
    """Lets the orders of one side hold their units; or their money, and count for their limits.

    Nearly every command takes an order away, so what `Clearing.release` does is written out: called, it would
    cost as much again.
    """

    __slots__ = ("_clearing", "_ledger", "_of_trades", "_positions", "_reserved", "_sells")

    def __init__(self, clearing: Clearing, side: Side) -> None:
        self._clearing = clearing
        self._positions = clearing.positions
        # Other rules bring another `Reserving` with them.
        self._ledger = clearing.cash
        amounts = clearing.amounts
        self._of_trades = amounts.of_trades[SCREEN]
        # As `Amounts.reserved_minor`: what a tick of a lot is worth, and the highest fee.
        self._reserved = (amounts.tick_value_minor, *amounts.of_screen)
        self._sells = side is Side.SELL

    def rested(self, order: Order) -> None:
        account_id = order.account.account_id
        position = order.position = self._positions.get(account_id) or self._clearing.of(account_id)
        lots = order.leaves_lots + order.hidden_lots
        if self._sells:
            position.free_lots -= lots
            assert position.free_lots >= 0, "it was asked before whether they may be reserved"
            return
        position.buying_lots += lots
        clearing = self._clearing
        if clearing.cash is not None:
            cash = position.cash or clearing.cash_of(position)
            ticks = order.level.price_ticks if order.terms is None else _held_ticks(order)
            minor = order.held_minor = clearing.amounts.reserved_minor(lots, ticks, SCREEN)
            cash.reserved_minor += minor
            assert cash.reserved_minor <= cash.total_minor, "it was asked before whether it may be reserved"

    def removed(self, order: Order) -> None:
        position = order.position
        lots = order.leaves_lots + order.hidden_lots
        if self._sells:
            free_lots = position.free_lots + lots
            assert free_lots <= position.total_lots, "no more is given back than was reserved"
            position.free_lots = free_lots
            return
        buying_lots = position.buying_lots - lots
        assert buying_lots >= 0, "no more is given back than was reserved"
        position.buying_lots = buying_lots
        cash = position.cash
        if cash is not None:
            reserved_minor = cash.reserved_minor - order.held_minor
            assert reserved_minor >= 0, "no more is given back than was reserved"
            cash.reserved_minor = reserved_minor

    def reduced(self, order: Order, lots: int) -> None:
        position = order.position
        if self._sells:
            position.free_lots += lots
            assert position.free_lots <= position.total_lots, "no more is given back than was reserved"
            return
        position.buying_lots -= lots
        assert position.buying_lots >= 0, "no more is given back than was reserved"
        cash = position.cash
        if cash is not None:
            ticks = order.level.price_ticks if order.terms is None else _held_ticks(order)
            left_lots = order.leaves_lots + order.hidden_lots
            minor = self._clearing.amounts.reserved_minor(left_lots, ticks, SCREEN)
            cash.reserved_minor -= order.held_minor - minor
            assert cash.reserved_minor >= 0, "no more is given back than was reserved"
            order.held_minor = minor

    def traded(self, order: Order, taker: Account, lots: int) -> None:
        # What is reserved no longer changes hands as by `Clearing.settle`, written out: trades are dear.
        try:
            taken = self._positions[taker.account_id]
        except KeyError:
            taken = self._clearing.of(taker.account_id)
        ticks = order.level.price_ticks
        ledger = self._ledger
        if self._sells:
            bought, sold = taken, order.position
            if ledger is not None:
                payer = bought.cash or self._clearing.cash_of(bought)
        else:
            bought, sold = order.position, taken
            buying_lots = bought.buying_lots - lots
            assert buying_lots >= 0, "no more is given back than was reserved"
            bought.buying_lots = buying_lots
            free_lots = sold.free_lots - lots
            assert free_lots >= 0, "nobody sells what it does not have"
            sold.free_lots = free_lots
            if ledger is not None:
                payer = bought.cash  # type: ignore[assignment]  # the order holds money
                reserved_minor = payer.reserved_minor - order.held_minor
                left_lots = order.leaves_lots + order.hidden_lots
                if left_lots:
                    tick_value_minor, basis_points, minor_per_lot = self._reserved
                    minor = left_lots * ticks * tick_value_minor
                    minor += minor * basis_points // BASIS_POINTS + left_lots * minor_per_lot
                    order.held_minor = minor
                    reserved_minor += minor
                assert reserved_minor >= 0, "no more is given back than was reserved"
                payer.reserved_minor = reserved_minor
        if not sold.has_moved:
            self._clearing.watch(sold)
        if not bought.has_moved:
            self._clearing.watch(bought)
        total_lots = sold.total_lots - lots
        assert sold.free_lots <= total_lots, "no more is sold than was reserved"
        sold.total_lots = total_lots
        bought.total_lots += lots
        unsettled_lots = bought.unsettled_lots
        if unsettled_lots:
            unsettled_lots[0] += lots
        else:
            bought.free_lots += lots
        if ledger is None:
            return
        tick_value_minor, basis_points, minor_per_lot, of_seller = self._of_trades
        money = lots * ticks * tick_value_minor
        fee = money * basis_points // BASIS_POINTS + lots * minor_per_lot
        paid_minor = money + fee
        left_minor = payer.total_minor - paid_minor
        assert payer.reserved_minor <= left_minor, "nobody spends what it does not have"
        payer.total_minor = left_minor
        if of_seller is not None:
            fee = money * of_seller.basis_points // BASIS_POINTS + lots * of_seller.minor_per_lot
        got_minor = money - fee if fee < money else 0
        payee = sold.cash or self._clearing.cash_of(sold)
        payee.total_minor += got_minor
        sold.proceeds_minor += got_minor
        payee.proceeds_minor += got_minor
        ledger.fees_minor += paid_minor - got_minor

    def filled(self, order: Order, lots: int) -> None:
        self.reduced(order, lots)


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
        self._order_list.traded(order, taker, lots)

    def filled(self, order: Order, lots: int) -> None:
        self._reserving.filled(order, lots)


def choose_observers(book: "Book") -> None:
    """Let the ladders tell those who have to know: the book's clearing as it is now, and its order list."""
    clearing = book.clearing if isinstance(book.clearing, Clearing) else None
    only_reserves = clearing is not None and book.order_list is None
    # Orders that may be restrained are asked for at length, and do not reserve as they enter.
    is_asked = book.instrument.volatility is not None
    for ladder in (book.bids, book.asks):
        reserving = None if clearing is None else Reserving(clearing, ladder.side)
        ladder.stops.observer = ladder.waiting.observer = reserving
        ladder.observer = _with_list(reserving, book.order_list)
        ladder.reserves_to_buy = only_reserves and ladder.side is not _SELL
        ladder.reserves_to_sell = only_reserves and ladder.side is _SELL
        ladder.resting_observer = None if only_reserves and not is_asked else ladder.observer
    book.instrument.clear_by(clearing)


def _with_list(reserving: Observer | None, order_list: "OrderList | None") -> Observer | None:
    if reserving is None or order_list is None:
        return reserving or order_list
    return ReservingAndListing(reserving, order_list)


def held_minor(clearing: Clearing, order: Order) -> int:
    """The money that an order to buy holds while it is on a ladder."""
    return clearing.held_minor(order.leaves_lots + order.hidden_lots, _held_ticks(order), SCREEN)


def replaced_order_refusal(order: Order, lots: int, price_ticks: int, holds: bool) -> RejectReason | None:
    """Why an order on a ladder may not have so many lots left at another price, None if it may.

    As `Clearing.refusal`, where what the order holds counts as free. Where it `holds`, it holds what it will
    need if it may: to give back all that it holds and to take that anew costs three times as much.
    """
    clearing = order.ladder.book.clearing
    if clearing is None:
        return None
    assert isinstance(clearing, Clearing)
    side = order.ladder.side
    position = order.position
    if position.account_id not in clearing.unrestricted:
        reason = clearing.prohibition(order.account, side)
        if reason is not None:
            return reason
    more_lots = lots - order.leaves_lots - order.hidden_lots
    if side is _SELL:
        free_lots = position.free_lots - more_lots
        if free_lots < 0:
            return RejectReason.INSUFFICIENT_HOLDINGS
        if holds:
            assert free_lots <= position.total_lots - lots, "no more is given back than was reserved"
            position.free_lots = free_lots
        return None
    buying_lots = position.buying_lots + more_lots
    if position.total_lots + buying_lots > position.most_lots:
        return RejectReason.POSITION_LIMIT
    cash = position.cash
    if cash is not None:
        # As `Amounts.reserved_minor`.
        instrument = order.ladder.book.instrument
        minor = lots * price_ticks * instrument.tick_value_minor
        minor += (
            minor * instrument.reserved_basis_points // BASIS_POINTS
            + lots * instrument.reserved_minor_per_lot
        )
        reserved_minor = cash.reserved_minor - order.held_minor + minor
        if reserved_minor > cash.total_minor:
            return RejectReason.INSUFFICIENT_CASH
        if holds:
            assert reserved_minor >= minor, "no more is given back than was reserved"
            cash.reserved_minor = reserved_minor
            order.held_minor = minor
    if holds:
        assert buying_lots >= lots, "no more is given back than was reserved"
        position.buying_lots = buying_lots
    return None


def _held_ticks(order: Order) -> int:
    """The price for which it holds money.

    A stop without a limit holds it for its stop price; what more it needs is asked when it fires.
    """
    terms = order.terms
    if terms is not None and terms.waits_since:
        return terms.price_ticks or order.level.price_ticks
    return order.level.price_ticks
