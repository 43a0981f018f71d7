"""Sessions as operators see them, and the ends of their connections. The rules are in proto/OPERATORS.md.

Connections are the server's: here is who may not come back before when, since a restart is not to forget it.
"""

from typing import Final

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.control import report_done
from carbonmatch.matching.drop_copy import DropCopy
from carbonmatch.matching.messages import (
    Disconnect,
    Disconnection,
    FoundSession,
    OnSessions,
    ParticipantId,
    Ref,
    RejectReason,
    SessionId,
    SessionStatus,
    StatusEnd,
)
from carbonmatch.matching.venue import Venue

_NS_PER_SECOND: Final = 1_000_000_000
_NOBODY: Final = ParticipantId(0)


def on_sessions(venue: Venue, session: SessionState, command: OnSessions, ref: Ref) -> None:
    """Report what the server has found, with what the engine knows of it; and the end."""
    if not session.operator:
        venue.reject(session, ref, RejectReason.NOT_ENTITLED)
        return
    for found in command.found:
        _report(venue, session, found, ref)
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(StatusEnd(seq, ref, venue.time_ns, venue.report_flags, len(command.found), command.more))


def disconnect(venue: Venue, session: SessionState, command: Disconnect, ref: Ref) -> None:
    """Have the connections of a session ended, and keep it out for as long as was asked for."""
    if not session.operator:
        venue.reject(session, ref, RejectReason.NOT_ENTITLED)
        return
    session_id = _session_of(venue, command.session)
    if session_id is None:
        venue.reject(session, ref, RejectReason.UNKNOWN_SESSION)
    elif command.ban_seconds and session_id == session.session_id:
        venue.reject(session, ref, RejectReason.OWN_SESSION)
    else:
        _ban(venue, session_id, command.ban_seconds)
        until_ns = venue.banned.get(session_id, 0)
        venue.disconnects.append(Disconnection(session_id, until_ns, command.text))
        report_done(venue, session, ref)


def banned_until_ns(venue: Venue, session_id: SessionId) -> int:
    """0: it may log on. A time that has passed says nothing any more."""
    until_ns = venue.banned.get(session_id, 0)
    return until_ns if until_ns > venue.time_ns else 0


def _ban(venue: Venue, session_id: SessionId, seconds: int) -> None:
    """Whoever is banned is looked at here only, so what is over goes here: at most one for each session."""
    venue.banned.pop(session_id, None)
    for other, until_ns in list(venue.banned.items()):
        if until_ns <= venue.time_ns:
            del venue.banned[other]
    if seconds:
        venue.banned[session_id] = venue.time_ns + seconds * _NS_PER_SECOND


def _session_of(venue: Venue, name: str) -> SessionId | None:
    for session_id, state in venue.sessions.items():
        if state.name == name:
            return session_id
    for session_id, copy in venue.drop_copies.by_session.items():
        if copy.name == name:
            return session_id
    return None


def _report(venue: Venue, session: SessionState, found: FoundSession, ref: Ref) -> None:
    one = venue.sessions.get(found.session_id) or venue.drop_copies.by_session[found.session_id]
    account = venue.accounts[one.account_ids[0]] if one.account_ids else None
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        SessionStatus(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            found.session_id,
            one.name,
            found.role,
            found.connections,
            found.address,
            found.since_ns,
            found.waiting_bytes,
            _NOBODY if account is None else account.participant_id,
            one.next_seq - 1,
            0 if isinstance(one, DropCopy) else len(one.orders),
            banned_until_ns(venue, found.session_id),
            found.commands_per_second,
            found.commands_burst,
            found.cancels_per_second,
            found.cancels_burst,
            found.throttled,
        )
    )
