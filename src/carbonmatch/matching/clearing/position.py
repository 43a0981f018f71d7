"""The units that an account has of one instrument."""

from typing import Final

from carbonmatch.matching.clearing.cash import Cash
from carbonmatch.matching.messages import AccountId

# More lots than anybody can have.
UNLIMITED_LOTS: Final = 2**62


class Position:
    """So many lots: `free` to be sold, reserved for orders to sell, and bought but not settled yet.

    Invariant: none of them is negative, and together they are `total_lots`; so what is reserved is what
    neither is free nor unsettled. `buying_lots` is what its open orders would add. `unsettled_lots` has
    the purchases of each of the last trading days, the one in progress first, as many as settlement takes.
    """

    __slots__ = (
        "account_id",
        "buying_lots",
        "cash",
        "checked_lots",
        "free_lots",
        "has_moved",
        "limit_lots",
        "most_lots",
        "proceeds_minor",
        "report_from_lots",
        "total_lots",
        "unsettled_lots",
    )

    def __init__(self, account_id: AccountId, lag_days: int, most_lots: int = 0) -> None:
        self.account_id = account_id
        self.total_lots = 0
        self.free_lots = 0
        self.unsettled_lots = [0] * lag_days
        self.buying_lots = 0
        # Money of its sales of the trading day in progress, less fees: it may buy, but not leave yet.
        self.proceeds_minor = 0
        # Limit and threshold of its own; 0: those of the instrument.
        self.limit_lots = 0
        self.report_from_lots = 0
        # What it may come to, by whichever limit holds.
        self.most_lots = most_lots or UNLIMITED_LOTS
        # The account's money that the instrument trades in, once it has been looked for.
        self.cash: Cash | None = None
        # What it had when units were looked at last, and whether some have moved since.
        self.checked_lots = 0
        self.has_moved = False

    @property
    def reserved_lots(self) -> int:
        return self.total_lots - self.free_lots - sum(self.unsettled_lots)

    def add_unsettled(self, lots: int, bucket: int) -> None:
        """So many more, or less, are of the purchases that are not settled yet and stand there."""
        self.total_lots += lots
        self.unsettled_lots[bucket] += lots
        assert self.unsettled_lots[bucket] >= 0, "nobody gives back what it does not have"

    def take_free(self, lots: int) -> None:
        """So many of its free lots are the account's no longer."""
        assert lots <= self.free_lots, "nobody sells what it does not have"
        self.free_lots -= lots
        self.total_lots -= lots

    def add_free(self, lots: int) -> None:
        self.free_lots += lots
        self.total_lots += lots

    def roll(self) -> None:
        """A trading day is over: the oldest purchases are settled."""
        if self.unsettled_lots:
            self.free_lots += self.unsettled_lots.pop()
            self.unsettled_lots.insert(0, 0)

    def settle_within(self, lag_days: int) -> None:
        """Settlement takes so many days from now on, also of what is not settled yet."""
        self.free_lots += sum(self.unsettled_lots[lag_days:])
        self.unsettled_lots = self.unsettled_lots[:lag_days]
        self.unsettled_lots += [0] * (lag_days - len(self.unsettled_lots))

    def settle_no_earlier(self, lag_days: int) -> None:
        """Settlement takes so many days at most from now on; what is not settled yet keeps its day."""
        before, self.unsettled_lots = self.unsettled_lots, [0] * lag_days
        for left_days, lots in enumerate(reversed(before), 1):
            if lag_days:
                self.unsettled_lots[-min(left_days, lag_days)] += lots
            else:
                self.free_lots += lots

    def check(self) -> None:
        assert self.free_lots >= 0
        assert all(lots >= 0 for lots in self.unsettled_lots)
        assert self.reserved_lots >= 0
        assert self.buying_lots >= 0
        assert self.proceeds_minor >= 0
