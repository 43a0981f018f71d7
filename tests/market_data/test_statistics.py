"""What an instrument traded in its day."""

from carbonmatch.market_data.statistics import DayStatistics
from carbonmatch.matching.messages import Phase, TradeKind
from tests.market_data.world import busted, traded


def after(*trades: tuple[int, int]) -> DayStatistics:
    statistics = DayStatistics(Phase.CONTINUOUS)
    if trades:
        statistics.add([traded(price, lots, number) for number, (price, lots) in enumerate(trades, 1)])
    return statistics


def test_nothing_traded_is_all_zeros() -> None:
    assert after().figures() == (0, 0, 0, 0, 0, 0, 0)


def test_open_high_low_last_volume_turnover_count() -> None:
    assert after((100, 2), (105, 1), (98, 3), (99, 4)).figures() == (100, 105, 98, 99, 10, 995, 4)


def test_each_batch_goes_on_from_the_one_before() -> None:
    statistics = after((100, 2), (105, 1))
    statistics.add([traded(98, 3, 3), traded(99, 4, 4)])
    assert statistics.figures() == (100, 105, 98, 99, 10, 995, 4)


def test_a_price_of_zero_is_a_price() -> None:
    assert after((0, 1), (5, 1)).figures() == (0, 5, 0, 5, 2, 5, 2)


def test_a_day_begins_when_the_instrument_goes_from_closed_to_continuous() -> None:
    statistics = after((100, 2))
    assert not statistics.change_phase(Phase.CLOSED)
    assert statistics.figures() == (100, 100, 100, 100, 2, 200, 1), "the day's figures stay until then"
    assert statistics.change_phase(Phase.CONTINUOUS)
    assert statistics.figures() == (0, 0, 0, 0, 0, 0, 0)


def test_a_day_also_begins_by_way_of_another_phase() -> None:
    statistics = after((100, 2))
    statistics.change_phase(Phase.CLOSED)
    assert not statistics.change_phase(Phase.CANCEL_ONLY)
    assert statistics.change_phase(Phase.CONTINUOUS)


def test_an_opening_auction_is_of_the_day_that_it_opens() -> None:
    statistics = after((100, 2))
    statistics.change_phase(Phase.CLOSED)
    statistics.change_phase(Phase.OPENING_AUCTION)
    assert statistics.figures() == (100, 100, 100, 100, 2, 200, 1)
    statistics.add([traded(90, 3, 2)])
    assert not statistics.change_phase(Phase.CONTINUOUS)
    assert statistics.figures() == (90, 90, 90, 90, 3, 270, 1)
    assert not statistics.bust(busted(1, 100, 2)), "it is of the day before"


def test_a_halt_is_within_the_day() -> None:
    statistics = after((100, 2))
    assert not statistics.change_phase(Phase.HALTED)
    assert not statistics.change_phase(Phase.CONTINUOUS)
    assert statistics.figures() == (100, 100, 100, 100, 2, 200, 1)


def test_an_instrument_that_is_defined_closed_begins_its_first_day_when_it_opens() -> None:
    assert DayStatistics(Phase.CLOSED).change_phase(Phase.CONTINUOUS)


def test_a_sum_stops_at_its_bound_and_stays_there_over_a_restart() -> None:
    """Ten trades of the largest price and quantity pass 2**63."""
    statistics = after(*[(10**9, 10**9)] * 10)
    bounded = (10**9, 10**9, 10**9, 10**9, 10**10, 2**63 - 1, 10)
    assert statistics.figures() == bounded
    restored = after()
    restored.restore(statistics.saved())
    restored.add([traded(10**9, 1, 11)])
    statistics.add([traded(10**9, 1, 11)])
    assert restored.figures() == statistics.figures()
    assert restored.figures()[5] == 2**63 - 1


def test_a_sum_that_was_at_its_bound_is_right_again_after_a_bust() -> None:
    statistics = after(*[(10**9, 10**9)] * 10)
    restored = after()
    restored.restore(statistics.saved())
    for trade_id in (3, 7):
        assert restored.bust(busted(trade_id, 10**9, 10**9))
    assert restored.figures() == (10**9, 10**9, 10**9, 10**9, 8 * 10**9, 8 * 10**18, 8)


def test_the_average_by_volume_is_that_of_the_screen_on_a_day_with_a_block() -> None:
    statistics = after((100, 2), (103, 1))
    statistics.add([traded(80, 1_000, 3, kind=TradeKind.BLOCK)])
    *_, volume, turnover, count = statistics.figures()
    assert (turnover, volume, count) == (303, 3, 2), "101 on average, not 80"
    assert statistics.kinds() == [(TradeKind.BLOCK, (1_000, 80_000, 1))]
    assert statistics.sum_up() == (100, 103, 100, 103, 1_003, 80_303, 3), "a day is summed up with all of it"


def test_what_an_auction_traded_is_of_the_screen_and_is_told_apart() -> None:
    statistics = after((100, 2))
    statistics.add([traded(90, 3, 2, kind=TradeKind.AUCTION)])
    assert statistics.figures() == (100, 100, 90, 90, 5, 470, 2)
    assert statistics.kinds() == [(TradeKind.AUCTION, (3, 270, 1))]


def test_of_a_kind_that_has_no_trade_yet_a_new_day_tells_so_once() -> None:
    statistics = after()
    statistics.add([traded(80, 10, 1, kind=TradeKind.BIDDING)])
    assert statistics.take_changed_kinds() == [(TradeKind.BIDDING, (10, 800, 1))]
    statistics.change_phase(Phase.CLOSED)
    assert statistics.take_changed_kinds() == []
    statistics.change_phase(Phase.CONTINUOUS)
    assert statistics.take_changed_kinds() == [(TradeKind.BIDDING, (0, 0, 0))]
    assert statistics.kinds() == []
