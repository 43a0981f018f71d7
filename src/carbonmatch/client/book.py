"""A reader's copy of the market: feed messages in, books out. Pure: no socket, no clock.

    builder = BookBuilder()
    for damage in builder.apply(messages):
        send(damage.request(ref))
    best_bid, best_ask = builder.books[instrument_id].best()

What shows a loss: a batch names the one before it, whatever is subscribed; with all kinds and levels, and
every batch, the numbers of an instrument are dense as well; a snapshot has a count and a checksum, and
whoever is conflated is told which snapshots are to come.

The checksum is computed here from its description (`proto/`), not with the engine's function: two
that agree prove more than one that is shared.
"""

import struct
from collections.abc import Iterable
from enum import IntEnum, unique
from typing import Final
from zlib import crc32

from msgspec import Struct

from carbonmatch.client.instrument_book import BiddingMessage as BiddingMessage
from carbonmatch.client.instrument_book import BlockMessage as BlockMessage
from carbonmatch.client.instrument_book import InstrumentBook as InstrumentBook
from carbonmatch.client.instrument_book import Level as Level
from carbonmatch.client.instrument_book import ListedOrder as ListedOrder
from carbonmatch.matching.messages import GATHERING, InstrumentId, Ref
from carbonmatch.protocol.messages import (
    AuctionResult,
    AuctionUpdate,
    BandUpdate,
    BatchBegin,
    Composite,
    Conflated,
    DaySummary,
    FeedKind,
    FeedOutbound,
    FeedSource,
    GapFilled,
    GapRequest,
    Instrument,
    KindStatistics,
    LevelUpdate,
    LimitsUpdate,
    OrderUpdate,
    PhaseUpdate,
    SessionOutbound,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotLevel,
    SnapshotOrder,
    Statistics,
    Subscribed,
    Trade,
    TradeBust,
    TradeCorrection,
)

_CHECKSUM_LEVEL: Final = struct.Struct(">BQQI")  # side, price in ticks, quantity in lots, orders
_CHECKSUM_ORDER: Final = struct.Struct(">QBQQ")  # order id, side, price in ticks, quantity in lots

# All instruments of the subscription.
ALL_INSTRUMENTS: Final = InstrumentId(0)
# By the venue's clock: an answer that has not come by then was lost as well.
_ANSWER_NS: Final = 5_000_000_000


@unique
class DamageCause(IntEnum):
    GAP = 1  # a message is missing: `expected` and `found` are values of instrument_seq
    LEVEL_COUNT = 2  # a snapshot is incomplete
    CHECKSUM = 3  # a snapshot is not what the engine sent
    LIST_GAP = 4  # an update of the order list is missing: `expected` and `found` are values of list_seq
    ORDER_COUNT = 5  # of the order list a snapshot is incomplete
    BATCH_GAP = 6  # batches are missing, of all instruments: `expected` was seen, `found` was not
    SNAPSHOT_MISSING = 7  # of `expected` snapshots that were to come only `found` have


class Damage(Struct, frozen=True):
    """A book is wrong until its next snapshot, or all are until they get what is missing: ask for it."""

    instrument_id: InstrumentId  # 0: of all that are subscribed
    cause: DamageCause
    expected: int
    found: int

    def request(self, ref: Ref) -> GapRequest:
        """What mends it."""
        after_sequence = self.expected if self.cause is DamageCause.BATCH_GAP else 0
        return GapRequest(ref, self.instrument_id, after_sequence)


