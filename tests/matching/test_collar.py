"""The collar: a price against the opposite best, at entry, at a replacement, and when a stop fires."""

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import AllowedFlag, Phase, Ref, TimeInForce, VolatilityRules, Width
from tests.matching.market import ALICE, BOB, EUA, OPS, Market, buy, replace, sell

FIVE_TICKS = VolatilityRules(collar=Width(ticks=5))


def market(rules: VolatilityRules = FIVE_TICKS) -> Market:
    """Bob bids 90 and asks 100."""
    found = Market(allowed=AllowedFlag.ALL, market_protection_ticks=50, volatility=rules)
    found.send(BOB, buy(1, 90, 10), sell(2, 100, 10))
    return found


def test_a_price_too_far_beyond_the_opposite_best_is_refused() -> None:
    assert market().send(ALICE, buy(1, 106), sell(2, 84)) == [
        "alice 1: rejected OUTSIDE_COLLAR",
        "alice 2: rejected OUTSIDE_COLLAR",
    ]


def test_the_collar_itself_is_inside() -> None:
    assert market().send(ALICE, buy(1, 105))[0] == "alice 1: accepted #3 buy 1 @ 105"
    assert market().send(ALICE, sell(1, 85))[0] == "alice 1: accepted #3 sell 1 @ 85"


def test_only_what_lies_beyond_the_opposite_best_is_held_against_it() -> None:
    assert market().send(ALICE, buy(1, 1), sell(2, 900)) == [
        "alice 1: accepted #3 buy 1 @ 1",
        "alice 2: accepted #4 sell 1 @ 900",
    ]


def test_basis_points_are_of_the_opposite_best_and_rounded_down() -> None:
    found = market(VolatilityRules(collar=Width(basis_points=590)))
    assert found.send(ALICE, buy(1, 106)) == ["alice 1: rejected OUTSIDE_COLLAR"], "5.9 is 5"
    assert found.send(ALICE, buy(2, 105))[0] == "alice 2: accepted #4 buy 1 @ 105"


def test_an_empty_side_holds_nothing_against_a_price() -> None:
    found = Market(volatility=FIVE_TICKS)
    assert found.send(ALICE, buy(1, 10_000)) == ["alice 1: accepted #1 buy 1 @ 10000"]


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC])
def test_every_time_in_force_is_held_against_it(tif: TimeInForce) -> None:
    assert market().send(ALICE, buy(1, 106, tif=tif)) == ["alice 1: rejected OUTSIDE_COLLAR"]


def test_a_market_order_is_refused_for_its_own_price_only() -> None:
    found = market()
    assert found.send(ALICE, buy(1, 106, market=True)) == ["alice 1: rejected OUTSIDE_COLLAR"]
    assert found.send(ALICE, buy(2, market=True))[0] == "alice 2: accepted #4 buy 1 @ 150"


def test_the_collar_comes_before_post_only() -> None:
    assert market().send(ALICE, buy(1, 106, post_only=True), buy(2, 105, post_only=True)) == [
        "alice 1: rejected OUTSIDE_COLLAR",
        "alice 2: rejected POST_ONLY_WOULD_TRADE",
    ]


def test_a_replacement_is_held_against_it_like_a_new_order() -> None:
    found = market()
    found.send(ALICE, buy(1, 89, 2))
    assert found.send(ALICE, replace(2, 1, 106, 2)) == ["alice 2: rejected OUTSIDE_COLLAR"]
    assert found.bids() == ["10 in 1 @ 90", "2 in 1 @ 89"]
    assert found.send(ALICE, replace(3, 1, 105, 2))[1] == "alice 3: executed #3 taker 2 @ 100, 0 left"


def test_a_stop_is_held_against_it_when_it_fires_and_not_before() -> None:
    found = market()
    found.send(ALICE, buy(1, 106, stop=100))
    assert found.send(BOB, buy(3, 100, stp=m.SelfTradePrevention.NONE))[-2:] == [
        "alice 0: triggered #3 at 100, goes in at 106",
        "alice 0: canceled #3 1 REFUSED_WHEN_FIRED",
    ]


def test_a_stop_is_held_against_the_market_of_the_moment_it_fires() -> None:
    found = market()
    found.send(ALICE, buy(1, 106, stop=103))
    told = found.send(BOB, buy(3, 103, 10, stp=m.SelfTradePrevention.NONE), sell(4, 103, 5))
    assert told, "the asks at 100 are gone"
    told = found.send(BOB, buy(5, 103, stp=m.SelfTradePrevention.NONE))
    assert [line for line in told if line.startswith("alice")] == [
        "alice 0: triggered #3 at 103, goes in at 106",
        "alice 0: executed #3 taker 1 @ 103, 0 left",
    ]


def test_it_is_off_where_nothing_trades() -> None:
    found = market()
    found.send(OPS, m.SetPhase(Ref(1), EUA, Phase.HALTED))
    assert found.send(ALICE, buy(1, 106)) == ["alice 1: rejected HALTED"]
