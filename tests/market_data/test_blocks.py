"""Negotiated blocks in the feed: what is posted, when they are open, and trades that are told late."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.messages import (
    AnyPublicEvent,
    BlockPhase,
    BlockPhaseChanged,
    BlockPosted,
    BlockRules,
    BlockTape,
    InstrumentDefined,
    OrderId,
    ParticipantId,
    Phase,
    PhaseChanged,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
    TradeKind,
)
from carbonmatch.protocol.messages import (
    BlockPhaseUpdate,
    BlockPost,
    BlockVolume,
    KindStatistics,
    Statistics,
    Trade,
    TradeBust,
    TradeCorrection,
)
from tests.market_data.world import BUY, CEA, NOW_NS, SELL, definition, released, traded

LATE = BlockRules(tape=BlockTape.AT_CLOSE)


def market(rules: BlockRules | None) -> MarketData:
    data = MarketData()
    data.apply(released(InstrumentDefined(NOW_NS, structs.replace(definition(), blocks=rules))), NOW_NS)
    return data


def block(price: int, lots: int, trade_id: int = 1) -> Traded:
    return structs.replace(traded(price, lots, trade_id), kind=TradeKind.BLOCK)


def amended(event: TradeBusted | TradeCorrected) -> TradeBusted | TradeCorrected:
    """The same of a block."""
    return structs.replace(event, kind=TradeKind.BLOCK)


def posted(number: int, lots: int) -> BlockPosted:
    return BlockPosted(CEA, NOW_NS, OrderId(number), SELL, 4_800, lots, ParticipantId(4), 0)


def phase(phase: BlockPhase) -> BlockPhaseChanged:
    return BlockPhaseChanged(CEA, NOW_NS, phase, "why", NOW_NS + 9)


def told(data: MarketData, *events: AnyPublicEvent) -> list[Any]:
    """The messages, a restart before them and none of it lost."""
    state = data.state()
    again = MarketData()
    again.restore(state)
    assert again.state() == state
    batch = data.apply(released(*events), NOW_NS)
    assert again.apply(released(*events), NOW_NS) == batch
    assert again.state() == data.state()
    changed = batch.changes.get(CEA)
    return [] if changed is None else list(changed.messages)


def of_kind(messages: Sequence[Any], kind: type) -> list[Any]:
    return [message for message in messages if type(message) is kind]


def test_a_post_is_told_until_it_is_gone() -> None:
    data = market(BlockRules())
    (post,) = told(data, posted(7, 200))
    assert post == BlockPost(CEA, 2, OrderId(7), SELL, 4_800, 200, ParticipantId(4), 0, NOW_NS)
    told(data, posted(8, 300))
    assert of_kind(data.snapshot(CEA), BlockPost) == [
        structs.replace(post, instrument_seq=3),
        BlockPost(CEA, 3, OrderId(8), SELL, 4_800, 300, ParticipantId(4), 0, NOW_NS),
    ]
    (gone,) = told(data, posted(7, 0))
    assert isinstance(gone, BlockPost)
    assert (gone.proposal_id, gone.quantity_lots) == (7, 0)
    assert [post.proposal_id for post in of_kind(data.snapshot(CEA), BlockPost)] == [8]


def test_the_phase_of_blocks_is_told_and_comes_with_snapshots() -> None:
    data = market(BlockRules(opening_phase=BlockPhase.CLOSED))
    assert of_kind(data.snapshot(CEA), BlockPhaseUpdate) == [
        BlockPhaseUpdate(CEA, 1, BlockPhase.CLOSED, "", 0, 0)
    ]
    opened = BlockPhaseUpdate(CEA, 2, BlockPhase.OPEN, "why", NOW_NS + 9, NOW_NS)
    assert told(data, phase(BlockPhase.OPEN)) == [opened]
    assert of_kind(data.snapshot(CEA), BlockPhaseUpdate) == [opened]


def test_an_instrument_without_blocks_says_nothing_of_them() -> None:
    assert of_kind(market(None).snapshot(CEA), BlockPhaseUpdate) == []


def test_blocks_that_come_again_begin_anew() -> None:
    data = market(BlockRules())
    told(data, phase(BlockPhase.BREAK))
    for rules in (None, BlockRules(opening_phase=BlockPhase.CLOSED)):
        told(data, InstrumentDefined(NOW_NS, structs.replace(definition(), blocks=rules)))
    (update,) = of_kind(data.snapshot(CEA), BlockPhaseUpdate)
    assert update == BlockPhaseUpdate(CEA, 2, BlockPhase.CLOSED, "", 0, 0)


def test_a_block_counts_and_makes_no_price() -> None:
    data = market(BlockRules())
    messages = told(data, traded(100, 3, 1), block(40, 200, 2), traded(102, 1, 3))
    assert [type(message) for message in messages] == [Trade, Trade, Trade, Statistics, KindStatistics]
    assert figures(data) == (100, 102, 100, 102, 4, 3 * 100 + 102, 2)
    assert blocks(data) == (200, 200 * 40, 1)


def figures(data: MarketData) -> tuple[int, ...]:
    (one,) = of_kind(data.snapshot(CEA), Statistics)
    return structs.astuple(one)[2:]


def blocks(data: MarketData) -> tuple[int, ...]:
    """Volume, turnover and count of the day's blocks."""
    told = of_kind(data.snapshot(CEA), KindStatistics)
    assert all(one.kind is TradeKind.BLOCK for one in told)
    return structs.astuple(told[0])[3:] if told else (0, 0, 0)


