"""What is open, for a client that has lost track; and where instruments are, for operators."""

from bisect import bisect_right

from carbonmatch.limits import INSTRUMENT_STATUS_MAX, STATUS_ORDERS_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.book import Book
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import (
    NO_REF,
    InstrumentStatus,
    InstrumentStatusRequest,
    OrderId,
    OrderStatus,
    OrderStatusRequest,
    OrderType,
    Ref,
    RejectReason,
    StatusEnd,
)
from carbonmatch.matching.venue import Venue


def order_status(venue: Venue, session: SessionState, command: OrderStatusRequest, ref: Ref) -> None:
    """Report the named order, or a page of the session's open orders by order id, and the end."""
    more = False
    if command.order_ref and command.order_id:
        venue.reject(session, ref, RejectReason.INCOMPATIBLE_INSTRUCTIONS)
        return
    if command.order_ref or command.order_id:
        order = session.find(command.order_ref, command.order_id)
        if order is None:
            venue.reject(session, ref, RejectReason.UNKNOWN_ORDER)
            return
        orders = [order]
    else:
        # In the order of ids already. The copy is made in C: 2 to 3 ms at the most orders a session
        # may have, a few microseconds at the usual hundreds.
        orders = list(session.orders.values())
        start = bisect_right(orders, command.after_order_id, key=_order_id)
        more = len(orders) > start + STATUS_ORDERS_MAX
        orders = orders[start : start + STATUS_ORDERS_MAX]

    for order in orders:
        _report_status(venue, session, order, ref)
    _report_end(venue, session, ref, len(orders), more)


def instrument_status(
    venue: Venue, session: SessionState, command: InstrumentStatusRequest, ref: Ref
) -> None:
    """Report the instruments behind a number, or of a symbol, as many as one answer has; and the end."""
    if not session.operator:
        venue.reject(session, ref, RejectReason.NOT_ENTITLED)
        return
    books = [
        book
        for number, book in sorted(venue.books.items())
        if number > command.after_instrument_id and command.symbol in ("", book.instrument.definition.symbol)
    ]
    page = books[:INSTRUMENT_STATUS_MAX]
    for book in page:
        _report_instrument(venue, session, book, ref)
    _report_end(venue, session, ref, len(page), len(page) < len(books))


def _report_end(venue: Venue, session: SessionState, ref: Ref, count: int, more: bool) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(StatusEnd(seq, ref, venue.time_ns, venue.report_flags, count, more))


def _report_instrument(venue: Venue, session: SessionState, book: Book, ref: Ref) -> None:
    definition = book.instrument.definition
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        InstrumentStatus(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            definition.instrument_id,
            definition.symbol,
            book.instrument.phase,
            book.transition is not None,
            0 if book.blocks is None else int(book.blocks.course.phase),
            book.day.number,
            book.day.ended,
            definition.reference_price_ticks,
            definition.band_low_ticks,
            definition.band_high_ticks,
            definition.price_increment_ticks,
        )
    )


def _order_id(order: Order) -> OrderId:
    return order.order_id


def _report_status(venue: Venue, session: SessionState, order: Order, ref: Ref) -> None:
    ladder = order.ladder
    price_ticks = order.level.price_ticks
    stop_price_ticks = display_lots = minimum_lots = expires_ns = 0
    order_type = OrderType.LIMIT
    terms = order.terms
    if terms is not None:
        order_type = terms.order_type
        display_lots = terms.display_lots
        minimum_lots = terms.minimum_lots
        expires_ns = terms.expires_ns
        if terms.waits_since:
            stop_price_ticks = price_ticks
            price_ticks = terms.price_ticks
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        OrderStatus(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            order.order_id,
            order.ref if order.session is session else NO_REF,
            ladder.book.instrument.instrument_id,
            order.account.account_id,
            ladder.side,
            price_ticks,
            order.quantity_lots,
            order.leaves_lots + order.hidden_lots,
            order.time_in_force,
            order.flags,
            order_type,
            stop_price_ticks,
            display_lots,
            minimum_lots,
            expires_ns,
        )
    )
