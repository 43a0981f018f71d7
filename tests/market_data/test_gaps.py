"""What a subscriber has lost: the very batches from memory, or snapshots, and which of the two he is told."""

import pytest

from carbonmatch.client.book import ALL_INSTRUMENTS
from carbonmatch.limits import FEED_GAP_MESSAGES_MAX, FEED_JOURNAL_GAP_BATCHES_MAX, FEED_KEPT_MESSAGES
from carbonmatch.market_data.changes import FeedBatch, InstrumentChanges
from carbonmatch.market_data.feed import MarketData
from carbonmatch.market_data.recent import RecentBatches
from carbonmatch.matching.messages import AnyPublicEvent, LevelChanged, Ref, RejectReason
from carbonmatch.protocol.messages import (
    BatchBegin,
    FeedKind,
    FeedOutbound,
    FeedSource,
    GapFilled,
    GapRequest,
    LevelUpdate,
    SnapshotEnd,
    Subscribe,
    Subscribed,
    SubscribeRejected,
)
from tests.market_data.readers import Reader, Tape, decode
from tests.market_data.world import BUY, CEA, EUA, NOW_NS, level, released, traded
from tests.market_data.worlds import FOUNDING

SECOND_MS = 1_000


def release(tape: Tape, *happened: AnyPublicEvent | LevelChanged) -> None:
    tape.publish(tape.market_data.apply(released(*happened), tape.time_ns))


def founded(kept_messages_max: int = FEED_KEPT_MESSAGES) -> Tape:
    tape = Tape(MarketData(kept_messages_max))
    release(tape, *FOUNDING.public)
    return tape


def ask(reader: Reader, after_sequence: int) -> list[FeedOutbound]:
    """The answer, with the snapshots that follow it."""
    request = GapRequest(Ref(7), ALL_INSTRUMENTS, after_sequence)
    subscriptions, time_ns = reader.tape.subscriptions, reader.tape.time_ns
    payloads = subscriptions.request_gap(reader.subscriber, request, time_ns)
    payloads += subscriptions.drained(reader.subscriber, time_ns)
    return [message for payload in payloads for message in decode(payload)]


def test_the_lost_batches_come_again_as_they_were_and_no_others() -> None:
    tape = founded()
    reader = tape.join(Subscribe(Ref(1), (CEA,)))
    reader.read_all()
    reader.heard.clear()
    release(tape, level(BUY, 100, 1))
    release(tape, level(BUY, 9, 9, 1, EUA))
    release(tape, traded(100, 1, 1), level(BUY, 100, 2))
    release(tape, level(BUY, 100, 3))
    reader.read()
    assert ask(reader, 2) == [GapFilled(Ref(7), 2, 5, FeedSource.MEMORY, 2), *reader.heard[2:]]
    assert ask(reader, 5) == [GapFilled(Ref(7), 5, 5, FeedSource.MEMORY, 0)]


def test_each_hears_again_what_it_hears_at_all() -> None:
    tape = founded()
    best = tape.join(Subscribe(Ref(1), (CEA,), FeedKind.LEVELS, 1))
    best.read_all()
    release(tape, traded(100, 1, 1), level(BUY, 100, 2), level(BUY, 99, 1))
    release(tape, level(BUY, 99, 5))
    assert ask(best, 1) == [
        GapFilled(Ref(7), 1, 3, FeedSource.MEMORY, 1),
        BatchBegin(2, NOW_NS, 1),
        LevelUpdate(CEA, 3, BUY, 100, 2, 1),
    ]


def test_a_reader_that_loses_a_batch_has_the_very_same_trades_afterwards() -> None:
    tape = founded()
    whole, lossy = tape.join(Subscribe(Ref(1))), tape.join(Subscribe(Ref(1)), [False] * 3 + [True, True])
    for number in range(1, 9):
        release(tape, traded(100 + number, 1, number))
        whole.read_all()
        lossy.read_all()
    assert len(lossy.damages) == 1
    assert lossy.books.books[CEA].trades == whole.books.books[CEA].trades
    assert [each.source for each in lossy.heard if isinstance(each, GapFilled)] == [FeedSource.MEMORY]


