"""What a command must satisfy to be applied: each rule with its own reason, in a fixed order.

For a new order: account; instrument; phase; instructions that go together; type, time in force and
self-trade prevention that the instrument has; quantity (positive, minimum, maximum, increment), of
which so much is displayed, and so much at least trades; price (positive, increment, band), stop price;
time of expiry; protection of a market order; open orders; what the account has; post-only;
fill-or-kill; minimum quantity.
What the order says of itself comes before the state of the market, so the same wrong order gets the
same answer at any time.
"""

from typing import Final

from carbonmatch.limits import (
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
    SESSION_OPEN_ORDERS_MAX,
    VENUE_OPEN_ORDERS_MAX,
)
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.instrument import TAKES_PART, TIME_IN_FORCE_FLAG, TYPE_FLAG, Instrument
from carbonmatch.matching.ladder import Ladder, Order
from carbonmatch.matching.messages import (
    AllowedFlag,
    NewOrder,
    NewOrderLong,
    OrderFlag,
    OrderType,
    RejectReason,
    Replace,
    Side,
    TimeInForce,
    TradeKind,
)
from carbonmatch.matching.price_time import can_fill
from carbonmatch.matching.venue import Venue
from carbonmatch.matching.volatility import is_outside_collar

# Members of an enum are looked up once, here, and not for each order.
_LIMIT: Final = OrderType.LIMIT
_MARKET: Final = OrderType.MARKET
_STOP: Final = OrderType.STOP
_STOP_LIMIT: Final = OrderType.STOP_LIMIT
_AT_OPEN: Final = TimeInForce.AT_OPEN
_BUY: Final = Side.BUY
_FOK: Final = TimeInForce.FOK
_GTD: Final = TimeInForce.GTD
_IOC: Final = TimeInForce.IOC
_RESTING: Final = frozenset(TimeInForce) - {_IOC, _FOK}
_STOPS: Final = frozenset({_STOP, _STOP_LIMIT})
_WITH_LIMIT: Final = frozenset({_LIMIT, _STOP_LIMIT})


def new_order_refusal(venue: Venue, session: SessionState, command: NewOrderLong) -> RejectReason | None:
    """Why the order is refused, None if it is not."""
    account = session.accounts.get(command.account_id)
    if account is None:
        return RejectReason.UNKNOWN_ACCOUNT
    book = venue.books.get(command.instrument_id)
    if book is None:
        return RejectReason.UNKNOWN_INSTRUMENT
    instrument = book.instrument
    if not instrument.admits_new:
        return instrument.refusal(NewOrder)
    ladder = book.bids if command.side is _BUY else book.asks
    return (
        _instructions_refusal(instrument, command)
        or _phase_refusal(instrument, command)
        or quantity_refusal(instrument, command.quantity_lots)
        or _part_refusal(instrument, command)
        or _price_refusal(instrument, command)
        or _expiry_refusal(venue, command)
        or _market_refusal(ladder, command)
        or _open_orders_refusal(venue, session, command)
        or _clearing_refusal(account, ladder, command)
        or _book_refusal(venue, account, ladder, command)
    )


def replace_refusal(order: Order, command: Replace) -> RejectReason | None:
    """Why the replacement of an order in the book is refused, None if it is not."""
    ladder = order.ladder
    instrument = ladder.book.instrument
    reason = (
        instrument.refusal(Replace)
        or quantity_refusal(instrument, command.quantity_lots)
        or price_refusal(instrument, command.price_ticks)
    )
    if reason is not None:
        return reason
    if command.stop_price_ticks:
        return RejectReason.INVALID_STOP_PRICE
    reason = replaced_display_refusal(order, command)
    if reason is not None:
        return reason
    if (
        command.price_ticks == order.level.price_ticks
        and command.quantity_lots == order.quantity_lots
        and not is_other_display(order, command)
    ):
        return RejectReason.NOT_AMENDABLE
    if instrument.collar is not None and is_outside_collar(ladder, command.price_ticks):
        return RejectReason.OUTSIDE_COLLAR
    limit_key = ladder.sign * command.price_ticks
    if order.flags & OrderFlag.POST_ONLY and limit_key + ladder.opposite.best_key >= 0:
        return RejectReason.POST_ONLY_WOULD_TRADE
    return None


def replaced_stop_refusal(order: Order, command: Replace) -> RejectReason | None:
    """Why the replacement of a stop which waits is refused, None if it is not."""
    instrument = order.ladder.book.instrument
    terms = order.terms
    assert terms is not None
    reason = instrument.refusal(Replace) or quantity_refusal(instrument, command.quantity_lots)
    if reason is not None:
        return reason
    if terms.order_type is _STOP_LIMIT or command.price_ticks:
        reason = price_refusal(instrument, command.price_ticks)
        if reason is not None:
            return reason
    elif not is_protected(instrument):
        return RejectReason.NO_PROTECTION_PRICE
    if command.stop_price_ticks and not is_stop_price(instrument, command.stop_price_ticks):
        return RejectReason.INVALID_STOP_PRICE
    reason = replaced_display_refusal(order, command)
    if reason is not None:
        return reason
    if terms.minimum_lots > command.quantity_lots:
        return RejectReason.INVALID_MINIMUM
    if (
        command.price_ticks == terms.price_ticks
        and command.quantity_lots == order.quantity_lots
        and command.stop_price_ticks in (0, order.level.price_ticks)
        and not is_other_display(order, command)
    ):
        return RejectReason.NOT_AMENDABLE
    return None


