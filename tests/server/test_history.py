"""A stream's past out of the journal: from any seq, over slices, segments and other streams' records."""

import pytest
from msgspec import Raw

from carbonmatch.journal.segments import segment_name
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.matching.messages import Ref, SessionId
from carbonmatch.protocol.batch import EntryRecord, StreamRecord, encode_record
from carbonmatch.server import history as history_module
from carbonmatch.server.history import History
from carbonmatch.server.stream import Chunk
from tests.journal.model_disk import ModelDisk
from tests.journal.worlds import start
from tests.server.turns import Turns

ALICE, BOB, CAROL = SessionId(1), SessionId(2), SessionId(3)
# [Rejected(seq, ref, time 0, flags 0, reason THROTTLED)]: what a report says is not history's concern.
REJECTED = b"\x96\x31%c%c\x00\x00\x05"


def fail(error: Exception) -> None:
    raise error


class World:
    """A journal, and a history that has heard of all of it."""

    def __init__(self) -> None:
        self.disk = ModelDisk()
        self.writer: JournalWriter = start(self.disk)
        self.turns = Turns()
        self.history = History(self.disk, self.turns)
        self.chunks: dict[SessionId, list[Chunk]] = {ALICE: [], BOB: []}
        self._ends: dict[SessionId, tuple[int, Ref]] = {ALICE: (1, Ref(0)), BOB: (1, Ref(0))}

    def batch(self, **counts: int) -> None:
        """Journal one batch that gives each of these streams so many reports, one to a ref."""
        chunks = []
        for name, count in counts.items():
            session_id = {"alice": ALICE, "bob": BOB}[name]
            first_seq, ref_before = self._ends[session_id]
            reports = [REJECTED % (first_seq + n, ref_before + 1 + n) for n in range(count)]
            payload = bytes((0x90 | count,)) + b"".join(reports)
            chunks.append(Chunk(session_id, first_seq, count, ref_before, payload))
            self._ends[session_id] = (first_seq + count, Ref(ref_before + count))
        streams = [
            StreamRecord(one.session_id, one.first_seq, one.ref_before, Raw(one.payload)) for one in chunks
        ]
        record = encode_record([EntryRecord(0, ALICE, Raw(b"\x90"))], streams, [])
        position = self.writer.append(record, self.writer.durable_sequence + 1, 1)
        self.writer.prepare_next()
        for chunk in chunks:
            self.chunks[chunk.session_id].append(chunk)
            self.history.marks.note(chunk.session_id, chunk.first_seq, chunk.ref_before, position)
        self.history.durable_position = self.writer.durable_position

    def read(self, session_id: SessionId, next_seq: int, history: History | None = None) -> list[Chunk]:
        past = (history or self.history).past(session_id, next_seq)
        found: list[Chunk] = []
        while not past.at_end:
            past.read(found.extend, fail)
            self.turns.run()
        return found

    def find(self, session_id: SessionId, ref: int, history: History | None = None) -> Chunk | None:
        found: list[Chunk | None] = []
        (history or self.history).find(session_id, Ref(ref), found.append, fail)
        self.turns.run()
        (chunk,) = found
        return chunk

    def expected(self, session_id: SessionId, next_seq: int) -> list[Chunk]:
        return [chunk for chunk in self.chunks[session_id] if chunk.first_seq + chunk.count > next_seq]


@pytest.fixture(params=[1, 100, 1_000_000], ids=lambda size: f"slices of {size}")
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    """Ninety batches over several segments; a slice is one record, a few, or everything."""
    monkeypatch.setattr(history_module, "_SLICE_BYTES", request.param)
    one = World()
    for _ in range(30):
        one.batch(alice=1)
        one.batch(bob=1)
        one.batch(alice=2, bob=1)
    assert one.writer.segment > 3
    return one


def test_what_holds_a_seq_and_all_that_follows(world: World) -> None:
    for session_id, end in ((ALICE, 91), (BOB, 61)):
        for next_seq in range(1, end):
            assert world.read(session_id, next_seq) == world.expected(session_id, next_seq)
        assert world.read(session_id, end) == []


def test_nothing_behind_what_is_durable(world: World) -> None:
    durable = world.history.durable_position
    known = world.expected(ALICE, 1)
    world.batch(alice=3)
    world.history.durable_position = durable
    assert world.read(ALICE, 1) == known


def test_the_chunk_with_the_outcome_of_a_ref(world: World) -> None:
    for chunk in world.chunks[ALICE]:
        for ref in range(chunk.ref_before + 1, chunk.ref_before + 1 + chunk.count):
            assert world.find(ALICE, ref) == chunk


def test_a_history_that_has_heard_of_nothing_yet_reads_from_the_start(world: World) -> None:
    """As after a start from a snapshot, until the first new batch."""
    fresh = History(world.disk, world.turns)
    fresh.durable_position = world.history.durable_position
    for next_seq in (1, 45, 90):
        assert world.read(ALICE, next_seq, fresh) == world.expected(ALICE, next_seq)
    assert world.find(ALICE, 45, fresh) == world.find(ALICE, 45)


def test_a_stream_without_a_past_has_none(world: World) -> None:
    assert world.read(CAROL, 1) == []
    assert world.find(CAROL, 1) is None


def test_the_past_that_was_archived_is_not_read(world: World) -> None:
    world.disk.remove(segment_name(1))
    world.disk.remove(segment_name(2))
    found = world.read(ALICE, 1)
    assert found
    assert found == [one for one in world.chunks[ALICE] if one.first_seq >= found[0].first_seq]
    assert found[0].first_seq > 1


def test_an_outcome_that_was_archived_is_not_found_in_what_stands_around_it(world: World) -> None:
    world.disk.remove(segment_name(1))
    world.disk.remove(segment_name(2))
    kept = world.read(ALICE, 1)[0]
    assert kept.ref_before > 0
    for ref in range(1, kept.ref_before + 1):
        assert world.find(ALICE, ref) is None
    assert world.find(ALICE, kept.ref_before + 1) == kept


def test_an_outcome_that_is_archived_while_it_is_looked_for_is_not_taken_for_none(world: World) -> None:
    fresh = History(world.disk, world.turns)
    fresh.durable_position = world.history.durable_position
    at = world.history.marks.at_seq(ALICE, world.chunks[ALICE][-1].first_seq)
    assert at is not None
    wanted = next(one for one in world.chunks[ALICE] if one.first_seq + one.count == at.first_seq)
    found: list[Chunk | None] = []
    fresh.find(ALICE, Ref(wanted.ref_before + 1), found.append, fail)
    world.turns.step()
    for number in range(1, at.position >> 32):
        world.disk.remove(segment_name(number))
    world.turns.run()
    assert found in ([None], [wanted])
