"""What `carbonmatch watch` shows of a composite price: what it is, and what it is made of."""

from collections.abc import Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from carbonmatch.client.book import InstrumentBook
from carbonmatch.matching.messages import InstrumentId
from carbonmatch.protocol.messages import Composite
from carbonmatch.words import price_text, utc_text


def composite_view(
    composite: Composite, books: Mapping[InstrumentId, InstrumentBook], *, is_current: bool
) -> RenderableType:
    """The price, since when, and its members with their weights, last trades and reference prices."""
    return Group(_headline(composite, is_current=is_current), _members(composite, books))


def _headline(composite: Composite, *, is_current: bool) -> Text:
    definition = composite.composite
    text = Text.assemble((definition.symbol, "bold"), f"  {definition.currency}/t  composite price ")
    if composite.price_ticks:
        text.append(price_text(composite.price_ticks, definition.price_decimals), "bold cyan")
        text.append(f" since {utc_text(composite.time_ns)[:19].replace('T', ' ')} UTC")
    elif definition.members:
        text.append("none: a member has no price yet")
    else:
        text.append("none: it is not made any more")
    if not is_current:
        text.append("  NOT CURRENT: no word from the venue", "bold red")
    return text


def _members(composite: Composite, books: Mapping[InstrumentId, InstrumentBook]) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("member")
    for heading in ("weight", "last", "reference"):
        table.add_column(heading, justify="right")
    for member in composite.composite.members:
        book = books.get(member.instrument_id)
        if book is None or book.definition is None:
            continue
        last_ticks = 0 if book.statistics is None else book.statistics.last_price_ticks
        prices = [
            price_text(ticks, book.definition.price_decimals) if ticks else ""
            for ticks in (last_ticks, book.reference_price_ticks)
        ]
        table.add_row(book.definition.symbol, str(member.weight), *prices)
    return table
