"""Listing and selecting: what rests, who may take what, and every refusal of proto/LISTING.md."""

from typing import Any

import pytest

from carbonmatch.limits import ENTRY_MAKERS_MAX, PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.ladder import NEAR_KEYS_MAX
from carbonmatch.matching.messages import (
    AllowedFlag,
    InstrumentId,
    OrderChoice,
    OrderId,
    Oversize,
    Phase,
    Ref,
    RejectReason,
    ScreenMechanism,
    ScreenRules,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradeKind,
)
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
    reduce,
    replace,
    sell,
)

LISTED_ORDERS = AllowedFlag.LIMIT | AllowedFlag.DAY | AllowedFlag.GTC


def listing(allowed: int = LISTED_ORDERS, **fields: Any) -> Market:
    """Alice (and Carol for her) and Bob in a listing; fields of ScreenRules and of the definition."""
    rules = {name: fields.pop(name) for name in ScreenRules.__struct_fields__ if name in fields}
    screen = ScreenRules(ScreenMechanism.LISTING, **rules)
    return Market(allowed=allowed, screen=screen, **fields)


def select(
    market: Market, ref: int, side: Side, lots: int, number: int = 0, price: int = 0, account: int = 0
) -> m.Select:
    """Of the order that is read as #number; 0: of the first."""
    order_id = market.order_id(number) if number else OrderId(0)
    return m.Select(Ref(ref), EUA, side, lots, order_id, price, m.AccountId(account))


BUY, SELL = Side.BUY, Side.SELL


# --- what rests ----------------------------------------------------------------------------------


def test_listed_orders_never_trade_by_themselves_though_they_cross() -> None:
    market = listing()
    outputs = market.outputs(ALICE, buy(1, price=103, lots=5))
    check_batch(market.engine.books, outputs)
    outputs = market.outputs(BOB, sell(1, price=100, lots=5))
    check_batch(market.engine.books, outputs)
    assert not outputs.public
    assert market.bids() == ["5 in 1 @ 103"]
    assert market.asks() == ["5 in 1 @ 100"]


@pytest.mark.parametrize("phase", [Phase.BREAK, Phase.HALTED, Phase.CANCEL_ONLY, Phase.CLOSED])
def test_listed_orders_that_cross_rest_on_when_the_market_goes_on_after_a_pause(phase: Phase) -> None:
    market = listing()
    market.send(ALICE, buy(1, price=103, lots=5, tif=TimeInForce.GTC))
    market.send(BOB, sell(1, price=100, lots=5, tif=TimeInForce.GTC))
    market.send(OPS, m.SetPhase(Ref(1), EUA, phase))
    outputs = market.outputs(OPS, m.SetPhase(Ref(2), EUA, Phase.CONTINUOUS))
    check_batch(market.engine.books, outputs)
    assert [type(event) for event in outputs.public] == [m.PhaseChanged]
    assert market.bids() == ["5 in 1 @ 103"]
    assert market.asks() == ["5 in 1 @ 100"]


def test_a_listed_order_is_canceled_reduced_and_replaced_also_into_the_cross() -> None:
    market = listing()
    market.send(ALICE, *(buy(ref, price=100, lots=5) for ref in (1, 2, 3)))
    market.send(BOB, sell(1, price=102, lots=9))
    assert market.send(ALICE, cancel(4, 1), reduce(5, 2, lots=3), replace(6, 3, price=104, lots=6)) == [
        "alice 4: canceled #1 5 REQUESTED",
        "alice 5: reduced #2 to 3, 3 left",
        "alice 6: replaced #3 6 @ 104, 6 left",
    ]
    assert market.bids() == ["6 in 1 @ 104", "3 in 1 @ 100"]


def test_day_orders_expire_when_the_listing_closes() -> None:
    market = listing()
    market.send(ALICE, buy(1, price=100, lots=5), buy(2, price=100, lots=4, tif=TimeInForce.GTC))
    market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CLOSED))
    assert market.bids() == ["4 in 1 @ 100"]


# --- selecting -----------------------------------------------------------------------------------


