"""Stops: when they fire, in which order, and what they are before and after."""

import pytest

from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import Phase, Ref, SessionLost, TimeInForce, TimePassed
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import (
    ALICE,
    BOB,
    CAROL,
    EUA,
    OPS,
    VENUE,
    Market,
    buy,
    cancel,
    definition,
    reduce,
    replace,
    sell,
)

ALL = m.AllowedFlag.ALL


@pytest.fixture
def market() -> Market:
    """Trades at 100 have happened; Bob's asks stand at 101 and 102, his bids at 99 and 98."""
    market = Market(allowed=ALL, market_protection_ticks=10)
    market.send(BOB, sell(1, 100), sell(2, 101, 10), sell(3, 102, 10), buy(4, 99, 10), buy(5, 98, 10))
    market.send(ALICE, buy(1, 100))
    return market


def trade_at(market: Market, ref: int, price: int) -> list[str]:
    """One lot between Bob and Alice at a price between the others; returns what was told."""
    market.send(BOB, sell(ref, price))
    return market.send(ALICE, buy(ref, price))


def test_a_stop_waits_unseen_and_fires_when_the_last_price_reaches_it(market: Market) -> None:
    asks, bids = market.asks(), market.bids()
    assert market.send(CAROL, buy(1, lots=3, stop=101, market=True)) == ["carol 1: accepted #7 buy 3 @ 0"]
    assert (market.asks(), market.bids()) == (asks, bids)
    assert market.send(ALICE, buy(2, 101)) == [
        "alice 2: accepted #8 buy 1 @ 101",
        "alice 2: executed #8 taker 1 @ 101, 0 left",
        "bob 0: executed #2 maker 1 @ 101, 9 left",
        "bob 0: executed #2 maker 3 @ 101, 6 left",
        "carol 0: triggered #7 at 101, goes in at 111",
        "carol 0: executed #7 taker 3 @ 101, 0 left",
    ]


def test_a_sell_stop_waits_for_the_price_to_fall(market: Market) -> None:
    market.send(CAROL, sell(1, 97, lots=12, stop=99))
    market.send(ALICE, buy(2, 101))
    assert market.send(ALICE, sell(3, 99)) == [
        "alice 3: accepted #9 sell 1 @ 99",
        "alice 3: executed #9 taker 1 @ 99, 0 left",
        "bob 0: executed #4 maker 1 @ 99, 9 left",
        "bob 0: executed #4 maker 9 @ 99, 0 left",
        "bob 0: executed #5 maker 3 @ 98, 7 left",
        "carol 0: triggered #7 at 99, goes in at 97",
        "carol 0: executed #7 taker 9 @ 99, 3 left",
        "carol 0: executed #7 taker 3 @ 98, 0 left",
    ]


def test_a_stop_whose_price_is_reached_already_fires_after_its_own_command(market: Market) -> None:
    assert market.send(CAROL, buy(1, 100, lots=2, stop=100)) == [
        "carol 1: accepted #7 buy 2 @ 100",
        "carol 0: triggered #7 at 100, goes in at 100",
    ]
    assert market.bids()[0] == "2 in 1 @ 100"


def test_before_the_first_trade_no_price_is_reached() -> None:
    market = Market(allowed=ALL)
    market.send(CAROL, buy(1, 100, stop=1), sell(2, 90, stop=10**9))
    assert market.bids() == market.asks() == []


def test_a_stop_fires_after_the_command_is_over(market: Market) -> None:
    """The remainder of the taker rests first, and so is ahead of the stop that it has fired."""
    market.send(CAROL, buy(1, 101, lots=5, stop=101))
    market.send(ALICE, buy(2, 101, lots=12))
    assert market.bids()[0] == "7 in 2 @ 101"
    assert market.send(BOB, sell(6, 101, lots=3))[0:2] == [
        "bob 6: accepted #9 sell 3 @ 101",
        "bob 6: executed #9 taker 2 @ 101, 1 left",
    ]


