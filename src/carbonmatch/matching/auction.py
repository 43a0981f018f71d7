"""Auctions: orders gather without trading, and are then carried out at one price.

In the phases of `instrument.GATHERING` orders rest even where they cross. `UNCROSSED` says which change of
phase ends that: before the instrument enters its next phase, what crosses trades (`uncross`), which is told
as AuctionEnded. Any other change, a halt for instance, only interrupts: the orders stay, and trade when the
instrument enters a phase that trades. Orders for auctions only go when the instrument trades or closes.
"""

from typing import Final

from carbonmatch.matching.book import Book
from carbonmatch.matching.guards import restart_limits, set_auction_price
from carbonmatch.matching.instrument import GATHERING
from carbonmatch.matching.messages import (
    NO_REF,
    AuctionEnded,
    CancelReason,
    Phase,
    PhaseChanged,
    Side,
    TimeInForce,
)
from carbonmatch.matching.uncross import Uncross, advance, is_crossed
from carbonmatch.matching.venue import Venue

# Which phases what has gathered is carried out before, and coming from where.
UNCROSSED: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.CONTINUOUS: frozenset(Phase) - {Phase.CONTINUOUS},
    Phase.CLOSED: frozenset({Phase.CLOSING_AUCTION}),
}


class Transition:
    """A change of phase that waits until the auction before it has been carried out."""

    __slots__ = ("phase", "text", "uncross")

    def __init__(self, phase: Phase, text: str) -> None:
        self.phase = phase
        self.text = text
        self.uncross = Uncross()


def change_phase(venue: Venue, book: Book, phase: Phase, text: str) -> None:
    """Carry out what has gathered where the change ends an auction, and enter the phase.

    An auction that is being carried out already goes on, and this phase is entered after it.
    """
    transition = book.transition
    if transition is not None:
        transition.phase, transition.text = phase, text
        return
    instrument = book.instrument
    if instrument.phase in UNCROSSED.get(phase, ()) and (is_crossed(book) or instrument.phase in GATHERING):
        book.transition = Transition(phase, text)
        instrument.freeze(uncrossing=True)
        venue.uncrossing.append(book)
        carry_out(venue)
    else:
        _enter(venue, book, phase, text)


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
        _enter(venue, book, transition.phase, transition.text)


def _enter(venue: Venue, book: Book, phase: Phase, text: str) -> None:
    if phase is Phase.CONTINUOUS or phase is Phase.CLOSED:
        for order in list(book.auction_orders.values()):
            venue.end(order, NO_REF, CancelReason.AUCTION_OVER)
    instrument = book.instrument
    instrument.enter(phase)
    until_ns = instrument.course.phase_until_ns if phase is instrument.course.phase else 0
    venue.public.append(PhaseChanged(instrument.instrument_id, venue.time_ns, phase, text, until_ns))
    if book.guard is not None:
        restart_limits(venue, book)
    if phase is Phase.CLOSED:
        _expire(venue, book)
    elif book.instrument.is_trading and book.last_price_ticks:
        # Nobody has fired stops for the price of an auction, nor those that came while nothing traded.
        for stops in (book.buy_stops, book.sell_stops):
            if stops.best_key >= stops.sign * book.last_price_ticks:
                venue.reach(stops, book.last_price_ticks)


def _expire(venue: Venue, book: Book) -> None:
    for order in [*book.orders(), *book.stops()]:
        if order.time_in_force is TimeInForce.DAY:
            venue.end(order, NO_REF, CancelReason.EXPIRED)


def _report_ended(venue: Venue, book: Book, uncross: Uncross) -> None:
    price = uncross.price
    assert price is not None
    surplus_lots = price.surplus_lots
    venue.public.append(
        AuctionEnded(
            book.instrument.instrument_id,
            venue.time_ns,
            book.instrument.phase,
            price.price_ticks,
            uncross.traded_lots,
            abs(surplus_lots),
            (Side.BUY if surplus_lots > 0 else Side.SELL) if surplus_lots else 0,
            price.rule,
            price.reference_price_ticks,
            uncross.prevented_lots,
        )
    )
