"""Odd starts and odd stops of a real process: each ends with its exit code, and the next start goes well."""

import signal
from pathlib import Path

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal_tools import replay
from carbonmatch.matching.messages import NewOrder, Ref, Side
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process
from tests.end_to_end.wire import SECONDS_MAX
from tests.faults.disks import remount, small_disk
from tests.faults.faults import Faults


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


def patched(*lines: str) -> list[str]:
    """What Python runs: the engine, after these lines."""
    return ["-c", "\n".join([*lines, "from carbonmatch.cli import main", "main()"])]


async def test_a_directory_that_may_not_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024) as disk:
        process = Process(disk / "journal", tmp_path / "venue")
        process.program = ["-m", "tests.faults.engine", "--segment-kib", "64"]
        await process.start()
        assert await process.stop() == ExitCode.DONE
        remount(disk, "ro")
        status, word = await process.refused()
        assert status == ExitCode.STORAGE_UNUSABLE
        assert word == (
            f"carbonmatch: {process.directory}: Read-only file system; the venue has to own its journal's "
            "directory, and write to it"
        )
        remount(disk, "rw")
        await process.start()
        assert await process.stop() == ExitCode.DONE


async def test_a_file_in_the_place_of_the_directory_is_said_in_one_line(process: Process) -> None:
    process.directory.touch()
    status, word = await process.refused()
    assert status == ExitCode.STORAGE_UNUSABLE
    assert word == f"carbonmatch: {process.directory}: no directory, and a journal needs one of its own"


async def test_a_journal_of_another_version_is_refused_until_that_one_has_stopped_cleanly(
    process: Process,
) -> None:
    older = patched("import carbonmatch", "carbonmatch.__version__ = '0.0.9'")
    process.program, proper = older, process.program
    await process.start()
    async with process.wire("alice") as alice:
        alice.send(buy(1))
        await alice.reports(1)
    await process.kill()
    process.program = proper
    status, word = await process.refused()
    assert status == ExitCode.JOURNAL_REFUSED
    assert "was written by engine 0.0.9" in word
    assert word.endswith("then start this one from the snapshot")

    process.program = older
    await process.start()
    assert await process.stop() == ExitCode.DONE
    process.program = proper
    await process.start()
    async with process.wire("alice") as alice:
        assert alice.accepted.last_ref == 1
    assert await process.stop() == ExitCode.DONE


async def test_a_clock_that_went_back_between_two_runs_changes_no_order_of_things(process: Process) -> None:
    await process.start()
    async with process.wire("alice") as alice:
        alice.send(buy(1))
        (before,) = await alice.reports(1)
    await process.kill()
    an_hour_back = ("import time", "now = time.time_ns", "time.time_ns = lambda: now() - 3600 * 10**9")
    process.program = patched(*an_hour_back)
    await process.start()
    async with process.wire("alice", next_seq=2) as alice:
        alice.send(buy(2))
        (after,) = await alice.reports(1)
        assert (after.seq, after.time_ns >= before.time_ns) == (2, True)
    assert await process.stop() == ExitCode.DONE
    replay(process.directory)


async def test_a_second_signal_does_not_wait(process: Process, tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    process.environment = faults.environment
    await process.start()
    async with process.wire("alice") as alice:
        alice.send(buy(1))
        await alice.reports(1)
        faults.delay_syncs(SECONDS_MAX)
        alice.send(buy(2))
        await process.said("session_logged_on")
        process.signal(signal.SIGTERM)
        await process.said("stopping")
        process.signal(signal.SIGTERM)
        assert await process.wait() == ExitCode.TERMINATED
    process.environment = {}
    await process.start()
    async with process.wire("alice") as alice:
        assert alice.accepted.last_ref >= 1
    assert await process.stop() == ExitCode.DONE


async def test_a_venue_that_still_recovers_is_stopped_at_once(process: Process) -> None:
    process.program, proper = (
        patched(
            "import sys, time",
            "from carbonmatch.server import service",
            # No event of the venue's: it has the form of a library's line.
            "import json",
            'said = json.dumps({"event": "recovering", "text": "held"})',
            "def held(*_, **how): print(said, file=sys.stderr, flush=True); time.sleep(60)",
            "service.recover_venue = held",
        ),
        process.program,
    )
    process.spawn()
    await process.said("recovering")
    process.signal(signal.SIGTERM)
    assert await process.wait() == ExitCode.DONE
    await process.said("stopped_while_recovering")
    process.program = proper
    await process.start()
    assert await process.stop() == ExitCode.DONE
