"""Start-up: check what is on the disk, make it durable again, and open a new epoch behind it.

The order of the steps is the promise: a loss of power between any two leaves a journal that the next
recovery takes up with the same records.
"""

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import blake2b
from typing import Final

from msgspec import Struct

from carbonmatch.journal.errors import JournalRefused
from carbonmatch.journal.reader import JournalEnd, JournalScan
from carbonmatch.journal.record import Kind, StoredRecord, pack
from carbonmatch.journal.segments import (
    DIGEST_BYTES,
    NO_DIGEST,
    SEGMENT_BYTES_MAX,
    SEGMENT_BYTES_MIN,
    Anchor,
    Identity,
    check_spare,
    look_at_spare,
    segment_name,
)
from carbonmatch.journal.storage import (
    TEMPORARY_SUFFIX,
    Storage,
    file_chunks,
    publish,
    write_all,
    write_file,
    write_temporary,
    zero_chunks,
)
from carbonmatch.limits import SEGMENT_BYTES

# An event and its fields, which become a line of the log by `ops.logs`: this layer may not know that.
_log: Final = logging.getLogger(__name__)

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Recovery(Struct, frozen=True):
    """What was found, and where a writer goes on. Belongs to one writer."""

    next_sequence: int
    next_segment: int
    epoch: int
    identity: Identity
    segment_bytes: int
    spares: list[int]  # made and unused, `next_segment` first if it is among them
    chain: int
    previous_digest: bytes
    was_closed: bool  # the last stop was a clean one
    torn_bytes: int  # cut from the end and kept aside; not 0 at most once a loss of power


def recover(
    storage: Storage,
    identity: Identity,
    *,
    replay_from: int = 1,
    anchor: Anchor | None = None,
    on_record: Callable[[StoredRecord], None] | None = None,
    replay_other_identity: bool = False,
    segment_bytes: int = SEGMENT_BYTES,
    blank_beside: bool = False,
) -> Recovery:
    """Take the journal over: lock it, check it, hand its commands out, and make its end durable.

    `on_record` gets each DATA record with a command at or behind `replay_from`, in order, before anything
    is changed; what it raises ends the recovery. `replay_from` is 1 or follows a snapshot, whose `anchor`
    says what lies before it: a journal that does not reach from there to its end is damaged. Segments before
    that of the anchor are not read, and need not be there. Records of another identity are refused, unless
    `replay_other_identity`. `segment_bytes` is for a new journal; an existing one keeps its own.
    `blank_beside`: see `JournalScan`.

    Raises JournalRefused, JournalDamaged or OSError; the journal is then as it was.
    """
    assert SEGMENT_BYTES_MIN <= segment_bytes <= SEGMENT_BYTES_MAX
    assert segment_bytes % 512 == 0
    try:
        storage.lock()
    except BlockingIOError as error:
        raise JournalRefused("another process holds the lock of the journal's directory") from error
    _remove_temporary(storage)

    journal = JournalScan(storage, replay_from=replay_from, anchor=anchor, blank_beside=blank_beside)
    with closing(iter(journal)) as records:
        for record in records:
            if record.kind is not Kind.DATA or record.next_sequence <= replay_from:
                continue
            assert journal.header is not None
            if journal.header.identity != identity and not replay_other_identity:
                raise JournalRefused(other_identity(record, journal.header.identity, identity))
            if on_record is not None:
                on_record(record)

    end = journal.end
    if end is None:
        for number in journal.spares:
            check_spare(look_at_spare(storage, number), number, segment_bytes, 1)
        return Recovery(
            next_sequence=1,
            next_segment=1,
            epoch=1,
            identity=identity,
            segment_bytes=segment_bytes,
            spares=journal.spares,
            chain=0,
            previous_digest=NO_DIGEST,
            was_closed=True,
            torn_bytes=0,
        )
    return _take_over(storage, end, identity)


def _take_over(storage: Storage, end: JournalEnd, identity: Identity) -> Recovery:
    if end.torn_bytes:
        _keep_torn_tail(storage, end)
    # First the segment to go on in: an ended segment whose successor is missing is damage.
    spares = list(end.spares)
    if not spares:
        create_segment(storage, end.segment + 1, end.header.segment_bytes)
        spares.append(end.segment + 1)
    chain, digest = _replace_last_segment(storage, end)
    return Recovery(
        next_sequence=end.next_sequence,
        next_segment=end.segment + 1,
        epoch=end.header.epoch + 1,
        identity=identity,
        segment_bytes=end.header.segment_bytes,
        spares=spares,
        chain=chain,
        previous_digest=digest,
        was_closed=end.closed,
        torn_bytes=end.torn_bytes,
    )


