"""Ladders whose orders hold what they need: units to sell, or money to buy.

An order is reserved for exactly as long as it is on one, be it in the book, as a stop or for an auction to
come. So there is no way out that could forget to give something back: cancels, expiries, reductions,
replacements and purges all take their orders off a ladder. Only three loops change what is left of an order
without one, and say so themselves: those of continuous trading, of auctions and of self-trade prevention.
"""

from typing import TYPE_CHECKING, Any, Final

from carbonmatch.matching.accounts import Account
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.ladder import HiddenLadder, Ladder, Level, Order, StopLadder
from carbonmatch.matching.listing.listed_ladder import ListedLadder
from carbonmatch.matching.messages import RejectReason, Side, TradeKind

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.execution import Clearing as AnyClearing

# Members of an enum are looked up once, here, and not for each order.
_BUY: Final = Side.BUY
# For all kinds of the screen an order holds the same.
SCREEN: Final = TradeKind.CONTINUOUS


_rest: Final = Ladder.rest
_remove: Final = Ladder.remove


class ClearedLadder(Ladder):
    """No slots of its own, so that a ladder without orders can become one.

    Where a ladder is of another kind too, this is the last of its bases.
    """

    __slots__ = ()

    # What resting and leaving costs is paid by nearly every command, so `Clearing.reserve` and `release` are
    # written out here; called, they would cost as much again.

    def rest(self, order: Order, key: int, dirty: list[Level]) -> None:
        _rest(self, order, key, dirty)
        lots = order.leaves_lots + order.hidden_lots
        clearing: Any = self.book.clearing
        account_id = order.account.account_id
        position = clearing.positions.get(account_id) or clearing.of(account_id)
        if self.side is _BUY:
            position.buying_lots += lots
            if clearing.cash is not None:
                cash = clearing.cash.accounts[account_id]
                cash.free_minor -= clearing.amounts.reserved_minor(lots, self.held_ticks(order), SCREEN)
                assert cash.free_minor >= 0, "it was asked before whether it may be reserved"
        else:
            position.free_lots -= lots
            assert position.free_lots >= 0, "it was asked before whether they may be reserved"

    def remove(self, order: Order, dirty: list[Level]) -> None:
        _remove(self, order, dirty)
        lots = order.leaves_lots + order.hidden_lots
        if not lots:
            return
        clearing: Any = self.book.clearing
        account_id = order.account.account_id
        position = clearing.positions[account_id]
        if self.side is _BUY:
            position.buying_lots -= lots
            assert position.buying_lots >= 0, "no more is given back than was reserved"
            if clearing.cash is not None:
                cash = clearing.cash.accounts[account_id]
                cash.free_minor += clearing.amounts.reserved_minor(lots, self.held_ticks(order), SCREEN)
                assert cash.free_minor <= cash.total_minor, "no more is given back than was reserved"
        else:
            position.free_lots += lots
            assert position.free_lots <= position.total_lots, "no more is given back than was reserved"

    def take_first(self, orders: list[Order], dirty: list[Level]) -> None:
        super().take_first(orders, dirty)
        for order in orders:
            self.give_back(order)

    def reduce(self, order: Order, lots: int, dirty: list[Level]) -> None:
        super().reduce(order, lots, dirty)
        self.release(order, lots)

    def release(self, order: Order, lots: int) -> None:
        """Give back what so many lots held, which are not left of the order any more."""
        left_lots = order.leaves_lots + order.hidden_lots
        clearing: Any = self.book.clearing
        clearing.release(order.account, self.side, lots, left_lots, self.held_ticks(order), SCREEN)

    def settle(self, maker: Order, taker: Account, lots: int, kind: TradeKind) -> None:
        """Of an order on it so many lots have traded at its price, and are not left of it any more."""
        self.release(maker, lots)
        buyer, seller = (maker.account, taker) if self.side is _BUY else (taker, maker.account)
        clearing: Any = self.book.clearing
        clearing.settle(buyer, seller, lots, maker.level.price_ticks, kind)

    def hold(self, order: Order) -> None:
        """Reserve what the order has left."""
        left_lots = order.leaves_lots + order.hidden_lots
        clearing: Any = self.book.clearing
        clearing.reserve(order.account, self.side, left_lots, self.held_ticks(order), SCREEN)

    def give_back(self, order: Order) -> None:
        """Reserve nothing for the order any more."""
        left_lots = order.leaves_lots + order.hidden_lots
        clearing: Any = self.book.clearing
        clearing.release(order.account, self.side, left_lots, 0, self.held_ticks(order), SCREEN)

    def held_minor(self, order: Order) -> int:
        """The money that an order to buy holds."""
        clearing = self._clearing()
        assert isinstance(clearing, Clearing)
        return clearing.held_minor(order.leaves_lots + order.hidden_lots, self.held_ticks(order), SCREEN)

    def held_ticks(self, order: Order) -> int:
        """The price for which it holds money."""
        return order.level.price_ticks

    def _clearing(self) -> "AnyClearing":
        clearing = self.book.clearing
        assert clearing is not None, "a cleared ladder is of a book with clearing"
        return clearing


class ClearedListedLadder(ListedLadder, ClearedLadder):
    __slots__ = ()


class ClearedHiddenLadder(HiddenLadder, ClearedLadder):
    __slots__ = ()


class ClearedStopLadder(StopLadder, ClearedLadder):
    """A stop without a limit holds money for its stop price; what more it needs is asked when it fires."""

    __slots__ = ()

    def held_ticks(self, order: Order) -> int:
        assert order.terms is not None
        return order.terms.price_ticks or order.level.price_ticks


def choose_ladders(book: "Book") -> None:
    """Let the ladders be of the kind that the book's order list and its clearing ask for."""
    is_cleared, is_listed = book.clearing is not None, book.order_list is not None
    if is_cleared:
        visible: type[Ladder] = ClearedListedLadder if is_listed else ClearedLadder
    else:
        visible = ListedLadder if is_listed else Ladder
    book.bids.__class__ = book.asks.__class__ = visible
    stops = ClearedStopLadder if is_cleared else StopLadder
    book.buy_stops.__class__ = book.sell_stops.__class__ = stops
    waiting = ClearedHiddenLadder if is_cleared else HiddenLadder
    book.bids.waiting.__class__ = book.asks.waiting.__class__ = waiting


def replaced_order_refusal(order: Order, lots: int, price_ticks: int) -> RejectReason | None:
    """Why an order on a ladder may not have so many lots left at another price, None if it may."""
    ladder = order.ladder
    clearing = ladder.book.clearing
    if clearing is None or not isinstance(ladder, ClearedLadder):
        return None
    ladder.give_back(order)
    reason = clearing.refusal(order.account, ladder.side, lots, price_ticks, SCREEN)
    ladder.hold(order)
    return reason


def settle(ladder: Ladder, maker: Order, taker: Account, lots: int) -> None:
    """So many lots have traded with an order on a ladder of a book with clearing, at the order's price."""
    assert isinstance(ladder, ClearedLadder)
    ladder.settle(maker, taker, lots, SCREEN)
