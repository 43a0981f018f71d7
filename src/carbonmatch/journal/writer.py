"""Writing: one record, one write, one sync; then it is durable.

Everything slow happens elsewhere. Segments are made, zero-filled and opened ahead, and the digest of the
current one is kept near its end, by a `SegmentKeeper` thread or by calls of `prepare_next`.
"""

import contextlib
import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Final

from carbonmatch.journal.errors import JournalFailed
from carbonmatch.journal.record import COUNT_MAX, SECTOR_BYTES, Kind, pack, position, record_bytes
from carbonmatch.journal.recovery import Recovery
from carbonmatch.journal.segments import DIGEST_BYTES, Anchor, SegmentHeader, segment_name
from carbonmatch.journal.storage import (
    CHUNK_BYTES,
    TEMPORARY_SUFFIX,
    Storage,
    publish,
    write_all,
    write_temporary,
    zero_chunks,
)
from carbonmatch.limits import RECORD_PAYLOAD_BYTES_MAX, SPARE_PIECE_SECONDS, SPARE_SEGMENTS

# The digest is brought forward in steps of this: what the roll to the next segment has to hash at most,
# 1 ms, if the keeper keeps up.
_DIGEST_STEP_BYTES: Final = CHUNK_BYTES

# A spare that nobody waits for is made in pieces of this: what a sync of commands may have to wait for. With
# pieces of a quarter of it there are four times as many syncs beside those of commands.
_PIECE_BYTES: Final = CHUNK_BYTES

# Every segment keeps room behind its commands to be closed and ended.
_EMPTY_RECORD_BYTES: Final = record_bytes(0)
_ENDING_BYTES: Final = 2 * _EMPTY_RECORD_BYTES

_KEEPER_RETRY_SECONDS: Final = 1.0


