"""What one instrument has traded in its trading day: integers only, from released trades.

Sums are kept for each kind of trade. The figures of the day are those of the screen alone, its sums as well
as its prices, so that turnover / volume is the average of the prices that anybody could trade at; what was
negotiated or allotted has sums of its own kind.

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
from carbonmatch.matching.messages import (
    SCREEN_TRADES,
    Phase,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
    TradeKind,
)

# Volume, turnover, count.
Sums = tuple[int, int, int]
# Open, high, low, last, volume, turnover, count: in the order of the Statistics message.
Figures = tuple[int, int, int, int, int, int, int]

# A comparison costs less than a look into the set, whose members hash by their names.
_LAST_SCREEN_KIND: Final = max(SCREEN_TRADES)
assert frozenset(range(1, _LAST_SCREEN_KIND + 1)) == SCREEN_TRADES, "the kinds of the screen come first"

# What was traded continuously is what is left of the screen's: to tell it apart, too, would double what a
# reader hears of a market that has no other kind.
_TOLD_KINDS: Final[tuple[TradeKind, ...]] = tuple(
    kind for kind in TradeKind if kind is not TradeKind.CONTINUOUS
)

# The turnover in two parts: what is kept is whole, and a number of the snapshot has 64 bits.
_PART: Final = 1 << 62


def is_of_screen(kind: TradeKind) -> bool:
    return kind <= _LAST_SCREEN_KIND


class SavedStatistics(Struct, frozen=True, gc=False, array_like=True):
    """Everything that the day has come to; prices follow from its trades."""

    is_day_over: bool
    # Of each kind in order: volume, turnover in two parts, count.
    sums: list[tuple[int, int, int, int]]
    trades: list[SavedPiece]
    is_summed_up: bool
    off_screen: list[TradeId]


class _KindSums(Struct, gc=False):
    """What the trades of one kind come to that stand."""

    volume_lots: int = 0
    turnover_ticks_lots: int = 0
    trade_count: int = 0
    has_changed: bool = False  # since they were told


class DayStatistics:
    """Invariant: prices are 0 while no trade of the screen stands, and `_off_screen` names all the others."""

    __slots__ = (
        "_off_screen",
        "_sums",
        "_trades",
        "high_price_ticks",
        "is_day_over",
        "is_summed_up",
        "last_price_ticks",
        "low_price_ticks",
        "open_price_ticks",
    )

    open_price_ticks: int
    high_price_ticks: int
    is_summed_up: bool
    low_price_ticks: int
    last_price_ticks: int
    _trades: DayTrades
    _off_screen: dict[TradeId, None]

    def __init__(self, phase: Phase) -> None:
        self.is_day_over = phase is Phase.CLOSED
        # By the number of the kind; there is none with 0.
        self._sums = [_KindSums() for _ in range(max(TradeKind) + 1)]
        self._begin_day()

    def add(self, trades: list[Traded]) -> None:
        """Take in at least one trade, and of one kind only."""
        if self.is_day_over:
            # Of the opening auction: it trades before the phase that follows it begins.
            self.is_day_over = False
            self._begin_day()
        kind = trades[0].kind
        sums = self._sums[kind]
        sums.has_changed = True
        sums.trade_count += len(trades)
        if kind > _LAST_SCREEN_KIND:
            sums.volume_lots += sum([trade.quantity_lots for trade in trades])
            sums.turnover_ticks_lots += sum([trade.price_ticks * trade.quantity_lots for trade in trades])
            self._off_screen |= dict.fromkeys([trade.trade_id for trade in trades])
            return
        if not self.last_price_ticks:
            self.open_price_ticks = self.high_price_ticks = self.low_price_ticks = trades[0].price_ticks
        high_ticks, low_ticks = self.high_price_ticks, self.low_price_ticks
        volume_lots, turnover_ticks_lots = sums.volume_lots, sums.turnover_ticks_lots
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
        sums.volume_lots, sums.turnover_ticks_lots = volume_lots, turnover_ticks_lots
        self.last_price_ticks = trades[-1].price_ticks
        self._trades.add(trades)

    def bust(self, event: TradeBusted) -> bool:
        """Whether the trade is of this day, and the figures are others now."""
        if is_of_screen(event.kind):
            if not self._trades.bust(event.trade_id):
                return False
        elif event.trade_id in self._off_screen:
            del self._off_screen[event.trade_id]
        else:
            return False
        sums = self._sums[event.kind]
        sums.volume_lots -= event.quantity_lots
        sums.turnover_ticks_lots -= event.price_ticks * event.quantity_lots
        sums.trade_count -= 1
        sums.has_changed = True
        self._take_prices()
        return True

    def correct(self, event: TradeCorrected) -> bool:
        """Whether the trade is of this day, and the figures are others now."""
        if is_of_screen(event.kind):
            if not self._trades.correct(event.trade_id, event.price_ticks):
                return False
        elif event.trade_id not in self._off_screen:
            return False
        sums = self._sums[event.kind]
        sums.volume_lots += event.quantity_lots - event.quantity_before_lots
        sums.turnover_ticks_lots += event.price_ticks * event.quantity_lots
        sums.turnover_ticks_lots -= event.price_before_ticks * event.quantity_before_lots
        sums.has_changed = True
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
        """What the day that ends came to, the sums those of every kind of trade.

        Nothing where no day has begun since the last one was summed up.
        """
        prices = self.figures()[:4]
        figures = (0, 0, 0, 0, 0, 0, 0) if self.is_summed_up else (*prices, *self._total(self._sums))
        self.is_summed_up = True
        return figures

    def figures(self) -> Figures:
        """What is published of the screen; sums stop at DAY_SUM_MAX."""
        # Asked for in every batch with a trade: written out, it takes a third of the time of `_total`.
        continuous, auction, listed = self._sums[1 : _LAST_SCREEN_KIND + 1]
        return (
            self.open_price_ticks,
            self.high_price_ticks,
            self.low_price_ticks,
            self.last_price_ticks,
            min(continuous.volume_lots + auction.volume_lots + listed.volume_lots, DAY_SUM_MAX),
            min(
                continuous.turnover_ticks_lots + auction.turnover_ticks_lots + listed.turnover_ticks_lots,
                DAY_SUM_MAX,
            ),
            continuous.trade_count + auction.trade_count + listed.trade_count,
        )

    def kinds(self) -> list[tuple[TradeKind, Sums]]:
        """What was traded of each kind that is told apart."""
        return [(kind, self._bounded(kind)) for kind in _TOLD_KINDS if self._sums[kind].trade_count]

    def take_changed_kinds(self) -> list[tuple[TradeKind, Sums]]:
        """The same of those that have changed since this was asked before."""
        # Continuous trading has changed in nearly every batch, and the others in hardly any.
        if not [sums for sums in self._sums[_TOLD_KINDS[0] :] if sums.has_changed]:
            return []
        changed = [(kind, self._bounded(kind)) for kind in _TOLD_KINDS if self._sums[kind].has_changed]
        for kind, _ in changed:
            self._sums[kind].has_changed = False
        return changed

    def saved(self) -> SavedStatistics:
        """Between batches, when all that has changed was told."""
        return SavedStatistics(
            self.is_day_over,
            [
                (sums.volume_lots, *divmod(sums.turnover_ticks_lots, _PART), sums.trade_count)
                for sums in self._sums
            ],
            self._trades.saved(),
            self.is_summed_up,
            list(self._off_screen),
        )

    def restore(self, saved: SavedStatistics) -> None:
        """Become what `saved()` was made of."""
        self.is_day_over = saved.is_day_over
        self._sums = [
            _KindSums(volume_lots, high * _PART + low, trade_count)
            for volume_lots, high, low, trade_count in saved.sums
        ]
        self._trades = DayTrades.of(saved.trades)
        self.is_summed_up = saved.is_summed_up
        self._off_screen = dict.fromkeys(saved.off_screen)
        self._take_prices()

    def _begin_day(self) -> None:
        self.open_price_ticks = self.high_price_ticks = self.low_price_ticks = self.last_price_ticks = 0
        # Whoever was told of a kind of the day before is to be told that there is nothing of it yet.
        self._sums = [_KindSums(has_changed=sums.has_changed or sums.trade_count > 0) for sums in self._sums]
        self._trades = DayTrades()
        # Whether a DaySummary has told of it.
        self.is_summed_up = False
        self._off_screen = {}

    def _take_prices(self) -> None:
        has_traded = any(sums.trade_count for sums in self._sums[: _LAST_SCREEN_KIND + 1])
        prices = self._trades.prices() if has_traded else (0, 0, 0, 0)
        self.open_price_ticks, self.high_price_ticks, self.low_price_ticks, self.last_price_ticks = prices

    def _bounded(self, kind: TradeKind) -> Sums:
        return self._total([self._sums[kind]])

    @staticmethod
    def _total(of_kinds: list[_KindSums]) -> Sums:
        return (
            min(sum([sums.volume_lots for sums in of_kinds]), DAY_SUM_MAX),
            min(sum([sums.turnover_ticks_lots for sums in of_kinds]), DAY_SUM_MAX),
            sum([sums.trade_count for sums in of_kinds]),
        )
