"""Subscriptions that do not want every batch: what comes between two of theirs is put together."""

import pytest

from carbonmatch.limits import (
    CONFLATE_MS_MAX,
    CONFLATE_MS_STEP,
    FEED_BATCH_MESSAGES_MAX,
    FEED_TURN_BATCHES_MAX,
)
from carbonmatch.market_data.feed import MarketData
from carbonmatch.market_data.merging import merged
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import AnyPublicEvent, LevelChanged, Phase, Ref
from carbonmatch.protocol.codec import decode_feed_frame, encode
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.messages import (
    BatchBegin,
    Conflated,
    FeedKind,
    FeedOutbound,
    GapRequest,
    LevelUpdate,
    PhaseUpdate,
    SnapshotBegin,
    Statistics,
    Subscribe,
    Trade,
)
from tests.market_data.readers import Reader, Tape
from tests.market_data.world import BUY, CEA, EUA, NOW_NS, SELL, level, phase_changed, released, traded
from tests.market_data.worlds import FOUNDING


def release(tape: Tape, *happened: AnyPublicEvent | LevelChanged) -> None:
    tape.publish(tape.market_data.apply(released(*happened), tape.time_ns))


def founded(kept_messages_max: int = 1_000) -> Tape:
    tape = Tape(MarketData(kept_messages_max))
    release(tape, *FOUNDING.public)
    return tape


def patient(tape: Tape, conflate_ms: int = 100, kinds: int = FeedKind.DEFAULT) -> Reader:
    reader = tape.join(Subscribe(Ref(1), (CEA,), kinds, conflate_ms=conflate_ms))
    reader.read_all()
    reader.heard.clear()
    return reader


def heads(reader: Reader) -> list[tuple[int, int, int]]:
    """Of each batch that was heard: its number, the one before, how many it is of."""
    reader.read_all()
    return [
        (each.feed_sequence, each.previous_feed_sequence, each.batches)
        for each in reader.heard
        if isinstance(each, BatchBegin)
    ]


def test_the_first_batch_comes_at_once_and_the_next_when_the_interval_is_over() -> None:
    tape = founded()
    reader = patient(tape)
    release(tape, level(BUY, 100, 1))
    assert heads(reader) == [(2, 1, 1)]
    for lots in (2, 3, 4):
        tape.wait(20)
        release(tape, level(BUY, 100, lots))
    assert heads(reader) == [(2, 1, 1)]
    tape.wait(40)
    assert heads(reader) == [(2, 1, 1), (5, 2, 3)]
    assert [each.quantity_lots for each in reader.heard if isinstance(each, LevelUpdate)] == [1, 4]
    assert reader.damages == []


def test_nothing_is_sent_where_nothing_has_happened_to_it() -> None:
    tape = founded()
    reader = patient(tape)
    release(tape, level(BUY, 100, 1))
    release(tape, level(BUY, 9, 9, 1, EUA))
    assert tape.subscriptions.due_ns == NOW_NS + 100_000_000
    tape.wait(1_000)
    assert heads(reader) == [(2, 1, 1)]
    assert tape.subscriptions.due_ns is None


def test_every_trade_comes_and_of_levels_and_statistics_the_last_word() -> None:
    tape = founded()
    reader = patient(tape)
    release(tape, traded(100, 1, 1))
    reader.read_all()
    release(tape, traded(101, 2, 2), level(SELL, 105, 1), level(BUY, 99, 7))
    release(tape, traded(102, 3, 3), level(SELL, 105, 0))
    release(tape, phase_changed(Phase.HALTED))
    tape.wait(100)
    reader.heard.clear()
    reader.read()
    assert [type(each) for each in reader.heard] == [
        BatchBegin,
        Trade,
        LevelUpdate,  # of 99: that of 105 is older than the one below
        Trade,
        LevelUpdate,
        Statistics,
        PhaseUpdate,
    ]
    book = reader.books.books[CEA]
    assert [trade.trade_id for trade in book.trades] == [1, 2, 3]
    assert book.statistics is not None
    assert book.statistics.volume_lots == 6
    assert book.phase is Phase.HALTED
    assert [[each.price_ticks for each in side] for side in book.depth()] == [[99], []]


def test_numbers_rise_in_what_was_put_together() -> None:
    updates = [LevelUpdate(CEA, seq, BUY, 100 + seq % 2, seq, 1) for seq in range(1, 6)]
    numbers = [each.instrument_seq for each in merged(updates) if isinstance(each, LevelUpdate)]
    assert numbers == [4, 5]


def test_all_of_an_interval_share_the_bytes_and_others_notice_nothing() -> None:
    tape = founded()
    one, two, fast = patient(tape, 100), patient(tape, 51), tape.join(Subscribe(Ref(1), (CEA,)))
    fast.read_all()
    for lots in range(1, 9):
        release(tape, level(BUY, 100, lots))
        assert len(fast.unsent) == lots
    tape.wait(100)
    assert [len(each.unsent) for each in (one, two)] == [2, 2]
    assert one.unsent[1] is two.unsent[1]


