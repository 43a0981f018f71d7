"""Carrying out an auction: who may not trade with whom, the price, and the trades at it.

1. The price is determined (`auction_price`).
2. Where an owner stands on both sides of it, its orders are kept apart, and the price is determined again
   without what was prevented (`auction_prevention`).
3. Best price first, then first come first served, orders trade at the one price until nobody on one of the
   sides accepts it. An iceberg trades with all of its quantity in its turn, and keeps its place.

One entry does ENTRY_AUCTION_ORDERS_MAX meetings at most, ENTRY_AUCTION_TRADES_MAX once there is a price; the
others follow in the next ones. While it goes on, the instrument takes no commands that could change the
outcome (FROZEN).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from carbonmatch.limits import ENTRY_AUCTION_TRADES_MAX
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.auction_prevention import keep_owners_apart
from carbonmatch.matching.auction_price import AuctionPrice, determine
from carbonmatch.matching.book import Book
from carbonmatch.matching.iceberg import show_slice
from carbonmatch.matching.ladder import Ladder, Level, Order
from carbonmatch.matching.messages import (
    NO_REF,
    AnyPublicEvent,
    Executed,
    Liquidity,
    Side,
    Traded,
    TradeId,
    TradeKind,
)

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
        if price.price_ticks and keep_owners_apart(venue, book, price.price_ticks, uncross):
            # Where the entry may do no more, the next one goes on with this one's round.
            uncross.rounds += venue.auction_orders_left > 0
        else:
            uncross.price = price
        if not venue.auction_orders_left:
            return False
    price_ticks = uncross.price.price_ticks
    if not price_ticks:
        return True
    venue.auction_orders_left = min(venue.auction_orders_left, ENTRY_AUCTION_TRADES_MAX)
    while _accepted_by_both(book, price_ticks):
        if not venue.auction_orders_left:
            return False
        uncross.traded_lots += _trade(venue, book, price_ticks)
    return True


def is_crossed(book: Book) -> bool:
    return book.bids.best_key + book.asks.best_key >= 0


def _accepted_by_both(book: Book, price_ticks: int) -> bool:
    return book.bids.best_key >= price_ticks and book.asks.best_key >= -price_ticks


def _trade(venue: "Venue", book: Book, price_ticks: int) -> int:
    """Trade the best orders of both sides, which accept the price, with each other; how many lots.

    Until a side has nobody left who accepts the price, or TRADED_AT_ONCE trades are made, or the entry has
    done what it may. Nothing of the book changes before that, and each level then once: taking orders out
    one by one, and calling for each fill, took three times as long for 100,000 orders.
    """
    bids, asks = book.bids, book.asks
    public = venue.public
    public_before = len(public)
    own_reports_before = len(venue.session.reports)
    bought: list[Order] = []
    sold: list[Order] = []
    bought_lots, buy_lots, sell_lots = _report_trades(venue, book, price_ticks, bought, sold)
    trades: list[Traded] = public[public_before:]  # type: ignore[assignment]  # nothing else is told meanwhile
    # Those of the session whose entry is applied are counted with its entry.
    own_reports = len(venue.session.reports) - own_reports_before
    venue.foreign_report_count += 2 * len(trades) - own_reports
    venue.auction_orders_left -= len(trades)
    venue.last_trade_id = TradeId(venue.last_trade_id + len(trades))
    partners = _partners(trades, bought, sold) if book.clearing is not None else []
    _take_out(venue, bids, bought, buy_lots)
    _take_out(venue, asks, sold, sell_lots)
    # Only now nothing of them is reserved any more.
    for buyer, seller, lots in partners:
        assert book.clearing is not None
        book.clearing.settle(buyer, seller, lots, price_ticks, _AUCTION)
    book.last_price_ticks = price_ticks
    return bought_lots


def _report_trades(
    venue: "Venue", book: Book, price_ticks: int, bought: list[Order], sold: list[Order]
) -> tuple[int, int, int]:
    """Tell of the trades, and whose orders they are of.

    Returned are the lots that have traded, and those that the last buyer and the last seller have left.

    What goes into each report is held as Any: a compiled core would make an object of every number for
    every report, 18 for a trade, which had it take longer than an interpreted one.
    """
    no_ref: Any = NO_REF
    time_ns: Any = venue.time_ns
    flags: Any = venue.report_flags
    instrument_id: Any = book.instrument.instrument_id
    price: Any = price_ticks
    buy_id: Any
    buy_account_id: Any
    sell_id: Any
    sell_account_id: Any
    public = venue.public
    trade_ids: Any = range(
        venue.last_trade_id + 1,
        venue.last_trade_id + 1 + min(venue.auction_orders_left, TRADED_AT_ONCE),
    )
    bid_levels = book.bids.levels_from_best()
    ask_levels = book.asks.levels_from_best()
    # Who is next, if anybody on his level is.
    buy: Order | None = None
    sell: Order | None = None
    accepted_lots = buy_lots = sell_lots = 0
    for trade_id in trade_ids:
        if not buy_lots:
            if buy is None:
                buy = _first_of_next(bid_levels, price_ticks)
                if buy is None:
                    break
            bought.append(buy)
            buy_lots = buy.leaves_lots + buy.hidden_lots
            accepted_lots += buy_lots
            buy_id = buy.order_id
            buy_account_id = buy.account.account_id
            buy_session = buy.session
            buy = buy.behind
        if not sell_lots:
            if sell is None:
                sell = _first_of_next(ask_levels, -price_ticks)
                if sell is None:
                    break
            sold.append(sell)
            sell_lots = sell.leaves_lots + sell.hidden_lots
            sell_id = sell.order_id
            sell_account_id = sell.account.account_id
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
                no_ref,
                time_ns,
                flags,
                buy_id,
                trade_id,
                instrument_id,
                buy_account_id,
                _BUY,
                price,
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
                no_ref,
                time_ns,
                flags,
                sell_id,
                trade_id,
                instrument_id,
                sell_account_id,
                _SELL,
                price,
                lots,
                sell_lots,
                _IN_AUCTION,
            )
        )
        later = _BUY if buy_id > sell_id else _SELL
        public.append(Traded(instrument_id, time_ns, trade_id, price, lots, later, _AUCTION))
    return accepted_lots - buy_lots, buy_lots, sell_lots


def _first_of_next(levels: Iterator[Level], key: int) -> Order | None:
    """Who is the first of the next level, if he accepts the price."""
    level = next(levels, None)
    return None if level is None or level.key < key else level.first


def _partners(
    trades: list[Traded], bought: list[Order], sold: list[Order]
) -> list[tuple[Account, Account, int]]:
    """Who has bought from whom, and how many lots, in each of the trades."""
    buyers = _accounts(trades, bought)
    sellers = _accounts(trades, sold)
    return [
        (buyer, seller, trade.quantity_lots)
        for buyer, seller, trade in zip(buyers, sellers, trades, strict=True)
    ]


def _accounts(trades: list[Traded], orders: list[Order]) -> list[Account]:
    """Whose order of one side each of the trades was of."""
    accounts: list[Account] = []
    following = iter(orders)
    left_lots = 0
    for trade in trades:
        if not left_lots:
            order = next(following)
            left_lots = order.leaves_lots + order.hidden_lots
        left_lots -= trade.quantity_lots
        accounts.append(order.account)
    return accounts


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