def test_a_taker_selects_any_order_of_a_level_whoever_came_first() -> None:
    """Asks 50.00 (A 300, B 200) and 50.10 (C 100): B for 150 leaves B 50, and A untouched."""
    market = listing()
    market.send(ALICE, sell(1, price=5000, lots=300), sell(2, price=5000, lots=200))
    market.send(ALICE, sell(3, price=5010, lots=100))
    assert market.send(BOB, select(market, 1, BUY, 150, number=2)) == [
        "bob 1: accepted #4 buy 150 @ 5000",
        "bob 1: executed #4 taker 150 @ 5000, 0 left",
        "alice 0: executed #2 maker 150 @ 5000, 50 left",
    ]
    assert market.asks() == ["350 in 2 @ 5000", "100 in 1 @ 5010"]
    assert market.send(ALICE, m.OrderStatusRequest(Ref(4), Ref(1)))[0] == (
        "alice 4: status #1 named 1 300 @ 5000, 300 left"
    )


def test_everyone_is_told_of_a_listed_trade_and_it_sets_the_last_price() -> None:
    market = listing()
    market.send(ALICE, buy(1, price=100, lots=5))
    outputs = market.outputs(BOB, select(market, 1, SELL, 5, number=1))
    check_batch(market.engine.books, outputs)
    assert outputs.public == [
        m.Traded(EUA, market.time_ns, m.TradeId(1), 100, 5, SELL, TradeKind.LISTED),
    ]
    assert market.engine.books[EUA].last_price_ticks == 100
    assert market.bids() == []
    assert market.engine.open_order_count == 0


def test_without_an_order_id_the_first_of_the_best_level_is_taken() -> None:
    market = listing()
    market.send(ALICE, sell(1, price=101, lots=5), sell(2, price=100, lots=5), sell(3, price=100, lots=5))
    assert market.send(BOB, select(market, 1, BUY, 5))[2] == "alice 0: executed #2 maker 5 @ 100, 0 left"


def test_own_orders_are_passed_over_where_the_first_is_asked_for() -> None:
    market = listing()
    market.send(BOB, sell(1, price=99, lots=5), sell(2, price=100, lots=5))
    market.send(ALICE, sell(1, price=100, lots=5))
    assert market.send(BOB, select(market, 3, BUY, 5))[2] == "alice 0: executed #3 maker 5 @ 100, 0 left"


def test_more_than_there_is_trades_what_there_is_where_the_instrument_says_so() -> None:
    market = listing(oversize=Oversize.FILL_AVAILABLE)
    market.send(ALICE, sell(1, price=100, lots=5))
    outputs = market.outputs(BOB, select(market, 1, BUY, 8, number=1))
    assert [type(report).__name__ for stream in outputs.streams for report in stream.reports] == [
        "Accepted",
        "Executed",
        "Canceled",
        "Executed",
    ]
    assert outputs.cancels == [m.CancelReason.SELECT_REMAINDER]
    market = listing(oversize=Oversize.FILL_AVAILABLE)
    market.send(ALICE, sell(1, price=100, lots=5))
    assert market.send(BOB, select(market, 1, BUY, 8, number=1)) == [
        "bob 1: accepted #2 buy 8 @ 100",
        "bob 1: executed #2 taker 5 @ 100, 3 left",
        "bob 1: canceled #2 3 SELECT_REMAINDER",
        "alice 0: executed #1 maker 5 @ 100, 0 left",
    ]


def test_both_sides_of_a_selection_are_reported_whole() -> None:
    """Bob sells 8 to Alice, who wants 5."""
    market = listing(oversize=Oversize.FILL_AVAILABLE)
    market.send(ALICE, buy(1, price=100, lots=5))
    outputs = market.outputs(BOB, select(market, 7, SELL, 8, number=1))
    maker_id, taker_id = market.order_id(1), market.order_id(2)
    time_ns, trade_id = market.time_ns, m.TradeId(1)
    alice, bob = m.AccountId(11), m.AccountId(13)
    sold = m.Executed(2, Ref(7), time_ns, 0, taker_id, trade_id, EUA, bob, SELL, 100, 5, 3, m.Liquidity.TAKER)
    bought = m.Executed(
        2, m.NO_REF, time_ns, 0, maker_id, trade_id, EUA, alice, BUY, 100, 5, 0, m.Liquidity.MAKER
    )
    assert [(stream.session_id, stream.reports) for stream in outputs.streams] == [
        (
            BOB,
            [
                m.Accepted(1, Ref(7), time_ns, 0, taker_id, EUA, bob, SELL, 100, 8),
                sold,
                m.Canceled(3, Ref(7), time_ns, 0, taker_id, 3, m.CancelReason.SELECT_REMAINDER),
            ],
        ),
        (ALICE, [bought]),
    ]
    assert market.send(BOB, select(market, 8, SELL, 8)) == ["bob 8: rejected NO_LIQUIDITY"]
    assert market.engine.sessions[BOB].next_seq == 5


