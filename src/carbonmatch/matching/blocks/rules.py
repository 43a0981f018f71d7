"""What a block must satisfy, each rule with its own reason: size, price, sides, and when."""

from carbonmatch.limits import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.blocks.proposals import BlockBook
from carbonmatch.matching.book import Book
from carbonmatch.matching.messages import (
    BlockBand,
    BlockPhase,
    BlockRules,
    NewOrder,
    OrderFlag,
    Phase,
    RejectReason,
    Side,
    TradeKind,
)
from carbonmatch.matching.prices.bands import NO_BAND, band_of
from carbonmatch.matching.prices.collecting import collect
from carbonmatch.matching.venue import Venue

# In which phases of the instrument its blocks rest as well, whatever their own phase is.
_STOPS_BLOCKS = frozenset({Phase.HALTED, Phase.CANCEL_ONLY, Phase.CLOSED})


def phase_refusal(book: Book, blocks: BlockBook) -> RejectReason | None:
    """Why nothing is offered or accepted now, None if it may be."""
    instrument = book.instrument
    if instrument.is_uncrossing:
        return RejectReason.FROZEN
    if instrument.phase in _STOPS_BLOCKS:
        return instrument.refusal(NewOrder)
    return None if blocks.course.phase is BlockPhase.OPEN else RejectReason.NOT_IN_THIS_PHASE


def terms_refusal(venue: Venue, book: Book, lots: int, price_ticks: int) -> RejectReason | None:
    """Why no block may have this quantity and price now, None if one may."""
    assert book.blocks is not None
    rules = book.blocks.rules
    return _quantity_refusal(book, rules, lots) or _price_refusal(venue, book, rules, lots, price_ticks)


def expiry_ns(venue: Venue, rules: BlockRules, asked_ns: int) -> int:
    """When an offer that is made now ends, 0: with the blocks. The sooner of what was asked and the rule."""
    longest_ns = venue.time_ns + rules.ttl_ns if rules.ttl_ns else 0
    return min(asked_ns, longest_ns) if asked_ns and longest_ns else asked_ns or longest_ns


def offer_refusal(venue: Venue, expires_ns: int, flags: int) -> RejectReason | None:
    """Why an offer may not stand for so long, or in this way."""
    if flags & ~OrderFlag.KEEP_ON_DISCONNECT:
        return RejectReason.INCOMPATIBLE_INSTRUCTIONS
    return RejectReason.INVALID_EXPIRY if expires_ns and expires_ns <= venue.time_ns else None


def is_one_owner(book: Book, one: Account, other: Account) -> bool:
    """By what the instrument goes by: nobody trades a block with himself."""
    key = book.instrument.self_trade_key
    return one.owners[key] == other.owners[key]


def means_refusal(
    book: Book, account: Account, side: Side, lots: int, price_ticks: int
) -> RejectReason | None:
    """Why the account's holdings, cash or limits do not allow it, None if they do or nobody asks."""
    if book.clearing is None:
        return None
    return book.clearing.refusal(account, side, lots, price_ticks, TradeKind.BLOCK)


def block_band(venue: Venue, book: Book, rules: BlockRules) -> tuple[int, int]:
    """The lowest and the highest price of a block now, both inclusive; 0 and 0: there is no band."""
    instrument = book.instrument
    definition = instrument.definition
    if rules.band is BlockBand.NONE:
        return NO_BAND
    if rules.band is BlockBand.INSTRUMENT:
        return definition.band_low_ticks, definition.band_high_ticks
    return band_of(
        _base_ticks(venue, book, rules),
        rules.band_up_basis_points,
        rules.band_down_basis_points,
        rules.band_rounding,
        instrument.price_increment_ticks,
    )


def _base_ticks(venue: Venue, book: Book, rules: BlockRules) -> int:
    reference_ticks = book.instrument.definition.reference_price_ticks
    if rules.band is not BlockBand.DAY_CLOSE or book.prices is None:
        return reference_ticks
    # Whatever of this batch is public already counts: what is known does not depend on where batches end.
    collect(venue)
    return book.prices.close_ticks(reference_ticks)


def _quantity_refusal(book: Book, rules: BlockRules, lots: int) -> RejectReason | None:
    if not 0 < lots <= QUANTITY_LOTS_MAX:
        return RejectReason.INVALID_QUANTITY
    if lots % book.instrument.quantity_increment_lots:
        return RejectReason.QUANTITY_INCREMENT
    if lots < rules.quantity_min_lots:
        return RejectReason.BELOW_MINIMUM
    if rules.quantity_max_lots and lots > rules.quantity_max_lots:
        return RejectReason.ABOVE_MAXIMUM
    return None


def _price_refusal(
    venue: Venue, book: Book, rules: BlockRules, lots: int, price_ticks: int
) -> RejectReason | None:
    if not 0 < price_ticks <= PRICE_TICKS_MAX:
        return RejectReason.INVALID_PRICE
    if price_ticks % book.instrument.price_increment_ticks:
        return RejectReason.PRICE_INCREMENT
    if rules.free_above_lots and lots > rules.free_above_lots:
        return None
    low, high = block_band(venue, book, rules)
    if high and not low <= price_ticks <= high:
        return RejectReason.OUTSIDE_BAND
    return None
