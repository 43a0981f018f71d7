"""Auctions: what gathers, at which price it trades, and what may be done meanwhile."""

import gc
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.accel import is_core_compiled
from carbonmatch.limits import INDICATION_LEVEL_NS, INDICATION_NS_MIN
from carbonmatch.matching import auction_prevention
from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import messages as m
from carbonmatch.matching import uncross as uncross_module
from carbonmatch.matching.auction_price import determine
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import AllowedFlag, AuctionRule, Phase, Ref, Side, TimeInForce
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import (
    ALICE,
    BOB,
    CAROL,
    CEA,
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
from tests.matching.test_lifecycle import rows
from tests.reference_book import auction_price

NONE = m.SelfTradePrevention.NONE
AT_OPEN, AT_CLOSE = TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE
FOR_AUCTION = TimeInForce.GOOD_FOR_AUCTION
SECOND = 10**9
SEED = bytes(range(16))


def enter(phase: Phase, instrument: int = EUA) -> m.SetPhase:
    return m.SetPhase(Ref(0), m.InstrumentId(instrument), phase)


def market(phase: Phase = Phase.OPENING_AUCTION, **fields: Any) -> Market:
    found = Market(allowed=AllowedFlag.ALL, **fields)
    found.outputs(VENUE, enter(phase))
    return found


def ended(outputs: m.Outputs) -> m.AuctionEnded:
    [event] = [event for event in outputs.public if isinstance(event, m.AuctionEnded)]
    return event


def start(ends: int, random: int = 0, freeze: int = 0, **fields: Any) -> m.StartAuction:
    """An opening auction of EUA, times in seconds from the market's time on."""
    freeze_ns = TIME_NS + freeze * SECOND if freeze else 0
    phase = fields.pop("phase", Phase.OPENING_AUCTION)
    return m.StartAuction(EUA, phase, TIME_NS + ends * SECOND, random * SECOND, freeze_ns, **fields)


def at(found: Market, seconds: float) -> None:
    found.time_ns = TIME_NS + int(seconds * SECOND)


# --- the price -------------------------------------------------------------------------------------


def test_the_published_example_of_the_korea_exchange() -> None:
    """600 t at 7,830; there the first sell fills its 150, the second 100 of its 200, the third nothing."""
    found = market(self_trade_prevention=NONE)
    sells = [(7810, 150), (7820, 200), (7830, 150), (7830, 200), (7830, 50)]
    sells += [(7840, 300), (7850, 750), (7860, 450)]
    buys = [(7850, 100), (7840, 150), (7830, 200), (7830, 150), (7820, 400), (7810, 500), (7800, 650)]
    found.send(ALICE, *[sell(ref, price, lots) for ref, (price, lots) in enumerate(sells, 1)])
    found.send(BOB, *[buy(ref, price, lots) for ref, (price, lots) in enumerate(buys, 1)])
    outputs = found.outputs(VENUE, enter(Phase.CONTINUOUS))
    check_batch(found.engine.books, outputs)
    end = ended(outputs)
    assert (end.price_ticks, end.volume_lots) == (7830, 600)
    assert (end.surplus_lots, end.surplus_side, end.rule) == (150, Side.SELL, AuctionRule.VOLUME)
    trades = [event for event in outputs.public if isinstance(event, m.Traded)]
    assert {(trade.price_ticks, trade.kind) for trade in trades} == {(7830, m.TradeKind.AUCTION)}
    filled: dict[int, int] = {}
    for chunk in outputs.streams:
        for report in chunk.reports:
            if isinstance(report, m.Executed) and report.side is Side.SELL:
                assert report.liquidity is m.Liquidity.AUCTION
                number = report.order_id - found.order_id(1)
                filled[number] = filled.get(number, 0) + report.quantity_lots
    assert filled == {1: 150, 2: 200, 3: 150, 4: 100}
    assert found.asks()[0] == "150 in 2 @ 7830"
    assert found.bids()[0] == "400 in 1 @ 7820"


BUY, SELL = Side.BUY, Side.SELL
RULES: dict[AuctionRule, tuple[list[tuple[Side, int, int]], int, tuple[int, int, int]]] = {
    # Orders, reference price, and the price, volume and surplus that follow.
    AuctionRule.NONE: ([(BUY, 99, 5), (SELL, 100, 5)], 0, (0, 0, 0)),
    AuctionRule.VOLUME: ([(BUY, 101, 5), (BUY, 100, 5), (SELL, 100, 10)], 0, (100, 10, 0)),
    # At 101 as much would trade, but there sellers are left over.
    AuctionRule.SURPLUS: ([(BUY, 101, 10), (SELL, 100, 10), (SELL, 101, 5)], 101, (100, 10, 0)),
    AuctionRule.PRESSURE: ([(BUY, 105, 12), (SELL, 100, 10)], 101, (105, 10, 2)),
    AuctionRule.REFERENCE: ([(BUY, 105, 10), (SELL, 100, 10)], 103, (103, 10, 0)),
    AuctionRule.MIDDLE: ([(BUY, 105, 10), (SELL, 100, 10)], 0, (102, 10, 0)),
}


@pytest.mark.parametrize("rule", AuctionRule)
def test_each_rule_decides_where_those_before_it_leave_more_than_one_price(rule: AuctionRule) -> None:
    orders, reference, expected = RULES[rule]
    assert auction_price(orders, reference, 1) == (*expected, rule)
    found = market(self_trade_prevention=NONE, reference_price_ticks=reference)
    for ref, (side, price, lots) in enumerate(orders, 1):
        found.send(ALICE, (buy if side is BUY else sell)(ref, price, lots))
    end = ended(found.outputs(VENUE, enter(Phase.CONTINUOUS)))
    assert (end.price_ticks, end.volume_lots, end.rule) == (*expected[:2], rule)
    assert end.surplus_lots == abs(expected[2])
    assert end.reference_price_ticks == reference


def test_sellers_that_are_left_over_press_the_price_down() -> None:
    found = market()
    found.send(ALICE, sell(1, 100, 12))
    found.send(BOB, buy(1, 105, 10))
    end = ended(found.outputs(VENUE, enter(Phase.CONTINUOUS)))
    assert (end.price_ticks, end.surplus_side, end.rule) == (100, Side.SELL, AuctionRule.PRESSURE)


def test_the_last_trade_is_the_reference_and_the_instruments_before_the_first() -> None:
    found = market(Phase.CONTINUOUS, reference_price_ticks=100)
    found.send(ALICE, sell(1, 104))
    found.send(BOB, buy(1, 104))
    found.send(VENUE, enter(Phase.VOLATILITY_AUCTION))
    found.send(ALICE, sell(2, 100))
    found.send(BOB, buy(2, 110))
    end = ended(found.outputs(VENUE, enter(Phase.CONTINUOUS)))
    assert (end.price_ticks, end.reference_price_ticks) == (104, 104)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 12), st.integers(1, 9)), max_size=14),
    st.integers(0, 14),
    st.integers(1, 4),
)
def test_the_price_is_that_of_a_reference_which_tries_every_price(
    orders: list[tuple[Side, int, int]], reference: int, increment: int
) -> None:
    found = market(self_trade_prevention=NONE, reference_price_ticks=reference)
    for ref, (side, price, lots) in enumerate(orders, 1):
        found.send(ALICE, (buy if side is BUY else sell)(ref, price, lots))
    # Orders may rest off an increment that came later.
    found.engine.books[EUA].instrument.price_increment_ticks = increment
    found_price = determine(found.engine.books[EUA])
    fields = (found_price.price_ticks, found_price.volume_lots, found_price.surplus_lots, found_price.rule)
    assert fields == auction_price(orders, reference, increment)
    end = ended(found.outputs(VENUE, enter(Phase.CONTINUOUS)))
    assert end.volume_lots == found_price.volume_lots


