"""Reports: part of the vocabulary in `messages`, which others take them from.

Private, numbered in the stream of their session. Their tags are 48 to 69. The rules of `messages` hold:
append-only, golden bytes in `proto/vectors/`.
"""

from msgspec import Struct

from carbonmatch.matching.vocabulary.definitions import FoundTrade
from carbonmatch.matching.vocabulary.enums import (
    CancelReason,
    Liquidity,
    OrderType,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from carbonmatch.matching.vocabulary.fields import (
    AccountId,
    InstrumentId,
    OrderId,
    Ref,
    TradeId,
)


class Report(Struct, frozen=True, gc=False, array_like=True):
    """One message of a session's stream. Lenient: a reader skips trailing fields it does not know.

    `seq` is dense from 1 in the stream. `ref` is the command that this answers, 0 where the market
    or somebody else caused it. `time_ns` is the entry's time, UTC.
    """


class Accepted(Report, frozen=True, tag=48):
    """The order is in; what it traded at once and whether it rests follows as further reports."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    quantity_lots: int


class AcceptedLong(Accepted, frozen=True, tag=68):
    """The order of a NewOrderLong is in: as Accepted, with all that its command said."""

    order_type: OrderType
    time_in_force: TimeInForce
    order_flags: int
    stop_price_ticks: int
    display_lots: int
    minimum_lots: int
    expires_ns: int


class Rejected(Report, frozen=True, tag=49):
    seq: int
    ref: Ref
    time_ns: int
    flags: int
    reason: RejectReason


class Executed(Report, frozen=True, tag=50):
    """A fill of one order. The two fills of a trade carry the same trade id."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    trade_id: TradeId
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    liquidity: Liquidity


class Canceled(Report, frozen=True, tag=51):
    """The order is gone; `canceled_lots` is what will not trade any more."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    canceled_lots: int
    reason: CancelReason


class Reduced(Report, frozen=True, tag=52):
    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    quantity_lots: int
    leaves_lots: int


class Replaced(Report, frozen=True, tag=53):
    """The order stands at its new price at the back of the queue; `leaves_lots` before it trades."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    stop_price_ticks: int = 0  # of a stop, which still waits; else 0
    display_lots: int = 0  # of an iceberg; else 0


class SelfTradePrevented(Report, frozen=True, tag=54):
    """`prevented_lots` did not trade between two orders of one owner. One to each side."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    other_order_id: OrderId
    prevented_lots: int
    leaves_lots: int
    mode: SelfTradePrevention


class Triggered(Report, frozen=True, tag=55):
    """The stop has fired: from here on it is a market or a limit order, whose reports follow."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    stop_price_ticks: int
    price_ticks: int  # the limit, or the protection price; 0 where there is none


class MassCanceled(Report, frozen=True, tag=56):
    """After the `Canceled` of each order; `sequence` is the journal sequence it was applied at."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    count: int
    sequence: int


class OrderStatus(Report, frozen=True, tag=57):
    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    order_ref: Ref  # the ref that names the order now, 0 where another session entered it
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    time_in_force: TimeInForce
    order_flags: int
    order_type: OrderType = OrderType.LIMIT  # of a stop also after it has fired
    # What it waits for; 0: it does not wait (any more).
    stop_price_ticks: int = 0
    display_lots: int = 0
    minimum_lots: int = 0  # what is still to be met; 0: none
    expires_ns: int = 0


class StatusEnd(Report, frozen=True, tag=58):
    """Ends the answer to a status request; `more` says to ask on after the last order id."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    count: int
    more: bool


class Busted(Report, frozen=True, tag=59):
    """A fill of this session never was: nothing of the trade stands. The order does not come back."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    trade_id: TradeId
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    quantity_lots: int
    traded_ns: int
    text: str


class Corrected(Report, frozen=True, tag=60):
    """A fill of this session was another one: from now on these are its price and its quantity."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    trade_id: TradeId
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    quantity_lots: int
    price_before_ticks: int
    quantity_before_lots: int
    traded_ns: int
    text: str


class TradeStatus(Report, frozen=True, tag=61):
    """A trade as it was, and as it stands; to operators only."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int  # 0: it was busted
    trade: FoundTrade


class Done(Report, frozen=True, tag=66):
    """An operator's command was applied; `sequence` is its place in the journal."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    sequence: int
