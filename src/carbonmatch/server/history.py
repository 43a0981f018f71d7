"""Reports that memory no longer holds, read back from the journal for resume and repeats.

Reading happens beside the loop, a slice at a time, so that a gateway which was away for long costs the
others nothing they notice.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from carbonmatch.journal.reader import first_position, read_records
from carbonmatch.journal.record import Kind
from carbonmatch.journal.storage import Storage
from carbonmatch.matching.messages import Ref, SessionId
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.server.marks import Marks
from carbonmatch.server.scheduler import Scheduler
from carbonmatch.server.stream import Chunk, chunks_in

# One slice: what is given to a connection before it has to have read most of it, and how many
# records are looked at before another reader gets its turn.
_SLICE_BYTES: Final = 256 * 1024
_SLICE_RECORDS: Final = 512


class History:
    """Finds a stream's past, from the nearest mark before it on."""

    def __init__(self, storage: Storage, scheduler: Scheduler) -> None:
        self.durable_position = 0
        self.scheduler = scheduler
        self._storage = storage
        # The journal, together with its archive where it is known: for what may lie any time back.
        self.whole: Callable[[], Storage] = lambda: storage
        # Of what the journal holds; recovery replaces them with those of a snapshot.
        self.marks = Marks()

    def past(self, session_id: SessionId, next_seq: int) -> "Past":
        """The chunks which hold `next_seq` and what follows, up to what is durable."""
        mark = self.marks.at_seq(session_id, next_seq)
        return Past(self, session_id, next_seq, 0 if mark is None else mark.position)

    def find(
        self,
        session_id: SessionId,
        ref: Ref,
        done: Callable[[Chunk | None], object],
        failed: Callable[[Exception], object],
    ) -> None:
        """Call `done` in a later turn with the chunk which would hold the outcome of `ref`.

        None: the chunk is not in the journal. Of a ref that is durable it was archived then.
        """
        mark = self.marks.before_ref(session_id, ref)
        past = self.past(session_id, 1 if mark is None else mark.first_seq)
        before: Chunk | None = None

        def look(chunks: list[Chunk]) -> None:
            nonlocal before
            for chunk in chunks:
                if chunk.ref_before >= ref:
                    # Segments may leave for the archive while they are read: then some are passed over.
                    is_next = before is not None and before.first_seq + before.count == chunk.first_seq
                    done(before if is_next else None)
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
        # Older segments may have been archived since the mark was made.
        position = max(position, first_position(self._storage))
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
