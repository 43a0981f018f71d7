"""Released batches in, numbered messages out."""

import msgspec
import pytest
from hypothesis import given
from msgspec import structs

from carbonmatch.market_data.changes import FeedBatch, InstrumentMessage
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.messages import (
    AuctionEnded,
    AuctionIndicated,
    AuctionRule,
    DayEnded,
    InstrumentId,
    LimitsChanged,
    Outputs,
    Phase,
    TradeId,
    TradeKind,
)
from carbonmatch.protocol.messages import (
    AuctionResult,
    AuctionUpdate,
    BandUpdate,
    DaySummary,
    FeedKind,
    Instrument,
    KindStatistics,
    LevelUpdate,
    LimitsUpdate,
    PhaseUpdate,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotLevel,
    Statistics,
    Trade,
    TradeBust,
    TradeCorrection,
)
from tests.market_data.world import (
    BUY,
    CEA,
    EUA,
    NOW_NS,
    SELL,
    band_changed,
    busted,
    corrected,
    defined,
    definition,
    level,
    phase_changed,
    released,
    traded,
)
from tests.market_data.worlds import histories, possible

NUMBERED = (
    LevelUpdate | Trade | TradeBust | TradeCorrection | PhaseUpdate | BandUpdate | Statistics | KindStatistics
)


def market(*batches: Outputs) -> MarketData:
    """A market with CEA and EUA defined, after these batches."""
    market_data = MarketData()
    market_data.apply(released(defined(CEA), defined(EUA, "EUA")), NOW_NS)
    for batch in batches:
        market_data.apply(batch, NOW_NS)
    return market_data


def messages(batch: FeedBatch) -> dict[InstrumentId, list[InstrumentMessage]]:
    return {instrument_id: changed.messages for instrument_id, changed in batch.changes.items()}


def test_a_changed_level_is_one_message() -> None:
    batch = market().apply(released(level(BUY, 100, 5, orders=2)), NOW_NS)
    assert (batch.feed_sequence, batch.time_ns) == (2, NOW_NS)
    assert messages(batch) == {CEA: [LevelUpdate(CEA, 2, BUY, 100, 5, 2)]}


def test_trades_come_before_levels_and_statistics_once_at_the_end() -> None:
    batch = market().apply(released(traded(100, 2, 1), traded(101, 3, 2), level(SELL, 101, 7)), NOW_NS)
    assert messages(batch) == {
        CEA: [
            Trade(CEA, 2, TradeId(1), 100, 2, BUY, NOW_NS),
            Trade(CEA, 3, TradeId(2), 101, 3, BUY, NOW_NS),
            LevelUpdate(CEA, 4, SELL, 101, 7, 1),
            Statistics(CEA, 5, 100, 101, 100, 101, 5, 503, 2),
        ]
    }


def test_a_bust_and_a_correction_are_told_in_their_place_and_statistics_follow() -> None:
    batch = market(released(traded(100, 2, 1), traded(101, 3, 2))).apply(
        released(busted(2, 101, 3), traded(103, 1, 3), corrected(1, (100, 2), (99, 1)), level(SELL, 101, 7)),
        NOW_NS,
    )
    assert messages(batch) == {
        CEA: [
            TradeBust(CEA, 5, TradeId(2), 101, 3, NOW_NS),
            Trade(CEA, 6, TradeId(3), 103, 1, BUY, NOW_NS),
            TradeCorrection(CEA, 7, TradeId(1), 99, 1, 100, 2, NOW_NS),
            LevelUpdate(CEA, 8, SELL, 101, 7, 1),
            Statistics(CEA, 9, 99, 103, 99, 103, 2, 202, 2),
        ]
    }


def test_a_bust_of_an_earlier_day_is_told_without_statistics() -> None:
    market_data = market(
        released(traded(100, 2, 1), phase_changed(Phase.CLOSED), phase_changed(Phase.CONTINUOUS))
    )
    batch = market_data.apply(released(busted(1, 100, 2)), NOW_NS)
    assert messages(batch) == {CEA: [TradeBust(CEA, 6, TradeId(1), 100, 2, NOW_NS)]}


