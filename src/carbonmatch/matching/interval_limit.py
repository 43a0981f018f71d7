"""Interval price limits: how far from an anchor trades may go until the anchor is set anew. Pure.

The anchor is set anew at regular times. Where a limit has stopped a trade a hold begins: for its time trading
goes on inside the limits as they are, and at its end the anchor is set anew. Another stop meanwhile does not
make the hold longer. Without an anchor there are no limits.
"""

from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.messages import VolatilityRules
from carbonmatch.matching.volatility_rules import width_ticks


class IntervalLimit:
    """Invariant: the next anchor is due at `next_ns`, which is the end of the hold while there is one."""

    __slots__ = ("anchor_ticks", "held", "high_ticks", "low_ticks", "next_ns", "rules")

    def __init__(self, rules: VolatilityRules) -> None:
        self.rules = rules
        self.held = False
        self.next_ns = 0
        self._anchor(0)

    @property
    def hold_ends_ns(self) -> int:
        """0 where there is no hold."""
        return self.next_ns if self.held else 0

    def limits(self, _time_ns: int) -> tuple[int, int]:
        """The lowest and the highest price at which trades may be, 1 and PRICE_TICKS_MAX at most."""
        return self.low_ticks, self.high_ticks

    def narrowed(self, limits: tuple[int, int], _price_ticks: int) -> tuple[int, int]:
        """The same: trades do not move them until the interval's end."""
        return limits

    def hold(self, time_ns: int) -> bool:
        """A limit has stopped a trade; whether a hold begins with it."""
        if self.held:
            return False
        self.held = True
        self.next_ns = time_ns + self.rules.interval_hold_ns
        return True

    def recalculate(self, anchor_ticks: int, time_ns: int) -> bool:
        """What was due at `next_ns` or later is done now; whether anything has changed for others."""
        assert self.next_ns <= time_ns
        changed = self.would_change(anchor_ticks)
        self.held = False
        self._anchor(anchor_ticks)
        # On the times that it would have been done at, had there been an entry at each.
        interval_ns = self.rules.interval_recalculation_ns
        self.next_ns += ((time_ns - self.next_ns) // interval_ns + 1) * interval_ns
        return changed

    def restart(self, anchor_ticks: int, time_ns: int) -> bool:
        """Begin anew: trading begins, or its rules have changed; whether anything has changed for others."""
        changed = self.would_change(anchor_ticks)
        self.held = False
        self._anchor(anchor_ticks)
        self.next_ns = time_ns + self.rules.interval_recalculation_ns
        return changed

    def would_change(self, anchor_ticks: int) -> bool:
        """Whether others would see it if the anchor were set so now."""
        return self.held or anchor_ticks != self.anchor_ticks

    def restore(self, anchor_ticks: int, next_ns: int, *, held: bool) -> None:
        self._anchor(anchor_ticks)
        self.next_ns = next_ns
        self.held = held

    def _anchor(self, anchor_ticks: int) -> None:
        self.anchor_ticks = anchor_ticks
        self.low_ticks, self.high_ticks = 1, PRICE_TICKS_MAX
        if anchor_ticks:
            width = width_ticks(self.rules.interval, anchor_ticks)
            self.low_ticks = max(self.low_ticks, anchor_ticks - width)
            self.high_ticks = min(self.high_ticks, anchor_ticks + width)


def anchor_between(price_ticks: int, best_bid_ticks: int, best_ask_ticks: int) -> int:
    """The price, or the bid above it, or the ask below it: quotes move the anchor where nothing trades.

    0: there is no such price, or quote. Without a price there is no anchor either.
    """
    if not price_ticks:
        return 0
    if best_bid_ticks > price_ticks:
        return best_bid_ticks
    if best_ask_ticks and best_ask_ticks < price_ticks:
        return best_ask_ticks
    return price_ticks
