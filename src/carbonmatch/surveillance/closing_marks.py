"""Small orders near the close, far from the opposite best or at a limit of the band."""

from collections import defaultdict, deque

from carbonmatch.limits import SURVEILLANCE_CANDIDATES_MAX
from carbonmatch.matching.messages import InstrumentId, OrderId, TradeId
from carbonmatch.surveillance.facts import Closed, Dealt, Fact, Ordered
from carbonmatch.surveillance.findings import MINUTE_NS, Evidence, Finding, Kept
from carbonmatch.surveillance.thresholds import Thresholds

PATTERN = "closing_mark"


class ClosingMarks:
    """Memory: of each instrument the candidates of the last minutes, at most the bound, and their trades."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._candidates: dict[InstrumentId, deque[Ordered]] = defaultdict(
            lambda: deque(maxlen=SURVEILLANCE_CANDIDATES_MAX)
        )
        self._trades: dict[InstrumentId, deque[Dealt]] = defaultdict(
            lambda: deque(maxlen=SURVEILLANCE_CANDIDATES_MAX)
        )
        self._kept = Kept()

    def take(self, fact: Fact) -> None:
        if type(fact) is Ordered and self._why(fact):
            self._add(self._candidates[fact.instrument_id], fact)
        elif type(fact) is Dealt and self._candidates[fact.instrument_id]:
            self._add(self._trades[fact.instrument_id], fact)
        elif type(fact) is Closed:
            self._close(fact)

    def _add(self, recent: deque[Ordered] | deque[Dealt], fact: Ordered | Dealt) -> None:
        while recent and recent[0].time_ns < fact.time_ns - self._thresholds.mark_minutes * MINUTE_NS:
            recent.popleft()
        recent.append(fact)  # type: ignore[arg-type]

    def _why(self, order: Ordered) -> str:
        """In what it is an outlier; empty: in nothing."""
        least = self._thresholds
        if not order.price_ticks or order.quantity_lots > least.mark_lots_max:
            return ""
        if order.band_high_ticks and order.price_ticks in (order.band_low_ticks, order.band_high_ticks):
            return f"at the limit of the band, {order.price_ticks} ticks"
        best = order.opposite_ticks
        distance = abs(order.price_ticks - best) * 10_000
        if best and distance >= least.mark_basis_points * best:
            return f"{distance // best} basis points from the opposite best, {best} ticks"
        return ""

    def _close(self, closed: Closed) -> None:
        trades: dict[OrderId, list[TradeId]] = defaultdict(list)
        for trade in self._trades.pop(closed.instrument_id, ()):
            for order_id in (trade.buy_order_id, trade.sell_order_id):
                trades[order_id].append(trade.trade_id)
        since = closed.time_ns - self._thresholds.mark_minutes * MINUTE_NS
        for order in self._candidates.pop(closed.instrument_id, ()):
            if since <= order.time_ns <= closed.time_ns:
                self._kept.add(self._finding(order, closed, trades[order.order_id]))

    def _finding(self, order: Ordered, closed: Closed, trades: list[TradeId]) -> Finding:
        evidence = Evidence()
        evidence.note(order.time_ns, order.sequence, (order.account_id,), (order.order_id,))
        for trade_id in trades:
            evidence.note(order.time_ns, order.sequence, (order.account_id,), (), trade_id)
        seconds = (closed.time_ns - order.time_ns) // 10**9
        words = (
            f"{order.side.name.lower()} {order.quantity_lots} lots at {order.price_ticks} ticks, "
            f"{seconds} s before the close: {self._why(order)}; {len(trades)} trades"
        )
        best = order.opposite_ticks
        score = abs(order.price_ticks - best) * 10_000 // best if best else 0
        return Finding(PATTERN, score, order.instrument_id, words, evidence)

    def findings(self) -> Kept:
        return self._kept
