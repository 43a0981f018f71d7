"""What is around the venue: snapshots beside its journal, the size of its disk, the kernel's clock.

Looked at every ten seconds in a thread: a disk may hang, and a directory may hold thousands of segments.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from carbonmatch.journal import snapshots
from carbonmatch.journal.storage import Storage
from carbonmatch.ops.counters import Counters
from carbonmatch.server.kernel_clock import ClockStatus, clock_status
from carbonmatch.server.scheduler import Scheduler, Timer

_LOOK_SECONDS: Final = 10.0


class Sight(Struct, frozen=True):
    disk_size_bytes: int
    snapshot_sequence: int  # 0: there is none
    snapshot_written_ns: int  # since 1970
    clock: ClockStatus | None


class Surroundings:
    """Writes what it sees into the counters, from `start` until `stop`."""

    def __init__(
        self,
        directory: Path,
        storage: Storage,
        counters: Counters,
        scheduler: Scheduler,
        time_ns: Callable[[], int],
    ) -> None:
        self._directory = directory
        self._storage = storage
        self._counters = counters
        self._scheduler = scheduler
        self._time_ns = time_ns
        self._timer: Timer | None = None
        self._is_stopped = False

    def start(self) -> None:
        self._scheduler.read(self._look, self._seen, self._not_seen)

    def stop(self) -> None:
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> Sight:
        status = os.statvfs(self._directory)
        found = snapshots.sequences(self._storage)
        newest = found[0] if found else 0
        written_ns = 0
        if newest:
            written_ns = (self._directory / snapshots.snapshot_name(newest)).stat().st_mtime_ns
        return Sight(status.f_blocks * status.f_frsize, newest, written_ns, clock_status())

    def _seen(self, sight: Sight) -> None:
        counters = self._counters
        counters.disk_size_bytes = sight.disk_size_bytes
        counters.snapshot_sequence = sight.snapshot_sequence
        written_ns = sight.snapshot_written_ns
        counters.snapshot_age_ns = max(0, self._time_ns() - written_ns) if written_ns else 0
        note_clock(counters, sight.clock)
        self._go_on()

    def _not_seen(self, error: Exception) -> None:
        """A snapshot may go while it is looked at, and a disk may fail: what was seen before stays."""
        if not isinstance(error, OSError):
            raise error
        self._go_on()

    def _go_on(self) -> None:
        if not self._is_stopped:
            self._timer = self._scheduler.call_later(_LOOK_SECONDS, self.start)


def note_clock(counters: Counters, status: ClockStatus | None) -> None:
    """Where the kernel cannot be asked once, its metrics are absent for good."""
    if status is not None:
        counters.clock_synchronized = int(status.synchronized)
        counters.clock_error_max_ns = status.error_max_ns
        counters.clock_offset_ns = status.offset_ns
