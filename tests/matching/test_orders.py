"""How an order enters: every rule of entry with its reason, protection of market orders, cancels."""

from typing import Any

import pytest

from carbonmatch.limits import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
from carbonmatch.matching import checks, engine
from carbonmatch.matching.messages import AnyCommand, Side, TimeInForce
from tests.matching.market import ALICE, BOB, CAROL, CEA, OPS, Market, buy, cancel, sell

DAY, GTC, IOC, FOK = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


def refusals(market: Market, command: AnyCommand) -> list[str]:
    """What Bob is told, and nothing may have moved."""
    before = (market.bids(), market.asks(), market.engine.venue.open_order_count)
    told = market.send(BOB, command)
    assert (market.bids(), market.asks(), market.engine.venue.open_order_count) == before
    return told


# --- one rule after the other ----------------------------------------------------------------------


def test_the_first_account_of_the_session_is_its_default() -> None:
    market = Market()
    [chunk] = market.outputs(CAROL, buy(1, price=100), buy(2, price=100, account=12)).streams
    assert [report.account_id for report in chunk.reports] == [11, 12]  # type: ignore[union-attr]


@pytest.mark.parametrize("account", [11, 99])
def test_an_account_that_is_foreign_or_does_not_exist_is_unknown(account: int) -> None:
    assert refusals(Market(), buy(1, price=100, account=account)) == ["bob 1: rejected UNKNOWN_ACCOUNT"]


def test_a_session_without_accounts_cannot_trade() -> None:
    assert Market().send(OPS, buy(1, price=100)) == ["ops 1: rejected UNKNOWN_ACCOUNT"]


def test_an_instrument_that_does_not_exist_is_unknown() -> None:
    assert refusals(Market(), buy(1, price=100, instrument=3)) == ["bob 1: rejected UNKNOWN_INSTRUMENT"]


SIZES: dict[str, Any] = {"quantity_increment_lots": 5, "quantity_min_lots": 10, "quantity_max_lots": 100}


@pytest.mark.parametrize(
    ("lots", "answer"),
    [
        (0, "rejected INVALID_QUANTITY"),
        (QUANTITY_LOTS_MAX + 1, "rejected INVALID_QUANTITY"),
        (11, "rejected QUANTITY_INCREMENT"),
        (5, "rejected BELOW_MINIMUM"),
        (105, "rejected ABOVE_MAXIMUM"),
        (10, "accepted #1 buy 10 @ 100"),
        (100, "accepted #1 buy 100 @ 100"),
    ],
)
def test_a_quantity_is_positive_on_its_increment_and_within_its_bounds(lots: int, answer: str) -> None:
    assert Market(**SIZES).send(BOB, buy(1, price=100, lots=lots)) == [f"bob 1: {answer}"]


PRICES: dict[str, Any] = {"price_increment_ticks": 5, "band_low_ticks": 90, "band_high_ticks": 110}


@pytest.mark.parametrize(
    ("price", "answer"),
    [
        (0, "rejected INVALID_PRICE"),
        (PRICE_TICKS_MAX + 1, "rejected INVALID_PRICE"),
        (101, "rejected PRICE_INCREMENT"),
        (85, "rejected OUTSIDE_BAND"),
        (115, "rejected OUTSIDE_BAND"),
        (90, "accepted #1 sell 1 @ 90"),
        (110, "accepted #1 sell 1 @ 110"),
    ],
)
def test_a_price_is_positive_on_its_increment_and_within_the_band(price: int, answer: str) -> None:
    assert Market(**PRICES).send(BOB, sell(1, price=price)) == [f"bob 1: {answer}"]


def test_without_a_band_any_price_that_can_be_counted_is_admitted() -> None:
    market = Market()
    assert market.send(BOB, buy(1, price=1), buy(2, price=PRICE_TICKS_MAX, lots=QUANTITY_LOTS_MAX)) == [
        "bob 1: accepted #1 buy 1 @ 1",
        "bob 2: accepted #2 buy 1000000000 @ 1000000000",
    ]


