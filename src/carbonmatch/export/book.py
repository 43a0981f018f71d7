"""The book as rows: the best levels of each instrument after each batch that has changed them.

The journal has no levels, so it is executed again, and compared with what was journaled on the way.
"""

from collections.abc import Iterator
from heapq import nlargest, nsmallest
from pathlib import Path
from typing import Final

from carbonmatch.export.columns import WORTH, Column, Kind, Row, Table, Value, worth_of
from carbonmatch.journal_tools import released
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.messages import InstrumentId, LevelChanged

_FIRST: Final = (
    Column("time", Kind.TIME, "of the last command of the batch"),
    Column("feed_sequence", Kind.NUMBER, "the batch, as the feed numbers it"),
    Column("symbol", Kind.NAME, "the instrument"),
    Column("phase", Kind.NAME, "`continuous`, `opening_auction`, ...: see proto/PHASES.md"),
)
_LAST: Final = (Column("instrument_id", Kind.NUMBER, "the instrument, by its number"), *WORTH)


def book_table(levels: int) -> Table:
    """With as many levels of each side, the best of which is 1."""
    return Table(
        "book",
        "One row for each instrument and batch after which its phase or its best levels are other ones.",
        (*_FIRST, *(column for level in range(1, levels + 1) for column in _level_columns(level)), *_LAST),
    )


def _level_columns(level: int) -> Iterator[Column]:
    for side in ("bid", "ask"):
        yield Column(
            f"{side}_price_ticks_{level}", Kind.NUMBER, f"price of {side} level {level}, in ticks", True
        )
        yield Column(f"{side}_lots_{level}", Kind.NUMBER, "what can be seen at that price, in lots", True)
        yield Column(f"{side}_orders_{level}", Kind.NUMBER, "how many orders stand there", True)


def book_rows(
    directory: Path, levels: int, *, archive: Path | None = None, running: bool = False
) -> Iterator[Row]:
    """Memory holds the venue as it was. Raises what `journal_tools.released` does."""
    last: dict[InstrumentId, tuple[Value, ...]] = {}
    told = 0
    for time_ns, market_data in released(directory, archive=archive, running=running):
        if market_data.feed_sequence == told:
            continue
        told = market_data.feed_sequence
        for instrument_id in market_data.instrument_ids():
            if market_data.changed_at(instrument_id) != told:
                continue
            book = _best(market_data, instrument_id, levels)
            if last.get(instrument_id) != book:
                last[instrument_id] = book
                yield _row(time_ns, market_data, instrument_id, book)


def _best(market_data: MarketData, instrument_id: InstrumentId, levels: int) -> tuple[Value, ...]:
    """The phase, then bid and ask of each level."""
    depth = market_data.depth(instrument_id)
    bids = [depth.bids[price] for price in nlargest(levels, depth.bids)]
    asks = [depth.asks[price] for price in nsmallest(levels, depth.asks)]
    best: list[Value] = [depth.phase.name.lower()]
    for at in range(levels):
        best += [*_level(bids, at), *_level(asks, at)]
    return tuple(best)


def _level(levels: list[LevelChanged], at: int) -> tuple[Value, ...]:
    if at >= len(levels):
        return None, None, None
    level = levels[at]
    return level.price_ticks, level.quantity_lots, level.order_count


def _row(time_ns: int, market_data: MarketData, instrument_id: InstrumentId, book: tuple[Value, ...]) -> Row:
    definition = market_data.definition(instrument_id)
    return (
        time_ns,
        market_data.feed_sequence,
        definition.symbol,
        *book,
        instrument_id,
        *worth_of(definition),
    )
