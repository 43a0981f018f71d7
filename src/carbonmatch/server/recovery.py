"""Start-up is recovery: newest snapshot, then replay, comparing what comes out with what was journaled.

The comparison is byte for byte, batch by batch: a rule that changed, or a core that is not
deterministic, is found at the very batch where it first shows.
"""

import gc
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec import Struct

from carbonmatch import __version__
from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.record import StoredRecord
from carbonmatch.journal.recovery import Recovery, other_identity, recover
from carbonmatch.journal.segments import ORIGIN, Anchor, Identity, segment_name
from carbonmatch.journal.snapshots import Snapshot
from carbonmatch.journal.storage import Storage
from carbonmatch.limits import (
    AMENDED_TRADES_MAX,
    ENTRY_EXPIRIES_MAX,
    ENTRY_MAKERS_MAX,
    ENTRY_STOPS_MAX,
    SEGMENT_BYTES,
    SESSION_OPEN_ORDERS_MAX,
    STATUS_ORDERS_MAX,
    STOP_MAKERS_MIN,
    VENUE_OPEN_ORDERS_MAX,
)
from carbonmatch.market_data.changes import FeedBatch
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import NO_REF, Outputs, RejectReason, SessionId
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.protocol.batch import Record, decode_record
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.server.difference import Difference, first_difference, is_caused_by
from carbonmatch.server.history import History
from carbonmatch.server.marks import Marks
from carbonmatch.server.stream import Chunk, Stream, chunks_of
from carbonmatch.server.venue_snapshot import VenueState, restore

_encoder: Final = msgspec.msgpack.Encoder()


class Diverged(Exception):
    """The state, or what was caused on the way to it, is not what was kept of it."""

    exit_code = ExitCode.JOURNAL_DIVERGED

    @classmethod
    def at(cls, record: StoredRecord, difference: Difference) -> "Diverged":
        first, last = difference.sequences
        commands = f"command {first}" if first == last else f"commands {first} to {last}"
        return cls(
            f"{segment_name(record.segment)}, byte {record.offset}, sequence {first}: {commands} gave other "
            f"{difference.what} than the journaled ones: {difference.details}; this engine does not follow "
            "the rules which the journal was written under"
        )


class Recovered(Struct):
    """What a start begins with."""

    engine: Engine
    market_data: MarketData
    streams: dict[SessionId, Stream]
    journal: Recovery
    snapshot_sequence: int
    records: int
    commands: int


def identity(durable: bool) -> Identity:
    """Everything beside the entries that the events depend on. The market is in the entries."""
    rules = _encoder.encode(
        (
            durable,
            SESSION_OPEN_ORDERS_MAX,
            VENUE_OPEN_ORDERS_MAX,
            STATUS_ORDERS_MAX,
            ENTRY_MAKERS_MAX,
            ENTRY_STOPS_MAX,
            STOP_MAKERS_MIN,
            ENTRY_EXPIRIES_MAX,
            AMENDED_TRADES_MAX,
        )
    )
    return Identity(__version__, blake2b(rules, digest_size=32).digest())


def recover_venue(
    storage: Storage,
    history: History,
    durable: bool,
    segment_bytes: int = SEGMENT_BYTES,
    blank_beside: bool = False,
) -> Recovered:
    """Bring back the state before the stop, and open the journal's next epoch.

    `blank_beside`: what holds no records is read by a thread of its own.

    Raises JournalRefused, JournalDamaged, Diverged or OSError; the journal is then as it was.
    """
    start = newest_start(storage)
    venue = start.venue
    engine = venue.engine
    engine.set_durable(durable)
    history.marks = venue.marks
    replay = Replay(venue)
    streams = {
        session_id: Stream(session_id, session.next_seq - 1, session.last_ref)
        for session_id, session in engine.sessions.items()
    }
    # Nothing made here is garbage in cycles, and a collection over a million orders takes long.
    gc.disable()
    try:
        journal = recover(
            storage,
            identity(durable),
            replay_from=engine.sequence + 1,
            anchor=start.anchor,
            on_record=lambda record: release(streams, replay.apply(record), engine),
            segment_bytes=segment_bytes,
            blank_beside=blank_beside,
        )
    finally:
        gc.enable()
    # Of copies memory holds nothing yet: whoever resumes gets them from the journal.
    copies = engine.drop_copies.values()
    streams.update({copy.session_id: Stream(copy.session_id, copy.next_seq - 1) for copy in copies})
    return Recovered(
        engine,
        venue.market_data,
        streams,
        journal,
        start.snapshot_sequence,
        replay.records,
        replay.commands,
    )


