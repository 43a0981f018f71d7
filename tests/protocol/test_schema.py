"""proto/schema/messages.schema.json against the golden vectors and against the engine's own decoder."""

import json
from copy import deepcopy
from functools import cache
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from msgspec import Struct

from carbonmatch.protocol.reference import kinds
from carbonmatch.protocol.reference.fields import Field, fields_of
from tests.protocol.vectors import PROTO, label, load

FILES = ["session", "commands", "venue_commands", "reports", "copies", "public_events", "feed"]
MESSAGES = [vector for file in FILES for vector in load(file)]
SCHEMA: dict[str, Any] = json.loads((PROTO / "schema" / "messages.schema.json").read_text())
KINDS = {kind.__name__: kind for kind in kinds.messages()}


@cache
def validator(name: str) -> Draft202012Validator:
    """For one message; the schema as a whole is for any of them."""
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


def as_json(value: Any) -> Any:
    """Fields of a vector, whose structures have names, as the arrays that they are."""
    if isinstance(value, dict):
        return [as_json(one) for one in value.values()]
    return [as_json(one) for one in value] if isinstance(value, list) else value


def message_of(vector: dict[str, Any]) -> list[Any]:
    return [vector["tag"], *as_json(vector["fields"])]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("vector", MESSAGES, ids=label)
def test_every_vector_is_valid_as_its_message(vector: dict[str, Any]) -> None:
    error = best_match(validator(vector["name"]).iter_errors(message_of(vector)))
    assert error is None, error


def test_a_vector_is_valid_as_one_message_only() -> None:
    whole = Draft202012Validator(SCHEMA)
    one_of_each = {vector["name"]: vector for vector in MESSAGES}
    assert all(whole.is_valid(message_of(vector)) for vector in one_of_each.values())
    assert not whole.is_valid([15])


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: str(kind.__name__))
def test_what_a_decoder_refuses_the_schema_refuses(kind: type[Struct]) -> None:
    """Each field of a valid message is made wrong in turn: both have to say so, or neither."""
    valid = message_of(next(vector for vector in MESSAGES if vector["name"] == kind.__name__))
    is_strict = kinds.is_strict(kind)
    assert validator(kind.__name__).is_valid([*valid, 1]) == (not is_strict)
    for place, field in enumerate(fields_of(kind), 1):
        for value in wrong_values(field):
            wrong = deepcopy(valid)
            wrong[place:] = [value, *valid[place + 1 :]]
            assert not validator(kind.__name__).is_valid(wrong), f"{field.name}: {value!r}"
        assert validator(kind.__name__).is_valid(valid[:place]) == (not field.required), field.name


def wrong_values(field: Field) -> list[Any]:
    match field.type.kind:
        case "integer":
            assert field.type.low is not None
            assert field.type.high is not None
            return [field.type.low - 1, field.type.high + 1, "text", 1.5]
        case "enum":
            return [255, "BUY"]
        case "name":
            return ["", "a b", "a" * 33, 1]
        case "text":
            too_long = [] if field.type.high is None else ["x" * (field.type.high + 1)]
            return [*too_long, *(["\x07"] if field.type.printable else []), 1]
        case "binary":
            too_long = [] if field.type.high is None else ["00" * (field.type.high + 1)]
            return [*too_long, "0", "zz", 1]
        case "boolean":
            return [0, "yes"]
        case "array" | "structure" | "message":
            return [1, "text"]


@pytest.mark.parametrize("vector", MESSAGES, ids=label)
def test_a_strict_decoder_agrees_on_wrong_integers(vector: dict[str, Any]) -> None:
    """The bounds in the schema are those that the engine checks, not another idea of them."""
    kind = KINDS[vector["name"]]
    if not kinds.is_strict(kind):
        return
    payload = msgspec.msgpack.decode(bytes.fromhex(vector["hex"]))
    for place, field in enumerate(fields_of(kind), 1):
        if field.type.kind == "integer" and place < len(payload):
            for value in (field.type.low, field.type.high):
                msgspec.convert([*payload[:place], value, *payload[place + 1 :]], kind)
            for value in wrong_values(field)[:2]:
                with pytest.raises(msgspec.ValidationError):
                    msgspec.convert([*payload[:place], value, *payload[place + 1 :]], kind)
