"""How an order with anything special about it enters, and what taking and resting is for any order.

`orders` has the short way of the plain ones, which are nearly all; the outcome is the same.
"""

from collections.abc import Callable
from typing import Final

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.checks import is_market_for_auction, new_order_refusal, protection_ticks
from carbonmatch.matching.iceberg import show_slice
from carbonmatch.matching.instrument import TAKES_PART
from carbonmatch.matching.ladder import Ladder, Order
from carbonmatch.matching.messages import (
    Accepted,
    AcceptedLong,
    CancelReason,
    NewOrder,
    NewOrderLong,
    OrderId,
    OrderType,
    Ref,
    ScreenMechanism,
    Side,
    TimeInForce,
)
from carbonmatch.matching.middle_price import match_at_middle
from carbonmatch.matching.price_time import match
from carbonmatch.matching.terms import Terms
from carbonmatch.matching.venue import Venue
from carbonmatch.matching.volatility import trade_within

# Members of an enum are looked up once, here, and not for each order.
_MARKET: Final = OrderType.MARKET
_STOP: Final = OrderType.STOP
_STOP_LIMIT: Final = OrderType.STOP_LIMIT
_BUY: Final = Side.BUY
_FOK: Final = TimeInForce.FOK
_IOC: Final = TimeInForce.IOC
_MATCH: Final[dict[ScreenMechanism, Callable[[Venue, Order, int, Ref], None]]] = {
    ScreenMechanism.CONTINUOUS: match,
    ScreenMechanism.MIDDLE_PRICE: match_at_middle,
}
STOPS: Final = frozenset({_STOP, _STOP_LIMIT})


def enter(venue: Venue, session: SessionState, command: NewOrder, ref: Ref) -> None:
    """Refuse the order; or accept it, and let it trade and rest, or wait as a stop."""
    asked = command if isinstance(command, NewOrderLong) else _long(command)
    reason = new_order_refusal(venue, session, asked)
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    book = venue.books[asked.instrument_id]
    ladder = book.bids if asked.side is _BUY else book.asks
    order = Order()
    order.order_id = OrderId(venue.sequence)
    order.ref = ref
    order.entry_ref = ref
    order.session = session
    order.account = session.accounts[asked.account_id]
    order.ladder = ladder
    order.quantity_lots = asked.quantity_lots
    order.leaves_lots = asked.quantity_lots
    order.hidden_lots = 0
    order.time_in_force = asked.time_in_force
    order.self_trade_prevention = asked.self_trade_prevention
    order.flags = asked.flags
    terms = order.terms = _terms(ladder, asked)

    price_ticks = asked.price_ticks
    if asked.order_type is _MARKET:
        for_auction = is_market_for_auction(book.instrument, asked)
        price_ticks = protection_ticks(ladder, price_ticks, for_auction=for_auction)
    _report_accepted(venue, order, asked, price_ticks, is_long=asked is command)
    if asked.order_type in STOPS:
        assert terms is not None
        wait(venue, order, terms, asked.stop_price_ticks)
        venue.keep(order)
        return
    if asked.time_in_force in TAKES_PART and book.instrument.phase not in TAKES_PART[asked.time_in_force]:
        order.ladder = ladder.waiting
    if trade_and_rest(venue, order, ladder.sign * price_ticks, ref, _remainder(order, asked)):
        venue.keep(order)


def wait(venue: Venue, order: Order, terms: Terms, stop_price_ticks: int) -> None:
    """Put a stop behind the others with its price. It fires after this command if that is reached now.

    Where nothing trades, it is looked at when the instrument trades again.
    """
    stops = order.ladder.stops
    order.ladder = stops
    terms.waits_since = venue.sequence
    stops.rest(order, stops.sign * stop_price_ticks, venue.dirty)
    last_ticks = stops.book.last_price_ticks
    if last_ticks and stops.book.instrument.is_trading and order.level.key >= stops.sign * last_ticks:
        venue.reach(stops, last_ticks)


def trade_and_rest(
    venue: Venue, order: Order, key: int, ref: Ref, remainder: CancelReason | None = None
) -> bool:
    """Let `order` trade, and what is left rest, or go for the reason `remainder`; whether it rests.

    What goes has been reported. Whether the order is open is the caller's to note.
    """
    ladder = order.ladder
    guard = ladder.book.guard
    if not ladder.book.instrument.matches or ladder.is_hidden:
        assert remainder is None, "what cannot rest is not taken where nothing trades by itself"
    elif guard is not None:
        remainder = trade_within(venue, guard, order, key, ref, remainder)
    elif key + ladder.opposite.best_key >= 0:
        _MATCH[ladder.book.instrument.mechanism](venue, order, key, ref)
        if key + ladder.opposite.best_key >= 0:
            remainder = CancelReason.TOO_MANY_MAKERS
    if not order.leaves_lots:
        return False
    assert order.time_in_force is not _FOK, "can_fill said that all of it would trade"
    if remainder is not None:
        venue.report_canceled(order.session, order, ref, remainder)
        return False
    if order.terms is not None:
        order.terms.minimum_lots = 0
        show_slice(order)
    ladder.rest(order, key, venue.dirty)
    return True


def _long(command: NewOrder) -> NewOrderLong:
    return NewOrderLong(
        command.ref,
        command.instrument_id,
        command.side,
        command.quantity_lots,
        command.price_ticks,
        command.account_id,
        command.order_type,
        command.time_in_force,
        command.self_trade_prevention,
        command.flags,
    )


def _terms(ladder: Ladder, asked: NewOrderLong) -> Terms | None:
    """Those which it needs once it rests or waits."""
    ends_with_auction = asked.time_in_force in TAKES_PART or (
        asked.order_type is _MARKET and ladder.book.instrument.is_gathering
    )
    if not (asked.order_type in STOPS or asked.display_lots or asked.expires_ns or ends_with_auction):
        return None
    return Terms(
        asked.order_type,
        asked.price_ticks,
        asked.display_lots,
        asked.minimum_lots,
        asked.expires_ns,
        waits_since=0,
        ends_with_auction=ends_with_auction,
    )


def _remainder(order: Order, asked: NewOrderLong) -> CancelReason | None:
    """Why what it cannot trade at once goes; None if it rests."""
    if order.terms is not None and order.terms.ends_with_auction:
        return None
    if asked.order_type is _MARKET:
        return CancelReason.MARKET_REMAINDER
    if asked.time_in_force in (_IOC, _FOK):
        return CancelReason.IOC_REMAINDER
    return None


def _report_accepted(
    venue: Venue, order: Order, asked: NewOrderLong, price_ticks: int, is_long: bool
) -> None:
    session = order.session
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    fields = (
        seq,
        order.ref,
        venue.time_ns,
        venue.report_flags,
        order.order_id,
        asked.instrument_id,
        order.account.account_id,
        asked.side,
        price_ticks,
        order.quantity_lots,
    )
    if is_long:
        reports.append(
            AcceptedLong(
                *fields,
                asked.order_type,
                asked.time_in_force,
                asked.flags,
                asked.stop_price_ticks,
                asked.display_lots,
                asked.minimum_lots,
                asked.expires_ns,
            )
        )
    else:
        reports.append(Accepted(*fields))
