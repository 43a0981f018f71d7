"""Payloads <-> messages. A payload is one MessagePack array of messages.

Strict on what comes in: bounds, types, lengths and unknown fields are checked in the one call that
decodes the frame, and a frame is taken whole or refused whole. Lenient on what comes out of an
engine, for clients: a later engine may know messages, fields and reasons that this code does not.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import cache
from itertools import chain
from typing import Annotated, Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.msgpack import Decoder, Encoder

from carbonmatch.limits import FRAME_MESSAGES_MAX
from carbonmatch.matching.messages import AnyReport, ClientCommand, Ref, RejectReason
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.messages import (
    ClientInbound,
    Copied,
    FeedInbound,
    FeedOutbound,
    Logon,
    OperatorAnswer,
    SessionControl,
    SessionOutbound,
)

# Of the stream: the first field of such a message is its `seq`, whatever version defined it.
REPORT_TAGS: Final = range(48, 70)

_Message = TypeVar("_Message")
# Whatever msgspec raises for bytes that are not what they should be: nesting too deep to skip is a
# RecursionError, and invalid UTF-8 is not among its own errors.
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_message_count: Final = Meta(min_length=1, max_length=FRAME_MESSAGES_MAX)
_logon_decoder: Final[Decoder[list[Logon]]] = Decoder(
    Annotated[list[Logon], Meta(min_length=1, max_length=1)]
)
_client_decoder: Final[Decoder[list[ClientInbound]]] = Decoder(Annotated[list[ClientInbound], _message_count])
_control_decoder: Final[Decoder[list[SessionControl]]] = Decoder(
    Annotated[list[SessionControl], _message_count]
)
_feed_request_decoder: Final[Decoder[list[FeedInbound]]] = Decoder(
    Annotated[list[FeedInbound], _message_count]
)
_report_decoder: Final = Decoder(list[AnyReport | OperatorAnswer | SessionOutbound])
_copy_decoder: Final = Decoder(list[Copied | SessionOutbound])
_feed_decoder: Final = Decoder(list[FeedOutbound | SessionOutbound])
_outline_decoder: Final = Decoder(list[list[Raw]])
_plain_decoder: Final = Decoder(list[list[Any]])
_encoder: Final = Encoder()


# How MessagePack begins an array of up to 15, whose length is in the same byte, and one of up to 65,535.
FIXARRAY: Final = 0x90
FIXARRAY_MAX: Final = 15
_ARRAY_16: Final = 0xDC


class UnknownMessage(Struct, frozen=True):
    """A message of a later version, for a client to count and to leave alone."""

    tag: int
    fields: tuple[object, ...]

    @property
    def seq(self) -> int:
        """Its number in the stream, so that an unknown report leaves no gap; 0 if it has none."""
        seq = self.fields[0] if self.fields else 0
        return seq if self.tag in REPORT_TAGS and type(seq) is int else 0


# --- for the engine ------------------------------------------------------------------------------


def decode_logon_frame(payload: bytes) -> Logon:
    try:
        (logon,) = _logon_decoder.decode(payload)
    except _UNDECODABLE as error:
        raise _refusal(payload, error, Logon) from None
    return logon


def decode_client_frame(payload: bytes) -> list[ClientInbound]:
    try:
        return _client_decoder.decode(payload)
    except _UNDECODABLE as error:
        raise _refusal(payload, error, ClientInbound) from None


def decode_if_valid(payloads: Sequence[bytes]) -> list[ClientInbound] | None:
    """As `decode_client_frame`, of several; None where that has to say what is wrong with one of them."""
    try:
        if len(payloads) == 1:
            return _client_decoder.decode(payloads[0])
        return list(chain.from_iterable(map(_client_decoder.decode, payloads)))
    except _UNDECODABLE:
        return None


def is_short(payload: bytes) -> bool:
    """Whether a payload may be `joined`: 15 messages at most, said in the first byte."""
    return payload[0] ^ FIXARRAY <= FIXARRAY_MAX


def joined(payloads: list[bytes], message_count: int) -> bytes:
    """The payload of one frame with all messages of several, each of which is valid and `is_short`."""
    head = (
        bytes([FIXARRAY | message_count])
        if message_count <= FIXARRAY_MAX
        else bytes([_ARRAY_16]) + message_count.to_bytes(2, "big")
    )
    return head + b"".join([payload[1:] for payload in payloads])


def decode_control_frame(payload: bytes) -> list[SessionControl]:
    """For connections that only listen."""
    try:
        return _control_decoder.decode(payload)
    except _UNDECODABLE as error:
        raise _refusal(payload, error, SessionControl) from None


def decode_feed_frame(payload: bytes) -> list[FeedInbound]:
    try:
        return _feed_request_decoder.decode(payload)
    except _UNDECODABLE as error:
        raise _refusal(payload, error, FeedInbound) from None


def encode(messages: list[_Message]) -> bytes:
    """Return the payload of one frame; `messages` may be of any kind and are not checked."""
    return _encoder.encode(messages)


# --- for clients ---------------------------------------------------------------------------------


def decode_reports(payload: bytes) -> list[AnyReport | OperatorAnswer | SessionOutbound | UnknownMessage]:
    """Of an order-entry connection. A reason that is unknown here has the name `UNKNOWN_<number>`."""
    try:
        return cast(
            "list[AnyReport | OperatorAnswer | SessionOutbound | UnknownMessage]",
            _report_decoder.decode(payload),
        )
    except _UNDECODABLE:
        return _decode_of_later_version(payload, AnyReport | OperatorAnswer | SessionOutbound)


def decode_copies(payload: bytes) -> list[Copied | SessionOutbound | UnknownMessage]:
    """Of a drop-copy connection. The report in a copy is an UnknownMessage where it is of a later version."""
    try:
        return cast("list[Copied | SessionOutbound | UnknownMessage]", _copy_decoder.decode(payload))
    except _UNDECODABLE:
        return _decode_of_later_version(payload, Copied | SessionOutbound)


def decode_feed(payload: bytes) -> list[FeedOutbound | SessionOutbound | UnknownMessage]:
    """Of a market-data connection."""
    try:
        return cast("list[FeedOutbound | SessionOutbound | UnknownMessage]", _feed_decoder.decode(payload))
    except _UNDECODABLE:
        return _decode_of_later_version(payload, FeedOutbound | SessionOutbound)


def what_is_wrong(command: ClientCommand) -> str | None:
    """Why an engine would refuse the frame that `command` is in, in words; None where it would not.

    The session gives it its ref, so that does not count.
    """
    command = msgspec.structs.replace(command, ref=Ref(1))
    try:
        _client_decoder.decode(encode([command]))
    except (*_UNDECODABLE, OverflowError, UnicodeEncodeError):
        # Field by field takes 20 times as long, and only now somebody has to know which it was.
        return _wrong_field(command) or f"{type(command).__name__}: text that is no Unicode"
    return None


def _wrong_field(struct: Struct) -> str | None:
    kind = type(struct)
    for name, type_ in zip(kind.__struct_fields__, _field_types(kind), strict=True):
        value = getattr(struct, name)
        try:
            msgspec.convert(value, type_)
        except msgspec.ValidationError as error:
            return f"{kind.__name__}.{name} is {value!r:.70}: {error}"
        # A struct in a field is not looked into by that.
        wrong = _wrong_field(value) if isinstance(value, Struct) else None
        if wrong is not None:
            return wrong
    return None


# --- why a frame was refused ---------------------------------------------------------------------


def _refusal(payload: bytes, error: Exception, expected: object) -> ProtocolError:
    """Name the cause, once the frame is lost anyway: the common case pays nothing for it."""
    known = _by_tag(expected)
    for tag in _tags(payload):
        if tag in known:
            continue
        if tag == Logon.__struct_config__.tag:
            return ProtocolError(RejectReason.ALREADY_LOGGED_ON, "a second logon")
        if expected is Logon and tag in _by_tag(ClientInbound | FeedInbound):
            return ProtocolError(RejectReason.NOT_LOGGED_ON, f"message {tag} before the logon")
        return ProtocolError(RejectReason.UNKNOWN_MESSAGE, f"message {tag} is none that is taken here")
    return ProtocolError(RejectReason.MALFORMED, str(error))


def _tags(payload: bytes) -> list[int]:
    """The tags of a payload that is at least an array of arrays headed by integers, else nothing."""
    try:
        return [msgspec.msgpack.decode(message[0], type=int) for message in _outline_decoder.decode(payload)]
    except (*_UNDECODABLE, IndexError):
        return []


@cache
def _by_tag(union: object) -> Mapping[int, type[Struct]]:
    return {kind.__struct_config__.tag: kind for kind in get_args(union) or (union,)}


# --- what a later engine sends -------------------------------------------------------------------


def _decode_of_later_version(payload: bytes, expected: object) -> list[Any]:
    """Message by message: what is known is kept, what is not becomes an UnknownMessage."""
    known = _by_tag(expected)
    messages: list[Any] = []
    try:
        messages += [_message(known, *message) for message in _plain_decoder.decode(payload)]
    except (*_UNDECODABLE, TypeError, ValueError) as error:
        raise ProtocolError(RejectReason.MALFORMED, str(error)) from None
    return messages


def _message(known: Mapping[int, type[Struct]], tag: object, *fields: Any) -> Struct:
    if type(tag) is not int:
        raise TypeError(f"tag of type {type(tag).__name__}, expected an integer")
    kind = known.get(tag)
    return _build(kind, list(fields)) if kind else UnknownMessage(tag, fields)


def _build(kind: type[Struct], fields: list[Any]) -> Struct:
    """Fields beyond those we know are left out, missing ones take their default (or TypeError)."""
    types = _field_types(kind)
    return kind(*[_value(type_, field) for type_, field in zip(types, fields, strict=False)])


def _value(type_: Any, value: Any) -> Any:
    # Whatever is inside is of a later version as well: an optional structure, and each one of several.
    kinds = get_args(type_)
    if type(None) in kinds:
        (kind,) = (kind for kind in kinds if kind is not type(None))
        return None if value is None else _value(kind, value)
    if get_origin(type_) is tuple:
        return tuple(_value(kinds[0], each) for each in value)
    if isinstance(type_, type) and issubclass(type_, Struct):
        return _build(type_, value)
    if isinstance(type_, type) and issubclass(type_, IntEnum) and type(value) is int:
        return _member(type_, value)
    if type_ == AnyReport:
        return _message(_by_tag(AnyReport), *value)
    return msgspec.convert(value, type_)


def _member(kind: type[IntEnum], number: int) -> IntEnum:
    """A member that a later version has added is an integer with a name, equal to none we know."""
    try:
        return kind(number)
    except ValueError:
        member = int.__new__(kind, number)
        member._name_ = f"UNKNOWN_{number}"
        member._value_ = number
        return member


@cache
def _field_types(kind: type[Struct]) -> tuple[Any, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(hints[name] for name in kind.__struct_fields__)
