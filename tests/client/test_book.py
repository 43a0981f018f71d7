"""A reader's books, from messages as the wire brings them."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from carbonmatch.client.book import (
    ALL_INSTRUMENTS,
    BookBuilder,
    Damage,
    DamageCause,
    InstrumentBook,
    Level,
)
from carbonmatch.client.instrument_book import TRADES_KEPT
from carbonmatch.market_data.depth import checksum
from carbonmatch.matching.messages import (
    AuctionRule,
    InstrumentDefinition,
    InstrumentId,
    OrderId,
    Phase,
    Ref,
    Side,
    TradeId,
    TradeKind,
)
from carbonmatch.protocol.messages import (
    AuctionResult,
    AuctionUpdate,
    BandUpdate,
    BatchBegin,
    BlockVolume,
    Conflated,
    DaySummary,
    FeedKind,
    FeedOutbound,
    HeartbeatAnswer,
    Instrument,
    KindStatistics,
    LevelUpdate,
    LimitsUpdate,
    OrderUpdate,
    PhaseUpdate,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotLevel,
    SnapshotOrder,
    Statistics,
    Subscribed,
    Trade,
    TradeBust,
    TradeCorrection,
)

CEA = InstrumentId(1)
EUA = InstrumentId(2)
DEFINITION = InstrumentDefinition(CEA, "CEA", "CNY", 1, 2, 1)
# Bid 5 lots in 2 orders at 100, ask 7 lots in 1 order at 101: see tests/market_data/test_depth.py.
TWO_LEVELS_CHECKSUM = 0xDB0DC078


def snapshot(seq: int = 10, instrument_id: InstrumentId = CEA) -> list[FeedOutbound]:
    return [
        Instrument(DEFINITION),
        SnapshotBegin(instrument_id, 3, seq, Phase.CONTINUOUS, 100, 90, 110, 2),
        SnapshotLevel(instrument_id, Side.BUY, 100, 5, 2),
        SnapshotLevel(instrument_id, Side.SELL, 101, 7, 1),
        SnapshotEnd(instrument_id, TWO_LEVELS_CHECKSUM),
        Statistics(instrument_id, seq, 100, 101, 99, 100, 12, 1_200, 3),
    ]


def update(seq: int, side: Side, price: int, lots: int, instrument_id: InstrumentId = CEA) -> LevelUpdate:
    return LevelUpdate(instrument_id, seq, side, price, lots, 1 if lots else 0)


def trade(seq: int, trade_id: int = 1) -> Trade:
    return Trade(CEA, seq, TradeId(trade_id), 100, 1, Side.BUY, 0)


def builder_after(*messages: FeedOutbound, kinds: int = FeedKind.ALL) -> BookBuilder:
    builder = BookBuilder(kinds)
    assert builder.apply([*snapshot(), *messages]) == []
    return builder


def test_a_snapshot_is_a_book() -> None:
    book = builder_after().books[CEA]
    assert book.is_current
    assert book.definition == DEFINITION
    assert book.phase is Phase.CONTINUOUS
    assert (book.reference_price_ticks, book.band_low_ticks, book.band_high_ticks) == (100, 90, 110)
    assert book.best() == (Level(100, 5, 2), Level(101, 7, 1))
    assert book.statistics == Statistics(CEA, 10, 100, 101, 99, 100, 12, 1_200, 3)


def test_an_empty_book_has_no_best() -> None:
    builder = BookBuilder()
    builder.apply([SnapshotBegin(CEA, 1, 0, Phase.CLOSED, 0, 0, 0, 0), SnapshotEnd(CEA, 0)])
    assert builder.books[CEA].is_current
    assert builder.books[CEA].best() == (None, None)


def test_increments_change_add_and_remove_levels() -> None:
    book = builder_after(
        BatchBegin(4, 0),
        update(11, Side.BUY, 100, 0),
        update(12, Side.BUY, 98, 1),
        update(13, Side.BUY, 99, 2),
        update(14, Side.SELL, 101, 3),
        update(15, Side.SELL, 102, 4),
    ).books[CEA]
    bids = [Level(99, 2, 1), Level(98, 1, 1)]
    asks = [Level(101, 3, 1), Level(102, 4, 1)]
    assert book.depth() == (bids, asks)
    assert book.depth(1) == (bids[:1], asks[:1])
    assert book.best() == (bids[0], asks[0])


def test_trades_statistics_phase_and_band_are_followed() -> None:
    statistics = Statistics(CEA, 12, 1, 2, 3, 4, 5, 6, 7)
    book = builder_after(
        trade(11),
        statistics,
        PhaseUpdate(CEA, 13, Phase.HALTED, "", 0),
        BandUpdate(CEA, 14, 50, 40, 60, 0),
    ).books[CEA]
    assert list(book.trades) == [trade(11)]
    assert book.statistics == statistics
    assert book.phase is Phase.HALTED
    assert (book.reference_price_ticks, book.band_low_ticks, book.band_high_ticks) == (50, 40, 60)


def indication(seq: int, price_ticks: int = 100) -> AuctionUpdate:
    return AuctionUpdate(CEA, seq, price_ticks, 5, 1, 2, 0)


def result(seq: int) -> AuctionResult:
    return AuctionResult(
        CEA, seq, Phase.OPENING_AUCTION, 100, 5, 1, 2, AuctionRule.VOLUME, 99, 0, 7, 8, 9, b"seed", 0
    )


def test_the_end_of_a_phase_is_followed() -> None:
    book = builder_after(PhaseUpdate(CEA, 11, Phase.OPENING_AUCTION, "", 0, 4_711)).books[CEA]
    assert book.phase_until_ns == 4_711


def test_an_auction_is_indicated_until_it_has_a_result() -> None:
    builder = builder_after(PhaseUpdate(CEA, 11, Phase.OPENING_AUCTION, "", 0), indication(12))
    book = builder.books[CEA]
    assert (book.auction, book.auction_result) == (indication(12), None)
    builder.apply([indication(13, 101), PhaseUpdate(CEA, 14, Phase.CLOSING_AUCTION, "", 0)])
    assert book.auction == indication(13, 101)
    builder.apply([result(15)])
    book = builder.books[CEA]
    assert (book.auction, book.auction_result) == (None, result(15))


def test_an_auction_that_is_broken_off_is_indicated_no_more() -> None:
    book = builder_after(
        PhaseUpdate(CEA, 11, Phase.OPENING_AUCTION, "", 0),
        indication(12),
        PhaseUpdate(CEA, 13, Phase.HALTED, "", 0),
    ).books[CEA]
    assert book.auction is None


def test_an_indication_after_a_snapshot_repeats_its_number_and_the_one_before_it_is_gone() -> None:
    builder = builder_after(indication(10))
    assert builder.books[CEA].auction == indication(10)
    builder.apply(snapshot(seq=20))
    assert builder.books[CEA].auction is None


def test_limits_are_followed_and_those_after_a_snapshot_repeat_its_number() -> None:
    of_the_snapshot = LimitsUpdate(CEA, 10, 8_000, 7_950, 8_050, 0, 1)
    builder = builder_after(of_the_snapshot)
    assert builder.books[CEA].limits == of_the_snapshot
    held = LimitsUpdate(CEA, 11, 8_000, 7_950, 8_050, 99, 2)
    assert builder.apply([held, of_the_snapshot]) == []
    assert builder.books[CEA].limits == held
    assert builder.books[CEA].instrument_seq == 11


def test_the_summary_of_the_last_day_is_kept_and_that_after_a_snapshot_repeats_its_number() -> None:
    of_the_snapshot = DaySummary(CEA, 10, 20260303, 1, 2, 1, 2, 5, 8, 3, 1)
    builder = builder_after(of_the_snapshot)
    assert builder.books[CEA].summary == of_the_snapshot
    today = DaySummary(CEA, 11, 20260304, 2, 3, 2, 3, 5, 12, 3, 2)
    assert builder.apply([today, of_the_snapshot]) == []
    assert builder.books[CEA].summary == today


def kind_statistics(seq: int, kind: TradeKind, lots: int, turnover: int, count: int) -> KindStatistics:
    return KindStatistics(CEA, seq, kind, lots, turnover, count)


def test_trades_of_each_kind_are_told_and_continuous_ones_are_the_rest_of_the_screen() -> None:
    builder = builder_after(
        kind_statistics(10, TradeKind.AUCTION, 5, 510, 1),
        kind_statistics(10, TradeKind.BLOCK, 900, 45_000, 2),
    )
    book = builder.books[CEA]
    assert book.sums_of(TradeKind.CONTINUOUS) == (7, 690, 2)
    assert book.sums_of(TradeKind.AUCTION) == (5, 510, 1)
    assert book.sums_of(TradeKind.BLOCK) == (900, 45_000, 2)
    assert book.sums_of(TradeKind.LISTED) == (0, 0, 0)
    # A change has a number of its own; one that is older than what is known changes nothing.
    changed = kind_statistics(11, TradeKind.BLOCK, 950, 47_500, 3)
    assert builder.apply([changed, kind_statistics(10, TradeKind.BLOCK, 1, 1, 1)]) == []
    assert book.sums_of(TradeKind.BLOCK) == (950, 47_500, 3)
    assert book.instrument_seq == 11


def test_kinds_that_a_snapshot_does_not_have_have_not_traded() -> None:
    builder = builder_after(kind_statistics(10, TradeKind.BLOCK, 900, 45_000, 2))
    assert builder.apply([*snapshot(20), kind_statistics(20, TradeKind.BIDDING, 4, 40, 1)]) == []
    book = builder.books[CEA]
    assert book.sums_of(TradeKind.BLOCK) == (0, 0, 0)
    assert book.sums_of(TradeKind.BIDDING) == (4, 40, 1)


def test_without_statistics_nothing_has_traded() -> None:
    assert InstrumentBook(CEA).sums_of(TradeKind.CONTINUOUS) == (0, 0, 0)


def test_only_the_newest_trades_are_kept() -> None:
    book = builder_after(*[trade(11 + index, index) for index in range(TRADES_KEPT + 1)]).books[CEA]
    assert [kept.trade_id for kept in book.trades] == list(range(1, TRADES_KEPT + 1))


def test_a_new_definition_leaves_the_levels() -> None:
    definition = InstrumentDefinition(CEA, "CEA25", "CNY", 1, 2, 1)
    book = builder_after(Instrument(definition)).books[CEA]
    assert book.definition == definition
    assert book.is_current
    assert book.best() == (Level(100, 5, 2), Level(101, 7, 1))


def test_a_gap_is_reported_once_and_the_book_stands_still_until_its_snapshot() -> None:
    builder = builder_after()
    messages = [update(12, Side.BUY, 99, 1), update(13, Side.BUY, 98, 1)]
    assert builder.apply(messages) == [Damage(CEA, DamageCause.GAP, expected=11, found=12)]
    assert not builder.books[CEA].is_current
    assert builder.books[CEA].depth()[0] == [Level(100, 5, 2)]
    assert builder.apply([*snapshot(13), update(14, Side.BUY, 99, 1)]) == []
    assert builder.books[CEA].is_current
    assert builder.books[CEA].depth()[0] == [Level(100, 5, 2), Level(99, 1, 1)]


def test_a_gap_of_one_instrument_is_none_of_another() -> None:
    builder = builder_after(*snapshot(5, EUA))
    builder.apply([update(12, Side.BUY, 99, 1)])
    assert builder.apply([update(6, Side.BUY, 99, 1, EUA)]) == []
    assert builder.books[EUA].is_current


def test_a_subscriber_of_fewer_kinds_sees_numbers_left_out() -> None:
    book = builder_after(trade(15), kinds=FeedKind.TRADES).books[CEA]
    assert book.is_current
    assert list(book.trades) == [trade(15)]


def test_one_that_still_misses_a_snapshot_asks_again_and_does_not_go_on_without_it() -> None:
    builder = BookBuilder()
    missing = Damage(ALL_INSTRUMENTS, DamageCause.SNAPSHOT_MISSING, expected=2, found=1)
    assert builder.apply([Subscribed(Ref(1), 2, 3), *snapshot()]) == []
    assert builder.apply([BatchBegin(4, 1_000_000_000, 3)]) == [missing]
    assert builder.apply([BatchBegin(5, 5_999_999_999, 4)]) == []
    assert builder.apply([BatchBegin(6, 6_000_000_000, 5)]) == [missing]
    builder.interrupt()
    assert builder.resume_after == 0
    builder.apply([Subscribed(Ref(1), 2, 6), *snapshot(), *snapshot(instrument_id=EUA)])
    assert builder.resume_after == 6


def test_what_the_snapshot_has_already_is_skipped() -> None:
    builder = builder_after(update(9, Side.BUY, 100, 0), update(10, Side.BUY, 100, 0), trade(10))
    assert builder.books[CEA].best()[0] == Level(100, 5, 2)
    assert not builder.books[CEA].trades


def test_increments_without_a_snapshot_are_a_gap() -> None:
    assert BookBuilder().apply([update(4, Side.BUY, 99, 1)]) == [
        Damage(CEA, DamageCause.GAP, expected=1, found=4)
    ]


def test_a_snapshot_with_a_wrong_checksum_is_damaged() -> None:
    messages = snapshot()
    messages[2] = SnapshotLevel(CEA, Side.BUY, 100, 6, 2)
    (damage,) = BookBuilder().apply(messages)
    assert (damage.instrument_id, damage.cause) == (CEA, DamageCause.CHECKSUM)
    assert damage.expected == TWO_LEVELS_CHECKSUM


@pytest.mark.parametrize(
    "level",
    [
        SnapshotLevel(CEA, Side.BUY, -100, 5, 2),
        SnapshotLevel(CEA, Side.BUY, 100, -1, 2),
        SnapshotLevel(CEA, Side.BUY, 100, 5, 2**32),
    ],
)
def test_a_snapshot_with_a_level_that_cannot_be_is_damaged(level: SnapshotLevel) -> None:
    messages = snapshot()
    messages[2] = level
    (damage,) = BookBuilder().apply(messages)
    assert damage.cause == DamageCause.CHECKSUM


@pytest.mark.parametrize("missing", [2, 3])
def test_a_snapshot_without_one_of_its_levels_is_damaged(missing: int) -> None:
    messages = snapshot()
    del messages[missing]
    assert BookBuilder().apply(messages) == [Damage(CEA, DamageCause.LEVEL_COUNT, expected=2, found=1)]


def test_a_snapshot_without_its_head_is_damaged() -> None:
    builder = BookBuilder()
    messages = snapshot()
    del messages[1]
    assert builder.apply(messages) == [Damage(CEA, DamageCause.LEVEL_COUNT, expected=0, found=2)]
    assert not builder.books[CEA].is_current


def test_a_snapshot_may_come_in_any_pieces() -> None:
    builder = BookBuilder()
    for message in snapshot():
        assert builder.apply([message]) == []
    assert builder.books[CEA].is_current


def test_conflation_is_counted_and_the_snapshot_replaces_the_book() -> None:
    builder = builder_after()
    assert builder.apply([Conflated(7, 20), *snapshot(99)]) == []
    assert (builder.batches_left_out, builder.feed_sequence) == (7, 20)
    assert builder.books[CEA].instrument_seq == 99


def test_a_new_subscription_begins_with_no_books() -> None:
    builder = builder_after(Subscribed(Ref(1), 1, 30))
    assert builder.books == {}
    assert builder.feed_sequence == 30


def test_messages_of_the_session_are_skipped() -> None:
    assert BookBuilder().apply([HeartbeatAnswer(1, 2)]) == []


snapshot_levels = st.builds(
    SnapshotLevel,
    st.just(CEA),
    st.sampled_from(Side),
    st.integers(0, 10**9),
    st.integers(1, 10**15),
    st.integers(1, 10**6),
)


@given(st.lists(snapshot_levels, max_size=20, unique_by=lambda found: (found.side, found.price_ticks)))
def test_the_checksum_of_the_reader_is_that_of_the_engine(levels: list[SnapshotLevel]) -> None:
    begin = SnapshotBegin(CEA, 1, 1, Phase.CONTINUOUS, 0, 0, 0, len(levels))
    assert BookBuilder().apply([begin, *levels, SnapshotEnd(CEA, checksum(levels))]) == []


def test_a_trade_that_is_busted_is_on_the_tape_no_more() -> None:
    bust = TradeBust(CEA, 13, TradeId(7), 100, 1, 5)
    book = builder_after(trade(11, trade_id=6), trade(12, trade_id=7), bust).books[CEA]
    assert [each.trade_id for each in book.trades] == [6]
    assert list(book.amendments) == [bust]
    assert book.is_current
    assert book.instrument_seq == 13


def test_what_is_traded_in_blocks_and_told_without_a_price_is_known_until_it_is_told() -> None:
    waits = BlockVolume(CEA, 11, 300, 2, 5)
    book = builder_after(waits).books[CEA]
    assert book.block_volume == waits
    assert book.instrument_seq == 11
    assert builder_after(waits, BlockVolume(CEA, 12, 0, 0, 6)).books[CEA].block_volume is None
    assert builder_after(waits, *snapshot(11)).books[CEA].block_volume is None


def test_a_trade_that_is_corrected_is_on_the_tape_as_it_stands() -> None:
    correction = TradeCorrection(CEA, 13, TradeId(6), 98, 3, 100, 4, 5)
    book = builder_after(trade(11, trade_id=6), trade(12, trade_id=7), correction).books[CEA]
    assert [(each.trade_id, each.price_ticks, each.quantity_lots) for each in book.trades] == [
        (6, 98, 3),
        (7, 100, 1),
    ]
    assert list(book.amendments) == [correction]


def test_a_bust_of_a_trade_that_nobody_has_seen_here_is_told_all_the_same() -> None:
    bust = TradeBust(CEA, 12, TradeId(3), 100, 1, 5)
    book = builder_after(trade(11, trade_id=6), bust).books[CEA]
    assert [each.trade_id for each in book.trades] == [6]
    assert list(book.amendments) == [bust]


# --- the order list ------------------------------------------------------------------------------

# Bid 90210 of 5 lots at 100, ask 90211 of 7 lots at 101.
TWO_ORDERS = [
    SnapshotOrder(CEA, OrderId(90_210), Side.BUY, 100, 5),
    SnapshotOrder(CEA, OrderId(90_211), Side.SELL, 101, 7),
]
TWO_ORDERS_CHECKSUM = zlib.crc32(
    bytes.fromhex("000000000001606201000000000000006400000000000000050000000000016063020000000000000065")
    + bytes.fromhex("0000000000000007")
)


def listed_snapshot(
    list_seq: int = 4, count: int = 2, checksum: int = TWO_ORDERS_CHECKSUM
) -> list[FeedOutbound]:
    instrument, begin, *levels, end, statistics = snapshot()
    assert isinstance(begin, SnapshotBegin)
    assert isinstance(end, SnapshotEnd)
    return [
        instrument,
        structs.replace(begin, order_count=count, list_seq=list_seq),
        *levels,
        *TWO_ORDERS,
        structs.replace(end, order_checksum=checksum),
        statistics,
    ]


def listed_ids(builder: BookBuilder) -> list[list[tuple[int, int]]]:
    return [[(one.order_id, one.quantity_lots) for one in side] for side in builder.books[CEA].orders()]


def order_update(list_seq: int, order_id: int, price: int, lots: int, side: Side = Side.BUY) -> OrderUpdate:
    return OrderUpdate(CEA, list_seq, OrderId(order_id), side, price, lots)


def test_a_snapshot_may_have_orders_which_updates_change() -> None:
    builder = BookBuilder()
    assert builder.apply(listed_snapshot()) == []
    assert listed_ids(builder) == [[(90_210, 5)], [(90_211, 7)]]
    updates = [order_update(5, 1, 101, 3), order_update(6, 2, 100, 9), order_update(7, 90_210, 100, 4)]
    assert builder.apply(updates) == []
    assert listed_ids(builder)[0] == [(1, 3), (90_210, 4), (2, 9)]
    assert builder.apply([order_update(8, 90_210, 100, 0)]) == []
    assert listed_ids(builder)[0] == [(1, 3), (2, 9)]


def test_orders_are_counted_by_themselves_and_a_gap_is_seen_by_whoever_hears_them() -> None:
    for kinds in (FeedKind.ALL, FeedKind.ORDERS, FeedKind.ORDERS | FeedKind.LEVELS):
        builder = BookBuilder(kinds)
        builder.apply(listed_snapshot())
        assert builder.apply([order_update(4, 9, 100, 9)]) == [], "the snapshot has it"
        assert builder.apply([order_update(6, 9, 100, 9)]) == [Damage(CEA, DamageCause.LIST_GAP, 5, 6)]
        assert not builder.books[CEA].is_current
        assert builder.apply([order_update(7, 9, 100, 9)]) == [], "reported once"
        assert builder.apply(listed_snapshot(7)) == []
        assert listed_ids(builder) == [[(90_210, 5)], [(90_211, 7)]]


def test_a_snapshot_with_an_order_too_few_or_another_one_is_noticed() -> None:
    builder = BookBuilder()
    assert builder.apply(listed_snapshot(count=3)) == [Damage(CEA, DamageCause.ORDER_COUNT, 3, 2)]
    builder = BookBuilder()
    assert builder.apply(listed_snapshot(checksum=1)) == [
        Damage(CEA, DamageCause.CHECKSUM, 1, TWO_ORDERS_CHECKSUM)
    ]
