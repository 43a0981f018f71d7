"""Icebergs: what shows, what trades first, and what amendments do to the hidden part."""

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import Ref, SelfTradePrevention, TimeInForce
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import ALICE, BOB, CAROL, Market, buy, cancel, reduce, replace, sell

ALL = m.AllowedFlag.ALL


@pytest.fixture
def market() -> Market:
    """Alice sells 10 at 100, of which 4 show; Carol 3 behind her."""
    market = Market(allowed=ALL)
    market.send(ALICE, sell(1, 100, lots=10, display=4))
    market.send(CAROL, sell(1, 100, lots=3))
    return market


def test_only_the_slice_shows(market: Market) -> None:
    assert market.asks() == ["7 in 2 @ 100"]
    levels = market.outputs(ALICE, sell(2, 101, lots=9, display=2)).levels
    assert [(level.price_ticks, level.quantity_lots, level.order_count) for level in levels] == [(101, 2, 1)]


def test_a_fresh_slice_stands_behind_the_others(market: Market) -> None:
    assert market.send(BOB, buy(1, 100, lots=5)) == [
        "bob 1: accepted #3 buy 5 @ 100",
        "bob 1: executed #3 taker 4 @ 100, 1 left",
        "bob 1: executed #3 taker 1 @ 100, 0 left",
        "alice 0: executed #1 maker 4 @ 100, 6 left",
        "carol 0: executed #2 maker 1 @ 100, 2 left",
    ]
    assert market.asks() == ["6 in 2 @ 100"]
    assert market.send(BOB, buy(2, 100, lots=3))[1:3] == [
        "bob 2: executed #4 taker 2 @ 100, 1 left",
        "bob 2: executed #4 taker 1 @ 100, 0 left",
    ]
    assert market.asks() == ["3 in 1 @ 100"]


def test_one_taker_walks_from_slice_to_slice(market: Market) -> None:
    outputs = market.outputs(BOB, buy(1, 100, lots=12))
    trades = [(one.trade_id, one.quantity_lots) for one in outputs.public if isinstance(one, m.Traded)]
    assert trades == [(1, 4), (2, 3), (3, 4), (4, 1)]
    assert market.asks() == ["1 in 1 @ 100"]


def test_a_partly_used_slice_keeps_its_place(market: Market) -> None:
    market.send(BOB, buy(1, 100, lots=1))
    assert market.send(BOB, buy(2, 100, lots=4))[1:3] == [
        "bob 2: executed #4 taker 3 @ 100, 1 left",
        "bob 2: executed #4 taker 1 @ 100, 0 left",
    ]


def test_the_last_slice_is_what_is_left(market: Market) -> None:
    market.send(BOB, buy(1, 100, lots=11))
    assert market.asks() == ["2 in 1 @ 100"]
    assert market.send(BOB, buy(2, 100, lots=2))[1:] == [
        "bob 2: executed #4 taker 2 @ 100, 0 left",
        "alice 0: executed #1 maker 2 @ 100, 0 left",
    ]
    assert market.asks() == []


def test_an_iceberg_takes_with_all_of_itself_and_shows_a_slice_of_what_rests(market: Market) -> None:
    assert market.send(BOB, buy(1, 101, lots=20, display=5))[1:4] == [
        "bob 1: executed #3 taker 4 @ 100, 16 left",
        "bob 1: executed #3 taker 3 @ 100, 13 left",
        "bob 1: executed #3 taker 4 @ 100, 9 left",
    ]
    assert market.bids() == ["5 in 1 @ 101"]


def test_an_iceberg_cancels_as_a_whole(market: Market) -> None:
    assert market.send(ALICE, cancel(2, 1)) == ["alice 2: canceled #1 10 REQUESTED"]
    assert market.asks() == ["3 in 1 @ 100"]


def test_the_status_says_the_whole(market: Market) -> None:
    market.send(BOB, buy(1, 100, lots=5))
    [chunk] = market.outputs(ALICE, m.OrderStatusRequest(Ref(2), Ref(1))).streams
    status = chunk.reports[0]
    assert isinstance(status, m.OrderStatus)
    assert (status.quantity_lots, status.leaves_lots, status.display_lots) == (10, 6, 4)


def test_a_reduction_takes_what_is_hidden_first_and_keeps_the_place(market: Market) -> None:
    assert market.send(ALICE, reduce(2, 1, 6)) == ["alice 2: reduced #1 to 6, 6 left"]
    assert market.asks() == ["7 in 2 @ 100"]
    assert market.send(ALICE, reduce(3, 1, 2)) == ["alice 3: reduced #1 to 2, 2 left"]
    assert market.asks() == ["5 in 2 @ 100"]
    assert market.send(BOB, buy(1, 100, lots=3))[1] == "bob 1: executed #5 taker 2 @ 100, 1 left"


def test_a_replaced_iceberg_shows_a_fresh_slice_at_the_back(market: Market) -> None:
    market.send(BOB, buy(1, 100, lots=1))
    assert market.send(ALICE, replace(2, 1, 100, 12)) == ["alice 2: replaced #1 12 @ 100, 11 left"]
    assert market.asks() == ["7 in 2 @ 100"]
    assert market.send(BOB, buy(2, 100, lots=4))[1] == "bob 2: executed #5 taker 3 @ 100, 1 left"


