"""The faults that matching engines are known for, each of which must be impossible here.

They were found by others in public engines: by a survey of 247 of them, by conformance suites, and by users
who reported them. A test is named after each; docs/conformance.md has the list.
"""

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching import state
from carbonmatch.matching.messages import (
    AllowedFlag,
    AnyCommand,
    Entry,
    Ref,
    SelfTradePrevention,
    SessionId,
    TimeInForce,
)
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
    reduce,
    replace,
    sell,
)


def fills(told: list[str], session: str) -> list[str]:
    """What of `told` a session has traded, without its name and the command's ref."""
    return [line.split(": ")[1] for line in told if line.startswith(session) and "executed" in line]


def three_sellers() -> Market:
    """Bob's orders #1 to #3, each for 10 lots at 100."""
    market = Market(allowed=AllowedFlag.ALL)
    market.send(BOB, *(sell(ref, 100, 10) for ref in (1, 2, 3)))
    return market


def makers_in_turn(market: Market) -> list[str]:
    """Whom a buyer of all there is meets, one after the other."""
    told = market.send(ALICE, buy(99, 200, 1_000, tif=TimeInForce.IOC))
    return [line.split()[1] for line in fills(told, "bob")]


# --- fills ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("maker", "taker"), [(sell(1, 100), buy(1, 105)), (buy(1, 100), sell(1, 95))])
def test_a_fill_is_never_at_the_price_of_the_aggressor(maker: m.NewOrder, taker: m.NewOrder) -> None:
    market = Market()
    market.send(BOB, maker)
    told = market.send(ALICE, taker)
    assert fills(told, "alice") == ["executed #2 taker 1 @ 100, 0 left"]
    assert fills(told, "bob") == ["executed #1 maker 1 @ 100, 0 left"]


def test_a_sweep_never_passes_over_a_better_price_nor_an_earlier_order() -> None:
    market = Market()
    market.send(BOB, sell(1, 101), sell(2, 100), sell(3, 101), sell(4, 100))
    assert makers_in_turn(market) == ["#2", "#4", "#1", "#3"]


def test_an_order_never_trades_more_than_it_asked_for() -> None:
    market = three_sellers()
    told = market.send(ALICE, buy(1, 100, 25))
    assert [line.split(" maker ")[1] for line in fills(told, "bob")] == [
        "10 @ 100, 0 left",
        "10 @ 100, 0 left",
        "5 @ 100, 5 left",
    ]
    assert market.asks() == ["5 in 1 @ 100"]
    assert market.bids() == []


def test_orders_that_cross_never_both_rest() -> None:
    market = Market()
    market.send(BOB, sell(1, 100, 5))
    market.send(ALICE, buy(1, 101, 8))
    assert market.asks() == []
    assert market.bids() == ["3 in 1 @ 101"]


# --- priority ------------------------------------------------------------------------------------


def test_a_partial_fill_never_costs_an_order_its_place() -> None:
    market = three_sellers()
    market.send(ALICE, buy(1, 100, 4))
    assert makers_in_turn(market) == ["#1", "#2", "#3"]


@pytest.mark.parametrize(("gone", "left"), [(1, "23"), (2, "13"), (3, "12")])
def test_a_cancel_inside_a_level_never_reorders_it(gone: int, left: str) -> None:
    market = three_sellers()
    market.send(BOB, cancel(4, gone))
    assert makers_in_turn(market) == [f"#{number}" for number in left]


def test_a_reduction_never_costs_an_order_its_place() -> None:
    market = three_sellers()
    market.send(BOB, reduce(4, 1, 9), reduce(5, 2, 1))
    assert makers_in_turn(market) == ["#1", "#2", "#3"]


@pytest.mark.parametrize("lots", [9, 11])
def test_a_replacement_never_keeps_a_place_that_it_has_to_give_up(lots: int) -> None:
    market = three_sellers()
    market.send(BOB, replace(4, 1, 100, lots))
    assert makers_in_turn(market) == ["#2", "#3", "#1"]


