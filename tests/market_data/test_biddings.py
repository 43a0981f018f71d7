"""Biddings in the feed: announced, under way, ended; for those who were there, and for those who join."""

from msgspec import structs

from carbonmatch.client.book import BookBuilder
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.messages import (
    AnyPublicEvent,
    BiddingAnnounced,
    BiddingEnded,
    BiddingOutcome,
    BiddingPhaseChanged,
    BiddingPricing,
    BiddingRule,
    BiddingRules,
    BiddingState,
    OrderId,
    Outputs,
    Side,
)
from carbonmatch.protocol.messages import (
    BiddingAnnouncement,
    BiddingResult,
    BiddingUpdate,
    FeedKind,
    SnapshotEnd,
)
from tests.market_data.world import CEA, NOW_NS, defined

FIRST, SECOND = OrderId(70), OrderId(80)


def announced(bidding_id: OrderId) -> BiddingAnnounced:
    return BiddingAnnounced(
        CEA,
        NOW_NS,
        bidding_id,
        Side.SELL,
        500,
        90,
        NOW_NS + 1,
        NOW_NS + 2,
        BiddingRules(1, 1, 1, 5_000, 1),
        1,
        0,
        b"c" * 32,
        "spring",
    )


def changed(bidding_id: OrderId, state: BiddingState) -> BiddingPhaseChanged:
    return BiddingPhaseChanged(CEA, NOW_NS, bidding_id, state)


def ended(bidding_id: OrderId) -> BiddingEnded:
    return BiddingEnded(
        CEA,
        NOW_NS,
        bidding_id,
        BiddingOutcome.PARTLY_SOLD,
        95,
        500,
        400,
        400,
        9,
        9,
        BiddingRule.ALL,
        94,
        b"s" * 16,
        b"d" * 32,
        "done",
        BiddingPricing.PAY_AS_BID,
    )


def feed_of(*events: AnyPublicEvent) -> tuple[MarketData, BookBuilder]:
    """A feed that has told these, one a batch, and a reader that was there."""
    feed, reader = MarketData(), BookBuilder()
    for event in (defined(), *events):
        batch = feed.apply(Outputs([], [event], []), NOW_NS)
        assert reader.apply(batch.changes[CEA].messages) == []
    return feed, reader


def test_an_announcement_has_all_that_the_event_says_and_its_state() -> None:
    feed, reader = feed_of(announced(FIRST))
    (told,) = reader.books[CEA].biddings.values()
    event = structs.asdict(announced(FIRST))
    assert {name: value for name, value in structs.asdict(told).items() if name in event} == event
    assert told.state is BiddingState.ANNOUNCED
    (message,) = [one for one in feed.snapshot(CEA) if isinstance(one, BiddingAnnouncement)]
    assert structs.replace(message, instrument_seq=told.instrument_seq) == told


def test_readers_follow_each_bidding_to_its_end() -> None:
    _, reader = feed_of(announced(FIRST), announced(SECOND), changed(FIRST, BiddingState.OPEN))
    book = reader.books[CEA]
    assert {one: told.state for one, told in book.biddings.items()} == {
        FIRST: BiddingState.OPEN,
        SECOND: BiddingState.ANNOUNCED,
    }
    feed, reader = feed_of(
        announced(FIRST), announced(SECOND), changed(FIRST, BiddingState.OPEN), ended(FIRST)
    )
    book = reader.books[CEA]
    assert list(book.biddings) == [SECOND]
    assert book.bidding_result is not None
    event = structs.asdict(ended(FIRST))
    told = structs.asdict(book.bidding_result)
    assert {name: value for name, value in told.items() if name in event} == event
    assert feed.snapshot(CEA)[-2] == structs.replace(
        book.bidding_result, instrument_seq=told["instrument_seq"]
    )


def test_who_joins_knows_what_those_know_who_were_there() -> None:
    events = (
        announced(FIRST),
        announced(SECOND),
        changed(FIRST, BiddingState.OPEN),
        changed(FIRST, BiddingState.CLOSED),
        ended(FIRST),
        changed(SECOND, BiddingState.OPEN),
    )
    for count in range(len(events) + 1):
        feed, reader = feed_of(*events[:count])
        late = BookBuilder()
        snapshot = feed.snapshot(CEA)
        assert late.apply(snapshot) == []
        assert known(late) == known(reader)
        # They belong to the snapshot: after its end, with its number.
        end = next(number for number, one in enumerate(snapshot) if isinstance(one, SnapshotEnd))
        for one in snapshot:
            if isinstance(one, BiddingAnnouncement | BiddingResult):
                assert snapshot.index(one) > end
                assert one.instrument_seq == late.books[CEA].instrument_seq
        # A reader that was there forgets what a new snapshot does not have.
        assert reader.apply(snapshot) == []
        assert known(reader) == known(late)


def test_a_reader_that_has_missed_the_end_of_a_bidding_forgets_it_with_the_next_snapshot() -> None:
    _, reader = feed_of(announced(FIRST), announced(SECOND))
    feed, _ = feed_of(announced(FIRST), announced(SECOND), ended(FIRST), ended(SECOND))
    assert reader.apply(feed.snapshot(CEA)) == []
    assert reader.books[CEA].biddings == {}
    assert reader.books[CEA].bidding_result is not None


def known(reader: BookBuilder) -> tuple[object, object]:
    book = reader.books[CEA]
    announcements = {
        bidding_id: structs.replace(told, instrument_seq=0) for bidding_id, told in book.biddings.items()
    }
    result = book.bidding_result
    return announcements, None if result is None else structs.replace(result, instrument_seq=0)


def test_a_state_of_a_bidding_that_the_reader_has_not_seen_is_left_alone() -> None:
    _, reader = feed_of()
    seq = reader.books[CEA].instrument_seq + 1
    assert reader.apply([BiddingUpdate(CEA, seq, FIRST, BiddingState.OPEN, NOW_NS)]) == []
    assert reader.books[CEA].biddings == {}


def test_biddings_come_to_every_subscriber_of_the_instrument() -> None:
    feed, _ = feed_of()
    batch = feed.apply(Outputs([], [announced(FIRST)], []), NOW_NS)
    assert [type(one) for one in batch.changes[CEA].select(FeedKind.TRADES)] == [BiddingAnnouncement]


def test_a_restart_keeps_biddings_and_the_last_result() -> None:
    events = (announced(FIRST), ended(FIRST), announced(SECOND), changed(SECOND, BiddingState.OPEN))
    feed, _ = feed_of(*events)
    again = MarketData()
    again.restore(feed.state())
    assert again.state() == feed.state()
    assert again.snapshot(CEA) == feed.snapshot(CEA)
    after = again.apply(Outputs([], [ended(SECOND)], []), NOW_NS)
    assert [type(one) for one in after.changes[CEA].messages] == [BiddingResult]
