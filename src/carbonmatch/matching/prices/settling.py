"""How the prices of a day end it and begin the next one; and SetReference."""

from typing import NamedTuple

from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.book import Book
from carbonmatch.matching.control import refuse, report_done
from carbonmatch.matching.guards import set_reference as tell_guard
from carbonmatch.matching.messages import BandChanged, Ref, RejectReason, SetReference
from carbonmatch.matching.prices.bands import rule_band
from carbonmatch.matching.prices.collecting import collect
from carbonmatch.matching.venue import Venue


class DayResult(NamedTuple):
    """Prices of a day that is over, 0 where there is none; and the next day's reference price and band."""

    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    reference_ticks: int
    band_low_ticks: int
    band_high_ticks: int
    days_without_trade: int  # in a row, this one included
    is_stale: bool  # so many that the reference price says little


def day_result(venue: Venue, book: Book) -> DayResult:
    """What the day of a book that has prices would come to if it ended now."""
    collect(venue)
    prices, definition = book.prices, book.instrument.definition
    assert prices is not None
    reference_ticks = definition.reference_price_ticks
    _, high_ticks, low_ticks = prices.open_high_low
    close_ticks = prices.close_ticks(reference_ticks)
    days = 0 if prices.has_traded else prices.days_without_trade + 1
    alert_days = prices.rules.stale_alert_days
    return DayResult(
        prices.open_ticks(reference_ticks),
        high_ticks,
        low_ticks,
        close_ticks,
        close_ticks,
        *rule_band(definition, close_ticks),
        days,
        bool(alert_days) and days >= alert_days,
    )


def begin_next_day(venue: Venue, book: Book, result: DayResult) -> None:
    """Carry the close over: what trades from here on is of the next day."""
    assert book.prices is not None
    book.prices.begin_day()
    _use(venue, book, result.reference_ticks)


def set_reference(venue: Venue, session: SessionState, command: SetReference, ref: Ref) -> None:
    """Give an instrument a reference price, and the band that its rules make of it."""
    reason = reference_refusal(venue, session, command)
    if reason is not None:
        refuse(venue, session, ref, reason)
        return
    book = venue.books[command.instrument_id]
    assert book.prices is not None
    book.prices.days_without_trade = 0
    _use(venue, book, command.reference_price_ticks)
    report_done(venue, session, ref)


def reference_refusal(venue: Venue, session: SessionState, command: SetReference) -> RejectReason | None:
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    book = venue.books.get(command.instrument_id)
    if book is None:
        return RejectReason.UNKNOWN_INSTRUMENT
    if book.prices is None:
        return RejectReason.MECHANISM_NOT_AVAILABLE
    if not 0 < command.reference_price_ticks <= PRICE_TICKS_MAX:
        return RejectReason.INVALID_PRICE
    if command.reference_price_ticks % book.instrument.price_increment_ticks:
        return RejectReason.PRICE_INCREMENT
    return None


def _use(venue: Venue, book: Book, reference_ticks: int) -> None:
    """Set reference price and band, and tell everybody where that changes them."""
    instrument = book.instrument
    definition = instrument.definition
    low_ticks, high_ticks = rule_band(definition, reference_ticks)
    before = (definition.reference_price_ticks, definition.band_low_ticks, definition.band_high_ticks)
    if (reference_ticks, low_ticks, high_ticks) == before:
        return
    instrument.set_band(reference_ticks, low_ticks, high_ticks)
    tell_guard(book)
    venue.public.append(
        BandChanged(instrument.instrument_id, venue.time_ns, reference_ticks, low_ticks, high_ticks)
    )
