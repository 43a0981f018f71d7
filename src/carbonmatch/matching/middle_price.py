"""Continuous matching at the middle price: the middle one of bid, ask and the previous trade's price.

By the rules of Hubei's exchange for negotiated-price trading orders are sorted by price and time and paired
one by one; where the bid is not below the ask they trade at the middle one of bid, ask and previous price.
The previous price of a day's first trade is the close of the day before, which is the reference price here.

So both sides may trade at a better price than their limit. The trade's price is one of the three, and no
rounding comes into it.
"""

from carbonmatch.matching.book import Book
from carbonmatch.matching.execution import Part, report_trade
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import NO_REF, Liquidity, Ref, Side, TradeKind
from carbonmatch.matching.prevention import may_trade, prevent
from carbonmatch.matching.venue import Venue


def match_at_middle(venue: Venue, taker: Order, limit_key: int, ref: Ref) -> None:
    """As `price_time.match`, which says what becomes of taker and makers; only the price is another one."""
    ladder = taker.ladder.opposite
    limit_ticks = taker.ladder.sign * limit_key
    while taker.leaves_lots and limit_key + ladder.best_key >= 0 and venue.makers_left:
        venue.makers_left -= 1
        assert ladder.best is not None
        maker = ladder.best.first
        assert maker is not None, "the best level holds orders"
        if may_trade(taker, maker):
            _trade(venue, taker, maker, limit_ticks, ref)
        else:
            prevent(venue, taker, maker, ref)


def middle_ticks(book: Book, limit_ticks: int, maker_ticks: int) -> int:
    """What a trade of two orders that cross is at; without any previous price, where the one rests."""
    previous_ticks = book.previous_price_ticks or book.instrument.definition.reference_price_ticks
    return sorted((limit_ticks, maker_ticks, previous_ticks or maker_ticks))[1]


def _trade(venue: Venue, taker: Order, maker: Order, limit_ticks: int, ref: Ref) -> None:
    ladder = maker.ladder
    book = ladder.book
    maker_ticks = maker.level.price_ticks
    price_ticks = middle_ticks(book, limit_ticks, maker_ticks)
    lots = min(taker.leaves_lots, maker.leaves_lots)
    taker.leaves_lots -= lots
    ladder.reduce(maker, lots, venue.dirty)
    if not maker.leaves_lots:
        ladder.remove(maker, venue.dirty)
        venue.forget(maker)
    taking = Part(taker.session, taker.account, taker.order_id, ref, taker.leaves_lots, Liquidity.TAKER)
    making = Part(maker.session, maker.account, maker.order_id, NO_REF, maker.leaves_lots, Liquidity.MAKER)
    side = taker.ladder.side
    buyer, seller = (taking, making) if side is Side.BUY else (making, taking)
    report_trade(venue, book, buyer, seller, price_ticks, lots, TradeKind.CONTINUOUS, side)
    book.previous_price_ticks = price_ticks
