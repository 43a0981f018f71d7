"""Reading: the whole journal in order, one record at a time, every byte of it checked.

`JournalScan` reads a journal that nobody writes, up to its end, and tells a tail which power cut short
(the only harm a crash can do) from any other damage. `read_record` and `read_records` read a journal
which is being written, up to the position which the writer says is durable.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from msgspec import Struct

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
    place,
    record_bytes,
    unpack_header,
    unpack_payload,
)
from carbonmatch.journal.segments import (
    DIGEST_BYTES,
    NO_DIGEST,
    SegmentHeader,
    check_spare,
    segment_name,
    survey,
    unpack_segment_header,
)
from carbonmatch.journal.storage import CHUNK_BYTES, Storage, file_chunks, is_zero

# Resume asks for single records: no use in reading a megabyte for a few hundred bytes.
_RANDOM_READ_BYTES: Final = 4096


class JournalEnd(Struct, frozen=True):
    """Where a journal ends, and in what state."""

    header: SegmentHeader  # of the last used segment
    offset: int  # behind its last record
    chain: int  # checksum of the last record's header
    next_sequence: int
    last_kind: Kind
    torn_end: int  # end of what a cut write left behind `offset`, or `offset` where there is nothing
    spares: list[int]

    @property
    def segment(self) -> int:
        return self.header.number

    @property
    def closed(self) -> bool:
        """Whether the last process stopped cleanly, having written nothing after it said so."""
        return self.last_kind is Kind.CLOSE

    @property
    def torn_bytes(self) -> int:
        return self.torn_end - self.offset


class JournalScan:
    """One pass over a journal: iterate over it once, then see `end`.

    Raises JournalDamaged at the first byte that is neither as written nor explained by a crash. Memory
    holds one record, or a megabyte.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        replay_from: int | None = None,
        sealed_only: bool = False,
        check_digests: bool = False,
    ) -> None:
        """Read from the segment that holds sequence `replay_from`, else from the oldest there is.

        Of the segments before it only the first records are read.

        `sealed_only` leaves out the last used segment, which a running process may be writing.
        `check_digests` also reads every segment a second time, for the digest that its successor has.
        """
        self.header: SegmentHeader | None = None  # of the segment being read
        self.end: JournalEnd | None = None  # None also for a journal in which nothing was ever written
        self.segments_read = 0
        self.spares: list[int] = []
        self._storage = storage
        self._replay_from = replay_from
        self._sealed_only = sealed_only
        self._check_digests = check_digests

    def __iter__(self) -> Iterator[StoredRecord]:
        found = survey(self._storage)
        self.spares = found.spares
        if not found.used:
            self._check_nothing_written()
            return
        numbers = found.used[:-1] if self._sealed_only else found.used
        previous: _SegmentScan | None = None
        for number in numbers[self._first_to_read(numbers) :]:
            file = self._storage.open(segment_name(number))
            try:
                segment = _SegmentScan(self._storage, file, number, previous)
                self.header = segment.header
                if previous is not None and self._check_digests:
                    self._check_digest(previous, segment)
                yield from segment
                self.segments_read += 1
                self._finish(segment, is_last=number == found.used[-1])
            finally:
                self._storage.close(file)
            previous = segment

    def _first_to_read(self, numbers: list[int]) -> int:
        """The index of the segment with `replay_from`, found by the first record of each."""
        if self._replay_from is None or not numbers:
            return 0
        first_sequences = []
        for number in numbers:
            file = self._storage.open(segment_name(number))
            try:
                first_sequences.append(_SegmentScan(self._storage, file, number, None).sequence)
            finally:
                self._storage.close(file)
        for index in range(len(numbers) - 1, -1, -1):
            if first_sequences[index] <= self._replay_from:
                return index
        raise JournalDamaged(
            segment_name(numbers[0]),
            0,
            self._replay_from,
            found=f"first sequence {first_sequences[0]}",
            expected=f"segments from sequence {self._replay_from} on",
        )

    def _check_nothing_written(self) -> None:
        """A journal without records has no segment, or unused ones from 1 on."""
        wanted = self._replay_from or 1
        if wanted != 1 or (self.spares and self.spares[0] != 1):
            raise JournalDamaged(segment_name(1), 0, wanted, found="no records", expected="the journal")

    def _finish(self, segment: "_SegmentScan", *, is_last: bool) -> None:
        torn_end = segment.offset
        if not segment.is_ended:
            if not is_last:
                raise segment.damaged(segment.fault, "a segment end, as more segments follow")
            torn_end = _end_of_torn_tail(segment)
        elif not segment.rest_is_zero():
            raise segment.damaged("written bytes", "only zeros behind a segment end")
        if not is_last:
            return
        if segment.is_ended and not self.spares:
            name = segment_name(segment.number + 1)
            raise JournalDamaged(name, 0, segment.sequence, found="no such file", expected="the next segment")
        for number in self.spares:
            check_spare(self._storage, number, segment.header.segment_bytes, segment.sequence)
        if self._replay_from is not None and segment.sequence < self._replay_from:
            raise segment.damaged("the end of the journal", f"a journal up to {self._replay_from - 1}")
        self.end = JournalEnd(
            segment.header,
            segment.offset,
            segment.chain,
            segment.sequence,
            segment.last_kind,
            torn_end,
            self.spares,
        )

    def _check_digest(self, previous: "_SegmentScan", segment: "_SegmentScan") -> None:
        digest = digest_of(self._storage, previous.number, previous.offset)
        if digest != segment.header.previous_digest:
            raise JournalDamaged(
                segment_name(previous.number),
                0,
                previous.first_sequence,
                found=f"digest {digest.hex()}",
                expected=f"{segment.header.previous_digest.hex()}, as the next segment says",
            )