def test_the_first_price_of_a_day_is_that_of_the_screen() -> None:
    data = market(BlockRules())
    told(data, block(40, 200))
    assert figures(data) == (0, 0, 0, 0, 0, 0, 0)
    told(data, traded(100, 3, 2))
    assert figures(data) == (100, 100, 100, 100, 3, 300, 1)
    assert blocks(data) == (200, 8_000, 1)


def test_a_block_that_is_busted_or_corrected_makes_the_sums_right_and_moves_no_price() -> None:
    data = market(BlockRules())
    told(data, traded(100, 3, 1), block(40, 200, 2), block(41, 100, 3))
    told(data, amended(TradeCorrected(CEA, NOW_NS, TradeId(2), 50, 190, 40, 200)))
    assert blocks(data) == (290, 50 * 190 + 4_100, 2)
    assert figures(data) == (100, 100, 100, 100, 3, 300, 1)
    told(data, amended(TradeBusted(CEA, NOW_NS, TradeId(3), 41, 100)))
    assert blocks(data) == (190, 50 * 190, 1)
    told(data, TradeBusted(CEA, NOW_NS, TradeId(1), 100, 3))
    assert figures(data) == (0, 0, 0, 0, 0, 0, 0)
    told(data, traded(90, 1, 4))
    assert figures(data) == (90, 90, 90, 90, 1, 90, 1)
    assert blocks(data) == (190, 50 * 190, 1)
    # The last of its kind: nothing is left of it, and who follows is told so.
    messages = told(data, amended(TradeBusted(CEA, NOW_NS, TradeId(2), 50, 190)))
    assert structs.astuple(messages[-1])[2:] == (TradeKind.BLOCK, 0, 0, 0)
    assert blocks(data) == (0, 0, 0)


def test_a_block_of_yesterday_is_none_of_today() -> None:
    data = market(BlockRules())
    told(data, block(40, 200, 1))
    told(data, PhaseChanged(CEA, NOW_NS, Phase.CLOSED, ""), PhaseChanged(CEA, NOW_NS, Phase.CONTINUOUS, ""))
    told(data, traded(100, 3, 2))
    messages = told(data, amended(TradeBusted(CEA, NOW_NS, TradeId(1), 40, 200)))
    assert [type(message) for message in messages] == [TradeBust]
    assert figures(data) == (100, 100, 100, 100, 3, 300, 1)


def test_a_block_begins_the_day_that_it_is_the_first_trade_of() -> None:
    data = market(BlockRules())
    told(data, block(40, 200, 1), PhaseChanged(CEA, NOW_NS, Phase.CLOSED, ""))
    told(data, PhaseChanged(CEA, NOW_NS, Phase.PRE_OPEN, ""), block(41, 100, 2))
    assert blocks(data) == (100, 4_100, 1)


@pytest.mark.parametrize(
    "close", [phase(BlockPhase.CLOSED), PhaseChanged(CEA, NOW_NS, Phase.CLOSED, "")], ids=["blocks", "market"]
)
def test_where_the_tape_is_late_a_block_is_told_at_the_close(close: AnyPublicEvent) -> None:
    data = market(LATE)
    assert told(data, block(40, 200, 1)) == []
    assert blocks(data) == (0, 0, 0)
    # Nothing of what does not close.
    told(data, phase(BlockPhase.BREAK), PhaseChanged(CEA, NOW_NS, Phase.BREAK, ""))
    messages = told(data, close)
    (trade,) = of_kind(messages, Trade)
    assert (trade.trade_id, trade.quantity_lots, trade.aggressor) == (1, 200, BUY)
    assert messages[0] is trade
    # It is of the day that ends.
    assert blocks(data) == (200, 8_000, 1)
    assert of_kind(told(data, close), Trade) == []