def test_a_fresh_slice_of_an_iceberg_never_jumps_the_queue() -> None:
    market = Market(allowed=AllowedFlag.ALL)
    market.send(BOB, sell(1, 100, 20, display=5), sell(2, 100, 10))
    assert makers_in_turn(market) == ["#1", "#2", "#1", "#1", "#1"]


# --- the best price ------------------------------------------------------------------------------


def test_the_best_price_is_never_stale_after_a_cancel() -> None:
    market = Market()
    market.send(BOB, sell(1, 100), sell(2, 101), cancel(3, 1))
    assert market.asks() == ["1 in 1 @ 101"]
    assert fills(market.send(ALICE, buy(1, 101)), "alice") == ["executed #4 taker 1 @ 101, 0 left"]


def test_the_best_price_is_never_stale_after_a_fill_or_a_replacement() -> None:
    market = Market()
    market.send(BOB, sell(1, 100), sell(2, 101), sell(3, 102))
    market.send(ALICE, buy(1, 100))
    market.send(BOB, replace(4, 2, 103, 1))
    assert market.asks() == ["1 in 1 @ 102", "1 in 1 @ 103"]
    assert fills(market.send(ALICE, buy(2, 102)), "bob") == ["executed #3 maker 1 @ 102, 0 left"]


def test_a_cancel_inside_a_level_never_lets_the_next_order_loop() -> None:
    """The five orders that made a released engine hang for ever."""
    market = Market()
    market.send(BOB, sell(1, 10_002, 29), sell(2, 10_002, 17))
    market.send(ALICE, buy(1, 10_002, 36))
    assert market.send(BOB, cancel(3, 2)) == ["bob 3: canceled #2 10 REQUESTED"]
    assert market.send(ALICE, buy(2, 10_004, 14)) == ["alice 2: accepted #5 buy 14 @ 10004"]
    assert (market.bids(), market.asks()) == (["14 in 1 @ 10004"], [])


# --- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [cancel(2, 1), reduce(2, 1, 1), replace(2, 1, 101, 5)], ids=str)
def test_a_filled_order_is_never_canceled_nor_amended(late: AnyCommand) -> None:
    market = Market()
    market.send(BOB, sell(1, 100, 5))
    market.send(ALICE, buy(1, 100, 5))
    assert market.send(BOB, late) == ["bob 2: rejected UNKNOWN_ORDER"]
    assert (market.bids(), market.asks()) == ([], [])


@pytest.mark.parametrize("late", [cancel(3, 1), reduce(3, 1, 1), replace(3, 1, 101, 5)], ids=str)
def test_a_canceled_order_is_never_canceled_again_nor_amended(late: AnyCommand) -> None:
    market = Market()
    market.send(BOB, sell(1, 100, 5), cancel(2, 1))
    assert market.send(BOB, late) == ["bob 3: rejected UNKNOWN_ORDER"]
    assert (market.bids(), market.asks()) == ([], [])


@pytest.mark.parametrize("traded", [0, 4])
def test_the_rest_of_an_ioc_order_never_rests(traded: int) -> None:
    market = Market()
    if traded:
        market.send(BOB, sell(1, 100, traded))
    told = market.send(ALICE, buy(1, 100, 10, tif=TimeInForce.IOC))
    assert f"alice 1: canceled #{1 + (traded > 0)} {10 - traded} IOC_REMAINDER" in told
    assert (market.bids(), market.asks()) == ([], [])


def test_the_rest_of_a_market_order_never_rests() -> None:
    market = Market()
    market.send(BOB, sell(1, 100, 4), sell(2, 106, 4))
    market.send(ALICE, buy(1, 105, 10, market=True))
    assert (market.bids(), market.asks()) == ([], ["4 in 1 @ 106"])


