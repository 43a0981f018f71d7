"""Which guard watches the trades of a book, and what becomes of it as definitions, phases and time change."""

from carbonmatch.matching.book import Book
from carbonmatch.matching.corridor import Corridor
from carbonmatch.matching.expiry import NEVER_NS
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.interval_limit import IntervalLimit, anchor_between
from carbonmatch.matching.messages import LimitsChanged
from carbonmatch.matching.venue import Venue
from carbonmatch.matching.volatility_rules import has_corridor, has_interval

Guard = Corridor | IntervalLimit


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


def set_auction_price(venue: Venue, book: Book) -> None:
    """The last trades were those of an auction, all at one price."""
    if isinstance(book.guard, Corridor):
        book.guard.restart(book.last_price_ticks, venue.time_ns)


# --- interval price limits -----------------------------------------------------------------------


def limits_due_ns(book: Book) -> int:
    """When the limits of the book are to be set anew; NEVER_NS where there are none, or nothing trades."""
    guard = book.guard
    return guard.next_ns if isinstance(guard, IntervalLimit) and book.instrument.is_trading else NEVER_NS


def recalculate(venue: Venue, book: Book) -> None:
    """Set the limits anew, if that is due."""
    if limits_due_ns(book) <= venue.time_ns:
        guard = _interval_limit(book)
        if guard.recalculate(_anchor_ticks(book), venue.time_ns):
            _report_limits(venue, book, guard)


def would_recalculate(book: Book, time_ns: int) -> bool:
    """Whether limits are due at this time, and somebody would see it if they were set anew now."""
    return limits_due_ns(book) <= time_ns and _interval_limit(book).would_change(_anchor_ticks(book))


def restart_limits(venue: Venue, book: Book) -> None:
    """Trading begins, or its rules have changed: the interval begins anew with what the market knows."""
    guard = book.guard
    if (
        isinstance(guard, IntervalLimit)
        and book.instrument.is_trading
        and guard.restart(_anchor_ticks(book), venue.time_ns)
    ):
        _report_limits(venue, book, guard)


def hold(venue: Venue, book: Book) -> None:
    """An interval price limit has stopped a trade."""
    guard = _interval_limit(book)
    if guard.hold(venue.time_ns):
        _report_limits(venue, book, guard)


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
