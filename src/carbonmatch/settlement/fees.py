"""What each side of a trade pays beside the amount.

Fees are told to nobody trade by trade: they follow from the instrument's rules, which are in the journal, and
from the trade. The engine reckons them with `Amounts`, and so does this, so that a file cannot say something
else than what was taken from an account.
"""

from carbonmatch.matching.clearing.amounts import Amounts
from carbonmatch.matching.messages import InstrumentDefinition, TradeId, TradeKind
from carbonmatch.settlement.trades import NO_FEES


class Tariff:
    """The fees of one instrument's trades.

    `since_trade_id` is the last trade of the venue before these rules came into force: what becomes of that
    one or an older one moves no money in the venue, and so no fees either.
    """

    __slots__ = ("_amounts", "_rules", "since_trade_id")

    def __init__(self, definition: InstrumentDefinition, since_trade_id: TradeId) -> None:
        self.since_trade_id = since_trade_id
        self._rules = _rules(definition)
        clearing = definition.clearing
        has_cash = clearing is not None and clearing.cash
        self._amounts = Amounts(clearing, definition.tick_value_minor) if clearing and has_cash else None

    def is_by(self, definition: InstrumentDefinition) -> bool:
        """Whether these are the fees of that definition."""
        return self._rules == _rules(definition)

    def fees_minor(self, kind: TradeKind, price_ticks: int, lots: int) -> tuple[int, int]:
        """The fees of the buyer and of the seller, in minor units."""
        if self._amounts is None:
            return NO_FEES
        money_minor = lots * price_ticks * self._amounts.tick_value_minor
        paid_minor, got_minor = self._amounts.moved_minor(lots, price_ticks, kind)
        return paid_minor - money_minor, money_minor - got_minor


def _rules(definition: InstrumentDefinition) -> tuple[object, ...]:
    """What fees go by, as `Clearing.is_by`."""
    return definition.clearing, definition.tick_value_minor, definition.currency
