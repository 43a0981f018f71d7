"""Numbers at the very edge of what is admitted, and combinations in which one part alone is allowed.

Found by changing the core: each of these was a change that no test noticed.
"""

import pytest

from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import AllowedFlag, Ref
from tests.matching.market import (
    ALICE,
    BOB,
    CAROL,
    CEA,
    EUA,
    OPS,
    VENUE,
    Market,
    buy,
    definition,
    replace,
    sell,
)

ALL = AllowedFlag.ALL


@pytest.mark.parametrize("stop", [1, PRICE_TICKS_MAX])
def test_a_stop_price_may_be_the_lowest_and_the_highest_there_is(stop: int) -> None:
    market = Market(allowed=ALL)
    assert "accepted" in market.send(ALICE, buy(1, 100, 4, stop=stop))[0]


def test_a_stop_may_be_replaced_by_a_total_of_just_its_minimum() -> None:
    market = Market(allowed=ALL)
    market.send(ALICE, buy(1, 100, 9, stop=90, minimum=5))
    assert market.send(ALICE, replace(2, 1, 100, 5)) == ["alice 2: replaced #1 5 @ 100, 5 left"]


def test_of_a_stop_that_waits_the_displayed_quantity_alone_may_be_replaced() -> None:
    market = Market(allowed=ALL)
    market.send(ALICE, buy(1, 100, 9, stop=90, display=2))
    assert market.send(ALICE, replace(2, 1, 100, 9, display=3)) == ["alice 2: replaced #1 9 @ 100, 9 left"]


@pytest.mark.parametrize(
    ("beside", "order"),
    [
        (AllowedFlag.POST_ONLY, buy(1, 100, 9, post_only=True)),
        (AllowedFlag.ICEBERG, buy(1, 100, 9, display=2)),
        (AllowedFlag.MINIMUM_QUANTITY, buy(1, 100, 9, minimum=2)),
    ],
    ids=["post-only", "iceberg", "minimum"],
)
def test_an_instrument_without_limit_orders_has_none_with_more_to_them_either(
    beside: int, order: m.NewOrder
) -> None:
    without = Market(allowed=AllowedFlag.MARKET | AllowedFlag.DAY | beside)
    assert without.send(ALICE, order) == ["alice 1: rejected ORDER_TYPE_NOT_ALLOWED"]
    with_it = Market(allowed=AllowedFlag.LIMIT | AllowedFlag.DAY | beside)
    assert "ORDER_TYPE_NOT_ALLOWED" not in with_it.send(ALICE, order)[0]


def test_stops_of_a_halted_instrument_do_not_keep_those_of_others_from_firing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both were reached, the halted one's first, and neither has fired before the frame ended."""
    market = Market(allowed=ALL)
    market.send(VENUE, m.DefineInstrument(definition(CEA, allowed=ALL)))
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 0)
    for instrument in (EUA, CEA):
        market.send(ALICE, buy(instrument, 90, stop=100, instrument=instrument))
        market.send(BOB, sell(2 * instrument, 100, instrument=instrument))
        market.send(CAROL, buy(instrument, 100, instrument=instrument))
    market.send(OPS, m.SetPhase(Ref(1), EUA, m.Phase.HALTED))
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 9)
    assert market.send(VENUE, m.TimePassed()) == ["alice 0: triggered #5 at 100, goes in at 90"]
    assert market.send(OPS, m.SetPhase(Ref(2), EUA, m.Phase.CONTINUOUS)) == [
        "ops 2: done",
        "alice 0: triggered #2 at 100, goes in at 90",
    ]


def test_looking_in_vain_counts_where_an_own_order_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_MAKERS_MAX", 3)
    market = Market()
    market.send(ALICE, sell(1, 99))
    market.send(BOB, sell(1, 100), sell(2, 100), sell(3, 100))
    fill_or_kill = buy(2, 100, 2, tif=m.TimeInForce.FOK, stp=m.SelfTradePrevention.CANCEL_NEWEST)
    goes_on = buy(3, 100, 3, stp=m.SelfTradePrevention.CANCEL_OLDEST)
    told = market.send(ALICE, fill_or_kill, goes_on)
    assert told[0] == "alice 2: rejected CANNOT_FILL"
    assert "alice 3: canceled #6 2 TOO_MANY_MAKERS" in told, (
        "one was looked at, one canceled, one traded with"
    )


def test_a_search_ends_with_the_last_slice_of_an_iceberg() -> None:
    """It would look for more of it until the frame has met as many orders as it may."""
    market = Market(allowed=ALL)
    market.send(BOB, sell(1, 100, 10, display=5))
    told = market.send(ALICE, buy(1, 100, 11, tif=m.TimeInForce.FOK), buy(2, 100, 10))
    assert told[0] == "alice 1: rejected CANNOT_FILL"
    assert "alice 2: executed #3 taker 5 @ 100, 0 left" in told


def test_a_self_trade_before_the_first_trade_within_limits_counts_as_an_order_met(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_MAKERS_MAX", 3)
    rules = m.VolatilityRules(interval=m.Width(50), interval_recalculation_ns=3, interval_hold_ns=9)
    market = Market(volatility=rules)
    market.send(ALICE, sell(1, 99))
    market.send(BOB, sell(1, 100), sell(2, 100), sell(3, 100))
    told = market.send(ALICE, buy(2, 100, 3, stp=m.SelfTradePrevention.CANCEL_OLDEST))
    assert [line for line in told if line.startswith("alice")] == [
        "alice 2: accepted #5 buy 3 @ 100",
        "alice 2: prevented #5 with #1 1 CANCEL_OLDEST, 3 left",
        "alice 0: prevented #1 with #5 1 CANCEL_OLDEST, 1 left",
        "alice 0: canceled #1 1 SELF_TRADE",
        "alice 2: executed #5 taker 1 @ 100, 2 left",
        "alice 2: executed #5 taker 1 @ 100, 1 left",
        "alice 2: canceled #5 1 TOO_MANY_MAKERS",
    ]
