"""What a field holds: its type with bounds, its unit and its default, apart from how any page writes that."""

from enum import IntEnum
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from carbonmatch.limits import NAME_CHARS_MAX, TIME_NS_MAX, WIRE_INT_MAX
from carbonmatch.protocol.reference import kinds

# By the end of a field's name; the first that fits.
_UNITS: Final = (
    ("ticks_lots", "ticks x lots"),
    ("ticks", "ticks"),
    ("lots", "lots"),
    ("tonnes", "tonnes"),
    ("minor_per_lot", "minor units of the currency a lot"),
    ("minor", "minor units of the currency"),
    ("basis_points", "basis points"),
    ("_ms", "ms"),
    ("_us", "µs"),
    ("_seconds", "s"),
    ("_days", "days"),
    ("_tonne", "tonnes"),
)
# Nanoseconds that are no moment, by the end of a field's name.
_DURATIONS: Final = ("window_ns", "auction_ns", "random_ns", "recalculation_ns", "hold_ns", "ttl_ns")
# What adds up over a day or an account, and so may be more than 2^53 - 1.
_SUMS: Final = ("ticks_lots", "volume_lots", "minor")

UTC: Final = "ns, UTC"
Kind = Literal["integer", "boolean", "name", "text", "binary", "array", "enum", "structure", "message"]


class Type(Struct, frozen=True):
    kind: Kind
    low: int | None = None  # of an integer; of the length of text, binary or array
    high: int | None = None  # likewise; None: no bound is stated
    of: tuple[str, ...] = ()  # which enumeration or structure; of a message: which it may be
    item: "Type | None" = None  # of an array
    nullable: bool = False
    printable: bool = False  # of text: without control characters


class Field(Struct, frozen=True):
    name: str
    type: Type
    unit: str  # "" where it has none
    bits: str  # the class whose bits it holds, "" where it holds none
    required: bool
    default: Any
    since: int
    meaning: str


def fields_of(kind: type[Struct]) -> list[Field]:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    return [_field(kind, field) for field in info.fields]


def _field(kind: type[Struct], field: msgspec.inspect.Field) -> Field:
    required = field.default is msgspec.NODEFAULT
    bits = kinds.bits_of(kind, field.name)
    return Field(
        name=field.name,
        type=_type(field.type, field.name),
        unit=_unit(field.name),
        bits=bits.__name__ if bits else "",
        required=required,
        default=None if required else field.default,
        since=kinds.since(kind, field.name),
        meaning=kinds.meaning(kind, field.name),
    )


def _unit(name: str) -> str:
    if name.endswith("_ns"):
        return "ns" if name.endswith(_DURATIONS) else UTC
    return next((unit for end, unit in _UNITS if name.endswith(end)), "")


def _type(info: msgspec.inspect.Type, name: str) -> Type:
    match info:
        case msgspec.inspect.Metadata(type=inner):
            return _type(inner, name)
        case msgspec.inspect.IntType(ge=low, le=high):
            return Type("integer", low or 0, _highest(name) if high is None else high)
        case msgspec.inspect.StrType(min_length=1, pattern=str()):
            return Type("name", 1, NAME_CHARS_MAX)
        case msgspec.inspect.StrType(min_length=low, max_length=high, pattern=pattern):
            return Type("text", low, high, printable=pattern is not None)
        case msgspec.inspect.BytesType(min_length=low, max_length=high):
            return Type("binary", low, high)
        case msgspec.inspect.BoolType():
            return Type("boolean")
        case msgspec.inspect.EnumType(cls=kind):
            return Type("enum", of=(kind.__name__,))
        case msgspec.inspect.StructType(cls=kind) if kind.__struct_config__.tag is None:
            return Type("structure", of=(kind.__name__,))
        case msgspec.inspect.VarTupleType(item_type=item, max_length=high):
            return Type("array", None, high, item=_type(item, name))
        case msgspec.inspect.UnionType(types=[inner, msgspec.inspect.NoneType()]):
            return msgspec.structs.replace(_type(inner, name), nullable=True)
        case msgspec.inspect.StructType(cls=kind):
            return Type("message", of=(kind.__name__,))
        case msgspec.inspect.UnionType(types=found):
            return Type("message", of=tuple(of for one in found for of in _type(one, name).of))
    raise TypeError(f"no words for {info}")


def _highest(name: str) -> int:
    """Of an integer that states no bound: it is the engine's, which keeps to these."""
    return TIME_NS_MAX if name.endswith(("_ns", *_SUMS)) else WIRE_INT_MAX


def plain(value: Any) -> Any:
    """A default as it stands on the wire, binaries in hexadecimal."""
    if isinstance(value, Struct):
        return [plain(getattr(value, name)) for name in value.__struct_fields__]
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    return int(value) if isinstance(value, IntEnum) else value
