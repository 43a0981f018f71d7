"""The page proto/MESSAGES.md."""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, Final, get_args

from msgspec import Struct

from carbonmatch.limits import TIME_NS_MAX, WIRE_INT_MAX
from carbonmatch.matching.messages import AnyReport
from carbonmatch.protocol.reference import kinds
from carbonmatch.protocol.reference.fields import Field, Type, fields_of

_HEAD: Final = """# Messages

Made from the code by `python -m carbonmatch.protocol.reference`: do not edit. How messages travel
and which rules they follow is in [README.md](README.md), their bytes in [vectors/](vectors). For
programs the same is in [messages.json](messages.json), and as JSON Schema in
[schema/messages.schema.json](schema/messages.schema.json).

A message is a MessagePack array: the tag, then the fields in this order. A field with a default may
be left out together with all that follow it. "Since" is the version of the wire that a field came with.

The engine refuses a frame with a value outside the bounds of what it takes, and keeps to the bounds in
what it sends; a later version may add members to an enumeration and fields to the end of a message.
Integers up to 2^53 - 1 are exact in every language; times, and sums of a day or of money, go up to
2^63 - 1 and need 64 bits.
"""


def page() -> str:
    """Return proto/MESSAGES.md."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield from _table(
        ("tag", "message", "direction"),
        ((str(kinds.tag_of(kind)), _link(kind), kinds.direction_of(kind)) for kind in kinds.messages()),
    )
    for title, union in kinds.SECTIONS:
        yield f"## {title}\n"
        for kind in kinds.messages_of(union):
            yield from _struct(kind, f"{kinds.tag_of(kind)} ")
    yield "## Structures inside messages\n"
    for kind in kinds.structures():
        yield from _struct(kind)
    yield "## Enumerations\n"
    for enum in kinds.enums():
        yield from _members(enum)
    yield "## Bits\n"
    for flags in kinds.flags():
        yield from _members(flags)


# --- one table -----------------------------------------------------------------------------------


def _struct(kind: type[Struct], tag: str = "") -> Iterator[str]:
    yield f"### {tag}{kind.__name__}\n"
    yield from _docstring(kind)
    first = 1 if tag else 0
    yield from _table(
        ("#", "field", "type", "unit", "default", "since", "meaning"),
        (
            (
                str(place),
                f"`{field.name}`",
                _words(field.type),
                field.unit,
                _default(field),
                str(field.since),
                field.meaning,
            )
            for place, field in enumerate(fields_of(kind), first)
        ),
    )


def _members(kind: type) -> Iterator[str]:
    yield f"### {kind.__name__}\n"
    yield from _docstring(kind)
    rows = (
        (str(number), f"`{name}`", str(kinds.since(kind, name)), kinds.meaning(kind, name))
        for name, number in kinds.numbers_of(kind).items()
    )
    yield from _table(("number", "name", "since", "meaning"), rows)


def _docstring(kind: type) -> Iterator[str]:
    if kinds.about(kind):
        yield kinds.about(kind) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _link(kind: type[Struct]) -> str:
    anchor = f"{kinds.tag_of(kind)}-{kind.__name__}".lower()
    return f"[{kind.__name__}](#{anchor})"


# --- types and defaults --------------------------------------------------------------------------


def _words(type_: Type) -> str:
    words = _words_of_kind(type_)
    return f"{words} or nil" if type_.nullable else words


def _words_of_kind(type_: Type) -> str:
    match type_.kind:
        case "integer":
            return f"integer {_number(type_.low)} to {_number(type_.high)}"
        case "name":
            return "name: 1 to 32 of `A-Z a-z 0-9 _ . -`"
        case "text" | "binary":
            return f"{type_.kind}{' without control characters' if type_.printable else ''}{_lengths(type_)}"
        case "enum" | "structure":
            return f"[{type_.of[0]}](#{type_.of[0].lower()})"
        case "message" if len(type_.of) == len(get_args(AnyReport)):
            return "a report of order entry"
        case "message":
            return " or ".join(type_.of)
        case "array":
            assert type_.item is not None
            return f"array{_lengths(type_)} of: {_words(type_.item)}"
        case "boolean":
            return "boolean"


def _number(number: int | None) -> str:
    return {WIRE_INT_MAX: "2^53 - 1", TIME_NS_MAX: "2^63 - 1"}.get(number or 0, str(number))


def _lengths(type_: Type) -> str:
    low, high = type_.low, type_.high
    if high is None:
        return ""
    if low == high:
        return f", {low} long"
    return f", {low} to {high} long" if low else f", at most {high} long"


def _default(field: Field) -> str:
    value: Any = field.default
    if field.required:
        return ""
    if isinstance(value, IntEnum):
        return f"{value.value} {value.name}"
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Struct):
        return "its own defaults"
    return str(value) if value or value == 0 else "empty"
