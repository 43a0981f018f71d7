"""Records <-> disk: append batches, learn when they are durable, read them back.

Knows no order and no price: a payload is bytes. The format is in proto/JOURNAL.md.

    storage = DiskStorage(Path("journal"))
    recovery = recover(storage, identity, replay_from=snapshot_sequence + 1, on_record=replay)
    writer = JournalWriter(storage, recovery)
    writer.append(payload, first_sequence, count)  # durable when it returns
"""

from carbonmatch.journal.errors import (
    JournalDamaged,
    JournalFailed,
    JournalRefused,
    StorageUnusable,
)
from carbonmatch.journal.reader import (
    JournalScan,
    Verification,
    read_record,
    read_records,
    scan,
    verify,
)
from carbonmatch.journal.record import Kind, StoredRecord
from carbonmatch.journal.recovery import Recovery, recover
from carbonmatch.journal.segments import Identity
from carbonmatch.journal.storage import DiskStorage, Storage
from carbonmatch.journal.writer import JournalWriter, SegmentKeeper

__all__ = [
    "DiskStorage",
    "Identity",
    "JournalDamaged",
    "JournalFailed",
    "JournalRefused",
    "JournalScan",
    "JournalWriter",
    "Kind",
    "Recovery",
    "SegmentKeeper",
    "Storage",
    "StorageUnusable",
    "StoredRecord",
    "Verification",
    "read_record",
    "read_records",
    "recover",
    "scan",
    "verify",
]
