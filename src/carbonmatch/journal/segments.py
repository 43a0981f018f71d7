"""A segment: its name, what its first record says, and which segments a directory holds.

Segments are numbered from 1 without gaps and made whole and zero-filled before they are needed, so
that a commit never changes the size of a file or the directory. Those not used yet are *spares*.
"""

import re
from collections.abc import Callable
from itertools import pairwise
from struct import Struct as Layout
from typing import Final

from msgspec import Struct

from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.record import SECTOR_BYTES, record_bytes
from carbonmatch.journal.storage import Storage, file_chunks, is_zero

FORMAT_VERSION: Final = 1
SUFFIX: Final = ".cmj"
SEGMENT_NUMBER_MAX: Final = 2**31 - 1

# Offsets are the low half of a position; and a segment has to hold its header, its end and a record.
SEGMENT_BYTES_MAX: Final = 2**32 - SECTOR_BYTES
SEGMENT_BYTES_MIN: Final = 2 * SECTOR_BYTES

DIGEST_BYTES: Final = 32
NO_DIGEST: Final = bytes(DIGEST_BYTES)

_NAME: Final = re.compile(r"(\d{10})\.cmj", re.ASCII)
_HEADER: Final = Layout("<IIQQ32s32s")
ENGINE_VERSION_BYTES_MAX: Final = 64

# The first record is written before any other, and synced: within one sector it is there or not.
assert record_bytes(_HEADER.size + ENGINE_VERSION_BYTES_MAX) <= SECTOR_BYTES


class Identity(Struct, frozen=True, gc=False):
    """What has to be the same for a replay to give the same events."""

    engine_version: str
    configuration_digest: bytes

    def __post_init__(self) -> None:
        assert len(self.configuration_digest) == DIGEST_BYTES
        assert 0 < len(self.engine_version.encode()) <= ENGINE_VERSION_BYTES_MAX


class SegmentHeader(Struct, frozen=True, gc=False):
    """The payload of a segment's first record."""

    segment_bytes: int
    number: int
    epoch: int
    identity: Identity
    previous_digest: bytes

    def pack(self) -> bytes:
        return (
            _HEADER.pack(
                FORMAT_VERSION,
                self.segment_bytes,
                self.number,
                self.epoch,
                self.identity.configuration_digest,
                self.previous_digest,
            )
            + self.identity.engine_version.encode()
        )


class Anchor(Struct, frozen=True, gc=False):
    """A place between two records, and what ties the journal behind it to the journal before it."""

    segment: int
    offset: int  # behind the record before
    chain: int  # checksum of that record's header
    previous_digest: bytes  # of the segment before, as this one's header says

    def __post_init__(self) -> None:
        assert len(self.previous_digest) == DIGEST_BYTES


# Where every journal begins.
ORIGIN: Final = Anchor(1, 0, 0, NO_DIGEST)


def unpack_segment_header(payload: bytes) -> SegmentHeader:
    """The fields of a payload whose checksum holds.

    Raises JournalRefused where another version wrote it, ValueError where no version of ours did.
    """
    version = int.from_bytes(payload[:4], "little")
    if version != FORMAT_VERSION:
        raise JournalRefused(
            f"journal format {version}, expected {FORMAT_VERSION}: start the version that wrote it, stop it"
            " cleanly, and see the upgrade notes"
        )
    version_bytes = len(payload) - _HEADER.size
    if not 0 < version_bytes <= ENGINE_VERSION_BYTES_MAX:
        raise ValueError(f"{version_bytes} bytes of engine version, expected 1 to {ENGINE_VERSION_BYTES_MAX}")
    _, segment_bytes, number, epoch, configuration, previous = _HEADER.unpack_from(payload)
    if not SEGMENT_BYTES_MIN <= segment_bytes <= SEGMENT_BYTES_MAX or segment_bytes % SECTOR_BYTES:
        raise ValueError(f"segments of {segment_bytes} bytes")
    engine_version = payload[_HEADER.size :].decode()
    return SegmentHeader(segment_bytes, number, epoch, Identity(engine_version, configuration), previous)


def segment_name(number: int) -> str:
    assert 0 < number <= SEGMENT_NUMBER_MAX
    return f"{number:010d}{SUFFIX}"


class Survey(Struct, frozen=True):
    """The segments in a directory: the used ones, and the spares right after them."""

    used: list[int]
    spares: list[int]


def survey(storage: Storage) -> Survey:
    """Find the segments by name and by their first sector; refuse gaps between them."""
    numbers = segment_numbers(storage)
    for previous, number in pairwise(numbers):
        if number != previous + 1:
            raise JournalDamaged(
                segment_name(previous + 1), 0, 0, found="no such file", expected=f"it before {number}"
            )
    used = list(numbers)
    spares: list[int] = []
    while used and _is_unused(storage, used[-1]):
        spares.insert(0, used.pop())
    return Survey(used, spares)


class Spare(Struct, frozen=True):
    """What there is of one."""

    size: int
    written_at: int | None  # the first chunk that is not all zero


def look_at_spare(storage: Storage, number: int, goes_on: Callable[[], bool] = lambda: True) -> Spare:
    """Read it from its disk, as long as it `goes_on`."""
    file = storage.open(segment_name(number))
    try:
        size = storage.size(file)
        storage.forget_cache(file)
        offset = 0
        for chunk in file_chunks(storage, file, 0, size):
            if not is_zero(chunk):
                return Spare(size, offset)
            if not goes_on():
                break
            offset += len(chunk)
        return Spare(size, None)
    finally:
        storage.close(file)


def check_spare(spare: Spare, number: int, segment_bytes: int, sequence: int) -> None:
    """Refuse a spare which is not exactly what was made: it could have held records."""
    if spare.size != segment_bytes:
        found, expected, offset = f"{spare.size} bytes", f"{segment_bytes} bytes", spare.size
    elif spare.written_at is not None:
        found, expected, offset = "written bytes", "only zeros without a header", spare.written_at
    else:
        return
    raise JournalDamaged(segment_name(number), offset, sequence, found=found, expected=expected)


def segment_numbers(storage: Storage) -> list[int]:
    """The numbers of all segments by their names, used or not."""
    numbers = []
    for name in storage.list():
        match = _NAME.fullmatch(name)
        if match is not None:
            numbers.append(int(match[1]))
        elif name.endswith(SUFFIX):
            raise JournalDamaged(name, 0, 0, found="this name", expected="10 digits before .cmj")
    return sorted(numbers)


def _is_unused(storage: Storage, number: int) -> bool:
    file = storage.open(segment_name(number))
    try:
        storage.forget_cache(file)
        return is_zero(storage.pread(file, SECTOR_BYTES, 0))
    finally:
        storage.close(file)