@pytest.mark.parametrize(
    "instructions",
    [
        {"post_only": True, "tif": IOC},
        {"post_only": True, "tif": FOK},
        {"post_only": True, "market": True},
        {"flags": 4},
        {"flags": 2**53 - 1},
    ],
)
def test_instructions_that_do_not_go_together_are_refused(instructions: dict[str, Any]) -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100))
    assert refusals(market, buy(1, price=100, **instructions)) == [
        "bob 1: rejected INCOMPATIBLE_INSTRUCTIONS"
    ]


def test_the_reason_is_the_first_rule_that_fails() -> None:
    """Each step mends the first fault, which uncovers the next."""
    market = Market(**SIZES, **PRICES)
    market.send(ALICE, sell(1, price=100, lots=10))
    steps: list[tuple[dict[str, Any], str]] = [
        ({"account": 99}, "UNKNOWN_ACCOUNT"),
        ({"account": 0}, "UNKNOWN_INSTRUMENT"),
        ({"instrument": 1}, "INCOMPATIBLE_INSTRUCTIONS"),
        ({"flags": 1}, "INVALID_QUANTITY"),
        ({"lots": 3}, "QUANTITY_INCREMENT"),
        ({"lots": 5}, "BELOW_MINIMUM"),
        ({"lots": 10}, "INVALID_PRICE"),
        ({"price": 111}, "PRICE_INCREMENT"),
        ({"price": 115}, "OUTSIDE_BAND"),
        ({"price": 105}, "POST_ONLY_WOULD_TRADE"),
    ]
    order: dict[str, Any] = {"instrument": 3, "flags": 5, "lots": 0, "price": 0}
    for ref, (change, reason) in enumerate(steps, 1):
        order |= change
        assert refusals(market, buy(ref, **order)) == [f"bob {ref}: rejected {reason}"]


def test_a_refused_command_uses_up_its_ref() -> None:
    market = Market()
    market.send(BOB, buy(5, price=0))
    assert market.engine.sessions[BOB].last_ref == 5


# --- post-only --------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", [100, 101])
def test_a_post_only_order_that_would_trade_is_refused(price: int) -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100))
    assert refusals(market, buy(1, price=price, post_only=True)) == ["bob 1: rejected POST_ONLY_WOULD_TRADE"]


def test_a_post_only_order_that_would_not_trade_rests() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100))
    market.send(BOB, buy(1, price=99, post_only=True))
    assert market.bids() == ["1 in 1 @ 99"]


# --- market orders ----------------------------------------------------------------------------------


@pytest.mark.parametrize("tif", [DAY, GTC, IOC])
def test_a_market_order_trades_up_to_its_own_protection_price_and_never_rests(tif: TimeInForce) -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=1), sell(2, price=101, lots=1), sell(3, price=102, lots=1))
    assert market.send(BOB, buy(1, price=101, lots=5, market=True, tif=tif))[:4] == [
        "bob 1: accepted #4 buy 5 @ 101",
        "bob 1: executed #4 taker 1 @ 100, 4 left",
        "bob 1: executed #4 taker 1 @ 101, 3 left",
        "bob 1: canceled #4 3 MARKET_REMAINDER",
    ]
    assert (market.bids(), market.asks()) == ([], ["1 in 1 @ 102"])


def test_a_market_buy_is_protected_by_the_distance_from_the_best_offer() -> None:
    market = Market(market_protection_ticks=2)
    market.send(ALICE, *(sell(ref, price=99 + ref) for ref in (1, 2, 3, 4)))
    assert market.send(BOB, buy(1, lots=9, market=True))[0] == "bob 1: accepted #5 buy 9 @ 102"
    assert market.asks() == ["1 in 1 @ 103"]


