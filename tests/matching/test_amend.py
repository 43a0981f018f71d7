"""The table of amendments, row by row, and mass cancels."""

from typing import Any

import pytest

from carbonmatch.matching.messages import (
    AccountId,
    InstrumentId,
    MassCancel,
    MassCanceled,
    MassCancelScope,
    Ref,
    SelfTradePrevention,
)
from tests.matching.market import ALICE, BOB, CAROL, CEA, EUA, Market, buy, cancel, reduce, replace, sell

# --- reduce -----------------------------------------------------------------------------------------


def market_with_two_offers() -> Market:
    """Alice sells 5 as 1, and 5 behind that as 2; both at 100."""
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=5), sell(2, price=100, lots=5))
    return market


def test_a_reduction_keeps_its_priority() -> None:
    market = market_with_two_offers()
    assert market.send(ALICE, reduce(3, 1, lots=3)) == ["alice 3: reduced #1 to 3, 3 left"]
    assert market.asks() == ["8 in 2 @ 100"]
    assert market.send(BOB, buy(1, price=100, lots=4))[-2:] == [
        "alice 0: executed #1 maker 3 @ 100, 0 left",
        "alice 0: executed #2 maker 1 @ 100, 4 left",
    ]


def test_a_reduction_says_the_total_of_which_some_may_have_traded() -> None:
    market = market_with_two_offers()
    market.send(BOB, buy(1, price=100, lots=2))
    assert market.send(ALICE, reduce(3, 1, lots=3)) == ["alice 3: reduced #1 to 3, 1 left"]
    assert market.asks() == ["6 in 2 @ 100"]


@pytest.mark.parametrize("lots", [2, 1, 0])
def test_a_reduction_to_no_more_than_has_traded_ends_the_order(lots: int) -> None:
    market = market_with_two_offers()
    market.send(BOB, buy(1, price=100, lots=2))
    assert market.send(ALICE, reduce(3, 1, lots=lots)) == ["alice 3: canceled #1 3 REDUCED_TO_FILLED"]
    assert market.asks() == ["5 in 1 @ 100"]


@pytest.mark.parametrize("lots", [5, 6, 2**53 - 1])
def test_a_reduction_that_does_not_reduce_is_refused(lots: int) -> None:
    market = market_with_two_offers()
    assert market.send(ALICE, reduce(3, 1, lots=lots)) == ["alice 3: rejected NOT_AMENDABLE"]
    assert market.asks() == ["10 in 2 @ 100"]


def test_a_reduction_keeps_to_the_increment_but_may_go_below_the_minimum() -> None:
    market = Market(quantity_increment_lots=2, quantity_min_lots=4)
    market.send(ALICE, sell(1, price=100, lots=6))
    assert market.send(ALICE, reduce(2, 1, lots=3), reduce(3, 1, lots=2)) == [
        "alice 2: rejected QUANTITY_INCREMENT",
        "alice 3: reduced #1 to 2, 2 left",
    ]


def test_after_a_decrement_a_reduction_counts_from_the_smaller_total() -> None:
    market = market_with_two_offers()
    market.send(CAROL, buy(1, price=100, lots=2, stp=SelfTradePrevention.DECREMENT))
    assert market.send(ALICE, reduce(3, 1, lots=3)) == ["alice 3: rejected NOT_AMENDABLE"]
    assert market.send(ALICE, reduce(4, 1, lots=2)) == ["alice 4: reduced #1 to 2, 2 left"]


def test_another_session_of_the_account_reduces_and_the_owner_is_told() -> None:
    market = market_with_two_offers()
    assert market.send(CAROL, reduce(1, lots=3, order_id=market.order_id(1))) == [
        "carol 1: reduced #1 to 3, 3 left",
        "alice 0: reduced #1 to 3, 3 left",
    ]
    assert market.send(CAROL, reduce(2, lots=0, order_id=market.order_id(1))) == [
        "carol 2: canceled #1 3 REDUCED_TO_FILLED",
        "alice 0: canceled #1 3 REQUESTED_BY_OTHER_SESSION",
    ]


# --- replace ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lots", [6, 4])
def test_a_replacement_loses_its_priority_even_at_the_same_price(lots: int) -> None:
    market = market_with_two_offers()
    assert market.send(ALICE, replace(3, 1, price=100, lots=lots)) == [
        f"alice 3: replaced #1 {lots} @ 100, {lots} left"
    ]
    assert market.send(BOB, buy(1, price=100, lots=5))[-1] == "alice 0: executed #2 maker 5 @ 100, 0 left"


def test_a_replacement_moves_to_another_price() -> None:
    market = market_with_two_offers()
    market.send(ALICE, replace(3, 1, price=101, lots=5))
    assert market.asks() == ["5 in 1 @ 100", "5 in 1 @ 101"]