class BookBuilder:
    """Every instrument and composite price of one subscription. Invariant: a book `is_current` only from
    a whole, verified snapshot and every increment after it.

    A damaged book keeps its last contents, takes no increments and is reported once; its next
    snapshot mends it. One whose snapshot has begun is not current until that has ended. Where a batch
    was lost all books stand still until GapFilled says what follows.
    """

    def __init__(self, kinds: int = FeedKind.ALL, levels_max: int = 0, conflate_ms: int = 0) -> None:
        """As subscribed. With less than everything numbers are left out, and only lost batches are seen."""
        self.books: dict[InstrumentId, InstrumentBook] = {}
        # Composite prices as they were last told; what has not come yet is not there.
        self.composites: dict[InstrumentId, Composite] = {}
        self.feed_sequence = 0
        self.batches_left_out = 0  # as told by Conflated
        self._is_dense = kinds & FeedKind.DEFAULT == FeedKind.DEFAULT and not levels_max and not conflate_ms
        self._damages: list[Damage] = []
        # The snapshot in progress: an instrument's is sent in one piece.
        self._begun: SnapshotBegin | None = None
        self._levels: list[SnapshotLevel] = []
        self._orders: list[SnapshotOrder] = []
        # Snapshots that come before increments do: of how many instruments, and which have come; or of
        # instruments that were named; and when they were asked for (0: they come unasked).
        self._all_due = 0
        self._all_asked_ns = 0
        self._came: dict[InstrumentId, None] = {}
        self._due: dict[InstrumentId, int] = {}
        # Where a batch was lost: the books that were right up to there, and when it was reported.
        self._right_before: list[InstrumentBook] | None = None
        self._reported_ns = 0
        self._time_ns = 1  # of the last batch, by the venue's clock
        # Counts the batches that have begun: see `InstrumentBook.settled_seq`.
        self._batch_number = 0

    def apply(self, messages: Iterable[FeedOutbound | SessionOutbound]) -> list[Damage]:
        """Take in messages as they came; return what was found damaged by them.

        Messages that are not about the market are skipped, and so are increments that the snapshot
        before them has already.
        """
        for message in messages:
            self._apply(message)
        damages, self._damages = self._damages, []
        return damages

    def interrupt(self) -> None:
        """The connection is lost: no book is current until a new subscription goes on, or begins anew."""
        self._begun = None
        if self._right_before is None:
            self._right_before = [book for book in self.books.values() if book.is_current]
            for book in self.books.values():
                book.is_current = False
                book.is_damage_reported = True

    @property
    def resume_after(self) -> int:
        """The batch after which a new connection may go on; 0: it has to begin with snapshots."""
        return 0 if len(self._came) < self._all_due else self.feed_sequence

    def _apply(self, message: FeedOutbound | SessionOutbound) -> None:
        # The common ones first, and by exact type: isinstance() of a message costs 90 ns a class.
        if type(message) is LevelUpdate or type(message) is Trade or type(message) is Statistics:
            self._increment(message)
        elif type(message) is SnapshotLevel:
            self._levels.append(message)
        elif type(message) is OrderUpdate:
            self._order_update(message)
        elif type(message) is SnapshotOrder:
            self._orders.append(message)
        elif type(message) is BatchBegin:
            self._begin_batch(message)
        elif isinstance(message, _RARE):
            self._increment(message)
        elif type(message) is SnapshotEnd:
            self._end_snapshot(message)
        elif type(message) is SnapshotBegin:
            self._begin_snapshot(message)
        elif type(message) is Instrument:
            self._book(message.definition.instrument_id).definition = message.definition
        elif type(message) is Composite:
            self._composite(message)
        elif type(message) is Conflated:
            self._conflate(message)
        elif type(message) is Subscribed:
            self._subscribe(message)
        elif type(message) is GapFilled:
            self._fill(message)

    def _book(self, instrument_id: InstrumentId) -> InstrumentBook:
        book = self.books.get(instrument_id)
        if book is None:
            book = self.books[instrument_id] = InstrumentBook(instrument_id)
        return book

    # --- batches -----------------------------------------------------------------------------------

    def _subscribe(self, message: Subscribed) -> None:
        """A new subscription: snapshots of all it has will follow, or it goes on (see `_fill`)."""
        if message.is_resumed:
            return
        self.books.clear()
        self.composites.clear()
        self._right_before = None
        self._reported_ns = 0
        self._await_all(message.instrument_count)
        self.feed_sequence = message.feed_sequence

    def _begin_batch(self, message: BatchBegin) -> None:
        self._batch_number += 1
        if self._is_lost(message.previous_feed_sequence, message.time_ns):
            return
        self.feed_sequence = max(self.feed_sequence, message.feed_sequence)
        self._time_ns = max(self._time_ns, message.time_ns)
        if len(self._came) < self._all_due and self._is_unanswered(self._all_asked_ns):
            # Which ones are missing is not known.
            self._all_asked_ns = self._time_ns
            self._report(ALL_INSTRUMENTS, DamageCause.SNAPSHOT_MISSING, self._all_due, len(self._came))
        for instrument_id, asked_ns in self._due.items():
            if self._is_unanswered(asked_ns):
                self._due[instrument_id] = self._time_ns
                self._report(instrument_id, DamageCause.SNAPSHOT_MISSING, 1, 0)

    def _is_unanswered(self, asked_ns: int) -> bool:
        """Whether that which was to come before this batch has not, and nobody is about to send it."""
        return not asked_ns or self._time_ns - asked_ns >= _ANSWER_NS

    def _conflate(self, message: Conflated) -> None:
        self.batches_left_out += message.batches
        if self._is_lost(message.previous_feed_sequence, 0):
            return
        self.feed_sequence = max(self.feed_sequence, message.feed_sequence)
        for instrument_id in message.instrument_ids:
            self._due[instrument_id] = 0
            book = self.books.get(instrument_id)
            if book is not None:
                book.is_current = False
                book.is_damage_reported = True

    def _is_lost(self, previous_sequence: int, time_ns: int) -> bool:
        """Whether a batch before this one has not come; then books stand still, and it is reported."""
        if self._right_before is None:
            if previous_sequence <= self.feed_sequence:
                return False
            self.interrupt()
        elif not self._reported_ns or time_ns - self._reported_ns < _ANSWER_NS:
            return True
        self._reported_ns = time_ns
        self._report(ALL_INSTRUMENTS, DamageCause.BATCH_GAP, self.feed_sequence, previous_sequence)
        return True

    def _fill(self, message: GapFilled) -> None:
        """What was lost follows: batches, of which books skip what they know; or snapshots of everything."""
        if message.source is FeedSource.SNAPSHOT:
            self._await_all(message.count)
        elif message.after_feed_sequence <= self.feed_sequence:
            for book in self.books.values():
                book.is_damage_reported = book.instrument_id in self._due
            for book in self._right_before or ():
                book.is_current = True
        else:
            # Not what was asked for: something is missing still.
            return
        self._right_before = None
        self._reported_ns = 0
        self.feed_sequence = max(self.feed_sequence, message.feed_sequence)

    def _await_all(self, count: int) -> None:
        """Snapshots of so many instruments come, which are all that are subscribed."""
        self._all_due = count
        self._all_asked_ns = 0
        self._came.clear()
        self._due.clear()
        for book in self.books.values():
            book.is_current = False
            book.is_damage_reported = True

    def _composite(self, message: Composite) -> None:
        """It says everything of its price, as a snapshot does; the newest is true."""
        self.composites[message.composite_id] = message
        if self._right_before is None:
            self._has_come(message.composite_id)

    def _has_come(self, instrument_id: InstrumentId) -> None:
        if self._all_due:
            self._came[instrument_id] = None
        self._due.pop(instrument_id, None)

    # --- increments --------------------------------------------------------------------------------

    def _increment(self, message: "Increment") -> None:
        book = self._book(message.instrument_id)
        found = message.instrument_seq
        known_seq = book.instrument_seq if self._is_dense else self._settled_seq(book)
        if book.is_current and found <= known_seq:
            # What follows a snapshot repeats its number; all else is in it already.
            if found == book.instrument_seq and isinstance(message, _AFTER_SNAPSHOT):
                self._take(book, message)
            return
        expected = book.instrument_seq + 1
        if not book.is_current or (self._is_dense and found != expected):
            self._damage(book, DamageCause.GAP, expected, found)
            return
        # The best levels alone do not come in the order of their numbers.
        book.instrument_seq = max(book.instrument_seq, found)
        self._take(book, message)

    def _settled_seq(self, book: InstrumentBook) -> int:
        """The last number before this batch, within which numbers may come twice."""
        if book.batch_number != self._batch_number:
            book.batch_number = self._batch_number
            book.settled_seq = book.instrument_seq
        return book.settled_seq

    def _take(self, book: InstrumentBook, message: "Increment") -> None:
        if type(message) is LevelUpdate:
            book.set_level(message)
        elif type(message) is Trade:
            book.trades.append(message)
        elif type(message) is Statistics:
            book.statistics = message
        elif type(message) is KindStatistics:
            book.kind_statistics[message.kind] = message
        elif type(message) is PhaseUpdate:
            book.phase = message.phase
            if message.phase not in GATHERING:
                book.auction = None
            book.phase_until_ns = message.until_ns
        elif type(message) is LimitsUpdate:
            book.limits = message
        elif type(message) is DaySummary:
            book.summary = message
        elif type(message) is AuctionUpdate:
            book.auction = message
        elif type(message) is AuctionResult:
            book.auction, book.auction_result = None, message
        elif type(message) is BandUpdate:
            book.set_band(message)
        elif isinstance(message, BiddingMessage):
            book.take_bidding(message)
        elif isinstance(message, BlockMessage):
            book.take_block(message)
        else:
            assert type(message) is TradeBust or type(message) is TradeCorrection
            book.amend_trade(message)

    def _order_update(self, message: OrderUpdate) -> None:
        """The order list is counted by itself, and whoever hears it at all hears all of it."""
        book = self._book(message.instrument_id)
        expected = book.list_seq + 1
        found = message.list_seq
        if book.is_current and found < expected:
            return
        if not book.is_current or found != expected:
            self._damage(book, DamageCause.LIST_GAP, expected, found)
            return
        book.list_seq = found
        book.set_order(message)

    # --- snapshots ---------------------------------------------------------------------------------

    def _begin_snapshot(self, message: SnapshotBegin) -> None:
        self._begun = message
        self._levels = []
        self._orders = []
        if self._right_before is None:
            book = self._book(message.instrument_id)
            book.is_current = False
            book.is_damage_reported = False

    def _end_snapshot(self, message: SnapshotEnd) -> None:
        begun, levels, orders = self._begun, self._levels, self._orders
        self._begun, self._levels, self._orders = None, [], []
        if self._right_before is not None:
            # What follows it may be lost as well; the answer to the request comes after it.
            return
        book = self._book(message.instrument_id)
        self._has_come(message.instrument_id)
        if begun is None or begun.instrument_id != message.instrument_id:
            self._damage(book, DamageCause.LEVEL_COUNT, 0, len(levels))
            return
        for cause, expected, found in (
            (DamageCause.LEVEL_COUNT, begun.level_count, len(levels)),
            (DamageCause.ORDER_COUNT, begun.order_count, len(orders)),
            (DamageCause.CHECKSUM, message.checksum, _checksum_of_levels(levels)),
            (DamageCause.CHECKSUM, message.order_checksum, _checksum_of_orders(orders)),
        ):
            if found != expected:
                self._damage(book, cause, expected, 0 if found is None else found)
                return
        book.begin_anew(begun, levels, orders)
        book.batch_number, book.settled_seq = self._batch_number, begun.instrument_seq

    # --- damages -----------------------------------------------------------------------------------

    def _damage(self, book: InstrumentBook, cause: DamageCause, expected: int, found: int) -> None:
        """Once for each time a book is damaged: one request mends it, and the answer takes its time."""
        book.is_current = False
        self._due.setdefault(book.instrument_id, self._time_ns)
        if not book.is_damage_reported:
            book.is_damage_reported = True
            self._report(book.instrument_id, cause, expected, found)

    def _report(self, instrument_id: InstrumentId, cause: DamageCause, expected: int, found: int) -> None:
        self._damages.append(Damage(instrument_id, cause, expected, found))


