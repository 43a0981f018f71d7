"""Who hears what, and what becomes of those who cannot keep up."""

from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.limits import CONFLATE_BUFFER_BYTES, FEED_BEHIND_SECONDS_MAX, SUBSCRIBERS_MAX
from carbonmatch.market_data.feed import MarketData
from carbonmatch.market_data.groups import Interest
from carbonmatch.market_data.payloads import Payloads, array_header
from carbonmatch.market_data.subscriber import Subscriber
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import InstrumentId, Outputs, Ref, RejectReason
from carbonmatch.protocol.messages import (
    BatchBegin,
    Conflated,
    FeedKind,
    FeedOutbound,
    Instrument,
    KindStatistics,
    LevelUpdate,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotLevel,
    Statistics,
    Subscribe,
    Subscribed,
    SubscribeRejected,
    Trade,
    TradeBust,
    TradeCorrection,
)
from tests.market_data.connection import Connection
from tests.market_data.world import BUY, CEA, EUA, KAU, NOW_NS, SELL, defined, level, released, traded
from tests.market_data.worlds import FOUNDING, batches, histories

SECOND_NS = 1_000_000_000
BEHIND_NS = int(FEED_BEHIND_SECONDS_MAX) * SECOND_NS


class Venue:
    """Market data with CEA and EUA, its subscriptions, and the server's turn for each batch."""

    def __init__(self, conflate_buffer_bytes: int = CONFLATE_BUFFER_BYTES) -> None:
        self.market_data = MarketData()
        self.subscriptions = Subscriptions(self.market_data, conflate_buffer_bytes=conflate_buffer_bytes)
        self.connections: list[Connection] = []
        self.release(FOUNDING)

    def connect(self) -> Connection:
        connection = Connection(self.subscriptions)
        self.connections.append(connection)
        return connection

    def release(self, outputs: Outputs) -> None:
        self.subscriptions.publish(self.market_data.apply(outputs, NOW_NS))
        for connection in self.connections:
            connection.offer()


def kinds_of(messages: list[FeedOutbound]) -> list[type]:
    return [type(message) for message in messages]


# --- joining -----------------------------------------------------------------------------------------


def test_one_who_has_not_subscribed_hears_nothing() -> None:
    venue = Venue()
    connection = venue.connect()
    venue.release(released(level(BUY, 100, 5)))
    assert connection.unsent == []


def test_a_subscriber_is_answered_and_given_the_snapshot_of_each_instrument() -> None:
    venue = Venue()
    venue.release(released(level(BUY, 100, 5)))
    messages = venue.connect().subscribe().read()
    assert messages[0] == Subscribed(Ref(1), 2, 2)
    snapshot = [Instrument, SnapshotBegin, SnapshotLevel, SnapshotEnd, Statistics]
    empty = [Instrument, SnapshotBegin, SnapshotEnd, Statistics]
    assert kinds_of(messages[1:]) == snapshot + empty


def test_increments_follow_the_snapshots() -> None:
    venue = Venue()
    connection = venue.connect().subscribe(CEA)
    connection.read()
    venue.release(released(level(BUY, 100, 5)))
    assert connection.read() == [BatchBegin(2, NOW_NS, 1), LevelUpdate(CEA, 2, BUY, 100, 5, 1)]


def test_the_bytes_of_a_batch() -> None:
    venue = Venue()
    connection = venue.connect().subscribe(CEA)
    connection.read()
    venue.release(released(level(BUY, 100, 5, orders=2)))
    # Two messages: [83, 2, time, 1, 1] and [88, 1, 2, 1, 100, 5, 2].
    assert connection.unsent == [
        bytes.fromhex("92 95 53 02 cf 17979cfe362a0000 01 01 97 58 01 02 01 64 05 02")
    ]


def test_only_subscribed_instruments_are_heard() -> None:
    venue = Venue()
    connection = venue.connect().subscribe(EUA)
    connection.read()
    venue.release(released(level(BUY, 100, 5)))
    assert connection.read() == []
    venue.release(released(level(BUY, 100, 5), level(BUY, 9, 9, 1, EUA)))
    assert connection.read() == [BatchBegin(3, NOW_NS, 1), LevelUpdate(EUA, 2, BUY, 9, 9, 1)]


