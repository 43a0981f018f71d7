"""What holds no records is judged the same, whether it is read behind the scan or beside it."""

import errno
import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from carbonmatch.journal import blank
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.reader import JournalEnd, JournalScan
from carbonmatch.journal.record import Kind, StoredRecord
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.segments import segment_name
from carbonmatch.journal.storage import CHUNK_BYTES
from tests.journal.model_disk import ModelDisk
from tests.journal.test_damage import small_journal
from tests.journal.worlds import IDENTITY, append, start

# Three segments are used of `small_journal`; the fourth is its spare.
LAST_USED, SPARE = segment_name(3), segment_name(4)


def scanned(disk: ModelDisk, *, beside: bool) -> tuple[list[StoredRecord], JournalEnd | None]:
    journal = JournalScan(disk, replay_from=1, blank_beside=beside)
    return list(journal), journal.end


def flip_in_spare(disk: ModelDisk) -> None:
    disk.bytes_of(SPARE)[700] ^= 1


def shorten_spare(disk: ModelDisk) -> None:
    del disk.bytes_of(SPARE)[-512:]


def flip_behind_the_last_record(disk: ModelDisk) -> None:
    disk.bytes_of(LAST_USED)[-1] ^= 1


def flip_in_the_last_record(disk: ModelDisk) -> None:
    data = disk.bytes_of(LAST_USED)
    data[len(data.rstrip(b"\0")) - 1] ^= 1


@pytest.mark.parametrize(
    "damage", [flip_in_spare, shorten_spare, flip_behind_the_last_record, flip_in_the_last_record]
)
def test_what_is_refused_is_refused_beside_in_the_same_words(damage: Callable[[ModelDisk], None]) -> None:
    disk = small_journal(end=Kind.SEAL)
    damage(disk)
    with pytest.raises(JournalDamaged) as alone:
        scanned(disk, beside=False)
    with pytest.raises(JournalDamaged) as beside:
        scanned(disk, beside=True)
    assert str(beside.value) == str(alone.value)


@pytest.mark.parametrize("end", [Kind.DATA, Kind.SEAL, Kind.CLOSE])
def test_what_is_good_is_good_beside(end: Kind) -> None:
    disk = small_journal(end=end)
    assert scanned(disk, beside=True) == scanned(disk, beside=False)


def test_a_write_that_power_cut_short_is_cut_off_beside_as_alone() -> None:
    disk = ModelDisk()
    append(start(disk, segment_bytes=4096), b"cut" * 500)
    disk.process()
    disk.bytes_of(segment_name(1))[512:1024] = bytes(512)
    _, found = scanned(disk, beside=True)
    assert found is not None
    assert found.torn_bytes
    assert found == scanned(disk, beside=False)[1]


@pytest.mark.parametrize("written_at", [0, 7, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 512])
def test_the_zeros_at_the_end_of_a_segment_are_found_from_its_end(written_at: int) -> None:
    disk = ModelDisk()
    file = disk.create(segment_name(1))
    data = bytearray(2 * CHUNK_BYTES + 1024)
    data[written_at] = 1
    disk.pwrite(file, bytes(data), 0)
    disk.fdatasync(file)
    found = blank.look(disk, 1, [], goes_on=lambda: True)
    assert written_at < found.zeros_from <= written_at + CHUNK_BYTES


def test_a_disk_that_fails_beside_ends_the_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = small_journal(end=Kind.SEAL)
    before = {name: bytes(disk.bytes_of(name)) for name in disk.list()}

    def read(file: int, length: int, offset: int) -> bytes:
        if is_beside():
            raise OSError(errno.EIO, "planted")
        return ModelDisk.pread(disk, file, length, offset)

    monkeypatch.setattr(disk, "pread", read)
    with pytest.raises(OSError, match="planted"):
        recover(disk, IDENTITY, blank_beside=True)
    assert {name: bytes(disk.bytes_of(name)) for name in disk.list()} == before


def test_nothing_reads_any_more_when_a_scan_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = small_journal(end=Kind.SEAL)
    left = threading.Event()

    def read(file: int, length: int, offset: int) -> bytes:
        if is_beside():
            left.wait()
        return ModelDisk.pread(disk, file, length, offset)

    monkeypatch.setattr(disk, "pread", read)
    with closing(iter(JournalScan(disk, replay_from=1, blank_beside=True))) as records:
        next(records)
        left.set()
    assert blank.THREAD_NAME not in {thread.name for thread in threading.enumerate()}


def is_beside() -> bool:
    return threading.current_thread().name == blank.THREAD_NAME
