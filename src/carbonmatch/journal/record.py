"""One record as bytes: header, payload, trailer, padding. The layout is promised in proto/JOURNAL.md.

    header 32 | payload | trailer 8 | zeros up to a multiple of 32

A record starts at a multiple of 32, so its header lies in one disk sector: a write that power cut short
leaves the header whole or all zero. A header that is neither is damage, and where the header's own
checksum holds, its length may be trusted.
"""

from enum import IntEnum, unique
from struct import Struct as Layout
from typing import Final
from zlib import crc32

from msgspec import Struct

from carbonmatch.limits import RECORD_PAYLOAD_BYTES_MAX

# What a disk writes whole or not at all.
SECTOR_BYTES: Final = 512
ALIGN_BYTES: Final = 32

# 0xC1 starts neither a MessagePack value nor a UTF-8 character: a name in an order cannot look like
# the start of a record.
MAGIC_BYTES: Final = b"\xc1CMJ"
MAGIC: Final = int.from_bytes(MAGIC_BYTES, "little")

HEADER: Final = Layout("<IIQIHBBII")
HEADER_BYTES: Final = 32
assert HEADER.size == HEADER_BYTES
assert SECTOR_BYTES % ALIGN_BYTES == 0
assert ALIGN_BYTES % HEADER_BYTES == 0, "a header never straddles a sector"

# The same without the header's checksum, which covers it.
_CHECKED: Final = Layout("<IIQIHBBI")
CHECKED_BYTES: Final = 28

# The end mark makes the last sector of a record different from zeros whatever the payload is.
TRAILER_BYTES: Final = 8
_TRAILER_MASK: Final = 0xA5A5A5A5
_TRAILER_MARK: Final = b"END1"
_MARKS_AND_PADS: Final = tuple(_TRAILER_MARK + bytes(length) for length in range(ALIGN_BYTES))

# zlib lets go of the interpreter lock for more than 5 KiB, and to get it back from a busy event loop takes
# a whole switch interval. Piecewise it keeps it: a commit of 40 KB beside a busy thread took 0.56 ms
# instead of 0.87. Where that would hold the lock for long (at 4 GB/s, 60 us), it lets go.
_CRC_PIECE_BYTES: Final = 5 * 1024
_CRC_PIECEWISE_BYTES_MAX: Final = 256 * 1024

COUNT_MAX: Final = 2**16 - 1
_ZERO_SECTORS_MAX: Final = 255
_ZERO_SECTOR: Final = bytes(SECTOR_BYTES)


@unique
class Kind(IntEnum):
    """What a record is. Only DATA carries commands; the others have the sequence that comes next."""

    SEGMENT_HEADER = 1  # the first of every segment, and only there
    DATA = 2
    SEAL = 3  # the journal was idle here: what lies before was durable
    CLOSE = 4  # a clean stop: nothing was written after it
    SEGMENT_END = 5  # the journal goes on in the next segment, which exists


_KINDS: Final[dict[int, Kind]] = {int(kind): kind for kind in Kind}


class Header(Struct, frozen=True, gc=False):
    """The header of a record, its own checksum verified."""

    payload_bytes: int
    first_sequence: int
    previous_crc: int
    count: int
    kind: Kind
    zero_sectors: int
    payload_crc: int
    crc: int

    @property
    def record_bytes(self) -> int:
        return record_bytes(self.payload_bytes)

    @property
    def next_sequence(self) -> int:
        return self.first_sequence + self.count


class StoredRecord(Struct, frozen=True, gc=False):
    """A record read back, all its checksums verified, with the place where it lies."""

    kind: Kind
    first_sequence: int
    count: int
    payload: bytes
    segment: int
    offset: int
    header_crc: int

    @property
    def next_sequence(self) -> int:
        return self.first_sequence + self.count

    @property
    def end_offset(self) -> int:
        return self.offset + record_bytes(len(self.payload))

    @property
    def position(self) -> int:
        return position(self.segment, self.offset)


def position(segment: int, offset: int) -> int:
    """One integer for a place in the journal, which grows as the journal does."""
    return segment << 32 | offset


def place(position: int) -> tuple[int, int]:
    """The segment and the offset of a position."""
    return position >> 32, position & 0xFFFF_FFFF