def test_a_venue_that_answers_before_the_disk_says_so_of_selections_too() -> None:
    market = Market(
        durable=False,
        allowed=LISTED_ORDERS,
        screen=ScreenRules(ScreenMechanism.LISTING, oversize=Oversize.FILL_AVAILABLE),
    )
    market.send(ALICE, buy(1, price=100, lots=5))
    outputs = market.outputs(BOB, select(market, 7, SELL, 8, number=1))
    flags = {report.flags for stream in outputs.streams for report in stream.reports}
    assert flags == {m.ReportFlag.NOT_DURABLE}


def test_the_largest_quantity_and_price_of_any_market_can_be_selected() -> None:
    market = listing()
    market.send(ALICE, sell(1, price=PRICE_TICKS_MAX, lots=QUANTITY_LOTS_MAX))
    command = select(market, 1, BUY, QUANTITY_LOTS_MAX, price=PRICE_TICKS_MAX)
    assert market.send(BOB, command)[0].startswith("bob 1: accepted")


def test_less_than_the_minimum_may_be_taken_where_it_is_all_that_is_left() -> None:
    market = listing(quantity_min_lots=10)
    market.send(ALICE, sell(1, price=100, lots=23))
    market.send(BOB, select(market, 1, BUY, 20, number=1))
    assert market.send(BOB, select(market, 2, BUY, 2, number=1)) == ["bob 2: rejected BELOW_MINIMUM"]
    assert market.send(BOB, select(market, 3, BUY, 3, number=1))[1] == (
        "bob 3: executed #4 taker 3 @ 100, 0 left"
    )


def test_a_worst_price_protects_a_taker_from_an_order_that_has_moved() -> None:
    market = listing()
    market.send(ALICE, sell(1, price=100, lots=5), sell(2, price=101, lots=5))
    market.send(ALICE, replace(3, 1, price=110, lots=5), cancel(4, 2))
    assert market.send(BOB, select(market, 1, BUY, 5, number=1, price=109)) == [
        "bob 1: rejected NOT_SELECTABLE"
    ]
    assert market.send(BOB, select(market, 2, BUY, 5, number=1, price=110))[1] == (
        "bob 2: executed #6 taker 5 @ 110, 0 left"
    )


def test_a_session_selects_for_any_account_it_may_act_for() -> None:
    market = listing(self_trade=m.SelfTradeRules(m.SelfTradeKey.ACCOUNT))
    market.send(ALICE, sell(1, price=100, lots=5))
    assert market.send(CAROL, select(market, 1, BUY, 5, number=1)) == ["carol 1: rejected SELF_SELECTION"]
    assert market.send(CAROL, select(market, 2, BUY, 5, number=1, account=12))[0] == (
        "carol 2: accepted #3 buy 5 @ 100"
    )


def test_own_orders_can_be_selected_where_the_instrument_prevents_nothing() -> None:
    market = listing(self_trade_prevention=SelfTradePrevention.NONE)
    market.send(ALICE, sell(1, price=100, lots=5))
    assert market.send(ALICE, select(market, 2, BUY, 5, number=1))[1] == (
        "alice 2: executed #2 taker 5 @ 100, 0 left"
    )


# --- levels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", OrderChoice)
def test_a_strict_level_order_has_the_best_level_selected_from_first(
    choice: OrderChoice,
) -> None:
    market = listing(order_choice=choice)
    market.send(ALICE, sell(1, price=100, lots=5), sell(2, price=101, lots=5))
    assert market.send(BOB, select(market, 1, BUY, 5, number=2)) == ["bob 1: rejected NOT_SELECTABLE"]
    market.send(BOB, select(market, 2, BUY, 5, number=1))
    assert market.send(BOB, select(market, 3, BUY, 5, number=2))[1] == (
        "bob 3: executed #5 taker 5 @ 101, 0 left"
    )


