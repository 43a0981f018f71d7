"""What the market does and people have to know of, as lines of the log: phases, auctions, amended trades.

Written when it is released, so that no line speaks of what the disk might still lose. Trades and
orders are not among it: the journal has them.
"""

from collections.abc import Iterable, Mapping

from carbonmatch.matching.messages import (
    AnyPublicEvent,
    AuctionEnded,
    BandChanged,
    BiddingAnnounced,
    BiddingEnded,
    BiddingPhaseChanged,
    BlockPhaseChanged,
    DayEnded,
    InstrumentDefinition,
    InstrumentId,
    LimitsChanged,
    PhaseChanged,
    TradeBusted,
    TradeCorrected,
)
from carbonmatch.ops.logs import log
from carbonmatch.words import utc_text


def log_market(
    events: Iterable[AnyPublicEvent], instruments: Mapping[InstrumentId, InstrumentDefinition]
) -> None:
    """Prices in ticks, quantities in lots; `instruments` are those that the events name."""
    for event in events:
        if type(event) is DayEnded and event.is_stale:
            symbol = instruments[event.instrument_id].symbol
            log("reference_stale", instrument=symbol, days_without_trade=event.days_without_trade)
        told = _told(event)
        if told is not None:
            name, instrument_id, fields = told
            log(name, instrument=instruments[instrument_id].symbol, **fields)


def _told(event: AnyPublicEvent) -> tuple[str, InstrumentId, dict[str, object]] | None:
    fields: dict[str, object]
    if type(event) is PhaseChanged:
        fields = {"phase": event.phase, "until": _time(event.until_ns), "text": event.text}
        return "phase_changed", event.instrument_id, fields
    if type(event) is AuctionEnded:
        fields = {
            "phase": event.phase,
            "price_ticks": event.price_ticks,
            "volume_lots": event.volume_lots,
            "surplus_lots": event.surplus_lots,
            "rule": event.rule,
        }
        return "auction_ended", event.instrument_id, fields
    if type(event) is BlockPhaseChanged:
        fields = {"phase": event.phase, "until": _time(event.until_ns), "text": event.text}
        return "block_phase_changed", event.instrument_id, fields
    if isinstance(event, BiddingAnnounced | BiddingPhaseChanged | BiddingEnded):
        return _bidding_told(event)
    if type(event) is BandChanged:
        fields = {
            "reference_price_ticks": event.reference_price_ticks,
            "band_low_ticks": event.band_low_ticks,
            "band_high_ticks": event.band_high_ticks,
        }
        return "band_changed", event.instrument_id, fields
    if type(event) is DayEnded:
        fields = {
            "trading_day": event.trading_day,
            "run": event.run,
            "close_price_ticks": event.close_price_ticks,
        }
        return "day_ended", event.instrument_id, fields
    if type(event) is LimitsChanged and event.hold_ends_ns:
        fields = {
            "low_ticks": event.low_ticks,
            "high_ticks": event.high_ticks,
            "until": _time(event.hold_ends_ns),
        }
        return "limits_held", event.instrument_id, fields
    if type(event) is TradeBusted or type(event) is TradeCorrected:
        fields = {
            "trade_id": event.trade_id,
            "price_ticks": event.price_ticks,
            "quantity_lots": event.quantity_lots,
        }
        name = "trade_busted" if type(event) is TradeBusted else "trade_corrected"
        return name, event.instrument_id, fields
    return None


def _bidding_told(
    event: BiddingAnnounced | BiddingPhaseChanged | BiddingEnded,
) -> tuple[str, InstrumentId, dict[str, object]]:
    fields: dict[str, object] = {"bidding_id": event.bidding_id}
    if type(event) is BiddingAnnounced:
        fields |= {
            "quantity_lots": event.quantity_lots,
            "opens": _time(event.opens_ns),
            "closes": _time(event.closes_ns),
            "text": event.text,
        }
        return "bidding_announced", event.instrument_id, fields
    if type(event) is BiddingEnded:
        fields |= {
            "outcome": event.outcome,
            "price_ticks": event.price_ticks,
            "pricing": event.pricing,
            "allotted_lots": event.allotted_lots,
            "rule": event.rule,
            "text": event.text,
        }
        return "bidding_ended", event.instrument_id, fields
    assert type(event) is BiddingPhaseChanged
    return "bidding_phase_changed", event.instrument_id, fields | {"state": event.state}


def _time(time_ns: int) -> str | None:
    return utc_text(time_ns) if time_ns else None