def test_only_subscribed_kinds_are_heard() -> None:
    venue = Venue()
    venue.release(released(level(BUY, 100, 5)))
    connection = venue.connect().subscribe(CEA, kinds=FeedKind.TRADES)
    assert kinds_of(connection.read()) == [Subscribed, Instrument, SnapshotBegin, SnapshotEnd]
    venue.release(released(traded(100, 2), level(BUY, 100, 3)))
    assert kinds_of(connection.read()) == [BatchBegin, Trade]
    venue.release(released(level(BUY, 100, 5)))
    assert connection.read() == []
    assert connection.damages == []


def test_whoever_wants_all_instruments_also_hears_those_defined_later() -> None:
    venue = Venue()
    everything = venue.connect().subscribe()
    only_cea = venue.connect().subscribe(CEA)
    everything.read()
    only_cea.read()
    venue.release(released(defined(KAU, "KAU"), level(BUY, 7, 1, 1, KAU)))
    assert only_cea.read() == []
    assert kinds_of(everything.read()) == [
        BatchBegin,
        Instrument,
        SnapshotBegin,
        SnapshotEnd,
        LevelUpdate,
        Statistics,
    ]
    assert everything.books.books[KAU].is_current


def test_an_unknown_instrument_is_refused_and_the_subscription_stays_as_it_was() -> None:
    venue = Venue()
    connection = venue.connect().subscribe(CEA)
    connection.read()
    request = Subscribe(Ref(5), (EUA, InstrumentId(77)))
    connection.unsent += venue.subscriptions.subscribe(connection.subscriber, request, NOW_NS)
    assert connection.read() == [
        SubscribeRejected(Ref(5), RejectReason.UNKNOWN_INSTRUMENT, "instrument 77"),
    ]
    venue.release(released(level(BUY, 100, 5), level(BUY, 9, 9, 1, EUA)))
    assert connection.read() == [BatchBegin(2, NOW_NS, 1), LevelUpdate(CEA, 2, BUY, 100, 5, 1)]


def test_a_new_subscription_replaces_the_one_before() -> None:
    venue = Venue()
    connection = venue.connect().subscribe(CEA)
    connection.subscribe(EUA)
    connection.read()
    venue.release(released(level(BUY, 100, 5)))
    assert connection.read() == []
    assert list(connection.books.books) == [EUA]


def test_an_instrument_named_twice_comes_once() -> None:
    assert kinds_of(Venue().connect().subscribe(CEA, CEA).read()).count(SnapshotBegin) == 1


def test_a_snapshot_is_given_on_request() -> None:
    venue = Venue()
    connection = venue.connect().subscribe(CEA)
    connection.read()
    connection.request_snapshot(CEA)
    assert kinds_of(connection.read()) == [Instrument, SnapshotBegin, SnapshotEnd, Statistics]


def test_a_snapshot_of_what_is_not_subscribed_or_not_known_is_refused() -> None:
    connection = Venue().connect()
    connection.request_snapshot(CEA)
    connection.subscribe(CEA)
    connection.read()
    connection.request_snapshot(EUA)
    connection.request_snapshot(InstrumentId(77))
    connection.read()
    assert [message.reason for message in connection.heard if isinstance(message, SubscribeRejected)] == [
        RejectReason.SUBSCRIPTION,
        RejectReason.SUBSCRIPTION,
        RejectReason.UNKNOWN_INSTRUMENT,
    ]


# --- what is shared ----------------------------------------------------------------------------------


