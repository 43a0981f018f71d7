"""What each side of a trade pays beside the amount.

No rules of an instrument name fees yet. Where they do, they are reckoned here as the engine reckons them.
"""

from carbonmatch.matching.messages import InstrumentDefinition, TradeKind
from carbonmatch.settlement.trades import NO_FEES


def fees_minor(
    _definition: InstrumentDefinition, _kind: TradeKind, _price_ticks: int, _lots: int
) -> tuple[int, int]:
    """The fees of the buyer and of the seller, in minor units: none, whatever the trade."""
    return NO_FEES
