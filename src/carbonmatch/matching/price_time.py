"""Continuous matching: best price first, then first come first served, at the maker's price.

Self-trade prevention belongs to the participant and follows the taker's wish. Each meeting of two
orders of one participant is reported to both sides, with the quantity that would have traded:

| mode          | taker                          | maker                          |
|---------------|--------------------------------|--------------------------------|
| NONE          | trades                         | trades                         |
| CANCEL_NEWEST | is canceled                    | stays                          |
| CANCEL_OLDEST | goes on                        | is canceled                    |
| CANCEL_BOTH   | is canceled                    | is canceled                    |
| DECREMENT     | loses the smaller quantity     | loses the smaller quantity     |

A decrement takes from the order's total, and an order that it brings to nothing is canceled with 0
lots left to cancel. Of an iceberg only the slice meets the other order; it is canceled as a whole.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.book import Ladder, Level, Order
from carbonmatch.matching.iceberg import refresh
from carbonmatch.matching.messages import (
    NO_REF,
    CancelReason,
    Executed,
    Liquidity,
    ParticipantId,
    Ref,
    SelfTradePrevented,
    SelfTradePrevention,
    Traded,
    TradeId,
)
from carbonmatch.matching.venue import Venue

_NONE: Final = SelfTradePrevention.NONE
_MAKER: Final = Liquidity.MAKER
_TAKER: Final = Liquidity.TAKER
# The limits of trades where nothing limits them.
_EVERY_PRICE: Final = (1, PRICE_TICKS_MAX)


def match(venue: Venue, taker: Order, limit_key: int, ref: Ref) -> None:
    """Trade `taker` against the other ladder until it has nothing left or no longer crosses.

    Makers which are used up leave the book. Whatever remains of the taker is the caller's to rest or
    to cancel; a taker that self-trade prevention ends has been reported, and has nothing left. One that
    still crosses afterwards has met as many makers as its entry may.
    """
    own = taker.ladder
    ladder = own.opposite
    instrument = own.book.instrument
    instrument_id = instrument.instrument_id
    session = taker.session
    account_id = taker.account.account_id
    participant_id = taker.account.participant_id
    mode = prevention_mode(taker)
    time_ns = venue.time_ns
    flags = venue.report_flags
    public = venue.public
    dirty = venue.dirty
    makers_left = venue.makers_left
    first_ticks = price_ticks = 0

    while taker.leaves_lots and limit_key + ladder.best_key >= 0:
        level = ladder.best
        assert level is not None
        maker = level.first
        assert maker is not None, "the best level holds orders"
        if not makers_left:
            break
        makers_left -= 1
        if maker.account.participant_id == participant_id and mode is not _NONE:
            _prevent(venue, taker, maker, mode, ref)
            continue

        price_ticks = level.price_ticks
        if not first_ticks:
            first_ticks = price_ticks
        maker_leaves = maker.leaves_lots
        leaves = taker.leaves_lots
        traded = maker_leaves if maker_leaves < leaves else leaves
        leaves -= traded
        maker_leaves -= traded
        taker.leaves_lots = leaves
        maker.leaves_lots = maker_leaves
        level.quantity_lots -= traded
        # A call of TradeId, which does nothing, would cost 60 ns; so for OrderId in `orders`.
        trade_id: TradeId = venue.last_trade_id + 1  # type: ignore[assignment]
        venue.last_trade_id = trade_id

        # The taker's own session may be another one's here: its order can be replaced by a colleague.
        reports = venue.stream(session)
        seq = session.next_seq
        session.next_seq = seq + 1
        reports.append(
            Executed(
                seq,
                ref,
                time_ns,
                flags,
                taker.order_id,
                trade_id,
                instrument_id,
                account_id,
                own.side,
                price_ticks,
                traded,
                leaves,
                _TAKER,
            )
        )
        maker_session = maker.session
        reports = venue.stream(maker_session)
        seq = maker_session.next_seq
        maker_session.next_seq = seq + 1
        reports.append(
            Executed(
                seq,
                NO_REF,
                time_ns,
                flags,
                maker.order_id,
                trade_id,
                instrument_id,
                maker.account.account_id,
                ladder.side,
                price_ticks,
                traded,
                maker_leaves + maker.hidden_lots,
                _MAKER,
            )
        )
        public.append(Traded(instrument_id, time_ns, trade_id, price_ticks, traded, own.side))

        if maker_leaves:
            if not level.dirty:
                level.dirty = True
                dirty.append(level)
        elif maker.hidden_lots:
            refresh(ladder, maker, dirty)
        else:
            ladder.remove(maker, dirty)
            venue.forget(maker)
    venue.makers_left = makers_left
    if first_ticks:
        # Prices of one taker go one way, so stops of the other side are reached by the first of them,
        # and stops of its own side by the last.
        own.book.last_price_ticks = price_ticks
        stops = ladder.stops
        if stops.best_key >= stops.sign * first_ticks:
            venue.reach(stops, first_ticks)
        stops = own.stops
        if stops.best_key >= stops.sign * price_ticks:
            venue.reach(stops, price_ticks)


def prevent_ahead(venue: Venue, taker: Order, limit_key: int, ref: Ref) -> None:
    """Prevent the self-trades that `match` would begin with, so that what it meets next is a trade."""
    ladder = taker.ladder.opposite
    participant_id = taker.account.participant_id
    mode = prevention_mode(taker)
    if mode is _NONE:
        return
    while taker.leaves_lots and limit_key + ladder.best_key >= 0 and venue.makers_left:
        assert ladder.best is not None
        maker = ladder.best.first
        assert maker is not None, "the best level holds orders"
        if maker.account.participant_id != participant_id:
            return
        venue.makers_left -= 1
        _prevent(venue, taker, maker, mode, ref)


def prevention_mode(taker: Order) -> SelfTradePrevention:
    """What the taker asks for, or else its instrument's default."""
    mode = taker.self_trade_prevention
    if mode is SelfTradePrevention.INSTRUMENT_DEFAULT:
        return taker.ladder.book.instrument.self_trade_prevention
    return mode