def test_what_becomes_of_a_trade_before_it_is_told_nobody_is_told() -> None:
    data = market(LATE)
    told(data, block(40, 200, 1), block(41, 100, 2))
    assert told(data, amended(TradeBusted(CEA, NOW_NS, TradeId(1), 40, 200))) == []
    assert told(data, amended(TradeCorrected(CEA, NOW_NS, TradeId(2), 45, 90, 41, 100))) == []
    (trade,) = of_kind(told(data, phase(BlockPhase.CLOSED)), Trade)
    assert (trade.trade_id, trade.price_ticks, trade.quantity_lots) == (2, 45, 90)
    assert blocks(data) == (90, 45 * 90, 1)
    # From here on it is a trade as any other.
    messages = told(data, amended(TradeCorrected(CEA, NOW_NS, TradeId(2), 44, 90, 45, 90)))
    assert [type(message) for message in messages] == [TradeCorrection, Statistics, KindStatistics]


def test_trades_of_the_screen_are_told_at_once() -> None:
    messages = told(market(LATE), traded(100, 3))
    assert [type(message) for message in messages] == [Trade, Statistics]


def test_where_an_instrument_loses_its_blocks_nothing_is_held_back_any_longer() -> None:
    data = market(LATE)
    told(data, block(40, 200, 1))
    messages = told(data, InstrumentDefined(NOW_NS, definition()))
    assert len(of_kind(messages, Trade)) == 1


LIVE_VOLUME = BlockRules(tape=BlockTape.VALUE_AT_CLOSE)


def volumes(messages: Sequence[Any]) -> list[tuple[int, int]]:
    """Lots and trades that are told without a price."""
    return [(one.volume_lots, one.trade_count) for one in of_kind(messages, BlockVolume)]


def test_where_only_the_value_is_late_the_volume_is_told_at_once() -> None:
    data = market(LIVE_VOLUME)
    messages = told(data, block(40, 200, 1))
    assert messages == [BlockVolume(CEA, 2, 200, 1, NOW_NS)]
    assert volumes(told(data, block(41, 100, 2), block(42, 50, 3))) == [(300, 2), (350, 3)]
    assert volumes(data.snapshot(CEA)) == [(350, 3)]
    assert blocks(data) == (0, 0, 0)
    messages = told(data, phase(BlockPhase.CLOSED))
    assert [(one.price_ticks, one.quantity_lots) for one in of_kind(messages, Trade)] == [
        (40, 200),
        (41, 100),
        (42, 50),
    ]
    assert volumes(messages) == [(0, 0)]
    assert blocks(data) == (350, 200 * 40 + 4_100 + 2_100, 3)
    assert volumes(data.snapshot(CEA)) == []
    assert volumes(told(data, phase(BlockPhase.CLOSED))) == []


def test_a_bust_and_a_correction_before_the_close_change_the_volume_that_is_told() -> None:
    data = market(LIVE_VOLUME)
    told(data, block(40, 200, 1), block(41, 100, 2))
    corrected = amended(TradeCorrected(CEA, NOW_NS, TradeId(1), 45, 150, 40, 200))
    assert volumes(told(data, corrected)) == [(250, 2)]
    assert volumes(told(data, amended(TradeBusted(CEA, NOW_NS, TradeId(2), 41, 100)))) == [(150, 1)]
    messages = told(data, PhaseChanged(CEA, NOW_NS, Phase.CLOSED, ""))
    (trade,) = of_kind(messages, Trade)
    assert (trade.price_ticks, trade.quantity_lots) == (45, 150)
    assert volumes(messages) == [(0, 0)]


@pytest.mark.parametrize("tape", [BlockTape.AT_ONCE, BlockTape.AT_CLOSE])
def test_with_another_tape_no_volume_is_told_apart(tape: BlockTape) -> None:
    data = market(BlockRules(tape=tape))
    messages = told(data, block(40, 200, 1), phase(BlockPhase.CLOSED))
    assert of_kind(messages, BlockVolume) == []


def test_an_instrument_that_loses_its_blocks_tells_that_nothing_waits() -> None:
    data = market(LIVE_VOLUME)
    told(data, block(40, 200, 1))
    messages = told(data, InstrumentDefined(NOW_NS, definition()))
    assert volumes(messages) == [(0, 0)]
    assert len(of_kind(messages, Trade)) == 1