def replaced_display_refusal(order: Order, command: Replace) -> RejectReason | None:
    """Only what is an iceberg already can show another quantity."""
    if not command.display_lots:
        return None
    if order.terms is None or not order.terms.display_lots:
        return RejectReason.INCOMPATIBLE_INSTRUCTIONS
    if not _is_display(order.ladder.book.instrument, command.display_lots, command.quantity_lots):
        return RejectReason.INVALID_DISPLAY
    return None


def is_other_display(order: Order, command: Replace) -> bool:
    """Whether the replacement asks for another displayed quantity than the iceberg has."""
    return command.display_lots != 0 and (
        order.terms is None or command.display_lots != order.terms.display_lots
    )


def is_stop_price(instrument: Instrument, stop_price_ticks: int) -> bool:
    """On the price increment. Not within the band: it may have moved by the time it is reached."""
    return 0 < stop_price_ticks <= PRICE_TICKS_MAX and not (
        stop_price_ticks % instrument.price_increment_ticks
    )


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


def is_market_for_auction(instrument: Instrument, command: NewOrderLong) -> bool:
    return command.order_type is _MARKET and (instrument.is_gathering or command.time_in_force in TAKES_PART)


def protection_ticks(ladder: Ladder, own_ticks: int, *, for_auction: bool = False) -> int:
    """The worst price at which a market order of this side may trade.

    Its own, or the instrument's distance from the opposite best, at most to the band, or the band.
    The opposite ladder is not empty. In an auction the best ones cross, and nothing is measured from them: it
    is its own, or the band.
    """
    if own_ticks:
        return own_ticks
    instrument = ladder.book.instrument
    distance = instrument.definition.market_protection_ticks
    if not distance or for_auction:
        return instrument.price_high_ticks if ladder.side is _BUY else instrument.price_low_ticks
    opposite_best = ladder.opposite.best
    assert opposite_best is not None
    ticks = opposite_best.price_ticks + ladder.sign * distance
    return min(max(ticks, instrument.price_low_ticks), instrument.price_high_ticks)


# --- the rules of entry, in their order ----------------------------------------------------------


def _instructions_refusal(instrument: Instrument, command: NewOrderLong) -> RejectReason | None:
    if not _instructions_fit(command):
        return RejectReason.INCOMPATIBLE_INSTRUCTIONS
    allowed = instrument.allowed
    wanted = TYPE_FLAG[command.order_type]
    if command.flags & OrderFlag.POST_ONLY:
        wanted |= AllowedFlag.POST_ONLY
    if command.display_lots:
        wanted |= AllowedFlag.ICEBERG
    if command.minimum_lots:
        wanted |= AllowedFlag.MINIMUM_QUANTITY
    if wanted & ~allowed:
        return RejectReason.ORDER_TYPE_NOT_ALLOWED
    if not TIME_IN_FORCE_FLAG.get(command.time_in_force, 0) & allowed:
        return RejectReason.TIME_IN_FORCE_NOT_ALLOWED
    if command.self_trade_prevention not in instrument.modes:
        return RejectReason.SELF_TRADE_PREVENTION_NOT_ALLOWED
    return None


def _instructions_fit(command: NewOrderLong) -> bool:
    """Whether type, time in force, flags and the rest do not contradict each other."""
    rests = command.time_in_force in _RESTING
    has_limit = command.order_type in _WITH_LIMIT
    if command.flags & ~OrderFlag.ALL:
        return False
    if command.flags & OrderFlag.POST_ONLY and not (
        rests and command.order_type is _LIMIT and not command.minimum_lots
    ):
        return False
    if command.display_lots and not (rests and has_limit):
        return False
    if command.time_in_force in TAKES_PART and (
        command.order_type in _STOPS or command.minimum_lots or command.flags & OrderFlag.POST_ONLY
    ):
        return False
    if command.minimum_lots and command.time_in_force is _FOK:
        return False
    if command.expires_ns and command.time_in_force is not _GTD:
        return False
    # How long a stop waits and what becomes of it then cannot both be said by one time in force.
    return rests or command.order_type not in _STOPS


def _phase_refusal(instrument: Instrument, command: NewOrderLong) -> RejectReason | None:
    """Where orders only gather, none can ask for what happens at once; a stop does not ask yet.

    Nor is there another opening once it is over.
    """
    if command.time_in_force is _AT_OPEN and instrument.phase not in TAKES_PART[_AT_OPEN]:
        return RejectReason.NOT_IN_THIS_PHASE
    if instrument.is_gathering and (
        command.time_in_force not in _RESTING
        or command.flags & OrderFlag.POST_ONLY
        or (command.minimum_lots and command.order_type not in _STOPS)
    ):
        return RejectReason.NOT_IN_THIS_PHASE
    return None


