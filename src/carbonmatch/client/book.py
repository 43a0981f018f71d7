"""A reader's copy of the market: feed messages in, books out. Pure: no socket, no clock.

    builder = BookBuilder()
    for damage in builder.apply(messages):
        send(GapRequest(ref, damage.instrument_id))
    best_bid, best_ask = builder.books[instrument_id].best()

The checksum is computed here from its description (`proto/`), not with the engine's function: two
that agree prove more than one that is shared.
"""

import struct
from collections import deque
from collections.abc import Iterable
from enum import IntEnum, unique
from itertools import islice
from typing import Final
from zlib import crc32

from msgspec import Struct, structs
from sortedcontainers import SortedDict

from carbonmatch.matching.messages import (
    GATHERING,
    SCREEN_TRADES,
    InstrumentDefinition,
    InstrumentId,
    OrderId,
    Phase,
    Side,
    TradeKind,
)
from carbonmatch.protocol.messages import (
    AuctionResult,
    AuctionUpdate,
    BandUpdate,
    BatchBegin,
    BiddingAnnouncement,
    BiddingResult,
    BiddingUpdate,
    BlockPhaseUpdate,
    BlockPost,
    Composite,
    Conflated,
    DaySummary,
    FeedKind,
    FeedOutbound,
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

# A reader who wants more history keeps the trades himself as they come.
TRADES_KEPT: Final = 64

_CHECKSUM_LEVEL: Final = struct.Struct(">BQQI")  # side, price in ticks, quantity in lots, orders
_CHECKSUM_ORDER: Final = struct.Struct(">QBQQ")  # order id, side, price in ticks, quantity in lots


@unique
class DamageCause(IntEnum):
    GAP = 1  # a message is missing: `expected` and `found` are values of instrument_seq
    LEVEL_COUNT = 2  # a snapshot is incomplete
    CHECKSUM = 3  # a snapshot is not what the engine sent
    LIST_GAP = 4  # an update of the order list is missing: `expected` and `found` are values of list_seq
    ORDER_COUNT = 5  # of the order list a snapshot is incomplete


class Damage(Struct, frozen=True):
    """The book of an instrument is wrong until its next snapshot: ask for one by GapRequest."""

    instrument_id: InstrumentId
    cause: DamageCause
    expected: int
    found: int


class Level(Struct, frozen=True, gc=False):
    price_ticks: int
    quantity_lots: int
    order_count: int


class ListedOrder(Struct, frozen=True, gc=False):
    order_id: OrderId
    side: Side
    price_ticks: int
    quantity_lots: int


class InstrumentBook:
    """What a reader knows of one instrument. Trust it while `is_current`."""

    def __init__(self, instrument_id: InstrumentId) -> None:
        self.instrument_id = instrument_id
        self.is_current = False
        self.is_damage_reported = False
        self.instrument_seq = 0
        self.definition: InstrumentDefinition | None = None
        self.phase: Phase | None = None
        self.phase_until_ns = 0  # 0: not known
        self.reference_price_ticks = 0
        self.band_low_ticks = 0
        self.band_high_ticks = 0
        # Interval price limits as they were last told; None: the instrument has none.
        self.limits: LimitsUpdate | None = None
        # Of the screen; and of each kind of trade that was told apart: see `sums_of`.
        self.statistics: Statistics | None = None
        self.kind_statistics: dict[TradeKind, KindStatistics] = {}
        # Of the last trading day that has ended, as far as is known.
        self.summary: DaySummary | None = None
        # How an auction would end now, while orders gather for one; and how the last one has ended, if seen.
        self.auction: AuctionUpdate | None = None
        self.auction_result: AuctionResult | None = None
        # Biddings that are not over, and how the last one has ended.
        self.biddings: dict[OrderId, BiddingAnnouncement] = {}
        self.bidding_result: BiddingResult | None = None
        # Blocks that are proposed to everyone, and whether any are negotiated now; None: it has none.
        self.block_posts: dict[OrderId, BlockPost] = {}
        self.block_phase: BlockPhaseUpdate | None = None
        # Those this reader has seen and that stand as far as it was told, the newest last. A snapshot brings
        # none, nor the busts that the reader missed before it.
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        # What was taken back or put right since it reads, of whatever day, the newest last.
        self.amendments: deque[TradeBust | TradeCorrection] = deque(maxlen=TRADES_KEPT)
        # By price, with the sign that puts the best level first on both sides.
        self._bids: SortedDict[int, Level] = SortedDict()
        self._asks: SortedDict[int, Level] = SortedDict()
        # The orders of the best levels in the order in which they came, where the instrument shows them.
        self._orders: dict[OrderId, ListedOrder] = {}
        self.list_seq = 0

    def best(self) -> tuple[Level | None, Level | None]:
        """Best bid and best ask."""
        bids, asks = self._bids, self._asks
        return (bids.peekitem(0)[1] if bids else None, asks.peekitem(0)[1] if asks else None)

    def depth(self, level_count: int | None = None) -> tuple[list[Level], list[Level]]:
        """Bids and asks from the best on, at most `level_count` of each; all without a count."""
        return (
            list(islice(self._bids.values(), level_count)),
            list(islice(self._asks.values(), level_count)),
        )

    def orders(self) -> tuple[list[ListedOrder], list[ListedOrder]]:
        """Bids and asks of the order list from the best level on, of each level who came first first."""
        bids = [order for order in self._orders.values() if order.side is Side.BUY]
        asks = [order for order in self._orders.values() if order.side is Side.SELL]
        return (
            sorted(bids, key=lambda order: -order.price_ticks),
            sorted(asks, key=lambda order: order.price_ticks),
        )

    def sums_of(self, kind: TradeKind) -> tuple[int, int, int]:
        """Volume, turnover and count of the day's trades of this kind, as far as they were told."""
        if kind is not TradeKind.CONTINUOUS:
            return _sums(self.kind_statistics.get(kind))
        # What the screen has traded otherwise is told apart.
        others = [_sums(self.kind_statistics.get(other)) for other in SCREEN_TRADES]
        screen = _sums(self.statistics)
        return (
            screen[0] - sum([volume_lots for volume_lots, _, _ in others]),
            screen[1] - sum([turnover_ticks_lots for _, turnover_ticks_lots, _ in others]),
            screen[2] - sum([trade_count for _, _, trade_count in others]),
        )

    def set_order(self, order: SnapshotOrder | OrderUpdate) -> None:
        """One that is known keeps its place; one that is new stands behind the others of its level."""
        if order.quantity_lots:
            self._orders[order.order_id] = ListedOrder(
                order.order_id, order.side, order.price_ticks, order.quantity_lots
            )
        else:
            self._orders.pop(order.order_id, None)

    def amend_trade(self, amended: TradeBust | TradeCorrection) -> None:
        """Trades that are kept are kept as they stand."""
        self.amendments.append(amended)
        for at, trade in enumerate(self.trades):
            if trade.trade_id != amended.trade_id:
                continue
            if isinstance(amended, TradeBust):
                del self.trades[at]
            else:
                self.trades[at] = structs.replace(
                    trade, price_ticks=amended.price_ticks, quantity_lots=amended.quantity_lots
                )
            return

    def take_bidding(self, message: "_Bidding") -> None:
        if isinstance(message, BiddingAnnouncement):
            self.biddings[message.bidding_id] = message
        elif isinstance(message, BiddingUpdate):
            announced = self.biddings.get(message.bidding_id)
            if announced is not None:
                self.biddings[message.bidding_id] = structs.replace(announced, state=message.state)
        else:
            self.biddings.pop(message.bidding_id, None)
            self.bidding_result = message

    def take_block(self, message: "_Block") -> None:
        if isinstance(message, BlockPhaseUpdate):
            self.block_phase = message
        elif message.quantity_lots:
            self.block_posts[message.proposal_id] = message
        else:
            self.block_posts.pop(message.proposal_id, None)

    def set_level(self, level: SnapshotLevel | LevelUpdate) -> None:
        price_ticks = level.price_ticks
        ladder, key = (self._bids, -price_ticks) if level.side == Side.BUY else (self._asks, price_ticks)
        if level.quantity_lots:
            ladder[key] = Level(price_ticks, level.quantity_lots, level.order_count)
        else:
            ladder.pop(key, None)

    def set_band(self, band: SnapshotBegin | BandUpdate) -> None:
        self.reference_price_ticks = band.reference_price_ticks
        self.band_low_ticks = band.band_low_ticks
        self.band_high_ticks = band.band_high_ticks

    def clear_levels(self) -> None:
        self._bids.clear()
        self._asks.clear()
        self._orders.clear()


class BookBuilder:
    """Every instrument and composite price of one subscription. Invariant: a book `is_current` only from
    a whole, verified snapshot and every increment after it.

    A damaged book keeps its last contents, takes no increments and is reported once; its next
    snapshot mends it. One whose snapshot has begun is not current until that has ended.
    """

    def __init__(self, kinds: int = FeedKind.ALL) -> None:
        """`kinds` as subscribed: with fewer than all, numbers are left out, and gaps cannot be seen."""
        self.books: dict[InstrumentId, InstrumentBook] = {}
        # Composite prices as they were last told; what has not come yet is not there.
        self.composites: dict[InstrumentId, Composite] = {}
        self.feed_sequence = 0
        self.batches_left_out = 0  # as told by Conflated
        self._is_dense = kinds & FeedKind.DEFAULT == FeedKind.DEFAULT
        # The snapshot in progress: an instrument's is sent in one piece.
        self._begun: SnapshotBegin | None = None
        self._levels: list[SnapshotLevel] = []
        self._orders: list[SnapshotOrder] = []

    def apply(self, messages: Iterable[FeedOutbound | SessionOutbound]) -> list[Damage]:
        """Take in messages as they came; return what was found damaged by them.

        Messages that are not about the market are skipped, and so are increments that the snapshot
        before them has already.
        """
        damages = []
        for message in messages:
            damage = self._apply(message)
            if damage is not None:
                damages.append(damage)
        return damages

    def _apply(self, message: FeedOutbound | SessionOutbound) -> Damage | None:
        # The common ones first, and by exact type: isinstance() of a message costs 90 ns a class.
        if type(message) is LevelUpdate or type(message) is Trade or type(message) is Statistics:
            return self._increment(message)
        if type(message) is SnapshotLevel:
            self._levels.append(message)
        elif type(message) is OrderUpdate:
            return self._order_update(message)
        elif type(message) is SnapshotOrder:
            self._orders.append(message)
        elif isinstance(message, _RARE):
            return self._increment(message)
        elif type(message) is SnapshotEnd:
            return self._end_snapshot(message)
        elif type(message) is SnapshotBegin:
            self._begin_snapshot(message)
        elif type(message) is BatchBegin:
            self.feed_sequence = message.feed_sequence
        elif type(message) is Instrument:
            self._book(message.definition.instrument_id).definition = message.definition
        elif type(message) is Composite:
            self.composites[message.composite_id] = message
        elif type(message) is Conflated:
            self.batches_left_out += message.batches
            self.feed_sequence = message.feed_sequence
        elif type(message) is Subscribed:
            # A new subscription: snapshots of all it has will follow.
            self.books.clear()
            self.composites.clear()
            self.feed_sequence = message.feed_sequence
        return None

    def _book(self, instrument_id: InstrumentId) -> InstrumentBook:
        book = self.books.get(instrument_id)
        if book is None:
            book = self.books[instrument_id] = InstrumentBook(instrument_id)
        return book

    # --- increments --------------------------------------------------------------------------------

    def _increment(self, message: "Increment") -> Damage | None:
        book = self._book(message.instrument_id)
        expected = book.instrument_seq + 1
        found = message.instrument_seq
        if book.is_current and found < expected:
            # What follows a snapshot repeats its number; all else is in it already.
            if found == book.instrument_seq:
                if type(message) is Statistics:
                    book.statistics = message
                elif type(message) is KindStatistics:
                    book.kind_statistics[message.kind] = message
                elif type(message) is AuctionUpdate:
                    book.auction = message
                elif type(message) is LimitsUpdate:
                    book.limits = message
                elif type(message) is DaySummary:
                    book.summary = message
                elif isinstance(message, _Bidding):
                    book.take_bidding(message)
                elif isinstance(message, _Block):
                    book.take_block(message)
            return None
        if not book.is_current or (self._is_dense and found != expected):
            return _damage(book, DamageCause.GAP, expected, found)
        book.instrument_seq = found
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
        elif isinstance(message, _Bidding):
            book.take_bidding(message)
        elif isinstance(message, _Block):
            book.take_block(message)
        else:
            assert type(message) is TradeBust or type(message) is TradeCorrection
            book.amend_trade(message)
        return None

    def _order_update(self, message: OrderUpdate) -> Damage | None:
        """The order list is counted by itself, and whoever hears it at all hears all of it."""
        book = self._book(message.instrument_id)
        expected = book.list_seq + 1
        found = message.list_seq
        if book.is_current and found < expected:
            return None
        if not book.is_current or found != expected:
            return _damage(book, DamageCause.LIST_GAP, expected, found)
        book.list_seq = found
        book.set_order(message)
        return None

    # --- snapshots ---------------------------------------------------------------------------------

    def _begin_snapshot(self, message: SnapshotBegin) -> None:
        book = self._book(message.instrument_id)
        book.is_current = False
        book.is_damage_reported = False
        self._begun = message
        self._levels = []
        self._orders = []

    def _end_snapshot(self, message: SnapshotEnd) -> Damage | None:
        begun, levels, orders = self._begun, self._levels, self._orders
        self._begun, self._levels, self._orders = None, [], []
        book = self._book(message.instrument_id)
        if begun is None or begun.instrument_id != message.instrument_id:
            return _damage(book, DamageCause.LEVEL_COUNT, 0, len(levels))
        if len(levels) != begun.level_count:
            return _damage(book, DamageCause.LEVEL_COUNT, begun.level_count, len(levels))
        if len(orders) != begun.order_count:
            return _damage(book, DamageCause.ORDER_COUNT, begun.order_count, len(orders))
        for expected, found in (
            (message.checksum, _checksum_of_levels(levels)),
            (message.order_checksum, _checksum_of_orders(orders)),
        ):
            if found != expected:
                return _damage(book, DamageCause.CHECKSUM, expected, 0 if found is None else found)
        book.instrument_seq = begun.instrument_seq
        book.list_seq = begun.list_seq
        book.phase = begun.phase
        book.phase_until_ns = begun.until_ns
        book.set_band(begun)
        book.auction = None
        book.biddings.clear()
        book.block_posts.clear()
        book.block_phase = None
        book.kind_statistics.clear()
        book.clear_levels()
        for level in levels:
            book.set_level(level)
        for order in orders:
            book.set_order(order)
        book.is_current = True
        return None


_Bidding = BiddingAnnouncement | BiddingUpdate | BiddingResult
_Block = BlockPost | BlockPhaseUpdate
_OfTrades = TradeBust | TradeCorrection
_OfTheDay = PhaseUpdate | BandUpdate | LimitsUpdate | KindStatistics | DaySummary
_RARE = _OfTheDay | AuctionUpdate | AuctionResult | _OfTrades | _Bidding | _Block
Increment = LevelUpdate | Trade | Statistics | _RARE


def _damage(book: InstrumentBook, cause: DamageCause, expected: int, found: int) -> Damage | None:
    """Once for each time a book is damaged: one request mends it, and the answer takes its time."""
    book.is_current = False
    if book.is_damage_reported:
        return None
    book.is_damage_reported = True
    return Damage(book.instrument_id, cause, expected, found)


def _sums(told: Statistics | KindStatistics | None) -> tuple[int, int, int]:
    return (0, 0, 0) if told is None else (told.volume_lots, told.turnover_ticks_lots, told.trade_count)


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