def test_who_reads_trades_hears_of_busts_and_who_does_not_does_not() -> None:
    batch = market(released(traded(100, 2, 1))).apply(released(busted(1, 100, 2)), NOW_NS)
    changed = batch.changes[CEA]
    assert changed.select(FeedKind.TRADES) == [TradeBust(CEA, 4, TradeId(1), 100, 2, NOW_NS)]
    assert changed.select(FeedKind.STATISTICS) == [Statistics(CEA, 5, 0, 0, 0, 0, 0, 0, 0)]
    assert changed.select(FeedKind.LEVELS) == []


def test_each_instrument_has_its_own_numbers() -> None:
    batch = market().apply(
        released(traded(9, 1, 1, EUA), traded(100, 1, 2), traded(8, 1, 3, EUA), level(BUY, 7, 1)), NOW_NS
    )
    assert messages(batch) == {
        EUA: [
            Trade(EUA, 2, TradeId(1), 9, 1, BUY, NOW_NS),
            Trade(EUA, 3, TradeId(3), 8, 1, BUY, NOW_NS),
            Statistics(EUA, 4, 9, 9, 8, 8, 2, 17, 2),
        ],
        CEA: [
            Trade(CEA, 2, TradeId(2), 100, 1, BUY, NOW_NS),
            LevelUpdate(CEA, 3, BUY, 7, 1, 1),
            Statistics(CEA, 4, 100, 100, 100, 100, 1, 100, 1),
        ],
    }


def test_a_batch_without_anything_public_takes_no_number() -> None:
    market_data = market()
    assert not market_data.apply(released(), NOW_NS).changes
    assert not market_data.apply(released(level(BUY, 100, 0)), NOW_NS).changes
    assert market_data.feed_sequence == 1
    assert market_data.apply(released(level(BUY, 100, 1)), NOW_NS).feed_sequence == 2


def test_an_instrument_is_introduced_by_its_empty_snapshot() -> None:
    batch = MarketData().apply(released(defined(CEA), level(BUY, 100, 5)), NOW_NS)
    assert messages(batch) == {
        CEA: [
            Instrument(definition(CEA)),
            SnapshotBegin(CEA, 1, 0, Phase.CONTINUOUS, 10_000, 9_000, 11_000, 0),
            SnapshotEnd(CEA, 0),
            LevelUpdate(CEA, 1, BUY, 100, 5, 1),
            Statistics(CEA, 2, 0, 0, 0, 0, 0, 0, 0),
        ]
    }


def test_a_new_definition_sets_its_band_and_leaves_book_and_phase() -> None:
    market_data = market(released(level(BUY, 100, 5), phase_changed(Phase.HALTED), band_changed(5, 4, 6)))
    batch = market_data.apply(released(defined(CEA, "CEA25")), NOW_NS)
    assert messages(batch) == {
        CEA: [Instrument(definition(CEA, "CEA25")), BandUpdate(CEA, 5, 10_000, 9_000, 11_000, NOW_NS)]
    }
    assert market_data.snapshot(CEA)[:3] == [
        Instrument(definition(CEA, "CEA25")),
        SnapshotBegin(CEA, 3, 5, Phase.HALTED, 10_000, 9_000, 11_000, 1),
        SnapshotLevel(CEA, BUY, 100, 5, 1),
    ]


def test_a_new_definition_with_the_same_band_is_one_message() -> None:
    batch = market().apply(released(defined(CEA, "CEA25")), NOW_NS)
    assert messages(batch) == {CEA: [Instrument(definition(CEA, "CEA25"))]}


def test_phases_and_bands_come_as_they_happened() -> None:
    batch = market().apply(
        released(phase_changed(Phase.HALTED), band_changed(5, 4, 6), phase_changed(Phase.CLOSED)), NOW_NS
    )
    assert messages(batch) == {
        CEA: [
            PhaseUpdate(CEA, 2, Phase.HALTED, "", NOW_NS),
            BandUpdate(CEA, 3, 5, 4, 6, NOW_NS),
            PhaseUpdate(CEA, 4, Phase.CLOSED, "", NOW_NS),
        ]
    }


