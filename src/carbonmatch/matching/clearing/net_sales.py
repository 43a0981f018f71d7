"""What accounts have sold more than they bought on the days of a carry-over rule, and what it lets them keep.

China's national market lets an account carry over 10,000 t and 1.5 times its net sales of 2019 to 2024. The
registry does that; the venue counts, because it knows what was sold.
"""

from collections.abc import Iterable
from typing import Final

from carbonmatch.matching.clearing.amounts import BASIS_POINTS
from carbonmatch.matching.messages import AccountId, CarryOverRules, TradeId

NO_TRADE: Final = TradeId(0)


def carry_over_max_lots(rules: CarryOverRules, sold_lots: int) -> int:
    """What may be carried over with so many net sales of all instruments of a group, rounded down."""
    return rules.base_lots + max(sold_lots, 0) * rules.net_sales_basis_points // BASIS_POINTS


class NetSales:
    """Of one instrument, as of the last trading day that has ended.

    Invariant: all accounts together have sold as much as they have bought. What counts are the trades
    after `after_trade_id` up to `until_trade_id`.
    """

    __slots__ = ("after_trade_id", "rules", "sold_lots", "until_trade_id")

    def __init__(self, rules: CarryOverRules, last_trade_id: TradeId = NO_TRADE) -> None:
        self.rules = rules
        # Only of accounts that have bought and sold different quantities.
        self.sold_lots: dict[AccountId, int] = {}
        self.after_trade_id = last_trade_id
        self.until_trade_id = last_trade_id

    def roll(
        self, trading_day: int, bought_lots: Iterable[tuple[AccountId, int]], last_trade_id: TradeId
    ) -> None:
        """The day is over, on which each account has bought so many more than it has sold."""
        if trading_day > self.rules.until_day:
            return
        if trading_day < self.rules.from_day:
            self.after_trade_id = last_trade_id
        else:
            for account_id, lots in bought_lots:
                self._add(account_id, -lots)
        self.until_trade_id = last_trade_id

    def amend(self, account_id: AccountId, lots: int, trade_id: TradeId) -> None:
        """So many more, or less, were bought with a trade of a day that has ended."""
        if self.after_trade_id < trade_id <= self.until_trade_id:
            self._add(account_id, -lots)

    def check(self) -> None:
        assert not sum(self.sold_lots.values()), "whatever is sold is bought"
        assert all(self.sold_lots.values())
        assert self.after_trade_id <= self.until_trade_id

    def _add(self, account_id: AccountId, lots: int) -> None:
        sold_lots = self.sold_lots.pop(account_id, 0) + lots
        if sold_lots:
            self.sold_lots[account_id] = sold_lots
