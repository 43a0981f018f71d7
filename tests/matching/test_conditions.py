"""Minimum quantity, good till date, and which types and times in force an instrument has."""

import pytest

from carbonmatch.matching import expiry as expiry_module
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AllowedFlag,
    OrderType,
    Phase,
    Ref,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TimePassed,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import (
    ALICE,
    BOB,
    CAROL,
    EUA,
    OPS,
    TIME_NS,
    VENUE,
    Market,
    buy,
    cancel,
    definition,
    reduce,
    replace,
    sell,
)

ALL = AllowedFlag.ALL


def market_with(*orders: m.NewOrder) -> Market:
    market = Market(allowed=ALL, market_protection_ticks=5)
    if orders:
        market.send(BOB, *orders)
    return market


# --- minimum quantity -----------------------------------------------------------------------------


@pytest.mark.parametrize("tif", [TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC])
def test_an_order_is_refused_where_less_than_its_minimum_would_trade(tif: TimeInForce) -> None:
    market = market_with(sell(1, 100, 3), sell(2, 101, 3))
    assert market.send(ALICE, buy(1, 100, 10, minimum=4, tif=tif)) == ["alice 1: rejected MINIMUM_NOT_MET"]
    assert market.asks() == ["3 in 1 @ 100", "3 in 1 @ 101"]


def test_the_minimum_may_be_met_by_several_trades_and_the_rest_rests_without_it() -> None:
    market = market_with(sell(1, 100, 3), sell(2, 101, 3))
    assert market.send(ALICE, buy(1, 101, 10, minimum=6))[1:3] == [
        "alice 1: executed #3 taker 3 @ 100, 7 left",
        "alice 1: executed #3 taker 3 @ 101, 4 left",
    ]
    assert market.send(BOB, sell(3, 101, 1))[1] == "bob 3: executed #4 taker 1 @ 101, 0 left"


def test_a_minimum_that_was_met_is_not_asked_for_again() -> None:
    market = market_with(sell(1, 100, 3))
    market.send(ALICE, buy(1, 100, 10, minimum=3, tif=TimeInForce.GTD, expires=9))
    [chunk] = market.outputs(ALICE, m.OrderStatusRequest(Ref(2), Ref(1))).streams
    status = chunk.reports[0]
    assert isinstance(status, m.OrderStatus)
    assert (status.leaves_lots, status.minimum_lots) == (7, 0)
    assert market.send(ALICE, replace(3, 1, 99, 5)) == ["alice 3: replaced #2 5 @ 99, 2 left"]


def test_what_an_ioc_order_has_beyond_its_minimum_goes() -> None:
    market = market_with(sell(1, 100, 5))
    assert market.send(ALICE, buy(1, 100, 8, minimum=5, tif=TimeInForce.IOC))[1:3] == [
        "alice 1: executed #2 taker 5 @ 100, 3 left",
        "alice 1: canceled #2 3 IOC_REMAINDER",
    ]


def test_a_market_order_may_have_a_minimum() -> None:
    market = market_with(sell(1, 100, 5), sell(2, 106, 5))
    assert market.send(ALICE, buy(1, lots=8, minimum=6, market=True)) == ["alice 1: rejected MINIMUM_NOT_MET"]
    assert market.send(ALICE, buy(2, lots=8, minimum=5, market=True))[-2:] == [
        "alice 2: canceled #4 3 MARKET_REMAINDER",
        "bob 0: executed #1 maker 5 @ 100, 0 left",
    ]


def test_hidden_lots_count_towards_the_minimum() -> None:
    market = market_with(sell(1, 100, 10, display=2))
    assert len(market.send(ALICE, buy(1, 100, 9, minimum=9))) == 11


@pytest.mark.parametrize("mode", [SelfTradePrevention.CANCEL_NEWEST, SelfTradePrevention.DECREMENT])
def test_an_order_of_ones_own_in_the_way_counts_as_the_end(mode: SelfTradePrevention) -> None:
    market = market_with(sell(1, 100, 2))
    market.send(CAROL, sell(1, 100, 1))
    market.send(BOB, sell(2, 100, 5))
    assert market.send(ALICE, buy(1, 100, 9, minimum=3, stp=mode)) == ["alice 1: rejected MINIMUM_NOT_MET"]
    assert market.send(ALICE, buy(2, 100, 9, minimum=3, stp=SelfTradePrevention.CANCEL_OLDEST))[0] == (
        "alice 2: accepted #5 buy 9 @ 100"
    )