def _part_refusal(instrument: Instrument, command: NewOrderLong) -> RejectReason | None:
    if command.display_lots and not _is_display(instrument, command.display_lots, command.quantity_lots):
        return RejectReason.INVALID_DISPLAY
    if command.minimum_lots > command.quantity_lots:
        return RejectReason.INVALID_MINIMUM
    return None


def _is_display(instrument: Instrument, display_lots: int, quantity_lots: int) -> bool:
    """A slice is as large as an order has to be, and leaves something to hide."""
    return (
        instrument.quantity_min_lots <= display_lots < quantity_lots
        and not display_lots % instrument.quantity_increment_lots
    )


def _price_refusal(instrument: Instrument, command: NewOrderLong) -> RejectReason | None:
    if command.order_type in _WITH_LIMIT or command.price_ticks:
        reason = price_refusal(instrument, command.price_ticks)
        if reason is not None:
            return reason
    is_stop = command.order_type in _STOPS
    if is_stop and not is_stop_price(instrument, command.stop_price_ticks):
        return RejectReason.INVALID_STOP_PRICE
    if not is_stop and command.stop_price_ticks:
        return RejectReason.INVALID_STOP_PRICE
    return None


def _expiry_refusal(venue: Venue, command: NewOrderLong) -> RejectReason | None:
    if command.time_in_force is _GTD and command.expires_ns <= venue.time_ns:
        return RejectReason.INVALID_EXPIRY
    return None


def _market_refusal(ladder: Ladder, command: NewOrderLong) -> RejectReason | None:
    if command.order_type in _WITH_LIMIT:
        return None
    instrument = ladder.book.instrument
    if is_market_for_auction(instrument, command):
        if not command.price_ticks and not instrument.definition.band_high_ticks:
            return RejectReason.NO_PROTECTION_PRICE
        return None
    if not command.price_ticks and not is_protected(instrument):
        return RejectReason.NO_PROTECTION_PRICE
    if command.order_type is _MARKET and ladder.opposite.best is None:
        return RejectReason.NO_LIQUIDITY
    return None


def _open_orders_refusal(venue: Venue, session: SessionState, command: NewOrderLong) -> RejectReason | None:
    """A stop counts from the time it waits, a market order while it gathers for an auction."""
    instrument = venue.books[command.instrument_id].instrument
    rests = command.order_type is not _MARKET or is_market_for_auction(instrument, command)
    if not rests or command.time_in_force not in _RESTING:
        return None
    if len(session.orders) >= SESSION_OPEN_ORDERS_MAX or venue.open_order_count >= VENUE_OPEN_ORDERS_MAX:
        return RejectReason.OPEN_ORDER_LIMIT
    return None


def _clearing_refusal(account: Account, ladder: Ladder, command: NewOrderLong) -> RejectReason | None:
    """Whether the account has what the order needs; a stop without a limit is asked again when it fires."""
    book = ladder.book
    if book.clearing is None:
        return None
    price_ticks = command.price_ticks
    if command.order_type in _STOPS:
        price_ticks = price_ticks or command.stop_price_ticks
    elif command.order_type is _MARKET:
        for_auction = is_market_for_auction(book.instrument, command)
        price_ticks = protection_ticks(ladder, price_ticks, for_auction=for_auction)
    return book.clearing.refusal(
        account, ladder.side, command.quantity_lots, price_ticks, TradeKind.CONTINUOUS
    )


def _book_refusal(
    venue: Venue, account: Account, ladder: Ladder, command: NewOrderLong
) -> RejectReason | None:
    """What depends on the other side of the book; for a stop that is seen when it fires."""
    if (
        command.order_type in _STOPS
        or command.time_in_force in TAKES_PART
        or ladder.book.instrument.is_gathering
    ):
        return None
    limit_ticks = command.price_ticks
    if limit_ticks and ladder.book.instrument.collar is not None and is_outside_collar(ladder, limit_ticks):
        return RejectReason.OUTSIDE_COLLAR
    if command.order_type is _MARKET:
        limit_ticks = protection_ticks(ladder, limit_ticks)
    limit_key = ladder.sign * limit_ticks
    if command.flags & OrderFlag.POST_ONLY and limit_key + ladder.opposite.best_key >= 0:
        return RejectReason.POST_ONLY_WOULD_TRADE
    if command.time_in_force is _FOK:
        at_once_lots, reason = command.quantity_lots, RejectReason.CANNOT_FILL
    elif command.minimum_lots:
        at_once_lots, reason = command.minimum_lots, RejectReason.MINIMUM_NOT_MET
    else:
        return None
    mode = command.self_trade_prevention
    if can_fill(venue, ladder.opposite, limit_key, at_once_lots, account, mode):
        return None
    return reason
