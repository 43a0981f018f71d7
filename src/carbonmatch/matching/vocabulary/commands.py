"""What sessions ask for: part of the vocabulary in `messages`, which others take them from.

Tags are 16 to 47. The rules of `messages` hold: append-only, golden bytes in `proto/vectors/`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.matching.vocabulary.enums import (
    MassCancelScope,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from carbonmatch.matching.vocabulary.fields import (
    AccountId,
    AccountIdField,
    InstrumentId,
    InstrumentIdField,
    NumberField,
    OptionalRefField,
    OrderId,
    OrderIdField,
    Ref,
    RefField,
    TimeField,
)


class Command(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A request for a change: strict, because a field that we would skip could mean money."""


class NewOrder(Command, frozen=True, tag=16):
    ref: RefField
    instrument_id: InstrumentIdField
    side: Side
    quantity_lots: NumberField
    price_ticks: NumberField = 0  # LIMIT: the limit; MARKET: the protection price, 0 for the instrument's
    account_id: AccountIdField = AccountId(0)  # 0: the session's first account
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.DAY
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.INSTRUMENT_DEFAULT
    flags: NumberField = 0  # bits of [OrderFlag](#orderflag)


class NewOrderLong(NewOrder, frozen=True, tag=22):
    """The long layout: a NewOrder, and what few orders need. Answered by AcceptedLong."""

    stop_price_ticks: NumberField = 0  # STOP, STOP_LIMIT: the last trade that fires it
    display_lots: NumberField = 0  # what is shown of an iceberg at a time; 0: all of it
    minimum_lots: NumberField = 0  # as much trades at once, or the order is refused; 0: any quantity
    expires_ns: TimeField = 0  # GTD: the time from which on it is gone, UTC


class Cancel(Command, frozen=True, tag=17):
    """Names its order by `order_ref` (own session) or by `order_id` (any session of the account)."""

    ref: RefField
    order_ref: OptionalRefField = Ref(0)
    order_id: OrderIdField = OrderId(0)


class Reduce(Command, frozen=True, tag=18):
    """Sets the order's total to less, keeping its priority; safe against fills in flight."""

    ref: RefField
    order_ref: OptionalRefField
    order_id: OrderIdField
    quantity_lots: NumberField  # the new total, of which some may have traded


class Replace(Command, frozen=True, tag=19):
    """New price and total at once; loses priority, may trade. From then on `ref` names the order."""

    ref: RefField
    order_ref: OptionalRefField
    order_id: OrderIdField
    quantity_lots: NumberField
    price_ticks: NumberField
    stop_price_ticks: NumberField = 0  # of a stop that waits; 0: as it is
    display_lots: NumberField = 0  # of an iceberg; 0: as it is


class MassCancel(Command, frozen=True, tag=20):
    ref: RefField
    scope: MassCancelScope
    account_id: AccountIdField = AccountId(0)  # 0: all that the scope covers
    instrument_id: InstrumentIdField = InstrumentId(0)  # 0: all instruments
    side: Annotated[int, Meta(ge=0, le=2)] = 0  # 0: both, 1: BUY, 2: SELL


class OrderStatusRequest(Command, frozen=True, tag=21):
    """The named order, or with neither name every open order of the session after `after_order_id`."""

    ref: RefField
    order_ref: OptionalRefField = Ref(0)
    order_id: OrderIdField = OrderId(0)
    after_order_id: OrderIdField = OrderId(0)
