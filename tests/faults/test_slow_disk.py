"""A disk that takes its time under a running engine: orders are refused, everything else goes on."""

from pathlib import Path

import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.matching.messages import Cancel, NewOrder, Ref, RejectReason, Side
from carbonmatch.protocol.messages import SessionRejected
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process
from tests.end_to_end.wire import SECONDS_MAX
from tests.faults.faults import Faults

ENGINE = ["-m", "tests.faults.engine", "--stall-seconds", "0.3", "--trust"]


@pytest.fixture
def faults(process: Process, tmp_path: Path) -> Faults:
    faults = Faults(tmp_path)
    process.environment = faults.environment
    return faults


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


async def test_a_stalled_disk_refuses_orders_and_takes_cancels_and_heartbeats(
    process: Process, faults: Faults
) -> None:
    process.program = ENGINE
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob") as bob:
        # Alone at work: were the loop to wait for the disk, it would wait now.
        for ref in (1, 2, 3):
            alice.send(buy(ref))
            await alice.reports(1)
        faults.delay_syncs(SECONDS_MAX)
        alice.send(buy(4))
        await bob.settle()
        await process.said("state_changed", state="DEGRADED")
        bob.send(buy(1))
        alice.send(Cancel(Ref(5), order_ref=Ref(1)))
        assert await bob.settle() == [[SessionRejected(Ref(1), RejectReason.DEGRADED_STORAGE)]]
        assert await alice.settle() == [], "answered before the disk had it"
        faults.delay_syncs(0)
        assert [report.ref for report in await alice.reports(2)] == [4, 5]
        await process.said("state_changed", state="ACTIVE")
        bob.send(buy(2))
        assert [report.ref for report in await bob.reports(1)] == [2]
    assert await process.stop() == ExitCode.DONE


@pytest.mark.parametrize("alone", [True, False])
async def test_a_disk_that_does_not_answer_at_all_ends_the_engine(
    process: Process, faults: Faults, alone: bool
) -> None:
    """Whoever waits for it: the loop, for its only session, or the journal's thread."""
    process.program = [*(ENGINE if alone else ENGINE[:-1]), "--dead-seconds", "0.8"]
    await process.start()
    async with process.wire("alice") as alice:
        alice.send(buy(1))
        await alice.reports(1)
        faults.delay_syncs(SECONDS_MAX)
        alice.send(buy(2))
        assert await process.wait() == ExitCode.STORAGE_FAILED
        assert await alice.ended(), "nothing was told"
    (said,) = process.events("journal_failed") if alone else process.events("journal_dead")
    assert said["level"] == "error"


async def test_a_stop_that_the_disk_does_not_answer_is_the_disks_failure(
    process: Process, faults: Faults
) -> None:
    process.program = [*ENGINE, "--stop-seconds", "0.5"]
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob") as bob:
        faults.delay_syncs(SECONDS_MAX)
        alice.send(buy(1))
        await bob.settle()
        await alice.settle()
        assert await process.stop() == ExitCode.STORAGE_FAILED
        assert await alice.ended(), "nothing was told"
    assert process.log.read_text().splitlines()[-1].startswith("carbonmatch: the disk has not answered")