def test_a_replacement_may_show_another_quantity(market: Market) -> None:
    [chunk] = market.outputs(ALICE, replace(2, 1, 100, 10, display=6)).streams
    [report] = chunk.reports
    assert isinstance(report, m.Replaced)
    assert (report.leaves_lots, report.display_lots, report.stop_price_ticks) == (10, 6, 0)
    assert market.asks() == ["9 in 2 @ 100"]


def test_a_total_below_the_displayed_quantity_shows_all_of_it(market: Market) -> None:
    market.send(ALICE, replace(2, 1, 100, 3))
    assert market.asks() == ["6 in 2 @ 100"]


@pytest.mark.parametrize(
    ("amendment", "reason"),
    [
        (replace(9, 1, 100, 10), "NOT_AMENDABLE"),
        (replace(9, 1, 100, 10, display=4), "NOT_AMENDABLE"),
        (replace(9, 1, 100, 10, display=10), "INVALID_DISPLAY"),
        (reduce(9, 1, 10), "NOT_AMENDABLE"),
    ],
)
def test_what_is_refused_for_an_iceberg(market: Market, amendment: m.Replace, reason: str) -> None:
    assert market.send(ALICE, amendment) == [f"alice 9: rejected {reason}"]


def test_an_order_that_shows_itself_cannot_begin_to_hide(market: Market) -> None:
    assert market.send(CAROL, replace(2, 1, 100, 9, display=2)) == [
        "carol 2: rejected INCOMPATIBLE_INSTRUCTIONS"
    ]


def test_what_is_displayed_is_an_order_of_its_own_in_size() -> None:
    market = Market(allowed=ALL, quantity_increment_lots=2, quantity_min_lots=4)
    for ref, display, reason in (
        (1, 2, "INVALID_DISPLAY"),
        (2, 5, "INVALID_DISPLAY"),
        (3, 8, "INVALID_DISPLAY"),
    ):
        assert market.send(ALICE, sell(ref, 100, 8, display=display)) == [f"alice {ref}: rejected {reason}"]
    assert market.send(ALICE, sell(4, 100, 8, display=4)) == ["alice 4: accepted #4 sell 8 @ 100"]


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_what_does_not_rest_has_nothing_to_hide(market: Market, tif: TimeInForce) -> None:
    assert market.send(BOB, buy(1, 100, 5, display=2, tif=tif)) == [
        "bob 1: rejected INCOMPATIBLE_INSTRUCTIONS"
    ]


def test_fill_or_kill_sees_what_is_hidden_and_in_which_order_it_comes(market: Market) -> None:
    assert market.send(BOB, buy(1, 100, lots=14, tif=TimeInForce.FOK)) == ["bob 1: rejected CANNOT_FILL"]
    assert market.send(BOB, buy(2, 100, lots=13, tif=TimeInForce.FOK))[1:5] == [
        "bob 2: executed #4 taker 4 @ 100, 9 left",
        "bob 2: executed #4 taker 3 @ 100, 6 left",
        "bob 2: executed #4 taker 4 @ 100, 2 left",
        "bob 2: executed #4 taker 2 @ 100, 0 left",
    ]


def test_fill_or_kill_counts_every_slice_as_a_meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused where it would meet too many, never cut off in the middle."""
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_MAKERS_MAX", 5)
    market = Market(allowed=ALL)
    market.send(ALICE, sell(1, 100, lots=20, display=1))
    assert market.send(BOB, buy(1, 100, lots=6, tif=TimeInForce.FOK)) == ["bob 1: rejected CANNOT_FILL"]
    assert market.send(BOB, buy(2, 100, lots=5, tif=TimeInForce.FOK))[-1] == (
        "alice 0: executed #1 maker 1 @ 100, 15 left"
    )


def test_prevention_cancels_an_iceberg_as_a_whole(market: Market) -> None:
    assert market.send(ALICE, buy(2, 100, lots=2, stp=SelfTradePrevention.CANCEL_OLDEST))[1:4] == [
        "alice 2: prevented #3 with #1 2 CANCEL_OLDEST, 2 left",
        "alice 0: prevented #1 with #3 2 CANCEL_OLDEST, 10 left",
        "alice 0: canceled #1 10 SELF_TRADE",
    ]


def test_a_decrement_meets_one_slice_and_the_next_one_stands_behind(market: Market) -> None:
    assert market.send(ALICE, buy(2, 100, lots=4, stp=SelfTradePrevention.DECREMENT)) == [
        "alice 2: accepted #3 buy 4 @ 100",
        "alice 2: prevented #3 with #1 4 DECREMENT, 0 left",
        "alice 0: prevented #1 with #3 4 DECREMENT, 6 left",
        "alice 2: canceled #3 0 SELF_TRADE",
    ]
    assert market.send(BOB, buy(1, 100, lots=4))[1] == "bob 1: executed #4 taker 3 @ 100, 1 left"


def test_icebergs_keep_their_hidden_part_over_a_restart(market: Market) -> None:
    before = digest(market.engine)
    market.send(BOB, buy(1, 100, lots=5))
    assert digest(market.engine) != before
    market.engine = restore(snapshot(market.engine))
    market.engine.check()
    assert market.send(BOB, buy(2, 100, lots=7))[1:] == [
        "bob 2: executed #4 taker 2 @ 100, 5 left",
        "bob 2: executed #4 taker 4 @ 100, 1 left",
        "bob 2: executed #4 taker 1 @ 100, 0 left",
        "carol 0: executed #2 maker 2 @ 100, 0 left",
        "alice 0: executed #1 maker 4 @ 100, 2 left",
        "alice 0: executed #1 maker 1 @ 100, 1 left",
    ]
