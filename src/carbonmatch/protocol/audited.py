"""Which commands of the journal are operators' doing, and where they are in a batch."""

import re
from typing import Any, Final, get_args

from carbonmatch.matching.messages import (
    NO_REF,
    AnyCommand,
    ClientCommand,
    Entry,
    InspectHoldings,
    Permission,
    Proposed,
    Rejected,
    RejectReason,
    SessionCommand,
)
from carbonmatch.protocol.batch import Outline, Record, decode_outline, decode_record, decode_stream
from carbonmatch.protocol.permissions import COMMANDS

_OF_OPERATORS: Final = frozenset().union(
    *(kinds for bit, kinds in COMMANDS.items() if bit >= Permission.PHASES)
)
# What is told where no kind is asked for: whatever changes something. Questions are requests, but for one.
CHANGES: Final = frozenset(
    kind for kind in _OF_OPERATORS if not kind.__name__.endswith("Request") and kind is not InspectHoldings
)
# What takes the place of an operator's command in the journal, with what the venue has looked up.
_IN_PLACE: Final = frozenset(get_args(SessionCommand)) - frozenset(get_args(ClientCommand))


def _tag_of(kind: Any) -> int:
    tag = kind.__struct_config__.tag
    assert isinstance(tag, int)
    return tag


BY_TAG: Final[dict[int, type]] = {_tag_of(kind): kind for kind in _OF_OPERATORS}


def _pattern() -> re.Pattern[bytes]:
    """The head of such a command in MessagePack: an array whose first element is one of the tags.

    Other bytes may look like it, but none of these commands looks otherwise: one pass of this in C says of
    nearly every batch that nothing in it need be decoded.
    """
    tags = sorted(_tag_of(kind) for kind in _OF_OPERATORS | _IN_PLACE)
    assert all(128 <= tag <= 255 for tag in tags), "they are two bytes: 0xcc and the tag"
    return re.compile(rb"(?s:[\x90-\x9f]|\xdc..)\xcc[" + re.escape(bytes(tags)) + rb"]")


_PATTERN: Final = _pattern()


def may_have_any(outline: Outline) -> bool:
    """Whether the batch may hold a command of an operator; seldom wrong where it says so, never otherwise."""
    return _PATTERN.search(bytes(outline.entries)) is not None


class AuditedCommand:
    """A command in its place, with what became of it."""

    __slots__ = ("command", "entry", "reason", "sequence")

    def __init__(self, sequence: int, entry: Entry, command: AnyCommand, reason: RejectReason | None) -> None:
        self.sequence = sequence
        self.entry = entry
        self.command = command
        self.reason = reason


def audited(payload: bytes, first_sequence: int) -> list[AuditedCommand]:
    """Every command of an operator, or of the venue in its place, that a batch holds."""
    if not may_have_any(decode_outline(payload)):
        return []
    record = decode_record(payload, first_sequence)
    not_done: dict[int, dict[int, RejectReason]] = {}
    found = []
    for entry in record.entries:
        for sequence, journaled in enumerate(entry.commands, entry.first_sequence):
            command: Any = journaled
            nothing_came = False
            if type(journaled) in _IN_PLACE:
                command = command.command
                nothing_came = not getattr(journaled, "applied", True)
            if type(command) not in _OF_OPERATORS:
                continue
            if entry.session_id not in not_done:
                not_done[entry.session_id] = _not_done(record, entry)
            reason = not_done[entry.session_id].get(command.ref)
            if reason is None and nothing_came:
                reason = RejectReason.NOT_APPLIED
            found.append(AuditedCommand(sequence, entry, command, reason))
    return found


def _not_done(record: Record, entry: Entry) -> dict[int, RejectReason]:
    """Which commands of the entry's session the batch refuses, or only takes note of, by their refs."""
    not_done: dict[int, RejectReason] = {}
    for stream in record.streams:
        if stream.session_id != entry.session_id:
            continue
        for report in decode_stream(stream.reports):
            if type(report) is Rejected:
                not_done[report.ref] = report.reason
            elif type(report) is Proposed and report.ref != NO_REF:
                not_done[report.ref] = RejectReason.AWAITS_CONFIRMATION
    return not_done
