"""One segment read in order, and the verdict on the end of the last one: a write cut short, or damage."""

from collections.abc import Iterator
from typing import NamedTuple

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.record import (
    ALIGN_BYTES,
    HEADER_BYTES,
    MAGIC_BYTES,
    SECTOR_BYTES,
    Header,
    Kind,
    StoredRecord,
    is_torn,
    record_bytes,
    unpack_header,
    unpack_payload,
)
from carbonmatch.journal.segments import Anchor, segment_name, unpack_segment_header
from carbonmatch.journal.storage import CHUNK_BYTES, Storage, file_chunks, is_zero


class Window:
    """A part of a file in memory: at least what was asked for, usually a chunk more."""

    def __init__(self, storage: Storage, file: int, end: int, chunk_bytes: int) -> None:
        """Nothing at or behind `end` is ever read."""
        self.data = b""
        self.record_bytes = 0
        self._storage = storage
        self._file = file
        self._start = 0
        self._end = end
        self._chunk_bytes = chunk_bytes

    def hold(self, offset: int, length: int) -> int:
        """Make `data` hold `length` bytes from `offset` (fewer at the end); return where they start."""
        start = offset - self._start
        if start < 0 or start + length > len(self.data):
            wanted = min(max(length, self._chunk_bytes), self._end - offset)
            self.data = self._storage.pread(self._file, wanted, offset) if wanted > 0 else b""
            self._start = offset
            start = 0
        return start


class Place(NamedTuple):
    """How far a segment was read, and what the next record has to follow."""

    offset: int
    sequence: int
    chain: int
    last_kind: Kind