def test_a_stop_asks_for_its_minimum_when_it_fires() -> None:
    market = market_with(sell(1, 100), sell(2, 101, 2))
    market.send(CAROL, buy(1, 101, 5, stop=100, minimum=3), buy(2, 101, 5, stop=100, minimum=2))
    assert market.send(ALICE, buy(1, 100))[2:] == [
        "bob 0: executed #1 maker 1 @ 100, 0 left",
        "bob 0: executed #2 maker 2 @ 101, 0 left",
        "carol 0: triggered #3 at 100, goes in at 101",
        "carol 0: canceled #3 5 MINIMUM_NOT_MET",
        "carol 0: triggered #4 at 100, goes in at 101",
        "carol 0: executed #4 taker 2 @ 101, 3 left",
    ]


def test_a_stop_reduced_below_its_minimum_asks_for_all_there_is() -> None:
    market = market_with(sell(1, 100), sell(2, 101, 2))
    market.send(CAROL, buy(1, 101, 5, stop=100, minimum=4), reduce(2, 1, 2))
    assert market.send(ALICE, buy(1, 100))[-1] == "carol 0: executed #3 taker 2 @ 101, 0 left"


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (buy(1, 100, 5, minimum=6), "INVALID_MINIMUM"),
        (buy(1, 100, 5, minimum=5, post_only=True), "INCOMPATIBLE_INSTRUCTIONS"),
        (buy(1, 100, 5, minimum=5, tif=TimeInForce.FOK), "INCOMPATIBLE_INSTRUCTIONS"),
    ],
)
def test_what_no_minimum_goes_with(order: m.NewOrder, reason: str) -> None:
    assert market_with(sell(1, 100, 9)).send(ALICE, order) == [f"alice 1: rejected {reason}"]


# --- good till date -------------------------------------------------------------------------------


def at(market: Market, after_ns: int, session: m.SessionId, *commands: m.AnyCommand) -> list[str]:
    """As `Market.send`, so many nanoseconds after the start."""
    market.time_ns = TIME_NS + after_ns
    return market.send(session, *commands)


def test_an_order_goes_when_its_time_has_come() -> None:
    market = market_with(sell(1, 100, 5, tif=TimeInForce.GTD, expires=10))
    assert not market.engine.is_due(TIME_NS + 9)
    assert at(market, 9, VENUE, TimePassed()) == []
    assert market.engine.is_due(TIME_NS + 10)
    assert at(market, 10, VENUE, TimePassed()) == ["bob 0: canceled #1 5 EXPIRED"]
    assert market.asks() == []
    assert not market.engine.is_due(TIME_NS + 1_000_000)


def test_an_order_never_trades_at_its_time_or_later() -> None:
    """Every entry lets go what is due before its commands, though nobody has looked at the clock."""
    market = market_with(sell(1, 100, 5, tif=TimeInForce.GTD, expires=10))
    assert at(market, 10, ALICE, buy(1, 100, 5)) == [
        "alice 1: accepted #2 buy 5 @ 100",
        "bob 0: canceled #1 5 EXPIRED",
    ]


def test_orders_expire_by_their_times_and_then_by_their_ids() -> None:
    market = Market(allowed=ALL)
    for ref, expires in enumerate((30, 10, 20, 10), 1):
        market.send(BOB, sell(ref, 100 + ref, tif=TimeInForce.GTD, expires=expires))
    assert at(market, 20, VENUE, TimePassed()) == [
        "bob 0: canceled #2 1 EXPIRED",
        "bob 0: canceled #4 1 EXPIRED",
        "bob 0: canceled #3 1 EXPIRED",
    ]


