"""Nothing leaves before it is durable, and one batch at a time is on its way."""

from collections.abc import Callable
from typing import cast

import pytest

from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    DefineAccount,
    DefineInstrument,
    DefineSession,
    Entry,
    Executed,
    InstrumentDefinition,
    InstrumentId,
    NewOrder,
    Outputs,
    ParticipantId,
    Ref,
    SessionId,
    SessionLost,
    Side,
)
from carbonmatch.ops.counters import Counters
from carbonmatch.protocol.batch import decode_record, decode_stream
from carbonmatch.protocol.codec import encode
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.commit import Commit
from carbonmatch.server.history import History
from carbonmatch.server.pipeline import Pipeline
from carbonmatch.server.stream import Stream

ANN, BOB = SessionId(1), SessionId(2)
CEA = InstrumentId(1)


class Disk:
    """Keeps what it is given until it is told to be done with it."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.done: Callable[[Commit], None]
        self.takes_here = False

    def commit(self, commit: Commit) -> None:
        self.commits.append(commit)

    def look(self) -> None:
        pass

    def commit_here(self, commit: Commit) -> bool:
        if self.takes_here:
            self.commits.append(commit)
        return self.takes_here

    def finish(self) -> None:
        self.done(self.commits[-1])


class Past:
    """What the pipeline tells the history."""

    def __init__(self) -> None:
        self.durable_position = 0
        self.noted: list[tuple[SessionId, int]] = []
        self.marks = self

    def note(self, session_id: SessionId, first_seq: int, ref_before: Ref, position: int) -> None:
        self.noted.append((session_id, first_seq))


class Reader:
    """A connection of a stream; `told` has who was told something, in order."""

    def __init__(self, told: "list[Reader]") -> None:
        self.reports: list[object] = []
        self._told = told

    def send(self, payload: bytes) -> None:
        self.reports += decode_stream(payload)
        self._told.append(self)


class Venue:
    """A pipeline with two sessions, and everything around it within reach."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.published: list[Outputs] = []
        self.counters = Counters()
        self.now_ns = 1_000
        clocks = Clocks(lambda: self.now_ns, lambda: self.now_ns)
        engine = Engine()
        streams = {ANN: Stream(ANN), BOB: Stream(BOB)}
        self.pipeline = Pipeline(
            engine,
            streams,
            self.disk,
            lambda outputs, _: self.published.append(outputs),
            cast("History", Past()),
            self.counters,
            clocks,
        )
        self.disk.done = self.pipeline.durable
        self.pipeline.submit_venue(
            [
                DefineInstrument(InstrumentDefinition(CEA, "CEA", "CNY", 1, 2, 1)),
                DefineAccount(AccountId(1), ParticipantId(1), "ann"),
                DefineAccount(AccountId(2), ParticipantId(2), "bob"),
                DefineSession(ANN, "ann", (AccountId(1),)),
                DefineSession(BOB, "bob", (AccountId(2),)),
            ]
        )
        self.disk.finish()
        self.published.clear()
        self.counters.commands = 0
        self.told: list[Reader] = []
        self.ann, self.bob = Reader(self.told), Reader(self.told)
        streams[ANN].receiver = self.ann
        streams[BOB].receiver = self.bob

    def send(self, session: SessionId, *orders: NewOrder) -> None:
        """One frame of a session, without a turn's end."""
        commands = list(orders)
        self.pipeline.submit(session, list(commands), encode(commands), self.now_ns, self.now_ns)


@pytest.fixture
def venue() -> Venue:
    return Venue()


def buy(ref: int, lots: int = 5) -> NewOrder:
    return NewOrder(Ref(ref), CEA, Side.BUY, lots, 4800)


def sell(ref: int, lots: int = 5) -> NewOrder:
    return NewOrder(Ref(ref), CEA, Side.SELL, lots, 4800)