def test_a_market_order_never_trades_beyond_its_protection() -> None:
    market = Market(market_protection_ticks=3)
    market.send(BOB, sell(1, 100), sell(2, 103), sell(3, 104))
    told = market.send(ALICE, buy(1, 0, 3, market=True))
    assert [line.split(" @ ")[1] for line in fills(told, "alice")] == ["100, 2 left", "103, 1 left"]


def test_fill_or_kill_never_fills_a_part() -> None:
    market = Market()
    market.send(BOB, sell(1, 100, 4), sell(2, 101, 5))
    told = market.send(ALICE, buy(1, 101, 10, tif=TimeInForce.FOK))
    assert told == ["alice 1: rejected CANNOT_FILL"]
    assert market.asks() == ["4 in 1 @ 100", "5 in 1 @ 101"]


def test_a_taker_that_self_trade_prevention_ends_never_rests() -> None:
    for mode in (SelfTradePrevention.CANCEL_NEWEST, SelfTradePrevention.CANCEL_BOTH):
        market = Market()
        market.send(CAROL, sell(1, 100, 5))
        told = market.send(ALICE, buy(1, 101, 8, stp=mode))
        assert any(line.endswith("canceled #2 8 SELF_TRADE") for line in told), told
        assert fills(told, "alice") == []
        assert market.bids() == []


def test_a_stop_that_waits_can_always_be_canceled_and_never_fires_then() -> None:
    market = Market(allowed=AllowedFlag.ALL)
    market.send(BOB, sell(1, 100), sell(2, 105, 9))
    market.send(ALICE, buy(1, 110, 4, stop=100))
    assert market.send(ALICE, cancel(2, 1)) == ["alice 2: canceled #3 4 REQUESTED"]
    told = market.send(ALICE, buy(3, 100))
    assert not any("triggered" in line for line in told)
    assert market.asks() == ["9 in 1 @ 105"]


def test_an_unsolicited_end_is_never_silent_nor_without_its_reason() -> None:
    market = Market()
    market.send(ALICE, buy(1, 100), buy(2, 99, tif=TimeInForce.GTC))
    assert market.send(VENUE, m.SetPhase(Ref(0), EUA, m.Phase.CLOSED)) == ["alice 0: canceled #1 1 EXPIRED"]
    assert market.send(VENUE, m.SessionLost(ALICE)) == ["alice 0: canceled #2 1 DISCONNECTED"]


# --- names ---------------------------------------------------------------------------------------


def test_a_repeated_id_never_matches_and_never_hides_the_order_that_has_it() -> None:
    """Repeats are answered before the engine, with the first outcome: here they are not applied at all."""
    market = Market()
    market.send(BOB, sell(1, 100, 5))
    market.send(ALICE, buy(7, 99, 2))
    with pytest.raises(AssertionError, match="repeats are answered before the engine"):
        market.engine.apply(Entry(market.engine.sequence + 1, TIME_NS, ALICE, [buy(7, 100, 5)]))
    assert market.engine.venue.last_trade_id == 0
    assert (market.bids(), market.asks()) == (["2 in 1 @ 99"], ["5 in 1 @ 100"])


def test_a_new_name_never_hides_an_older_order() -> None:
    """After a replacement the order goes by its new ref only, and others are still to be found by theirs."""
    market = Market()
    market.send(ALICE, buy(1, 99), buy(2, 98), replace(3, 1, 97, 1))
    assert market.send(ALICE, cancel(4, 1)) == ["alice 4: rejected UNKNOWN_ORDER"]
    assert market.send(ALICE, cancel(5, 2)) == ["alice 5: canceled #2 1 REQUESTED"]
    assert market.send(ALICE, cancel(6, 3)) == ["alice 6: canceled #1 1 REQUESTED"]


