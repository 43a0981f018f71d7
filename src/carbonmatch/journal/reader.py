"""Reading: the whole journal in order, one record at a time, every byte of it checked.

`JournalScan` reads a journal that nobody writes, up to its end, and tells a tail which power cut short
(the only harm a crash can do) from any other damage. `read_record` and `read_records` read a journal
which is being written, up to the position which the writer says is durable.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Final

from msgspec import Struct

from carbonmatch.journal.blank import BlankReader
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.record import (
    HEADER_BYTES,
    Kind,
    StoredRecord,
    place,
    position,
    record_bytes,
    unpack_header,
    unpack_payload,
)
from carbonmatch.journal.segment_scan import SegmentScan, Window, end_of_torn_tail
from carbonmatch.journal.segments import (
    DIGEST_BYTES,
    NO_DIGEST,
    Anchor,
    SegmentHeader,
    check_spare,
    look_at_spare,
    segment_name,
    segment_numbers,
    survey,
)
from carbonmatch.journal.storage import Storage, file_chunks

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
        anchor: Anchor | None = None,
        sealed_only: bool = False,
        check_digests: bool = False,
        blank_beside: bool = False,
    ) -> None:
        """Read from the segment that holds sequence `replay_from`, else from the oldest there is.

        Of the segments before it nothing is read but the first records of those that are asked.
        `anchor` says where the record of `replay_from` follows, and what it has to follow.

        `sealed_only` leaves out the last used segment, which a running process may be writing.
        `check_digests` also reads every segment a second time, for the digest that its successor has.
        `blank_beside`: what holds no records is read by a thread of its own; whoever does not iterate to the
        end closes the iterator, which ends that.
        """
        self.header: SegmentHeader | None = None  # of the segment being read
        self.end: JournalEnd | None = None  # None also for a journal in which nothing was ever written
        self.segments_read = 0
        self.spares: list[int] = []
        self._storage = storage
        self._replay_from = replay_from
        self._anchor = anchor
        self._sealed_only = sealed_only
        self._check_digests = check_digests
        self._blank_beside = blank_beside
        assert not (sealed_only and blank_beside), "beside a writer nothing is blank for long"

    def __iter__(self) -> Generator[StoredRecord, None, None]:
        found = survey(self._storage)
        self.spares = found.spares
        if not found.used:
            self._check_nothing_written()
            return
        blank = BlankReader(self._storage, found.used[-1], found.spares) if self._blank_beside else None
        try:
            yield from self._segments(found.used, blank)
        finally:
            if blank is not None:
                blank.stop()

    def _segments(self, used: list[int], blank: BlankReader | None) -> Iterator[StoredRecord]:
        numbers = used[:-1] if self._sealed_only else used
        previous: SegmentScan | None = None
        for number in numbers[self._first_to_read(numbers) :]:
            with opened(self._storage, number) as file:
                self._storage.forget_cache(file)
                segment = SegmentScan(self._storage, file, number, previous)
                self.header = segment.header
                if previous is not None and self._check_digests:
                    check_digest(self._storage, previous, segment)
                yield from self._records_of(segment)
                self.segments_read += 1
                self._finish(segment, number == used[-1], blank)
            previous = segment

    def _first_to_read(self, numbers: list[int]) -> int:
        """The index of the segment with `replay_from`."""
        if self._replay_from is None or not numbers:
            return 0
        wanted = (
            segment_of(self._storage, numbers, self._replay_from)
            if self._anchor is None
            else self._anchor.segment
        )
        if wanted not in numbers:
            raise JournalDamaged(
                segment_name(wanted),
                0,
                self._replay_from,
                found="no such segment",
                expected="the one to replay from: restore it from the archive, or a snapshot behind it",
            )
        return numbers.index(wanted)

    def _records_of(self, segment: SegmentScan) -> Iterator[StoredRecord]:
        anchor = self._anchor
        if anchor is None or segment.number != anchor.segment:
            yield from segment
            return
        segment.check_origin(anchor)
        is_met = anchor.offset == 0
        for record in segment:
            is_met = is_met or segment.meets(anchor, self._replay_from, segment.place)
            yield record
        if not is_met:
            raise segment.short_of(self._replay_from or 1)

    def _check_nothing_written(self) -> None:
        """A journal without records has no segment, or unused ones from 1 on."""
        wanted = self._replay_from or 1
        if wanted != 1 or (self.spares and self.spares[0] != 1):
            raise JournalDamaged(segment_name(1), 0, wanted, found="no records", expected="the journal")

    def _finish(self, segment: SegmentScan, is_last: bool, blank: BlankReader | None) -> None:
        if is_last and blank is not None:
            segment.zeros_from = blank.found().zeros_from
        torn_end = segment.offset
        if not segment.is_ended:
            if not is_last:
                raise segment.damaged(segment.fault, "a segment end, as more segments follow")
            torn_end = end_of_torn_tail(segment)
        elif not segment.rest_is_zero():
            raise segment.damaged("written bytes", "only zeros behind a segment end")
        if not is_last:
            return
        if segment.is_ended and not self.spares:
            name = segment_name(segment.number + 1)
            raise JournalDamaged(name, 0, segment.sequence, found="no such file", expected="the next segment")
        for number in self.spares:
            spare = look_at_spare(self._storage, number) if blank is None else blank.found().spares[number]
            check_spare(spare, number, segment.header.segment_bytes, segment.sequence)
        if self._replay_from is not None and segment.sequence < self._replay_from:
            raise segment.short_of(self._replay_from)
        self.end = JournalEnd(
            segment.header,
            segment.offset,
            segment.chain,
            segment.sequence,
            segment.last_kind,
            torn_end,
            self.spares,
        )


@contextmanager
def opened(storage: Storage, number: int) -> Iterator[int]:
    """A segment's file, for reading."""
    file = storage.open(segment_name(number))
    try:
        yield file
    finally:
        storage.close(file)


