"""Carrying out an auction: who may not trade with whom, the price, and the trades at it.

1. The price is determined (`auction_price`).
2. Self-trade prevention: of one owner, orders of both sides that accept the price do not meet. They are
   held against each other in the order of entry, each as the taker of the older ones, as it would have
   been in continuous trading: who trades with whom at one price is nothing but the order of a queue. Where
   something was prevented, the price is determined again without it, AUCTION_ROUNDS_MAX times; after that
   whatever crosses within an owner counts as if it accepted the price.
3. Best price first, then first come first served, orders trade at the one price until nobody on one of the
   sides accepts it. An iceberg trades with all of its quantity in its turn, and keeps its place.

One entry does ENTRY_AUCTION_ORDERS_MAX meetings at most, the others follow in the next ones: while it goes
on, the instrument takes no commands that could change the outcome (FROZEN).
"""

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from carbonmatch.limits import AUCTION_ROUNDS_MAX
from carbonmatch.matching.auction_price import AuctionPrice, determine
from carbonmatch.matching.book import Book, Ladder, Order
from carbonmatch.matching.iceberg import show_slice
from carbonmatch.matching.messages import (
    NO_REF,
    CancelReason,
    Executed,
    Liquidity,
    SelfTradePrevention,
    Side,
    Traded,
    TradeId,
    TradeKind,
)
from carbonmatch.matching.prevention import mode_in_force, report_prevented

if TYPE_CHECKING:
    from carbonmatch.matching.venue import Venue

_IN_AUCTION: Final = Liquidity.AUCTION
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL


class Uncross:
    """An auction that is being carried out. `price` is None until it is final."""

    __slots__ = ("prevented_lots", "price", "rounds", "traded_lots")

    def __init__(self) -> None:
        self.price: AuctionPrice | None = None
        self.traded_lots = 0
        self.prevented_lots = 0
        # How often self-trade prevention has changed what the price was determined from.
        self.rounds = 0


def advance(venue: "Venue", book: Book, uncross: Uncross) -> bool:
    """Carry out as much as the entry may; whether it is done."""
    while uncross.price is None:
        price = determine(book)
        if price.price_ticks and _prevent(venue, book, price.price_ticks, uncross):
            # Where the entry may do no more, the next one goes on with this one's round.
            uncross.rounds += venue.auction_orders_left > 0
        else:
            uncross.price = price
        if not venue.auction_orders_left:
            return False
    price_ticks = uncross.price.price_ticks
    if price_ticks:
        uncross.traded_lots += _trade(venue, book, price_ticks)
        return not _accepted_by_both(book, price_ticks)
    return True


def is_crossed(book: Book) -> bool:
    return book.bids.best_key + book.asks.best_key >= 0


def _accepted_by_both(book: Book, price_ticks: int) -> bool:
    return book.bids.best_key >= price_ticks and book.asks.best_key >= -price_ticks


# --- self-trade prevention -----------------------------------------------------------------------


def _prevent(venue: "Venue", book: Book, price_ticks: int, uncross: Uncross) -> bool:
    """Keep orders of one owner from trading with each other at the price; whether any was kept.

    Each prevention takes at least one order out of the book, or the next look would find the same.
    """
    if uncross.rounds >= AUCTION_ROUNDS_MAX:
        buys = _orders_from(book.bids, -book.asks.best_key)
        sells = _orders_from(book.asks, -book.bids.best_key)
    else:
        buys = _orders_from(book.bids, price_ticks)
        sells = _orders_from(book.asks, -price_ticks)
    owner_key = book.instrument.self_trade_key
    buyers = {order.account.owners[owner_key] for order in buys}
    both = buyers & {order.account.owners[owner_key] for order in sells}
    orders = [order for order in buys + sells if order.account.owners[owner_key] in both]
    orders.sort(key=lambda order: order.order_id)
    # What each owner has entered before, by side: the best price first, then the oldest.
    older: dict[tuple[int, Side], list[tuple[int, int, Order]]] = {}
    prevented = False
    for order in orders:
        owner = order.account.owners[owner_key]
        side = order.ladder.side
        others = older.setdefault((owner, order.ladder.opposite.side), [])
        before = venue.auction_orders_left
        is_open = _hold_against(venue, order, others, uncross)
        prevented |= venue.auction_orders_left < before
        if not venue.auction_orders_left:
            break
        if is_open:
            heappush(older.setdefault((owner, side), []), (-order.level.key, order.order_id, order))
    return prevented


