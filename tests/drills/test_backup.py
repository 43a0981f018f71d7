"""docs/backup.md, done: a copy of a busy venue, restored elsewhere; a venue without its snapshots."""

import asyncio
import shutil
from pathlib import Path

import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalRefused
from carbonmatch.journal.segments import segment_numbers
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal_tools import back_up, check_start, replay
from carbonmatch.matching.messages import NewOrder, Ref, RejectReason, Side, TimeInForce
from carbonmatch.protocol.messages import LogonRejected
from tests.end_to_end.following import FollowerProcess
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process


def small_segments(directory: Path) -> Process:
    """A venue whose segments are full in no time."""
    process = Process(directory)
    process.program = ["-m", "tests.faults.engine", "--segment-kib", "64"]
    return process


async def test_a_copy_of_a_busy_venue_starts_elsewhere_and_has_all_that_was_answered(tmp_path: Path) -> None:
    process = small_segments(tmp_path / "journal")
    follower = FollowerProcess(process.directory, tmp_path / "follower.log")
    loop = asyncio.get_running_loop()

    def in_use() -> int:
        """The newest segment that there is, two behind that which is written."""
        return segment_numbers(DiskStorage(process.directory))[-1]

    await process.start()
    await follower.start("--snapshot-commands", "100")
    try:
        async with process.wire("alice") as alice, process.wire("bob") as bob:
            alice.send(*(orders(1, 20)))
            told = await alice.reports(20)
            sent = 0

            async def go_on() -> None:
                """Begin another segment, and have a snapshot of what is in it."""
                nonlocal sent
                newest = in_use()
                while in_use() == newest:
                    bob.send(*orders(sent + 1, 100))
                    sent += 100
                    await bob.reports(100)
                await follower.until("snapshot_sequence", sent)

            await go_on()
            answered = sent + len(told)
            names: list[str] = []

            def on_file(name: str) -> None:
                names.append(name)
                asyncio.run_coroutine_threadsafe(go_on(), loop).result(60)

            before = in_use()
            copied = await asyncio.to_thread(back_up, process.directory, tmp_path / "copy", on_file)
            assert in_use() > before + 3
        assert copied.last_sequence >= answered
    finally:
        follower.clean_up()
    # The machine is gone, with all that was on it.
    await process.kill()
    shutil.rmtree(process.directory)

    found = check_start(tmp_path / "copy", print)
    assert found.sequence == copied.last_sequence
    assert found.snapshot_sequence > 0
    assert found.state_digest == replay(tmp_path / "copy").state_digest
    restored = small_segments(tmp_path / "elsewhere")
    shutil.copytree(tmp_path / "copy", restored.directory)
    await restored.start()
    assert restored.events("recovered")[0]["sequence"] == found.sequence
    async with restored.wire("alice", next_seq=1) as alice:
        assert (await alice.reports(20)) == told
    # Of whoever had more than the copy, this venue says how much it knows of.
    async with restored.wire() as bob:
        answer = await bob.log_on("bob", sent + 2)
        assert isinstance(answer, LogonRejected)
        assert answer.reason is RejectReason.NEXT_SEQ_IN_FUTURE
    assert await restored.stop() == ExitCode.DONE


def orders(first: int, count: int) -> list[NewOrder]:
    return [
        NewOrder(Ref(ref), EUA, Side.BUY, 1, 7000, time_in_force=TimeInForce.GTC)
        for ref in range(first, first + count)
    ]


def test_a_copy_goes_into_an_empty_place_only(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "older").touch()
    with pytest.raises(JournalRefused, match="not empty"):
        back_up(tmp_path / "journal", tmp_path / "copy")


async def test_a_venue_that_has_lost_its_snapshots_starts_from_its_journal_with_the_same_state(
    tmp_path: Path,
) -> None:
    process = Process(tmp_path / "journal")
    await process.start()
    async with process.wire("alice") as alice:
        alice.send(*orders(1, 50))
        await alice.reports(50)
    assert await process.stop() == ExitCode.DONE
    (stopped,) = process.events("stopped")
    with_snapshots = check_start(process.directory, print)
    assert (with_snapshots.commands, with_snapshots.state_digest.hex()) == (0, stopped["digest"])
    storage = DiskStorage(process.directory)
    for sequence in snapshots.sequences(storage):
        storage.remove(snapshots.snapshot_name(sequence))
    without = check_start(process.directory, print)
    assert without.snapshot_sequence == 0
    assert without.commands == without.sequence == with_snapshots.sequence
    assert without.state_digest == with_snapshots.state_digest
    await process.start()
    assert process.events("recovered")[0]["commands"] == without.commands
    assert await process.stop() == ExitCode.DONE


@pytest.mark.parametrize("place", ["journal", "journal/copy", "journal/copy/of/today"])
def test_a_copy_in_the_journals_own_directory_is_refused_and_nothing_is_made(
    tmp_path: Path, place: str
) -> None:
    journal = tmp_path / "journal"
    journal.mkdir()
    with pytest.raises(JournalRefused, match="in the journal's own directory"):
        back_up(journal, tmp_path / place)
    assert list(journal.iterdir()) == []
