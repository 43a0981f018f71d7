"""Random but possible histories of released batches, for the properties.

A level is named at most once in a batch, as the engine does it; it may come and go within one, and a
batch may tell what is already known.
"""

from hypothesis import strategies as st

from carbonmatch.matching.messages import AnyPublicEvent, InstrumentId, LevelChanged, Outputs, Phase, Side
from tests.market_data.world import (
    CEA,
    EUA,
    KAU,
    band_changed,
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
    st.builds(traded, prices, st.integers(1, 9), st.integers(1, 99), instrument_ids),
    st.builds(phase_changed, st.sampled_from(Phase), instrument_ids),
    st.builds(band_changed, prices, prices, prices, instrument_ids),
    st.builds(defined, instrument_ids, st.sampled_from(["CEA", "EUA", "X"])),
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

FOUNDING = released(defined(CEA), defined(EUA, "EUA"))
LATE = released(defined(KAU, "KAU"), traded(7, 1, 1, KAU), level(Side.BUY, 7, 1, 1, KAU))


@st.composite
def histories(draw: st.DrawFn) -> list[Outputs]:
    """The venue is founded, things happen, and somewhere on the way a third instrument comes."""
    happened = draw(st.lists(batches, max_size=12))
    late = draw(st.integers(0, len(happened)))
    return [FOUNDING, *happened[:late], LATE, *happened[late:]]
