"""Who is allotted how much: sorted by price, then as the tie rule says, until the supply is used up.

Nothing here knows of accounts, money or time: bids in, lots out. `carbonmatch auction recompute` does the
same with other code, and proto/BIDDING.md says it in words for whoever writes a third.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from carbonmatch.matching.bidding.bidding import Bidding, SealedBid
from carbonmatch.matching.messages import BiddingRule, BiddingTie, OrderId

SEED_BYTES: Final = 16
DIGEST_BYTES: Final = 32
_DRAW_BYTES: Final = 8
_NUMBER_BYTES: Final = 8


class Allotment(NamedTuple):
    """`bids` are all of them: those with lots first, best first, then the others by id."""

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
    """Of all that an allotment is computed from, but for the seed: numbers of 8 bytes, big-endian."""
    offer = bidding.offer
    rules = offer.rules
    hashed = blake2b(digest_size=DIGEST_BYTES)
    numbers: tuple[int, ...] = (
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
        len(bidding.bids),
    )
    hashed.update(_bytes(numbers))
    for bid_id, bid in sorted(bidding.bids.items()):
        hashed.update(_bytes((bid_id, bid.priority, bid.price_ticks, bid.quantity_lots)))
    return hashed.digest()


def allot(bidding: Bidding) -> Allotment:
    """Allot what is offered to the bids, as if it could not be too few of them."""
    offer = bidding.offer
    order = _order(bidding)
    ranked = sorted(bidding.bids.values(), key=lambda bid: (-offer.sign * bid.price_ticks, *order(bid)))
    left = offer.quantity_lots
    allotted: list[tuple[SealedBid, int]] = []
    rule = BiddingRule.ALL
    price_ticks = 0
    start = 0
    while left and start < len(ranked):
        price_ticks = ranked[start].price_ticks
        end = start
        while end < len(ranked) and ranked[end].price_ticks == price_ticks:
            end += 1
        group = ranked[start:end]
        asked = sum(bid.quantity_lots for bid in group)
        if asked <= left:
            lots = [bid.quantity_lots for bid in group]
        else:
            lots, rule = _share(bidding, group, asked, left)
        allotted += zip(group, lots, strict=True)
        left -= sum(lots)
        start = end
    if start < len(ranked) and rule is BiddingRule.ALL:
        rule = BiddingRule.PRICE
    winners = [(bid, lots) for bid, lots in allotted if lots]
    won = {bid.bid_id for bid, _ in winners}
    losers = [(bid, 0) for bid_id, bid in sorted(bidding.bids.items()) if bid_id not in won]
    return Allotment(price_ticks, rule if winners else BiddingRule.NONE, winners + losers)


def _order(bidding: Bidding) -> Callable[[SealedBid], tuple[bytes | int, int]]:
    """Who comes first at one price."""
    if bidding.offer.rules.tie is BiddingTie.TIME:
        return lambda bid: (bid.priority, 0)
    seed = bidding.offer.seed
    return lambda bid: (draw(seed, bid.bid_id), bid.bid_id)


def _share(
    bidding: Bidding, group: Sequence[SealedBid], asked: int, left: int
) -> tuple[list[int], BiddingRule]:
    """Divide what is left among bids of one price that ask for more."""
    tie = bidding.offer.rules.tie
    if tie is BiddingTie.PRO_RATA and len(group) > 1:
        return _in_proportion(group, asked, left, bidding.offer.unit_lots), BiddingRule.PRO_RATA
    lots = []
    for bid in group:
        lots.append(min(left, bid.quantity_lots))
        left -= lots[-1]
    if len(group) == 1:
        return lots, BiddingRule.PRICE
    return lots, BiddingRule.TIME if tie is BiddingTie.TIME else BiddingRule.SEED


def _in_proportion(group: Sequence[SealedBid], asked: int, left: int, unit_lots: int) -> list[int]:
    """Whole units, rounded down; what that leaves, one unit each, in the order of the group."""
    units = [bid.quantity_lots * left // asked // unit_lots for bid in group]
    spare = left // unit_lots - sum(units)
    assert 0 <= spare < len(group), "rounding down leaves less than a unit of each"
    return [(count + (place < spare)) * unit_lots for place, count in enumerate(units)]


def _bytes(numbers: Iterable[int]) -> bytes:
    return b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in numbers)
