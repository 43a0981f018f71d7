"""The table `clearing` of an instrument: what its orders need of their accounts, and what trades cost."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, structs

from carbonmatch.config.calendars import TimeOfDay, seconds_of
from carbonmatch.config.section import Name, Section
from carbonmatch.limits import (
    CARRY_OVER_BASIS_POINTS_MAX,
    FEE_MINOR_PER_LOT_MAX,
    HOLDER_CLASSES_MAX,
    HOLDINGS_LOTS_MAX,
    QUANTITY_LOTS_MAX,
    REVERSAL_DAYS_MAX,
    SETTLEMENT_LAG_DAYS_MAX,
)
from carbonmatch.matching.messages import CarryOverRules, ClearingRules, Fees, HolderRules, TradeKind

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


class LimitsOfHolders(Section, frozen=True):
    """As `HolderRules`, field by field."""

    holder_class: Name
    position_max_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0  # 0: any quantity
    report_from_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0  # 0: nobody is a large holder
    adds_allocation: bool = True


class CarryOver(Section, frozen=True):
    """As `CarryOverRules`, field by field."""

    group: Name
    from_day: date
    until_day: date
    enabled: bool = True  # false: as without the table, for an instrument whose profile has it for all
    base_lots: Annotated[int, Meta(ge=0, le=HOLDINGS_LOTS_MAX)] = 0
    net_sales_basis_points: Annotated[int, Meta(ge=0, le=CARRY_OVER_BASIS_POINTS_MAX)] = 0

    def rules(self) -> CarryOverRules | None:
        if not self.enabled:
            return None
        return CarryOverRules(
            self.group,
            _number(self.from_day),
            _number(self.until_day),
            self.base_lots,
            self.net_sales_basis_points,
        )


def _number(day: date) -> int:
    return (day.year * 100 + day.month) * 100 + day.day


class ClearingTable(Section, frozen=True):
    """As `ClearingRules`, field by field."""

    enabled: bool = True  # false: as without the table, for a venue whose profile has it
    lag_days: Annotated[int, Meta(ge=0, le=SETTLEMENT_LAG_DAYS_MAX)] = 1
    cash: bool = True
    position_max_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0  # 0: any quantity
    report_from_lots: Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)] = 0  # 0: nobody is a large holder
    fees: tuple[FeesOfTrades, ...] = ()
    holders: Annotated[tuple[LimitsOfHolders, ...], Meta(max_length=HOLDER_CLASSES_MAX)] = ()
    reversal_days: Annotated[int, Meta(ge=0, le=REVERSAL_DAYS_MAX)] = 0  # 0: at once
    cut_off: TimeOfDay | None = None
    late_lag_days: Annotated[int, Meta(ge=0, le=SETTLEMENT_LAG_DAYS_MAX)] = 0
    carry_over: CarryOver | None = None

    def rules(self) -> ClearingRules | None:
        if in_force(self) is None:
            return None
        values = structs.asdict(self)
        del values["enabled"]
        values["fees"] = tuple(sorted(self._fees(), key=lambda fees: fees.kind))
        values["holders"] = tuple(HolderRules(**structs.asdict(one)) for one in self.holders)
        values["carry_over"] = None if self.carry_over is None else self.carry_over.rules()
        cut_off = values.pop("cut_off")
        values["cut_off_seconds"] = 0 if cut_off is None else seconds_of(cut_off)
        return ClearingRules(**values)

    def _fees(self) -> Iterator[Fees]:
        """Of each kind by itself."""
        for fees in self.fees:
            values = structs.asdict(fees)
            for kind in values.pop("kinds"):
                yield Fees(TradeKind[kind.upper()], **values)


def problems(at: str, clearing: ClearingTable | None, schedule: str | None) -> Iterator[str]:
    """What of it does not go together; `schedule`: of the instrument."""
    if clearing is None:
        return
    yield from _cut_off_problems(f"{at}.clearing", clearing, schedule)
    if clearing.carry_over is not None and clearing.carry_over.from_day > clearing.carry_over.until_day:
        days = f"{clearing.carry_over.from_day} to {clearing.carry_over.until_day}"
        yield f"{at}.clearing.carry_over: {days}, expected a first day and a last one"
    for number, fees in enumerate(clearing.fees):
        if not fees.kinds:
            yield f"{at}.clearing.fees[{number}].kinds: found none, expected one or more"
    kinds = [kind for fees in clearing.fees for kind in fees.kinds]
    for kind in sorted({kind for kind in kinds if kinds.count(kind) > 1}):
        yield f"{at}.clearing.fees: {kind} has fees {kinds.count(kind)} times, expected once"
    classes = [one.holder_class for one in clearing.holders]
    for name in sorted({name for name in classes if classes.count(name) > 1}):
        yield f"{at}.clearing.holders: {name} has limits {classes.count(name)} times, expected once"
    if clearing.fees and not clearing.cash:
        yield f"{at}.clearing.fees: found with cash = false, expected none where no money is held"


def _cut_off_problems(at: str, clearing: ClearingTable, schedule: str | None) -> Iterator[str]:
    if (clearing.cut_off is None) != (not clearing.late_lag_days):
        yield f"{at}: cut_off and late_lag_days go together, found one of them"
    if clearing.cut_off is None:
        return
    if not 1 <= clearing.lag_days < clearing.late_lag_days:
        yield (
            f"{at}.late_lag_days: {clearing.late_lag_days} beside lag_days = {clearing.lag_days}; expected "
            "more than that, and that to be at least 1"
        )
    if schedule is None:
        yield f"{at}.cut_off: {clearing.cut_off} needs a calendar; expected the instrument to have a schedule"


def end_of_day_problems(
    at: str, clearing: ClearingTable | None, end_of_day: TimeOfDay | None
) -> Iterator[str]:
    """`end_of_day`: of the instrument's schedule on ordinary days. On special ones the day may end before."""
    clearing = in_force(clearing)
    if clearing is None or clearing.cut_off is None or end_of_day is None:
        return
    if seconds_of(clearing.cut_off) >= seconds_of(end_of_day):
        yield (
            f"{at}.clearing.cut_off: {clearing.cut_off} never comes, because the day ends at {end_of_day}; "
            "expected it before that"
        )


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
    if clearing.reversal_days:
        yield f"  {reversal_words(clearing)}"
    if words := position_words(clearing, lot_tonnes):
        yield f"  an account holds at most {words}, with all that it has ordered to buy"
    if words := report_words(clearing, lot_tonnes):
        spared = [one.holder_class for one in clearing.holders if not one.report_from_lots]
        nobody = f"; nobody of class {' or '.join(spared)} is" if spared else ""
        yield f"  who holds {words} or more is a large holder{nobody}"
    for words in fees_in_words(clearing):
        yield f"  {words}"


