"""Reports that memory no longer holds, read back from the journal for resume and repeats.

Reading happens in a thread of its own, a slice at a time, so that a gateway which was away for long
costs the others nothing they notice.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from carbonmatch.journal.reader import first_position, read_records
from carbonmatch.journal.record import Kind
from carbonmatch.journal.storage import Storage
from carbonmatch.matching.messages import Ref, SessionId
from carbonmatch.protocol.batch import find_stream, report_count
from carbonmatch.server.marks import Marks
from carbonmatch.server.stream import Chunk

# One slice: what is given to a connection before it has to have read most of it, and how many
# records are looked at before another reader gets its turn.
_SLICE_BYTES: Final = 256 * 1024
_SLICE_RECORDS: Final = 512


class History:
    """Finds a stream's past, from the nearest mark before it on."""

    def __init__(self, storage: Storage) -> None:
        self.durable_position = 0
        self._storage = storage
        # Of what the journal holds; recovery replaces them with those of a snapshot.
        self.marks = Marks()
        self._tasks: set[asyncio.Task[None]] = set()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="history")

    async def read(self, session_id: SessionId, next_seq: int) -> AsyncIterator[list[Chunk]]:
        """Yield the chunks which hold `next_seq` and what follows, up to what is durable."""
        mark = self.marks.at_seq(session_id, next_seq)
        position = 0 if mark is None else mark.position
        loop = asyncio.get_running_loop()
        while position < self.durable_position:
            chunks, position = await loop.run_in_executor(
                self._executor, self._slice, session_id, next_seq, position, self.durable_position
            )
            if chunks:
                yield chunks
                next_seq = chunks[-1].first_seq + chunks[-1].count

    async def find(self, session_id: SessionId, ref: Ref) -> Chunk | None:
        """The chunk which would hold the outcome of `ref`."""
        mark = self.marks.before_ref(session_id, ref)
        before: Chunk | None = None
        async for chunks in self.read(session_id, 1 if mark is None else mark.first_seq):
            for chunk in chunks:
                if chunk.ref_before >= ref:
                    return before
                before = chunk
        return before

    def run(self, look_up: Coroutine[None, None, None]) -> None:
        """Own a task that answers from the past."""
        task = asyncio.get_running_loop().create_task(look_up)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _slice(
        self, session_id: SessionId, next_seq: int, position: int, durable_position: int
    ) -> tuple[list[Chunk], int]:
        """In the reading thread: some chunks, and where to go on."""
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
                found = find_stream(record.payload, session_id)
                if found is None:
                    continue
                count = report_count(found.reports)
                if found.first_seq + count <= next_seq:
                    continue
                payload = bytes(found.reports)
                size += len(payload)
                chunks.append(Chunk(session_id, found.first_seq, count, found.ref_before, payload))
        finally:
            records.close()  # type: ignore[attr-defined]  # it is a generator, and holds a file
        return chunks, durable_position