def test_a_group_shares_the_bytes_of_a_batch_and_everyone_those_of_a_snapshot() -> None:
    venue = Venue()
    one, two, other = [venue.connect() for _ in range(3)]
    one.subscribe(CEA, EUA)
    two.subscribe(EUA, CEA)
    other.subscribe(CEA, kinds=FeedKind.LEVELS | FeedKind.STATISTICS)
    assert venue.subscriptions.group_count == 2
    assert one.unsent[1] is two.unsent[2]
    assert one.unsent[1] is other.unsent[1]
    venue.release(released(level(BUY, 100, 5), level(BUY, 9, 9, 1, EUA)))
    assert one.unsent[-1] is two.unsent[-1]
    assert other.unsent[-1] != one.unsent[-1]


def test_a_snapshot_is_made_anew_once_its_instrument_has_changed_and_not_before() -> None:
    venue = Venue()
    before = venue.connect().subscribe(CEA)
    venue.release(released(level(BUY, 9, 9, 1, EUA)))
    after_another = venue.connect().subscribe(CEA)
    assert after_another.unsent[1] is before.unsent[1]
    venue.release(released(level(BUY, 100, 5)))
    assert venue.connect().subscribe(CEA).unsent[1] != before.unsent[1]


def test_snapshots_of_every_number_of_levels_are_kept_up_to_a_bound() -> None:
    market_data = MarketData()
    market_data.apply(FOUNDING, NOW_NS)
    market_data.apply(released(*(level(BUY, price, 5) for price in range(1, 101))), NOW_NS)
    whole = Payloads(market_data, bytes).snapshot(CEA, Interest(None, FeedKind.LEVELS, 0, 0))
    bound = 4 * len(whole)
    payloads = Payloads(market_data, bytes, bound)
    for levels_max in range(1, 101):
        interest = Interest(None, FeedKind.LEVELS, levels_max, 0)
        made = payloads.snapshot(CEA, interest)
        assert payloads.snapshot(CEA, interest) is made, "the newest is kept"
        assert payloads.snapshot_bytes <= bound
    assert payloads.snapshot_bytes > bound - len(whole), "and as many as have room"
    market_data.apply(released(level(BUY, 100, 6)), NOW_NS)
    before = payloads.snapshot_bytes
    payloads.snapshot(CEA, interest)
    assert payloads.snapshot_bytes == before, "one that is made anew takes the place of the old one"


def test_payloads_are_framed_once_before_they_are_shared() -> None:
    framed = []

    def frame(payload: bytes) -> bytes:
        framed.append(payload)
        return b"frame:" + payload

    market_data = MarketData()
    market_data.apply(FOUNDING, NOW_NS)
    subscriptions = Subscriptions(market_data, frame)
    subscribers = [subscriptions.join() for _ in range(3)]
    for subscriber in subscribers:
        subscriptions.subscribe(subscriber, Subscribe(Ref(1), (CEA,)), NOW_NS)
        assert subscriptions.drained(subscriber, NOW_NS)[0].startswith(b"frame:")
    subscriptions.publish(market_data.apply(released(level(BUY, 100, 5)), NOW_NS))
    payloads = [subscriptions.offer(subscriber, 0, NOW_NS) for subscriber in subscribers]
    assert payloads[0] is not None
    assert payloads == [payloads[0]] * 3
    # Three answers, one snapshot, one batch.
    assert len(framed) == 5


def test_a_group_ends_with_its_last_subscriber() -> None:
    venue = Venue()
    one, two = venue.connect().subscribe(CEA), venue.connect().subscribe(CEA)
    assert (venue.subscriptions.group_count, venue.subscriptions.subscriber_count) == (1, 2)
    venue.subscriptions.leave(one.subscriber)
    assert (venue.subscriptions.group_count, venue.subscriptions.subscriber_count) == (1, 1)
    two.subscribe(EUA)
    assert venue.subscriptions.group_count == 1
    venue.subscriptions.leave(two.subscriber)
    assert (venue.subscriptions.group_count, venue.subscriptions.subscriber_count) == (0, 0)


def test_one_who_left_hears_nothing() -> None:
    venue = Venue()
    connection = venue.connect().subscribe()
    venue.subscriptions.leave(connection.subscriber)
    connection.unsent.clear()
    venue.release(released(level(BUY, 100, 5)))
    connection.send_waiting()
    assert connection.unsent == []