def test_a_replaced_order_has_its_new_name_only_and_its_old_id() -> None:
    market = market_with_two_offers()
    market.send(ALICE, replace(3, 1, price=101, lots=5), replace(4, 3, price=102, lots=5))
    assert market.send(ALICE, cancel(5, order_ref=1), cancel(6, order_ref=3)) == [
        "alice 5: rejected UNKNOWN_ORDER",
        "alice 6: rejected UNKNOWN_ORDER",
    ]
    assert market.send(ALICE, cancel(7, order_ref=4)) == ["alice 7: canceled #1 5 REQUESTED"]
    market.send(ALICE, replace(8, 2, price=103, lots=5))
    assert market.send(ALICE, cancel(9, order_id=market.order_id(2))) == ["alice 9: canceled #2 5 REQUESTED"]


def test_what_has_traded_counts_against_the_new_total() -> None:
    market = market_with_two_offers()
    market.send(BOB, buy(1, price=100, lots=2))
    assert market.send(ALICE, replace(3, 1, price=101, lots=4)) == ["alice 3: replaced #1 4 @ 101, 2 left"]
    assert market.asks() == ["5 in 1 @ 100", "2 in 1 @ 101"]


def test_a_replacement_by_no_more_than_has_traded_ends_the_order() -> None:
    market = market_with_two_offers()
    market.send(BOB, buy(1, price=100, lots=2))
    assert market.send(ALICE, replace(3, 1, price=101, lots=2)) == [
        "alice 3: canceled #1 3 REDUCED_TO_FILLED"
    ]


def test_a_replacement_that_trades_completely_ends_the_order() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=5))
    market.send(BOB, buy(1, price=99, lots=3))
    assert market.send(BOB, replace(2, 1, price=100, lots=3), cancel(3, 2)) == [
        "bob 2: replaced #2 3 @ 100, 3 left",
        "bob 2: executed #2 taker 3 @ 100, 0 left",
        "bob 3: rejected UNKNOWN_ORDER",
        "alice 0: executed #1 maker 3 @ 100, 2 left",
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price": 95, "lots": 6}, "NOT_AMENDABLE"),
        ({"price": 96, "lots": 0}, "INVALID_QUANTITY"),
        ({"price": 96, "lots": 5}, "QUANTITY_INCREMENT"),
        ({"price": 96, "lots": 2}, "BELOW_MINIMUM"),
        ({"price": 96, "lots": 12}, "ABOVE_MAXIMUM"),
        ({"price": 0, "lots": 4}, "INVALID_PRICE"),
        ({"price": 89, "lots": 4}, "OUTSIDE_BAND"),
        ({"price": 111, "lots": 4}, "OUTSIDE_BAND"),
        ({"price": 100, "lots": 4}, "POST_ONLY_WOULD_TRADE"),
    ],
)
def test_a_refused_replacement_leaves_the_order_its_name_and_its_priority(
    change: dict[str, Any], reason: str
) -> None:
    market = Market(
        quantity_increment_lots=2,
        quantity_min_lots=4,
        quantity_max_lots=10,
        band_low_ticks=90,
        band_high_ticks=110,
    )
    market.send(ALICE, sell(1, price=100, lots=4))
    market.send(BOB, buy(1, price=95, lots=6, post_only=True), buy(2, price=95, lots=6))
    assert market.send(BOB, replace(3, 1, **change)) == [f"bob 3: rejected {reason}"]
    assert market.bids() == ["12 in 2 @ 95"]
    assert market.send(ALICE, sell(2, price=95, lots=6))[1:] == [
        "alice 2: executed #5 taker 6 @ 95, 0 left",
        "bob 0: executed #2 maker 6 @ 95, 0 left",
    ]


def test_an_amendment_needs_exactly_one_name_of_an_order_one_may_touch() -> None:
    market = market_with_two_offers()
    foreign = market.order_id(1)
    assert market.send(BOB, reduce(1, lots=1), replace(2, price=1, lots=1)) == [
        "bob 1: rejected INCOMPATIBLE_INSTRUCTIONS",
        "bob 2: rejected INCOMPATIBLE_INSTRUCTIONS",
    ]
    assert market.send(BOB, reduce(3, lots=1, order_id=foreign), replace(4, 1, price=1, lots=1)) == [
        "bob 3: rejected UNKNOWN_ORDER",
        "bob 4: rejected UNKNOWN_ORDER",
    ]


def test_an_order_that_another_session_replaces_stays_with_its_owner_under_its_name() -> None:
    market = market_with_two_offers()
    market.send(BOB, buy(1, price=99, lots=2))
    assert market.send(CAROL, replace(1, price=99, lots=6, order_id=market.order_id(1))) == [
        "carol 1: replaced #1 6 @ 99, 6 left",
        "alice 0: replaced #1 6 @ 99, 6 left",
        "alice 0: executed #1 taker 2 @ 99, 4 left",
        "bob 0: executed #3 maker 2 @ 99, 0 left",
    ]
    assert market.send(CAROL, cancel(2, order_ref=1)) == ["carol 2: rejected UNKNOWN_ORDER"]
    assert market.send(ALICE, cancel(3, order_ref=1)) == ["alice 3: canceled #1 4 REQUESTED"]