def test_stops_fire_by_price_and_then_by_who_waits_longest(market: Market) -> None:
    market.send(
        CAROL,
        buy(1, 103, stop=102),
        buy(2, 103, stop=101),
        buy(3, 103, stop=102),
        buy(4, 103, stop=101),
    )
    told = market.send(ALICE, buy(2, 102, lots=11))
    assert [line for line in told if "triggered" in line] == [
        "carol 0: triggered #8 at 101, goes in at 103",
        "carol 0: triggered #10 at 101, goes in at 103",
        "carol 0: triggered #7 at 102, goes in at 103",
        "carol 0: triggered #9 at 102, goes in at 103",
    ]


def test_what_a_stop_reaches_fires_after_those_that_were_reached_before(market: Market) -> None:
    market.send(
        CAROL,
        buy(1, 102, lots=10, stop=101),  # takes the rest of 101 and reaches 102
        buy(2, 103, stop=102),
        buy(3, 103, stop=101),
    )
    told = market.send(ALICE, buy(2, 101))
    assert [line for line in told if "triggered" in line] == [
        "carol 0: triggered #7 at 101, goes in at 102",
        "carol 0: triggered #9 at 101, goes in at 103",
        "carol 0: triggered #8 at 102, goes in at 103",
    ]


def test_stops_of_both_sides_fire_in_the_order_of_the_trades_that_reached_them() -> None:
    """The last price is 105. A buyer trades at 101, which sellers waited for, and at 107 then."""
    market = Market(allowed=ALL)
    trade_at(market, 1, 105)
    market.send(BOB, sell(2, 101), sell(3, 107))
    market.send(CAROL, buy(1, 90, stop=106), sell(2, 110, stop=101), sell(3, 110, stop=103))
    told = market.send(ALICE, buy(2, 107, lots=2))
    assert [line for line in told if "triggered" in line] == [
        "carol 0: triggered #7 at 103, goes in at 110",
        "carol 0: triggered #6 at 101, goes in at 110",
        "carol 0: triggered #5 at 106, goes in at 90",
    ]


def test_a_first_trade_at_exactly_the_stop_price_reaches_the_other_side_too() -> None:
    market = Market(allowed=ALL)
    trade_at(market, 1, 105)
    market.send(BOB, sell(2, 101), sell(3, 107))
    market.send(CAROL, sell(1, 110, stop=101))
    assert market.send(ALICE, buy(2, 107, lots=2))[-1] == ("carol 0: triggered #5 at 101, goes in at 110")


def test_the_last_price_is_that_of_the_last_trade(market: Market) -> None:
    """One taker has traded at 101 and then at 102."""
    market.send(ALICE, buy(2, 102, lots=11))
    assert market.send(CAROL, buy(1, 90, stop=102), sell(2, 110, stop=101)) == [
        "carol 1: accepted #8 buy 1 @ 90",
        "carol 0: triggered #8 at 102, goes in at 90",
        "carol 2: accepted #9 sell 1 @ 110",
    ]


def test_where_the_first_trade_reaches_both_sides_the_other_one_fires_first() -> None:
    market = Market(allowed=ALL)
    market.send(CAROL, buy(1, 90, stop=95), sell(2, 110, stop=105))
    market.send(BOB, sell(1, 100))
    told = market.send(BOB, buy(2, 100, stp=m.SelfTradePrevention.NONE))
    assert told[-2:] == [
        "carol 0: triggered #2 at 105, goes in at 110",
        "carol 0: triggered #1 at 95, goes in at 90",
    ]


def test_a_stop_has_the_priority_of_the_moment_it_fires(market: Market) -> None:
    market.send(CAROL, buy(1, 100, stop=101))
    market.send(ALICE, buy(2, 100, lots=2))
    market.send(ALICE, buy(3, 101))
    assert market.send(BOB, sell(6, 100, lots=3))[1:3] == [
        "bob 6: executed #10 taker 2 @ 100, 1 left",
        "bob 6: executed #10 taker 1 @ 100, 0 left",
    ]


