"""Auctions: orders gather without trading, and are then carried out at one price.

In the phases of `instrument.GATHERING` orders rest even where they cross. `UNCROSSED` says which change of
phase ends that: before the instrument enters its next phase, what crosses trades (`uncross`), which is told
as AuctionEnded. Any other change, a halt for instance, only interrupts: the orders stay, and trade when the
instrument enters a phase that trades.

Orders for an auction only take part in those phases that TAKES_PART names, and wait unseen before; what they
have left goes when the instrument trades or closes, or gathers for another auction than theirs.

A phase that was started with a time (StartAuction) ends by itself. From its freeze on, and while it is
carried out, nothing is cancelled or amended: a mass cancel leaves such orders alone, and those of a session
that is lost go after the auction. An order whose own time is up goes all the same.
"""

from typing import Final

from carbonmatch.matching.auction_price import determine
from carbonmatch.matching.auction_times import Timing, auction_seed, drawn_end_ns
from carbonmatch.matching.bidding import course as bidding
from carbonmatch.matching.blocks.endings import cancel_offers_of_session, expire_all, expire_due
from carbonmatch.matching.book import Book
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.corridor import Corridor, Extension
from carbonmatch.matching.expiry import NEVER_NS
from carbonmatch.matching.guards import (
    limits_due_ns,
    recalculate,
    restart_limits,
    set_auction_price,
    would_recalculate,
)
from carbonmatch.matching.indication import Indication, indicate, surplus_side
from carbonmatch.matching.instrument import TAKES_PART
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import (
    GATHERING,
    NO_REF,
    AuctionEnded,
    CancelReason,
    OrderFlag,
    Phase,
    PhaseChanged,
    SessionLost,
    SetSeed,
    StartAuction,
    TimeInForce,
)
from carbonmatch.matching.uncross import Uncross, advance, is_crossed
from carbonmatch.matching.venue import Venue

# What everyone is told of an interruption.
INTERRUPTED: Final = "volatility interruption"
EXTENDED: Final = "volatility interruption, extended"
WAITING_FOR_OPERATOR: Final = "volatility interruption, until an operator ends it"

# Which phases what has gathered is carried out before, and coming from where.
UNCROSSED: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.CONTINUOUS: frozenset(Phase) - {Phase.CONTINUOUS},
    Phase.CLOSED: frozenset({Phase.CLOSING_AUCTION}),
}


class Transition:
    """A change of phase that waits until the auction before it has been carried out."""

    __slots__ = ("phase", "text", "timing", "uncross")

    def __init__(self, phase: Phase, text: str, timing: Timing | None) -> None:
        self.phase = phase
        self.text = text
        self.timing = timing
        self.uncross = Uncross()


# --- phases --------------------------------------------------------------------------------------


def change_phase(venue: Venue, book: Book, phase: Phase, text: str, timing: Timing | None = None) -> None:
    """Carry out what has gathered where the change ends an auction, and enter the phase.

    With a `timing` the phase ends by itself. An auction that is being carried out already goes on, and this
    phase is entered after it.
    """
    transition = book.transition
    if transition is not None:
        transition.phase, transition.text, transition.timing = phase, text, timing
        return
    if _ends_an_auction(book, phase):
        book.transition = Transition(phase, text, timing)
        _freeze(venue, book, uncrossing=True)
        begin_indication(venue, book)
        venue.alarms.set(book.instrument.instrument_id, NEVER_NS)
        venue.uncrossing.append(book)
        carry_out(venue)
    else:
        _enter(venue, book, phase, text, timing)


def _ends_an_auction(book: Book, phase: Phase) -> bool:
    """Whether something is carried out before `phase`; in a listing orders rest though they cross."""
    instrument = book.instrument
    if not instrument.has_auctions or instrument.phase not in UNCROSSED.get(phase, ()):
        return False
    return instrument.is_gathering or is_crossed(book)


def enter_course_phase(venue: Venue, book: Book, text: str) -> None:
    """Bring the instrument into the phase that its course says, with the times of an auction.

    One that is delisted stays closed, whatever that says.
    """
    if book.instrument.definition.delisted:
        return
    course = book.instrument.course
    auction = course.auction
    if auction is None or course.is_held:
        change_phase(venue, book, course.phase, text)
    else:
        start(
            venue,
            book,
            course.scheduled,
            course.until_ns,
            auction.random_ns,
            auction.freeze_ns,
            auction.next_phase,
            text,
        )


