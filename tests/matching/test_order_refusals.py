"""The table of refusals in proto/ORDERS.md: each row, and that the first one that fits is told."""

from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest

from carbonmatch.matching import checks, engine
from carbonmatch.matching.messages import (
    AccountId,
    AllowedFlag,
    InstrumentId,
    NewOrderLong,
    OrderFlag,
    OrderType,
    Phase,
    Ref,
    SelfTradeFlag,
    SelfTradePrevention,
    SelfTradeRules,
    SetPhase,
    Side,
    TimeInForce,
    VolatilityRules,
    Width,
)
from tests.matching.market import ALICE, BOB, EUA, OPS, Market, sell

PAGE: Final = Path(__file__).parents[2] / "proto" / "ORDERS.md"
# Alice asks 20 at 1,000; nobody bids. A band of 900 to 1,100, and a collar of 5 ticks.
RULES: Final[dict[str, Any]] = {
    "price_increment_ticks": 5,
    "quantity_increment_lots": 5,
    "quantity_min_lots": 10,
    "quantity_max_lots": 100,
    "band_low_ticks": 900,
    "band_high_ticks": 1_100,
    "allowed": AllowedFlag.ALL & ~AllowedFlag.STOP_LIMIT & ~AllowedFlag.AT_CLOSE,
    "self_trade": SelfTradeRules(allowed=SelfTradeFlag.ALL & ~SelfTradeFlag.DECREMENT),
    "volatility": VolatilityRules(collar=Width(ticks=5)),
}
RIGHT: Final[dict[str, Any]] = {
    "ref": Ref(1),
    "instrument_id": EUA,
    "side": Side.BUY,
    "quantity_lots": 20,
    "price_ticks": 1_000,
    "account_id": AccountId(13),
}
# By reason, what makes the order wrong: in the order of the page.
WRONG: Final[dict[str, dict[str, Any]]] = {
    "UNKNOWN_ACCOUNT": {"account_id": AccountId(11)},
    "UNKNOWN_INSTRUMENT": {"instrument_id": InstrumentId(3)},
    "HALTED": {},
    "INCOMPATIBLE_INSTRUCTIONS": {"flags": OrderFlag.POST_ONLY, "time_in_force": TimeInForce.IOC},
    "ORDER_TYPE_NOT_ALLOWED": {"order_type": OrderType.STOP_LIMIT},
    "TIME_IN_FORCE_NOT_ALLOWED": {"time_in_force": TimeInForce.AT_CLOSE},
    "SELF_TRADE_PREVENTION_NOT_ALLOWED": {"self_trade_prevention": SelfTradePrevention.DECREMENT},
    "NOT_IN_THIS_PHASE": {"time_in_force": TimeInForce.AT_OPEN},
    "INVALID_QUANTITY": {"quantity_lots": 0},
    "QUANTITY_INCREMENT": {"quantity_lots": 21},
    "BELOW_MINIMUM": {"quantity_lots": 5},
    "ABOVE_MAXIMUM": {"quantity_lots": 105},
    "INVALID_DISPLAY": {"display_lots": 3},
    "INVALID_MINIMUM": {"minimum_lots": 1_000},
    "INVALID_PRICE": {"price_ticks": 2_000_000_000},
    "PRICE_INCREMENT": {"price_ticks": 1_001},
    "OUTSIDE_BAND": {"price_ticks": 1_105},
    "INVALID_STOP_PRICE": {"stop_price_ticks": 1_000},
    "INVALID_EXPIRY": {"time_in_force": TimeInForce.GTD, "expires_ns": 1},
    "NO_PROTECTION_PRICE": {"order_type": OrderType.MARKET, "price_ticks": 0},
    "NO_LIQUIDITY": {"order_type": OrderType.MARKET, "side": Side.SELL},
    "OPEN_ORDER_LIMIT": {},
    "OUTSIDE_COLLAR": {"price_ticks": 1_010},
    "POST_ONLY_WOULD_TRADE": {"flags": OrderFlag.POST_ONLY},
    "CANNOT_FILL": {"time_in_force": TimeInForce.FOK, "quantity_lots": 100},
    "MINIMUM_NOT_MET": {"minimum_lots": 50, "quantity_lots": 60},
}
# What the market is in, and not the order.
OF_THE_MARKET: Final = ("HALTED", "NO_PROTECTION_PRICE", "OPEN_ORDER_LIMIT")


def rows() -> list[str]:
    """The first reason of each row, but for what an account has, which is a page of its own."""
    section = PAGE.read_text().partition("\n## What a new order is refused for\n")[2].partition("\n## ")[0]
    table = [row.split("|")[2].split() for row in section.splitlines() if row.startswith("| ")]
    return [words[0].strip(",") for words in table[1:] if words[0] != "INSUFFICIENT_HOLDINGS,"]


def told(market: Market, wrong: dict[str, Any]) -> str:
    return market.send(BOB, NewOrderLong(**RIGHT | wrong))[0]


def market(reason: str = "") -> Market:
    rules = dict(RULES)
    if reason == "NO_PROTECTION_PRICE":
        del rules["band_low_ticks"], rules["band_high_ticks"]
    made = Market(**rules)
    made.send(ALICE, sell(1, price=1_000, lots=20))
    if reason == "HALTED":
        made.send(OPS, SetPhase(Ref(1), EUA, Phase.HALTED))
    return made


def test_the_page_has_each_reason_in_its_place() -> None:
    assert rows() == list(WRONG)


def test_an_order_that_is_right_is_taken() -> None:
    assert told(market(), {}).startswith("bob 1: accepted")


@pytest.mark.parametrize("reason", WRONG)
def test_an_order_that_is_wrong_in_one_way_is_refused_for_it(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason == "OPEN_ORDER_LIMIT":
        for module in (engine, checks):
            monkeypatch.setattr(module, "SESSION_OPEN_ORDERS_MAX", 0)
    assert told(market(reason), WRONG[reason]) == f"bob 1: rejected {reason}"


def test_an_order_that_is_wrong_in_two_ways_is_refused_for_none_that_comes_later() -> None:
    places = {reason: place for place, reason in enumerate(WRONG)}
    of_the_order = [reason for reason in WRONG if reason not in OF_THE_MARKET]
    for first, second in combinations(of_the_order, 2):
        if not WRONG[first].keys() & WRONG[second].keys():
            answer = told(market(), WRONG[second] | WRONG[first]).rpartition(" ")[2]
            assert places[answer] <= places[first], f"{first} and {second}: {answer}"
