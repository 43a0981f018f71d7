"""Stops: which fire, in which order, and what becomes of them.

A stop waits unseen until the last price of its instrument reaches its stop price, and goes in as a
market order or a limit order then, with the priority of that moment.

* It fires after the command whose trades have reached it, never in between.
* Whoever was reached first fires first: by trade, then by stop price, then by who waits longest at it.
* What a stop trades when it fires may reach others: they fire after those which had been reached.
* Where one trade reaches both sides, which only the first trade of an instrument can, the side that it
  did not come from fires first.
* One entry fires ENTRY_STOPS_MAX at most; the others fire at the beginning of the next ones.
* Those of an instrument that does not trade stay reached, and fire when it trades again; so do those that an
  auction reaches, and those that come while it does not trade. Buyers' go first there.
"""

from carbonmatch.limits import STOP_MAKERS_MIN
from carbonmatch.matching.checks import is_protected, price_refusal, protection_ticks
from carbonmatch.matching.entering import trade_and_rest
from carbonmatch.matching.ladder import Ladder, Order, StopLadder
from carbonmatch.matching.messages import NO_REF, CancelReason, OrderType, TradeKind, Triggered
from carbonmatch.matching.price_time import can_fill
from carbonmatch.matching.terms import Terms
from carbonmatch.matching.venue import Venue
from carbonmatch.matching.volatility import is_outside_collar


def fire_reached(venue: Venue) -> None:
    """Fire the stops which have been reached, as many as the entry may."""
    reached = venue.reached
    closed = []
    while reached and venue.stops_left and venue.makers_left >= STOP_MAKERS_MIN:
        stops, key, sequence = reached[0]
        if not stops.book.instrument.is_trading:
            closed.append(reached.pop(0))
            continue
        order = _first(stops, key, sequence)
        if order is None:
            reached.pop(0)
            continue
        venue.stops_left -= 1
        _fire(venue, order, stops)
    reached[:0] = closed


def _first(stops: StopLadder, key: int, sequence: int) -> Order | None:
    """Who fires next of those that wait at a key or a better one since a sequence; None: nobody."""
    for level in stops.levels_from_best():
        if level.key < key:
            break
        order = level.first
        assert order is not None
        assert order.terms is not None
        # Whoever came after the price was reached stands behind those who did not.
        if order.terms.waits_since <= sequence:
            return order
    return None


def may_fire(venue: Venue) -> bool:
    """Whether stops wait for nothing but their turn."""
    return any(stops.book.instrument.is_trading for stops, _, _ in venue.reached)


def _fire(venue: Venue, order: Order, stops: StopLadder) -> None:
    """Let a stop go in. It is open already, so it is forgotten where it does not rest."""
    terms = order.terms
    assert terms is not None
    stop_price_ticks = order.level.price_ticks
    stops.remove(order, venue.dirty)
    ladder = order.ladder = stops.beside
    terms.waits_since = 0
    is_market = terms.order_type is OrderType.STOP
    price_ticks = terms.price_ticks
    if is_market and not _lacks_protection(ladder, terms) and ladder.opposite.best is not None:
        price_ticks = protection_ticks(ladder, price_ticks)
    _report_triggered(venue, order, stop_price_ticks, price_ticks)

    key = ladder.sign * price_ticks
    reason = _refusal(venue, order, terms, key) or _clearing_refusal(order, price_ticks)
    if reason is not None:
        venue.forget(order)
        venue.report_canceled(order.session, order, NO_REF, reason)
    elif not trade_and_rest(venue, order, key, NO_REF, CancelReason.MARKET_REMAINDER if is_market else None):
        venue.forget(order)


def _refusal(venue: Venue, order: Order, terms: Terms, key: int) -> CancelReason | None:
    """Why it may not go in now, though it might when it was entered."""
    ladder = order.ladder
    if _lacks_protection(ladder, terms) or (
        terms.price_ticks
        and (
            price_refusal(ladder.book.instrument, terms.price_ticks) is not None
            or is_outside_collar(ladder, terms.price_ticks)
        )
    ):
        return CancelReason.REFUSED_WHEN_FIRED
    if terms.minimum_lots and not can_fill(
        venue,
        ladder.opposite,
        key,
        terms.minimum_lots,
        order.account,
        order.self_trade_prevention,
    ):
        return CancelReason.MINIMUM_NOT_MET
    return None


def _clearing_refusal(order: Order, price_ticks: int) -> CancelReason | None:
    """It may need more than it held, which was money for its stop price where it has no limit."""
    ladder = order.ladder
    clearing = ladder.book.clearing
    if clearing is None:
        return None
    lots = order.leaves_lots + order.hidden_lots
    reason = clearing.refusal(order.account, ladder.side, lots, price_ticks, TradeKind.CONTINUOUS)
    return None if reason is None else CancelReason.REFUSED_WHEN_FIRED


def _lacks_protection(ladder: Ladder, terms: Terms) -> bool:
    return not terms.price_ticks and not is_protected(ladder.book.instrument)


def _report_triggered(venue: Venue, order: Order, stop_price_ticks: int, price_ticks: int) -> None:
    session = order.session
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        Triggered(
            seq,
            NO_REF,
            venue.time_ns,
            venue.report_flags,
            order.order_id,
            stop_price_ticks,
            price_ticks,
        )
    )
