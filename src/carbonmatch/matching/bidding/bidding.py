"""A bidding that is announced or under way, its bids, and all of the venue together. Only data."""

from typing import TYPE_CHECKING

from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.bidding.rules import bidder_lots_max
from carbonmatch.matching.messages import (
    BiddingOutcome,
    BiddingRule,
    BiddingRules,
    BiddingState,
    OrderId,
    Side,
)

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book


class SealedBid:
    """A bid that stands. `bidder` is whose it was when it came in: shares count by that."""

    __slots__ = (
        "account",
        "allotted_lots",
        "bid_id",
        "bidder",
        "bidding",
        "price_ticks",
        "priority",
        "quantity_lots",
        "session",
    )

    def __init__(
        self,
        bidding: "Bidding",
        bid_id: OrderId,
        session: SessionState,
        account: Account,
        bidder: int,
        price_ticks: int,
        quantity_lots: int,
        priority: int,
    ) -> None:
        self.bidding = bidding
        self.bid_id = bid_id
        self.session = session
        self.account = account
        self.bidder = bidder
        self.price_ticks = price_ticks
        self.quantity_lots = quantity_lots
        # The command that its time counts from.
        self.priority = priority
        # Known once the bidding is closed.
        self.allotted_lots = 0


class Offer:
    """What a bidding is about, as it was announced: never changed."""

    __slots__ = (
        "account",
        "closes_ns",
        "opens_ns",
        "quantity_lots",
        "reserve_price_ticks",
        "rules",
        "secondary_price_ticks",
        "seed",
        "session",
        "side",
        "unit_lots",
    )

    def __init__(
        self,
        session: SessionState,
        account: Account,
        side: Side,
        quantity_lots: int,
        reserve_price_ticks: int,
        opens_ns: int,
        closes_ns: int,
        rules: BiddingRules,
        unit_lots: int,
        secondary_price_ticks: int,
        seed: bytes,
    ) -> None:
        self.session = session
        self.account = account
        self.side = side
        self.quantity_lots = quantity_lots
        self.reserve_price_ticks = reserve_price_ticks
        self.opens_ns = opens_ns
        self.closes_ns = closes_ns
        # All in force: see `rules`.
        self.rules = rules
        self.unit_lots = unit_lots
        self.secondary_price_ticks = secondary_price_ticks
        self.seed = seed

    @property
    def bidders_side(self) -> Side:
        return Side.BUY if self.side is Side.SELL else Side.SELL

    @property
    def sign(self) -> int:
        """Of prices, so that a larger one is better for the one party: bidders who buy bid high."""
        return 1 if self.side is Side.SELL else -1

    @property
    def bidder_lots_max(self) -> int:
        """What the bids of one bidder may ask for together."""
        return bidder_lots_max(self.rules, self.quantity_lots)


class Ending:
    """How a bidding ends, while its bids are told one after the other."""

    __slots__ = (
        "bid_count",
        "bid_lots",
        "inputs_digest",
        "offered_left_lots",
        "outcome",
        "price_ticks",
        "rule",
        "secondary_price_ticks",
        "text",
        "winner_count",
    )

    def __init__(
        self,
        outcome: BiddingOutcome,
        offered_left_lots: int,
        price_ticks: int = 0,
        rule: BiddingRule = BiddingRule.NONE,
        bid_lots: int = 0,
        bid_count: int = 0,
        secondary_price_ticks: int = 0,
        inputs_digest: bytes = b"",
        text: str = "",
        winner_count: int = 0,
    ) -> None:
        self.outcome = outcome
        # What the one party still has locked.
        self.offered_left_lots = offered_left_lots
        self.price_ticks = price_ticks
        self.rule = rule
        self.bid_lots = bid_lots
        self.bid_count = bid_count
        self.secondary_price_ticks = secondary_price_ticks
        self.inputs_digest = inputs_digest
        self.text = text
        self.winner_count = winner_count