def test_a_level_of_own_orders_does_not_stand_before_the_next_one() -> None:
    market = listing()
    market.send(BOB, sell(1, price=100, lots=5))
    market.send(ALICE, sell(1, price=101, lots=5))
    assert market.send(BOB, select(market, 2, BUY, 5, number=2))[1] == (
        "bob 2: executed #3 taker 5 @ 101, 0 left"
    )


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_no_level_beyond_the_best_ones_may_be_selected_from(levels: int) -> None:
    market = listing(strict_level_order=False, levels_max=levels)
    market.send(ALICE, *(sell(ref, price=100 + ref, lots=5) for ref in range(1, levels + 2)))
    assert market.send(BOB, select(market, 1, BUY, 5, number=levels + 1)) == [
        "bob 1: rejected NOT_SELECTABLE"
    ]
    assert market.send(BOB, select(market, 2, BUY, 5, number=levels))[0].startswith("bob 2: accepted")


def test_any_level_may_be_selected_from_where_all_may() -> None:
    market = listing(strict_level_order=False, levels_max=0)
    market.send(ALICE, *(sell(ref, price=100 + ref, lots=5) for ref in range(1, 31)))
    assert market.send(BOB, select(market, 1, BUY, 5, number=30))[0] == "bob 1: accepted #31 buy 5 @ 130"


@pytest.mark.parametrize("strict", [True, False])
def test_only_the_first_order_of_a_level_may_be_selected_where_the_order_goes_by_time(strict: bool) -> None:
    market = listing(order_choice=OrderChoice.FIRST, strict_level_order=strict)
    market.send(ALICE, sell(1, price=100, lots=5), sell(2, price=100, lots=5))
    assert market.send(BOB, select(market, 1, BUY, 5, number=2)) == ["bob 1: rejected NOT_SELECTABLE"]
    assert market.send(BOB, select(market, 2, BUY, 5, number=1))[0].startswith("bob 2: accepted")
    assert market.send(BOB, select(market, 3, BUY, 5, number=2))[0].startswith("bob 3: accepted")


def test_a_free_level_order_lets_the_first_of_a_further_level_be_selected() -> None:
    market = listing(order_choice=OrderChoice.FIRST, strict_level_order=False)
    market.send(ALICE, *(sell(ref, price=price, lots=5) for ref, price in enumerate((100, 101, 101), 1)))
    assert market.send(BOB, select(market, 1, BUY, 5, number=3)) == ["bob 1: rejected NOT_SELECTABLE"]
    assert market.send(BOB, select(market, 2, BUY, 5, number=2))[0] == "bob 2: accepted #5 buy 5 @ 101"


# --- refusals ------------------------------------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], RejectReason]] = [
    ("an account that is not the session's", {"account": 99}, RejectReason.UNKNOWN_ACCOUNT),
    ("no lots", {"lots": 0}, RejectReason.INVALID_QUANTITY),
    ("beyond every market", {"lots": QUANTITY_LOTS_MAX + 1}, RejectReason.INVALID_QUANTITY),
    ("off the increment", {"lots": 11}, RejectReason.QUANTITY_INCREMENT),
    ("too many", {"lots": 42}, RejectReason.ABOVE_MAXIMUM),
    ("too few", {"lots": 8}, RejectReason.BELOW_MINIMUM),
    ("a price beyond every market", {"price": PRICE_TICKS_MAX + 1}, RejectReason.INVALID_PRICE),
    ("an order that never was", {"number": 77}, RejectReason.NOT_SELECTABLE),
    ("an order of one's own side", {"number": 3}, RejectReason.NOT_SELECTABLE),
    ("an order that is gone", {"number": 4}, RejectReason.NOT_SELECTABLE),
    ("an order of a further level", {"number": 2}, RejectReason.NOT_SELECTABLE),
    ("at a worse price than accepted", {"price": 99}, RejectReason.NOT_SELECTABLE),
    ("one's own order", {"number": 5}, RejectReason.SELF_SELECTION),
    ("more than there is", {"lots": 40}, RejectReason.OVERSIZE),
]


