"""Whether the two sides of a trade, and the feed, tell the same story."""

import pytest

from carbonmatch.demo.tally import Tally, Totals, percentile_ns
from carbonmatch.matching.messages import (
    AccountId,
    Executed,
    InstrumentId,
    Liquidity,
    OrderId,
    Ref,
    Side,
    TradeId,
)
from carbonmatch.ops.counters import Histogram
from carbonmatch.protocol.messages import Trade

CEA = InstrumentId(5)


def fill(side: Side, liquidity: Liquidity, price_ticks: int = 6_050, lots: int = 10) -> Executed:
    return Executed(
        seq=1,
        ref=Ref(0),
        time_ns=7,
        flags=0,
        order_id=OrderId(1),
        trade_id=TradeId(1),
        instrument_id=CEA,
        account_id=AccountId(1),
        side=side,
        price_ticks=price_ticks,
        quantity_lots=lots,
        leaves_lots=0,
        liquidity=liquidity,
    )


def trade(price_ticks: int = 6_050, lots: int = 10, aggressor: Side = Side.BUY, number: int = 1) -> Trade:
    return Trade(CEA, 1, TradeId(number), price_ticks, lots, aggressor, 7)


MAKER = fill(Side.SELL, Liquidity.MAKER)
TAKER = fill(Side.BUY, Liquidity.TAKER)


def test_two_fills_and_a_public_trade_agree() -> None:
    tally = Tally()
    tally.fill(MAKER)
    tally.trade(trade())
    tally.fill(TAKER)
    assert (tally.half_fills(), tally.disagreements(), tally.doubled_trades) == (0, 0, 0)
    assert tally.totals[CEA] == Totals(1, 10, 60_500, 6_050, 6_050, 6_050)


@pytest.mark.parametrize(
    "fills",
    [
        [MAKER],
        [TAKER, TAKER],
        [MAKER, TAKER, MAKER],
        [MAKER, fill(Side.BUY, Liquidity.TAKER, price_ticks=6_051)],
        [MAKER, fill(Side.BUY, Liquidity.TAKER, lots=11)],
    ],
)
def test_fills_that_do_not_make_one_trade_are_seen(fills: list[Executed]) -> None:
    tally = Tally()
    for one in fills:
        tally.fill(one)
    assert tally.half_fills() == 1


@pytest.mark.parametrize(
    "public",
    [
        trade(price_ticks=6_051),
        trade(lots=11),
        trade(aggressor=Side.SELL),
    ],
)
def test_a_public_trade_that_differs_from_its_fills_is_seen(public: Trade) -> None:
    tally = Tally()
    tally.fill(MAKER)
    tally.fill(TAKER)
    tally.trade(public)
    assert tally.disagreements() == 1


def test_a_trade_that_only_one_side_has_is_seen() -> None:
    tally = Tally()
    tally.fill(MAKER)
    tally.fill(TAKER)
    tally.trade(trade(number=2))
    assert tally.disagreements() == 2


def test_a_trade_published_twice_is_seen() -> None:
    tally = Tally()
    tally.trade(trade())
    tally.trade(trade())
    assert tally.doubled_trades == 1
    assert tally.totals[CEA].trades == 1


def test_percentiles_are_never_lower_than_what_was_measured() -> None:
    histogram = Histogram()
    for value in range(1, 1_001):
        histogram.record(value)
    for fraction in (0.5, 0.99, 0.999):
        found = percentile_ns(histogram.counts, fraction)
        assert fraction * 1_000 <= found <= 1.125 * fraction * 1_000
    assert percentile_ns([], 0.5) == 0
