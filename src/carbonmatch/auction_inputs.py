"""What a bidding is computed from again: read from a journal, or from a file that an exchange has published.

From a journal only what came in is used: commands, and whether they were taken.
"""

from collections import Counter
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, structs

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal_tools import Batch, batches, made_commands
from carbonmatch.matching.messages import (
    AccountId,
    Bid,
    BiddingAnnounced,
    BiddingEnded,
    BiddingOutcome,
    BiddingPricing,
    BiddingRule,
    BiddingTie,
    BidRevision,
    BidState,
    BidUpdate,
    DefineAccount,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    ModifyBid,
    OrderId,
    Ref,
    SelfTradeKey,
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
    # Bids of one bidder have one number: 1 is who has the first bid, by their ids, then 2, and so on.
    bidder: _Positive
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
    bid_min_lots: _Positive
    bid_increment_lots: _Positive
    price_increment_ticks: _Positive
    share_max_basis_points: _Positive
    bids_max: _Positive
    revision: str
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
    "revision": BidRevision,
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
        instrument=collected.definitions[announced.instrument_id].symbol,
        side=announced.side.name.lower(),
        quantity_lots=announced.quantity_lots,
        unit_lots=announced.unit_lots,
        reserve_price_ticks=announced.reserve_price_ticks,
        pricing=rules.pricing.name.lower(),
        tie=rules.tie.name.lower(),
        undersubscription=rules.undersubscription.name.lower(),
        secondary_basis_points=rules.secondary_basis_points,
        secondary_price_ticks=ended.secondary_price_ticks,
        bid_min_lots=rules.bid_min_lots,
        bid_increment_lots=rules.bid_increment_lots,
        price_increment_ticks=rules.price_increment_ticks,
        share_max_basis_points=rules.share_max_basis_points,
        bids_max=rules.bids_max,
        revision=rules.revision.name.lower(),
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
        bids=collected.numbered_bids(),
    )


class _Collected:
    """What of one bidding has been read up to now: bids as their commands say, if these were taken."""

    def __init__(self, bidding_id: OrderId) -> None:
        self._bidding_id = bidding_id
        self.definitions: dict[InstrumentId, InstrumentDefinition] = {}
        self._accounts: dict[AccountId, DefineAccount] = {}
        # By bid: whose it was when it came in.
        self._owners: dict[OrderId, tuple[str, int]] = {}
        self.announced: BiddingAnnounced | None = None
        self.ended: BiddingEnded | None = None
        self.bids: dict[OrderId, BidInput] = {}

    def take(self, batch: Batch) -> None:
        for event in batch.public:
            if isinstance(event, InstrumentDefined):
                self.definitions[event.definition.instrument_id] = event.definition
            elif isinstance(event, BiddingAnnounced) and event.bidding_id == self._bidding_id:
                self.announced = event
            elif isinstance(event, BiddingEnded) and event.bidding_id == self._bidding_id:
                self.ended = event
        updates = [
            (session_id, report)
            for session_id, reports in batch.streams
            for report in reports
            if isinstance(report, BidUpdate) and report.bidding_id == self._bidding_id
        ]
        taken = {(session_id, update.ref): update for session_id, update in updates if update.ref}
        for entry in batch.entries:
            for sequence, command in made_commands(entry):
                if isinstance(command, DefineAccount):
                    self._accounts[command.account_id] = command
                elif isinstance(command, Bid | ModifyBid | WithdrawBid):
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
                bidder=1,
                account_id=update.account_id,
            )
            self._owners[sequence] = self._owner(update.account_id)
        elif isinstance(command, WithdrawBid):
            del self.bids[command.bid_id]
        else:
            bid = self.bids[command.bid_id]
            if command.price_ticks != bid.price_ticks or command.quantity_lots > bid.quantity_lots:
                bid.priority = sequence
            bid.price_ticks, bid.quantity_lots = command.price_ticks, command.quantity_lots

    def _owner(self, account_id: AccountId) -> tuple[str, int]:
        """Whose the account is, as self-trade prevention of the instrument goes."""
        assert self.announced is not None
        key = self.definitions[self.announced.instrument_id].self_trade.key
        account = self._accounts[account_id]
        if key is SelfTradeKey.ACCOUNT:
            return "account", account_id
        if key is SelfTradeKey.GROUP and account.group_id:
            return "group", account.group_id
        return "participant", account.participant_id

    def numbered_bids(self) -> list[BidInput]:
        """In the order of their ids, and their bidders without names."""
        numbers: dict[tuple[str, int], int] = {}
        for bid_id, bid in sorted(self.bids.items()):
            bid.bidder = numbers.setdefault(self._owners[bid_id], len(numbers) + 1)
        return [bid for _, bid in sorted(self.bids.items())]
