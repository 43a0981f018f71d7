"""What the close of the day would be if it were now: the volume-weighted average of its trades on the screen.

Nothing is done where a trade is made. The public events say all of it, and they are looked through when
somebody asks, and when they are handed out; so what is known does not depend on where batches end. A day
begins when the instrument has closed. A trade that is busted or corrected counts as it stands.
"""

from typing import TYPE_CHECKING

from carbonmatch.matching.messages import (
    SCREEN_TRADES,
    AnyPublicEvent,
    InstrumentId,
    Phase,
    PhaseChanged,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
)
from carbonmatch.matching.prices.bands import half_up

if TYPE_CHECKING:
    from carbonmatch.matching.venue import Venue


class DayAverage:
    """Of one instrument. `first_id` is that of the day's first trade, of any kind; 0: there is none.

    `others` are the day's trades that were not on the screen.
    """

    __slots__ = ("first_id", "others", "turnover_ticks_lots", "volume_lots")

    first_id: TradeId
    volume_lots: int
    turnover_ticks_lots: int
    others: dict[TradeId, None]

    def __init__(self) -> None:
        self._begin()

    def ticks(self, reference_ticks: int) -> int:
        """The average so far; before the first trade, the reference price."""
        return half_up(self.turnover_ticks_lots, self.volume_lots) if self.volume_lots else reference_ticks

    def take(self, event: AnyPublicEvent) -> None:
        """An event of the instrument."""
        if isinstance(event, Traded):
            self.first_id = self.first_id or event.trade_id
            if event.kind in SCREEN_TRADES:
                self._add(event.price_ticks, event.quantity_lots)
            else:
                self.others[event.trade_id] = None
        elif isinstance(event, TradeBusted):
            if self._counts(event.trade_id):
                self._add(event.price_ticks, -event.quantity_lots)
        elif isinstance(event, TradeCorrected):
            if self._counts(event.trade_id):
                self._add(event.price_before_ticks, -event.quantity_before_lots)
                self._add(event.price_ticks, event.quantity_lots)
        elif isinstance(event, PhaseChanged) and event.phase is Phase.CLOSED:
            self._begin()

    def _begin(self) -> None:
        self.first_id = TradeId(0)
        self.volume_lots = self.turnover_ticks_lots = 0
        self.others = {}

    def _add(self, price_ticks: int, lots: int) -> None:
        self.volume_lots += lots
        self.turnover_ticks_lots += price_ticks * lots

    def _counts(self, trade_id: TradeId) -> bool:
        """Whether the trade is one of the day's, on the screen."""
        return 0 < self.first_id <= trade_id and trade_id not in self.others


class DayAverages:
    """Those of all instruments whose blocks ask for it. Nearly always empty."""

    __slots__ = ("_seen_count", "by_instrument")

    def __init__(self) -> None:
        self.by_instrument: dict[InstrumentId, DayAverage] = {}
        # How many of the events that gather were looked at.
        self._seen_count = 0

    def __bool__(self) -> bool:
        return bool(self.by_instrument)

    def watch(self, venue: "Venue", instrument_id: InstrumentId) -> None:
        """From here on, if it was not so before."""
        self.look(venue)
        self.by_instrument.setdefault(instrument_id, DayAverage())

    def forget(self, instrument_id: InstrumentId) -> None:
        self.by_instrument.pop(instrument_id, None)

    def look(self, venue: "Venue") -> None:
        """Take in what has gathered since the last time."""
        by_instrument = self.by_instrument
        for event in venue.public[self._seen_count :]:
            average = by_instrument.get(getattr(event, "instrument_id", InstrumentId(0)))
            if average is not None:
                average.take(event)
        self._seen_count = len(venue.public)

    def hand_out(self, venue: "Venue") -> None:
        """Take in the rest: what has gathered is handed out now."""
        self.look(venue)
        self._seen_count = 0
