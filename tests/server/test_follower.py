"""The follower against a journal on a model disk: the same state, or the first difference."""

import errno
from itertools import pairwise
from random import Random

import pytest
from msgspec import structs

from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalFailed, JournalRefused
from carbonmatch.journal.reader import scan
from carbonmatch.journal.segments import Identity
from carbonmatch.journal.snapshots import SNAPSHOTS_KEPT, snapshot_name
from carbonmatch.journal.tail import Tail
from carbonmatch.limits import FOLLOWER_HUNG_SECONDS
from carbonmatch.matching import state
from carbonmatch.ops.follower_metrics import FollowerCounters, assess_follower
from carbonmatch.ops.health import State
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.follower import Follower, SnapshotPolicy
from carbonmatch.server.follower_service import is_at_work
from carbonmatch.server.recovery import Diverged, identity, newest_start, recover_venue, start_from
from carbonmatch.server.venue_snapshot import restore
from tests.journal.model_disk import ModelDisk, PowerLost, fail_at, lose_power_at
from tests.server.journaled import SEGMENT_BYTES, Journaled, batches, world

NEVER = SnapshotPolicy(10**9, 10**9)
SECOND_NS = 1_000_000_000


class Time:
    """A clock that a test puts forward: at each look a second has passed, so the follower looks around."""

    def __init__(self) -> None:
        self.now_ns = 0

    def monotonic_ns(self) -> int:
        self.now_ns += SECOND_NS
        return self.now_ns

    def time_ns(self) -> int:
        return self.now_ns


def follower_of(disk: ModelDisk, policy: SnapshotPolicy = NEVER, time: Time | None = None) -> Follower:
    """A follower as its process begins: from the newest snapshot."""
    time = time or Time()
    start = newest_start(disk)
    tail = Tail(disk, start.anchor, start.snapshot_sequence + 1, lambda _: None)
    clocks = Clocks(time.time_ns, time.monotonic_ns)
    return Follower(disk, tail, start, policy, clocks, FollowerCounters())


def counters_of(follower: Follower) -> FollowerCounters:
    return follower._counters


def follow_to_the_end(follower: Follower) -> None:
    while follower.advance():
        pass


@pytest.mark.parametrize("seed", range(5))
def test_it_comes_to_the_very_state_of_the_engine(seed: int) -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    follower = follower_of(disk)
    chance = Random(seed)
    for batch in batches(world(seed, 1_500), 1 + seed):
        venue.batch(batch)
        if chance.random() < 0.2:
            venue.writer.seal()
        if chance.random() < 0.3:
            follower.advance()
            assert follower.engine.sequence <= venue.engine.sequence
    venue.writer.seal()
    follow_to_the_end(follower)
    assert state.digest(follower.engine) == state.digest(venue.engine)
    assert follower.replay.venue.market_data.state() == venue.state.market_data.state()
    assert follower.replay.venue.marks.saved() == venue.state.marks.saved()
    counters = counters_of(follower)
    assert (counters.sequence, counters.lag_commands) == (venue.engine.sequence, 0)
    assert counters.segments_verified == venue.writer.segment - 1 > 0


@pytest.mark.parametrize("seed", range(8))
def test_a_forged_report_is_found_at_its_very_command(seed: int) -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    entries = world(seed, 400)
    wrong = Random(seed).choice([entry for entry in entries[20:] if entry.session_id])
    sequence = wrong.first_sequence + Random(seed).randrange(len(wrong.commands))
    good = 0
    for batch in batches(entries, 3):
        venue.batch(batch, forge=sequence if wrong in batch else 0)
        if wrong in batch:
            break
        good = batch[-1].first_sequence + len(batch[-1].commands) - 1
    venue.writer.seal()
    follower = follower_of(disk, SnapshotPolicy(1, 10**9))
    expected = rf"000000000\d\.cmj, byte \d+, sequence {sequence}: command {sequence} gave other reports"
    with pytest.raises(Diverged, match=expected):
        follow_to_the_end(follower)
    # The last good state is kept, and nothing is of the diverged one.
    assert snapshots.sequences(disk)[0] == good
    assert restore(snapshots.load(disk, good)).engine.sequence == good
    assert Diverged.exit_code == 66