def test_a_fired_stop_answers_nobody(market: Market) -> None:
    """All it causes has ref 0, also where its owner's own command has fired it."""
    assert market.send(ALICE, buy(2, 101, stop=101), buy(3, 101)) == [
        "alice 2: accepted #7 buy 1 @ 101",
        "alice 3: accepted #8 buy 1 @ 101",
        "alice 3: executed #8 taker 1 @ 101, 0 left",
        "alice 0: triggered #7 at 101, goes in at 101",
        "alice 0: executed #7 taker 1 @ 101, 0 left",
        "bob 0: executed #2 maker 1 @ 101, 9 left",
        "bob 0: executed #2 maker 1 @ 101, 8 left",
    ]


# --- what becomes of it ---------------------------------------------------------------------------


def test_what_a_stop_cannot_trade_at_once_goes(market: Market) -> None:
    market.send(CAROL, buy(1, 101, lots=20, stop=101, market=True))
    assert market.send(ALICE, buy(2, 101))[-3:] == [
        "carol 0: triggered #7 at 101, goes in at 101",
        "carol 0: executed #7 taker 9 @ 101, 11 left",
        "carol 0: canceled #7 11 MARKET_REMAINDER",
    ]


def test_what_a_stop_limit_cannot_trade_at_once_rests(market: Market) -> None:
    market.send(CAROL, buy(1, 101, lots=20, stop=101))
    assert market.send(ALICE, buy(2, 101))[-2:] == [
        "carol 0: triggered #7 at 101, goes in at 101",
        "carol 0: executed #7 taker 9 @ 101, 11 left",
    ]
    assert market.bids()[0] == "11 in 1 @ 101"


def test_a_stop_that_fires_into_an_empty_book_goes() -> None:
    market = Market(allowed=ALL, market_protection_ticks=10)
    market.send(CAROL, buy(1, lots=5, stop=100, market=True))
    assert trade_at(market, 1, 100)[-2:] == [
        "carol 0: triggered #1 at 100, goes in at 0",
        "carol 0: canceled #1 5 MARKET_REMAINDER",
    ]


def test_a_stop_is_held_against_the_band_when_it_fires(market: Market) -> None:
    market.send(CAROL, buy(1, 110, stop=101), buy(2, stop=101, market=True), buy(3, 105, stop=101))
    market.send(OPS, m.SetBand(Ref(1), EUA, 100, 90, 105))
    assert market.send(ALICE, buy(2, 101))[3:] == [
        "bob 0: executed #2 maker 1 @ 101, 8 left",
        "bob 0: executed #2 maker 1 @ 101, 7 left",
        "carol 0: triggered #7 at 101, goes in at 110",
        "carol 0: canceled #7 1 REFUSED_WHEN_FIRED",
        "carol 0: triggered #8 at 101, goes in at 105",
        "carol 0: executed #8 taker 1 @ 101, 0 left",
        "carol 0: triggered #9 at 101, goes in at 105",
        "carol 0: executed #9 taker 1 @ 101, 0 left",
    ]


def test_a_market_stop_does_not_go_in_where_nothing_protects_it_any_more(market: Market) -> None:
    market.send(CAROL, buy(1, stop=101, market=True))
    market.outputs(VENUE, m.DefineInstrument(definition(allowed=ALL)))
    assert market.send(ALICE, buy(2, 101))[-2:] == [
        "carol 0: triggered #7 at 101, goes in at 0",
        "carol 0: canceled #7 1 REFUSED_WHEN_FIRED",
    ]


def test_self_trade_prevention_holds_for_a_stop_too(market: Market) -> None:
    """Carol and Alice act for one participant."""
    market.send(CAROL, buy(1, 103, lots=2, stop=101))
    market.send(ALICE, sell(2, 101))
    told = market.send(ALICE, buy(3, 101, lots=1, stp=m.SelfTradePrevention.NONE))
    assert "carol 0: triggered #7 at 101, goes in at 103" in told
    market.send(BOB, cancel(6, order_ref=2))
    market.send(CAROL, sell(2, 95, stop=99))
    market.send(ALICE, buy(4, 99, lots=20))
    market.send(BOB, cancel(7, order_ref=4))
    told = market.send(BOB, sell(8, 99))
    assert told[-2:] == [
        "carol 0: prevented #11 with #12 1 CANCEL_NEWEST, 1 left",
        "carol 0: canceled #11 1 SELF_TRADE",
    ]


