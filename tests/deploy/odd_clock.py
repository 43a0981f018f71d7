"""The engine as a process whose clock a test sets back, or calls unsynchronized: no other process notices.

    python -m tests.deploy.odd_clock CLOCK serve ...

It is `python -m carbonmatch`; the file CLOCK says by how many seconds its clock is behind, and whether the
kernel keeps it right.
"""

import json
import sys
import time
from pathlib import Path
from typing import Final
from unittest.mock import patch

from carbonmatch.cli import main
from carbonmatch.server import service, surroundings
from carbonmatch.server.kernel_clock import ClockStatus

_NS_PER_SECOND: Final = 1_000_000_000


def set_clock(file: Path, *, behind_seconds: float = 0, synchronized: bool = True) -> None:
    """At once as a whole: the engine reads it whenever it wants the time."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps([behind_seconds, synchronized]))
    new.rename(file)


class OddClock:
    """Stands for the module `time` in the service, the only one that reads clocks."""

    monotonic_ns = staticmethod(time.monotonic_ns)
    thread_time_ns = staticmethod(time.thread_time_ns)

    def __init__(self, file: Path) -> None:
        self._file = file

    def time_ns(self) -> int:
        behind_seconds: float = json.loads(self._file.read_text())[0]
        return time.time_ns() - round(behind_seconds * _NS_PER_SECOND)

    def status(self) -> ClockStatus:
        _, synchronized = json.loads(self._file.read_text())
        return ClockStatus(synchronized, 0, 0)


def run(file: Path, arguments: list[str]) -> None:
    clock = OddClock(file)
    with (
        patch.object(service, "time", clock),
        patch.object(service, "clock_status", clock.status),
        patch.object(surroundings, "clock_status", clock.status),
        patch.object(sys, "argv", ["carbonmatch", *arguments]),
    ):
        main()


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2:])