class JournalWriter:
    """The end of the journal. Belongs to one thread; only `prepare_next` may run in another one.

    After any error in a commit it is dead, and every call raises: the kernel may have dropped the pages
    of a failed sync, so a second one that succeeds would prove nothing. The process ends, and the next
    start is recovery.
    """

    def __init__(
        self,
        storage: Storage,
        recovery: Recovery,
        *,
        relaxed: bool = False,
        spare_segments: int = SPARE_SEGMENTS,
    ) -> None:
        """Begin the new epoch behind `recovery`, durably.

        `relaxed` leaves out the sync of commands: a loss of power then loses what was answered, and may
        leave a journal that is refused. For tests only, or for people who ask for it in as many words.
        """
        self.records = 0  # of commands, by this writer
        self.bytes = 0  # written, of all kinds, by this writer
        self.segments = 0  # begun by this writer
        self.segment = 0
        self.durable_sequence = recovery.next_sequence - 1
        self.durable_position = 0
        self.epoch: Final = recovery.epoch
        self.relaxed: Final = relaxed
        # Set when `prepare_next` has something to do.
        self.work: Final = threading.Event()

        self._storage = storage
        self._recovery = recovery
        self._segment_bytes: Final = recovery.segment_bytes
        self._commands_end: Final = recovery.segment_bytes - _ENDING_BYTES
        self._payload_bytes_max: Final = min(
            RECORD_PAYLOAD_BYTES_MAX, self._commands_end - SECTOR_BYTES - _EMPTY_RECORD_BYTES
        )
        self._spare_target = spare_segments
        self._spares: deque[tuple[int, int]] = deque()
        self._creating = threading.Lock()
        self._failure: BaseException | None = None
        self._next_sequence = recovery.next_sequence
        self._chain = recovery.chain
        self._file = -1
        self._offset = 0
        self._digest_due = 0
        self._segment_position = 0
        self._previous_digest = recovery.previous_digest

        for number in recovery.spares:
            self._spares.append((number, storage.open(segment_name(number), writable=True)))
        self._last_made = recovery.next_segment - 1 + len(recovery.spares)
        self._begin_segment(recovery.next_segment, recovery.previous_digest)

    @property
    def spare_segments(self) -> int:
        """Segments ready to be used: what is left when the disk is full."""
        return len(self._spares)

    @property
    def anchor(self) -> Anchor:
        """The end of the journal, which a snapshot is tied to. Nothing may be on its way."""
        return Anchor(self.segment, self._offset, self._chain, self._previous_digest)

    @property
    def failed(self) -> bool:
        return self._failure is not None

    def append(self, payload: bytes, first_sequence: int, count: int) -> int:
        """Return the position of the new record once it is durable; after OSError nothing ever is."""
        start = self.write(payload, first_sequence, count)
        try:
            if not self.relaxed:
                self._storage.fdatasync(self._file)
        except BaseException as failure:
            self._failure = failure
            raise
        self.synced()
        return start

    def fits(self, length: int) -> bool:
        """Whether a record with so long a payload goes into the current segment: then `write` is quick."""
        return self._offset + record_bytes(length) <= self._commands_end

    @property
    def file(self) -> int:
        """The current segment's descriptor, for whoever syncs what `write` has written."""
        return self._file

    def write(self, payload: bytes, first_sequence: int, count: int) -> int:
        """Return the position of the new record, which is durable once `file` is synced: say so by `synced`.

        Nothing else may be called before that; after OSError nothing is ever durable.
        """
        if self._failure is not None:
            raise JournalFailed("the journal has failed before") from self._failure
        assert first_sequence == self._next_sequence, "commands are journaled in order, without gaps"
        assert 0 < count <= COUNT_MAX
        length = len(payload)
        assert 0 < length <= self._payload_bytes_max, "a record fits into a segment"
        try:
            if not self.fits(length):
                self._roll()
            start = self._write(Kind.DATA, payload, count)
        except BaseException as failure:
            self._failure = failure
            raise
        self.records += 1
        return self._segment_position + start

    def synced(self) -> None:
        """Note that all that was written is durable."""
        self.durable_sequence = self._next_sequence - 1
        self.durable_position = self._segment_position + self._offset
        if self._offset >= self._digest_due:
            self._digest_due = self._offset + _DIGEST_STEP_BYTES
            self.work.set()

    def fail(self, failure: BaseException) -> None:
        """Note that a sync has failed: nothing is ever durable from here on."""
        self._failure = failure

    def seal(self) -> None:
        """Say that the journal was idle: damage to the last commands can then be told from a cut write."""
        if self._failure is not None:
            raise JournalFailed("the journal has failed before") from self._failure
        if self._offset + _EMPTY_RECORD_BYTES > self._commands_end:
            return
        try:
            self._write(Kind.SEAL, b"", 0)
            if not self.relaxed:
                self._storage.fdatasync(self._file)
        except BaseException as failure:
            self._failure = failure
            raise
        self.durable_position = self._segment_position + self._offset

    def close(self) -> None:
        """Say that the stop is a clean one, durably, and let go of the files. Stop the keeper before."""
        failure = self._failure
        self._failure = JournalFailed("the journal is closed")
        try:
            if failure is not None:
                raise JournalFailed("the journal has failed before") from failure
            self._write(Kind.CLOSE, b"", 0)
            self._storage.fdatasync(self._file)
            self.durable_position = self._segment_position + self._offset
        finally:
            self._release_files()

    def prepare_next(self, between: Callable[[], object] | None = None) -> None:
        """Make the spares which are missing and bring the digest forward. May run in another thread.

        `between` is called between the pieces of a spare that nobody waits for, each of which is made durable
        by itself: the syncs of commands behind 64 MiB at once took 10 to 30 ms.

        OSError from making a spare (a full disk) harms no record and leaves the writer alive: fewer
        spares are left, that is all, and a later call tries again.
        """
        while len(self._spares) < self._spare_target and self._failure is None:
            with self._creating:
                if len(self._spares) < self._spare_target:
                    # Without one left the next roll waits for it.
                    self._make_spare(between if self._spares else None)
        self._digest.advance(self._offset)

    def free_bytes(self) -> int:
        """What the disk has left beside the segments made ahead."""
        return self._storage.free_bytes()

    def _write(self, kind: Kind, payload: bytes, count: int) -> int:
        """Write one record, not yet synced, and return its offset."""
        start = self._offset
        data, chain = pack(kind, self._next_sequence, count, payload, previous_crc=self._chain, offset=start)
        written = self._storage.pwrite(self._file, data, start)
        if written != len(data):
            write_all(self._storage, self._file, data[written:], start + written)
        self._chain = chain
        self._offset = start + len(data)
        self._next_sequence += count
        self.bytes += len(data)
        return start

    def _roll(self) -> None:
        """End the segment and begin the next one, which exists already unless the keeper fell behind.

        Synced even if relaxed: once every 64 MiB, and so the segments are never out of order.
        """
        if not self._spares:
            with self._creating:
                if not self._spares:
                    self._make_spare()
        self._write(Kind.SEGMENT_END, b"", 0)
        self._storage.fdatasync(self._file)
        digest = self._digest.finish(self._offset)
        self._storage.close(self._file)
        self._begin_segment(self.segment + 1, digest)

    def _begin_segment(self, number: int, previous_digest: bytes) -> None:
        if not self._spares:
            self._make_spare()
        spare, file = self._spares.popleft()
        assert spare == number, "segments are used in the order they were made"
        self._file = file
        self._offset = 0
        self.segment = number
        self._segment_position = position(number, 0)
        self._previous_digest = previous_digest
        header = SegmentHeader(
            self._segment_bytes, number, self.epoch, self._recovery.identity, previous_digest
        )
        self._write(Kind.SEGMENT_HEADER, header.pack(), 0)
        self._storage.fdatasync(file)
        self.segments += 1
        self.durable_position = self._segment_position + self._offset
        self._digest = _RunningDigest(self._storage, file)
        self._digest_due = _DIGEST_STEP_BYTES
        self.work.set()

    def _make_spare(self, between: Callable[[], object] | None = None) -> None:
        """Make one segment more; called with `_creating` held, or before there is another thread."""
        name = segment_name(self._last_made + 1)
        storage = self._storage
        if storage.free_bytes() < self._segment_bytes:
            # Not to be found out by filling the disk to its last byte, again and again.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
        if between is None:
            write_temporary(storage, name, zero_chunks(self._segment_bytes))
        else:
            pieces = zero_chunks(self._segment_bytes, _PIECE_BYTES)
            write_temporary(storage, name, pieces, partial(self._take_a_break, between))
        # Opened under this name still: a process without file descriptors left has lost nothing then.
        file = storage.open(name + TEMPORARY_SUFFIX, writable=True)
        try:
            publish(storage, name)
        except OSError as failure:
            # The directory's state is unknown now, so no name in it may be relied on.
            self._failure = failure
            with contextlib.suppress(OSError):
                storage.close(file)
            raise
        self._last_made += 1
        self._spares.append((self._last_made, file))

    def _take_a_break(self, between: Callable[[], object]) -> bool:
        """Between two pieces of a spare; False where none made before is left: the next roll waits."""
        if self._spares:
            between()
        return bool(self._spares)

    def _release_files(self) -> None:
        files = [self._file, *(file for _, file in self._spares)]
        self._spares.clear()
        for file in files:
            with contextlib.suppress(OSError):
                self._storage.close(file)