def test_interval_limits_are_told_as_they_change_and_after_each_snapshot() -> None:
    held = LimitsChanged(CEA, NOW_NS, 8_000, 7_950, 8_050, NOW_NS + 15)
    market_data = market()
    batch = market_data.apply(released(LimitsChanged(CEA, NOW_NS, 8_000, 7_950, 8_050, 0), held), NOW_NS)
    assert messages(batch) == {
        CEA: [
            LimitsUpdate(CEA, 2, 8_000, 7_950, 8_050, 0, NOW_NS),
            LimitsUpdate(CEA, 3, 8_000, 7_950, 8_050, NOW_NS + 15, NOW_NS),
        ]
    }
    market_data.apply(released(level(BUY, 100, 5)), NOW_NS)
    restored = MarketData()
    restored.restore(market_data.state())
    for known in (market_data, restored):
        assert known.snapshot(CEA, FeedKind.TRADES)[-2:] == [
            SnapshotEnd(CEA, 0),
            LimitsUpdate(CEA, 4, 8_000, 7_950, 8_050, NOW_NS + 15, NOW_NS),
        ]


def day_ended(day: int, **prices: int) -> DayEnded:
    opened, high, low, close = {"open": 0, "high": 0, "low": 0, "close": 0, **prices}.values()
    return DayEnded(CEA, NOW_NS, day, 1, 9, 1, TradeId(0), TradeId(1), opened, high, low, close)


def test_a_day_that_has_ended_is_summed_up_by_its_trades() -> None:
    closed = released(phase_changed(Phase.CLOSED))
    market_data = market(released(traded(100, 2)), released(traded(98, 1)), closed)
    batch = market_data.apply(released(day_ended(20260304, close=98)), NOW_NS)
    summary = DaySummary(CEA, 7, 20260304, 100, 100, 98, 98, 3, 298, 2, NOW_NS)
    assert messages(batch)[CEA][0] == summary
    restored = MarketData()
    restored.restore(market_data.state())
    for known in (market_data, restored):
        assert known.snapshot(CEA, FeedKind.STATISTICS)[-1] == structs.replace(summary, instrument_seq=8)
        # A day on which it never opened has none of the figures of the day before.
        batch = known.apply(released(day_ended(20260305, close=98)), NOW_NS)
        assert messages(batch)[CEA][0] == DaySummary(CEA, 9, 20260305, 0, 0, 0, 98, 0, 0, 0, NOW_NS)


def test_prices_that_the_rules_of_the_market_make_count_before_those_of_trades() -> None:
    market_data = market(released(traded(100, 2)), released(phase_changed(Phase.CLOSED)))
    ended = day_ended(20260304, open=101, high=102, low=99, close=103)
    summary = messages(market_data.apply(released(ended), NOW_NS))[CEA][0]
    assert isinstance(summary, DaySummary)
    assert (summary.open_price_ticks, summary.high_price_ticks, summary.low_price_ticks) == (101, 102, 99)
    assert summary.close_price_ticks == 103


def test_a_new_trading_day_publishes_its_empty_statistics() -> None:
    market_data = market(released(traded(100, 2)), released(phase_changed(Phase.CLOSED)))
    batch = market_data.apply(released(phase_changed(Phase.CONTINUOUS)), NOW_NS)
    assert messages(batch)[CEA][1:] == [Statistics(CEA, 6, 0, 0, 0, 0, 0, 0, 0)]


def test_a_trade_after_the_opening_in_the_same_batch_is_of_the_new_day() -> None:
    market_data = market(released(traded(100, 2), phase_changed(Phase.CLOSED)))
    batch = market_data.apply(released(phase_changed(Phase.CONTINUOUS), traded(90, 1)), NOW_NS)
    assert messages(batch)[CEA][-1] == Statistics(CEA, 7, 90, 90, 90, 90, 1, 90, 1)


