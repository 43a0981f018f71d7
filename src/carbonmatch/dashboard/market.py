"""The market as the page shows it: a row for each instrument; the ladder and trades of one of them. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from carbonmatch.client.instrument_book import InstrumentBook, Level
from carbonmatch.limits import DASHBOARD_LEVELS, DASHBOARD_TRADES
from carbonmatch.matching.messages import InstrumentId, Phase, Side, TradeKind

_BUYS: Final = "buys"
_SELLS: Final = "sells"


class Auction(Struct, frozen=True, gc=False):
    """How an auction would end if it ended now. Price 0: nothing would trade."""

    price_ticks: int
    volume_lots: int
    surplus_lots: int
    surplus_side: str  # "buy", "sell", or empty where nothing is left


class Row(Struct, frozen=True, gc=False):
    """What the overview shows of an instrument. A price of 0: there is none."""

    id: InstrumentId
    symbol: str
    currency: str
    decimals: int
    lot_tonnes: int
    is_current: bool
    phase: str
    phase_until_ns: int
    phase_text: str
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    last_ticks: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    reference_ticks: int
    band_low_ticks: int
    band_high_ticks: int
    volume_lots: int
    trade_count: int
    auction: Auction | None


class ShownTrade(Struct, frozen=True, gc=False):
    trade_id: int
    time_ns: int
    price_ticks: int
    quantity_lots: int
    taker: str  # "buys", "sells", or how else it came about


class Ladder(Struct, frozen=True, gc=False):
    """The best levels of each side, as price, lots and orders, and the last trades, the newest first."""

    id: InstrumentId
    bids: list[tuple[int, int, int]]
    asks: list[tuple[int, int, int]]
    trades: list[ShownTrade]


def row_of(book: InstrumentBook, phase_text: str = "") -> Row:
    """`book` has its definition."""
    definition = book.definition
    assert definition is not None
    bid, ask = book.best()
    day = book.statistics
    auction = book.auction
    return Row(
        id=book.instrument_id,
        symbol=definition.symbol,
        currency=definition.currency,
        decimals=definition.price_decimals,
        lot_tonnes=definition.lot_tonnes,
        is_current=book.is_current,
        phase=_words(book.phase),
        phase_until_ns=book.phase_until_ns,
        phase_text=phase_text,
        bid_ticks=bid.price_ticks if bid else 0,
        bid_lots=bid.quantity_lots if bid else 0,
        ask_ticks=ask.price_ticks if ask else 0,
        ask_lots=ask.quantity_lots if ask else 0,
        last_ticks=day.last_price_ticks if day else 0,
        open_ticks=day.open_price_ticks if day else 0,
        high_ticks=day.high_price_ticks if day else 0,
        low_ticks=day.low_price_ticks if day else 0,
        reference_ticks=book.reference_price_ticks,
        band_low_ticks=book.band_low_ticks,
        band_high_ticks=book.band_high_ticks,
        volume_lots=day.volume_lots if day else 0,
        trade_count=day.trade_count if day else 0,
        auction=None
        if auction is None
        else Auction(
            auction.price_ticks,
            auction.volume_lots,
            auction.surplus_lots,
            Side(auction.surplus_side).name.lower() if auction.surplus_side else "",
        ),
    )


def ladder_of(book: InstrumentBook) -> Ladder:
    bids, asks = book.depth(DASHBOARD_LEVELS)
    trades = [
        ShownTrade(
            trade.trade_id,
            trade.time_ns,
            trade.price_ticks,
            trade.quantity_lots,
            _taker(trade.kind, trade.aggressor),
        )
        for trade in list(book.trades)[: -DASHBOARD_TRADES - 1 : -1]
    ]
    return Ladder(book.instrument_id, list(map(_level, bids)), list(map(_level, asks)), trades)


def _level(level: Level) -> tuple[int, int, int]:
    return level.price_ticks, level.quantity_lots, level.order_count


def _taker(kind: TradeKind, aggressor: Side) -> str:
    if kind in (TradeKind.CONTINUOUS, TradeKind.LISTED):
        return _BUYS if aggressor is Side.BUY else _SELLS
    return kind.name.lower()


def _words(phase: Phase | None) -> str:
    return "" if phase is None else phase.name.lower().replace("_", " ")


class Market:
    """Rows, each with the version of the page at which it last changed."""

    def __init__(self) -> None:
        self._rows: dict[InstrumentId, tuple[int, Row]] = {}
        # Whoever has seen less has rows that are no more: he gets all of them.
        self._whole_since = 0

    def take(self, books: Iterable[InstrumentBook], texts: Mapping[InstrumentId, str], version: int) -> bool:
        """Whether anything is different from before, which is what `version` has then."""
        rows = {
            book.instrument_id: row_of(book, texts.get(book.instrument_id, ""))
            for book in books
            if book.definition is not None
        }
        is_changed = False
        if not self._rows.keys() <= rows.keys():
            self._rows = {key: kept for key, kept in self._rows.items() if key in rows}
            self._whole_since = version
            is_changed = True
        for key, row in rows.items():
            known = self._rows.get(key)
            if known is None or known[1] != row:
                self._rows[key] = (version, row)
                is_changed = True
        return is_changed

    def since(self, version: int) -> tuple[bool, list[Row]]:
        """Whether these are all rows, and those that have changed after `version`, by their numbers."""
        if version < self._whole_since:
            version = 0
        rows = [row for changed, row in self._rows.values() if changed > version]
        return version == 0, sorted(rows, key=lambda row: row.id)

    def __len__(self) -> int:
        return len(self._rows)
