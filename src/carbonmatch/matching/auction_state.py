"""An auction that is being carried out, as a part of the state: see `state`."""

import msgspec

from carbonmatch.matching.auction import Transition
from carbonmatch.matching.auction_price import AuctionPrice
from carbonmatch.matching.auction_times import Timing
from carbonmatch.matching.messages import AuctionRule, Phase


class _State(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Base of the parts: field order is byte order."""


class _PriceState(_State, frozen=True):
    price_ticks: int
    volume_lots: int
    surplus_lots: int
    rule: AuctionRule
    reference_price_ticks: int
    level_count: int


class TransitionState(_State, frozen=True):
    """An auction that is being carried out, and the phase after it."""

    phase: Phase
    text: str
    timing: Timing | None
    price: _PriceState | None
    traded_lots: int
    prevented_lots: int
    rounds: int


def saved_transition(transition: Transition) -> TransitionState:
    uncross = transition.uncross
    return TransitionState(
        transition.phase,
        transition.text,
        transition.timing,
        None if uncross.price is None else _PriceState(*msgspec.structs.astuple(uncross.price)),
        uncross.traded_lots,
        uncross.prevented_lots,
        uncross.rounds,
    )


def restored_transition(kept: TransitionState) -> Transition:
    transition = Transition(kept.phase, kept.text, kept.timing)
    uncross = transition.uncross
    if kept.price is not None:
        uncross.price = AuctionPrice(*msgspec.structs.astuple(kept.price))
    uncross.traded_lots = kept.traded_lots
    uncross.prevented_lots = kept.prevented_lots
    uncross.rounds = kept.rounds
    return transition