def test_nothing_is_seen_before_the_disk_has_it(venue: Venue) -> None:
    venue.send(ANN, buy(1))
    venue.pipeline.flush()
    assert venue.ann.reports == []
    assert venue.published == []
    assert venue.counters.commands == 0
    venue.disk.finish()
    assert [type(report) for report in venue.ann.reports] == [Accepted]
    assert len(venue.published) == 1
    assert venue.counters.commands == 1


def test_what_comes_while_a_batch_is_on_its_way_is_the_next_batch(venue: Venue) -> None:
    venue.send(ANN, buy(1))
    venue.pipeline.flush()
    venue.send(BOB, sell(1))
    venue.send(ANN, buy(2))
    venue.pipeline.flush()
    assert len(venue.disk.commits) == 2, "the definitions and the first order: one outstanding"
    venue.disk.finish()
    assert len(venue.disk.commits) == 3
    assert venue.disk.commits[-1].count == 2
    assert [type(report) for report in venue.ann.reports] == [Accepted], "the fill is not durable yet"
    venue.disk.finish()
    assert [type(report) for report in venue.ann.reports] == [Accepted, Executed, Accepted]
    assert [type(report) for report in venue.bob.reports] == [Accepted, Executed]


def test_the_record_holds_the_frame_as_it_came_and_the_reports_as_they_go(venue: Venue) -> None:
    venue.send(ANN, buy(1))
    venue.pipeline.flush()
    commit = venue.disk.commits[-1]
    record = decode_record(commit.payload, commit.first_sequence)
    assert record.entries[0].commands == [buy(1)]
    venue.disk.finish()
    assert decode_stream(record.streams[0].reports) == venue.ann.reports


def test_a_batch_committed_in_the_loop_is_released_at_once(venue: Venue) -> None:
    venue.disk.takes_here = True
    venue.send(ANN, buy(1))
    venue.pipeline.flush(alone=True)
    assert [type(report) for report in venue.ann.reports] == [Accepted]


def test_the_venues_own_commands_never_wait_in_the_loop(venue: Venue) -> None:
    venue.send(ANN, buy(1))
    venue.pipeline.flush()
    venue.disk.finish()
    venue.disk.takes_here = True
    venue.pipeline.submit_venue([SessionLost(ANN)])
    assert len(venue.ann.reports) == 1, "it went to the journal thread"
    venue.disk.finish()
    assert len(venue.ann.reports) == 2


