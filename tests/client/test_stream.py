"""The stream of reports, frame by frame."""

import pytest

from carbonmatch.client.errors import StreamGap
from carbonmatch.client.stream import StreamReader
from carbonmatch.matching.messages import Ref, Rejected, RejectReason, ReportFlag
from carbonmatch.protocol.codec import UnknownMessage
from carbonmatch.protocol.messages import SessionRejected


def rejected(seq: int, ref: int, flags: int = 0) -> Rejected:
    return Rejected(seq, Ref(ref), 7, flags, RejectReason.CLOSED)


def test_reports_are_gathered_by_the_command_they_answer() -> None:
    stream = StreamReader(1)
    frame = [rejected(1, 5), rejected(2, 0), rejected(3, 6), rejected(4, 5)]
    taken = stream.take(frame)
    assert taken.fresh == frame
    assert taken.answers == {5: [rejected(1, 5), rejected(4, 5)], 6: [rejected(3, 6)]}
    assert stream.next_seq == 5
    assert stream.answered_ref == 6


def test_a_missing_report_is_a_gap() -> None:
    with pytest.raises(StreamGap, match="report 3 in the stream, expected 2"):
        StreamReader(1).take([rejected(1, 1), rejected(3, 2)])


def test_a_report_that_comes_twice_without_saying_so_is_a_gap_too() -> None:
    with pytest.raises(StreamGap, match="report 1 in the stream, expected 2"):
        StreamReader(1).take([rejected(1, 1), rejected(1, 1)])


def test_a_report_flagged_as_repeated_answers_but_is_not_new() -> None:
    stream = StreamReader(9)
    repeat = rejected(4, 2, ReportFlag.POSSIBLE_DUPLICATE)
    taken = stream.take([repeat, rejected(9, 3)])
    assert taken.fresh == [rejected(9, 3)]
    assert taken.answers == {2: [repeat], 3: [rejected(9, 3)]}


def test_a_report_of_a_later_version_uses_its_number() -> None:
    stream = StreamReader(1)
    unknown_report = UnknownMessage(55, (2, 5, 7, 0, "something new"))
    unknown_other = UnknownMessage(12, ("no", "report"))
    taken = stream.take([rejected(1, 1), unknown_report, unknown_other, rejected(3, 2)])
    assert taken.fresh == [rejected(1, 1), rejected(3, 2)]


def test_refusals_of_the_session_are_not_part_of_the_stream() -> None:
    refusal = SessionRejected(Ref(2), RejectReason.THROTTLED)
    taken = StreamReader(1).take([refusal, rejected(1, 1)])
    assert taken.refusals == [refusal]
    assert taken.fresh == [rejected(1, 1)]


def test_a_new_stream_goes_on_wherever_the_engine_says() -> None:
    stream = StreamReader()
    stream.continue_at(7)
    assert stream.take([rejected(7, 1)]).fresh == [rejected(7, 1)]


def test_a_resumed_stream_goes_on_where_it_ended_or_not_at_all() -> None:
    stream = StreamReader(7)
    stream.continue_at(7)
    with pytest.raises(StreamGap, match="report 8 in the stream, expected 7"):
        stream.continue_at(8)
