"""A disk that fails one call of a running engine and then says that all is well: the kernel's lie."""

import errno
from pathlib import Path

import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal_tools import replay
from carbonmatch.matching.messages import NewOrder, Ref, Side
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process
from tests.faults.faults import Faults
from tests.faults.one_failure import Failure, fail_once

FAILURES = [
    Failure("sync", 1, errno.EIO),
    Failure("sync", 7, errno.ENOSPC, in_flight=20),
    Failure("write", 6, errno.EIO),
]


@pytest.mark.parametrize("failure", FAILURES, ids=str)
async def test_a_failed_call_ends_the_engine_with_nothing_answered_over_it(
    process: Process, tmp_path: Path, failure: Failure
) -> None:
    await fail_once(process, Faults(tmp_path), failure)


async def test_a_disk_that_takes_a_byte_at_a_time_is_only_slow(process: Process, tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    process.environment = faults.environment
    await process.start()
    async with process.wire("alice") as alice:
        for bytes_max in (1, 64):
            faults.shorten_writes(bytes_max)
            writes = faults.writes
            alice.send(*(NewOrder(Ref(bytes_max + one), EUA, Side.BUY, 10, 7000) for one in range(1, 11)))
            await alice.reports(10)
            assert faults.writes > writes + 1
    await process.kill()
    process.environment = {}
    await process.start()
    async with process.wire("alice", next_seq=1) as alice:
        assert len(await alice.reports(20)) == 20
    assert await process.stop() == ExitCode.DONE
    replay(process.directory)
