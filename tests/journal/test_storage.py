import os
import stat
from pathlib import Path

import pytest

from carbonmatch.journal.errors import JournalRefused
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.storage import (
    CHUNK_BYTES,
    DiskStorage,
    file_chunks,
    is_zero,
    write_all,
    write_file,
    write_temporary,
    zero_chunks,
)
from carbonmatch.journal.writer import JournalWriter
from tests.journal.model_disk import ModelDisk, fail_at
from tests.journal.worlds import IDENTITY, append, payloads


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_read_a_journal(tmp_path: Path) -> None:
    storage = DiskStorage(tmp_path / "data" / "journal")
    JournalWriter(storage, recover(storage, IDENTITY, segment_bytes=65536)).close()
    assert mode_of(tmp_path / "data" / "journal") == 0o700
    assert {mode_of(path) for path in storage.directory.iterdir()} == {0o600}
    storage.release()


def test_a_second_process_is_refused_until_the_first_one_lets_go(tmp_path: Path) -> None:
    first, second = DiskStorage(tmp_path), DiskStorage(tmp_path)
    recover(first, IDENTITY)
    with pytest.raises(JournalRefused):
        recover(second, IDENTITY)
    first.release()
    recover(second, IDENTITY)
    second.release()


def test_a_journal_on_a_real_disk_is_taken_up_again(tmp_path: Path) -> None:
    expected = []
    for life in range(3):
        storage = DiskStorage(tmp_path)
        writer = JournalWriter(storage, recover(storage, IDENTITY, segment_bytes=65536))
        for number in range(30):
            append(writer, b"%d %d" % (life, number) * 1000)
            expected.append(b"%d %d" % (life, number) * 1000)
        writer.close()
        assert payloads(storage) == expected
        assert storage.free_bytes() > 0
        storage.release()


def test_a_file_that_could_not_be_written_leaves_nothing_behind() -> None:
    for call in ("pwrite", "fdatasync"):
        disk = ModelDisk()
        disk.before = fail_at(call, 0)
        with pytest.raises(OSError, match="fails"):
            write_temporary(disk, "name", [b"x"])
        assert disk.list() == []


def test_a_file_replaces_another_whole_or_not_at_all() -> None:
    for seed in range(20):
        disk = ModelDisk(seed)
        write_file(disk, "name", [b"old" * 400])
        disk.before = fail_at("fsync_dir", 0)
        with pytest.raises(OSError, match="fails"):
            write_file(disk, "name", [b"new" * 400])
        disk.lose_power()
        assert bytes(disk.bytes_of("name")) in (b"old" * 400, b"new" * 400)


def test_a_write_that_makes_no_progress_is_an_error() -> None:
    class Stuck(ModelDisk):
        def pwrite(self, *_: object) -> int:
            return 0

    disk = Stuck()
    with pytest.raises(OSError, match="stopped after 0"):
        write_all(disk, disk.create("name"), b"x", 0)


@pytest.mark.parametrize("length", [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 7])
def test_zeros_come_in_pieces_of_bounded_size(length: int) -> None:
    chunks = list(zero_chunks(length))
    assert sum(map(len, chunks)) == length
    assert all(is_zero(chunk) for chunk in chunks)


def test_reading_pieces_ends_where_the_file_ends(tmp_path: Path) -> None:
    storage = DiskStorage(tmp_path)
    write_file(storage, "name", [b"0123456789"])
    file = storage.open("name")
    assert list(file_chunks(storage, file, 2, 100)) == [b"23456789"]
    assert storage.pread(file, 100, 5) == b"56789"
    storage.forget_cache(file)
    storage.close(file)
    with pytest.raises(OSError):
        os.fstat(file)
    storage.release()


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"precious")
    storage = DiskStorage(tmp_path / "journal")
    (tmp_path / "journal" / "name.tmp").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        write_temporary(storage, "name", [b"x"])
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"
    storage.release()
