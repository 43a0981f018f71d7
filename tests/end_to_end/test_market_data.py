"""The feed: whoever joins, whenever, ends with the book that the engine has, and misses nothing."""

from pathlib import Path
from typing import Any

from carbonmatch.client.book import BookBuilder
from carbonmatch.matching.messages import (
    Cancel,
    InstrumentId,
    NewOrder,
    Phase,
    Ref,
    RejectReason,
    SetBand,
    SetPhase,
    Side,
)
from carbonmatch.protocol.messages import (
    BandUpdate,
    BatchBegin,
    FeedKind,
    GapRequest,
    Instrument,
    LevelUpdate,
    PhaseUpdate,
    SessionRejected,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotLevel,
    Statistics,
    Subscribe,
    Subscribed,
    SubscribeRejected,
    Trade,
)
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Addresses, Disk, Process, Venue, running
from tests.end_to_end.wire import Wire


def order(ref: int, side: Side, lots: int, price: int, instrument_id: InstrumentId = EUA) -> NewOrder:
    return NewOrder(Ref(ref), instrument_id, side, lots, price)


class Follower:
    """A subscriber's book, which has to stay whole: every number of an instrument once, in order."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.books = BookBuilder()
        self.messages: list[Any] = []

    async def subscribe(self, *instrument_ids: InstrumentId) -> None:
        self.wire.send(Subscribe(Ref(1), instrument_ids))
        await self.catch_up()

    async def catch_up(self) -> list[Any]:
        """Take in what the engine has sent by now, and return it."""
        news = [message for messages in await self.wire.settle() for message in messages]
        assert self.books.apply(news) == []
        self.messages += news
        return news

    def assert_agrees_with(self, venue: Venue, instrument_id: InstrumentId) -> None:
        book = self.books.books[instrument_id]
        assert book.is_current
        ours = [
            [(level.price_ticks, level.quantity_lots, level.order_count) for level in side]
            for side in book.depth()
        ]
        assert ours == engine_depth(venue, instrument_id)


def engine_depth(venue: Venue, instrument_id: InstrumentId) -> list[list[tuple[int, int, int]]]:
    """What rests, added up from the orders themselves."""
    depth = []
    for side in (Side.BUY, Side.SELL):
        levels: dict[int, tuple[int, int]] = {}
        for resting in venue.engine.books[instrument_id].orders():
            if resting.ladder.side is side:
                lots, count = levels.get(resting.level.price_ticks, (0, 0))
                levels[resting.level.price_ticks] = (lots + resting.leaves_lots, count + 1)
        prices = sorted(levels, reverse=side is Side.BUY)
        depth.append([(price, *levels[price]) for price in prices])
    return depth


async def test_a_snapshot_and_then_increments_without_a_gap(venue: Venue) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob, venue.feed_wire() as feed:
        alice.send(order(1, Side.BUY, 10, 7000), order(2, Side.BUY, 5, 7000), order(3, Side.SELL, 7, 7100))
        await alice.reports(3)
        follower = Follower(feed)
        await follower.subscribe(EUA)
        assert [type(message) for message in follower.messages] == [
            Subscribed,
            Instrument,
            SnapshotBegin,
            SnapshotLevel,
            SnapshotLevel,
            SnapshotEnd,
            Statistics,
        ]
        bid, ask = (message for message in follower.messages if type(message) is SnapshotLevel)
        assert (bid.side, bid.price_ticks, bid.quantity_lots, bid.order_count) == (Side.BUY, 7000, 15, 2)
        assert (ask.side, ask.price_ticks, ask.quantity_lots, ask.order_count) == (Side.SELL, 7100, 7, 1)

        bob.send(order(1, Side.SELL, 12, 7000))
        await bob.reports(3)
        begin, *increments = await follower.catch_up()
        assert isinstance(begin, BatchBegin)
        assert [type(message) for message in increments] == [Trade, Trade, LevelUpdate, Statistics]
        first = follower.messages[2].instrument_seq + 1
        assert [message.instrument_seq for message in increments] == list(range(first, first + 4))
        assert [(trade.price_ticks, trade.quantity_lots, trade.aggressor) for trade in increments[:2]] == [
            (7000, 10, Side.SELL),
            (7000, 2, Side.SELL),
        ]
        follower.assert_agrees_with(venue, EUA)


async def test_whoever_joins_on_the_way_ends_with_the_same_book(venue: Venue) -> None:
    async with (
        venue.wire("alice") as alice,
        venue.wire("bob") as bob,
        venue.feed_wire() as first,
        venue.feed_wire() as second,
        venue.feed_wire() as third,
    ):
        followers = [Follower(wire) for wire in (first, second, third)]
        ref = 1
        for turn, follower in enumerate(followers):
            await follower.subscribe()
            for step in range(40):
                price = 6_990 + (step * 7 + turn) % 20
                alice.send(
                    order(ref, Side.BUY, 1 + step % 3, price),
                    order(ref + 1, Side.BUY, 20, 900 + step // 10 * 5, CEA),
                    Cancel(Ref(ref + 2), order_ref=Ref(max(1, ref - 3 * (step % 5)))),
                )
                bob.send(order(ref, Side.SELL, 2, price + step % 4 - 1))
                ref += 3
            for wire in (alice, bob):
                assert all(type(one) is not SessionRejected for frame in await wire.settle() for one in frame)
        async with venue.wire("carol") as carol:
            # All that was sent before is durable, and so published, when this is answered.
            carol.send(order(1, Side.BUY, 1, 1))
            await carol.reports(1)
        for follower in followers:
            await follower.catch_up()
            for instrument_id in (EUA, CEA):
                follower.assert_agrees_with(venue, instrument_id)
            assert follower.books.batches_left_out == 0
        assert sum(type(message) is Trade for message in followers[0].messages) > 20
        assert venue.engine.open_order_count > 20
        assert len({follower.books.feed_sequence for follower in followers}) == 1


async def test_nothing_is_published_before_it_is_durable(venue: Venue, disk: Disk) -> None:
    async with venue.wire("alice") as alice, venue.feed_wire() as feed:
        follower = Follower(feed)
        await follower.subscribe(EUA)
        with disk.held():
            alice.send(order(1, Side.BUY, 10, 7000))
            assert await alice.settle() == []
            assert await follower.catch_up() == []
            # Nor does a snapshot show it.
            feed.send(GapRequest(Ref(2), EUA))
            assert not [one for one in await follower.catch_up() if type(one) is SnapshotLevel]
        await alice.reports(1)
        await follower.catch_up()
        follower.assert_agrees_with(venue, EUA)


async def test_statistics_of_the_day(venue: Venue) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob, venue.feed_wire() as feed:
        follower = Follower(feed)
        await follower.subscribe(EUA)
        for ref, (price, lots) in enumerate([(7000, 3), (7050, 2), (6900, 1), (6950, 4)], 1):
            alice.send(order(ref, Side.SELL, lots, price))
            await alice.reports(1)
            bob.send(order(ref, Side.BUY, lots, price))
            await bob.reports(2)
            await alice.reports(1)
        await follower.catch_up()
        statistics = follower.books.books[EUA].statistics
        assert statistics is not None
        assert (statistics.open_price_ticks, statistics.high_price_ticks) == (7000, 7050)
        assert (statistics.low_price_ticks, statistics.last_price_ticks) == (6900, 6950)
        assert (statistics.volume_lots, statistics.trade_count) == (10, 4)
        assert statistics.turnover_ticks_lots == 3 * 7000 + 2 * 7050 + 6900 + 4 * 6950


async def test_phases_and_bands_are_told(venue: Venue) -> None:
    async with venue.wire("operator") as operator, venue.feed_wire() as feed:
        follower = Follower(feed)
        await follower.subscribe(CEA)
        operator.send(SetPhase(Ref(1), CEA, Phase.HALTED, "news"), SetBand(Ref(2), CEA, 1000, 950, 1050))
        await operator.reports(2)
        _, halted, band = await follower.catch_up()
        assert isinstance(halted, PhaseUpdate)
        assert (halted.phase, halted.text) == (Phase.HALTED, "news")
        assert isinstance(band, BandUpdate)
        assert (band.band_low_ticks, band.band_high_ticks) == (950, 1050)


async def test_a_subscriber_hears_what_it_asked_for(venue: Venue) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob, venue.feed_wire() as feed:
        feed.send(Subscribe(Ref(1), (EUA,), FeedKind.TRADES))
        await feed.settle()
        alice.send(order(1, Side.SELL, 3, 7000), order(2, Side.BUY, 20, 900, CEA))
        await alice.reports(2)
        bob.send(order(1, Side.BUY, 3, 7000))
        await bob.reports(2)
        news = [message for messages in await feed.settle() for message in messages]
        assert [type(message) for message in news] == [BatchBegin, Trade]
        # The next request replaces the first.
        feed.send(Subscribe(Ref(2), (CEA,), FeedKind.LEVELS))
        news = [message for messages in await feed.settle() for message in messages]
        assert [message.price_ticks for message in news if type(message) is SnapshotLevel] == [900]


async def test_a_fresh_snapshot_is_sent_where_it_is_asked_for(venue: Venue) -> None:
    async with venue.wire("alice") as alice, venue.feed_wire() as feed:
        alice.send(order(1, Side.BUY, 10, 7000))
        await alice.reports(1)
        follower = Follower(feed)
        await follower.subscribe(EUA)
        feed.send(GapRequest(Ref(2), EUA))
        again = await follower.catch_up()
        assert again == follower.messages[1 : 1 + len(again)]
        feed.send(GapRequest(Ref(3), CEA), GapRequest(Ref(4), InstrumentId(9)))
        refused = await follower.catch_up()
        assert [(one.ref, one.reason) for one in refused if type(one) is SubscribeRejected] == [
            (3, RejectReason.SUBSCRIPTION),
            (4, RejectReason.UNKNOWN_INSTRUMENT),
        ]


async def trade_once(engine: Addresses, ref: int) -> None:
    async with engine.wire("alice") as alice, engine.wire("bob") as bob:
        alice.send(order(ref, Side.SELL, 3, 7000))
        await alice.reports(1)
        bob.send(order(ref, Side.BUY, 1, 7000))
        await bob.reports(2)


async def numbers(engine: Addresses) -> tuple[int, int, Any]:
    """Where the feed stands: its own sequence, the instrument's, and the statistics of the day."""
    async with engine.feed_wire() as feed:
        follower = Follower(feed)
        await follower.subscribe(EUA)
        (subscribed,) = [message for message in follower.messages if type(message) is Subscribed]
        book = follower.books.books[EUA]
        assert [level.quantity_lots for level in book.depth()[1]] == [book.statistics.volume_lots * 2]  # type: ignore[union-attr]
        return subscribed.feed_sequence, book.instrument_seq, book.statistics


async def test_its_numbers_go_on_after_a_stop(tmp_path: Path) -> None:
    async with running(tmp_path / "journal") as venue:
        await trade_once(venue, 1)
        before = await numbers(venue)
    async with running(tmp_path / "journal") as venue:
        assert await numbers(venue) == before
        await trade_once(venue, 2)
        feed_sequence, instrument_seq, statistics = await numbers(venue)
        assert (feed_sequence, statistics.trade_count) == (before[0] + 2, 2)
        # A level and its change by the trade, the trade, and its statistics.
        assert instrument_seq == before[1] + 4


async def test_its_numbers_go_on_after_a_kill(process: Process) -> None:
    await process.start()
    await trade_once(process, 1)
    before = await numbers(process)
    await process.kill()
    await process.start()
    assert await numbers(process) == before
    await trade_once(process, 2)
    assert (await numbers(process))[:2] == (before[0] + 2, before[1] + 4)
