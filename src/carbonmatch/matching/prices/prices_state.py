"""The prices of a day, as a part of the state: see `matching.state`."""

from array import array
from typing import Final

from msgspec import Struct

from carbonmatch.matching.book import Book
from carbonmatch.matching.messages import InstrumentId
from carbonmatch.matching.prices.day_prices import AuctionTrades, DayPrices
from carbonmatch.matching.venue import Venue

# What is kept is whole, and a number of the snapshot has 64 bits.
_PART: Final = 1 << 62


class PricesState(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Of one instrument."""

    days_without_trade: int
    trade_ids: list[int]
    prices_ticks: list[int]
    lots: list[int]
    volume_lots: int
    turnover_parts: tuple[int, int]
    forgotten: tuple[int, int, int, int]
    opening: AuctionTrades
    closing: AuctionTrades
    under_way: AuctionTrades


def saved_prices(book: Book) -> PricesState | None:
    prices = book.prices
    if prices is None:
        return None
    return PricesState(
        prices.days_without_trade,
        prices.ids.tolist(),
        prices.prices_ticks.tolist(),
        prices.lots.tolist(),
        prices.volume_lots,
        divmod(prices.turnover_ticks_lots, _PART),
        prices.forgotten,
        prices.opening,
        prices.closing,
        prices.under_way,
    )


def restore_prices(venue: Venue, book: Book, kept: PricesState | None) -> None:
    if kept is None:
        return
    definition = book.instrument.definition
    assert definition.prices is not None
    prices = DayPrices(definition.prices, definition.price_increment_ticks)
    prices.days_without_trade = kept.days_without_trade
    prices.ids = array("q", kept.trade_ids)
    prices.prices_ticks = array("q", kept.prices_ticks)
    prices.lots = array("q", kept.lots)
    prices.volume_lots = kept.volume_lots
    prices.turnover_ticks_lots = kept.turnover_parts[0] * _PART + kept.turnover_parts[1]
    prices.forgotten = kept.forgotten
    prices.opening, prices.closing, prices.under_way = kept.opening, kept.closing, kept.under_way
    book.prices = venue.priced[InstrumentId(definition.instrument_id)] = prices
