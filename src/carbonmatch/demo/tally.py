"""The books of the demo: every fill and every public trade, and whether the two agree. Pure."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from carbonmatch.matching.messages import Executed, InstrumentId, Liquidity, Side, TradeId, TradeKind
from carbonmatch.ops.counters import bucket_upper_bound
from carbonmatch.protocol.messages import Trade

_BOTH_SIDES: Final = 3
_TAKER_BUYS: Final = 4


class Seen(Struct):
    """One trade as the gateways have it. `parts` says which of its two fills have come."""

    instrument_id: InstrumentId
    price_ticks: int
    quantity_lots: int
    parts: int = 0
    is_contradictory: bool = False


class Totals(Struct):
    """Of one instrument, or of all."""

    trades: int = 0
    lots: int = 0
    ticks_lots: int = 0
    low_ticks: int = 0
    high_ticks: int = 0
    last_ticks: int = 0

    def add(self, price_ticks: int, quantity_lots: int) -> None:
        self.trades += 1
        self.lots += quantity_lots
        self.ticks_lots += price_ticks * quantity_lots
        self.low_ticks = min(self.low_ticks or price_ticks, price_ticks)
        self.high_ticks = max(self.high_ticks, price_ticks)
        self.last_ticks = price_ticks


class Tally:
    """What gateways and feed have seen of the same trades.

    Memory grows with the trades of a run: about 400 bytes each.
    """

    def __init__(self) -> None:
        self.fills: dict[TradeId, Seen] = {}
        self.trades: dict[TradeId, Trade] = {}
        self.totals: dict[InstrumentId, Totals] = {}
        self.doubled_trades = 0

    def fill(self, report: Executed) -> None:
        seen = self.fills.get(report.trade_id)
        if seen is None:
            seen = Seen(report.instrument_id, report.price_ticks, report.quantity_lots)
            self.fills[report.trade_id] = seen
        part = 1 if report.side == Side.BUY else 2
        what = (report.instrument_id, report.price_ticks, report.quantity_lots)
        if seen.parts & part or what != (seen.instrument_id, seen.price_ticks, seen.quantity_lots):
            seen.is_contradictory = True
        seen.parts |= part
        if report.side == Side.BUY and report.liquidity == Liquidity.TAKER:
            seen.parts |= _TAKER_BUYS

    def trade(self, trade: Trade) -> None:
        if trade.trade_id in self.trades:
            self.doubled_trades += 1
            return
        self.trades[trade.trade_id] = trade
        self.totals.setdefault(trade.instrument_id, Totals()).add(trade.price_ticks, trade.quantity_lots)

    def half_fills(self) -> int:
        """Trades of which not exactly a buyer and a seller have heard the same."""
        return sum(
            seen.is_contradictory or seen.parts & _BOTH_SIDES != _BOTH_SIDES for seen in self.fills.values()
        )

    def disagreements(self) -> int:
        """Trades that gateways and feed do not have alike, or that only one of them has."""
        return len(self.fills.keys() ^ self.trades.keys()) + sum(
            not _agree(seen, self.trades[trade_id])
            for trade_id, seen in self.fills.items()
            if trade_id in self.trades
        )


def _agree(seen: Seen, trade: Trade) -> bool:
    return (
        seen.instrument_id == trade.instrument_id
        and seen.price_ticks == trade.price_ticks
        and seen.quantity_lots == trade.quantity_lots
        and (
            trade.kind is TradeKind.AUCTION or bool(seen.parts & _TAKER_BUYS) == (trade.aggressor == Side.BUY)
        )
    )


def percentile_ns(counts: Iterable[int], fraction: float) -> int:
    """The value that `fraction` of what a histogram has counted is at or below, rounded up; 0: nothing."""
    counts = list(counts)
    wanted = fraction * sum(counts)
    passed = 0
    for index, count in enumerate(counts):
        passed += count
        if count and passed >= wanted:
            return bucket_upper_bound(index)
    return 0
