"""What the screen of one instrument has traded on a trading day, and the prices that its rules make of it.

Takes in what has become public, in its order, so that nothing depends on where batches end. Trades of other
mechanisms are none of it. A bust makes everything what it would be had the trade never been, a correction
what it would be had it been another one; those of trades of earlier days change nothing.

An auction's price is that of all its trades, for as long as one of them stands.
"""

from array import array
from bisect import bisect_left
from typing import Final, NamedTuple

from carbonmatch.limits import PRICED_TRADES_MAX
from carbonmatch.matching.messages import (
    SCREEN_TRADES,
    AuctionEnded,
    CloseRule,
    OpenRule,
    Phase,
    PriceRounding,
    PriceRules,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeKind,
)
from carbonmatch.matching.prices.bands import half_up

_OPENING: Final = frozenset({Phase.PRE_OPEN, Phase.OPENING_AUCTION})
Amended = TradeBusted | TradeCorrected


class AuctionTrades(NamedTuple):
    """The trades of one auction: which ids they are within, and what of them stands."""

    first_id: int = 0
    last_id: int = 0
    price_ticks: int = 0
    lots: int = 0  # 0: nothing stands

    def amended(self, trade_id: int, lots: int) -> "AuctionTrades":
        """With so many lots more, or fewer, of one trade, if it is one of them."""
        is_one = self.first_id <= trade_id <= self.last_id
        return self._replace(lots=self.lots + lots) if is_one else self


_NO_AUCTION: Final = AuctionTrades()


