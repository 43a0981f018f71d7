"""The feed: auctions, biddings and blocks.

Part of the vocabulary in `protocol.messages`, which others take it from.
"""

from carbonmatch.matching.messages import (
    AuctionRule,
    BiddingOutcome,
    BiddingPricing,
    BiddingRule,
    BiddingRules,
    BiddingState,
    BlockPhase,
    InstrumentId,
    OrderId,
    ParticipantId,
    Phase,
    Side,
)
from carbonmatch.protocol.vocabulary.base import Outbound

# --- auctions -------------------------------------------------------------------------------------


class AuctionUpdate(Outbound, frozen=True, tag=95):
    """How the auction would end if it ended now; until the next one, or until orders do not gather.

    After a snapshot it belongs to that, as Statistics do.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    price_ticks: int  # 0: nothing would trade
    volume_lots: int  # what would trade
    surplus_lots: int  # what would be left unfilled at the price
    surplus_side: int  # of what would be left; 0: nothing, 1: BUY, 2: SELL
    time_ns: int


class AuctionResult(Outbound, frozen=True, tag=96):
    """How the auction has ended; its trades came before. The last AuctionUpdate means nothing any more.

    Where its end was drawn, it can be computed again: `ended_ns` = `ends_ns` + h x (`random_ns` + 1) / 2^64,
    rounded down, where h is the first half of `seed`, big-endian.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    phase: Phase  # the auction, or in what else orders had gathered
    price_ticks: int  # of all its trades; 0: nothing traded
    volume_lots: int  # what was traded
    surplus_lots: int  # what was left unfilled at the price
    surplus_side: int  # of what was left; 0: nothing, 1: BUY, 2: SELL
    rule: AuctionRule  # which decided the price
    reference_price_ticks: int  # that the price was held against; 0: none
    prevented_lots: int  # did not trade because of self-trade prevention
    ends_ns: int  # before which it could not end; 0: the end was not drawn
    random_ns: int  # how much later it could end
    ended_ns: int  # the end that was drawn; 0: it was not drawn
    seed: bytes  # what the end was drawn from; of this auction alone
    time_ns: int


# --- biddings -------------------------------------------------------------------------------------


class BiddingAnnouncement(Outbound, frozen=True, tag=105):
    """A bidding that is to come, or under way: how it goes, and how far it is. Nobody is told of its bids.

    After a snapshot it belongs to that, one for each bidding that is not over, as Statistics do.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    bidding_id: OrderId
    state: BiddingState
    side: Side  # of the one party; bidders are on the other
    quantity_lots: int  # what is offered, or asked for
    reserve_price_ticks: int  # no bid may be worse for the one party; 0: none
    opens_ns: int
    closes_ns: int
    rules: BiddingRules  # all that hold: none is left to the instrument
    unit_lots: int  # what is allotted is a multiple of this
    secondary_price_ticks: int  # that its price is held against; 0: that of the time at which it closes
    commitment: bytes  # BLAKE2b, 32 bytes, of the seed that is told with the result
    text: str
    time_ns: int


class BiddingUpdate(Outbound, frozen=True, tag=106):
    """The window has opened or closed."""

    instrument_id: InstrumentId
    instrument_seq: int
    bidding_id: OrderId
    state: BiddingState
    time_ns: int


class BiddingResult(Outbound, frozen=True, tag=107):
    """How a bidding has ended; its trades came before. The last one of an instrument comes with snapshots.

    How to compute it again from the bids is in [BIDDING.md](BIDDING.md).
    """

    instrument_id: InstrumentId
    instrument_seq: int
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
    inputs_digest: bytes  # BLAKE2b, 32 bytes, of what it was computed from; empty where bids were not opened
    text: str
    time_ns: int
    pricing: BiddingPricing = BiddingPricing.DEFAULT  # whether that is one price for all; DEFAULT: not said


# --- blocks ---------------------------------------------------------------------------------------


class BlockPost(Outbound, frozen=True, tag=103):
    """A block that is proposed to everyone; 0 lots: it is gone. After a snapshot it belongs to that."""

    instrument_id: InstrumentId
    instrument_seq: int
    proposal_id: OrderId
    side: Side  # of who proposes
    price_ticks: int
    quantity_lots: int
    participant_id: ParticipantId  # who proposes; 0: not told
    expires_ns: int  # 0: when the blocks close
    time_ns: int


class BlockVolume(Outbound, frozen=True, tag=120):
    """What of the day's blocks is traded and told without a price as yet; 0: nothing is, it has been told.

    Of an instrument whose tape is VALUE_AT_CLOSE. After a snapshot it belongs to that.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    volume_lots: int  # of all of them together
    trade_count: int  # how many they are
    time_ns: int  # of the trade, or of what became of one


class BlockPhaseUpdate(Outbound, frozen=True, tag=104):
    """Whether blocks are negotiated now. After a snapshot it belongs to that."""

    instrument_id: InstrumentId
    instrument_seq: int
    phase: BlockPhase
    text: str
    until_ns: int  # when it is to end, as far as is known, UTC; 0: not known
    time_ns: int  # 0: it has been so from the beginning