def test_who_ended_before_its_time_does_not_expire_again() -> None:
    market = market_with(
        sell(1, 100, tif=TimeInForce.GTD, expires=10),
        sell(2, 101, tif=TimeInForce.GTD, expires=20),
        sell(3, 102, 4, display=2, tif=TimeInForce.GTD, expires=30),
    )
    market.send(ALICE, buy(1, 100))
    market.send(BOB, cancel(4, 2))
    assert at(market, 30, VENUE, TimePassed()) == ["bob 0: canceled #3 4 EXPIRED"]


def test_a_stop_that_waits_expires_too_and_one_that_fired_keeps_its_time() -> None:
    market = market_with(sell(1, 100))
    market.send(CAROL, buy(1, 90, stop=100, tif=TimeInForce.GTD, expires=10))
    market.send(CAROL, buy(2, 90, stop=101, tif=TimeInForce.GTD, expires=10))
    market.send(ALICE, buy(1, 100))
    assert market.bids() == ["1 in 1 @ 90"]
    assert at(market, 10, VENUE, TimePassed()) == [
        "carol 0: canceled #2 1 EXPIRED",
        "carol 0: canceled #3 1 EXPIRED",
    ]


def test_a_replacement_keeps_the_time() -> None:
    market = market_with(sell(1, 100, tif=TimeInForce.GTD, expires=10))
    market.send(BOB, replace(2, 1, 101, 2))
    assert at(market, 10, VENUE, TimePassed()) == ["bob 0: canceled #1 2 EXPIRED"]


def test_a_day_is_shorter_than_a_date() -> None:
    market = market_with(sell(1, 100, tif=TimeInForce.GTD, expires=10), sell(2, 100))
    assert market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CLOSED)) == [
        "ops 1: done",
        "bob 0: canceled #2 1 EXPIRED",
    ]


@pytest.mark.parametrize("phase", [Phase.HALTED, Phase.CLOSED, Phase.CANCEL_ONLY])
def test_time_passes_in_every_phase(phase: Phase) -> None:
    market = market_with(sell(1, 100, tif=TimeInForce.GTD, expires=10))
    market.send(OPS, m.SetPhase(Ref(1), EUA, phase))
    assert at(market, 10, VENUE, TimePassed()) == ["bob 0: canceled #1 1 EXPIRED"]


def test_one_entry_lets_go_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry_module, "ENTRY_EXPIRIES_MAX", 2)
    market = market_with(*(sell(ref, 100, tif=TimeInForce.GTD, expires=10) for ref in (1, 2, 3)))
    assert len(at(market, 10, VENUE, TimePassed())) == 2
    assert market.engine.is_due(TIME_NS + 10)
    assert at(market, 10, VENUE, TimePassed()) == ["bob 0: canceled #3 1 EXPIRED"]


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (buy(1, 100, tif=TimeInForce.GTD), "INVALID_EXPIRY"),
        (buy(1, 100, minimum=1, tif=TimeInForce.GTD), "INVALID_EXPIRY"),
        (buy(1, 100, tif=TimeInForce.GTC, expires=10), "INCOMPATIBLE_INSTRUCTIONS"),
        (m.NewOrderLong(Ref(1), EUA, Side.BUY, 1, 100, time_in_force=TimeInForce.GTD, expires_ns=TIME_NS),
         "INVALID_EXPIRY"),
    ],
)  # fmt: skip
def test_a_time_is_to_come_and_belongs_to_a_date(order: m.NewOrder, reason: str) -> None:
    assert market_with().send(ALICE, order) == [f"alice 1: rejected {reason}"]


def test_times_are_in_the_snapshot_and_in_the_digest() -> None:
    one = market_with(sell(1, 100, tif=TimeInForce.GTD, expires=10))
    other = market_with(sell(1, 100, tif=TimeInForce.GTD, expires=11))
    assert digest(one.engine) != digest(other.engine)
    one.engine = restore(snapshot(one.engine))
    assert at(one, 10, VENUE, TimePassed()) == ["bob 0: canceled #1 1 EXPIRED"]


# --- what an instrument allows --------------------------------------------------------------------


