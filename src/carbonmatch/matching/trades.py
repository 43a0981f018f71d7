"""Trades taken back (bust) and put right (correction), by operators, in any phase of the instrument.

The engine keeps no trades: an operator's command comes with the trade it names, as the journal has it
(`OnTrade`), and only what was changed of a trade is kept, so that nothing is taken back twice.

What a bust does not do: its orders do not come back, stops that the trade fired stay fired, and the price
that stops are held against stays that of the last trade. The market has gone on from there.
"""

from collections.abc import Callable
from typing import Any, Final

from carbonmatch.limits import AMENDED_TRADES_MAX, PRICE_TICKS_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.clearing.take_back import take_back, take_back_refusal
from carbonmatch.matching.control import report_done
from carbonmatch.matching.messages import (
    NO_REF,
    AccountId,
    AnyReport,
    Busted,
    BustTrade,
    Corrected,
    CorrectTrade,
    FoundTrade,
    InstrumentId,
    OnTrade,
    OrderId,
    Ref,
    RejectReason,
    Side,
    TradeBusted,
    TradeCorrected,
    TradeId,
    TradeStatus,
    TradeStatusRequest,
)
from carbonmatch.matching.venue import AmendedTrade, Venue


def on_trade(venue: Venue, session: SessionState, on: OnTrade, ref: Ref) -> None:
    """Do to the trade that was found what the operator has asked for, or refuse it."""
    reason = trade_refusal(venue, session, on)
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    command, trade = on.command, on.trade
    assert trade is not None, "refused where there is none"
    _HANDLERS[type(command)](venue, session, command, trade, _standing(venue, command.trade_id, trade))


def trade_refusal(venue: Venue, session: SessionState, on: OnTrade) -> RejectReason | None:
    """The first reason why nothing is done to the trade, None if it is."""
    command, trade = on.command, on.trade
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    if trade is None:
        return RejectReason.UNKNOWN_TRADE
    _assert_possible(venue, command.trade_id, trade)
    if isinstance(command, TradeStatusRequest):
        return None
    stands = _standing(venue, command.trade_id, trade)
    reason = _refusal(venue, command.trade_id, stands)
    if reason is None and isinstance(command, CorrectTrade):
        reason = _correction_refusal(venue, command, trade, stands)
    # The last rule: what the trade has moved is still there.
    book = venue.books[trade.instrument_id]
    return reason or take_back_refusal(book, command.trade_id, trade, stands, _becomes(command, stands))


def _standing(venue: Venue, trade_id: TradeId, trade: FoundTrade) -> AmendedTrade:
    return venue.amended_trades.get(trade_id) or AmendedTrade(trade.price_ticks, trade.quantity_lots)


def _becomes(command: BustTrade | CorrectTrade, stands: AmendedTrade) -> AmendedTrade:
    if isinstance(command, BustTrade):
        return stands._replace(quantity_lots=0)
    return AmendedTrade(command.price_ticks, command.quantity_lots)


def _amend(venue: Venue, command: BustTrade | CorrectTrade, trade: FoundTrade, stands: AmendedTrade) -> None:
    becomes = _becomes(command, stands)
    take_back(venue.books[trade.instrument_id], command.trade_id, trade, stands, becomes)
    venue.amended_trades[command.trade_id] = becomes


def _bust(
    venue: Venue, session: SessionState, command: BustTrade, trade: FoundTrade, stands: AmendedTrade
) -> None:
    _amend(venue, command, trade, stands)
    for side in Side:
        _report_busted(venue, side, command, trade, stands)
    venue.public.append(
        TradeBusted(trade.instrument_id, venue.time_ns, command.trade_id, *stands, trade.kind)
    )
    report_done(venue, session, command.ref)


def _correct(
    venue: Venue, session: SessionState, command: CorrectTrade, trade: FoundTrade, stands: AmendedTrade
) -> None:
    _amend(venue, command, trade, stands)
    for side in Side:
        _report_corrected(venue, side, command, trade, stands)
    venue.public.append(
        TradeCorrected(
            trade.instrument_id,
            venue.time_ns,
            command.trade_id,
            command.price_ticks,
            command.quantity_lots,
            *stands,
            trade.kind,
        )
    )
    report_done(venue, session, command.ref)


def _tell(
    venue: Venue, session: SessionState, command: TradeStatusRequest, trade: FoundTrade, stands: AmendedTrade
) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    flags = venue.report_flags
    reports.append(TradeStatus(seq, command.ref, venue.time_ns, flags, command.trade_id, *stands, trade))


