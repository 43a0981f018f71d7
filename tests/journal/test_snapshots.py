import contextlib
from random import Random

import pytest

from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.segments import Anchor
from carbonmatch.journal.snapshots import Snapshot, snapshot_name
from tests.journal.model_disk import ModelDisk, PowerLost, lose_power_at
from tests.journal.worlds import IDENTITY

ANCHOR = Anchor(9, 4096, 0xAABBCCDD, b"\x09" * 32)


def snapshot(sequence: int, state: bytes = b"the book") -> Snapshot:
    return Snapshot(sequence, 2, IDENTITY, ANCHOR, state, b"\x05" * 32)


def as_it_is(snapshot: Snapshot) -> Snapshot:
    return snapshot


def refuse_warnings(warning: str) -> None:
    raise AssertionError(warning)


def test_a_snapshot_is_these_bytes() -> None:
    disk = ModelDisk()
    snapshots.write(disk, snapshot(1000, b"state"))
    assert bytes(disk.bytes_of("00000000000000001000.cms")) == bytes.fromhex(
        "c1434d53 02000000 e803000000000000 0200000000000000 0500000000000000 01000000 05000000"
        + "07" * 32
        + "09000000 00100000 ddccbbaa"
        + "09" * 32
        + "312e302e30"
        + "1830b923"
        + "05000000 fbd293a3 7374617465"
        + "454e4431"
        + "05" * 32
        + "1262cd171ea5d8b1cb65392210bf090548cc1e54d5407a419d646f5cc00bba7e"
    )


@pytest.mark.parametrize("length", [0, 1, 1024 * 1024, 2 * 1024 * 1024 + 5])
def test_a_snapshot_reads_back_as_it_was_written(length: int) -> None:
    disk = ModelDisk()
    written = snapshot(7, Random(length).randbytes(length))
    snapshots.write(disk, written)
    disk.lose_power()
    assert snapshots.load(disk, 7) == written
    assert snapshots.newest(disk, as_it_is, refuse_warnings) == written


def test_the_newest_three_are_kept() -> None:
    disk = ModelDisk()
    for sequence in (5, 10, 100, 1000):
        snapshots.write(disk, snapshot(sequence))
    assert snapshots.sequences(disk) == [1000, 100, 10]


def test_without_a_snapshot_there_is_none() -> None:
    assert snapshots.newest(ModelDisk(), as_it_is, refuse_warnings) is None


def test_a_bad_snapshot_is_passed_over_for_an_older_one_and_said_aloud() -> None:
    disk = ModelDisk()
    for sequence in (10, 20, 30):
        snapshots.write(disk, snapshot(sequence))
    disk.bytes_of(snapshot_name(30))[50] ^= 1
    del disk.bytes_of(snapshot_name(20))[-1]
    warnings: list[str] = []
    found = snapshots.newest(disk, as_it_is, warnings.append)
    assert found is not None
    assert found.sequence == 10
    assert [warning.partition(",")[0] for warning in warnings] == [
        "snapshot passed over: 00000000000000000030.cms",
        "snapshot passed over: 00000000000000000020.cms",
    ]


def test_every_flipped_bit_and_every_cut_is_found() -> None:
    disk = ModelDisk()
    snapshots.write(disk, snapshot(9, b"some state"))
    data = disk.bytes_of(snapshot_name(9))
    whole = bytes(data)
    for bit in range(len(whole) * 8):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(JournalDamaged):
            snapshots.load(disk, 9)
        data[:] = whole
    for length in range(len(whole)):
        del data[length:]
        with pytest.raises(JournalDamaged):
            snapshots.load(disk, 9)
        data[:] = whole
    data += b"\0"
    with pytest.raises(JournalDamaged):
        snapshots.load(disk, 9)


def test_a_snapshot_under_another_name_is_not_believed() -> None:
    disk = ModelDisk()
    snapshots.write(disk, snapshot(9))
    disk.rename(snapshot_name(9), snapshot_name(10))
    with pytest.raises(JournalDamaged, match="as it is named"):
        snapshots.load(disk, 10)


def test_a_loss_of_power_while_writing_leaves_a_good_one() -> None:
    for seed in range(200):
        disk = ModelDisk(seed)
        snapshots.write(disk, snapshot(10))
        disk.before = lose_power_at(seed % 8)
        with contextlib.suppress(PowerLost):
            snapshots.write(disk, snapshot(20, b"x" * 5000))
        disk.lose_power()
        found = snapshots.newest(disk, as_it_is, refuse_warnings)
        assert found in (snapshot(10), snapshot(20, b"x" * 5000))
