"""A past day made again from the journal: the same batches, from where one wants, in the rhythm of then."""

from pathlib import Path
from typing import cast

import pytest

from carbonmatch.journal.storage import DiskStorage
from carbonmatch.market_data.changes import FeedBatch
from carbonmatch.market_data.subscriber import Subscriber
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import DefineKey, Entry, KeySession, Ref, SessionId
from carbonmatch.protocol.messages import Role, Subscribe
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.feed_replay import FeedReplay, FeedTape
from carbonmatch.server.feed_span import NothingToReplay, Span, listening_address, span
from carbonmatch.server.publisher import Publisher
from tests.matching.worlds import seeded
from tests.server.journaled import Journaled
from tests.server.turns import Turns

NS_PER_SECOND = 1_000_000_000


class Told:
    """A journal, and what its engine told the public."""

    def __init__(self, directory: Path, *, snapshot_after: int = 0) -> None:
        self.storage = DiskStorage(directory)
        writer = Journaled(self.storage, relaxed=True)
        self.batches: list[FeedBatch] = []
        self.snapshot_at = 0  # the batch of the feed that it was taken behind
        for entry in with_a_key(list(seeded(3, 300))):
            before = writer.state.market_data.feed_sequence
            writer.batch([entry])
            recent = writer.state.market_data.recent.since(before, writer.state.market_data.feed_sequence)
            self.batches += recent or []
            if snapshot_after and writer.engine.sequence >= snapshot_after:
                snapshot_after = 0
                self.snapshot_at = writer.state.market_data.feed_sequence
                writer.stop()
                writer = self._go_on(writer)
        writer.writer.close()

    def _go_on(self, stopped: Journaled) -> Journaled:
        writer = Journaled(self.storage, relaxed=True)
        writer.state = stopped.state
        return writer


def with_a_key(entries: list[Entry]) -> list[Entry]:
    """The first entry of a world defines it; a key at its end does not touch the numbers of what follows."""
    first = entries[0]
    key = DefineKey("k", bytes(32), (KeySession(SessionId(1), (Role.MARKET_DATA,)),))
    shifted = [
        Entry(one.first_sequence + 1, one.time_ns, one.session_id, one.commands) for one in entries[1:]
    ]
    return [
        Entry(first.first_sequence, first.time_ns, first.session_id, [*first.commands, key]),
        *shifted,
    ]


def rest_of(tape: FeedTape) -> list[FeedBatch]:
    found = []
    while tape.next_ns is not None:
        batch = tape.next()
        if batch.changes:
            found.append(batch)
    return found


def test_the_batches_are_those_that_were_told(tmp_path: Path) -> None:
    told = Told(tmp_path)
    # The first batch defines the key without which nobody could read.
    assert rest_of(FeedTape(told.storage, Span())) == told.batches[1:]


def test_a_span_begins_and_ends_at_its_times(tmp_path: Path) -> None:
    told = Told(tmp_path)
    middle = told.batches[10:25]
    wanted = Span(middle[0].time_ns, middle[-1].time_ns)
    expected = [one for one in told.batches if wanted.from_ns <= one.time_ns <= wanted.until_ns]
    tape = FeedTape(told.storage, wanted)
    assert tape.venue.market_data.feed_sequence == expected[0].feed_sequence - 1
    assert rest_of(tape) == expected


@pytest.mark.parametrize("distance", [-3, 0, 3])
def test_a_span_behind_a_batch_begins_from_a_snapshot_before_it_where_there_is_one(
    tmp_path: Path, distance: int
) -> None:
    told = Told(tmp_path, snapshot_after=150)
    after = told.snapshot_at + distance
    tape = FeedTape(told.storage, Span(after_feed_sequence=after))
    assert [one.feed_sequence for one in rest_of(tape)] == list(range(after + 1, len(told.batches) + 1))
    assert (tape._replay.commands < tape.venue.engine.sequence) == (distance >= 0)


def test_a_span_without_anything_is_refused(tmp_path: Path) -> None:
    told = Told(tmp_path)
    last = told.batches[-1]
    for wanted in (Span(last.time_ns + 10**15), Span(after_feed_sequence=last.feed_sequence + 1)):
        with pytest.raises(NothingToReplay):
            FeedTape(told.storage, wanted)


# --- in the rhythm of then ---------------------------------------------------------------------------


class FakePeer:
    """A subscriber's connection as far as a replay looks at it."""

    def __init__(self, subscriber: Subscriber) -> None:
        self.subscriber = subscriber
        self.transport = self
        self.buffered_bytes = 0

    def get_write_buffer_size(self) -> int:
        return self.buffered_bytes


