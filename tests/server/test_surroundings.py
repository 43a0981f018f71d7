"""What is around the venue is seen beside the loop, again and again, and a disk that fails ends nothing."""

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.journal import snapshots
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.ops.counters import Counters
from carbonmatch.server import kernel_clock
from carbonmatch.server.kernel_clock import ClockStatus, clock_status
from carbonmatch.server.surroundings import Surroundings, note_clock

NOW_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


class Scheduler:
    """Reads at once, and keeps what is to be called later."""

    def __init__(self) -> None:
        self.later: list[Callable[[], object]] = []

    def call_soon(self, callback: Callable[[], object]) -> object:
        raise AssertionError("nothing is asked for")

    def call_later(self, delay: float, callback: Callable[[], object]) -> "Scheduler":
        assert delay == 10
        self.later.append(callback)
        return self

    def cancel(self) -> None:
        self.later.clear()

    def read(
        self, work: Callable[[], Any], done: Callable[[Any], object], failed: Callable[[Exception], object]
    ) -> None:
        try:
            found = work()
        except OSError as error:
            failed(error)
        else:
            done(found)


class World:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.counters = Counters()
        self.scheduler = Scheduler()
        self.surroundings = Surroundings(
            directory, DiskStorage(directory), self.counters, self.scheduler, lambda: NOW_NS
        )
        self.surroundings.start()

    def snapshot(self, sequence: int, seconds_ago: int) -> None:
        path = self.directory / snapshots.snapshot_name(sequence)
        path.touch()
        written_ns = NOW_NS - seconds_ago * SECOND_NS
        os.utime(path, ns=(written_ns, written_ns))

    def look_again(self) -> None:
        self.scheduler.later.pop()()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "journal")


def test_the_newest_snapshot_is_told_with_its_age(world: World) -> None:
    assert (world.counters.snapshot_sequence, world.counters.snapshot_age_ns) == (0, 0)
    world.snapshot(900, seconds_ago=70)
    world.snapshot(1_000, seconds_ago=30)
    world.look_again()
    assert world.counters.snapshot_sequence == 1_000
    assert world.counters.snapshot_age_ns == 30 * SECOND_NS


def test_the_size_of_the_disk_is_that_of_its_file_system(world: World) -> None:
    status = os.statvfs(world.directory)
    assert world.counters.disk_size_bytes == status.f_blocks * status.f_frsize > 0


def test_what_fails_once_is_looked_at_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_directory: Path) -> os.statvfs_result:
        raise OSError(5, "Input/output error")

    world.snapshot(7, seconds_ago=1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", fail)
        world.look_again()
    assert world.counters.snapshot_sequence == 0
    world.look_again()
    assert world.counters.snapshot_sequence == 7


def test_after_the_stop_nothing_is_looked_at_any_more(world: World) -> None:
    world.surroundings.stop()
    assert world.scheduler.later == []
    world.surroundings.start()
    assert world.scheduler.later == [], "a look that was under way is the last one"


# --- the kernel's clock --------------------------------------------------------------------------


class Kernel:
    """A library with one function, which says what it is told to."""

    def __init__(self, result: int, **said: int) -> None:
        self._result = result
        self._said = said

    def adjtimex(self, timex: Any) -> int:
        assert timex._obj.modes == 0, "to ask must not change the clock"
        for name, value in self._said.items():
            setattr(timex._obj, name, value)
        return self._result


def asked(monkeypatch: pytest.MonkeyPatch, kernel: object) -> ClockStatus | None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_options: kernel)
    return clock_status()


def test_a_clock_that_is_synchronized_says_how_far_it_may_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(0, status=0x2001, error_max_us=250, offset=-1_700)
    assert asked(monkeypatch, kernel) == ClockStatus(True, 250_000, -1_700)


def test_an_offset_is_in_microseconds_unless_the_kernel_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = Kernel(0, status=0x0001, error_max_us=250, offset=3)
    assert asked(monkeypatch, kernel) == ClockStatus(True, 250_000, 3_000)


def test_a_clock_that_nobody_corrects_is_not_synchronized(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(5, status=0x0040, error_max_us=16_000_000)
    assert asked(monkeypatch, kernel) == ClockStatus(False, 16_000_000_000, 0)


def test_a_kernel_that_does_not_say_is_no_clock_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, Kernel(-1)) is None
    assert asked(monkeypatch, object()) is None
    monkeypatch.setattr(sys, "platform", "darwin")
    assert clock_status() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux is asked")
def test_this_kernel_answers_and_nothing_is_written_beyond_the_structure() -> None:
    # 208 bytes in <sys/timex.h> of 64-bit systems.
    assert ctypes.sizeof(kernel_clock._Timex) >= 208
    status = clock_status()
    assert status is None or status.error_max_ns >= 0


def test_what_cannot_be_asked_stays_absent() -> None:
    counters = Counters()
    note_clock(counters, None)
    assert counters.clock_synchronized is None
    note_clock(counters, ClockStatus(False, 5, -6))
    found = [counters.clock_synchronized, counters.clock_error_max_ns, counters.clock_offset_ns]
    assert found == [0, 5, -6]