@pytest.mark.parametrize(("_what", "fields", "reason"), REFUSED, ids=[what for what, *_ in REFUSED])
def test_a_selection_is_refused_for(_what: str, fields: dict[str, Any], reason: RejectReason) -> None:
    market = listing(quantity_increment_lots=2, quantity_min_lots=10, quantity_max_lots=40)
    market.send(ALICE, sell(1, price=100, lots=30), sell(2, price=101, lots=30))
    market.send(ALICE, buy(3, price=90, lots=30), sell(4, price=100, lots=30), cancel(5, 4))
    market.send(BOB, sell(1, price=102, lots=30))
    # The cancel took a number too.
    number = {5: 6}.get(asked := fields.get("number", 1), asked)
    before = market.asks()
    command = select(
        market, 2, BUY, fields.get("lots", 10), number, fields.get("price", 0), fields.get("account", 0)
    )
    assert market.send(BOB, command) == [f"bob 2: rejected {reason.name}"]
    assert market.asks() == before


def test_a_selection_in_an_instrument_that_is_not_there_is_refused() -> None:
    command = m.Select(Ref(1), InstrumentId(9), BUY, 1)
    assert listing().send(BOB, command) == ["bob 1: rejected UNKNOWN_INSTRUMENT"]


def test_a_selection_where_orders_trade_by_themselves_is_refused() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=5))
    assert market.send(BOB, select(market, 1, BUY, 5, number=1)) == [
        "bob 1: rejected MECHANISM_NOT_AVAILABLE"
    ]


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        (Phase.HALTED, "HALTED"),
        (Phase.CANCEL_ONLY, "CANCEL_ONLY"),
        (Phase.CLOSED, "CLOSED"),
        (Phase.BREAK, "NOT_IN_THIS_PHASE"),
    ],
)
def test_nothing_is_selected_where_nothing_trades(phase: Phase, reason: str) -> None:
    market = listing()
    market.send(ALICE, sell(1, price=100, lots=5, tif=TimeInForce.GTC))
    market.send(OPS, m.SetPhase(Ref(1), EUA, phase))
    assert market.send(BOB, select(market, 1, BUY, 5, number=1)) == [f"bob 1: rejected {reason}"]


def test_an_empty_side_has_nothing_to_select_and_one_of_own_orders_neither() -> None:
    market = listing()
    assert market.send(BOB, select(market, 1, BUY, 5)) == ["bob 1: rejected NO_LIQUIDITY"]
    market.send(BOB, sell(2, price=100, lots=5))
    assert market.send(BOB, select(market, 3, BUY, 5)) == ["bob 3: rejected SELF_SELECTION"]


def test_an_order_outside_of_a_new_band_stays_and_cannot_be_selected() -> None:
    market = listing()
    market.send(ALICE, sell(1, price=100, lots=5))
    market.send(OPS, m.SetBand(Ref(1), EUA, 90, 80, 99))
    assert market.send(BOB, select(market, 1, BUY, 5, number=1)) == ["bob 1: rejected OUTSIDE_BAND"]
    market.send(OPS, m.SetBand(Ref(2), EUA, 110, 101, 120))
    assert market.send(BOB, select(market, 2, BUY, 5)) == ["bob 2: rejected OUTSIDE_BAND"]
    market.send(OPS, m.SetBand(Ref(3), EUA, 100, 100, 100))
    assert market.send(BOB, select(market, 3, BUY, 5))[0] == "bob 3: accepted #2 buy 5 @ 100".replace(
        "#2", f"#{market.engine.sequence - market.setup_commands}"
    )


