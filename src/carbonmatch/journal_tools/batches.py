"""A journal opened and read batch by batch, for whoever reads one from the command line."""

import errno
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from carbonmatch.journal.archive import WithArchive
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind, StoredRecord
from carbonmatch.journal.segments import SUFFIX
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.matching.messages import (
    AnyPublicEvent,
    AnyReport,
    Entry,
    SessionId,
)
from carbonmatch.protocol.batch import Record, StreamRecord, decode_public, decode_stream
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.server.recovery import (
    decoded,
    not_a_batch,
)


class Batch(Struct, frozen=True):
    """A batch with all that it holds: what came in, and what it caused."""

    entries: list[Entry]
    streams: list[tuple[SessionId, list[AnyReport]]]
    public: list[AnyPublicEvent]


def batches(directory: Path, *, archive: Path | None = None, running: bool = False) -> Iterator[Batch]:
    """Every batch of a whole journal. Raises JournalDamaged where its beginning is in an archive."""
    for stored, record in decoded_batches(whole(opened(directory, archive), running=running)):
        streams = [(stream.session_id, reports_of(stored, stream)) for stream in record.streams]
        yield Batch(record.entries, streams, public_of(stored, record))


def scan(storage: DiskStorage, *, running: bool, check_digests: bool = False) -> JournalScan:
    return JournalScan(storage, sealed_only=running, check_digests=check_digests)


def whole(storage: DiskStorage, *, running: bool) -> JournalScan:
    return JournalScan(storage, replay_from=1, sealed_only=running)


def opened(directory: Path, archive: Path | None) -> DiskStorage:
    # Opening a storage makes its directory, which here would turn a wrong path into an empty journal.
    for path in (directory, archive):
        if path is not None and not path.is_dir():
            raise FileNotFoundError(errno.ENOENT, "No such directory", str(path))
    # The newest segment never leaves a journal: without one, an answer of "good" would be about nothing.
    if not any(directory.glob(f"*{SUFFIX}")):
        raise FileNotFoundError(errno.ENOENT, "No journal in this directory", str(directory))
    return DiskStorage(directory) if archive is None else WithArchive(directory, archive)


def decoded_batches(journal: JournalScan) -> Iterator[tuple[StoredRecord, Record]]:
    for stored in journal:
        if stored.kind is not Kind.DATA:
            continue
        yield stored, decoded(stored)


def reports_of(stored: StoredRecord, stream: StreamRecord) -> list[AnyReport]:
    try:
        return decode_stream(stream.reports)
    except ProtocolError as error:
        raise not_a_batch(stored, error) from error


def public_of(stored: StoredRecord, record: Record) -> list[AnyPublicEvent]:
    try:
        return decode_public(record.public)
    except ProtocolError as error:
        raise not_a_batch(stored, error) from error
