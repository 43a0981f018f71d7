"""Changing what is open. proto/ORDERS.md says what each amendment does to each type of order.

| command | asks for                  | priority | refused                                              |
|---------|---------------------------|----------|------------------------------------------------------|
| Reduce  | a smaller total           | kept     | NOT_AMENDABLE if not smaller; QUANTITY_INCREMENT     |
| Replace | another price or total    | lost     | NOT_AMENDABLE if nothing changes; else as if new     |
| either  | no more than has traded   | the order ends: REDUCED_TO_FILLED                               |

A replacement which crosses trades at once, and one which does not rests at the back of its level.
Totals include what has traded, so that an amendment and a fill may cross on their way. A refused
amendment has changed nothing. A reduction below the instrument's minimum is allowed: it is a way out.
What a reduction takes from an iceberg is hidden first; a replaced one shows a fresh slice. A stop that
waits may have all of it replaced, its stop price too, and waits behind the others with that price then.

An order stays with the session that entered it. Where another session of its account amends it, the
owner is told with ref 0 and keeps its own name for the order.
"""

from collections.abc import Callable

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.blocks.endings import cancel_offers
from carbonmatch.matching.blocks.proposals import Proposal
from carbonmatch.matching.checks import replace_refusal, replaced_stop_refusal
from carbonmatch.matching.clearing.reserving import replaced_order_refusal
from carbonmatch.matching.entering import trade_and_rest, wait
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import (
    NO_REF,
    CancelReason,
    MassCancel,
    MassCanceled,
    MassCancelScope,
    Reduce,
    Reduced,
    Ref,
    RejectReason,
    Replace,
    Replaced,
    Side,
)
from carbonmatch.matching.orders import named_order
from carbonmatch.matching.terms import Terms
from carbonmatch.matching.venue import Venue


def reduce(venue: Venue, session: SessionState, command: Reduce, ref: Ref) -> None:
    order = named_order(venue, session, command.order_ref, command.order_id, ref)
    if order is None:
        return
    instrument = order.ladder.book.instrument
    total_lots = command.quantity_lots
    refusal = instrument.refusal(Reduce)
    if refusal is not None:
        venue.reject(session, ref, refusal)
    elif total_lots >= order.quantity_lots:
        venue.reject(session, ref, RejectReason.NOT_AMENDABLE)
    elif total_lots <= order.traded_lots:
        _end_filled(venue, session, order, ref)
    elif total_lots % instrument.quantity_increment_lots:
        venue.reject(session, ref, RejectReason.QUANTITY_INCREMENT)
    else:
        order.ladder.reduce(order, order.quantity_lots - total_lots, venue.dirty)
        order.quantity_lots = total_lots
        if order.terms is not None:
            # Of a stop which waits: as much as there is can still be asked for.
            order.terms.minimum_lots = min(order.terms.minimum_lots, total_lots)
        _report_reduced(venue, session, order, ref)
        if order.session is not session:
            _report_reduced(venue, order.session, order, NO_REF)


def replace(venue: Venue, session: SessionState, command: Replace, ref: Ref) -> None:
    order = named_order(venue, session, command.order_ref, command.order_id, ref)
    if order is None:
        return
    terms = order.terms
    if terms is not None and terms.waits_since:
        _replace_stop(venue, session, order, terms, command)
        return
    reason = replace_refusal(order, command)
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    traded_lots = order.traded_lots
    if command.quantity_lots <= traded_lots:
        _end_filled(venue, session, order, ref)
        return
    ladder = order.ladder
    if ladder.book.clearing is not None:
        left_lots = command.quantity_lots - traded_lots
        # Whether it goes to rest at once, and nobody has to know but who reserves for it.
        moves = (
            (ladder.reserves_to_sell or ladder.reserves_to_buy)
            and ladder.sign * command.price_ticks + ladder.opposite.best_key < 0
            and terms is None
            and ladder.book.guard is None
        )
        reason = replaced_order_refusal(order, left_lots, command.price_ticks, moves)
        if reason is not None:
            venue.reject(session, ref, reason)
            return
        if moves:
            # It holds already what it needs where it goes.
            ladder.take(order, venue.dirty)
            order.quantity_lots = command.quantity_lots
            order.leaves_lots = left_lots
            _tell_replaced(venue, session, order, command, ref)
            ladder.place(order, ladder.sign * command.price_ticks, venue.dirty)
            return

    ladder.remove(order, venue.dirty)
    order.quantity_lots = command.quantity_lots
    order.leaves_lots = command.quantity_lots - traded_lots
    order.hidden_lots = 0
    if command.display_lots:
        assert terms is not None, "checked: it is an iceberg"
        terms.display_lots = command.display_lots
    taker_ref = _tell_replaced(venue, session, order, command, ref)
    if not trade_and_rest(venue, order, ladder.sign * command.price_ticks, taker_ref):
        venue.forget(order)


