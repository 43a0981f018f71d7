"""What the metrics say of books: of the market as it was released, one instrument after the other.

A book may be deep, so nothing of it is looked at while somebody waits for a scrape.
"""

from itertools import islice
from typing import TypeVar

from carbonmatch.limits import METRICS_INSTRUMENTS_MAX, METRICS_LEVELS_MAX
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.messages import InstrumentId, LevelChanged, Side
from carbonmatch.ops.counters import Counters

_Key = TypeVar("_Key")


class BookGauges:
    """Looks at one instrument at a time, and comes round to all that have series of their own."""

    def __init__(self, market_data: MarketData, counters: Counters) -> None:
        self._market_data = market_data
        self._counters = counters
        self._to_look_at: list[InstrumentId] = []

    def look(self) -> None:
        """Look at the next instrument."""
        if not self._to_look_at:
            known = islice(self._counters.instruments, METRICS_INSTRUMENTS_MAX)
            self._to_look_at = [one for one in known if one in self._market_data]
            if not self._to_look_at:
                return
        instrument_id = self._to_look_at.pop()
        depth = self._market_data.depth(instrument_id)
        self._look_at_side((instrument_id, Side.BUY), depth.bids)
        self._look_at_side((instrument_id, Side.SELL), depth.asks)
        _set(self._counters.reference_price_ticks, instrument_id, depth.band[0])
        last_price_ticks = self._market_data.last_price_ticks(instrument_id)
        _set(self._counters.last_price_ticks, instrument_id, last_price_ticks)

    def _look_at_side(self, key: tuple[InstrumentId, Side], levels: dict[int, LevelChanged]) -> None:
        counters = self._counters
        counters.book_levels[key] = len(levels)
        if len(levels) > METRICS_LEVELS_MAX:
            counters.book_orders.pop(key, None)
            counters.best_price_ticks.pop(key, None)
            return
        best = max if key[1] is Side.BUY else min
        _set(counters.best_price_ticks, key, best(levels, default=0))
        counters.book_orders[key] = sum([level.order_count for level in levels.values()])


def _set(table: dict[_Key, int], key: _Key, value: int) -> None:
    """0 is no price: there is none then."""
    if value:
        table[key] = value
    else:
        table.pop(key, None)
