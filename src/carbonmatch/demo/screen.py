"""The demo while it runs: the market, the last trades, and what the engine is doing."""

from collections import deque
from typing import Final

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from carbonmatch.client.book import InstrumentBook, Level
from carbonmatch.demo.day import Day
from carbonmatch.demo.summary import Latency, latency
from carbonmatch.demo_market import COMPANIES, INSTRUMENTS
from carbonmatch.matching.messages import Side
from carbonmatch.protocol.messages import Trade
from carbonmatch.words import price_text, utc_text

_TRADES_SHOWN: Final = 14
_DECIMALS: Final = 2
# Rates and percentiles are of this many refreshes.
_WINDOW: Final = 10
# Beside the market, or not at all: below it they would push the engine's line off the screen.
_WIDTH_FOR_TRADES: Final = 118
_SYMBOLS: Final = {one.id: one.symbol for one in INSTRUMENTS}


class Screen:
    """Remembers enough of the last seconds to tell rates from totals."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._samples: deque[tuple[float, int, int, list[int]]] = deque(maxlen=_WINDOW)

    def view(self, now: float, metrics: dict[str, float], width: int) -> RenderableType:
        """`now` in seconds of any clock that does not jump, `width` of the terminal."""
        day = self._day
        sample = (now, day.total("commands"), len(day.tally.fills), list(day.latency_ns.counts))
        self._samples.append(sample)
        return Group(
            self._headline(),
            Columns([self._market(), self._trades()], padding=(0, 3))
            if width >= _WIDTH_FOR_TRADES
            else self._market(),
            self._engine(metrics),
        )

    def _headline(self) -> RenderableType:
        day = self._day
        left = day.seconds * (1 - day.progress)
        line = Table.grid(padding=(0, 1))
        line.add_row(
            Text("carbonmatch demo", style="bold"),
            Text(f"{COMPANIES:,} companies, {len(day.desks)} gateways, deadline in {left:4.1f} s"),
            ProgressBar(total=1.0, completed=day.progress, width=12),
        )
        return line

    def _market(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("instrument")
        for name, style in (
            ("bid t", "dim"),
            ("bid", "green"),
            ("ask", "red"),
            ("ask t", "dim"),
            ("last", "bold"),
            ("change", ""),
            ("traded t", ""),
        ):
            table.add_column(name, justify="right", style=style)
        for instrument_id, symbol in _SYMBOLS.items():
            book = self._day.feed.books.get(instrument_id)
            table.add_row(symbol, *(_row(book) if book is not None else []))
        return table

    def _trades(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("last trades")
        table.add_column("")
        table.add_column("price", justify="right")
        table.add_column("t", justify="right")
        for trade in list(self._day.last_trades)[: -_TRADES_SHOWN - 1 : -1]:
            table.add_row(*_trade(trade))
        return table

    def _engine(self, metrics: dict[str, float]) -> Text:
        day = self._day
        first, last = self._samples[0], self._samples[-1]
        seconds = (last[0] - first[0]) or 1.0
        recent = [b - a for a, b in zip(first[3], last[3], strict=True)]
        found: Latency = latency(recent if any(recent) else last[3])
        sequence = int(metrics.get("carbonmatch_journal_durable_sequence", 0))
        journal_bytes = int(metrics.get("carbonmatch_journal_bytes_total", 0))
        return Text(
            f"orders and cancels {(last[1] - first[1]) / seconds:8,.0f} /s   {last[1]:,} so far\n"
            f"trades             {(last[2] - first[2]) / seconds:8,.0f} /s   {last[2]:,} so far, "
            f"{day.open_order_count:,} orders open\n"
            f"order to durable answer   p50 {found.p50 / 1_000:.2f} ms   p99 {found.p99 / 1_000:.2f} ms   "
            f"p99.9 {found.p999 / 1_000:.2f} ms\n"
            f"journal                   sequence {sequence:,} on disk, {journal_bytes / 2**20:,.1f} MiB"
        )


def _row(book: InstrumentBook) -> list[str | Text]:
    bid, ask = book.best()
    statistics = book.statistics
    last_ticks = statistics.last_price_ticks if statistics is not None else 0
    volume_lots = statistics.volume_lots if statistics is not None else 0
    return [
        _lots(bid),
        _price(bid.price_ticks if bid else 0),
        _price(ask.price_ticks if ask else 0),
        _lots(ask),
        _price(last_ticks),
        _change(last_ticks, book.reference_price_ticks),
        f"{volume_lots:,}",
    ]


def _change(last_ticks: int, reference_ticks: int) -> Text:
    """Red for up, green for down, as screens in China have it."""
    if not last_ticks or not reference_ticks:
        return Text("")
    percent = 100 * (last_ticks - reference_ticks) / reference_ticks
    return Text(f"{percent:+.2f} %", style="red" if percent > 0 else "green" if percent < 0 else "")


def _trade(trade: Trade) -> tuple[str, str, Text, str]:
    style = "green" if trade.aggressor == Side.BUY else "red"
    return (
        utc_text(trade.time_ns)[11:19],
        _SYMBOLS.get(trade.instrument_id, "?"),
        Text(_price(trade.price_ticks), style=style),
        f"{trade.quantity_lots:,}",
    )


def _lots(level: Level | None) -> str:
    return f"{level.quantity_lots:,}" if level is not None else ""


def _price(price_ticks: int) -> str:
    return price_text(price_ticks, _DECIMALS) if price_ticks else ""
