"""A finding, and a bounded number of them: the worst are kept, and how many were not is told."""

import heapq
from typing import Final, TypeVar

from msgspec import Struct

from carbonmatch.limits import SURVEILLANCE_EVIDENCE_MAX, SURVEILLANCE_FINDINGS_MAX
from carbonmatch.matching.messages import AccountId, InstrumentId, OrderId, TradeId

MINUTE_NS: Final = 60 * 10**9
DAY_NS: Final = 24 * 60 * MINUTE_NS
_Key = TypeVar("_Key")


class Evidence:
    """What a supervisor looks up: as many of each as may be, the first ones. `trade_count` has all."""

    __slots__ = ("accounts", "first_ns", "last_ns", "orders", "sequences", "trade_count", "trades")

    def __init__(self) -> None:
        self.accounts: dict[AccountId, None] = {}
        self.orders: dict[OrderId, None] = {}
        self.trades: dict[TradeId, None] = {}
        self.sequences: dict[int, None] = {}
        self.trade_count = 0
        self.first_ns = self.last_ns = 0

    def note(
        self,
        time_ns: int,
        sequence: int,
        accounts: tuple[AccountId, ...],
        orders: tuple[OrderId, ...] = (),
        trade_id: TradeId | None = None,
    ) -> None:
        self.first_ns = self.first_ns or time_ns
        self.last_ns = time_ns
        _keep(self.sequences, sequence)
        for account in accounts:
            _keep(self.accounts, account)
        for order in orders:
            _keep(self.orders, order)
        if trade_id is not None:
            self.trade_count += 1
            _keep(self.trades, trade_id)

    def add(self, other: "Evidence") -> None:
        """Take in what another one has noted."""
        self.first_ns = min(self.first_ns or other.first_ns, other.first_ns)
        self.last_ns = max(self.last_ns, other.last_ns)
        self.trade_count += other.trade_count
        for account in other.accounts:
            _keep(self.accounts, account)
        for order in other.orders:
            _keep(self.orders, order)
        for trade in other.trades:
            _keep(self.trades, trade)
        for sequence in other.sequences:
            _keep(self.sequences, sequence)


def _keep(kept: dict[_Key, None], key: _Key) -> None:
    if len(kept) < SURVEILLANCE_EVIDENCE_MAX:
        kept[key] = None


class Finding(Struct, frozen=True, gc=False):
    """A pattern to look at, with all that a supervisor needs to find it in the journal."""

    pattern: str
    score: int  # larger: first
    instrument_id: InstrumentId  # 0: of all
    words: str
    evidence: Evidence


class Kept:
    """Invariant: of all findings that were added, those of the largest scores; at most the bound."""

    def __init__(self, bound: int = SURVEILLANCE_FINDINGS_MAX) -> None:
        self._bound = bound
        self._heap: list[tuple[int, int, Finding]] = []
        self._added = 0

    def add(self, finding: Finding) -> None:
        self._added += 1
        # Of equal scores the earlier one stays.
        item = finding.score, -self._added, finding
        if len(self._heap) < self._bound:
            heapq.heappush(self._heap, item)
        else:
            heapq.heappushpop(self._heap, item)

    @property
    def left_out(self) -> int:
        return self._added - len(self._heap)

    def worst_first(self) -> list[Finding]:
        return [finding for _, _, finding in sorted(self._heap, reverse=True)]
