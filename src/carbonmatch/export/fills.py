"""Fills as rows: two for each trade, as they stand after busts and corrections."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from carbonmatch.export.columns import WORTH, Column, Kind, Row, Table, worth_of
from carbonmatch.journal_tools import StandingFill, fills

FILLS: Final = Table(
    "fills",
    "One row for each side of each trade, in the order of trades, as it stands after busts and corrections.",
    (
        Column("time", Kind.TIME, "when it was traded"),
        Column("trade_id", Kind.NUMBER, "the trade: its two fills have the same"),
        Column("symbol", Kind.NAME, "the instrument"),
        Column("side", Kind.NAME, "`buy` or `sell`"),
        Column("price_ticks", Kind.NUMBER, "the price that stands, in ticks"),
        Column("quantity_lots", Kind.NUMBER, "the quantity that stands, in lots; 0: the trade was busted"),
        Column("kind", Kind.NAME, "how it came about: `continuous`, `auction`, `listed`, `block`, `bidding`"),
        Column("liquidity", Kind.NAME, "`maker`, `taker`, or `auction`: neither"),
        Column("state", Kind.NAME, "`busted`, `corrected`; empty: as it was made", True),
        Column("order_id", Kind.NUMBER, "the order, the proposal of a block, or the bid"),
        Column("leaves_lots", Kind.NUMBER, "what the fill has left of the order, in lots"),
        Column("account", Kind.NAME, "the account's name, as it was then"),
        Column("account_id", Kind.NUMBER, "the account"),
        Column("session_id", Kind.NUMBER, "the session whose fill it is"),
        Column("instrument_id", Kind.NUMBER, "the instrument, by its number"),
        *WORTH,
    ),
)


def fill_rows(directory: Path, *, archive: Path | None = None, running: bool = False) -> Iterator[Row]:
    """Memory holds one batch and the trades that were amended. Raises what `journal_tools.fills` does."""
    return map(_row, fills(directory, archive=archive, running=running))


def _row(fill: StandingFill) -> Row:
    report, definition = fill.report, fill.definition
    return (
        report.time_ns,
        report.trade_id,
        definition.symbol,
        report.side.name.lower(),
        fill.standing.price_ticks,
        fill.standing.quantity_lots,
        fill.kind.name.lower(),
        report.liquidity.name.lower(),
        fill.standing.state or None,
        report.order_id,
        report.leaves_lots,
        fill.account,
        report.account_id,
        fill.session_id,
        report.instrument_id,
        *worth_of(definition),
    )
