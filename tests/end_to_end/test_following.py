"""The real follower beside the real engine: killed, stopped, started late, and lied to."""

import asyncio
import io
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.segments import Identity, segment_numbers
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal_tools import archive_segments, export, replay, verify
from carbonmatch.matching.messages import NewOrder, Ref, Side, TimeInForce
from carbonmatch.protocol.messages import LogoutReason
from tests.end_to_end.following import FollowerProcess
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Addresses, Process, eventually, running
from tests.server.journaled import Journaled, batches, world


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[FollowerProcess]:
    one = FollowerProcess(tmp_path / "journal", tmp_path / "follower.log")
    yield one
    one.clean_up()


async def trade(at: Addresses, frames: int, settled: bool = True) -> None:
    """Alice and Bob send orders that meet; not `settled`: the last of them may be on their way."""
    async with at.wire("alice") as alice, at.wire("bob") as bob:
        refs = {wire: int(wire.accepted.last_ref) for wire in (alice, bob)}
        for _ in range(frames):
            for wire, side in ((alice, Side.BUY), (bob, Side.SELL)):
                orders = [
                    NewOrder(Ref(refs[wire] + n), EUA, side, 1 + n % 3, 7000, time_in_force=TimeInForce.GTC)
                    for n in range(1, 101)
                ]
                refs[wire] += len(orders)
                wire.send(*orders)
            if settled:
                await alice.settle()
                await bob.settle()
            else:
                await asyncio.sleep(0)


async def test_over_kills_of_both_they_come_to_the_same_state(
    process: Process, follower: FollowerProcess
) -> None:
    await process.start()
    await follower.start("--snapshot-commands", "500")
    for _ in range(2):
        await trade(process, 20)
        await trade(process, 20, settled=False)
        await process.kill()
        await process.start()
    await trade(process, 10)
    await follower.until("snapshots_written_total", 1)
    await follower.kill()
    await trade(process, 10)
    await follower.start("--snapshot-commands", "500")
    # It did not begin with the first command again.
    assert follower.events("ready")[0]["snapshot_sequence"] > 0
    await trade(process, 10)
    assert await process.stop() == 0
    (stopped,) = process.events("stopped")
    await follower.until("digests_compared_total", 1)
    assert await follower.metric("sequence") == stopped["sequence"]
    assert await follower.metric("lag_commands") == await follower.metric("diverged") == 0
    assert (await follower.page("/readyz"))[0] == (await follower.page("/healthz"))[0] == 200
    assert follower.events("digest_compared")[-1]["digest"] == stopped["digest"]
    assert await follower.stop() == 0
    for sequence in (0, *snapshots.sequences(DiskStorage(process.directory))):
        assert replay(process.directory, from_snapshot=sequence).state_digest.hex() == stopped["digest"]


async def test_the_engine_starts_behind_the_followers_snapshot_and_has_all_of_the_past(
    process: Process, follower: FollowerProcess
) -> None:
    await process.start()
    await trade(process, 10)
    await follower.start()
    (ready,) = process.events("ready")
    await follower.until("sequence", ready["sequence"] + 10 * 200)
    assert await follower.stop() == 0
    (written,) = follower.events("snapshot_written")
    await trade(process, 5)
    await process.kill()
    await process.start()
    (recovered,) = process.events("recovered")
    assert recovered["snapshot_sequence"] == written["sequence"]
    assert 0 < recovered["commands"] < recovered["sequence"]
    # Reports from before the snapshot, too.
    async with process.wire("alice", next_seq=1) as alice:
        assert (await alice.frame())[0].seq == 1
    assert await process.stop() == 0


async def test_what_was_archived_is_said_to_be_lost_and_proven_with_the_archive(tmp_path: Path) -> None:
    directory, archive = tmp_path / "journal", tmp_path / "archive"
    follower = FollowerProcess(directory, tmp_path / "follower.log")
    try:
        async with running(directory) as venue:
            await trade(venue, 150)
            await follower.start("--snapshot-commands", "3000", "--archive", str(archive))
            await follower.until("segments_archived_total", 1)
            commands = venue.engine.sequence
        assert await follower.stop() == 0
    finally:
        follower.clean_up()
    first = segment_numbers(DiskStorage(directory))[0]
    assert first > 1
    # The venue starts from what is left, and both together are the journal from its first command on.
    async with running(directory) as venue:
        # A start journals the seed that the ends of auctions are drawn from.
        commands += 1
        assert venue.engine.sequence == commands
        async with venue.wire("alice", next_seq=1) as alice:
            lost = await alice.goodbye()
        assert lost.reason is LogoutReason.HISTORY_LOST
        available = int(lost.text.rpartition(" ")[2])
        async with venue.wire("alice", next_seq=available) as alice:
            assert (await alice.frame())[0].seq == available
        # Nor is a command whose answer only the archive has said never to have been applied.
        async with venue.wire("alice") as alice:
            alice.send(NewOrder(Ref(1), EUA, Side.BUY, 1, 7000))
            assert (await alice.goodbye()).reason is LogoutReason.HISTORY_LOST
    assert verify(directory).first_segment == first
    whole = verify(directory, archive=archive)
    assert (whole.first_segment, whole.first_sequence, whole.commands) == (1, 1, commands)
    assert whole.snapshots == len(snapshots.sequences(DiskStorage(directory)))
    replayed = replay(directory, archive=archive)
    assert replayed.commands == commands
    assert replayed.state_digest == snapshots.load(DiskStorage(directory), commands).state_digest
    with pytest.raises(JournalDamaged, match="expected segments from sequence 1 on"):
        export(directory, io.StringIO())
    assert export(directory, io.StringIO(), archive=archive)


