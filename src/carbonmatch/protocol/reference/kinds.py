"""Which messages, structures, enumerations and bits there are, and what is said at their definitions."""

import ast
import inspect
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import cache
from types import ModuleType
from typing import Any, Final, get_args, get_type_hints

from msgspec import Struct

from carbonmatch.matching import messages as market
from carbonmatch.protocol import messages as wire
from carbonmatch.protocol.reference.glossary import GLOSSARY

SECTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("Session: client to engine", wire.SessionInbound),
    ("Session: engine to client", wire.SessionOutbound),
    ("Order entry: client to engine", market.ClientCommand),
    ("Order entry: engine to client", market.AnyReport),
    ("Operators, beside the market: client to engine", wire.OperatorQuestion),
    ("Operators, beside the market: engine to client", wire.OperatorAnswer),
    ("Drop copy: engine to client", wire.Copied),
    ("Market data: client to engine", wire.FeedRequest),
    ("Market data: engine to client", wire.FeedOutbound),
    ("In the journal only: the venue's own commands", market.VenueCommand),
    ("In the journal only: operators' commands with what was found", market.FoundCommand),
    ("In the journal only: public events", market.AnyPublicEvent),
)
# Which version of the wire a message ("Name"), a field or a member ("Name.field") came with; 1 if not here.
SINCE: Final[Mapping[str, int]] = {}

_BITS_LINK: Final = re.compile(r"[Bb]its of \[(\w+)\]")


def messages_of(union: Any) -> tuple[type[Struct], ...]:
    return tuple(sorted(get_args(union) or (union,), key=tag_of))


def messages() -> list[type[Struct]]:
    """Every message of the wire and of the journal, in the order of the tags."""
    return sorted((kind for _, union in SECTIONS for kind in messages_of(union)), key=tag_of)


def direction_of(kind: type[Struct]) -> str:
    """The title of the section that `kind` belongs to."""
    return next(title for title, union in SECTIONS if kind in messages_of(union))


def on_the_wire() -> list[type[Struct]]:
    return [kind for kind in messages() if not direction_of(kind).startswith("In the journal only")]


@cache
def structures() -> tuple[type[Struct], ...]:
    """What messages hold that are no messages themselves, in the order in which they are met."""
    return tuple(dict.fromkeys(_met(Struct, messages())))


@cache
def enums() -> tuple[type[IntEnum], ...]:
    """What fields of messages and structures choose from, in the order in which they are met."""
    return tuple(dict.fromkeys(_met(IntEnum, [*messages(), *structures()])))


@cache
def flags() -> tuple[type, ...]:
    """Classes whose bits a field holds: the comment at the field links to them."""
    found = (bits_of(kind, name) for kind in (*messages(), *structures()) for name in kind.__struct_fields__)
    return tuple(dict.fromkeys(one for one in found if one is not None))


def bits_of(kind: type[Struct], name: str) -> type | None:
    """The class whose bits a field holds, None where it is no field of bits."""
    link = _BITS_LINK.match(meaning(kind, name))
    if link is None:
        return None
    found = getattr(market, link[1], None) or getattr(wire, link[1])
    assert isinstance(found, type)
    return found


def numbers_of(kind: type) -> dict[str, int]:
    """Names and numbers of an enumeration's members, or of bits."""
    if issubclass(kind, IntEnum):
        return {name: member.value for name, member in kind.__members__.items()}
    bits = {name: value for name, value in vars(kind).items() if name.isupper() and name[0] != "_"}
    return {name: value for name, value in bits.items() if value.bit_count() == 1}


def tag_of(kind: type[Struct]) -> int:
    tag = kind.__struct_config__.tag
    assert isinstance(tag, int), f"{kind.__name__} needs an integer tag"
    return tag


def is_strict(kind: type[Struct]) -> bool:
    """Whether fields too many are refused."""
    return kind.__struct_config__.forbid_unknown_fields


def since(kind: type, name: str = "") -> int:
    """Which version of the wire `kind` came with, or what is named in it."""
    own = SINCE.get(kind.__name__, 1)
    return max(own, SINCE.get(f"{kind.__name__}.{name}", 1)) if name else own


def _met(wanted: type, kinds: list[type[Struct]]) -> Iterator[Any]:
    for kind in kinds:
        for hint in get_type_hints(kind).values():
            for one in _parts(hint):
                if isinstance(one, type) and issubclass(one, wanted) and not _is_message(one):
                    yield one
                    if issubclass(one, Struct):
                        yield from _met(wanted, [one])


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for argument in get_args(hint):
        yield from _parts(argument)


def _is_message(kind: type) -> bool:
    return issubclass(kind, Struct) and kind.__struct_config__.tag is not None


# --- what is said of them ------------------------------------------------------------------------


def about(kind: type) -> str:
    """Its docstring; not an inherited one, which says how messages are made, not what this one means."""
    own = kind.__dict__.get("__doc__")
    return inspect.cleandoc(own) if own else ""


def meaning(kind: type, name: str) -> str:
    """What a field or a member means, from the comment at it or the glossary; "" if unsaid."""
    own = ""
    for one in kind.__mro__:
        # A message that has another one's fields means the same by them.
        if one.__module__.startswith("carbonmatch.") and not own:
            own = _comments(sys.modules[one.__module__]).get(one.__name__, {}).get(name, "")
    return own or ("" if issubclass(kind, IntEnum) else GLOSSARY.get(name, ""))


@cache
def _comments(module: ModuleType) -> Mapping[str, Mapping[str, str]]:
    """By class and name: the comment on the lines above an assignment and at its end."""
    source = inspect.getsource(module)
    by_line: dict[int, str] = {}
    alone: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            by_line[line] = token.string.removeprefix("#").strip()
            if token.line.strip() == token.string:
                alone.add(line)
    comments: dict[str, dict[str, str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            comments[node.name] = dict(_class_comments(node, by_line, alone))
    return comments


def _class_comments(
    node: ast.ClassDef, by_line: Mapping[int, str], alone: set[int]
) -> Iterator[tuple[str, str]]:
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                first = statement.lineno
                while first - 1 in alone:
                    first -= 1
                lines = [*range(first, statement.lineno), statement.end_lineno]
                yield name, " ".join(by_line[line] for line in lines if line in by_line)
