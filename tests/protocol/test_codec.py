"""Strict on what comes in, lenient on what an engine of a later version sends."""

from typing import Any, get_args

import msgspec
import pytest
from msgspec import Struct

from carbonmatch.limits import FRAME_BYTES_MAX, FRAME_MESSAGES_MAX
from carbonmatch.matching.messages import (
    AccountId,
    BiddingRules,
    BlockRules,
    Canceled,
    CancelReason,
    ClearingRules,
    Fees,
    InstrumentDefinition,
    InstrumentId,
    NewOrder,
    OrderId,
    Phase,
    PriceRules,
    Ref,
    Rejected,
    RejectReason,
    Side,
    TradeKind,
)
from carbonmatch.protocol import codec
from carbonmatch.protocol.codec import UnknownMessage
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.messages import (
    ClientInbound,
    Heartbeat,
    HeartbeatAnswer,
    Instrument,
    Logout,
    SnapshotEnd,
    Subscribe,
)
from tests.protocol.vectors import load, pack, plain_fields

LOGON = bytes.fromhex("91" + load("logon")[0]["logon"])
ORDER = [16, 1, 3, 1, 25]


def refusal(decode: object, payload: bytes) -> ProtocolError:
    assert callable(decode)
    with pytest.raises(ProtocolError) as refused:
        decode(payload)
    return refused.value


# --- strict --------------------------------------------------------------------------------------


def test_a_frame_is_decoded_in_order() -> None:
    messages = codec.decode_client_frame(b"\x93\x95\x10\x01\x03\x01\x19\x92\x03\x07\x91\x02")
    assert messages == [NewOrder(Ref(1), InstrumentId(3), Side.BUY, 25), Heartbeat(7), Logout()]


def test_as_many_messages_as_a_frame_may_have() -> None:
    payload = b"\xdc\x00\x80" + b"\x91\x03" * FRAME_MESSAGES_MAX
    assert len(codec.decode_client_frame(payload)) == 128


def test_one_message_more_is_refused() -> None:
    payload = b"\xdc\x00\x81" + b"\x91\x03" * (FRAME_MESSAGES_MAX + 1)
    error = refusal(codec.decode_client_frame, payload)
    assert error.reason is RejectReason.MALFORMED
    assert str(error) == "Expected `array` of length <= 128"


def test_the_largest_commands_fit_a_frame() -> None:
    largest = next(vector for vector in load("commands") if "large" in vector.get("case", ""))
    assert FRAME_MESSAGES_MAX * len(bytes.fromhex(largest["hex"])) < FRAME_BYTES_MAX


def test_a_refusal_names_the_place() -> None:
    error = refusal(codec.decode_client_frame, pack([ORDER, [16, 2, 3, 9, 25]]))
    assert str(error) == "Invalid enum value 9 - at `$[1][3]`"


@pytest.mark.parametrize("depth", [100, 1_000, 16_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    for payload in (b"\x91" * depth, b"\x91\x96\x10\x01\x03\x01\x19" + b"\x91" * depth + b"\x00"):
        assert refusal(codec.decode_client_frame, payload).reason is RejectReason.MALFORMED


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (pack([ORDER]), RejectReason.NOT_LOGGED_ON),
        (pack([[80, 1]]), RejectReason.NOT_LOGGED_ON),
        (pack([[3]]), RejectReason.NOT_LOGGED_ON),
        (pack([[99]]), RejectReason.UNKNOWN_MESSAGE),
        (b"\x90", RejectReason.MALFORMED),
        (b"\x92" + LOGON[1:] + LOGON[1:], RejectReason.MALFORMED),
        (LOGON[:-1], RejectReason.MALFORMED),
        (LOGON + b"\x00", RejectReason.MALFORMED),
        (b"\x91\x9c" + LOGON[2:] + b"\x00", RejectReason.MALFORMED),
    ],
)
def test_nothing_but_one_logon_is_a_logon(payload: bytes, reason: RejectReason) -> None:
    assert refusal(codec.decode_logon_frame, payload).reason is reason


_WITH_TEXT = [kind for kind in get_args(ClientInbound) if "text" in kind.__struct_fields__]


@pytest.mark.parametrize("control", ["\0", "\t", "\n", "\x1b[2J", "\x1f", "\x7f", "\x80", "\x9b31m", "\x9f"])
@pytest.mark.parametrize("kind", _WITH_TEXT)
def test_what_people_say_has_no_control_characters(kind: type[Struct], control: str) -> None:
    """Each of them ends in the log, in the journal, and on the terminals of others."""
    *_, vector = (one for one in (*load("commands"), *load("session")) if one["name"] == kind.__name__)

    def decoded(text: str) -> Any:
        message = [vector["tag"], *plain_fields({**vector["fields"], "text": text})]
        return codec.decode_client_frame(msgspec.msgpack.encode([message]))[0]

    assert decoded("停牌 until 15:30~\xa0").text == "停牌 until 15:30~\xa0"
    with pytest.raises(ProtocolError, match="matching regex"):
        decoded(f"ab{control}cd")


def test_names_have_no_blank_and_no_line_end() -> None:
    assert codec.decode_logon_frame(LOGON.replace(b"gateway-1", b"gateway_1")).session == "gateway_1"
    for name in (b"gateway 1", b"gateway\n1", b"gateway1\n", b"gateway1\x00", b"gateway/1"):
        error = refusal(codec.decode_logon_frame, LOGON.replace(b"gateway-1", name))
        assert error.reason is RejectReason.MALFORMED