def test_a_batch_with_trades_of_several_kinds_tells_each_in_its_order_and_keeps_them_apart() -> None:
    auction, block = TradeKind.AUCTION, TradeKind.BLOCK
    market_data = market()
    batch = market_data.apply(
        released(
            traded(100, 2, 1),
            traded(98, 1, 2, kind=auction),
            traded(98, 3, 3, kind=auction),
            traded(99, 1, 4),
            traded(50, 900, 5, kind=block),
        ),
        NOW_NS,
    )
    told = messages(batch)[CEA]
    assert [(one.trade_id, one.kind) for one in told if isinstance(one, Trade)] == [
        (1, TradeKind.CONTINUOUS),
        (2, auction),
        (3, auction),
        (4, TradeKind.CONTINUOUS),
        (5, block),
    ]
    assert told[5:] == [
        Statistics(CEA, 7, 100, 100, 98, 99, 7, 200 + 4 * 98 + 99, 4),
        KindStatistics(CEA, 8, auction, 4, 4 * 98, 2),
        KindStatistics(CEA, 9, block, 900, 45_000, 1),
    ]
    # What does not change is not told again, but to whoever comes.
    batch = market_data.apply(released(traded(99, 1, 6)), NOW_NS)
    assert [type(one) for one in messages(batch)[CEA]] == [Trade, Statistics]
    restored = MarketData()
    restored.restore(market_data.state())
    for known in (market_data, restored):
        assert known.snapshot(CEA, FeedKind.STATISTICS)[-2:] == [
            KindStatistics(CEA, 11, auction, 4, 4 * 98, 2),
            KindStatistics(CEA, 11, block, 900, 45_000, 1),
        ]
        assert not [one for one in known.snapshot(CEA, FeedKind.TRADES) if isinstance(one, KindStatistics)]


def test_the_snapshot_has_levels_best_first_their_checksum_and_the_statistics() -> None:
    market_data = market(
        released(level(BUY, 100, 5, orders=2), level(SELL, 101, 7), traded(100, 2)),
        released(level(BUY, 9, 9, instrument_id=EUA)),
    )
    assert market_data.snapshot(CEA) == [
        Instrument(definition(CEA)),
        SnapshotBegin(CEA, 2, 5, Phase.CONTINUOUS, 10_000, 9_000, 11_000, 2),
        SnapshotLevel(CEA, BUY, 100, 5, 2),
        SnapshotLevel(CEA, SELL, 101, 7, 1),
        SnapshotEnd(CEA, 0xDB0DC078),
        Statistics(CEA, 5, 100, 100, 100, 100, 2, 200, 1),
    ]


def test_the_snapshot_has_only_the_kinds_that_were_asked_for() -> None:
    market_data = market(released(level(BUY, 100, 5), traded(100, 2)))
    assert market_data.snapshot(CEA, FeedKind.TRADES) == [
        Instrument(definition(CEA)),
        SnapshotBegin(CEA, 2, 4, Phase.CONTINUOUS, 10_000, 9_000, 11_000, 0),
        SnapshotEnd(CEA, 0),
    ]


@pytest.mark.parametrize(
    ("kinds", "heard"),
    [
        (FeedKind.LEVELS, [PhaseUpdate, LevelUpdate]),
        (FeedKind.TRADES, [PhaseUpdate, Trade]),
        (FeedKind.STATISTICS, [PhaseUpdate, Statistics]),
        (FeedKind.LEVELS | FeedKind.STATISTICS, [PhaseUpdate, LevelUpdate, Statistics]),
        (FeedKind.ALL, [PhaseUpdate, Trade, LevelUpdate, Statistics]),
    ],
)
def test_messages_are_selected_by_kind_and_phases_always_come(kinds: int, heard: list[type]) -> None:
    batch = market().apply(released(phase_changed(Phase.HALTED), traded(100, 2), level(BUY, 100, 5)), NOW_NS)
    assert [type(message) for message in batch.changes[CEA].select(kinds)] == heard


def test_an_instrument_is_named_as_of_the_last_batch_that_changed_it() -> None:
    market_data = market(released(level(BUY, 1, 1)), released(level(BUY, 1, 1, instrument_id=EUA)))
    assert (market_data.changed_at(CEA), market_data.changed_at(EUA)) == (2, 3)


def test_instruments_are_listed_in_the_order_of_their_definition() -> None:
    market_data = MarketData()
    market_data.apply(released(defined(EUA, "EUA"), defined(CEA)), NOW_NS)
    assert market_data.instrument_ids() == [EUA, CEA]
    assert EUA in market_data
    assert InstrumentId(77) not in market_data