def segment_of(storage: Storage, numbers: list[int], sequence: int) -> int:
    """Which of the used segments `numbers` holds `sequence`: the last one that begins at or before it."""
    assert numbers
    first_sequence = 0
    for number in reversed(numbers):
        with opened(storage, number) as file:
            first_sequence = SegmentScan(storage, file, number, None).sequence
        if first_sequence <= sequence:
            return number
    raise JournalDamaged(
        segment_name(numbers[0]),
        0,
        sequence,
        found=f"first sequence {first_sequence}",
        expected=f"segments from sequence {sequence} on",
    )


def check_digest(storage: Storage, previous: SegmentScan, segment: SegmentScan) -> None:
    """Refuse a `previous` whose bytes are not those which `segment`, that follows it, has the digest of."""
    digest = digest_of(storage, previous.number, previous.offset)
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
    with opened(storage, number) as file:
        for chunk in file_chunks(storage, file, 0, length):
            hasher.update(chunk)
    return hasher.digest()


# --- beside a running writer -----------------------------------------------------------------------


def read_record(storage: Storage, at_position: int, durable_position: int) -> StoredRecord:
    """The record at `at_position`, which must lie before `durable_position`. Safe from any thread."""
    return next(read_records(storage, at_position, durable_position))


def read_records(storage: Storage, start_position: int, durable_position: int) -> Iterator[StoredRecord]:
    """The records from `start_position` to `durable_position`, over segments, all kinds.

    Uses files of its own and reads nothing at or behind `durable_position`, so it may run in any thread
    while the writer goes on. A generator belongs to one thread, and is closed or read to its end.
    """
    assert start_position < durable_position, "only what is durable may be read"
    number, offset = place(start_position)
    last_number, last_offset = place(durable_position)
    while number <= last_number:
        with opened(storage, number) as file:
            limit = last_offset if number == last_number else storage.size(file)
            window = Window(storage, file, limit, _RANDOM_READ_BYTES)
            while offset < limit:
                record = _read_one(window, number, offset)
                yield record
                offset += window.record_bytes
                if record.kind is Kind.SEGMENT_END:
                    break
        number += 1
        offset = 0


def first_position(storage: Storage) -> int:
    """Where the journal begins: older segments have been archived."""
    return position(segment_numbers(storage)[0], 0)


def _read_one(window: Window, number: int, offset: int) -> StoredRecord:
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