def test_a_name_is_never_looked_up_before_what_came_before_it() -> None:
    """In one frame too: each command finds what the one before it has left."""
    market = Market()
    market.send(BOB, sell(1, 100, 5))
    told = market.send(
        ALICE,
        buy(1, 99, 3),
        replace(2, 1, 98, 4),
        reduce(3, 2, 2),
        cancel(4, 2),
        buy(5, 100, 5),
        cancel(6, 5),
    )
    assert [line for line in told if line.startswith("alice")] == [
        "alice 1: accepted #2 buy 3 @ 99",
        "alice 2: replaced #2 4 @ 98, 4 left",
        "alice 3: reduced #2 to 2, 2 left",
        "alice 4: canceled #2 2 REQUESTED",
        "alice 5: accepted #6 buy 5 @ 100",
        "alice 5: executed #6 taker 5 @ 100, 0 left",
        "alice 6: rejected UNKNOWN_ORDER",
    ]


def test_an_order_of_somebody_else_is_never_canceled_by_its_id() -> None:
    market = Market()
    market.send(BOB, sell(1, 100))
    assert market.send(ALICE, cancel(1, order_id=market.order_id(1))) == ["alice 1: rejected UNKNOWN_ORDER"]
    assert market.asks() == ["1 in 1 @ 100"]


# --- amendments ----------------------------------------------------------------------------------


def test_an_order_amended_into_the_cross_always_trades_at_once() -> None:
    market = Market()
    market.send(BOB, sell(1, 100, 5))
    told = market.send(ALICE, buy(1, 99, 8), replace(2, 1, 100, 8))
    assert fills(told, "alice") == ["executed #2 taker 5 @ 100, 3 left"]
    assert (market.bids(), market.asks()) == (["3 in 1 @ 100"], [])


def test_an_amendment_that_crosses_a_fill_on_its_way_never_asks_for_more() -> None:
    """The new total includes what has traded meanwhile."""
    for amendment in (reduce(2, 1, 6), replace(2, 1, 101, 6)):
        market = Market()
        market.send(BOB, sell(1, 100, 10))
        market.send(ALICE, buy(1, 100, 4))
        market.send(BOB, amendment)
        assert [line.split()[0] for line in market.asks()] == ["2"]


def test_a_refused_amendment_never_changes_anything() -> None:
    market = three_sellers()
    market.send(ALICE, buy(1, 90))
    refused: list[AnyCommand] = [
        replace(4, 1, 100, 0),
        replace(5, 1, 0, 10),
        replace(6, 1, 100, 10),
        reduce(7, 1, 10),
    ]
    told = market.send(BOB, *refused)
    assert [line.split()[2] for line in told] == ["rejected"] * 4
    assert market.send(BOB, cancel(8, 3)) == ["bob 8: canceled #3 10 REQUESTED"]
    assert makers_in_turn(market) == ["#1", "#2"]


# --- self-trades ---------------------------------------------------------------------------------


def test_two_orders_of_one_participant_never_trade_where_that_is_to_be_prevented() -> None:
    for session in (ALICE, CAROL):
        market = Market()
        market.send(ALICE, sell(1, 100, 5))
        told = market.send(session, buy(2, 100, 5))
        assert not any("executed" in line for line in told)
        assert market.engine.venue.last_trade_id == 0


# --- auctions ------------------------------------------------------------------------------------


def gathered(*orders: tuple[SessionId, m.NewOrder], reference: int = 102) -> Market:
    """An opening auction that these orders are in."""
    market = Market(reference_price_ticks=reference)
    market.send(OPS, m.SetPhase(Ref(1), EUA, m.Phase.OPENING_AUCTION))
    for session, order in orders:
        market.send(session, order)
    return market


def test_two_orders_of_one_participant_never_trade_in_an_auction_either() -> None:
    market = gathered((ALICE, buy(1, 105, 10)), (CAROL, sell(1, 100, 10)), (BOB, sell(1, 101, 4)))
    told = market.send(OPS, m.SetPhase(Ref(2), EUA, m.Phase.CONTINUOUS))
    assert [line.split(" @ ")[0] for line in told if "executed" in line] == [
        "alice 0: executed #2 auction 4",
        "bob 0: executed #4 auction 4",
    ]
    assert any("prevented #2 with #3 10" in line for line in told)