class Start(Struct, frozen=True):
    """What a replay goes on from: a snapshot, or nothing."""

    venue: VenueState
    anchor: Anchor
    snapshot_sequence: int  # 0: from the first command on


def newest_start(storage: Storage) -> Start:
    """The newest snapshot that is good in every byte and gives the state it promises, or the beginning."""
    return snapshots.newest(storage, start_behind, _warn) or from_nothing()


def start_from(storage: Storage, sequence: int) -> Start:
    """The snapshot of `sequence`; of 0, the beginning. Raises JournalDamaged, ValueError or OSError."""
    return start_behind(snapshots.load(storage, sequence)) if sequence else from_nothing()


def from_nothing() -> Start:
    return Start(VenueState(Engine(), MarketData(), Marks()), ORIGIN, 0)


def start_behind(snapshot: Snapshot) -> Start:
    """Raises ValueError where it gives another state than it promises."""
    return Start(restore(snapshot), snapshot.anchor, snapshot.sequence)


def decoded(stored: StoredRecord) -> Record:
    """The batch in a record; JournalDamaged where another version, or somebody else, has written it."""
    try:
        record = decode_record(stored.payload, stored.first_sequence)
        found = sum([len(entry.commands) for entry in record.entries])
        if found != stored.count:
            raise ProtocolError(RejectReason.MALFORMED, f"{found} commands, not {stored.count}")
    except ProtocolError as error:
        raise not_a_batch(stored, error) from error
    return record


def not_a_batch(stored: StoredRecord, error: ProtocolError) -> JournalDamaged:
    return JournalDamaged(
        segment_name(stored.segment),
        stored.offset,
        stored.first_sequence,
        found=str(error),
        expected="a batch of this version",
    )


class Replay:
    """Re-executes records on an engine, and compares all that they cause with what was journaled."""

    def __init__(self, venue: VenueState) -> None:
        self.venue = venue
        self.feed_batch: FeedBatch | None = None  # what the last record has told the public
        self.records = 0
        self.commands = 0
        self.time_ns = 0  # of the last entry

    def apply(self, stored: StoredRecord) -> list[Chunk]:
        """What the record has caused in each stream. Raises Diverged; the state is worth nothing then."""
        venue = self.venue
        engine = venue.engine
        assert stored.first_sequence == engine.sequence + 1, "a snapshot is taken between two batches"
        record = decoded(stored)
        outputs = execute(engine, stored, record)
        chunks = chunks_of(outputs)
        if not is_caused_by(record, chunks, outputs):
            raise Diverged.at(stored, first_difference(stored, record, outputs))
        note = venue.marks.note
        position = stored.position
        for chunk in chunks:
            note(chunk.session_id, chunk.first_seq, chunk.ref_before, position)
        for copy in outputs.copies:
            note(copy.session_id, copy.first_seq, NO_REF, position)
        self.time_ns = record.entries[-1].time_ns
        self.feed_batch = venue.market_data.apply(outputs, self.time_ns)
        self.records += 1
        self.commands += stored.count
        return chunks


def execute(engine: Engine, stored: StoredRecord, record: Record) -> Outputs:
    try:
        for entry in record.entries:
            engine.apply(entry)
        return engine.take_outputs()
    except Exception as error:
        # The engine that wrote this record did not fail here, so this one follows other rules; and every
        # further start would fail at the same place, which a supervisor has to know.
        whole = (stored.first_sequence, stored.next_sequence - 1)
        raise Diverged.at(stored, Difference(whole, "events", f"none, but {error!r}")) from error


def release(streams: dict[SessionId, Stream], chunks: list[Chunk], engine: Engine) -> None:
    """Keep what the sessions will ask for."""
    for chunk in chunks:
        session_id = chunk.session_id
        stream = streams.get(session_id)
        if stream is None:
            stream = streams[session_id] = Stream(session_id)
        stream.release(chunk, engine.sessions[session_id].last_ref)


def must_be_ours(record: StoredRecord, found: Identity) -> bool:
    """Whether `record` was answered when it was durable; JournalRefused where other rules answered it."""
    if found == identity(True):
        return True
    if found == identity(False):
        return False
    raise JournalRefused(other_identity(record, found, identity(True)))


def _warn(text: str) -> None:
    log("snapshot_passed_over", WARNING, text=Ours(text))
