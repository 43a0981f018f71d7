"""The table `blocks` of an instrument: how two sides negotiate blocks of it."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, structs

from carbonmatch.config.section import Name, Section
from carbonmatch.limits import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
from carbonmatch.matching.messages import BandRounding, BlockBand, BlockPhase, BlockRules, BlockTape

_NS_PER_SECOND: Final = 10**9
_OF_A_BASE: Final = frozenset({"reference", "day_close"})

BandName = Literal["none", "instrument", "reference", "day_close"]
RoundingName = Literal["half_up", "inward"]
TapeName = Literal["at_once", "at_close", "value_at_close"]
PhaseName = Literal["open", "closed", "break"]
TAPE_WORDS: Final[dict[TapeName, str]] = {
    "at_once": "the trade at once",
    "at_close": "the trade when blocks close",
    "value_at_close": "its volume at once, and the trade with its price when blocks close",
}
_Lots = Annotated[int, Meta(ge=0, le=QUANTITY_LOTS_MAX)]


class Blocks(Section, frozen=True):
    """As `BlockRules`, field by field, with times in seconds. Without the table there are no blocks."""

    quantity_min_lots: Annotated[int, Meta(ge=1, le=QUANTITY_LOTS_MAX)] = 1
    quantity_max_lots: _Lots = 0
    band: BandName = "instrument"
    band_up_basis_points: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    band_down_basis_points: Annotated[int, Meta(ge=0, le=10_000)] = 0
    band_rounding: RoundingName = "half_up"
    free_above_lots: _Lots = 0
    public_posts: bool = True
    directed: bool = True
    confirm_both: bool = True
    anonymous: bool = False
    # A day: nothing that is negotiated outlasts one.
    ttl_seconds: Annotated[int, Meta(ge=0, le=86_400)] = 0
    tape: TapeName = "at_once"
    # Where there is no schedule.
    opening_phase: PhaseName = "open"
    schedule: Name | None = None

    def rules(self) -> BlockRules:
        values: dict[str, Any] = structs.asdict(self)
        # Where there is a schedule, nothing is open before it has said so.
        is_scheduled = values.pop("schedule") is not None
        values["opening_phase"] = (
            BlockPhase.CLOSED if is_scheduled else BlockPhase[self.opening_phase.upper()]
        )
        values["band"] = BlockBand[self.band.upper()]
        values["band_rounding"] = BandRounding[self.band_rounding.upper()]
        values["tape"] = BlockTape[self.tape.upper()]
        values["ttl_ns"] = values.pop("ttl_seconds") * _NS_PER_SECOND
        return BlockRules(**values)


def problems(at: str, blocks: Blocks | None, schedules: set[str], *, has_close: bool) -> Iterator[str]:
    """What of it does not go together; `has_close`: the instrument says what the close of its day is."""
    if blocks is None:
        return
    at += ".blocks"
    if blocks.quantity_max_lots and blocks.quantity_max_lots < blocks.quantity_min_lots:
        yield (
            f"{at}.quantity_max_lots: {blocks.quantity_max_lots}, expected at least the minimum, "
            f"{blocks.quantity_min_lots}, or 0"
        )
    has_width = bool(blocks.band_up_basis_points or blocks.band_down_basis_points)
    if has_width != (blocks.band in _OF_A_BASE):
        expected = "a width" if blocks.band in _OF_A_BASE else "no width"
        yield f"{at}.band: {blocks.band} needs {expected}, found {_width(blocks)}"
    if blocks.band == "day_close" and not has_close:
        yield f"{at}.band: day_close needs to know what a close is; expected [instruments.prices] beside it"
    if not (blocks.public_posts or blocks.directed):
        yield f"{at}: neither public_posts nor directed: nobody could propose anything"
    if blocks.schedule is not None and blocks.schedule not in schedules:
        yield f"{at}.schedule: there is no schedule {blocks.schedule!r}"


def dearest(blocks: Blocks | None, band_high_ticks: int) -> int:
    """Price x quantity of the dearest block that may be. A band that ends at 0 is none."""
    if blocks is None:
        return 0
    is_in_band = blocks.band == "instrument" and not blocks.free_above_lots
    highest_ticks = (band_high_ticks if is_in_band else 0) or PRICE_TICKS_MAX
    return highest_ticks * (blocks.quantity_max_lots or QUANTITY_LOTS_MAX)


def in_words(blocks: Blocks | None, lot_tonnes: int) -> Iterator[str]:
    """What it admits, for the person who wrote it."""
    if blocks is None:
        return
    most = f"{blocks.quantity_max_lots} lots" if blocks.quantity_max_lots else "any number"
    free = f", above {blocks.free_above_lots} lots at any price" if blocks.free_above_lots else ""
    yield f"blocks of {blocks.quantity_min_lots} lots of {lot_tonnes} t to {most}, {_band(blocks)}{free}"
    ways = [
        *(
            ["posted to everyone" + (" without a name" if blocks.anonymous else "")]
            if blocks.public_posts
            else []
        ),
        *(["proposed to one party"] if blocks.directed else []),
    ]
    confirms = "both sides confirm" if blocks.confirm_both else "whoever accepts a post has traded"
    ttl = f"for {blocks.ttl_seconds} s at most" if blocks.ttl_seconds else "until blocks close"
    yield f"  {' or '.join(ways)} {ttl}; {confirms}; everyone sees {TAPE_WORDS[blocks.tape]}"
    when = (
        f"on schedule {blocks.schedule}" if blocks.schedule is not None else f"begins {blocks.opening_phase}"
    )
    yield f"  {when}"


def _band(blocks: Blocks) -> str:
    if blocks.band == "none":
        return "at any price"
    if blocks.band == "instrument":
        return "inside of the instrument's band"
    base = "the reference price" if blocks.band == "reference" else "the close of the day so far"
    return f"{_width(blocks)} around {base}, rounded {blocks.band_rounding.replace('_', ' ')}"


def _width(blocks: Blocks) -> str:
    down, up = blocks.band_down_basis_points, blocks.band_up_basis_points
    return f"-{down / 100:g} % to +{up / 100:g} %"
