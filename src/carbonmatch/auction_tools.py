"""`carbonmatch auction recompute`: what a bidding should have come to, found out again by other code.

From a journal only what came in is used: commands, and whether they were taken. Nothing of the engine's
allotment is called; it is held against what was told. The same goes from a file of inputs, which an exchange
may publish: proto/BIDDING.md says what is in it, and how to do without this program.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import IntEnum
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, structs

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal_tools import Batch, batches
from carbonmatch.matching.messages import (
    Bid,
    BiddingAnnounced,
    BiddingEnded,
    BiddingOutcome,
    BiddingPricing,
    BiddingRule,
    BiddingTie,
    BidState,
    BidUpdate,
    InstrumentDefined,
    InstrumentId,
    ModifyBid,
    OrderId,
    Ref,
    SessionId,
    Side,
    Undersubscription,
    WithdrawBid,
)

# A file of inputs comes from anywhere: what no bidding can have must not get as far as the arithmetic.
_NUMBER_MAX: Final = 2**63 - 1
_Number = Annotated[int, Meta(ge=0, le=_NUMBER_MAX)]
_Positive = Annotated[int, Meta(ge=1, le=_NUMBER_MAX)]
_SEED_BYTES: Final = 16
_OVER: Final = (BidState.ALLOTTED, BidState.NOT_ALLOTTED, BidState.CANCELLED)


class NothingToRecompute(Exception):
    """No such bidding, one that has not ended, or a file that is none of inputs."""

    exit_code = ExitCode.REFUSED


class BidInput(Struct, kw_only=True, forbid_unknown_fields=True):
    """A bid as it stood when the window ended, and what the venue told of it."""

    bid_id: _Number
    priority: _Number
    price_ticks: _Number
    quantity_lots: _Positive
    allotted_lots: _Number = 0
    allotted_price_ticks: _Number = 0
    account_id: _Number | None = None  # left out where the file is anonymous


class Inputs(Struct, kw_only=True, forbid_unknown_fields=True):
    """All that an allotment is computed from, and what the venue has told of it."""

    bidding_id: _Number
    instrument: str
    side: str
    quantity_lots: _Positive
    unit_lots: _Positive
    reserve_price_ticks: _Number
    pricing: str
    tie: str
    undersubscription: str
    secondary_basis_points: _Number
    secondary_price_ticks: _Number
    seed: str
    commitment: str
    outcome: str
    price_ticks: _Number
    allotted_lots: _Number
    bid_lots: _Number
    bid_count: _Number
    winner_count: _Number
    rule: str
    inputs_digest: str
    bids: list[BidInput]


class Result(Struct):
    """What a bidding comes to by the rules."""

    outcome: str
    price_ticks: int
    rule: str
    lots: dict[int, int]  # by bid


# --- the rules, once more -------------------------------------------------------------------------


def recompute(inputs: Inputs) -> list[str]:
    """Every difference between what the inputs come to and what the venue has told; none: it matches."""
    return [*_differences(inputs, computed(inputs))]


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
        len(inputs.bids),
    ]
    for bid in sorted(inputs.bids, key=lambda bid: bid.bid_id):
        numbers += [bid.bid_id, bid.priority, bid.price_ticks, bid.quantity_lots]
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


# --- inputs --------------------------------------------------------------------------------------


def read_inputs(file: Path) -> Inputs:
    """From a file that `write_inputs` has made, whoever has published it."""
    try:
        inputs = msgspec.json.decode(file.read_bytes(), type=Inputs)
        for name, enum in _WORDS.items():
            _check_word(name, getattr(inputs, name), enum)
        _check_seed(bytes.fromhex(inputs.seed))
        _check_ids(inputs.bids)
    except (msgspec.DecodeError, ValueError) as error:
        raise NothingToRecompute(f"{file}: no inputs of a bidding: {error}") from None
    return inputs


def _check_word(name: str, word: str, enum: type[IntEnum]) -> None:
    """Exactly as it is written here: SELL would give the digest of a sale, and be computed as none."""
    words = [member.name.lower() for member in enum]
    if word not in words:
        raise ValueError(f"{name} is {word!r}, expected one of {', '.join(words)}")


def _check_seed(seed: bytes) -> None:
    if len(seed) != _SEED_BYTES:
        raise ValueError(f"seed of {len(seed)} bytes, expected {_SEED_BYTES}")


def _check_ids(bids: list[BidInput]) -> None:
    counted = Counter(bid.bid_id for bid in bids)
    for bid_id, count in counted.items():
        if count > 1:
            raise ValueError(f"bid {bid_id} is there {count} times, expected once")


_WORDS: Final[dict[str, type[IntEnum]]] = {
    "side": Side,
    "pricing": BiddingPricing,
    "tie": BiddingTie,
    "undersubscription": Undersubscription,
    "outcome": BiddingOutcome,
    "rule": BiddingRule,
}


def write_inputs(inputs: Inputs, file: Path, *, anonymous: bool) -> None:
    """For whoever wants to recompute it; `anonymous` without the accounts of bidders."""
    if anonymous:
        inputs = structs.replace(inputs, bids=[structs.replace(bid, account_id=None) for bid in inputs.bids])
    file.write_bytes(msgspec.json.format(msgspec.json.encode(inputs)) + b"\n")


def inputs_of(
    directory: Path, bidding_id: OrderId, *, archive: Path | None = None, running: bool = False
) -> Inputs:
    """From a journal. Raises NothingToRecompute where it has no such bidding that has ended."""
    try:
        return collect(batches(directory, archive=archive, running=running), bidding_id)
    except NothingToRecompute as nothing:
        left_out = "; the segment that is being written was left out" if running else ""
        raise NothingToRecompute(f"{directory}: {nothing}{left_out}") from None


def collect(journaled: Iterable[Batch], bidding_id: OrderId) -> Inputs:
    """As `inputs_of`, wherever the batches come from; none is asked for beyond the bidding's end."""
    collected = _Collected(bidding_id)
    for batch in journaled:
        collected.take(batch)
        if collected.ended is not None:
            break
    announced, ended = collected.announced, collected.ended
    if announced is None:
        raise NothingToRecompute(f"no bidding {bidding_id} was announced")
    if ended is None:
        raise NothingToRecompute(f"bidding {bidding_id} has not ended")
    rules = announced.rules
    return Inputs(
        bidding_id=bidding_id,
        instrument=collected.symbols[announced.instrument_id],
        side=announced.side.name.lower(),
        quantity_lots=announced.quantity_lots,
        unit_lots=announced.unit_lots,
        reserve_price_ticks=announced.reserve_price_ticks,
        pricing=rules.pricing.name.lower(),
        tie=rules.tie.name.lower(),
        undersubscription=rules.undersubscription.name.lower(),
        secondary_basis_points=rules.secondary_basis_points,
        secondary_price_ticks=ended.secondary_price_ticks,
        seed=ended.seed.hex(),
        commitment=announced.commitment.hex(),
        outcome=ended.outcome.name.lower(),
        price_ticks=ended.price_ticks,
        allotted_lots=ended.allotted_lots,
        bid_lots=ended.bid_lots,
        bid_count=ended.bid_count,
        winner_count=ended.winner_count,
        rule=ended.rule.name.lower(),
        inputs_digest=ended.inputs_digest.hex(),
        bids=[bid for _, bid in sorted(collected.bids.items())],
    )


