"""Listings of chance: what three firms may do in one, as Hypothesis draws it."""

from dataclasses import dataclass

from hypothesis import strategies as st

from carbonmatch.matching.messages import (
    AllowedFlag,
    OrderChoice,
    Oversize,
    Phase,
    ScreenMechanism,
    ScreenRules,
    Side,
)

MINIMUM_LOTS = 3
LISTED_ORDERS = AllowedFlag.LIMIT | AllowedFlag.DAY | AllowedFlag.GTC

rules = st.builds(
    ScreenRules,
    st.just(ScreenMechanism.LISTING),
    st.sampled_from([1, 2, 3, 0]),
    st.sampled_from(OrderChoice),
    st.booleans(),
    st.sampled_from(Oversize),
    st.booleans(),
)


@dataclass(frozen=True)
class Enter:
    who: int
    side: Side
    price_ticks: int
    lots: int


@dataclass(frozen=True)
class Change:
    """Cancel (no lots), reduce (no price) or replace the order that was entered so many back."""

    back: int
    lots: int
    price_ticks: int


@dataclass(frozen=True)
class Take:
    """Of the order that was entered so many back, or of the first (-1)."""

    who: int
    side: Side
    lots: int
    back: int
    worst_ticks: int


@dataclass(frozen=True)
class Band:
    """Orders that rest outside of it stay."""

    low_ticks: int
    high_ticks: int


@dataclass(frozen=True)
class Pause:
    """The market stops and goes on: what rests, rests."""

    phase: Phase


Move = Enter | Change | Take | Band | Pause

_who = st.integers(0, 2)
_side = st.sampled_from(Side)
_price = st.integers(98, 102)
_enter = st.builds(Enter, _who, _side, _price, st.integers(MINIMUM_LOTS, 9))
_back = st.integers(0, 7)
_take = st.builds(
    Take,
    _who,
    _side,
    st.integers(1, 9),
    st.one_of(st.just(-1), _back),
    st.sampled_from([0, 0, 0, 99, 100, 101]),
)
_change = st.builds(Change, _back, st.sampled_from([0, 3, 4, 9]), st.sampled_from([0, 98, 100, 102]))
_band = st.builds(Band, st.sampled_from([97, 98, 99, 100]), st.sampled_from([100, 101, 102, 103]))
_pause = st.builds(Pause, st.sampled_from([Phase.BREAK, Phase.HALTED, Phase.CANCEL_ONLY]))
moves = st.lists(st.one_of(_enter, _enter, _take, _take, _change, _band, _pause), max_size=40)
