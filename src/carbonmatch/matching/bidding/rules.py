"""The rules of a bidding that hold: what it says itself, else what its instrument says, else the usual."""

from collections.abc import Iterator
from typing import Final

import msgspec

from carbonmatch.limits import BIDDER_BIDS_MAX, PRICE_TICKS_MAX
from carbonmatch.matching.messages import (
    BiddingPricing,
    BiddingRules,
    BiddingTie,
    BidRevision,
    InstrumentDefinition,
    Side,
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


def bidder_lots_max(rules: BiddingRules, quantity_lots: int) -> int:
    """What the bids of one bidder may ask for together, where so many lots are offered."""
    return quantity_lots * rules.share_max_basis_points // 10_000


def can_be_bid_for(rules: BiddingRules, quantity_lots: int) -> bool:
    """Whether the smallest bid that there may be is within the share of one bidder."""
    increments = -(-rules.bid_min_lots // rules.bid_increment_lots)
    return increments * rules.bid_increment_lots <= bidder_lots_max(rules, quantity_lots)


def can_be_sold(rules: BiddingRules, side: Side, secondary_price_ticks: int) -> bool:
    """Whether any price there may be is good enough beside the secondary market's; 0: that is not known."""
    bound = secondary_price_ticks * rules.secondary_basis_points
    increment = rules.price_increment_ticks
    if not bound:
        return True
    if side is Side.BUY:
        return increment * 10_000 <= bound
    return PRICE_TICKS_MAX // increment * increment * 10_000 >= bound


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
