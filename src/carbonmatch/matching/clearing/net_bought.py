"""What accounts have bought more than they have sold, by trading day, and what follows for the days after.

No trade is asked for it: what an account has is what it had when the day began, with what came in from the
registry and went back since, and with what it has traded. So what it has traded is the difference, and only
ends of days, deposits, and amendments of older trades have to say something.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from carbonmatch.matching.messages import AccountId, Side, TradeId

if TYPE_CHECKING:
    from carbonmatch.matching.clearing.position import Position

NO_TRADE: Final = TradeId(0)


class NetBought:
    """Of one instrument, for the day in progress and those before it, as many as the rule needs.

    Invariant: on each day all accounts together have bought as much as they have sold. `untraded_lots` is
    what an account would have without the trades of the day in progress. Trades up to `since_trade_id` are
    in neither: of them nothing is known, or not any more.
    """

    __slots__ = ("ended_lots", "reversal_days", "since_trade_id", "untraded_lots")

    def __init__(self, reversal_days: int, since_trade_id: TradeId = NO_TRADE) -> None:
        # 0: nobody asks who may trade, only what was traded.
        self.reversal_days = reversal_days
        self.since_trade_id = since_trade_id
        self.untraded_lots: dict[AccountId, int] = {}
        # Of the days that have ended, the latest first; only of accounts that have traded on one of them.
        self.ended_lots: dict[AccountId, list[int]] = {}

    @property
    def _ended_days(self) -> int:
        """How many days that have ended count."""
        return max(self.reversal_days - 1, 0)

    def begin(self, positions: Iterable[tuple[AccountId, "Position"]]) -> None:
        """Of what was traded up to now nothing is known."""
        self.untraded_lots = {account_id: position.total_lots for account_id, position in positions}

    def go_by(self, reversal_days: int, rolled_trade_ids: Sequence[TradeId]) -> None:
        """From now on so many days count, of which one is in progress; with the last trades of those that
        have ended, the latest first."""
        known_days = self._ended_days
        self.reversal_days = reversal_days
        known_days = min(known_days, self._ended_days)
        if known_days < len(rolled_trade_ids):
            # What was dropped stays unknown when more days count again.
            self.since_trade_id = max(self.since_trade_id, rolled_trade_ids[known_days])
        for account_id, days in list(self.ended_lots.items()):
            self._keep(account_id, days)

    def bring(self, account_id: AccountId, lots: int) -> None:
        """So many came in, or with a minus went back, that were not traded today."""
        self.untraded_lots[account_id] = self.untraded_lots.get(account_id, 0) + lots

    def amend(self, account_id: AccountId, lots: int, trade_id: TradeId, age_days: int) -> None:
        """So many more, or less, were bought as many trading days ago: they are there already."""
        is_known = trade_id > self.since_trade_id
        if is_known and not age_days:
            return
        self.bring(account_id, lots)
        if is_known and age_days < self.reversal_days:
            days = self.ended_lots.get(account_id, [0] * self._ended_days)
            days[age_days - 1] += lots
            self._keep(account_id, days)

    def today_lots(self, account_id: AccountId, total_lots: int) -> int:
        """Of the day in progress, where it has so many now."""
        return total_lots - self.untraded_lots.get(account_id, 0)

    def of_today(self, positions: Iterable[tuple[AccountId, "Position"]]) -> Iterator[tuple[AccountId, int]]:
        """Of every account, on the day in progress."""
        for account_id, position in positions:
            yield account_id, self.today_lots(account_id, position.total_lots)

    def roll(self, positions: Iterable[tuple[AccountId, "Position"]]) -> None:
        """The day is over."""
        for account_id, position in positions:
            before = self.ended_lots.get(account_id, [0] * self._ended_days)
            self._keep(account_id, [self.today_lots(account_id, position.total_lots), *before])
            self.untraded_lots[account_id] = position.total_lots

    def forbids(self, account_id: AccountId, position: "Position | None", side: Side) -> bool:
        """Whether it would reverse what it has traded within these days, or still may trade by an open order.

        Guofa [2011] 38: between buying and selling the same, or selling and buying it, are five trading days.
        """
        if position is None or not self.reversal_days:
            return False
        open_lots = position.buying_lots if side is Side.SELL else position.reserved_lots
        if open_lots:
            return True
        sign = 1 if side is Side.SELL else -1
        today_lots = self.today_lots(account_id, position.total_lots)
        return any(sign * lots > 0 for lots in (today_lots, *self.ended_lots.get(account_id, ())))

    def check(self, positions: Iterable[tuple[AccountId, "Position"]]) -> None:
        known = dict(positions)
        assert all(account_id in known for account_id in self.untraded_lots)
        assert all(len(days) == self._ended_days for days in self.ended_lots.values())
        assert all(any(days) for days in self.ended_lots.values())
        of_today = [self.today_lots(account_id, one.total_lots) for account_id, one in known.items()]
        assert not sum(of_today), "whatever is bought is sold"

    def _keep(self, account_id: AccountId, days: list[int]) -> None:
        """As many days as are needed, where anything was traded on them."""
        kept = days[: self._ended_days]
        kept += [0] * (self._ended_days - len(kept))
        self.ended_lots.pop(account_id, None)
        if any(kept):
            self.ended_lots[account_id] = kept