class SegmentScan:
    """The records of one segment, in order, until something is not the next record.

    What that was is in `fault`; whether it is damage is for others to decide, who know if it is the
    last segment.
    """

    def __init__(
        self,
        storage: Storage,
        file: int,
        number: int,
        previous: "SegmentScan | None",
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        """Read and check the first record; it must follow the last one of the segment before."""
        self.storage = storage
        self.file = file
        self.number = number
        self.file_bytes = storage.size(file)
        self.zeros_from = self.file_bytes  # from here on nothing need be read: it is known to be zero
        self.offset = 0
        self.fault = ""
        self.faulty_header: Header | None = None  # of a bad record that is the next one by its header
        self._chunk_bytes = chunk_bytes
        self._window = Window(storage, file, self.file_bytes, chunk_bytes)

        start = self._window.hold(0, HEADER_BYTES)
        first = unpack_header(self._window.data, start)
        self.sequence: int = 0 if previous is None else previous.sequence
        payload = None
        if first is not None and first.kind is Kind.SEGMENT_HEADER:
            payload = unpack_payload(first, self._window.data, start)
        if first is None or payload is None:
            raise self.damaged("other bytes", "the header of a segment")
        if previous is not None and first.first_sequence != previous.sequence:
            raise self.damaged(f"first sequence {first.first_sequence}", str(previous.sequence))
        if previous is not None and first.previous_crc != previous.chain:
            raise self.damaged(f"a link to {first.previous_crc:#010x}", f"{previous.chain:#010x}")
        try:
            self.header = unpack_segment_header(payload)
        except ValueError as error:
            raise self.damaged(str(error), "the header of a segment") from error
        if self.header.number != number:
            raise self.damaged(f"segment {self.header.number}", f"segment {number}")
        if previous is not None and self.header.epoch < previous.header.epoch:
            raise self.damaged(f"epoch {self.header.epoch}", f"at least {previous.header.epoch}")
        if number == 1 and (first.first_sequence, first.previous_crc) != (1, 0):
            raise self.damaged(f"first sequence {first.first_sequence}", "the start of a journal")

        self.first_sequence = self.sequence = first.first_sequence
        self.chain: int = first.previous_crc
        self.last_kind = Kind.SEGMENT_HEADER

    @property
    def place(self) -> Place:
        return Place(self.offset, self.sequence, self.chain, self.last_kind)

    def resume(self, file: int, at: Place) -> None:
        """Read on behind `at`, in what now is the segment's file: nothing read before is kept."""
        self.file = file
        self.file_bytes = self.zeros_from = self.storage.size(file)
        self.offset, self.sequence, self.chain, self.last_kind = at
        self.fault = ""
        self.faulty_header = None
        self._window = Window(self.storage, file, self.file_bytes, self._chunk_bytes)

    @property
    def is_ended(self) -> bool:
        return self.last_kind is Kind.SEGMENT_END

    def __iter__(self) -> Iterator[StoredRecord]:
        window = self._window
        number = self.number
        while True:
            offset = self.offset
            start = window.hold(offset, HEADER_BYTES)
            header = unpack_header(window.data, start)
            if header is None:
                self.fault = "no valid header"
                return
            if header.previous_crc != self.chain or header.first_sequence != self.sequence:
                self.fault = f"sequence {header.first_sequence} linked to {header.previous_crc:#010x}"
                return
            kind = header.kind
            if not self._may_follow(kind):
                self.fault = f"{kind.name} after {self.last_kind.name}"
                return
            size = record_bytes(header.payload_bytes)
            start = window.hold(offset, size)
            payload = unpack_payload(header, window.data, start)
            if payload is None:
                self.fault = "a payload or trailer that is not the one written"
                self.faulty_header = header
                return
            self.offset = offset + size
            self.sequence += header.count
            self.chain = header.crc
            self.last_kind = kind
            yield StoredRecord(kind, header.first_sequence, header.count, payload, number, offset, header.crc)
            if kind is Kind.SEGMENT_END:
                return

    def _may_follow(self, kind: Kind) -> bool:
        if self.offset == 0:
            return kind is Kind.SEGMENT_HEADER
        if self.last_kind is Kind.CLOSE:
            return kind is Kind.SEGMENT_END
        return kind is not Kind.SEGMENT_HEADER

    def check_origin(self, anchor: Anchor) -> None:
        """Refuse a segment that does not follow the one which the segment of `anchor` followed."""
        if self.header.previous_digest != anchor.previous_digest:
            raise self.damaged(
                f"previous digest {self.header.previous_digest.hex()}",
                f"{anchor.previous_digest.hex()}, as the snapshot says",
            )

    def meets(self, anchor: Anchor, sequence: int | None, at: Place) -> bool:
        """Whether `anchor`, which `sequence` follows, is `at`; JournalDamaged where it should have been."""
        if at.offset < anchor.offset:
            return False
        if (at.offset, at.chain) != (anchor.offset, anchor.chain) or sequence not in (None, at.sequence):
            raise self.damaged(
                f"sequence {at.sequence} behind a record linked by {at.chain:#010x}",
                f"{sequence} behind {anchor.chain:#010x} at {anchor.offset}, as the snapshot says",
            )
        return True

    def short_of(self, sequence: int) -> JournalDamaged:
        """The journal ends here, and somebody has seen more of it."""
        return self.damaged("the end of the journal", f"a journal up to {sequence - 1}")

    def damaged(self, found: str, expected: str, offset: int | None = None) -> JournalDamaged:
        return JournalDamaged(
            segment_name(self.number),
            self.offset if offset is None else offset,
            self.sequence,
            found=found,
            expected=expected,
        )

    def chunks(self, start: int) -> Iterator[bytes]:
        return file_chunks(self.storage, self.file, start, self.file_bytes)

    def rest_is_zero(self) -> bool:
        rest = file_chunks(self.storage, self.file, self.offset, self.zeros_from)
        return all(is_zero(chunk) for chunk in rest)


# --- the end of the last segment -------------------------------------------------------------------


def end_of_torn_tail(segment: SegmentScan) -> int:
    """Where a cut write's bytes end, or `segment.offset` where there are none; refuse anything else.

    One record at most is on its way to the disk, and its sectors arrive in any order or not at all.
    So after a crash there is nothing valid behind the first bad record, and at least one of its
    sectors is still zero; where its header tells how far it reached, there is nothing at all behind it.
    Whatever differs from that is damage to something that was durable.
    """
    if segment.file_bytes != segment.header.segment_bytes:
        raise segment.damaged(
            f"a file of {segment.file_bytes} bytes",
            f"{segment.header.segment_bytes} bytes",
            segment.file_bytes,
        )
    if segment.rest_is_zero():
        return segment.offset
    if segment.last_kind is Kind.CLOSE:
        raise segment.damaged("written bytes", "only zeros behind a clean close")

    header = segment.faulty_header
    if header is not None:
        end = segment.offset + header.record_bytes
        extent = (
            b""
            if end > segment.file_bytes
            else segment.storage.pread(segment.file, header.record_bytes, segment.offset)
        )
        if not is_torn(header, extent, segment.offset):
            raise segment.damaged(segment.fault, "the record: no sector of it is missing")
    else:
        end = (segment.offset // SECTOR_BYTES + 1) * SECTOR_BYTES
        if not is_zero(segment.storage.pread(segment.file, end - segment.offset, segment.offset)):
            raise segment.damaged(segment.fault, "a whole header, or zeros")
    _refuse_records_behind(segment, end)
    if header is not None and not all(is_zero(chunk) for chunk in segment.chunks(end)):
        raise segment.damaged(segment.fault, f"the record: something was written behind its end at {end}")
    return _last_written_sector(segment)


def _refuse_records_behind(segment: SegmentScan, start: int) -> None:
    later = later_record(segment, start)
    if later is not None:
        raise segment.damaged(segment.fault, f"a record, as a later one is at {later}")


def later_record(segment: SegmentScan, start: int) -> int | None:
    """Where behind `start` the header of a record lies that can only follow the missing one."""
    offset = start
    for chunk in segment.chunks(start):
        found = chunk.find(MAGIC_BYTES)
        while found >= 0:
            header = unpack_header(chunk, found)
            if (
                (offset + found) % ALIGN_BYTES == 0
                and header is not None
                and header.first_sequence >= segment.sequence
            ):
                return offset + found
            found = chunk.find(MAGIC_BYTES, found + 1)
        offset += len(chunk)
    return None


def _last_written_sector(segment: SegmentScan) -> int:
    """Behind the last sector of the file that is not all zero."""
    offset = segment.offset
    end = offset
    for chunk in segment.chunks(offset):
        if not is_zero(chunk):
            end = offset + len(chunk.rstrip(b"\0"))
        offset += len(chunk)
    return -(-end // SECTOR_BYTES) * SECTOR_BYTES
