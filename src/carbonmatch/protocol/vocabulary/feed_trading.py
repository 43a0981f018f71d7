"""The feed: trades and their statistics, phases, and the prices that bound them.

Part of the vocabulary in `protocol.messages`, which others take it from.
"""

from carbonmatch.matching.messages import (
    CompositeDefinition,
    InstrumentId,
    Phase,
    Side,
    TradeId,
    TradeKind,
)
from carbonmatch.protocol.vocabulary.base import Outbound

# --- trades ---------------------------------------------------------------------------------------


class Trade(Outbound, frozen=True, tag=89):
    instrument_id: InstrumentId
    instrument_seq: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int
    aggressor: Side  # of the later order
    time_ns: int
    kind: TradeKind = TradeKind.CONTINUOUS  # how it came about


class TradeBust(Outbound, frozen=True, tag=97):
    """The trade never was. Statistics follow where it was one of their day."""

    instrument_id: InstrumentId
    instrument_seq: int
    trade_id: TradeId
    price_ticks: int  # what it stood at
    quantity_lots: int  # what it stood at
    time_ns: int


class TradeCorrection(Outbound, frozen=True, tag=98):
    """The trade was another one. Statistics follow where it was one of their day."""

    instrument_id: InstrumentId
    instrument_seq: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int
    price_before_ticks: int
    quantity_before_lots: int
    time_ns: int


# --- statistics -----------------------------------------------------------------------------------


class Statistics(Outbound, frozen=True, tag=92):
    """Of the trading day so far on the screen: trades of the kinds CONTINUOUS, AUCTION and LISTED.

    VWAP = turnover_ticks_lots / volume_lots; prices 0: no trade yet. What was negotiated or allotted is told
    by KindStatistics alone.

    After a snapshot it belongs to that and repeats its `instrument_seq`; alone it has one of its own.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    open_price_ticks: int  # of the first trade
    high_price_ticks: int  # highest price traded
    low_price_ticks: int  # lowest price traded
    last_price_ticks: int  # of the last trade
    volume_lots: int  # lots traded
    turnover_ticks_lots: int  # sum of price x quantity
    trade_count: int  # how many trades


class KindStatistics(Outbound, frozen=True, tag=110):
    """Of the trading day so far, trades of one kind; comes after Statistics for each kind that has changed.

    Never of CONTINUOUS: that is what Statistics have beyond AUCTION and LISTED. After a snapshot it belongs
    to that, one for each kind that has traded, as Statistics do; a kind of which nothing is told has not.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    kind: TradeKind  # of the trades it tells of
    volume_lots: int  # lots traded
    turnover_ticks_lots: int  # sum of price x quantity
    trade_count: int  # how many trades; 0: a new day has begun, or all were busted


class DaySummary(Outbound, frozen=True, tag=108):
    """What the trading day of an instrument came to when it ended. Prices are 0 where there is none.

    Prices are those of the screen; volume, turnover and count are of trades of every kind, so that their
    ratio is no average of the screen's prices.

    After a snapshot it is that of the last day that has ended, belongs to the snapshot and repeats its
    `instrument_seq`; alone it has one of its own.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    trading_day: int  # like 20210716
    open_price_ticks: int
    high_price_ticks: int  # highest price traded
    low_price_ticks: int  # lowest price traded
    close_price_ticks: int
    volume_lots: int  # lots traded
    turnover_ticks_lots: int  # sum of price x quantity
    trade_count: int  # how many trades
    time_ns: int


# --- phases and bounds ----------------------------------------------------------------------------


class PhaseUpdate(Outbound, frozen=True, tag=90):
    instrument_id: InstrumentId
    instrument_seq: int
    phase: Phase
    text: str
    time_ns: int
    until_ns: int = 0  # when it is to end, as far as is known, UTC; 0: not known


class BandUpdate(Outbound, frozen=True, tag=91):
    instrument_id: InstrumentId
    instrument_seq: int
    reference_price_ticks: int
    band_low_ticks: int
    band_high_ticks: int
    time_ns: int


class LimitsUpdate(Outbound, frozen=True, tag=99):
    """Interval price limits: no trade is below the lowest or above the highest price.

    After a snapshot it belongs to that and repeats its `instrument_seq`; alone it has one of its own.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    anchor_ticks: int  # 0: there is none, and so there are no limits
    low_ticks: int
    high_ticks: int
    hold_ends_ns: int  # until then they stay as they are; 0: they may be set anew as time passes
    time_ns: int


# --- the price of several instruments ---------------------------------------------------------------


class Composite(Outbound, frozen=True, tag=109):
    """A composite price: all there is to know of it, in a snapshot and whenever it changes.

    Whoever follows the whole venue hears it, and whoever has subscribed to its id as to an instrument's.
    """

    composite_id: InstrumentId
    seq: int  # dense among these messages of the composite
    price_ticks: int  # 0: there is none, since a member has no price yet
    time_ns: int
    composite: CompositeDefinition
