"""The order list of the feed: what readers make of it, whenever they join, is what the engine has."""

from collections.abc import Iterable, Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.client.book import BookBuilder, ListedOrder
from carbonmatch.limits import CONFLATE_BUFFER_BYTES
from carbonmatch.market_data.feed import SNAPSHOT_ORDER_BYTES_MAX, MarketData
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AnyCommand,
    Entry,
    InstrumentId,
    OrderId,
    OrderListed,
    Ref,
    ScreenRules,
    SessionId,
    Side,
)
from carbonmatch.matching.state import restore, snapshot
from carbonmatch.protocol.messages import FeedKind, OrderUpdate, SnapshotBegin, SnapshotOrder
from tests.market_data.connection import Connection
from tests.market_data.world import CEA, NOW_NS, defined, definition, released
from tests.matching.listing.side_by_side import Listing
from tests.matching.listing.worlds import Band, Enter, Move, moves, rules
from tests.matching.worlds import seeded

BUY, SELL = Side.BUY, Side.SELL
_Rows = list[tuple[OrderId, Side, int, int]]


# --- what is told of which change -------------------------------------------------------------------


def listed(number: int, side: Side, price: int, lots: int, *, is_last: bool = True) -> OrderListed:
    return OrderListed(CEA, OrderId(number), side, price, lots, is_last)


def market(levels_max: int = 2, order_list: bool = True) -> MarketData:
    market_data = MarketData()
    screen = ScreenRules(levels_max=levels_max, order_list=order_list)
    event = m.InstrumentDefined(NOW_NS, msgspec.structs.replace(definition(), screen=screen))
    market_data.apply(released(event), NOW_NS)
    return market_data


def told(market_data: MarketData, *changes: OrderListed, redefine: ScreenRules | None = None) -> list[str]:
    """The updates of one batch: number, order, lots and price."""
    outputs = released()
    if redefine is not None:
        outputs = released(
            m.InstrumentDefined(NOW_NS, msgspec.structs.replace(definition(), screen=redefine))
        )
    # The levels of the changed orders change as well; which, is of no matter here.
    levels = [m.LevelChanged(CEA, one.side, one.price_ticks, 1, 1) for one in changes]
    outputs = msgspec.structs.replace(outputs, orders=list(changes), levels=levels)
    batch = market_data.apply(outputs, NOW_NS)
    return [
        f"{one.list_seq}: #{one.order_id} {one.quantity_lots} @ {one.price_ticks}"
        for one in batch.changes[CEA].messages
        if isinstance(one, OrderUpdate)
    ]


def test_an_order_is_told_when_it_comes_trades_and_goes() -> None:
    market_data = market()
    assert told(market_data, listed(1, BUY, 100, 5), listed(2, BUY, 100, 7)) == [
        "1: #1 5 @ 100",
        "2: #2 7 @ 100",
    ]
    assert told(market_data, listed(1, BUY, 100, 3, is_last=False)) == ["3: #1 3 @ 100"]
    assert told(market_data, listed(1, BUY, 100, 0, is_last=False)) == ["4: #1 0 @ 100"]


def test_what_has_not_changed_is_not_told() -> None:
    market_data = market()
    told(market_data, listed(1, BUY, 100, 5))
    assert told(market_data, listed(1, BUY, 100, 5, is_last=False)) == []
    assert told(market_data, listed(9, BUY, 100, 0, is_last=False)) == [], "it came and went within the batch"


def test_an_order_that_loses_its_priority_is_gone_and_comes_again() -> None:
    market_data = market()
    told(market_data, listed(1, BUY, 100, 5), listed(2, BUY, 100, 7))
    assert told(market_data, listed(1, BUY, 100, 9)) == ["3: #1 0 @ 100", "4: #1 9 @ 100"]
    assert [one.order_id for one in market_data.snapshot(CEA) if isinstance(one, SnapshotOrder)] == [2, 1]


