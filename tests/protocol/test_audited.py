"""Which commands of a batch are operators' doing: found without decoding the others."""

from typing import Any, get_type_hints

import msgspec
import pytest

from carbonmatch.limits import WIRE_INT_MAX
from carbonmatch.matching import messages as m
from carbonmatch.protocol import audited
from carbonmatch.protocol.audited import BY_TAG, CHANGES
from carbonmatch.protocol.batch import EntryRecord, decode_outline, encode_record
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.permissions import COMMANDS
from tests.protocol.vectors import load

TIME_NS = 1_772_000_000_123_456_789


def record_of(commands: list[Any]) -> bytes:
    """A batch of one entry of session 3."""
    return encode_record([EntryRecord(TIME_NS, m.SessionId(3), msgspec.Raw(encode(commands)))], [], [])


@pytest.mark.parametrize("kind", [BY_TAG[tag] for tag in sorted(BY_TAG)])
def test_every_command_of_operators_is_found_wherever_it_is(kind: Any) -> None:
    vectors = [vector for vector in load("commands") if vector["name"] == kind.__name__]
    assert vectors
    for vector in vectors:
        command = msgspec.msgpack.decode(bytes.fromhex(vector["hex"]), type=kind)
        if isinstance(command, m.TradeCommand):
            command = m.OnTrade(command)
        order = m.NewOrder(m.Ref(1), m.InstrumentId(1), m.Side.BUY, 1)
        assert audited.may_have_any(decode_outline(record_of([order, command])))
        (found,) = audited.audited(record_of([order, command]), 7)
        assert (found.sequence, type(found.command), found.reason) == (8, kind, None)


@pytest.mark.parametrize("tag", range(128, 160))
def test_what_only_looks_like_one_is_none(tag: int) -> None:
    # The last byte of the ref is the head of an array, and the instrument is a tag.
    ref = m.Ref(WIRE_INT_MAX - 0xFF + 0x95)
    order = m.NewOrder(ref, m.InstrumentId(tag), m.Side.BUY, 1)
    assert audited.audited(record_of([order]), 1) == []


def test_every_command_of_operators_that_changes_something_says_why() -> None:
    assert [kind.__name__ for kind in CHANGES if "text" not in get_type_hints(kind)] == []


def test_questions_change_nothing() -> None:
    questions = {
        kind
        for bit, kinds in COMMANDS.items()
        if bit >= m.Permission.PHASES
        for kind in kinds
        if kind.__name__.endswith("Request") or kind is m.InspectHoldings
    }
    assert questions == set(BY_TAG.values()) - CHANGES
