"""The market as a feed tells it, to be told on: messages in, the same batches and snapshots out. Pure.

Everything keeps the numbers that the engine gave it, so a reader sees no difference. What is checked on the
way is what every reader checks (`client.book`): counts, checksums, numbers without a gap.
"""

from typing import Any

from msgspec import structs

from carbonmatch.client.book import BookBuilder
from carbonmatch.client.instrument_book import InstrumentBook
from carbonmatch.market_data.changes import FeedBatch, InstrumentMessage, changes_of
from carbonmatch.market_data.composites import PublicComposite
from carbonmatch.market_data.depth import checksum
from carbonmatch.market_data.feed import MarketData
from carbonmatch.market_data.instrument import PublicInstrument
from carbonmatch.market_data.order_list import OrderList
from carbonmatch.market_data.order_list import checksum as order_checksum
from carbonmatch.matching.messages import InstrumentDefinition, InstrumentId, LevelChanged
from carbonmatch.protocol.messages import (
    BatchBegin,
    Composite,
    Conflated,
    FeedKind,
    Instrument,
    LevelUpdate,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotLevel,
    SnapshotOrder,
    Subscribed,
    SubscribeRejected,
)


class OutOfStep(Exception):
    """What the feed says does not follow from what it said before: begin anew."""


class MirroredMarket(MarketData):
    """Invariant: what is told is what the engine has told, up to `feed_sequence`."""

    def __init__(self) -> None:
        super().__init__()
        self._builder = BookBuilder(FeedKind.ALL)
        self._instrument_count: int | None = None
        self.is_ready = False

    @property
    def is_complete(self) -> bool:
        """Whether all snapshots have come."""
        builder = self._builder
        known = len(builder.books) + len(builder.composites)
        return self._instrument_count == known and all(book.is_current for book in builder.books.values())

    def take(self, messages: list[Any]) -> FeedBatch | None:
        """Take in a frame as it came; what is to be told on, if it is a batch. Raises OutOfStep."""
        first = messages[0]
        damages = self._builder.apply(messages)
        if damages:
            raise OutOfStep(f"{damages[0]}")
        if type(first) is BatchBegin:
            return self._batch(first, messages[1:])
        if type(first) is Conflated and self.is_ready:
            raise OutOfStep(f"too slow for {first.batches} batches")
        if type(first) is SubscribeRejected:
            raise OutOfStep(f"subscription refused: {first.reason.name}")
        if type(first) is Subscribed:
            self._instrument_count = first.instrument_count
        self._learn(messages, 0)
        return None

    def ready(self) -> None:
        """Every snapshot is there: from here on it is told on, batch by batch."""
        assert self.is_complete
        self.feed_sequence = self._builder.feed_sequence
        self.is_ready = True

    def _batch(self, begun: BatchBegin, messages: list[Any]) -> FeedBatch:
        if not self.is_ready:
            self.ready()
            # It is in the builder already, and follows the batch that was named in its head.
            self.feed_sequence = begun.previous_feed_sequence
        if begun.feed_sequence != self.feed_sequence + 1:
            raise OutOfStep(f"batch {begun.feed_sequence} after {self.feed_sequence}")
        by_instrument: dict[InstrumentId, list[InstrumentMessage]] = {}
        for message in messages:
            by_instrument.setdefault(_instrument_id(message), []).append(message)
        self._learn(messages, begun.feed_sequence)
        self.feed_sequence = begun.feed_sequence
        changes = {instrument_id: changes_of(of_it) for instrument_id, of_it in by_instrument.items()}
        batch = FeedBatch(begun.feed_sequence, begun.time_ns, changes, len(messages))
        self.recent.keep(batch)
        return batch

    def _learn(self, messages: list[Any], feed_sequence: int) -> None:
        for message in messages:
            if type(message) is Composite:
                composite = PublicComposite(message.composite_id, message.composite)
                composite.message, composite.feed_sequence = message, feed_sequence
                self._instruments[message.composite_id] = composite
            elif type(message) is Instrument:
                self._define(message.definition, feed_sequence)
            elif not isinstance(message, Subscribed | Conflated):
                instrument = self._instruments[_instrument_id(message)]
                assert isinstance(instrument, MirroredInstrument), "a composite price has one message"
                instrument.learn(message)
                instrument.feed_sequence = feed_sequence or instrument.feed_sequence

    def _define(self, definition: InstrumentDefinition, feed_sequence: int) -> None:
        instrument_id = definition.instrument_id
        known = self._instruments.get(instrument_id)
        if not isinstance(known, MirroredInstrument):
            known = MirroredInstrument(definition, self._builder.books[instrument_id])
            self._instruments[instrument_id] = known
        known.definition = definition
        # Also where a batch says nothing else of it: a snapshot that was made before has the old one.
        known.feed_sequence = feed_sequence or known.feed_sequence