def lag_words(clearing: ClearingTable) -> str:
    """When units that were bought may be sold."""
    early = _days_words(clearing.lag_days)
    if clearing.cut_off is None:
        return early
    return f"{early}, from {clearing.cut_off} on {_days_words(clearing.late_lag_days)}"


def _days_words(days: int) -> str:
    return {0: "at once", 1: "on the next trading day"}.get(days, f"after {days} trading days")


def reversal_words(clearing: ClearingTable) -> str:
    days = clearing.reversal_days
    ends = "a trading day has" if days == 1 else f"{days} trading days have"
    return f"who has bought sells, and who has sold buys, only once {ends} ended since"


def position_words(clearing: ClearingTable, lot_tonnes: int) -> str:
    """What accounts may hold; nothing where all of them may hold anything."""
    limits = {one.holder_class: (one.position_max_lots, one.adds_allocation) for one in clearing.holders}
    return _limit_words(clearing.position_max_lots, limits, lot_tonnes, "any quantity")


def report_words(clearing: ClearingTable, lot_tonnes: int) -> str:
    """From what on accounts are reported; nothing where none is."""
    limits = {one.holder_class: (one.report_from_lots, one.adds_allocation) for one in clearing.holders}
    return _limit_words(clearing.report_from_lots, limits, lot_tonnes, "")


def _limit_words(lots: int, limits: dict[str, tuple[int, bool]], lot_tonnes: int, without: str) -> str:
    """Of every class, and of the others; `without` of those that have none, where somebody has one;
    empty: they are left out."""
    of_all = {name: (most, "its allocation and " if adds else "") for name, (most, adds) in limits.items()}
    of_all["others"] = (lots, "")
    if not any(most for most, _ in of_all.values()):
        return ""
    if not limits:
        return f"{lots * lot_tonnes:,} t"
    return " or ".join(
        f"{added}{most * lot_tonnes:,} t ({name})" if most else f"{without} ({name})"
        for name, (most, added) in of_all.items()
        if most or without
    )


def carry_over_words(clearing: ClearingTable, lot_tonnes: int) -> str:
    """What may be carried over; nothing where that is not counted."""
    rules = clearing.carry_over
    if rules is None or not rules.enabled:
        return ""
    times = rules.net_sales_basis_points / 10_000
    return (
        f"{rules.group}: {rules.base_lots * lot_tonnes:,} t and {times:g} times what an account has sold "
        f"more than bought on trading days from {rules.from_day} to {rules.until_day}"
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