def test_a_listener_takes_the_messages_of_its_role_only() -> None:
    subscribe = b"\x91\x92\x50\x01"
    assert codec.decode_feed_frame(subscribe) == [Subscribe(Ref(1))]
    assert codec.decode_control_frame(b"\x92\x91\x03\x91\x02") == [Heartbeat(), Logout()]
    for decode, payload in (
        (codec.decode_client_frame, subscribe),
        (codec.decode_control_frame, subscribe),
        (codec.decode_feed_frame, pack([ORDER])),
        (codec.decode_control_frame, pack([ORDER])),
    ):
        assert refusal(decode, payload).reason is RejectReason.UNKNOWN_MESSAGE


# --- lenient -------------------------------------------------------------------------------------

REJECTED = [49, 2, 7, 99, 0, 108]


def test_a_client_skips_trailing_fields_that_it_does_not_know() -> None:
    payload = pack([[*REJECTED, 5, "more", [1, [2]]]])
    assert codec.decode_reports(payload) == [Rejected(2, Ref(7), 99, 0, RejectReason.OUTSIDE_BAND)]


def test_a_client_keeps_what_it_knows_beside_a_message_that_it_does_not() -> None:
    payload = pack([REJECTED, [69, 3, 8, "new"], [8, 5, 6]])
    assert codec.decode_reports(payload) == [
        Rejected(2, Ref(7), 99, 0, RejectReason.OUTSIDE_BAND),
        UnknownMessage(69, (3, 8, "new")),
        HeartbeatAnswer(5, 6),
    ]


@pytest.mark.parametrize(("message", "seq"), [([69, 3], 3), ([15, 3], 0), ([69], 0), ([69, "x"], 0)])
def test_an_unknown_report_still_has_its_place_in_the_stream(message: list[object], seq: int) -> None:
    (unknown,) = codec.decode_reports(pack([message]))
    assert isinstance(unknown, UnknownMessage)
    assert unknown.seq == seq


def test_a_reason_of_a_later_version_reaches_an_older_client() -> None:
    (canceled,) = codec.decode_reports(pack([[51, 4, 3, 99, 0, 1001, 15, 200, "trailing"]]))
    assert canceled == Canceled(4, Ref(3), 99, 0, OrderId(1001), 15, 200)  # type: ignore[arg-type]
    assert isinstance(canceled, Canceled)
    assert isinstance(canceled.reason, CancelReason)
    assert canceled.reason.name == "UNKNOWN_200"
    assert canceled.reason not in list(CancelReason)


def test_a_phase_of_a_later_version_inside_a_definition() -> None:
    definition = [3, "CEA", "CNY", 1, 2, 1, 1, 1, 1, 100, 0, 0, 0, 0, 2, 99]
    instrument, end = codec.decode_feed(pack([[84, definition], [87, 3, 5]]))
    assert isinstance(instrument, Instrument)
    assert instrument.definition.symbol == "CEA"
    assert isinstance(instrument.definition.opening_phase, Phase)
    assert instrument.definition.opening_phase.name == "UNKNOWN_99"
    assert end == SnapshotEnd(InstrumentId(3), 5)


def with_a_field_more(value: Any) -> Any:
    """A structure and all that are in it; what holds nothing but structures is an array of them."""
    if not isinstance(value, list) or not value:
        return value
    inner = [with_a_field_more(each) for each in value]
    return inner if all(isinstance(each, list) for each in value) else [*inner, 99]


def test_what_a_later_version_adds_to_any_structure_in_a_definition_is_skipped() -> None:
    """Optional structures and those that there are several of, as well as those that are always there."""
    given = InstrumentDefinition(
        InstrumentId(3),
        "CEA",
        "CNY",
        1,
        2,
        1,
        bidding=BiddingRules(),
        blocks=BlockRules(),
        prices=PriceRules(),
        clearing=ClearingRules(fees=(Fees(TradeKind.LISTED, 5, 5),)),
    )
    ((tag, definition),) = msgspec.msgpack.decode(codec.encode([Instrument(given)]))
    (instrument,) = codec.decode_feed(msgspec.msgpack.encode([[tag, with_a_field_more(definition)]]))
    assert instrument == Instrument(given)


def test_known_fields_keep_their_types_in_a_message_of_a_later_version() -> None:
    accepted, unknown = codec.decode_reports(pack([[48, 1, 1, 9, 0, 10, 3, 7, 2, 9950, 25], [69]]))
    assert accepted == codec.decode_reports(pack([[48, 1, 1, 9, 0, 10, 3, 7, 2, 9950, 25]]))[0]
    assert not isinstance(accepted, UnknownMessage)
    assert getattr(accepted, "side") is Side.SELL  # noqa: B009
    assert getattr(accepted, "account_id") == AccountId(7)  # noqa: B009
    assert unknown == UnknownMessage(69, ())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x90\x00",
        b"\xc0",
        b"\x91\x90",
        b"\x91\xc0",
        b"\x91\x91\xc3",
        b"\x91\x91\x90",
        pack([["tag"]]),
        pack([REJECTED, "text"]),
        pack([[7]]),
        pack([[7, "reason"]]),
        pack([[7, True]]),
        pack([[8, "token", 7]]),
        pack([[8, True, 7], [69]]),
        b"\x91" * 2_000,
    ],
)
def test_what_no_version_could_mean_is_a_protocol_error(payload: bytes) -> None:
    assert refusal(codec.decode_reports, payload).reason is RejectReason.MALFORMED
    assert refusal(codec.decode_feed, payload).reason is RejectReason.MALFORMED


@pytest.mark.parametrize("definition", [7, "text", [], [3, "CEA"], [[3]], None])
def test_a_definition_that_is_none_is_a_protocol_error(definition: object) -> None:
    payload = b"\x91\x92\x54\xc0" if definition is None else pack([[84, definition]])
    assert refusal(codec.decode_feed, payload).reason is RejectReason.MALFORMED
