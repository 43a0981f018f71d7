"""The messages as JSON Schema, in proto/schema/messages.schema.json.

A message in JSON is the array that it is on the wire, the tag and then the fields; binaries are hexadecimal.
"""

from typing import Any, Final

from msgspec import Struct

from carbonmatch.protocol.reference import kinds
from carbonmatch.protocol.reference.fields import Field, Type, fields_of, plain
from carbonmatch.protocol.reference.folding import folded

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NAME: Final = "^[A-Za-z0-9_.-]{1,32}$"
_PRINTABLE: Final = r"^[^\u0000-\u001f\u007f-\u009f]*$"


def schema() -> dict[str, Any]:
    """Of any one message; `$defs` has each by its name."""
    defined = {kind.__name__: _array(kind, [{"const": kinds.tag_of(kind)}]) for kind in kinds.messages()}
    defined |= {kind.__name__: _array(kind, []) for kind in kinds.structures()}
    defined |= {kind.__name__: _numbers(kind) for kind in kinds.enums()}
    return {
        "$schema": _DIALECT,
        "title": "A message of carbonmatch",
        "description": "The tag, then the fields, as on the wire; binaries in hexadecimal.",
        "oneOf": [_reference(kind.__name__) for kind in kinds.messages()],
        "$defs": defined,
    }


def text() -> str:
    return folded(schema(), 4)


def _array(kind: type[Struct], head: list[dict[str, Any]]) -> dict[str, Any]:
    fields = fields_of(kind)
    items = [*head, *map(_field, fields)]
    array: dict[str, Any] = {"title": kind.__name__}
    if kinds.about(kind):
        array["description"] = " ".join(kinds.about(kind).split())
    array |= {
        "type": "array",
        "prefixItems": items,
        "minItems": len(head) + sum(field.required for field in fields),
    }
    if kinds.is_strict(kind):
        array["items"] = False
    return array


def _field(field: Field) -> dict[str, Any]:
    described = {"title": field.name, **_type(field.type)}
    described["description"] = f"{field.meaning} [{field.unit}]" if field.unit else field.meaning
    if not field.required:
        described["default"] = plain(field.default)
    return described


def _type(type_: Type) -> dict[str, Any]:
    described = _not_nil(type_)
    return {"anyOf": [described, {"type": "null"}]} if type_.nullable else described


def _not_nil(type_: Type) -> dict[str, Any]:
    match type_.kind:
        case "integer":
            return {"type": "integer", "minimum": type_.low, "maximum": type_.high}
        case "boolean":
            return {"type": "boolean"}
        case "name":
            return {"type": "string", "pattern": _NAME}
        case "text":
            pattern = {"pattern": _PRINTABLE} if type_.printable else {}
            return {"type": "string", **pattern, **_lengths(type_, "Length", 1)}
        case "binary":
            # Two digits a byte.
            return {"type": "string", "pattern": "^([0-9a-f]{2})*$", **_lengths(type_, "Length", 2)}
        case "array":
            assert type_.item is not None
            return {"type": "array", "items": _type(type_.item), **_lengths(type_, "Items", 1)}
        case "enum" | "structure":
            return _reference(type_.of[0])
        case "message":
            return {"oneOf": [_reference(name) for name in type_.of]}


def _numbers(enum: type) -> dict[str, Any]:
    members = kinds.numbers_of(enum).items()
    return {
        "title": enum.__name__,
        "oneOf": [{"const": number, "title": member} for member, number in members],
    }


def _lengths(type_: Type, of: str, each: int) -> dict[str, int]:
    bounds = {f"min{of}": type_.low, f"max{of}": type_.high}
    return {name: each * bound for name, bound in bounds.items() if bound is not None}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}
