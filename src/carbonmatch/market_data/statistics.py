"""What one instrument has traded in its trading day: integers only, from released trades.

A trading day begins when the instrument first trades after it was CLOSED, in an auction or because it enters
CONTINUOUS, also by way of another phase; the figures of the day that ended stay readable until then.

A bust or a correction makes the figures what they would be had the trade been another one, or never been;
that of a trade of an earlier day changes nothing. So open and last are those of the first and the last
trade that stand.
"""

from typing import Final

from msgspec import Struct

from carbonmatch.limits import DAY_SUM_MAX
from carbonmatch.market_data.day_trades import DayTrades, SavedPiece
from carbonmatch.matching.messages import Phase, TradeBusted, TradeCorrected, Traded, TradeId

# Open, high, low, last, volume, turnover, count: in the order of the Statistics message.
Figures = tuple[int, int, int, int, int, int, int]

# The turnover in two parts: what is kept is whole, and a number of the snapshot has 64 bits.
_PART: Final = 1 << 62


class SavedStatistics(Struct, frozen=True, gc=False, array_like=True):
    """Everything that the day has come to; prices follow from its trades."""

    is_day_over: bool
    volume_lots: int
    turnover_parts: tuple[int, int]
    trade_count: int
    trades: list[SavedPiece]
    is_summed_up: bool = False
    off_screen: list[TradeId] = []


class DayStatistics:
    """Invariant: all figures are 0 while `trade_count` is 0.

    Prices are those of the screen; what was negotiated or allotted off it counts for the sums alone.
    """

    __slots__ = (
        "_off_screen",
        "_trades",
        "high_price_ticks",
        "is_day_over",
        "is_summed_up",
        "last_price_ticks",
        "low_price_ticks",
        "open_price_ticks",
        "trade_count",
        "turnover_ticks_lots",
        "volume_lots",
    )

    open_price_ticks: int
    high_price_ticks: int
    is_summed_up: bool
    low_price_ticks: int
    last_price_ticks: int
    volume_lots: int
    turnover_ticks_lots: int
    trade_count: int
    _trades: DayTrades
    _off_screen: dict[TradeId, None]

    def __init__(self, phase: Phase) -> None:
        self.is_day_over = phase is Phase.CLOSED
        self._begin_day()

    def add(self, trades: list[Traded]) -> None:
        """Take in at least one trade."""
        if self.is_day_over:
            # Of the opening auction: it trades before the phase that follows it begins.
            self.is_day_over = False
            self._begin_day()
        if not self.last_price_ticks:
            self.open_price_ticks = self.high_price_ticks = self.low_price_ticks = trades[0].price_ticks
        high_ticks, low_ticks = self.high_price_ticks, self.low_price_ticks
        volume_lots, turnover_ticks_lots = self.volume_lots, self.turnover_ticks_lots
        for trade in trades:
            price_ticks = trade.price_ticks
            quantity_lots = trade.quantity_lots
            if price_ticks > high_ticks:
                high_ticks = price_ticks
            elif price_ticks < low_ticks:
                low_ticks = price_ticks
            volume_lots += quantity_lots
            turnover_ticks_lots += price_ticks * quantity_lots
        self.high_price_ticks, self.low_price_ticks = high_ticks, low_ticks
        self.volume_lots, self.turnover_ticks_lots = volume_lots, turnover_ticks_lots
        self.last_price_ticks = trades[-1].price_ticks
        self.trade_count += len(trades)
        self._trades.add(trades)

    def add_off_screen(self, trades: list[Traded]) -> None:
        """Take in trades that make no price."""
        if self.is_day_over:
            self.is_day_over = False
            self._begin_day()
        self.volume_lots += sum([trade.quantity_lots for trade in trades])
        self.turnover_ticks_lots += sum([trade.price_ticks * trade.quantity_lots for trade in trades])
        self.trade_count += len(trades)
        self._off_screen |= dict.fromkeys([trade.trade_id for trade in trades])

    def bust(self, event: TradeBusted) -> bool:
        """Whether the trade is of this day, and the figures are others now."""
        if event.trade_id in self._off_screen:
            del self._off_screen[event.trade_id]
        elif not self._trades.bust(event.trade_id):
            return False
        self.volume_lots -= event.quantity_lots
        self.turnover_ticks_lots -= event.price_ticks * event.quantity_lots
        self.trade_count -= 1
        self._take_prices()
        return True

    def correct(self, event: TradeCorrected) -> bool:
        """Whether the trade is of this day, and the figures are others now."""
        if event.trade_id not in self._off_screen and not self._trades.correct(
            event.trade_id, event.price_ticks
        ):
            return False
        self.volume_lots += event.quantity_lots - event.quantity_before_lots
        self.turnover_ticks_lots += event.price_ticks * event.quantity_lots
        self.turnover_ticks_lots -= event.price_before_ticks * event.quantity_before_lots
        self._take_prices()
        return True

    def change_phase(self, phase: Phase) -> bool:
        """Whether a new trading day has begun."""
        if phase is Phase.CLOSED:
            self.is_day_over = True
        elif phase is Phase.CONTINUOUS and self.is_day_over:
            self.is_day_over = False
            self._begin_day()
            return True
        return False

    def sum_up(self) -> Figures:
        """What the day that ends came to; nothing where no day has begun since the last one was summed up."""
        figures = (0, 0, 0, 0, 0, 0, 0) if self.is_summed_up else self.figures()
        self.is_summed_up = True
        return figures

    def figures(self) -> Figures:
        """What is published; the sums stop at DAY_SUM_MAX."""
        return (
            self.open_price_ticks,
            self.high_price_ticks,
            self.low_price_ticks,
            self.last_price_ticks,
            min(self.volume_lots, DAY_SUM_MAX),
            min(self.turnover_ticks_lots, DAY_SUM_MAX),
            self.trade_count,
        )

    def saved(self) -> SavedStatistics:
        return SavedStatistics(
            self.is_day_over,
            self.volume_lots,
            divmod(self.turnover_ticks_lots, _PART),
            self.trade_count,
            self._trades.saved(),
            self.is_summed_up,
            list(self._off_screen),
        )

    def restore(self, saved: SavedStatistics) -> None:
        """Become what `saved()` was made of."""
        self.is_day_over = saved.is_day_over
        self.volume_lots = saved.volume_lots
        self.turnover_ticks_lots = saved.turnover_parts[0] * _PART + saved.turnover_parts[1]
        self.trade_count = saved.trade_count
        self._trades = DayTrades.of(saved.trades)
        self.is_summed_up = saved.is_summed_up
        self._off_screen = dict.fromkeys(saved.off_screen)
        self._take_prices()

    def _begin_day(self) -> None:
        self.open_price_ticks = self.high_price_ticks = self.low_price_ticks = self.last_price_ticks = 0
        self.volume_lots = self.turnover_ticks_lots = self.trade_count = 0
        self._trades = DayTrades()
        # Whether a DaySummary has told of it.
        self.is_summed_up = False
        self._off_screen = {}

    def _take_prices(self) -> None:
        prices = self._trades.prices() if self.trade_count else (0, 0, 0, 0)
        self.open_price_ticks, self.high_price_ticks, self.low_price_ticks, self.last_price_ticks = prices
