"""The frames of a drop copy: the reports as they are, in the order of the market, in frames of a few."""

from collections.abc import Sequence
from typing import Any

import pytest

from carbonmatch.matching.messages import CopyChunk, CopyPart, SessionId
from carbonmatch.protocol import copies
from carbonmatch.protocol.codec import UnknownMessage, decode_copies
from carbonmatch.protocol.copies import copy_frames
from carbonmatch.protocol.messages import Copied
from tests.protocol.vectors import label, load, pack

ANN, BEN, CAT = SessionId(1), SessionId(2), SessionId(3)
Report = list[object]


def accepted(seq: int, ref: int, time: int) -> Report:
    return [48, seq, ref, time, 0, 1000 + seq, 1, 7, 1, 100, 10]


def executed(seq: int, ref: int, time: int, trade: int) -> Report:
    return [50, seq, ref, time, 0, 900, trade, 1, 7, 1, 100, 5, 0, 1]


def canceled(seq: int, ref: int, time: int) -> Report:
    return [51, seq, ref, time, 0, 900, 5, 1]


def status_end(seq: int, ref: int, time: int) -> Report:
    return [58, seq, ref, time, 0, 3, True]


def copied(streams: dict[SessionId, list[Report]], first_seq: int = 1) -> list[tuple[SessionId, int]]:
    """Whose report comes when, and which of theirs it is, where all of these streams are copied."""
    parts = [CopyPart(session_id, b"") for session_id in streams]
    chunk = CopyChunk(SessionId(9), first_seq, sum(map(len, streams.values())), parts)
    frames = copy_frames(chunk, {session_id: pack(list(each)) for session_id, each in streams.items()})
    messages = [message for frame in frames for message in decode(frame.payload)]
    assert [message.seq for message in messages] == list(range(first_seq, first_seq + chunk.count))
    return [(message.session_id, message.report.seq) for message in messages]


def decode(payload: bytes) -> Sequence[Copied]:
    messages = decode_copies(payload)
    assert all(isinstance(message, Copied) for message in messages)
    return messages  # type: ignore[return-value]


def test_a_copy_is_the_very_report() -> None:
    report = executed(4, 0, 1, 77)
    (frame,) = copy_frames(CopyChunk(SessionId(9), 5, 1, [CopyPart(BEN, b"")]), {BEN: pack([report])})
    assert (frame.first_seq, frame.count) == (5, 1)
    assert frame.payload == pack([[67, 5, BEN, report]])


@pytest.mark.parametrize("vector", load("reports"), ids=label)
def test_every_report_there_is_can_be_copied(vector: dict[str, Any]) -> None:
    """What tells fills apart is looked for in all of them, and others have something else there."""
    (frame,) = copy_frames(
        CopyChunk(SessionId(9), 5, 1, [CopyPart(BEN, b"")]), {BEN: bytes.fromhex("91" + vector["hex"])}
    )
    assert frame.payload.hex() == "91" + pack([67, 5, BEN]).hex().replace("93", "94", 1) + vector["hex"]


def test_bits_say_which_reports_of_a_stream_are_copied() -> None:
    reports = [accepted(seq, seq, seq) for seq in range(1, 11)]
    chunk = CopyChunk(SessionId(9), 1, 3, [CopyPart(ANN, b"\x81\x40")])
    (frame,) = copy_frames(chunk, {ANN: pack(list(reports))})
    assert [message.report.seq for message in decode(frame.payload)] == [1, 8, 10]


def test_entries_come_in_the_order_of_their_time() -> None:
    streams = {ANN: [accepted(1, 1, 10), accepted(2, 2, 30)], BEN: [accepted(1, 1, 20), accepted(2, 2, 40)]}
    assert copied(streams) == [(ANN, 1), (BEN, 1), (ANN, 2), (BEN, 2)]


@pytest.mark.parametrize("turned", [False, True])
def test_of_one_entry_the_sender_comes_first_and_both_sides_of_a_trade_stand_together(turned: bool) -> None:
    streams = {
        ANN: [accepted(1, 1, 10), executed(2, 1, 10, 5), executed(3, 1, 10, 6), accepted(4, 2, 10)],
        BEN: [executed(1, 0, 10, 6)],
        CAT: [executed(1, 0, 10, 5), canceled(2, 0, 10)],
    }
    if turned:
        streams = dict(reversed(streams.items()))
    assert copied(streams) == [(ANN, 1), (ANN, 2), (CAT, 1), (CAT, 2), (ANN, 3), (BEN, 1), (ANN, 4)]


def test_the_end_of_a_status_is_no_trade() -> None:
    assert copied({ANN: [executed(1, 1, 10, 5), status_end(2, 2, 10)]}) == [(ANN, 1), (ANN, 2)]


def test_a_long_batch_comes_in_several_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "COPY_FRAME_MESSAGES", 4)
    reports = [accepted(seq, seq, seq) for seq in range(1, 11)]
    frames = copy_frames(CopyChunk(SessionId(9), 21, 10, [CopyPart(ANN, b"")]), {ANN: pack(list(reports))})
    assert [(frame.first_seq, frame.count) for frame in frames] == [(21, 4), (25, 4), (29, 2)]
    assert copied({ANN: reports}, first_seq=21) == [(ANN, seq) for seq in range(1, 11)]


def test_numbers_given_to_other_reports_are_our_bug() -> None:
    with pytest.raises(AssertionError, match="these very reports"):
        copy_frames(CopyChunk(SessionId(9), 1, 2, [CopyPart(ANN, b"")]), {ANN: pack([accepted(1, 1, 1)])})


def test_a_report_of_a_later_version_is_known_by_its_number_in_the_copy() -> None:
    later: Report = [69, 4, 0, 10, 0, "new"]
    (copy,) = decode(pack([[67, 8, BEN, later]]))
    assert copy == Copied(8, BEN, UnknownMessage(69, (4, 0, 10, 0, "new")))  # type: ignore[arg-type]
    # And a known one that has grown, in a copy that has grown, is what it was.
    grown = pack([[67, 8, BEN, [*accepted(4, 0, 10), 5], 99], [67, 9, BEN, later]])
    assert decode(grown)[0] == decode(pack([[67, 8, BEN, accepted(4, 0, 10)]]))[0]