def test_a_state_is_restored_only_before_the_first_batch() -> None:
    with pytest.raises(AssertionError, match="repeat its numbers"):
        market().restore(market().state())


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 4, expected 6"):
        MarketData().restore(b"\x93\x04\x00\x90")


def test_bytes_that_are_no_state_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        MarketData().restore(b"\x93\x01\x00")


@given(histories())
def test_equal_batches_give_equal_messages_and_equal_state(history: list[Outputs]) -> None:
    one, other = MarketData(), MarketData()
    for outputs in history:
        assert messages(one.apply(outputs, NOW_NS)) == messages(other.apply(outputs, NOW_NS))
    assert one.state() == other.state()


@given(histories(), histories())
def test_a_restored_feed_goes_on_as_if_nothing_had_happened(
    before: list[Outputs], after: list[Outputs]
) -> None:
    # Both together are one life, in which no number comes twice.
    whole = possible([*before, *after])
    lived = MarketData()
    for outputs in whole[: len(before)]:
        lived.apply(outputs, NOW_NS)
    restored = MarketData()
    restored.restore(lived.state())
    assert restored.state() == lived.state()
    for outputs in whole[len(before) :]:
        expected = lived.apply(outputs, NOW_NS)
        found = restored.apply(outputs, NOW_NS)
        assert found.feed_sequence == expected.feed_sequence
        assert messages(found) == messages(expected)
    assert restored.state() == lived.state()


@given(histories())
def test_numbers_are_dense(history: list[Outputs]) -> None:
    market_data = MarketData()
    feed_sequence = 0
    last: dict[InstrumentId, int] = {}
    for outputs in history:
        batch = market_data.apply(outputs, NOW_NS)
        feed_sequence += bool(batch.changes)
        assert batch.feed_sequence == feed_sequence
        for instrument_id, changed in batch.changes.items():
            for message in changed.messages:
                if isinstance(message, NUMBERED):
                    assert message.instrument_seq == last.get(instrument_id, 0) + 1
                    last[instrument_id] = message.instrument_seq


INDICATED = AuctionIndicated(CEA, NOW_NS, 7830, 600, 150, SELL)
OVER = AuctionEnded(
    CEA, NOW_NS, Phase.OPENING_AUCTION, 7830, 600, 150, SELL, AuctionRule.VOLUME, 7800, 5, 1, 2, 3, b"s"
)


def test_who_joins_is_told_how_the_auction_would_end_until_it_has() -> None:
    market_data = market(released(phase_changed(Phase.OPENING_AUCTION), INDICATED))
    update = AuctionUpdate(CEA, 3, 7830, 600, 150, SELL, NOW_NS)
    assert update in market_data.snapshot(CEA)
    again = MarketData()
    again.restore(market_data.state())
    assert update in again.snapshot(CEA)
    batch = market_data.apply(released(OVER, phase_changed(Phase.CONTINUOUS)), NOW_NS)
    result, phase = messages(batch)[CEA][:2]
    assert result == AuctionResult(
        CEA,
        4,
        Phase.OPENING_AUCTION,
        7830,
        600,
        150,
        SELL,
        AuctionRule.VOLUME,
        7800,
        5,
        1,
        2,
        3,
        b"s",
        NOW_NS,
    )
    assert isinstance(phase, PhaseUpdate)
    assert not [one for one in market_data.snapshot(CEA) if isinstance(one, AuctionUpdate)]


def test_an_interrupted_auction_is_not_indicated_any_more_and_the_next_phase_that_gathers_keeps_it() -> None:
    opening = released(phase_changed(Phase.PRE_OPEN), INDICATED, phase_changed(Phase.OPENING_AUCTION))
    market_data = market(opening)
    assert [one for one in market_data.snapshot(CEA) if isinstance(one, AuctionUpdate)]
    market_data.apply(released(phase_changed(Phase.HALTED)), NOW_NS)
    assert not [one for one in market_data.snapshot(CEA) if isinstance(one, AuctionUpdate)]