class DayPrices:
    """Invariant: ids rise, and the sums are those of the trades that stand.

    Of more than PRICED_TRADES_MAX trades the oldest half is forgotten but for what it came to: a bust of one
    of them changes nothing any more.
    """

    __slots__ = (
        "closing",
        "days_without_trade",
        "forgotten",
        "ids",
        "increment_ticks",
        "lots",
        "opening",
        "prices_ticks",
        "rules",
        "turnover_ticks_lots",
        "under_way",
        "volume_lots",
    )

    def __init__(self, rules: PriceRules, increment_ticks: int) -> None:
        self.rules = rules
        self.increment_ticks = increment_ticks
        self.days_without_trade = 0  # before this one, in a row
        self._begin()

    def _begin(self) -> None:
        self.ids = array("q")
        self.prices_ticks = array("q")
        self.lots = array("q")
        self.volume_lots = 0
        self.turnover_ticks_lots = 0
        # Open, high, low and last of trades that are not kept any more; zeros where all are.
        self.forgotten = (0, 0, 0, 0)
        self.opening = self.closing = self.under_way = _NO_AUCTION

    # --- what has become public ------------------------------------------------------------------

    def trade(self, event: Traded) -> None:
        if event.kind not in SCREEN_TRADES:
            return
        price_ticks, lots = event.price_ticks, event.quantity_lots
        self.ids.append(event.trade_id)
        self.prices_ticks.append(price_ticks)
        self.lots.append(lots)
        self.volume_lots += lots
        self.turnover_ticks_lots += price_ticks * lots
        if event.kind is TradeKind.AUCTION:
            auction = self.under_way
            first_id = auction.first_id or event.trade_id
            self.under_way = AuctionTrades(first_id, event.trade_id, price_ticks, auction.lots + lots)
        if len(self.ids) > PRICED_TRADES_MAX:
            self._forget(PRICED_TRADES_MAX // 2)

    def end_auction(self, event: AuctionEnded) -> None:
        """Its trades are complete. The first opening and the last closing auction that traded count."""
        ended, self.under_way = self.under_way, _NO_AUCTION
        if not ended.lots:
            return
        if event.phase in _OPENING and not self.opening.lots:
            self.opening = ended
        elif event.phase is Phase.CLOSING_AUCTION:
            self.closing = ended

    def amend(self, event: Amended) -> None:
        at = bisect_left(self.ids, event.trade_id)
        if at == len(self.ids) or self.ids[at] != event.trade_id:
            return
        before_lots = self.lots[at]
        self.volume_lots -= before_lots
        self.turnover_ticks_lots -= self.prices_ticks[at] * before_lots
        if isinstance(event, TradeCorrected):
            lots = event.quantity_lots
            self.prices_ticks[at], self.lots[at] = event.price_ticks, lots
            self.volume_lots += lots
            self.turnover_ticks_lots += event.price_ticks * lots
        else:
            lots = 0
            del self.ids[at], self.prices_ticks[at], self.lots[at]
        change = (event.trade_id, lots - before_lots)
        self.opening = self.opening.amended(*change)
        self.closing = self.closing.amended(*change)
        self.under_way = self.under_way.amended(*change)

    def begin_day(self) -> None:
        """What trades from here on is of the next day."""
        self.days_without_trade = 0 if self.has_traded else self.days_without_trade + 1
        self._begin()

    def _forget(self, count: int) -> None:
        opened, high, low = self._open_high_low(self.prices_ticks[:count])
        self.forgotten = (opened, high, low, self.prices_ticks[count - 1])
        for kept in (self.ids, self.prices_ticks, self.lots):
            del kept[:count]

    # --- prices ----------------------------------------------------------------------------------

    @property
    def has_traded(self) -> bool:
        return self.volume_lots > 0

    @property
    def last_ticks(self) -> int:
        """Of the last trade of the day that stands; 0 where none does."""
        return self.prices_ticks[-1] if self.prices_ticks else self.forgotten[-1]

    @property
    def open_high_low(self) -> tuple[int, int, int]:
        """First, highest and lowest price of the day; zeros where nothing stands."""
        return self._open_high_low(self.prices_ticks) if self.has_traded else (0, 0, 0)

    def _open_high_low(self, prices: "array[int]") -> tuple[int, int, int]:
        opened, high, low, _ = self.forgotten
        if not prices:
            # Whatever was kept is busted: what is left was forgotten.
            return opened, high, low
        return opened or prices[0], max(high, max(prices)), min(low or prices[0], min(prices))

    def open_ticks(self, reference_ticks: int) -> int:
        """The open of the day as it would be now; 0: there is none."""
        rule = self.rules.open
        if rule is OpenRule.REFERENCE:
            return reference_ticks
        if rule is OpenRule.OPENING_AUCTION and self.opening.lots:
            return self.opening.price_ticks
        first_ticks = self.open_high_low[0]
        return first_ticks if first_ticks or rule is OpenRule.FIRST_TRADE else reference_ticks

    def close_ticks(self, reference_ticks: int) -> int:
        """The close of the day as it would be now; 0: nothing has traded, and there is no reference."""
        rules = self.rules
        rule = rules.close
        if not self.has_traded or rule is CloseRule.REFERENCE:
            return reference_ticks
        if self.volume_lots < rules.close_quantity_min_lots:
            return self.open_ticks(reference_ticks)
        if rule is CloseRule.VWAP_DAY:
            return self._average(self.turnover_ticks_lots, self.volume_lots)
        if rule is CloseRule.CLOSING_AUCTION and self.closing.lots:
            return self.closing.price_ticks
        if not self.prices_ticks:
            return self.forgotten[-1]
        if rule is CloseRule.VWAP_LAST_N:
            prices, lots = self.prices_ticks[-rules.n_trades :], self.lots[-rules.n_trades :]
            turnover = sum(price * quantity for price, quantity in zip(prices, lots, strict=True))
            return self._average(turnover, sum(lots))
        return self.last_ticks

    def _average(self, turnover_ticks_lots: int, volume_lots: int) -> int:
        unit = volume_lots * self.increment_ticks
        rounding = self.rules.close_rounding
        if rounding is PriceRounding.HALF_UP:
            steps = half_up(turnover_ticks_lots, unit)
        elif rounding is PriceRounding.DOWN:
            steps = turnover_ticks_lots // unit
        else:
            steps = -(-turnover_ticks_lots // unit)
        return max(1, steps) * self.increment_ticks

    def check(self) -> None:
        ids = list(self.ids)
        assert ids == sorted(set(ids))
        assert len(ids) == len(self.prices_ticks) == len(self.lots) <= PRICED_TRADES_MAX
        assert all(quantity > 0 for quantity in self.lots)
        if not any(self.forgotten):
            assert self.volume_lots == sum(self.lots)
            assert self.turnover_ticks_lots == sum(map(int.__mul__, self.prices_ticks, self.lots))
        for auction in (self.opening, self.closing, self.under_way):
            assert auction.lots >= 0
