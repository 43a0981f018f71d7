"""What operators ask for: part of the vocabulary in `messages`, which others take them from.

Tags are 128 to 159. The rules of `messages` hold: append-only, golden bytes in `proto/vectors/`.
"""

from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.enums import Phase
from carbonmatch.matching.vocabulary.fields import (
    InstrumentIdField,
    NumberField,
    OptionalRefField,
    RefField,
    TextField,
    TimeField,
    TradeIdField,
)


class SetPhase(Command, frozen=True, tag=128):
    """Operators and the venue only. Closing expires DAY orders. Instrument 0: every instrument.

    What it does to a schedule, and what a schedule does to it, is in [PHASES.md](PHASES.md).
    """

    ref: OptionalRefField
    instrument_id: InstrumentIdField
    phase: Phase
    text: TextField = ""
    until_ns: TimeField = 0  # when the schedule counts again, UTC; 0: see [PHASES.md](PHASES.md)


class Resume(Command, frozen=True, tag=131):
    """Operators and the venue only: what SetPhase holds is over, and the schedule counts again.

    An instrument that nobody holds stays as it is. Instrument 0: every instrument.
    """

    ref: OptionalRefField
    instrument_id: InstrumentIdField
    text: TextField = ""


class SetBand(Command, frozen=True, tag=130):
    """Operators and the venue only: the prices an instrument admits from now on, both inclusive."""

    ref: OptionalRefField
    instrument_id: InstrumentIdField
    reference_price_ticks: NumberField
    band_low_ticks: NumberField
    band_high_ticks: NumberField
    text: TextField = ""  # the reason


class BustTrade(Command, frozen=True, tag=132):
    """Operators only: the trade never was. Its orders do not come back."""

    ref: RefField
    trade_id: TradeIdField
    text: TextField = ""  # the reason, which both sides get to see


class CorrectTrade(Command, frozen=True, tag=133):
    """Operators only: what the trade should have been, both values whole; at most its first quantity."""

    ref: RefField
    trade_id: TradeIdField
    price_ticks: NumberField
    quantity_lots: NumberField
    text: TextField = ""  # the reason, which both sides get to see


class TradeStatusRequest(Command, frozen=True, tag=134):
    """Operators only: both sides of a trade, and what stands of it. Answered by TradeStatus."""

    ref: RefField
    trade_id: TradeIdField