# --- who trades ------------------------------------------------------------------------------------


def test_price_goes_before_time_and_time_decides_at_one_price() -> None:
    found = market(self_trade_prevention=NONE)
    found.send(BOB, sell(1, 100, 3), sell(2, 100, 3), sell(3, 99, 3))
    assert [line for line in told(found, buy(1, 100, 7)) if line.startswith("bob")] == [
        "bob 0: executed #4 auction 3 @ 100, 0 left",
        "bob 0: executed #2 auction 3 @ 100, 0 left",
        "bob 0: executed #3 auction 1 @ 100, 2 left",
    ]


def told(found: Market, *orders: m.NewOrder) -> list[str]:
    """Alice sends these, then trading begins."""
    found.send(ALICE, *orders)
    return found.send(VENUE, enter(Phase.CONTINUOUS))


@pytest.mark.parametrize(("own", "against"), [(buy, sell), (sell, buy)])
def test_whoever_is_left_without_a_partner_is_told_nothing(own: Any, against: Any) -> None:
    found = market()
    found.send(BOB, own(1, 100, 5))
    found.send(CAROL, own(1, 100, 7))
    found.send(ALICE, against(1, 100, 5, stp=m.SelfTradePrevention.NONE))
    outputs = found.outputs(OPS, m.SetPhase(Ref(9), EUA, Phase.CONTINUOUS))
    check_batch(found.engine.books, outputs)
    assert {chunk.session_id for chunk in outputs.streams} == {ALICE, BOB, OPS}


def test_what_an_iceberg_hides_takes_part_and_what_is_left_keeps_its_place() -> None:
    found = market()
    found.send(BOB, sell(1, 100, 10, display=2), sell(2, 100, 5))
    lines = told(found, buy(1, 100, 7))
    assert "bob 0: executed #2 auction 7 @ 100, 3 left" in lines
    assert found.asks() == ["7 in 2 @ 100"]
    assert found.send(ALICE, buy(2, 100, 1))[1:] == [
        "alice 2: executed #6 taker 1 @ 100, 0 left",
        "bob 0: executed #2 maker 1 @ 100, 2 left",
    ]


