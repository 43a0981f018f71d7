"""Segments leave the journal behind two snapshots that were proven, and never before."""

import pytest
from msgspec import structs

from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.segments import segment_name, segment_numbers
from carbonmatch.journal.snapshots import snapshot_name
from carbonmatch.matching import state
from carbonmatch.server.archive import Archive
from carbonmatch.server.follower import SnapshotPolicy
from carbonmatch.server.recovery import recover_venue
from tests.journal.model_disk import ModelDisk
from tests.server.journaled import SEGMENT_BYTES, Journaled, world
from tests.server.test_follower import FakeHistory, follow_to_the_end, follower_of


@pytest.fixture
def disk() -> ModelDisk:
    """A journal of many segments, with three snapshots near its end."""
    disk = ModelDisk()
    venue = Journaled(disk)
    venue.run(world(1, 2_400))
    venue.writer.seal()
    follow_to_the_end(follower_of(disk, SnapshotPolicy(400, 10**9)))
    assert len(snapshots.sequences(disk)) == 3
    return disk


def anchors(disk: ModelDisk) -> list[int]:
    """The segments that the snapshots end in, newest first."""
    return [snapshots.load(disk, one).anchor.segment for one in snapshots.sequences(disk)]


def test_what_lies_behind_the_second_newest_goes(disk: ModelDisk) -> None:
    newest, second, third = anchors(disk)
    assert newest > second > third > 1
    moved = Archive(disk, ModelDisk()).advance()
    assert moved == list(range(1, second))
    assert segment_numbers(disk)[0] == second


def test_a_start_needs_only_what_is_left(disk: ModelDisk) -> None:
    whole = disk.copy()
    Archive(disk, ModelDisk()).advance()
    found = []
    for one in (whole, disk):
        one.process()
        history = FakeHistory()
        recovered = recover_venue(one, history, True, SEGMENT_BYTES)  # type: ignore[arg-type]
        found.append((state.digest(recovered.engine), recovered.market_data.state()))
    assert found[0] == found[1]


def test_a_start_still_has_the_second_newest_where_the_newest_is_bad(disk: ModelDisk) -> None:
    Archive(disk, ModelDisk()).advance()
    newest, second, third = snapshots.sequences(disk)
    disk.bytes_of(snapshot_name(newest))[100] ^= 1
    disk.process()
    other = disk.copy()
    recovered = recover_venue(other, FakeHistory(), True, SEGMENT_BYTES)  # type: ignore[arg-type]
    assert recovered.snapshot_sequence == second
    # With both bad there is nothing that a start could go on from, and it says so.
    disk.bytes_of(snapshot_name(second))[100] ^= 1
    with pytest.raises(JournalDamaged, match="restore it from the archive"):
        recover_venue(disk, FakeHistory(), True, SEGMENT_BYTES)  # type: ignore[arg-type]
    assert third


def test_one_good_snapshot_is_not_enough(disk: ModelDisk) -> None:
    newest, second, third = snapshots.sequences(disk)
    disk.bytes_of(snapshot_name(second))[100] ^= 1
    bad = structs.replace(snapshots.load(disk, third), state_digest=b"\x01" * 32)
    snapshots.write(disk, bad)
    assert Archive(disk, ModelDisk()).advance() == []
    assert segment_numbers(disk)[0] == 1
    assert newest


def test_a_bad_snapshot_does_not_count(disk: ModelDisk) -> None:
    _, _, third = anchors(disk)
    newest = snapshots.sequences(disk)[0]
    disk.bytes_of(snapshot_name(newest))[100] ^= 1
    Archive(disk, ModelDisk()).advance()
    assert segment_numbers(disk)[0] == third


def test_what_a_lagging_follower_still_has_to_read_stays(disk: ModelDisk) -> None:
    """Two clean stops leave two good snapshots, however far behind them the follower is."""
    _, second, third = anchors(disk)
    places = [third - 1, second, None]
    archive = Archive(disk, ModelDisk(), lambda: places[0])
    assert archive.advance() == list(range(1, third - 1))
    assert archive.held_back_at == third - 1
    # It has caught up: what the snapshots allow goes.
    places.pop(0)
    assert archive.advance() == list(range(third - 1, second))
    assert archive.held_back_at is None
    assert segment_numbers(disk)[0] == second


def test_two_processes_cannot_archive_at_once(disk: ModelDisk) -> None:
    archive = ModelDisk()
    Archive(disk, archive)
    with pytest.raises(JournalRefused, match="another process"):
        Archive(disk, archive)


def test_a_follower_behind_an_archive_begins_at_its_snapshot(disk: ModelDisk) -> None:
    whole = follower_of(disk.copy())
    follow_to_the_end(whole)
    Archive(disk, ModelDisk()).advance()
    follower = follower_of(disk)
    follow_to_the_end(follower)
    assert state.digest(follower.engine) == state.digest(whole.engine)
    for name in snapshots.sequences(disk):
        disk.remove(snapshot_name(name))
    with pytest.raises(JournalDamaged, match="restore it from the archive"):
        follow_to_the_end(follower_of(disk))
    assert segment_name(1) not in disk.list()
