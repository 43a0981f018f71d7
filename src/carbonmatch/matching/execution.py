"""A trade outside of the hot loop: both fills, the public trade, and what clearing makes of it.

The loops of `price_time` and `uncross` say the same in line, because a call a trade is what they cannot
afford. Every other mechanism trades through here, so that whatever goes by fills and trades (busts,
settlement, the invariants of a batch) holds for all of them alike.
"""

from typing import TYPE_CHECKING, NamedTuple, Protocol

from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.messages import (
    SCREEN_TRADES,
    Executed,
    Liquidity,
    OrderId,
    Ref,
    RejectReason,
    Side,
    Traded,
    TradeId,
    TradeKind,
)

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.venue import Venue


class Part(NamedTuple):
    """One side of a trade: whose it is, and what the fill says to its session."""

    session: SessionState
    account: Account
    order_id: OrderId
    ref: Ref  # the command that this answers; NO_REF where somebody else caused the trade
    leaves_lots: int  # what is left of the order after the trade
    liquidity: Liquidity


class Clearing(Protocol):
    """What holds the units and the money of an instrument's accounts, where they are the venue's to hold."""

    def refusal(
        self, account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind
    ) -> RejectReason | None:
        """Why so many lots at this limit may not be reserved, None if they may."""

    def reserve(self, account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind) -> None:
        """Hold what so many lots at this limit need, after `refusal` had nothing against it."""

    def release(
        self,
        account: Account,
        side: Side,
        lots: int,
        leaves_lots: int,
        price_ticks: int,
        kind: TradeKind,
    ) -> None:
        """Give back what so many lots held, where `leaves_lots` of the order stay reserved."""

    def settle(self, buyer: Account, seller: Account, lots: int, price_ticks: int, kind: TradeKind) -> None:
        """Move units and money. The lots are reserved no longer, on either side."""

    def roll(self, trading_day: int, last_trade_id: TradeId) -> None:
        """The day is over: what was traded on it, up to this trade, moves on by one trading day."""


def report_trade(
    venue: "Venue",
    book: "Book",
    buyer: Part,
    seller: Part,
    price_ticks: int,
    quantity_lots: int,
    kind: TradeKind,
    aggressor: Side,
) -> TradeId:
    """Tell both sides and everyone of a trade, and settle it; returns its id.

    What it does to orders and reservations is the caller's. A trade of the screen sets the book's last
    price; no stop fires here, since no mechanism that trades through here has stops.
    """
    assert price_ticks > 0
    assert quantity_lots > 0
    trade_id = venue.last_trade_id = TradeId(venue.last_trade_id + 1)
    # Whoever trades first is told first.
    parts = ((buyer, Side.BUY), (seller, Side.SELL))
    for part, side in parts if aggressor is Side.BUY else reversed(parts):
        _report_fill(venue, book, part, side, trade_id, price_ticks, quantity_lots)
    venue.public.append(
        Traded(
            book.instrument.instrument_id,
            venue.time_ns,
            trade_id,
            price_ticks,
            quantity_lots,
            aggressor,
            kind,
        )
    )
    if kind in SCREEN_TRADES:
        book.last_price_ticks = price_ticks
    if book.clearing is not None:
        book.clearing.settle(buyer.account, seller.account, quantity_lots, price_ticks, kind)
    return trade_id


def _report_fill(
    venue: "Venue",
    book: "Book",
    part: Part,
    side: Side,
    trade_id: TradeId,
    price_ticks: int,
    quantity_lots: int,
) -> None:
    session = part.session
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        Executed(
            seq,
            part.ref,
            venue.time_ns,
            venue.report_flags,
            part.order_id,
            trade_id,
            book.instrument.instrument_id,
            part.account.account_id,
            side,
            price_ticks,
            quantity_lots,
            part.leaves_lots,
            part.liquidity,
        )
    )
