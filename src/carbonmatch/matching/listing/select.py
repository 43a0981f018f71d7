"""Selecting: a taker names a listed order, and trades with it at its price. proto/LISTING.md has the rules.

Orders of a listing never trade by themselves: the book may be crossed, and that is no fault. What a taker
sends is no order that rests either: it is accepted, trades, and has ended with the same command.

By the rules of China's national market (MEE 2021 No. 21, and the exchange's notice of 22 June 2021) a taker
goes by price priority, within the best five levels of the other side, and may pick any order of a level.
Whether a better level has to be empty first, and what becomes of a larger quantity than the order has left,
those rules leave open: `ScreenRules` says it.
"""

from collections.abc import Iterator
from itertools import islice

from carbonmatch.limits import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.book import Book
from carbonmatch.matching.execution import Part, report_trade
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.ladder import Ladder, Level, Order
from carbonmatch.matching.messages import (
    NO_REF,
    Accepted,
    Canceled,
    CancelReason,
    Liquidity,
    OrderChoice,
    OrderId,
    Oversize,
    Ref,
    RejectReason,
    ScreenMechanism,
    Select,
    SelfTradePrevention,
    Side,
    TradeKind,
)
from carbonmatch.matching.prevention import avoided_owner
from carbonmatch.matching.venue import Venue


def select(venue: Venue, session: SessionState, command: Select, ref: Ref) -> None:
    """Refuse the selection, or trade with the order that it names."""
    account = session.accounts.get(command.account_id)
    book = venue.books.get(command.instrument_id)
    if account is None:
        venue.reject(session, ref, RejectReason.UNKNOWN_ACCOUNT)
        return
    if book is None:
        venue.reject(session, ref, RejectReason.UNKNOWN_INSTRUMENT)
        return
    found = _instrument_refusal(book.instrument, command) or _selected(venue, book, account, command)
    if isinstance(found, Order):
        refusal = _order_refusal(book, account, found, command)
        if refusal is None:
            _trade(venue, session, account, found, command, ref)
            return
        found = refusal
    venue.reject(session, ref, found)


def _trade(
    venue: Venue, session: SessionState, account: Account, order: Order, command: Select, ref: Ref
) -> None:
    ladder = order.ladder
    book = ladder.book
    price_ticks = order.level.price_ticks
    lots = min(command.quantity_lots, order.leaves_lots)
    left_lots = command.quantity_lots - lots
    taker_id = OrderId(venue.sequence)
    _report_accepted(venue, session, account, taker_id, price_ticks, command, ref)

    ladder.reduce(order, lots, venue.dirty)
    if not order.leaves_lots:
        ladder.remove(order, venue.dirty)
        venue.forget(order)
    taker = Part(session, account, taker_id, ref, left_lots, Liquidity.TAKER)
    maker = Part(order.session, order.account, order.order_id, NO_REF, order.leaves_lots, Liquidity.MAKER)
    buyer, seller = (taker, maker) if command.side is Side.BUY else (maker, taker)
    report_trade(venue, book, buyer, seller, price_ticks, lots, TradeKind.LISTED, command.side)
    if left_lots:
        _report_remainder(venue, session, taker_id, left_lots, ref)


# --- what may be selected ------------------------------------------------------------------------


def _instrument_refusal(instrument: Instrument, command: Select) -> RejectReason | None:
    if instrument.mechanism is not ScreenMechanism.LISTING:
        return RejectReason.MECHANISM_NOT_AVAILABLE
    reason = instrument.refusal(Select)
    if reason is not None:
        return reason
    if not 0 < command.quantity_lots <= QUANTITY_LOTS_MAX:
        return RejectReason.INVALID_QUANTITY
    if command.quantity_lots % instrument.quantity_increment_lots:
        return RejectReason.QUANTITY_INCREMENT
    if command.quantity_lots > instrument.quantity_max_lots:
        return RejectReason.ABOVE_MAXIMUM
    if command.price_ticks > PRICE_TICKS_MAX:
        return RejectReason.INVALID_PRICE
    return None


