"""The messages for programs: proto/messages.json, which a codec or a generator of another language reads."""

from typing import Any

from msgspec import Struct

from carbonmatch.protocol.messages import PROTOCOL_VERSION
from carbonmatch.protocol.reference import kinds
from carbonmatch.protocol.reference.fields import Field, Type, fields_of, plain
from carbonmatch.protocol.reference.folding import folded

_ABOUT = (
    "Made from the code by `python -m carbonmatch.protocol.reference proto`: do not edit. "
    "MESSAGES.md says the same in words, and what each means."
)


def definitions() -> dict[str, Any]:
    """Everything on the wire and in the journal; messages by name, each with its fields in order."""
    return {
        "about": _ABOUT,
        "version": PROTOCOL_VERSION,
        "messages": {kind.__name__: _message(kind) for kind in kinds.messages()},
        "structures": {kind.__name__: {"fields": _fields(kind)} for kind in kinds.structures()},
        "enums": {kind.__name__: kinds.numbers_of(kind) for kind in kinds.enums()},
        "bits": {kind.__name__: kinds.numbers_of(kind) for kind in kinds.flags()},
    }


def text() -> str:
    """Return proto/messages.json, a line for each field: people who compare versions read it, too."""
    return folded(definitions(), 4)


def _message(kind: type[Struct]) -> dict[str, Any]:
    return {"tag": kinds.tag_of(kind), "direction": kinds.direction_of(kind), "fields": _fields(kind)}


def _fields(kind: type[Struct]) -> list[dict[str, Any]]:
    return [_field(field) for field in fields_of(kind)]


def _field(field: Field) -> dict[str, Any]:
    described = {"name": field.name, **_type(field.type)}
    if field.unit:
        described["unit"] = field.unit
    if field.bits:
        described["bits"] = field.bits
    if not field.required:
        described["default"] = plain(field.default)
    if field.since > 1:
        described["since"] = field.since
    return described


def _type(type_: Type) -> dict[str, Any]:
    described: dict[str, Any] = {"type": type_.kind}
    names = ("min", "max") if type_.kind == "integer" else ("min_length", "max_length")
    for name, bound in zip(names, (type_.low, type_.high), strict=True):
        if bound is not None:
            described[name] = bound
    if type_.of:
        described["of"] = list(type_.of) if type_.kind == "message" else type_.of[0]
    if type_.item is not None:
        described["item"] = _type(type_.item)
    if type_.printable:
        described["printable"] = True
    if type_.nullable:
        described["nullable"] = True
    return described
