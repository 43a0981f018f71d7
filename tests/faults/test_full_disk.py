"""A disk without room under a running engine, and at a start; a process without files or file size left."""

import asyncio
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal_tools import replay, verify
from carbonmatch.limits import SPARE_SEGMENTS
from carbonmatch.matching.messages import (
    Accepted,
    Cancel,
    Canceled,
    MassCancel,
    MassCanceled,
    MassCancelScope,
    NewOrder,
    OrderStatusRequest,
    Ref,
    RejectReason,
    Side,
    StatusEnd,
)
from carbonmatch.protocol.messages import SessionRejected
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process
from tests.end_to_end.wire import SECONDS_MAX, Wire
from tests.faults.disks import fill, free, small_disk

# The venue looks at its disk ten times a second: this is a few times what it writes meanwhile.
SEGMENT_KIB = 2048
DISK_KIB = 8 * SEGMENT_KIB
FRAME = 100


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", DISK_KIB) as disk:
        yield disk


@pytest.fixture
def process(disk: Path, tmp_path: Path) -> Iterator[Process]:
    """On the small disk, with its log elsewhere."""
    one = Process(disk / "journal", tmp_path / "venue")
    one.program = ["-m", "tests.faults.engine", "--segment-kib", str(SEGMENT_KIB)]
    yield one
    one.clean_up()


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


async def start_whole(process: Process) -> None:
    """Start, and wait until all that is made ahead has been made."""
    await process.start()
    async with asyncio.timeout(SECONDS_MAX):
        while await metric(process, "journal_spare_segments") < SPARE_SEGMENTS:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def start_and_fill(process: Process, disk: Path) -> None:
    await start_whole(process)
    fill(disk)


async def trade_until_refused(wire: Wire, ref: int) -> int:
    """Fill the journal with orders until the venue takes no more; the first ref that was refused."""
    while True:
        wire.send(*(buy(ref + one) for one in range(FRAME)))
        reports = await wire.reports(FRAME)
        refused = [report for report in reports if isinstance(report, SessionRejected)]
        if refused:
            assert {report.reason for report in refused} == {RejectReason.DEGRADED_STORAGE}
            return int(refused[0].ref)
        ref += FRAME


async def test_a_full_disk_refuses_orders_takes_cancels_and_is_forgotten_once_there_is_room(
    process: Process, disk: Path
) -> None:
    await start_and_fill(process, disk)
    async with process.wire("alice") as alice, process.wire("bob") as bob:
        bob.send(buy(1))
        await bob.reports(1)
        refused = await trade_until_refused(alice, 1)
        assert refused > 2 * FRAME, "refused with room left in the segment and the spares"
        said = await process.said("state_changed", state="DEGRADED")
        reason = "no journal segment can be made (No space left on device), 1 made ahead left"
        assert reason in said["reasons"]
        alice.send(Cancel(Ref(refused), order_ref=Ref(1)))
        (canceled,) = await alice.reports(1)
        assert isinstance(canceled, Canceled)

        # What finds nothing writes nothing: more of it than would fit into all that is left.
        written = await metric(process, "journal_bytes_total")
        ref = refused + 1
        for _ in range(100):
            bob.send(*(Cancel(Ref(ref + one), order_ref=Ref(99)) for one in range(FRAME)))
            refusals = await bob.reports(FRAME)
            assert {report.reason for report in refusals} == {RejectReason.DEGRADED_STORAGE}
            ref += FRAME
        assert await metric(process, "journal_bytes_total") - written < 1024, "refusals were journaled"

        free(disk)
        await process.said("state_changed", state="ACTIVE")
        bob.send(Cancel(Ref(ref), order_ref=Ref(1)), buy(ref + 1))
        canceled, accepted = await bob.reports(2)
        assert isinstance(canceled, Canceled)
        assert isinstance(accepted, Accepted)
    assert await process.stop() == ExitCode.DONE
    assert verify(process.directory).closed
    replay(process.directory)


