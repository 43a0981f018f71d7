"""What a bidding comes to, right by inspection: every lot is a ticket, tickets stand in a line."""

from fractions import Fraction
from hashlib import blake2b
from typing import NamedTuple

from carbonmatch.matching.messages import BiddingTie, OrderId


class Ticket(NamedTuple):
    """One lot of one bid."""

    bid_id: OrderId
    price_ticks: int


class Standing(NamedTuple):
    bid_id: OrderId
    priority: int
    price_ticks: int
    lots: int


def reference(
    bids: list[Standing], *, supply: int, sign: int, tie: BiddingTie, seed: bytes, unit: int
) -> tuple[int, dict[OrderId, int]]:
    """The last price that is served (0: nobody) and the lots of every bid.

    The larger `sign` x price, the better.
    """
    line = sorted(bids, key=lambda bid: (-sign * bid.price_ticks, _turn(bid, tie, seed)))
    tickets = [Ticket(bid.bid_id, bid.price_ticks) for bid in line for _ in range(bid.lots)]
    served = tickets[:supply]
    lots = {bid.bid_id: 0 for bid in bids}
    for ticket in served:
        lots[ticket.bid_id] += 1
    if not served:
        return 0, lots
    price = served[-1].price_ticks
    if tie is BiddingTie.PRO_RATA:
        group = [bid for bid in line if bid.price_ticks == price]
        left = sum(1 for ticket in served if ticket.price_ticks == price)
        lots.update(_shares(group, left, unit))
    return price, lots


def _shares(group: list[Standing], left: int, unit: int) -> dict[OrderId, int]:
    part = Fraction(left, sum(bid.lots for bid in group))
    shares = {bid.bid_id: int(bid.lots * part / unit) * unit for bid in group}
    for bid in group:
        if sum(shares.values()) < left:
            shares[bid.bid_id] += min(unit, bid.lots - shares[bid.bid_id])
    return shares


def _turn(bid: Standing, tie: BiddingTie, seed: bytes) -> tuple[int, int]:
    if tie is BiddingTie.TIME:
        return bid.priority, 0
    drawn = blake2b(bid.bid_id.to_bytes(8, "big"), key=seed, digest_size=8).digest()
    return int.from_bytes(drawn, "big"), bid.bid_id
