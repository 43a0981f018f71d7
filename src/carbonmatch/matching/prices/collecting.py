"""Which books have prices of the day, and what has become public of them since these were looked at."""

from carbonmatch.matching.book import Book
from carbonmatch.matching.messages import (
    AuctionEnded,
    TradeBusted,
    TradeCorrected,
    Traded,
)
from carbonmatch.matching.prices.day_prices import DayPrices
from carbonmatch.matching.venue import Venue


def configure_prices(venue: Venue, book: Book) -> None:
    """Give the book what its definition asks for; what the day has traded stays."""
    definition = book.instrument.definition
    rules = definition.prices
    if book.prices is not None:
        collect(venue)
    if rules is None:
        book.prices = None
        venue.priced.pop(definition.instrument_id, None)
    elif book.prices is None:
        # What has traded before was nobody's to collect.
        collect(venue)
        book.prices = venue.priced[definition.instrument_id] = DayPrices(
            rules, definition.price_increment_ticks
        )
        venue.collected = len(venue.public)
    else:
        book.prices.rules = rules
        book.prices.increment_ticks = definition.price_increment_ticks


def collect(venue: Venue) -> None:
    """Take in what has become public and was not looked at yet. Called at the end of each batch at least."""
    priced = venue.priced
    for event in venue.public[venue.collected :]:
        kind = type(event)
        if kind not in _LOOKED_AT:
            continue
        prices = priced.get(event.instrument_id)  # type: ignore[union-attr]
        if prices is None:
            continue
        if isinstance(event, Traded):
            prices.trade(event)
        elif isinstance(event, AuctionEnded):
            prices.end_auction(event)
        else:
            assert isinstance(event, TradeBusted | TradeCorrected)
            prices.amend(event)
    venue.collected = len(venue.public)


_LOOKED_AT = frozenset({Traded, AuctionEnded, TradeBusted, TradeCorrected})