_HANDLERS: Final[dict[type, Callable[[Venue, SessionState, Any, FoundTrade, AmendedTrade], None]]] = {
    BustTrade: _bust,
    CorrectTrade: _correct,
    TradeStatusRequest: _tell,
}

# --- what may be ---------------------------------------------------------------------------------


def _assert_possible(venue: Venue, trade_id: TradeId, trade: FoundTrade) -> None:
    """What the engine can know of a trade of which it has kept nothing; the rest the journal proves."""
    assert 0 < trade_id <= venue.last_trade_id, "a trade that was found is one that was"
    assert trade.instrument_id in venue.books, "instruments stay"
    assert 0 < trade.time_ns <= venue.time_ns, "it was before"
    assert 0 < trade.price_ticks <= PRICE_TICKS_MAX
    assert trade.quantity_lots > 0
    for side in (trade.buyer, trade.seller):
        assert side.session_id in venue.sessions, "sessions stay"
        assert side.account_id in venue.accounts, "accounts stay"
        assert 0 < side.order_id <= venue.sequence, "an order was there before what is done to its trades"


def _refusal(venue: Venue, trade_id: TradeId, stands: AmendedTrade) -> RejectReason | None:
    if not stands.quantity_lots:
        return RejectReason.ALREADY_BUSTED
    if trade_id not in venue.amended_trades and len(venue.amended_trades) >= AMENDED_TRADES_MAX:
        return RejectReason.AMENDED_TRADE_LIMIT
    return None


def _correction_refusal(
    venue: Venue, command: CorrectTrade, trade: FoundTrade, stands: AmendedTrade
) -> RejectReason | None:
    """The first reason why the trade may not become what the correction says.

    The band is that of today and says nothing about the trade; no more than the trade was of, since more
    is what nobody has ordered. What stays as it is may be off an increment that has changed since.
    """
    instrument = venue.books[trade.instrument_id].instrument
    price_ticks, quantity_lots = command.price_ticks, command.quantity_lots
    if not 0 < price_ticks <= PRICE_TICKS_MAX:
        return RejectReason.INVALID_PRICE
    if price_ticks != stands.price_ticks and price_ticks % instrument.price_increment_ticks:
        return RejectReason.PRICE_INCREMENT
    if not quantity_lots:
        return RejectReason.INVALID_QUANTITY
    if quantity_lots > trade.quantity_lots:
        return RejectReason.ABOVE_MAXIMUM
    if quantity_lots != stands.quantity_lots and quantity_lots % instrument.quantity_increment_lots:
        return RejectReason.QUANTITY_INCREMENT
    if stands == (price_ticks, quantity_lots):
        return RejectReason.NOT_AMENDABLE
    return None


# --- whom it concerns ----------------------------------------------------------------------------
# The stream that has the fill gets what became of it, whether anybody may still log on as its session
# or not; drop copies go by the account.


def _report_busted(
    venue: Venue, side: Side, command: BustTrade, trade: FoundTrade, stands: AmendedTrade
) -> None:
    reports, fill = _fill_of(venue, side, command, trade)
    reports.append(Busted(*fill, stands.price_ticks, stands.quantity_lots, trade.time_ns, command.text))


def _report_corrected(
    venue: Venue, side: Side, command: CorrectTrade, trade: FoundTrade, stands: AmendedTrade
) -> None:
    reports, fill = _fill_of(venue, side, command, trade)
    reports.append(
        Corrected(
            *fill,
            command.price_ticks,
            command.quantity_lots,
            stands.price_ticks,
            stands.quantity_lots,
            trade.time_ns,
            command.text,
        )
    )


def _fill_of(
    venue: Venue, side: Side, command: BustTrade | CorrectTrade, trade: FoundTrade
) -> tuple[list[AnyReport], tuple[int, Ref, int, int, OrderId, TradeId, InstrumentId, AccountId, Side]]:
    """Where the report to this side goes, and how it begins: whose fill it is about."""
    own = trade.buyer if side is Side.BUY else trade.seller
    session = venue.sessions[own.session_id]
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    return reports, (
        seq,
        NO_REF,
        venue.time_ns,
        venue.report_flags,
        own.order_id,
        command.trade_id,
        trade.instrument_id,
        own.account_id,
        side,
    )
