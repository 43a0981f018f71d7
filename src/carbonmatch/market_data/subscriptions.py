"""Who hears what, and what becomes of those who cannot keep up. Pure: the server owns the sockets.

The server's side of it, all of it in one turn of its loop for each batch:

    subscriptions.publish(market_data.apply(outputs, time_ns))
    for each connection: write what `offer` returns, if anything

and for each connection on its own:

    request in:      write what `subscribe` or `request_gap` returns
    while waiting:   when the buffer has drained, and in a later turn after each request and batch,
                     write all that `drained` returns; again until `is_waiting` is over
    at `due_ns`:     `begin_turn`, and offer again, to those whose batches are put together
    now and then:    cut the connection if `is_stalled`

Costs: all subscribers of a group (same instruments, kinds, levels and interval) are given the same bytes
object: see `payloads`.

Conflation: a subscriber either follows the increments, or waits for snapshots and hears nothing else.
It waits after it has joined, after it has asked for a snapshot, and after a batch came that was too
long, or while it had too much unsent. What it then holds is a set of instruments, so it costs the
same however far behind it is; where batches were left out, `Conflated` says how many. Once the set is
empty it is back on increments, and has missed nothing but the states in between.

Bounds: a group exists while it has subscribers; a waiting subscriber is given about
CONFLATE_BUFFER_BYTES at a time, one snapshot at least. The server has to stop reading from a
connection whose buffer is above that too, or answers to requests would gather there.
"""

from collections import OrderedDict
from collections.abc import Callable

from carbonmatch.limits import (
    CONFLATE_BUFFER_BYTES,
    FEED_BATCH_MESSAGES_MAX,
    FEED_TURN_BATCHES_MAX,
    SUBSCRIBERS_MAX,
)
from carbonmatch.matching.messages import RejectReason
from carbonmatch.protocol.messages import (
    Conflated,
    FeedSource,
    GapRequest,
    Subscribe,
    Subscribed,
    SubscribeRejected,
)

from .changes import FeedBatch
from .feed import MarketData
from .gaps import Gaps
from .groups import Group, Interest
from .payloads import Payloads
from .subscriber import Subscriber
from .windows import Windows


