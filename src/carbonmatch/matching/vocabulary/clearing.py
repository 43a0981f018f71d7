"""How the venue holds units and money of an instrument's accounts: part of the vocabulary in `messages`."""

from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import FEE_MINOR_PER_LOT_MAX, QUANTITY_LOTS_MAX, SETTLEMENT_LAG_DAYS_MAX
from carbonmatch.matching.vocabulary.enums import TradeKind

_BasisPointsField = Annotated[int, Meta(ge=0, le=10_000)]
_PerLotField = Annotated[int, Meta(ge=0, le=FEE_MINOR_PER_LOT_MAX)]


class Fees(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """What trades of one kind cost each side, in minor units of the currency: a share plus so much a lot."""

    kind: TradeKind  # of whose trades
    buyer_basis_points: _BasisPointsField = 0  # of the money, rounded down
    seller_basis_points: _BasisPointsField = 0  # of the money, rounded down
    buyer_minor_per_lot: _PerLotField = 0  # on top of the share
    seller_minor_per_lot: _PerLotField = 0  # both together take no more of a seller than the money


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
