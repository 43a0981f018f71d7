"""What operators are told of instruments when they ask: part of the vocabulary in `messages`.

The rules of `messages` hold: append-only, golden bytes in `proto/vectors/`.
"""

from typing import Annotated

from msgspec import Meta

from carbonmatch.limits import NAME_CHARS_MAX
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.enums import Phase
from carbonmatch.matching.vocabulary.fields import (
    ANY,
    InstrumentId,
    InstrumentIdField,
    Ref,
    RefField,
)
from carbonmatch.matching.vocabulary.reports import Report


class InstrumentStatusRequest(Command, frozen=True, tag=149):
    """Operators only: where instruments are, in the order of their numbers.

    Answered by an InstrumentStatus each, at most 256, and a StatusEnd.
    """

    ref: RefField
    symbol: Annotated[str, Meta(max_length=NAME_CHARS_MAX)] = ""  # of one instrument; empty: all
    after_instrument_id: InstrumentIdField = InstrumentId(
        ANY
    )  # where the last answer ended; 0: from the first


class InstrumentStatus(Report, frozen=True, tag=241):
    """Where an instrument is, as an operator asked for it."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    instrument_id: InstrumentId
    symbol: str
    phase: Phase
    is_uncrossing: bool  # an auction is being carried out: what it trades is of the day it ends
    block_phase: int  # whether blocks are negotiated: a [BlockPhase](#blockphase); 0: it has none
    trading_day: int  # that its schedule has begun last; 0: no schedule has begun any
    ended_day: int  # the last one that ended; 0: none has
    reference_price_ticks: int
    band_low_ticks: int
    band_high_ticks: int
    price_increment_ticks: int
