"""What operators ask of the process that runs the venue: part of the vocabulary in `messages`.

The engine cannot know what connections there are, or what stands in a file. The server finds out, and
journals the command with what was found, so that executing the journal again asks nobody.
The rules of `messages` hold: append-only, golden bytes in `proto/vectors/`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import (
    BAN_SECONDS_MAX,
    NAME_CHARS_MAX,
    OUTCOME_LINE_CHARS_MAX,
    OUTCOME_LINES_MAX,
    SESSION_ID_MAX,
    SESSION_STATUS_ROWS_MAX,
)
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.fields import (
    ANY,
    NameField,
    NumberField,
    ParticipantId,
    Ref,
    RefField,
    SessionId,
    SessionIdField,
    TextField,
    TimeField,
)
from carbonmatch.matching.vocabulary.reports import Report


class SessionsRequest(Command, frozen=True, tag=155):
    """Operators only: who there is, in the order of the numbers of sessions, drop copies among them.

    Answered by a SessionStatus for each session and role that is connected, one for each session that is
    not, of 64 sessions at most, and a StatusEnd.
    """

    ref: RefField
    session: Annotated[str, Meta(max_length=NAME_CHARS_MAX)] = ""  # of one session; empty: all
    after_session_id: Annotated[SessionId, Meta(ge=0, le=SESSION_ID_MAX)] = SessionId(
        ANY
    )  # where the last answer ended; 0: from the first


class Disconnect(Command, frozen=True, tag=156):
    """Operators only: ends every connection of a session, whatever its role; its key stays good."""

    ref: RefField
    session: NameField  # a drop copy's name likewise
    # For so long it may not log on again. 0: it may at once, and what banned it before is over.
    ban_seconds: Annotated[int, Meta(ge=0, le=BAN_SECONDS_MAX)] = 0
    text: TextField = ""  # the reason, which the session gets to see


class TakeSnapshot(Command, frozen=True, tag=157):
    """Operators only: keeps the state on the disk, so that a start need not replay what is before it.

    Answered by an Outcome once the snapshot is durable.
    """

    ref: RefField
    text: TextField = ""  # the reason


class ReloadConfiguration(Command, frozen=True, tag=158):
    """Operators only: reads the configuration file again. Answered by an Outcome once it is in force."""

    ref: RefField
    text: TextField = ""  # the reason


class FoundSession(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """What the server knows of a session in one role."""

    session_id: SessionIdField
    role: NumberField  # a [Role](#role); 0: nobody is connected as it
    connections: NumberField  # in that role: more than one only of readers of the feed
    address: Annotated[str, Meta(max_length=64)]  # host and port of the last that came
    since_ns: TimeField  # when that one logged on
    waiting_bytes: NumberField  # sent to it and not read yet, and read from it and not served yet
    commands_per_second: NumberField  # its throttle; 0: not throttled
    commands_burst: NumberField  # commands that may come at once
    cancels_per_second: NumberField  # of what only takes risk away; 0: not throttled
    cancels_burst: NumberField  # cancels that may come at once
    throttled: NumberField  # commands that its throttle has refused since the venue started


class OnSessions(Command, frozen=True, tag=182):
    """An operator's question after sessions, with what the server knows of them."""

    command: SessionsRequest  # as it was sent
    # A row each, in the order of their numbers and roles.
    found: Annotated[tuple[FoundSession, ...], Meta(max_length=SESSION_STATUS_ROWS_MAX)]
    more: bool  # sessions follow that are not in it

    @property
    def ref(self) -> Ref:
        return self.command.ref


_Line = Annotated[str, Meta(max_length=OUTCOME_LINE_CHARS_MAX, pattern=r"\A[\x20-\x7e]*\Z")]


class OnOutcome(Command, frozen=True, tag=183):
    """An operator's command that the server has carried out, or could not, with what came of it."""

    command: TakeSnapshot | ReloadConfiguration  # as it was sent
    applied: bool  # False: nothing was done, and the lines say why
    at_sequence: NumberField  # of the snapshot; 0: of the command itself
    # What has changed, or what is wrong.
    lines: Annotated[tuple[_Line, ...], Meta(max_length=OUTCOME_LINES_MAX)] = ()

    @property
    def ref(self) -> Ref:
        return self.command.ref


class SessionStatus(Report, frozen=True, tag=116):
    """A session, or drop copy, in one role, as an operator asked for it."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    session_id: SessionId
    session: str
    role: int  # a [Role](#role) that it is connected in; 0: it is not connected
    connections: int  # in that role
    address: str  # host and port of the last that came
    since_ns: int  # when that one logged on; 0: not connected
    waiting_bytes: int  # sent to it and not read yet, and read from it and not served yet
    participant_id: ParticipantId  # of its first account; 0: it has none
    last_seq: int  # of its newest report, or copy
    open_orders: int  # that it has entered
    banned_until_ns: int  # until then it may not log on; 0: it may
    commands_per_second: int  # its throttle; 0: not throttled
    commands_burst: int  # commands that may come at once
    cancels_per_second: int  # of what only takes risk away; 0: not throttled
    cancels_burst: int  # cancels that may come at once
    throttled: int  # commands that its throttle has refused since the venue started


class Outcome(Report, frozen=True, tag=117):
    """What came of a command that the process itself carries out, in words where there are any."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    applied: bool  # False: nothing was done, and the lines say why
    at_sequence: int  # of the snapshot; else the sequence of the command
    lines: tuple[str, ...]  # what has changed, or what is wrong