def test_the_subscribers_are_bounded() -> None:
    subscriptions = Subscriptions(MarketData())
    for _ in range(SUBSCRIBERS_MAX):
        assert not subscriptions.is_full
        subscriptions.join()
    assert subscriptions.is_full


# --- those who cannot keep up ------------------------------------------------------------------------


def slow_subscriber(venue: Venue) -> Subscriber:
    connection = Connection(venue.subscriptions).subscribe()
    connection.read_all()
    return connection.subscriber


def release_to(venue: Venue, subscriber: Subscriber, outputs: Outputs, buffered_bytes: int) -> bytes | None:
    venue.subscriptions.publish(venue.market_data.apply(outputs, NOW_NS))
    return venue.subscriptions.offer(subscriber, buffered_bytes, NOW_NS)


def test_increments_come_up_to_the_bound_of_the_buffer_and_not_beyond() -> None:
    venue = Venue()
    slow = slow_subscriber(venue)
    assert release_to(venue, slow, released(level(BUY, 100, 1)), CONFLATE_BUFFER_BYTES) is not None
    assert not slow.is_waiting
    assert release_to(venue, slow, released(level(BUY, 100, 2)), CONFLATE_BUFFER_BYTES + 1) is None
    assert slow.is_waiting


def test_a_conflated_subscriber_is_told_how_much_was_left_out_and_gets_what_changed() -> None:
    venue = Venue(conflate_buffer_bytes=100)
    connection = venue.connect().subscribe()
    connection.read_all()
    venue.release(released(*[level(BUY, price, 1, 1, EUA) for price in range(20)]))
    for lots in (1, 2, 3):
        venue.release(released(level(SELL, 100, lots)))
    assert kinds_of(connection.read()) == [BatchBegin, *[LevelUpdate] * 20]
    assert connection.read_all() == [
        Conflated(3, 5, (CEA,), 2),
        *venue.market_data.snapshot(CEA),
    ]
    venue.release(released(level(SELL, 100, 4)))
    assert connection.read() == [BatchBegin(6, NOW_NS, 5), LevelUpdate(CEA, 5, SELL, 100, 4, 1)]
    assert connection.damages == []
    assert (venue.subscriptions.conflation_count, venue.subscriptions.batches_left_out_count) == (1, 3)


def test_batches_for_others_leave_a_slow_subscriber_as_it_is() -> None:
    venue = Venue()
    connection = venue.connect().subscribe(EUA)
    connection.read_all()
    assert release_to(venue, connection.subscriber, released(level(BUY, 1, 1)), 10**9) is None
    assert not connection.subscriber.is_waiting


def test_what_waits_is_bounded_by_the_instruments_however_many_batches_go_by() -> None:
    venue = Venue()
    slow = slow_subscriber(venue)
    for lots in range(1, 1_000):
        release_to(venue, slow, released(level(BUY, 100, lots)), 10**9)
        release_to(venue, slow, released(level(BUY, 9, lots, 1, EUA)), 10**9)
    assert list(slow.pending) == [CEA, EUA]
    assert slow.batches_left_out == 1_998


def test_snapshots_come_piece_by_piece_the_longest_waiting_first() -> None:
    venue = Venue(conflate_buffer_bytes=1)
    connection = venue.connect()
    request = Subscribe(Ref(1))
    venue.subscriptions.subscribe(connection.subscriber, request, NOW_NS)
    connection.send_waiting()
    assert len(connection.unsent) == 1
    connection.send_waiting()
    assert len(connection.unsent) == 1, "nothing more while the buffer is full"
    # The first one changes again while the second waits: it goes to the back.
    venue.release(released(level(BUY, 100, 1)))
    messages = connection.read_all()
    begun = [message for message in messages if isinstance(message, SnapshotBegin | Conflated)]
    assert [message.instrument_id for message in begun if isinstance(message, SnapshotBegin)] == [
        CEA,
        EUA,
        CEA,
    ]
    assert type(begun[1]) is Conflated
    assert not connection.subscriber.is_waiting