class FakePublisher:
    """Notes what is published when."""

    def __init__(self, tape: FeedTape, turns: Turns) -> None:
        self.subscriptions = Subscriptions(tape.venue.market_data)
        self.followers: dict[FakePeer, None] = {}
        self.turns = turns
        self.clocks = Clocks(self._now_ns, self._now_ns)
        self.published: list[tuple[float, int]] = []

    def _now_ns(self) -> int:
        return round(self.turns.now_seconds * NS_PER_SECOND)

    def publish_batch(self, batch: FeedBatch) -> None:
        if batch.changes:
            self.published.append((self.turns.now_seconds, batch.feed_sequence))

    def join(self) -> FakePeer:
        peer = FakePeer(self.subscriptions.join())
        self.subscriptions.subscribe(peer.subscriber, Subscribe(Ref(1)), 0)
        self.followers[peer] = None
        return peer


class Playing:
    def __init__(self, directory: Path, speed: float, readers: int = 1) -> None:
        self.told = Told(directory)
        self.turns = Turns()
        self.tape = FeedTape(self.told.storage, Span())
        self.publisher = FakePublisher(self.tape, self.turns)
        self.ended: list[Exception | None] = []
        publisher = cast("Publisher", self.publisher)
        FeedReplay(self.tape, publisher, self.turns, speed, readers, self.ended.append).begin()

    def read_snapshots(self, peer: FakePeer) -> None:
        self.publisher.subscriptions.drained(peer.subscriber, 0)


@pytest.mark.parametrize("speed", [1e-9, 1e-8, 5e-8])
def test_batches_come_in_the_distances_of_then(tmp_path: Path, speed: float) -> None:
    """The times of this world are nanoseconds apart: it is played slowly."""
    playing = Playing(tmp_path, speed)
    playing.read_snapshots(playing.publisher.join())
    batches = playing.told.batches[1:]
    first_ns = batches[0].time_ns
    step = (batches[-1].time_ns - first_ns) / NS_PER_SECOND / speed / 2_000
    while not playing.ended:
        playing.turns.advance(step)
    published = playing.publisher.published
    assert [sequence for _, sequence in published] == [one.feed_sequence for one in batches]
    for (seconds, _), batch in zip(published, batches, strict=True):
        due = published[0][0] + (batch.time_ns - first_ns) / NS_PER_SECOND / speed
        assert due - step <= seconds <= due + 2 * step
    assert playing.ended == [None]


def test_it_begins_when_as_many_as_are_waited_for_have_their_snapshots(tmp_path: Path) -> None:
    playing = Playing(tmp_path, 0, readers=2)
    playing.read_snapshots(playing.publisher.join())
    second = playing.publisher.join()
    playing.turns.advance(1)
    assert playing.publisher.published == []
    playing.read_snapshots(second)
    playing.turns.advance(1)
    assert playing.ended == [None]


def test_as_fast_as_all_read_waits_for_the_slowest(tmp_path: Path) -> None:
    playing = Playing(tmp_path, 0)
    peer = playing.publisher.join()
    peer.buffered_bytes = 10**6
    playing.read_snapshots(peer)
    playing.turns.advance(1)
    assert playing.publisher.published == []
    peer.buffered_bytes = 0
    playing.turns.advance(1)
    assert len(playing.publisher.published) == len(playing.told.batches) - 1


# --- as it is said on the command line -----------------------------------------------------------------


def test_a_day_is_from_midnight_to_midnight_utc() -> None:
    assert span("2021-07-16", None, None, 0) == Span(1_626_393_600 * 10**9, 1_626_480_000 * 10**9 - 1)


def test_a_moment_without_an_offset_is_utc() -> None:
    assert span(None, "2021-07-16T09:30+08:00", None, 0) == span(None, "2021-07-16T01:30", None, 0)


@pytest.mark.parametrize(
    ("day", "begin", "until", "after_batch", "said"),
    [
        (None, "yesterday", None, 0, "--from 'yesterday' is no time"),
        ("2021-07-16", None, "2021-07-17", 0, "--day says from when and until when"),
        (None, "2021-07-17", "2021-07-16", 0, "is before --from"),
        ("2021-07-16", None, None, 3, "--after-batch says where to begin"),
    ],
)
def test_what_is_no_span_is_refused(
    day: str | None, begin: str | None, until: str | None, after_batch: int, said: str
) -> None:
    with pytest.raises(NothingToReplay, match=said):
        span(day, begin, until, after_batch)


def test_the_last_day_that_there_is_has_an_end() -> None:
    last = span("9999-12-31", None, None, 0)
    assert last.until_ns - last.from_ns == 86_400 * 10**9 - 1


def test_what_is_no_address_is_refused() -> None:
    assert listening_address("127.0.0.1:7411") == ("127.0.0.1", 7411)
    with pytest.raises(
        NothingToReplay, match="--market-data: expected a port from 0 to 65535, found '99999'"
    ):
        listening_address("127.0.0.1:99999")
    with pytest.raises(NothingToReplay, match="--market-data: expected host:port, found '7411'"):
        listening_address("7411")
