"""Settlement by the time of the trade: what is bought from the cut-off on takes some days longer.

Whatever is bought goes to the youngest purchases of its account, as it does without a cut-off, so that no
trade is asked what time it is. When the cut-off comes, what is there moves on by the days that it saves. A
day that ends without one had none: all of it was bought in time.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from carbonmatch.limits import SETTLEMENT_LAG_DAYS_MAX
from carbonmatch.matching.expiry import NEVER_NS
from carbonmatch.matching.messages import AccountId, ClearingRules, TradeId

if TYPE_CHECKING:
    from carbonmatch.matching.clearing.position import Position

NO_TRADE: Final = TradeId(0)
_NS_PER_SECOND: Final = 1_000_000_000


def saved_days(rules: ClearingRules) -> int:
    """How many days earlier settles what is bought before the cut-off; 0: there is none."""
    return rules.late_lag_days - rules.lag_days if rules.late_lag_days else 0


def longest_days(rules: ClearingRules) -> int:
    """How many trading days settlement takes at most."""
    return max(rules.lag_days, rules.late_lag_days)


class CutOff:
    """Of one instrument.

    Invariant: `early_until` has a trade of each of the last days, the one in progress first, up to which
    its trades were in time; `early_lots` is what of the day in progress has moved on.
    """

    __slots__ = ("at_ns", "days", "early_lots", "early_until", "has_passed", "passed_ns")

    def __init__(self, days: int, last_trade_id: TradeId = NO_TRADE) -> None:
        assert days > 0
        self.days = days
        # When it is due; NEVER_NS: nothing is planned. And which one has passed last.
        self.at_ns = NEVER_NS
        self.passed_ns = 0
        self.has_passed = False
        self.early_until = [last_trade_id]
        self.early_lots: dict[AccountId, int] = {}

    def plan(self, at_ns: int) -> None:
        """The schedule says when the day's is, with each of its steps."""
        if at_ns > self.passed_ns and not self.has_passed:
            self.at_ns = at_ns

    def move(self, seconds: int) -> None:
        """The rules have it so much later, or earlier: the day's too, unless it has passed.

        What was bought by then was bought in time, also where it would have been due before.
        """
        if self.at_ns != NEVER_NS:
            self.at_ns += seconds * _NS_PER_SECOND

    def pass_by(self, positions: Iterable[tuple[AccountId, "Position"]], last_trade_id: TradeId) -> None:
        """It is due: what was bought up to this trade was bought in time."""
        assert self.at_ns != NEVER_NS
        self.passed_ns = self.at_ns
        self._move_on(positions, last_trade_id)

    def roll(self, positions: Iterable[tuple[AccountId, "Position"]], last_trade_id: TradeId) -> None:
        """The day is over, before its purchases move on."""
        if not self.has_passed:
            self._move_on(positions, last_trade_id)
        self.at_ns = NEVER_NS
        self.has_passed = False
        self.early_until = [NO_TRADE, *self.early_until[:SETTLEMENT_LAG_DAYS_MAX]]
        self.early_lots.clear()

    def bucket(self, trade_id: TradeId, age_days: int) -> int:
        """Where in `Position.unsettled_lots` a trade of so many days ago is."""
        is_early = age_days < len(self.early_until) and trade_id <= self.early_until[age_days]
        return age_days + self.days * is_early

    def amend(self, account_id: AccountId, lots: int) -> None:
        """So many more, or less, were bought today before it passed."""
        self.early_lots[account_id] = self.early_lots.get(account_id, 0) + lots

    def _move_on(self, positions: Iterable[tuple[AccountId, "Position"]], last_trade_id: TradeId) -> None:
        self.at_ns = NEVER_NS
        self.has_passed = True
        self.early_until[0] = last_trade_id
        for account_id, position in positions:
            lots = position.unsettled_lots[0]
            if lots:
                position.unsettled_lots[0] = 0
                position.unsettled_lots[self.days] += lots
                self.early_lots[account_id] = lots