def scan(storage: Storage, *, replay_from: int | None = None) -> Iterator[StoredRecord]:
    """All records from the segment that holds `replay_from` (or the oldest) on, a torn tail left out."""
    return iter(JournalScan(storage, replay_from=replay_from))


def digest_of(storage: Storage, number: int, length: int) -> bytes:
    """blake2b of the first `length` bytes of a segment."""
    hasher = blake2b(digest_size=DIGEST_BYTES)
    file = storage.open(segment_name(number))
    try:
        for chunk in file_chunks(storage, file, 0, length):
            hasher.update(chunk)
    finally:
        storage.close(file)
    return hasher.digest()


# --- beside a running writer -----------------------------------------------------------------------


def read_record(storage: Storage, position: int, durable_position: int) -> StoredRecord:
    """The record at `position`, which must lie before `durable_position`. Safe from any thread."""
    return next(read_records(storage, position, durable_position))


def read_records(storage: Storage, start_position: int, durable_position: int) -> Iterator[StoredRecord]:
    """The records from `start_position` to `durable_position`, over segments, all kinds.

    Uses files of its own and reads nothing at or behind `durable_position`, so it may run in any thread
    while the writer goes on. A generator belongs to one thread, and is closed or read to its end.
    """
    assert start_position < durable_position, "only what is durable may be read"
    number, offset = place(start_position)
    last_number, last_offset = place(durable_position)
    while number <= last_number:
        file = storage.open(segment_name(number))
        try:
            limit = last_offset if number == last_number else storage.size(file)
            window = _Window(storage, file, limit, _RANDOM_READ_BYTES)
            while offset < limit:
                record = _read_one(window, number, offset)
                yield record
                offset += window.record_bytes
                if record.kind is Kind.SEGMENT_END:
                    break
        finally:
            storage.close(file)
        number += 1
        offset = 0


def segment_positions(storage: Storage) -> list[tuple[int, int]]:
    """First sequence and position of each used segment, oldest first: where to look for a sequence."""
    positions = []
    for number in survey(storage).used:
        file = storage.open(segment_name(number))
        try:
            segment = _SegmentScan(storage, file, number, None)
            positions.append((segment.sequence, number << 32))
        finally:
            storage.close(file)
    return positions


