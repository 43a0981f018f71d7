"""proto/vectors as tests read them, and a second encoder which is right by inspection."""

import json
import struct
from pathlib import Path
from typing import Any

from carbonmatch.protocol.reference import kinds
from carbonmatch.protocol.reference.fields import fields_of

PROTO = Path(__file__).parents[2] / "proto"


def load(name: str) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((PROTO / "vectors" / f"{name}.json").read_text())["vectors"]
    return vectors


def label(vector: dict[str, Any]) -> str:
    return ", ".join(filter(None, (vector["name"], vector.get("case"))))


# Fields that are binary on the wire; JSON has no binary, so vectors write them in hexadecimal.
BINARY_FIELDS = {
    field.name
    for kind in (*kinds.messages(), *kinds.structures())
    for field in fields_of(kind)
    if field.type.kind == "binary"
}


def plain_fields(fields: dict[str, Any]) -> list[Any]:
    """The fields as they stand on the wire: nested messages as lists, binaries as bytes."""
    return [
        bytes.fromhex(value) if name in BINARY_FIELDS else _plain(value) for name, value in fields.items()
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return plain_fields(value) if isinstance(value, dict) else value


def pack(value: Any) -> bytes:
    """MessagePack in its shortest form, for the few types which the wire has."""
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int() if 0 <= value < 2**7:
            return bytes([value])
        case int() if 0 <= value < 2**8:
            return b"\xcc" + struct.pack(">B", value)
        case int() if 0 <= value < 2**16:
            return b"\xcd" + struct.pack(">H", value)
        case int() if 0 <= value < 2**32:
            return b"\xce" + struct.pack(">I", value)
        case int() if 0 <= value < 2**64:
            return b"\xcf" + struct.pack(">Q", value)
        case str() if len(value.encode()) < 32:
            return bytes([0xA0 | len(value.encode())]) + value.encode()
        case str():
            return b"\xd9" + struct.pack(">B", len(value.encode())) + value.encode()
        case bytes():
            return b"\xc4" + struct.pack(">B", len(value)) + value
        case list() if len(value) < 16:
            return bytes([0x90 | len(value)]) + b"".join(map(pack, value))
        case list():
            return b"\xdc" + struct.pack(">H", len(value)) + b"".join(map(pack, value))
    raise TypeError(f"{value!r} has no place on the wire")
