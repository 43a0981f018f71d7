"""Steering the venue: phases and bands, by operators or the venue; definitions, by the venue alone.

The venue's own entries come from configuration and schedules which were checked before, so what does
not fit there is our own fault and an assertion. A definition that changes nothing is repeated freely.
"""

import msgspec

from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.auction import begin_indication, enter_course_phase, plan_cut_off, set_alarm
from carbonmatch.matching.blocks.endings import cancel_offers_of_session
from carbonmatch.matching.blocks.phases import configure as configure_blocks
from carbonmatch.matching.book import Book
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.configure import configure_clearing
from carbonmatch.matching.drop_copy import DropCopy
from carbonmatch.matching.guards import configure, set_reference
from carbonmatch.matching.instrument import Instrument, is_band
from carbonmatch.matching.listing import order_list
from carbonmatch.matching.messages import (
    ANY,
    GATHERING,
    NO_REF,
    BandChanged,
    CancelReason,
    DefineAccount,
    DefineDropCopy,
    DefineInstrument,
    DefineKey,
    DefineSession,
    Done,
    InstrumentDefined,
    Phase,
    Ref,
    RejectReason,
    RemoveKey,
    RemoveSession,
    Resume,
    SchedulePhase,
    SessionOpened,
    SetBand,
    SetPhase,
    TimePassed,
)
from carbonmatch.matching.prices.collecting import configure_prices
from carbonmatch.matching.venue import Venue


def set_phase(venue: Venue, session: SessionState, command: SetPhase, ref: Ref) -> None:
    """Hold one instrument or all of them in a phase; closing expires DAY orders.

    Where that ends an auction which takes more than one entry, the phase changes when it is done.
    """
    books = books_to_steer(venue, session, command)
    if isinstance(books, RejectReason):
        refuse(venue, session, ref, books)
        return
    for book in books:
        book.instrument.course.set(command.phase, command.until_ns)
        _follow_course(venue, book, command.text)
    report_done(venue, session, ref)


def resume(venue: Venue, session: SessionState, command: Resume, ref: Ref) -> None:
    """End what operators hold of one instrument or of all; one that nobody holds is left alone."""
    books = books_to_steer(venue, session, command)
    if isinstance(books, RejectReason):
        refuse(venue, session, ref, books)
        return
    for book in books:
        course = book.instrument.course
        if course.hold is not None:
            course.resume()
            if session is venue.venue_session and book.timing is not None and book.transition is None:
                # The hold's time is up, nobody asked for an end of the interruption: it looks at the course.
                venue.held_until_ns.pop(book.instrument.instrument_id, None)
            else:
                _follow_course(venue, book, command.text)
    report_done(venue, session, ref)


def schedule_phase(venue: Venue, command: SchedulePhase) -> None:
    """Go on with the schedule of an instrument; it is told where that changes its phase, or its end."""
    book = venue.books[command.instrument_id]
    course = book.instrument.course
    before = (book.instrument.phase, course.phase_until_ns)
    course.step(command)
    # A day may have been ended early: the steps that are left of it say nothing of the next one.
    if command.cut_off_ns and command.trading_day > book.day.ended:
        plan_cut_off(venue, book, command.cut_off_ns)
    if command.trading_day and command.phase is not Phase.CLOSED:
        # A close ends what has begun: where that was never, there is no day.
        book.day.number = command.trading_day
    if book.timing is not None and book.transition is None and not course.is_held:
        # An auction that ends by itself takes longer than planned: its end looks at the course.
        return
    if (course.phase, course.phase_until_ns) != before:
        _follow_course(venue, book, "")


def set_band(venue: Venue, session: SessionState, command: SetBand, ref: Ref) -> None:
    """Change the prices which the instrument admits. Orders outside of the new band stay."""
    reason = band_refusal(venue, session, command)
    if reason is not None:
        refuse(venue, session, ref, reason)
        return
    reference, low, high = command.reference_price_ticks, command.band_low_ticks, command.band_high_ticks
    book = venue.books[command.instrument_id]
    book.instrument.set_band(reference, low, high)
    set_reference(book)
    venue.public.append(BandChanged(command.instrument_id, venue.time_ns, reference, low, high))
    report_done(venue, session, ref)


def band_refusal(venue: Venue, session: SessionState, command: SetBand) -> RejectReason | None:
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    if command.instrument_id not in venue.books:
        return RejectReason.UNKNOWN_INSTRUMENT
    if not is_band(command.reference_price_ticks, command.band_low_ticks, command.band_high_ticks):
        return RejectReason.INVALID_PRICE
    return None