# --- while it waits -------------------------------------------------------------------------------


def test_a_stop_that_waits_can_be_canceled_by_its_names(market: Market) -> None:
    market.send(CAROL, buy(1, 105, lots=5, stop=103), buy(2, 105, stop=103))
    assert market.send(CAROL, cancel(3, order_ref=1)) == ["carol 3: canceled #7 5 REQUESTED"]
    assert market.send(ALICE, cancel(2, order_id=market.order_id(8))) == [
        "alice 2: canceled #8 1 REQUESTED",
        "carol 0: canceled #8 1 REQUESTED_BY_OTHER_SESSION",
    ]
    assert market.engine.open_order_count == 4


def test_a_reduced_stop_keeps_its_place(market: Market) -> None:
    market.send(CAROL, buy(1, 103, lots=5, stop=101), buy(2, 103, stop=101))
    assert market.send(CAROL, reduce(3, 1, 2)) == ["carol 3: reduced #7 to 2, 2 left"]
    told = market.send(ALICE, buy(2, 101))
    assert [line for line in told if "triggered" in line] == [
        "carol 0: triggered #7 at 101, goes in at 103",
        "carol 0: triggered #8 at 101, goes in at 103",
    ]


def test_a_reduction_of_a_stop_to_nothing_ends_it(market: Market) -> None:
    market.send(CAROL, buy(1, 103, lots=5, stop=101))
    assert market.send(CAROL, reduce(2, 1, 0)) == ["carol 2: canceled #7 5 REDUCED_TO_FILLED"]


def test_a_replaced_stop_waits_behind_the_others_at_its_new_price(market: Market) -> None:
    market.send(CAROL, buy(1, 103, lots=5, stop=101), buy(2, 103, stop=102))
    [chunk] = market.outputs(CAROL, replace(3, 1, 104, 6, stop=102)).streams
    [report] = chunk.reports
    assert isinstance(report, m.Replaced)
    assert (report.price_ticks, report.quantity_lots, report.stop_price_ticks) == (104, 6, 102)
    told = market.send(ALICE, buy(2, 102, lots=11))
    assert [line for line in told if "triggered" in line] == [
        "carol 0: triggered #8 at 102, goes in at 103",
        "carol 0: triggered #7 at 102, goes in at 104",
    ]
    assert market.send(CAROL, cancel(4, order_ref=1)) == ["carol 4: rejected UNKNOWN_ORDER"]


def test_a_replacement_at_a_price_that_is_reached_fires_after_its_command(market: Market) -> None:
    market.send(CAROL, buy(1, 99, stop=103))
    assert market.send(CAROL, replace(2, 1, 99, 1, stop=100)) == [
        "carol 2: replaced #7 1 @ 99, 1 left",
        "carol 0: triggered #7 at 100, goes in at 99",
    ]


def test_a_colleague_may_replace_a_stop(market: Market) -> None:
    market.send(CAROL, buy(1, 103, stop=102))
    assert market.send(ALICE, replace(2, 0, 104, 2, order_id=market.order_id(7))) == [
        "alice 2: replaced #7 2 @ 104, 2 left",
        "carol 0: replaced #7 2 @ 104, 2 left",
    ]


