"""The page proto/MESSAGES.md, made from the Structs and from what stands beside them.

    python -m carbonmatch.protocol.reference > proto/MESSAGES.md

Order, types, bounds and defaults come from the Structs; what a message means from its docstring;
what a field or a member means from the comment at it, or from the glossary below where the same
word means the same everywhere. A test fails while the page and the code differ.
"""

import ast
import inspect
import io
import sys
import tokenize
from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import cache
from types import ModuleType
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from carbonmatch.limits import WIRE_INT_MAX
from carbonmatch.matching import messages as market
from carbonmatch.protocol import messages as wire

# Words that mean the same in every message. A comment at a field says more, or something else.
GLOSSARY: Final[Mapping[str, str]] = {
    "account_id": "account, as configured",
    "allowed": "what its orders may be, bits of [AllowedFlag](#allowedflag)",
    "after_order_id": "leaves out orders up to this one; 0: none",
    "account_ids": "accounts, as configured",
    "allotted_lots": "what was allotted",
    "aggressor": "side of the order that came later and caused the trade",
    "band_high_ticks": "highest admitted price; with the lowest 0: no band",
    "band_low_ticks": "lowest admitted price; with the highest 0: no band",
    "cancel_on_disconnect": "whether a lost connection cancels the session's orders",
    "bid_id": "bid, unique in the venue for ever",
    "bidding_id": "bidding, unique in the venue for ever",
    "canceled_lots": "what will not trade any more",
    "closes_ns": "no bid is taken from then on, nanoseconds since 1970, UTC",
    "count": "how many orders",
    "close_price_ticks": "what the day closed at",
    "currency": "of prices and money, ISO 4217",
    "definition": "the instrument as it is now",
    "display_lots": "what an iceberg shows at a time; 0: it is none",
    "durable": "whether what is answered is on disk",
    "expires_ns": "when it goes, nanoseconds since 1970, UTC; 0: no such time",
    "feed_sequence": "number of the batch in the feed, dense over the venue",
    "flags": "bits of [ReportFlag](#reportflag)",
    "group_id": "whose accounts these are, as configured; 0: the participant's own",
    "grace_ms": "milliseconds from the loss of the connection to cancel-on-disconnect",
    "heartbeat_ms": "milliseconds of silence after which each side sends a heartbeat",
    "instrument_id": "instrument, as configured",
    "instrument_seq": "number of the message, dense in its instrument",
    "key_id": "name of the key",
    "leaves_lots": "what may still trade",
    "liquidity": "whether the order was resting, came in, or traded in an auction",
    "lot_tonnes": "tonnes in a lot",
    "market_protection_ticks": "how far from the best opposite price a market order goes; 0: to the band",
    "minimum_lots": "what at least trades at once; 0: any quantity",
    "mode": "which rule applied",
    "more": "whether there are further orders",
    "name": "for people",
    "opening_phase": "state in which the instrument opens",
    "operator": "whether the session may send operators' commands",
    "opens_ns": "bids are taken from then on, nanoseconds since 1970, UTC",
    "order_count": "how many orders the level holds",
    "order_flags": "bits of [OrderFlag](#orderflag)",
    "order_id": "order, unique in the venue for ever",
    "order_ref": "the ref that names the order in this session, or 0",
    "order_type": "limit, market, or a stop which becomes one of them",
    "other_order_id": "the other order of the same owner",
    "offered_lots": "what was offered, or asked for",
    "outcome": "how it has ended",
    "participant_id": "firm, as configured",
    "phase": "state of the instrument",
    "post_id": "proposal to everyone",
    "proposal_id": "proposal of a block, unique in the venue for ever",
    "prevented_lots": "what did not trade",
    "price_before_ticks": "price that it stood at before",
    "price_increment_ticks": "prices are multiples of this",
    "price_ticks": "price in ticks",
    "quantity_before_lots": "quantity that it stood at before",
    "quantity_increment_lots": "quantities are multiples of this",
    "quantity_lots": "quantity in lots",
    "quantity_max_lots": "most lots in one order",
    "quantity_min_lots": "fewest lots in one order",
    "reason": "why",
    "ref": "number of the command, strictly increasing in its session",
    "reference_price_ticks": "price that the band is built around; 0: none",
    "retry_after_us": "microseconds after which to try again; 0: does not apply",
    "role": "what the connection is for",
    "scope": "whose orders",
    "self_trade": "whose orders do not trade with each other",
    "self_trade_prevention": "what happens where it would trade with an order of the same owner",
    "seq": "number of the report, dense from 1 in its stream",
    "sequence": "place of the command in the journal, dense from 1 over the venue",
    "server_id": "name of the venue, part of what is signed",
    "session": "name of the session, as configured",
    "session_id": "session, as configured",
    "side": "BUY or SELL",
    "state": "how far it has come",
    "stop_price_ticks": "last price that fires the stop; 0: it is none, or does not wait",
    "symbol": "the instrument's name for people",
    "text": "for people",
    "time_in_force": "how long the order stands",
    "time_ns": "nanoseconds since 1970, UTC",
    "traded_ns": "when the trade was, nanoseconds since 1970, UTC",
    "token": "any number, to know the answer by",
    "trade": "the trade as it was",
    "trading_day": "a date of the market's place as a number, like 20210716",
    "objection_count": "how many trades the registry objects to",
    "open_price_ticks": "of the first trade, or as the instrument's rules say",
    "high_price_ticks": "highest price traded",
    "low_price_ticks": "lowest price traded",
    "high_ticks": "highest price at which trades are",
    "low_ticks": "lowest price at which trades are",
    "trade_id": "trade, dense from 1 over the venue",
    "version_max": "highest version of the protocol that the sender speaks",
    "version_min": "lowest version of the protocol that the sender speaks",
}

SECTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("Session: client to engine", wire.SessionInbound),
    ("Session: engine to client", wire.SessionOutbound),
    ("Order entry: client to engine", market.ClientCommand),
    ("Order entry: engine to client", market.AnyReport),
    ("Drop copy: engine to client", wire.Copied),
    ("Market data: client to engine", wire.FeedRequest),
    ("Market data: engine to client", wire.FeedOutbound),
    ("In the journal only: the venue's own commands", market.VenueCommand),
    ("In the journal only: operators' commands with what was looked up", market.OnTrade),
    ("In the journal only: public events", market.AnyPublicEvent),
)
STRUCTURES: Final[tuple[type[Struct], ...]] = (
    market.InstrumentDefinition,
    market.SelfTradeRules,
    market.VolatilityRules,
    market.BiddingRules,
    market.BlockRules,
    market.ClearingRules,
    market.Fees,
    market.PriceRules,
    market.Width,
    market.ScreenRules,
    market.KeySession,
    market.FoundTrade,
    market.TradeSide,
)
ENUMS: Final[tuple[type[IntEnum], ...]] = (
    market.Side,
    market.OrderType,
    market.TimeInForce,
    market.SelfTradePrevention,
    market.SelfTradeKey,
    market.Phase,
    market.Liquidity,
    market.TradeKind,
    market.ScreenMechanism,
    market.OrderChoice,
    market.Oversize,
    market.AuctionRule,
    market.BiddingState,
    market.BiddingPricing,
    market.BiddingTie,
    market.Undersubscription,
    market.BidRevision,
    market.BidState,
    market.BiddingOutcome,
    market.BiddingRule,
    market.BlockState,
    market.BlockPhase,
    market.BlockBand,
    market.BlockTape,
    market.BandRounding,
    market.PriceRounding,
    market.OpenRule,
    market.CloseRule,
    market.MassCancelScope,
    market.SettlementOutcome,
    wire.Role,
    market.RejectReason,
    market.CancelReason,
    wire.LogoutReason,
    wire.FeedSource,
)
FLAGS: Final[tuple[type, ...]] = (
    market.OrderFlag,
    market.AllowedFlag,
    market.SelfTradeFlag,
    market.ReportFlag,
    wire.FeedKind,
)

_HEAD: Final = """# Messages

Made from the code by `python -m carbonmatch.protocol.reference`: do not edit. How messages travel
and which rules they follow is in [README.md](README.md), their bytes in [vectors/](vectors).

A message is a MessagePack array: the tag, then the fields in this order. A field with a default may
be left out together with all that follow it. An integer without bounds is at least 0 and, like every
integer, at most 2^53 - 1.
"""