def define_instrument(venue: Venue, command: DefineInstrument) -> None:
    """Add an instrument in its opening phase; or change one, whose orders and phase stay."""
    definition = command.definition
    book = venue.books.get(definition.instrument_id)
    if book is None:
        assert definition.instrument_id != ANY, "0 means every instrument"
        assert definition.instrument_id not in venue.composites, "one id has one meaning"
        book = venue.books[definition.instrument_id] = Book(Instrument(definition))
        book.day.after_sequence, book.day.after_trade_id = venue.sequence, venue.last_trade_id
        begin_indication(venue, book)
    else:
        is_other = definition.screen.mechanism is not book.instrument.mechanism
        rest = any(map(any, (book.orders(), book.stops(), book.waiting())))
        assert not (is_other and rest), "orders stay with the mechanism they were entered for"
        book.instrument.configure(definition)
        if is_other:
            book.previous_price_ticks = 0
    configure_clearing(venue, book, definition)
    # Whoever knows how far prices may go drives them there.
    public = msgspec.structs.replace(book.instrument.definition, volatility=None)
    venue.public.append(InstrumentDefined(venue.time_ns, public))
    book = venue.books[definition.instrument_id]
    configure(venue, book)
    configure_prices(venue, book)
    order_list.configure(venue, book)
    configure_blocks(venue, book)
    if book.transition is None:
        set_alarm(venue, book)


def define_account(venue: Venue, command: DefineAccount) -> None:
    """Add an account; or change its name and whose it is, which then counts for its open orders too."""
    venue.negotiations.directory = None
    account = venue.accounts.get(command.account_id)
    if account is None:
        assert command.account_id != 0, "0 means the default account"
        venue.accounts[command.account_id] = Account(
            command.account_id, command.participant_id, command.name, command.group_id, command.holder_class
        )
    else:
        account.assign(command.participant_id, command.name, command.group_id, command.holder_class)
        for book in venue.books.values():
            if isinstance(book.clearing, Clearing):
                book.clearing.apply_limits(command.account_id)


def define_session(venue: Venue, command: DefineSession) -> None:
    """Add a session with an empty stream; or change its powers, while stream and orders stay."""
    session = venue.sessions.get(command.session_id)
    if session is None:
        assert command.session_id != venue.venue_session.session_id
        assert command.session_id not in venue.drop_copies.by_session, "one name has one stream"
        session = venue.sessions[command.session_id] = SessionState(command.session_id)
    session.entitle(command.name, command.account_ids, command.operator, venue.accounts, command.permissions)
    venue.negotiations.directory = None


def remove_session(venue: Venue, command: RemoveSession) -> None:
    """Cancel the session's orders and offers, in the order of entry: nobody could ask for that any more."""
    session = venue.sessions[command.session_id]
    for order in list(session.orders.values()):
        venue.end(order, NO_REF, CancelReason.SESSION_REMOVED)
    cancel_offers_of_session(venue, session, CancelReason.SESSION_REMOVED)
    session.entitle(session.name, (), False, venue.accounts)
    venue.negotiations.directory = None


def define_drop_copy(venue: Venue, command: DefineDropCopy) -> None:
    """Add a copy, numbered from here on; or change which accounts it shows from here on."""
    session_id = command.session_id
    assert session_id != venue.venue_session.session_id
    assert session_id not in venue.sessions, "one name has one stream"
    venue.drop_copies.define(DropCopy(session_id, command.name, command.account_ids), venue.accounts)


def session_opened(venue: Venue, command: SessionOpened) -> None:
    session = venue.sessions[command.session_id]
    session.cancel_on_disconnect = command.cancel_on_disconnect
    session.grace_ms = command.grace_ms


def define_key(venue: Venue, command: DefineKey) -> None:
    assert all(
        one.session_id in venue.sessions or one.session_id in venue.drop_copies.by_session
        for one in command.sessions
    ), "a key opens sessions there are"
    venue.keys[command.key_id] = command


def remove_key(venue: Venue, command: RemoveKey) -> None:
    del venue.keys[command.key_id]


def time_passed(_venue: Venue, _command: TimePassed) -> None:
    """What is to be done as time passes, the engine does at the beginning of every entry."""


def books_to_steer(
    venue: Venue, session: SessionState, command: SetPhase | Resume
) -> list[Book] | RejectReason:
    """The books that an operator's command is for; or why it is refused."""
    number = command.instrument_id
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    if number != ANY and number not in venue.books:
        return RejectReason.UNKNOWN_INSTRUMENT
    books = [book for one, book in sorted(venue.books.items()) if number in (ANY, one)]
    if session is not venue.venue_session:
        # Who means all means those that are listed.
        books = [book for book in books if not book.instrument.definition.delisted]
    if number != ANY and not books:
        return RejectReason.INSTRUMENT_DELISTED
    gathers = isinstance(command, SetPhase) and command.phase in GATHERING
    if gathers and not all(book.instrument.has_auctions for book in books):
        return RejectReason.MECHANISM_NOT_AVAILABLE
    return books


def _follow_course(venue: Venue, book: Book, text: str) -> None:
    """Bring the instrument into the phase that its course says."""
    instrument = book.instrument
    course = instrument.course
    if course.hold_until_ns:
        venue.held_until_ns[instrument.instrument_id] = course.hold_until_ns
    else:
        venue.held_until_ns.pop(instrument.instrument_id, None)
    enter_course_phase(venue, book, text)


def refuse(venue: Venue, session: SessionState, ref: Ref, reason: RejectReason) -> None:
    assert session is not venue.venue_session, f"the venue's own command does not fit: {reason.name}"
    venue.reject(session, ref, reason)


def report_done(venue: Venue, session: SessionState, ref: Ref) -> None:
    if session is venue.venue_session:
        return
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(Done(seq, ref, venue.time_ns, venue.report_flags, venue.sequence))