def test_a_level_that_comes_among_the_best_is_told_whole_and_one_that_leaves_as_gone() -> None:
    market_data = market(levels_max=2)
    told(market_data, listed(1, SELL, 101, 5), listed(2, SELL, 102, 6), listed(3, SELL, 103, 7))
    assert told(market_data, listed(4, SELL, 103, 8)) == [], "beyond the best two"
    assert told(market_data, listed(3, SELL, 103, 0), listed(3, SELL, 103, 7)) == []
    assert told(market_data, listed(5, SELL, 100, 1)) == ["3: #2 0 @ 102", "4: #5 1 @ 100"]
    assert told(market_data, listed(5, SELL, 100, 0), listed(1, SELL, 101, 0)) == [
        "5: #5 0 @ 100",
        "6: #1 0 @ 101",
        "7: #2 6 @ 102",
        "8: #4 8 @ 103",
        "9: #3 7 @ 103",
    ]


def test_all_levels_are_told_where_no_number_is_given() -> None:
    market_data = market(levels_max=0)
    assert len(told(market_data, *(listed(number, BUY, 100 - number, 1) for number in range(1, 50)))) == 49


def test_a_list_that_is_given_up_goes_order_by_order_and_may_come_again() -> None:
    market_data = market()
    told(market_data, listed(1, BUY, 100, 5), listed(2, BUY, 98, 7))
    assert told(market_data, redefine=ScreenRules(levels_max=2)) == ["3: #1 0 @ 100", "4: #2 0 @ 98"]
    assert told(market_data, listed(2, BUY, 98, 7), redefine=ScreenRules(levels_max=2, order_list=True)) == [
        "5: #2 7 @ 98"
    ]


def test_an_instrument_without_a_list_has_nothing_of_it() -> None:
    market_data = MarketData()
    market_data.apply(released(defined()), NOW_NS)
    (begin,) = [one for one in market_data.snapshot(CEA) if isinstance(one, SnapshotBegin)]
    assert (begin.order_count, begin.list_seq) == (0, 0)


def test_a_subscriber_who_does_not_ask_for_orders_gets_none() -> None:
    market_data = market()
    told(market_data, listed(1, BUY, 100, 5))
    assert not [one for one in market_data.snapshot(CEA, FeedKind.DEFAULT) if isinstance(one, SnapshotOrder)]
    outputs = msgspec.structs.replace(
        released(m.LevelChanged(CEA, BUY, 100, 2, 1)), orders=[listed(1, BUY, 100, 2, is_last=False)]
    )
    changed = market_data.apply(outputs, NOW_NS).changes[CEA]
    assert [type(one).__name__ for one in changed.select(FeedKind.DEFAULT)] == ["LevelUpdate"]
    assert [type(one).__name__ for one in changed.select(FeedKind.ORDERS)] == ["OrderUpdate"]


def test_a_list_too_long_to_follow_conflates_only_those_who_follow_it() -> None:
    market_data = market()
    subscriptions = Subscriptions(market_data, batch_messages_max=10)
    following = Connection(subscriptions).subscribe()
    other = Connection(subscriptions).subscribe(kinds=FeedKind.DEFAULT)
    for connection in (following, other):
        connection.read_all()
    orders = [listed(number, BUY, 100, 1) for number in range(1, 30)]
    outputs = msgspec.structs.replace(released(m.LevelChanged(CEA, BUY, 100, 29, 29)), orders=orders)
    subscriptions.publish(market_data.apply(outputs, NOW_NS))
    assert following.offer() is None
    assert other.offer() is not None
    assert following.subscriber.is_waiting
    following.send_waiting()
    following.read_all()
    bids, _ = following.books.books[CEA].orders()
    assert [one.order_id for one in bids] == list(range(1, 30))


# --- the list of the engine and that of any reader ----------------------------------------------------


