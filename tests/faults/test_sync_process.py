"""The process that syncs the journal is ended under a running engine."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.matching.messages import NewOrder, Ref, Side
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process
from tests.end_to_end.wire import SECONDS_MAX
from tests.faults.faults import Faults

# Trusts its disk from the start, so the process syncs from the first batch of two sessions on.
ENGINE = ["-m", "tests.faults.engine", "--trust"]


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


def sync_process(process: Process) -> int:
    """Its id."""
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        if b"server/syncing.py" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    raise AssertionError("the engine has a process that syncs")


async def test_the_engine_goes_on_without_it(process: Process) -> None:
    process.program = ENGINE
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob"):
        alice.send(buy(1))
        await alice.reports(1)
        ended = sync_process(process)
        os.kill(ended, signal.SIGKILL)
        assert await process.said("sync_process_ended", process=ended)
        for ref in (2, 3):
            alice.send(buy(ref))
            assert [report.ref for report in await alice.reports(1)] == [ref]
    assert await process.stop() == ExitCode.DONE


async def test_the_engine_ends_where_it_may_have_missed_the_failure_of_a_sync(
    process: Process, tmp_path: Path
) -> None:
    faults = Faults(tmp_path)
    process.environment = faults.environment
    process.program = ENGINE
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob") as bob:
        alice.send(buy(1))
        await alice.reports(1)
        ended = sync_process(process)
        faults.delay_syncs(SECONDS_MAX)
        alice.send(buy(2))
        assert await bob.settle() == []
        os.kill(ended, signal.SIGKILL)
        assert await process.wait() == ExitCode.STORAGE_FAILED
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError, EOFError)):
            await alice.reports(1)


async def test_an_engine_that_was_paused_in_the_middle_of_a_sync_goes_on(
    process: Process, tmp_path: Path
) -> None:
    faults = Faults(tmp_path)
    process.environment = faults.environment
    process.program = [*ENGINE, "--dead-seconds", "0.8"]
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob") as bob:
        alice.send(buy(1))
        await alice.reports(1)
        processes = [process.pid, sync_process(process)]
        faults.delay_syncs(0.1)
        alice.send(buy(2))
        assert await bob.settle() == []
        for one in processes:
            os.kill(one, signal.SIGSTOP)
        # Longer than a disk may take, which is what is tried.
        await asyncio.sleep(1.2)
        # The engine is first to look.
        for one in processes:
            os.kill(one, signal.SIGCONT)
        assert [report.ref for report in await alice.reports(1)] == [2]
    assert await process.stop() == ExitCode.DONE
