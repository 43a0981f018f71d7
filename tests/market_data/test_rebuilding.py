"""The same books at every depth: whoever joins whenever, loses what it may and reads as it likes has the
books that the engine had at the very batch which the reader has come to.
"""

from itertools import islice
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from carbonmatch.client.book import InstrumentBook
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching import messages as m
from carbonmatch.matching.book import Book
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.ladder import Ladder
from carbonmatch.matching.messages import Entry, InstrumentId, Ref
from carbonmatch.protocol.messages import (
    BatchBegin,
    Conflated,
    FeedKind,
    FeedSource,
    GapFilled,
    LevelUpdate,
    OrderUpdate,
    Subscribe,
)
from tests.market_data.readers import Reader, Tape
from tests.market_data.test_order_list import engine_list, rows, with_lists
from tests.matching.worlds import COMMAND_BYTES, World

EUA, CEA = InstrumentId(1), InstrumentId(2)
SECOND_NS = 1_000_000_000
Levels = list[tuple[int, int, int]]


def ladder_levels(ladder: Ladder, count: int | None) -> Levels:
    return [
        (level.price_ticks, level.quantity_lots, level.order_count)
        for level in islice(ladder.levels_from_best(), count)
    ]


class State:
    """Of one instrument in the engine, as of one batch."""

    def __init__(self, engine: Engine, book: Book) -> None:
        self.bids, self.asks = ladder_levels(book.bids, None), ladder_levels(book.asks, None)
        self.orders = engine_list(engine, book.instrument.instrument_id)
        self.phase = book.instrument.phase


class Venue:
    """An engine, its feed, and what the engine had after each batch of the feed."""

    def __init__(self, conflate_buffer_bytes: int) -> None:
        self.engine = Engine()
        self.tape = Tape(conflate_buffer_bytes=conflate_buffer_bytes)
        self.states: dict[int, dict[InstrumentId, State]] = {}

    def apply(self, *entries: Entry) -> None:
        for entry in with_lists(entries):
            self.engine.apply(entry)
        market_data = self.tape.market_data
        batch = market_data.apply(self.engine.take_outputs(), self.tape.time_ns)
        self.states[market_data.feed_sequence] = {
            instrument_id: State(self.engine, book) for instrument_id, book in self.engine.books.items()
        }
        self.tape.publish(batch)

    def restart(self) -> None:
        """The feed as recovery makes it: from a snapshot, and the batches since again. Readers go on."""
        market_data = self.tape.market_data
        recovered = MarketData()
        recovered.restore(market_data.state())
        for batch in market_data.recent.since(market_data.feed_sequence - 1, market_data.feed_sequence) or ():
            recovered.recent.keep(batch)
        tape = self.tape
        self.tape = Tape(recovered, tape.subscriptions._conflate_buffer_bytes)
        self.tape.time_ns = tape.time_ns
        for reader in tape.readers:
            reader.tape = self.tape
            reader.books.interrupt()
            reader.connect()
            self.tape.readers.append(reader)

    def check(self, reader: Reader) -> int:
        """Compare each current book with the engine at the reader's batch; how many there were."""
        current = [book for book in reader.books.books.values() if book.is_current]
        for book in current:
            sequence = max(book.feed_sequence, reader.books.feed_sequence)
            state = self.states[sequence][book.instrument_id]
            check(book, state, reader.request)
        return len(current)


def check(book: InstrumentBook, state: State, request: Subscribe) -> None:
    assert book.phase is state.phase
    if request.kinds & FeedKind.LEVELS:
        bids, asks = book.depth()
        count = request.levels_max or None
        for found, expected in ((bids, state.bids), (asks, state.asks)):
            levels = [(level.price_ticks, level.quantity_lots, level.order_count) for level in found]
            assert levels == expected[:count]
        if request.levels_max == 1:
            best_bid, best_ask = book.best()
            assert (best_bid is None, best_ask is None) == (not state.bids, not state.asks)
    if request.kinds & FeedKind.ORDERS:
        bid_orders, ask_orders = book.orders()
        assert rows(bid_orders + ask_orders) == state.orders


