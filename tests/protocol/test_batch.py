"""Records: what recovery and resume read back. Their bytes are in proto/vectors/records.json."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.matching.messages import (
    AccountId,
    Canceled,
    CancelReason,
    Executed,
    InstrumentId,
    Liquidity,
    OrderId,
    Outputs,
    Ref,
    Rejected,
    RejectReason,
    ReportFlag,
    SessionId,
    SessionLost,
    Side,
    StreamChunk,
    Traded,
    TradeId,
)
from carbonmatch.protocol.batch import (
    decode_outline,
    decode_record,
    decode_stream,
    encode_stream,
    find_stream,
    repeat_of,
    report_count,
    without_first,
)
from carbonmatch.protocol.errors import ProtocolError
from tests.protocol.vectors import load, pack

TIME = 1_772_589_600_123_456_789
RECORD = bytes.fromhex(load("records")[0]["hex"])
STREAM_1 = [
    [48, 1, 1, TIME, 0, 1001, 3, 7, 1, 9950, 25],
    [51, 2, 2, TIME, 0, 1001, 25, 1],
]


def outputs(last_leaves_lots: int = 0) -> Outputs:
    """What the entries of the record cause, and the same with one number changed."""
    return Outputs(
        streams=[
            StreamChunk(SessionId(1), Ref(0), decode_stream(pack(STREAM_1))),
            StreamChunk(
                SessionId(2),
                Ref(40),
                [
                    Executed(
                        9, Ref(0), TIME, 0, OrderId(900), TradeId(55), InstrumentId(3), AccountId(8),
                        Side.SELL, 9950, 10, last_leaves_lots, Liquidity.MAKER,
                    )
                ],
            ),
        ],
        public=[Traded(InstrumentId(3), TIME, TradeId(55), 9950, 10, Side.SELL)],
        levels=[],
    )  # fmt: skip


def test_commands_have_dense_sequences_over_the_entries() -> None:
    record = decode_record(RECORD, first_sequence=1001)
    assert [(entry.first_sequence, len(entry.commands)) for entry in record.entries] == [(1001, 2), (1003, 1)]
    assert record.entries[1].commands == [SessionLost(SessionId(1))]


def test_a_record_knows_what_caused_it() -> None:
    record = decode_record(RECORD, first_sequence=1001)
    assert record.is_caused_by(outputs())


@pytest.mark.parametrize(
    "other",
    [
        outputs(last_leaves_lots=1),
        Outputs(outputs().streams[:1], outputs().public, []),
        Outputs(outputs().streams[::-1], outputs().public, []),
        Outputs(outputs().streams, [], []),
        Outputs(outputs().streams, [Traded(InstrumentId(3), TIME, TradeId(55), 9950, 10, Side.BUY)], []),
    ],
)
def test_a_record_is_not_caused_by_anything_else(other: Outputs) -> None:
    assert not decode_record(RECORD, first_sequence=1001).is_caused_by(other)


def test_a_stream_is_found_without_the_rest() -> None:
    stream = find_stream(decode_outline(RECORD), SessionId(1))
    assert stream is not None
    assert (stream.first_seq, stream.ref_before) == (1, 0)
    assert bytes(stream.reports) == pack(STREAM_1)
    assert find_stream(decode_outline(RECORD), SessionId(3)) is None


@pytest.mark.parametrize("damage", [RECORD[:-1], RECORD + b"\x00", b"", b"\x93\x90\x90", b"\xc1"])
def test_a_record_that_is_none_is_a_protocol_error(damage: bytes) -> None:
    with pytest.raises(ProtocolError, match="record of sequence 7"):
        decode_record(damage, first_sequence=7)
    with pytest.raises(ProtocolError):
        decode_outline(damage)


def test_a_command_of_a_later_version_is_not_skipped() -> None:
    with pytest.raises(ProtocolError, match="Invalid value 99"):
        decode_record(pack([[[TIME, 1, [[99, 1]]]], [], []]), first_sequence=1)


@given(st.integers(1, 40), st.data())
def test_a_client_gets_the_reports_that_it_lacks(count: int, data: st.DataObject) -> None:
    reports = [[49, seq, seq, TIME, 0, 108] for seq in range(1, count + 1)]
    skipped = data.draw(st.integers(0, count))
    assert report_count(pack(reports)) == count
    assert without_first(pack(reports), skipped) == pack(reports[skipped:])


def test_a_repeat_is_what_the_command_caused_marked_as_possible_duplicate() -> None:
    reports = pack(
        [
            [48, 1, 5, TIME, 1, 1001, 3, 7, 1, 9950, 25],
            [49, 2, 6, TIME, 1, 108],
            [51, 3, 5, TIME, 1, 1001, 25, 3],
        ]
    )
    accepted, canceled = repeat_of(reports, Ref(5))
    assert accepted.flags == ReportFlag.NOT_DURABLE | ReportFlag.POSSIBLE_DUPLICATE
    assert canceled == Canceled(3, Ref(5), TIME, 3, OrderId(1001), 25, CancelReason.IOC_REMAINDER)
    assert repeat_of(reports, Ref(7)) == []


def test_reports_are_encoded_as_one_payload() -> None:
    reports = [Rejected(1, Ref(2), 3, 0, RejectReason.HALTED)]
    assert encode_stream(reports) == b"\x91\x96\x31\x01\x02\x03\x00\x6f"
