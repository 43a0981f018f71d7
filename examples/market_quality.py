"""What a day's market was like, from its exported tables: VWAP, spreads and depth of each instrument.

    carbonmatch export fills data --format parquet --out fills.parquet
    carbonmatch export book  data --format parquet --out book.parquet
    python examples/market_quality.py fills.parquet book.parquet

Spread and depth are weighted by the time that they stood, in continuous trading with both sides there.
Needs pyarrow alone; the tables are described in docs/export.md.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet


@dataclass
class Quality:
    """Sums over the day, of which the averages are made at the end."""

    price_decimals: int = 0
    traded_lots: int = 0
    turnover_ticks_lots: int = 0
    quoted_ns: int = 0
    spread_ticks_ns: int = 0
    spread_of_mid_ns: float = 0.0
    best_lots_ns: int = 0
    depth_lots_ns: int = 0


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """A table of any size, so many rows at a time; times as nanoseconds."""
    for batch in pyarrow.parquet.ParquetFile(file).iter_batches():
        at = batch.schema.get_field_index("time")
        times = batch.column(at).cast(pyarrow.int64())
        yield from batch.set_column(at, "time", times).to_pylist()


def add_trades(fills: Path, found: defaultdict[str, Quality]) -> None:
    for fill in rows(fills):
        # Each trade has two fills; a busted one has a quantity of 0.
        if fill["side"] == "buy":
            quality = found[fill["symbol"]]
            quality.price_decimals = fill["price_decimals"]
            quality.traded_lots += fill["quantity_lots"]
            quality.turnover_ticks_lots += fill["price_ticks"] * fill["quantity_lots"]


def add_books(book: Path, found: defaultdict[str, Quality]) -> None:
    """A book stands until the next one of its instrument."""
    standing: dict[str, dict[str, Any]] = {}
    for now in rows(book):
        before = standing.get(now["symbol"])
        if before is not None:
            add_book(found[now["symbol"]], before, now["time"] - before["time"])
        standing[now["symbol"]] = now


def add_book(quality: Quality, book: dict[str, Any], stood_ns: int) -> None:
    bid, ask = book["bid_price_ticks_1"], book["ask_price_ticks_1"]
    quality.price_decimals = book["price_decimals"]
    if book["phase"] != "continuous" or bid is None or ask is None:
        return
    quality.quoted_ns += stood_ns
    quality.spread_ticks_ns += (ask - bid) * stood_ns
    quality.spread_of_mid_ns += (ask - bid) / ((ask + bid) / 2) * stood_ns
    quality.best_lots_ns += (book["bid_lots_1"] + book["ask_lots_1"]) * stood_ns
    depth_lots = sum(lots or 0 for name, lots in book.items() if "_lots_" in name)
    quality.depth_lots_ns += depth_lots * stood_ns


def told(symbol: str, quality: Quality) -> str:
    tick = 10**-quality.price_decimals
    words = [f"{symbol:<10}"]
    if quality.traded_lots:
        vwap = quality.turnover_ticks_lots / quality.traded_lots * tick
        words.append(f"VWAP {vwap:.4f} of {quality.traded_lots} lots")
    else:
        words.append("no trades")
    if quality.quoted_ns:
        words.append(f"spread {quality.spread_ticks_ns / quality.quoted_ns * tick:.4f}")
        words.append(f"({quality.spread_of_mid_ns / quality.quoted_ns * 10_000:.1f} bp)")
        words.append(f"at the best {quality.best_lots_ns / quality.quoted_ns:.1f} lots,")
        words.append(f"in all levels {quality.depth_lots_ns / quality.quoted_ns:.1f}")
    return "  ".join(words)


def main(fills: Path, book: Path) -> None:
    found: defaultdict[str, Quality] = defaultdict(Quality)
    add_trades(fills, found)
    add_books(book, found)
    for symbol in sorted(found):
        print(told(symbol, found[symbol]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
