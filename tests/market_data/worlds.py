"""Random but possible histories of released batches, for the properties.

A level is named at most once in a batch, as the engine does it; it may come and go within one, and a
batch may tell what is already known.
"""

from hypothesis import strategies as st
from msgspec import structs

from carbonmatch.matching.messages import (
    AnyPublicEvent,
    InstrumentId,
    LevelChanged,
    Outputs,
    Phase,
    Side,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
    TradeKind,
)
from tests.market_data.world import (
    CEA,
    EUA,
    KAU,
    band_changed,
    busted,
    corrected,
    defined,
    level,
    phase_changed,
    released,
    traded,
)

instrument_ids = st.sampled_from([CEA, EUA])
prices = st.integers(98, 103)
lots = st.integers(0, 3)

events: st.SearchStrategy[AnyPublicEvent] = st.one_of(
    st.builds(traded, prices, st.integers(1, 9), st.integers(1, 99), instrument_ids),
    st.builds(
        traded, prices, st.integers(1, 9), st.integers(1, 99), instrument_ids, st.sampled_from(TradeKind)
    ),
    st.builds(phase_changed, st.sampled_from(Phase), instrument_ids),
    st.builds(band_changed, prices, prices, prices, instrument_ids),
    st.builds(defined, instrument_ids, st.sampled_from(["CEA", "EUA", "X"])),
)
# Of the trade so many back, if it stands: `possible` says what it was, or leaves it out.
amendments: st.SearchStrategy[AnyPublicEvent] = st.one_of(
    st.builds(busted, st.integers(0, 9)),
    st.builds(corrected, st.integers(0, 9), st.just((0, 0)), st.tuples(prices, st.integers(1, 9))),
)
levels: st.SearchStrategy[LevelChanged] = st.builds(
    level, st.sampled_from(Side), prices, lots, st.integers(1, 4), instrument_ids
)


def _place(change: LevelChanged) -> tuple[InstrumentId, Side, int]:
    return change.instrument_id, change.side, change.price_ticks


batches: st.SearchStrategy[Outputs] = st.builds(
    lambda happened, left: released(*happened, *left),
    st.lists(events, max_size=4),
    st.lists(levels, max_size=6, unique_by=_place),
)

_amending: st.SearchStrategy[Outputs] = st.builds(
    lambda happened: released(*happened), st.lists(st.one_of(events, amendments), max_size=5)
)

FOUNDING = released(defined(CEA), defined(EUA, "EUA"))
LATE = released(defined(KAU, "KAU"), traded(7, 1, 1, KAU), level(Side.BUY, 7, 1, 1, KAU))


@st.composite
def histories(draw: st.DrawFn) -> list[Outputs]:
    """The venue is founded, things happen, and somewhere on the way a third instrument comes."""
    happened = draw(st.lists(st.one_of(batches, _amending), max_size=12))
    late = draw(st.integers(0, len(happened)))
    return possible([FOUNDING, *happened[:late], LATE, *happened[late:]])


def possible(drawn: list[Outputs]) -> list[Outputs]:
    """The same with numbers as an engine gives them: trades in a row, and amended ones as they stood."""
    made: list[Traded] = []
    stands: dict[TradeId, tuple[int, int]] = {}

    def made_possible(event: AnyPublicEvent) -> list[AnyPublicEvent]:
        if isinstance(event, Traded):
            trade = structs.replace(event, trade_id=TradeId(len(made) + 1))
            made.append(trade)
            stands[trade.trade_id] = trade.price_ticks, trade.quantity_lots
            return [trade]
        if not isinstance(event, TradeBusted | TradeCorrected):
            return [event]
        back = event.trade_id
        if back >= len(made) or made[-1 - back].trade_id not in stands:
            return []
        trade = made[-1 - back]
        before = stands.pop(trade.trade_id)
        if isinstance(event, TradeBusted):
            return [busted(trade.trade_id, *before, trade.instrument_id, trade.kind)]
        becomes = stands[trade.trade_id] = event.price_ticks, event.quantity_lots
        return [corrected(trade.trade_id, before, becomes, trade.instrument_id, trade.kind)]

    return [
        structs.replace(batch, public=[each for event in batch.public for each in made_possible(event)])
        for batch in drawn
    ]
