"""The table `bidding` of an instrument: how its biddings go where announcements do not say otherwise."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from msgspec import Meta, structs

from carbonmatch.config.section import Section
from carbonmatch.limits import (
    BIDDER_BIDS_MAX,
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
    SECONDARY_BASIS_POINTS_MAX,
)
from carbonmatch.matching.bidding.rules import faults, in_force
from carbonmatch.matching.messages import (
    BiddingPricing,
    BiddingRules,
    BiddingTie,
    BidRevision,
    InstrumentDefinition,
    Undersubscription,
)
from carbonmatch.words import price_text

PRICES: Final = {
    BiddingPricing.UNIFORM: "one price for all",
    BiddingPricing.PAY_AS_BID: "each at its own price",
}
TIES: Final = {
    BiddingTie.TIME: "who came first is served first",
    BiddingTie.PRO_RATA: "each gets its share, rounded down, and the rest is drawn",
    BiddingTie.SEED: "who is served first is drawn",
}
REVISIONS: Final = {
    BidRevision.FREE: "changed and withdrawn",
    BidRevision.NONE: "never changed or withdrawn",
}


class Bidding(Section, frozen=True):
    """As `BiddingRules`, field by field."""

    bid_min_lots: Annotated[int, Meta(ge=1, le=QUANTITY_LOTS_MAX)] = 1
    bid_increment_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0  # 0: the instrument's
    price_increment_ticks: Annotated[int, Meta(ge=0, le=PRICE_TICKS_MAX)] = 0  # 0: the instrument's
    share_max_basis_points: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    bids_max: Annotated[int, Meta(ge=1, le=BIDDER_BIDS_MAX)] = BIDDER_BIDS_MAX
    revision: Literal["free", "none"] = "free"
    pricing: Literal["uniform", "pay_as_bid"] = "uniform"
    tie: Literal["time", "pro_rata", "seed"] = "time"
    undersubscription: Literal["partial", "cancel"] = "partial"
    secondary_basis_points: Annotated[int, Meta(ge=0, le=SECONDARY_BASIS_POINTS_MAX)] = 0  # 0: no such rule

    def rules(self) -> BiddingRules:
        values = structs.asdict(self)
        values["revision"] = BidRevision[self.revision.upper()]
        values["pricing"] = BiddingPricing[self.pricing.upper()]
        values["tie"] = BiddingTie[self.tie.upper()]
        values["undersubscription"] = Undersubscription[self.undersubscription.upper()]
        return BiddingRules(**values)


def rules_of(bidding: Bidding | None) -> BiddingRules | None:
    """None where the instrument has no biddings."""
    return None if bidding is None else bidding.rules()


def problems(at: str, definition: InstrumentDefinition) -> Iterator[str]:
    if definition.bidding is not None:
        rules = in_force(definition.bidding, definition)
        yield from (f"{at}.bidding.{fault}" for fault in faults(rules, definition))


def in_words(definition: InstrumentDefinition) -> Iterator[str]:
    """How a bidding goes that says nothing of its own, for the person who wrote it."""
    if definition.bidding is None:
        return
    rules = in_force(definition.bidding, definition)
    step = price_text(rules.price_increment_ticks, definition.price_decimals)
    lots = "lot" if rules.bid_min_lots == 1 else "lots"
    yield (
        f"one-way bidding: {PRICES[rules.pricing]}, in steps of {step}; bids of at least "
        f"{rules.bid_min_lots} {lots}, in steps of {rules.bid_increment_lots}"
    )
    bids = "one bid" if rules.bids_max == 1 else f"at most {rules.bids_max} bids"
    share = f", of at most {rules.share_max_basis_points / 100:g} % of what is offered"
    yield (
        f"  {bids} of a bidder{share if rules.share_max_basis_points < 10_000 else ''}; "
        f"{REVISIONS[rules.revision]} while the window is open"
    )
    yield f"  at the last price {TIES[rules.tie]}; {_TOO_FEW[rules.undersubscription]}"
    if rules.secondary_basis_points:
        yield (
            f"  cancelled where the price is below {rules.secondary_basis_points / 100:g} % of the secondary "
            "market's (of one buyer: above)"
        )


_TOO_FEW = {
    Undersubscription.PARTIAL: "what nobody bids for stays with the one party",
    Undersubscription.CANCEL: "cancelled where less is bid for than offered",
}