def _hold_against(
    venue: "Venue", order: Order, others: list[tuple[int, int, Order]], uncross: Uncross
) -> bool:
    """Let an order meet its owner's older ones of the other side; whether it is open afterwards."""
    mode = mode_in_force(order.ladder.book.instrument, order.self_trade_prevention)
    is_open = True
    while is_open and others and mode is not SelfTradePrevention.NONE and venue.auction_orders_left:
        other = others[0][2]
        if order.level.key + other.level.key < 0:
            break
        venue.auction_orders_left -= 1
        is_open, other_is_open = _keep_apart(venue, order, other, mode, uncross)
        if not other_is_open:
            heappop(others)
    return is_open


def _orders_from(ladder: Ladder, key: int) -> list[Order]:
    """The orders at this key and better ones."""
    found: list[Order] = []
    for level in ladder.levels_from_best():
        if level.key < key:
            break
        found += level.orders()
    return found


def _keep_apart(
    venue: "Venue", order: Order, other: Order, mode: SelfTradePrevention, uncross: Uncross
) -> tuple[bool, bool]:
    """Let the newer order not trade with the older one; which of them is open afterwards."""
    lots = min(_left_lots(order), _left_lots(other))
    uncross.prevented_lots += lots
    if mode is SelfTradePrevention.DECREMENT:
        for each in (order, other):
            each.ladder.reduce(each, lots, venue.dirty)
            each.quantity_lots -= lots
    report_prevented(venue, order, other, lots, mode, NO_REF)
    if mode is SelfTradePrevention.DECREMENT:
        is_open, other_is_open = _left_lots(order) > 0, _left_lots(other) > 0
    else:
        is_open = mode is SelfTradePrevention.CANCEL_OLDEST
        other_is_open = mode is SelfTradePrevention.CANCEL_NEWEST
    if not is_open:
        venue.end(order, NO_REF, CancelReason.SELF_TRADE)
    if not other_is_open:
        venue.end(other, NO_REF, CancelReason.SELF_TRADE)
    return is_open, other_is_open


def _left_lots(order: Order) -> int:
    return order.leaves_lots + order.hidden_lots


# --- trades --------------------------------------------------------------------------------------


def _trade(venue: "Venue", book: Book, price_ticks: int) -> int:
    """Trade the best orders of both sides with each other at the price; how many lots.

    Until a side has nobody left who accepts the price, or the entry has done what it may.
    """
    bids, asks = book.bids, book.asks
    traded_lots = 0
    while venue.auction_orders_left and _accepted_by_both(book, price_ticks):
        assert bids.best is not None
        assert asks.best is not None
        buy, sell = bids.best.first, asks.best.first
        assert buy is not None
        assert sell is not None
        venue.auction_orders_left -= 1
        lots = min(_left_lots(buy), _left_lots(sell))
        traded_lots += lots
        trade_id = venue.last_trade_id = TradeId(venue.last_trade_id + 1)
        _fill(venue, buy, lots, price_ticks, trade_id)
        _fill(venue, sell, lots, price_ticks, trade_id)
        later = _BUY if buy.order_id > sell.order_id else _SELL
        venue.public.append(
            Traded(
                book.instrument.instrument_id,
                venue.time_ns,
                trade_id,
                price_ticks,
                lots,
                later,
                TradeKind.AUCTION,
            )
        )
    book.last_price_ticks = price_ticks
    return traded_lots


def _fill(venue: "Venue", order: Order, lots: int, price_ticks: int, trade_id: TradeId) -> None:
    ladder = order.ladder
    left_lots = _left_lots(order) - lots
    session = order.session
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        Executed(
            seq,
            NO_REF,
            venue.time_ns,
            venue.report_flags,
            order.order_id,
            trade_id,
            ladder.instrument_id,
            order.account.account_id,
            ladder.side,
            price_ticks,
            lots,
            left_lots,
            _IN_AUCTION,
        )
    )
    if not left_lots:
        ladder.remove(order, venue.dirty)
        venue.forget(order)
        return
    level = order.level
    venue.mark(level)
    shown_lots = order.leaves_lots
    if lots < shown_lots:
        order.leaves_lots -= lots
    else:
        # Of an iceberg: what is hidden has traded as well.
        order.hidden_lots = 0
        order.leaves_lots = left_lots
        show_slice(order)
    level.quantity_lots += order.leaves_lots - shown_lots
