"""What restrains the prices of an instrument beside its band, where its definition asks for it.

* The collar refuses a price too far beyond the opposite best. `checks` and `stops` ask it.
* A guard watches the trades: each potential price is compared with its limits before the trade, and
  nothing trades beyond them. What traded before stands. There are two kinds of guard:

| guard         | where a potential price is outside of it                                             |
|---------------|--------------------------------------------------------------------------------------|
| Corridor      | an auction begins, in which what is left of the order takes part                     |
| IntervalLimit | trading goes on inside; what is left of the order is canceled, and a hold begins     |

Self-trade prevention comes before the comparison: what is prevented would have been no trade. Of an order
that an interruption leaves, what could not rest (IOC, market) is canceled. Of one that an interval limit
leaves nothing rests beyond the limit either, so that no order waits where it could not trade.
"""

from typing import Final

from carbonmatch.matching.auction import interrupt, set_alarm
from carbonmatch.matching.book import Book
from carbonmatch.matching.corridor import Corridor
from carbonmatch.matching.guards import Guard, hold
from carbonmatch.matching.interval_limit import IntervalLimit
from carbonmatch.matching.ladder import Ladder, Order
from carbonmatch.matching.messages import CancelReason, NewOrder, Ref, Side
from carbonmatch.matching.prevention import prevent_ahead
from carbonmatch.matching.price_time import match
from carbonmatch.matching.venue import Venue
from carbonmatch.matching.volatility_rules import width_ticks

# Members of an enum are looked up once, here, and not for each order.
_BUY: Final = Side.BUY


def is_outside_collar(ladder: Ladder, price_ticks: int) -> bool:
    """Whether a price of this side is too far beyond the best of the other; where that is empty, never.

    Where orders gather for an auction they may cross, and no best price is the market's: it is off, as it is
    for those which wait for one.
    """
    instrument = ladder.book.instrument
    collar = instrument.collar
    opposite_best = ladder.opposite.best
    if collar is None or opposite_best is None or not instrument.is_trading or ladder.is_hidden:
        return False
    best_ticks = opposite_best.price_ticks
    return ladder.sign * (price_ticks - best_ticks) > width_ticks(collar, best_ticks)


def rests_freely(book: Book, command: NewOrder) -> bool:
    """Whether nothing of all this concerns a plain order which comes now: it trades with nobody.

    Nearly all orders rest like this, and so take the short way although prices are restrained.
    """
    ladder = book.bids if command.side is _BUY else book.asks
    key = ladder.sign * command.price_ticks
    guard = book.guard
    return key + ladder.opposite.best_key < 0 and (
        not isinstance(guard, IntervalLimit) or key <= _limit_key(guard, ladder.sign)
    )


def trade_within(
    venue: Venue, guard: Guard, order: Order, key: int, ref: Ref, remainder: CancelReason | None
) -> CancelReason | None:
    """Let `order` trade inside its instrument's limits; why what is left goes, None where it may rest.

    `remainder` is why what could not trade goes anyway.
    """
    stopped = key + order.ladder.opposite.best_key >= 0 and _match_within(venue, guard, order, key, ref)
    if not order.leaves_lots:
        return remainder
    if stopped and isinstance(guard, Corridor):
        interrupt(venue, order.ladder.book, guard)
        return None if remainder is None else CancelReason.VOLATILITY_INTERRUPTION
    if stopped:
        hold(venue, order.ladder.book)
        set_alarm(venue, order.ladder.book)
    elif key + order.ladder.opposite.best_key >= 0:
        return CancelReason.TOO_MANY_MAKERS
    if isinstance(guard, IntervalLimit) and (
        stopped or (remainder is None and key > _limit_key(guard, order.ladder.sign))
    ):
        return CancelReason.INTERVAL_LIMIT
    return remainder


def _match_within(venue: Venue, guard: Guard, taker: Order, key: int, ref: Ref) -> bool:
    """Trade as far as the guard allows; whether it has stopped a trade.

    Prices of one taker go one way. So its first one decides how far it may go, and of its trades the first
    and the last are all that a corridor has to know.
    """
    ladder = taker.ladder
    opposite = ladder.opposite
    limits = guard.limits(venue.time_ns)
    while True:
        prevent_ahead(venue, taker, key, ref)
        level = opposite.best
        if level is None or not taker.leaves_lots or key + level.key < 0 or not venue.makers_left:
            return False
        first_ticks = level.price_ticks
        if not limits[0] <= first_ticks <= limits[1]:
            return True
        limits = guard.narrowed(limits, first_ticks)
        furthest_key = limits[1] if ladder.sign > 0 else -limits[0]
        match(venue, taker, min(key, furthest_key), ref)
        if isinstance(guard, Corridor):
            guard.note(first_ticks, venue.time_ns)
            last_ticks = ladder.book.last_price_ticks
            if last_ticks != first_ticks:
                guard.note(last_ticks, venue.time_ns)


def _limit_key(guard: IntervalLimit, sign: int) -> int:
    """The worst key at which an order of this side may trade, or rest, now."""
    return guard.high_ticks if sign > 0 else -guard.low_ticks