def band(market: Market, low: int, high: int) -> None:
    market.outputs(VENUE, m.SetBand(Ref(0), EUA, (low + high) // 2, low, high))


@pytest.mark.parametrize("named", [0, 2])
def test_an_order_outside_of_the_band_does_not_stand_before_those_within(named: int) -> None:
    """Asks 100 and 105, and from now on nothing trades below 103: the next one is the best."""
    market = listing(strict_level_order=True)
    market.send(ALICE, sell(1, price=100, lots=5), sell(2, price=105, lots=5))
    band(market, 103, 110)
    assert market.send(BOB, select(market, 1, BUY, 5, number=named))[2] == (
        "alice 0: executed #2 maker 5 @ 105, 0 left"
    )
    band(market, 95, 110)
    assert market.send(BOB, select(market, 2, BUY, 5))[2] == "alice 0: executed #1 maker 5 @ 100, 0 left"


def test_levels_outside_of_the_band_are_none_of_the_best_ones() -> None:
    market = listing(strict_level_order=False, levels_max=2)
    market.send(ALICE, *(buy(ref, price=111 - ref, lots=5) for ref in range(1, 7)))
    band(market, 100, 107)
    assert market.send(BOB, select(market, 1, SELL, 5, number=5))[2] == (
        "alice 0: executed #5 maker 5 @ 106, 0 left"
    )
    assert market.send(BOB, select(market, 2, SELL, 5, number=4))[2] == (
        "alice 0: executed #4 maker 5 @ 107, 0 left"
    )
    assert market.send(BOB, select(market, 3, SELL, 5, number=3)) == ["bob 3: rejected OUTSIDE_BAND"]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("price", [90, 120])
def test_where_all_are_outside_of_the_band_that_is_the_reason(strict: bool, price: int) -> None:
    market = listing(strict_level_order=strict)
    market.send(ALICE, sell(1, price=price, lots=5))
    band(market, 100, 110)
    for ref, named in ((1, 0), (2, 1)):
        assert market.send(BOB, select(market, ref, BUY, 5, number=named)) == [
            f"bob {ref}: rejected OUTSIDE_BAND"
        ]


def test_an_order_that_emptied_outside_of_the_band_leaves_the_way_free() -> None:
    market = listing()
    market.send(ALICE, sell(1, price=100, lots=5), sell(2, price=104, lots=5), sell(3, price=105, lots=5))
    market.send(ALICE, cancel(4, 2))
    band(market, 103, 110)
    assert market.send(BOB, select(market, 1, BUY, 5))[2] == "alice 0: executed #3 maker 5 @ 105, 0 left"


def test_levels_are_found_beyond_those_that_are_near() -> None:
    """A ladder keeps its worse levels apart: both parts are searched, and none is passed over."""
    market = listing(levels_max=0, strict_level_order=False)
    count = 2 * NEAR_KEYS_MAX
    for start in range(0, count, 100):
        orders = [sell(ref + 1, price=10_000 - ref, lots=5) for ref in range(start, min(count, start + 100))]
        market.send(ALICE, *orders)
    low, high = 10_000 - count // 2, 10_000 - 10
    band(market, low, high)
    assert market.send(BOB, select(market, 1, BUY, 5, number=11))[0].endswith("@ 9990")
    assert market.send(BOB, select(market, 2, BUY, 5))[0].endswith(f"@ {low}")
    assert market.send(BOB, select(market, 3, BUY, 5, number=10)) == ["bob 3: rejected OUTSIDE_BAND"]


def test_an_entry_looks_at_a_bounded_number_of_own_orders() -> None:
    market = listing()
    count = ENTRY_MAKERS_MAX + 1
    market.outputs(BOB, *(sell(ref, price=100) for ref in range(1, count + 1)))
    market.send(ALICE, sell(1, price=100))
    commands = (m.Select(Ref(count + 1), EUA, BUY, 1), select(market, count + 2, BUY, 1, number=count + 1))
    assert market.send(BOB, *commands) == [
        f"bob {count + 1}: rejected SELF_SELECTION",
        # One that is named is not looked for.
        *market_lines(market, count + 2),
    ]


def test_the_last_order_that_an_entry_may_look_at_is_found() -> None:
    market = listing()
    count = ENTRY_MAKERS_MAX - 1
    market.outputs(BOB, *(sell(ref, price=100) for ref in range(1, count + 1)))
    market.send(ALICE, sell(1, price=100))
    assert market.send(BOB, m.Select(Ref(count + 1), EUA, BUY, 1)) == market_lines(
        market, count + 1, before=1
    )


def market_lines(market: Market, ref: int, before: int = 2) -> list[str]:
    taker = market.engine.sequence - market.setup_commands
    return [
        f"bob {ref}: accepted #{taker} buy 1 @ 100",
        f"bob {ref}: executed #{taker} taker 1 @ 100, 0 left",
        f"alice 0: executed #{taker - before} maker 1 @ 100, 0 left",
    ]


# --- what a listing does not have ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (buy(1, price=100, market=True), "ORDER_TYPE_NOT_ALLOWED"),
        (buy(1, price=100, stop=90), "ORDER_TYPE_NOT_ALLOWED"),
        (buy(1, price=100, lots=10, display=2), "ORDER_TYPE_NOT_ALLOWED"),
        (buy(1, price=100, lots=10, minimum=2), "ORDER_TYPE_NOT_ALLOWED"),
        (buy(1, price=100, post_only=True), "ORDER_TYPE_NOT_ALLOWED"),
        (buy(1, price=100, tif=TimeInForce.IOC), "TIME_IN_FORCE_NOT_ALLOWED"),
        (buy(1, price=100, tif=TimeInForce.FOK), "TIME_IN_FORCE_NOT_ALLOWED"),
        (buy(1, price=100, tif=TimeInForce.AT_CLOSE), "TIME_IN_FORCE_NOT_ALLOWED"),
        (buy(1, price=100, tif=TimeInForce.GOOD_FOR_AUCTION), "TIME_IN_FORCE_NOT_ALLOWED"),
        (buy(1, price=100, stp=SelfTradePrevention.CANCEL_OLDEST), "SELF_TRADE_PREVENTION_NOT_ALLOWED"),
    ],
)
def test_an_order_that_could_not_only_rest_is_refused(order: m.NewOrder, reason: str) -> None:
    assert listing().send(ALICE, order) == [f"alice 1: rejected {reason}"]


