"""Words for the tests of the feed: released batches as the engine makes them, said briefly."""

from carbonmatch.matching.messages import (
    AnyPublicEvent,
    BandChanged,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    LevelChanged,
    Outputs,
    Phase,
    PhaseChanged,
    Side,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
    TradeKind,
)

CEA = InstrumentId(1)
EUA = InstrumentId(2)
KAU = InstrumentId(3)
BUY = Side.BUY
SELL = Side.SELL
# The time which the tests give to everything.
NOW_NS = 1_700_000_000_000_000_000


def definition(
    instrument_id: InstrumentId = CEA, symbol: str = "CEA", opening_phase: Phase = Phase.CONTINUOUS
) -> InstrumentDefinition:
    return InstrumentDefinition(
        instrument_id,
        symbol,
        "CNY",
        tick_value_minor=1,
        price_decimals=2,
        lot_tonnes=1,
        reference_price_ticks=10_000,
        band_low_ticks=9_000,
        band_high_ticks=11_000,
        opening_phase=opening_phase,
    )


def defined(
    instrument_id: InstrumentId = CEA, symbol: str = "CEA", opening_phase: Phase = Phase.CONTINUOUS
) -> InstrumentDefined:
    return InstrumentDefined(NOW_NS, definition(instrument_id, symbol, opening_phase))


def level(
    side: Side, price: int, lots: int, orders: int = 1, instrument_id: InstrumentId = CEA
) -> LevelChanged:
    return LevelChanged(instrument_id, side, price, lots, orders if lots else 0)


def traded(
    price: int,
    lots: int,
    trade_id: int = 1,
    instrument_id: InstrumentId = CEA,
    kind: TradeKind = TradeKind.CONTINUOUS,
) -> Traded:
    return Traded(instrument_id, NOW_NS, TradeId(trade_id), price, lots, BUY, kind)


def busted(
    trade_id: int,
    price: int = 100,
    lots: int = 1,
    instrument_id: InstrumentId = CEA,
    kind: TradeKind = TradeKind.CONTINUOUS,
) -> TradeBusted:
    return TradeBusted(instrument_id, NOW_NS, TradeId(trade_id), price, lots, kind)


def corrected(
    trade_id: int,
    before: tuple[int, int],
    becomes: tuple[int, int],
    instrument_id: InstrumentId = CEA,
    kind: TradeKind = TradeKind.CONTINUOUS,
) -> TradeCorrected:
    """Both as price and lots."""
    return TradeCorrected(instrument_id, NOW_NS, TradeId(trade_id), *becomes, *before, kind)


def phase_changed(phase: Phase, instrument_id: InstrumentId = CEA) -> PhaseChanged:
    return PhaseChanged(instrument_id, NOW_NS, phase, "")


def band_changed(reference: int, low: int, high: int, instrument_id: InstrumentId = CEA) -> BandChanged:
    return BandChanged(instrument_id, NOW_NS, reference, low, high)


def released(*happened: AnyPublicEvent | LevelChanged) -> Outputs:
    """One batch: events in their order, and the levels which it left changed."""
    return Outputs(
        [],
        [event for event in happened if not isinstance(event, LevelChanged)],
        [event for event in happened if isinstance(event, LevelChanged)],
    )