TYPES = {
    AllowedFlag.MARKET: buy(1, 100, market=True),
    AllowedFlag.STOP: buy(1, 100, stop=105, market=True),
    AllowedFlag.STOP_LIMIT: buy(1, 100, stop=105),
    AllowedFlag.ICEBERG: buy(1, 90, 5, display=2),
    AllowedFlag.MINIMUM_QUANTITY: buy(1, 100, 5, minimum=1),
    AllowedFlag.POST_ONLY: buy(1, 90, post_only=True),
    AllowedFlag.LIMIT: buy(1, 90),
}
TIMES = {
    AllowedFlag.DAY: buy(1, 90),
    AllowedFlag.GTC: buy(1, 90, tif=TimeInForce.GTC),
    AllowedFlag.IOC: buy(1, 90, tif=TimeInForce.IOC),
    AllowedFlag.FOK: buy(1, 100, tif=TimeInForce.FOK),
    AllowedFlag.GTD: buy(1, 90, tif=TimeInForce.GTD, expires=10),
    AllowedFlag.AT_CLOSE: buy(1, 90, tif=TimeInForce.AT_CLOSE),
    AllowedFlag.GOOD_FOR_AUCTION: buy(1, 90, tif=TimeInForce.GOOD_FOR_AUCTION),
}


@pytest.mark.parametrize("flag", TYPES)
def test_a_type_that_the_instrument_lacks_is_refused(flag: int) -> None:
    refused, accepted = Market(allowed=ALL & ~flag), Market(allowed=ALL)
    for market in (refused, accepted):
        market.send(BOB, sell(1, 100, 5, tif=TimeInForce.GTC) if flag != AllowedFlag.LIMIT else cancel(1, 1))
    assert refused.send(ALICE, TYPES[flag]) == ["alice 1: rejected ORDER_TYPE_NOT_ALLOWED"]
    assert "accepted" in accepted.send(ALICE, TYPES[flag])[0]


@pytest.mark.parametrize("flag", TIMES)
def test_a_time_in_force_that_the_instrument_lacks_is_refused(flag: int) -> None:
    refused, accepted = Market(allowed=ALL & ~flag), Market(allowed=ALL)
    for market in (refused, accepted):
        tif = TimeInForce.DAY if flag != AllowedFlag.DAY else TimeInForce.GTC
        market.send(BOB, sell(1, 100, 5, tif=tif))
    assert refused.send(ALICE, TIMES[flag]) == ["alice 1: rejected TIME_IN_FORCE_NOT_ALLOWED"]
    assert "accepted" in accepted.send(ALICE, TIMES[flag])[0]


def test_by_default_an_instrument_has_what_there_was_before_there_was_a_choice() -> None:
    allowed = definition().allowed
    assert allowed == AllowedFlag.DEFAULT
    lacking = AllowedFlag.STOP | AllowedFlag.STOP_LIMIT | AllowedFlag.ICEBERG
    lacking |= AllowedFlag.MINIMUM_QUANTITY | AllowedFlag.GTD
    lacking |= AllowedFlag.AT_OPEN | AllowedFlag.AT_CLOSE | AllowedFlag.GOOD_FOR_AUCTION
    assert ALL & ~allowed == lacking


def test_every_type_and_time_in_force_has_its_bit_or_is_refused() -> None:
    names = {
        name
        for name in vars(AllowedFlag)
        if name.isupper() and not name.startswith("_") and name not in ("ALL", "DEFAULT")
    }
    others = {"ICEBERG", "MINIMUM_QUANTITY", "POST_ONLY"}
    assert names == {one.name for one in OrderType} | {one.name for one in TimeInForce} | others


def test_a_definition_with_a_type_that_does_not_exist_is_our_own_fault() -> None:
    with pytest.raises(AssertionError, match="does not exist"):
        Market(allowed=1 << 30)


def test_what_is_open_stays_when_its_type_is_not_allowed_any_more() -> None:
    market = market_with(sell(1, 100, 6, display=2), sell(2, 105, stop=99))
    market.outputs(VENUE, m.DefineInstrument(definition(EUA)))
    market.send(ALICE, buy(1, 100, 3))
    assert market.asks() == ["1 in 1 @ 100"]
    assert market.send(BOB, replace(3, 2, 105, 2))[0] == "bob 3: replaced #2 2 @ 105, 2 left"
