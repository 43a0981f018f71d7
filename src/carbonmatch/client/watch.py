"""`carbonmatch watch`: one instrument or composite price of a running venue, live in the terminal."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from carbonmatch.client.book import InstrumentBook, Level, ListedOrder
from carbonmatch.client.connection import Access
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.client.options import Port, access_of, find_followed
from carbonmatch.client.overview import STYLES, Fitting, change, market_view
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.client.watch_composite import composite_view
from carbonmatch.matching.messages import SCREEN_TRADES, CompositeDefinition, InstrumentId, Side, TradeKind
from carbonmatch.protocol.messages import Role, Trade, TradeBust, TradeCorrection
from carbonmatch.words import price_text, printable, utc_text

_REFRESH_SECONDS: Final = 0.1
# Prices of six characters and quantities of nine fit 80 columns with it.
_BAR_CELLS: Final = 8
# Columns of each side from the middle outwards: the first of these that the terminal has room for.
_Column = Literal["price", "bar", "quantity", "orders"]
_LADDER_COLUMNS: Final[tuple[tuple[_Column, ...], ...]] = (
    ("price", "bar", "quantity", "orders"),
    ("price", "bar", "quantity"),
    ("price", "quantity"),
    ("price",),
)
_TRADES_SHOWN: Final = 8
_AMENDMENTS_SHOWN: Final = 3
_ORDERS_SHOWN: Final = 20
# What was traded continuously is the rest of the statistics.
_KINDS_SHOWN: Final = (TradeKind.AUCTION, TradeKind.LISTED, TradeKind.BLOCK, TradeKind.BIDDING)
# A cell of which so many eighths are filled, from the right (there are no finer characters) and left.
_PARTS: Final = {Side.BUY: "    ▐▐▐▐", Side.SELL: " ▏▎▍▌▋▊▉"}
_STYLES: Final = STYLES
ALL: Final = "all"


def main(
    symbol: str = "CEA25",
    /,
    *,
    host: str = "127.0.0.1",
    port: Port = 7410,
    levels: Annotated[int, Parameter(validator=Number(gte=1))] = 10,
    once: bool = False,
    key_id: str | None = None,
    key_file: Path | None = None,
    session: str | None = None,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Show a live order book in the terminal.

    Parameters
    ----------
    symbol
        The instrument, or a composite price; "all" for a line of every instrument.
    host
        Where the venue is.
    port
        Its market data.
    levels
        How many price levels of each side.
    once
        Print the book as it is now and end; the same where the output is no terminal.
    key_id
        A key that may follow market data; without one the demo market's, on loopback only.
    key_file
        The file with the private half: 64 hexadecimal digits.
    session
        The session that goes with the key.
    """
    access = access_of(Role.MARKET_DATA, host, port, key_id, key_file, session, tls)
    console = Console()
    live = not once and sys.stdout.isatty()
    with suppress(KeyboardInterrupt):
        asyncio.run(watch(access, symbol, levels, console, live=live))


async def watch(access: Access, symbol: str, levels: int, console: Console, *, live: bool) -> None:
    """Raises what has ended the feed; until then, for ever if `live`."""
    view, followed = await _followed(access, symbol, levels)
    async with MarketDataClient(access, instrument_ids=followed) as feed:
        await feed.synced()
        if not live:
            console.print(view(feed))
            return
        with Live(console=console, auto_refresh=False, screen=True) as screen:
            while True:
                feed.check()
                shown = view(feed)
                if shown is not None:
                    screen.update(shown, refresh=True)
                await asyncio.sleep(_REFRESH_SECONDS)


_View = Callable[[MarketDataClient], RenderableType | None]


async def _followed(access: Access, symbol: str, levels: int) -> tuple[_View, list[InstrumentId]]:
    """What shows it, and the instruments that this needs."""
    if symbol == ALL:
        return _market, []
    definition = await find_followed(access, symbol)
    if isinstance(definition, CompositeDefinition):
        members = [InstrumentId(member.instrument_id) for member in definition.members]
        return partial(_composite, definition.composite_id), [definition.composite_id, *members]
    return partial(_instrument, definition.instrument_id, levels), [definition.instrument_id]


def _market(feed: MarketDataClient) -> RenderableType:
    return market_view(feed.books.values())


def _instrument(instrument_id: InstrumentId, levels: int, feed: MarketDataClient) -> RenderableType | None:
    """None: it has not come yet, after a connection was lost."""
    book = feed.books.get(instrument_id)
    return None if book is None else instrument_view(book, levels)


def _composite(composite_id: InstrumentId, feed: MarketDataClient) -> RenderableType | None:
    composite = feed.composites.get(composite_id)
    return None if composite is None else composite_view(composite, feed.books, is_current=feed.is_synced)


