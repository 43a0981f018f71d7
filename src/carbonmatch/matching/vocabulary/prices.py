"""What reference, open and close prices are made of: part of the vocabulary in `messages`."""

from enum import IntEnum, unique
from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import CLOSE_TRADES_MAX, QUANTITY_LOTS_MAX, STALE_DAYS_MAX
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.fields import (
    InstrumentIdField,
    NumberField,
    OptionalRefField,
    TextField,
)


@unique
class BandRounding(IntEnum):
    """Which price, a multiple of the price increment, an end of the band becomes that falls between two."""

    HALF_UP = 1  # the nearest; of two that are as near, the higher
    INWARD = 2  # the one nearer to the reference price: no price beyond the percentage


@unique
class PriceRounding(IntEnum):
    """Which multiple of the price increment an average becomes that falls between two."""

    HALF_UP = 1  # the nearest; of two that are as near, the higher
    DOWN = 2
    UP = 3


@unique
class OpenRule(IntEnum):
    """What the open of a trading day is. Trades are those of the screen that stand."""

    FIRST_TRADE_OR_REFERENCE = 1  # the first trade; without one, the reference price
    REFERENCE = 2  # the reference price, whatever trades
    FIRST_TRADE = 3  # the first trade; without one, there is no open
    OPENING_AUCTION = 4  # the first opening auction that traded; without one, as FIRST_TRADE_OR_REFERENCE


@unique
class CloseRule(IntEnum):
    """What the close of a trading day is; the reference price on a day without a trade."""

    VWAP_DAY = 1  # the average of all trades, by volume
    VWAP_LAST_N = 2  # that of the last `n_trades`, or of all where there are fewer
    LAST = 3  # the last trade
    CLOSING_AUCTION = 4  # the last closing auction that traded; without one, the last trade
    REFERENCE = 5  # the reference price, which an operator sets


class PriceRules(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """How open, close, reference price and band of each trading day come about."""

    open: OpenRule = OpenRule.FIRST_TRADE_OR_REFERENCE  # of each day
    close: CloseRule = CloseRule.VWAP_DAY  # of each day, and so the reference price of the next one
    n_trades: Annotated[int, Meta(ge=0, le=CLOSE_TRADES_MAX)] = 0  # of VWAP_LAST_N
    # On a day with fewer lots the close is the open; 0 and 1: on none with a trade.
    close_quantity_min_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0
    close_rounding: PriceRounding = PriceRounding.HALF_UP  # of an average
    band_up_basis_points: Annotated[int, Meta(ge=0, le=1_000_000)] = 0  # of the reference price
    band_down_basis_points: Annotated[int, Meta(ge=0, le=10_000)] = 0  # 0 and 0: the rules make no band
    band_rounding: BandRounding = BandRounding.HALF_UP  # of both ends
    # After so many trading days without a trade the reference price is stale; 0: it never is.
    stale_alert_days: Annotated[int, Meta(ge=0, le=STALE_DAYS_MAX)] = 0


class SetReference(Command, frozen=True, tag=144):
    """Operators and the venue only: the reference price, and the band that the rules make of it."""

    ref: OptionalRefField
    instrument_id: InstrumentIdField
    reference_price_ticks: NumberField
    text: TextField = ""  # the reason
