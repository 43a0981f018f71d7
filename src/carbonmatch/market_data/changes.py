"""What a batch has to tell, instrument by instrument: which messages there are, and who hears which."""

from typing import Final

from msgspec import Struct

from carbonmatch.matching.messages import InstrumentId
from carbonmatch.protocol.messages import (
    AuctionResult,
    AuctionUpdate,
    BandUpdate,
    BlockPhaseUpdate,
    BlockPost,
    BlockVolume,
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
    | BlockVolume
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
    # What a subscriber of so many of the best levels hears of them, for each number that anybody follows:
    # see `windows`. None: nobody follows less than all levels.
    windows: dict[int, list[LevelUpdate]] | None = None

    def count(self, kinds: int) -> int:
        """How many there are for a subscriber of `kinds`, or a few more."""
        return len(self.messages) if kinds & FeedKind.ORDERS else len(self.messages) - self.order_updates

    def kinds_within(self, levels_max: int) -> int:
        """The kinds there are for a subscriber of so many levels; 0: of all."""
        if levels_max and self.kinds & FeedKind.LEVELS and not self._window(levels_max):
            return self.kinds & ~FeedKind.LEVELS
        return self.kinds

    def select(self, kinds: int, levels_max: int = 0) -> list[InstrumentMessage]:
        """The messages which a subscriber of `kinds` and of so many levels hears, in order."""
        heard = kinds | ALWAYS
        if levels_max and self.kinds & heard & FeedKind.LEVELS:
            return self._select_within(heard, levels_max)
        if not self.kinds & ~heard:
            return self.messages
        return [message for message in self.messages if _KIND.get(type(message), ALWAYS) & heard]

    def _select_within(self, heard: int, levels_max: int) -> list[InstrumentMessage]:
        """Updates of levels come in a row: those of the window take the place of the first of them."""
        selected: list[InstrumentMessage] = []
        window: list[LevelUpdate] = self._window(levels_max)
        for message in self.messages:
            if type(message) is LevelUpdate:
                selected += window
                window = []
            elif _KIND.get(type(message), ALWAYS) & heard:
                selected.append(message)
        return selected

    def has_window(self, levels_max: int) -> bool:
        """Whether it is known what a subscriber of so many levels hears."""
        if not levels_max or not self.kinds & FeedKind.LEVELS:
            return True
        return self.windows is not None and levels_max in self.windows

    def _window(self, levels_max: int) -> list[LevelUpdate]:
        assert self.windows is not None, "a number of levels is followed before it is asked for"
        return self.windows[levels_max]


def changes_of(messages: list[InstrumentMessage]) -> InstrumentChanges:
    """Messages of one instrument as they came from a feed, with what a feed has to know to pass them on."""
    changes = InstrumentChanges(messages, 0)
    for message in messages:
        changes.kinds |= _KIND.get(type(message), ALWAYS)
        changes.order_updates += type(message) is OrderUpdate
    return changes


class FeedBatch(Struct, frozen=True, gc=False):
    """What one released batch tells the public: nothing where `changes` is empty.

    `changes` has first the instruments with events and then those with levels only, each in the
    order in which the batch touched them.
    """

    feed_sequence: int
    time_ns: int
    changes: dict[InstrumentId, InstrumentChanges]
    message_count: int  # of all instruments together
