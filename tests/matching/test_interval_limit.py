"""Interval price limits, by themselves: anchor, hold and the times at which the anchor is set anew."""

from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.interval_limit import IntervalLimit, anchor_between
from carbonmatch.matching.messages import VolatilityRules, Width

SECOND = 10**9
# 0.50 EUR around the anchor, set anew every 3 s, held for 15 s.
RULES = VolatilityRules(
    interval=Width(50), interval_recalculation_ns=3 * SECOND, interval_hold_ns=15 * SECOND
)


def started(anchor_ticks: int) -> IntervalLimit:
    limit = IntervalLimit(RULES)
    limit.restart(anchor_ticks, time_ns=100 * SECOND)
    return limit


def test_without_an_anchor_there_are_no_limits() -> None:
    limit = IntervalLimit(RULES)
    assert limit.limits(0) == (1, PRICE_TICKS_MAX)
    assert limit.restart(0, time_ns=SECOND) is False
    assert limit.limits(SECOND) == (1, PRICE_TICKS_MAX)


def test_limits_are_laid_around_the_anchor_until_it_is_set_anew() -> None:
    limit = started(8_000)
    assert limit.limits(0) == (7_950, 8_050)
    assert limit.next_ns == 103 * SECOND
    assert limit.recalculate(8_030, time_ns=103 * SECOND) is True
    assert limit.limits(0) == (7_980, 8_080)
    assert limit.next_ns == 106 * SECOND


def test_an_anchor_that_stays_is_nothing_to_tell() -> None:
    limit = started(8_000)
    assert limit.recalculate(8_000, time_ns=103 * SECOND) is False


def test_what_was_due_several_times_is_done_once_and_keeps_its_beat() -> None:
    limit = started(8_000)
    limit.recalculate(8_010, time_ns=110 * SECOND)
    assert limit.next_ns == 112 * SECOND


def test_a_hold_keeps_the_anchor_for_its_time_and_ends_with_a_new_one() -> None:
    limit = started(8_000)
    assert limit.hold(101 * SECOND) is True
    assert limit.hold_ends_ns == limit.next_ns == 116 * SECOND
    assert limit.hold(105 * SECOND) is False, "it does not get longer"
    assert limit.hold_ends_ns == 116 * SECOND
    assert limit.limits(0) == (7_950, 8_050)

    assert limit.recalculate(8_050, time_ns=116 * SECOND) is True
    assert limit.limits(0) == (8_000, 8_100)
    assert limit.hold_ends_ns == 0
    assert limit.next_ns == 119 * SECOND


def test_the_end_of_a_hold_is_told_though_the_anchor_stays() -> None:
    limit = started(8_000)
    limit.hold(101 * SECOND)
    assert limit.recalculate(8_000, time_ns=120 * SECOND) is True


def test_a_restart_ends_a_hold() -> None:
    limit = started(8_000)
    limit.hold(101 * SECOND)
    assert limit.restart(8_000, time_ns=102 * SECOND) is True
    assert limit.hold_ends_ns == 0
    assert limit.next_ns == 105 * SECOND


def test_limits_stay_within_the_prices_that_the_system_counts() -> None:
    assert started(20).limits(0) == (1, 70)
    assert started(PRICE_TICKS_MAX - 7).limits(0) == (PRICE_TICKS_MAX - 57, PRICE_TICKS_MAX)


def test_quotes_move_the_anchor_where_nothing_trades() -> None:
    assert anchor_between(8_000, 7_990, 8_010) == 8_000
    assert anchor_between(8_000, 8_005, 8_010) == 8_005
    assert anchor_between(8_000, 7_900, 7_950) == 7_950
    assert anchor_between(8_000, 0, 0) == 8_000
    assert anchor_between(0, 7_900, 7_950) == 0
