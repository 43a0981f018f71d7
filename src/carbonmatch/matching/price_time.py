"""Continuous matching: best price first, then first come first served, at the maker's price."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.iceberg import refresh
from carbonmatch.matching.ladder import Ladder, Level, Order
from carbonmatch.matching.messages import (
    NO_REF,
    Executed,
    Liquidity,
    Ref,
    SelfTradePrevention,
    Traded,
    TradeId,
)
from carbonmatch.matching.prevention import avoided_owner, mode_in_force, prevent
from carbonmatch.matching.venue import Venue

_MAKER: Final = Liquidity.MAKER
_TAKER: Final = Liquidity.TAKER
# As in `orders`: these names are looked up once.
_executed: Final = Executed
_traded: Final = Traded
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
    account = taker.account
    account_id = account.account_id
    # Who owns an order is one look-up, whatever the instrument goes by; a taker that may trade with its
    # own avoids nobody.
    avoided = avoided_owner(instrument, account, taker.self_trade_prevention)
    owner_key = instrument.self_trade_key
    time_ns = venue.time_ns
    flags = venue.report_flags
    public = venue.public
    dirty = venue.dirty
    makers_left = venue.makers_left
    first_ticks = price_ticks = 0
    observer = ladder.observer
    own_session = venue.session
    foreign_reports = 0

    while taker.leaves_lots and limit_key + ladder.best_key >= 0:
        level = ladder.best
        assert level is not None
        maker = level.first
        assert maker is not None, "the best level holds orders"
        if not makers_left:
            break
        makers_left -= 1
        if maker.account.owners[owner_key] == avoided:
            prevent(venue, taker, maker, ref)
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
        reports = session.reports if session is own_session else venue.stream(session)
        seq = session.next_seq
        session.next_seq = seq + 1
        reports.append(
            _executed(
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
        if maker_session is not own_session:
            # As `venue.stream`, whose call would cost more than all that it does.
            foreign_reports += 1
            if not maker_session.touched:
                venue.touch(maker_session)
        seq = maker_session.next_seq
        maker_session.next_seq = seq + 1
        maker_session.reports.append(
            _executed(
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
        public.append(_traded(instrument_id, time_ns, trade_id, price_ticks, traded, own.side))
        if observer is not None:
            observer.traded(maker, account, traded)

        if maker_leaves:
            if not level.dirty:
                level.dirty = True
                dirty.append(level)
        elif maker.hidden_lots:
            refresh(ladder, maker, dirty)
        else:
            ladder.take(maker, dirty)
            venue.forget(maker)
    venue.makers_left = makers_left
    venue.foreign_report_count += foreign_reports
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


def can_fill(
    venue: Venue,
    ladder: Ladder,
    limit_key: int,
    quantity_lots: int,
    account: Account,
    asked: SelfTradePrevention,
) -> bool:
    """Whether `match` would trade so many lots of a taker with this limit against `ladder`.

    Self-trade prevention counts: orders of the same owner are passed over where they would be canceled
    (CANCEL_OLDEST), and end the search where the taker would be canceled or reduced. So does a price
    which the instrument's guard does not let trade. What was looked at in vain counts as met: looking must
    not cost without bound.
    """
    instrument = ladder.book.instrument
    avoided = avoided_owner(instrument, account, asked)
    goes_on = mode_in_force(instrument, asked) is SelfTradePrevention.CANCEL_OLDEST
    owner_key = instrument.self_trade_key
    looked = 0
    guard = ladder.book.guard
    limits = _EVERY_PRICE if guard is None else guard.limits(venue.time_ns)
    for level in ladder.levels_from_best():
        if limit_key + level.key < 0:
            break
        price_ticks = level.price_ticks
        stops = not limits[0] <= price_ticks <= limits[1]
        wanted_lots = quantity_lots
        for lots, maker in _slices(level):
            if looked == venue.makers_left:
                venue.makers_left = 0
                return False
            looked += 1
            if maker.account.owners[owner_key] == avoided:
                if not goes_on:
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
            limits = guard.narrowed(limits, price_ticks)
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
