"""Every instrument of a market on one screen: a line for each, as `carbonmatch watch all` shows them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from carbonmatch.client.book import InstrumentBook, Level
from carbonmatch.matching.messages import Phase, Side
from carbonmatch.words import price_text

STYLES: Final = {Side.BUY: "green", Side.SELL: "red"}
# What a line has behind the phase.
_NUMBERS: Final = (
    ("lots", None),
    ("bid", STYLES[Side.BUY]),
    ("ask", STYLES[Side.SELL]),
    ("lots", None),
    ("last", None),
    ("change", None),
    ("volume", None),
)
# Which of them: the first of these that the terminal has room for.
_COLUMNS: Final = ((0, 1, 2, 3, 4, 5, 6), (1, 2, 4, 5, 6), (1, 2, 4), (1, 2))
# More than any table needs.
_WIDE: Final = 1_000


class Fitting:
    """The first of several tables that the terminal has room for, or the last: prices are never cut short."""

    def __init__(self, tables: Sequence[Callable[[], Table]]) -> None:
        self._tables = tables

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for make in self._tables:
            table = make()
            if Measurement.get(console, options.update(max_width=_WIDE), table).maximum <= options.max_width:
                break
        yield table


def market_view(books: Iterable[InstrumentBook]) -> Fitting:
    """In the order of their numbers; those without a definition are not shown."""
    shown = sorted(
        (book for book in books if book.definition is not None), key=lambda book: book.instrument_id
    )
    return Fitting([partial(_market_table, shown, columns) for columns in _COLUMNS])


def _market_table(books: Sequence[InstrumentBook], columns: tuple[int, ...]) -> Table:
    # Narrow enough for 80 columns with quantities of six characters.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("instrument", style="bold")
    table.add_column("phase")
    for column in columns:
        name, style = _NUMBERS[column]
        table.add_column(name, justify="right", style=style, no_wrap=True)
    for book in books:
        symbol, phase, *numbers = _line(book)
        style = None if book.is_current else "dim"
        table.add_row(symbol, phase, *[numbers[column] for column in columns], style=style)
    return table


def _line(book: InstrumentBook) -> Iterable[str | Text]:
    assert book.definition is not None
    bid, ask = book.best()
    found = book.statistics
    traded = found is not None and found.trade_count
    return (
        book.definition.symbol,
        _phase(book),
        _lots(bid),
        _price(book, bid),
        _price(book, ask),
        _lots(ask),
        price_text(found.last_price_ticks, book.definition.price_decimals) if found and traded else "",
        change(book),
        f"{found.volume_lots:,}" if found and traded else "",
    )


def _phase(book: InstrumentBook) -> Text:
    if not book.is_current:
        return Text("not current", style="bold red")
    if book.phase is None:
        return Text("")
    style = "" if book.phase is Phase.CONTINUOUS else "cyan"
    return Text(book.phase.name.lower().replace("_", " "), style=style)


def _price(book: InstrumentBook, level: Level | None) -> str:
    assert book.definition is not None
    return "" if level is None else price_text(level.price_ticks, book.definition.price_decimals)


def _lots(level: Level | None) -> str:
    return "" if level is None else f"{level.quantity_lots:,}"


def change(book: InstrumentBook) -> Text:
    """Of the last price of the day from the reference price, in percent; empty where one is not known."""
    found = book.statistics
    reference_ticks = book.reference_price_ticks
    if found is None or not found.trade_count or not reference_ticks:
        return Text("")
    percent = (found.last_price_ticks - reference_ticks) * 100 / reference_ticks
    if found.last_price_ticks == reference_ticks:
        return Text("0.00 %")
    up = percent > 0
    return Text(f"{'▲' if up else '▼'} {percent:+.2f} %", style=STYLES[Side.BUY if up else Side.SELL])
