"""What the journal's tests share: a small journal, and what was written to it."""

from carbonmatch.journal.reader import scan
from carbonmatch.journal.record import Kind, StoredRecord
from carbonmatch.journal.recovery import Recovery, recover
from carbonmatch.journal.segments import Identity
from carbonmatch.journal.storage import Storage
from carbonmatch.journal.writer import JournalWriter

IDENTITY = Identity("1.0.0", b"\x07" * 32)
# Small enough that a few records fill a segment.
SEGMENT_BYTES = 2048


def start(storage: Storage, *, segment_bytes: int = SEGMENT_BYTES, spares: int = 1) -> JournalWriter:
    """A writer behind whatever the disk holds, with its spares made."""
    writer = JournalWriter(
        storage, recover(storage, IDENTITY, segment_bytes=segment_bytes), spare_segments=spares
    )
    writer.prepare_next()
    return writer


def recovered(storage: Storage, *, replay_from: int = 1) -> tuple[Recovery, list[StoredRecord]]:
    """Recover, and what was handed out for replay."""
    records: list[StoredRecord] = []
    recovery = recover(storage, IDENTITY, replay_from=replay_from, on_record=records.append)
    return recovery, records


def append(writer: JournalWriter, payload: bytes, count: int = 1) -> int:
    """Append behind the last durable command."""
    return writer.append(payload, writer.durable_sequence + 1, count)


def payloads(storage: Storage) -> list[bytes]:
    return [record.payload for record in scan(storage) if record.kind is Kind.DATA]
