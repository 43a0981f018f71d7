"""One-way bidding: its rules and commands; part of the vocabulary in `messages`, which others take them from.

One seller (or one buyer) stands against many bidders, whose bids nobody else sees: proto/BIDDING.md.
"""

from enum import IntEnum, unique
from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import (
    BIDDER_BIDS_MAX,
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
    SECONDARY_BASIS_POINTS_MAX,
)
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.enums import Side
from carbonmatch.matching.vocabulary.fields import (
    AccountId,
    AccountIdField,
    InstrumentIdField,
    NumberField,
    OrderIdField,
    RefField,
    SessionIdField,
    TextField,
    TimeField,
)


@unique
class BiddingState(IntEnum):
    """How far a bidding has come."""

    ANNOUNCED = 1  # its window is still to open
    OPEN = 2  # bids are taken
    CLOSED = 3  # no more bids; they are being allotted, or let go
    CLEARED = 4  # over: something was allotted
    CANCELLED = 5  # over: nothing was


@unique
class BiddingPricing(IntEnum):
    """What those pay (or get) who are allotted something."""

    DEFAULT = 0  # the instrument's; where it says nothing either, UNIFORM
    UNIFORM = 1  # one price for all: that of the last bid which is allotted something
    PAY_AS_BID = 2  # each its own price


@unique
class BiddingTie(IntEnum):
    """Who comes first of those who bid the same price, where there is not enough for all of them."""

    DEFAULT = 0  # the instrument's; where it says nothing either, TIME
    TIME = 1  # who came first
    PRO_RATA = 2  # each in proportion to its bid, rounded down; what is left, one unit each, by the seed
    SEED = 3  # in an order drawn from the seed


@unique
class Undersubscription(IntEnum):
    """What happens where all bids together ask for less than is offered."""

    DEFAULT = 0  # the instrument's; where it says nothing either, PARTIAL
    PARTIAL = 1  # every bid is filled, the rest stays with the one party
    CANCEL = 2  # nothing is allotted


@unique
class BidRevision(IntEnum):
    """Whether a bid may be modified and withdrawn while the window is open."""

    DEFAULT = 0  # the instrument's; where it says nothing either, FREE
    FREE = 1  # as often as its bidder wants
    NONE = 2  # it stands as it came in


@unique
class BidState(IntEnum):
    """What has become of a bid."""

    STANDING = 1  # it is in
    WITHDRAWN = 2  # by its bidder, or by an operator who has restricted its account
    ALLOTTED = 3  # it has got something, or all
    NOT_ALLOTTED = 4  # it has got nothing, though others may have
    CANCELLED = 5  # the bidding was cancelled


@unique
class BiddingOutcome(IntEnum):
    """How a bidding has ended. From NO_BIDS on it was cancelled."""

    SOLD = 1  # all that was offered
    PARTLY_SOLD = 2  # what was bid for, which was less than what was offered
    NO_BIDS = 3  # nobody bid
    UNDERSUBSCRIBED = 4  # less was bid for than was offered, and the rules do not admit a part
    BELOW_SECONDARY = 5  # the price would have been too far from that of the secondary market
    BY_OPERATOR = 6  # an operator has cancelled it; bids were not opened


@unique
class BiddingRule(IntEnum):
    """What decided who was allotted how much."""

    NONE = 0  # nothing was allotted
    ALL = 1  # nothing had to: every bid got all it asked for
    PRICE = 2  # the price alone: at the last price there was one bid, or enough for all
    TIME = 3  # at the last price, who came first
    PRO_RATA = 4  # at the last price, each its share
    SEED = 5  # at the last price, the order that was drawn


class BiddingRules(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """How an instrument's biddings go, or one of them. 0: as the instrument says, or as at the field."""

    # Fewest lots in a bid; 0: the instrument's, or 1.
    bid_min_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0
    # Bids are multiples of this; 0: the instrument's, or its quantity increment.
    bid_increment_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0
    # Prices are multiples of this; 0: the instrument's, or its price increment.
    price_increment_ticks: Annotated[int, Meta(ge=0, le=PRICE_TICKS_MAX)] = 0
    # What all bids of one bidder may ask for, of what is offered, rounded down; 0: the instrument's, or all.
    share_max_basis_points: Annotated[int, Meta(ge=0, le=10_000)] = 0
    # How many bids of one bidder may stand; 0: the instrument's, or 256.
    bids_max: Annotated[int, Meta(ge=0, le=BIDDER_BIDS_MAX)] = 0
    revision: BidRevision = BidRevision.DEFAULT  # whether bids may be modified and withdrawn
    pricing: BiddingPricing = BiddingPricing.DEFAULT  # what is paid
    tie: BiddingTie = BiddingTie.DEFAULT  # who comes first at one price
    undersubscription: Undersubscription = Undersubscription.DEFAULT  # where less is bid for than offered
    # The price may be no lower than so much of the secondary market's (of one buyer: no higher); else the
    # bidding is cancelled. 0: the instrument's, or no such rule.
    secondary_basis_points: Annotated[int, Meta(ge=0, le=SECONDARY_BASIS_POINTS_MAX)] = 0


# --- commands ------------------------------------------------------------------------------------


class AnnounceBidding(Command, frozen=True, tag=140):
    """Operators only: somebody offers to sell, or to buy, to those who bid best. Its place in the journal,
    which Done tells, is the id of the bidding.
    """

    ref: RefField
    instrument_id: InstrumentIdField
    session_id: SessionIdField  # whose stream gets the fills of the one party
    account_id: AccountIdField  # of the one party; 0: that session's first
    side: Side  # SELL: it sells, and bidders buy; BUY: the other way round
    quantity_lots: NumberField
    reserve_price_ticks: NumberField  # no bid may be worse for the one party; 0, of a seller: none
    opens_ns: TimeField  # bids are taken from then on, UTC; one that is past: at once
    closes_ns: TimeField
    rules: BiddingRules = BiddingRules()  # what differs from the instrument's
    secondary_price_ticks: NumberField = 0  # 0: the instrument's last trade when it closes, or its reference
    text: TextField = ""


class CancelBidding(Command, frozen=True, tag=141):
    """Operators only: the bidding ends, its bids are let go unopened. Not once its window is over."""

    ref: RefField
    bidding_id: OrderIdField
    text: TextField = ""  # the reason, which everybody gets to see


class Bid(Command, frozen=True, tag=31):
    """Takes part in a bidding. Nobody else is told. Its place in the journal is the id of the bid."""

    ref: RefField
    bidding_id: OrderIdField
    quantity_lots: NumberField
    price_ticks: NumberField
    account_id: AccountIdField = AccountId(0)  # 0: the session's first account


class ModifyBid(Command, frozen=True, tag=32):
    """Another price and quantity, both whole. Its time is kept only where it becomes smaller at its price."""

    ref: RefField
    bid_id: OrderIdField
    quantity_lots: NumberField
    price_ticks: NumberField


class WithdrawBid(Command, frozen=True, tag=33):
    ref: RefField
    bid_id: OrderIdField