@pytest.mark.parametrize(
    ("amendment", "reason"),
    [
        (replace(9, 1, 103, 0), "INVALID_QUANTITY"),
        (replace(9, 1, 0, 5), "INVALID_PRICE"),
        (replace(9, 1, 104, 5, stop=10**9 + 1), "INVALID_STOP_PRICE"),
        (replace(9, 1, 104, 5, display=2), "INCOMPATIBLE_INSTRUCTIONS"),
        (replace(9, 1, 103, 5), "NOT_AMENDABLE"),
        (replace(9, 1, 103, 5, stop=102), "NOT_AMENDABLE"),
        (replace(9, 1, 103, 2), "INVALID_MINIMUM"),
        (reduce(9, 1, 5), "NOT_AMENDABLE"),
    ],
)
def test_what_is_refused_for_a_stop_that_waits(market: Market, amendment: m.Replace, reason: str) -> None:
    market.send(CAROL, buy(1, 103, lots=5, stop=102, minimum=3))
    before = digest_of_orders(market)
    assert market.send(CAROL, amendment) == [f"carol 9: rejected {reason}"]
    assert digest_of_orders(market) == before, "a refused amendment has changed nothing"


def digest_of_orders(market: Market) -> list[tuple[int, int, int]]:
    book = market.engine.books[EUA]
    return [
        (order.order_id, order.quantity_lots, order.level.price_ticks)
        for order in (*book.orders(), *book.stops(), *book.waiting())
    ]


def test_a_market_stop_may_lose_its_own_protection_only_where_there_is_another() -> None:
    market = Market(allowed=ALL)
    market.send(CAROL, buy(1, 103, stop=102, market=True))
    assert market.send(CAROL, replace(2, 1, 0, 1)) == ["carol 2: rejected NO_PROTECTION_PRICE"]
    assert market.send(CAROL, replace(3, 1, 104, 1)) == ["carol 3: replaced #1 1 @ 104, 1 left"]


def test_a_stop_price_belongs_to_a_stop_that_waits(market: Market) -> None:
    market.send(CAROL, buy(1, 99, stop=100))
    assert market.send(CAROL, replace(2, 1, 98, 1, stop=103)) == ["carol 2: rejected INVALID_STOP_PRICE"]
    assert market.send(CAROL, replace(3, 1, 98, 1)) == ["carol 3: replaced #7 1 @ 98, 1 left"]


def test_stops_are_not_replaced_while_the_market_is_halted(market: Market) -> None:
    market.send(CAROL, buy(1, 103, stop=102))
    market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.HALTED))
    assert market.send(CAROL, replace(2, 1, 104, 1)) == ["carol 2: rejected HALTED"]
    assert market.send(CAROL, cancel(3, 1)) == ["carol 3: canceled #7 1 REQUESTED"]


def test_mass_cancel_disconnect_and_close_take_stops_along(market: Market) -> None:
    market.send(CAROL, buy(1, 103, stop=102), sell(2, 90, stop=95, tif=TimeInForce.GTC))
    market.send(CAROL, buy(3, 103, stop=102, keep=True), buy(4, 103, stop=102))
    assert market.send(CAROL, m.MassCancel(Ref(5), m.MassCancelScope.SESSION, side=2)) == [
        "carol 5: canceled #8 1 MASS_CANCEL",
        "carol 5: mass canceled 1",
    ]
    assert market.send(VENUE, SessionLost(CAROL)) == [
        "carol 0: canceled #7 1 DISCONNECTED",
        "carol 0: canceled #10 1 DISCONNECTED",
    ]
    market.send(CAROL, sell(6, 90, stop=95), sell(7, 90, stop=94, tif=TimeInForce.GTC))
    told = market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CLOSED))
    assert [line for line in told if line.startswith("carol")] == [
        "carol 0: canceled #9 1 EXPIRED",
        "carol 0: canceled #13 1 EXPIRED",
    ]
    assert [order.order_id for order in market.engine.books[EUA].stops()] == [market.order_id(14)]