def test_a_market_sell_is_protected_by_the_distance_from_the_best_bid() -> None:
    market = Market(market_protection_ticks=2)
    market.send(ALICE, *(buy(ref, price=101 - ref) for ref in (1, 2, 3, 4)))
    assert market.send(BOB, sell(1, lots=9, market=True))[0] == "bob 1: accepted #5 sell 9 @ 98"
    assert market.bids() == ["1 in 1 @ 97"]


@pytest.mark.parametrize(
    ("side", "resting", "protection"), [(Side.BUY, 109, 110), (Side.SELL, 91, 90)], ids=["buy", "sell"]
)
def test_the_distance_ends_at_the_band(side: Side, resting: int, protection: int) -> None:
    market = Market(market_protection_ticks=5, band_low_ticks=90, band_high_ticks=110)
    order, other = (buy, sell) if side is Side.BUY else (sell, buy)
    market.send(ALICE, other(1, price=resting))
    told = market.send(BOB, order(1, lots=1, market=True))
    assert told[0] == f"bob 1: accepted #2 {side.name.lower()} 1 @ {protection}"


def test_without_a_distance_the_band_protects() -> None:
    market = Market(band_low_ticks=90, band_high_ticks=110)
    market.send(ALICE, sell(1, price=108), buy(2, price=95))
    assert market.send(BOB, buy(1, market=True))[0] == "bob 1: accepted #3 buy 1 @ 110"
    assert market.send(BOB, sell(2, market=True))[0] == "bob 2: accepted #4 sell 1 @ 90"


@pytest.mark.parametrize("post_only", [False, True], ids=["plain", "judged rule by rule"])
def test_every_bound_belongs_to_what_it_admits(post_only: bool) -> None:
    unbounded = Market(quantity_max_lots=10**9)
    for ref, (lots, price) in enumerate([(1, 1), (10**9, 10**9)], 1):
        order = buy(ref, lots=lots, price=price, post_only=post_only)
        assert unbounded.send(BOB, order)[0].startswith(f"bob {ref}: accepted")
    bounded = Market(quantity_min_lots=5, quantity_max_lots=5, band_low_ticks=7, band_high_ticks=10**9)
    for ref, price in enumerate([7, 10**9], 1):
        order = buy(ref, lots=5, price=price, post_only=post_only)
        assert bounded.send(BOB, order)[0].startswith(f"bob {ref}: accepted")


def test_a_definition_may_reach_every_bound() -> None:
    market = Market(
        reference_price_ticks=10**9,
        band_low_ticks=10**9,
        band_high_ticks=10**9,
        market_protection_ticks=10**9,
    )
    assert market.send(BOB, buy(1, price=10**9))[0] == "bob 1: accepted #1 buy 1 @ 1000000000"


def test_a_market_order_that_nothing_protects_is_refused() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100))
    assert refusals(market, buy(1, market=True)) == ["bob 1: rejected NO_PROTECTION_PRICE"]


def test_a_band_protects_a_market_order_whatever_its_prices() -> None:
    market = Market(band_low_ticks=0, band_high_ticks=1)
    market.send(ALICE, sell(1, price=1))
    assert market.send(BOB, buy(1, market=True))[0] == "bob 1: accepted #2 buy 1 @ 1"


def test_a_market_order_without_anything_opposite_is_refused() -> None:
    market = Market(market_protection_ticks=2)
    market.send(ALICE, buy(1, price=100))
    assert refusals(market, buy(1, market=True)) == ["bob 1: rejected NO_LIQUIDITY"]
    assert refusals(market, buy(2, price=200, market=True)) == ["bob 2: rejected NO_LIQUIDITY"]


def test_the_protection_price_of_a_market_order_is_checked_as_a_price() -> None:
    market = Market(**PRICES)
    market.send(ALICE, sell(1, price=100))
    assert refusals(market, buy(1, price=101, market=True)) == ["bob 1: rejected PRICE_INCREMENT"]
    assert refusals(market, buy(2, price=115, market=True)) == ["bob 2: rejected OUTSIDE_BAND"]


