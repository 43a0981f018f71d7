"""Segments that leave the journal: none is lost on the way, and none goes that is not proven."""

import contextlib
import errno
from pathlib import Path
from random import Random

import pytest

from carbonmatch.journal.archive import WithArchive, archive_segments
from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.reader import verify
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.segments import segment_name, segment_numbers
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal.writer import JournalWriter
from tests.journal.model_disk import ModelDisk, PowerLost, fail_at, lose_power_at
from tests.journal.worlds import IDENTITY, append, payloads, start


def journal() -> ModelDisk:
    """Several segments, and a writer that goes on."""
    disk = ModelDisk()
    writer = start(disk)
    for number in range(40):
        append(writer, b"%d" % number * 100)
    writer.seal()
    assert writer.segment > 5
    return disk


def together(disk: ModelDisk, archive: ModelDisk) -> ModelDisk:
    """What a reader of both would see."""
    whole = archive.copy()
    whole.names.update(disk.copy().names)
    return whole


def test_what_is_archived_is_there_in_every_byte_and_gone_from_the_journal() -> None:
    disk, archive = journal(), ModelDisk()
    before = payloads(disk)
    proof = verify(disk)
    assert archive_segments(disk, archive, 4) == [1, 2, 3]
    assert segment_numbers(archive) == [1, 2, 3]
    assert segment_numbers(disk)[0] == 4
    whole = together(disk, archive)
    assert payloads(whole) == before
    assert verify(whole).digest == proof.digest
    assert archive_segments(disk, archive, 4) == []
    assert archive_segments(disk, archive, 6) == [4, 5]
    assert verify(together(disk, archive)).digest == proof.digest


def test_a_crash_on_the_way_loses_no_segment() -> None:
    for seed in range(150):
        disk, archive = journal(), ModelDisk(seed)
        before = payloads(disk)
        chance = Random(seed)
        victim = disk if seed % 2 else archive
        victim.before = lose_power_at(chance.randrange(12))
        with contextlib.suppress(PowerLost):
            archive_segments(disk, archive, 5)
        disk.lose_power()
        archive.lose_power()
        assert payloads(together(disk, archive)) == before
        archive_segments(disk, archive, 5)
        assert segment_numbers(disk)[0] == 5
        assert payloads(together(disk, archive)) == before


def test_a_full_archive_keeps_the_segment_in_the_journal() -> None:
    disk, archive = journal(), ModelDisk()
    before = payloads(disk)
    archive.before = fail_at("pwrite", 1, errno.ENOSPC)
    with pytest.raises(OSError, match="pwrite fails"):
        archive_segments(disk, archive, 5)
    assert segment_numbers(disk)[0] == 2
    assert payloads(together(disk, archive)) == before


def test_a_damaged_segment_is_not_archived_and_not_removed() -> None:
    disk, archive = journal(), ModelDisk()
    disk.bytes_of(segment_name(2))[200] ^= 1
    with pytest.raises(JournalDamaged, match=segment_name(2)):
        archive_segments(disk, archive, 5)
    assert segment_numbers(disk)[0] == 2
    assert segment_numbers(archive) == [1]


def test_a_copy_that_the_archive_damages_is_noticed_before_anything_is_removed() -> None:
    disk, archive = journal(), ModelDisk()
    archive_segments(disk.copy(), archive, 2)
    archive.bytes_of(segment_name(1))[200] ^= 1
    with pytest.raises(JournalDamaged):
        archive_segments(disk, archive, 5)
    assert segment_numbers(disk)[0] == 1


def test_an_archive_of_another_journal_is_refused() -> None:
    disk, other, archive = journal(), ModelDisk(), ModelDisk()
    writer = start(other)
    for number in range(40):
        append(writer, b"%d," % number * 100)
    archive_segments(other, archive, 2)
    with pytest.raises(JournalRefused, match=f"the archive has another {segment_name(1)}"):
        archive_segments(disk, archive, 5)
    assert segment_numbers(disk)[0] == 1


def test_journal_and_archive_read_as_one(tmp_path: Path) -> None:
    live, archive = DiskStorage(tmp_path / "live"), DiskStorage(tmp_path / "archive")
    writer = JournalWriter(live, recover(live, IDENTITY, segment_bytes=64 * 1024))
    for number in range(60):
        append(writer, b"%d" % number * 3000)
    writer.close()
    proof = verify(live)
    assert archive_segments(live, archive, writer.segment - 1)
    assert verify(live).first_sequence > 1
    whole = verify(WithArchive(tmp_path / "live", tmp_path / "archive"))
    assert (whole.first_sequence, whole.digest) == (1, proof.digest)
    (tmp_path / "archive" / segment_name(2)).unlink()
    with pytest.raises(JournalDamaged, match="no such file"):
        verify(WithArchive(tmp_path / "live", tmp_path / "archive"))
