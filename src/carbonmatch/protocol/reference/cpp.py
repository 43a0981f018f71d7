"""The messages as structs of C++ with msgpack-cxx, in proto/examples/cpp/messages.hpp."""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final

from msgspec import Struct

from carbonmatch.protocol.reference import kinds
from carbonmatch.protocol.reference.fields import Field, Type, fields_of

_HEAD: Final = """\
// Every message of carbonmatch's wire. Made by `python -m carbonmatch.protocol.reference proto`: do not edit.
// What fields mean is in proto/MESSAGES.md.
//
// A struct is packed as the array that the wire has, and read from one that is as long, shorter or longer: a
// later engine may have added fields. `each_field` calls a visitor with the name and the value of each.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <msgpack.hpp>

namespace carbonmatch {

"""
# Words that C++ has kept for itself, among those that are names of fields.
_RESERVED: Final = {"long", "short", "static", "default"}


def text() -> str:
    """Return proto/examples/cpp/messages.hpp."""
    return _HEAD + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    for enum in kinds.enums():
        yield from _enum(enum)
    yield "}  // namespace carbonmatch\n"
    yield from (f"MSGPACK_ADD_ENUM(carbonmatch::{enum.__name__})" for enum in kinds.enums())
    yield "\nnamespace carbonmatch {\n"
    for bits in kinds.flags():
        yield from _bits(bits)
    for structure in _inner_first():
        yield from _struct(structure)
    for message in kinds.on_the_wire():
        yield from _struct(message)
    yield from _counted()
    yield from _visit()
    yield "}  // namespace carbonmatch"


def _inner_first() -> list[type[Struct]]:
    """Structures in an order in which each stands after those that it holds."""
    by_name = {kind.__name__: kind for kind in kinds.structures()}
    ordered: dict[str, type[Struct]] = {}

    def add(name: str) -> None:
        for field in fields_of(by_name[name]):
            inner = field.type.item or field.type
            if inner.kind == "structure" and inner.of[0] not in ordered:
                add(inner.of[0])
        ordered[name] = by_name[name]

    for name in by_name:
        if name not in ordered:
            add(name)
    return list(ordered.values())


def _enum(enum: type[IntEnum]) -> Iterator[str]:
    numbers = kinds.numbers_of(enum)
    name = enum.__name__
    yield f"enum class {name} : std::uint32_t {{"
    yield from (f"  {member} = {number}," for member, number in numbers.items())
    yield "};\n"
    yield f"inline std::string to_string({name} value) {{"
    yield "  switch (value) {"
    yield from (f'    case {name}::{member}: return "{member}";' for member in numbers)
    yield "  }"
    yield '  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));'
    yield "}\n"


def _bits(bits: type) -> Iterator[str]:
    yield f"namespace {bits.__name__} {{"
    for name, number in kinds.numbers_of(bits).items():
        yield f"constexpr std::uint64_t {name} = {number};"
    yield f"}}  // namespace {bits.__name__}\n"


def _struct(kind: type[Struct]) -> Iterator[str]:
    fields = fields_of(kind)
    names = [_name(field) for field in fields]
    is_message = kind.__struct_config__.tag is not None
    yield f"struct {kind.__name__} {{"
    yield f'  static constexpr const char* NAME = "{kind.__name__}";'
    if is_message:
        yield f"  static constexpr std::uint32_t TAG = {kinds.tag_of(kind)};"
        yield "  std::uint32_t tag = TAG;"
    yield from (
        f"  {_type(field.type)} {name}{_default(field)};" for field, name in zip(fields, names, strict=True)
    )
    yield f"  MSGPACK_DEFINE_ARRAY({', '.join(['tag', *names] if is_message else names)})"
    yield "  template <class Visitor>"
    yield "  void each_field(Visitor&& visit) const {"
    yield from (f'    visit("{field.name}", {name});' for field, name in zip(fields, names, strict=True))
    yield "  }"
    yield "};\n"


def _counted() -> Iterator[str]:
    yield "// Whether a message of the feed begins with `instrument_id` and `instrument_seq`."
    yield "inline bool is_counted(std::uint32_t tag) {"
    yield "  switch (tag) {"
    for kind in kinds.on_the_wire():
        if kind.__struct_fields__[:2] == ("instrument_id", "instrument_seq"):
            yield f"    case {kind.__name__}::TAG:"
    yield "      return true;"
    yield "  }"
    yield "  return false;"
    yield "}\n"


def _visit() -> Iterator[str]:
    yield "// Calls `visit` with the message that `object` is; false where it is none that is known."
    yield "template <class Visitor>"
    yield "bool visit_message(const msgpack::object& object, Visitor&& visit) {"
    yield "  const auto& array = object.via.array;"
    yield "  if (object.type != msgpack::type::ARRAY || array.size == 0) throw msgpack::type_error();"
    yield "  switch (array.ptr[0].as<std::uint32_t>()) {"
    for kind in kinds.on_the_wire():
        yield f"    case {kind.__name__}::TAG: visit(object.as<{kind.__name__}>()); return true;"
    yield "  }"
    yield "  return false;"
    yield "}\n"


def _name(field: Field) -> str:
    return f"{field.name}_" if field.name in _RESERVED else field.name


def _type(type_: Type) -> str:
    name = _not_nil(type_)
    return f"std::optional<{name}>" if type_.nullable else name


def _not_nil(type_: Type) -> str:
    match type_.kind:
        case "integer":
            return "std::uint64_t"
        case "boolean":
            return "bool"
        case "name" | "text":
            return "std::string"
        case "binary":
            return "std::vector<unsigned char>"
        case "enum" | "structure":
            return type_.of[0]
        case "array":
            assert type_.item is not None
            return f"std::vector<{_type(type_.item)}>"
        case "message":
            return "msgpack::object"


def _default(field: Field) -> str:
    value: Any = field.default
    if isinstance(value, IntEnum):
        return f" = {type(value).__name__}::{value.name}"
    if isinstance(value, bool):
        return f" = {str(value).lower()}"
    return f" = {value}" if isinstance(value, int) and value else "{}"
