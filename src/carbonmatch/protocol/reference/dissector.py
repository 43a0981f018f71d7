"""The tables in proto/wireshark/carbonmatch.lua; what is done with them stands there, and is not made."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.protocol.reference import kinds
from carbonmatch.protocol.reference.fields import UTC, Field, Type, fields_of

_BEGIN: Final = "-- made from the code: begin\n"
_END: Final = "-- made from the code: end\n"


def with_tables(script: str) -> str:
    """The script with its tables as the messages are now."""
    head, begin, rest = script.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    assert begin, f"the script has no line {_BEGIN!r}"
    assert end, f"the script has no line {_END!r}"
    tables = "".join(f"{line}\n" for line in _tables())
    return f"{head}{begin}{tables}{end}{tail}"


def _tables() -> Iterator[str]:
    yield f"local FRAME_BYTES_MAX = {OUTBOUND_FRAME_BYTES_MAX}"
    yield "-- By tag: the name, how many fields it has at least, and the fields: name, type, of which kind."
    yield "local MESSAGES = {"
    for kind in kinds.on_the_wire():
        yield f"  [{kinds.tag_of(kind)}] = {_struct(kind)},"
    yield "}"
    yield "local STRUCTURES = {"
    for kind in kinds.structures():
        yield f"  {kind.__name__} = {_struct(kind)},"
    yield "}"
    yield "local ENUMS = {"
    for enum in kinds.enums():
        yield f"  {enum.__name__} = {_words(kinds.numbers_of(enum))},"
    yield "}"
    yield "local BITS = {"
    for bits in kinds.flags():
        yield f"  {bits.__name__} = {_words(kinds.numbers_of(bits))},"
    yield "}"


def _struct(kind: type[Struct]) -> str:
    fields = fields_of(kind)
    required = sum(field.required for field in fields)
    return f'{{ "{kind.__name__}", {required}, {{ {_joined(map(_field, fields))} }} }}'


def _field(field: Field) -> str:
    if field.unit == UTC:
        return f'{{ "{field.name}", "utc" }}'
    if field.bits:
        return f'{{ "{field.name}", "bits", "{field.bits}" }}'
    return f'{{ "{field.name}", {_type(field.type)} }}'


def _type(type_: Type) -> str:
    match type_.kind:
        case "name" | "text":
            return '"text"'
        case "enum" | "structure":
            return f'"{type_.kind}", "{type_.of[0]}"'
        case "array":
            assert type_.item is not None
            return f'"array", {{ {_type(type_.item)} }}'
        case _:
            return f'"{type_.kind}"'


def _words(numbers: Mapping[str, int]) -> str:
    return "{ " + _joined(f'[{number}] = "{name}"' for name, number in numbers.items()) + " }"


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts)
