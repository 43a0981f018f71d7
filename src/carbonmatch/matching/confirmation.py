"""Two pairs of eyes: commands that one operator proposes, and that are done when another one confirms them.

Which ones they are is configuration. A proposal is refused for what the command itself would be refused for,
and the command goes by the rules of the time when it is confirmed. Time passes by entries: what has waited
too long is found so when somebody proposes or decides.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from carbonmatch.limits import PROPOSED_COMMANDS_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.control import report_done
from carbonmatch.matching.foresight import foresee
from carbonmatch.matching.messages import (
    NO_REF,
    Decide,
    DefineConfirmation,
    Foreseeable,
    OnTrade,
    Proposed,
    ProposedState,
    Ref,
    Rejected,
    RejectReason,
    SessionId,
)
from carbonmatch.matching.venue import Venue
from carbonmatch.matching.waiting_commands import WaitingCommand

_Handler = Callable[[Venue, SessionState, Any, Ref], None]


def define_confirmation(venue: Venue, command: DefineConfirmation) -> None:
    """From now on. What waits already can be confirmed as before."""
    venue.confirmation = command


def unless_proposed(handler: _Handler) -> _Handler:
    """The handler; or only a note, where another operator has to confirm the command."""

    def look(venue: Venue, session: SessionState, command: Any, ref: Ref) -> None:
        if session.operator and _tag_of(command) in venue.confirmation.kinds:
            _propose(venue, session, command, ref)
        else:
            handler(venue, session, command, ref)

    return look


def decide(
    venue: Venue, session: SessionState, command: Decide, ref: Ref, handlers: Mapping[type, _Handler]
) -> None:
    """Do the command for the one who confirms it, or let it go."""
    _let_go_expired(venue)
    waiting = venue.waiting_commands.get(command.number)
    reason = _decision_refusal(venue, session, waiting, confirms=command.confirms)
    if reason is not None or waiting is None:
        venue.reject(session, ref, reason or RejectReason.NOT_WAITING)
        return
    del venue.waiting_commands[command.number]
    if not command.confirms:
        _tell(venue, command.number, waiting, ProposedState.REJECTED)
        report_done(venue, session, ref)
        return
    confirmed = with_ref(waiting.command, ref)
    handlers[type(confirmed)](venue, session, confirmed, ref)
    is_refused = type(session.reports[-1]) is Rejected
    _tell(venue, command.number, waiting, ProposedState.REFUSED if is_refused else ProposedState.CONFIRMED)


def with_ref(command: Any, ref: Ref) -> Any:
    """The same command by another ref."""
    if isinstance(command, OnTrade):
        return OnTrade(msgspec.structs.replace(command.command, ref=ref), command.trade)
    return msgspec.structs.replace(command, ref=ref)


def _propose(venue: Venue, session: SessionState, command: Any, ref: Ref) -> None:
    _let_go_expired(venue)
    reason = foresee(venue, session, command).reason
    if reason is None and len(venue.waiting_commands) >= PROPOSED_COMMANDS_MAX:
        reason = RejectReason.WAITING_LIMIT
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    expires_ns = venue.time_ns + venue.confirmation.within_ns
    waiting = WaitingCommand(command, session.session_id, venue.time_ns, expires_ns)
    venue.waiting_commands[venue.sequence] = waiting
    _report(venue, session, ref, venue.sequence, ProposedState.WAITING, expires_ns)


def _decision_refusal(
    venue: Venue, session: SessionState, waiting: WaitingCommand | None, *, confirms: bool
) -> RejectReason | None:
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    if waiting is None:
        return RejectReason.NOT_WAITING
    if confirms and _is_one_hand(venue, session.session_id, waiting.session_id):
        return RejectReason.OWN_COMMAND
    return None


def _is_one_hand(venue: Venue, one: SessionId, other: SessionId) -> bool:
    """Whether they are one session, or a key opens both."""
    opened = [{session.session_id for session in key.sessions} for key in venue.keys.values()]
    return one == other or any({one, other} <= session_ids for session_ids in opened)


def _let_go_expired(venue: Venue) -> None:
    for number, waiting in list(venue.waiting_commands.items()):
        if waiting.expires_ns <= venue.time_ns:
            del venue.waiting_commands[number]
            _tell(venue, number, waiting, ProposedState.EXPIRED)


def _tell(venue: Venue, number: int, waiting: WaitingCommand, state: ProposedState) -> None:
    """Tell whoever has proposed it, also where it was the same who decides."""
    _report(venue, venue.sessions[waiting.session_id], NO_REF, number, state, waiting.expires_ns)


def _report(
    venue: Venue, session: SessionState, ref: Ref, number: int, state: ProposedState, expires_ns: int
) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(Proposed(seq, ref, venue.time_ns, venue.report_flags, number, state, expires_ns))


def _tag_of(command: Any) -> int:
    kind = type(command.command) if isinstance(command, OnTrade) else type(command)
    tag = kind.__struct_config__.tag
    assert isinstance(tag, int)
    return tag


# --- its part of a snapshot ----------------------------------------------------------------------


class WaitingState(NamedTuple):
    """A command that waits; as bytes, since it may be of many kinds."""

    number: int
    command: bytes
    session_id: SessionId
    time_ns: int
    expires_ns: int


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Foreseeable | OnTrade)


def waiting_state(venue: Venue) -> list[WaitingState]:
    return [
        WaitingState(number, _encoder.encode(one.command), one.session_id, one.time_ns, one.expires_ns)
        for number, one in venue.waiting_commands.items()
    ]


def restore_waiting(venue: Venue, kept: list[WaitingState]) -> None:
    for one in kept:
        command = _decoder.decode(one.command)
        venue.waiting_commands[one.number] = WaitingCommand(
            command, one.session_id, one.time_ns, one.expires_ns
        )


def check_waiting(venue: Venue) -> None:
    """Assert every invariant of what waits: for tests."""
    assert len(venue.waiting_commands) <= PROPOSED_COMMANDS_MAX
    assert list(venue.waiting_commands) == sorted(venue.waiting_commands)
    for number, waiting in venue.waiting_commands.items():
        assert 0 < number <= venue.sequence
        assert waiting.time_ns <= venue.time_ns
        assert waiting.session_id in venue.sessions