def carry_out(venue: Venue) -> None:
    """Go on with the auctions that are being carried out, as far as the entry may."""
    while venue.uncrossing and venue.auction_orders_left:
        book = venue.uncrossing[0]
        transition = book.transition
        assert transition is not None, "an instrument that uncrosses is about to enter a phase"
        if not advance(venue, book, transition.uncross):
            continue
        _report_ended(venue, book, transition.uncross)
        if transition.uncross.traded_lots:
            set_auction_price(venue, book)
        if is_crossed(book):
            # Orders may have gone meanwhile, because their time was up: what is left is another auction.
            transition.uncross = Uncross()
            continue
        del venue.uncrossing[0]
        book.transition = None
        _enter(venue, book, transition.phase, transition.text, transition.timing)


def _enter(venue: Venue, book: Book, phase: Phase, text: str, timing: Timing | None) -> None:
    instrument = book.instrument
    _thaw(venue, book)
    _end_whose_auction_is_over(venue, book, phase)
    instrument.enter(phase)
    book.timing = timing
    until_ns = phase_until_ns(book)
    venue.public.append(PhaseChanged(instrument.instrument_id, venue.time_ns, phase, text, until_ns))
    begin_indication(venue, book)
    if book.guard is not None:
        restart_limits(venue, book)
    set_alarm(venue, book)
    if phase is Phase.CLOSED:
        book.previous_price_ticks = 0
        _expire(venue, book)
    elif phase in GATHERING:
        _gather(venue, book)
    elif instrument.is_trading and book.last_price_ticks:
        # Nobody has fired stops for the price of an auction, nor those that came while nothing traded.
        for stops in (book.buy_stops, book.sell_stops):
            if stops.best_key >= stops.sign * book.last_price_ticks:
                venue.reach(stops, book.last_price_ticks)


def phase_until_ns(book: Book) -> int:
    """When the phase is to end, as everybody is told: without what is drawn; 0: not known."""
    if book.timing is not None:
        return book.timing.ends_ns
    course = book.instrument.course
    return course.phase_until_ns if book.instrument.phase is course.phase else 0


def _end_whose_auction_is_over(venue: Venue, book: Book, phase: Phase) -> None:
    """Let go what was in the book for an auction only, where `phase` is no part of it."""
    trades_or_closes = phase is Phase.CONTINUOUS or phase is Phase.CLOSED
    for order in list(book.auction_orders.values()):
        if order.ladder.is_hidden:
            continue
        # A market order goes with whichever auction comes; one that names its auction not with another.
        if trades_or_closes or (
            phase in GATHERING and phase not in TAKES_PART.get(order.time_in_force, GATHERING)
        ):
            venue.end(order, NO_REF, CancelReason.AUCTION_OVER)


def begin_indication(venue: Venue, book: Book) -> None:
    """Tell from here on how an auction would end, where orders gather; else nothing any more."""
    instrument = book.instrument
    if instrument.is_gathering and not instrument.is_uncrossing:
        told = (0, 0, 0) if book.indication is None else book.indication.told
        book.indication = Indication(told)
        venue.gathering[instrument.instrument_id] = book
    else:
        book.indication = None
        venue.gathering.pop(instrument.instrument_id, None)


def indicate_all(venue: Venue) -> None:
    """At the end of a batch: tell how auctions would end, or see to it that it is told in time."""
    for book in indicate(venue):
        set_alarm(venue, book)


def _gather(venue: Venue, book: Book) -> None:
    """Bring orders that have waited for this auction into the book, behind those that are there."""
    phase = book.instrument.phase
    for ladder in (book.bids, book.asks):
        for order in [order for level in ladder.waiting.levels_from_best() for order in level.orders()]:
            if phase in TAKES_PART[order.time_in_force]:
                key = order.level.key
                ladder.waiting.remove(order, venue.dirty)
                order.ladder = ladder
                ladder.rest(order, key, venue.dirty)


def _expire(venue: Venue, book: Book) -> None:
    for order in orders_of_the_day(book):
        venue.end(order, NO_REF, CancelReason.EXPIRED)
    if book.blocks is not None:
        expire_all(venue, book)


def orders_of_the_day(book: Book) -> list[Order]:
    """Those that go when the instrument closes."""
    return [
        order
        for order in (*book.orders(), *book.stops(), *book.waiting())
        if order.time_in_force is TimeInForce.DAY or order.time_in_force in TAKES_PART
    ]


# --- times ---------------------------------------------------------------------------------------


