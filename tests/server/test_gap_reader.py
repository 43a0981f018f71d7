"""Lost batches made again from the journal: what a reader who was there has heard, and no more."""

from itertools import pairwise
from random import Random
from typing import Any, Final

import pytest

from carbonmatch.market_data.groups import Interest
from carbonmatch.market_data.subscriber import Subscriber
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import InstrumentId, Ref
from carbonmatch.protocol.codec import decode_feed
from carbonmatch.protocol.frames import FrameReader
from carbonmatch.protocol.messages import BatchBegin, FeedKind, FeedSource, GapFilled, Subscribe
from carbonmatch.server import gap_reader
from carbonmatch.server.gap_reader import GapReader
from tests.journal.model_disk import ModelDisk
from tests.matching.worlds import seeded
from tests.server.journaled import Journaled

FIRST, SECOND = InstrumentId(1), InstrumentId(2)
WANTED: Final = (
    Subscribe(Ref(1)),
    Subscribe(Ref(1), (), FeedKind.ALL, 2),
    Subscribe(Ref(1), (FIRST,), FeedKind.LEVELS, 1),
    Subscribe(Ref(1), (SECOND,), FeedKind.TRADES | FeedKind.STATISTICS),
    Subscribe(Ref(1), (FIRST, SECOND), FeedKind.ORDERS | FeedKind.LEVELS, 5),
)
COMMANDS: Final = 1_200


class Told:
    """A journal over stops, kills, snapshots and segments, and what each subscriber was told meanwhile."""

    def __init__(self, disk: ModelDisk, seed: int) -> None:
        chance = Random(seed)
        self.writer = Journaled(disk)
        self.positions: list[int] = []  # up to which all is durable, now and then
        self.heard: dict[Subscribe, list[Any]] = {wanted: [] for wanted in WANTED}
        subscribers: dict[Subscribe, Subscriber] = {}
        subscriptions = Subscriptions(self.writer.state.market_data)
        for entry in seeded(seed, COMMANDS):
            self._take(subscriptions, subscribers, entry)
            for wanted in WANTED if not subscribers else ():
                subscribers[wanted] = subscriptions.join()
                subscriptions.subscribe(subscribers[wanted], wanted, 0)
                subscriptions.drained(subscribers[wanted], 0)
            if chance.random() < 0.02:
                self._go_on(disk, is_clean=chance.random() < 0.5)
            self.positions.append(self.writer.writer.durable_position)

    def _take(
        self, subscriptions: Subscriptions, subscribers: dict[Subscribe, Subscriber], entry: Any
    ) -> None:
        market_data = self.writer.state.market_data
        before = market_data.feed_sequence
        self.writer.batch([entry])
        for batch in market_data.recent.since(before, market_data.feed_sequence) or []:
            subscriptions.publish(batch)
            for wanted, subscriber in subscribers.items():
                payload = subscriptions.offer(subscriber, 0, 0)
                self.heard[wanted] += [] if payload is None else decode_feed(payload)

    def _go_on(self, disk: ModelDisk, *, is_clean: bool) -> None:
        state = self.writer.state
        if is_clean:
            self.writer.stop()
        disk.process()
        self.writer = Journaled(disk)
        self.writer.state = state


def frames(pieces: list[bytes]) -> list[list[Any]]:
    reader = FrameReader(2**24)
    return [decode_feed(payload) for piece in pieces for payload in reader.feed(piece)]


def batches(heard: list[Any]) -> list[list[Any]]:
    """Each with its messages; which one came before it is not of the batch."""
    found: list[list[Any]] = []
    for message in heard:
        if isinstance(message, BatchBegin):
            found.append([message.feed_sequence, message.time_ns])
        else:
            found[-1].append(message)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_whatever_was_lost_is_given_again_as_it_was(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gap_reader, "FEED_GAP_MESSAGES_MAX", 200)
    disk = ModelDisk()
    told = Told(disk, seed)
    chance = Random(seed)
    last = told.writer.state.market_data.feed_sequence
    for wanted in WANTED:
        assert len(batches(told.heard[wanted])) > 5
        for after in (1, last, *(chance.randint(2, last - 1) for _ in range(3))):
            reader = GapReader(disk, Interest.of(wanted), Ref(7), after)
            # First what was durable at some time, which may lie before the gap, then all.
            pieces = list(reader.pieces(chance.choice(told.positions)))
            pieces += reader.pieces(told.positions[-1])
            assert_is(frames(pieces), after, told.heard[wanted])
            assert list(reader.pieces(told.positions[-1])) == []


def assert_is(found: list[list[Any]], after: int, live: list[Any]) -> None:
    expected = [batch for batch in batches(live) if batch[0] > after]
    assert [batch for _, *messages in found for batch in batches(messages)] == expected
    heads = [head for head, *_ in found]
    assert all(isinstance(head, GapFilled) and head.source is FeedSource.JOURNAL for head in heads)
    assert all(head.count == len(batches(messages)) for head, *messages in found)
    # One goes on where the one before it has ended, and each batch names the one before it in its piece.
    ends = [after, *(head.feed_sequence for head in heads)]
    assert [head.after_feed_sequence for head in heads] == ends[:-1]
    for head, *messages in found:
        begun = [message for message in messages if isinstance(message, BatchBegin)]
        assert all(later.previous_feed_sequence == one.feed_sequence for one, later in pairwise(begun))
        assert not begun or begun[0].previous_feed_sequence == head.after_feed_sequence