def test_a_batch_is_full_at_its_bound(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonmatch.server.pipeline.BATCH_COMMANDS_MAX", 2)
    venue.send(ANN, buy(1))
    assert not venue.pipeline.is_full
    venue.send(ANN, buy(2))
    assert venue.pipeline.is_full


def test_whoever_waits_for_the_release_hears_of_it_after_it(venue: Venue) -> None:
    heard: list[int] = []
    venue.send(ANN, buy(1))
    venue.pipeline.when_durable(lambda: heard.append(len(venue.ann.reports)))
    assert heard == []
    venue.disk.finish()
    assert heard == [1]
    venue.pipeline.when_durable(lambda: heard.append(99))
    assert heard == [1, 99], "nothing is waiting for the disk"


def test_the_age_of_a_commit_is_that_of_the_batch_on_its_way(venue: Venue) -> None:
    assert venue.pipeline.commit_age_ns() == 0
    venue.send(ANN, buy(1))
    venue.pipeline.flush()
    venue.now_ns += 3_000_000_000
    assert venue.pipeline.commit_age_ns() == 3_000_000_000
    assert venue.pipeline.is_stalled()
    venue.disk.finish()
    assert not venue.pipeline.is_stalled()
    assert venue.counters.commits_slow == 1


# --- somebody who asks for little --------------------------------------------------------------------


def test_a_batch_that_is_awaited_is_released_where_somebody_looks_whether_it_is_durable(venue: Venue) -> None:
    venue.send(ANN, buy(1))
    venue.pipeline.hurry()
    commit = venue.disk.commits[-1]
    venue.pipeline.go_on()
    assert venue.ann.reports == [], "the disk has not answered"
    commit.is_durable = True
    venue.pipeline.go_on()
    assert len(venue.ann.reports) == 1
    assert not venue.pipeline.is_awaited
    venue.disk.done(commit)
    assert len(venue.ann.reports) == 1, "the loop is told of what was found already"


def test_what_is_awaited_goes_to_the_disk_as_soon_as_that_is_free(venue: Venue) -> None:
    venue.send(BOB, buy(1))
    venue.pipeline.flush()
    venue.pipeline.more_comes = True
    venue.send(ANN, buy(1))
    venue.pipeline.hurry()
    assert venue.pipeline.is_awaited
    venue.disk.commits[-1].is_durable = True
    venue.pipeline.go_on()
    assert len(venue.disk.commits) == 3
    venue.disk.finish()
    assert len(venue.ann.reports) == 1


def test_who_asked_for_little_is_told_first_where_somebody_waits(venue: Venue) -> None:
    venue.send(ANN, buy(1), buy(2))
    venue.send(BOB, buy(1))
    venue.pipeline.hurry()
    venue.disk.finish()
    assert venue.told == [venue.bob, venue.ann]


def test_a_batch_gathers_on_while_the_turn_that_ends_it_is_to_come(venue: Venue) -> None:
    venue.send(ANN, buy(1))
    venue.pipeline.flush()
    venue.send(BOB, buy(1))
    venue.pipeline.more_comes = True
    venue.disk.finish()
    assert len(venue.ann.reports) == 1, "answers wait for nothing"
    assert len(venue.disk.commits) == 2
    venue.pipeline.flush()
    assert len(venue.disk.commits) == 3


# --- stages --------------------------------------------------------------------------------------


def test_each_stage_of_a_batch_is_measured(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step takes a time of its own, so that none can be taken for another."""
    pipeline, counters = venue.pipeline, venue.counters
    stages = ("read", "decode", "match", "gather", "commit_duration", "journal", "release", "order_latency")
    before = {stage: getattr(counters, f"{stage}_ns").total for stage in stages}
    apply = pipeline.engine.apply

    def apply_slowly(entry: Entry) -> None:
        apply(entry)
        venue.now_ns += 1_000

    monkeypatch.setattr(pipeline.engine, "apply", apply_slowly)
    first_ns = venue.now_ns
    venue.now_ns += 7
    pipeline.begin_turn()
    for ref in (1, 2):
        venue.now_ns += 30
        pipeline.submit(ANN, [buy(ref)], encode([buy(ref)]), venue.now_ns, first_ns)
    venue.now_ns += 500
    pipeline.flush()
    venue.now_ns += 20_000
    venue.disk.commits[-1].disk_ns = 19_000

    def publish_slowly(*_args: object) -> None:
        venue.now_ns += 300_000

    monkeypatch.setattr(pipeline, "_publish", publish_slowly)
    venue.disk.finish()
    spent = {stage: getattr(counters, f"{stage}_ns").total - before[stage] for stage in stages}
    assert spent == {
        "read": 7,
        "decode": 30 + 30,
        "match": 1_000 + 1_000,
        # From the first frame on: the second one is decoded and applied meanwhile.
        "gather": 30 + 1_000 + 500,
        "commit_duration": 20_000,
        "journal": 19_000,
        "release": 300_000,
        "order_latency": 2 * (7 + 60 + 2_000 + 500 + 20_000 + 300_000),
    }


def test_what_the_venue_does_itself_is_decoded_by_nobody(venue: Venue) -> None:
    venue.now_ns += 5_000
    venue.pipeline.submit_venue([SessionLost(ANN)])
    venue.disk.finish()
    assert venue.counters.decode_ns.total == venue.counters.read_ns.total == 0
