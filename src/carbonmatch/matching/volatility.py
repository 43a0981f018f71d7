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

from carbonmatch.matching.book import Book, Ladder, Order
from carbonmatch.matching.corridor import Corridor
from carbonmatch.matching.expiry import NEVER_NS
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.interval_limit import IntervalLimit, anchor_between
from carbonmatch.matching.messages import CancelReason, LimitsChanged, Phase, Ref
from carbonmatch.matching.prevention import prevent_ahead
from carbonmatch.matching.price_time import match
from carbonmatch.matching.venue import Venue
from carbonmatch.matching.volatility_rules import NO_WIDTH, has_corridor, has_interval, width_ticks

Guard = Corridor | IntervalLimit


def is_outside_collar(ladder: Ladder, price_ticks: int) -> bool:
    """Whether a price of this side is too far beyond the best of the other; where that is empty, never.

    Where orders gather for an auction they may cross, and no best price is the market's: it is off.
    """
    instrument = ladder.book.instrument
    collar = instrument.collar
    opposite_best = ladder.opposite.best
    if collar == NO_WIDTH or opposite_best is None or instrument.phase is not Phase.CONTINUOUS:
        return False
    best_ticks = opposite_best.price_ticks
    return ladder.sign * (price_ticks - best_ticks) > width_ticks(collar, best_ticks)


def new_guard(instrument: Instrument) -> Guard | None:
    """What its definition asks for, at its beginning."""
    rules = instrument.volatility
    if rules is None:
        return None
    if has_interval(rules):
        return IntervalLimit(rules)
    if has_corridor(rules):
        return Corridor(rules, instrument.definition.reference_price_ticks)
    return None


def configure(venue: Venue, book: Book) -> None:
    """Give the book the guard that its definition asks for; one whose rules stay goes on as it is."""
    if book.guard is not None and book.guard.rules == book.instrument.volatility:
        set_reference(book)
        return
    former = book.guard
    book.guard = new_guard(book.instrument)
    if isinstance(former, IntervalLimit) and former.anchor_ticks:
        # Those of its successor, if there is one, follow.
        _report_limits(venue, book, IntervalLimit(former.rules))
    if isinstance(book.guard, Corridor) and book.last_price_ticks:
        book.guard.note(book.last_price_ticks, venue.time_ns)
    restart_limits(venue, book)


def set_reference(book: Book) -> None:
    """The instrument has been given a reference price."""
    if isinstance(book.guard, Corridor):
        book.guard.reference_ticks = book.instrument.definition.reference_price_ticks


def trade_within(
    venue: Venue, guard: Guard, order: Order, key: int, ref: Ref, remainder: CancelReason | None
) -> CancelReason | None:
    """Let `order` trade inside its instrument's limits; why what is left goes, None where it may rest.

    `remainder` is why what could not trade goes anyway.
    """
    stopped = _match_within(venue, guard, order, key, ref)
    if not order.leaves_lots:
        return remainder
    if stopped and isinstance(guard, Corridor):
        interrupt(venue, order.ladder.book)
        return None if remainder is None else CancelReason.VOLATILITY_INTERRUPTION
    if stopped:
        _hold(venue, order.ladder.book)
    elif key + order.ladder.opposite.best_key >= 0:
        return CancelReason.TOO_MANY_MAKERS
    if isinstance(guard, IntervalLimit) and (
        stopped or (remainder is None and key > limit_key(guard, order.ladder.sign, venue.time_ns))
    ):
        return CancelReason.INTERVAL_LIMIT
    return remainder


def _match_within(venue: Venue, guard: Guard, taker: Order, key: int, ref: Ref) -> bool:
    """Trade level by level, all of one being at one price; whether a limit has stopped a trade."""
    opposite = taker.ladder.opposite
    time_ns = venue.time_ns
    while True:
        prevent_ahead(venue, taker, key, ref)
        level = opposite.best
        if level is None or not taker.leaves_lots or key + level.key < 0 or not venue.makers_left:
            return False
        low_ticks, high_ticks = guard.limits(time_ns)
        if not low_ticks <= level.price_ticks <= high_ticks:
            return True
        trade_id = venue.last_trade_id
        match(venue, taker, -level.key, ref)
        if isinstance(guard, Corridor) and venue.last_trade_id != trade_id:
            guard.note(level.price_ticks, time_ns)


def limit_key(guard: Guard, sign: int, time_ns: int) -> int:
    """The worst key at which an order of this side may trade now."""
    low_ticks, high_ticks = guard.limits(time_ns)
    return high_ticks if sign > 0 else -low_ticks


# --- interval price limits -----------------------------------------------------------------------


def recalculate_due(venue: Venue) -> None:
    """Set the anchors anew whose time has come; a phase that does not trade keeps them waiting."""
    for book in venue.limited:
        guard = _interval_limit(book)
        if guard.next_ns <= venue.time_ns and guard.recalculate(_anchor_ticks(book), venue.time_ns):
            _report_limits(venue, book, guard)
    reschedule(venue)


def would_recalculate(venue: Venue, time_ns: int) -> bool:
    """Whether somebody would see it if the anchors that are due at this time were set now."""
    return any(
        guard.next_ns <= time_ns and guard.would_change(_anchor_ticks(book))
        for book in venue.limited
        for guard in [_interval_limit(book)]
    )


def restart_limits(venue: Venue, book: Book) -> None:
    """Trading begins, or its rules have changed: the interval begins anew with what the market knows."""
    guard = book.guard
    if (
        isinstance(guard, IntervalLimit)
        and book.instrument.phase is Phase.CONTINUOUS
        and guard.restart(_anchor_ticks(book), venue.time_ns)
    ):
        _report_limits(venue, book, guard)
    reschedule(venue)


def reschedule(venue: Venue) -> None:
    """Find out anew which instruments have limits that are to be set as time passes, and when the next is."""
    venue.limited = [
        book
        for _, book in sorted(venue.books.items())
        if isinstance(book.guard, IntervalLimit) and book.instrument.phase is Phase.CONTINUOUS
    ]
    venue.limits_due_ns = min((_interval_limit(book).next_ns for book in venue.limited), default=NEVER_NS)


def _hold(venue: Venue, book: Book) -> None:
    guard = _interval_limit(book)
    if guard.hold(venue.time_ns):
        _report_limits(venue, book, guard)
        reschedule(venue)


def _interval_limit(book: Book) -> IntervalLimit:
    guard = book.guard
    assert isinstance(guard, IntervalLimit)
    return guard


def _anchor_ticks(book: Book) -> int:
    """The last price, or the reference price before the first trade, moved to where the quotes are."""
    bid, ask = book.bids.best, book.asks.best
    return anchor_between(
        book.last_price_ticks or book.instrument.definition.reference_price_ticks,
        0 if bid is None else bid.price_ticks,
        0 if ask is None else ask.price_ticks,
    )


def _report_limits(venue: Venue, book: Book, guard: IntervalLimit) -> None:
    venue.public.append(
        LimitsChanged(
            book.instrument.instrument_id,
            venue.time_ns,
            guard.anchor_ticks,
            guard.low_ticks,
            guard.high_ticks,
            guard.hold_ends_ns,
        )
    )


def interrupt(venue: Venue, book: Book) -> None:
    raise NotImplementedError
