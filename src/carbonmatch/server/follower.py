"""The follower: re-executes a journal as it grows, compares everything, and keeps snapshots of the state.

It is what the engine would become by a restart at this moment, made ahead, and it checks all day long that
this is the same. It answers nobody and changes nothing of the journal. Where something differs it stops;
no snapshot is ever made of a state that something speaks against.

Nothing here knows how records come: a `Source` may be a file on the same machine or a connection.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, Protocol

from msgspec import Struct

from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalDamaged, JournalFailed
from carbonmatch.journal.record import Kind, StoredRecord
from carbonmatch.journal.segments import Anchor, SegmentHeader, segment_numbers
from carbonmatch.journal.storage import Storage
from carbonmatch.limits import FOLLOWER_SNAPSHOT_RETRY_SECONDS
from carbonmatch.matching import state
from carbonmatch.ops.follower_metrics import FollowerCounters
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.recovery import Diverged, Replay, Start, must_be_ours
from carbonmatch.server.venue_snapshot import digest_in_this_version, take_snapshot

_NS_PER_SECOND: Final = 1_000_000_000
_LOOK_AROUND_NS: Final = _NS_PER_SECOND

# A snapshot in the making goes by this name, so that it and the engine's never are the same file.
SNAPSHOT_MAKER: Final = "follower"


class Source(Protocol):
    """The records of one journal behind a place in it, in order, as they become durable."""

    @property
    def header(self) -> SegmentHeader:
        """Of the segment that the last record lies in: who wrote it."""

    @property
    def anchor(self) -> Anchor:
        """The place behind the last record."""

    def records(self) -> Iterator[StoredRecord]:
        """What is there and was not handed out yet; JournalDamaged for what can never have been written."""

    def wait(self) -> None:
        """Return when it is worth looking again."""

    def newest_sequence(self) -> int:
        """Of the last command that may be handed out, and was or was not."""

    def is_closed(self) -> bool:
        """Whether the writer has stopped cleanly behind the last record."""

    def check(self) -> None:
        """JournalDamaged where the next record is there and wrong; for when nothing comes."""

    def secure(self) -> None:
        """Return when what was handed out cannot be lost any more."""

    @property
    def segments_verified(self) -> int: ...


class SnapshotPolicy(Struct, frozen=True):
    """A snapshot after so many commands, or after so long if there was any command.

    Each record counts for `record_commands` more.
    """

    commands: int
    seconds: float
    record_commands: int = 0


class Follower:
    """Belongs to one thread. `counters` are read by others."""

    def __init__(
        self,
        storage: Storage,
        source: Source,
        start: Start,
        policy: SnapshotPolicy,
        clocks: Clocks,
        counters: FollowerCounters,
        on_snapshot: Callable[[], None] = lambda: None,
        on_segment: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`on_snapshot` is called when one more is on the disk and was read back.

        `on_segment` is told of each segment from which on everything is still to be read.
        """
        self.replay = Replay(start.venue)
        self.engine = start.venue.engine
        self._storage = storage
        self._source = source
        self._policy = policy
        self._clocks = clocks
        self._counters = counters
        self._on_snapshot = on_snapshot
        self._on_segment = on_segment
        self._segment = 0
        self._snapshot_sequence = start.snapshot_sequence
        self._snapshot_records = 0  # of `replay.records`
        self._snapshot_ns = clocks.monotonic_ns()
        self._retry_ns = 0
        self._compared_sequence = 0
        self._looked_ns = 0
        self._is_idle = False

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Follow until `is_stopping`, then keep the state.

        Raises Diverged, JournalDamaged or JournalRefused where it cannot go on; the newest snapshot is then
        the last good one.
        """
        while not is_stopping():
            if not self.advance(is_stopping):
                self._source.wait()
        if self._is_worth_keeping():
            self.write_snapshot()

    def advance(self, is_stopping: Callable[[], bool] = lambda: False) -> bool:
        """Execute what there is; return whether there was anything."""
        before = self.replay.records
        for record in self._source.records():
            if record.kind is Kind.DATA:
                self._execute(record)
            self._look_around()
            if is_stopping():
                break
        self._is_idle = self.replay.records == before
        self._look_around()
        return not self._is_idle

    def _execute(self, record: StoredRecord) -> None:
        engine = self.engine
        if record.next_sequence <= engine.sequence + 1:
            return
        if record.segment != self._segment:
            # An epoch has one configuration, and a segment is of one epoch.
            engine.set_durable(must_be_ours(record, self._source.header.identity))
            self._segment = record.segment
            self._on_segment(record.segment)
        self.replay.apply(record)
        counters = self._counters
        counters.records = self.replay.records
        counters.commands = self.replay.commands
        counters.sequence = engine.sequence
        if self._commands_to_replay() >= self._policy.commands:
            self._write_due_snapshot()

    def _commands_to_replay(self) -> int:
        """How much a start would have to do, from the newest snapshot on."""
        records = self.replay.records - self._snapshot_records
        commands = self.engine.sequence - self._snapshot_sequence
        return commands + records * self._policy.record_commands

    # --- now and then ------------------------------------------------------------------------------

    def _look_around(self) -> None:
        """Once a second: how far behind, is the rest sound, is a snapshot due."""
        now_ns = self._clocks.monotonic_ns()
        if now_ns - self._looked_ns < _LOOK_AROUND_NS:
            return
        self._looked_ns = self._counters.looked_ns = now_ns
        self._measure_lag()
        if self._is_idle:
            self._source.check()
            self._compare_with_the_engine()
        age_ns = now_ns - self._snapshot_ns
        self._counters.snapshot_age_ns = age_ns if self._snapshot_sequence else 0
        if age_ns > self._policy.seconds * _NS_PER_SECOND and self._is_worth_keeping():
            self._write_due_snapshot()

    def _measure_lag(self) -> None:
        counters = self._counters
        counters.seen_sequence = self._source.newest_sequence()
        counters.age_ns = max(0, self._clocks.time_ns() - self.engine.time_ns)
        counters.segments_verified = self._source.segments_verified

    def _compare_with_the_engine(self) -> None:
        """At a clean stop the engine says what its state is: it has to be ours."""
        sequence = self.engine.sequence
        if sequence == self._compared_sequence or sequence not in snapshots.sequences(self._storage):
            return
        if not self._source.is_closed():
            return
        # One that is damaged is for the next start to pass over.
        with suppress(JournalDamaged, OSError):
            self._compare(snapshots.load(self._storage, sequence))

    def _compare(self, theirs: snapshots.Snapshot) -> None:
        digest = state.digest(self.engine)
        their_digest = digest_in_this_version(theirs)
        if their_digest != digest and their_digest != self._digest_in_the_other_mode():
            raise Diverged(
                f"snapshot {theirs.sequence}: its state has the digest {theirs.state_digest.hex()}, the "
                f"journal gives {digest.hex()}: move the snapshot away, nothing may start from it"
            )
        self._compared_sequence = theirs.sequence
        self._counters.digests_compared += 1
        log("digest_compared", sequence=theirs.sequence, digest=digest.hex())

    def _digest_in_the_other_mode(self) -> bytes:
        """What an engine has that was started again, relaxed or no more, and did nothing."""
        engine = self.engine
        durable = engine.venue.durable
        engine.set_durable(not durable)
        digest = state.digest(engine)
        engine.set_durable(durable)
        return digest

    # --- snapshots -----------------------------------------------------------------------------------

    def _is_worth_keeping(self) -> bool:
        return self.engine.sequence > self._snapshot_sequence

    def _write_due_snapshot(self) -> None:
        if self._clocks.monotonic_ns() >= self._retry_ns:
            self.write_snapshot()

    def write_snapshot(self) -> None:
        """Keep the state, unless the engine has. A disk that does not take it is tried again later."""
        sequence = self.engine.sequence
        if self._source.is_closed() and sequence not in snapshots.sequences(self._storage):
            # The engine is about to write one of this very state, to be compared with ours.
            return
        self._secure()
        try:
            if sequence in snapshots.sequences(self._storage):
                self._compare(snapshots.load(self._storage, sequence))
            else:
                self._write(sequence)
        except (JournalDamaged, OSError) as error:
            self._counters.snapshots_failed += 1
            self._retry_ns = self._clocks.monotonic_ns() + FOLLOWER_SNAPSHOT_RETRY_SECONDS * _NS_PER_SECOND
            log("snapshot_failed", WARNING, text=Ours(str(error)), sequence=sequence)
            return
        self._snapshot_sequence = self._counters.snapshot_sequence = sequence
        self._snapshot_records = self.replay.records
        self._snapshot_ns = self._clocks.monotonic_ns()
        self._counters.snapshot_age_ns = 0
        self._on_snapshot()

    def _secure(self) -> None:
        try:
            self._source.secure()
        except OSError as error:
            raise JournalFailed(f"the journal cannot be made durable: {error}") from error

    def _write(self, sequence: int) -> None:
        header = self._source.header
        first_segment = segment_numbers(self._storage)[0]
        snapshot = take_snapshot(
            self.replay.venue, header.identity, header.epoch, self._source.anchor, first_segment
        )
        snapshots.write(self._storage, snapshot, SNAPSHOT_MAKER)
        if snapshots.load(self._storage, sequence) != snapshot:
            raise OSError(f"snapshot {sequence} reads back other than it was written")
        self._counters.snapshots_written += 1
        log("snapshot_written", sequence=sequence, bytes=len(snapshot.state))
