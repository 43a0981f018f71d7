"""What an operator's command would do, with nothing done: by the rules that the command itself goes by.

Each command finds out first whether it is refused, and what it takes out; that much is asked here. The state
is that behind the last entry: what is due by now, and what comes before the command, may change the answer.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from carbonmatch.limits import BID_MEETINGS, ENTRY_AUCTION_ORDERS_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.auction import orders_of_the_day
from carbonmatch.matching.bidding.commands import bidding_to_cancel
from carbonmatch.matching.blocks.steering import block_phase_refusal
from carbonmatch.matching.book import Book
from carbonmatch.matching.clearing.restrictions import books_of, open_and_forbidden
from carbonmatch.matching.clearing.transfers import where
from carbonmatch.matching.control import band_refusal, books_to_steer
from carbonmatch.matching.day.end import books_to_end
from carbonmatch.matching.kill_switch import kill_refusal, open_in, release_refusal
from carbonmatch.matching.messages import (
    CancelBidding,
    Deposit,
    EndDay,
    Kill,
    OnTrade,
    Phase,
    RejectReason,
    Release,
    RestrictAccount,
    Resume,
    SetAccountLimits,
    SetBand,
    SetBlockPhase,
    SetPhase,
    SetReference,
    Withdraw,
)
from carbonmatch.matching.prices.settling import reference_refusal
from carbonmatch.matching.pulling import Open
from carbonmatch.matching.trades import trade_refusal
from carbonmatch.matching.venue import Venue

_NOTHING: Final = Open([], [], [], [])


class Foresight(NamedTuple):
    """Why it would be refused; else what it would take out, and how many instruments it is about."""

    reason: RejectReason | None
    found: Open = _NOTHING
    more: bool = False  # whether bids would be left, for the command to be given again
    instrument_count: int = 0


def foresee(venue: Venue, session: SessionState, command: Any) -> Foresight:
    """What the command would do, of those that `FORESEEN` has. Changes nothing."""
    return FORESEEN[type(command)](venue, session, command)


def _kill(venue: Venue, session: SessionState, command: Kill) -> Foresight:
    reason = kill_refusal(venue, session, command)
    if reason is not None:
        return Foresight(reason)
    return Foresight(None, *open_in(venue, command.scope, command.scope_id, _room()))


def _release(venue: Venue, session: SessionState, command: Release) -> Foresight:
    return Foresight(release_refusal(venue, session, command))


def _restriction(venue: Venue, session: SessionState, command: RestrictAccount) -> Foresight:
    found = books_of(venue, session, command)
    if isinstance(found, RejectReason):
        return Foresight(found)
    return Foresight(None, *open_and_forbidden(venue, command, found, _room()), len(found))


def _limits(venue: Venue, session: SessionState, command: SetAccountLimits) -> Foresight:
    return _of_books(books_of(venue, session, command))


def _phase(venue: Venue, session: SessionState, command: SetPhase) -> Foresight:
    """Where closing ends an auction, this is what would go if nothing of it traded."""
    found = books_to_steer(venue, session, command)
    if isinstance(found, RejectReason) or command.phase is not Phase.CLOSED:
        return _of_books(found)
    orders = [order for book in found for order in orders_of_the_day(book)]
    offers = [one for book in found if book.blocks is not None for one in book.blocks.proposals.values()]
    return Foresight(None, Open(orders, offers, [], []), instrument_count=len(found))


def _resume(venue: Venue, session: SessionState, command: Resume) -> Foresight:
    return _of_books(books_to_steer(venue, session, command))


def _block_phase(venue: Venue, session: SessionState, command: SetBlockPhase) -> Foresight:
    return Foresight(block_phase_refusal(venue, session, command))


def _band(venue: Venue, session: SessionState, command: SetBand) -> Foresight:
    return _of_one(band_refusal(venue, session, command))


def _reference(venue: Venue, session: SessionState, command: SetReference) -> Foresight:
    return _of_one(reference_refusal(venue, session, command))


def _bidding(venue: Venue, session: SessionState, command: CancelBidding) -> Foresight:
    found = bidding_to_cancel(venue, session, command)
    if isinstance(found, RejectReason):
        return Foresight(found)
    return Foresight(None, Open([], [], [], [found]), instrument_count=1)


def _end_of_day(venue: Venue, session: SessionState, command: EndDay) -> Foresight:
    if not session.operator:
        return Foresight(RejectReason.NOT_ENTITLED)
    found = books_to_end(venue, command)
    return _of_books(found if isinstance(found, RejectReason) else found[1])


def _transfer(venue: Venue, session: SessionState, command: Deposit | Withdraw) -> Foresight:
    found = where(venue, session, command)
    return Foresight(found if isinstance(found, RejectReason) else None)


def _trade(venue: Venue, session: SessionState, on: OnTrade) -> Foresight:
    return Foresight(trade_refusal(venue, session, on))


def _room() -> int:
    """How many bids a command takes out that is the first one of its entry to do so."""
    return ENTRY_AUCTION_ORDERS_MAX // BID_MEETINGS


def _of_one(reason: RejectReason | None) -> Foresight:
    return Foresight(reason, instrument_count=int(reason is None))


def _of_books(found: list[Book] | RejectReason) -> Foresight:
    if isinstance(found, RejectReason):
        return Foresight(found)
    return Foresight(None, instrument_count=len(found))


FORESEEN: Final[dict[type, Callable[[Venue, SessionState, Any], Foresight]]] = {
    Kill: _kill,
    Release: _release,
    RestrictAccount: _restriction,
    SetAccountLimits: _limits,
    SetPhase: _phase,
    Resume: _resume,
    SetBlockPhase: _block_phase,
    SetBand: _band,
    SetReference: _reference,
    CancelBidding: _bidding,
    EndDay: _end_of_day,
    Deposit: _transfer,
    Withdraw: _transfer,
    OnTrade: _trade,
}
