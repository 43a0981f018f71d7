"""What an instrument says of its negotiated blocks: part of the vocabulary in `messages`."""

from enum import IntEnum, unique
from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.matching.vocabulary.fields import NumberField, TimeField
from carbonmatch.matching.vocabulary.prices import BandRounding


@unique
class BlockPhase(IntEnum):
    """State of an instrument's blocks, beside its own phase."""

    AS_SCHEDULED = 0  # in SetBlockPhase only: an operator holds them no longer
    OPEN = 1
    CLOSED = 2  # nothing is negotiated; entering it expires what is open
    BREAK = 3  # the pause within a day: what is open stays, and can only be withdrawn or declined


@unique
class BlockBand(IntEnum):
    """Which prices a block may have."""

    NONE = 0  # any
    INSTRUMENT = 1  # those of the instrument's own band
    REFERENCE = 2  # so much above and below the instrument's reference price
    DAY_CLOSE = 3  # so much above and below the close of the day as it would be now


@unique
class BlockTape(IntEnum):
    """When everyone is told of a block's trade."""

    AT_ONCE = 1
    AT_CLOSE = 2  # when the blocks of the instrument close, or the instrument does
    VALUE_AT_CLOSE = 3  # of its volume at once, and of the trade with its price as AT_CLOSE


class BlockRules(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """How blocks of an instrument are negotiated: see [BLOCKS.md](BLOCKS.md)."""

    quantity_min_lots: NumberField = 1  # the smallest
    quantity_max_lots: NumberField = 0  # the largest; 0: as much as any market takes
    band: BlockBand = BlockBand.INSTRUMENT  # which prices they may have
    # How far above the base, of REFERENCE and DAY_CLOSE.
    band_up_basis_points: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    # How far below it.
    band_down_basis_points: Annotated[int, Meta(ge=0, le=10_000)] = 0
    band_rounding: BandRounding = BandRounding.HALF_UP  # of the ends of the band
    free_above_lots: NumberField = 0  # a block of more lots has any price; 0: none has
    public_posts: bool = True  # proposals to everyone are admitted
    directed: bool = True  # proposals to one account or participant are admitted
    confirm_both: bool = True  # who posts has to confirm whoever accepts; else an acceptance is the trade
    anonymous: bool = False  # who posts and who replies is told to nobody before they trade
    ttl_ns: TimeField = 0  # how long an offer stands at most; 0: until the blocks close
    tape: BlockTape = BlockTape.AT_ONCE  # when everyone is told of a trade
    opening_phase: BlockPhase = BlockPhase.OPEN  # before schedule or operator have said anything
