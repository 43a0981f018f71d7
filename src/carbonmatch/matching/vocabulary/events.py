"""Public events: part of the vocabulary in `messages`, which others take them from.

Their tags are 70 to 79. The rules of `messages` hold: append-only, golden bytes in `proto/vectors/`.
"""

from msgspec import Struct

from carbonmatch.matching.vocabulary.definitions import (
    InstrumentDefinition,
)
from carbonmatch.matching.vocabulary.enums import (
    AuctionRule,
    Phase,
    Side,
    TradeKind,
)
from carbonmatch.matching.vocabulary.fields import (
    InstrumentId,
    OrderId,
    TradeId,
)


class PublicEvent(Struct, frozen=True, gc=False, array_like=True):
    """What everyone may know; market data is built from these and from level changes."""


class Traded(PublicEvent, frozen=True, tag=70):
    instrument_id: InstrumentId
    time_ns: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int
    aggressor: Side  # of the later order
    kind: TradeKind = TradeKind.CONTINUOUS  # how it came about


class PhaseChanged(PublicEvent, frozen=True, tag=71):
    instrument_id: InstrumentId
    time_ns: int
    phase: Phase
    text: str
    until_ns: int = 0  # when it is to end, as far as is known, UTC; 0: not known


class BandChanged(PublicEvent, frozen=True, tag=72):
    instrument_id: InstrumentId
    time_ns: int
    reference_price_ticks: int
    band_low_ticks: int
    band_high_ticks: int


class InstrumentDefined(PublicEvent, frozen=True, tag=73):
    time_ns: int
    definition: InstrumentDefinition


class AuctionIndicated(PublicEvent, frozen=True, tag=75):
    """How an auction would end if it ended now; price 0: nothing would trade."""

    instrument_id: InstrumentId
    time_ns: int
    price_ticks: int
    volume_lots: int  # what would trade
    surplus_lots: int  # what would be left unfilled at the price
    surplus_side: int  # of what would be left; 0: nothing, 1: BUY, 2: SELL


class AuctionEnded(PublicEvent, frozen=True, tag=76):
    """How an auction has ended, after its trades. A time that was drawn can be computed again by everyone."""

    instrument_id: InstrumentId
    time_ns: int
    phase: Phase  # the auction, or whatever else orders had gathered in
    price_ticks: int  # of all its trades; 0: nothing could trade
    volume_lots: int  # what was traded
    surplus_lots: int  # what was left unfilled at the price
    surplus_side: int  # of what was left; 0: nothing, 1: BUY, 2: SELL
    rule: AuctionRule  # which decided the price
    reference_price_ticks: int  # that the price was held against; 0: none
    prevented_lots: int = 0  # did not trade because of self-trade prevention
    ends_ns: int = 0  # before which it could not end; 0: the end was not drawn
    random_ns: int = 0  # how much later it could end
    ended_ns: int = 0  # the end that was drawn; 0: it was not drawn
    seed: bytes = b""  # what the end was drawn from: of this auction alone, from the venue's seed


class TradeBusted(PublicEvent, frozen=True, tag=77):
    """The trade never was; price and quantity are what it stood at."""

    instrument_id: InstrumentId
    time_ns: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int
    kind: TradeKind = TradeKind.CONTINUOUS  # how it came about


class TradeCorrected(PublicEvent, frozen=True, tag=78):
    """The trade was another one."""

    instrument_id: InstrumentId
    time_ns: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int
    price_before_ticks: int
    quantity_before_lots: int
    kind: TradeKind = TradeKind.CONTINUOUS  # how it came about


class LimitsChanged(PublicEvent, frozen=True, tag=79):
    """Interval price limits: from now on no trade is below or above them, both inclusive."""

    instrument_id: InstrumentId
    time_ns: int
    anchor_ticks: int  # 0: there is none, and so there are no limits
    low_ticks: int
    high_ticks: int
    hold_ends_ns: int  # until then they stay as they are; 0: they may be set anew as time passes


# Not journaled: a batch's level changes follow from its entries.
class LevelChanged(PublicEvent, frozen=True, tag=74):
    """What a price level held after a batch; 0 lots and 0 orders: it is gone."""

    instrument_id: InstrumentId
    side: Side
    price_ticks: int
    quantity_lots: int
    order_count: int


# Not journaled: what a batch leaves of an order follows from its entries.
class OrderListed(PublicEvent, frozen=True, tag=191):
    """What a batch has left of an order in an instrument with an order list; 0 lots: it is gone."""

    instrument_id: InstrumentId
    order_id: OrderId
    side: Side
    price_ticks: int
    quantity_lots: int
    is_last: bool  # it has come to stand behind all others of its level; else it stays where it is