def can_fill(
    venue: Venue,
    ladder: Ladder,
    limit_key: int,
    quantity_lots: int,
    participant_id: ParticipantId,
    mode: SelfTradePrevention,
) -> bool:
    """Whether `match` would trade so many lots of a taker with this limit against `ladder`.

    Self-trade prevention counts: orders of the same participant are passed over where they would be
    canceled (CANCEL_OLDEST), and end the search where the taker would be canceled or reduced. So does
    a price which the instrument's guard does not let trade. What
    was looked at in vain counts as met: looking must not cost without bound.
    """
    looked = 0
    guard = ladder.book.guard
    low_ticks, high_ticks = _EVERY_PRICE if guard is None else guard.limits(venue.time_ns)
    for level in ladder.levels_from_best():
        if limit_key + level.key < 0:
            break
        price_ticks = level.price_ticks
        stops = not low_ticks <= price_ticks <= high_ticks
        wanted_lots = quantity_lots
        for lots, maker in _slices(level):
            if looked == venue.makers_left:
                venue.makers_left = 0
                return False
            looked += 1
            if maker.account.participant_id == participant_id and mode is not _NONE:
                if mode is not SelfTradePrevention.CANCEL_OLDEST:
                    venue.makers_left -= looked
                    return False
                continue
            if stops:
                venue.makers_left -= looked
                return False
            quantity_lots -= lots
            if quantity_lots <= 0:
                return True
        if guard is not None and quantity_lots < wanted_lots:
            low, high = guard.limits_after(price_ticks, venue.time_ns)
            low_ticks, high_ticks = max(low_ticks, low), min(high_ticks, high)
    venue.makers_left -= looked
    return False


def _slices(level: Level) -> Iterator[tuple[int, Order]]:
    """What a taker would meet on a level, one after the other: icebergs come again from the back."""
    hidden: deque[tuple[int, Order]] = deque()
    for maker in level.orders():
        yield maker.leaves_lots, maker
        if maker.hidden_lots:
            hidden.append((maker.hidden_lots, maker))
    while hidden:
        left_lots, maker = hidden.popleft()
        assert maker.terms is not None
        lots = min(left_lots, maker.terms.display_lots)
        yield lots, maker
        if lots < left_lots:
            hidden.append((left_lots - lots, maker))


def _prevent(venue: Venue, taker: Order, maker: Order, mode: SelfTradePrevention, ref: Ref) -> None:
    """Let one participant's two orders not trade; at least one of them has nothing left afterwards."""
    prevented = min(taker.leaves_lots, maker.leaves_lots)
    if mode is SelfTradePrevention.DECREMENT:
        for order in (taker, maker):
            order.quantity_lots -= prevented
            order.leaves_lots -= prevented
        maker.level.quantity_lots -= prevented
        venue.mark(maker.level)
    _report_prevented(venue, taker.session, taker, maker, prevented, mode, ref)
    _report_prevented(venue, maker.session, maker, taker, prevented, mode, NO_REF)

    if mode is SelfTradePrevention.DECREMENT:
        taker_ends = taker.leaves_lots == 0
        maker_ends = maker.leaves_lots + maker.hidden_lots == 0
    else:
        taker_ends = mode is not SelfTradePrevention.CANCEL_OLDEST
        maker_ends = mode is not SelfTradePrevention.CANCEL_NEWEST
    assert taker_ends or maker_ends or maker.leaves_lots == 0, "matching goes on, so something must have gone"
    if taker_ends:
        venue.report_canceled(taker.session, taker, ref, CancelReason.SELF_TRADE)
        taker.leaves_lots = 0
    if maker_ends:
        venue.end(maker, NO_REF, CancelReason.SELF_TRADE)
    elif maker.leaves_lots == 0:
        refresh(maker.ladder, maker, venue.dirty)


def _report_prevented(
    venue: Venue,
    session: SessionState,
    order: Order,
    other: Order,
    prevented_lots: int,
    mode: SelfTradePrevention,
    ref: Ref,
) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        SelfTradePrevented(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            order.order_id,
            other.order_id,
            prevented_lots,
            order.leaves_lots + order.hidden_lots,
            mode,
        )
    )