class Subscriptions:
    """All subscribers of one feed. Each is offered every batch, or is waiting for snapshots."""

    def __init__(
        self,
        market_data: MarketData,
        frame: Callable[[bytes], bytes] = bytes,
        conflate_buffer_bytes: int = CONFLATE_BUFFER_BYTES,
        batch_messages_max: int = FEED_BATCH_MESSAGES_MAX,
        gap_source: FeedSource = FeedSource.MEMORY,
    ) -> None:
        """`frame` is applied once to each payload before it is shared, as `protocol.frames.frame`.

        `gap_source` is what readers are told of where batches come from that memory has.
        """
        self._conflate_buffer_bytes = conflate_buffer_bytes
        self._batch_messages_max = batch_messages_max
        self.subscriber_count = 0
        self.conflation_count = 0
        self.batches_left_out_count = 0
        self._market_data = market_data
        self._payloads = Payloads(market_data, frame)
        self.gaps = Gaps(market_data, self._payloads, gap_source)
        self._windows = Windows(market_data)
        self._groups: dict[Interest, Group] = {}
        # Those of them that do not hear every batch.
        self._conflating: dict[Interest, Group] = {}
        self._batch = FeedBatch(market_data.feed_sequence, 0, {}, 0)
        # How many gathered batches were looked through in this turn.
        self._turn_batches = 0

    @property
    def is_full(self) -> bool:
        return self.subscriber_count >= SUBSCRIBERS_MAX

    @property
    def group_count(self) -> int:
        return len(self._groups)

    # --- who -------------------------------------------------------------------------------------

    def join(self) -> Subscriber:
        """A connection that hears nothing yet. Whoever accepts it has asked `is_full` first."""
        assert not self.is_full
        self.subscriber_count += 1
        return Subscriber()

    def leave(self, subscriber: Subscriber) -> None:
        self.subscriber_count -= 1
        self._leave_group(subscriber)
        subscriber.pending.clear()
        subscriber.lost = None

    def subscribe(self, subscriber: Subscriber, request: Subscribe, time_ns: int) -> list[bytes]:
        """The answer. A refused request leaves the subscription as it was."""
        unknown = [wanted for wanted in request.instrument_ids if wanted not in self._market_data]
        if unknown:
            rejected = SubscribeRejected(
                request.ref, RejectReason.UNKNOWN_INSTRUMENT, f"instrument {unknown[0]}"
            )
            return [self._payloads.answer(rejected)]
        group = self._group(Interest.of(request))
        group.subscriber_count += 1
        self._leave_group(subscriber)
        subscriber.group = group
        feed_sequence = subscriber.feed_sequence = self._market_data.feed_sequence
        subscriber.batches_left_out = 0
        subscriber.waiting_since_ns = time_ns
        subscriber.pending.clear()
        subscriber.lost = None
        after_sequence = request.after_feed_sequence
        if after_sequence:
            missed = self.gaps.since(subscriber, request.ref, after_sequence, time_ns)
            if missed is None and request.from_journal:
                missed = self.gaps.wait_for_journal(subscriber, request.ref, after_sequence)
            if missed is not None:
                resumed = Subscribed(request.ref, 0, feed_sequence, is_resumed=True)
                return [self._payloads.answer(resumed), *missed]
        instrument_ids = dict.fromkeys(request.instrument_ids) or self._market_data.followed_ids()
        subscriber.pending = OrderedDict.fromkeys(instrument_ids)
        return [self._payloads.answer(Subscribed(request.ref, len(subscriber.pending), feed_sequence))]

    def _group(self, interest: Interest) -> Group:
        group = self._groups.get(interest)
        if group is None:
            group = self._groups[interest] = Group(interest, self._market_data.feed_sequence)
            if interest.levels_max:
                self._windows.follow(interest.instrument_ids, interest.levels_max)
            if interest.conflate_ms:
                self._conflating[interest] = group
        return group

    def _leave_group(self, subscriber: Subscriber) -> None:
        group = subscriber.group
        if group is None:
            return
        subscriber.group = None
        group.subscriber_count -= 1
        if not group.subscriber_count:
            interest = group.interest
            del self._groups[interest]
            self._conflating.pop(interest, None)
            if interest.levels_max:
                self._windows.forget(interest.instrument_ids, interest.levels_max)

    # --- what somebody has missed ------------------------------------------------------------------

    def request_gap(self, subscriber: Subscriber, request: GapRequest, time_ns: int) -> list[bytes]:
        """The answer. Snapshots come from `drained`; for what is `lost` the caller has the journal read."""
        return self.gaps.request(subscriber, request, time_ns)

    # --- increments --------------------------------------------------------------------------------

    def publish(self, batch: FeedBatch) -> None:
        """Make this the batch that is offered."""
        assert batch.feed_sequence == self._market_data.feed_sequence, "batches are published in order"
        if not batch.changes:
            return
        self._batch = batch
        self._payloads.begin_batch()
        if self._windows:
            self._windows.cut(batch)

    def begin_turn(self) -> None:
        """All are offered what there is from now on, in another turn of the loop than before."""
        self._turn_batches = 0

    @property
    def due_ns(self) -> int | None:
        """When to offer again although no batch has come; None: not before one has."""
        if not self._conflating:
            return None
        waiting = [
            group.due_ns
            for group in self._conflating.values()
            if group.feed_sequence < self._batch.feed_sequence
        ]
        return min(waiting, default=None)

    def offer(self, subscriber: Subscriber, buffered_bytes: int, time_ns: int) -> bytes | None:
        """What is new for this subscriber, or None: nothing is for it, or it has to wait.

        `buffered_bytes` is what its connection has not sent yet.
        """
        group = subscriber.group
        batch = self._batch
        if group is None or subscriber.feed_sequence >= batch.feed_sequence:
            return None
        if group.feed_sequence != batch.feed_sequence:
            if not group.interest.conflate_ms:
                assert group.feed_sequence == batch.feed_sequence - 1, "each is offered every batch"
                group.take(batch, self._batch_messages_max)
            elif time_ns >= group.due_ns and self._turn_batches < FEED_TURN_BATCHES_MAX:
                self._take_gathered(group, time_ns)
            if subscriber.feed_sequence >= group.feed_sequence:
                return None
        subscriber.feed_sequence = group.feed_sequence
        if not group.changed or subscriber.lost is not None:
            return None
        if subscriber.pending or buffered_bytes > self._conflate_buffer_bytes or group.is_too_long:
            self._leave_out(subscriber, group, time_ns)
            return None
        payload = group.payload
        if payload is None:
            payload = group.payload = self._payloads.portion(group)
        return payload

    def _take_gathered(self, group: Group, time_ns: int) -> None:
        feed_sequence = self._batch.feed_sequence
        group.wait(time_ns)
        # Where there are too many messages anyhow, nobody has to look at them.
        if feed_sequence - group.feed_sequence <= FEED_BATCH_MESSAGES_MAX:
            batches = self._market_data.recent.since(group.feed_sequence, feed_sequence)
            if batches is not None:
                self._turn_batches += len(batches)
                group.take_gathered(batches, self._batch_messages_max)
                return
        changed_at = self._market_data.changed_at
        instrument_ids = group.interest.instrument_ids or self._market_data.followed_ids()
        changed = [each for each in sorted(instrument_ids) if changed_at(each) > group.feed_sequence]
        group.take_unknown(changed, feed_sequence)

    # --- snapshots, and those who wait for them ------------------------------------------------------

    def drained(self, subscriber: Subscriber, time_ns: int, buffered_bytes: int = 0) -> list[bytes]:
        """What to send now to one that waits: up to about CONFLATE_BUFFER_BYTES in its buffer.

        Nothing while the buffer is above that. Where `is_waiting` still holds afterwards, there is
        more to come once this has been sent.
        """
        room = self._conflate_buffer_bytes - buffered_bytes
        group = subscriber.group
        if group is None or not subscriber.pending or room < 0:
            return []
        if subscriber.feed_sequence < self._batch.feed_sequence:
            # The current batch has not been offered to it yet: the snapshots will hold it already.
            self.offer(subscriber, buffered_bytes, time_ns)
        subscriber.waiting_since_ns = time_ns
        payloads = []
        if subscriber.batches_left_out:
            conflated = Conflated(
                subscriber.batches_left_out,
                self._market_data.feed_sequence,
                tuple(subscriber.pending),
                subscriber.left_out_after,
            )
            payloads.append(self._payloads.answer(conflated))
            subscriber.batches_left_out = 0
        while subscriber.pending and room >= 0:
            instrument_id, _ = subscriber.pending.popitem(last=False)
            payload = self._payloads.snapshot(instrument_id, group.interest)
            room -= len(payload)
            payloads.append(payload)
        return payloads

    def _leave_out(self, subscriber: Subscriber, group: Group, time_ns: int) -> None:
        if not subscriber.batches_left_out:
            self.conflation_count += 1
            subscriber.left_out_after = group.previous_sequence
        subscriber.batches_left_out += group.batch_count
        self.batches_left_out_count += group.batch_count
        subscriber.wait(group.changed, time_ns)
