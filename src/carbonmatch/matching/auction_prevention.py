"""Self-trade prevention in an auction, before anything trades.

Of one owner, orders of both sides that accept the price do not meet. They are held against each other in the
order of entry, each as the taker of the older ones, as it would have been in continuous trading: who trades
with whom at one price is nothing but the order of a queue. Where something was prevented, the price is
determined again without it, AUCTION_ROUNDS_MAX times; after that whatever crosses within an owner counts as
if it accepted the price.
"""

from heapq import heappop, heappush
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from carbonmatch.limits import AUCTION_ROUNDS_MAX
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.book import Book
from carbonmatch.matching.ladder import Ladder, Order
from carbonmatch.matching.messages import NO_REF, CancelReason, SelfTradePrevention
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

# Open orders of one owner and side, whoever would be met first first: the best price, then the oldest. The
# first number is the least key that crosses the order's.
_Queue = list[tuple[int, int, Order]]


def keep_owners_apart(venue: "Venue", book: Book, price_ticks: int, uncross: "Uncross") -> bool:
    """Keep orders of one owner from trading with each other at the price; whether any was kept.

    Each prevention takes at least one order out of the book, or the next look would find the same.
    """
    buy_key, sell_key = price_ticks, -price_ticks
    if uncross.rounds >= AUCTION_ROUNDS_MAX:
        buy_key, sell_key = -book.asks.best_key, -book.bids.best_key
    owner_key = book.instrument.self_trade_key
    both = _owners(book.bids, buy_key, owner_key) & _owners(book.asks, sell_key, owner_key)
    if not both:
        return False
    orders = _orders_of(book.bids, buy_key, owner_key, both) + _orders_of(
        book.asks, sell_key, owner_key, both
    )
    orders.sort(key=_ORDER_ID)
    # What each owner has entered before.
    buys: dict[int, _Queue] = {owner: [] for owner in both}
    sells: dict[int, _Queue] = {owner: [] for owner in both}
    bids = book.bids
    meetings_left = venue.auction_orders_left
    for order in orders:
        owner = order.account.owners[owner_key]
        own, others = (buys, sells) if order.ladder is bids else (sells, buys)
        if not others[owner] or _hold_against(venue, order, others[owner], uncross):
            heappush(own[owner], (-order.level.key, order.order_id, order))
        if not venue.auction_orders_left:
            break
    return venue.auction_orders_left < meetings_left


def _owners(ladder: Ladder, key: int, owner_key: int) -> set[int]:
    """Whose orders stand at this key and better ones: of many orders few accounts, which are found first."""
    accounts: dict[Account, None] = {}
    for level in ladder.levels_from_best():
        if level.key < key:
            break
        order = level.first
        while order is not None:
            accounts[order.account] = None
            order = order.behind
    return {account.owners[owner_key] for account in accounts}


def _orders_of(ladder: Ladder, key: int, owner_key: int, owners: set[int]) -> list[Order]:
    """The orders of these owners that stand at this key and better ones."""
    orders: list[Order] = []
    for level in ladder.levels_from_best():
        if level.key < key:
            break
        order = level.first
        while order is not None:
            if order.account.owners[owner_key] in owners:
                orders.append(order)
            order = order.behind
    return orders


def _hold_against(venue: "Venue", order: Order, others: _Queue, uncross: "Uncross") -> bool:
    """Let an order meet its owner's older ones of the other side; whether it is open afterwards."""
    mode = mode_in_force(order.ladder.book.instrument, order.self_trade_prevention)
    if mode is _NONE:
        return True
    is_open = True
    while is_open and others and venue.auction_orders_left:
        crossed_key, _, other = others[0]
        if order.level.key < crossed_key:
            break
        venue.auction_orders_left -= 1
        is_open, other_is_open = _keep_apart(venue, order, other, mode, uncross)
        if not other_is_open:
            heappop(others)
    return is_open


def _keep_apart(
    venue: "Venue", order: Order, other: Order, mode: SelfTradePrevention, uncross: "Uncross"
) -> tuple[bool, bool]:
    """Let the newer order not trade with the older one; which of them is open afterwards."""
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
    return is_open, other_is_open
