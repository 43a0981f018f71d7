"""Taking out what is open, where an operator wants it gone: found first, so that it can also only be told.

Orders, then offers of blocks, then bids, then whole biddings, each in the order in
which they were found. What is frozen near the end of an auction can be taken out too: that rule binds
members.
"""

from collections.abc import Callable
from typing import NamedTuple

from carbonmatch.limits import BID_MEETINGS
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.bidding.bidding import Bidding, SealedBid
from carbonmatch.matching.bidding.commands import go_on
from carbonmatch.matching.bidding.course import answer, call_off, let_go
from carbonmatch.matching.blocks.endings import cancel_offers
from carbonmatch.matching.blocks.proposals import Proposal
from carbonmatch.matching.book import Book
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import NO_REF, BiddingState, BidState, CancelReason, Side
from carbonmatch.matching.venue import Venue

# Of whom, of what, and on which side.
IsMeant = Callable[[Account, Book, Side], bool]


class Open(NamedTuple):
    """What was found. Bids of a bidding that is called off as a whole are not among `bids`."""

    orders: list[Order]
    proposals: list[Proposal]
    bids: list[SealedBid]
    biddings: list[Bidding]

    @property
    def order_lots(self) -> int:
        """What the orders have left, also what icebergs hide."""
        return sum([order.leaves_lots + order.hidden_lots for order in self.orders])


def open_offers(venue: Venue, is_meant: IsMeant) -> list[Proposal]:
    """Offers of blocks that bind such an account; what others offer to it binds them."""
    return [
        proposal
        for proposal in venue.negotiations.proposals.values()
        if is_meant(proposal.bound_account, proposal.book, proposal.offerer.side)
    ]


def open_bids(venue: Venue, is_meant: IsMeant) -> list[SealedBid]:
    """Bids whose window is not over: after that they are being traded."""
    return [
        bid
        for bid in venue.biddings.bids.values()
        if bid.bidding.state is not BiddingState.CLOSED
        and is_meant(bid.account, bid.bidding.book, bid.bidding.offer.bidders_side)
    ]


def open_biddings(venue: Venue, is_meant: IsMeant) -> list[Bidding]:
    """Biddings whose one party is meant, announced or open."""
    return [
        bidding
        for bidding in venue.biddings.by_id.values()
        if bidding.state is not BiddingState.CLOSED
        and is_meant(bidding.offer.account, bidding.book, bidding.offer.side)
    ]


def pull(venue: Venue, found: Open, reason: CancelReason, text: str = "") -> None:
    """Take out what was found just before, and tell its owners; of biddings everyone, with the text."""
    for order in found.orders:
        venue.end(order, NO_REF, reason)
    if found.proposals:
        meant = {proposal.proposal_id for proposal in found.proposals}
        cancel_offers(venue, reason, lambda proposal: proposal.proposal_id in meant)
    # What is told of bids in one entry has a bound, whichever of its commands takes them out.
    venue.auction_orders_left -= len(found.bids) * BID_MEETINGS
    assert venue.auction_orders_left >= 0, "no more bids are looked for than there is room for"
    for bid in found.bids:
        _pull_bid(venue, bid)
    for bidding in found.biddings:
        call_off(venue, bidding, text)
        go_on(venue, bidding)


def _pull_bid(venue: Venue, bid: SealedBid) -> None:
    bidding = bid.bidding
    let_go(bidding.book, bid.account, bidding.offer.bidders_side, bid.quantity_lots, 0, bid.price_ticks)
    venue.biddings.forget(bid)
    answer(venue, bid.session, bid, NO_REF, BidState.WITHDRAWN)
