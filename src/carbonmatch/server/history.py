"""Reports that memory no longer holds, read back from the journal for resume and repeats.

Reading happens beside the loop, a slice at a time, so that a gateway which was away for long costs the
others nothing they notice.
"""

from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from carbonmatch.journal.reader import read_records, segment_positions
from carbonmatch.journal.record import Kind
from carbonmatch.journal.storage import Storage
from carbonmatch.matching.messages import Ref, SessionId
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.server.scheduler import Scheduler
from carbonmatch.server.stream import Chunk, chunks_in

# One slice: what is given to a connection before it has to have read most of it, and how many
# records are looked at before another reader gets its turn.
_SLICE_BYTES: Final = 256 * 1024
_SLICE_RECORDS: Final = 512


class Mark(NamedTuple):
    """Where in the journal a stream's first chunk of a segment lies."""

    first_seq: int
    ref_before: Ref
    position: int


class History:
    """Finds a stream's past. Knows one mark for each session and segment, so it grows with the
    journal's segments and not with what is in them."""

    def __init__(self, storage: Storage, scheduler: Scheduler) -> None:
        self.durable_position = 0
        self.scheduler = scheduler
        self._storage = storage
        self._marks: dict[SessionId, list[Mark]] = {}

    def note(self, session_id: SessionId, first_seq: int, ref_before: Ref, position: int) -> None:
        """Remember the chunk at `position` if it is its stream's first one of the segment."""
        marks = self._marks.setdefault(session_id, [])
        if not marks or marks[-1].position >> 32 != position >> 32:
            marks.append(Mark(first_seq, ref_before, position))

    def past(self, session_id: SessionId, next_seq: int) -> "Past":
        """The chunks which hold `next_seq` and what follows, up to what is durable."""
        marks = self._marks.get(session_id, [])
        at = bisect_right(marks, next_seq, key=lambda mark: mark.first_seq) - 1
        return Past(self, session_id, next_seq, marks[at].position if at >= 0 else 0)

    def find(
        self,
        session_id: SessionId,
        ref: Ref,
        done: Callable[[Chunk | None], object],
        failed: Callable[[Exception], object],
    ) -> None:
        """Call `done` in a later turn with the chunk which would hold the outcome of `ref`."""
        marks = self._marks.get(session_id, [])
        at = bisect_right(marks, ref - 1, key=lambda mark: mark.ref_before) - 1
        past = self.past(session_id, marks[at].first_seq if at >= 0 else 1)
        before: Chunk | None = None

        def look(chunks: list[Chunk]) -> None:
            nonlocal before
            for chunk in chunks:
                if chunk.ref_before >= ref:
                    done(before)
                    return
                before = chunk
            if past.at_end:
                done(before)
            else:
                past.read(look, failed)

        past.read(look, failed)

    def slice(
        self, session_id: SessionId, next_seq: int, position: int, durable_position: int
    ) -> tuple[list[Chunk], int]:
        """Beside the loop: some of the chunks from `position` on, and where to go on."""
        chunks: list[Chunk] = []
        size = 0
        looked_at = 0
        if not position:
            position = segment_positions(self._storage)[0][1]
        records = read_records(self._storage, position, durable_position)
        try:
            for record in records:
                at = (record.segment << 32) + record.offset
                if size >= _SLICE_BYTES or looked_at >= _SLICE_RECORDS:
                    return chunks, at
                looked_at += 1
                if record.kind is not Kind.DATA:
                    continue
                for chunk in chunks_in(record.payload, session_id):
                    if chunk.first_seq + chunk.count > next_seq:
                        size += len(chunk.payload)
                        chunks.append(chunk)
        finally:
            records.close()  # type: ignore[attr-defined]  # it is a generator, and holds a file
        return chunks, durable_position


class Past:
    """A stream from some seq on, as the journal has it; read a slice at a time until `at_end`."""

    def __init__(self, history: History, session_id: SessionId, next_seq: int, position: int) -> None:
        self._history = history
        self._session_id = session_id
        self._next_seq = next_seq
        self._position = position

    @property
    def at_end(self) -> bool:
        """Whether everything durable was read."""
        return self._position >= self._history.durable_position

    def read(self, done: Callable[[list[Chunk]], object], failed: Callable[[Exception], object]) -> None:
        """Call `done` in a later turn with the next chunks, where the next slice has any."""

        def sliced(found: tuple[list[Chunk], int]) -> None:
            chunks, self._position = found
            if chunks:
                self._next_seq = chunks[-1].first_seq + chunks[-1].count
            try:
                done(chunks)
            except ProtocolError as error:
                failed(error)

        history = self._history
        work = partial(
            history.slice, self._session_id, self._next_seq, self._position, history.durable_position
        )
        history.scheduler.read(work, sliced, failed)