class MirroredInstrument(PublicInstrument):
    """Its levels are kept as the engine keeps them, the rest as every reader does: in `book`."""

    __slots__ = ("book",)

    def __init__(self, definition: InstrumentDefinition, book: InstrumentBook) -> None:
        super().__init__(definition)
        self.book = book
        # Whether there is one, the engine knows: here it is what has come of it.
        self.order_list = OrderList(definition.instrument_id, definition.screen)

    def learn(self, message: Any) -> None:
        if isinstance(message, LevelUpdate | SnapshotLevel):
            level = LevelChanged(
                message.instrument_id,
                message.side,
                message.price_ticks,
                message.quantity_lots,
                message.order_count,
            )
            self.depth.update([level])
        elif type(message) is SnapshotBegin:
            self.feed_sequence = message.feed_sequence
            self.depth.bids.clear()
            self.depth.asks.clear()

    def snapshot(self, kinds: int, levels_max: int = 0) -> list[InstrumentMessage]:
        """As the engine's, of the same state."""
        book = self.book
        assert book.phase is not None, "there was a snapshot of it"
        instrument_id = self.instrument_id
        levels = self.depth.levels(levels_max) if kinds & FeedKind.LEVELS else []
        listed = [order for side in book.orders() for order in side] if kinds & FeedKind.ORDERS else []
        orders = [
            SnapshotOrder(instrument_id, one.order_id, one.side, one.price_ticks, one.quantity_lots)
            for one in listed
        ]
        band = (book.reference_price_ticks, book.band_low_ticks, book.band_high_ticks)
        list_seq = book.list_seq if kinds & FeedKind.ORDERS else 0
        return [
            Instrument(self.definition),
            SnapshotBegin(
                instrument_id,
                self.feed_sequence,
                book.instrument_seq,
                book.phase,
                *band,
                len(levels),
                book.phase_until_ns,
                len(orders),
                list_seq,
            ),
            *(
                SnapshotLevel(
                    instrument_id, level.side, level.price_ticks, level.quantity_lots, level.order_count
                )
                for level in levels
            ),
            *orders,
            SnapshotEnd(instrument_id, checksum(levels), order_checksum(orders)),
            *self._what_else(kinds),
        ]

    def _what_else(self, kinds: int) -> list[InstrumentMessage]:
        """What follows a snapshot repeats its number."""
        book = self.book
        found: list[Any] = [book.auction, book.limits, *book.biddings.values(), book.bidding_result]
        if self.definition.blocks is not None:
            found += [book.block_phase, *book.block_posts.values()]
        if kinds & FeedKind.STATISTICS:
            # Of kinds of which no trade stands any more nothing is said.
            of_kinds = [told for _, told in sorted(book.kind_statistics.items()) if told.trade_count]
            found += [book.statistics, *of_kinds, book.summary]
        return [
            structs.replace(message, instrument_seq=book.instrument_seq)
            for message in found
            if message is not None
        ]


def _instrument_id(message: Any) -> InstrumentId:
    if type(message) is Instrument:
        return message.definition.instrument_id
    if type(message) is Composite:
        return message.composite_id
    instrument_id: InstrumentId = message.instrument_id
    return instrument_id
