"""Where a stream's past lies: one place a segment, kept over restarts, bounded."""

from carbonmatch.limits import SESSION_MARKS_MAX
from carbonmatch.matching.messages import Ref, SessionId
from carbonmatch.server.marks import Mark, Marks

ALICE, BOB = SessionId(1), SessionId(2)


def marks_of_segments(count: int) -> Marks:
    """Alice has ten reports in each segment, in two batches."""
    marks = Marks()
    for segment in range(1, count + 1):
        first_seq = 10 * segment - 9
        marks.note(ALICE, first_seq, Ref(first_seq - 1), segment << 32 | 160)
        marks.note(ALICE, first_seq + 5, Ref(first_seq + 4), segment << 32 | 4096)
    return marks


def test_the_first_chunk_of_a_segment_is_remembered_and_no_other() -> None:
    marks = marks_of_segments(3)
    assert marks.saved() == [
        (
            ALICE,
            [
                Mark(1, Ref(0), 1 << 32 | 160),
                Mark(11, Ref(10), 2 << 32 | 160),
                Mark(21, Ref(20), 3 << 32 | 160),
            ],
        )
    ]


def test_a_look_up_begins_at_the_last_mark_before_what_it_looks_for() -> None:
    marks = marks_of_segments(3)
    for seq in range(1, 31):
        mark = marks.at_seq(ALICE, seq)
        assert mark is not None
        assert mark.first_seq == (seq - 1) // 10 * 10 + 1
        assert marks.before_ref(ALICE, Ref(seq)) == mark
    assert marks.at_seq(BOB, 1) is None
    assert marks.before_ref(BOB, Ref(1)) is None


def test_they_come_back_as_they_were_saved() -> None:
    marks = marks_of_segments(5)
    marks.note(BOB, 1, Ref(0), 4 << 32 | 64)
    again = Marks(marks.saved())
    assert again.saved() == marks.saved()
    again.note(ALICE, 60, Ref(59), 5 << 32 | 8192)
    assert again.saved() == marks.saved()


def test_those_of_segments_that_are_gone_are_not_saved() -> None:
    marks = marks_of_segments(5)
    marks.note(BOB, 1, Ref(0), 2 << 32 | 64)
    assert marks.saved(first_segment=4) == [
        (ALICE, [Mark(31, Ref(30), 4 << 32 | 160), Mark(41, Ref(40), 5 << 32 | 160)])
    ]


def test_beyond_the_bound_they_get_sparser_and_still_lead_to_every_report() -> None:
    segments = 3 * SESSION_MARKS_MAX
    marks = marks_of_segments(segments)
    ((_, kept),) = marks.saved()
    assert len(kept) <= SESSION_MARKS_MAX
    assert (kept[0].first_seq, kept[-1].first_seq) == (1, 10 * segments - 9)
    for seq in range(1, 10 * segments, 997):
        mark = marks.at_seq(ALICE, seq)
        assert mark is not None
        assert mark.first_seq <= seq
