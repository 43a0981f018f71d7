"""Biddings, as a part of the state: see `state`. Their books, sessions and accounts are there before."""

from typing import TYPE_CHECKING

import msgspec

from carbonmatch.matching.bidding.bidding import Bidding, Ending, Offer, SealedBid
from carbonmatch.matching.messages import (
    AccountId,
    BiddingOutcome,
    BiddingRule,
    BiddingRules,
    BiddingState,
    InstrumentId,
    OrderId,
    SessionId,
    Side,
)

if TYPE_CHECKING:
    from carbonmatch.matching.venue import Venue


class _State(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Base of the parts: field order is byte order."""


class _BidState(_State, frozen=True):
    bid_id: OrderId
    session_id: SessionId
    account_id: AccountId
    bidder: int
    price_ticks: int
    quantity_lots: int
    priority: int
    allotted_lots: int


class _EndingState(_State, frozen=True):
    outcome: BiddingOutcome
    offered_left_lots: int
    price_ticks: int
    rule: BiddingRule
    bid_lots: int
    bid_count: int
    secondary_price_ticks: int
    inputs_digest: bytes
    text: str
    winner_count: int


class BiddingSaved(_State, frozen=True):
    bidding_id: OrderId
    instrument_id: InstrumentId
    session_id: SessionId
    account_id: AccountId
    side: Side
    quantity_lots: int
    reserve_price_ticks: int
    opens_ns: int
    closes_ns: int
    rules: BiddingRules
    unit_lots: int
    secondary_price_ticks: int
    seed: bytes
    state: BiddingState
    due_ns: int
    bids: list[_BidState]  # in the window by id; then the next to be told last
    ending: _EndingState | None


def saved_biddings(venue: "Venue") -> list[BiddingSaved]:
    """All that are not over, in the order of their ids."""
    return [_saved(bidding) for bidding in venue.biddings.by_id.values()]


def restore_biddings(venue: "Venue", kept: list[BiddingSaved]) -> None:
    for one in kept:
        _restore(venue, one)
    # They were kept bidding by bidding; who takes out an account's goes through all as they came.
    biddings = venue.biddings
    biddings.bids = dict(sorted(biddings.bids.items()))


def _saved(bidding: Bidding) -> BiddingSaved:
    offer = bidding.offer
    ending = bidding.ending
    return BiddingSaved(
        bidding.bidding_id,
        bidding.book.instrument.instrument_id,
        offer.session.session_id,
        offer.account.account_id,
        offer.side,
        offer.quantity_lots,
        offer.reserve_price_ticks,
        offer.opens_ns,
        offer.closes_ns,
        offer.rules,
        offer.unit_lots,
        offer.secondary_price_ticks,
        offer.seed,
        bidding.state,
        bidding.due_ns,
        [_saved_bid(bid) for bid in bidding.bids.values()],
        None
        if ending is None
        else _EndingState(*(getattr(ending, name) for name in _EndingState.__struct_fields__)),
    )


def _saved_bid(bid: SealedBid) -> _BidState:
    return _BidState(
        bid.bid_id,
        bid.session.session_id,
        bid.account.account_id,
        bid.bidder,
        bid.price_ticks,
        bid.quantity_lots,
        bid.priority,
        bid.allotted_lots,
    )


def _restore(venue: "Venue", kept: BiddingSaved) -> None:
    offer = Offer(
        venue.sessions[kept.session_id],
        venue.accounts[kept.account_id],
        kept.side,
        kept.quantity_lots,
        kept.reserve_price_ticks,
        kept.opens_ns,
        kept.closes_ns,
        kept.rules,
        kept.unit_lots,
        kept.secondary_price_ticks,
        kept.seed,
    )
    bidding = Bidding(kept.bidding_id, venue.books[kept.instrument_id], offer)
    bidding.state, bidding.due_ns = kept.state, kept.due_ns
    if kept.ending is not None:
        bidding.ending = Ending(**msgspec.structs.asdict(kept.ending))
    venue.biddings.add(bidding)
    for one in kept.bids:
        bid = SealedBid(
            bidding,
            one.bid_id,
            venue.sessions[one.session_id],
            venue.accounts[one.account_id],
            one.bidder,
            one.price_ticks,
            one.quantity_lots,
            one.priority,
        )
        bid.allotted_lots = one.allotted_lots
        venue.biddings.keep(bid)
