"""Settlement as it would be done by hand: from the events that were told, without a journal or a class."""

from collections import defaultdict
from typing import Any

from carbonmatch.matching import messages as m


class ByHand:
    """What was traded, busted and corrected since each instrument's last day, from the engine's outputs."""

    def __init__(self) -> None:
        self.of: dict[int, int] = {}  # trade -> instrument
        self.stands: dict[int, tuple[int, int]] = {}  # trade -> price, lots; 0 lots: busted
        self.sides: dict[int, dict[m.Side, int]] = defaultdict(dict)
        self.kinds: dict[int, m.TradeKind] = {}
        self.day: dict[int, int] = {}  # trade -> the day that it was settled on
        self.changed: list[tuple[int, tuple[int, int], tuple[int, int]]] = []
        self.runs: list[dict[str, Any]] = []

    def take(self, outputs: m.Outputs) -> None:
        for stream in outputs.streams:
            for report in stream.reports:
                if isinstance(report, m.Executed):
                    self.sides[report.trade_id][report.side] = report.account_id
        ends: list[m.DayEnded] = []
        for event in outputs.public:
            if ends and (not isinstance(event, m.DayEnded) or event.sequence != ends[0].sequence):
                self._end(ends)
                ends = []
            if isinstance(event, m.Traded):
                self.of[event.trade_id] = event.instrument_id
                self.kinds[event.trade_id] = event.kind
                self.stands[event.trade_id] = (event.price_ticks, event.quantity_lots)
            elif isinstance(event, m.TradeBusted | m.TradeCorrected):
                before = self.stands[event.trade_id]
                lots = 0 if isinstance(event, m.TradeBusted) else event.quantity_lots
                self.stands[event.trade_id] = (event.price_ticks, lots)
                if event.trade_id in self.day:
                    self.changed.append((event.trade_id, before, self.stands[event.trade_id]))
            elif isinstance(event, m.DayEnded):
                ends.append(event)
        if ends:
            self._end(ends)

    def _end(self, ends: list[m.DayEnded]) -> None:
        here = {end.instrument_id for end in ends}
        day = ends[0].trading_day
        trades = [t for t in sorted(self.of) if self.of[t] in here and t not in self.day]
        adjusted = [one for one in self.changed if self.of[one[0]] in here]
        self.changed = [one for one in self.changed if self.of[one[0]] not in here]
        run: dict[str, Any] = {
            "day": day,
            "run": ends[0].run,
            "trades": [(t, *self.stands[t]) for t in trades if self.stands[t][1]],
            "adjustments": [(t, self.day[t], before, after) for t, before, after in adjusted],
            "units": defaultdict(int),
            "cash": defaultdict(int),
        }
        for trade, price, lots in run["trades"]:
            self._move(run, trade, (price, lots), 1)
        for trade, _, before, after in run["adjustments"]:
            self._move(run, trade, before, -1)
            self._move(run, trade, after, 1)
        self.day.update(dict.fromkeys(trades, day))
        self.runs.append(run)

    def _move(self, run: dict[str, Any], trade: int, terms: tuple[int, int], sign: int) -> None:
        """A tick on a lot is one minor unit in the worlds that this is for."""
        price, lots = terms
        buyer, seller = self.sides[trade][m.Side.BUY], self.sides[trade][m.Side.SELL]
        run["units"][buyer, self.of[trade]] += sign * lots
        run["units"][seller, self.of[trade]] -= sign * lots
        run["cash"][buyer] -= sign * lots * price
        run["cash"][seller] += sign * lots * price
