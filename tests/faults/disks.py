"""Small disks of a test's own, where it may mount some; and a disk that breaks, on a full one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

_BALLAST: Final = "ballast"
_IMAGE: Final = "image"
_PAGE_BYTES: Final = 4096


@contextmanager
def small_disk(at: Path, kib: int) -> Iterator[Path]:
    """A disk in memory of this size; skips the test where nobody lets us mount one."""
    with _mounted(at, "-t", "tmpfs", "-o", f"size={kib}k", "none"):
        yield at


def remount(disk: Path, option: str) -> None:
    """Mount `disk` anew, with "ro" or "rw"."""
    subprocess.run(["mount", "-o", f"remount,{option}", str(disk)], check=True)


def fill(disk: Path, *, but_kib: int = 0) -> None:
    """Take all the room there is, but for so much."""
    status = os.statvfs(disk)
    with (disk / _BALLAST).open("ab") as file:
        file.write(bytes(status.f_bavail * status.f_frsize - but_kib * 1024))


def free(disk: Path) -> None:
    """Give back what `fill` took."""
    (disk / _BALLAST).unlink()


def exhaust(backing: Path) -> None:
    """Take all the room from the device of `failing_disk`: what has only zeros on it fails when written."""
    os.sync()
    subprocess.run(["fallocate", "--dig-holes", str(backing / _IMAGE)], check=True)
    fill(backing)


@contextmanager
def failing_disk(directory: Path, kib: int) -> Iterator[tuple[Path, Path]]:
    """A file system (ext4) on a device, and the disk in memory that backs it, with less room than it says.

    As long as the backing disk has room all is well; after `exhaust` the device fails writes: the kernel's
    own I/O errors, its page cache, its one report of a failed sync.
    """
    backing, disk = directory / "backing", directory / "disk"
    with small_disk(backing, kib):
        image = backing / _IMAGE
        with image.open("wb") as file:
            file.truncate(4 * kib * 1024)
        if shutil.which("mkfs.ext4") is None or shutil.which("fallocate") is None:
            pytest.skip("no mkfs.ext4 or fallocate: the failing disk cannot be made")
        subprocess.run(["mkfs.ext4", "-q", "-b", str(_PAGE_BYTES), str(image)], check=True)
        with _mounted(disk, "-o", "loop", str(image)):
            _write_single_pages(disk)
            yield disk, backing


def _write_single_pages(disk: Path) -> None:
    """Have the device take one page with each request.

    A request of several of which it can take the first is a short write to the loop driver, which reports
    it as a whole one: a device that lies, and against that nothing helps.
    """
    found = subprocess.run(
        ["findmnt", "--noheadings", "--output", "SOURCE", str(disk)],
        check=True,
        capture_output=True,
        text=True,
    )
    queue = Path("/sys/block") / Path(found.stdout.strip()).name / "queue" / "max_sectors_kb"
    queue.write_text(str(_PAGE_BYTES // 1024))


@contextmanager
def _mounted(at: Path, *arguments: str) -> Iterator[None]:
    at.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount the disk that this test breaks")
    done = subprocess.run(["mount", *arguments, str(at)], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"the disk that this test breaks cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True, capture_output=True)
