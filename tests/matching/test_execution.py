"""A trade outside of the matching loop: what both sides, everyone and clearing are told of it."""

from typing import Any

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.execution import Part, report_trade
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.messages import AccountId, Liquidity, OrderId, Ref, Side, TradeId, TradeKind
from tests.matching.market import ALICE, BOB, EUA, Market


class Ledger:
    """Notes what it is asked to settle."""

    def __init__(self) -> None:
        self.settled: list[tuple[Any, ...]] = []

    def settle(self, *trade: Any) -> None:
        self.settled.append(trade)


TAKER, MAKER = Liquidity.TAKER, Liquidity.MAKER


def trade(market: Market, kind: TradeKind = TradeKind.BLOCK, aggressor: Side = Side.BUY) -> TradeId:
    """Alice has bought 7 lots of Bob at 50; Bob has 3 left."""
    venue = market.engine.venue
    buyer = Part(venue.sessions[ALICE], venue.accounts[AccountId(11)], OrderId(5), Ref(9), 0, TAKER)
    seller = Part(venue.sessions[BOB], venue.accounts[AccountId(13)], OrderId(4), m.NO_REF, 3, MAKER)
    return report_trade(venue, venue.books[EUA], buyer, seller, 50, 7, kind, aggressor)


@pytest.mark.parametrize("aggressor", Side)
def test_both_sides_and_everyone_are_told_of_the_same_trade_the_aggressor_first(aggressor: Side) -> None:
    market = Market()
    assert [trade(market, aggressor=aggressor) for _ in range(2)] == [1, 2]
    outputs = market.engine.take_outputs()
    time_ns = market.time_ns
    bought = m.Executed(
        1, Ref(9), time_ns, 0, OrderId(5), TradeId(1), EUA, AccountId(11), Side.BUY, 50, 7, 0, TAKER
    )
    sold = m.Executed(
        1,
        m.NO_REF,
        time_ns,
        0,
        OrderId(4),
        TradeId(1),
        EUA,
        AccountId(13),
        Side.SELL,
        50,
        7,
        3,
        Liquidity.MAKER,
    )
    expected = [(ALICE, bought), (BOB, sold)]
    if aggressor is Side.SELL:
        expected.reverse()
    assert [(chunk.session_id, chunk.reports[0]) for chunk in outputs.streams] == expected
    assert outputs.public[0] == m.Traded(EUA, time_ns, TradeId(1), 50, 7, aggressor, TradeKind.BLOCK)
    check_batch(market.engine.books, outputs)


@pytest.mark.parametrize("kind", TradeKind)
def test_only_a_trade_of_the_screen_sets_the_last_price(kind: TradeKind) -> None:
    market = Market()
    trade(market, kind)
    is_screen = kind in (TradeKind.CONTINUOUS, TradeKind.AUCTION, TradeKind.LISTED)
    assert market.engine.books[EUA].last_price_ticks == (50 if is_screen else 0)


def test_clearing_settles_each_trade_where_there_is_clearing() -> None:
    market = Market()
    ledger = Ledger()
    market.engine.books[EUA].clearing = ledger  # type: ignore[assignment]
    trade(market)
    ((buyer, seller, *of_trade),) = ledger.settled
    assert (buyer.account_id, seller.account_id) == (11, 13)
    assert of_trade == [7, 50, TradeKind.BLOCK]
