"""`carbonmatch export`: a journal as a table of fills, orders or books."""

import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from carbonmatch.export.book import book_rows, book_table
from carbonmatch.export.columns import Row, Table
from carbonmatch.export.fills import FILLS, fill_rows
from carbonmatch.export.orders import ORDERS, order_rows
from carbonmatch.export.writing import ExportError, Format, write
from carbonmatch.limits import EXPORT_LEVELS_MAX, TIME_NS_MAX

TableName = Literal["fills", "orders", "book"]


def main(
    table: TableName,
    directory: Path,
    /,
    *,
    form: Annotated[Format, Parameter(name="--format")] = "csv",
    out: Path | None = None,
    symbol: tuple[str, ...] = (),
    since: str = "",
    until: str = "",
    levels: Annotated[int, Parameter(validator=Number(gte=1, lte=EXPORT_LEVELS_MAX))] = 5,
    archive: Path | None = None,
    running: bool = False,
) -> None:
    """Write a journal as a table for analysis; docs/export.md has its columns.

    Parameters
    ----------
    table
        fills: two for each trade, as they stand. orders: what happened to each. book: its best levels.
    directory
        The journal.
    form
        parquet and arrow need the extra `export`.
    out
        The file, which is replaced when the new one is whole; csv goes to standard output without one.
    symbol
        Only this instrument; may be given more than once.
    since
        Leave out what was before, with its offset from UTC: 2026-03-02T09:30+08:00.
    until
        Leave out what was then or later, likewise.
    levels
        Of the book, how many of each side.
    archive
        Where the journal's older segments are.
    running
        A process is writing this journal: leave out the segment that is being written.
    """
    columns, rows = _opened(table, directory, levels, archive, running)
    chosen = _chosen(columns, rows, frozenset(symbol), _bound_ns(since, 0), _bound_ns(until, TIME_NS_MAX))
    count = write(columns, chosen, form, out)
    # Standard output may be the table.
    print(f"{count} rows of {table} from {directory}", file=sys.stderr)


def _opened(
    table: TableName, directory: Path, levels: int, archive: Path | None, running: bool
) -> tuple[Table, Iterable[Row]]:
    if table == "fills":
        return FILLS, fill_rows(directory, archive=archive, running=running)
    if table == "orders":
        return ORDERS, order_rows(directory, archive=archive, running=running)
    return book_table(levels), book_rows(directory, levels, archive=archive, running=running)


def _chosen(
    table: Table, rows: Iterable[Row], symbols: frozenset[str], since_ns: int, until_ns: int
) -> Iterator[Row]:
    time_at, symbol_at = table.names.index("time"), table.names.index("symbol")
    for row in rows:
        time_ns = row[time_at]
        assert isinstance(time_ns, int)
        # The journal's times never go back.
        if time_ns >= until_ns:
            return
        if time_ns >= since_ns and (not symbols or row[symbol_at] in symbols):
            yield row


def _bound_ns(text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ExportError(f"{text!r} is no time, expected one like 2026-03-02T09:30+08:00") from None
    if time.tzinfo is None:
        raise ExportError(f"{text!r} lacks its offset from UTC, expected one like 2026-03-02T09:30+08:00")
    return int(time.timestamp()) * 10**9 + time.microsecond * 1_000