def _read_one(window: "_Window", number: int, offset: int) -> StoredRecord:
    start = window.hold(offset, HEADER_BYTES)
    header = unpack_header(window.data, start)
    payload = None
    if header is not None:
        start = window.hold(offset, header.record_bytes)
        payload = unpack_payload(header, window.data, start)
    if header is None or payload is None:
        raise JournalDamaged(
            segment_name(number), offset, 0, found="other bytes", expected="a record, as it is durable"
        )
    window.record_bytes = header.record_bytes
    return StoredRecord(header.kind, header.first_sequence, header.count, payload, number, offset, header.crc)


# --- one segment -----------------------------------------------------------------------------------


class _Window:
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


class _SegmentScan:
    """The records of one segment, in order, until something is not the next record.

    What that was is in `fault`; whether it is damage is for others to decide, who know if it is the
    last segment.
    """

    def __init__(self, storage: Storage, file: int, number: int, previous: "_SegmentScan | None") -> None:
        """Read and check the first record; it must follow the last one of the segment before."""
        storage.forget_cache(file)
        self.storage = storage
        self.file = file
        self.number = number
        self.file_bytes = storage.size(file)
        self.offset = 0
        self.fault = ""
        self.faulty_header: Header | None = None  # of a bad record that is the next one by its header
        self._window = _Window(storage, file, self.file_bytes, CHUNK_BYTES)

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
        self.header = unpack_segment_header(payload)
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
        return all(is_zero(chunk) for chunk in self.chunks(self.offset))


# --- the end of the last segment -------------------------------------------------------------------


def _end_of_torn_tail(segment: _SegmentScan) -> int:
    """Where a cut write's bytes end, or `segment.offset` where there are none; refuse anything else.

    One record at most is on its way to the disk, and its sectors arrive in any order or not at all.
    So after a crash there is nothing valid behind the first bad record, and at least one of its
    sectors is still zero. Whatever differs from that is damage to something that was durable.
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
    return _last_written_sector(segment)


def _refuse_records_behind(segment: _SegmentScan, start: int) -> None:
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
                raise segment.damaged(segment.fault, f"a record, as a later one is at {offset + found}")
            found = chunk.find(MAGIC_BYTES, found + 1)
        offset += len(chunk)


def _last_written_sector(segment: _SegmentScan) -> int:
    """Behind the last sector of the file that is not all zero."""
    offset = segment.offset
    end = offset
    for chunk in segment.chunks(offset):
        if not is_zero(chunk):
            end = offset + len(chunk.rstrip(b"\0"))
        offset += len(chunk)
    return -(-end // SECTOR_BYTES) * SECTOR_BYTES


# --- verification ----------------------------------------------------------------------------------


class Verification(Struct, frozen=True):
    """What a journal proves about itself."""

    segments: int
    records: int
    commands: int
    first_sequence: int  # 1 more than the last one where there is no command
    last_sequence: int
    epoch: int
    digests_checked: int
    digest: bytes  # over all that was read: two journals with the same one are the same
    closed: bool
    torn_bytes: int


def verify(storage: Storage, *, sealed_only: bool = False) -> Verification:
    """Check every byte and every digest of a journal without changing it; JournalDamaged if one is wrong.

    Takes no lock. Beside a running writer use `sealed_only`: the last segment would be read while it
    changes.
    """
    journal = JournalScan(storage, sealed_only=sealed_only, check_digests=True)
    records = commands = 0
    first_sequence: int | None = None
    last: StoredRecord | None = None
    for record in journal:
        if first_sequence is None:
            first_sequence = record.first_sequence
        records += record.kind is Kind.DATA
        commands += record.count
        last = record
    if last is None or journal.header is None:
        return Verification(0, 0, 0, 1, 0, 0, 0, NO_DIGEST, closed=False, torn_bytes=0)
    end = journal.end
    last_end = last.offset + record_bytes(len(last.payload))
    assert first_sequence is not None
    return Verification(
        segments=journal.segments_read,
        records=records,
        commands=commands,
        first_sequence=first_sequence,
        last_sequence=last.next_sequence - 1,
        epoch=journal.header.epoch,
        digests_checked=journal.segments_read - 1,
        digest=digest_of(storage, last.segment, last_end),
        closed=end is not None and end.closed,
        torn_bytes=0 if end is None else end.torn_bytes,
    )