def test_who_joins_while_something_gathers_skips_what_his_snapshot_has() -> None:
    tape = founded()
    patient(tape)
    release(tape, traded(100, 1, 1))
    release(tape, traded(100, 1, 2), level(BUY, 99, 1))
    late = patient(tape)
    release(tape, traded(100, 1, 3), level(BUY, 99, 2))
    tape.wait(100)
    late.read_all()
    assert [trade.trade_id for trade in late.books.books[CEA].trades] == [3]
    assert late.damages == []


def test_more_than_is_kept_comes_as_a_snapshot() -> None:
    tape = founded(kept_messages_max=4)
    reader = patient(tape)
    release(tape, level(BUY, 100, 1))
    for lots in range(1, 9):
        release(tape, level(BUY, 101, lots))
    tape.wait(100)
    heads(reader)
    told = [each for each in reader.heard if isinstance(each, Conflated | SnapshotBegin)]
    assert told == [Conflated(8, 10, (CEA,), 2), *kinds_of(reader.heard, SnapshotBegin)]
    assert reader.books.books[CEA].depth()[0][0].quantity_lots == 8


def kinds_of(messages: list[FeedOutbound], kind: type) -> list[FeedOutbound]:
    return [each for each in messages if type(each) is kind]


def test_an_interval_that_is_not_on_the_step_is_the_next_one_that_is() -> None:
    tape = founded()
    for conflate_ms in (1, CONFLATE_MS_STEP):
        patient(tape, conflate_ms)
    assert tape.subscriptions.group_count == 1
    patient(tape, CONFLATE_MS_STEP + 1)
    assert tape.subscriptions.group_count == 2


def test_the_longest_interval_is_taken_and_no_longer_one() -> None:
    frame = encode([Subscribe(Ref(1), conflate_ms=CONFLATE_MS_MAX)])
    assert decode_feed_frame(frame) == [Subscribe(Ref(1), conflate_ms=CONFLATE_MS_MAX)]
    with pytest.raises(ProtocolError):
        decode_feed_frame(encode([Subscribe(Ref(1), conflate_ms=CONFLATE_MS_MAX + 1)]))


def test_what_others_gathered_before_a_batch_is_no_part_of_it_for_anybody() -> None:
    tape = founded()
    asking, waiting, fast = patient(tape), patient(tape), tape.join(Subscribe(Ref(1), (CEA,)))
    fast.read_all()
    release(tape, level(BUY, 100, 1))
    release(tape, level(BUY, 100, 2))
    # One of the group takes what has gathered when it is due, and the next batch comes before the others do.
    tape.time_ns += 200_000_000
    tape.subscriptions.request_gap(asking.subscriber, GapRequest(Ref(2), CEA), tape.time_ns)
    asking.send_waiting()
    release(tape, level(BUY, 100, 3))
    for reader in (fast, waiting, asking):
        tape.wait(200)
        reader.read_all()
        assert [each.quantity_lots for each in reader.books.books[CEA].depth()[0]] == [3]
        assert reader.damages == []


def test_of_what_has_gathered_so_much_is_looked_through_in_a_turn_and_the_rest_in_the_next_ones() -> None:
    market_data = MarketData()
    market_data.apply(FOUNDING, NOW_NS)
    subscriptions = Subscriptions(market_data)
    subscribers = [subscriptions.join() for _ in range(4)]
    for levels_max, subscriber in enumerate(subscribers, 1):
        request = Subscribe(Ref(1), (CEA,), levels_max=levels_max, conflate_ms=CONFLATE_MS_MAX)
        subscriptions.subscribe(subscriber, request, NOW_NS)
        subscriptions.drained(subscriber, NOW_NS)

    def offered(time_ns: int) -> int:
        subscriptions.begin_turn()
        return sum(subscriptions.offer(subscriber, 0, time_ns) is not None for subscriber in subscribers)

    def gather(batches: int) -> None:
        for lots in range(1, batches + 1):
            subscriptions.publish(market_data.apply(released(level(BUY, 100, lots)), NOW_NS))

    gather(1)
    assert offered(NOW_NS) == 4, "the first batch after a pause comes at once"
    gather(FEED_TURN_BATCHES_MAX // 2)
    due_ns = subscriptions.due_ns
    assert due_ns is not None
    assert [offered(due_ns), offered(due_ns), offered(due_ns)] == [2, 2, 0]
    # Of one subscription at least.
    gather(2 * FEED_TURN_BATCHES_MAX)
    due_ns = subscriptions.due_ns
    assert due_ns is not None
    assert [offered(due_ns) for _ in range(5)] == [1, 1, 1, 1, 0]


def test_of_more_batches_than_are_sent_in_one_piece_only_the_last_state_comes() -> None:
    tape = founded(10 * FEED_BATCH_MESSAGES_MAX)
    reader = patient(tape, CONFLATE_MS_MAX)
    release(tape, level(BUY, 100, 1))
    for lots in range(1, FEED_BATCH_MESSAGES_MAX + 2):
        release(tape, level(BUY, 101, lots, 1, EUA))
    release(tape, level(BUY, 100, 2))
    tape.wait(CONFLATE_MS_MAX)
    reader.read_all()
    assert [each.batches for each in reader.heard if isinstance(each, Conflated)]
