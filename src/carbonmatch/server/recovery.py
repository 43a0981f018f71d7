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
from carbonmatch.journal.record import StoredRecord
from carbonmatch.journal.recovery import Recovery, recover
from carbonmatch.journal.segments import ORIGIN, Anchor, Identity
from carbonmatch.journal.snapshots import Snapshot
from carbonmatch.journal.storage import Storage
from carbonmatch.limits import (
    SEGMENT_BYTES,
    SESSION_OPEN_ORDERS_MAX,
    STATUS_ORDERS_MAX,
    VENUE_OPEN_ORDERS_MAX,
)
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import NO_REF, Outputs, SessionId
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.protocol.batch import Record, decode_record
from carbonmatch.server.history import History
from carbonmatch.server.marks import Marks
from carbonmatch.server.stream import Chunk, Stream, chunks_of
from carbonmatch.server.venue_snapshot import VenueState, restore

_encoder: Final = msgspec.msgpack.Encoder()


class Diverged(Exception):
    """Re-executing the journal gave other events than were journaled."""

    exit_code = ExitCode.JOURNAL_DIVERGED

    def __init__(self, record: StoredRecord, what: str) -> None:
        super().__init__(
            f"segment {record.segment}, byte {record.offset}: commands {record.first_sequence} to "
            f"{record.next_sequence - 1} gave other {what} than the journaled ones: this engine does not "
            "follow the rules which the journal was written under"
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
    rules = _encoder.encode((durable, SESSION_OPEN_ORDERS_MAX, VENUE_OPEN_ORDERS_MAX, STATUS_ORDERS_MAX))
    return Identity(__version__, blake2b(rules, digest_size=32).digest())


def recover_venue(
    storage: Storage, history: History, durable: bool, segment_bytes: int = SEGMENT_BYTES
) -> Recovered:
    """Bring back the state before the stop, and open the journal's next epoch.

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
            on_record=lambda record: _release(streams, replay.apply(record), engine),
            segment_bytes=segment_bytes,
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

    def start(snapshot: Snapshot) -> Start:
        return Start(restore(snapshot), snapshot.anchor, snapshot.sequence)

    found = snapshots.newest(storage, start, _warn)
    return found or Start(VenueState(Engine(), MarketData(), Marks()), ORIGIN, 0)


class Replay:
    """Re-executes records on an engine, and compares all that they cause with what was journaled."""

    def __init__(self, venue: VenueState) -> None:
        self.venue = venue
        self.records = 0
        self.commands = 0

    def apply(self, stored: StoredRecord) -> list[Chunk]:
        """What the record has caused in each stream. Raises Diverged; the state is worth nothing then."""
        venue = self.venue
        engine = venue.engine
        assert stored.first_sequence == engine.sequence + 1, "a snapshot is taken between two batches"
        record = decode_record(stored.payload, stored.first_sequence)
        for entry in record.entries:
            engine.apply(entry)
        outputs = engine.take_outputs()
        chunks = chunks_of(outputs)
        _compare(stored, record, chunks, outputs)
        note = venue.marks.note
        position = stored.position
        for chunk in chunks:
            note(chunk.session_id, chunk.first_seq, chunk.ref_before, position)
        for copy in outputs.copies:
            note(copy.session_id, copy.first_seq, NO_REF, position)
        venue.market_data.apply(outputs, record.entries[-1].time_ns)
        self.records += 1
        self.commands += stored.count
        return chunks


def _release(streams: dict[SessionId, Stream], chunks: list[Chunk], engine: Engine) -> None:
    """Keep what the sessions will ask for."""
    for chunk in chunks:
        session_id = chunk.session_id
        stream = streams.get(session_id)
        if stream is None:
            stream = streams[session_id] = Stream(session_id)
        stream.release(chunk, engine.sessions[session_id].last_ref)


def _compare(stored: StoredRecord, record: Record, chunks: list[Chunk], outputs: Outputs) -> None:
    journaled = record.streams
    if len(chunks) != len(journaled):
        raise Diverged(stored, f"streams ({len(chunks)}, expected {len(journaled)})")
    for chunk, expected in zip(chunks, journaled, strict=True):
        if (
            chunk.session_id != expected.session_id
            or chunk.first_seq != expected.first_seq
            or chunk.ref_before != expected.ref_before
            or chunk.payload != bytes(expected.reports)
        ):
            raise Diverged(stored, f"reports in stream {expected.session_id}")
    if _encoder.encode(outputs.public) != bytes(record.public):
        raise Diverged(stored, "public events")
    if outputs.copies != record.copies:
        raise Diverged(stored, "drop copies")


def _warn(text: str) -> None:
    log("snapshot_passed_over", WARNING, text=Ours(text))