def test_snapshots_come_after_so_many_commands_and_three_are_kept() -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    venue.run(world(1, 1_000))
    venue.writer.seal()
    follower = follower_of(disk, SnapshotPolicy(100, 10**9))
    follow_to_the_end(follower)
    kept = snapshots.sequences(disk)
    assert len(kept) == SNAPSHOTS_KEPT
    assert 9 <= counters_of(follower).snapshots_written <= 10
    assert all(100 <= newer - older < 130 for newer, older in pairwise(kept))
    assert not [name for name in disk.list() if name.endswith(".tmp")]


@pytest.mark.parametrize("entries_a_record", [1, 10])
def test_a_record_counts_beside_its_commands_for_when_a_snapshot_is_due(entries_a_record: int) -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    venue.run(world(1, 600), entries_a_record)
    venue.writer.seal()
    follow_to_the_end(follower_of(disk, SnapshotPolicy(120, 10**9, record_commands=8)))
    # The newest was made at the stop.
    _, newer, older = snapshots.sequences(disk)
    between = [
        record.count + 8 for record in scan(disk) if record.count and older < record.first_sequence <= newer
    ]
    assert sum(between[:-1]) < 120 <= sum(between)


def test_snapshots_come_after_so_long_if_there_was_a_command() -> None:
    disk = ModelDisk()
    time = Time()
    venue = Journaled(disk)
    follower = follower_of(disk, SnapshotPolicy(10**9, 600), time)
    follower.advance()
    time.now_ns += 700 * SECOND_NS
    follower.advance()
    assert snapshots.sequences(disk) == []
    venue.run(world(1, 50))
    venue.writer.seal()
    follow_to_the_end(follower)
    (first,) = snapshots.sequences(disk)
    assert first < venue.engine.sequence
    for _ in range(2):
        time.now_ns += 700 * SECOND_NS
        follower.advance()
        assert snapshots.sequences(disk) == [venue.engine.sequence, first]
    assert counters_of(follower).snapshots_written == 2


