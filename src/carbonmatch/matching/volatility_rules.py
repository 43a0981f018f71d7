"""What volatility rules mean, and which of them go together."""

from collections.abc import Iterator
from typing import Final

from carbonmatch.matching.messages import VolatilityRules, Width

BASIS_POINTS: Final = 10_000
NO_WIDTH: Final = Width()


def width_ticks(width: Width, around_ticks: int) -> int:
    """The larger of the ticks and of the basis points, which are rounded down to whole ticks."""
    return max(width.ticks, around_ticks * width.basis_points // BASIS_POINTS)


def has_corridor(rules: VolatilityRules) -> bool:
    """Whether there is a price that interrupts trading."""
    return not rules.static == rules.short == rules.long == NO_WIDTH


def has_interval(rules: VolatilityRules) -> bool:
    return rules.interval != NO_WIDTH


def faults(rules: VolatilityRules) -> Iterator[str]:
    """What does not go together, in words."""
    for name, width, window_ns in (
        ("short", rules.short, rules.short_window_ns),
        ("long", rules.long, rules.long_window_ns),
    ):
        if (width != NO_WIDTH) != (window_ns > 0):
            yield f"{name}: a width and the length of its window go together"
    if rules.short_window_ns and rules.long_window_ns and rules.short_window_ns >= rules.long_window_ns:
        yield "short: its window is not shorter than the long one"
    if has_corridor(rules) != (rules.auction_ns > 0):
        yield "auction: static, short and long widths begin one, which takes its time; nothing else does"
    if not rules.auction_ns and rules.auction_random_ns:
        yield "auction: there is none that could take longer"
    if (rules.extension != NO_WIDTH) != (rules.extensions_max > 0):
        yield "extension: a width and the number of extensions go together"
    if rules.extension != NO_WIDTH and not has_corridor(rules):
        yield "extension: there is no auction that could be extended"
    if rules.waits_for_operator and not rules.extensions_max:
        yield "extension: waiting for an operator comes after the last one, and there is none"
    if has_interval(rules) and has_corridor(rules):
        yield "interval: a price that interrupts trading and a limit that does not exclude each other"
    if has_interval(rules) != (rules.interval_recalculation_ns > 0) or has_interval(rules) != (
        rules.interval_hold_ns > 0
    ):
        yield "interval: a width, the time of recalculation and the time of a hold go together"