def test_a_stop_shows_in_the_status_of_its_session(market: Market) -> None:
    market.send(CAROL, buy(1, 103, lots=5, stop=102, display=2, minimum=3))
    request = m.OrderStatusRequest(Ref(2))
    [chunk] = market.outputs(CAROL, request).streams
    status = chunk.reports[0]
    assert isinstance(status, m.OrderStatus)
    assert (status.order_type, status.price_ticks, status.stop_price_ticks) == (4, 103, 102)
    assert (status.quantity_lots, status.leaves_lots) == (5, 5)
    assert (status.display_lots, status.minimum_lots, status.expires_ns) == (2, 3, 0)
    market.send(ALICE, buy(2, 102, lots=11))
    market.send(BOB, cancel(9, order_ref=3))
    market.send(CAROL, buy(3, 90, lots=5, stop=100, minimum=0, display=2))
    [chunk] = market.outputs(CAROL, m.OrderStatusRequest(Ref(4), Ref(3))).streams
    status = chunk.reports[0]
    assert isinstance(status, m.OrderStatus)
    assert (status.order_type, status.price_ticks, status.stop_price_ticks) == (4, 90, 0)
    assert status.leaves_lots == 5


def test_the_long_layout_is_answered_with_all_it_said(market: Market) -> None:
    [chunk] = market.outputs(
        CAROL, buy(1, 103, lots=5, stop=102, display=2, minimum=3, tif=TimeInForce.GTD, expires=9)
    ).streams
    [report] = chunk.reports
    assert type(report) is m.AcceptedLong
    assert (report.price_ticks, report.quantity_lots) == (103, 5)
    assert (report.order_type, report.time_in_force, report.order_flags) == (4, 5, 0)
    assert (report.stop_price_ticks, report.display_lots, report.minimum_lots) == (102, 2, 3)
    assert report.expires_ns == report.time_ns + 9


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (buy(1, 103, stop=10**9 + 1), "INVALID_STOP_PRICE"),
        (buy(1, 103, stop=102, tif=TimeInForce.IOC), "INCOMPATIBLE_INSTRUCTIONS"),
        (buy(1, 103, stop=102, tif=TimeInForce.FOK), "INCOMPATIBLE_INSTRUCTIONS"),
        (buy(1, 103, stop=102, post_only=True), "INCOMPATIBLE_INSTRUCTIONS"),
        (buy(1, lots=5, stop=102, market=True, display=2), "INCOMPATIBLE_INSTRUCTIONS"),
        (buy(1, 0, stop=102), "INVALID_PRICE"),
        (m.NewOrder(Ref(1), EUA, m.Side.BUY, 1, 103, order_type=m.OrderType.STOP), "INVALID_STOP_PRICE"),
        (m.NewOrderLong(Ref(1), EUA, m.Side.BUY, 1, 103, stop_price_ticks=102), "INVALID_STOP_PRICE"),
    ],
)
def test_a_stop_is_refused_at_entry(market: Market, order: m.NewOrder, reason: str) -> None:
    assert market.send(CAROL, order) == [f"carol 1: rejected {reason}"]


def test_a_stop_needs_a_price_on_the_increment_and_a_protection() -> None:
    market = Market(allowed=ALL, price_increment_ticks=2)
    assert market.send(CAROL, buy(1, 104, stop=101)) == ["carol 1: rejected INVALID_STOP_PRICE"]
    assert market.send(CAROL, buy(2, stop=102, market=True)) == ["carol 2: rejected NO_PROTECTION_PRICE"]
    assert market.send(CAROL, buy(3, 102, stop=102, market=True)) == ["carol 3: accepted #3 buy 1 @ 102"]


# --- bounds ---------------------------------------------------------------------------------------


def test_a_cascade_beyond_what_an_entry_may_fire_goes_on_in_the_next(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 2)
    market.send(CAROL, *(buy(ref, 90, stop=101) for ref in range(1, 6)))
    assert [line for line in market.send(ALICE, buy(2, 101)) if "triggered" in line] == [
        "carol 0: triggered #7 at 101, goes in at 90",
        "carol 0: triggered #8 at 101, goes in at 90",
    ]
    assert market.engine.is_due(0)
    # Who comes meanwhile with a price that is not reached any more waits for the next trade.
    market.send(ALICE, sell(3, 99))
    assert market.send(VENUE, TimePassed()) == ["carol 0: triggered #11 at 101, goes in at 90"]
    assert not market.engine.is_due(0)


