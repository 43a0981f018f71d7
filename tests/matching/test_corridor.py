"""The corridor, by itself: which prices the next trade may have, against all trades looked at each time."""

from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.limits import PRICE_TICKS_MAX, WINDOW_EXTREMES_MAX
from carbonmatch.matching.corridor import Corridor, Extremes
from carbonmatch.matching.messages import VolatilityRules, Width
from carbonmatch.matching.volatility_rules import width_ticks

ANY_PRICE = (1, PRICE_TICKS_MAX)


def test_a_width_is_the_larger_of_its_ticks_and_its_basis_points_rounded_down() -> None:
    assert width_ticks(Width(ticks=50), 8_000) == 50
    assert width_ticks(Width(basis_points=50), 8_000) == 40
    assert width_ticks(Width(basis_points=50), 8_199) == 40, "40.995 is rounded down"
    assert width_ticks(Width(ticks=41, basis_points=50), 8_199) == 41
    assert width_ticks(Width(ticks=39, basis_points=50), 8_199) == 40


def test_without_a_trade_and_a_reference_every_price_is_admitted() -> None:
    rules = VolatilityRules(static=Width(5), short=Width(5), short_window_ns=10)
    assert Corridor(rules, reference_ticks=0).limits(1) == ANY_PRICE


def test_the_static_width_is_laid_around_the_reference() -> None:
    corridor = Corridor(VolatilityRules(static=Width(basis_points=500)), reference_ticks=8_000)
    assert corridor.limits(1) == (7_600, 8_400)
    corridor.note(8_400, 1)
    assert corridor.limits(2) == (7_600, 8_400), "trades do not move it"


def test_a_trade_may_be_no_further_than_the_width_from_any_trade_of_the_window() -> None:
    corridor = Corridor(VolatilityRules(short=Width(10), short_window_ns=100), reference_ticks=0)
    corridor.note(1_000, time_ns=1)
    assert corridor.limits(2) == (990, 1_010)
    corridor.note(1_006, time_ns=2)
    assert corridor.limits(3) == (996, 1_010), "small steps do not lead away"
    corridor.note(997, time_ns=3)
    assert corridor.limits(4) == (996, 1_007)


def test_a_trade_counts_for_the_length_of_the_window() -> None:
    corridor = Corridor(VolatilityRules(short=Width(10), short_window_ns=100), reference_ticks=0)
    corridor.note(1_000, time_ns=50)
    corridor.note(1_006, time_ns=60)
    assert corridor.limits(149) == (996, 1_010)
    assert corridor.limits(150) == (996, 1_016)


def test_the_last_trade_counts_however_old_it_is() -> None:
    corridor = Corridor(VolatilityRules(short=Width(10), short_window_ns=100), reference_ticks=0)
    corridor.note(1_000, time_ns=50)
    assert corridor.limits(10**18) == (990, 1_010)


def test_the_narrowest_of_the_static_the_short_and_the_long_width_counts() -> None:
    rules = VolatilityRules(
        static=Width(40), short=Width(10), short_window_ns=10, long=Width(30), long_window_ns=1_000
    )
    corridor = Corridor(rules, reference_ticks=1_000)
    corridor.note(1_000, time_ns=0)
    assert corridor.limits(5) == (990, 1_010)
    for time_ns, price in ((5, 1_010), (15, 1_020), (25, 1_028)):
        corridor.note(price, time_ns)
    assert corridor.limits(40) == (1_018, 1_030), "up to the long window, down to the short one"
    corridor.note(1_030, 1_200)
    assert corridor.limits(2_300) == (1_020, 1_040), "up to the static width"


def test_an_auction_gives_all_references_anew() -> None:
    rules = VolatilityRules(static=Width(40), short=Width(10), short_window_ns=100)
    corridor = Corridor(rules, reference_ticks=1_000)
    corridor.note(1_000, time_ns=1)
    corridor.restart(1_200, time_ns=2)
    assert corridor.limits(3) == (1_190, 1_210)
    assert corridor.narrowed(corridor.limits(3), 1_205) == (1_195, 1_210)
    assert corridor.reference_ticks == 1_200


def test_the_windows_remember_a_bounded_number_of_prices_and_are_only_ever_too_narrow() -> None:
    lows = Extremes()
    for number in range(WINDOW_EXTREMES_MAX + 500):
        lows.note(-number, time_ns=number)
        lows.check()
    assert len(lows.saved()) == WINDOW_EXTREMES_MAX
    for since in range(WINDOW_EXTREMES_MAX + 499):
        largest = lows.largest(since)
        assert largest is not None
        assert largest >= -since
        if since < WINDOW_EXTREMES_MAX:
            assert largest == -since, "those that are kept apart are right"


def test_what_a_window_remembers_comes_back() -> None:
    highs = Extremes()
    for time_ns, price in enumerate((5, 9, 3, 4, 1)):
        highs.note(price, time_ns)
    again = Extremes()
    again.restore(highs.saved())
    assert [again.largest(since) for since in range(5)] == [9, 9, 4, 4, 1]


TRADES = st.lists(st.tuples(st.integers(0, 40), st.integers(900, 1_100)), max_size=60)


@given(TRADES, st.integers(1, 90), st.integers(0, 200), st.integers(0, 300))
def test_the_corridor_is_that_of_all_trades_looked_at_one_by_one(
    trades: list[tuple[int, int]], length_ns: int, basis_points: int, later_ns: int
) -> None:
    rules = VolatilityRules(short=Width(3, basis_points), short_window_ns=length_ns)
    corridor = Corridor(rules, reference_ticks=0)
    now = 0
    seen: list[tuple[int, int]] = []
    for passed_ns, price in [*trades, (later_ns, 0)]:
        now += passed_ns
        counted = [each for time_ns, each in seen if now - time_ns < length_ns] or [
            each for _, each in seen[-1:]
        ]
        low = max((each - max(3, each * basis_points // 10_000) for each in counted), default=1)
        high = min((each + max(3, each * basis_points // 10_000) for each in counted), default=10**9)
        assert corridor.limits(now) == (low, high)
        if price:
            assert corridor.narrowed((low, high), price) == (
                max(low, price - max(3, price * basis_points // 10_000)),
                min(high, price + max(3, price * basis_points // 10_000)),
            )
            corridor.note(price, now)
            seen.append((now, price))
        corridor.check()
