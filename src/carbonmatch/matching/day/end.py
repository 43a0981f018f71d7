"""The end of a trading day: one entry, whole or not at all.

For each of its instruments, in the order of their numbers: the prices of the day are settled, everybody is
told (DayEnded), units and money of its accounts move on a day, and the next day gets its reference and
band. The table of what is refused is in proto/DAY.md.
"""

from collections.abc import Sequence

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.book import Book
from carbonmatch.matching.control import report_done
from carbonmatch.matching.day.trading_day import is_date, latest_date
from carbonmatch.matching.messages import DayEnded, EndDay, Phase, Ref, RejectReason
from carbonmatch.matching.prices.settling import begin_next_day, day_result
from carbonmatch.matching.venue import Venue


def end_day(venue: Venue, session: SessionState, command: EndDay, ref: Ref) -> None:
    """End the trading day of instruments that are closed, or refuse it for all of them."""
    if not session.operator:
        _refuse(venue, session, ref, RejectReason.NOT_ENTITLED)
        return
    found = books_to_end(venue, command)
    if isinstance(found, RejectReason):
        _refuse(venue, session, ref, found)
        return
    trading_day, books = found
    run = venue.settlements.begin(trading_day, venue.sequence, venue.time_ns, len(books))
    for book in books:
        _end(venue, book, trading_day, run)
    report_done(venue, session, ref)


def books_to_end(venue: Venue, command: EndDay) -> tuple[int, list[Book]] | RejectReason:
    """The day, and whose; or the first reason against it.

    Who names instruments means every one of them. Who names none means those of that day that are over.
    """
    numbers = sorted(set(command.instrument_ids)) or sorted(venue.books)
    if any(number not in venue.books for number in numbers) or not numbers:
        return RejectReason.UNKNOWN_INSTRUMENT
    books = [venue.books[number] for number in numbers]
    trading_day = command.trading_day or _day_in_progress(books)
    if not trading_day and _last_day_has_ended(books):
        return RejectReason.DAY_ALREADY_ENDED
    if not is_date(trading_day) or trading_day > latest_date(venue.time_ns):
        return RejectReason.UNKNOWN_TRADING_DAY
    named = bool(command.instrument_ids)
    refusals = [_refusal(book, trading_day, venue.time_ns, named=named) for book in books]
    unfit = [refusal for refusal in refusals if refusal is not None]
    fitting = [book for book, refusal in zip(books, refusals, strict=True) if refusal is None]
    over = [book for book in fitting if is_over(book)]
    if unfit and (command.instrument_ids or not fitting):
        return unfit[0]
    if not over or (command.instrument_ids and len(over) < len(books)):
        return RejectReason.DAY_NOT_OVER
    return trading_day, over


def is_over(book: Book) -> bool:
    """Whether nothing more can trade on its day: it is closed, and no auction is being carried out."""
    return book.instrument.phase is Phase.CLOSED and book.transition is None


def _day_in_progress(books: Sequence[Book]) -> int:
    """The one day that all are in which are in any; 0: there is none, or there are several."""
    days = {book.day.in_progress for book in books} - {0}
    return days.pop() if len(days) == 1 else 0


def _last_day_has_ended(books: Sequence[Book]) -> bool:
    """Whether schedules have begun days, and none of them is in progress any more."""
    return any(book.day.number for book in books) and not any(book.day.in_progress for book in books)


def _refusal(book: Book, trading_day: int, time_ns: int, *, named: bool) -> RejectReason | None:
    """Why the day is none of the instrument's to end; None if it is."""
    day = book.day
    if trading_day <= day.ended:
        return RejectReason.DAY_ALREADY_ENDED
    if day.in_progress and day.in_progress != trading_day:
        return RejectReason.UNKNOWN_TRADING_DAY
    if day.number < trading_day and time_ns < book.instrument.course.until_ns and (day.number or not named):
        # Its schedule has said when it goes on: no later day begins before that. Who names an instrument may
        # end the last day of those before it had a schedule.
        return RejectReason.UNKNOWN_TRADING_DAY
    return None


def _end(venue: Venue, book: Book, trading_day: int, run: int) -> None:
    day = book.day
    after_sequence, after_trade_id = day.after_sequence, day.after_trade_id
    day.end(trading_day, venue.sequence, venue.last_trade_id)
    result = None if book.prices is None else day_result(venue, book)
    venue.public.append(
        DayEnded(
            book.instrument.instrument_id,
            venue.time_ns,
            trading_day,
            run,
            venue.sequence,
            after_sequence,
            after_trade_id,
            venue.last_trade_id,
            *((0, 0, 0, book.last_price_ticks) if result is None else result[:4]),
            0 if result is None else result.days_without_trade,
            result is not None and result.is_stale,
        )
    )
    if result is not None:
        begin_next_day(venue, book, result)
    if book.clearing is not None:
        book.clearing.roll(trading_day, venue.last_trade_id)


def _refuse(venue: Venue, session: SessionState, ref: Ref, reason: RejectReason) -> None:
    assert session is not venue.venue_session, f"the schedule's end of a day does not fit: {reason.name}"
    venue.reject(session, ref, reason)
