"""A journal read while another process writes it: each record once it is known to be durable.

The writer has one record on its way to the disk at a time, so the next one is there only after the one
before was synced. A record is therefore handed out when a record that follows it can be read, and not
before: what lies at the very end may still be taken back, by a failed sync or a loss of power, and by the
recovery that follows. An idle writer seals after 10 to 20 ms, so nothing waits for longer than that.

Every look at the journal opens its file anew, because a recovery puts a copy in its place.
"""

from collections.abc import Callable, Iterator
from copy import copy
from typing import Final

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.reader import check_digest, opened
from carbonmatch.journal.record import (
    ALIGN_BYTES,
    HEADER_BYTES,
    SECTOR_BYTES,
    Kind,
    StoredRecord,
    unpack_header,
    unpack_payload,
)
from carbonmatch.journal.segment_scan import Place, SegmentScan, Window, later_record
from carbonmatch.journal.segments import Anchor, SegmentHeader, segment_name, segment_numbers
from carbonmatch.journal.storage import Storage, is_zero

# What one look reads: a few hundred small batches, and no more than 10 us of copying where nothing is new.
_CHUNK_BYTES: Final = 64 * 1024

# How soon a record is seen that was written while nothing came: as soon as an idle writer seals it.
_POLL_SECONDS: Final = 0.01


