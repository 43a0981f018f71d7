"""What busts and corrections make of a day's figures: those of a day in which the trade was another one."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carbonmatch.market_data import day_trades
from carbonmatch.market_data.statistics import DayStatistics, Figures, Sums
from carbonmatch.matching.messages import Phase, TradeKind
from tests.market_data.test_statistics import after
from tests.market_data.world import busted, corrected, traded

# Price, lots and kind by trade id, of the trades of a day that stand.
Day = dict[int, tuple[int, int, TradeKind]]
SCREEN = (TradeKind.CONTINUOUS, TradeKind.AUCTION, TradeKind.LISTED)


def from_scratch(day: Day) -> Figures:
    """Every figure by its definition."""
    trades = [day[trade_id] for trade_id in sorted(day) if day[trade_id][2] in SCREEN]
    if not trades:
        return (0, 0, 0, 0, 0, 0, 0)
    prices = [price for price, _, _ in trades]
    return prices[0], max(prices), min(prices), prices[-1], *sums_of(trades)


def sums_of(trades: Iterable[tuple[int, int, TradeKind]]) -> Sums:
    stand = list(trades)
    volume = sum(lots for _, lots, _ in stand)
    turnover = sum(price * lots for price, lots, _ in stand)
    return volume, turnover, len(stand)


def kinds_from_scratch(day: Day) -> dict[TradeKind, Sums]:
    """What is told apart: all but what was traded continuously."""
    kinds = {kind for _, _, kind in day.values()} - {TradeKind.CONTINUOUS}
    return {kind: sums_of(trade for trade in day.values() if trade[2] is kind) for kind in kinds}


# What happens: trades of one kind in one batch; a bust or a correction of the trade so many back; a night; a
# restart.
trades = st.tuples(
    st.sampled_from(TradeKind),
    st.lists(st.tuples(st.integers(95, 105), st.integers(1, 9)), min_size=1, max_size=7),
)
happenings = st.lists(
    st.one_of(
        trades,
        trades,
        st.tuples(st.just("bust"), st.integers(0, 20)),
        st.tuples(st.just("bust"), st.integers(0, 3)),
        st.tuples(st.just("correct"), st.integers(0, 20), st.integers(93, 107), st.integers(1, 9)),
        st.sampled_from(["night", "restart"]),
    ),
    max_size=30,
)


@settings(max_examples=150)
@given(happenings)
@example([(SCREEN[0], [(100, 1), (99, 2)]), ("bust", 0), ("bust", 0), (SCREEN[0], [(98, 1)])])
@example(
    [
        (SCREEN[0], [(100, 1)]),
        "night",
        ("bust", 0),
        (SCREEN[0], [(98, 1)]),
        ("bust", 0),
        "restart",
        ("correct", 0, 97, 1),
    ]
)
@example([(TradeKind.BLOCK, [(100, 1)]), "night", (SCREEN[0], [(98, 1)])])
def test_figures_equal_those_made_from_scratch(happened: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(day_trades, "_PIECE_TRADES", 4)
        patch.setattr(day_trades, "_PIECES_KEPT_MAX", 1_000)
        _play(happened)


def _play(happened: list[Any]) -> None:
    statistics = DayStatistics(Phase.CONTINUOUS)
    today: Day = {}
    earlier: Day = {}
    # As a reader of the changes alone has them.
    heard: dict[TradeKind, Sums] = {}
    made = 0
    for what in happened:
        stand = {**earlier, **today}
        match what:
            case TradeKind() as kind, list(batch_of):
                batch = [
                    traded(price, lots, made + at, kind=kind) for at, (price, lots) in enumerate(batch_of, 1)
                ]
                today |= {trade.trade_id: (trade.price_ticks, trade.quantity_lots, kind) for trade in batch}
                made += len(batch)
                statistics.add(batch)
            case ("bust", int(back)) if stand:
                trade_id = sorted(stand)[-1 - back % len(stand)]
                price_before, lots_before, kind = stand[trade_id]
                event = busted(trade_id, price_before, lots_before, kind=kind)
                assert statistics.bust(event) is (trade_id in today)
                today.pop(trade_id, None)
                earlier.pop(trade_id, None)
            case ("correct", int(back), int(price), int(lots)) if stand:
                trade_id = sorted(stand)[-1 - back % len(stand)]
                price_before, lots_before, kind = stand[trade_id]
                becomes = corrected(trade_id, (price_before, lots_before), (price, lots), kind=kind)
                assert statistics.correct(becomes) is (trade_id in today)
                (today if trade_id in today else earlier)[trade_id] = price, lots, kind
            case "night":
                statistics.change_phase(Phase.CLOSED)
                assert statistics.figures() == from_scratch(today)
                statistics.change_phase(Phase.CONTINUOUS)
                earlier |= today
                today = {}
            case "restart":
                saved = statistics.saved()
                statistics = DayStatistics(Phase.CONTINUOUS)
                statistics.restore(saved)
                assert statistics.saved() == saved
        assert statistics.figures() == from_scratch(today)
        heard |= statistics.take_changed_kinds()
        assert {kind: sums for kind, sums in heard.items() if sums[2]} == kinds_from_scratch(today)
        assert dict(statistics.kinds()) == kinds_from_scratch(today)
        assert statistics.take_changed_kinds() == [], "told once"


def test_open_and_last_are_those_of_the_first_and_the_last_trade_that_stand() -> None:
    statistics = after((100, 2), (105, 1), (98, 3), (99, 4))
    statistics.bust(busted(1, 100, 2))
    statistics.bust(busted(4, 99, 4))
    assert statistics.figures() == (105, 105, 98, 98, 4, 399, 2)


def test_a_day_whose_only_trade_is_busted_has_none() -> None:
    statistics = after((100, 2))
    assert statistics.bust(busted(1, 100, 2))
    assert statistics.figures() == (0, 0, 0, 0, 0, 0, 0)
    statistics.add([traded(90, 1, 2)])
    assert statistics.figures() == (90, 90, 90, 90, 1, 90, 1)


def test_a_correction_may_make_a_new_high_or_take_one_away() -> None:
    statistics = after((100, 2), (105, 1), (98, 3))
    statistics.correct(corrected(3, (98, 3), (110, 2)))
    assert statistics.figures() == (100, 110, 100, 110, 5, 525, 3)
    statistics.correct(corrected(3, (110, 2), (101, 2)))
    assert statistics.figures() == (100, 105, 100, 101, 5, 507, 3)


def test_a_trade_of_the_day_before_changes_nothing() -> None:
    statistics = after((100, 2))
    statistics.change_phase(Phase.CLOSED)
    statistics.change_phase(Phase.CONTINUOUS)
    statistics.add([traded(90, 1, 2)])
    assert not statistics.bust(busted(1, 100, 2))
    assert not statistics.correct(corrected(1, (100, 2), (99, 1)))
    assert statistics.figures() == (90, 90, 90, 90, 1, 90, 1)


def test_a_day_that_is_over_is_corrected_until_the_next_one_begins() -> None:
    statistics = after((100, 2), (90, 1))
    statistics.change_phase(Phase.CLOSED)
    assert statistics.bust(busted(2, 90, 1))
    assert statistics.figures() == (100, 100, 100, 100, 2, 200, 1)


def test_of_trades_too_far_back_only_the_sums_are_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_trades, "_PIECE_TRADES", 2)
    monkeypatch.setattr(day_trades, "_PIECES_KEPT_MAX", 2)
    statistics = after((100, 1), (120, 1), (101, 1), (102, 1), (103, 1), (110, 1))
    assert statistics.bust(busted(2, 120, 1))
    assert statistics.figures() == (100, 120, 100, 110, 5, 516, 5), "the first piece keeps its prices"
    assert statistics.correct(corrected(1, (100, 1), (99, 1)))
    assert statistics.bust(busted(6, 110, 1))
    assert statistics.figures() == (100, 120, 100, 103, 4, 405, 4)
    restored = after()
    restored.restore(statistics.saved())
    assert restored.figures() == statistics.figures()
    assert restored.saved() == statistics.saved()


def test_what_is_saved_does_not_depend_on_when_it_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_trades, "_PIECE_TRADES", 3)
    monkeypatch.setattr(day_trades, "_PIECES_KEPT_MAX", 2)
    looked_at, left_alone = after(), after()
    for trade_id in range(1, 21):
        for statistics in (looked_at, left_alone):
            statistics.add([traded(100 + trade_id % 5, 1, trade_id)])
        looked_at.saved()
    assert looked_at.saved() == left_alone.saved()


def test_trades_too_far_back_that_were_all_busted_have_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_trades, "_PIECE_TRADES", 2)
    monkeypatch.setattr(day_trades, "_PIECES_KEPT_MAX", 2)
    statistics = after((100, 1), (120, 1), (101, 1), (102, 1))
    statistics.bust(busted(1, 100, 1))
    statistics.bust(busted(2, 120, 1))
    statistics.add([traded(103, 1, 5), traded(110, 1, 6)])
    assert statistics.bust(busted(6, 110, 1))
    assert statistics.figures() == (101, 103, 101, 103, 3, 306, 3)