@pytest.mark.parametrize(
    ("buyers", "sellers", "reference", "price"),
    [(10, 10, 103, 103), (12, 10, 103, 105), (10, 12, 103, 100), (10, 10, 90, 100), (10, 10, 200, 105)],
    ids=["reference", "buyers press", "sellers press", "reference below", "reference above"],
)
def test_an_auction_never_settles_for_the_lowest_of_the_prices_that_tie(
    buyers: int, sellers: int, reference: int, price: int
) -> None:
    orders = ((ALICE, buy(1, 105, buyers)), (BOB, sell(1, 100, sellers)))
    market = gathered(*orders, reference=reference)
    public = market.outputs(OPS, m.SetPhase(Ref(2), EUA, m.Phase.CONTINUOUS)).public
    assert [event.price_ticks for event in public if isinstance(event, m.Traded)] == [price]


def test_an_auction_never_leaves_a_crossed_book_nor_loses_what_it_did_not_trade() -> None:
    market = gathered(
        (BOB, sell(1, 100, 5)), (BOB, sell(2, 101, 5)), (ALICE, buy(1, 103, 7)), (ALICE, buy(2, 100, 2))
    )
    told = market.send(OPS, m.SetPhase(Ref(2), EUA, m.Phase.CONTINUOUS))
    assert len({line.split(" @ ")[1].split(",")[0] for line in told if "executed" in line}) == 1, "one price"
    assert (market.bids(), market.asks()) == (["2 in 1 @ 100"], ["3 in 1 @ 101"])


# --- recovery, ends ------------------------------------------------------------------------------


def test_a_restored_book_never_trades_at_another_price_or_with_somebody_else() -> None:
    def play(restart: bool) -> list[str]:
        market = three_sellers()
        market.send(BOB, sell(4, 99, 2), replace(5, 1, 100, 11))
        market.send(ALICE, buy(1, 99, 1))
        if restart:
            market.engine = state.restore(state.snapshot(market.engine))
        return market.send(ALICE, buy(2, 100, 30))

    assert play(restart=True) == play(restart=False)


def test_every_order_has_exactly_one_end() -> None:
    """Filled, canceled by every way there is, or still open: never two of it, never none."""
    market = Market(allowed=AllowedFlag.ALL)
    ends: dict[int, int] = {}
    accepted: set[int] = set()

    def play(session: SessionId, *commands: AnyCommand) -> None:
        for chunk in market.outputs(session, *commands).streams:
            for report in chunk.reports:
                if isinstance(report, m.Accepted):
                    accepted.add(report.order_id)
                elif isinstance(report, m.Canceled) or (
                    isinstance(report, m.Executed) and not report.leaves_lots
                ):
                    ends[report.order_id] = ends.get(report.order_id, 0) + 1

    play(BOB, sell(1, 100, 5), sell(2, 101, 5), sell(3, 102, 9, display=2), sell(4, 95, 3, stop=90))
    play(ALICE, buy(1, 100, 5), buy(2, 101, 9, tif=TimeInForce.IOC), buy(3, 90, 2), buy(4, 80, 1, stop=200))
    play(BOB, cancel(5, 3), sell(6, 90, 1), reduce(7, 4, 0), sell(8, 90, 2, tif=TimeInForce.IOC))
    play(ALICE, replace(5, 4, 70, 2, stop=210), m.MassCancel(Ref(6), m.MassCancelScope.SESSION))
    play(BOB, sell(9, 300))
    play(OPS, m.SetPhase(Ref(1), EUA, m.Phase.CLOSED))
    still_open = {order.order_id for order in market.engine.accounts[m.AccountId(13)].open_orders()}
    assert set(ends.values()) == {1}
    assert accepted == ends.keys() | still_open
    assert not still_open
