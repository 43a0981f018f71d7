"""What each side of a trade pays beside the amount.

Fees are told to nobody trade by trade: they follow from the instrument's rules, which are in the journal, and
from the trade. The engine reckons them with `Amounts`, and so does this, so that a file cannot say something
else than what was taken from an account.
"""

from carbonmatch.limits import CLEARING_TERMS_MAX
from carbonmatch.matching.clearing.amounts import Amounts
from carbonmatch.matching.messages import InstrumentDefinition, TradeId, TradeKind
from carbonmatch.settlement.trades import NO_FEES


class Tariff:
    """What trades cost, and what a tick is worth to them, while an instrument is so defined."""

    __slots__ = ("_amounts", "definition")

    def __init__(self, definition: InstrumentDefinition) -> None:
        self.definition = definition
        clearing = definition.clearing
        has_cash = clearing is not None and clearing.cash
        self._amounts = Amounts(clearing.fees, definition.tick_value_minor) if clearing and has_cash else None

    def is_by(self, definition: InstrumentDefinition) -> bool:
        """Whether trades would go by that definition as they do by this one."""
        return self._rules(self.definition) == self._rules(definition)

    def fees_minor(self, kind: TradeKind, price_ticks: int, lots: int) -> tuple[int, int]:
        """The fees of the buyer and of the seller, in minor units."""
        if self._amounts is None:
            return NO_FEES
        money_minor = lots * price_ticks * self._amounts.tick_value_minor
        paid_minor, got_minor = self._amounts.moved_minor(lots, price_ticks, kind)
        return paid_minor - money_minor, money_minor - got_minor

    @staticmethod
    def _rules(definition: InstrumentDefinition) -> tuple[object, ...]:
        return definition.clearing, definition.tick_value_minor, definition.currency


class Tariffs:
    """Those of one instrument since its clearing began, or since it has been without: see `Clearing.terms`.

    What becomes of a trade of before, up to `since_trade_id`, moves no money in the venue, and so no fees.
    """

    __slots__ = ("current", "past", "since_trade_id")

    def __init__(self, definition: InstrumentDefinition, since_trade_id: TradeId) -> None:
        self.since_trade_id = since_trade_id
        # Each with the last trade of the venue that it was for; the latest last.
        self.past: list[tuple[TradeId, Tariff]] = []
        self.current = Tariff(definition)

    def define(self, definition: InstrumentDefinition, last_trade_id: TradeId) -> None:
        """The instrument is another one from now on, after this trade of the venue."""
        before = self.current
        if before.is_by(definition):
            return
        self.current = Tariff(definition)
        if before.definition.clearing is None or definition.clearing is None:
            self.since_trade_id = last_trade_id
            self.past = []
        else:
            self.past = [*self.past, (last_trade_id, before)][-CLEARING_TERMS_MAX:]

    def of(self, trade_id: TradeId) -> Tariff | None:
        """What this trade has gone by; None: it is from before."""
        if trade_id <= self.since_trade_id:
            return None
        return next(
            (tariff for last_trade_id, tariff in self.past if trade_id <= last_trade_id), self.current
        )