requests = st.builds(
    Subscribe,
    st.just(Ref(1)),
    st.sampled_from([(), (), (EUA,), (CEA, EUA)]),
    st.integers(1, FeedKind.ALL),
    st.sampled_from([0, 0, 1, 2, 5]),
    st.sampled_from([0, 0, 50, 300]),
)
losses = st.lists(st.booleans(), max_size=30)
batches = st.lists(st.binary(min_size=COMMAND_BYTES, max_size=COMMAND_BYTES), min_size=1, max_size=4)
steps = st.one_of(
    batches,
    batches,
    batches,
    st.tuples(st.just("join"), requests, losses),
    st.tuples(st.just("read"), st.integers(0, 3)),
    st.tuples(st.just("read"), st.integers(0, 3)),
    st.tuples(st.just("reconnect"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.integers(0, 400)),
    st.just("restart"),
)


# A snapshot was lost, and the connection before it came again.
@example(
    [("join", Subscribe(Ref(1), (CEA, EUA), 1), [True]), [bytes(20)], ("read", 1), ("reconnect", 1)], 136
)
@settings(max_examples=150)
@given(st.lists(steps, max_size=50), st.integers(0, 3_000))
def test_books_of_any_depth_are_the_engines_at_their_batch_whatever_was_lost(
    happened: list[object], conflate_buffer_bytes: int
) -> None:
    world = World()
    venue = Venue(conflate_buffer_bytes)
    venue.apply(world.setup())
    venue.tape.join(Subscribe(Ref(1), kinds=FeedKind.ALL))
    for step in happened:
        go(venue, world, step)
        for reader in venue.tape.readers:
            venue.check(reader)
    # What was lost last is noticed by what follows.
    for reader in venue.tape.readers:
        reader.losses.clear()
    for _ in range(4):
        venue.tape.wait(6_000)
        venue.apply(world.frame(0, [m.DefineInstrument(each) for each in definitions(venue)]))
        venue.tape.wait(1_000)
        for reader in venue.tape.readers:
            reader.read_all()
    for reader in venue.tape.readers:
        assert venue.check(reader) == len(reader.request.instrument_ids or venue.engine.books)


def definitions(venue: Venue) -> list[m.InstrumentDefinition]:
    return [book.instrument.definition for book in venue.engine.books.values()]


def go(venue: Venue, world: World, step: object) -> None:
    readers = venue.tape.readers
    match step:
        case list(choices):
            venue.tape.time_ns += SECOND_NS // 100
            venue.apply(*[world.entry([chosen]) for chosen in choices])
        case ("join", Subscribe() as request, list(lost)) if len(readers) < 4:
            venue.tape.join(request, lost)
        case ("read", int(index)) if index < len(readers):
            readers[index].read()
        case ("reconnect", int(index)) if index < len(readers):
            readers[index].lose_connection()
        case ("wait", int(milliseconds)):
            venue.tape.wait(milliseconds)
        case "restart":
            venue.restart()


def test_a_day_of_every_kind_of_order_and_reader_ends_with_equal_books() -> None:
    """Fast, slow and lossy readers of every depth and interval, who come and come back at any time."""
    chance = Random(11)
    world = World()
    venue = Venue(600)
    venue.apply(world.setup())
    speeds: dict[Reader, float] = {}
    checked = 0
    for turn in range(1_200):
        if turn % 100 == 0:
            for depth in (0, 1, 3):
                kinds = chance.choice([FeedKind.ALL, FeedKind.DEFAULT, FeedKind.LEVELS, FeedKind.ORDERS])
                request = Subscribe(Ref(1), (), kinds, depth, chance.choice([0, 0, 50, 400]))
                lost = [chance.random() < 0.1 for _ in range(chance.choice([0, 200]))]
                speeds[venue.tape.join(request, lost)] = chance.choice([1.0, 0.2, 0.01])
        venue.apply(world.entry([chance.randbytes(COMMAND_BYTES)]))
        venue.tape.wait(chance.choice([0, 3, 40]))
        for reader, speed in speeds.items():
            if chance.random() < speed:
                reader.read()
            elif chance.random() < 0.002:
                reader.lose_connection()
            checked += venue.check(reader)
        if turn in (500, 900):
            venue.restart()
    sources = {
        message.source for reader in speeds for message in reader.heard if isinstance(message, GapFilled)
    }
    assert sources == {FeedSource.MEMORY, FeedSource.SNAPSHOT}
    told = {type(message) for reader in speeds for message in reader.heard}
    assert {Conflated, GapFilled, OrderUpdate, LevelUpdate} <= told
    put_together = [
        message for reader in speeds for message in reader.heard if isinstance(message, BatchBegin)
    ]
    assert max(message.batches for message in put_together) > 5
    assert checked > 20_000


@settings(max_examples=60)
@given(
    st.lists(batches, max_size=20),
    st.lists(st.tuples(requests, losses), max_size=4),
    st.lists(st.integers(0, 9), max_size=20),
)
def test_a_fast_reader_hears_the_very_same_bytes_however_slow_others_are(
    happened: list[list[bytes]], others: list[tuple[Subscribe, list[bool]]], reads: list[int]
) -> None:
    heard = []
    for company in ([], others):
        world = World()
        venue = Venue(300)
        venue.apply(world.setup())
        for request, lost in company:
            venue.tape.join(request, lost)
        fast = venue.tape.join(Subscribe(Ref(1), kinds=FeedKind.ALL))
        frames = list(fast.unsent)
        fast.read_all()
        for turn, choices in enumerate(happened):
            go(venue, world, choices)
            frames += fast.unsent
            fast.read_all()
            if turn < len(reads) and reads[turn] < len(company):
                venue.tape.readers[reads[turn]].read()
        heard.append(frames)
    assert heard[0] == heard[1]
