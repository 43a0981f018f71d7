"""Prices of days in the engine: who sets them, what carries them over, what survives a restart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    BandChanged,
    DayEnded,
    Phase,
    PriceRules,
    Ref,
    SetReference,
    VolatilityRules,
    Width,
)
from carbonmatch.matching.prices import day_prices
from carbonmatch.matching.state import digest, restore, snapshot

from ..market import ALICE, BOB, CEA, EUA, OPS, VENUE, Market, buy, definition, sell

TEN_PERCENT = PriceRules(band_up_basis_points=1_000, band_down_basis_points=1_000, stale_alert_days=2)
DAY = 20210716


def priced(rules: PriceRules = TEN_PERCENT, reference: int = 48_00) -> Market:
    low, high = (43_20, 52_80) if reference == 48_00 else (0, 0)
    return Market(prices=rules, reference_price_ticks=reference, band_low_ticks=low, band_high_ticks=high)


def trade(market: Market, ref: int, price: int, lots: int) -> None:
    market.send(ALICE, sell(ref, price, lots))
    market.send(BOB, buy(ref, price, lots))


def end(market: Market, day: int) -> list[m.AnyPublicEvent]:
    closed = m.SetPhase(Ref(0), EUA, Phase.CLOSED)
    market.send(VENUE, closed)
    return market.outputs(VENUE, m.EndDay(Ref(0), day, (EUA,))).public


def test_the_close_becomes_the_reference_price_and_the_band_of_the_next_day() -> None:
    market = priced()
    trade(market, 1, 50_00, 100)
    trade(market, 2, 52_00, 300)
    ended, band = end(market, DAY)
    assert isinstance(ended, DayEnded)
    assert (ended.open_price_ticks, ended.high_price_ticks) == (50_00, 52_00)
    assert (ended.low_price_ticks, ended.close_price_ticks) == (50_00, 51_50)
    assert band == BandChanged(EUA, market.time_ns, 51_50, 46_35, 56_65)
    instrument = market.engine.instruments[EUA]
    assert (instrument.price_low_ticks, instrument.price_high_ticks) == (46_35, 56_65)


def test_without_a_trade_the_reference_price_is_carried_on_until_it_is_stale() -> None:
    market = priced()
    days = []
    for number in range(3):
        (ended,) = end(market, DAY + number)
        assert isinstance(ended, DayEnded)
        assert (ended.open_price_ticks, ended.close_price_ticks) == (48_00, 48_00)
        days.append((ended.days_without_trade, ended.is_stale))
    assert days == [(1, False), (2, True), (3, True)]
    market.send(OPS, SetReference(Ref(1), EUA, 50_00))
    (ended,) = end(market, DAY + 3)
    assert isinstance(ended, DayEnded)
    assert (ended.days_without_trade, ended.is_stale) == (1, False)


def test_a_day_may_end_in_the_batch_of_its_last_trades() -> None:
    market = priced()
    market.send(ALICE, sell(1, 50_00, 10))
    engine = market.engine
    entries: list[tuple[m.SessionId, list[m.AnyCommand]]] = [
        (BOB, [buy(1, 50_00, 10)]),
        (VENUE, [m.SetPhase(Ref(0), EUA, Phase.CLOSED), m.EndDay(Ref(0), DAY, (EUA,))]),
        (VENUE, [m.SetPhase(Ref(0), EUA, Phase.CONTINUOUS)]),
        (ALICE, [sell(2, 51_00, 10)]),
        (BOB, [buy(2, 51_00, 10)]),
    ]
    for session, commands in entries:
        engine.apply(m.Entry(engine.sequence + 1, market.time_ns, session, commands))
    ended = [event for event in engine.take_outputs().public if isinstance(event, DayEnded)]
    assert [one.close_price_ticks for one in ended] == [50_00]
    prices = engine.books[EUA].prices
    assert prices is not None
    assert list(prices.prices_ticks) == [51_00]


def test_an_operator_sets_the_reference_price_and_the_rules_make_the_band() -> None:
    market = priced(reference=0)
    outputs = market.outputs(OPS, SetReference(Ref(1), EUA, 51_23))
    assert outputs.public == [BandChanged(EUA, market.time_ns, 51_23, 46_11, 56_35)]
    assert market.send(BOB, buy(1, 56_36, 1)) == ["bob 1: rejected OUTSIDE_BAND"]
    assert market.outputs(OPS, SetReference(Ref(2), EUA, 51_23)).public == []


@pytest.mark.parametrize(
    ("session", "instrument", "reference", "words"),
    [
        (ALICE, EUA, 50, "alice 1: rejected NOT_ENTITLED"),
        (OPS, 9, 50, "ops 1: rejected UNKNOWN_INSTRUMENT"),
        (OPS, CEA, 50, "ops 1: rejected MECHANISM_NOT_AVAILABLE"),
        (OPS, EUA, 0, "ops 1: rejected INVALID_PRICE"),
        (OPS, EUA, 10**9 + 5, "ops 1: rejected INVALID_PRICE"),
        (OPS, EUA, 51, "ops 1: rejected PRICE_INCREMENT"),
    ],
)
def test_reference_prices_that_are_refused(
    session: m.SessionId, instrument: int, reference: int, words: str
) -> None:
    market = Market(prices=TEN_PERCENT, price_increment_ticks=5)
    command = SetReference(Ref(1), m.InstrumentId(instrument), reference)
    assert market.send(session, command) == [words]


def test_a_bust_and_a_correction_change_the_close_of_their_day() -> None:
    market = priced(PriceRules(open=m.OpenRule.OPENING_AUCTION))
    market.send(VENUE, m.SetPhase(Ref(0), EUA, Phase.OPENING_AUCTION))
    trade(market, 1, 49_00, 10)
    market.send(VENUE, m.SetPhase(Ref(0), EUA, Phase.CONTINUOUS))
    trade(market, 2, 50_00, 10)
    trade(market, 3, 52_00, 10)
    amend(market, m.BustTrade(Ref(1), m.TradeId(2)), 50_00)
    amend(market, m.CorrectTrade(Ref(2), m.TradeId(3), 51_00, 10), 52_00)
    ended = end(market, DAY)[0]
    assert isinstance(ended, DayEnded)
    assert (ended.open_price_ticks, ended.high_price_ticks) == (49_00, 51_00)
    assert ended.close_price_ticks == 50_00


def amend(market: Market, command: m.BustTrade | m.CorrectTrade, price_ticks: int) -> None:
    buyer = m.TradeSide(BOB, m.OrderId(11), m.AccountId(13))
    seller = m.TradeSide(ALICE, m.OrderId(10), m.AccountId(11))
    found = m.FoundTrade(EUA, market.time_ns, price_ticks, 10, buyer, seller)
    market.send(OPS, m.OnTrade(command, found))


# --- definitions ---------------------------------------------------------------------------------


def define(market: Market, **fields: object) -> list[m.AnyPublicEvent]:
    changed = definition(EUA, **fields)
    return market.outputs(VENUE, m.DefineInstrument(changed)).public


def test_another_definition_keeps_the_reference_price_unless_it_gives_another() -> None:
    market = priced()
    market.send(OPS, SetReference(Ref(1), EUA, 50_00))
    wider = PriceRules(band_up_basis_points=2_000, band_down_basis_points=1_000)
    (event,) = define(market, prices=wider, reference_price_ticks=48_00)
    assert isinstance(event, m.InstrumentDefined)
    told = event.definition
    assert (told.reference_price_ticks, told.band_low_ticks, told.band_high_ticks) == (50_00, 45_00, 60_00)
    define(market, prices=wider, reference_price_ticks=40_00)
    assert market.engine.instruments[EUA].definition.band_high_ticks == 48_00


def test_rules_may_come_and_go_and_what_was_traded_stays_with_those_that_stay() -> None:
    market = priced()
    trade(market, 1, 50_00, 10)
    increment = {"price_increment_ticks": 5, "reference_price_ticks": 48_00}
    define(market, prices=PriceRules(), **increment)
    prices = market.engine.books[EUA].prices
    assert prices is not None
    assert (prices.rules, prices.increment_ticks, prices.volume_lots) == (PriceRules(), 5, 10)
    define(market)
    assert market.engine.books[EUA].prices is None
    trade(market, 2, 50_00, 10)
    define(market, prices=TEN_PERCENT)
    prices = market.engine.books[EUA].prices
    assert prices is not None
    assert prices.volume_lots == 0


def test_rules_without_percentages_leave_the_band_that_operators_set() -> None:
    market = priced(PriceRules())
    market.send(OPS, m.SetBand(Ref(1), EUA, 48_00, 10_00, 90_00), SetReference(Ref(2), EUA, 50_00))
    told = market.engine.instruments[EUA].definition
    assert (told.reference_price_ticks, told.band_low_ticks, told.band_high_ticks) == (50_00, 10_00, 90_00)


# --- restarts, and batches of chance -------------------------------------------------------------


def test_a_snapshot_in_the_middle_of_a_day_loses_nothing_of_it() -> None:
    market = priced()
    trade(market, 1, 50_00, 100)
    again = restore(snapshot(market.engine))
    assert digest(again) == digest(market.engine)
    again.check()
    one, other = market.engine.books[EUA].prices, again.books[EUA].prices
    assert one is not None
    assert other is not None
    assert (one.turnover_ticks_lots, one.ids, one.lots) == (other.turnover_ticks_lots, other.ids, other.lots)
    market.engine = again
    trade(market, 2, 52_00, 300)
    ended = end(market, DAY)[0]
    assert isinstance(ended, DayEnded)
    assert ended.close_price_ticks == 51_50


def test_a_snapshot_has_days_without_trade_auctions_and_any_turnover() -> None:
    market = Market(prices=PriceRules(open=m.OpenRule.OPENING_AUCTION, close=m.CloseRule.CLOSING_AUCTION))
    end(market, DAY)
    market.send(VENUE, m.SetPhase(Ref(0), EUA, Phase.OPENING_AUCTION))
    trade(market, 1, 10**9, 10**9)
    market.send(VENUE, m.SetPhase(Ref(0), EUA, Phase.CONTINUOUS))
    for ref in range(2, 8):
        trade(market, ref, 10**9 - ref, 10**9)
    market.send(VENUE, m.SetPhase(Ref(0), EUA, Phase.CLOSING_AUCTION))
    trade(market, 8, 5, 10)
    market.send(VENUE, m.SetPhase(Ref(0), EUA, Phase.CLOSED))
    market.engine.books[EUA].prices.days_without_trade += 4  # type: ignore[union-attr]
    again = restore(snapshot(market.engine))
    again.check()
    one, other = market.engine.books[EUA].prices, again.books[EUA].prices
    assert one is not None
    assert other is not None
    assert one.turnover_ticks_lots == other.turnover_ticks_lots > 2**62
    assert (other.days_without_trade, other.open_ticks(0), other.close_ticks(0)) == (5, 10**9, 5)
    assert digest(again) == digest(market.engine)


def test_a_snapshot_has_what_is_left_of_trades_that_were_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_prices, "PRICED_TRADES_MAX", 4)
    market = priced()
    for ref, price in enumerate((50_00, 44_00, 52_00, 49_00, 48_00), 1):
        trade(market, ref, price, 100)
    market.engine = restore(snapshot(market.engine))
    ended = end(market, DAY)[0]
    assert isinstance(ended, DayEnded)
    assert (ended.open_price_ticks, ended.high_price_ticks, ended.low_price_ticks) == (50_00, 52_00, 44_00)


@pytest.mark.parametrize("how", ["operator", "end of day"])
def test_a_static_width_goes_by_the_new_reference_price_at_once(how: str) -> None:
    static = VolatilityRules(static=Width(ticks=500), auction_ns=1)
    rules = PriceRules(close=m.CloseRule.LAST)
    market = Market(prices=rules, reference_price_ticks=48_00, volatility=static)
    if how == "operator":
        market.send(OPS, SetReference(Ref(1), EUA, 52_00))
    else:
        trade(market, 1, 52_00, 10)
        end(market, DAY)
        market.send(VENUE, m.SetPhase(Ref(0), EUA, Phase.CONTINUOUS))
    trade(market, 2, 56_00, 10)
    assert market.engine.instruments[EUA].phase is Phase.CONTINUOUS
    trade(market, 3, 46_99, 10)
    assert market.engine.instruments[EUA].phase is Phase.VOLATILITY_AUCTION


def test_trades_of_other_instruments_count_for_nothing() -> None:
    market = priced()
    market.send(ALICE, m.NewOrder(Ref(1), CEA, m.Side.SELL, 5, 70_00))
    market.send(BOB, m.NewOrder(Ref(1), CEA, m.Side.BUY, 5, 70_00))
    ended = end(market, DAY)[0]
    assert isinstance(ended, DayEnded)
    assert ended.close_price_ticks == 48_00


@given(st.lists(st.tuples(st.integers(44_00, 52_00), st.integers(1, 9), st.booleans()), max_size=12))
def test_where_batches_end_changes_nothing(trades: list[tuple[int, int, bool]]) -> None:
    whole, cut = priced(), priced()
    for ref, (price, lots, is_cut) in enumerate(trades, 1):
        for engine in (whole.engine, cut.engine):
            for session, command in ((ALICE, sell(ref, price, lots)), (BOB, buy(ref, price, lots))):
                engine.apply(m.Entry(engine.sequence + 1, whole.time_ns, session, [command]))
        if is_cut:
            cut.engine.take_outputs()
    assert _taken(whole.engine) == _taken(cut.engine)


def _taken(engine: Engine) -> bytes:
    engine.take_outputs()
    engine.check()
    return snapshot(engine)