def engine_list(engine: Engine, instrument_id: InstrumentId) -> _Rows:
    """Bids, then asks, of the best levels that the instrument shows; nothing where it shows none."""
    book = engine.books[instrument_id]
    instrument = book.instrument
    screen = instrument.definition.screen
    if not screen.order_list:
        return []
    everywhere = screen.mechanism is not m.ScreenMechanism.LISTING
    sides = [
        [
            level
            for level in ladder.levels_from_best()
            if everywhere or instrument.price_low_ticks <= level.price_ticks <= instrument.price_high_ticks
        ]
        for ladder in (book.bids, book.asks)
    ]
    return [
        (order.order_id, level.side, level.price_ticks, order.leaves_lots)
        for levels in sides
        for level in levels[: screen.levels_max or None]
        for order in level.orders()
    ]


def rows(orders: Iterable[ListedOrder]) -> _Rows:
    return [(one.order_id, one.side, one.price_ticks, one.quantity_lots) for one in orders]


class Feed:
    """A feed with readers: one from the beginning, a slow one, and one that joins after each batch."""

    def __init__(self, conflate_buffer_bytes: int = CONFLATE_BUFFER_BYTES) -> None:
        self.engine = Engine()
        self.market_data = MarketData()
        self.subscriptions = Subscriptions(self.market_data, conflate_buffer_bytes=conflate_buffer_bytes)
        self.first = Connection(self.subscriptions).subscribe()
        self.slow = Connection(self.subscriptions).subscribe(kinds=FeedKind.ORDERS)

    def apply(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.engine.apply(entry)
        batch = self.market_data.apply(self.engine.take_outputs(), NOW_NS)
        self.subscriptions.publish(batch)
        self.first.offer()
        self.slow.offer()
        self.first.read_all()

    def restart(self) -> None:
        """The engine and the feed from their snapshots, as recovery does it; readers subscribe anew."""
        self.engine = restore(snapshot(self.engine))
        saved = self.market_data.state()
        restored = MarketData()
        restored.restore(saved)
        assert restored.state() == saved
        self.market_data = restored
        self.subscriptions = Subscriptions(restored)
        self.first = Connection(self.subscriptions).subscribe()
        self.slow = Connection(self.subscriptions).subscribe(kinds=FeedKind.ORDERS)
        self.first.read_all()

    def check(self) -> None:
        for instrument_id in self.market_data.instrument_ids():
            expected = engine_list(self.engine, instrument_id)
            joining = BookBuilder()
            assert joining.apply(self.market_data.snapshot(instrument_id)) == []
            for books in (joining.books, self.first.books.books):
                bids, asks = books[instrument_id].orders()
                assert rows(bids + asks) == expected
        assert self.first.damages == []

    def end(self) -> None:
        self.slow.read_all()
        for instrument_id in self.market_data.instrument_ids():
            bids, asks = self.slow.books.books[instrument_id].orders()
            assert rows(bids + asks) == engine_list(self.engine, instrument_id)
        assert self.slow.damages == []


@settings(max_examples=60)
@given(rules, moves, st.integers(1, 6), st.integers(0, 300), st.integers(0, 60))
def test_the_list_of_a_listing_is_that_of_the_engine(
    screen: ScreenRules, happened: list[Move], batch_size: int, buffer_bytes: int, restart: int
) -> None:
    listing = Listing(screen)
    for move in happened:
        listing.go(move)
    feed = Feed(buffer_bytes)
    for start in range(0, len(listing.entries), batch_size):
        feed.apply(listing.entries[start : start + batch_size])
        feed.check()
        if start == restart:
            feed.restart()
            feed.check()
    feed.end()


def test_what_lies_outside_of_the_band_of_a_listing_is_left_out_over_a_restart_too() -> None:
    listing = Listing(ScreenRules(m.ScreenMechanism.LISTING, 1, order_list=True))
    for move in (Enter(0, SELL, 98, 5), Enter(0, SELL, 101, 6), Band(100, 103)):
        listing.go(move)
    feed = Feed()
    feed.apply(listing.entries)
    feed.restart()
    feed.check()
    _, asks = feed.first.books.books[InstrumentId(1)].orders()
    assert [one.price_ticks for one in asks] == [101]
    listing.go(Band(97, 103))
    feed.apply(listing.entries[-1:])
    feed.check()
    _, asks = feed.first.books.books[InstrumentId(1)].orders()
    assert [one.price_ticks for one in asks] == [98]


def with_lists(entries: Iterable[Entry]) -> Iterable[Entry]:
    """The same, where definitions show the orders of some levels, or, now and then, of none."""
    for entry in entries:
        commands: list[AnyCommand] = []
        for number, command in enumerate(entry.commands):
            if isinstance(command, m.DefineInstrument):
                chance = entry.first_sequence + number
                screen = ScreenRules(levels_max=(3, 0, 1, 2)[chance % 4], order_list=chance % 7 != 3)
                changed = msgspec.structs.replace(command.definition, screen=screen)
                commands.append(m.DefineInstrument(changed))
            else:
                commands.append(command)
        yield Entry(entry.first_sequence, entry.time_ns, entry.session_id, commands)


def test_the_list_of_a_market_of_all_kinds_of_orders_is_that_of_the_engine() -> None:
    """Icebergs, auctions, self-trades, replacements, expiries, new rules: whatever moves an order."""
    feed = Feed(conflate_buffer_bytes=2_000)
    entries = list(with_lists(seeded(5, 6_000)))
    start, batch = 0, 1
    while start < len(entries):
        feed.apply(entries[start : start + batch])
        feed.check()
        start += batch
        batch = 1 + (start * 7) % 5
        if start % 500 < batch:
            feed.engine.check()
    feed.end()


def test_sending_a_list_takes_no_more_bytes_than_the_frame_has_room_for() -> None:
    largest = SnapshotOrder(InstrumentId(2**16 - 1), OrderId(2**53 - 1), SELL, 10**9, 10**9)
    assert len(msgspec.msgpack.encode(largest)) <= SNAPSHOT_ORDER_BYTES_MAX


def listed_market() -> Engine:
    """Sessions 1 and 2 trade against each other; orders are numbered from 6 on."""
    engine = Engine()
    screen = ScreenRules(order_list=True)
    setup: list[AnyCommand] = [
        m.DefineInstrument(msgspec.structs.replace(definition(), screen=screen)),
        m.DefineAccount(m.AccountId(1), m.ParticipantId(1), "a"),
        m.DefineAccount(m.AccountId(2), m.ParticipantId(2), "b"),
        m.DefineSession(SessionId(1), "a", (m.AccountId(1),)),
        m.DefineSession(SessionId(2), "b", (m.AccountId(2),)),
    ]
    engine.apply(Entry(1, NOW_NS, m.VENUE_SESSION_ID, setup))
    engine.take_outputs()
    return engine


def test_a_partial_fill_of_the_first_order_is_told_though_no_ladder_was() -> None:
    engine = listed_market()
    engine.apply(Entry(6, NOW_NS, SessionId(1), [m.NewOrder(Ref(1), CEA, SELL, 9, 10_000)]))
    assert engine.take_outputs().orders == [OrderListed(CEA, OrderId(6), SELL, 10_000, 9, True)]
    engine.apply(Entry(7, NOW_NS, SessionId(2), [m.NewOrder(Ref(1), CEA, BUY, 4, 10_000)]))
    assert engine.take_outputs().orders == [OrderListed(CEA, OrderId(6), SELL, 10_000, 5, False)]


def test_orders_of_one_batch_are_told_in_the_order_in_which_they_stand() -> None:
    """The first one leaves its level and comes back behind the second."""
    engine = listed_market()
    commands: list[AnyCommand] = [
        m.NewOrder(Ref(1), CEA, BUY, 9, 9_000),
        m.Replace(Ref(2), Ref(1), OrderId(0), 9, 9_100),
        m.NewOrder(Ref(3), CEA, BUY, 4, 9_000),
        m.Replace(Ref(4), Ref(2), OrderId(0), 9, 9_000),
    ]
    engine.apply(Entry(6, NOW_NS, SessionId(1), commands))
    assert engine.take_outputs().orders == [
        OrderListed(CEA, OrderId(8), BUY, 9_000, 4, True),
        OrderListed(CEA, OrderId(6), BUY, 9_000, 9, True),
    ]
