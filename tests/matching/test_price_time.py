"""Continuous matching by worked examples. Named after the mistakes that matching engines make."""

import pytest

from carbonmatch.matching import engine
from carbonmatch.matching.messages import SelfTradePrevention, Side, TimeInForce, Traded
from tests.matching.market import ALICE, BOB, EUA, TIME_NS, Market, buy, cancel, replace, sell

IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
NONE = SelfTradePrevention.NONE
CANCEL_NEWEST = SelfTradePrevention.CANCEL_NEWEST
CANCEL_OLDEST = SelfTradePrevention.CANCEL_OLDEST
CANCEL_BOTH = SelfTradePrevention.CANCEL_BOTH
DECREMENT = SelfTradePrevention.DECREMENT


# --- price, time ---------------------------------------------------------------------------------


def test_a_trade_is_at_the_price_of_the_maker_when_the_buyer_is_the_taker() -> None:
    market = Market()
    assert market.send(ALICE, sell(1, price=100, lots=5)) == ["alice 1: accepted #1 sell 5 @ 100"]
    assert market.send(BOB, buy(1, price=103, lots=5)) == [
        "bob 1: accepted #2 buy 5 @ 103",
        "bob 1: executed #2 taker 5 @ 100, 0 left",
        "alice 0: executed #1 maker 5 @ 100, 0 left",
    ]
    assert market.asks() == market.bids() == []


def test_a_trade_is_at_the_price_of_the_maker_when_the_seller_is_the_taker() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=100, lots=5))
    assert market.send(BOB, sell(1, price=97, lots=5)) == [
        "bob 1: accepted #2 sell 5 @ 97",
        "bob 1: executed #2 taker 5 @ 100, 0 left",
        "alice 0: executed #1 maker 5 @ 100, 0 left",
    ]


def test_orders_at_the_very_same_price_trade() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=1))
    assert market.send(BOB, buy(1, price=100, lots=1))[1] == "bob 1: executed #2 taker 1 @ 100, 0 left"


def test_orders_a_tick_apart_do_not_trade() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=101, lots=1))
    assert market.send(BOB, buy(1, price=100, lots=1)) == ["bob 1: accepted #2 buy 1 @ 100"]
    assert (market.bids(), market.asks()) == (["1 in 1 @ 100"], ["1 in 1 @ 101"])


def test_a_sweep_takes_the_best_price_first_and_each_level_at_its_own_price() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=102, lots=1), sell(2, price=100, lots=2), sell(3, price=101, lots=3))
    assert market.send(BOB, buy(1, price=102, lots=6)) == [
        "bob 1: accepted #4 buy 6 @ 102",
        "bob 1: executed #4 taker 2 @ 100, 4 left",
        "bob 1: executed #4 taker 3 @ 101, 1 left",
        "bob 1: executed #4 taker 1 @ 102, 0 left",
        "alice 0: executed #2 maker 2 @ 100, 0 left",
        "alice 0: executed #3 maker 3 @ 101, 0 left",
        "alice 0: executed #1 maker 1 @ 102, 0 left",
    ]


def test_at_one_price_the_first_to_come_is_the_first_to_trade() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=1), sell(2, price=100, lots=1), sell(3, price=100, lots=1))
    market.send(BOB, buy(1, price=100, lots=2))
    assert market.send(ALICE, cancel(4, 1), cancel(5, 2), cancel(6, 3)) == [
        "alice 4: rejected UNKNOWN_ORDER",
        "alice 5: rejected UNKNOWN_ORDER",
        "alice 6: canceled #3 1 REQUESTED",
    ]


def test_what_remains_of_a_limit_order_rests_at_its_own_price() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=2))
    market.send(BOB, buy(1, price=101, lots=5))
    assert (market.bids(), market.asks()) == (["3 in 1 @ 101"], [])


def test_a_replacement_into_the_cross_trades_at_once() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=3))
    market.send(BOB, buy(1, price=95, lots=5))
    assert market.send(BOB, replace(2, 1, price=100, lots=5)) == [
        "bob 2: replaced #2 5 @ 100, 5 left",
        "bob 2: executed #2 taker 3 @ 100, 2 left",
        "alice 0: executed #1 maker 3 @ 100, 0 left",
    ]
    assert market.bids() == ["2 in 1 @ 100"]


