"""Where in the journal each stream's chunks lie: one mark a session and segment, kept over restarts."""

from bisect import bisect_right
from typing import NamedTuple

from carbonmatch.limits import SESSION_MARKS_MAX
from carbonmatch.matching.messages import Ref, SessionId


class Mark(NamedTuple):
    """Where in the journal a stream's first chunk of a segment lies."""

    first_seq: int
    ref_before: Ref
    position: int


# Of each session, in the order of their ids: what a snapshot keeps.
SavedMarks = list[tuple[SessionId, list[Mark]]]


class Marks:
    """Grows with the journal's segments and not with what is in them.

    Invariant: the marks of a session are in the order of the journal. One that is missing costs time and
    nothing else: whoever looks begins at the mark before and reads on.
    """

    def __init__(self, saved: SavedMarks | None = None) -> None:
        self._marks: dict[SessionId, list[Mark]] = dict(saved or [])

    def note(self, session_id: SessionId, first_seq: int, ref_before: Ref, position: int) -> None:
        """Remember the chunk at `position` if it is its stream's first one of the segment."""
        marks = self._marks.setdefault(session_id, [])
        if not marks or marks[-1].position >> 32 != position >> 32:
            marks.append(Mark(first_seq, ref_before, position))
            if len(marks) > SESSION_MARKS_MAX:
                # Every second one goes: the further back, the longer a look-up may take.
                del marks[1:-1:2]

    def at_seq(self, session_id: SessionId, seq: int) -> Mark | None:
        """The last mark at or before the chunk that holds `seq`; None where there is none."""
        marks = self._marks.get(session_id, [])
        at = bisect_right(marks, seq, key=lambda mark: mark.first_seq) - 1
        return marks[at] if at >= 0 else None

    def before_ref(self, session_id: SessionId, ref: Ref) -> Mark | None:
        """The last mark at or before the chunk that holds the outcome of `ref`; None where there is none."""
        marks = self._marks.get(session_id, [])
        at = bisect_right(marks, ref - 1, key=lambda mark: mark.ref_before) - 1
        return marks[at] if at >= 0 else None

    def saved(self, first_segment: int = 1) -> SavedMarks:
        """All of them in one canonical form, but for those in segments before `first_segment`."""
        kept = (
            (session_id, [mark for mark in marks if mark.position >> 32 >= first_segment])
            for session_id, marks in sorted(self._marks.items())
        )
        return [(session_id, marks) for session_id, marks in kept if marks]
