"""Deals come to given totals exactly, inside their bounds, or it is said that they cannot."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.launch.solve import Part, Unsolvable, settle, sizes, spread


@given(
    st.integers(0, 10_000), st.integers(1, 50_000_000), st.sampled_from([(1, 99_999), (100_000, 6_000_000)])
)
def test_sizes_sum_to_the_total_inside_their_bounds(seed: int, total: int, bounds: tuple[int, int]) -> None:
    least, most = bounds
    if total < least:
        return
    found = sizes(Random(seed), total, 3 * least + 2_000, least, most)
    assert sum(found) == total
    assert all(least <= size <= most for size in found)


def test_a_total_below_the_least_size_is_unsolvable() -> None:
    with pytest.raises(Unsolvable, match="99999 t in deals of at least 100000 t"):
        sizes(Random(1), 99_999, 300_000, 100_000, 6_000_000)


@given(st.integers(0, 10_000), st.lists(st.floats(0.1, 10), min_size=1, max_size=30))
def test_tonnes_are_spread_to_the_last(total: int, weights: list[float]) -> None:
    if total < len(weights):
        with pytest.raises(Unsolvable):
            spread(total, weights, least=1)
        return
    found = spread(total, weights, least=1)
    assert sum(found) == total
    assert min(found) >= 1


@given(st.integers(0, 100_000), st.integers(8, 200), st.floats(-0.03, 0.03))
def test_parts_come_to_any_money_near_their_own(seed: int, count: int, off: float) -> None:
    random = Random(seed)
    least, most = random.choice([(1, 99_999), (100_000, 6_000_000)])
    parts = [
        Part(
            index // 4,
            random.randint(2 * least, 10 * least + 2_000),
            random.randint(4_900, 5_100),
            (4_500, 5_500),
            (least, most),
        )
        for index in range(count)
    ]
    tonnes = sum(part.tonnes for part in parts)
    fen = int(sum(part.fen for part in parts) * (1 + off)) + random.randrange(1_000)
    settle(parts, fen)
    assert sum(part.fen for part in parts) == fen
    assert sum(part.tonnes for part in parts) == tonnes
    assert all(part.low <= part.price <= part.high for part in parts)
    assert all(least <= part.tonnes <= most for part in parts)


def test_parts_whose_prices_may_not_move_keep_them() -> None:
    fixed = Part(0, 500, 6_229, (6_229, 6_229), (500, 500))
    parts = [fixed, *(Part(0, 1_000, 5_000, (4_500, 5_500), (1, 99_999)) for _ in range(4))]
    settle(parts, 500 * 6_229 + 4_000 * 5_111 + 37)
    assert (fixed.tonnes, fixed.price) == (500, 6_229)
    assert sum(part.fen for part in parts) == 500 * 6_229 + 4_000 * 5_111 + 37


def test_money_that_the_bounds_do_not_reach_is_unsolvable() -> None:
    parts = [Part(0, 1_000, 5_000, (4_900, 5_100), (1, 99_999)) for _ in range(3)]
    with pytest.raises(Unsolvable, match="are left of"):
        settle(parts, 3_000 * 5_200)
