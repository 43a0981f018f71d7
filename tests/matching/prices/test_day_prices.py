"""Open and close of a day by the rules of markets: their examples, and chance against fractions."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.matching.messages import (
    AuctionEnded,
    AuctionRule,
    CloseRule,
    InstrumentId,
    OpenRule,
    Phase,
    PriceRounding,
    PriceRules,
    Side,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
    TradeKind,
)
from carbonmatch.matching.prices import day_prices
from carbonmatch.matching.prices.day_prices import DayPrices

CEA = InstrumentId(1)
REFERENCE = 48_00


def traded(trade_id: int, lots: int, price_ticks: int, kind: TradeKind = TradeKind.LISTED) -> Traded:
    return Traded(CEA, 1, TradeId(trade_id), price_ticks, lots, Side.BUY, kind)


def busted(trade_id: int) -> TradeBusted:
    return TradeBusted(CEA, 1, TradeId(trade_id), 0, 0)


def corrected(trade_id: int, lots: int, price_ticks: int) -> TradeCorrected:
    return TradeCorrected(CEA, 1, TradeId(trade_id), price_ticks, lots, 0, 0)


def ended(phase: Phase, price_ticks: int) -> AuctionEnded:
    return AuctionEnded(CEA, 1, phase, price_ticks, 1, 0, 0, AuctionRule.VOLUME, 0)


def day(*trades: tuple[int, int], increment: int = 1, **rules: object) -> DayPrices:
    """Trades as lots and price, in their order."""
    prices = DayPrices(PriceRules(**rules), increment)  # type: ignore[arg-type]
    for trade_id, (lots, price_ticks) in enumerate(trades, 1):
        prices.trade(traded(trade_id, lots, price_ticks))
    prices.check()
    return prices


def open_and_close(prices: DayPrices) -> tuple[int, int]:
    return prices.open_ticks(REFERENCE), prices.close_ticks(REFERENCE)


# --- examples of rules ---------------------------------------------------------------------------


def test_the_national_close_is_the_average_of_listed_trades_and_no_block_counts() -> None:
    prices = day((100, 50_00), (300, 52_00))
    prices.trade(traded(3, 200_000, 40_00, TradeKind.BLOCK))
    assert open_and_close(prices) == (50_00, 51_50)
    assert prices.open_high_low == (50_00, 52_00, 50_00)


def test_without_a_trade_open_and_close_are_the_previous_close() -> None:
    prices = day()
    prices.trade(traded(1, 200_000, 40_00, TradeKind.BLOCK))
    prices.trade(traded(2, 5, 41_00, TradeKind.BIDDING))
    assert open_and_close(prices) == (REFERENCE, REFERENCE)
    assert prices.open_high_low == (0, 0, 0)


def test_the_close_of_hubei_is_the_average_of_the_last_five_trades() -> None:
    rules = {"open": OpenRule.FIRST_TRADE, "close": CloseRule.VWAP_LAST_N, "n_trades": 5}
    trades = [(10_000, 90_00), (100, 24_00), (100, 24_50), (200, 25_00), (100, 26_00), (500, 25_10)]
    # 240,000 + 245,000 + 500,000 + 260,000 + 1,255,000 over 1,000 lots.
    assert open_and_close(day(*trades, **rules)) == (90_00, 25_00)
    # All of them where there are fewer.
    assert open_and_close(day(*trades[1:3], **rules)) == (24_00, 24_25)
    assert open_and_close(day(**rules)) == (0, REFERENCE)


def test_the_close_of_guangdong_is_the_open_where_next_to_nothing_was_clicked() -> None:
    rules = {"open": OpenRule.REFERENCE, "close_quantity_min_lots": 101}
    assert open_and_close(day((50, 50_00), (50, 52_00), **rules)) == (REFERENCE, REFERENCE)
    assert open_and_close(day((51, 50_00), (50, 52_00), **rules)) == (REFERENCE, 50_99)


def test_the_last_trade_may_be_the_close() -> None:
    assert day((1, 50_00), (1, 52_00), close=CloseRule.LAST).close_ticks(REFERENCE) == 52_00
    assert day(close=CloseRule.LAST).close_ticks(REFERENCE) == REFERENCE


def test_operators_may_set_the_close_whatever_trades() -> None:
    assert day((1, 50_00), close=CloseRule.REFERENCE).close_ticks(REFERENCE) == REFERENCE


# --- auctions ------------------------------------------------------------------------------------

AUCTIONS = {"open": OpenRule.OPENING_AUCTION, "close": CloseRule.CLOSING_AUCTION}


def auction(prices: DayPrices, phase: Phase, price_ticks: int, *trade_ids: int) -> None:
    for trade_id in trade_ids:
        prices.trade(traded(trade_id, 10, price_ticks, TradeKind.AUCTION))
    prices.end_auction(ended(phase, price_ticks if trade_ids else 0))
    prices.check()


def a_day_of_auctions() -> DayPrices:
    prices = day(**AUCTIONS)
    auction(prices, Phase.OPENING_AUCTION, 100, 1, 2)
    prices.trade(traded(3, 10, 110, TradeKind.CONTINUOUS))
    auction(prices, Phase.VOLATILITY_AUCTION, 120, 4)
    auction(prices, Phase.OPENING_AUCTION, 130, 5)
    auction(prices, Phase.CLOSING_AUCTION, 140, 6)
    prices.trade(traded(7, 10, 150, TradeKind.CONTINUOUS))
    return prices


def test_the_first_opening_and_the_last_closing_auction_that_traded_count() -> None:
    prices = a_day_of_auctions()
    assert open_and_close(prices) == (100, 140)
    auction(prices, Phase.CLOSING_AUCTION, 160, 8)
    prices.trade(traded(9, 10, 170, TradeKind.CONTINUOUS))
    auction(prices, Phase.CLOSING_AUCTION, 0)
    assert open_and_close(prices) == (100, 160)


def test_an_auction_counts_as_long_as_one_of_its_trades_stands() -> None:
    prices = a_day_of_auctions()
    prices.amend(busted(1))
    prices.amend(corrected(2, 9, 99))
    assert prices.open_ticks(REFERENCE) == 100
    prices.amend(busted(2))
    prices.amend(busted(6))
    prices.check()
    assert open_and_close(prices) == (110, 150)


def test_a_trade_may_be_busted_before_its_auction_is_over() -> None:
    prices = day(**AUCTIONS)
    prices.trade(traded(1, 10, 100, TradeKind.AUCTION))
    prices.amend(busted(1))
    prices.end_auction(ended(Phase.OPENING_AUCTION, 100))
    prices.trade(traded(2, 10, 90, TradeKind.CONTINUOUS))
    assert open_and_close(prices) == (90, 90)


def test_without_auctions_that_trade_first_and_last_trade_count_or_else_the_reference() -> None:
    assert open_and_close(day((1, 50), (1, 60), **AUCTIONS)) == (50, 60)
    assert open_and_close(day(**AUCTIONS)) == (REFERENCE, REFERENCE)


# --- rounding, days, and what is forgotten --------------------------------------------------------


@pytest.mark.parametrize(
    ("rounding", "close"),
    [(PriceRounding.HALF_UP, 51), (PriceRounding.DOWN, 50), (PriceRounding.UP, 51)],
)
def test_an_average_is_rounded_as_the_rules_say(rounding: PriceRounding, close: int) -> None:
    assert day((1, 50), (1, 51), close_rounding=rounding).close_ticks(0) == close


def test_an_average_ends_on_the_price_increment() -> None:
    assert day((1, 50), (1, 54), increment=5).close_ticks(0) == 50
    assert day((1, 1), increment=5, close_rounding=PriceRounding.DOWN).close_ticks(0) == 5


def test_trades_of_the_day_before_count_no_more_and_days_without_any_are_counted() -> None:
    prices = day((100, 50_00))
    prices.begin_day()
    prices.amend(busted(1))
    assert (open_and_close(prices), prices.days_without_trade) == ((REFERENCE, REFERENCE), 0)
    prices.begin_day()
    prices.begin_day()
    assert prices.days_without_trade == 2
    prices.trade(traded(9, 1, 50_00))
    prices.begin_day()
    assert prices.days_without_trade == 0


def test_of_very_many_trades_the_oldest_are_kept_as_what_they_came_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(day_prices, "PRICED_TRADES_MAX", 4)
    prices = day(*((1, price) for price in (50, 90, 10, 60, 70, 40, 80)))
    assert len(prices.ids) <= 4
    assert prices.open_high_low == (50, 90, 10)
    assert prices.close_ticks(0) == 57  # 400 / 7
    prices.amend(busted(1))
    assert prices.open_high_low == (50, 90, 10)
    prices.amend(busted(7))
    assert prices.close_ticks(0) == 53  # 320 / 6


@pytest.mark.parametrize(
    ("rule", "close"), [(CloseRule.VWAP_DAY, 53), (CloseRule.VWAP_LAST_N, 60), (CloseRule.LAST, 60)]
)
def test_where_all_trades_that_were_kept_are_busted_the_forgotten_ones_count(
    monkeypatch: pytest.MonkeyPatch, rule: CloseRule, close: int
) -> None:
    monkeypatch.setattr(day_prices, "PRICED_TRADES_MAX", 4)
    trades = ((1, price) for price in (50, 90, 10, 60, 70, 40, 80))
    prices = day(*trades, close=rule, n_trades=2)
    for trade_id in prices.ids[:]:
        prices.amend(busted(trade_id))
    assert prices.open_high_low == (50, 90, 10)
    assert prices.close_ticks(0) == close


# --- chance --------------------------------------------------------------------------------------

KINDS = st.sampled_from(list(TradeKind))
TRADES = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 2_000), KINDS), max_size=12)
AMENDMENTS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 50), st.integers(1, 2_000)), max_size=6)
RULES = st.builds(
    PriceRules,
    open=st.sampled_from([OpenRule.FIRST_TRADE_OR_REFERENCE, OpenRule.REFERENCE, OpenRule.FIRST_TRADE]),
    close=st.sampled_from([CloseRule.VWAP_DAY, CloseRule.VWAP_LAST_N, CloseRule.LAST]),
    n_trades=st.integers(1, 6),
    close_quantity_min_lots=st.integers(0, 100),
    close_rounding=st.sampled_from(PriceRounding),
)


def reference_prices(rules: PriceRules, reference: int, stands: list[tuple[int, int]]) -> tuple[int, int]:
    """Open and close from all trades that stand, as lots and price, by fractions."""
    first = stands[0][1] if stands else 0
    opened = {
        OpenRule.FIRST_TRADE_OR_REFERENCE: first or reference,
        OpenRule.REFERENCE: reference,
        OpenRule.FIRST_TRADE: first,
    }[rules.open]
    if not stands:
        return opened, reference
    if sum(lots for lots, _ in stands) < rules.close_quantity_min_lots:
        return opened, opened
    if rules.close is CloseRule.LAST:
        return opened, stands[-1][1]
    counted = stands[-rules.n_trades :] if rules.close is CloseRule.VWAP_LAST_N else stands
    average = Fraction(sum(lots * price for lots, price in counted), sum(lots for lots, _ in counted))
    rounded = {
        PriceRounding.HALF_UP: floor(average + Fraction(1, 2)),
        PriceRounding.DOWN: floor(average),
        PriceRounding.UP: ceil(average),
    }
    return opened, rounded[rules.close_rounding]


@given(RULES, st.integers(1, 2_000), TRADES, AMENDMENTS)
def test_prices_are_those_of_the_trades_that_stand(
    rules: PriceRules,
    reference: int,
    trades: list[tuple[int, int, TradeKind]],
    amendments: list[tuple[int, int, int]],
) -> None:
    prices = DayPrices(rules, 1)
    stands: dict[int, tuple[int, int]] = {}
    for trade_id, (lots, price, kind) in enumerate(trades, 1):
        if kind in (TradeKind.CONTINUOUS, TradeKind.LISTED):
            # While an auction is carried out nothing else trades on the screen.
            prices.end_auction(ended(Phase.VOLATILITY_AUCTION, price))
        prices.trade(traded(trade_id, lots, price, kind))
        if kind in (TradeKind.CONTINUOUS, TradeKind.AUCTION, TradeKind.LISTED):
            stands[trade_id] = (lots, price)
    for trade_id, lots, price in amendments:
        prices.amend(corrected(trade_id, lots, price) if lots else busted(trade_id))
        if trade_id in stands and lots:
            stands[trade_id] = (lots, price)
        elif trade_id in stands:
            del stands[trade_id]
    prices.check()
    found = prices.open_ticks(reference), prices.close_ticks(reference)
    assert found == reference_prices(rules, reference, list(stands.values()))
    left = [price for _, price in stands.values()]
    assert prices.open_high_low == ((left[0], max(left), min(left)) if left else (0, 0, 0))
