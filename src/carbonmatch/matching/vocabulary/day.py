"""The end of trading days and what becomes of their trades: part of the vocabulary in `messages`.

Operators' commands (EndDay also comes from the venue), the report on a run of settlement, and the event
that ends a day. The rules of `messages` hold: append-only, golden bytes in `proto/vectors/`.
"""

from enum import IntEnum, unique
from typing import Annotated

from msgspec import Meta

from carbonmatch.limits import DAY_INSTRUMENTS_MAX, OBJECTIONS_MAX, TRADING_DAY_MAX
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.events import PublicEvent
from carbonmatch.matching.vocabulary.fields import (
    InstrumentId,
    InstrumentIdField,
    NumberField,
    OptionalRefField,
    Ref,
    RefField,
    TextField,
    TradeId,
    TradeIdField,
)
from carbonmatch.matching.vocabulary.reports import Report

# A date of the market's place as a number: 20210716.
TradingDayField = Annotated[int, Meta(ge=0, le=TRADING_DAY_MAX)]
# SHA-256 of a settlement file.
FileDigestField = Annotated[bytes, Meta(min_length=32, max_length=32)]


@unique
class SettlementOutcome(IntEnum):
    """What the registry has said of the settlement file of a run."""

    UNANSWERED = 0  # nothing yet
    CONFIRMED = 1
    OBJECTED = 2  # to some of its trades: to be confirmed once that is cleared


class EndDay(Command, frozen=True, tag=142):
    """Operators and the venue only: the trading day of instruments that are closed is over.

    What ends together is one run of settlement. The rules are in [DAY.md](DAY.md).
    """

    ref: OptionalRefField
    trading_day: TradingDayField = 0  # like 20210716; 0: the day that the schedule has them in
    # Which; empty: all of this day that has not ended yet.
    instrument_ids: Annotated[tuple[InstrumentIdField, ...], Meta(max_length=DAY_INSTRUMENTS_MAX)] = ()
    text: TextField = ""  # the reason


class ConfirmSettlement(Command, frozen=True, tag=143):
    """Operators only: what the registry has answered to the settlement file of a run."""

    ref: RefField
    trading_day: TradingDayField
    run: NumberField  # of that day, from 1
    file_digest: FileDigestField  # of the file that was answered: SHA-256 of all its bytes
    outcome: SettlementOutcome  # CONFIRMED or OBJECTED
    # To which trades the registry objects, as many as fit; `objection_count` has all.
    objections: Annotated[tuple[TradeIdField, ...], Meta(max_length=OBJECTIONS_MAX)] = ()
    objection_count: NumberField = 0
    text: TextField = ""


class SettlementStatusRequest(Command, frozen=True, tag=145):
    """Operators only: the runs of settlement that the registry has not confirmed, oldest first.

    Answered by a SettlementStatus each, at most 256, and a StatusEnd.
    """

    ref: RefField
    after_sequence: NumberField = 0  # where the last answer ended: its last `sequence`
    confirmed: bool = False  # also those that are confirmed


class SettlementStatus(Report, frozen=True, tag=240):
    """A run of settlement, as an operator asked for it."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    trading_day: int
    run: int  # of that day, from 1
    sequence: int  # of the command that ended the day
    ended_ns: int  # when, UTC
    instrument_count: int  # whose day it ended
    outcome: SettlementOutcome  # what it has answered
    file_digest: bytes  # that the registry has answered to; empty: it has not
    objection_count: int


class DayEnded(PublicEvent, frozen=True, tag=197):
    """The trading day of an instrument is over. Its trades are those since its last day ended.

    Prices are 0 where there is none. What follows for the next day comes as BandChanged.
    """

    instrument_id: InstrumentId
    time_ns: int
    trading_day: int
    run: int  # of settlement: from 1 on each day, the same for all that ended together
    sequence: int  # of the command that ended it
    after_sequence: int  # its trades come from later commands than this one
    after_trade_id: TradeId  # its trades have larger ids than this one
    last_trade_id: TradeId  # and no larger ones than this one
    open_price_ticks: int
    high_price_ticks: int
    low_price_ticks: int
    close_price_ticks: int
    days_without_trade: int = 0  # in a row, this one included; 0 where no rules make its prices
    is_stale: bool = False  # so many that its rules call the reference price stale
