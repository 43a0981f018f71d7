"""The bytes of every message. Vectors are literal: who changes one changes the wire."""

from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from msgspec import Raw, Struct

from carbonmatch.matching import messages as market
from carbonmatch.protocol import auth
from carbonmatch.protocol import messages as wire
from carbonmatch.protocol.batch import (
    EntryRecord,
    StreamRecord,
    decode_public,
    decode_record,
    decode_stream,
    encode_record,
)
from carbonmatch.protocol.codec import (
    decode_client_frame,
    decode_copies,
    decode_feed,
    decode_feed_frame,
    decode_logon_frame,
    decode_reports,
    encode,
)
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import FrameReader, frame
from tests.protocol.vectors import label, load, pack, plain_fields


def venue_commands(payload: bytes) -> list[Any]:
    """Venue commands travel in records only: one entry of session 0 at time 1, and nothing else."""
    record = decode_record(b"\x93\x91\x93\x01\x00" + payload + b"\x90\x90", first_sequence=1)
    return list(record.entries[0].commands)


def logons(payload: bytes) -> list[Any]:
    return [decode_logon_frame(payload)]


DECODERS: list[tuple[Any, Callable[[bytes], list[Any]]]] = [
    (wire.Logon | wire.Logon, logons),
    (wire.ClientInbound, decode_client_frame),
    (wire.FeedRequest, decode_feed_frame),
    (wire.SessionOutbound, decode_reports),
    (wire.SessionOutbound, decode_feed),
    (wire.OperatorAnswer, decode_reports),
    (market.AnyReport, decode_reports),
    (market.AnyReport, decode_stream),
    (wire.Copied, decode_copies),
    (wire.SessionOutbound, decode_copies),
    (wire.FeedOutbound, decode_feed),
    (market.VenueCommand | market.FoundCommand, venue_commands),
    (market.AnyPublicEvent, decode_public),
]
KINDS: dict[str, type[Struct]] = {
    kind.__name__: kind for union, _ in DECODERS for kind in get_args(union) or (union,)
}
FILES = ["session", "commands", "venue_commands", "reports", "copies", "public_events", "feed"]
MESSAGES = [vector for file in FILES for vector in load(file)]


def decoders_of(kind: type[Struct]) -> list[Callable[[bytes], list[Any]]]:
    return [decode for union, decode in DECODERS if kind in (get_args(union) or (union,))]


def build(kind: type[Struct], fields: dict[str, Any]) -> Struct:
    """The message that a vector names; whatever is inside it, a vector has as the wire has it."""
    tag = kind.__struct_config__.tag
    return msgspec.convert([tag, *plain_fields(fields)], kind)


def test_every_message_has_a_vector() -> None:
    # These never become bytes: the feed says what they say as LevelUpdate and OrderUpdate.
    defined = {
        name
        for module in (market, wire)
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, Struct) and kind.__struct_config__.tag is not None
    }
    assert {vector["name"] for vector in MESSAGES} == defined - {"LevelChanged", "OrderListed"}


def test_no_two_messages_share_a_tag() -> None:
    tags = [kind.__struct_config__.tag for kind in KINDS.values()]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("vector", MESSAGES, ids=label)
def test_a_vector_is_what_the_specification_of_messagepack_says(vector: dict[str, Any]) -> None:
    assert pack([vector["tag"], *plain_fields(vector["fields"])]).hex() == vector["hex"]


@pytest.mark.parametrize("vector", MESSAGES, ids=label)
def test_a_vector_names_the_fields_in_wire_order(vector: dict[str, Any]) -> None:
    kind = KINDS[vector["name"]]
    assert kind.__struct_config__.tag == vector["tag"]
    assert kind.__struct_fields__ == tuple(vector["fields"])


@pytest.mark.parametrize("vector", MESSAGES, ids=label)
def test_a_message_encodes_to_its_vector(vector: dict[str, Any]) -> None:
    message = build(KINDS[vector["name"]], vector["fields"])
    assert encode([message]).hex() == "91" + vector["hex"]