_OfTrades = TradeBust | TradeCorrection
_OfTheDay = PhaseUpdate | BandUpdate | LimitsUpdate | KindStatistics | DaySummary
_RARE = _OfTheDay | AuctionUpdate | AuctionResult | _OfTrades | BiddingMessage | BlockMessage
_AFTER_SNAPSHOT = (
    Statistics | KindStatistics | AuctionUpdate | LimitsUpdate | DaySummary | BiddingMessage | BlockMessage
)
Increment = LevelUpdate | Trade | Statistics | _RARE


def _checksum_of_levels(levels: list[SnapshotLevel]) -> int | None:
    return _checksum(
        _CHECKSUM_LEVEL,
        [(level.side, level.price_ticks, level.quantity_lots, level.order_count) for level in levels],
    )


def _checksum_of_orders(orders: list[SnapshotOrder]) -> int | None:
    return _checksum(
        _CHECKSUM_ORDER,
        [(order.order_id, order.side, order.price_ticks, order.quantity_lots) for order in orders],
    )


def _checksum(layout: struct.Struct, rows: list[tuple[int, ...]]) -> int | None:
    """None where a number is one that no row can have."""
    data = bytearray()
    try:
        for row in rows:
            data += layout.pack(*row)
    except struct.error:
        return None
    return crc32(data)
