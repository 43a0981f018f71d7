"""Snapshots: the state after a certain command, so that a replay need not begin at the first one.

A file appears whole and durable or not at all, and every byte of it is checked before any is believed.
A bad one is passed over for an older one and a longer replay: the journal stays the authority.
The state is bytes here; `state_digest` is what its maker says of it.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import blake2b
from struct import Struct as Layout
from typing import Final, TypeVar
from zlib import crc32

from msgspec import Struct

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.segments import (
    DIGEST_BYTES,
    ENGINE_VERSION_BYTES_MAX,
    SEGMENT_NUMBER_MAX,
    Anchor,
    Identity,
)
from carbonmatch.journal.storage import Storage, write_file

FORMAT_VERSION: Final = 2
SNAPSHOTS_KEPT: Final = 3
SUFFIX: Final = ".cms"

T = TypeVar("T")

_NAME: Final = re.compile(r"(\d{20})\.cms", re.ASCII)
_MAGIC: Final = b"\xc1CMS"
_END_MARK: Final = b"END1"
_HEADER: Final = Layout("<4sIQQQII32sIII32s")
_CHUNK_HEADER: Final = Layout("<II")
_CRC_BYTES: Final = 4
_CHUNK_BYTES: Final = 1024 * 1024


class Snapshot(Struct, frozen=True):
    """The state after command `sequence`; replay goes on with the next one, behind `anchor`."""

    sequence: int
    epoch: int
    identity: Identity
    anchor: Anchor
    state: bytes
    state_digest: bytes


def snapshot_name(sequence: int) -> str:
    return f"{sequence:020d}{SUFFIX}"


def write(storage: Storage, snapshot: Snapshot, maker: str = "") -> None:
    """Make `snapshot` durable, then remove all but the newest three; `maker` as for `write_file`."""
    assert len(snapshot.state_digest) == DIGEST_BYTES
    write_file(storage, snapshot_name(snapshot.sequence), _pack(snapshot), maker)
    for sequence in sequences(storage)[SNAPSHOTS_KEPT:]:
        # Another process may be doing the same.
        with suppress(FileNotFoundError):
            storage.remove(snapshot_name(sequence))


def sequences(storage: Storage) -> list[int]:
    """The sequences of the snapshots there are, newest first; whether they are good, `load` says."""
    matches = (_NAME.fullmatch(name) for name in storage.list())
    return sorted((int(match[1]) for match in matches if match is not None), reverse=True)


def load(storage: Storage, sequence: int) -> Snapshot:
    """Read one and check all of it; JournalDamaged where a byte is wrong."""
    file = storage.open(snapshot_name(sequence))
    try:
        storage.forget_cache(file)
        return _Reader(storage, file, sequence).read()
    finally:
        storage.close(file)


def newest(storage: Storage, restore: Callable[[Snapshot], T], on_bad: Callable[[str], None]) -> T | None:
    """What `restore` makes of the newest good one, or None where none is good.

    Not good is also what `restore` raises ValueError for. `on_bad` is told of each that was passed over,
    and must be loud.
    """
    for sequence in sequences(storage):
        try:
            return restore(load(storage, sequence))
        except (JournalDamaged, OSError, ValueError) as error:
            on_bad(f"snapshot passed over: {error}")
    return None


def _pack(snapshot: Snapshot) -> Iterator[bytes]:
    state = snapshot.state
    engine_version = snapshot.identity.engine_version.encode()
    header = (
        _HEADER.pack(
            _MAGIC,
            FORMAT_VERSION,
            snapshot.sequence,
            snapshot.epoch,
            len(state),
            _chunk_count(len(state)),
            len(engine_version),
            snapshot.identity.configuration_digest,
            snapshot.anchor.segment,
            snapshot.anchor.offset,
            snapshot.anchor.chain,
            snapshot.anchor.previous_digest,
        )
        + engine_version
    )
    header += crc32(header).to_bytes(_CRC_BYTES, "little")
    hasher = blake2b(header, digest_size=DIGEST_BYTES)
    yield header
    for start in range(0, len(state), _CHUNK_BYTES):
        data = state[start : start + _CHUNK_BYTES]
        chunk = _CHUNK_HEADER.pack(len(data), crc32(data)) + data
        hasher.update(chunk)
        yield chunk
    footer = _END_MARK + snapshot.state_digest
    hasher.update(footer)
    yield footer + hasher.digest()


def _chunk_count(state_bytes: int) -> int:
    return -(-state_bytes // _CHUNK_BYTES)


class _Reader:
    """Takes a file apart from front to back."""

    def __init__(self, storage: Storage, file: int, sequence: int) -> None:
        self._storage = storage
        self._file = file
        self._sequence = sequence
        self._file_bytes = storage.size(file)
        self._offset = 0
        self._hasher = blake2b(digest_size=DIGEST_BYTES)

    def read(self) -> Snapshot:
        header = self._take(_HEADER.size)
        magic, version, sequence, epoch, state_bytes, chunks, version_bytes, configuration, *anchor = (
            _HEADER.unpack(header)
        )
        if magic != _MAGIC or version != FORMAT_VERSION:
            raise self._damaged(f"magic {magic!r}, version {version}", f"{_MAGIC!r}, {FORMAT_VERSION}")
        engine_version = self._take(version_bytes)
        found = self._take(_CRC_BYTES)
        expected = crc32(header + engine_version).to_bytes(_CRC_BYTES, "little")
        if found != expected:
            raise self._damaged(f"header checksum {found.hex()}", expected.hex())
        if sequence != self._sequence:
            raise self._damaged(f"sequence {sequence}", f"{self._sequence}, as it is named")

        parts = []
        for _ in range(chunks):
            length, crc = _CHUNK_HEADER.unpack(self._take(_CHUNK_HEADER.size))
            data = self._take(length)
            if crc32(data) != crc:
                raise self._damaged("a chunk with a wrong checksum", f"{crc:#010x}")
            parts.append(data)
        state = b"".join(parts)
        if len(state) != state_bytes:
            raise self._damaged(f"{len(state)} bytes of state", str(state_bytes))

        mark = self._take(len(_END_MARK))
        state_digest = self._take(DIGEST_BYTES)
        expected = self._hasher.digest()
        found = self._take(DIGEST_BYTES)
        if mark != _END_MARK or found != expected or self._offset != self._file_bytes:
            raise self._damaged(f"digest {found.hex()}", f"{expected.hex()} and the end of the file")
        if not 0 < version_bytes <= ENGINE_VERSION_BYTES_MAX or not engine_version.isascii():
            raise self._damaged(
                f"engine version {engine_version[:ENGINE_VERSION_BYTES_MAX]!r}",
                f"1 to {ENGINE_VERSION_BYTES_MAX} ASCII characters",
            )
        place = Anchor(*anchor)
        if not 0 < place.segment <= SEGMENT_NUMBER_MAX:
            raise self._damaged(f"a place in segment {place.segment}", f"1 to {SEGMENT_NUMBER_MAX}")
        identity = Identity(engine_version.decode(), configuration)
        return Snapshot(sequence, epoch, identity, place, state, state_digest)

    def _take(self, length: int) -> bytes:
        # A damaged length must not reserve memory: it is held against the file's first.
        if self._offset + length > self._file_bytes:
            raise self._damaged(f"a file of {self._file_bytes} bytes", f"{length} more")
        data = self._storage.pread(self._file, length, self._offset)
        self._hasher.update(data)
        self._offset += length
        return data

    def _damaged(self, found: str, expected: str) -> JournalDamaged:
        return JournalDamaged(
            snapshot_name(self._sequence), self._offset, self._sequence, found=found, expected=expected
        )
