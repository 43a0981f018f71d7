"""One-way bidding: its reports and public events; part of the vocabulary in `messages`."""

from carbonmatch.matching.vocabulary.bidding import (
    BiddingOutcome,
    BiddingPricing,
    BiddingRule,
    BiddingRules,
    BiddingState,
    BidState,
)
from carbonmatch.matching.vocabulary.enums import Side
from carbonmatch.matching.vocabulary.events import PublicEvent
from carbonmatch.matching.vocabulary.fields import AccountId, InstrumentId, OrderId, Ref
from carbonmatch.matching.vocabulary.reports import Report


class BidUpdate(Report, frozen=True, tag=65):
    """What a bid is now. The one party has its offer told in the same way: its `bid_id` is the bidding's."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    bidding_id: OrderId  # bidding, by its place in the journal
    bid_id: OrderId  # bid, by its place in the journal; of the one party, the bidding
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    state: BidState  # what has become of it
    price_ticks: int  # its limit
    quantity_lots: int
    allotted_lots: int  # at the end: what it has got
    allotted_price_ticks: int  # the price of that; of the one party, the last bid's
    priority: int  # the place in the journal that its time counts from


class BiddingAnnounced(PublicEvent, frozen=True, tag=194):
    """A bidding is to come. Whose it is, nobody is told here."""

    instrument_id: InstrumentId
    time_ns: int
    bidding_id: OrderId
    side: Side  # of the one party
    quantity_lots: int
    reserve_price_ticks: int  # 0: none
    opens_ns: int
    closes_ns: int
    rules: BiddingRules  # all that hold: none of them is left to the instrument any more
    unit_lots: int  # what is allotted is a multiple of this
    secondary_price_ticks: int  # 0: that of the time at which it closes
    commitment: bytes  # the digest of the seed, which is told at the end
    text: str


class BiddingPhaseChanged(PublicEvent, frozen=True, tag=195):
    instrument_id: InstrumentId
    time_ns: int
    bidding_id: OrderId
    state: BiddingState


class BiddingEnded(PublicEvent, frozen=True, tag=196):
    """How it has ended, after its trades. Who has the bids can compute it again: proto/BIDDING.md."""

    instrument_id: InstrumentId
    time_ns: int
    bidding_id: OrderId
    outcome: BiddingOutcome
    # Of the last bid that was allotted something, and so everyone's where pricing is UNIFORM; 0: none was.
    price_ticks: int
    offered_lots: int
    allotted_lots: int
    bid_lots: int  # what was bid for; 0 where bids were not opened
    bid_count: int  # how many bids; 0 where they were not opened
    winner_count: int  # how many bids were allotted something
    rule: BiddingRule  # what decided who got how much
    secondary_price_ticks: int  # that the price was held against; 0: none
    seed: bytes  # what ties were drawn from
    inputs_digest: bytes  # of all that it was computed from; empty where bids were not opened
    text: str
    pricing: BiddingPricing = BiddingPricing.DEFAULT  # whether that is one price for all; DEFAULT: not said
