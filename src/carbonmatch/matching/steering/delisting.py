"""An instrument leaves the market and comes back: its history, and what accounts have of it, stay.

While it is delisted it is closed, whatever its schedule or operators say, and nothing new is taken.
"""

from collections.abc import Callable
from typing import Any, Final

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.auction import change_phase, enter_course_phase
from carbonmatch.matching.book import Book
from carbonmatch.matching.kill_switch import open_in
from carbonmatch.matching.messages import (
    AnnounceBidding,
    BlockPropose,
    CancelReason,
    KillScope,
    Phase,
    Ref,
    RejectReason,
)
from carbonmatch.matching.pulling import pull
from carbonmatch.matching.venue import Venue

_Handler = Callable[[Venue, SessionState, Any, Ref], None]
_DELISTED: Final = "delisted by an operator"


def delist(venue: Venue, book: Book) -> None:
    """Take out all that is open, tell its owners, and close it: once an auction that goes on is carried out.

    Biddings are called off. One whose window is over is decided, and told.
    """
    found, more = open_in(venue, KillScope.INSTRUMENT, book.instrument.instrument_id, 0)
    assert not more, "biddings go as a whole, and with them their bids"
    pull(venue, found, CancelReason.DELISTED, _DELISTED)
    if book.instrument.phase is not Phase.CLOSED:
        change_phase(venue, book, Phase.CLOSED, _DELISTED)


def relist(venue: Venue, book: Book) -> None:
    """It is where its schedule, or an operator, has it by now."""
    enter_course_phase(venue, book, "")


def unless_delisted(handler: _Handler) -> _Handler:
    """The handler of what needs no phase to be taken, with a look whether the instrument is there."""

    def look(venue: Venue, session: SessionState, command: BlockPropose | AnnounceBidding, ref: Ref) -> None:
        book = venue.books.get(command.instrument_id)
        if book is not None and book.instrument.definition.delisted:
            venue.reject(session, ref, RejectReason.INSTRUMENT_DELISTED)
        else:
            handler(venue, session, command, ref)

    return look