@pytest.mark.parametrize("vector", MESSAGES, ids=label)
def test_a_vector_decodes_to_its_message(vector: dict[str, Any]) -> None:
    message = build(KINDS[vector["name"]], vector["fields"])
    for decode in decoders_of(type(message)):
        (decoded,) = decode(bytes.fromhex("91" + vector["hex"]))
        assert decoded == message
        assert type(decoded) is type(message)


@pytest.mark.parametrize("vector", load("short_forms"), ids=label)
def test_other_forms_of_a_message_are_taken_for_the_same(vector: dict[str, Any]) -> None:
    decode = decoders_of(KINDS[vector["name"]])[0]
    assert encode(decode(bytes.fromhex("91" + vector["hex"]))).hex() == "91" + vector["same_as"]


@pytest.mark.parametrize("vector", load("refused"), ids=label)
def test_what_an_engine_refuses(vector: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_client_frame(bytes.fromhex(vector["hex"]))
    assert refused.value.reason.name == vector["reason"]
    assert 0 < len(str(refused.value)) < 200


@pytest.mark.parametrize("vector", load("frames"), ids=label)
def test_frames(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    payloads = FrameReader(1024).feed(data)
    assert [payload.hex() for payload in payloads] == vector["payloads"]
    assert b"".join(map(frame, payloads)) == data
    assert [pack(messages).hex() for messages in vector["messages"]] == vector["payloads"]
    for payload, messages in zip(payloads, vector["messages"], strict=True):
        assert len(decode_client_frame(payload)) == len(messages)


@pytest.mark.parametrize("vector", load("records"), ids=label)
def test_records(vector: dict[str, Any]) -> None:
    payload = bytes.fromhex(vector["hex"])
    copies = [
        [session_id, first, count, [[id_, bytes.fromhex(picked)] for id_, picked in parts]]
        for session_id, first, count, parts in vector.get("copies", [])
    ]
    fields = [vector["entries"], vector["streams"], vector["public"], copies]
    assert pack(fields if copies else fields[:-1]) == payload

    entries = [EntryRecord(time, id_, Raw(pack(commands))) for time, id_, commands in vector["entries"]]
    streams = [
        StreamRecord(id_, first, ref, Raw(pack(reports))) for id_, first, ref, reports in vector["streams"]
    ]
    public = decode_public(pack(vector["public"]))
    chosen = [
        market.CopyChunk(id_, first, count, [market.CopyPart(*part) for part in parts])
        for id_, first, count, parts in copies
    ]
    assert encode_record(entries, streams, public, chosen) == payload

    record = decode_record(payload, vector["first_sequence"])
    sequence = vector["first_sequence"]
    for entry, (time_ns, session_id, commands) in zip(record.entries, vector["entries"], strict=True):
        assert (entry.first_sequence, entry.time_ns, entry.session_id) == (sequence, time_ns, session_id)
        assert [command.__struct_config__.tag for command in entry.commands] == [c[0] for c in commands]
        sequence += len(commands)
    assert record.streams == streams
    assert decode_public(record.public) == public
    assert record.copies == chosen


@pytest.mark.parametrize("vector", load("logon"), ids=label)
def test_a_logon_and_its_signature(vector: dict[str, Any]) -> None:
    private_key, public_key = bytes.fromhex(vector["private_key"]), bytes.fromhex(vector["public_key"])
    server_id, nonce = vector["server_id"], bytes.fromhex(vector["nonce"])
    logon = decode_logon_frame(bytes.fromhex("91" + vector["logon"]))
    assert auth.public_key_of(private_key) == public_key
    assert auth.logon_text(server_id, nonce, logon).hex() == vector["text"]
    assert auth.sign(private_key, server_id, nonce, logon).hex() == vector["signature"]
    assert logon.signature.hex() == vector["signature"]
    assert auth.verify(public_key, server_id, nonce, logon)
