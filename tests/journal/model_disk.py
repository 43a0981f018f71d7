"""A disk whose failures can be chosen: what is not synced may be lost, torn, or lied about.

It keeps what a real one promises and nothing more: a 512-byte sector is written whole or not at all,
what was there before a successful sync of its file is there after a loss of power, and a name is there
once the directory was synced.
"""

import errno
from collections.abc import Callable
from random import Random

SECTOR_BYTES = 512


class PowerLost(BaseException):
    """The process and everything in memory is gone. Not an Exception: nothing may handle it."""


class _File:
    """One file: what is on the disk, and what the page cache shows."""

    def __init__(self) -> None:
        self.durable = bytearray()
        self.cached = bytearray()
        # Each sector written since the last sync, with every state it went through.
        self.dirty: dict[int, list[bytes]] = {}
        self.dirty_bytes = 0

    def write(self, data: bytes, offset: int) -> None:
        if len(self.cached) < offset + len(data):
            self.cached.extend(bytes(offset + len(data) - len(self.cached)))
        self.cached[offset : offset + len(data)] = data
        for sector in range(offset // SECTOR_BYTES, -(-(offset + len(data)) // SECTOR_BYTES)):
            start = sector * SECTOR_BYTES
            self.dirty.setdefault(sector, []).append(bytes(self.cached[start : start + SECTOR_BYTES]))

    def sync(self) -> None:
        self.durable[:] = self.cached
        self.dirty.clear()

    def fail_sync(self, random: Random) -> None:
        """Some sectors arrive, and the kernel forgets that the others did not."""
        self._arrive(random, 0.5)
        self.dirty.clear()

    def forget_cache(self) -> None:
        """Clean pages are read anew; dirty ones stay."""
        cached = bytearray(self.durable)
        for sector, states in self.dirty.items():
            _put(cached, sector, states[-1])
        self.cached = cached

    def lose_power(self, random: Random) -> None:
        self._arrive(random, random.choice((0.0, 0.3, 0.5, 0.7, 1.0)))
        self.dirty.clear()
        self.cached = bytearray(self.durable)

    def _arrive(self, random: Random, share: float) -> None:
        for sector, states in self.dirty.items():
            if random.random() < share:
                _put(self.durable, sector, random.choice(states))


def _put(target: bytearray, sector: int, state: bytes) -> None:
    start = sector * SECTOR_BYTES
    if len(target) < start + len(state):
        target.extend(bytes(start + len(state) - len(target)))
    target[start : start + len(state)] = state


class ModelDisk:
    """A `Storage` in memory. One object is one disk; `process` gives it to the next process."""

    def __init__(self, seed: int = 0) -> None:
        self.random = Random(seed)
        self.names: dict[str, _File] = {}
        self.durable_names: dict[str, _File] = {}
        self.locked = False
        self.free = 10**9

        # Called with the name of each call before it happens; may raise, or lose power.
        self.before: Callable[[str], None] = lambda _: None
        # The largest count that one write returns. Linux cuts between sectors, never inside one.
        self.short_writes = False
        self.calls: list[str] = []
        self._open: dict[int, _File] = {}
        self._writable: set[int] = set()
        self._next_file = 3

    def process(self) -> None:
        """The process ended: its files and its lock are gone, the page cache is not."""
        self._open.clear()
        self.locked = False
        self.before = lambda _: None

    def lose_power(self) -> None:
        """The machine ended: what was not synced is gone, or there in part."""
        for file in {
            id(file): file for file in (*self.names.values(), *self.durable_names.values())
        }.values():
            file.lose_power(self.random)
        for name in sorted({*self.names, *self.durable_names}):
            # Each name on its own: harsher than a journaling file system, which keeps their order.
            if self.random.random() < 0.5:
                _bind(self.durable_names, name, self.names.get(name))
        self.names = dict(self.durable_names)
        self.process()

    def copy(self) -> "ModelDisk":
        """A disk with the same durable bytes and nothing in the cache."""
        other = ModelDisk()
        for name, file in self.names.items():
            twin = _File()
            twin.durable = bytearray(file.cached)
            twin.cached = bytearray(file.cached)
            other.names[name] = other.durable_names[name] = twin
        return other

    def bytes_of(self, name: str) -> bytearray:
        """The bytes of a file, to be read or damaged in place; nothing of it may wait for a sync."""
        file = self.names[name]
        assert not file.dirty
        file.durable = file.cached
        return file.cached

    # --- Storage ---------------------------------------------------------------------------------

    def lock(self) -> None:
        self._call("lock")
        if self.locked:
            raise BlockingIOError(errno.EWOULDBLOCK, "locked")
        self.locked = True

    def list(self) -> list[str]:
        return sorted(self.names)

    def create(self, name: str) -> int:
        self._call("create")
        self.names[name] = _File()
        return self._opened(self.names[name], writable=True)

    def open(self, name: str, *, writable: bool = False) -> int:
        self._must_exist(name)
        return self._opened(self.names[name], writable=writable)

    def close(self, file: int) -> None:
        del self._open[file]

    def size(self, file: int) -> int:
        return len(self._open[file].cached)

    def pread(self, file: int, length: int, offset: int, /) -> bytes:
        return bytes(self._open[file].cached[offset : offset + length])

    def pwrite(self, file: int, data: bytes, offset: int, /) -> int:
        self._call("pwrite")
        target = self._open[file]
        assert file in self._writable
        growth = max(0, offset + len(data) - len(target.cached))
        if growth > self.free:
            data = data[: max(0, self.free)]
            if not data:
                raise OSError(errno.ENOSPC, "no space left on device")
        elif self.short_writes and len(data) > SECTOR_BYTES:
            sectors = self.random.randint(1, len(data) // SECTOR_BYTES)
            data = data[: sectors * SECTOR_BYTES - offset % SECTOR_BYTES]
        self.free -= max(0, offset + len(data) - len(target.cached))
        target.write(data, offset)
        return len(data)

    def fdatasync(self, file: int, /) -> None:
        try:
            self._call("fdatasync")
        except OSError:
            self._open[file].fail_sync(self.random)
            raise
        self._open[file].sync()

    def forget_cache(self, file: int) -> None:
        self._open[file].forget_cache()

    def rename(self, old: str, new: str) -> None:
        self._call("rename")
        self._must_exist(old)
        self.names[new] = self.names.pop(old)

    def remove(self, name: str) -> None:
        self._call("remove")
        self._must_exist(name)
        self.free += len(self.names.pop(name).cached)

    def fsync_dir(self) -> None:
        self._call("fsync_dir")
        self.durable_names = dict(self.names)

    def free_bytes(self) -> int:
        return self.free

    def _must_exist(self, name: str) -> None:
        if name not in self.names:
            raise FileNotFoundError(errno.ENOENT, name)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        self.before(name)

    def _opened(self, file: _File, *, writable: bool) -> int:
        self._next_file += 1
        if writable:
            self._writable.add(self._next_file)
        self._open[self._next_file] = file
        return self._next_file


def _bind(names: dict[str, _File], name: str, file: _File | None) -> None:
    if file is None:
        names.pop(name, None)
    else:
        names[name] = file


def lose_power_at(call: int, name: str | None = None) -> Callable[[str], None]:
    """A `before` that loses power before the `call`-th call (from 0) of `name`, or of any."""
    left = call

    def before(called: str) -> None:
        nonlocal left
        left -= name in (None, called)
        if left < 0:
            raise PowerLost

    return before


def fail_at(name: str, call: int, code: int = errno.EIO) -> Callable[[str], None]:
    """A `before` that lets the `call`-th call of `name` fail (from 0), once; later ones succeed."""
    left = call

    def before(called: str) -> None:
        nonlocal left
        if called == name:
            left -= 1
            if left == -1:
                raise OSError(code, f"{name} fails")

    return before