def page() -> str:
    """Return proto/MESSAGES.md."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield from _table(
        ("tag", "message", "direction"),
        ((str(tag_of(kind)), _link(kind), title) for title, kind in sorted(_messages(), key=_by_tag)),
    )
    for title, union in SECTIONS:
        yield f"## {title}\n"
        for kind in sorted(get_args(union) or (union,), key=tag_of):
            yield from _struct(kind, f"{tag_of(kind)} ")
    yield "## Structures inside messages\n"
    for kind in STRUCTURES:
        yield from _struct(kind)
    yield "## Enumerations\n"
    for enum in ENUMS:
        yield from _members(enum, {name: member.value for name, member in enum.__members__.items()})
    yield "## Bits\n"
    for flags in FLAGS:
        bits = {
            name: value
            for name, value in vars(flags).items()
            if name.isupper() and name not in ("ALL", "DEFAULT")
        }
        yield from _members(flags, bits)


def tag_of(kind: type[Struct]) -> int:
    tag = kind.__struct_config__.tag
    assert isinstance(tag, int), f"{kind.__name__} needs an integer tag"
    return tag


def meaning(kind: type, name: str) -> str:
    """Return what a field or a member means, from the comment at it or the glossary; "" if unsaid."""
    own = ""
    for one in kind.__mro__:
        # A message that has another one's fields means the same by them.
        if one.__module__.startswith("carbonmatch.") and not own:
            own = _comments(sys.modules[one.__module__]).get(one.__name__, {}).get(name, "")
    return own or ("" if issubclass(kind, IntEnum) else GLOSSARY.get(name, ""))


# --- one table -----------------------------------------------------------------------------------


def _struct(kind: type[Struct], tag: str = "") -> Iterator[str]:
    yield f"### {tag}{kind.__name__}\n"
    yield from _docstring(kind)
    first = 1 if tag else 0
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    yield from _table(
        ("#", "field", "type", "default", "meaning"),
        (
            (str(place), f"`{field.name}`", _type(field.type), _default(field), meaning(kind, field.name))
            for place, field in enumerate(info.fields, first)
        ),
    )


def _members(kind: type, numbers: Mapping[str, int]) -> Iterator[str]:
    yield f"### {kind.__name__}\n"
    yield from _docstring(kind)
    rows = ((str(number), f"`{name}`", meaning(kind, name)) for name, number in numbers.items())
    yield from _table(("number", "name", "meaning"), rows)


def _docstring(kind: type) -> Iterator[str]:
    # Not inherited: that of a base class says how messages are made, not what this one means.
    if kind.__dict__.get("__doc__"):
        yield inspect.cleandoc(kind.__dict__["__doc__"]) + "\n"


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _messages() -> Iterator[tuple[str, type[Struct]]]:
    for title, union in SECTIONS:
        for kind in get_args(union) or (union,):
            yield title, kind


def _by_tag(message: tuple[str, type[Struct]]) -> int:
    return tag_of(message[1])


def _link(kind: type) -> str:
    tag = kind.__struct_config__.tag if issubclass(kind, Struct) else None
    anchor = f"{tag}-{kind.__name__}" if tag is not None else kind.__name__
    return f"[{kind.__name__}](#{anchor.lower()})"


# --- types and defaults --------------------------------------------------------------------------


def _type(info: msgspec.inspect.Type) -> str:
    match info:
        case msgspec.inspect.Metadata(type=inner):
            return _type(inner)
        case msgspec.inspect.IntType(ge=None, le=None):
            return "integer"
        case msgspec.inspect.IntType(ge=low, le=high):
            return f"integer {low} to {'2^53 - 1' if high == WIRE_INT_MAX else high}"
        case msgspec.inspect.StrType(pattern=str()):
            return "name: 1 to 32 of `A-Z a-z 0-9 _ . -`"
        case msgspec.inspect.StrType(min_length=low, max_length=high):
            return f"text{_lengths(low, high)}"
        case msgspec.inspect.BytesType(min_length=low, max_length=high):
            return f"binary{_lengths(low, high)}"
        case msgspec.inspect.UnionType(types=[inner, msgspec.inspect.NoneType()]):
            return f"{_type(inner)} or nil"
        case msgspec.inspect.UnionType(types=kinds) if len(kinds) == len(get_args(market.AnyReport)):
            return "a report of order entry"
        case msgspec.inspect.UnionType(types=kinds):
            return " or ".join(_type(one) for one in kinds)
        case msgspec.inspect.NoneType():
            return "nil"
        case msgspec.inspect.BoolType():
            return "boolean"
        case msgspec.inspect.EnumType(cls=kind) | msgspec.inspect.StructType(cls=kind):
            return _link(kind)
        case msgspec.inspect.VarTupleType(item_type=item, max_length=high):
            return f"array{_lengths(None, high)} of: {_type(item)}"
    raise TypeError(f"no words for {info}")


def _lengths(low: int | None, high: int | None) -> str:
    if low is None and high is None:
        return ""
    if low == high:
        return f", {low} long"
    return f", at most {high} long" if low is None else f", {low} to {high} long"


def _default(field: msgspec.inspect.Field) -> str:
    value = field.default
    if value is msgspec.NODEFAULT:
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


# --- comments ------------------------------------------------------------------------------------


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


if __name__ == "__main__":
    print(page(), end="")
