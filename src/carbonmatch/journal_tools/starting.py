"""What a start of this version would make of a journal, found out without writing a byte into it."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from carbonmatch.journal import snapshots
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind
from carbonmatch.journal.snapshots import Snapshot
from carbonmatch.journal_tools.batches import opened
from carbonmatch.matching.state import digest
from carbonmatch.server.recovery import Replay, Start, from_nothing, must_be_ours, start_behind


class Startable(Struct, frozen=True):
    """What a start would begin with."""

    snapshot_sequence: int  # 0: none
    snapshot_version: str  # of the engine that has made it
    commands: int  # to be executed again behind it
    sequence: int  # of the last command
    open_orders: int
    state_digest: bytes  # as this version writes the state down
    closed: bool  # the last stop was a clean one
    torn_bytes: int  # of a write that a crash cut short: dropped by the start


def check_start(directory: Path, on_passed_over: Callable[[str], None]) -> Startable:
    """Do what a start does, up to where it would write.

    `on_passed_over` hears of each newer snapshot that cannot be used, and why.
    Raises JournalRefused, JournalDamaged or Diverged where it would be refused, with the same words.
    """
    storage = opened(directory, None)
    versions: dict[int, str] = {}

    def begin(snapshot: Snapshot) -> Start:
        versions[snapshot.sequence] = snapshot.identity.engine_version
        return start_behind(snapshot)

    start = snapshots.newest(storage, begin, on_passed_over) or from_nothing()
    engine = start.venue.engine
    execution = Replay(start.venue)
    journal = JournalScan(
        storage,
        replay_from=start.snapshot_sequence + 1,
        anchor=start.anchor if start.snapshot_sequence else None,
    )
    for stored in journal:
        if stored.kind is not Kind.DATA or stored.next_sequence <= engine.sequence + 1:
            continue
        assert journal.header is not None
        engine.set_durable(must_be_ours(stored, journal.header.identity))
        execution.apply(stored)
    end = journal.end
    return Startable(
        start.snapshot_sequence,
        versions.get(start.snapshot_sequence, ""),
        execution.commands,
        engine.sequence,
        engine.open_order_count,
        digest(engine),
        closed=end is None or end.closed,
        torn_bytes=0 if end is None else end.torn_bytes,
    )
