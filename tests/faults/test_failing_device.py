"""A device that really fails: the kernel's own error, its page cache, and its silence afterwards."""

import asyncio
from pathlib import Path

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal_tools import replay, verify
from carbonmatch.matching.messages import Accepted, NewOrder, Ref, Side
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process
from tests.faults.disks import exhaust, failing_disk, free
from tests.faults.test_full_disk import start_whole

SEGMENT_KIB = 1024
FRAME = 50


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


class Believing(DiskStorage):
    """Reads what the page cache shows, whatever the device has."""

    def forget_cache(self, file: int) -> None:
        pass


def last_sequence_shown(journal: Path) -> int:
    """Of the last whole record, as a process would see it that does not ask the device."""
    storage = Believing(journal)
    last = 0
    try:
        for record in JournalScan(storage):
            last = record.next_sequence - 1
    finally:
        storage.release()
    return last


async def test_a_device_that_fails_a_sync_ends_the_engine_and_no_phantom_comes_back(tmp_path: Path) -> None:
    """The page cache still shows what the device never took: a start must not believe it."""
    with failing_disk(tmp_path, 24 * 1024) as (disk, backing):
        process = Process(disk / "journal", tmp_path / "venue")
        process.program = ["-m", "tests.faults.engine", "--segment-kib", str(SEGMENT_KIB)]
        try:
            await start_whole(process)
            async with process.wire("alice") as alice:
                alice.send(buy(1))
                answered = (await alice.reports(1))[-1].ref
                # What is zero needs no room any more, and gets none when it is written.
                await asyncio.to_thread(exhaust, backing)
                try:
                    while True:
                        alice.send(*(buy(answered + one) for one in range(1, FRAME + 1)))
                        reports = await alice.reports(FRAME)
                        assert {type(report) for report in reports} == {Accepted}
                        answered = reports[-1].ref
                except (EOFError, ConnectionError):
                    pass
            assert await process.wait() == ExitCode.STORAGE_FAILED
            shown = last_sequence_shown(process.directory)
            await asyncio.to_thread(free, backing)
            await process.start()
            (recovered,) = process.events("recovered")
            assert recovered["sequence"] < shown, "nothing here that a start could have believed"
            async with process.wire("alice") as alice:
                assert alice.accepted.last_ref == answered
            assert await process.stop() == ExitCode.DONE
            assert verify(process.directory).closed
            replay(process.directory)
        finally:
            process.clean_up()