def test_a_trade_is_public_once_without_its_owners_and_trade_ids_are_dense() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=2), sell(2, price=101, lots=2))
    assert market.outputs(BOB, buy(1, price=101, lots=3)).public == [
        Traded(EUA, TIME_NS, 1, 100, 2, Side.BUY),  # type: ignore[arg-type]
        Traded(EUA, TIME_NS, 2, 101, 1, Side.BUY),  # type: ignore[arg-type]
    ]


def test_one_report_of_each_kind_of_fill_has_every_field_right() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=2))
    taker, maker = market.outputs(BOB, buy(7, price=101, lots=3)).streams
    # seq, ref, time, flags, order, trade, instrument, account, side, price, lots, left, liquidity
    assert _values(maker.reports[0]) == [2, 0, TIME_NS, 0, 10, 1, 1, 11, 2, 100, 2, 0, 1]
    assert _values(taker.reports[1]) == [2, 7, TIME_NS, 0, 11, 1, 1, 13, 1, 100, 2, 1, 2]


def _values(report: object) -> list[int]:
    return [getattr(report, name) for name in report.__struct_fields__]  # type: ignore[attr-defined]


# --- immediate-or-cancel, fill-or-kill -------------------------------------------------------------


def test_an_ioc_residual_does_not_rest() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=2))
    assert market.send(BOB, buy(1, price=100, lots=5, tif=IOC)) == [
        "bob 1: accepted #2 buy 5 @ 100",
        "bob 1: executed #2 taker 2 @ 100, 3 left",
        "bob 1: canceled #2 3 IOC_REMAINDER",
        "alice 0: executed #1 maker 2 @ 100, 0 left",
    ]
    assert market.bids() == []


def test_an_ioc_without_a_counterpart_is_accepted_and_canceled() -> None:
    assert Market().send(BOB, buy(1, price=100, lots=5, tif=IOC)) == [
        "bob 1: accepted #1 buy 5 @ 100",
        "bob 1: canceled #1 5 IOC_REMAINDER",
    ]


def test_a_fok_that_can_fill_fills_completely() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=2), sell(2, price=101, lots=2))
    assert market.send(BOB, buy(1, price=101, lots=4, tif=FOK))[:3] == [
        "bob 1: accepted #3 buy 4 @ 101",
        "bob 1: executed #3 taker 2 @ 100, 2 left",
        "bob 1: executed #3 taker 2 @ 101, 0 left",
    ]


@pytest.mark.parametrize(("price", "lots"), [(101, 5), (100, 3), (99, 1)])
def test_a_fok_that_cannot_fill_is_refused_and_nothing_moves(price: int, lots: int) -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=2), sell(2, price=101, lots=2))
    assert market.send(BOB, buy(1, price=price, lots=lots, tif=FOK)) == ["bob 1: rejected CANNOT_FILL"]
    assert market.asks() == ["2 in 1 @ 100", "2 in 1 @ 101"]


@pytest.mark.parametrize("mode", [CANCEL_NEWEST, CANCEL_BOTH, DECREMENT])
def test_a_fok_that_would_meet_its_own_participant_before_it_is_filled_is_refused(
    mode: SelfTradePrevention,
) -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=2))
    market.send(BOB, sell(1, price=100, lots=2), sell(2, price=102, lots=5))
    market.send(ALICE, sell(2, price=101, lots=2))
    assert market.send(BOB, buy(3, price=101, lots=3, tif=FOK, stp=mode)) == ["bob 3: rejected CANNOT_FILL"]
    assert len(market.asks()) == 3
    assert market.send(BOB, buy(4, price=101, lots=2, tif=FOK, stp=mode))[1] == (
        "bob 4: executed #6 taker 2 @ 100, 0 left"
    )


def test_a_fok_passes_over_own_orders_where_they_would_be_canceled() -> None:
    market = Market()
    market.send(BOB, sell(1, price=100, lots=2))
    market.send(ALICE, sell(1, price=101, lots=2))
    assert market.send(BOB, buy(2, price=101, lots=3, tif=FOK, stp=CANCEL_OLDEST)) == [
        "bob 2: rejected CANNOT_FILL"
    ]
    assert market.asks() == ["2 in 1 @ 100", "2 in 1 @ 101"]
    assert market.send(BOB, buy(3, price=101, lots=2, tif=FOK, stp=CANCEL_OLDEST)) == [
        "bob 3: accepted #4 buy 2 @ 101",
        "bob 3: prevented #4 with #1 2 CANCEL_OLDEST, 2 left",
        "bob 0: prevented #1 with #4 2 CANCEL_OLDEST, 2 left",
        "bob 0: canceled #1 2 SELF_TRADE",
        "bob 3: executed #4 taker 2 @ 101, 0 left",
        "alice 0: executed #2 maker 2 @ 101, 0 left",
    ]