def test_a_batch_that_is_too_long_comes_as_snapshots() -> None:
    market_data = MarketData()
    market_data.apply(FOUNDING, NOW_NS)
    subscriptions = Subscriptions(market_data, batch_messages_max=10)
    connection = Connection(subscriptions).subscribe()
    connection.read_all()
    for count in (10, 11):
        outputs = released(*[level(BUY, price, count) for price in range(count)])
        subscriptions.publish(market_data.apply(outputs, NOW_NS))
        connection.offer()
        connection.send_waiting()
        connection.read_all()
    conflated = [message for message in connection.heard if isinstance(message, Conflated)]
    assert conflated == [Conflated(1, 3, (CEA,), 2)]
    assert len(connection.books.books[CEA].depth()[0]) == 11
    assert connection.damages == []


def test_one_who_has_not_drained_for_too_long_is_stalled() -> None:
    venue = Venue()
    slow = slow_subscriber(venue)
    assert not slow.is_stalled(NOW_NS + 100 * SECOND_NS), "nothing to send is no stall"
    release_to(venue, slow, released(level(BUY, 100, 1)), CONFLATE_BUFFER_BYTES + 1)
    assert not slow.is_stalled(NOW_NS + BEHIND_NS)
    assert slow.is_stalled(NOW_NS + BEHIND_NS + 1)


def test_the_time_of_a_stall_begins_anew_whenever_the_buffer_has_drained() -> None:
    venue = Venue(conflate_buffer_bytes=1)
    connection = venue.connect()
    subscriber = connection.subscriber
    venue.subscriptions.subscribe(subscriber, Subscribe(Ref(1)), NOW_NS)
    later_ns = NOW_NS + BEHIND_NS - SECOND_NS
    assert venue.subscriptions.drained(subscriber, later_ns)
    assert venue.subscriptions.drained(subscriber, later_ns, buffered_bytes=10**9) == []
    assert not subscriber.is_stalled(later_ns + BEHIND_NS)
    assert subscriber.is_stalled(later_ns + BEHIND_NS + 1)


def test_a_buffer_that_drains_before_the_batch_was_offered_gets_it_in_the_snapshots_only() -> None:
    venue = Venue()
    slow = slow_subscriber(venue)
    release_to(venue, slow, released(level(BUY, 100, 1)), 10**9)
    venue.subscriptions.publish(venue.market_data.apply(released(level(BUY, 9, 9, 1, EUA)), NOW_NS))
    assert len(venue.subscriptions.drained(slow, NOW_NS)) == 3
    assert venue.subscriptions.offer(slow, 0, NOW_NS) is None
    assert not slow.is_waiting


def test_an_array_header_has_the_shortest_of_its_three_forms() -> None:
    assert array_header(0) == b"\x90"
    assert array_header(15) == b"\x9f"
    assert array_header(16) == b"\xdc\x00\x10"
    assert array_header(65_535) == b"\xdc\xff\xff"
    assert array_header(65_536) == b"\xdd\x00\x01\x00\x00"


# --- any history, any reader -------------------------------------------------------------------------

JOIN, READ, GAP = "join", "read", "gap"
steps = st.one_of(
    batches,
    st.tuples(st.just(READ), st.integers(0, 5)),
    st.tuples(st.just(READ), st.integers(0, 5)),
    st.tuples(st.just(GAP), st.integers(0, 5)),
    st.tuples(st.just(JOIN), st.integers(1, FeedKind.ALL), st.sampled_from([(), (CEA,), (EUA,), (EUA, CEA)])),
)


