"""What a reader of the feed knows of one instrument."""

from collections import deque
from fractions import Fraction
from itertools import islice
from typing import Final

from msgspec import Struct, structs
from sortedcontainers import SortedDict

from carbonmatch.matching.messages import (
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
    BiddingAnnouncement,
    BiddingResult,
    BiddingUpdate,
    BlockPhaseUpdate,
    BlockPost,
    BlockVolume,
    DaySummary,
    KindStatistics,
    LevelUpdate,
    LimitsUpdate,
    OrderUpdate,
    SnapshotBegin,
    SnapshotLevel,
    SnapshotOrder,
    Statistics,
    Trade,
    TradeBust,
    TradeCorrection,
)

# A reader who wants more history keeps the trades himself as they come.
TRADES_KEPT: Final = 64

BiddingMessage = BiddingAnnouncement | BiddingUpdate | BiddingResult
BlockMessage = BlockPost | BlockPhaseUpdate | BlockVolume


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
        self.feed_sequence = 0  # of the last snapshot: the last batch that is in it
        self.instrument_seq = 0
        # The last number before the batch `batch_number`: what comes again of it, or of any before, is known.
        self.settled_seq = 0
        self.batch_number = 0
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
        # What is traded in blocks and told without a price as yet.
        self.block_volume: BlockVolume | None = None
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

    def vwap_ticks(self, kind: TradeKind | None = None) -> Fraction | None:
        """Average price of the day by volume, of the screen or of one kind, exactly; None without a trade."""
        volume_lots, turnover_ticks_lots, _ = _sums(self.statistics) if kind is None else self.sums_of(kind)
        return Fraction(turnover_ticks_lots, volume_lots) if volume_lots else None

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

    def take_bidding(self, message: BiddingMessage) -> None:
        if isinstance(message, BiddingAnnouncement):
            self.biddings[message.bidding_id] = message
        elif isinstance(message, BiddingUpdate):
            announced = self.biddings.get(message.bidding_id)
            if announced is not None:
                self.biddings[message.bidding_id] = structs.replace(announced, state=message.state)
        else:
            self.biddings.pop(message.bidding_id, None)
            self.bidding_result = message

    def take_block(self, message: BlockMessage) -> None:
        if isinstance(message, BlockPhaseUpdate):
            self.block_phase = message
        elif isinstance(message, BlockVolume):
            self.block_volume = message if message.volume_lots else None
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

    def begin_anew(
        self, begun: SnapshotBegin, levels: list[SnapshotLevel], orders: list[SnapshotOrder]
    ) -> None:
        """Become what a snapshot says, and be current."""
        self.feed_sequence = begun.feed_sequence
        self.instrument_seq = begun.instrument_seq
        self.list_seq = begun.list_seq
        self.phase = begun.phase
        self.phase_until_ns = begun.until_ns
        self.set_band(begun)
        self.auction = None
        self.biddings.clear()
        self.block_posts.clear()
        self.block_phase = None
        self.block_volume = None
        self.kind_statistics.clear()
        self._bids.clear()
        self._asks.clear()
        self._orders.clear()
        for level in levels:
            self.set_level(level)
        for order in orders:
            self.set_order(order)
        self.is_current = True


def _sums(told: Statistics | KindStatistics | None) -> tuple[int, int, int]:
    return (0, 0, 0) if told is None else (told.volume_lots, told.turnover_ticks_lots, told.trade_count)