def test_a_fok_looks_behind_an_own_order_in_the_same_level() -> None:
    market = Market()
    market.send(BOB, sell(1, price=100, lots=2))
    market.send(ALICE, sell(1, price=100, lots=2))
    answers = market.send(BOB, buy(2, price=100, lots=2, tif=FOK, stp=CANCEL_OLDEST))
    assert "bob 2: executed #3 taker 2 @ 100, 0 left" in answers


def test_a_fok_counts_own_orders_where_self_trades_are_not_prevented() -> None:
    market = Market()
    market.send(BOB, sell(1, price=100, lots=2))
    assert market.send(BOB, buy(2, price=100, lots=2, tif=FOK, stp=NONE))[1] == (
        "bob 2: executed #2 taker 2 @ 100, 0 left"
    )


def test_a_fok_follows_the_default_of_its_instrument() -> None:
    market = Market(self_trade_prevention=NONE)
    market.send(BOB, sell(1, price=100, lots=2))
    answers = market.send(BOB, buy(2, price=100, lots=2, tif=FOK))
    assert "bob 2: executed #2 taker 2 @ 100, 0 left" in answers


# --- how much one frame may meet -------------------------------------------------------------------


@pytest.fixture
def three_makers(monkeypatch: pytest.MonkeyPatch) -> Market:
    """A frame may meet three makers, and there are four, of one lot each."""
    monkeypatch.setattr(engine, "ENTRY_MAKERS_MAX", 3)
    market = Market()
    market.send(ALICE, *(sell(ref, price=100, lots=1) for ref in (1, 2, 3, 4)))
    return market


def test_a_fok_that_needs_too_many_makers_is_refused(three_makers: Market) -> None:
    assert three_makers.send(BOB, buy(1, price=100, lots=4, tif=FOK)) == ["bob 1: rejected CANNOT_FILL"]
    assert three_makers.send(BOB, buy(2, price=100, lots=3, tif=FOK))[0] == "bob 2: accepted #6 buy 3 @ 100"


def test_looking_in_vain_counts_for_the_whole_frame(three_makers: Market) -> None:
    answers = three_makers.send(BOB, buy(1, price=100, lots=4, tif=FOK), buy(2, price=100, lots=1, tif=FOK))
    assert answers == ["bob 1: rejected CANNOT_FILL", "bob 2: rejected CANNOT_FILL"]


def test_looking_in_vain_counts_where_the_search_ends_at_a_price_too(three_makers: Market) -> None:
    """The search passes all that is at 100 and stops before 101, which does not cross."""
    three_makers.send(ALICE, cancel(5, 4), cancel(6, 3), sell(7, price=101, lots=9))
    answers = three_makers.send(BOB, buy(1, price=100, lots=3, tif=FOK), buy(2, price=101, lots=2, tif=FOK))
    assert answers == ["bob 1: rejected CANNOT_FILL", "bob 2: rejected CANNOT_FILL"], "2 of 3 were looked at"


def test_a_taker_that_meets_too_many_makers_is_cancelled_for_the_rest(three_makers: Market) -> None:
    answers = three_makers.send(BOB, buy(1, price=101, lots=9))
    assert "bob 1: canceled #5 6 TOO_MANY_MAKERS" in answers
    assert three_makers.asks() == ["1 in 1 @ 100"]
    assert three_makers.bids() == [], "it would cross, so it cannot rest"
    three_makers.engine.check()


def test_the_commands_of_one_frame_meet_as_many_makers_as_one_may(three_makers: Market) -> None:
    answers = three_makers.send(BOB, buy(1, price=100, lots=2), buy(2, price=100, lots=2))
    assert "bob 2: canceled #6 1 TOO_MANY_MAKERS" in answers
    assert three_makers.send(BOB, buy(3, price=100, lots=1))[1] == "bob 3: executed #7 taker 1 @ 100, 0 left"


def test_a_replacement_that_meets_too_many_makers_is_cancelled_for_the_rest(three_makers: Market) -> None:
    three_makers.send(BOB, buy(1, price=90, lots=9))
    answers = three_makers.send(BOB, replace(2, order_ref=1, price=100, lots=9))
    assert "bob 2: canceled #5 6 TOO_MANY_MAKERS" in answers
    assert three_makers.bids() == []
    three_makers.engine.check()