def assert_equal_to_the_market(connection: Connection, market_data: MarketData) -> None:
    assert connection.damages == []
    heard_ids = connection.instrument_ids or market_data.instrument_ids()
    assert sorted(connection.books.books) == sorted(set(heard_ids))
    for instrument_id, book in connection.books.books.items():
        depth = market_data.depth(instrument_id)
        assert book.is_current
        assert book.phase is depth.phase
        assert (book.reference_price_ticks, book.band_low_ticks, book.band_high_ticks) == depth.band
        if connection.kinds & FeedKind.LEVELS:
            expected = [
                (found.price_ticks, found.quantity_lots, found.order_count) for found in depth.levels()
            ]
            bids, asks = book.depth()
            found = [(found.price_ticks, found.quantity_lots, found.order_count) for found in bids + asks]
            assert found == expected
        if connection.kinds & FeedKind.STATISTICS:
            snapshot = market_data.snapshot(instrument_id)
            (statistics,) = [message for message in snapshot if isinstance(message, Statistics)]
            assert book.statistics is not None
            assert figures(book.statistics) == figures(statistics)
            assert {
                kind: kind_figures(told) for kind, told in book.kind_statistics.items() if told.trade_count
            } == {told.kind: kind_figures(told) for told in snapshot if isinstance(told, KindStatistics)}


def figures(statistics: Statistics) -> tuple[int, ...]:
    return (
        statistics.open_price_ticks,
        statistics.high_price_ticks,
        statistics.low_price_ticks,
        statistics.last_price_ticks,
        statistics.volume_lots,
        statistics.turnover_ticks_lots,
        statistics.trade_count,
    )


def kind_figures(told: KindStatistics) -> tuple[int, ...]:
    return told.volume_lots, told.turnover_ticks_lots, told.trade_count


@settings(max_examples=300)
@given(st.lists(steps, max_size=40), st.integers(0, 400))
def test_whenever_one_joins_and_however_slowly_one_reads_the_books_end_equal(
    happened: list[Outputs | tuple[object, ...]], conflate_buffer_bytes: int
) -> None:
    """Without one damaged book on the way: no gap, no wrong checksum."""
    venue = Venue(conflate_buffer_bytes)
    for step in [*happened, released(defined(KAU, "KAU"), level(BUY, 7, 1, 1, KAU))]:
        if isinstance(step, Outputs):
            venue.release(step)
            continue
        match step:
            case ("join", int(kinds), tuple(instrument_ids)) if len(venue.connections) < 6:
                venue.connect().subscribe(*instrument_ids, kinds=kinds)
            case ("read", int(index)) if index < len(venue.connections):
                venue.connections[index].read()
            case ("gap", int(index)) if index < len(venue.connections):
                connection = venue.connections[index]
                connection.request_snapshot((connection.instrument_ids or (CEA,))[0])
    for connection in venue.connections:
        connection.read_all()
        assert not connection.subscriber.is_waiting
        assert_equal_to_the_market(connection, venue.market_data)


@given(histories(), st.integers(1, FeedKind.ALL))
def test_one_who_keeps_up_hears_each_message_of_its_kinds_once_and_no_other(
    history: list[Outputs], kinds: int
) -> None:
    venue = Venue()
    everything = venue.connect().subscribe()
    filtered = venue.connect().subscribe(kinds=kinds)
    everything.read_all()
    filtered.read_all()
    everything.heard.clear()
    filtered.heard.clear()
    for outputs in history:
        venue.release(outputs)
        everything.read()
        filtered.read()
    kind_of = {
        LevelUpdate: FeedKind.LEVELS,
        Trade: FeedKind.TRADES,
        TradeBust: FeedKind.TRADES,
        TradeCorrection: FeedKind.TRADES,
        Statistics: FeedKind.STATISTICS,
        KindStatistics: FeedKind.STATISTICS,
    }
    expected = [
        message
        for message in everything.heard
        if type(message) is not BatchBegin and kind_of.get(type(message), kinds) & kinds
    ]
    assert [message for message in filtered.heard if type(message) is not BatchBegin] == expected


@given(histories())
def test_equal_batches_give_equal_bytes(history: list[Outputs]) -> None:
    sent = []
    for _ in range(2):
        venue = Venue()
        connection = venue.connect().subscribe()
        for outputs in history:
            venue.release(outputs)
        sent.append(b"".join(connection.unsent))
    assert sent[0] == sent[1]
