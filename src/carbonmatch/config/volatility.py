"""The table `volatility` of an instrument: what restrains its prices beside the band."""

from collections.abc import Iterator
from typing import Annotated, Final

from msgspec import Meta

from carbonmatch.config.section import Section
from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.messages import VolatilityRules
from carbonmatch.matching.messages import Width as Distance
from carbonmatch.matching.volatility_rules import BASIS_POINTS, NO_WIDTH, faults
from carbonmatch.words import price_text

_MS_NS: Final = 10**6
# A day: nothing here outlasts one.
_Ms = Annotated[int, Meta(ge=0, le=86_400_000)]


class Width(Section, frozen=True):
    """A distance from a price: the larger of the two."""

    ticks: Annotated[int, Meta(ge=0, le=PRICE_TICKS_MAX)] = 0
    basis_points: Annotated[int, Meta(ge=0, le=BASIS_POINTS)] = 0

    def distance(self) -> Distance:
        return Distance(self.ticks, self.basis_points)


class Volatility(Section, frozen=True):
    """As `VolatilityRules`, field by field, with times in milliseconds."""

    collar: Width = Width()
    static: Width = Width()
    short: Width = Width()
    short_window_ms: _Ms = 0
    long: Width = Width()
    long_window_ms: _Ms = 0
    auction_ms: _Ms = 0
    auction_random_ms: _Ms = 0
    extension: Width = Width()
    extensions_max: Annotated[int, Meta(ge=0, le=1_000)] = 0
    waits_for_operator: bool = False
    interval: Width = Width()
    interval_recalculation_ms: _Ms = 0
    interval_hold_ms: _Ms = 0

    def rules(self) -> VolatilityRules | None:
        rules = VolatilityRules(
            collar=self.collar.distance(),
            static=self.static.distance(),
            short=self.short.distance(),
            short_window_ns=self.short_window_ms * _MS_NS,
            long=self.long.distance(),
            long_window_ns=self.long_window_ms * _MS_NS,
            auction_ns=self.auction_ms * _MS_NS,
            auction_random_ns=self.auction_random_ms * _MS_NS,
            extension=self.extension.distance(),
            extensions_max=self.extensions_max,
            waits_for_operator=self.waits_for_operator,
            interval=self.interval.distance(),
            interval_recalculation_ns=self.interval_recalculation_ms * _MS_NS,
            interval_hold_ns=self.interval_hold_ms * _MS_NS,
        )
        return None if rules == VolatilityRules() else rules


def problems(at: str, volatility: Volatility) -> Iterator[str]:
    rules = volatility.rules()
    if rules is not None:
        yield from (f"{at}.volatility.{fault}" for fault in faults(rules))


def in_words(volatility: Volatility, price_decimals: int) -> Iterator[str]:
    """What each part of it does, for the person who wrote it."""
    rules = volatility.rules()
    if rules is None:
        return

    def width(of: Distance) -> str:
        parts = []
        if of.ticks:
            parts.append(price_text(of.ticks, price_decimals))
        if of.basis_points:
            parts.append(f"{of.basis_points / 100:g} %")
        return " or ".join(parts)

    if rules.collar != NO_WIDTH:
        yield f"refused further than {width(rules.collar)} beyond the opposite best"
    references = []
    if rules.static != NO_WIDTH:
        references.append(f"{width(rules.static)} from the reference price")
    for name, distance, window_ms in (
        ("short", rules.short, volatility.short_window_ms),
        ("long", rules.long, volatility.long_window_ms),
    ):
        if distance != NO_WIDTH:
            references.append(f"{width(distance)} from trades of {window_ms / 1000:g} s ({name} window)")
    if references:
        longest_ms = volatility.auction_ms + volatility.auction_random_ms
        yield (
            f"interrupted where a trade would be further than {', '.join(references)}: "
            f"an auction of {volatility.auction_ms / 1000:g} to {longest_ms / 1000:g} s"
        )
    if rules.extensions_max:
        then = "waits for an operator" if rules.waits_for_operator else "is carried out"
        yield (
            f"the auction is extended while its price is further than {width(rules.extension)} from the last "
            f"trade, {rules.extensions_max} times, and then {then}"
        )
    if rules.interval != NO_WIDTH:
        yield (
            f"trades within {width(rules.interval)} of an anchor that is set anew every "
            f"{volatility.interval_recalculation_ms / 1000:g} s, and held for "
            f"{volatility.interval_hold_ms / 1000:g} s once that has stopped a trade"
        )
