"""The mirror has at each batch what the engine's feed has: wherever it has joined itself."""

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from carbonmatch.fanout.mirror import MirroredMarket, OutOfStep
from carbonmatch.market_data.changes import FeedBatch
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.messages import (
    AuctionEnded,
    AuctionIndicated,
    AuctionRule,
    BiddingState,
    BlockPhase,
    BlockRules,
    DayEnded,
    InstrumentDefined,
    LimitsChanged,
    OrderId,
    OrderListed,
    Outputs,
    Phase,
    Ref,
    RejectReason,
    ScreenRules,
    TradeId,
)
from carbonmatch.protocol.messages import (
    BatchBegin,
    Conflated,
    FeedKind,
    SnapshotLevel,
    Subscribed,
    SubscribeRejected,
)
from tests.market_data import test_biddings as biddings
from tests.market_data import test_blocks as blocks
from tests.market_data import test_composites as composites
from tests.market_data.world import BUY, CEA, NOW_NS, SELL, definition, level, phase_changed, released, traded
from tests.market_data.worlds import histories

_KINDS: Final = (FeedKind.ALL, FeedKind.DEFAULT, FeedKind.LEVELS, FeedKind.TRADES, FeedKind.ORDERS)
_RULES: Final = structs.replace(definition(), blocks=BlockRules(), screen=ScreenRules(order_list=True))

# One of everything that a feed tells of, and some of it again.
_OF_EVERYTHING: Final = [
    released(InstrumentDefined(NOW_NS, _RULES)),
    released(composites.changed(9_500)),
    released(AuctionIndicated(CEA, NOW_NS, 100, 5, 1, 1), phase_changed(Phase.OPENING_AUCTION)),
    released(AuctionIndicated(CEA, NOW_NS, 101, 6, 0, 0), level(BUY, 100, 5, 2), level(SELL, 103, 4, 1)),
    released(
        AuctionEnded(CEA, NOW_NS, Phase.OPENING_AUCTION, 101, 6, 0, 0, AuctionRule.VOLUME, 100),
        phase_changed(Phase.CONTINUOUS),
        traded(101, 6, 1),
    ),
    released(LimitsChanged(CEA, NOW_NS, 100, 90, 110, 0)),
    released(biddings.announced(biddings.FIRST), biddings.announced(biddings.SECOND)),
    released(biddings.changed(biddings.FIRST, BiddingState.OPEN)),
    released(biddings.ended(biddings.FIRST)),
    released(blocks.posted(1, 50), blocks.posted(2, 60)),
    released(blocks.phase(BlockPhase.OPEN), blocks.posted(1, 0)),
    released(blocks.block(95, 500, 2), composites.changed(9_600)),
    structs.replace(
        released(level(BUY, 99, 2, 1)),
        orders=[OrderListed(CEA, OrderId(number), BUY, 100 - number, 2, True) for number in (1, 2)],
    ),
    structs.replace(released(level(BUY, 99, 0, 0)), orders=[OrderListed(CEA, OrderId(1), BUY, 99, 0, False)]),
    released(DayEnded(CEA, NOW_NS, 2026_03_02, 1, 9, 0, TradeId(0), TradeId(2), 101, 101, 101, 101)),
    released(InstrumentDefined(NOW_NS, structs.replace(_RULES, blocks=None))),
]


class Feed:
    """The engine's, and what it says to one subscriber of everything."""

    def __init__(self) -> None:
        self.market_data = MarketData()

    def apply(self, outputs: Outputs) -> list[list[Any]]:
        """The frames of a batch: one, or none."""
        batch: FeedBatch = self.market_data.apply(outputs, NOW_NS)
        if not batch.changes:
            return []
        head = BatchBegin(batch.feed_sequence, batch.time_ns, batch.feed_sequence - 1)
        return [[head, *(message for changes in batch.changes.values() for message in changes.messages)]]

    def joining(self) -> list[list[Any]]:
        known = self.market_data.followed_ids()
        begun = Subscribed(Ref(1), len(known), self.market_data.feed_sequence)
        return [[begun], *(self.market_data.snapshot(each) for each in known)]

    def compare(self, mirror: MirroredMarket) -> None:
        market_data = self.market_data
        assert mirror.followed_ids() == market_data.followed_ids()
        for each in market_data.followed_ids():
            for kinds in _KINDS:
                for levels_max in (0, 1):
                    expected = market_data.snapshot(each, kinds, levels_max)
                    assert mirror.snapshot(each, kinds, levels_max) == expected


def mirrored(history: list[Outputs], joins_after: int) -> None:
    """Play the history to a mirror that joins after so many batches, and compare after each."""
    feed = Feed()
    for outputs in history[:joins_after]:
        feed.apply(outputs)
    mirror = MirroredMarket()
    for frame in feed.joining():
        assert mirror.take(frame) is None
    assert mirror.is_complete
    mirror.ready()
    feed.compare(mirror)
    for outputs in history[joins_after:]:
        for frame in feed.apply(outputs):
            batch = mirror.take(frame)
            assert batch is not None
            assert [message for one in batch.changes.values() for message in one.messages] == frame[1:]
            assert mirror.feed_sequence == feed.market_data.feed_sequence
        feed.compare(mirror)


@settings(max_examples=60)
@given(histories(), st.integers(1, 12))
def test_whatever_happens_it_is_the_engines_feed_again(history: list[Outputs], joins_after: int) -> None:
    mirrored(history, min(joins_after, len(history)))


@pytest.mark.parametrize("joins_after", range(1, len(_OF_EVERYTHING) + 1))
def test_everything_that_a_feed_tells_of_is_told_again(joins_after: int) -> None:
    mirrored(_OF_EVERYTHING, joins_after)


# --- what does not fit ---------------------------------------------------------------------------


def ready() -> tuple[Feed, MirroredMarket]:
    feed, mirror = Feed(), MirroredMarket()
    feed.apply(_OF_EVERYTHING[0])
    for frame in feed.joining():
        mirror.take(frame)
    mirror.ready()
    return feed, mirror


def test_a_batch_that_is_missing_is_seen() -> None:
    feed, mirror = ready()
    feed.apply(released(level(BUY, 100, 5, 2)))
    (frame,) = feed.apply(released(level(BUY, 101, 5, 2)))
    with pytest.raises(OutOfStep, match="BATCH_GAP"):
        mirror.take(frame)


def test_batches_that_were_left_out_are_begun_anew_for() -> None:
    _, mirror = ready()
    with pytest.raises(OutOfStep, match="too slow for 3 batches"):
        mirror.take([Conflated(3, 4, (CEA,), 1)])


def test_a_snapshot_that_is_not_what_was_sent_is_seen() -> None:
    feed, mirror = Feed(), MirroredMarket()
    feed.apply(_OF_EVERYTHING[0])
    feed.apply(released(level(BUY, 100, 5, 2)))
    begun, snapshot = feed.joining()
    mirror.take(begun)
    at = next(at for at, message in enumerate(snapshot) if type(message) is SnapshotLevel)
    wrong = [*snapshot[:at], structs.replace(snapshot[at], quantity_lots=6), *snapshot[at + 1 :]]
    with pytest.raises(OutOfStep, match="CHECKSUM"):
        mirror.take(wrong)


def test_a_refused_subscription_is_said() -> None:
    with pytest.raises(OutOfStep, match="subscription refused: SUBSCRIPTION"):
        MirroredMarket().take([SubscribeRejected(Ref(1), RejectReason.SUBSCRIPTION, "no")])
