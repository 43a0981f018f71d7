"""Commands of operators that a second one has to confirm: part of the vocabulary in `messages`.

Command 153, report 114, and the venue's own command 178. The rules of `messages` hold: append-only, golden
bytes in `proto/vectors/`.
"""

from enum import IntEnum, unique
from typing import Annotated

from msgspec import Meta

from carbonmatch.limits import CONFIRMED_KINDS_MAX
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.fields import NumberField, Ref, RefField, TextField, TimeField
from carbonmatch.matching.vocabulary.reports import Report

_KindsField = Annotated[tuple[NumberField, ...], Meta(max_length=CONFIRMED_KINDS_MAX)]


class Decide(Command, frozen=True, tag=153):
    """Operators only: a command that waits for confirmation is done now, or never.

    Answered as that command is; or, where it is rejected, by Done. The rules are in
    [OPERATORS.md](OPERATORS.md).
    """

    ref: RefField
    number: NumberField  # of the command: its place in the journal
    confirms: bool  # false: it is never done
    text: TextField = ""  # the reason


@unique
class ProposedState(IntEnum):
    """How far a command has come that another operator has to confirm."""

    WAITING = 1
    CONFIRMED = 2  # and done
    REFUSED = 3  # confirmed, and refused when it was to be done
    REJECTED = 4  # by an operator
    EXPIRED = 5  # nobody has decided in time


class Proposed(Report, frozen=True, tag=114):
    """A command was taken note of, and waits for another operator; or has waited, then with ref 0."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    number: int  # of the command: its place in the journal
    state: ProposedState
    expires_ns: int  # by when it has to be confirmed, UTC


class DefineConfirmation(Command, frozen=True, tag=178):
    """Which commands of operators a second one has to confirm, and within which time."""

    kinds: _KindsField = ()  # their tags, in their order
    within_ns: TimeField = 0  # from the command to its confirmation
