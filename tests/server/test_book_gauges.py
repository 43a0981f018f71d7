"""What metrics say of books is what was released, of each instrument in turn, and costs the loop little."""

import pytest

from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.messages import InstrumentId, Side
from carbonmatch.ops.counters import Counters
from carbonmatch.server.book_gauges import BookGauges
from tests.market_data.world import (
    BUY,
    CEA,
    EUA,
    KAU,
    NOW_NS,
    SELL,
    defined,
    definition,
    level,
    released,
    traded,
)


class World:
    def __init__(self, *instruments: InstrumentId) -> None:
        self.market_data = MarketData()
        self.counters = Counters()
        self.gauges = BookGauges(self.market_data, self.counters)
        for instrument_id in instruments:
            self.define(instrument_id)

    def define(self, instrument_id: InstrumentId) -> None:
        self.market_data.apply(released(defined(instrument_id, f"I{instrument_id}")), NOW_NS)
        self.counters.define(definition(instrument_id, f"I{instrument_id}"))

    def happens(self, *events: object) -> None:
        self.market_data.apply(released(*events), NOW_NS)  # type: ignore[arg-type]


def test_levels_orders_and_prices_are_those_of_the_released_book() -> None:
    world = World(CEA)
    world.happens(
        level(BUY, 99, 5, 2),
        level(BUY, 98, 5, 3),
        level(SELL, 103, 4, 1),
        traded(100, 6, 1),
        traded(101, 6, 2),
    )
    world.gauges.look()
    counters = world.counters
    assert counters.book_levels == {(CEA, BUY): 2, (CEA, SELL): 1}
    assert counters.book_orders == {(CEA, BUY): 5, (CEA, SELL): 1}
    assert counters.best_price_ticks == {(CEA, BUY): 99, (CEA, SELL): 103}
    assert counters.last_price_ticks == {CEA: 101}
    assert counters.reference_price_ticks == {CEA: 10_000}
    assert counters.tick_size == {CEA: 0.01}


def test_a_side_that_is_empty_again_has_no_price() -> None:
    world = World(CEA)
    world.happens(level(BUY, 99, 5))
    world.gauges.look()
    world.happens(level(BUY, 99, 0))
    world.gauges.look()
    assert world.counters.best_price_ticks == {}
    assert world.counters.book_levels == {(CEA, BUY): 0, (CEA, SELL): 0}


def test_one_instrument_is_looked_at_at_a_time_and_a_new_one_comes_with_the_next_round() -> None:
    world = World(CEA, EUA)

    def seen() -> set[InstrumentId]:
        world.counters.reference_price_ticks.clear()
        world.gauges.look()
        return set(world.counters.reference_price_ticks)

    first, second = seen(), seen()
    assert {len(first), len(second)} == {1}
    assert first | second == {CEA, EUA}
    world.define(KAU)
    assert set().union(*(seen() for _ in range(3))) == {CEA, EUA, KAU}


def test_only_so_many_instruments_have_series_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonmatch.server.book_gauges.METRICS_INSTRUMENTS_MAX", 2)
    world = World(CEA, EUA, KAU)
    for _ in range(6):
        world.gauges.look()
    assert set(world.counters.reference_price_ticks) == {CEA, EUA}


def test_a_book_too_deep_to_look_through_says_only_how_deep_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonmatch.server.book_gauges.METRICS_LEVELS_MAX", 2)
    world = World(CEA)
    world.happens(level(SELL, 103, 4), level(SELL, 104, 4), level(BUY, 99, 5))
    world.gauges.look()
    assert world.counters.best_price_ticks == {(CEA, BUY): 99, (CEA, SELL): 103}
    world.happens(level(SELL, 105, 4))
    world.gauges.look()
    assert world.counters.book_levels == {(CEA, BUY): 1, (CEA, SELL): 3}
    assert (CEA, Side.SELL) not in world.counters.best_price_ticks
    assert (CEA, Side.SELL) not in world.counters.book_orders


def test_a_venue_without_instruments_has_nothing_to_look_at() -> None:
    world = World()
    world.gauges.look()
    assert world.counters.book_levels == {}