def _selected(venue: Venue, book: Book, account: Account, command: Select) -> Order | RejectReason:
    """The listed order that the taker may have, or why there is none."""
    instrument = book.instrument
    rules = instrument.definition.screen
    avoided = avoided_owner(instrument, account, SelfTradePrevention.INSTRUMENT_DEFAULT)
    ladder = book.asks if command.side is Side.BUY else book.bids
    named = None
    if command.order_id:
        assert book.order_list is not None, "a listing has one"
        named = book.order_list.orders.get(command.order_id)
        if named is None or named.ladder is not ladder:
            return RejectReason.NOT_SELECTABLE
        if named.account.owners[instrument.self_trade_key] == avoided:
            return RejectReason.SELF_SELECTION
        if not instrument.price_low_ticks <= named.level.price_ticks <= instrument.price_high_ticks:
            return RejectReason.OUTSIDE_BAND

    level = None
    for level in islice(_levels_within_band(ladder, instrument), rules.levels_max or None):
        if named is not None and level is named.level and rules.order_choice is OrderChoice.ANY:
            return named
        if named is None or rules.strict_level_order or level is named.level:
            first = _first_of_others(venue, level, avoided, instrument.self_trade_key)
            if first is not None:
                return first if named is None or first is named else RejectReason.NOT_SELECTABLE
    if named is not None:
        return RejectReason.NOT_SELECTABLE
    if level is not None:
        return RejectReason.SELF_SELECTION
    return RejectReason.NO_LIQUIDITY if ladder.best is None else RejectReason.OUTSIDE_BAND


def _levels_within_band(ladder: Ladder, instrument: Instrument) -> Iterator[Level]:
    """Best first. What no taker may have stands before nobody, or a band that moves would shut a side."""
    ends = ladder.sign * instrument.price_low_ticks, ladder.sign * instrument.price_high_ticks
    return ladder.levels_between(min(ends), max(ends))


def _first_of_others(venue: Venue, level: Level, avoided: int, owner_key: int) -> Order | None:
    """The order of the level that has been there longest and is not the taker's own.

    None too once the entry has looked at as many as it may.
    """
    for order in level.orders():
        if not venue.makers_left:
            return None
        venue.makers_left -= 1
        if order.account.owners[owner_key] != avoided:
            return order
    return None


def _order_refusal(book: Book, account: Account, order: Order, command: Select) -> RejectReason | None:
    """Why the taker may not have so much of this order."""
    instrument = book.instrument
    price_ticks = order.level.price_ticks
    if command.price_ticks and order.ladder.sign * (price_ticks - command.price_ticks) < 0:
        # It stood at another price when the taker looked, or another one is the first by now.
        return RejectReason.NOT_SELECTABLE
    left_lots = order.leaves_lots
    # Less than the minimum can be all that is left of an order: it must not be there for ever.
    if command.quantity_lots < instrument.quantity_min_lots and command.quantity_lots != left_lots:
        return RejectReason.BELOW_MINIMUM
    if command.quantity_lots > left_lots and instrument.definition.screen.oversize is Oversize.REJECT:
        return RejectReason.OVERSIZE
    if book.clearing is None:
        return None
    lots = min(command.quantity_lots, left_lots)
    return book.clearing.refusal(account, command.side, lots, price_ticks, TradeKind.LISTED)


# --- reports -------------------------------------------------------------------------------------


def _report_accepted(
    venue: Venue,
    session: SessionState,
    account: Account,
    taker_id: OrderId,
    price_ticks: int,
    command: Select,
    ref: Ref,
) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        Accepted(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            taker_id,
            command.instrument_id,
            account.account_id,
            command.side,
            price_ticks,
            command.quantity_lots,
        )
    )


def _report_remainder(
    venue: Venue, session: SessionState, taker_id: OrderId, left_lots: int, ref: Ref
) -> None:
    reason = CancelReason.SELECT_REMAINDER
    venue.cancels.append(reason)
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(Canceled(seq, ref, venue.time_ns, venue.report_flags, taker_id, left_lots, reason))
