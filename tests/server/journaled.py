"""An engine and its journal on a model disk, without a network: what a follower follows."""

from collections.abc import Iterable, Iterator

from msgspec import Raw, structs

from carbonmatch.journal import snapshots
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.segments import Identity
from carbonmatch.journal.snapshots import Snapshot
from carbonmatch.journal.storage import Storage
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import NO_REF, Entry, Outputs
from carbonmatch.protocol.batch import EntryRecord, encode_record, encode_stream, stream_records
from carbonmatch.protocol.codec import encode
from carbonmatch.server.marks import Marks
from carbonmatch.server.recovery import identity
from carbonmatch.server.venue_snapshot import VenueState, take_snapshot
from tests.matching.worlds import seeded

SEGMENT_BYTES = 16 * 1024


class Journaled:
    """The writing side. `forge` changes what is journaled of a batch, and not what happened."""

    def __init__(
        self,
        storage: Storage,
        segment_bytes: int = SEGMENT_BYTES,
        by: Identity | None = None,
        relaxed: bool = False,
    ) -> None:
        """`relaxed` leaves out the syncs, and nothing else: what is journaled says that it is durable."""
        self.storage = storage
        self.identity = identity(True) if by is None else by
        self.writer = JournalWriter(
            storage,
            recover(storage, self.identity, segment_bytes=segment_bytes),
            relaxed=relaxed,
            spare_segments=1,
        )
        durable = self.identity != identity(False)
        self.state = VenueState(Engine(durable=durable), MarketData(), Marks())

    @property
    def engine(self) -> Engine:
        return self.state.engine

    def batch(self, entries: list[Entry], *, forge: int = 0) -> None:
        """Commit `entries` as one record; `forge`: the sequence of a command whose first report is forged."""
        for entry in entries:
            self.engine.apply(entry)
        outputs = self.engine.take_outputs()
        first_sequence = entries[0].first_sequence
        count = sum(len(entry.commands) for entry in entries)
        records = [
            EntryRecord(entry.time_ns, entry.session_id, Raw(encode(entry.commands))) for entry in entries
        ]
        streams = stream_records(forged(outputs, entries, forge) if forge else outputs)
        payload = encode_record(records, streams, outputs.public, outputs.copies)
        position = self.writer.append(payload, first_sequence, count)
        self.writer.prepare_next()
        for stream in streams:
            self.state.marks.note(stream.session_id, stream.first_seq, stream.ref_before, position)
        for copy in outputs.copies:
            self.state.marks.note(copy.session_id, copy.first_seq, NO_REF, position)
        self.state.market_data.apply(outputs, entries[-1].time_ns)

    def run(self, entries: Iterable[Entry], per_batch: int = 3) -> None:
        for batch in batches(entries, per_batch):
            self.batch(batch)

    def stop(self, *, with_snapshot: bool = True) -> Snapshot:
        """As the service does: the journal closed, then the state kept."""
        self.writer.close()
        snapshot = take_snapshot(self.state, self.identity, self.writer.epoch, self.writer.anchor)
        if with_snapshot:
            snapshots.write(self.storage, snapshot)
        return snapshot


def batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def world(seed: int, commands: int) -> list[Entry]:
    return list(seeded(seed, commands))


def forged(outputs: Outputs, entries: list[Entry], sequence: int) -> Outputs:
    """`outputs` with one flipped bit in the answer to the command of `sequence`."""
    (session_id, ref), *_ = [
        (entry.session_id, entry.commands[sequence - entry.first_sequence].ref)  # type: ignore[union-attr]
        for entry in entries
        if entry.first_sequence <= sequence < entry.first_sequence + len(entry.commands)
    ]
    streams = []
    for stream in outputs.streams:
        reports = list(stream.reports)
        if stream.session_id == session_id:
            at = next(number for number, report in enumerate(reports) if report.ref == ref)
            reports[at] = structs.replace(reports[at], time_ns=reports[at].time_ns ^ 1)
        streams.append(structs.replace(stream, reports=reports))
    return structs.replace(outputs, streams=streams)


__all__ = ["SEGMENT_BYTES", "Journaled", "batches", "encode_stream", "forged", "world"]