@pytest.mark.parametrize("seed", range(3))
def test_from_every_snapshot_replay_comes_to_the_same_state(seed: int) -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    entries = world(seed, 1_200)
    venue.run(entries[: len(entries) // 2])
    venue.writer.seal()
    follower = follower_of(disk, SnapshotPolicy(150, 10**9))
    follow_to_the_end(follower)
    venue.run(entries[len(entries) // 2 :])
    venue.writer.close()
    assert len(snapshots.sequences(disk)) == SNAPSHOTS_KEPT
    for sequence in (0, *snapshots.sequences(disk)):
        start = start_from(disk, sequence)
        tail = Tail(disk, start.anchor, sequence + 1, lambda _: None)
        again = Follower(disk, tail, start, NEVER, Clocks(lambda: 0, lambda: 0), FollowerCounters())
        follow_to_the_end(again)
        assert again.engine.sequence == venue.engine.sequence
        assert state.digest(again.engine) == state.digest(venue.engine)
        assert again.replay.venue.marks.saved() == venue.state.marks.saved()


def test_the_engine_starts_from_its_snapshots() -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    venue.run(world(1, 800))
    venue.writer.seal()
    follow_to_the_end(follower_of(disk, SnapshotPolicy(200, 10**9)))
    newest = snapshots.sequences(disk)[0]
    disk.process()
    history = FakeHistory()
    found = recover_venue(disk, history, True)  # type: ignore[arg-type]
    assert found.snapshot_sequence == newest
    assert found.commands == venue.engine.sequence - newest
    assert state.digest(found.engine) == state.digest(venue.engine)
    assert history.marks.saved() == venue.state.marks.saved()  # type: ignore[attr-defined]


class FakeHistory:
    """Takes the marks that a recovery found."""


def test_a_clean_stop_is_compared_with_what_the_engine_says() -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    venue.run(world(1, 300))
    follower = follower_of(disk)
    snapshot = venue.stop(with_snapshot=False)
    follow_to_the_end(follower)
    # The engine is about to write this one.
    follower.write_snapshot()
    assert counters_of(follower).digests_compared == 0
    snapshots.write(disk, snapshot)
    follower.advance()
    assert counters_of(follower).digests_compared == 1
    follower.advance()
    assert counters_of(follower).digests_compared == 1


def test_an_engine_that_stops_in_another_state_has_diverged() -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    venue.run(world(1, 300))
    follower = follower_of(disk)
    snapshot = venue.stop(with_snapshot=False)
    snapshots.write(disk, structs.replace(snapshot, state_digest=b"\x01" * 32))
    with pytest.raises(Diverged, match=r"its state has the digest 0101.*, the journal gives"):
        follow_to_the_end(follower)


def test_a_snapshot_that_does_not_give_the_state_of_its_digest_is_passed_over() -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    venue.run(world(1, 300))
    snapshot = venue.stop()
    other = structs.replace(snapshot, sequence=snapshot.sequence + 1)
    for bad in (other, structs.replace(other, state=b"\x93\x01\x02"), structs.replace(other, state=b"")):
        snapshots.write(disk, bad)
        assert newest_start(disk).snapshot_sequence == snapshot.sequence


def test_a_snapshot_newer_than_the_journal_is_a_journal_that_lost_something() -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    entries = world(1, 300)
    venue.run(entries[:50])
    short = disk.copy()
    venue.run(entries[50:])
    venue.writer.seal()
    follow_to_the_end(follower_of(disk, SnapshotPolicy(10, 10**9)))
    for name in snapshots.sequences(disk):
        snapshots.write(short, snapshots.load(disk, name))
    with pytest.raises(Exception, match=r"expected a journal up to|no such segment"):
        recover_venue(short, FakeHistory(), True)  # type: ignore[arg-type]


def test_another_engine_is_not_followed() -> None:
    disk = ModelDisk()
    other = Identity("0.0.1", b"\x07" * 32)
    venue = Journaled(disk, by=other)
    venue.run(world(1, 50))
    venue.writer.seal()
    with pytest.raises(JournalRefused, match=r"was written by engine 0\.0\.1"):
        follow_to_the_end(follower_of(disk))
    assert JournalRefused.exit_code == 64


def test_a_relaxed_journal_is_made_durable_before_a_snapshot_of_it() -> None:
    for seed in range(20):
        disk = ModelDisk(seed)
        venue = Journaled(disk, by=identity(False), relaxed=True)
        venue.run(world(seed, 300))
        venue.writer.seal()
        follower = follower_of(disk, SnapshotPolicy(100, 10**9))
        follow_to_the_end(follower)
        assert state.digest(follower.engine) == state.digest(venue.engine)
        newest = snapshots.sequences(disk)[0]
        disk.lose_power()
        found = recover_venue(disk, FakeHistory(), False, SEGMENT_BYTES)  # type: ignore[arg-type]
        assert found.snapshot_sequence == newest


def test_a_disk_that_takes_no_snapshot_is_tried_again_and_following_goes_on() -> None:
    disk = ModelDisk()
    time = Time()
    venue = Journaled(disk)
    entries = world(1, 600)
    venue.run(entries[:100])
    venue.writer.seal()
    follower = follower_of(disk, SnapshotPolicy(100, 10**9), time)
    disk.before = fail_at("create", 0, errno.ENOSPC)
    follow_to_the_end(follower)
    assert counters_of(follower).snapshots_failed == 1
    time.now_ns += 60 * SECOND_NS
    venue.run(entries[100:])
    venue.writer.seal()
    follow_to_the_end(follower)
    assert counters_of(follower).snapshots_written > 0
    assert follower.engine.sequence == venue.engine.sequence


def test_a_journal_that_cannot_be_made_durable_ends_it() -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    venue.run(world(1, 300))
    venue.writer.seal()
    follower = follower_of(disk, SnapshotPolicy(100, 10**9))
    disk.before = fail_at("fdatasync", 0)
    with pytest.raises(JournalFailed):
        follow_to_the_end(follower)
    assert snapshots.sequences(disk) == []


def test_stopped_it_keeps_its_state_and_goes_on_from_there() -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    entries = world(1, 600)
    venue.run(entries[:80])
    venue.writer.seal()
    turns = iter([False, False, True])
    first = follower_of(disk)
    first.run(lambda: next(turns, True))
    venue.run(entries[80:])
    venue.writer.seal()
    second = follower_of(disk)
    assert second.engine.sequence == first.engine.sequence > 0
    follow_to_the_end(second)
    assert state.digest(second.engine) == state.digest(venue.engine)


def test_over_losses_of_power_a_start_never_finds_a_snapshot_that_the_journal_does_not_reach() -> None:
    """Engine and follower on one machine, snapshots all the time, the power cut anywhere."""
    for seed in range(150):
        disk = ModelDisk(seed)
        chance = Random(seed)
        entries = world(seed, 250)
        disk.before = lose_power_at(chance.randrange(150))
        try:
            venue = Journaled(disk)
            follower = follower_of(disk, SnapshotPolicy(1 + chance.randrange(40), 10**9))
            for batch in batches(entries, 4):
                venue.batch(batch)
                if chance.random() < 0.3:
                    venue.writer.seal()
                if chance.random() < 0.4:
                    follower.advance()
        except PowerLost:
            disk.lose_power()
        else:
            disk.process()
        found = recover_venue(disk, FakeHistory(), True, SEGMENT_BYTES)  # type: ignore[arg-type]
        again = newest_start(disk)
        assert found.engine.sequence >= again.snapshot_sequence
        found.engine.check()


def test_health_follows_the_lag() -> None:
    counters = FollowerCounters()
    assert assess_follower(counters).state is State.RECOVERING
    counters.recovered = True
    assert assess_follower(counters).state is State.ACTIVE
    counters.seen_sequence, counters.sequence, counters.age_ns = 107, 100, 20 * SECOND_NS
    lagging = assess_follower(counters)
    assert lagging.state is State.RECOVERING
    assert lagging.reasons == ("7 commands and 20.0 s behind the journal",)
    # Executed before anybody has looked again how far the journal goes.
    counters.sequence = 109
    assert (counters.newest_sequence, counters.lag_commands, counters.lag_ns) == (109, 0, 0)
    assert assess_follower(counters).state is State.ACTIVE
    counters.stopping = True
    assert assess_follower(counters).state is State.STOPPING


def test_a_follower_that_looks_at_its_journal_no_more_hangs() -> None:
    disk = ModelDisk()
    Journaled(disk).run(world(1, 100))
    time = Time()
    follower = follower_of(disk, time=time)
    counters = counters_of(follower)
    # A snapshot may take as long as it likes to be loaded.
    assert is_at_work(counters, time.now_ns + 10**6 * SECOND_NS)
    for _ in range(2):
        follower.advance()
        assert is_at_work(counters, time.now_ns + FOLLOWER_HUNG_SECONDS * SECOND_NS)
        assert not is_at_work(counters, time.now_ns + FOLLOWER_HUNG_SECONDS * SECOND_NS + 1)
        time.now_ns += 10**6 * SECOND_NS


def test_a_snapshot_in_the_making_is_not_the_engines() -> None:
    disk = ModelDisk()
    venue = Journaled(disk)
    venue.run(world(1, 100))
    venue.writer.seal()
    follower = follower_of(disk, SnapshotPolicy(1, 10**9))
    created: list[str] = []
    create = disk.create

    def watched(name: str) -> int:
        created.append(name)
        return create(name)

    disk.create = watched  # type: ignore[method-assign]
    follow_to_the_end(follower)
    assert created
    assert all(name.endswith(".cms.follower.tmp") for name in created)
    assert snapshot_name(follower.engine.sequence) in disk.list()


def test_a_follower_that_has_diverged_is_not_alive_however_far_behind_it_is() -> None:
    counters = FollowerCounters()
    counters.recovered, counters.seen_sequence, counters.age_ns = True, 7, 20 * 10**9
    assert assess_follower(counters).alive
    counters.diverged = 1
    assert not assess_follower(counters).alive