class Tail:
    """Hands out the records behind an anchor, in order, none twice. Takes no lock and changes nothing.

    Invariant: everything before `_place` of segment `_number` is durable and was handed out.
    """

    def __init__(
        self, storage: Storage, anchor: Anchor, sequence: int, sleep: Callable[[float], object]
    ) -> None:
        """`sequence` is of the first command behind `anchor`."""
        self.segments_verified = 0  # read to their end, and found to have the digest that they should
        self._storage = storage
        self._sleep = sleep
        self._number = anchor.segment
        self._segment: SegmentScan | None = None  # None until its header is there
        self._place = Place(0, sequence, 0, Kind.SEGMENT_END)
        self._sequence = sequence
        # Until it was met; nothing before it is handed out.
        self._anchor: Anchor | None = anchor
        self._newest = (0, 0, 0)
        self._suspicion = ""

    @property
    def header(self) -> SegmentHeader:
        """Of the segment that the last record lies in."""
        assert self._segment is not None, "there is a record first"
        return self._segment.header

    @property
    def anchor(self) -> Anchor:
        """The end of what was handed out: what a snapshot of the state there is tied to."""
        return Anchor(self._number, self._place.offset, self._place.chain, self.header.previous_digest)

    def records(self) -> Iterator[StoredRecord]:
        """All that is known to be durable and was not handed out yet; one call's is read before the next.

        Raises JournalDamaged for what is neither as it was written nor on its way.
        """
        moved = True
        while moved:
            moved = False
            if not self._exists(self._number):
                return
            with opened(self._storage, self._number) as file:
                segment = self._resumed(file)
                if segment is None:
                    return
                held: StoredRecord | None = None
                behind_held = self._place
                for record in segment:
                    if held is not None:
                        self._place = behind_held
                        if self._is_wanted(segment, held):
                            yield held
                    held, behind_held = record, segment.place
                if held is not None and segment.is_ended:
                    moved = self._move_on(segment)

    def wait(self) -> None:
        """Return after a short while, when it is worth looking again."""
        self._sleep(_POLL_SECONDS)

    def secure(self) -> None:
        """Make sure that what was handed out outlives whatever is built on it.

        It is durable in any case, but for two: a relaxed writer does not sync, and a recovery may just have
        put a file in place whose directory is not synced.
        """
        with opened(self._storage, self._number) as file:
            self._storage.fdatasync(file)
        self._storage.fsync_dir()

    def is_closed(self) -> bool:
        """Whether all that is left is the writer's word that it has stopped cleanly."""
        with opened(self._storage, self._number) as file:
            segment = self._looked_at(file)
            kinds = [] if segment is None else [record.kind for record in segment]
        return Kind.CLOSE in kinds and not {Kind.DATA, Kind.SEGMENT_HEADER} & set(kinds)

    # --- from one segment to the next ------------------------------------------------------------

    def _exists(self, number: int) -> bool:
        """False for a journal that is not begun yet; JournalDamaged where others are there without it."""
        try:
            with opened(self._storage, number):
                return True
        except FileNotFoundError:
            if not segment_numbers(self._storage):
                return False
            raise JournalDamaged(
                segment_name(number),
                0,
                self._place.sequence,
                found="no such file",
                expected="the segment to go on in: restore it from the archive",
            ) from None

    def _resumed(self, file: int) -> SegmentScan | None:
        if self._segment is not None:
            self._segment.resume(file, self._place)
            return self._segment
        if not is_begun(self._storage, file):
            return None
        segment = SegmentScan(self._storage, file, self._number, None, _CHUNK_BYTES)
        anchor = self._anchor
        assert anchor is not None
        segment.check_origin(anchor)
        self._segment = segment
        self._place = segment.place
        return segment

    def _looked_at(self, file: int) -> SegmentScan | None:
        """As `_resumed`, for a look that may happen while records are handed out."""
        segment = copy(self._segment)
        if segment is None:
            return self._resumed(file)
        segment.resume(file, self._place)
        return segment

    def _is_wanted(self, segment: SegmentScan, record: StoredRecord) -> bool:
        """Whether `record`, the last one before the place, lies behind the anchor."""
        anchor = self._anchor
        if anchor is None:
            return True
        if record.offset >= anchor.offset:
            self._anchor = None
            return True
        if segment.meets(anchor, self._sequence, self._place):
            self._anchor = None
        return False

    def _move_on(self, ended: SegmentScan) -> bool:
        """Go on in the next segment, if the writer has."""
        if self._anchor is not None and ended.offset < self._anchor.offset:
            raise ended.short_of(self._sequence)
        number = self._number + 1
        try:
            with opened(self._storage, number) as file:
                if not is_begun(self._storage, file):
                    return False
                segment = SegmentScan(self._storage, file, number, ended, _CHUNK_BYTES)
                check_digest(self._storage, ended, segment)
        except FileNotFoundError:
            return False
        self.segments_verified += 1
        self._number, self._segment, self._place = number, segment, segment.place
        self._anchor = None
        return True

    # --- what is there beyond ----------------------------------------------------------------------

    def newest_sequence(self) -> int:
        """Of the last command that a record follows: of these, what was not handed out yet is a lag.

        The record at the very end is not handed out either. Behind a writer that was killed nothing
        follows it until the next start, and nobody is late by then. Reads the headers behind the last look,
        in the newest segment only.
        """
        number, offset, sequence = self._newest
        if (number, offset) < (self._number, self._place.offset):
            number, offset, sequence = self._number, self._place.offset, self._place.sequence
        while (first := self._first_sequence(number + 1)) is not None:
            number, offset, sequence = number + 1, 0, first
        try:
            with opened(self._storage, number) as file:
                window = Window(self._storage, file, self._storage.size(file), _CHUNK_BYTES)
                while True:
                    start = window.hold(offset, HEADER_BYTES)
                    header = unpack_header(window.data, start)
                    if header is None:
                        break
                    offset += header.record_bytes
                    sequence = header.first_sequence
        except FileNotFoundError:
            pass
        self._newest = (number, offset, sequence)
        return sequence - 1

    def _first_sequence(self, number: int) -> int | None:
        try:
            with opened(self._storage, number) as file:
                header = unpack_header(self._storage.pread(file, HEADER_BYTES, 0))
        except FileNotFoundError:
            return None
        return None if header is None else header.first_sequence

    def check(self) -> None:
        """Raise JournalDamaged where what should come next is there and wrong; for when nothing comes.

        Only what two calls have found the same is believed: the first may have seen half of a write.
        """
        found = self._damage()
        if found is not None and str(found) == self._suspicion:
            raise found
        self._suspicion = "" if found is None else str(found)

    def _damage(self) -> JournalDamaged | None:
        if not self._exists(self._number):
            return None
        with opened(self._storage, self._number) as file:
            try:
                segment = self._looked_at(file)
                if segment is None:
                    return self._damaged_start(file)
                for _ in segment:
                    pass
            except JournalDamaged as damaged:
                return damaged
            if segment.is_ended:
                return self._damaged_successor(segment)
            if self._first_sequence(self._number + 1) is not None:
                return segment.damaged(segment.fault, "a segment end, as the next segment is in use")
            if is_zero(self._storage.pread(file, HEADER_BYTES, segment.offset)):
                return None
            later = later_record(segment, segment.offset + ALIGN_BYTES)
            if later is not None:
                return segment.damaged(segment.fault, f"a record, as a later one is at {later}")
        return None

    def _damaged_successor(self, ended: SegmentScan) -> JournalDamaged | None:
        try:
            with opened(self._storage, ended.number + 1) as file:
                if is_begun(self._storage, file):
                    SegmentScan(self._storage, file, ended.number + 1, ended, _CHUNK_BYTES)
                    return None
                return self._damaged_start(file)
        except FileNotFoundError:
            return None
        except JournalDamaged as damaged:
            return damaged

    def _damaged_start(self, file: int) -> JournalDamaged | None:
        if is_zero(self._storage.pread(file, HEADER_BYTES, 0)):
            return None
        return JournalDamaged(
            segment_name(self._number),
            0,
            self._place.sequence,
            found="other bytes",
            expected="the header of a segment, or zeros",
        )


def is_begun(storage: Storage, file: int) -> bool:
    """Whether a segment's header can be read: False also while it is being written."""
    data = storage.pread(file, SECTOR_BYTES, 0)
    header = unpack_header(data)
    return header is not None and unpack_payload(header, data) is not None