class _Collected:
    """What of one bidding has been read up to now: bids as their commands say, if these were taken."""

    def __init__(self, bidding_id: OrderId) -> None:
        self._bidding_id = bidding_id
        self.symbols: dict[InstrumentId, str] = {}
        self.announced: BiddingAnnounced | None = None
        self.ended: BiddingEnded | None = None
        self.bids: dict[OrderId, BidInput] = {}

    def take(self, batch: Batch) -> None:
        for event in batch.public:
            if isinstance(event, InstrumentDefined):
                self.symbols[event.definition.instrument_id] = event.definition.symbol
            elif isinstance(event, BiddingAnnounced) and event.bidding_id == self._bidding_id:
                self.announced = event
            elif isinstance(event, BiddingEnded) and event.bidding_id == self._bidding_id:
                self.ended = event
        if self.announced is None:
            return
        updates = [
            (session_id, report)
            for session_id, reports in batch.streams
            for report in reports
            if isinstance(report, BidUpdate) and report.bidding_id == self._bidding_id
        ]
        taken = {(session_id, update.ref): update for session_id, update in updates if update.ref}
        for entry in batch.entries:
            for sequence, command in enumerate(entry.commands, entry.first_sequence):
                if isinstance(command, Bid | ModifyBid | WithdrawBid):
                    self._take_command(entry.session_id, OrderId(sequence), command, taken)
        for _, update in updates:
            if update.state in _OVER and update.bid_id in self.bids:
                bid = self.bids[update.bid_id]
                bid.allotted_lots = update.allotted_lots
                bid.allotted_price_ticks = update.allotted_price_ticks

    def _take_command(
        self,
        session_id: SessionId,
        sequence: OrderId,
        command: Bid | ModifyBid | WithdrawBid,
        taken: dict[tuple[SessionId, Ref], BidUpdate],
    ) -> None:
        update = taken.get((session_id, command.ref))
        if update is None:
            return
        if isinstance(command, Bid):
            self.bids[sequence] = BidInput(
                bid_id=sequence,
                priority=sequence,
                price_ticks=command.price_ticks,
                quantity_lots=command.quantity_lots,
                account_id=update.account_id,
            )
        elif isinstance(command, WithdrawBid):
            del self.bids[command.bid_id]
        else:
            bid = self.bids[command.bid_id]
            if command.price_ticks != bid.price_ticks or command.quantity_lots > bid.quantity_lots:
                bid.priority = sequence
            bid.price_ticks, bid.quantity_lots = command.price_ticks, command.quantity_lots
