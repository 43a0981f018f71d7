"""The trades of one instrument's day that stand, as little of each as busts and corrections need.

Sums can be corrected by what an event says, prices cannot: which trade is the first, the highest, the
lowest, the last, once another is gone? So of each trade its id and its price are kept, 16 bytes, in pieces
of `_PIECE_TRADES`, and of each piece its highest and its lowest price: a bust then looks through one piece
and over the others, 0.2 ms in a day of a million trades.

Of trades further back than DAY_TRADES_KEPT_MAX only their pieces are kept: a bust of one does not change
open, high and low any more.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from carbonmatch.limits import DAY_TRADES_KEPT_MAX
from carbonmatch.matching.messages import Traded, TradeId

# Small, so that what was not taken into a piece yet costs little memory, and a piece is quickly searched.
_PIECE_TRADES: Final = 512
_PIECES_KEPT_MAX: Final = DAY_TRADES_KEPT_MAX // _PIECE_TRADES

# Open, high, low, last.
Prices = tuple[int, int, int, int]
_NO_PRICES: Final[Prices] = (0, 0, 0, 0)


class SavedPiece(Struct, frozen=True, gc=False, array_like=True):
    """One piece; `trade_ids` and `prices_ticks` of the trades that stand, unless it is closed."""

    taken: int
    first_id: TradeId
    last_id: TradeId
    is_closed: bool
    prices: Prices
    trade_ids: list[int]
    prices_ticks: list[int]


class _Piece:
    """Trades in a row. Invariant: `prices` are those of the trades that stand, zeros where none does."""

    __slots__ = ("first_id", "is_closed", "last_id", "prices", "prices_ticks", "taken", "trade_ids")

    def __init__(self, first_id: TradeId) -> None:
        self.first_id = self.last_id = first_id
        self.taken = 0  # trades that it was given, of which some may have been busted
        self.is_closed = False
        self.prices = _NO_PRICES
        self.trade_ids = array("q")
        self.prices_ticks = array("q")

    def take(self, trades: Sequence[Traded]) -> None:
        self.taken += len(trades)
        self.last_id = trades[-1].trade_id
        self.trade_ids.fromlist([trade.trade_id for trade in trades])
        prices = [trade.price_ticks for trade in trades]
        if self.prices_ticks:
            self.prices_ticks.fromlist(prices)
            self._look()
        else:
            # Nearly always whole at once, and in a list the prices are looked through twice as fast.
            self.prices_ticks.fromlist(prices)
            self.prices = (prices[0], max(prices), min(prices), prices[-1])

    def bust(self, trade_id: TradeId) -> None:
        at = self._place(trade_id)
        del self.trade_ids[at], self.prices_ticks[at]
        self._look()

    def correct(self, trade_id: TradeId, price_ticks: int) -> None:
        self.prices_ticks[self._place(trade_id)] = price_ticks
        self._look()

    def close(self) -> None:
        """Keep no more than the prices."""
        self.is_closed = True
        self.trade_ids, self.prices_ticks = array("q"), array("q")

    def _place(self, trade_id: TradeId) -> int:
        at = bisect_left(self.trade_ids, trade_id)
        assert self.trade_ids[at] == trade_id, "a trade is busted once, and of its own instrument"
        return at

    def _look(self) -> None:
        prices = self.prices_ticks
        self.prices = (prices[0], max(prices), min(prices), prices[-1]) if prices else _NO_PRICES


class DayTrades:
    """Invariant: pieces are in the order of the trades, and all but the last were given _PIECE_TRADES."""

    __slots__ = ("_pieces", "_recent")

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []
        # Not in a piece yet: to take them in one by one would cost as much as all other statistics.
        self._recent: list[Traded] = []

    def add(self, trades: list[Traded]) -> None:
        recent = self._recent
        recent += trades
        if len(recent) >= _PIECE_TRADES:
            self._gather()

    def bust(self, trade_id: TradeId) -> bool:
        """Whether the trade is of this day; then it stands no more."""
        piece = self._piece_of(trade_id)
        if piece is None:
            return False
        if not piece.is_closed:
            piece.bust(trade_id)
        return True

    def correct(self, trade_id: TradeId, price_ticks: int) -> bool:
        """Whether the trade is of this day; then this is its price."""
        piece = self._piece_of(trade_id)
        if piece is None:
            return False
        if not piece.is_closed:
            piece.correct(trade_id, price_ticks)
        return True

    def prices(self) -> Prices:
        """Open, high, low and last of the trades that stand; zeros where none does."""
        self._gather()
        of_pieces = [piece.prices for piece in self._pieces if piece.prices != _NO_PRICES]
        if not of_pieces:
            return _NO_PRICES
        opens, highs, lows, lasts = zip(*of_pieces, strict=True)
        return opens[0], max(highs), min(lows), lasts[-1]

    def saved(self) -> list[SavedPiece]:
        self._gather()
        return [
            SavedPiece(
                piece.taken,
                piece.first_id,
                piece.last_id,
                piece.is_closed,
                piece.prices,
                piece.trade_ids.tolist(),
                piece.prices_ticks.tolist(),
            )
            for piece in self._pieces
        ]

    @classmethod
    def of(cls, saved: list[SavedPiece]) -> "DayTrades":
        trades = cls()
        for kept in saved:
            piece = _Piece(kept.first_id)
            piece.taken = kept.taken
            piece.last_id = kept.last_id
            piece.is_closed = kept.is_closed
            piece.prices = kept.prices
            piece.trade_ids.fromlist(kept.trade_ids)
            piece.prices_ticks.fromlist(kept.prices_ticks)
            trades._pieces.append(piece)
        return trades

    def _piece_of(self, trade_id: TradeId) -> _Piece | None:
        """The piece that was given the trade. None: the trade is of an earlier day."""
        self._gather()
        at = bisect_right(self._pieces, trade_id, key=_first_id) - 1
        if at < 0:
            return None
        assert trade_id <= self._pieces[at].last_id, "a trade of this instrument"
        return self._pieces[at]

    def _gather(self) -> None:
        """Where pieces begin depends on the trades alone, and not on when this is called."""
        recent, pieces = self._recent, self._pieces
        start = 0
        while start < len(recent):
            if not pieces or pieces[-1].taken == _PIECE_TRADES:
                pieces.append(_Piece(recent[start].trade_id))
                if len(pieces) > _PIECES_KEPT_MAX:
                    pieces[-1 - _PIECES_KEPT_MAX].close()
            end = start + _PIECE_TRADES - pieces[-1].taken
            pieces[-1].take(recent[start:end])
            start = end
        recent.clear()


def _first_id(piece: _Piece) -> TradeId:
    return piece.first_id