class _RunningDigest:
    """blake2b of a segment while it grows, read back from the file in steps.

    The lock is held for one step, so that the writer waits for a keeper no longer than that.
    """

    def __init__(self, storage: Storage, file: int) -> None:
        self._storage = storage
        self._file = file
        self._lock = threading.Lock()
        self._hasher = blake2b(digest_size=DIGEST_BYTES)
        self._hashed_bytes = 0
        self._finished = False

    def advance(self, end: int) -> None:
        """Hash up to `end`, which is written; nothing if the segment was finished meanwhile."""
        while self._hashed_bytes < end:
            with self._lock:
                if self._finished:
                    return
                self._step(end)

    def finish(self, end: int) -> bytes:
        """The digest of the segment's first `end` bytes; the file is not read any more."""
        with self._lock:
            while self._hashed_bytes < end:
                self._step(end)
            self._finished = True
            return self._hasher.digest()

    def _step(self, end: int) -> None:
        wanted = min(_DIGEST_STEP_BYTES, end - self._hashed_bytes)
        chunk = self._storage.pread(self._file, wanted, self._hashed_bytes)
        if len(chunk) != wanted:
            raise OSError(f"{len(chunk)} bytes read back of {wanted}")
        self._hasher.update(chunk)
        self._hashed_bytes += wanted


class SegmentKeeper:
    """A thread that calls `prepare_next` when there is something to do, and again after a full disk."""

    def __init__(self, writer: JournalWriter) -> None:
        self.error: OSError | None = None  # of the last attempt; None when it went well
        self._writer = writer
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="segment-keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; at most the time to make one segment."""
        self._stopping.set()
        self._writer.work.set()
        self._thread.join()

    def _run(self) -> None:
        work = self._writer.work
        while True:
            work.wait(_KEEPER_RETRY_SECONDS if self.error else None)
            work.clear()
            if self._stopping.is_set() or self._writer.failed:
                return
            try:
                self._writer.prepare_next(self._pause)
                self.error = None
            except OSError as error:
                self.error = error

    def _pause(self) -> None:
        """Leave the disk to the commands for a while, unless somebody waits for the end."""
        self._stopping.wait(SPARE_PIECE_SECONDS)