# --- what it looks like --------------------------------------------------------------------------


def instrument_view(book: InstrumentBook, levels: int) -> RenderableType:
    """State, ladder, statistics, the last trades that this reader has seen, and what was taken back."""
    parts: list[RenderableType] = [_headline(book), _quote(book), _ladder(book, levels), *_auction(book)]
    parts.append(_statistics(book))
    parts += _kinds(book)
    if book.definition is not None and book.definition.screen.order_list:
        parts.append(_orders(book))
    if book.trades:
        parts.append(_trades(book))
    parts += [_amended(book, amended) for amended in list(book.amendments)[: -_AMENDMENTS_SHOWN - 1 : -1]]
    return Group(*parts)


def _price(book: InstrumentBook, price_ticks: int) -> str:
    assert book.definition is not None
    return price_text(price_ticks, book.definition.price_decimals)


def _headline(book: InstrumentBook) -> Text:
    definition = book.definition
    assert definition is not None
    phase = book.phase.name if book.phase is not None else "UNKNOWN"
    currency = printable(definition.currency)
    text = Text.assemble((definition.symbol, "bold"), f"  {currency}/t  ", (phase, "bold cyan"))
    if book.phase_until_ns:
        ends = datetime.fromtimestamp(book.phase_until_ns // 1_000_000_000, UTC)
        text.append(f" until {ends:%Y-%m-%d %H:%M:%S} UTC")
    if book.band_high_ticks:
        low, high = _price(book, book.band_low_ticks), _price(book, book.band_high_ticks)
        text.append(f"  reference {_price(book, book.reference_price_ticks)}, band {low} to {high}")
    limits = book.limits
    if limits is not None and limits.anchor_ticks:
        low, high = _price(book, limits.low_ticks), _price(book, limits.high_ticks)
        text.append(f"  limits {low} to {high}{', held' if limits.hold_ends_ns else ''}")
    if not book.is_current:
        text.append("  NOT CURRENT: no word from the venue", "bold red")
    return text


def _quote(book: InstrumentBook) -> Text:
    """How far bid and ask are apart, and where the last trade was."""
    bid, ask = book.best()
    text = Text()
    if bid is not None and ask is not None and ask.price_ticks > bid.price_ticks:
        spread_ticks = ask.price_ticks - bid.price_ticks
        basis_points = spread_ticks * 20_000 / (bid.price_ticks + ask.price_ticks)
        text.append(f"spread {_price(book, spread_ticks)} ({basis_points:.1f} bp)  ")
    moved = change(book)
    if moved and book.statistics is not None:
        text.append(f"last {_price(book, book.statistics.last_price_ticks)} ", style="bold")
        text.append(moved)
    return text


def _ladder(book: InstrumentBook, levels: int) -> Fitting:
    """Bids on the left, asks on the right, best in the first row, bars growing away from the middle."""
    return Fitting([partial(_ladder_table, book, levels, columns) for columns in _LADDER_COLUMNS])


def _ladder_table(book: InstrumentBook, levels: int, columns: tuple[_Column, ...]) -> Table:
    bids, asks = book.depth(levels)
    widest = max((level.quantity_lots for level in (*bids, *asks)), default=1)
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in reversed(columns):
        _add_column(table, column, Side.BUY)
    for column in columns:
        _add_column(table, column, Side.SELL)
    for row in range(max(len(bids), len(asks), 1)):
        bid = _cells(book, Side.BUY, bids[row] if row < len(bids) else None, widest)
        ask = _cells(book, Side.SELL, asks[row] if row < len(asks) else None, widest)
        table.add_row(*[bid[column] for column in reversed(columns)], *[ask[column] for column in columns])
    return table


def _add_column(table: Table, column: _Column, side: Side) -> None:
    style = _STYLES[side]
    if column == "price":
        is_bid = side is Side.BUY
        table.add_column("bid" if is_bid else "ask", justify="right" if is_bid else "left", style=style)
    elif column == "bar":
        justify: Literal["right", "left"] = "right" if side is Side.BUY else "left"
        table.add_column("", justify=justify, min_width=_BAR_CELLS, style=style)
    else:
        table.add_column(column, justify="right")


def _cells(book: InstrumentBook, side: Side, level: Level | None, widest: int) -> dict[_Column, str]:
    if level is None:
        return {"price": "", "bar": "", "quantity": "", "orders": ""}
    return {
        "price": _price(book, level.price_ticks),
        "bar": bar(side, level.quantity_lots, widest),
        "quantity": f"{level.quantity_lots:,}",
        "orders": str(level.order_count),
    }


def bar(side: Side, lots: int, widest: int) -> str:
    """`lots` as a bar which fills its column for `widest`, growing away from the prices."""
    whole, part = divmod(lots * _BAR_CELLS * 8 // widest, 8)
    cells = "█" * whole + _PARTS[side][part].strip()
    return cells if side is Side.SELL else cells[::-1]


def _orders(book: InstrumentBook) -> Table:
    """The orders of the best levels one by one, by the id that a taker selects them with."""
    bids, asks = book.orders()
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("order", justify="right")
    table.add_column("quantity", justify="right")
    table.add_column("bid", justify="right", style=_STYLES[Side.BUY])
    table.add_column("ask", style=_STYLES[Side.SELL])
    table.add_column("quantity", justify="right")
    table.add_column("order", justify="right")
    shown = max(len(bids), len(asks))
    for row in range(min(shown, _ORDERS_SHOWN)):
        bid, ask = (_order_cells(book, orders[row] if row < len(orders) else None) for orders in (bids, asks))
        table.add_row(*reversed(bid), *ask)
    if shown > _ORDERS_SHOWN:
        table.add_row("", "", f"{len(bids):,} bids", f"{len(asks):,} asks", "", "")
    return table


def _order_cells(book: InstrumentBook, order: ListedOrder | None) -> tuple[str, ...]:
    """From the middle outwards."""
    if order is None:
        return "", "", ""
    return _price(book, order.price_ticks), f"{order.quantity_lots:,}", str(order.order_id)


def _auction(book: InstrumentBook) -> list[Text]:
    """How the auction would end now; nothing where orders do not gather for one."""
    auction = book.auction
    if auction is None:
        return []
    if not auction.price_ticks:
        return [Text("auction: nothing would trade now", style="bold cyan")]
    words = f"auction: {auction.volume_lots:,} would trade now at {_price(book, auction.price_ticks)}"
    if auction.surplus_lots:
        unfilled = "wanted" if auction.surplus_side == Side.BUY else "offered"
        words += f", {auction.surplus_lots:,} more {unfilled}"
    return [Text(words, style="bold cyan")]


def _statistics(book: InstrumentBook) -> Text:
    found = book.statistics
    if found is None or not found.trade_count:
        return Text("no trade yet", style="dim")
    prices = (
        ("open", found.open_price_ticks),
        ("high", found.high_price_ticks),
        ("low", found.low_price_ticks),
        ("last", found.last_price_ticks),
        ("VWAP", rounded_half_up(found.turnover_ticks_lots, found.volume_lots)),
    )
    words = [f"{name} {_price(book, price_ticks)}" for name, price_ticks in prices]
    return Text("  ".join([*words, f"volume {found.volume_lots:,}", f"in {found.trade_count:,} trades"]))


def _kinds(book: InstrumentBook) -> list[Text]:
    """The day's trades of each kind that is not all that the line before says."""
    total = book.statistics
    return [
        Text(
            f"{kind.name.lower()}: VWAP {_price(book, rounded_half_up(turnover_ticks_lots, volume_lots))}"
            f"  volume {volume_lots:,}  in {trade_count:,} trades"
        )
        for kind in _KINDS_SHOWN
        for volume_lots, turnover_ticks_lots, trade_count in [book.sums_of(kind)]
        if trade_count
        and not (kind in SCREEN_TRADES and total is not None and trade_count == total.trade_count)
    ]


def rounded_half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _trades(book: InstrumentBook) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("time (UTC)")
    table.add_column("price", justify="right")
    table.add_column("quantity", justify="right")
    table.add_column("taker")
    for trade in list(book.trades)[: -_TRADES_SHOWN - 1 : -1]:
        table.add_row(
            utc_text(trade.time_ns)[11:19],
            _price(book, trade.price_ticks),
            f"{trade.quantity_lots:,}",
            _taker(trade),
        )
    return table


def _taker(trade: Trade) -> Text:
    if trade.kind is TradeKind.AUCTION:
        return Text("auction", style="cyan")
    return Text("buys" if trade.aggressor is Side.BUY else "sells", style=_STYLES[trade.aggressor])


def _amended(book: InstrumentBook, amended: TradeBust | TradeCorrection) -> Text:
    time = utc_text(amended.time_ns)[11:19]
    stood = f"{amended.quantity_lots:,} at {_price(book, amended.price_ticks)}"
    if isinstance(amended, TradeBust):
        return Text(f"{time}  trade {amended.trade_id} busted: {stood}", style="bold yellow")
    before = f"{amended.quantity_before_lots:,} at {_price(book, amended.price_before_ticks)}"
    return Text(f"{time}  trade {amended.trade_id} corrected: {before}, now {stood}", style="bold yellow")