@pytest.mark.parametrize("at_once", [1, 2, uncross_module.TRADED_AT_ONCE])
def test_each_fill_of_an_iceberg_takes_from_its_slice_however_many_trades_are_made_at_once(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 show: the first fill takes them all, the others 7 of the next; one beyond it shows a fresh one."""
    monkeypatch.setattr(uncross_module, "TRADED_AT_ONCE", at_once)
    found = Market(allowed=AllowedFlag.ALL, opening_phase=Phase.OPENING_AUCTION)
    found.send(BOB, sell(1, 100, 40, display=8))
    found.send(ALICE, buy(1, 100, 8), buy(2, 100, 1), buy(3, 100, 6))
    found.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS))
    assert found.asks() == ["1 in 1 @ 100"]
    found.send(ALICE, buy(4, 100, 1))
    assert found.asks() == ["8 in 1 @ 100"]
    found.send(OPS, m.SetPhase(Ref(2), EUA, Phase.OPENING_AUCTION))
    found.send(ALICE, buy(5, 100, 3), buy(6, 100, 13))
    found.send(OPS, m.SetPhase(Ref(3), EUA, Phase.CONTINUOUS))
    assert found.asks() == ["8 in 1 @ 100"]


def test_what_an_iceberg_hides_counts_for_the_price() -> None:
    """Ten lots are offered, three bid for: sellers press it down. By the slice buyers would press it up."""
    found = market()
    found.send(BOB, sell(1, 100, 10, display=2))
    found.send(ALICE, buy(1, 102, 3))
    end = ended(found.outputs(VENUE, enter(Phase.CONTINUOUS)))
    assert (end.price_ticks, end.surplus_lots, end.surplus_side) == (100, 7, Side.SELL)


def test_a_market_order_trades_up_to_its_protection_and_the_rest_goes_with_the_auction() -> None:
    found = market()
    found.send(BOB, sell(1, 100, 4), sell(2, 103, 4))
    lines = told(found, buy(1, 102, 9, market=True))
    assert "alice 0: canceled #4 5 AUCTION_OVER" in lines
    assert found.asks() == ["4 in 1 @ 103"]


def test_a_market_order_in_an_auction_needs_a_price_or_a_band() -> None:
    found = market(market_protection_ticks=5)
    assert found.send(ALICE, buy(1, 0, 5, market=True)) == ["alice 1: rejected NO_PROTECTION_PRICE"]
    found = market(band_low_ticks=90, band_high_ticks=110)
    assert found.send(ALICE, buy(1, 0, 5, market=True)) == ["alice 1: accepted #2 buy 5 @ 110"]
    assert found.send(ALICE, sell(2, 0, 5, market=True)) == ["alice 2: accepted #3 sell 5 @ 90"]


@pytest.mark.parametrize(
    "order",
    [
        buy(1, 100, tif=TimeInForce.IOC),
        buy(1, 100, tif=TimeInForce.FOK),
        buy(1, 100, post_only=True),
        buy(1, 100, 5, minimum=2),
    ],
)
def test_what_asks_for_something_at_once_is_refused_while_orders_gather(order: m.NewOrder) -> None:
    assert market().send(ALICE, order) == ["alice 1: rejected NOT_IN_THIS_PHASE"]


def test_stops_fire_after_an_auction_that_has_reached_them_buyers_first() -> None:
    found = market()
    found.send(CAROL, sell(1, 99, stop=100), buy(2, 101, stop=100))
    found.send(BOB, sell(1, 100))
    lines = told(found, buy(1, 100))
    assert [line for line in lines if "triggered" in line] == [
        "carol 0: triggered #3 at 100, goes in at 101",
        "carol 0: triggered #2 at 100, goes in at 99",
    ]
    assert lines.index("alice 0: executed #5 auction 1 @ 100, 0 left") < 2


def test_stops_of_an_instrument_that_opens_fire_behind_those_of_another_that_still_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = market(Phase.CONTINUOUS)
    found.send(VENUE, m.DefineInstrument(definition(CEA, allowed=AllowedFlag.ALL)))
    for ref, instrument in ((1, EUA), (2, CEA)):
        found.send(BOB, sell(ref, 100, instrument=instrument))
        found.send(ALICE, buy(ref, 100, instrument=instrument))
    for ref, instrument in ((11, EUA), (12, CEA)):
        found.send(VENUE, enter(Phase.PRE_OPEN, instrument))
        found.send(ALICE, buy(ref, 100, stop=100, instrument=instrument))
    with monkeypatch.context() as patch:
        patch.setattr(engine_module, "ENTRY_STOPS_MAX", 0)
        assert found.send(VENUE, enter(Phase.CONTINUOUS, EUA)) == []
        assert found.send(VENUE, enter(Phase.CONTINUOUS, CEA)) == []
    assert len(found.send(VENUE, m.TimePassed())) == 2


def test_a_stop_that_comes_while_nothing_trades_fires_when_it_does() -> None:
    found = market(Phase.CONTINUOUS)
    found.send(BOB, sell(1, 100))
    found.send(ALICE, buy(1, 100))
    found.send(VENUE, enter(Phase.VOLATILITY_AUCTION))
    assert found.send(CAROL, buy(1, 99, stop=98)) == ["carol 1: accepted #5 buy 1 @ 99"]
    assert found.send(VENUE, enter(Phase.CONTINUOUS)) == ["carol 0: triggered #5 at 98, goes in at 99"]


# --- phases ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "phase",
    [Phase.PRE_OPEN, Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION, Phase.VOLATILITY_AUCTION],
)
def test_orders_gather_crossed_and_can_be_amended(phase: Phase) -> None:
    found = market(phase)
    found.send(BOB, sell(1, 99, 5))
    assert found.send(ALICE, buy(1, 101, 5)) == ["alice 1: accepted #3 buy 5 @ 101"]
    assert found.send(ALICE, replace(2, 1, 102, 6)) == ["alice 2: replaced #3 6 @ 102, 6 left"]
    assert found.send(ALICE, reduce(3, 2, 4)) == ["alice 3: reduced #3 to 4, 4 left"]
    assert (found.bids(), found.asks()) == (["4 in 1 @ 102"], ["5 in 1 @ 99"])
    assert found.send(ALICE, cancel(4, 2)) == ["alice 4: canceled #3 4 REQUESTED"]


def test_an_interruption_keeps_what_has_gathered_and_trading_carries_it_out() -> None:
    found = market()
    found.send(BOB, sell(1, 99, 5))
    found.send(ALICE, buy(1, 101, 5))
    for phase in (Phase.HALTED, Phase.CANCEL_ONLY, Phase.BREAK):
        assert found.send(VENUE, enter(phase)) == []
    assert found.bids() == ["5 in 1 @ 101"]
    assert found.send(ALICE, buy(2, 101)) == ["alice 2: rejected NOT_IN_THIS_PHASE"]
    outputs = found.outputs(VENUE, enter(Phase.CONTINUOUS))
    assert ended(outputs).volume_lots == 5
    assert found.bids() == []


def test_a_closing_auction_trades_before_day_orders_expire() -> None:
    found = market(Phase.CLOSING_AUCTION)
    found.send(BOB, sell(1, 100, 5))
    found.send(ALICE, buy(1, 100, 7))
    assert found.send(VENUE, enter(Phase.CLOSED)) == [
        "alice 0: executed #3 auction 5 @ 100, 2 left",
        "alice 0: canceled #3 2 EXPIRED",
        "bob 0: executed #2 auction 5 @ 100, 0 left",
    ]


def test_an_opening_auction_that_is_closed_does_not_trade() -> None:
    found = market()
    found.send(BOB, sell(1, 100, 5))
    found.send(ALICE, buy(1, 100, 7))
    outputs = found.outputs(VENUE, enter(Phase.CLOSED))
    assert not [event for event in outputs.public if isinstance(event, m.Traded)]


# --- orders for auctions only ----------------------------------------------------------------------


def test_an_order_at_the_close_waits_unseen_and_takes_part_behind_those_that_are_there() -> None:
    found = market(Phase.CONTINUOUS, self_trade_prevention=NONE)
    assert found.send(ALICE, sell(1, 100, 5, tif=AT_CLOSE)) == ["alice 1: accepted #2 sell 5 @ 100"]
    found.send(ALICE, sell(2, 101, 3))
    assert found.asks() == ["3 in 1 @ 101"]
    assert found.send(BOB, buy(1, 100, 5)) == ["bob 1: accepted #4 buy 5 @ 100"]
    assert found.outputs(VENUE, enter(Phase.CLOSING_AUCTION)).levels
    assert found.asks() == ["5 in 1 @ 100", "3 in 1 @ 101"]
    found.send(ALICE, sell(3, 100, 2))
    assert found.send(VENUE, enter(Phase.CLOSED)) == [
        "bob 0: executed #4 auction 5 @ 100, 0 left",
        "alice 0: executed #2 auction 5 @ 100, 0 left",
        "alice 0: canceled #6 2 EXPIRED",
        "alice 0: canceled #3 3 EXPIRED",
    ]


def test_an_order_that_waits_can_be_amended_and_cancelled() -> None:
    found = market(Phase.CONTINUOUS)
    found.send(BOB, sell(1, 100, 50))
    found.send(ALICE, buy(1, 100, 5, tif=AT_CLOSE), buy(2, 100, 5, tif=FOR_AUCTION, display=2))
    assert found.send(ALICE, replace(3, 1, 101, 6)) == ["alice 3: replaced #3 6 @ 101, 6 left"]
    assert found.send(ALICE, reduce(4, 2, 4)) == ["alice 4: reduced #4 to 4, 4 left"]
    assert found.send(ALICE, cancel(5, 3)) == ["alice 5: canceled #3 6 REQUESTED"]
    assert found.send(VENUE, m.SessionLost(ALICE)) == ["alice 0: canceled #4 4 DISCONNECTED"]
    assert found.bids() == []


@pytest.mark.parametrize("tif", [AT_OPEN, FOR_AUCTION])
@pytest.mark.parametrize("phase", [Phase.PRE_OPEN, Phase.OPENING_AUCTION])
def test_what_an_order_for_the_auction_has_left_goes_after_it(tif: TimeInForce, phase: Phase) -> None:
    found = market(phase)
    found.send(BOB, sell(1, 100, 5))
    lines = told(found, buy(1, 100, 7, tif=tif))
    assert lines[:2] == [
        "alice 0: executed #3 auction 5 @ 100, 2 left",
        "alice 0: canceled #3 2 AUCTION_OVER",
    ]


def test_an_order_at_the_open_comes_too_late_when_it_is_over() -> None:
    found = market(Phase.CONTINUOUS)
    assert found.send(ALICE, buy(1, 100, tif=AT_OPEN)) == ["alice 1: rejected NOT_IN_THIS_PHASE"]
    found.send(VENUE, enter(Phase.CLOSING_AUCTION))
    assert found.send(ALICE, buy(2, 100, tif=AT_OPEN)) == ["alice 2: rejected NOT_IN_THIS_PHASE"]


def test_each_takes_part_in_its_own_auction_only() -> None:
    found = market(Phase.PRE_OPEN)
    found.send(ALICE, buy(1, 98, tif=AT_CLOSE), buy(2, 97, tif=FOR_AUCTION), buy(3, 96, tif=AT_OPEN))
    assert found.bids() == ["1 in 1 @ 97", "1 in 1 @ 96"]
    found.send(VENUE, enter(Phase.CONTINUOUS))
    found.send(ALICE, buy(4, 95, tif=FOR_AUCTION))
    found.send(VENUE, enter(Phase.VOLATILITY_AUCTION))
    assert found.bids() == ["1 in 1 @ 95"]
    assert found.send(VENUE, enter(Phase.CONTINUOUS)) == ["alice 0: canceled #6 1 AUCTION_OVER"]
    found.send(VENUE, enter(Phase.CLOSING_AUCTION))
    assert found.bids() == ["1 in 1 @ 98"]


@pytest.mark.parametrize(
    ("tif", "its_own", "another"),
    [
        (AT_OPEN, Phase.PRE_OPEN, Phase.CLOSING_AUCTION),
        (AT_OPEN, Phase.OPENING_AUCTION, Phase.VOLATILITY_AUCTION),
        (AT_CLOSE, Phase.CLOSING_AUCTION, Phase.OPENING_AUCTION),
    ],
)
@pytest.mark.parametrize("between", [None, Phase.HALTED])
def test_an_order_whose_auction_was_left_takes_no_part_in_another(
    tif: TimeInForce, its_own: Phase, another: Phase, between: Phase | None
) -> None:
    found = market(its_own)
    found.send(ALICE, buy(1, 100, tif=tif), buy(2, 99, tif=FOR_AUCTION), buy(3, 98))
    if between is not None:
        assert found.send(VENUE, enter(between)) == []
    assert found.send(VENUE, enter(another)) == ["alice 0: canceled #2 1 AUCTION_OVER"]
    assert found.bids() == ["1 in 1 @ 99", "1 in 1 @ 98"]


def test_none_that_waits_outlives_the_close() -> None:
    found = market(Phase.CONTINUOUS)
    found.send(ALICE, buy(1, 98, tif=AT_CLOSE), buy(2, 97, tif=FOR_AUCTION))
    assert found.send(VENUE, enter(Phase.CLOSED)) == [
        "alice 0: canceled #2 1 EXPIRED",
        "alice 0: canceled #3 1 EXPIRED",
    ]


def test_a_market_order_may_wait_for_the_close() -> None:
    found = market(Phase.CONTINUOUS, band_low_ticks=90, band_high_ticks=110)
    assert found.send(ALICE, buy(1, 0, 5, market=True, tif=AT_CLOSE)) == ["alice 1: accepted #2 buy 5 @ 110"]
    found.send(BOB, sell(1, 109, 3, tif=AT_CLOSE))
    found.send(VENUE, enter(Phase.CLOSING_AUCTION))
    assert found.send(VENUE, enter(Phase.CLOSED))[:2] == [
        "alice 0: executed #2 auction 3 @ 110, 2 left",
        "alice 0: canceled #2 2 AUCTION_OVER",
    ]


@pytest.mark.parametrize(
    "order",
    [
        buy(1, 100, tif=AT_CLOSE, stop=101),
        buy(1, 100, 5, tif=AT_CLOSE, minimum=2),
        buy(1, 100, tif=FOR_AUCTION, post_only=True),
    ],
)
def test_an_order_for_an_auction_asks_for_nothing_that_an_auction_has_not(order: m.NewOrder) -> None:
    found = market(Phase.CONTINUOUS)
    assert found.send(ALICE, order) == ["alice 1: rejected INCOMPATIBLE_INSTRUCTIONS"]


# --- self-trade prevention -------------------------------------------------------------------------


def test_orders_of_one_participant_do_not_trade_and_the_price_is_that_of_the_others() -> None:
    """With Alice's own 10 lots the price would be 105; without her buy it is that of the others."""
    found = market()
    found.send(ALICE, sell(1, 100, 10), buy(2, 105, 10))
    found.send(BOB, buy(1, 101, 5))
    outputs = found.outputs(VENUE, enter(Phase.CONTINUOUS))
    end = ended(outputs)
    assert (end.price_ticks, end.volume_lots, end.prevented_lots) == (100, 5, 10)
    assert outputs.prevented == [(EUA, 10)]
    [report] = [one for one in outputs.streams[0].reports if isinstance(one, m.Canceled)]
    assert (report.order_id, report.reason) == (found.order_id(3), m.CancelReason.SELF_TRADE)
    assert found.asks() == ["5 in 1 @ 100"]


@pytest.mark.parametrize(
    ("mode", "lines"),
    [
        (
            "NONE",
            ["alice 0: executed #2 auction 4 @ 101, 0 left", "carol 0: executed #3 auction 4 @ 101, 2 left"],
        ),
        ("CANCEL_NEWEST", ["carol 0: prevented #3 with #2 4 CANCEL_NEWEST, 6 left"]),
        ("CANCEL_OLDEST", ["carol 0: prevented #3 with #2 4 CANCEL_OLDEST, 6 left"]),
        ("CANCEL_BOTH", ["carol 0: prevented #3 with #2 4 CANCEL_BOTH, 6 left"]),
        ("DECREMENT", ["carol 0: prevented #3 with #2 4 DECREMENT, 2 left"]),
    ],
)
def test_the_mode_is_that_of_the_later_order(mode: str, lines: list[str]) -> None:
    found = market(self_trade_prevention=m.SelfTradePrevention.CANCEL_BOTH)
    found.send(ALICE, sell(1, 100, 4))
    found.send(CAROL, buy(1, 101, 6, stp=m.SelfTradePrevention[mode]))
    said = found.send(VENUE, enter(Phase.CONTINUOUS))
    assert set(lines) <= set(said)
    open_lots = {"NONE": "2", "CANCEL_NEWEST": "", "CANCEL_OLDEST": "6", "CANCEL_BOTH": "", "DECREMENT": "2"}
    assert [line.split()[0] for line in found.bids()] == open_lots[mode].split()


@pytest.mark.parametrize("meetings_max", [10_000, 1])
@pytest.mark.parametrize(("own", "against"), [(buy, sell), (sell, buy)])
def test_an_order_meets_the_best_price_first_then_the_oldest(
    own: Any, against: Any, meetings_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the best one went before, and a better one came after that; and over several entries."""
    monkeypatch.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", meetings_max)
    found = market()
    good, better, best = (99, 98, 97) if own is sell else (101, 102, 103)
    decrement, cancel_oldest = m.SelfTradePrevention.DECREMENT, m.SelfTradePrevention.CANCEL_OLDEST
    found.send(ALICE, own(1, good), own(2, better), own(3, better), against(4, 100, stp=decrement))
    found.send(ALICE, own(5, best), own(6, better), against(7, 100, stp=decrement))
    # It meets whoever is left, and stays: nobody else is there to trade with.
    found.send(ALICE, against(8, 100, stp=cancel_oldest))
    lines = found.send(VENUE, enter(Phase.CONTINUOUS))
    while found.engine.is_due(found.time_ns):
        lines += found.send(VENUE, m.TimePassed())
    # The first order is #2.
    met = [line.split()[3:6:2] for line in lines if " prevented " in line]
    assert met[::2] == [["#5", "#3"], ["#8", "#6"], ["#9", "#4"], ["#9", "#7"], ["#9", "#2"]]
    assert (found.bids() or found.asks()) == ["1 in 1 @ 100"]


def test_own_orders_that_would_not_both_trade_are_left_alone() -> None:
    """At 120 Alice's bid of 101 does not trade, though it crosses her own offer of 100."""
    found = market()
    found.send(ALICE, sell(1, 100, 5), buy(2, 101, 5))
    found.send(BOB, buy(1, 120, 9), sell(2, 120, 1))
    outputs = found.outputs(VENUE, enter(Phase.CONTINUOUS))
    assert not outputs.prevented or ended(outputs).prevented_lots == 1
    assert found.bids()[-1] == "5 in 1 @ 101"


def test_prevention_ends_though_each_round_finds_more() -> None:
    """Each price leaves another pair of Alice's: after the last round all that cross are held apart."""
    found = market()
    found.send(ALICE, *[sell(ref, 100, 1) for ref in range(1, 31)])
    found.send(ALICE, *[buy(31 + number, 200 - number, 1_000) for number in range(30)])
    outputs = found.outputs(VENUE, enter(Phase.CONTINUOUS))
    assert ended(outputs).price_ticks == 0
    assert len(found.bids()) == 0
    assert len(outputs.prevented) == 30


# --- an auction of several entries -----------------------------------------------------------------


def crowd(found: Market) -> None:
    found.send(BOB, *[sell(ref, 100 + ref % 7, 1 + ref % 5) for ref in range(1, 41)])
    found.send(ALICE, *[buy(ref, 98 + ref % 9, 1 + ref % 4) for ref in range(1, 41)])
    found.send(CAROL, *[sell(ref, 101, 2, tif=AT_OPEN) for ref in range(1, 11)])


def lines_of(outputs: m.Outputs) -> list[Any]:
    return [
        (chunk.session_id, type(one).__name__, one.seq, getattr(one, "order_id", 0))
        for chunk in outputs.streams
        for one in chunk.reports
    ]


def test_an_auction_that_takes_several_entries_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, sliced = market(), market()
    crowd(whole)
    crowd(sliced)
    expected = whole.outputs(VENUE, enter(Phase.CONTINUOUS))
    monkeypatch.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", 7)
    outputs = [sliced.outputs(VENUE, enter(Phase.CONTINUOUS))]
    while sliced.engine.is_due(sliced.time_ns):
        assert digest(restore(snapshot(sliced.engine))) == digest(sliced.engine)
        # Whoever sends something drives it on, too.
        outputs.append(sliced.outputs(ALICE, cancel(1000 + len(outputs), order_id=1)))
        sliced.engine = restore(snapshot(sliced.engine))
        outputs.append(sliced.outputs(VENUE, m.TimePassed()))
    assert len(outputs) > 3
    assert [event for part in outputs for event in part.public] == expected.public
    assert (sliced.bids(), sliced.asks()) == (whole.bids(), whole.asks())


def test_prevention_after_its_last_round_leaves_apart_what_does_not_cross(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Alice's bid of 101 and offer of 103 would both trade with somebody, and never with each other."""
    monkeypatch.setattr(auction_prevention, "AUCTION_ROUNDS_MAX", 0)
    market = Market(opening_phase=Phase.OPENING_AUCTION)
    market.send(BOB, buy(1, 105), sell(2, 99, stp=m.SelfTradePrevention.NONE))
    market.send(ALICE, buy(1, 101), sell(2, 103))
    lines = market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS))
    assert not [line for line in lines if line.startswith("alice") and "SELF_TRADE" in line]


def test_nothing_changes_what_is_being_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = market()
    crowd(found)
    monkeypatch.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", 1)
    found.outputs(VENUE, enter(Phase.CONTINUOUS))
    order_ref = next(iter(found.engine.sessions[ALICE].orders))
    commands: list[m.AnyCommand] = [
        buy(101, 100),
        cancel(102, order_ref),
        replace(103, order_ref, 90, 1),
        reduce(104, order_ref, 1),
    ]
    for ref, command in enumerate(commands, 101):
        told_lines = [line for line in found.send(ALICE, command) if line.startswith(f"alice {ref}:")]
        assert told_lines == [f"alice {ref}: rejected FROZEN"]
    said = found.send(ALICE, m.MassCancel(Ref(105), m.MassCancelScope.SESSION))
    assert "alice 105: mass canceled 0" in said
    # Another instrument goes on.
    assert "alice 106: accepted" in "".join(found.send(ALICE, buy(106, 100, instrument=CEA)))


def test_another_phase_comes_after_what_is_being_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = market()
    crowd(found)
    monkeypatch.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", 7)
    found.outputs(VENUE, enter(Phase.CONTINUOUS))
    found.outputs(VENUE, enter(Phase.HALTED))
    while found.engine.is_due(found.time_ns):
        found.outputs(VENUE, m.TimePassed())
    assert found.engine.books[EUA].instrument.phase is Phase.HALTED
    assert not found.engine.venue.frozen


# --- times -----------------------------------------------------------------------------------------


def test_an_auction_ends_at_its_time_before_the_commands_of_that_time() -> None:
    found = market(Phase.PRE_OPEN)
    found.outputs(VENUE, start(ends=60))
    found.send(BOB, sell(1, 100))
    found.send(ALICE, buy(1, 100))
    at(found, 59.999)
    assert found.send(ALICE, buy(2, 100)) == ["alice 2: accepted #5 buy 1 @ 100"]
    at(found, 60)
    assert found.engine.is_due(found.time_ns)
    assert found.send(CAROL, sell(1, 100, account=12, stp=NONE))[0].startswith("carol 1: accepted")
    assert found.engine.books[EUA].instrument.phase is Phase.CONTINUOUS


def test_a_drawn_end_can_be_computed_again_from_what_is_told() -> None:
    found = market(Phase.PRE_OPEN)
    found.outputs(VENUE, m.SetSeed(SEED))
    started = found.outputs(VENUE, start(ends=60, random=30))
    sequence = found.engine.sequence
    at(found, 60)
    assert not found.engine.is_due(found.time_ns), "it was drawn a later time"
    at(found, 90)
    end = ended(found.outputs(VENUE, m.TimePassed()))
    assert (end.ends_ns, end.random_ns) == (TIME_NS + 60 * SECOND, 30 * SECOND)
    assert end.ended_ns == end.ends_ns + (int.from_bytes(end.seed[:8], "big") * (30 * SECOND + 1) >> 64)
    place = int(EUA).to_bytes(4, "big") + sequence.to_bytes(8, "big")
    assert end.seed == blake2b(place, key=SEED, digest_size=16).digest()
    # Nothing before told it.
    assert (
        next(event for event in started.public if isinstance(event, m.PhaseChanged)).until_ns == end.ends_ns
    )


def test_another_seed_instrument_or_sequence_draws_another_end() -> None:
    ends = set()
    for seed in (SEED, SEED[::-1]):
        for waits in range(2):
            found = market(Phase.PRE_OPEN)
            found.outputs(VENUE, m.SetSeed(seed), *[m.TimePassed()] * waits)
            found.outputs(VENUE, start(ends=60, random=30))
            timing = found.engine.books[EUA].timing
            assert timing is not None
            assert timing.ends_ns <= timing.ended_ns <= timing.ends_ns + 30 * SECOND
            ends.add(timing.ended_ns)
    assert len(ends) == 4


def test_from_the_freeze_on_orders_come_and_none_goes() -> None:
    found = market(Phase.PRE_OPEN)
    found.outputs(VENUE, start(ends=60, freeze=50))
    found.send(
        ALICE, buy(1, 100, 5), buy(2, 99, keep=True), buy(3, 98, tif=TimeInForce.GTD, expires=55 * SECOND)
    )
    at(found, 49)
    assert found.send(ALICE, reduce(4, 1, 4)) == ["alice 4: reduced #3 to 4, 4 left"]
    at(found, 50)
    assert found.send(ALICE, cancel(5, 1)) == ["alice 5: rejected FROZEN"]
    assert found.send(ALICE, reduce(6, 1, 3)) == ["alice 6: rejected FROZEN"]
    assert found.send(ALICE, replace(7, 1, 90, 4)) == ["alice 7: rejected FROZEN"]
    assert found.send(ALICE, cancel(8, 77)) == ["alice 8: rejected UNKNOWN_ORDER"]
    assert found.send(ALICE, m.MassCancel(Ref(9), m.MassCancelScope.SESSION)) == ["alice 9: mass canceled 0"]
    assert found.send(ALICE, buy(10, 101)) == ["alice 10: accepted #12 buy 1 @ 101"]
    assert found.send(VENUE, m.SessionLost(ALICE)) == []
    assert found.send(ALICE, buy(11, 97)) == ["alice 11: accepted #14 buy 1 @ 97"]
    at(found, 55)
    assert found.send(VENUE, m.TimePassed()) == ["alice 0: canceled #5 1 EXPIRED"]
    assert digest(restore(snapshot(found.engine))) == digest(found.engine)
    at(found, 60)
    # What the session had when it was lost goes now, but for what was to stay; what came later stays.
    assert found.send(VENUE, m.TimePassed()) == [
        "alice 0: canceled #3 4 DISCONNECTED",
        "alice 0: canceled #12 1 DISCONNECTED",
    ]
    assert found.send(ALICE, cancel(12, 2)) == ["alice 12: canceled #4 1 REQUESTED"]


def test_the_schedule_goes_on_after_an_auction_that_takes_longer() -> None:
    found = market(Phase.CONTINUOUS)
    opening, closed = Phase.OPENING_AUCTION, Phase.CLOSED
    found.outputs(VENUE, m.SetSeed(SEED))
    found.outputs(VENUE, m.SchedulePhase(EUA, opening, TIME_NS, TIME_NS + 60 * SECOND))
    found.outputs(VENUE, start(ends=60, random=30))
    at(found, 60)
    found.outputs(VENUE, m.SchedulePhase(EUA, closed, TIME_NS + 60 * SECOND, 0))
    assert found.engine.books[EUA].instrument.phase is opening
    at(found, 90)
    found.outputs(VENUE, m.TimePassed())
    assert found.engine.books[EUA].instrument.phase is closed


def test_an_operator_ends_an_auction_at_once_and_no_start_lifts_what_is_held() -> None:
    found = market(Phase.CONTINUOUS)
    found.outputs(VENUE, start(ends=60))
    found.outputs(OPS, m.SetPhase(Ref(1), EUA, Phase.HALTED))
    at(found, 60)
    assert not found.engine.is_due(found.time_ns)
    found.outputs(VENUE, start(ends=120))
    assert found.engine.books[EUA].instrument.phase is Phase.HALTED


# --- what everybody is told while orders gather ----------------------------------------------------


def indicated(outputs: m.Outputs) -> list[tuple[int, int, int, int]]:
    return [
        (event.price_ticks, event.volume_lots, event.surplus_lots, event.surplus_side)
        for event in outputs.public
        if isinstance(event, m.AuctionIndicated)
    ]


def test_it_is_told_how_the_auction_would_end_but_not_too_often() -> None:
    found = market()
    assert indicated(found.outputs(BOB, sell(1, 100, 5))) == []
    found.time_ns += INDICATION_NS_MIN
    assert indicated(found.outputs(ALICE, buy(1, 102, 7))) == [(102, 5, 2, Side.BUY)]
    assert indicated(found.outputs(ALICE, buy(2, 102, 1))) == []
    found.time_ns += INDICATION_NS_MIN - 1
    assert not found.engine.is_due(found.time_ns)
    found.time_ns += 1
    assert found.engine.is_due(found.time_ns), "what is to be told is due by itself"
    assert indicated(found.outputs(VENUE, m.TimePassed())) == [(102, 5, 3, Side.BUY)]
    found.time_ns += INDICATION_NS_MIN
    assert indicated(found.outputs(VENUE, m.TimePassed())) == [], "nothing has changed"
    assert not found.engine.is_due(found.time_ns + INDICATION_NS_MIN)
    assert indicated(found.outputs(BOB, m.Cancel(Ref(2), Ref(1)))) == [(0, 0, 0, 0)]


def test_what_was_told_before_the_auction_is_told_in_it_only_where_it_has_changed() -> None:
    found = market(Phase.PRE_OPEN)
    found.send(BOB, sell(1, 100, 5))
    found.time_ns += INDICATION_NS_MIN
    assert indicated(found.outputs(ALICE, buy(1, 102, 7))) == [(102, 5, 2, Side.BUY)]
    assert indicated(found.outputs(VENUE, enter(Phase.OPENING_AUCTION))) == []
    assert indicated(found.outputs(ALICE, m.Cancel(Ref(2), Ref(1)))) == [], "it is too early"
    assert indicated(found.outputs(VENUE, enter(Phase.PRE_OPEN))) == [(0, 0, 0, 0)], "a phase begins at once"


def test_a_large_book_is_told_less_often() -> None:
    found = market(self_trade_prevention=NONE)
    levels = 300
    found.outputs(ALICE, *[sell(ref, 1_000 + ref, 1) for ref in range(1, levels + 1)])
    found.time_ns += SECOND
    assert indicated(found.outputs(ALICE, buy(levels + 1, 5_000, 1)))
    from_ns = found.engine.books[EUA].indication.from_ns  # type: ignore[union-attr]
    assert from_ns - found.time_ns == (levels + 1) * INDICATION_LEVEL_NS > INDICATION_NS_MIN


# --- proto/ORDERS.md, row by row -------------------------------------------------------------------

ROWS: dict[str, Any] = {
    "limit, DAY, GTC or GTD": test_orders_gather_crossed_and_can_be_amended,
    "iceberg": test_what_an_iceberg_hides_takes_part_and_what_is_left_keeps_its_place,
    "market": test_a_market_order_in_an_auction_needs_a_price_or_a_band,
    "stop, stop-limit": test_a_stop_that_comes_while_nothing_trades_fires_when_it_does,
    "IOC, FOK, post-only, minimum": test_what_asks_for_something_at_once_is_refused_while_orders_gather,
    "Reduce, Replace, Cancel": test_orders_gather_crossed_and_can_be_amended,
    "AT_OPEN": test_an_order_at_the_open_comes_too_late_when_it_is_over,
    "AT_CLOSE": test_an_order_at_the_close_waits_unseen_and_takes_part_behind_those_that_are_there,
    "GOOD_FOR_AUCTION": test_each_takes_part_in_its_own_auction_only,
    "AT_OPEN, AT_CLOSE, GOOD_FOR_AUCTION with a stop, a minimum or post-only": (
        test_an_order_for_an_auction_asks_for_nothing_that_an_auction_has_not
    ),
}


def test_every_row_of_the_page_has_its_test() -> None:
    assert [cells[0] for cells in rows("Auctions")[1:]] == list(ROWS)


def test_auctions_that_are_due_at_once_end_in_the_order_of_their_ends_wherever_they_froze() -> None:
    found = Market()
    for instrument, ends, freeze in ((EUA, 9, 5), (CEA, 7, 0)):
        phase = Phase.OPENING_AUCTION
        freeze_ns = TIME_NS + freeze if freeze else 0
        command = m.StartAuction(instrument, phase, TIME_NS + ends, freeze_ns=freeze_ns)
        found.send(VENUE, command)
    found.time_ns = TIME_NS + 20
    public = found.outputs(VENUE, m.TimePassed()).public
    assert [one.instrument_id for one in public if isinstance(one, m.AuctionEnded)] == [CEA, EUA]


def orders_in_memory() -> int:
    return sum(type(each) is Order for each in gc.get_objects())


def test_reports_of_an_auction_share_the_numbers_that_are_the_same_in_all() -> None:
    """As objects: a compiled core that makes them anew is slower than one that is not compiled."""
    found = market()
    for ref in range(1, 4):
        found.outputs(ALICE, buy(ref, 1_000, 3))
        found.outputs(BOB, sell(ref, 1_000, 3))
    outputs = found.outputs(VENUE, enter(Phase.CONTINUOUS))
    told = [*outputs.public, *(report for chunk in outputs.streams for report in chunk.reports)]
    trades = [event for event in told if isinstance(event, m.Traded | m.Executed)]
    assert len(trades) == 9
    assert len({id(trade.time_ns) for trade in trades}) == 1
    assert len({id(trade.price_ticks) for trade in trades}) == 1
    assert len({id(trade.trade_id) for trade in trades}) == 3


@pytest.mark.skipif(
    is_core_compiled(), reason="objects of a compiled core are not all known to the collector"
)
def test_orders_that_have_traded_in_an_auction_leave_memory_with_it() -> None:
    """Not when the garbage collector comes by, which looks at what has been there for long nearly never."""
    found = market()
    for ref in range(1, 41):
        found.outputs(ALICE, buy(ref, 100 + ref % 2, 3))
        found.outputs(BOB, sell(ref, 100, 3))
    gc.collect()
    gc.disable()
    try:
        before = orders_in_memory()
        found.outputs(VENUE, enter(Phase.CONTINUOUS))
        assert found.engine.last_trade_id == 40
        assert before - orders_in_memory() == 80
    finally:
        gc.enable()