def create_segment(storage: Storage, number: int, segment_bytes: int) -> None:
    """Make a spare: zero-filled, durable, under its final name."""
    write_file(storage, segment_name(number), zero_chunks(segment_bytes))


def _replace_last_segment(storage: Storage, end: JournalEnd) -> tuple[int, bytes]:
    """Put a durable copy in the place of the last segment, ended; return its chain and its digest.

    The records just read may exist in the page cache only, and after a failed sync no further sync of
    that file proves anything. A new file is proven by its own first sync. Nothing is ever appended to
    the copy, so it is as long as its records and no longer. Without room for it, see `_rewrite`.
    """
    name = segment_name(end.segment)
    ending, chain = b"", end.chain
    if end.last_kind is not Kind.SEGMENT_END:
        ending, chain = pack(
            Kind.SEGMENT_END, end.next_sequence, 0, b"", previous_crc=end.chain, offset=end.offset
        )
    hasher = blake2b(digest_size=DIGEST_BYTES)
    file = storage.open(name)

    def copied() -> Iterator[bytes]:
        for chunk in file_chunks(storage, file, 0, end.offset):
            hasher.update(chunk)
            yield chunk
        if ending:
            hasher.update(ending)
            yield ending

    try:
        write_temporary(storage, name, copied())
    except OSError as error:
        if error.errno not in _FULL:
            raise
        return chain, _rewrite(storage, end, ending)
    finally:
        storage.close(file)
    publish(storage, name)
    return chain, hasher.digest()


def _rewrite(storage: Storage, end: JournalEnd, ending: bytes) -> bytes:
    """Write the last segment again over itself, for a disk without room for a copy; return its digest.

    Every byte is written anew, so the sync speaks for all of them. They are the same bytes, so it does
    not matter which of them a crash keeps back; and zeros over a torn tail leave it a torn one. Only
    when these are durable comes the end of the segment.
    """
    name = segment_name(end.segment)
    _log.warning("journal_rewritten", extra={"fields": {"segment": name}})
    hasher = blake2b(digest_size=DIGEST_BYTES)
    file = storage.open(name, writable=True)
    try:
        offset = 0
        for chunk in file_chunks(storage, file, 0, end.offset):
            hasher.update(chunk)
            write_all(storage, file, chunk, offset)
            offset += len(chunk)
        for zeros in zero_chunks(end.torn_bytes):
            write_all(storage, file, zeros, offset)
            offset += len(zeros)
        storage.fdatasync(file)
        if ending:
            hasher.update(ending)
            write_all(storage, file, ending, end.offset)
            storage.fdatasync(file)
    finally:
        storage.close(file)
    return hasher.digest()


def _keep_torn_tail(storage: Storage, end: JournalEnd) -> None:
    """Save what is cut, for whoever wants to see it. Named by its place, so a repeat replaces it.

    A full disk costs the copy: it was never answered, and the venue has to be able to start.
    """
    name = segment_name(end.segment)
    torn_name = kept_as = f"{name}.{end.offset}.torn"
    file = storage.open(name)
    try:
        write_file(storage, torn_name, file_chunks(storage, file, end.offset, end.torn_end))
    except OSError as error:
        if error.errno not in _FULL:
            raise
        kept_as = ""
    finally:
        storage.close(file)
    fields = {
        "segment": name,
        "byte": end.offset,
        "sequence": end.next_sequence,
        "torn_bytes": end.torn_bytes,
        "kept_as": kept_as,
    }
    _log.warning("journal_tail_cut", extra={"fields": fields})


def _remove_temporary(storage: Storage) -> None:
    for name in storage.list():
        if name.endswith(TEMPORARY_SUFFIX):
            storage.remove(name)
    storage.fsync_dir()


def other_identity(record: StoredRecord, found: Identity, expected: Identity) -> str:
    """Why `record` cannot be replayed, and what helps."""
    return (
        f"sequence {record.first_sequence} was written by engine {found.engine_version} with configuration"
        f" {found.configuration_digest.hex()[:16]}, this is engine {expected.engine_version} with"
        f" {expected.configuration_digest.hex()[:16]}: stop the old one cleanly and take a snapshot with it,"
        " then start this one from the snapshot"
    )
