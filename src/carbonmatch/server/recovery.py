"""Start-up is recovery: newest snapshot, then replay, comparing what comes out with what was journaled.

The comparison is byte for byte, batch by batch: a rule that changed, or a core that is not
deterministic, is found at the very batch where it first shows.
"""

import gc
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec import Raw, Struct

from carbonmatch import __version__
from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal import snapshots
from carbonmatch.journal.record import StoredRecord, position
from carbonmatch.journal.recovery import Recovery, recover
from carbonmatch.journal.segments import Identity
from carbonmatch.journal.snapshots import Snapshot
from carbonmatch.journal.storage import Storage
from carbonmatch.limits import (
    SEGMENT_BYTES,
    SESSION_OPEN_ORDERS_MAX,
    STATUS_ORDERS_MAX,
    VENUE_OPEN_ORDERS_MAX,
)
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching import state
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import NO_REF, Outputs, SessionId
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.protocol.batch import Record, decode_record
from carbonmatch.server.history import History
from carbonmatch.server.stream import Chunk, Stream, chunks_of

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
    snapshot = snapshots.newest(storage, _warn)
    if snapshot is None:
        engine, market_data = Engine(durable=durable), MarketData()
    else:
        engine, market_data = _restore(snapshot)
        engine.set_durable(durable)
    replay = Replay(engine, market_data, history)
    # Nothing made here is garbage in cycles, and a collection over a million orders takes long.
    gc.disable()
    try:
        journal = recover(
            storage,
            identity(durable),
            replay_from=engine.sequence + 1,
            on_record=replay.apply,
            segment_bytes=segment_bytes,
        )
    finally:
        gc.enable()
    # Of copies memory holds nothing yet: whoever resumes gets them from the journal.
    copies = engine.drop_copies.values()
    replay.streams.update({copy.session_id: Stream(copy.session_id, copy.next_seq - 1) for copy in copies})
    return Recovered(
        engine,
        market_data,
        replay.streams,
        journal,
        0 if snapshot is None else snapshot.sequence,
        replay.records,
        replay.commands,
    )


class Replay:
    """Re-executes records on an engine, and keeps what its sessions and subscribers will ask for."""

    def __init__(self, engine: Engine, market_data: MarketData, history: History) -> None:
        self.engine = engine
        self.market_data = market_data
        self.history = history
        self.streams = {
            session_id: Stream(session_id, session.next_seq - 1, session.last_ref)
            for session_id, session in engine.sessions.items()
        }
        self.records = 0
        self.commands = 0

    def apply(self, stored: StoredRecord) -> None:
        engine = self.engine
        assert stored.first_sequence == engine.sequence + 1, "a snapshot is taken between two batches"
        record = decode_record(stored.payload, stored.first_sequence)
        for entry in record.entries:
            engine.apply(entry)
        outputs = engine.take_outputs()
        chunks = chunks_of(outputs)
        _compare(stored, record, chunks, outputs)
        at = position(stored.segment, stored.offset)
        self._release(chunks, at)
        for copy in outputs.copies:
            self.history.note(copy.session_id, copy.first_seq, NO_REF, at)
        self.market_data.apply(outputs, record.entries[-1].time_ns)
        self.records += 1
        self.commands += stored.count

    def _release(self, chunks: list[Chunk], at: int) -> None:
        streams = self.streams
        for chunk in chunks:
            session_id = chunk.session_id
            stream = streams.get(session_id)
            if stream is None:
                stream = streams[session_id] = Stream(session_id)
            stream.release(chunk, self.engine.sessions[session_id].last_ref)
            self.history.note(session_id, chunk.first_seq, chunk.ref_before, at)


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


def take_snapshot(engine: Engine, market_data: MarketData, epoch: int, durable: bool) -> Snapshot:
    """The state after everything applied; nothing may be waiting for the disk."""
    both = _encoder.encode((Raw(state.snapshot(engine)), market_data.state()))
    return Snapshot(engine.sequence, epoch, identity(durable), both, state.digest(engine))


def _restore(snapshot: Snapshot) -> tuple[Engine, MarketData]:
    """Raises ValueError where the state is not the one that the digest names."""
    engine_state, feed_state = msgspec.msgpack.decode(snapshot.state, type=tuple[Raw, bytes])
    engine = state.restore(bytes(engine_state))
    if state.digest(engine) != snapshot.state_digest:
        raise ValueError(f"snapshot {snapshot.sequence}: the state is not the one its digest names")
    market_data = MarketData()
    market_data.restore(feed_state)
    return engine, market_data


def _warn(text: str) -> None:
    log("snapshot_passed_over", WARNING, text=Ours(text))