async def test_another_mode_of_an_engine_that_did_nothing_is_no_difference(
    tmp_path: Path, follower: FollowerProcess
) -> None:
    directory = tmp_path / "journal"
    async with running(directory):
        pass
    async with running(directory, sync="relaxed"):
        await follower.start()
    await follower.until("digests_compared_total", 1)
    assert await follower.stop() == 0


async def test_a_flipped_field_stops_it_at_that_command_with_its_snapshots_kept(
    follower: FollowerProcess,
) -> None:
    venue = Journaled(DiskStorage(follower.directory), 1 << 20)
    entries = world(3, 600)
    wrong = next(entry for entry in entries[60:] if entry.session_id)
    for batch in batches(entries, 3):
        venue.batch(batch, forge=wrong.first_sequence if wrong in batch else 0)
    venue.writer.seal()
    follower.spawn("--snapshot-commands", "50")
    await eventually(lambda: bool(follower.events("diverged")))
    # Until it is told to stop, or for a while: long enough for a monitor to look.
    assert await follower.metric("diverged") == 1
    assert (await follower.page("/healthz"))[0] == 503
    assert await follower.stop() == 66
    line = follower.log.read_text().splitlines()[-1]
    assert f"sequence {wrong.first_sequence}: command {wrong.first_sequence} gave other reports" in line
    assert line.startswith("carbonmatch: 0000000001.cmj, byte ")
    assert follower.events("diverged")
    kept = snapshots.sequences(DiskStorage(follower.directory))
    assert kept
    assert kept[0] < wrong.first_sequence


async def test_it_refuses_what_is_not_its_own(follower: FollowerProcess, tmp_path: Path) -> None:
    status, line = await follower.refused()
    assert (status, line) == (
        64,
        f"carbonmatch: {follower.directory}: no such directory; start the venue first",
    )
    venue = Journaled(DiskStorage(follower.directory), 1 << 20, by=Identity("0.0.1", b"\x07" * 32))
    venue.run(world(3, 50))
    venue.writer.seal()
    status, line = await follower.refused()
    assert status == 64
    assert "was written by engine 0.0.1" in line

    other = FollowerProcess(tmp_path / "other", tmp_path / "first.log")
    second = FollowerProcess(tmp_path / "other", tmp_path / "second.log")
    (tmp_path / "other").mkdir()
    try:
        # There is no journal yet: it waits for one.
        await other.start()
        status, line = await second.refused()
        assert (status, line.rpartition(": ")[2]) == (64, "another follower is there already")
        assert await other.stop() == 0
    finally:
        other.clean_up()


async def test_a_reload_that_is_told_to_both_processes_does_not_end_the_follower(
    process: Process, follower: FollowerProcess
) -> None:
    await process.start()
    await follower.start()
    follower.signal(signal.SIGHUP)
    await eventually(lambda: bool(follower.events("reload_ignored")))
    await trade(process, 1)
    await follower.until("commands_total", 200)
    assert await follower.stop() == 0


async def test_archiving_by_hand_leaves_what_a_living_follower_has_not_read(
    process: Process, follower: FollowerProcess
) -> None:
    """It is held still, as on a machine that is too slow, while the venue stops again and again."""
    await process.start()
    await follower.start()
    await trade(process, 1)
    await follower.until("commands_total", 200)
    follower.signal(signal.SIGSTOP)
    for _ in range(3):
        await trade(process, 1)
        await process.stop()
        await process.start()
    held = archive_segments(process.directory, process.directory.parent / "archive")
    assert held.segments == []
    assert held.held_back_at == 1
    follower.signal(signal.SIGCONT)
    await follower.until("commands_total", 800)
    assert await follower.stop() == 0
    assert archive_segments(process.directory, process.directory.parent / "archive").segments
    assert await process.stop() == 0
