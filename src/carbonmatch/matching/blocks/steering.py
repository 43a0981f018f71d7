"""Operators open, pause and close the blocks of an instrument."""

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.blocks.phases import enter
from carbonmatch.matching.control import report_done
from carbonmatch.matching.messages import ANY, Ref, RejectReason, SetBlockPhase
from carbonmatch.matching.venue import Venue


def set_block_phase(venue: Venue, session: SessionState, command: SetBlockPhase, ref: Ref) -> None:
    """Hold the blocks of one instrument, or of all that have any, in a phase; or let their schedule count."""
    reason = block_phase_refusal(venue, session, command)
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    for instrument_id, book in sorted(venue.books.items()):
        if book.blocks is not None and command.instrument_id in (ANY, instrument_id):
            book.blocks.course.set(command.phase)
            enter(venue, book, book.blocks, command.text)
    report_done(venue, session, ref)


def block_phase_refusal(venue: Venue, session: SessionState, command: SetBlockPhase) -> RejectReason | None:
    """Why the blocks stay as they are, None if they do not."""
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    if command.instrument_id == ANY:
        has_any = any(book.blocks is not None for book in venue.books.values())
        return None if has_any else RejectReason.MECHANISM_NOT_AVAILABLE
    book = venue.books.get(command.instrument_id)
    if book is None:
        return RejectReason.UNKNOWN_INSTRUMENT
    return RejectReason.MECHANISM_NOT_AVAILABLE if book.blocks is None else None
