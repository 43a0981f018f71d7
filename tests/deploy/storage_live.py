"""Alerts about the disk, as tests/deploy/alerts_live.py has them: one that is slow, and one that fills."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbonmatch.limits import FRAME_MESSAGES_MAX
from tests.deploy.alerts_live import buy
from tests.deploy.causes import caused
from tests.deploy.observed import Observed, observed
from tests.deploy.prometheus import until
from tests.deploy.short import shortened
from tests.end_to_end.running import Process
from tests.faults.disks import fill, free, small_disk
from tests.faults.faults import Faults

SEGMENT_KIB = 512
DISK_KIB = 16 * SEGMENT_KIB
# So much goes at each look.
STEP_KIB = 32


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    return Faults(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, faults: Faults) -> Iterator[Observed]:
    """A venue whose disk takes as long as a test likes."""

    def process(at: Path) -> Process:
        one = Process(at / "journal", at / "engine")
        one.environment = faults.environment
        one.program = ["-m", "tests.faults.engine", "--dead-seconds", "60"]
        return one

    with observed(tmp_path_factory.mktemp("slow"), rules=shortened, process=process) as one:
        one.load.disturbed = True
        yield one


def test_a_disk_that_is_slow(slow: Observed, faults: Faults) -> None:
    names = ("CarbonmatchCommitSlow", "CarbonmatchLatencyBurnFast", "CarbonmatchLatencyBurnSlow")
    # On a machine with other work some commands are late in any case; a quiet market has none.
    slow.load.rests = True
    with caused(slow, *names):
        slow.load.rests = False
        faults.delay_syncs(0.06)
        for name in names:
            slow.prometheus.until_fires(name)
        faults.delay_syncs(0)
        slow.load.rests = True
    slow.load.rests = False


def test_a_disk_that_does_not_answer(slow: Observed, faults: Faults) -> None:
    with caused(slow, "CarbonmatchNotActive"):
        faults.delay_syncs(30)
        alert = slow.prometheus.until_fires("CarbonmatchNotActive")
        assert "Its state is 2" in alert.annotations["description"]
        faults.delay_syncs(0)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_disk(tmp_path_factory.mktemp("small") / "disk", DISK_KIB) as disk:
        yield disk


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, disk: Path) -> Iterator[Observed]:
    """A venue on a disk of 8 MiB, with everything else elsewhere."""

    def process(at: Path) -> Process:
        one = Process(disk / "journal", at / "engine")
        one.program = ["-m", "tests.faults.engine", "--segment-kib", str(SEGMENT_KIB)]
        return one

    often = ("--snapshot-commands", "200")
    with observed(tmp_path_factory.mktemp("small"), rules=shortened, process=process, following=often) as one:
        one.load.disturbed = True
        yield one


def test_a_disk_that_fills(small: Observed, disk: Path) -> None:
    prometheus = small.prometheus

    def fills() -> bool:
        room = shutil.disk_usage(disk).free // 1024
        if room > 4 * STEP_KIB:
            fill(disk, but_kib=room - STEP_KIB)
        return "CarbonmatchDiskFullWithinADay" in prometheus.firing()

    full = ("CarbonmatchDiskNearlyFull", "CarbonmatchSnapshotsFail")
    stuck = ("CarbonmatchSegmentsNotMade", "CarbonmatchNotActive")
    with caused(small, "CarbonmatchDiskFullWithinADay", *full, *stuck):
        until(fills, "CarbonmatchDiskFullWithinADay fires", 60)
        fill(disk)
        for name in full:
            prometheus.until_fires(name)
        asyncio.run(use_up_a_segment(small))
        for name in stuck:
            prometheus.until_fires(name)
        free(disk)


async def use_up_a_segment(venue: Observed) -> None:
    """Until another one would have to be made."""
    async with venue.engine.wire("alice-2") as alice:
        ref = int(alice.accepted.last_ref) + 1
        while await asyncio.to_thread(venue.prometheus.value, "carbonmatch_journal_spare_segments") == 2:
            # Refused they are once none can be made; the state is what is waited for afterwards.
            alice.send(*(buy(ref + n, 1) for n in range(FRAME_MESSAGES_MAX)))
            await alice.reports(FRAME_MESSAGES_MAX)
            ref += FRAME_MESSAGES_MAX