def test_a_stop_that_comes_while_others_are_to_fire_waits_for_a_trade_of_its_own(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 0)
    market.send(CAROL, buy(1, 90, stop=101))
    market.send(ALICE, buy(2, 101), sell(3, 99))
    market.send(CAROL, buy(2, 91, stop=101), buy(3, 92, stop=100))
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 9)
    assert market.send(VENUE, TimePassed()) == ["carol 0: triggered #7 at 101, goes in at 90"]


def test_a_reached_stop_can_be_canceled_and_replaced_until_it_fires(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 0)
    market.send(CAROL, buy(1, 90, stop=101), buy(2, 90, stop=101), buy(3, 90, stop=101))
    market.send(ALICE, buy(2, 101))
    assert market.send(CAROL, cancel(4, 1)) == ["carol 4: canceled #7 1 REQUESTED"]
    assert market.send(CAROL, replace(5, 2, 91, 1, stop=103)) == ["carol 5: replaced #8 1 @ 91, 1 left"]
    market.engine = restore(snapshot(market.engine))
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 9)
    assert market.send(VENUE, TimePassed()) == ["carol 0: triggered #9 at 101, goes in at 90"]


def test_stops_of_a_market_that_halts_before_they_fire_wait_for_it(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 0)
    market.send(CAROL, buy(1, 90, stop=101))
    market.send(ALICE, buy(2, 101))
    market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.HALTED))
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 9)
    assert not market.engine.is_due(0)
    assert market.send(VENUE, TimePassed()) == []
    assert market.send(OPS, m.SetPhase(Ref(2), EUA, Phase.CONTINUOUS)) == [
        "ops 2: done",
        "carol 0: triggered #7 at 101, goes in at 90",
    ]


def test_whose_time_is_up_does_not_trade_with_a_stop_that_is_left(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 0)
    market.send(CAROL, buy(1, 100, stop=101))
    market.send(ALICE, buy(2, 101))
    market.send(BOB, sell(6, 100, tif=TimeInForce.GTD, expires=10))
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 9)
    market.time_ns += 10
    assert market.send(VENUE, TimePassed()) == [
        "bob 0: canceled #9 1 EXPIRED",
        "carol 0: triggered #7 at 101, goes in at 100",
    ]


def test_who_waits_since_when_is_in_the_snapshot(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 0)
    market.send(CAROL, buy(1, 90, stop=101))
    market.send(ALICE, buy(2, 101), sell(3, 99))
    market.send(CAROL, buy(2, 91, stop=101))
    market.engine = restore(snapshot(market.engine))
    monkeypatch.setattr(engine_module, "ENTRY_STOPS_MAX", 9)
    assert market.send(VENUE, TimePassed()) == ["carol 0: triggered #7 at 101, goes in at 90"]


def test_a_stop_fires_only_where_the_entry_may_still_meet_many(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_MAKERS_MAX", 5_000)
    market.send(CAROL, buy(1, 90, stop=101))
    assert not [line for line in market.send(ALICE, buy(2, 101)) if "triggered" in line]
    assert market.send(VENUE, TimePassed()) == ["carol 0: triggered #7 at 101, goes in at 90"]


# --- state ----------------------------------------------------------------------------------------


def test_stops_are_in_the_snapshot_and_in_the_digest(market: Market) -> None:
    plain = digest(market.engine)
    market.send(CAROL, buy(1, 103, lots=5, stop=102, minimum=2, display=2), sell(2, stop=95, market=True))
    assert digest(market.engine) != plain
    market.engine = restore(snapshot(market.engine))
    market.engine.check()
    told = market.send(ALICE, buy(2, 102, lots=11))
    assert "carol 0: triggered #7 at 102, goes in at 103" in told


def test_the_last_price_is_in_the_snapshot(market: Market) -> None:
    market.engine = restore(snapshot(market.engine))
    assert market.send(CAROL, buy(1, 90, stop=100))[1:] == ["carol 0: triggered #7 at 100, goes in at 90"]
