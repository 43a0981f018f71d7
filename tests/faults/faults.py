"""Faults of the disk for a real process, through a library that is loaded before libc: see shim.c."""

import atexit
import ctypes
import functools
import mmap
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pytest

_SHIM: Final = Path(__file__).with_name("shim.c")


class _Fields(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64)
        for name in (
            "syncs",
            "writes",
            "sync_fails_at",
            "write_fails_at",
            "error",
            "failures",
            "sync_delay_us",
            "write_bytes_max",
            "failed_ns",
        )
    ]


class Faults:
    """What the shim does to one process, and what it has counted; both while the process runs."""

    def __init__(self, directory: Path) -> None:
        """Skips the test where nothing here can compile the shim."""
        library = shim()
        if library is None:
            pytest.skip("no C compiler (cc): the shim that fails the disk cannot be made")
        control = directory / "faults"
        control.write_bytes(bytes(ctypes.sizeof(_Fields)))
        with control.open("r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), 0)
        self._fields = _Fields.from_buffer(self._mapped)
        self.environment: Final = {"LD_PRELOAD": str(library), "CARBONMATCH_FAULTS": str(control)}

    @property
    def syncs(self) -> int:
        return int(self._fields.syncs)

    @property
    def writes(self) -> int:
        return int(self._fields.writes)

    @property
    def failures(self) -> int:
        return int(self._fields.failures)

    @property
    def failed_ns(self) -> int:
        """When the last one failed, on the monotonic clock."""
        return int(self._fields.failed_ns)

    def fail_sync(self, nth: int, code: int) -> None:
        """Fail the `nth` sync of a segment from now (from 1), and none after it."""
        self._fields.error = code
        self._fields.sync_fails_at = self._fields.syncs + nth

    def fail_write(self, nth: int, code: int) -> None:
        self._fields.error = code
        self._fields.write_fails_at = self._fields.writes + nth

    def delay_syncs(self, seconds: float) -> None:
        """Each sync from now on, the one that waits already too: 0 lets it go."""
        self._fields.sync_delay_us = round(seconds * 1e6)

    def shorten_writes(self, bytes_max: int) -> None:
        self._fields.write_bytes_max = bytes_max


@functools.cache
def shim() -> Path | None:
    """The compiled library, made once for a run of the tests; None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    directory = Path(tempfile.mkdtemp(prefix="carbonmatch-shim-"))
    atexit.register(shutil.rmtree, directory)
    library = directory / "shim.so"
    subprocess.run(
        [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(_SHIM), "-ldl"],
        check=True,
    )
    return library
