"""The archive: segments that no start needs any more, each copied, proven and only then removed.

An archive is a directory of segments under their names. Together with what is left of the journal it is
the journal: `WithArchive` reads both as one.
"""

from pathlib import Path

from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.reader import check_digest, opened
from carbonmatch.journal.segment_scan import SegmentScan
from carbonmatch.journal.segments import segment_name, segment_numbers
from carbonmatch.journal.storage import DiskStorage, Storage, file_chunks, write_file


class WithArchive(DiskStorage):
    """A journal's directory for reading, with what is missing in it taken from its archive."""

    def __init__(self, directory: Path, archive: Path) -> None:
        super().__init__(directory)
        self._archive = DiskStorage(archive)

    def list(self) -> list[str]:
        return sorted({*super().list(), *self._archive.list()})

    def open(self, name: str, *, writable: bool = False) -> int:
        assert not writable, "an archive is not written to"
        try:
            return super().open(name)
        except FileNotFoundError:
            return self._archive.open(name)


def archive_segments(storage: Storage, archive: Storage, before: int) -> list[int]:
    """Move the segments with numbers below `before` into `archive`; return those that were moved.

    Oldest first, and each is durable in the archive, read back and found to have the digest that its
    successor says before it is removed. So a crash leaves every segment in one of the two, or in both.

    Raises JournalRefused where the archive has another file of that name, JournalDamaged for a segment that
    is not as it was written, OSError for either disk; what was moved before stays moved.
    """
    moved = []
    for number in segment_numbers(storage):
        if number >= before:
            break
        _copy(storage, archive, number)
        _prove(storage, archive, number)
        storage.remove(segment_name(number))
        storage.fsync_dir()
        moved.append(number)
    return moved


def _copy(storage: Storage, archive: Storage, number: int) -> None:
    """Make the copy durable, as long as its records; one that is there already stays."""
    name = segment_name(number)
    if name in archive.list():
        return
    with opened(storage, number) as file:
        end = _scanned(storage, file, number).offset
        write_file(archive, name, file_chunks(storage, file, 0, end))


def _prove(storage: Storage, archive: Storage, number: int) -> None:
    """Read the copy back from its disk, and hold it against what the next segment says of it."""
    with opened(archive, number) as copy, opened(storage, number + 1) as file:
        archive.forget_cache(copy)
        copied = _scanned(archive, copy, number)
        try:
            check_digest(archive, copied, SegmentScan(storage, file, number + 1, copied))
        except JournalDamaged as damaged:
            raise JournalRefused(f"the archive has another {segment_name(number)}: {damaged}") from damaged


def _scanned(storage: Storage, file: int, number: int) -> SegmentScan:
    """A whole segment, read to its end; JournalDamaged where it has none."""
    segment = SegmentScan(storage, file, number, None)
    for _ in segment:
        pass
    if not segment.is_ended:
        raise segment.damaged(segment.fault, "a segment end, as more segments follow")
    return segment
