"""Public events as messages of the feed, one for one."""

from carbonmatch.matching.messages import (
    AuctionEnded,
    AuctionIndicated,
    LimitsChanged,
    TradeBusted,
    TradeCorrected,
)
from carbonmatch.protocol.messages import (
    AuctionResult,
    AuctionUpdate,
    LimitsUpdate,
    TradeBust,
    TradeCorrection,
)


def auction_update(event: AuctionIndicated, seq: int) -> AuctionUpdate:
    return AuctionUpdate(
        event.instrument_id,
        seq,
        event.price_ticks,
        event.volume_lots,
        event.surplus_lots,
        event.surplus_side,
        event.time_ns,
    )


def auction_result(event: AuctionEnded, seq: int) -> AuctionResult:
    return AuctionResult(
        event.instrument_id,
        seq,
        event.phase,
        event.price_ticks,
        event.volume_lots,
        event.surplus_lots,
        event.surplus_side,
        event.rule,
        event.reference_price_ticks,
        event.prevented_lots,
        event.ends_ns,
        event.random_ns,
        event.ended_ns,
        event.seed,
        event.time_ns,
    )


def limits_update(event: LimitsChanged, seq: int) -> LimitsUpdate:
    return LimitsUpdate(
        event.instrument_id,
        seq,
        event.anchor_ticks,
        event.low_ticks,
        event.high_ticks,
        event.hold_ends_ns,
        event.time_ns,
    )


def trade_bust(event: TradeBusted, seq: int) -> TradeBust:
    return TradeBust(
        event.instrument_id, seq, event.trade_id, event.price_ticks, event.quantity_lots, event.time_ns
    )


def trade_correction(event: TradeCorrected, seq: int) -> TradeCorrection:
    return TradeCorrection(
        event.instrument_id,
        seq,
        event.trade_id,
        event.price_ticks,
        event.quantity_lots,
        event.price_before_ticks,
        event.quantity_before_lots,
        event.time_ns,
    )
