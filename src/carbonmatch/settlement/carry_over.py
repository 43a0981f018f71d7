"""Net sales as a venue counts them, from what a journal says of trades and of an instrument's rules.

The registry carries over; it is told what the venue has counted, and every line of it follows from the files.
"""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from carbonmatch.matching.clearing.net_sales import NetSales
from carbonmatch.matching.messages import AccountId, CarryOverRules, ClearingRules, TradeId
from carbonmatch.settlement.trades import Adjustment, SettledTrade


class SavedSales(Struct, frozen=True, array_like=True):
    """What `SalesBook` is made of again."""

    since_trade_id: TradeId
    rules: CarryOverRules | None
    sold_lots: list[tuple[AccountId, int]]
    after_trade_id: TradeId
    until_trade_id: TradeId


class SalesBook:
    """Of one instrument, by the rules that it had as its trades came. `sales` is None without a rule."""

    __slots__ = ("sales", "since_trade_id")

    def __init__(self) -> None:
        self.sales: NetSales | None = None
        # Trades of the day in progress count from here on; None: nothing asks for them.
        self.since_trade_id: TradeId | None = None

    def go_by(self, rules: ClearingRules | None, last_trade_id: TradeId, ended_trade_id: TradeId) -> None:
        """From now on, after the venue's last trade; `ended_trade_id` is the last one of a day that ended."""
        carry_over = None if rules is None else rules.carry_over
        if rules is None or not (rules.reversal_days or carry_over):
            self.since_trade_id = None
        elif self.since_trade_id is None:
            self.since_trade_id = last_trade_id
        if carry_over is None:
            self.sales = None
        elif self.sales is not None:
            self.sales.rules = carry_over
        else:
            assert self.since_trade_id is not None
            self.sales = NetSales(carry_over, max(self.since_trade_id, ended_trade_id))

    def roll(self, trading_day: int, trades: Iterable[SettledTrade], last_trade_id: TradeId) -> None:
        """The day is over, on which these trades were made."""
        if self.sales is None or self.since_trade_id is None:
            return
        bought_lots: Counter[AccountId] = Counter()
        for trade in trades:
            if trade.trade_id > self.since_trade_id:
                bought_lots[trade.buyer] += trade.stands.quantity_lots
                bought_lots[trade.seller] -= trade.stands.quantity_lots
        self.sales.roll(trading_day, bought_lots.items(), last_trade_id)

    def amend(self, one: Adjustment) -> None:
        """A trade of a day that has ended was busted or corrected."""
        if self.sales is not None:
            lots = one.after.quantity_lots - one.before.quantity_lots
            self.sales.amend(one.buyer, lots, one.trade_id)
            self.sales.amend(one.seller, -lots, one.trade_id)

    def counts(self, trading_day: int) -> bool:
        """Whether the day is one of the rule's."""
        return self.sales is not None and (
            self.sales.rules.from_day <= trading_day <= self.sales.rules.until_day
        )

    def saved(self) -> SavedSales | None:
        """None where nothing is counted."""
        if self.since_trade_id is None:
            return None
        if self.sales is None:
            return SavedSales(self.since_trade_id, None, [], TradeId(0), TradeId(0))
        sales = self.sales
        sold_lots = sorted(sales.sold_lots.items())
        return SavedSales(
            self.since_trade_id, sales.rules, sold_lots, sales.after_trade_id, sales.until_trade_id
        )

    @classmethod
    def of(cls, saved: SavedSales | None) -> "SalesBook":
        """What `saved()` was made of."""
        book = cls()
        if saved is not None:
            book.since_trade_id = saved.since_trade_id
            if saved.rules is not None:
                book.sales = NetSales(saved.rules)
                book.sales.sold_lots = dict(saved.sold_lots)
                book.sales.after_trade_id = saved.after_trade_id
                book.sales.until_trade_id = saved.until_trade_id
        return book