@pytest.mark.parametrize("after_sequence", [0, 1, 9])
def test_what_is_not_kept_or_never_was_comes_as_snapshots(after_sequence: int) -> None:
    tape = founded(kept_messages_max=2)
    reader = tape.join(Subscribe(Ref(1)))
    reader.read_all()
    for lots in range(1, 5):
        release(tape, level(BUY, 100, lots))
    answer = ask(reader, after_sequence)
    assert answer[0] == GapFilled(Ref(7), after_sequence, 5, FeedSource.SNAPSHOT, 2)
    assert [each.instrument_id for each in answer if isinstance(each, SnapshotEnd)] == [CEA, EUA]


def test_as_much_as_the_bound_is_given_at_once_and_in_a_second() -> None:
    tape = founded()
    reader = tape.join(Subscribe(Ref(1), (CEA,), FeedKind.LEVELS))
    reader.read_all()
    for lots in (1, 2):
        release(tape, *[level(BUY, price, lots) for price in range(1, FEED_GAP_MESSAGES_MAX // 2 + 1)])
    reader.read_all()
    full = GapFilled(Ref(7), 1, 3, FeedSource.MEMORY, 2)
    assert ask(reader, 1)[0] == full
    refused = ask(reader, 2)[0]
    assert isinstance(refused, GapFilled)
    assert refused.source is FeedSource.SNAPSHOT
    tape.wait(SECOND_MS)
    assert ask(reader, 1)[0] == full
    release(tape, level(BUY, 1, 3))
    tape.wait(SECOND_MS)
    more = ask(reader, 1)[0]
    assert isinstance(more, GapFilled)
    assert more.source is FeedSource.SNAPSHOT


def test_one_who_waits_for_snapshots_gets_those() -> None:
    tape = founded()
    reader = tape.join(Subscribe(Ref(1)))
    reader.read_all()
    release(tape, level(BUY, 100, 1))
    reader.subscriber.wait([EUA], tape.time_ns)
    answer = ask(reader, 1)
    assert answer[0] == GapFilled(Ref(7), 1, 2, FeedSource.SNAPSHOT, 2)


def test_who_has_not_subscribed_has_lost_nothing() -> None:
    tape = founded()
    subscriber = tape.subscriptions.join()
    (answer,) = tape.subscriptions.request_gap(subscriber, GapRequest(Ref(1), ALL_INSTRUMENTS, 1), NOW_NS)
    assert decode(answer) == [SubscribeRejected(Ref(1), RejectReason.SUBSCRIPTION, "instrument 0")]


# --- coming back -------------------------------------------------------------------------------------


def test_who_comes_back_goes_on_without_snapshots() -> None:
    tape = founded()
    reader = tape.join(Subscribe(Ref(1)))
    release(tape, traded(100, 1, 1))
    reader.read_all()
    release(tape, traded(101, 1, 2), level(BUY, 99, 1))
    reader.heard.clear()
    reader.lose_connection()
    reader.read_all()
    assert reader.heard[0] == Subscribed(Ref(1), 0, 3, is_resumed=True)
    assert not any(isinstance(each, SnapshotEnd) for each in reader.heard)
    book = reader.books.books[CEA]
    assert [trade.trade_id for trade in book.trades] == [1, 2]
    assert book.is_current
    release(tape, traded(102, 1, 3))
    reader.read_all()
    assert [trade.trade_id for trade in book.trades] == [1, 2, 3]
    assert reader.damages == []


def test_who_comes_back_too_late_begins_with_snapshots() -> None:
    tape = founded(kept_messages_max=2)
    reader = tape.join(Subscribe(Ref(1)))
    reader.read_all()
    for number in range(1, 9):
        release(tape, traded(100, 1, number))
    reader.lose_connection()
    reader.read_all()
    assert Subscribed(Ref(1), 2, 9) in reader.heard
    assert all(book.is_current for book in reader.books.books.values())


def test_one_who_never_had_all_snapshots_begins_with_them() -> None:
    tape = founded()
    reader = Reader(tape, Subscribe(Ref(1)), [True])
    reader.read()
    assert reader.books.resume_after == 0


# --- from the journal -------------------------------------------------------------------------------


def test_only_what_memory_does_not_have_and_the_journal_may_is_waited_for() -> None:
    tape = founded(kept_messages_max=2)
    reader = tape.join(Subscribe(Ref(1)))
    reader.read_all()
    for lots in range(1, 5):
        release(tape, level(BUY, 100, lots))
    gaps = tape.subscriptions.gaps
    request = GapRequest(Ref(7), ALL_INSTRUMENTS, 2, from_journal=True)
    # Nobody is there who would read it.
    assert sources(gaps.request(reader.subscriber, request, tape.time_ns)) == [FeedSource.SNAPSHOT]
    reader.read_all()
    gaps.has_journal = True
    for after_sequence, answer in [
        (4, [FeedSource.MEMORY]),
        (5, [FeedSource.MEMORY]),
        (2, []),
        (6, [FeedSource.SNAPSHOT]),  # what was never there
    ]:
        request = GapRequest(Ref(7), ALL_INSTRUMENTS, after_sequence, from_journal=True)
        assert sources(gaps.request(reader.subscriber, request, tape.time_ns)) == answer
        assert (reader.subscriber.lost is not None) == (not answer)
        reader.subscriber.lost = None
    tape.market_data.feed_sequence += FEED_JOURNAL_GAP_BATCHES_MAX - 3
    assert gaps.wait_for_journal(reader.subscriber, Ref(7), 2) == []
    assert gaps.wait_for_journal(reader.subscriber, Ref(7), 1) is None


def test_what_the_journal_has_given_is_gone_on_with_from_memory_once_that_reaches_so_far_back() -> None:
    tape = founded(kept_messages_max=2)
    reader = tape.join(Subscribe(Ref(1)))
    tape.subscriptions.gaps.has_journal = True
    reader.read_all()
    for lots in range(1, 5):
        release(tape, level(BUY, 100, lots))
    subscriber, gaps = reader.subscriber, tape.subscriptions.gaps
    assert gaps.wait_for_journal(subscriber, Ref(7), 1) == []
    release(tape, level(BUY, 100, 5))
    assert gaps.catch_up(subscriber, 3) is None
    assert subscriber.lost is not None
    (rest,) = gaps.catch_up(subscriber, 5) or []
    assert decode(rest)[:2] == [GapFilled(Ref(7), 5, 6, FeedSource.MEMORY, 1), BatchBegin(6, NOW_NS, 5)]
    assert subscriber.lost is None
    release(tape, level(BUY, 100, 6))
    assert [one for one in decode(reader.unsent[-1]) if isinstance(one, BatchBegin)] == [
        BatchBegin(7, NOW_NS, 6)
    ]


def sources(payloads: list[bytes]) -> list[FeedSource]:
    return [one.source for payload in payloads for one in decode(payload) if isinstance(one, GapFilled)]


# --- memory ------------------------------------------------------------------------------------------


def batch(feed_sequence: int, messages: int) -> FeedBatch:
    update = LevelUpdate(CEA, 1, BUY, 1, 1, 1)
    changes = InstrumentChanges([update] * messages, FeedKind.LEVELS)
    return FeedBatch(feed_sequence, NOW_NS, {CEA: changes}, messages)


def test_the_newest_batches_are_kept_as_many_as_have_room() -> None:
    recent = RecentBatches(10)
    for feed_sequence in range(5, 10):
        recent.keep(batch(feed_sequence, 3))
    assert recent.since(5, 9) is None
    kept = recent.since(6, 9)
    assert kept is not None
    assert [each.feed_sequence for each in kept] == [7, 8, 9]
    assert recent.since(9, 9) == []
    assert recent.since(10, 9) is None


def test_a_batch_larger_than_all_room_is_not_kept() -> None:
    recent = RecentBatches(10)
    recent.keep(batch(1, 11))
    assert recent.since(0, 1) is None
    recent.keep(batch(2, 10))
    assert recent.since(0, 2) is None
    assert recent.since(1, 2) == [batch(2, 10)]
