"""How a plain order enters, and how an order is withdrawn: what makes nearly all the traffic."""

from typing import Final

from msgspec.structs import astuple

from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.book import Book
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
# A compiled core looks names of other modules up in a dict, at 120 instructions each, but not its own ones.
_accepted: Final = Accepted
_canceled: Final = Canceled
_fields_of: Final = astuple


def new_order(venue: Venue, session: SessionState, command: NewOrder, ref: Ref) -> None:
    """Refuse the order, or accept it, let it trade, and let what remains rest or go."""
    quantity_lots: int
    price_ticks: int
    # All at once: one by one they cost a compiled core a seventh of the order.
    _, instrument_id, side, quantity_lots, price_ticks, account_id, order_type, time_in_force, mode, flags = (
        _fields_of(command)
    )
    try:
        account = session.accounts[account_id]
        book = venue.books[instrument_id]
    except KeyError:
        enter(venue, session, command, ref)
        return
    instrument = book.instrument
    orders = session.orders

    # Most orders are plain and right, and go on here. Whatever is not is judged rule by rule, which also
    # finds the reason.
    if (
        order_type is not _LIMIT
        or (time_in_force is not _GTC and time_in_force is not _DAY and time_in_force is not _IOC)
        or (flags and flags != _KEEP)
        # Four comparisons: a chain of two costs the interpreter two thirds more.
        or quantity_lots < instrument.quantity_min_lots
        or quantity_lots > instrument.quantity_max_lots
        or (mode is not _INSTRUMENT_DEFAULT and mode not in instrument.modes)
        or price_ticks < instrument.price_low_ticks
        or price_ticks > instrument.price_high_ticks
        or (
            instrument.has_increments
            and (
                quantity_lots % instrument.quantity_increment_lots
                or price_ticks % instrument.price_increment_ticks
            )
        )
        or not venue.has_room
    ):
        enter(venue, session, command, ref)
        return

    # Not by the ladder's sign: a compiled core multiplies negative numbers in 200 instructions.
    if side is _BUY:
        ladder, key = book.bids, price_ticks
    else:
        ladder, key = book.asks, -price_ticks
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
    order.flags = flags
    order.terms = None

    if not instrument.admits_plain:
        positions = instrument.plain_positions
        if positions is not None:
            # As `Clearing.refusal` and `reserve`, whose calls would cost 4 % of all commands. What is not
            # seen to be there at once is asked for the long way.
            try:
                position = order.position = positions[account.account_id]
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
                    minor = quantity_lots * price_ticks * instrument.tick_value_minor
                    minor += (
                        minor * instrument.reserved_basis_points // 10_000
                        + quantity_lots * instrument.reserved_minor_per_lot
                    )
                    reserved_minor = cash.reserved_minor + minor
                    if reserved_minor > cash.total_minor:
                        enter(venue, session, command, ref)
                        return
                    cash.reserved_minor = reserved_minor
                    order.held_minor = minor
                elif book.clearing.cash is not None:  # type: ignore[union-attr]  # there are positions
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
        _accepted(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            order_id,
            instrument_id,
            account.account_id,
            side,
            price_ticks,
            quantity_lots,
        )
    )

    if key + ladder.opposite.best_key >= 0 or time_in_force is _IOC:
        if instrument.plain_positions is not None:
            # A taker pays from what is free. As `Reserving.removed`.
            if side is _BUY:
                position.buying_lots = buying_lots - quantity_lots
                if cash is not None:
                    cash.reserved_minor = reserved_minor - minor
            else:
                position.free_lots = left + quantity_lots
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
        # As `Ladder.place`, whose call costs 2 % of all commands.
        try:
            level = ladder.levels[key]
        except KeyError:
            level = ladder.open(key)
        if not level.dirty:
            level.dirty = True
            venue.dirty.append(level)
        last = level.last
        if last is None:
            ladder.begin(level, order)
        else:
            last.behind = order
        order.ahead = last
        order.behind = None
        order.level = level
        level.last = order
        level.order_count += 1
        level.quantity_lots += quantity_lots
        if ladder.resting_observer is not None:
            ladder.resting_observer.rested(order)
    orders[ref] = order
    if session.indexed:
        account.indexed_orders[order_id] = order


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
    orders = session.orders
    order = None if command.order_id else orders.get(order_ref)
    # Nearly always it is an order of one's own, under the name it was entered with, and has no terms.
    if order is None or order.ref != order_ref or order.terms is not None:
        _cancel_named(venue, session, command, ref)
        return
    ladder = order.ladder
    level = order.level
    leaves_lots = order.leaves_lots
    # As `Ladder.take`, whose call costs 1.5 % of all commands.
    if not level.dirty:
        level.dirty = True
        venue.dirty.append(level)
    level.order_count -= 1
    level.quantity_lots -= leaves_lots
    ahead = order.ahead
    behind = order.behind
    if ahead is None:
        level.first = behind
    else:
        ahead.behind = behind
    if behind is not None:
        behind.ahead = ahead
    else:
        level.last = ahead
        if ahead is None and level is ladder.best:
            ladder.find_best()
    if ladder.observer is not None:
        # As `Reserving.removed`, whose call costs 1.5 % of all commands.
        if ladder.reserves_to_sell:
            position = order.position
            left = position.free_lots + leaves_lots
            assert left <= position.total_lots, "no more is given back than was reserved"
            position.free_lots = left
        elif ladder.reserves_to_buy:
            position = order.position
            buying_lots = position.buying_lots - leaves_lots
            assert buying_lots >= 0, "no more is given back than was reserved"
            position.buying_lots = buying_lots
            cash = position.cash
            if cash is not None:
                reserved_minor = cash.reserved_minor - order.held_minor
                assert reserved_minor >= 0, "no more is given back than was reserved"
                cash.reserved_minor = reserved_minor
        else:
            ladder.observer.removed(order)
    # As `venue.forget`, whose call costs 1.2 % of all commands.
    del orders[order_ref]
    if session.indexed:
        del order.account.indexed_orders[order.order_id]
    venue.cancels.append(_REQUESTED)
    seq = session.next_seq
    session.next_seq = seq + 1
    session.reports.append(
        _canceled(seq, ref, venue.time_ns, venue.report_flags, order.order_id, leaves_lots, _REQUESTED)
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
