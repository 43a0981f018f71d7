"""What tshark shows of a capture with our dissector, and what it should show, made from the messages."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from msgspec import Struct

from carbonmatch.protocol.reference import fields as described
from carbonmatch.protocol.reference import kinds
from carbonmatch.protocol.reference.fields import Field, Type, fields_of
from tests.protocol.capture import write_capture
from tests.protocol.vectors import BINARY_FIELDS, PROTO

SCRIPT = PROTO / "wireshark" / "carbonmatch.lua"
_KINDS = {kinds.tag_of(kind): kind for kind in kinds.messages()}
_NAMED = {kind.__name__: kind for kind in (*kinds.messages(), *kinds.structures())}
_NUMBERS = {kind.__name__: kinds.numbers_of(kind) for kind in (*kinds.enums(), *kinds.flags())}


def tshark(*arguments: str) -> str:
    """Its output; skips the test where there is none."""
    if shutil.which("tshark") is None:
        pytest.skip("no tshark: `apt-get install tshark`")
    command = ["tshark", "-X", f"lua_script:{SCRIPT}", *arguments]
    # Texts may be no UTF-8, in captures of what is wrong.
    ran = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    assert ran.returncode == 0, ran.stderr
    assert "lua" not in ran.stderr.lower(), ran.stderr
    return ran.stdout


class Shown:
    """A frame of the protocol as tshark shows it: the lines of each message, and what is marked."""

    def __init__(self, frame: ElementTree.Element) -> None:
        self.messages = [list(_lines(each)) for each in frame if each.get("name") == "carbonmatch.message"]
        marks = [each.get("name", "").removeprefix("carbonmatch.") for each in frame.iter("field")]
        self.is_malformed = "malformed" in marks
        self.is_of_later_version = "later_version" in marks
        self.problem = next(
            (e.get("show", "") for e in frame.iter("field") if e.get("name") == "_ws.expert.message"), ""
        )


def dissected(file: Path, connections: Iterable[Iterable[tuple[bool, bytes]]]) -> list[Shown]:
    """All frames of a capture with these connections, in its order."""
    write_capture(file, connections)
    pages = tshark("-r", str(file), "-T", "pdml")
    assert "Lua Error" not in pages, "the script has failed"
    found = ElementTree.fromstring(pages).iter("proto")
    return [Shown(each) for each in found if each.get("name") == "carbonmatch"]


def _lines(item: ElementTree.Element) -> Iterator[str]:
    name = item.get("name", "").removeprefix("carbonmatch.")
    if name == "word" or not item.get("name", "").startswith("carbonmatch."):
        return
    if (item.get("showname") or "").endswith("…") or name in BINARY_FIELDS:
        yield f"{name}: {item.get('value')}"
    elif name not in ("tag", "length"):
        yield item.get("showname") or item.get("show") or ""
    for inner in item:
        yield from _lines(inner)


# --- what should be shown ------------------------------------------------------------------------


def expected(message: bytes) -> list[str]:
    """The lines of one message, given as it is on the wire."""
    tag, *values = msgspec.msgpack.decode(message)
    return list(_message([tag, *values]))


def _message(message: list[Any]) -> Iterator[str]:
    kind = _KINDS[message[0]]
    yield kind.__name__
    yield from _struct(kind, message[1:])


def _struct(kind: type[Struct], values: list[Any]) -> Iterator[str]:
    for field, value in zip(fields_of(kind), values, strict=False):
        yield from _value(field, field.type, value)


def _value(field: Field, type_: Type, value: Any) -> Iterator[str]:
    name = field.name
    if value is None:
        yield f"{name}: nil"
    elif type_.kind == "message":
        yield from _message(value)
    elif type_.kind == "structure":
        yield f"{name}: {type_.of[0]}"
        yield from _struct(_NAMED[type_.of[0]], value)
    elif type_.kind == "array":
        assert type_.item is not None
        yield f"{name}: {len(value)} of them"
        for each in value:
            yield from _value(field, type_.item, each)
    elif type_.kind == "enum":
        word = {number: word for word, number in _NUMBERS[type_.of[0]].items()}[value]
        yield f"{name}: {word} ({value})"
    elif field.bits:
        words = [word for word, bit in _NUMBERS[field.bits].items() if value & bit]
        yield f"{name}: {value}" + (f" ({', '.join(words)})" if words else "")
    elif field.unit == described.UTC:
        yield f"{name}: {_moment(value)}" + ("" if value else " (0)")
    elif type_.kind == "binary":
        yield f"{name}: {value.hex() or 'empty'}"
    else:
        # Wireshark shows the ends of lines within a text as they are written in C.
        yield f"{name}: {value}".replace("\n", "\\n")


def _moment(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns // 10**9, UTC)
    return f"{moment:%b} {moment.day:2d}, {moment:%Y %H:%M:%S}.{time_ns % 10**9:09d} UTC"
