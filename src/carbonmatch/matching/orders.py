"""How a plain order enters, and how an order is withdrawn: what makes nearly all the traffic."""

from typing import Final

from carbonmatch.limits import SESSION_OPEN_ORDERS_MAX, VENUE_OPEN_ORDERS_MAX
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.book import Book
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.entering import enter
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import (
    NO_REF,
    Accepted,
    Cancel,
    Canceled,
    CancelReason,
    NewOrder,
    OrderFlag,
    OrderId,
    OrderType,
    Ref,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradeKind,
)
from carbonmatch.matching.price_time import match
from carbonmatch.matching.venue import Venue
from carbonmatch.matching.volatility import rests_freely

# Members of an enum are looked up once, here, and not for each order.
_BUY: Final = Side.BUY
_LIMIT: Final = OrderType.LIMIT
_INSTRUMENT_DEFAULT: Final = SelfTradePrevention.INSTRUMENT_DEFAULT
_DAY: Final = TimeInForce.DAY
_GTC: Final = TimeInForce.GTC
_IOC: Final = TimeInForce.IOC
_KEEP: Final = OrderFlag.KEEP_ON_DISCONNECT
_CONTINUOUS: Final = TradeKind.CONTINUOUS
_REQUESTED: Final = CancelReason.REQUESTED


def new_order(venue: Venue, session: SessionState, command: NewOrder, ref: Ref) -> None:
    """Refuse the order, or accept it, let it trade, and let what remains rest or go."""
    account = session.accounts.get(command.account_id)
    book = venue.books.get(command.instrument_id)
    quantity_lots = command.quantity_lots
    price_ticks = command.price_ticks
    time_in_force = command.time_in_force
    command_flags = command.flags
    mode = command.self_trade_prevention

    # Most orders are plain and right, and go on here. Whatever is not is judged rule by rule, which also
    # finds the reason.
    if (
        account is None
        or book is None
        or command.order_type is not _LIMIT
        or (time_in_force is not _GTC and time_in_force is not _DAY and time_in_force is not _IOC)
        or (command_flags and command_flags != _KEEP)
        or not (instrument := book.instrument).quantity_min_lots
        <= quantity_lots
        <= instrument.quantity_max_lots
        or (mode is not _INSTRUMENT_DEFAULT and mode not in instrument.modes)
        or not instrument.price_low_ticks <= price_ticks <= instrument.price_high_ticks
        or quantity_lots % instrument.quantity_increment_lots
        or price_ticks % instrument.price_increment_ticks
        or len(session.orders) >= SESSION_OPEN_ORDERS_MAX
        or venue.open_order_count >= VENUE_OPEN_ORDERS_MAX
    ):
        enter(venue, session, command, ref)
        return

    side = command.side
    ladder = book.bids if side is _BUY else book.asks
    key = ladder.sign * price_ticks
    order_id: OrderId = venue.sequence  # type: ignore[assignment]  # see TradeId in `price_time`

    order = Order()
    order.order_id = order_id
    order.ref = ref
    order.entry_ref = ref
    order.session = session
    order.account = account
    order.ladder = ladder
    order.quantity_lots = quantity_lots
    order.leaves_lots = quantity_lots
    order.hidden_lots = 0
    order.time_in_force = time_in_force
    order.self_trade_prevention = mode
    order.flags = command_flags
    order.terms = None

    if not instrument.admits_plain:
        if instrument.admits_plain_cleared:
            # As `Clearing.refusal` and `reserve`, whose calls would cost 4 % of all commands. What is not
            # seen to be there at once is asked for the long way.
            clearing: Clearing = book.clearing  # type: ignore[assignment]  # the instrument has it
            try:
                position = order.position = clearing.unrestricted[account.account_id]
            except KeyError:
                enter(venue, session, command, ref)
                return
            if side is _BUY:
                buying_lots = position.buying_lots + quantity_lots
                cash = position.cash
                if position.total_lots + buying_lots > position.most_lots:
                    enter(venue, session, command, ref)
                    return
                if cash is not None:
                    minor = quantity_lots * price_ticks * clearing.tick_value_minor
                    minor += minor * clearing.basis_points // 10_000 + quantity_lots * clearing.minor_per_lot
                    left = cash.free_minor - minor
                    if left < 0:
                        enter(venue, session, command, ref)
                        return
                    cash.free_minor = left
                    order.held_minor = minor
                elif clearing.cash is not None:
                    enter(venue, session, command, ref)
                    return
                position.buying_lots = buying_lots
            else:
                left = position.free_lots - quantity_lots
                if left < 0:
                    enter(venue, session, command, ref)
                    return
                position.free_lots = left
        elif not _stays_plain(book, account, command):
            enter(venue, session, command, ref)
            return

    seq = session.next_seq
    session.next_seq = seq + 1
    session.reports.append(
        Accepted(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            order_id,
            command.instrument_id,
            account.account_id,
            side,
            price_ticks,
            quantity_lots,
        )
    )

    if key + ladder.opposite.best_key >= 0 or time_in_force is _IOC:
        if instrument.admits_plain_cleared:
            # A taker pays from what is free.
            assert ladder.observer is not None
            ladder.observer.removed(order)
        match(venue, order, key, ref)
        if not order.leaves_lots:
            return
        if key + ladder.opposite.best_key >= 0:
            venue.report_canceled(session, order, ref, CancelReason.TOO_MANY_MAKERS)
            return
        if time_in_force is _IOC:
            venue.report_canceled(session, order, ref, CancelReason.IOC_REMAINDER)
            return
        ladder.rest(order, key, venue.dirty)
    else:
        ladder.place(order, key, venue.dirty)
        if ladder.observer is not None and not instrument.admits_plain_cleared:
            ladder.observer.rested(order)
    session.orders[ref] = order
    account.orders[order_id] = order
    venue.open_order_count += 1


