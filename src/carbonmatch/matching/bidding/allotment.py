"""Who is allotted how much: sorted by price, then as the tie rule says, until the supply is used up.

Nothing here knows of accounts, money or time: bids in, lots out. `carbonmatch auction recompute` does the
same with other code, and proto/BIDDING.md says it in words for whoever writes a third.
"""

import struct
from collections.abc import Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Final, NamedTuple

from carbonmatch.matching.bidding.bidding import Bidding, SealedBid
from carbonmatch.matching.messages import BiddingRule, BiddingTie, OrderId

SEED_BYTES: Final = 16
DIGEST_BYTES: Final = 32
_DRAW_BYTES: Final = 8
_PARAMETERS: Final = struct.Struct(">17Q")
_BID: Final = struct.Struct(">5Q")


class Allotment(NamedTuple):
    """`bids` are all of them in the order in which they are served; those come last that get nothing."""

    price_ticks: int  # 0: nothing was allotted
    rule: BiddingRule
    bids: list[tuple[SealedBid, int]]


def commitment_of(seed: bytes) -> bytes:
    """What is told of a seed before the bids come, so that nobody can choose it afterwards."""
    return blake2b(seed, digest_size=DIGEST_BYTES).digest()


def draw(seed: bytes, bid_id: OrderId) -> bytes:
    """Where a bid stands among those of its price: the smallest comes first."""
    return blake2b(bid_id.to_bytes(8, "big"), key=seed, digest_size=_DRAW_BYTES).digest()


def inputs_digest(bidding: Bidding, secondary_price_ticks: int) -> bytes:
    """Of the bids and all rules that they are held against, but for the seed: numbers of 8 bytes each."""
    offer = bidding.offer
    rules = offer.rules
    hashed = blake2b(digest_size=DIGEST_BYTES)
    hashed.update(
        _PARAMETERS.pack(
            bidding.bidding_id,
            offer.side,
            offer.quantity_lots,
            offer.reserve_price_ticks,
            offer.unit_lots,
            rules.pricing,
            rules.tie,
            rules.undersubscription,
            rules.secondary_basis_points,
            secondary_price_ticks,
            rules.bid_min_lots,
            rules.bid_increment_lots,
            rules.price_increment_ticks,
            rules.share_max_basis_points,
            rules.bids_max,
            rules.revision,
            len(bidding.bids),
        )
    )
    pack = _BID.pack
    # Nobody's name: who has the first bid is 1. They are in the order of their ids.
    numbers: dict[int, int] = {}
    for bid in bidding.bids.values():
        bidder = numbers.setdefault(bid.bidder, len(numbers) + 1)
        hashed.update(pack(bid.bid_id, bid.priority, bid.price_ticks, bid.quantity_lots, bidder))
    return hashed.digest()


def allot(bidding: Bidding) -> Allotment:
    """Allot what is offered to the bids, as if it could not be too few of them."""
    offer = bidding.offer
    sign = offer.sign
    ranked = sorted(bidding.bids.values(), key=lambda bid: (-sign * bid.price_ticks, bid.priority))
    allotted: list[tuple[SealedBid, int]] = []
    left = offer.quantity_lots
    price_ticks = 0
    rule = BiddingRule.NONE
    for price, same_price in groupby(ranked, key=lambda bid: bid.price_ticks):
        price_ticks, group = price, list(same_price)
        asked = sum([bid.quantity_lots for bid in group])
        if asked > left:
            shares, rule = _share(bidding, group, asked, left)
            allotted += shares
            left = 0
        else:
            allotted += [(bid, bid.quantity_lots) for bid in group]
            left -= asked
            rule = BiddingRule.ALL if len(allotted) == len(ranked) else BiddingRule.PRICE
        if not left:
            break
    allotted += [(bid, 0) for bid in ranked[len(allotted) :]]
    return Allotment(price_ticks, rule, allotted)


def _share(
    bidding: Bidding, group: list[SealedBid], asked: int, left: int
) -> tuple[list[tuple[SealedBid, int]], BiddingRule]:
    """Divide what is left among bids of one price that ask for more, who came first being first."""
    offer = bidding.offer
    tie = offer.rules.tie
    if len(group) == 1:
        return [(group[0], left)], BiddingRule.PRICE
    if tie is not BiddingTie.TIME:
        # Only here does it matter: drawing all bids would take longer than all the rest.
        group = sorted(group, key=lambda bid: (draw(offer.seed, bid.bid_id), bid.bid_id))
    if tie is BiddingTie.PRO_RATA:
        shares = _in_proportion(group, asked, left, offer.unit_lots)
        return list(zip(group, shares, strict=True)), BiddingRule.PRO_RATA
    shares = []
    for bid in group:
        shares.append(min(left, bid.quantity_lots))
        left -= shares[-1]
    rule = BiddingRule.TIME if tie is BiddingTie.TIME else BiddingRule.SEED
    return list(zip(group, shares, strict=True)), rule


def _in_proportion(group: Sequence[SealedBid], asked: int, left: int, unit_lots: int) -> list[int]:
    """Whole units, rounded down; what that leaves, one unit each, in the order of the group."""
    units = [bid.quantity_lots * left // asked // unit_lots for bid in group]
    spare = left // unit_lots - sum(units)
    assert 0 <= spare < len(group), "rounding down leaves less than a unit of each"
    return [(count + (place < spare)) * unit_lots for place, count in enumerate(units)]
