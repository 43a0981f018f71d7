"""The table `clearing` of an instrument: what its orders need of their accounts, and what trades cost."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, structs

from carbonmatch.config.section import Section
from carbonmatch.limits import FEE_MINOR_PER_LOT_MAX, QUANTITY_LOTS_MAX, SETTLEMENT_LAG_DAYS_MAX
from carbonmatch.matching.messages import ClearingRules, Fees, TradeKind

TradeKindName = Literal["continuous", "auction", "listed", "block", "bidding"]

_BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
_MinorPerLot = Annotated[int, Meta(ge=0, le=FEE_MINOR_PER_LOT_MAX)]


class FeesOfTrades(Section, frozen=True):
    """As `Fees`, field by field, for trades of several kinds."""

    kinds: tuple[TradeKindName, ...]
    buyer_basis_points: _BasisPoints = 0
    seller_basis_points: _BasisPoints = 0
    buyer_minor_per_lot: _MinorPerLot = 0
    seller_minor_per_lot: _MinorPerLot = 0


class ClearingTable(Section, frozen=True):
    """As `ClearingRules`, field by field."""

    enabled: bool = True  # false: as without the table, for a venue whose profile has it
    lag_days: Annotated[int, Meta(ge=0, le=SETTLEMENT_LAG_DAYS_MAX)] = 1
    cash: bool = True
    position_max_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0  # 0: any quantity
    report_from_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0  # 0: nobody is a large holder
    fees: tuple[FeesOfTrades, ...] = ()

    def rules(self) -> ClearingRules | None:
        if in_force(self) is None:
            return None
        values = structs.asdict(self)
        del values["enabled"]
        values["fees"] = tuple(sorted(self._fees(), key=lambda fees: fees.kind))
        return ClearingRules(**values)

    def _fees(self) -> Iterator[Fees]:
        """Of each kind by itself."""
        for fees in self.fees:
            values = structs.asdict(fees)
            for kind in values.pop("kinds"):
                yield Fees(TradeKind[kind.upper()], **values)


def problems(at: str, clearing: ClearingTable | None) -> Iterator[str]:
    if clearing is None:
        return
    for number, fees in enumerate(clearing.fees):
        if not fees.kinds:
            yield f"{at}.clearing.fees[{number}].kinds: found none, expected one or more"
    kinds = [kind for fees in clearing.fees for kind in fees.kinds]
    for kind in sorted({kind for kind in kinds if kinds.count(kind) > 1}):
        yield f"{at}.clearing.fees: {kind} has fees {kinds.count(kind)} times, expected once"
    if clearing.fees and not clearing.cash:
        yield f"{at}.clearing.fees: found with cash = false, expected none where no money is held"


def in_force(clearing: ClearingTable | None) -> ClearingTable | None:
    """The table, where it holds; else none."""
    return clearing if clearing is not None and clearing.enabled else None


def in_words(clearing: ClearingTable | None, lot_tonnes: int) -> Iterator[str]:
    """What it means, for the person who wrote it."""
    clearing = in_force(clearing)
    if clearing is None:
        return
    held = "units and money" if clearing.cash else "units"
    yield f"cleared: orders need {held} of their account; what was bought may be sold {lag_words(clearing)}"
    if clearing.position_max_lots:
        tonnes = clearing.position_max_lots * lot_tonnes
        yield f"  an account holds at most {tonnes:,} t, with all that it has ordered to buy"
    if clearing.report_from_lots:
        tonnes = clearing.report_from_lots * lot_tonnes
        yield f"  who holds {tonnes:,} t or more is a large holder"
    for words in fees_in_words(clearing):
        yield f"  {words}"


def lag_words(clearing: ClearingTable) -> str:
    """When units that were bought may be sold."""
    return {0: "at once", 1: "on the next trading day"}.get(
        clearing.lag_days, f"after {clearing.lag_days} trading days"
    )


def fees_in_words(clearing: ClearingTable) -> Iterator[str]:
    """What trades cost, by their kinds."""
    for fees in clearing.fees:
        yield f"{' and '.join(fees.kinds)} trades cost {fee_words(fees)}"


def fee_words(fees: FeesOfTrades) -> str:
    """What each side pays."""
    buyer = _side(fees.buyer_basis_points, fees.buyer_minor_per_lot)
    seller = _side(fees.seller_basis_points, fees.seller_minor_per_lot)
    return f"each side {buyer}" if buyer == seller else f"the buyer {buyer}, the seller {seller}"


def _side(basis_points: int, minor_per_lot: int) -> str:
    parts = []
    if basis_points:
        parts.append(f"{basis_points / 100:g} % of the money")
    if minor_per_lot:
        parts.append(f"{minor_per_lot} minor units a lot")
    return " and ".join(parts) or "nothing"