# --- mass cancel ------------------------------------------------------------------------------------


def mass_cancel(
    ref: int,
    scope: MassCancelScope = MassCancelScope.SESSION,
    account: int = 0,
    instrument: int = 0,
    side: int = 0,
) -> MassCancel:
    return MassCancel(Ref(ref), scope, AccountId(account), InstrumentId(instrument), side)


def busy_market() -> Market:
    """#1 to #3 are Alice's, #4 and #5 Carol's for the same account, #6 Carol's for another, #7 Bob's."""
    market = Market()
    market.send(ALICE, buy(1, price=99), sell(2, price=101), buy(3, price=98, instrument=CEA))
    market.send(CAROL, buy(1, price=99), sell(2, price=102), buy(3, price=97, account=12))
    market.send(BOB, buy(1, price=99))
    return market


def canceled(told: list[str]) -> list[str]:
    """Who lost what: `alice 4: canceled #1 1 MASS_CANCEL` -> `alice 4 #1`."""
    gone = []
    for line in told[:-1] if "mass" in told[-1] else [line for line in told if "mass" not in line]:
        who, _, rest = line.partition(":")
        words = rest.split()
        if words[0] == "canceled":
            assert words[3] == "MASS_CANCEL"
            gone.append(f"{who} {words[1]}")
    return gone


def test_a_session_cancels_what_it_has_entered_and_is_told_how_many() -> None:
    assert busy_market().send(ALICE, mass_cancel(4)) == [
        "alice 4: canceled #1 1 MASS_CANCEL",
        "alice 4: canceled #2 1 MASS_CANCEL",
        "alice 4: canceled #3 1 MASS_CANCEL",
        "alice 4: mass canceled 3",
    ]


def test_an_account_is_cleared_over_all_its_sessions_and_each_owner_is_told() -> None:
    market = busy_market()
    assert market.send(ALICE, mass_cancel(4, MassCancelScope.ACCOUNT)) == [
        "alice 4: canceled #1 1 MASS_CANCEL",
        "alice 4: canceled #2 1 MASS_CANCEL",
        "alice 4: canceled #3 1 MASS_CANCEL",
        "alice 4: mass canceled 5",
        "carol 0: canceled #4 1 MASS_CANCEL",
        "carol 0: canceled #5 1 MASS_CANCEL",
    ]
    assert market.bids() == ["1 in 1 @ 99", "1 in 1 @ 97"]


def test_all_accounts_of_the_session_are_cleared_one_after_the_other() -> None:
    told = busy_market().send(CAROL, mass_cancel(4, MassCancelScope.ACCOUNT))
    assert canceled(told) == [
        "carol 4 #4",
        "carol 4 #5",
        "carol 4 #6",
        "alice 0 #1",
        "alice 0 #2",
        "alice 0 #3",
    ]


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"instrument": EUA}, ["carol 4 #4", "carol 4 #5", "carol 4 #6", "alice 0 #1", "alice 0 #2"]),
        ({"instrument": CEA}, ["alice 0 #3"]),
        ({"side": 2}, ["carol 4 #5", "alice 0 #2"]),
        ({"instrument": EUA, "side": 1}, ["carol 4 #4", "carol 4 #6", "alice 0 #1"]),
        ({"account": 12}, ["carol 4 #6"]),
        ({"account": 12, "side": 2}, []),
    ],
)
def test_filters_narrow_a_mass_cancel(filters: dict[str, int], left: list[str]) -> None:
    told = busy_market().send(CAROL, mass_cancel(4, MassCancelScope.ACCOUNT, **filters))
    assert canceled(told) == left
    assert f"carol 4: mass canceled {len(left)}" in told


def test_a_session_may_narrow_its_own_orders_by_account() -> None:
    told = busy_market().send(CAROL, mass_cancel(4, account=12))
    assert told == ["carol 4: canceled #6 1 MASS_CANCEL", "carol 4: mass canceled 1"]


def test_a_mass_cancel_of_a_foreign_account_or_an_unknown_instrument_is_refused() -> None:
    market = busy_market()
    assert market.send(BOB, mass_cancel(2, MassCancelScope.ACCOUNT, account=11)) == [
        "bob 2: rejected UNKNOWN_ACCOUNT"
    ]
    assert market.send(BOB, mass_cancel(3, instrument=3)) == ["bob 3: rejected UNKNOWN_INSTRUMENT"]


def test_the_answer_to_a_mass_cancel_has_the_sequence_it_was_applied_at() -> None:
    market = busy_market()
    [chunk] = market.outputs(BOB, mass_cancel(2)).streams
    report = chunk.reports[-1]
    assert isinstance(report, MassCanceled)
    assert (report.count, report.sequence) == (1, market.engine.sequence)
