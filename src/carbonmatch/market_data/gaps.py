"""What subscribers have lost: given again from memory, or from the journal, or answered with snapshots.

Memory has the newest batches. What is older has to be made again from the journal, which takes a while and
is done elsewhere (`server.gap_fills`): until then such a subscriber hears nothing, then what it has lost, in
order, and goes on without a hole.
"""

from collections.abc import Sequence

from carbonmatch.limits import FEED_GAP_MESSAGES_MAX, FEED_JOURNAL_GAP_BATCHES_MAX
from carbonmatch.matching.messages import Ref, RejectReason
from carbonmatch.protocol.messages import FeedSource, GapFilled, GapRequest, SubscribeRejected
from carbonmatch.protocol.throttle import TokenBucket

from .changes import FeedBatch
from .feed import MarketData
from .payloads import Payloads
from .subscriber import Lost, Subscriber


class Gaps:
    """The answers to those who have lost something."""

    def __init__(self, market_data: MarketData, payloads: Payloads, source: FeedSource) -> None:
        """`source` is what readers are told of where batches come from that memory has."""
        # Whether there is somebody who has the journal read.
        self.has_journal = False
        self._market_data = market_data
        self._payloads = payloads
        self._source = source

    def request(self, subscriber: Subscriber, request: GapRequest, time_ns: int) -> list[bytes]:
        """The answer; see `Subscriptions.request_gap`."""
        ref, group, instrument_id = request.ref, subscriber.group, request.instrument_id
        if instrument_id and instrument_id not in self._market_data:
            return self._rejected(ref, RejectReason.UNKNOWN_INSTRUMENT, f"instrument {instrument_id}")
        if group is None or (instrument_id and not group.interest.hears(instrument_id)):
            return self._rejected(ref, RejectReason.SUBSCRIPTION, f"instrument {instrument_id}")
        if subscriber.lost is not None:
            return self._rejected(ref, RejectReason.SUBSCRIPTION, "what was lost before is being read")
        if instrument_id:
            subscriber.wait([instrument_id], time_ns)
            return []
        after_sequence = request.after_feed_sequence
        if after_sequence and not subscriber.pending:
            missed = self.since(subscriber, ref, after_sequence, time_ns)
            if missed is None and request.from_journal:
                missed = self.wait_for_journal(subscriber, ref, after_sequence)
            if missed is not None:
                return missed
        return self._with_snapshots(subscriber, ref, after_sequence, time_ns)

    def since(
        self, subscriber: Subscriber, ref: Ref, after_sequence: int, time_ns: int
    ) -> list[bytes] | None:
        """Every batch after this one; None where there are too many, or they are not kept any more."""
        if self._market_data.feed_sequence - after_sequence > FEED_GAP_MESSAGES_MAX:
            # Each batch has a message at least.
            return None
        batches = self._kept_since(after_sequence)
        if batches is None or not _may_look_at(subscriber, len(batches), time_ns):
            return None
        message_count = self._message_count(subscriber, batches)
        # Each batch that was looked at has been paid for as one.
        if message_count is None or not _may_look_at(
            subscriber, max(message_count - len(batches), 0), time_ns
        ):
            return None
        return self._again(subscriber, ref, after_sequence, batches, self._source)

    # --- from the journal --------------------------------------------------------------------------

    def wait_for_journal(self, subscriber: Subscriber, ref: Ref, after_sequence: int) -> list[bytes] | None:
        """Let it hear nothing until the journal was read for it; None where that is not to be had."""
        missing = self._market_data.feed_sequence - after_sequence
        if not self.has_journal or not 0 < missing <= FEED_JOURNAL_GAP_BATCHES_MAX:
            return None
        subscriber.lost = Lost(ref, after_sequence)
        return []

    def catch_up(self, subscriber: Subscriber, after_sequence: int) -> list[bytes] | None:
        """What came behind that which the journal has given, from memory, and it hears everything again.

        None: memory does not reach so far back. The journal has more by now.
        """
        lost = subscriber.lost
        assert lost is not None
        batches = self._kept_since(after_sequence)
        if batches is None or self._message_count(subscriber, batches) is None:
            return None
        subscriber.lost = None
        subscriber.feed_sequence = self._market_data.feed_sequence
        return self._again(subscriber, lost.ref, after_sequence, batches, self._source)

    def give_up(self, subscriber: Subscriber, time_ns: int) -> list[bytes]:
        """The journal could not be read for it, or not to the end: snapshots."""
        lost = subscriber.lost
        assert lost is not None
        subscriber.lost = None
        subscriber.feed_sequence = self._market_data.feed_sequence
        return self._with_snapshots(subscriber, lost.ref, lost.after_sequence, time_ns)

    # --- answers -----------------------------------------------------------------------------------

    def _kept_since(self, after_sequence: int) -> list[FeedBatch] | None:
        return self._market_data.recent.since(after_sequence, self._market_data.feed_sequence)

    def _message_count(self, subscriber: Subscriber, batches: Sequence[FeedBatch]) -> int | None:
        """How many messages they are for it; None: its levels were not looked at in all of them."""
        group = subscriber.group
        assert group is not None
        interest = group.interest
        changes = [
            changed
            for batch in batches
            for instrument_id, changed in batch.changes.items()
            if interest.hears(instrument_id)
        ]
        if not all(changed.has_window(interest.levels_max) for changed in changes):
            return None
        return sum([changed.count(interest.kinds) for changed in changes])

    def _again(
        self,
        subscriber: Subscriber,
        ref: Ref,
        after_sequence: int,
        batches: Sequence[FeedBatch],
        source: FeedSource,
    ) -> list[bytes]:
        assert subscriber.group is not None
        interest, until_sequence = subscriber.group.interest, self._market_data.feed_sequence
        return [self._payloads.gap(ref, after_sequence, batches, interest, source, until_sequence)]

    def _with_snapshots(
        self, subscriber: Subscriber, ref: Ref, after_sequence: int, time_ns: int
    ) -> list[bytes]:
        group = subscriber.group
        assert group is not None
        instrument_ids = group.interest.instrument_ids or self._market_data.followed_ids()
        subscriber.wait(sorted(instrument_ids), time_ns)
        feed_sequence, count = self._market_data.feed_sequence, len(subscriber.pending)
        answer = GapFilled(ref, after_sequence, feed_sequence, FeedSource.SNAPSHOT, count)
        return [self._payloads.answer(answer)]

    def _rejected(self, ref: Ref, reason: RejectReason, text: str) -> list[bytes]:
        return [self._payloads.answer(SubscribeRejected(ref, reason, text))]


def _may_look_at(subscriber: Subscriber, message_count: int, time_ns: int) -> bool:
    """Whether so many messages are not too many at once, nor in a second."""
    if message_count > FEED_GAP_MESSAGES_MAX:
        return False
    if subscriber.gaps is None:
        subscriber.gaps = TokenBucket(FEED_GAP_MESSAGES_MAX, FEED_GAP_MESSAGES_MAX, time_ns)
    return not subscriber.gaps.take(message_count, time_ns)