def _replace_stop(venue: Venue, session: SessionState, order: Order, terms: Terms, command: Replace) -> None:
    """Change a stop that waits. It has not traded, and so cannot be asked for less than that."""
    ref = command.ref
    stop_price_ticks = command.stop_price_ticks or order.level.price_ticks
    reason = replaced_stop_refusal(order, command) or replaced_order_refusal(
        order, command.quantity_lots, command.price_ticks or stop_price_ticks, False
    )
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    order.ladder.remove(order, venue.dirty)
    order.quantity_lots = command.quantity_lots
    order.leaves_lots = command.quantity_lots
    terms.price_ticks = command.price_ticks
    if command.display_lots:
        terms.display_lots = command.display_lots
    wait(venue, order, terms, stop_price_ticks)
    _tell_replaced(venue, session, order, command, ref)


def mass_cancel(venue: Venue, session: SessionState, command: MassCancel, ref: Ref) -> None:
    """Cancel what the filters leave, in the order of entry within each account; then say how many.

    What is frozen stays, and is not counted. Offers of blocks go after the orders, in their own order.
    """
    account_id = command.account_id
    if account_id and account_id not in session.accounts:
        venue.reject(session, ref, RejectReason.UNKNOWN_ACCOUNT)
        return
    if command.instrument_id and command.instrument_id not in venue.books:
        venue.reject(session, ref, RejectReason.UNKNOWN_INSTRUMENT)
        return

    if command.scope is MassCancelScope.SESSION:
        orders = list(session.orders.values())
        if account_id:
            orders = [order for order in orders if order.account.account_id == account_id]
    else:
        account_ids = (account_id,) if account_id else session.account_ids
        orders = [order for each in account_ids for order in session.accounts[each].open_orders()]
    # Filters look at each order, up to 200,000 of them, so they are as short as they can be.
    if command.instrument_id:
        book = venue.books[command.instrument_id]
        orders = [order for order in orders if order.ladder.book is book]
    if venue.frozen:
        orders = [order for order in orders if not order.ladder.book.instrument.is_frozen]
    if command.side:
        side = Side(command.side)
        orders = [order for order in orders if order.ladder.side is side]
    for order in orders:
        answered = ref if order.session is session else NO_REF
        venue.end(order, answered, CancelReason.MASS_CANCEL)
    count = len(orders)
    if venue.negotiations.proposals:
        is_meant = offers_meant(session, command)
        count += cancel_offers(venue, CancelReason.MASS_CANCEL, is_meant, session, ref)

    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(MassCanceled(seq, ref, venue.time_ns, venue.report_flags, count, venue.sequence))


def offers_meant(session: SessionState, command: MassCancel) -> Callable[[Proposal], bool]:
    """Which offers the filters leave."""
    if command.scope is MassCancelScope.SESSION:
        accounts = None
    else:
        account_ids = (command.account_id,) if command.account_id else session.account_ids
        accounts = [session.accounts[each] for each in account_ids if each in session.accounts]

    def is_meant(proposal: Proposal) -> bool:
        account = proposal.bound_account
        return (
            (proposal.bound_session is session if accounts is None else account in accounts)
            and command.account_id in (0, account.account_id)
            and command.instrument_id in (0, proposal.book.instrument.instrument_id)
            and command.side in (0, proposal.offerer.side)
        )

    return is_meant


def _tell_replaced(venue: Venue, session: SessionState, order: Order, command: Replace, ref: Ref) -> Ref:
    """Report the replacement to who asked and to the owner; return the ref of what it does next."""
    price_ticks = command.price_ticks
    _report_replaced(venue, session, order, price_ticks, ref)
    if order.session is session:
        _rename(order, ref)
        return ref
    _report_replaced(venue, order.session, order, price_ticks, NO_REF)
    return NO_REF


def _rename(order: Order, ref: Ref) -> None:
    """From now on `ref` names the order in its own session, and its former name does not."""
    replaced = order.session.replaced
    if order.ref != order.entry_ref:
        del replaced[order.ref]
    order.ref = ref
    replaced[ref] = order


def _end_filled(venue: Venue, session: SessionState, order: Order, ref: Ref) -> None:
    """End an order of which no more is wanted than has traded."""
    if order.session is session:
        venue.end(order, ref, CancelReason.REDUCED_TO_FILLED)
    else:
        venue.report_canceled(session, order, ref, CancelReason.REDUCED_TO_FILLED)
        venue.end(order, NO_REF, CancelReason.REQUESTED_BY_OTHER_SESSION)


def _report_reduced(venue: Venue, session: SessionState, order: Order, ref: Ref) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        Reduced(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            order.order_id,
            order.quantity_lots,
            order.leaves_lots + order.hidden_lots,
        )
    )


def _report_replaced(venue: Venue, session: SessionState, order: Order, price_ticks: int, ref: Ref) -> None:
    terms = order.terms
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        Replaced(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            order.order_id,
            price_ticks,
            order.quantity_lots,
            order.leaves_lots,
            order.level.price_ticks if terms is not None and terms.waits_since else 0,
            0 if terms is None else terms.display_lots,
        )
    )
