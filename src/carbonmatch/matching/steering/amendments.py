"""Changes of the configuration by operators: what counts in place of the file, and what is made of it.

The server has held them against the whole configuration. The rules are in proto/OPERATORS.md.
"""

from collections.abc import Callable
from typing import Any, Final

from carbonmatch.limits import ACCOUNTS_NAMED_MAX, AMENDMENTS_STATUS_MAX, BID_MEETINGS, OUTCOME_LINES_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.control import (
    define_account,
    define_drop_copy,
    define_instrument,
    define_key,
    define_session,
    remove_key,
    remove_session,
)
from carbonmatch.matching.kill_switch import open_in
from carbonmatch.matching.messages import (
    AccountId,
    Amendment,
    AmendmentsRequest,
    CancelReason,
    DefineAccount,
    DefineDropCopy,
    DefineInstrument,
    DefineKey,
    DefineSession,
    DropAmendment,
    KillScope,
    OnAmendment,
    Outcome,
    Ref,
    RejectReason,
    RemoveKey,
    RemoveSession,
    StatusEnd,
    TableKind,
)
from carbonmatch.matching.pulling import pull
from carbonmatch.matching.steering.amended import Amended
from carbonmatch.matching.steering.delisting import delist, relist
from carbonmatch.matching.venue import Venue


def on_amendment(venue: Venue, session: SessionState, command: OnAmendment, ref: Ref) -> None:
    """Make all that follows from the command, or nothing."""
    if not session.operator:
        venue.reject(session, ref, RejectReason.NOT_ENTITLED)
        return
    if not command.applied:
        _report(venue, session, ref, command.lines, applied=False)
        return
    traded = {account_id for one in venue.sessions.values() for account_id in one.account_ids}
    for definition in command.definitions:
        DEFINITIONS[type(definition)](venue, definition)
    left = _pull_of_nobody(venue, traded)
    for change in command.changes:
        key = (change.kind, change.name)
        venue.amendments.pop(key, None)
        if change.is_amended:
            venue.amendments[key] = Amended(
                change.table,
                change.of_file,
                venue.sequence,
                venue.time_ns,
                session.session_id,
                command.command.text,
            )
    venue.amended = True
    # Before all others, of which the last may say how many more there are.
    lines = (_left_in_words(left), *command.lines[: OUTCOME_LINES_MAX - 1]) if left else command.lines
    _report(venue, session, ref, lines, applied=True)


def drop_amendment(venue: Venue, command: DropAmendment) -> None:
    del venue.amendments[command.kind, command.name]


def amendments(venue: Venue, session: SessionState, command: AmendmentsRequest, ref: Ref) -> None:
    """Report a page of what counts in place of the file."""
    if not session.operator:
        venue.reject(session, ref, RejectReason.NOT_ENTITLED)
        return
    after = (command.after_kind, command.after_name)
    later = [(key, amended) for key, amended in sorted(venue.amendments.items()) if key > after]
    page = later[:AMENDMENTS_STATUS_MAX]
    for (kind, name), amended in page:
        _report_amendment(venue, session, ref, kind, name, amended)
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(StatusEnd(seq, ref, venue.time_ns, venue.report_flags, len(page), len(page) < len(later)))


def define(venue: Venue, command: DefineInstrument) -> None:
    """As `define_instrument`, with what follows from the instrument's being listed or not."""
    definition = command.definition
    book = venue.books.get(definition.instrument_id)
    was_delisted = book is not None and book.instrument.definition.delisted
    define_instrument(venue, command)
    if definition.delisted and not was_delisted:
        delist(venue, venue.books[definition.instrument_id])
    elif was_delisted and not definition.delisted:
        relist(venue, venue.books[definition.instrument_id])


def _pull_of_nobody(venue: Venue, traded: set[AccountId]) -> list[AccountId]:
    """Nobody could cancel what is open of an account that no session acts for any more.

    Returned are accounts of which bids stay: one entry takes out so many, less what it trades in auctions.
    """
    trading = {account_id for one in venue.sessions.values() for account_id in one.account_ids}
    left: list[AccountId] = []
    for account_id in sorted(traded - trading):
        room = venue.auction_orders_left // BID_MEETINGS
        found, more = open_in(venue, KillScope.ACCOUNT, account_id, room)
        pull(venue, found, CancelReason.SESSION_REMOVED)
        if more:
            left.append(account_id)
    return left


def _left_in_words(left: list[AccountId]) -> str:
    """What an operator has to do; no longer than a line of an outcome, however many accounts there are."""
    more = len(left) - ACCOUNTS_NAMED_MAX
    named = ", ".join(map(str, left[:ACCOUNTS_NAMED_MAX])) + (f" and {more} more" if more > 0 else "")
    return f"no session acts for accounts of which bids are left, kill them: {named}"


def _report(venue: Venue, session: SessionState, ref: Ref, lines: tuple[str, ...], *, applied: bool) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(Outcome(seq, ref, venue.time_ns, venue.report_flags, applied, venue.sequence, lines))


def _report_amendment(
    venue: Venue, session: SessionState, ref: Ref, kind: TableKind, name: str, amended: Amended
) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        Amendment(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            kind,
            name,
            amended.table,
            bool(amended.of_file),
            amended.sequence,
            amended.time_ns,
            amended.session_id,
            amended.text,
        )
    )


# Of the market and who trades in it.
DEFINITIONS: Final[dict[type, Callable[[Venue, Any], None]]] = {
    DefineInstrument: define,
    DefineAccount: define_account,
    DefineSession: define_session,
    RemoveSession: remove_session,
    DefineDropCopy: define_drop_copy,
    DefineKey: define_key,
    RemoveKey: remove_key,
}