async def test_a_full_disk_is_started_on_and_cancelled_on_until_its_last_spare_is_used(
    process: Process, disk: Path
) -> None:
    await start_and_fill(process, disk)
    async with process.wire("alice") as alice:
        refused = await trade_until_refused(alice, 1)
    await process.kill()
    before = replay(process.directory).state_digest

    await process.start()
    await process.said("state_changed", state="DEGRADED")
    async with process.wire("alice", next_seq=1) as alice:
        assert alice.accepted.last_ref == refused - 1
    async with process.wire("alice") as alice:
        alice.send(buy(refused), Cancel(Ref(refused + 1), order_ref=Ref(1)))
        assert {type(report) for report in await alice.reports(2)} == {SessionRejected, Canceled}
        alice.send(MassCancel(Ref(refused + 2), MassCancelScope.SESSION))
        reports: list[Any] = []
        while not reports or not isinstance(reports[-1], MassCanceled):
            reports += await alice.frame()
        assert reports[-1].count == refused - 2
    await process.kill()
    after = replay(process.directory)
    assert after.state_digest != before

    # A start needs a segment to go on in, and there is none left, nor room for one.
    names = sorted(path.name for path in process.directory.iterdir())
    status, word = await process.refused()
    assert status == ExitCode.STORAGE_UNUSABLE
    assert word == (
        f"carbonmatch: {process.directory}: No space left on device; a start needs room for a journal "
        "segment: free some and start again"
    )
    assert sorted(path.name for path in process.directory.iterdir()) == names
    free(disk)
    await process.start()
    async with process.wire("alice") as alice:
        assert alice.accepted.last_ref == refused + 2
        alice.send(OrderStatusRequest(Ref(refused + 3)))
        (end,) = await alice.reports(1)
        assert isinstance(end, StatusEnd)
        assert end.count == 0
    assert await process.stop() == ExitCode.DONE
    # Of the starts, the one that found room has journaled its seed; and the request.
    assert replay(process.directory).commands == after.commands + 2


async def test_a_first_start_on_a_full_disk_says_what_it_needs(process: Process, disk: Path) -> None:
    fill(disk, but_kib=16)
    status, word = await process.refused()
    assert status == ExitCode.STORAGE_UNUSABLE
    assert word.endswith("a start needs room for a journal segment: free some and start again")
    free(disk)
    await process.start()
    assert await process.stop() == ExitCode.DONE


async def test_a_stop_without_room_for_a_snapshot_is_a_clean_one(process: Process, disk: Path) -> None:
    await start_and_fill(process, disk)
    async with process.wire("alice") as alice:
        refused = await trade_until_refused(alice, 1)
    assert await process.stop() == ExitCode.DONE
    assert "No space left" in process.events("snapshot_failed")[0]["text"]
    assert verify(process.directory).closed
    free(disk)
    await process.start()
    async with process.wire("alice") as alice:
        assert alice.accepted.last_ref == refused - 1


async def test_a_process_without_file_descriptors_goes_on(process: Process) -> None:
    """Segments are opened ahead, and each that ends gives its descriptor to the next one that is made."""
    await start_whole(process)
    async with process.wire("alice") as alice:
        alice.send(buy(1))
        await alice.reports(1)
        limit = limits_of(process, resource.RLIMIT_NOFILE)
        # So that not even the lowest number that is free may be used.
        used = {int(name) for name in os.listdir(f"/proc/{process.pid}/fd")}  # noqa: PTH208
        lowest = min(set(range(len(used) + 1)) - used)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (lowest, limit[1]))
        written = await asyncio.to_thread(journal_segments, process.directory)
        ref = 2
        while await asyncio.to_thread(journal_segments, process.directory) < written + 2:
            alice.send(*(buy(ref + one) for one in range(FRAME)))
            assert {type(report) for report in await alice.reports(FRAME)} == {Accepted}
            ref += FRAME
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limit)
    assert await process.stop() == ExitCode.DONE
    assert not process.events("state_changed")


async def test_a_process_that_may_not_write_on_ends_and_starts_again(process: Process) -> None:
    """RLIMIT_FSIZE: a short write, and then an error."""
    # A spare that is still being made when the limit comes cannot be made any more: then every order would be
    # refused, and nothing written that could fail.
    await start_whole(process)
    async with process.wire("alice") as alice:
        answered = 0
        alice.send(buy(1))
        await alice.reports(1)
        limit = limits_of(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (SEGMENT_KIB * 1024 // 2 + 100, limit[1]))
        ref = 2
        try:
            while True:
                alice.send(*(buy(ref + one) for one in range(FRAME)))
                answered = (await alice.reports(FRAME))[-1].ref
                ref += FRAME
        except (EOFError, ConnectionError):
            pass
    assert await process.wait() == ExitCode.STORAGE_FAILED
    assert "File too large" in process.events("journal_failed")[0]["text"]
    await process.start()
    async with process.wire("alice") as alice:
        assert answered == alice.accepted.last_ref
    (recovered,) = process.events("recovered")
    assert recovered["torn_bytes"] > 0, "the write was not cut short"
    assert await process.stop() == ExitCode.DONE


def limits_of(process: Process, which: int) -> tuple[int, int]:
    return resource.prlimit(process.pid, which)


async def metric(process: Process, name: str) -> float:
    _, body = await process.get("/metrics")
    lines = (line.split() for line in body.splitlines() if not line.startswith("#"))
    return next(float(line[1]) for line in lines if line[0] == f"carbonmatch_{name}")


def journal_segments(directory: Path) -> int:
    return len(list(directory.glob("*.cmj")))
