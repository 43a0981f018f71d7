"""What a command must satisfy to be applied: each rule with its own reason, in a fixed order.

For a new order: account; instrument; phase; instructions that go together; quantity (positive,
minimum, maximum, increment); price (positive, increment, band); protection of a market order; open
orders; post-only; fill-or-kill. What the order says of itself comes before the state of the market,
so the same wrong order gets the same answer at any time.
"""

from typing import Final

from carbonmatch.limits import (
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
    SESSION_OPEN_ORDERS_MAX,
    VENUE_OPEN_ORDERS_MAX,
)
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.book import Book, Ladder, Order
from carbonmatch.matching.instrument import ALLOWED, REFUSAL, Instrument
from carbonmatch.matching.messages import (
    NewOrder,
    OrderFlag,
    OrderType,
    RejectReason,
    Replace,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from carbonmatch.matching.price_time import can_fill
from carbonmatch.matching.venue import Venue

_RESTING: Final = frozenset({TimeInForce.DAY, TimeInForce.GTC})


def new_order_refusal(
    venue: Venue, session: SessionState, account: Account | None, book: Book | None, command: NewOrder
) -> RejectReason | None:
    """Why the order is refused, None if it is not."""
    if account is None:
        return RejectReason.UNKNOWN_ACCOUNT
    if book is None:
        return RejectReason.UNKNOWN_INSTRUMENT
    instrument = book.instrument
    if not instrument.admits_new:
        return REFUSAL[instrument.phase]
    if not _instructions_fit(command):
        return RejectReason.INCOMPATIBLE_INSTRUCTIONS
    reason = quantity_refusal(instrument, command.quantity_lots)
    if reason is not None:
        return reason

    ladder = book.bids if command.side is Side.BUY else book.asks
    limit_ticks = command.price_ticks
    if command.order_type is OrderType.LIMIT or limit_ticks:
        reason = price_refusal(instrument, limit_ticks)
        if reason is not None:
            return reason
    if command.order_type is OrderType.MARKET:
        if limit_ticks == 0 and not is_protected(instrument):
            return RejectReason.NO_PROTECTION_PRICE
        if ladder.opposite.best is None:
            return RejectReason.NO_LIQUIDITY
        limit_ticks = protection_ticks(ladder, limit_ticks)
    elif command.time_in_force in _RESTING and (
        len(session.orders) >= SESSION_OPEN_ORDERS_MAX or venue.open_order_count >= VENUE_OPEN_ORDERS_MAX
    ):
        return RejectReason.OPEN_ORDER_LIMIT

    limit_key = ladder.sign * limit_ticks
    if command.flags & OrderFlag.POST_ONLY and limit_key + ladder.opposite.best_key >= 0:
        return RejectReason.POST_ONLY_WOULD_TRADE
    if command.time_in_force is TimeInForce.FOK:
        mode = command.self_trade_prevention
        if mode is SelfTradePrevention.INSTRUMENT_DEFAULT:
            mode = instrument.self_trade_prevention
        if not can_fill(
            venue, ladder.opposite, limit_key, command.quantity_lots, account.participant_id, mode
        ):
            return RejectReason.CANNOT_FILL
    return None


def replace_refusal(order: Order, command: Replace) -> RejectReason | None:
    """Why the replacement of `order` is refused, None if it is not."""
    ladder = order.ladder
    instrument = ladder.book.instrument
    if Replace not in ALLOWED[instrument.phase]:
        return REFUSAL[instrument.phase]
    reason = quantity_refusal(instrument, command.quantity_lots) or price_refusal(
        instrument, command.price_ticks
    )
    if reason is not None:
        return reason
    if command.price_ticks == order.level.price_ticks and command.quantity_lots == order.quantity_lots:
        return RejectReason.NOT_AMENDABLE
    limit_key = ladder.sign * command.price_ticks
    if order.flags & OrderFlag.POST_ONLY and limit_key + ladder.opposite.best_key >= 0:
        return RejectReason.POST_ONLY_WOULD_TRADE
    return None


def quantity_refusal(instrument: Instrument, quantity_lots: int) -> RejectReason | None:
    if not 0 < quantity_lots <= QUANTITY_LOTS_MAX:
        return RejectReason.INVALID_QUANTITY
    if quantity_lots % instrument.quantity_increment_lots:
        return RejectReason.QUANTITY_INCREMENT
    if quantity_lots < instrument.quantity_min_lots:
        return RejectReason.BELOW_MINIMUM
    if quantity_lots > instrument.quantity_max_lots:
        return RejectReason.ABOVE_MAXIMUM
    return None


def price_refusal(instrument: Instrument, price_ticks: int) -> RejectReason | None:
    if not 0 < price_ticks <= PRICE_TICKS_MAX:
        return RejectReason.INVALID_PRICE
    if price_ticks % instrument.price_increment_ticks:
        return RejectReason.PRICE_INCREMENT
    if not instrument.price_low_ticks <= price_ticks <= instrument.price_high_ticks:
        return RejectReason.OUTSIDE_BAND
    return None


def is_protected(instrument: Instrument) -> bool:
    """Whether the instrument itself limits what a market order pays."""
    definition = instrument.definition
    return definition.market_protection_ticks > 0 or definition.band_high_ticks > 0


def protection_ticks(ladder: Ladder, own_ticks: int) -> int:
    """The worst price at which a market order of this side may trade.

    Its own, or the instrument's distance from the opposite best, at most to the band, or the band.
    The opposite ladder is not empty.
    """
    if own_ticks:
        return own_ticks
    instrument = ladder.book.instrument
    distance = instrument.definition.market_protection_ticks
    if not distance:
        return instrument.price_high_ticks if ladder.side is Side.BUY else instrument.price_low_ticks
    opposite_best = ladder.opposite.best
    assert opposite_best is not None
    ticks = opposite_best.price_ticks + ladder.sign * distance
    return min(max(ticks, instrument.price_low_ticks), instrument.price_high_ticks)


def _instructions_fit(command: NewOrder) -> bool:
    if command.flags & ~OrderFlag.ALL:
        return False
    return not command.flags & OrderFlag.POST_ONLY or (
        command.order_type is OrderType.LIMIT and command.time_in_force in _RESTING
    )
