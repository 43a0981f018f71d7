"""The corridor of prices in which an instrument may trade without interruption. Pure: no venue, no orders.

The next trade may not be further from any trade of a look-back window than the window's width: so a run of
small steps is stopped like one large step. There are two windows, a short and a long one, each with its
own width, and a static width around the reference price of the day.

A trade counts in a window for the window's length, and the last trade until the next one, however old.
An auction gives new references: the windows begin again with its price, and the static reference moves there.
"""

from collections import deque
from enum import Enum, auto, unique

from carbonmatch.limits import PRICE_TICKS_MAX, WINDOW_EXTREMES_MAX
from carbonmatch.matching.messages import VolatilityRules, Width
from carbonmatch.matching.volatility_rules import NO_WIDTH, width_ticks

# A key and the time of the last trade that it stands for.
Extreme = tuple[int, int]


@unique
class Extension(Enum):
    """By how much an auction is extended."""

    NONE = auto()
    AS_LONG_AGAIN = auto()
    UNTIL_OPERATOR = auto()


class Extremes:
    """The largest key of the trades in a window, in O(1) a trade and bounded memory.

    Keys are `sign * price`, so that one class finds the highest and the lowest price. Invariant: keys fall
    and times rise from first to last, so the first is the largest, and the last is the newest trade.
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: deque[Extreme] = deque()

    def note(self, key: int, time_ns: int) -> None:
        kept = self._kept
        while kept and kept[-1][0] <= key:
            kept.pop()
        if len(kept) == WINDOW_EXTREMES_MAX:
            # The two newest become one, with the larger key of them for as long as the newer one counts:
            # the corridor is narrower than it could be, never wider. It is not the newest price any more.
            key = kept.pop()[0]
        kept.append((key, time_ns))

    def largest(self, since_ns: int) -> int | None:
        """Of the trades at or after a time, or else of the last one; None before the first trade."""
        kept = self._kept
        while len(kept) > 1 and kept[0][1] < since_ns:
            kept.popleft()
        return kept[0][0] if kept else None

    def saved(self) -> list[Extreme]:
        return list(self._kept)

    def restore(self, saved: list[Extreme]) -> None:
        self._kept.extend(saved)

    def check(self) -> None:
        kept = self._kept
        assert len(kept) <= WINDOW_EXTREMES_MAX
        for (key, time_ns), (next_key, next_time_ns) in zip(kept, list(kept)[1:], strict=False):
            assert key > next_key, "whoever is not larger than a newer one can never be the largest"
            assert time_ns <= next_time_ns


class Window:
    """The highest and the lowest trade of the last `length_ns`, and how far from them a trade may be."""

    __slots__ = ("highs", "length_ns", "lows", "width")

    def __init__(self, length_ns: int, width: Width) -> None:
        self.length_ns = length_ns
        self.width = width
        self.highs = Extremes()
        self.lows = Extremes()

    def note(self, price_ticks: int, time_ns: int) -> None:
        self.highs.note(price_ticks, time_ns)
        self.lows.note(-price_ticks, time_ns)

    def limits(self, time_ns: int) -> tuple[int, int] | None:
        """The lowest and the highest price that the window admits; None before the first trade."""
        # A trade has counted for `length_ns` when the window's length has passed since it.
        since_ns = time_ns - self.length_ns + 1
        highest = self.highs.largest(since_ns)
        lowest_key = self.lows.largest(since_ns)
        if highest is None or lowest_key is None:
            return None
        lowest = -lowest_key
        return highest - width_ticks(self.width, highest), lowest + width_ticks(self.width, lowest)


class Corridor:
    """Where the next trade may be.

    `reference_ticks` is the static reference, 0 where there is none. It is the instrument's until an auction
    sets it, and again when the instrument gets another one.
    """

    __slots__ = ("extensions", "reference_ticks", "rules", "windows")

    def __init__(self, rules: VolatilityRules, reference_ticks: int) -> None:
        self.rules = rules
        self.reference_ticks = reference_ticks
        self.windows = _windows(rules)
        # How often the auction has been extended which trading is interrupted by.
        self.extensions = 0

    def note(self, price_ticks: int, time_ns: int) -> None:
        """A trade at this price."""
        for window in self.windows:
            window.note(price_ticks, time_ns)

    def restart(self, price_ticks: int, time_ns: int) -> None:
        """An auction has found this price: from here on it is what trades are compared with."""
        self.reference_ticks = price_ticks
        self.windows = _windows(self.rules)
        self.note(price_ticks, time_ns)

    def limits(self, time_ns: int) -> tuple[int, int]:
        """The lowest and the highest price at which an order may trade first, 1 and PRICE_TICKS_MAX at most.

        The lowest may be above the highest: then no trade may be.
        """
        low, high = 1, PRICE_TICKS_MAX
        reference = self.reference_ticks
        if reference and self.rules.static != NO_WIDTH:
            width = width_ticks(self.rules.static, reference)
            low, high = max(low, reference - width), min(high, reference + width)
        for window in self.windows:
            limits = window.limits(time_ns)
            if limits is not None:
                low, high = max(low, limits[0]), min(high, limits[1])
        return low, high

    def narrowed(self, limits: tuple[int, int], price_ticks: int) -> tuple[int, int]:
        """The limits of an order which has traded at this price: those it began with, and what that adds.

        An order's first trade does not take the place of an old one that stood in for the window.
        """
        low, high = limits
        for window in self.windows:
            width = width_ticks(window.width, price_ticks)
            low, high = max(low, price_ticks - width), min(high, price_ticks + width)
        return low, high

    def extend(self, price_ticks: int, last_ticks: int) -> Extension:
        """The auction is about to end at this price (0: nothing would trade): what is to happen instead.

        The price is compared with the last trade, or the static reference before the first one.
        """
        width = self.rules.extension
        around_ticks = last_ticks or self.reference_ticks
        if (
            width == NO_WIDTH
            or not price_ticks
            or not around_ticks
            or abs(price_ticks - around_ticks) <= width_ticks(width, around_ticks)
        ):
            return Extension.NONE
        if self.extensions < self.rules.extensions_max:
            self.extensions += 1
            return Extension.AS_LONG_AGAIN
        return Extension.UNTIL_OPERATOR if self.rules.waits_for_operator else Extension.NONE

    def check(self) -> None:
        for window in self.windows:
            window.highs.check()
            window.lows.check()


def _windows(rules: VolatilityRules) -> tuple[Window, ...]:
    return tuple(
        Window(length_ns, width)
        for length_ns, width in (
            (rules.short_window_ns, rules.short),
            (rules.long_window_ns, rules.long),
        )
        if width != NO_WIDTH
    )