def _stays_plain(book: Book, account: Account, command: NewOrder) -> bool:
    """Whether an order is plain where prices are restrained, or where both accounts and a list know of it.

    Nearly all are, since they rest and there is enough; those which are not find their reason the long way.
    """
    instrument = book.instrument
    if not instrument.admits_plain_asked or (
        instrument.volatility is not None and not rests_freely(book, command)
    ):
        return False
    clearing = book.clearing
    lots, price_ticks = command.quantity_lots, command.price_ticks
    return clearing is None or (
        clearing.refusal(account, command.side, lots, price_ticks, _CONTINUOUS) is None
    )


def cancel(venue: Venue, session: SessionState, command: Cancel, ref: Ref) -> None:
    """Every phase admits it."""
    order_ref = command.order_ref
    order = None if command.order_id else session.orders.get(order_ref)
    # Nearly always it is an order of one's own, under the name it was entered with, and has no terms.
    if order is None or order.ref != order_ref or order.terms is not None:
        _cancel_named(venue, session, command, ref)
        return
    ladder = order.ladder
    ladder.take(order, venue.dirty)
    if ladder.observer is not None:
        if ladder.book.instrument.admits_plain_cleared:
            # As `Reserving.removed`, whose call costs 1.5 % of all commands.
            position = order.position
            if ladder.side is _BUY:
                position.buying_lots -= order.leaves_lots
                assert position.buying_lots >= 0, "no more is given back than was reserved"
                cash = position.cash
                if cash is not None:
                    left = cash.free_minor + order.held_minor
                    assert left <= cash.total_minor, "no more is given back than was reserved"
                    cash.free_minor = left
            else:
                left = position.free_lots + order.leaves_lots
                assert left <= position.total_lots, "no more is given back than was reserved"
                position.free_lots = left
        else:
            ladder.observer.removed(order)
    # As `venue.forget`, whose call costs 1.2 % of all commands.
    del session.orders[order_ref]
    del order.account.orders[order.order_id]
    venue.open_order_count -= 1
    venue.cancels.append(_REQUESTED)
    seq = session.next_seq
    session.next_seq = seq + 1
    session.reports.append(
        Canceled(seq, ref, venue.time_ns, venue.report_flags, order.order_id, order.leaves_lots, _REQUESTED)
    )


def _cancel_named(venue: Venue, session: SessionState, command: Cancel, ref: Ref) -> None:
    """As `cancel` of any order, by any of its names. An owner who did not ask is told as well."""
    order = named_order(venue, session, command.order_ref, command.order_id, ref)
    if order is None:
        return
    order.ladder.remove(order, venue.dirty)
    venue.forget(order)
    venue.report_canceled(session, order, ref, _REQUESTED)
    if order.session is not session:
        venue.report_canceled(order.session, order, NO_REF, CancelReason.REQUESTED_BY_OTHER_SESSION)


def cancel_unless_frozen(venue: Venue, session: SessionState, command: Cancel, ref: Ref) -> None:
    """As `cancel`, while there are instruments in which nothing may be cancelled."""
    order = named_order(venue, session, command.order_ref, command.order_id, ref)
    if order is None:
        return
    if order.ladder.book.instrument.is_frozen:
        venue.reject(session, ref, RejectReason.FROZEN)
    else:
        cancel(venue, session, command, ref)


def named_order(
    venue: Venue, session: SessionState, order_ref: Ref, order_id: OrderId, ref: Ref
) -> Order | None:
    """The open order that a command names; None once the command has been refused."""
    if (order_ref == 0) == (order_id == 0):
        venue.reject(session, ref, RejectReason.INCOMPATIBLE_INSTRUCTIONS)
        return None
    order = session.find(order_ref, order_id)
    if order is None:
        venue.reject(session, ref, RejectReason.UNKNOWN_ORDER)
    return order