def test_a_market_order_that_must_fill_or_be_killed() -> None:
    market = Market(market_protection_ticks=1)
    market.send(ALICE, sell(1, price=100), sell(2, price=102))
    assert refusals(market, buy(1, lots=2, market=True, tif=FOK)) == ["bob 1: rejected CANNOT_FILL"]
    assert market.send(BOB, buy(2, price=102, lots=2, market=True, tif=FOK))[0].startswith("bob 2: accepted")


# --- bounds -----------------------------------------------------------------------------------------


def test_a_session_may_have_so_many_open_orders_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (engine, checks):
        monkeypatch.setattr(module, "SESSION_OPEN_ORDERS_MAX", 2)
    market = Market()
    market.send(ALICE, sell(1, price=101))
    assert market.send(BOB, buy(1, price=100), buy(2, price=100), buy(3, price=100))[2] == (
        "bob 3: rejected OPEN_ORDER_LIMIT"
    )
    # What cannot rest needs no room, and a cancel makes some.
    assert market.send(BOB, buy(4, price=100, tif=IOC))[0] == "bob 4: accepted #5 buy 1 @ 100"
    assert market.send(BOB, buy(5, price=101, market=True))[0] == "bob 5: accepted #6 buy 1 @ 101"
    assert market.send(BOB, cancel(6, 1), buy(7, price=100))[1] == "bob 7: accepted #8 buy 1 @ 100"


def test_the_venue_may_have_so_many_open_orders_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (engine, checks):
        monkeypatch.setattr(module, "VENUE_OPEN_ORDERS_MAX", 2)
    market = Market()
    market.send(ALICE, buy(1, price=100), buy(2, price=100, instrument=CEA))
    assert refusals(market, buy(1, price=100)) == ["bob 1: rejected OPEN_ORDER_LIMIT"]


# --- cancels ----------------------------------------------------------------------------------------


def test_an_order_is_named_by_its_ref_in_its_own_session_only() -> None:
    market = Market()
    market.send(ALICE, buy(7, price=100))
    assert market.send(CAROL, cancel(8, order_ref=7)) == ["carol 8: rejected UNKNOWN_ORDER"]
    assert market.send(ALICE, cancel(8, order_ref=7)) == ["alice 8: canceled #1 1 REQUESTED"]


def test_another_session_of_the_account_cancels_by_id_and_the_owner_is_told() -> None:
    market = Market()
    market.send(ALICE, buy(7, price=100, lots=3))
    assert market.send(CAROL, cancel(1, order_id=market.order_id(1))) == [
        "carol 1: canceled #1 3 REQUESTED",
        "alice 0: canceled #1 3 REQUESTED_BY_OTHER_SESSION",
    ]


def test_the_owner_itself_may_cancel_by_id_and_hears_of_it_once() -> None:
    market = Market()
    market.send(ALICE, buy(7, price=100, lots=3))
    assert market.send(ALICE, cancel(8, order_id=market.order_id(1))) == ["alice 8: canceled #1 3 REQUESTED"]


def test_a_foreign_order_and_one_that_never_was_get_the_same_answer() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=100))
    assert refusals(market, cancel(1, order_id=market.order_id(1))) == ["bob 1: rejected UNKNOWN_ORDER"]
    assert refusals(market, cancel(2, order_id=999)) == ["bob 2: rejected UNKNOWN_ORDER"]
    assert refusals(market, cancel(3, order_ref=1)) == ["bob 3: rejected UNKNOWN_ORDER"]


def test_exactly_one_name_must_be_given() -> None:
    market = Market()
    market.send(BOB, buy(1, price=100))
    both = cancel(2, order_ref=1, order_id=market.order_id(1))
    assert refusals(market, both) == ["bob 2: rejected INCOMPATIBLE_INSTRUCTIONS"]
    assert refusals(market, cancel(3)) == ["bob 3: rejected INCOMPATIBLE_INSTRUCTIONS"]
