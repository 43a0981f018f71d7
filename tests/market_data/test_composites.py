"""Composite prices in the feed: who hears them, what a snapshot has, what a restart keeps."""

from msgspec import structs

from carbonmatch.client.book import BookBuilder
from carbonmatch.limits import CONFLATE_BUFFER_BYTES
from carbonmatch.market_data.feed import MarketData
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import (
    CompositeChanged,
    CompositeDefinition,
    CompositeMember,
    InstrumentId,
    Outputs,
    Ref,
    RejectReason,
)
from carbonmatch.protocol.messages import BatchBegin, Composite, FeedKind, Subscribed, SubscribeRejected
from tests.market_data.connection import Connection
from tests.market_data.world import BUY, CEA, EUA, KAU, NOW_NS, defined, level, released

ALL = InstrumentId(90)
OF = CompositeDefinition(ALL, "COM", "CNY", 2, (CompositeMember(CEA, 1), CompositeMember(EUA, 2)))


def changed(price_ticks: int, composite: CompositeDefinition = OF) -> CompositeChanged:
    return CompositeChanged(ALL, NOW_NS, price_ticks, composite)


def told(seq: int, price_ticks: int) -> Composite:
    return Composite(ALL, seq, price_ticks, NOW_NS, OF)


class Venue:
    def __init__(self, conflate_buffer_bytes: int = CONFLATE_BUFFER_BYTES) -> None:
        self.market_data = MarketData()
        self.subscriptions = Subscriptions(self.market_data, conflate_buffer_bytes=conflate_buffer_bytes)
        self.connections: list[Connection] = []
        self.release(released(defined(CEA), defined(EUA, "EUA"), changed(95_00)))

    def connect(self, *instrument_ids: InstrumentId, kinds: int = FeedKind.ALL) -> Connection:
        connection = Connection(self.subscriptions).subscribe(*instrument_ids, kinds=kinds)
        self.connections.append(connection)
        return connection

    def release(self, outputs: Outputs) -> None:
        self.subscriptions.publish(self.market_data.apply(outputs, NOW_NS))
        for connection in self.connections:
            connection.offer()


def test_whoever_follows_the_venue_is_given_it_with_the_snapshots_and_hears_each_change() -> None:
    venue = Venue()
    connection = venue.connect()
    messages = connection.read_all()
    assert messages[0] == Subscribed(Ref(1), 3, 1)
    assert messages[-1] == told(1, 95_00)
    venue.release(released(changed(96_00)))
    assert connection.read() == [BatchBegin(2, NOW_NS, 1), told(2, 96_00)]
    assert connection.books.composites == {ALL: told(2, 96_00)}
    assert set(connection.books.books) == {CEA, EUA}
    assert connection.damages == []


def test_it_is_subscribed_to_by_its_id_and_heard_with_every_kind() -> None:
    venue = Venue()
    connection = venue.connect(ALL, kinds=FeedKind.TRADES)
    assert connection.read_all() == [Subscribed(Ref(1), 1, 1), told(1, 95_00)]
    venue.release(released(level(BUY, 100, 5), changed(96_00)))
    assert connection.read() == [BatchBegin(2, NOW_NS, 1), told(2, 96_00)]


def test_who_follows_other_instruments_does_not_hear_it() -> None:
    venue = Venue()
    connection = venue.connect(CEA)
    connection.read_all()
    venue.release(released(changed(96_00)))
    assert connection.read() == []


def test_a_reader_that_was_too_slow_is_given_the_newest() -> None:
    venue = Venue(conflate_buffer_bytes=0)
    connection = venue.connect(ALL)
    for price_ticks in (96_00, 97_00, 98_00):
        venue.release(released(changed(price_ticks)))
    connection.read_all()
    assert connection.books.composites == {ALL: told(4, 98_00)}
    assert connection.books.batches_left_out > 0


def test_a_snapshot_of_it_can_be_asked_for() -> None:
    venue = Venue()
    connection = venue.connect(ALL)
    connection.read_all()
    connection.request_snapshot(ALL)
    assert connection.read() == [told(1, 95_00)]
    connection.request_snapshot(KAU)
    assert connection.read() == [
        SubscribeRejected(Ref(2), RejectReason.UNKNOWN_INSTRUMENT, f"instrument {KAU}")
    ]


def test_what_a_reader_has_goes_with_its_subscription() -> None:
    reader = BookBuilder()
    reader.apply([told(1, 95_00)])
    reader.apply([Subscribed(Ref(2), 1, 1)])
    assert reader.composites == {}


def test_a_restart_keeps_it_its_number_and_its_place() -> None:
    venue = Venue()
    venue.release(released(changed(96_00), defined(KAU, "KAU")))
    again = MarketData()
    again.restore(venue.market_data.state())
    assert again.state() == venue.market_data.state()
    assert again.followed_ids() == venue.market_data.followed_ids() == [CEA, EUA, ALL, KAU]
    assert again.instrument_ids() == [CEA, EUA, KAU]
    assert again.snapshot(ALL) == [told(2, 96_00)]
    assert again.changed_at(ALL) == 2
    after = [feed.apply(released(changed(97_00)), NOW_NS) for feed in (again, venue.market_data)]
    assert after[0].changes[ALL].messages == after[1].changes[ALL].messages == [told(3, 97_00)]


def test_another_definition_is_told_with_the_price() -> None:
    venue = Venue()
    ended = structs.replace(OF, members=())
    venue.release(released(changed(0, ended)))
    assert venue.market_data.snapshot(ALL) == [Composite(ALL, 2, 0, NOW_NS, ended)]
