"""`carbonmatch auction recompute`: what a bidding should have come to, found out again by other code.

Nothing of the engine's allotment is called; what it has told is held against what the bids come to, and each
bid against the rules that were announced. proto/BIDDING.md says what is in the inputs, and how to do without
this program.
"""

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b

from msgspec import Struct, structs

from carbonmatch.auction_inputs import BidInput as BidInput
from carbonmatch.auction_inputs import Inputs as Inputs
from carbonmatch.auction_inputs import NothingToRecompute as NothingToRecompute
from carbonmatch.auction_inputs import collect as collect
from carbonmatch.auction_inputs import inputs_of as inputs_of
from carbonmatch.auction_inputs import read_inputs as read_inputs
from carbonmatch.auction_inputs import write_inputs as write_inputs
from carbonmatch.matching.messages import BiddingPricing, BiddingTie, BidRevision, Side, Undersubscription


class Result(Struct):
    """What a bidding comes to by the rules."""

    outcome: str
    price_ticks: int
    rule: str
    lots: dict[int, int]  # by bid


# --- the rules, once more -------------------------------------------------------------------------


def recompute(inputs: Inputs) -> list[str]:
    """Every bid that should not have been taken, and every difference between what the inputs come to and
    what the venue has told; none: it matches.
    """
    return [*inadmissible(inputs), *_differences(inputs, computed(inputs))]


def inadmissible(inputs: Inputs) -> Iterator[str]:
    """Every bid, and every bidder, that the announced rules do not admit."""
    for bid in inputs.bids:
        for fault in _faults_of_bid(inputs, bid):
            yield f"bid {bid.bid_id}: {fault}"
    share_lots = inputs.quantity_lots * inputs.share_max_basis_points // 10_000
    lots: Counter[int] = Counter()
    for bid in inputs.bids:
        lots[bid.bidder] += bid.quantity_lots
    bids = Counter(bid.bidder for bid in inputs.bids)
    for bidder in sorted(bids):
        if bids[bidder] > inputs.bids_max:
            yield f"bidder {bidder}: {bids[bidder]} bids, expected at most {inputs.bids_max}"
        if lots[bidder] > share_lots:
            yield f"bidder {bidder}: bids for {lots[bidder]} lots, expected at most {share_lots}"


def _faults_of_bid(inputs: Inputs, bid: BidInput) -> Iterator[str]:
    lots, price = bid.quantity_lots, bid.price_ticks
    if bid.bid_id <= inputs.bidding_id:
        yield f"came before the bidding {inputs.bidding_id}"
    if inputs.revision == "none" and bid.priority != bid.bid_id:
        yield f"priority {bid.priority}, expected {bid.bid_id}: no bid may be changed"
    if bid.priority < bid.bid_id:
        yield f"priority {bid.priority}, before the bid came"
    if not inputs.bid_min_lots <= lots <= inputs.quantity_lots:
        yield f"{lots} lots, expected {inputs.bid_min_lots} to {inputs.quantity_lots}"
    if lots % inputs.bid_increment_lots:
        yield f"{lots} lots, expected a multiple of {inputs.bid_increment_lots}"
    if price == 0 or price % inputs.price_increment_ticks:
        yield f"a price of {price} ticks, expected a multiple of {inputs.price_increment_ticks}"
    reserve = inputs.reserve_price_ticks
    if (price < reserve) if inputs.side == "sell" else (price > reserve):
        yield f"a price of {price} ticks is worse for the one party than the reserve price, {reserve}"


def computed(inputs: Inputs) -> Result:
    """What the bids come to. Where an operator has cancelled, they come to nothing."""
    bids = inputs.bids
    nothing = Result("by_operator", 0, "none", {bid.bid_id: 0 for bid in bids})
    if inputs.outcome == nothing.outcome:
        return nothing
    asked = sum(bid.quantity_lots for bid in bids)
    if not bids:
        return structs.replace(nothing, outcome="no_bids")
    if asked < inputs.quantity_lots and inputs.undersubscription == "cancel":
        return structs.replace(nothing, outcome="undersubscribed")
    last_price = _last_price(inputs)
    floor, price = inputs.secondary_price_ticks * inputs.secondary_basis_points, last_price * 10_000
    if floor and (price < floor if inputs.side == "sell" else price > floor):
        return structs.replace(nothing, outcome="below_secondary")
    lots = {bid.bid_id: bid.quantity_lots if _is_better(inputs, bid, last_price) else 0 for bid in bids}
    left = inputs.quantity_lots - sum(lots.values())
    margin = [bid for bid in bids if bid.price_ticks == last_price]
    rule = "all"
    if asked > inputs.quantity_lots:
        wanted = sum(bid.quantity_lots for bid in margin)
        rule = "price" if wanted <= left or len(margin) == 1 else inputs.tie
    lots.update(_at_the_margin(inputs, margin, left))
    return Result("sold" if asked >= inputs.quantity_lots else "partly_sold", last_price, rule, lots)


