"""Subscribers who hear the same: what they asked for, and what the newest batches are to them."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from carbonmatch.limits import CONFLATE_MS_STEP
from carbonmatch.matching.messages import InstrumentId
from carbonmatch.protocol.messages import FeedKind, Subscribe

from .changes import ALWAYS, FeedBatch

_NS_PER_MS: Final = 1_000_000


class Interest(Struct, frozen=True):
    """What a subscription is for. Equal interests hear the same bytes."""

    instrument_ids: frozenset[InstrumentId] | None  # None: all, also those that are defined later
    kinds: int
    levels_max: int  # of each side; 0: all
    conflate_ms: int  # 0: every batch

    @classmethod
    def of(cls, request: Subscribe) -> "Interest":
        return cls(
            frozenset(request.instrument_ids) or None,
            request.kinds,
            request.levels_max if request.kinds & FeedKind.LEVELS else 0,
            -(-request.conflate_ms // CONFLATE_MS_STEP) * CONFLATE_MS_STEP,
        )

    def hears(self, instrument_id: InstrumentId) -> bool:
        return self.instrument_ids is None or instrument_id in self.instrument_ids


class Group:
    """Invariant: `portion` are the batches that its subscribers are offered now, of which `feed_sequence` is
    the last, and `changed` the instruments that have messages in them for this group.

    A group that conflates is offered what has gathered, at the earliest at `due_ns`.
    """

    __slots__ = (
        "batch_count",
        "changed",
        "due_ns",
        "feed_sequence",
        "interest",
        "is_too_long",
        "payload",
        "portion",
        "previous_sequence",
        "subscriber_count",
        "told_sequence",
    )

    def __init__(self, interest: Interest, feed_sequence: int) -> None:
        self.interest = interest
        self.subscriber_count = 0
        self.feed_sequence = feed_sequence
        self.due_ns = 0
        # The last batches with something for it, and those before them.
        self.told_sequence = self.previous_sequence = feed_sequence
        self.portion: Sequence[FeedBatch] = ()
        self.batch_count = 0  # how many of them there are, also where they are not known any more
        self.changed: dict[InstrumentId, int] = {}
        self.is_too_long = False
        # As they are sent: made when the first subscriber is to get them.
        self.payload: bytes | None = None

    def take(self, batch: FeedBatch, messages_max: int) -> None:
        """Make this the portion: the batch behind the one before."""
        self._begin((batch,), self._changed_in(batch), batch.feed_sequence, messages_max)

    def take_gathered(self, batches: Sequence[FeedBatch], messages_max: int) -> None:
        """Make these the portion: every batch since the one before."""
        changed: dict[InstrumentId, int] = {}
        for batch in batches:
            for instrument_id, message_count in self._changed_in(batch).items():
                changed[instrument_id] = changed.get(instrument_id, 0) + message_count
        self._begin(batches, changed, batches[-1].feed_sequence, messages_max)

    def take_unknown(self, changed: Iterable[InstrumentId], feed_sequence: int) -> None:
        """Batches that are not kept any more: only which instruments have changed is known of them."""
        self._begin((), dict.fromkeys(changed, 1), feed_sequence, 0)

    def _changed_in(self, batch: FeedBatch) -> dict[InstrumentId, int]:
        """The instruments with messages for this group, and how many, or a few more."""
        interest = self.interest
        heard = interest.kinds | ALWAYS
        levels_max, instrument_ids = interest.levels_max, interest.instrument_ids
        changed = {}
        for instrument_id, changes in batch.changes.items():
            if instrument_ids is not None and instrument_id not in instrument_ids:
                continue
            kinds = changes.kinds_within(levels_max) if levels_max else changes.kinds
            if kinds & heard:
                changed[instrument_id] = changes.count(heard)
        return changed

    def _begin(
        self,
        batches: Sequence[FeedBatch],
        changed: dict[InstrumentId, int],
        feed_sequence: int,
        messages_max: int,
    ) -> None:
        self.batch_count = feed_sequence - self.feed_sequence
        self.feed_sequence = feed_sequence
        self.portion = batches
        self.changed = changed
        self.payload = None
        if changed:
            self.previous_sequence, self.told_sequence = self.told_sequence, feed_sequence
            self.is_too_long = sum(changed.values()) > messages_max

    def wait(self, time_ns: int) -> None:
        """The next portion is due an interval from now."""
        self.due_ns = time_ns + self.interest.conflate_ms * _NS_PER_MS
