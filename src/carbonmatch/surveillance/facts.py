"""What a journal says, as surveillance needs it: facts in the order of the journal, batch by batch.

A batch keeps reports by session, not by time: prices of the book are those that the batch before has left.
"""

from msgspec import Struct

from carbonmatch.matching.messages import (
    AccountId,
    InstrumentId,
    OrderId,
    Side,
    TradeId,
    TradeKind,
)


class Ordered(Struct, frozen=True, gc=False):
    """An order came in, or (`is_amendment`) stands at another price or quantity."""

    sequence: int  # the first of its batch
    time_ns: int
    instrument_id: InstrumentId
    account_id: AccountId
    order_id: OrderId
    side: Side
    price_ticks: int  # 0: a market order
    quantity_lots: int
    opposite_ticks: int  # the best price of the other side, before; 0: none
    band_low_ticks: int  # 0 and 0: no band
    band_high_ticks: int
    is_amendment: bool


class Withdrawn(Struct, frozen=True, gc=False):
    """Its owner has cancelled an order."""

    time_ns: int
    instrument_id: InstrumentId
    account_id: AccountId


class Dealt(Struct, frozen=True, gc=False):
    """A trade, with both sides, as it was made."""

    sequence: int  # the first of its batch
    time_ns: int
    trade_id: TradeId
    instrument_id: InstrumentId
    kind: TradeKind
    price_ticks: int
    quantity_lots: int
    buyer: AccountId
    buy_order_id: OrderId
    seller: AccountId
    sell_order_id: OrderId


class Prevented(Struct, frozen=True, gc=False):
    """Two orders of one owner that would have traded with each other; or a selection or block, refused."""

    sequence: int
    time_ns: int
    instrument_id: InstrumentId
    account_id: AccountId  # of the later order
    order_id: OrderId  # 0: it was refused
    other_account_id: AccountId  # where a refused command does not name it, the same
    other_order_id: OrderId  # 0: a block, or not named
    quantity_lots: int


class Closed(Struct, frozen=True, gc=False):
    """An instrument has closed."""

    time_ns: int
    instrument_id: InstrumentId


class Amended(Struct, frozen=True, gc=False):
    """An operator has busted or corrected a trade."""

    trade_id: TradeId
    time_ns: int  # when the trade was made
    instrument_id: InstrumentId
    buyer: AccountId
    seller: AccountId
    change_lots: int  # what stands now, less what stood before
    is_bust: bool


Fact = Ordered | Withdrawn | Dealt | Prevented | Closed | Amended
