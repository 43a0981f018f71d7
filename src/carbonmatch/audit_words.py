"""What an audit says, as people read it: the same of a running venue and of a journal."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from carbonmatch.matching.messages import RejectReason
from carbonmatch.protocol.audited import BY_TAG
from carbonmatch.protocol.messages import Audited
from carbonmatch.words import printable, utc_text

# The commands by their names on the command line: set-phase, kill.
KINDS: Final = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower(): tag for tag, kind in BY_TAG.items()
}
# Said apart from the rest, or the same for every command of a session.
_APART: Final = frozenset({"ref", "text"})


class AuditLine(Struct, frozen=True, gc=False):
    """One command: when, where in the journal, who, what, refused for what (empty: it was done), and why."""

    time_ns: int
    sequence: int
    who: str
    what: str
    refused: str
    why: str


def line_of(told: Audited) -> AuditLine:
    name, fields = _command_in_words(told.sent)
    return AuditLine(
        time_ns=told.time_ns,
        sequence=told.sequence,
        who=printable(told.session) or f"session {told.session_id}",
        what=" ".join([name, *(f"{key}={value}" for key, value in fields.items() if key not in _APART)]),
        refused=_reason_name(told.reason) if told.reason else "",
        why=printable(str(fields.get("text", ""))),
    )


def in_words(told: Audited) -> str:
    """The same as one line of text."""
    line = line_of(told)
    outcome = f", refused: {line.refused}" if line.refused else ""
    why = f"; {line.why}" if line.why else ""
    return f"{utc_text(line.time_ns)} #{line.sequence} {line.who}: {line.what}{outcome}{why}"


def _command_in_words(encoded: bytes) -> tuple[str, dict[str, Any]]:
    """The name of a command and its fields, without those that are as if they were not given."""
    tag, *_ = msgspec.msgpack.decode(encoded)
    kind = BY_TAG.get(tag)
    if kind is None:
        return f"command {tag}", {}
    try:
        command: Struct = msgspec.msgpack.decode(encoded, type=kind)
    except msgspec.DecodeError:
        # Of a later version, which has given it fields that are not known here.
        return kind.__name__, {}
    return kind.__name__, dict(_said(command))


def _said(command: Struct) -> Iterator[tuple[str, Any]]:
    for field in structs.fields(command):
        value = getattr(command, field.name)
        if value != field.default:
            yield field.name, _short(value)


def _short(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()[:16]
    if isinstance(value, Struct):
        return "{" + " ".join(f"{name}={one}" for name, one in _said(value)) + "}"
    return printable(str(getattr(value, "name", value)))


def _reason_name(number: int) -> str:
    try:
        return RejectReason(number).name
    except ValueError:
        return str(number)