def start_auction(venue: Venue, command: StartAuction) -> None:
    """Nothing happens where an operator holds the instrument in another phase."""
    book = venue.books[command.instrument_id]
    if book.instrument.course.is_held:
        return
    start(
        venue,
        book,
        command.phase,
        command.ends_ns,
        command.random_ns,
        command.freeze_ns,
        command.next_phase,
    )


def start(
    venue: Venue,
    book: Book,
    phase: Phase,
    ends_ns: int,
    random_ns: int = 0,
    freeze_ns: int = 0,
    next_phase: Phase = Phase.CONTINUOUS,
    text: str = "",
    extension: int = 0,
) -> None:
    """Enter an auction that ends in `next_phase`, from `ends_ns` on and at most `random_ns` later.

    One that is in this phase already gets these times instead of its own. Where the schedule goes on
    meanwhile, its phase comes after the auction.
    """
    assert phase in GATHERING, f"{phase.name} gathers no orders"
    assert venue.seed or not random_ns, "the service gives a seed at its start"
    instrument_id = book.instrument.instrument_id
    seed = auction_seed(venue.seed, instrument_id, venue.sequence, extension) if random_ns else b""
    ended_ns = drawn_end_ns(ends_ns, random_ns, seed) if random_ns else ends_ns
    course_phase = book.instrument.course.phase
    timing = Timing(ends_ns, random_ns, freeze_ns, next_phase, ended_ns, seed, course_phase)
    if book.instrument.phase is phase and book.transition is None:
        _thaw(venue, book)
        book.timing = timing
        set_alarm(venue, book)
    else:
        change_phase(venue, book, phase, text, timing)


def set_seed(venue: Venue, command: SetSeed) -> None:
    venue.seed = command.seed


def is_due(venue: Venue, time_ns: int) -> bool:
    """Whether `do_what_is_due` at this time would do what somebody sees."""
    return any(
        book.timing is not None
        or would_recalculate(book, time_ns)
        or (book.indication is not None and book.indication.is_pending)
        or bidding.is_due(book, time_ns)
        or (book.blocks is not None and book.blocks.next_ns <= time_ns)
        for book in map(venue.books.__getitem__, venue.alarms.due(time_ns))
    )


def do_what_is_due(venue: Venue) -> None:
    """Freeze and end the auctions whose time has come, let blocks expire, and set limits anew.

    Then go on with the auctions that are being carried out.
    """
    alarms = venue.alarms
    while alarms.next_ns <= venue.time_ns:
        book = venue.books[alarms.first()]
        bidding.advance(venue, book)
        timing = book.timing
        # What is due of it may be its freeze only: others may end before it does.
        if timing is not None and timing.ended_ns <= alarms.next_ns:
            _end_in_time(venue, book, timing)
        else:
            expire_due(venue, book)
            recalculate(venue, book)
            pass_cut_off(venue, book)
            set_alarm(venue, book)
    carry_out(venue)


def _end_in_time(venue: Venue, book: Book, timing: Timing) -> None:
    """Enter the phase after the auction; or extend it, if no other phase should have begun meanwhile."""
    if book.instrument.course.phase is not timing.course_phase:
        enter_course_phase(venue, book, "")
    elif not _extend(venue, book):
        change_phase(venue, book, timing.next_phase, "")


def _extend(venue: Venue, book: Book) -> bool:
    """Let an interruption take longer where its price is too far from the last trade; whether it does."""
    instrument, corridor = book.instrument, book.guard
    if instrument.phase is not Phase.VOLATILITY_AUCTION or not isinstance(corridor, Corridor):
        return False
    extension = corridor.extend(determine(book).price_ticks, book.last_price_ticks)
    if extension is Extension.NONE:
        return False
    rules = corridor.rules
    ends_ns, text = 0, WAITING_FOR_OPERATOR
    if extension is Extension.AS_LONG_AGAIN:
        ends_ns, text = venue.time_ns + rules.auction_ns, EXTENDED
        number = corridor.extensions
        start(venue, book, instrument.phase, ends_ns, rules.auction_random_ns, extension=number)
    else:
        book.timing = None
        set_alarm(venue, book)
    venue.public.append(
        PhaseChanged(instrument.instrument_id, venue.time_ns, instrument.phase, text, ends_ns)
    )
    return True


def interrupt(venue: Venue, book: Book, corridor: Corridor) -> None:
    """Stop trading for an auction: a price would have left its corridor."""
    corridor.extensions = 0
    rules = corridor.rules
    start(
        venue,
        book,
        Phase.VOLATILITY_AUCTION,
        venue.time_ns + rules.auction_ns,
        rules.auction_random_ns,
        text=INTERRUPTED,
    )


