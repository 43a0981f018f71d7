"""What one instrument has traded in its trading day: integers only, from released trades.

A trading day begins when the instrument first trades continuously after it was CLOSED, also by way
of another phase; the figures of the day that ended stay readable until then.
"""

from typing import Final

from carbonmatch.limits import DAY_SUM_MAX
from carbonmatch.matching.messages import Phase, Traded

# Open, high, low, last, volume, turnover, count: in the order of the Statistics message.
Figures = tuple[int, int, int, int, int, int, int]
_NOTHING_TRADED: Final[Figures] = (0, 0, 0, 0, 0, 0, 0)


class DayStatistics:
    """Invariant: prices are 0 exactly while `trade_count` is 0."""

    __slots__ = (
        "high_price_ticks",
        "is_day_over",
        "last_price_ticks",
        "low_price_ticks",
        "open_price_ticks",
        "trade_count",
        "turnover_ticks_lots",
        "volume_lots",
    )

    open_price_ticks: int
    high_price_ticks: int
    low_price_ticks: int
    last_price_ticks: int
    volume_lots: int
    turnover_ticks_lots: int
    trade_count: int

    def __init__(self, phase: Phase) -> None:
        self.restore(_NOTHING_TRADED, is_day_over=phase is Phase.CLOSED)

    def add(self, trades: list[Traded]) -> None:
        """Take in at least one trade."""
        if not self.trade_count:
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

    def change_phase(self, phase: Phase) -> bool:
        """Whether a new trading day has begun."""
        if phase is Phase.CLOSED:
            self.is_day_over = True
        elif phase is Phase.CONTINUOUS and self.is_day_over:
            self.restore(_NOTHING_TRADED, is_day_over=False)
            return True
        return False

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

    def restore(self, figures: Figures, *, is_day_over: bool) -> None:
        """Continue from `figures()`. A sum that had reached its bound stays there either way."""
        (
            self.open_price_ticks,
            self.high_price_ticks,
            self.low_price_ticks,
            self.last_price_ticks,
            self.volume_lots,
            self.turnover_ticks_lots,
            self.trade_count,
        ) = figures
        self.is_day_over = is_day_over
