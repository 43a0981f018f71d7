"""What there is to say of any process, under the names that client libraries of Prometheus have for it.

prometheus-client would say the same, in half a millisecond where there are 500 connections: it lists them.
"""

import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

from carbonmatch.ops.metric import Group, Metric

_PROC: Final = Path("/proc")


class ProcessStatus:
    """Invariant: what this system cannot tell is None from the start."""

    __slots__ = (
        "cpu_seconds",
        "max_fds",
        "open_fds",
        "resident_bytes",
        "start_time_seconds",
        "virtual_bytes",
    )

    def __init__(self, proc: Path = _PROC) -> None:
        self.cpu_seconds = 0.0
        self.virtual_bytes: int | None = None
        self.resident_bytes: int | None = None
        self.start_time_seconds: float | None = None
        self.open_fds: int | None = None
        with suppress(OSError):
            self.start_time_seconds = _start_time_seconds(proc)
        self.look(proc)

    def look(self, proc: Path = _PROC) -> None:
        """Read anew what changes; the limit too, which may be raised for a process that runs (prlimit)."""
        self.max_fds = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        with suppress(OSError):
            virtual, resident = (proc / "self/statm").read_bytes().split()[:2]
            page_bytes = resource.getpagesize()
            self.virtual_bytes = int(virtual) * page_bytes
            self.resident_bytes = int(resident) * page_bytes
            self.open_fds = _descriptor_count(proc / "self/fd")


def _descriptor_count(directory: Path) -> int:
    """From Linux 6.2 on its size is their number; before, they are to be listed."""
    return directory.stat().st_size or sum(1 for _ in directory.iterdir())


def _start_time_seconds(proc: Path) -> float:
    """Since 1970: the machine's start, and how long after it the process began."""
    ticks = int((proc / "self/stat").read_text().rpartition(")")[2].split()[19])
    booted = next(
        line.split()[1] for line in (proc / "stat").read_text().splitlines() if line.startswith("btime ")
    )
    return int(booted) + ticks / os.sysconf("SC_CLK_TCK")


PROCESS: Final = Group(
    "The process",
    (
        Metric(
            "process_cpu_seconds_total",
            "counter",
            "seconds",
            "Processor time of all threads.",
            "cpu_seconds",
            "By `rate`, how many processors it takes; the loop can take one.",
        ),
        Metric(
            "process_resident_memory_bytes",
            "gauge",
            "bytes",
            "Memory that is in use.",
            "resident_bytes",
            "Growing for days: something is kept that should go.",
            optional=True,
        ),
        Metric(
            "process_virtual_memory_bytes",
            "gauge",
            "bytes",
            "Memory that is reserved.",
            "virtual_bytes",
            "Seldom of use.",
            optional=True,
        ),
        Metric(
            "process_start_time_seconds",
            "gauge",
            "seconds",
            "When the process was started, since 1970.",
            "start_time_seconds",
            "That it changed says that the process was restarted.",
            optional=True,
        ),
        Metric(
            "process_open_fds",
            "gauge",
            "",
            "File descriptors that are open.",
            "open_fds",
            "A connection needs one; at process_max_fds nobody gets in.",
            optional=True,
        ),
        Metric(
            "process_max_fds",
            "gauge",
            "",
            "File descriptors that may be open.",
            "max_fds",
            "See docs/security.md on how many a venue needs.",
        ),
    ),
)
