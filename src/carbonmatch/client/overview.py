"""Every instrument of a market on one screen: a line for each, as `carbonmatch watch all` shows them."""

from collections.abc import Iterable
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from carbonmatch.client.book import InstrumentBook, Level
from carbonmatch.matching.messages import Phase, Side
from carbonmatch.words import price_text

STYLES: Final = {Side.BUY: "green", Side.SELL: "red"}


def market_view(books: Iterable[InstrumentBook]) -> Table:
    """In the order of their numbers; those without a definition are not shown."""
    # Narrow enough for 80 columns with quantities of six characters.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("instrument", style="bold")
    table.add_column("phase")
    table.add_column("lots", justify="right")
    table.add_column("bid", justify="right", style=STYLES[Side.BUY])
    table.add_column("ask", justify="right", style=STYLES[Side.SELL])
    table.add_column("lots", justify="right")
    for name in ("last", "change", "volume"):
        table.add_column(name, justify="right", no_wrap=True)
    for book in sorted(books, key=lambda book: book.instrument_id):
        if book.definition is not None:
            table.add_row(*_line(book), style=None if book.is_current else "dim")
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
