"""The disk as the journal sees it: one flat directory of files, in calls narrow enough to model.

What is durable when is decided by the callers; nothing here syncs by itself. `DiskStorage` is the real
one. Tests put a model in its place that loses power between any two calls.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

# Files are written under a name with this end and renamed when they are durable, so a file without
# it is always complete.
TEMPORARY_SUFFIX: Final = ".tmp"

# Large reads and zero-filling go in pieces of this size: one piece is all the memory they need.
CHUNK_BYTES: Final = 1024 * 1024
ZEROS: Final = bytes(CHUNK_BYTES)

_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


class Storage(Protocol):
    """A directory of files. Every call may raise OSError; a file is named by a plain name."""

    def lock(self) -> None:
        """Become the only writer, for the life of this object; BlockingIOError if another one is."""

    def list(self) -> list[str]:
        """Names of all files, sorted."""

    def create(self, name: str) -> int:
        """Open a new, empty file for writing; one that exists is emptied."""

    def open(self, name: str, *, writable: bool = False) -> int: ...

    def close(self, file: int) -> None: ...

    def size(self, file: int) -> int: ...

    def pread(self, file: int, length: int, offset: int, /) -> bytes:
        """Up to `length` bytes; fewer only at the end of the file."""

    def pwrite(self, file: int, data: bytes, offset: int, /) -> int:
        """Write some of `data` and return how many bytes: a full disk gives short counts."""

    def fdatasync(self, file: int, /) -> None: ...

    def forget_cache(self, file: int) -> None:
        """Drop clean cached pages, so that the next read shows what the disk holds.

        After a failed sync the kernel keeps the pages that it could not write, marked clean: without
        this call a restarted process reads a record that is not on the disk.
        """

    def rename(self, old: str, new: str) -> None: ...

    def remove(self, name: str) -> None: ...

    def fsync_dir(self) -> None:
        """Make creations, renames and removals durable."""

    def free_bytes(self) -> int: ...


class DiskStorage:
    """A directory on a local file system, by raw file descriptors relative to it."""

    # The two calls of the commit path go straight to the kernel's.
    pwrite = staticmethod(os.pwrite)
    fdatasync = staticmethod(os.fdatasync)

    def __init__(self, directory: Path) -> None:
        """Open `directory`; make it (and what leads to it) if it does not exist."""
        if not directory.is_dir():
            directory.mkdir(mode=_DIRECTORY_MODE, parents=True)
            _fsync_directory(directory.parent)
        self.directory = directory
        self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def release(self) -> None:
        """Give up the directory and its lock."""
        os.close(self._directory)

    def lock(self) -> None:
        # On the directory itself, so there is no lock file to be left over or copied along.
        fcntl.flock(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def lock_beside(self, name: str) -> int:
        """Become the only process that holds the lock `name`, beside the journal's writer; its file."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        # Held until the process ends.
        file = os.open(name, flags, _FILE_MODE, dir_fd=self._directory)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file

    def list(self) -> list[str]:
        return sorted(os.listdir(self._directory))  # noqa: PTH208 - by descriptor

    def create(self, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(name, flags, _FILE_MODE, dir_fd=self._directory)

    def open(self, name: str, *, writable: bool = False) -> int:
        access = os.O_RDWR if writable else os.O_RDONLY
        return os.open(name, access | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self._directory)

    def close(self, file: int) -> None:
        os.close(file)

    def size(self, file: int) -> int:
        return os.fstat(file).st_size

    def pread(self, file: int, length: int, offset: int, /) -> bytes:
        data = os.pread(file, length, offset)
        if len(data) == length or not data:
            return data
        parts = [data]
        while data:
            offset += len(data)
            length -= len(data)
            data = os.pread(file, length, offset)
            parts.append(data)
        return b"".join(parts)

    def forget_cache(self, file: int) -> None:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new, src_dir_fd=self._directory, dst_dir_fd=self._directory)

    def remove(self, name: str) -> None:
        os.unlink(name, dir_fd=self._directory)

    def fsync_dir(self) -> None:
        os.fsync(self._directory)

    def free_bytes(self) -> int:
        status = os.fstatvfs(self._directory)
        return status.f_bavail * status.f_frsize


def write_all(storage: Storage, file: int, data: bytes, offset: int) -> None:
    """Write `data` whole, however short the counts."""
    written = storage.pwrite(file, data, offset)
    while written < len(data):
        count = storage.pwrite(file, data[written:], offset + written)
        if count <= 0:
            raise OSError(f"write of {len(data)} bytes stopped after {written}")
        written += count


def write_temporary(
    storage: Storage, name: str, chunks: Iterable[bytes], between: Callable[[], bool] | None = None
) -> None:
    """Write a file and make its bytes durable, still under its temporary name.

    With `between` each chunk is made durable before the next one is written, and that is called after it, as
    long as it returns True: the disk then has time for others. On failure nothing is left behind, as far as
    the disk lets us.
    """
    temporary = name + TEMPORARY_SUFFIX
    try:
        file = storage.create(temporary)
        try:
            offset = 0
            for chunk in chunks:
                write_all(storage, file, chunk, offset)
                offset += len(chunk)
                if between is not None:
                    storage.fdatasync(file)
                    if not between():
                        between = None
            storage.fdatasync(file)
        finally:
            storage.close(file)
    except OSError:
        with contextlib.suppress(OSError):
            storage.remove(temporary)
        raise


def publish(storage: Storage, name: str) -> None:
    """Give the file of `write_temporary` its name, in place of any other, durably."""
    storage.rename(name + TEMPORARY_SUFFIX, name)
    storage.fsync_dir()


def write_file(storage: Storage, name: str, chunks: Iterable[bytes], maker: str = "") -> None:
    """Make a file appear whole and durable, or not at all; one of that name is replaced.

    `maker` keeps the unfinished file apart from one that another process makes under the same name.
    """
    unfinished = f"{name}.{maker}" if maker else name
    write_temporary(storage, unfinished, chunks)
    storage.rename(unfinished + TEMPORARY_SUFFIX, name)
    storage.fsync_dir()


def zero_chunks(length: int, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """`length` zero bytes, in pieces."""
    whole, rest = divmod(length, chunk_bytes)
    for _ in range(whole):
        yield ZEROS[:chunk_bytes]
    if rest:
        yield ZEROS[:rest]


def file_chunks(storage: Storage, file: int, start: int, end: int) -> Iterator[bytes]:
    """The bytes of `file` from `start` to `end`, in pieces; shorter if the file is."""
    while start < end:
        chunk = storage.pread(file, min(CHUNK_BYTES, end - start), start)
        if not chunk:
            return
        yield chunk
        start += len(chunk)


def is_zero(chunk: bytes) -> bool:
    """Whether `chunk` (of at most CHUNK_BYTES) holds nothing but zeros."""
    return chunk == ZEROS[: len(chunk)]


def _fsync_directory(directory: Path) -> None:
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
