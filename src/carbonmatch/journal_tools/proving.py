"""A journal proven: every byte of it, and every command executed again; and the archive of what is proven."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.follower_mark import followed_segment
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind, StoredRecord, position
from carbonmatch.journal.segments import segment_name
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal_tools.batches import opened, public_of, reports_of, scan
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.messages import (
    OnTrade,
)
from carbonmatch.matching.state import digest
from carbonmatch.protocol.batch import Record
from carbonmatch.server.archive import Archive
from carbonmatch.server.journal_steps import found
from carbonmatch.server.recovery import (
    Replay,
    Start,
    decoded,
    from_nothing,
    identity,
    start_from,
)
from carbonmatch.server.trade_search import Absence, search


class Verified(Struct, frozen=True):
    """What a whole pass over a journal has seen."""

    first_segment: int  # 1, unless older ones are in an archive
    segments: int
    records: int
    commands: int
    reports: int
    first_sequence: int
    last_sequence: int
    snapshots: int  # which lie where they say, in this journal
    closed: bool  # the last stop was a clean one
    torn_bytes: int  # of a write that a crash cut short: the next start cuts them off
    trades_proven: int = 0  # commands that carry the trade they are on, and it is the journaled one
    trades_unproven: int = 0  # whose trade is in an archive that was not named


def verify(directory: Path, *, archive: Path | None = None, running: bool = False) -> Verified:
    """Read every byte, check every checksum and digest, decode every message; and every snapshot likewise.

    Raises JournalDamaged at the first that is not as it was written.
    """
    storage = opened(directory, archive)
    anchors = _anchors(storage)
    journal = scan(storage, running=running, check_digests=True)
    first: StoredRecord | None = None
    carried: list[_Carried] = []
    records = commands = reports = last_sequence = 0
    for stored in journal:
        first = first or stored
        anchors.pop((stored.segment, stored.end_offset, stored.header_crc, stored.next_sequence - 1), None)
        if stored.kind is not Kind.DATA:
            continue
        record = decoded(stored)
        records += 1
        commands += stored.count
        reports += sum(len(reports_of(stored, stream)) for stream in record.streams)
        carried += _carried(stored, record)
        last_sequence = stored.next_sequence - 1
        public_of(stored, record)
    end = journal.end
    first_segment = first.segment if first else 1
    # The last segment is not read beside a running process, and older ones may be in an archive.
    read_up_to = first_segment + journal.segments_read
    for (segment, offset, chain, sequence), name in anchors.items():
        if first_segment <= segment < read_up_to:
            raise JournalDamaged(
                name,
                0,
                sequence,
                found="another record, or none",
                expected=f"a record that ends at byte {offset} of segment {segment} with {chain:#010x}",
            )
    unproven = sum(not _is_proven(storage, one) for one in carried)
    return Verified(
        first_segment,
        journal.segments_read,
        records,
        commands,
        reports,
        first.first_sequence if first else 1,
        last_sequence,
        len(snapshots.sequences(storage)) - len(anchors),
        closed=end is not None and end.closed,
        torn_bytes=0 if end is None else end.torn_bytes,
        trades_proven=len(carried) - unproven,
        trades_unproven=unproven,
    )


class _Carried(Struct, frozen=True):
    """A command with the trade that it was journaled with, and where."""

    on: OnTrade
    sequence: int
    segment: int
    offset: int

    @property
    def position(self) -> int:
        return position(self.segment, self.offset)


def _carried(stored: StoredRecord, record: Record) -> list[_Carried]:
    return [
        _Carried(command, sequence, stored.segment, stored.offset)
        for entry in record.entries
        for sequence, command in enumerate(entry.commands, entry.first_sequence)
        if isinstance(command, OnTrade) and command.trade is not None
    ]


def _is_proven(storage: DiskStorage, carried: _Carried) -> bool:
    """Whether the trade is the journaled one; False where its segment is in an archive.

    Raises JournalDamaged where it is another one. The engine takes the trade as given, and so does who
    executes the journal again.
    """
    on = carried.on
    sought = found(search(lambda: storage, on.command.trade_id, carried.position))
    if sought is Absence.ARCHIVED:
        return False
    if sought != on.trade:
        raise JournalDamaged(
            segment_name(carried.segment),
            carried.offset,
            carried.sequence,
            found=f"a command on trade {on.command.trade_id} with {on.trade}",
            expected=f"{sought}, as it was made",
        )
    return True


def _anchors(storage: DiskStorage) -> dict[tuple[int, int, int, int], str]:
    """Where each snapshot says that it ends, and its name; JournalDamaged for one with a wrong byte."""
    found = {}
    for sequence in snapshots.sequences(storage):
        anchor = snapshots.load(storage, sequence).anchor
        found[anchor.segment, anchor.offset, anchor.chain, sequence] = snapshots.snapshot_name(sequence)
    return found


class Archived(Struct, frozen=True):
    """What was moved, and the segment that a follower is in which some were left for, if any were."""

    segments: list[int]
    held_back_at: int | None


def archive_segments(directory: Path, archive: Path) -> Archived:
    """Move the segments that neither a start nor a follower needs any more."""
    storage, archived = opened(directory, None), DiskStorage(archive)
    try:
        mover = Archive(storage, archived, lambda: followed_segment(storage))
        return Archived(mover.advance(), mover.held_back_at)
    finally:
        storage.release()
        archived.release()


class Replayed(Struct, frozen=True):
    """What a second execution of a journal came to."""

    records: int
    commands: int
    state_digest: bytes


def replay(
    directory: Path, *, archive: Path | None = None, running: bool = False, from_snapshot: int = 0
) -> Replayed:
    """Execute every command again and compare what comes out with what was journaled.

    From nothing, or behind the snapshot of sequence `from_snapshot`. Raises Diverged where it is not the
    same, byte for byte.
    """
    storage = opened(directory, archive)
    start = start_from(storage, from_snapshot)
    execution = Replay(start.venue)
    for _ in _executed(storage, start, execution, running=running):
        pass
    return Replayed(execution.records, execution.commands, digest(start.venue.engine))


def released(
    directory: Path, *, archive: Path | None = None, running: bool = False
) -> Iterator[tuple[int, MarketData]]:
    """What the feed knew after each batch of a whole journal, and the time of that, executed again.

    It is one object, which the next step changes. Raises Diverged as `replay` does, and JournalDamaged where
    the journal's beginning is in an archive that was not named.
    """
    start = from_nothing()
    for time_ns in _executed(opened(directory, archive), start, Replay(start.venue), running=running):
        yield time_ns, start.venue.market_data


def _executed(storage: DiskStorage, start: Start, execution: Replay, *, running: bool) -> Iterator[int]:
    """Execute batch after batch behind `start`, and give the time of each."""
    journal = JournalScan(
        storage,
        replay_from=start.snapshot_sequence + 1,
        anchor=start.anchor if start.snapshot_sequence else None,
        sealed_only=running,
    )
    relaxed = identity(durable=False)
    venue = start.venue
    for stored in journal:
        if stored.kind is not Kind.DATA or stored.next_sequence <= venue.engine.sequence + 1:
            continue
        assert journal.header is not None
        venue.engine.set_durable(journal.header.identity != relaxed)
        execution.apply(stored)
        yield execution.time_ns
