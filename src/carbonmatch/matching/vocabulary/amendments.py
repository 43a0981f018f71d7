"""What operators change of the configuration while a venue runs: part of the vocabulary in `messages`.

The server knows the file, and how a table becomes a definition. It journals the command with what follows
from it, so that executing the journal again reads no file.
The rules of `messages` hold: append-only, golden bytes in `proto/vectors/`.
"""

from enum import IntEnum, unique
from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import (
    AMENDMENT_CHANGES_MAX,
    AMENDMENT_CHARS_MAX,
    AMENDMENT_DEFINITIONS_MAX,
    NAME_CHARS_MAX,
    OUTCOME_LINE_CHARS_MAX,
    OUTCOME_LINES_MAX,
)
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.fields import (
    NameField,
    NumberField,
    Ref,
    RefField,
    SessionId,
    TextField,
)
from carbonmatch.matching.vocabulary.reports import Report
from carbonmatch.matching.vocabulary.venue_commands import (
    DefineAccount,
    DefineDropCopy,
    DefineInstrument,
    DefineKey,
    DefineSession,
    RemoveKey,
    RemoveSession,
)


@unique
class TableKind(IntEnum):
    """Which list of the configuration a table is of, and what it goes by there."""

    INSTRUMENT = 1  # by its symbol
    PARTICIPANT = 2  # by its name
    SESSION = 3  # by its name; a drop copy is one
    KEY = 4  # by its id


@unique
class TableAction(IntEnum):
    """What becomes of a table."""

    REMOVE = 1  # it is none of the configuration's any more
    DISABLE = 2  # an instrument is delisted; of anybody else nothing is admitted any more
    ENABLE = 3  # an instrument is listed again, anybody else let in again
    RESTORE = 4  # as the file has it, or not at all


class PutTables(Command, frozen=True, tag=129):
    """Operators only: adds tables to the configuration, or puts them in place of those of the same name.

    Answered by an Outcome once it is in force.
    """

    ref: RefField
    # TOML, as in the file: [[instruments]], [[participants]], [[sessions]], [[keys]].
    tables: Annotated[str, Meta(min_length=1, max_length=AMENDMENT_CHARS_MAX)]
    text: TextField = ""  # the reason


class ChangeTable(Command, frozen=True, tag=147):
    """Operators only: takes a table out, or says whether it counts. Answered by an Outcome once in force."""

    ref: RefField
    kind: TableKind  # of what
    name: NameField  # what it goes by
    action: TableAction  # what becomes of it
    text: TextField = ""  # the reason


class SetThrottle(Command, frozen=True, tag=159):
    """Operators only: how much a session may send from now on, in place of all that the file says of it.

    Answered by an Outcome once it is in force; the session, where it is connected, is told ThrottleChanged.
    """

    ref: RefField
    session: NameField
    commands_per_second: NumberField  # 0: not throttled
    commands_burst: NumberField  # commands that may come at once
    cancels_per_second: NumberField = 0  # of what only takes risk away; 0: not throttled
    cancels_burst: NumberField = 0  # cancels that may come at once
    text: TextField = ""  # the reason


class AmendmentsRequest(Command, frozen=True, tag=148):
    """Operators only: what commands have changed of the configuration, and the file has not overruled.

    Answered by an Amendment each, at most 8, in the order of kinds and names, and a StatusEnd.
    """

    ref: RefField
    after_kind: NumberField = 0  # where the last answer ended; 0: from the first
    after_name: Annotated[str, Meta(max_length=NAME_CHARS_MAX)] = ""  # of that kind


class AmendedTable(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """What is to count of a table from now on."""

    kind: TableKind  # of what
    name: NameField  # what it goes by
    # Whether it counts whatever the file says, as long as the file says what it does; else as in the file.
    is_amended: bool
    # JSON of the whole table; empty: there is none.
    table: Annotated[str, Meta(max_length=AMENDMENT_CHARS_MAX)] = ""
    # Digest of what the file said at the time; empty: nothing.
    of_file: Annotated[bytes, Meta(max_length=16)] = b""


_Definition = (
    DefineInstrument | DefineAccount | DefineSession | RemoveSession | DefineDropCopy | DefineKey | RemoveKey
)
_Line = Annotated[str, Meta(max_length=OUTCOME_LINE_CHARS_MAX, pattern=r"\A[\x20-\x7e]*\Z")]


class OnAmendment(Command, frozen=True, tag=184):
    """An operator's change of the configuration, with what follows from it, or why nothing does."""

    command: PutTables | ChangeTable | SetThrottle  # as it was sent
    applied: bool  # False: nothing was done, and the lines say why
    changes: Annotated[tuple[AmendedTable, ...], Meta(max_length=AMENDMENT_CHANGES_MAX)] = ()  # of tables
    # Of the market and who trades in it, in the order in which they are made.
    definitions: Annotated[tuple[_Definition, ...], Meta(max_length=AMENDMENT_DEFINITIONS_MAX)] = ()
    # What has changed, or what is wrong.
    lines: Annotated[tuple[_Line, ...], Meta(max_length=OUTCOME_LINES_MAX)] = ()

    @property
    def ref(self) -> Ref:
        return self.command.ref


class DropAmendment(Command, frozen=True, tag=185):
    """The file says something else of the table than when an operator changed it: now the file counts."""

    kind: TableKind  # of what
    name: NameField  # what it goes by


class Amendment(Report, frozen=True, tag=118):
    """What a command has changed of the configuration, as an operator asked for it."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    kind: TableKind  # of what
    name: str  # what it goes by
    table: str  # JSON of the whole table as it counts now; empty: it is removed
    is_in_file: bool  # whether the file had it at the time
    amended_sequence: int  # of the command
    amended_ns: int  # when that was, UTC
    session_id: SessionId  # whose it was
    text: str  # the reason
