"""The released book of one instrument."""

from carbonmatch.market_data.depth import Depth, checksum
from carbonmatch.matching.messages import LevelChanged, Phase
from tests.market_data.world import BUY, SELL, definition, level


def depth_of(*levels: LevelChanged) -> Depth:
    depth = Depth(definition())
    depth.update(list(levels))
    return depth


def test_begins_with_the_phase_and_band_of_the_definition() -> None:
    depth = Depth(definition(opening_phase=Phase.CLOSED))
    assert depth.phase is Phase.CLOSED
    assert depth.band == (10_000, 9_000, 11_000)
    assert depth.levels() == []


def test_levels_are_bids_and_then_asks_each_from_the_best_on() -> None:
    depth = depth_of(level(SELL, 105, 1), level(BUY, 99, 2), level(SELL, 101, 3), level(BUY, 100, 4))
    assert depth.levels() == [
        level(BUY, 100, 4),
        level(BUY, 99, 2),
        level(SELL, 101, 3),
        level(SELL, 105, 1),
    ]


def test_the_same_price_on_both_sides_is_two_levels() -> None:
    """The book may be crossed while it is not traded continuously."""
    assert len(depth_of(level(BUY, 100, 1), level(SELL, 100, 2)).levels()) == 2


def test_a_level_holds_its_newest_value_and_leaves_with_its_last_lot() -> None:
    depth = Depth(definition())
    for change in (level(BUY, 100, 5), level(BUY, 100, 7, orders=2)):
        assert depth.update([change]) == [change]
        assert depth.levels() == [change]
    assert depth.update([level(BUY, 100, 0)]) == [level(BUY, 100, 0)]
    assert depth.levels() == []


def test_a_level_which_nobody_has_seen_changes_nothing_when_it_goes() -> None:
    assert depth_of(level(BUY, 100, 5)).update([level(SELL, 100, 0), level(BUY, 99, 1)]) == [
        level(BUY, 99, 1)
    ]


def test_checksum_is_crc32_of_21_bytes_a_level() -> None:
    """Side, price, quantity, orders: 01 0000000000000064 0000000000000005 00000002, then
    02 0000000000000065 0000000000000007 00000001."""
    assert checksum([]) == 0
    assert checksum([level(BUY, 100, 5, orders=2)]) == 0x367A1881
    assert checksum([level(BUY, 100, 5, orders=2), level(SELL, 101, 7)]) == 0xDB0DC078


def test_checksum_depends_on_the_order_of_levels() -> None:
    first, second = level(BUY, 100, 5), level(BUY, 99, 5)
    assert checksum([first, second]) != checksum([second, first])


def test_checksum_takes_the_largest_level_the_venue_allows() -> None:
    assert checksum([level(BUY, 10**9, 10**9 * 10**6, orders=10**6)]) > 0