def _last_price(inputs: Inputs) -> int:
    """The best price at which, and at better ones, all that is offered is asked for; else the worst."""
    prices = sorted({bid.price_ticks for bid in inputs.bids}, reverse=inputs.side == "sell")
    for price in prices:
        asked = sum(
            bid.quantity_lots
            for bid in inputs.bids
            if bid.price_ticks == price or _is_better(inputs, bid, price)
        )
        if asked >= inputs.quantity_lots:
            return price
    return prices[-1]


def _is_better(inputs: Inputs, bid: BidInput, price_ticks: int) -> bool:
    return bid.price_ticks > price_ticks if inputs.side == "sell" else bid.price_ticks < price_ticks


def _at_the_margin(inputs: Inputs, margin: list[BidInput], left: int) -> Iterator[tuple[int, int]]:
    """What is left, for the bids at the last price."""
    seed = bytes.fromhex(inputs.seed)
    if inputs.tie == "time":
        margin = sorted(margin, key=lambda bid: bid.priority)
    else:
        margin = sorted(margin, key=lambda bid: (drawn(seed, bid.bid_id), bid.bid_id))
    wanted = sum(bid.quantity_lots for bid in margin)
    if inputs.tie == "pro_rata" and wanted > left:
        unit = inputs.unit_lots
        shares = [bid.quantity_lots * left // wanted // unit * unit for bid in margin]
        spare = (left - sum(shares)) // unit
        for place, bid in enumerate(margin):
            yield bid.bid_id, shares[place] + (unit if place < spare else 0)
        return
    for bid in margin:
        lots = min(bid.quantity_lots, left)
        left -= lots
        yield bid.bid_id, lots


def drawn(seed: bytes, bid_id: int) -> bytes:
    """Where a bid stands among those of its price."""
    return blake2b(bid_id.to_bytes(8, "big"), key=seed, digest_size=8).digest()


def digest_of(inputs: Inputs) -> str:
    """Of the inputs, as the venue has told it."""
    numbers = [
        inputs.bidding_id,
        Side[inputs.side.upper()],
        inputs.quantity_lots,
        inputs.reserve_price_ticks,
        inputs.unit_lots,
        BiddingPricing[inputs.pricing.upper()],
        BiddingTie[inputs.tie.upper()],
        Undersubscription[inputs.undersubscription.upper()],
        inputs.secondary_basis_points,
        inputs.secondary_price_ticks,
        inputs.bid_min_lots,
        inputs.bid_increment_lots,
        inputs.price_increment_ticks,
        inputs.share_max_basis_points,
        inputs.bids_max,
        BidRevision[inputs.revision.upper()],
        len(inputs.bids),
    ]
    for bid in sorted(inputs.bids, key=lambda bid: bid.bid_id):
        numbers += [bid.bid_id, bid.priority, bid.price_ticks, bid.quantity_lots, bid.bidder]
    data = b"".join(number.to_bytes(8, "big") for number in numbers)
    return blake2b(data, digest_size=32).hexdigest()


def _differences(inputs: Inputs, result: Result) -> Iterator[str]:
    def differs(what: str, found: object, expected: object) -> Iterator[str]:
        if found != expected:
            yield f"{what}: the venue told {found}, the inputs come to {expected}"

    yield from differs("outcome", inputs.outcome, result.outcome)
    yield from differs("price in ticks", inputs.price_ticks, result.price_ticks)
    yield from differs("deciding rule", inputs.rule, result.rule)
    yield from differs("lots allotted", inputs.allotted_lots, sum(result.lots.values()))
    yield from differs("winners", inputs.winner_count, sum(1 for lots in result.lots.values() if lots))
    commitment = blake2b(bytes.fromhex(inputs.seed), digest_size=32).hexdigest()
    yield from differs("commitment to the seed", inputs.commitment, commitment)
    # Bids that an operator has let go were not looked at, and nothing is told of them.
    is_opened = inputs.outcome != "by_operator"
    opened = inputs.bids if is_opened else []
    yield from differs("lots bid for", inputs.bid_lots, sum(bid.quantity_lots for bid in opened))
    yield from differs("bids", inputs.bid_count, len(opened))
    yield from differs("digest of the inputs", inputs.inputs_digest, digest_of(inputs) if is_opened else "")
    for bid in inputs.bids:
        lots = result.lots[bid.bid_id]
        yield from differs(f"lots of bid {bid.bid_id}", bid.allotted_lots, lots)
        price = bid.price_ticks if inputs.pricing == "pay_as_bid" else result.price_ticks
        yield from differs(f"price of bid {bid.bid_id}", bid.allotted_price_ticks, price if lots else 0)


def paid(inputs: Inputs) -> str:
    """What was paid, in words: one price, or that of the last bid, where the others have paid their own."""
    if not inputs.allotted_lots:
        return ""
    if inputs.pricing == "pay_as_bid":
        return f", each bid at its own price, the last one at {inputs.price_ticks} ticks"
    return f" at {inputs.price_ticks} ticks"
