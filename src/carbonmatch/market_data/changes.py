"""What one instrument has to tell in a batch: which messages there are, and who hears which."""

from typing import Final

from msgspec import Struct

from carbonmatch.protocol.messages import (
    AuctionResult,
    AuctionUpdate,
    BandUpdate,
    BlockPhaseUpdate,
    BlockPost,
    Composite,
    DaySummary,
    FeedKind,
    Instrument,
    KindStatistics,
    LevelUpdate,
    LimitsUpdate,
    OrderUpdate,
    PhaseUpdate,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotLevel,
    SnapshotOrder,
    Statistics,
    Trade,
    TradeBust,
    TradeCorrection,
)

from .biddings import BiddingMessage

# Beside the bits of FeedKind: what comes to every subscriber of the instrument.
ALWAYS: Final = FeedKind.ALL + 1
assert not ALWAYS & FeedKind.ALL

InstrumentMessage = (
    Instrument
    | SnapshotBegin
    | SnapshotLevel
    | SnapshotOrder
    | SnapshotEnd
    | LevelUpdate
    | OrderUpdate
    | Trade
    | TradeBust
    | TradeCorrection
    | PhaseUpdate
    | BandUpdate
    | LimitsUpdate
    | Statistics
    | KindStatistics
    | AuctionUpdate
    | AuctionResult
    | BiddingMessage
    | DaySummary
    | BlockPost
    | BlockPhaseUpdate
    | Composite
)

_KIND: Final[dict[type, int]] = {
    SnapshotLevel: FeedKind.LEVELS,
    LevelUpdate: FeedKind.LEVELS,
    SnapshotOrder: FeedKind.ORDERS,
    OrderUpdate: FeedKind.ORDERS,
    Trade: FeedKind.TRADES,
    TradeBust: FeedKind.TRADES,
    TradeCorrection: FeedKind.TRADES,
    Statistics: FeedKind.STATISTICS,
    KindStatistics: FeedKind.STATISTICS,
    DaySummary: FeedKind.STATISTICS,
}


class InstrumentChanges(Struct, gc=False):
    """The messages of one instrument in one batch, and the kinds there are among them."""

    messages: list[InstrumentMessage]
    kinds: int
    order_updates: int = 0  # how many of them are of the order list, which few hear

    def count(self, kinds: int) -> int:
        """How many there are for a subscriber of `kinds`, or a few more."""
        return len(self.messages) if kinds & FeedKind.ORDERS else len(self.messages) - self.order_updates

    def select(self, kinds: int) -> list[InstrumentMessage]:
        """The messages which a subscriber of `kinds` hears, in order."""
        heard = kinds | ALWAYS
        if not self.kinds & ~heard:
            return self.messages
        return [message for message in self.messages if _KIND.get(type(message), ALWAYS) & heard]
