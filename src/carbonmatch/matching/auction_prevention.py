"""Self-trade prevention in an auction, before anything trades.

Of one owner, orders of both sides that accept the price do not meet. They are held against each other in the
order of entry, each as the taker of the older ones, as it would have been in continuous trading: who trades
with whom at one price is nothing but the order of a queue. Where something was prevented, the price is
determined again without it, AUCTION_ROUNDS_MAX times; after that whatever crosses within an owner counts as
if it accepted the price.
"""

from collections.abc import Container
from heapq import heappop, heappush
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from carbonmatch.limits import AUCTION_ROUNDS_MAX
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.book import Book
from carbonmatch.matching.ladder import NO_KEY, Ladder, Order
from carbonmatch.matching.messages import NO_REF, CancelReason, OrderId, SelfTradePrevention
from carbonmatch.matching.prevention import mode_in_force, report_prevented

if TYPE_CHECKING:
    from carbonmatch.matching.uncross import Uncross
    from carbonmatch.matching.venue import Venue

_NONE: Final = SelfTradePrevention.NONE
_CANCEL_NEWEST: Final = SelfTradePrevention.CANCEL_NEWEST
_CANCEL_OLDEST: Final = SelfTradePrevention.CANCEL_OLDEST
_DECREMENT: Final = SelfTradePrevention.DECREMENT
_SELF_TRADE: Final = CancelReason.SELF_TRADE
_ORDER_ID: Final = attrgetter("order_id")


class _Queue:
    """Open orders of one owner and side; `best` is whom others meet first: at the best price, the oldest.

    Where the later order of a meeting goes, as is usual, the best one stays until a better one comes, and the
    others need no order: they get one when the best one has gone. With a heap of all, *mixed* of
    `bench auction` took a seventh longer.
    """

    __slots__ = ("added", "best", "best_key", "heap")

    def __init__(self) -> None:
        self.best: Order | None = None
        self.best_key = NO_KEY
        # Those that came since the best one has last gone, and all others that are open.
        self.added: list[Order] = []
        self.heap: list[tuple[int, OrderId, Order]] = []

    def drop_best(self) -> None:
        heap = self.heap
        for order in self.added:
            heappush(heap, (-order.level.key, order.order_id, order))
        self.added = []
        heappop(heap)
        if heap:
            self.best = heap[0][2]
            self.best_key = self.best.level.key
        else:
            self.best = None
            self.best_key = NO_KEY


def keep_owners_apart(venue: "Venue", book: Book, price_ticks: int, uncross: "Uncross") -> bool:
    """Keep orders of one owner from trading with each other at the price; whether any was kept.

    Each prevention takes at least one order out of the book, or the next look would find the same.
    """
    bids, asks = book.bids, book.asks
    buy_key, sell_key = price_ticks, -price_ticks
    if uncross.rounds >= AUCTION_ROUNDS_MAX:
        buy_key, sell_key = -asks.best_key, -bids.best_key
    owner_key = book.instrument.self_trade_key
    buyers, sellers = _accounts_from(bids, buy_key), _accounts_from(asks, sell_key)
    both = {one.owners[owner_key] for one in buyers} & {one.owners[owner_key] for one in sellers}
    if not both:
        return False
    queues = {owner: (_Queue(), _Queue()) for owner in both}
    # By account, what its owner has entered before: of the order's own side, and of the other one.
    of_buyer: dict[Account, tuple[_Queue, _Queue]] = {}
    of_seller: dict[Account, tuple[_Queue, _Queue]] = {}
    for account in (*buyers, *sellers):
        owner = account.owners[owner_key]
        if owner in both:
            bought, sold = queues[owner]
            of_buyer[account] = bought, sold
            of_seller[account] = sold, bought
    orders = _orders_from(bids, buy_key, of_buyer) + _orders_from(asks, sell_key, of_seller)
    orders.sort(key=_ORDER_ID)
    meetings_left = venue.auction_orders_left
    for order in orders:
        own, others = (of_buyer if order.ladder is bids else of_seller)[order.account]
        if others.best is None or _hold_against(venue, order, others, uncross):
            key = order.level.key
            if key > own.best_key:
                own.best, own.best_key = order, key
            own.added.append(order)
        if not venue.auction_orders_left:
            break
    return venue.auction_orders_left < meetings_left


def _accounts_from(ladder: Ladder, key: int) -> dict[Account, None]:
    """Whose orders stand at this key and better ones: of many orders few accounts."""
    accounts: dict[Account, None] = {}
    for level in ladder.levels_from_best():
        if level.key < key:
            break
        order = level.first
        while order is not None:
            accounts[order.account] = None
            order = order.behind
    return accounts


def _orders_from(ladder: Ladder, key: int, accounts: Container[Account]) -> list[Order]:
    """The orders of these accounts that stand at this key and better ones."""
    orders: list[Order] = []
    for level in ladder.levels_from_best():
        if level.key < key:
            break
        order = level.first
        while order is not None:
            if order.account in accounts:
                orders.append(order)
            order = order.behind
    return orders


def _hold_against(venue: "Venue", order: Order, others: _Queue, uncross: "Uncross") -> bool:
    """Let an order not trade with its owner's older ones of the other side; whether it is open afterwards."""
    mode = mode_in_force(order.ladder.book.instrument, order.self_trade_prevention)
    if mode is _NONE:
        return True
    key = order.level.key
    # Without a best one its key crosses nothing.
    while key + others.best_key >= 0 and venue.auction_orders_left:
        other = others.best
        assert other is not None
        venue.auction_orders_left -= 1
        lots = order.leaves_lots + order.hidden_lots
        other_lots = other.leaves_lots + other.hidden_lots
        if other_lots < lots:
            lots = other_lots
        uncross.prevented_lots += lots
        if mode is _DECREMENT:
            for each in (order, other):
                each.ladder.reduce(each, lots, venue.dirty)
                each.quantity_lots -= lots
        report_prevented(venue, order, other, lots, mode, NO_REF)
        if mode is _DECREMENT:
            is_open = order.leaves_lots + order.hidden_lots > 0
            other_is_open = other.leaves_lots + other.hidden_lots > 0
        else:
            is_open = mode is _CANCEL_OLDEST
            other_is_open = mode is _CANCEL_NEWEST
        if not is_open:
            venue.end(order, NO_REF, _SELF_TRADE)
        if not other_is_open:
            venue.end(other, NO_REF, _SELF_TRADE)
            others.drop_best()
        if not is_open:
            return False
    return True
