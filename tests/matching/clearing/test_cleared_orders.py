"""Orders in an instrument with clearing: what they are refused for, and what is free after them."""

from msgspec import structs

from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.messages import AccountId, Ref
from carbonmatch.matching.vocabulary.clearing import ClearingRules
from tests.matching.market import (
    ALICE,
    BOB,
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

COMPANY, TRADER = AccountId(11), AccountId(13)


def market_with(company_lots: int = 0, trader_minor: int = 0, rules: ClearingRules | None = None) -> Market:
    """Alice's company has units, Bob's trader has money."""
    market = Market(clearing=ClearingRules() if rules is None else rules, allowed=m.AllowedFlag.ALL)
    clearing = clearing_of(market)
    assert clearing.cash is not None
    clearing.deposit(COMPANY, company_lots)
    clearing.cash.deposit(TRADER, trader_minor)
    return market


def clearing_of(market: Market) -> Clearing:
    clearing = market.engine.books[EUA].clearing
    assert isinstance(clearing, Clearing)
    return clearing


def free(market: Market) -> tuple[int, int]:
    """Lots of the company, money of the trader."""
    clearing = clearing_of(market)
    assert clearing.cash is not None
    return clearing.of(COMPANY).free_lots, clearing.cash.of(TRADER).free_minor


def test_units_bought_today_are_not_sold_today_and_proceeds_buy_at_once() -> None:
    market = market_with(1_000, 500 * 50)
    clearing_of(market).deposit(TRADER, 500)
    market.send(BOB, sell(1, price=10, lots=500))
    assert clearing_of(market).cash is not None
    clearing_of(market).cash.deposit(COMPANY, 500 * 10)  # type: ignore[union-attr]
    market.send(ALICE, buy(1, price=10, lots=500))
    assert market.send(ALICE, sell(2, price=50, lots=1_200)) == ["alice 2: rejected INSUFFICIENT_HOLDINGS"]
    market.send(ALICE, sell(3, price=50, lots=1_000))
    market.send(BOB, buy(2, price=50, lots=600))
    assert market.send(ALICE, buy(4, price=49, lots=612)) == ["alice 4: accepted #6 buy 612 @ 49"]


def test_an_order_without_units_or_money_is_refused() -> None:
    market = market_with(10, 100)
    assert market.send(ALICE, sell(1, price=10, lots=11)) == ["alice 1: rejected INSUFFICIENT_HOLDINGS"]
    assert market.send(BOB, buy(1, price=10, lots=11)) == ["bob 1: rejected INSUFFICIENT_CASH"]
    assert free(market) == (10, 100)


def test_what_rests_is_reserved_until_it_is_cancelled() -> None:
    market = market_with(10, 100)
    market.send(ALICE, sell(1, price=20, lots=6))
    market.send(BOB, buy(1, price=10, lots=6))
    assert free(market) == (4, 40)
    market.send(ALICE, cancel(2, 1))
    market.send(BOB, cancel(2, 1))
    assert free(market) == (10, 100)


def test_an_order_holds_what_it_needs_where_prices_are_restrained_as_well() -> None:
    """And no longer twice, or not at all, once they are, or are not, any more."""
    market = market_with(10, 100)
    restrained = definition(
        clearing=ClearingRules(),
        allowed=m.AllowedFlag.ALL,
        volatility=m.VolatilityRules(collar=m.Width(ticks=100)),
    )
    now = market.engine.books[EUA].instrument.definition
    for ref, rules in enumerate((restrained, now, restrained)):
        market.send(VENUE, m.DefineInstrument(rules))
        market.send(ALICE, sell(2 * ref + 1, price=20, lots=6))
        market.send(BOB, buy(2 * ref + 1, price=10, lots=6))
        assert free(market) == (4, 40)
        market.send(ALICE, cancel(2 * ref + 2, 2 * ref + 1))
        market.send(BOB, cancel(2 * ref + 2, 2 * ref + 1))
        assert free(market) == (10, 100)


def test_an_order_that_is_replaced_and_goes_on_to_rest_holds_what_it_needs_then() -> None:
    market = market_with(10, 100)
    market.send(ALICE, sell(1, price=20, lots=6))
    market.send(BOB, buy(1, price=10, lots=6))
    market.send(ALICE, replace(2, 1, price=21, lots=9))
    market.send(BOB, replace(2, 1, price=11, lots=9))
    assert free(market) == (1, 1)
    market.send(ALICE, replace(3, 2, price=19, lots=2))
    market.send(BOB, replace(3, 2, price=9, lots=2))
    assert free(market) == (8, 82)
    market.send(ALICE, sell(4, price=9, lots=2))
    market.send(BOB, buy(4, price=19, lots=2))
    assert free(market) == (8 - 2, 82 - 38)


def test_where_no_money_is_held_an_order_to_buy_counts_while_it_rests_and_no_longer() -> None:
    market = Market(clearing=ClearingRules(cash=False), allowed=m.AllowedFlag.ALL)
    clearing = clearing_of(market)
    clearing.deposit(COMPANY, 10)
    trader = clearing.of(TRADER)
    market.send(BOB, buy(1, price=10, lots=6))
    assert trader.buying_lots == 6
    market.send(BOB, replace(2, 1, price=11, lots=9))
    assert trader.buying_lots == 9
    market.send(BOB, cancel(3, 2))
    assert trader.buying_lots == 0
    market.send(BOB, buy(4, price=10, lots=6))
    market.send(BOB, cancel(5, 4))
    assert trader.buying_lots == 0
    market.send(ALICE, sell(1, price=10, lots=3))
    market.send(BOB, buy(6, price=10, lots=4))
    assert (trader.buying_lots, trader.total_lots) == (1, 3)


def test_an_order_that_is_listed_as_well_holds_what_it_needs_and_is_told() -> None:
    market = Market(
        clearing=ClearingRules(), allowed=m.AllowedFlag.ALL, screen=m.ScreenRules(order_list=True)
    )
    clearing = clearing_of(market)
    assert clearing.cash is not None
    clearing.deposit(COMPANY, 10)
    clearing.cash.deposit(TRADER, 100)

    def told(session: m.SessionId, *commands: m.AnyCommand) -> list[int]:
        return [one.quantity_lots for one in market.outputs(session, *commands).orders]

    assert told(BOB, buy(1, price=10, lots=9)) == [9]
    assert free(market) == (10, 10)
    assert told(BOB, reduce(2, 1, lots=8)) == [8]
    assert free(market) == (10, 20)
    assert told(ALICE, sell(1, price=10, lots=2)) == [6]
    assert free(market) == (8, 20)
    gather = m.SetPhase(m.Ref(1), EUA, m.Phase.OPENING_AUCTION)
    assert told(OPS, gather) == []
    assert told(ALICE, sell(2, price=10, lots=1)) == [1]
    assert told(OPS, m.SetPhase(m.Ref(2), EUA, m.Phase.CONTINUOUS)) == [0, 5]
    assert free(market) == (7, 20)
    assert told(BOB, cancel(3, 1)) == [0]
    assert free(market) == (7, 70)


def test_a_replacement_may_use_what_its_order_holds_and_no_more() -> None:
    market = market_with(10, 100)
    market.send(BOB, buy(1, price=10, lots=10))
    assert market.send(BOB, replace(2, 1, price=11, lots=10)) == ["bob 2: rejected INSUFFICIENT_CASH"]
    assert free(market) == (10, 0)
    market.send(BOB, replace(3, 1, price=11, lots=9))
    assert free(market) == (10, 1)


def test_a_replacement_of_an_offer_may_use_the_units_that_the_offer_holds() -> None:
    market = market_with(10, 0)
    market.send(ALICE, sell(1, price=10, lots=8))
    assert market.send(ALICE, replace(2, 1, price=11, lots=11)) == ["alice 2: rejected INSUFFICIENT_HOLDINGS"]
    assert "replaced" in market.send(ALICE, replace(3, 1, price=11, lots=10))[0]
    assert free(market)[0] == 0


def test_what_an_iceberg_hides_is_held_and_counts_for_its_replacement() -> None:
    market = market_with(10, 0)
    market.send(ALICE, sell(1, price=10, lots=8, display=2))
    assert free(market)[0] == 2
    assert market.send(ALICE, replace(2, 1, price=11, lots=11, display=2)) == [
        "alice 2: rejected INSUFFICIENT_HOLDINGS"
    ]
    assert "replaced" in market.send(ALICE, replace(3, 1, price=11, lots=10, display=2))[0]
    assert free(market)[0] == 0


def test_an_iceberg_that_has_bought_holds_money_for_what_it_shows_and_what_it_hides() -> None:
    market = market_with(10, 1_000)
    market.send(BOB, buy(1, price=10, lots=8, display=4))
    assert free(market) == (10, 920)
    market.send(ALICE, sell(1, price=10))
    assert free(market) == (9, 920)


def test_a_stop_holds_money_for_its_limit_and_its_replacement_for_the_new_one() -> None:
    market = market_with(10, 100)
    market.send(BOB, buy(1, price=10, lots=8, stop=9))
    assert free(market) == (10, 20)
    assert market.send(BOB, replace(2, 1, price=10, lots=11, stop=9)) == ["bob 2: rejected INSUFFICIENT_CASH"]
    market.send(BOB, replace(3, 1, price=10, lots=10, stop=9))
    assert free(market) == (10, 0)


def test_a_stop_without_a_limit_is_asked_again_when_it_fires() -> None:
    market = Market(
        clearing=ClearingRules(), allowed=m.AllowedFlag.ALL, market_protection_ticks=5, band_high_ticks=100
    )
    clearing = clearing_of(market)
    assert clearing.cash is not None
    clearing.deposit(COMPANY, 10)
    clearing.cash.deposit(TRADER, 60)
    market.send(BOB, buy(1, lots=4, stop=10, market=True))
    assert free(market) == (10, 20)
    market.send(ALICE, sell(1, price=10, lots=5))
    # 4 lots at the protection price of 15 are 60, but one more was bought in the meantime.
    lines = market.send(BOB, buy(2, price=10, lots=1))
    assert "bob 0: canceled #1 4 REFUSED_WHEN_FIRED" in lines
    assert free(market) == (5, 50)


def test_a_stop_that_fires_is_held_against_the_limit_of_that_time() -> None:
    market = market_with(10, 100)
    market.send(BOB, buy(1, price=10, lots=4, stop=10))
    market.send(OPS, m.SetAccountLimits(Ref(1), TRADER, EUA, 3))
    # The company trades with itself; what the trader ordered before stands until it fires.
    clearing = clearing_of(market)
    assert clearing.cash is not None
    clearing.cash.deposit(COMPANY, 10)
    assert clearing.of(TRADER).buying_lots == 4
    none = m.SelfTradePrevention.NONE
    market.send(ALICE, sell(1, price=10, lots=1, stp=none))
    lines = market.send(ALICE, buy(2, price=10, lots=1, stp=none))
    assert "bob 0: canceled #1 4 REFUSED_WHEN_FIRED" in lines
    assert (clearing.of(TRADER).buying_lots, free(market)) == (0, (9, 100))


def test_a_market_order_is_asked_for_its_protection_price() -> None:
    market = market_with(10, 100)
    market.send(ALICE, sell(1, price=10, lots=10))
    order = buy(1, price=11, lots=10, market=True, tif=m.TimeInForce.IOC)
    assert market.send(BOB, order) == ["bob 1: rejected INSUFFICIENT_CASH"]


def test_where_only_units_are_held_an_order_to_buy_counts_and_holds_no_money() -> None:
    market = Market(clearing=ClearingRules(cash=False))
    market.send(BOB, buy(1, price=10, lots=5))
    assert clearing_of(market).of(TRADER).buying_lots == 5
    assert market.send(BOB, reduce(2, 1, lots=3)) == ["bob 2: reduced #1 to 3, 3 left"]
    assert clearing_of(market).of(TRADER).buying_lots == 3
    market.send(BOB, cancel(3, 1))
    assert clearing_of(market).of(TRADER).buying_lots == 0


def test_where_only_units_are_held_what_an_amended_order_may_come_to_is_counted() -> None:
    market = Market(clearing=ClearingRules(cash=False, position_max_lots=8))
    clearing_of(market).deposit(COMPANY, 10)
    market.send(BOB, buy(1, price=10, lots=5))
    market.send(BOB, replace(2, 1, 11, 8))
    assert clearing_of(market).of(TRADER).buying_lots == 8
    assert market.send(BOB, buy(3, price=10, lots=1)) == ["bob 3: rejected POSITION_LIMIT"]
    market.send(ALICE, sell(1, price=11, lots=3))
    assert clearing_of(market).of(TRADER).buying_lots == 5
    market.send(BOB, cancel(4, 2))
    assert clearing_of(market).of(TRADER).buying_lots == 0
    assert clearing_of(market).of(TRADER).total_lots == 3


def test_who_has_traded_before_may_order_for_the_last_of_its_money_and_no_more() -> None:
    market = market_with(0, 100)
    market.send(BOB, buy(1, price=10, lots=1))
    market.send(BOB, cancel(2, 1))
    assert market.send(BOB, buy(3, price=10, lots=11)) == ["bob 3: rejected INSUFFICIENT_CASH"]
    market.send(BOB, buy(4, price=10, lots=10))
    assert free(market) == (0, 0)
    assert market.send(BOB, buy(5, price=1, lots=1)) == ["bob 5: rejected INSUFFICIENT_CASH"]


def test_money_of_another_currency_is_looked_for_once_the_instrument_trades_in_it() -> None:
    market = market_with(0, 100)
    market.send(BOB, buy(1, price=10, lots=1))
    market.send(BOB, cancel(2, 1))
    now = definition(EUA, clearing=ClearingRules(), allowed=m.AllowedFlag.ALL)
    in_yuan = structs.replace(now, currency="CNY")
    market.send(VENUE, m.DefineInstrument(in_yuan))
    assert market.send(BOB, buy(3, price=10, lots=1)) == ["bob 3: rejected INSUFFICIENT_CASH"]


def test_who_has_traded_before_may_offer_the_last_of_its_units_and_no_more() -> None:
    market = market_with(10, 0)
    assert market.send(ALICE, sell(1, price=10, lots=11)) == ["alice 1: rejected INSUFFICIENT_HOLDINGS"]
    market.send(ALICE, sell(2, price=10, lots=10))
    assert free(market) == (0, 0)
    assert market.send(ALICE, sell(3, price=10, lots=1)) == ["alice 3: rejected INSUFFICIENT_HOLDINGS"]


def test_who_has_traded_before_may_order_up_to_its_limit_and_no_more() -> None:
    market = market_with(0, 1_000, ClearingRules(position_max_lots=10))
    clearing_of(market).deposit(TRADER, 4)
    market.send(BOB, buy(1, price=10, lots=1))
    assert market.send(BOB, buy(2, price=10, lots=6)) == ["bob 2: rejected POSITION_LIMIT"]
    assert free(market) == (0, 990)
    market.send(BOB, buy(3, price=10, lots=5))
    assert free(market) == (0, 940)


def test_a_taker_with_money_for_its_limit_pays_what_the_trade_costs_and_what_is_left_of_it_holds() -> None:
    """Just enough for all of it, on either side; what does not rest holds nothing."""
    market = market_with(10, 100)
    market.send(BOB, buy(1, price=10, lots=10))
    market.send(BOB, cancel(2, 1))
    market.send(ALICE, sell(1, price=8, lots=4))
    market.send(BOB, buy(3, price=10, lots=10))
    assert free(market) == (6, 100 - 4 * 8 - 6 * 10)
    market.send(ALICE, sell(2, price=10, lots=6, tif=m.TimeInForce.IOC))
    assert free(market) == (0, 100 - 4 * 8 - 6 * 10)
    market.send(BOB, buy(4, price=8, lots=1, tif=m.TimeInForce.IOC))
    assert free(market) == (0, 8)


def test_a_restricted_account_is_as_before_once_it_is_not_restricted() -> None:
    market = market_with(10, 100)
    clearing = clearing_of(market)
    steps = [
        (m.Restriction.NO_BUYING, "accepted"),
        (m.Restriction.NO_SELLING, "rejected ACCOUNT_RESTRICTED"),
        (m.Restriction.NONE, "accepted"),
    ]
    for ref, (restriction, expected) in enumerate(steps, 1):
        clearing.restrict(COMPANY, restriction)
        clearing.check()
        assert expected in market.send(ALICE, sell(ref, price=20, lots=1))[0]