@pytest.mark.parametrize("phase", sorted(m.GATHERING))
@pytest.mark.parametrize("instrument_id", [EUA, m.ANY])
def test_nothing_gathers_in_a_listing_for_an_auction(phase: Phase, instrument_id: InstrumentId) -> None:
    market = listing()
    assert market.send(OPS, m.SetPhase(Ref(1), instrument_id, phase)) == [
        "ops 1: rejected MECHANISM_NOT_AVAILABLE"
    ]
    assert {book.instrument.phase for book in market.engine.books.values()} == {Phase.CONTINUOUS}


# --- clearing ------------------------------------------------------------------------------------


class Ledger:
    """Lets account 13 have up to 6 lots, and notes what it is asked to do."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def refusal(
        self, account: Any, side: Side, lots: int, price_ticks: int, kind: TradeKind
    ) -> RejectReason | None:
        assert (side, price_ticks, kind) == (BUY, 100, TradeKind.LISTED)
        return RejectReason.NO_LIQUIDITY if account.account_id == 13 and lots > 6 else None

    def reserve(self, account: Any, side: Side, lots: int, price_ticks: int, kind: TradeKind) -> None:
        raise AssertionError("a selection holds nothing: it trades at once")

    def release(self, account: Any, *of_order: Any) -> None:
        self.asked.append(("release", account.account_id, *of_order))

    def roll(self, _trading_day: int, _last_trade_id: m.TradeId) -> None:
        """Nothing here waits for a day to end."""

    def settle(self, buyer: Any, seller: Any, *of_trade: Any) -> None:
        self.asked.append(("settle", buyer.account_id, seller.account_id, *of_trade))


def test_a_selection_asks_for_what_trades_and_is_settled() -> None:
    market = listing(oversize=Oversize.FILL_AVAILABLE)
    ledger = Ledger()
    market.send(ALICE, sell(1, price=100, lots=8), sell(2, price=100, lots=4))
    market.engine.books[EUA].clearing = ledger
    assert market.send(BOB, select(market, 1, BUY, 7, number=1)) == ["bob 1: rejected NO_LIQUIDITY"]
    market.send(BOB, select(market, 2, BUY, 6, number=1))
    # Only what trades is asked for.
    market.send(BOB, select(market, 3, BUY, 9, number=2))
    listed = TradeKind.LISTED
    assert ledger.asked == [
        ("settle", 13, 11, 6, 100, listed),
        ("settle", 13, 11, 4, 100, listed),
    ]
