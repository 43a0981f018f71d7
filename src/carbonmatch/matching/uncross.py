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

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from carbonmatch.limits import AUCTION_ROUNDS_MAX
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.auction_price import AuctionPrice, determine
from carbonmatch.matching.book import Book
from carbonmatch.matching.iceberg import show_slice
from carbonmatch.matching.ladder import Ladder, Order
from carbonmatch.matching.messages import (
    NO_REF,
    AnyPublicEvent,
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

_AUCTION: Final = TradeKind.AUCTION
_IN_AUCTION: Final = Liquidity.AUCTION
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL

# Orders are looked at twice, to trade and to be taken out, and the processor should still have them near
# then: with 10,000 trades at once 100,000 orders took a third longer.
TRADED_AT_ONCE: Final = 500


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
    if not price_ticks:
        return True
    while _accepted_by_both(book, price_ticks):
        if not venue.auction_orders_left:
            return False
        uncross.traded_lots += _trade(venue, book, price_ticks)
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
    buy_key, sell_key = price_ticks, -price_ticks
    if uncross.rounds >= AUCTION_ROUNDS_MAX:
        buy_key, sell_key = -book.asks.best_key, -book.bids.best_key
    owner_key = book.instrument.self_trade_key
    both = _owners(book.bids, buy_key, owner_key) & _owners(book.asks, sell_key, owner_key)
    if not both:
        return False
    accepting = [*_accepting(book.bids, buy_key), *_accepting(book.asks, sell_key)]
    orders = [order for order in accepting if order.account.owners[owner_key] in both]
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
    """Trade the best orders of both sides, which accept the price, with each other; how many lots.

    Until a side has nobody left who accepts the price, or TRADED_AT_ONCE trades are made, or the entry has
    done what it may. Nothing of the book changes before that, and each level then once: taking orders out
    one by one, and calling for each fill, took three times as long for 100,000 orders.
    """
    instrument_id = book.instrument.instrument_id
    time_ns = venue.time_ns
    flags = venue.report_flags
    public = venue.public
    public_before = len(public)
    first_trade_id = venue.last_trade_id + 1
    trades_max = min(venue.auction_orders_left, TRADED_AT_ONCE)
    # A call of TradeId for each, which does nothing, would cost 60 ns.
    trade_ids: Iterable[TradeId] = range(first_trade_id, first_trade_id + trades_max)  # type: ignore[assignment]
    bid_levels = book.bids.levels_from_best()
    ask_levels = book.asks.levels_from_best()
    # Who is next, if anybody on his level is.
    buy: Order | None = None
    sell: Order | None = None
    bought: list[Order] = []
    sold: list[Order] = []
    accepted_lots = buy_lots = sell_lots = 0
    own_reports_before = len(venue.session.reports)
    clearing = book.clearing
    # Between whom, and how many lots: settled once nothing of them is reserved any more.
    unsettled: list[tuple[Account, Account, int]] = []
    for trade_id in trade_ids:
        if not buy_lots:
            if buy is None:
                level = next(bid_levels, None)
                if level is None or level.key < price_ticks:
                    break
                buy = level.first
                assert buy is not None, "a level that is passed on holds orders"
            bought.append(buy)
            buy_lots = buy.leaves_lots + buy.hidden_lots
            accepted_lots += buy_lots
            buy_id = buy.order_id
            buyer = buy.account
            buy_account_id = buyer.account_id
            buy_session = buy.session
            buy = buy.behind
        if not sell_lots:
            if sell is None:
                level = next(ask_levels, None)
                if level is None or level.key < -price_ticks:
                    break
                sell = level.first
                assert sell is not None, "a level that is passed on holds orders"
            sold.append(sell)
            sell_lots = sell.leaves_lots + sell.hidden_lots
            sell_id = sell.order_id
            seller = sell.account
            sell_account_id = seller.account_id
            sell_session = sell.session
            sell = sell.behind
        # Whoever is next may find nobody to trade with, and then has nothing to be told.
        if not buy_session.touched:
            venue.touch(buy_session)
        if not sell_session.touched:
            venue.touch(sell_session)
        lots = buy_lots if buy_lots < sell_lots else sell_lots
        buy_lots -= lots
        sell_lots -= lots
        seq = buy_session.next_seq
        buy_session.next_seq = seq + 1
        buy_session.reports.append(
            Executed(
                seq,
                NO_REF,
                time_ns,
                flags,
                buy_id,
                trade_id,
                instrument_id,
                buy_account_id,
                _BUY,
                price_ticks,
                lots,
                buy_lots,
                _IN_AUCTION,
            )
        )
        seq = sell_session.next_seq
        sell_session.next_seq = seq + 1
        sell_session.reports.append(
            Executed(
                seq,
                NO_REF,
                time_ns,
                flags,
                sell_id,
                trade_id,
                instrument_id,
                sell_account_id,
                _SELL,
                price_ticks,
                lots,
                sell_lots,
                _IN_AUCTION,
            )
        )
        later = _BUY if buy_id > sell_id else _SELL
        public.append(Traded(instrument_id, time_ns, trade_id, price_ticks, lots, later, _AUCTION))
        if clearing is not None:
            unsettled.append((buyer, seller, lots))
    # Those of the session whose entry is applied are counted with its entry.
    own_reports = len(venue.session.reports) - own_reports_before
    trade_count = len(public) - public_before
    venue.foreign_report_count += 2 * trade_count - own_reports
    venue.auction_orders_left -= trade_count
    venue.last_trade_id = TradeId(venue.last_trade_id + trade_count)
    _take_out(venue, book.bids, bought, buy_lots)
    _take_out(venue, book.asks, sold, sell_lots)
    for buyer, seller, lots in unsettled:
        assert clearing is not None
        clearing.settle(buyer, seller, lots, price_ticks, _AUCTION)
    book.last_price_ticks = price_ticks
    return accepted_lots - buy_lots


def _accepting(ladder: Ladder, key: int) -> Iterator[Order]:
    """Who accepts a price, in their priority; the book must not change meanwhile."""
    for level in ladder.levels_from_best():
        if level.key < key:
            return
        order = level.first
        while order is not None:
            yield order
            order = order.behind


def _take_out(venue: "Venue", ladder: Ladder, orders: list[Order], last_lots: int) -> None:
    """Take the orders that have traded out of the book; the last one of them has so many lots left."""
    last = orders.pop() if last_lots else None
    ladder.take_first(orders, venue.dirty)
    venue.forget_all(orders)
    if last is not None:
        level = last.level
        shown_lots = last.leaves_lots
        traded_lots = shown_lots + last.hidden_lots - last_lots
        if last.hidden_lots:
            _show_what_is_left(last, _last_fills(venue.public, traded_lots))
        else:
            last.leaves_lots = last_lots
        level.quantity_lots += last.leaves_lots - shown_lots
        if ladder.observer is not None:
            ladder.observer.filled(last, traded_lots)
        venue.mark(level)


def _last_fills(public: list[AnyPublicEvent], traded_lots: int) -> list[int]:
    """The lots of the last trades, as far as they come to so many: those of the order that was last."""
    fills: list[int] = []
    while traded_lots:
        event = public[-1 - len(fills)]
        assert isinstance(event, Traded), "nothing has been told since the trades"
        fills.append(event.quantity_lots)
        traded_lots -= event.quantity_lots
    return fills[::-1]


def _show_what_is_left(iceberg: Order, fills: list[int]) -> None:
    """Take fill after fill from its slice; one that takes all of it, or more, shows a fresh one.

    Were they taken at once, what shows afterwards would depend on how many trades are made at once.
    """
    for lots in fills:
        if lots < iceberg.leaves_lots:
            iceberg.leaves_lots -= lots
        else:
            iceberg.leaves_lots, iceberg.hidden_lots = iceberg.leaves_lots + iceberg.hidden_lots - lots, 0
            show_slice(iceberg)
