"""A session's released reports: what memory keeps, and what it finds again."""

import pytest

from carbonmatch.matching.messages import (
    Outputs,
    Ref,
    Rejected,
    RejectReason,
    ReportFlag,
    SessionId,
    StreamChunk,
)
from carbonmatch.protocol.batch import decode_stream
from carbonmatch.server.stream import Chunk, Stream, chunks_of

ANN = SessionId(1)


class Reader:
    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def send(self, payload: bytes) -> None:
        self.payloads.append(payload)


def chunk(first_seq: int, ref_before: int, *refs: int) -> Chunk:
    """A batch which answered `refs`, one report each; 0: nobody asked."""
    reports = [
        Rejected(first_seq + i, Ref(ref), 1_000, 0, RejectReason.UNKNOWN_ORDER) for i, ref in enumerate(refs)
    ]
    (made,) = chunks_of(Outputs([StreamChunk(ANN, Ref(ref_before), list(reports))], [], []))
    return made


def stream_of(*chunks: Chunk) -> Stream:
    stream = Stream(ANN)
    last_ref = Ref(0)
    for each in chunks:
        last_ref = Ref(max([last_ref, *(report.ref for report in decode_stream(each.payload))]))
        stream.release(each, last_ref)
    return stream


def seqs(payloads: list[bytes]) -> list[int]:
    return [report.seq for payload in payloads for report in decode_stream(payload)]


def test_a_connection_is_given_the_bytes_that_were_journaled() -> None:
    stream = Stream(ANN)
    stream.receiver = reader = Reader()
    first = chunk(1, 0, 1, 2)
    stream.release(first, Ref(2))
    assert reader.payloads == [first.payload]
    assert (stream.released_seq, stream.durable_ref) == (2, 2)


def test_a_gap_is_our_own_bug() -> None:
    stream = stream_of(chunk(1, 0, 1))
    with pytest.raises(AssertionError, match="without gaps"):
        stream.release(chunk(3, 1, 2), Ref(2))


@pytest.mark.parametrize("next_seq", range(1, 8))
def test_what_follows_any_seq_is_found(next_seq: int) -> None:
    stream = stream_of(chunk(1, 0, 1, 2, 3), chunk(4, 3, 0), chunk(5, 3, 4, 5))
    assert seqs(stream.payloads_from(next_seq)) == list(range(next_seq, 7))


def test_the_oldest_chunks_are_forgotten_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = [chunk(seq, seq - 1, seq) for seq in range(1, 9)]
    monkeypatch.setattr("carbonmatch.server.stream.OUTBOX_BYTES_MAX", 3 * len(chunks[0].payload))
    stream = stream_of(*chunks)
    assert stream.first_kept_seq == 6
    assert seqs(stream.payloads_from(6)) == [6, 7, 8]
    assert stream.chunk_of(Ref(5)) is None


@pytest.mark.parametrize(("ref", "seq"), [(1, 1), (3, 3), (4, 5), (7, 6)])
def test_the_outcome_of_a_ref_keeps_its_number_and_is_flagged(ref: int, seq: int) -> None:
    stream = stream_of(chunk(1, 0, 1, 2, 3), chunk(4, 3, 0), chunk(5, 3, 4, 7))
    found = stream.chunk_of(Ref(ref))
    assert found is not None
    (report,) = stream.outcome(Ref(ref))
    assert (report.seq, report.flags) == (seq, ReportFlag.POSSIBLE_DUPLICATE)


@pytest.mark.parametrize("ref", [5, 6])
def test_a_ref_that_was_passed_over_has_no_outcome(ref: int) -> None:
    stream = stream_of(chunk(1, 0, 1, 2, 3), chunk(4, 3, 4, 7))
    assert stream.outcome(Ref(ref)) == []


def test_a_stream_goes_on_where_a_snapshot_left_it() -> None:
    stream = Stream(ANN, 41, Ref(17))
    assert stream.first_kept_seq == 42
    stream.release(chunk(42, 17, 18), Ref(18))
    assert seqs(stream.payloads_from(42)) == [42]