def record_bytes(payload_bytes: int) -> int:
    """What a record with such a payload takes on the disk."""
    return (HEADER_BYTES + payload_bytes + TRAILER_BYTES + ALIGN_BYTES - 1) & -ALIGN_BYTES


def pack(
    kind: Kind, first_sequence: int, count: int, payload: bytes, *, previous_crc: int, offset: int
) -> tuple[bytes, int]:
    """The bytes of a record that will lie at `offset` of its segment, and its header's checksum."""
    length = len(payload)
    payload_crc = _crc(payload)
    # Only a payload of a sector or more can cover a sector with zeros. The search costs about as much
    # as the checksum: 0.5 us for 1 KB.
    zero_sectors = 0
    if length >= SECTOR_BYTES and _ZERO_SECTOR in payload:
        zero_sectors = _zero_sectors(payload, offset)
    checked = _CHECKED.pack(
        MAGIC, length, first_sequence, previous_crc, count, kind, zero_sectors, payload_crc
    )
    header_crc = crc32(checked)
    parts = (checked, header_crc.to_bytes(4, "little"), payload, *_end(payload_crc, length))
    return b"".join(parts), header_crc


def unpack_header(data: bytes, start: int = 0) -> Header | None:
    """The header at `start`, or None where its magic, its checksum, its kind or its bounds are wrong."""
    if len(data) - start < HEADER_BYTES:
        return None
    magic, length, first, previous, count, kind, zero_sectors, payload_crc, crc = HEADER.unpack_from(
        data, start
    )
    if magic != MAGIC or crc32(data[start : start + CHECKED_BYTES]) != crc:
        return None
    known = _KINDS.get(kind)
    if known is None or length > RECORD_PAYLOAD_BYTES_MAX or (count > 0) is not (known is Kind.DATA):
        return None
    return Header(length, first, previous, count, known, zero_sectors, payload_crc, crc)


def unpack_payload(header: Header, data: bytes, start: int = 0) -> bytes | None:
    """The payload of the record whose header lies at `start`, or None where any byte of it is wrong."""
    length = header.payload_bytes
    body = start + HEADER_BYTES
    payload = data[body : body + length]
    if len(payload) != length or _crc(payload) != header.payload_crc:
        return None
    if data[body + length : start + record_bytes(length)] != b"".join(_end(header.payload_crc, length)):
        return None
    return payload


def is_torn(header: Header, data: bytes, offset: int) -> bool:
    """Whether a bad record with a good header, at `offset` of its segment, is one that power cut short.

    Segments are zero-filled before use, so a sector that was not written is all zero. A payload may
    hold zero sectors of its own: the header counts them, and only more than these are proof.
    """
    if header.zero_sectors == _ZERO_SECTORS_MAX:
        return False
    return _count_zero_sectors(data, offset) > header.zero_sectors


def _zero_sectors(payload: bytes, offset: int) -> int:
    record = b"".join((bytes(HEADER_BYTES), payload, *_end(0, len(payload))))
    return min(_count_zero_sectors(record, offset), _ZERO_SECTORS_MAX)


def _count_zero_sectors(record: bytes, offset: int) -> int:
    # The first sector holds the header, so it is not asked; the last one is cut where the record ends.
    first = SECTOR_BYTES - offset % SECTOR_BYTES
    return sum(
        record[start : start + SECTOR_BYTES] == _ZERO_SECTOR[: len(record) - start]
        for start in range(first, len(record), SECTOR_BYTES)
    )


def _end(payload_crc: int, payload_bytes: int) -> tuple[bytes, bytes]:
    """The trailer's checksum; its mark and the padding."""
    padding = -(payload_bytes + TRAILER_BYTES) % ALIGN_BYTES
    return (payload_crc ^ _TRAILER_MASK).to_bytes(4, "little"), _MARKS_AND_PADS[padding]


def _crc(payload: bytes) -> int:
    if not _CRC_PIECE_BYTES < len(payload) <= _CRC_PIECEWISE_BYTES_MAX:
        return crc32(payload)
    crc = 0
    view = memoryview(payload)
    for start in range(0, len(payload), _CRC_PIECE_BYTES):
        crc = crc32(view[start : start + _CRC_PIECE_BYTES], crc)
    return crc
