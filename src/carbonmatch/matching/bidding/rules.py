"""The rules of a bidding that hold: what it says itself, else what its instrument says, else the usual."""

from collections.abc import Iterator
from typing import Final

import msgspec

from carbonmatch.limits import BIDDER_BIDS_MAX
from carbonmatch.matching.messages import (
    BiddingPricing,
    BiddingRules,
    BiddingTie,
    BidRevision,
    InstrumentDefinition,
    Undersubscription,
)

# 0 stays 0 of the one rule that may be none at all.
_USUAL: Final = BiddingRules(
    bid_min_lots=1,
    share_max_basis_points=10_000,
    bids_max=BIDDER_BIDS_MAX,
    revision=BidRevision.FREE,
    pricing=BiddingPricing.UNIFORM,
    tie=BiddingTie.TIME,
    undersubscription=Undersubscription.PARTIAL,
)


def in_force(asked: BiddingRules, definition: InstrumentDefinition) -> BiddingRules:
    """The rules of a bidding that asks for these, on an instrument that has biddings."""
    configured = definition.bidding
    assert configured is not None
    usual = msgspec.structs.replace(
        _USUAL,
        bid_increment_lots=definition.quantity_increment_lots,
        price_increment_ticks=definition.price_increment_ticks,
    )
    columns = zip(*map(msgspec.structs.astuple, (asked, configured, usual)), strict=True)
    return BiddingRules(*(first or second or third for first, second, third in columns))


def faults(rules: BiddingRules, definition: InstrumentDefinition) -> Iterator[str]:
    """What is wrong with rules that are in force, each for a person who wrote them."""
    if rules.bid_increment_lots % definition.quantity_increment_lots:
        yield (
            f"bid_increment_lots: found {rules.bid_increment_lots}, expected a multiple of the instrument's "
            f"quantity_increment_lots, {definition.quantity_increment_lots}"
        )
    if rules.price_increment_ticks % definition.price_increment_ticks:
        yield (
            f"price_increment_ticks: found {rules.price_increment_ticks}, expected a multiple of the "
            f"instrument's, {definition.price_increment_ticks}"
        )
