"""How the venue holds units and money of an instrument's accounts: part of the vocabulary in `messages`."""

from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import (
    CARRY_OVER_BASIS_POINTS_MAX,
    FEE_MINOR_PER_LOT_MAX,
    HOLDER_CLASSES_MAX,
    HOLDINGS_LOTS_MAX,
    QUANTITY_LOTS_MAX,
    REVERSAL_DAYS_MAX,
    SECONDS_PER_DAY,
    SETTLEMENT_LAG_DAYS_MAX,
    TRADING_DAY_MAX,
)
from carbonmatch.matching.vocabulary.enums import TradeKind
from carbonmatch.matching.vocabulary.fields import NameField

_BasisPointsField = Annotated[int, Meta(ge=0, le=10_000)]
_PerLotField = Annotated[int, Meta(ge=0, le=FEE_MINOR_PER_LOT_MAX)]


class Fees(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """What trades of one kind cost each side, in minor units of the currency: a share plus so much a lot."""

    kind: TradeKind  # of whose trades
    buyer_basis_points: _BasisPointsField = 0  # of the money, rounded down
    seller_basis_points: _BasisPointsField = 0  # of the money, rounded down
    buyer_minor_per_lot: _PerLotField = 0  # on top of the share
    seller_minor_per_lot: _PerLotField = 0  # both together take no more of a seller than the money


class HolderRules(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """What accounts of one class may hold, in place of what holds for those without a class of the rules."""

    holder_class: NameField  # as accounts are defined
    # What one may hold at most, with all that it has ordered to buy; 0: any quantity.
    position_max_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0
    # Who holds so much or more is a large holder, and is reported; 0: nobody is.
    report_from_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0
    adds_allocation: bool = True  # to both, what the account was allocated


class CarryOverRules(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """What an account may carry over, by what it has sold: its net sales are counted as trading days end."""

    group: NameField  # instruments whose net sales and holdings are reckoned together
    from_day: Annotated[
        int, Meta(ge=0, le=TRADING_DAY_MAX)
    ]  # the first trading day that counts, like 20210716
    until_day: Annotated[int, Meta(ge=0, le=TRADING_DAY_MAX)]  # the last one
    base_lots: Annotated[int, Meta(ge=0, le=HOLDINGS_LOTS_MAX)] = 0  # whatever it has sold
    # And so much of what it has sold more than it bought, rounded down; 15000: one and a half times that.
    net_sales_basis_points: Annotated[int, Meta(ge=0, le=CARRY_OVER_BASIS_POINTS_MAX)] = 0


class ClearingRules(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """That orders need units or money of their account, and what trades make of both."""

    # Trading days after which units that were bought may be sold; 0: at once.
    lag_days: Annotated[int, Meta(ge=0, le=SETTLEMENT_LAG_DAYS_MAX)] = 1
    cash: bool = True  # whether money is held too; else only units are, and nothing costs anything
    fees: tuple[Fees, ...] = ()  # at most one of each kind; of the others there are none
    # What an account may hold at most, with all that it has ordered to buy; 0: any quantity.
    position_max_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0
    # Who holds so much or more is a large holder, and is reported; 0: nobody is.
    report_from_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0
    # Limits of classes of accounts, each class once.
    holders: Annotated[tuple[HolderRules, ...], Meta(max_length=HOLDER_CLASSES_MAX)] = ()
    # So many trading days end before who has bought may sell, and who has sold may buy; 0: at once.
    reversal_days: Annotated[int, Meta(ge=0, le=REVERSAL_DAYS_MAX)] = 0
    # As `lag_days`, and more than that, of what is bought from the cut-off of a day on; 0: there is none.
    late_lag_days: Annotated[int, Meta(ge=0, le=SETTLEMENT_LAG_DAYS_MAX)] = 0
    # The cut-off, in seconds of the day on the clocks of its schedule's calendar.
    cut_off_seconds: Annotated[int, Meta(ge=0, lt=2 * SECONDS_PER_DAY)] = 0
    carry_over: CarryOverRules | None = None  # nil: net sales are not counted