class Bidding:
    """One bidding that is not over. Invariant: `ending` is there exactly while it is CLOSED.

    `bids` has those that stand in the order of their ids; once it is CLOSED, those that are still to be told,
    the next one last. `lots_by_bidder` and `bids_by_bidder` count what stands in the window.
    """

    __slots__ = (
        "bidding_id",
        "bids",
        "bids_by_bidder",
        "book",
        "due_ns",
        "ending",
        "lots_by_bidder",
        "offer",
        "state",
    )

    def __init__(self, bidding_id: OrderId, book: "Book", offer: Offer) -> None:
        self.bidding_id = bidding_id
        self.book = book
        self.offer = offer
        self.state = BiddingState.ANNOUNCED
        self.bids: dict[OrderId, SealedBid] = {}
        self.lots_by_bidder: dict[int, int] = {}
        self.bids_by_bidder: dict[int, int] = {}
        self.ending: Ending | None = None
        # When something of it is due next.
        self.due_ns = offer.opens_ns

    def count(self, bid: SealedBid, sign: int) -> None:
        """Count a bid that comes (1) to its bidder, or one that goes (-1) away from it."""
        bidder = bid.bidder
        lots = self.lots_by_bidder.get(bidder, 0) + sign * bid.quantity_lots
        bids = self.bids_by_bidder.get(bidder, 0) + sign
        if bids:
            self.lots_by_bidder[bidder], self.bids_by_bidder[bidder] = lots, bids
        else:
            del self.lots_by_bidder[bidder], self.bids_by_bidder[bidder]


class Biddings:
    """All biddings of the venue that are not over, and all bids in them, by their ids.

    Invariant: both are in the order of their ids, which is that in which they came.
    """

    __slots__ = ("bids", "by_id")

    def __init__(self) -> None:
        self.by_id: dict[OrderId, Bidding] = {}
        self.bids: dict[OrderId, SealedBid] = {}

    def add(self, bidding: Bidding) -> None:
        self.by_id[bidding.bidding_id] = bidding
        bidding.book.biddings[bidding.bidding_id] = bidding

    def remove(self, bidding: Bidding) -> None:
        del self.by_id[bidding.bidding_id]
        del bidding.book.biddings[bidding.bidding_id]

    def keep(self, bid: SealedBid) -> None:
        self.bids[bid.bid_id] = bid
        bid.bidding.bids[bid.bid_id] = bid
        bid.bidding.count(bid, 1)

    def forget(self, bid: SealedBid) -> None:
        del self.bids[bid.bid_id]
        del bid.bidding.bids[bid.bid_id]
        bid.bidding.count(bid, -1)

    def take_next(self, bidding: Bidding) -> SealedBid:
        """The next bid that is told how it has ended; it is gone from here then."""
        bid_id, bid = bidding.bids.popitem()
        del self.bids[bid_id]
        bidding.count(bid, -1)
        return bid

    def check(self) -> None:
        """Assert every invariant: for tests, since it reads all there is."""
        assert sum(len(bidding.bids) for bidding in self.by_id.values()) == len(self.bids)
        assert list(self.by_id) == sorted(self.by_id)
        assert list(self.bids) == sorted(self.bids)
        for bidding_id, bidding in self.by_id.items():
            assert bidding.bidding_id == bidding_id
            assert bidding.book.biddings[bidding_id] is bidding
            _check(bidding)
            for bid_id, bid in bidding.bids.items():
                assert bid.bid_id == bid_id
                assert self.bids[bid_id] is bid
                assert bid.bidding is bidding


def _check(bidding: Bidding) -> None:
    offer, bids = bidding.offer, list(bidding.bids.values())
    assert (bidding.state is BiddingState.CLOSED) == (bidding.ending is not None)
    assert bidding.state in (BiddingState.ANNOUNCED, BiddingState.OPEN, BiddingState.CLOSED)
    assert bidding.state is not BiddingState.ANNOUNCED or not bids
    lots: dict[int, int] = {}
    for bid in bids:
        assert bid.quantity_lots > 0
        assert offer.sign * bid.price_ticks >= offer.sign * offer.reserve_price_ticks
        assert bid.bidding.bidding_id < bid.bid_id <= bid.priority
        lots[bid.bidder] = lots.get(bid.bidder, 0) + bid.quantity_lots
    assert lots == bidding.lots_by_bidder
    assert all(one <= offer.bidder_lots_max for one in lots.values())
    assert sum(bidding.bids_by_bidder.values()) == len(bids)
    if bidding.ending is None:
        assert [bid.bid_id for bid in bids] == sorted(bid.bid_id for bid in bids)
        assert not any(bid.allotted_lots for bid in bids)
    else:
        assert sum(bid.allotted_lots for bid in bids) <= bidding.ending.offered_left_lots