def set_alarm(venue: Venue, book: Book) -> None:
    """Say when something is due of the book next; freeze it if that is due now."""
    instrument = book.instrument
    timing = book.timing
    due_ns = min(limits_due_ns(book), bidding.next_ns(book))
    if book.blocks is not None:
        due_ns = min(due_ns, book.blocks.next_ns)
    indication = book.indication
    if indication is not None and indication.is_pending and indication.from_ns > venue.time_ns:
        due_ns = min(due_ns, indication.from_ns)
    if isinstance(book.clearing, Clearing) and book.clearing.cut_off is not None:
        due_ns = min(due_ns, book.clearing.cut_off.at_ns)
    if timing is not None:
        due_ns = min(due_ns, timing.ended_ns)
        if timing.freeze_ns and not instrument.is_frozen:
            if timing.freeze_ns <= venue.time_ns:
                _freeze(venue, book)
            else:
                due_ns = min(due_ns, timing.freeze_ns)
    venue.alarms.set(instrument.instrument_id, due_ns)


def plan_cut_off(venue: Venue, book: Book, at_ns: int) -> None:
    """The schedule says when the day has its cut-off of settlement, where the instrument has one."""
    if isinstance(book.clearing, Clearing) and book.clearing.cut_off is not None:
        book.clearing.cut_off.plan(at_ns)
        set_alarm(venue, book)


def pass_cut_off(venue: Venue, book: Book) -> None:
    """Let what was bought so far have been bought in time, once that is due."""
    clearing = book.clearing
    if not isinstance(clearing, Clearing) or clearing.cut_off is None:
        return
    if clearing.cut_off.at_ns <= venue.time_ns:
        clearing.cut_off.pass_by(clearing.positions.items(), venue.last_trade_id)


# --- what is frozen ------------------------------------------------------------------------------


def _freeze(venue: Venue, book: Book, *, uncrossing: bool = False) -> None:
    book.instrument.freeze(uncrossing=uncrossing)
    venue.frozen[book.instrument.instrument_id] = book


def _thaw(venue: Venue, book: Book) -> None:
    """Let orders be cancelled again; those go that were to go meanwhile."""
    if venue.frozen.pop(book.instrument.instrument_id, None) is not None:
        book.instrument.thaw()
        _end_lost(venue, book)


def session_lost(venue: Venue, command: SessionLost) -> None:
    """Cancel the session's orders, in the order of entry, then its offers, but for what is to be kept.

    Where nothing may be cancelled now, they go as soon as it may.
    """
    session_id = command.session_id
    session = venue.sessions[session_id]
    for order in list(session.orders.values()):
        if order.flags & OrderFlag.KEEP_ON_DISCONNECT:
            continue
        book = order.ladder.book
        if book.instrument.is_frozen:
            book.lost[session_id] = venue.sequence
        else:
            venue.end(order, NO_REF, CancelReason.DISCONNECTED)
    cancel_offers_of_session(venue, session, CancelReason.DISCONNECTED, keeps=True)


def _end_lost(venue: Venue, book: Book) -> None:
    """Cancel what was to go with sessions that were lost while nothing could."""
    for session_id, sequence in book.lost.items():
        for order in list(venue.sessions[session_id].orders.values()):
            if _was_lost(order, book, sequence):
                venue.end(order, NO_REF, CancelReason.DISCONNECTED)
    book.lost.clear()


def _was_lost(order: Order, book: Book, sequence: int) -> bool:
    """Whether the order was there when its session was lost, and was not to be kept."""
    return (
        order.ladder.book is book
        and order.order_id < sequence
        and not order.flags & OrderFlag.KEEP_ON_DISCONNECT
    )


# --- results -------------------------------------------------------------------------------------


def _report_ended(venue: Venue, book: Book, uncross: Uncross) -> None:
    price = uncross.price
    assert price is not None
    surplus_lots = price.surplus_lots
    timing = book.timing
    drawn = (timing.ends_ns, timing.random_ns, timing.ended_ns, timing.seed) if timing and timing.seed else ()
    venue.public.append(
        AuctionEnded(
            book.instrument.instrument_id,
            venue.time_ns,
            book.instrument.phase,
            price.price_ticks,
            uncross.traded_lots,
            abs(surplus_lots),
            surplus_side(surplus_lots),
            price.rule,
            price.reference_price_ticks,
            uncross.prevented_lots,
            *drawn,
        )
    )
