"""Who hears what, and what becomes of those who cannot keep up. Pure: the server owns the sockets.

The server's side of it, all of it in one turn of its loop for each batch:

    subscriptions.publish(market_data.apply(outputs, time_ns))
    for each connection: write what `offer` returns, if anything

and for each connection on its own:

    request in:      write what `subscribe` or `request_snapshot` returns
    while waiting:   when the buffer has drained, and in a later turn after each request and batch,
                     write all that `drained` returns; again until `is_waiting` is over
    now and then:    cut the connection if `is_stalled`

Costs: each instrument is encoded once a batch for each set of kinds that differs there, a batch is
put together once for each group (subscribers of the same instruments and kinds), and all subscribers
of a group are given the same bytes object. A snapshot is encoded once for each state of its instrument.

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
from typing import Final

import msgspec

from carbonmatch.limits import (
    CONFLATE_BUFFER_BYTES,
    FEED_BATCH_MESSAGES_MAX,
    FEED_BEHIND_SECONDS_MAX,
    SUBSCRIBERS_MAX,
)
from carbonmatch.matching.messages import InstrumentId, Ref, RejectReason
from carbonmatch.protocol.messages import (
    BatchBegin,
    Conflated,
    GapRequest,
    Subscribe,
    Subscribed,
    SubscribeRejected,
)

from .changes import ALWAYS
from .feed import FeedBatch, MarketData

_BEHIND_NS_MAX: Final = int(FEED_BEHIND_SECONDS_MAX * 1_000_000_000)

_encode: Final = msgspec.msgpack.Encoder().encode


class Group:
    """Subscribers of the same instruments and kinds, and what the current batch is to them."""

    __slots__ = (
        "changed",
        "feed_sequence",
        "instrument_ids",
        "is_batch_too_long",
        "kinds",
        "payload",
        "subscriber_count",
    )

    def __init__(self, instrument_ids: frozenset[InstrumentId] | None, kinds: int) -> None:
        self.instrument_ids = instrument_ids  # None: all, also those that are defined later
        self.kinds = kinds
        self.subscriber_count = 0
        # Of the batch `feed_sequence`: the instruments that have messages for this group, and those
        # messages as they are sent (made when the first subscriber is to get them).
        self.feed_sequence = 0
        self.changed: list[InstrumentId] = []
        self.is_batch_too_long = False
        self.payload: bytes | None = None

    def hears(self, instrument_id: InstrumentId) -> bool:
        return self.instrument_ids is None or instrument_id in self.instrument_ids


class Subscriber:
    """One connection. Invariant: it gets no increments while `pending` has instruments.

    Written by Subscriptions only.
    """

    __slots__ = ("batches_left_out", "feed_sequence", "group", "pending", "waiting_since_ns")

    def __init__(self) -> None:
        self.group: Group | None = None
        self.feed_sequence = 0  # the last batch it was offered
        # Instruments to send a snapshot of, the longest waiting first (a dict does not give its
        # first key in constant time once keys before it were taken out).
        self.pending: OrderedDict[InstrumentId, None] = OrderedDict()
        self.batches_left_out = 0
        self.waiting_since_ns = 0

    @property
    def is_waiting(self) -> bool:
        """Whether `drained` has something for it."""
        return bool(self.pending)

    def is_stalled(self, time_ns: int) -> bool:
        """Whether its buffer has not drained for too long: it is to be cut.

        Some progress is not enough: one that takes a byte now and then would hold old snapshots
        in memory for ever.
        """
        return bool(self.pending) and time_ns - self.waiting_since_ns > _BEHIND_NS_MAX


class Subscriptions:
    """All subscribers of one feed. Each is offered every batch, or is waiting for snapshots."""

    def __init__(
        self,
        market_data: MarketData,
        frame: Callable[[bytes], bytes] = bytes,
        conflate_buffer_bytes: int = CONFLATE_BUFFER_BYTES,
        batch_messages_max: int = FEED_BATCH_MESSAGES_MAX,
    ) -> None:
        """`frame` is applied once to each payload before it is shared, as `protocol.frames.frame`."""
        self._conflate_buffer_bytes = conflate_buffer_bytes
        self._batch_messages_max = batch_messages_max
        self.subscriber_count = 0
        self.conflation_count = 0
        self.batches_left_out_count = 0
        self._market_data = market_data
        self._frame = frame
        self._groups: dict[tuple[frozenset[InstrumentId] | None, int], Group] = {}
        self._batch = FeedBatch(market_data.feed_sequence, 0, {})
        # Of the current batch, by instrument and kinds: how many messages, and their bytes.
        self._chunks: dict[tuple[InstrumentId, int], tuple[int, bytes]] = {}
        # By instrument and kinds: the state (see `MarketData.changed_at`), and its snapshot's bytes.
        self._snapshots: dict[tuple[InstrumentId, int], tuple[int, bytes]] = {}

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

    def subscribe(self, subscriber: Subscriber, request: Subscribe, time_ns: int) -> bytes:
        """The answer. A refused request leaves the subscription as it was."""
        unknown = [wanted for wanted in request.instrument_ids if wanted not in self._market_data]
        if unknown:
            return self._rejected(request.ref, RejectReason.UNKNOWN_INSTRUMENT, unknown[0])
        instrument_ids = list(dict.fromkeys(request.instrument_ids))

        self._leave_group(subscriber)
        subscriber.group = self._group(frozenset(instrument_ids) or None, request.kinds)
        subscriber.group.subscriber_count += 1
        subscriber.feed_sequence = self._market_data.feed_sequence
        subscriber.batches_left_out = 0
        subscriber.waiting_since_ns = time_ns
        subscriber.pending = OrderedDict.fromkeys(instrument_ids or self._market_data.followed_ids())
        return self._payload(
            Subscribed(request.ref, len(subscriber.pending), self._market_data.feed_sequence)
        )

    def request_snapshot(self, subscriber: Subscriber, request: GapRequest, time_ns: int) -> bytes | None:
        """The answer if the request is refused; else the snapshot comes from `drained`."""
        instrument_id = request.instrument_id
        if instrument_id not in self._market_data:
            return self._rejected(request.ref, RejectReason.UNKNOWN_INSTRUMENT, instrument_id)
        if subscriber.group is None or not subscriber.group.hears(instrument_id):
            return self._rejected(request.ref, RejectReason.SUBSCRIPTION, instrument_id)
        self._wait(subscriber, [instrument_id], time_ns)
        return None

    def _group(self, instrument_ids: frozenset[InstrumentId] | None, kinds: int) -> Group:
        key = (instrument_ids, kinds)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(instrument_ids, kinds)
        return group

    def _leave_group(self, subscriber: Subscriber) -> None:
        group = subscriber.group
        if group is None:
            return
        subscriber.group = None
        group.subscriber_count -= 1
        if not group.subscriber_count:
            del self._groups[group.instrument_ids, group.kinds]

    # --- increments --------------------------------------------------------------------------------

    def publish(self, batch: FeedBatch) -> None:
        """Make this the batch that is offered."""
        assert batch.feed_sequence == self._market_data.feed_sequence, "batches are published in order"
        if not batch.changes:
            return
        self._batch = batch
        self._chunks.clear()

    def offer(self, subscriber: Subscriber, buffered_bytes: int, time_ns: int) -> bytes | None:
        """The current batch for this subscriber, or None: nothing in it is for it, or it has to wait.

        `buffered_bytes` is what its connection has not sent yet.
        """
        group = subscriber.group
        batch = self._batch
        if group is None or subscriber.feed_sequence >= batch.feed_sequence:
            return None
        assert subscriber.feed_sequence == batch.feed_sequence - 1, "each is offered every batch"
        subscriber.feed_sequence = batch.feed_sequence
        if group.feed_sequence != batch.feed_sequence:
            self._find_changed(group)
        if not group.changed:
            return None
        if subscriber.pending or buffered_bytes > self._conflate_buffer_bytes or group.is_batch_too_long:
            self._leave_out(subscriber, group, time_ns)
            return None
        payload = group.payload
        if payload is None:
            payload = group.payload = self._batch_payload(group)
        return payload

    def _find_changed(self, group: Group) -> None:
        heard = group.kinds | ALWAYS
        instrument_ids = group.instrument_ids
        found = []
        message_count = 0
        for instrument_id, changed in self._batch.changes.items():
            if changed.kinds & heard and (instrument_ids is None or instrument_id in instrument_ids):
                found.append(instrument_id)
                message_count += changed.count(heard)
        group.feed_sequence = self._batch.feed_sequence
        group.payload = None
        group.changed = found
        group.is_batch_too_long = message_count > self._batch_messages_max

    def _batch_payload(self, group: Group) -> bytes:
        """One array: the batch's head, then the chunks of the group's instruments."""
        batch = self._batch
        count = 1
        parts = [b"", _encode(BatchBegin(batch.feed_sequence, batch.time_ns))]
        for instrument_id in group.changed:
            message_count, chunk = self._chunk(instrument_id, group.kinds)
            count += message_count
            parts.append(chunk)
        parts[0] = array_header(count)
        return self._frame(b"".join(parts))

    def _chunk(self, instrument_id: InstrumentId, kinds: int) -> tuple[int, bytes]:
        """The instrument's messages of these kinds in the current batch, one after the other.

        So a group costs a copy of bytes, and a thousand connections which all subscribe to
        something different do not make the engine encode the batch a thousand times.
        """
        changed = self._batch.changes[instrument_id]
        key = (instrument_id, changed.kinds & (kinds | ALWAYS))
        chunk = self._chunks.get(key)
        if chunk is None:
            messages = changed.select(kinds)
            header_bytes = len(array_header(len(messages)))
            chunk = self._chunks[key] = (len(messages), _encode(messages)[header_bytes:])
        return chunk

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
            payloads.append(
                self._payload(Conflated(subscriber.batches_left_out, self._market_data.feed_sequence))
            )
            subscriber.batches_left_out = 0
        while subscriber.pending and room >= 0:
            instrument_id, _ = subscriber.pending.popitem(last=False)
            payload = self._snapshot_payload(instrument_id, group.kinds)
            room -= len(payload)
            payloads.append(payload)
        return payloads

    def _leave_out(self, subscriber: Subscriber, group: Group, time_ns: int) -> None:
        if not subscriber.batches_left_out:
            self.conflation_count += 1
        subscriber.batches_left_out += 1
        self.batches_left_out_count += 1
        self._wait(subscriber, group.changed, time_ns)

    def _wait(self, subscriber: Subscriber, instrument_ids: list[InstrumentId], time_ns: int) -> None:
        if not subscriber.pending:
            subscriber.waiting_since_ns = time_ns
        for instrument_id in instrument_ids:
            # One that is there already keeps its place.
            subscriber.pending[instrument_id] = None

    def _snapshot_payload(self, instrument_id: InstrumentId, kinds: int) -> bytes:
        kinds &= self._market_data.snapshot_kinds(instrument_id)
        changed_at = self._market_data.changed_at(instrument_id)
        cached = self._snapshots.get((instrument_id, kinds))
        if cached is None or cached[0] != changed_at:
            payload = self._frame(_encode(self._market_data.snapshot(instrument_id, kinds)))
            cached = self._snapshots[instrument_id, kinds] = (changed_at, payload)
        return cached[1]

    # --- answers -----------------------------------------------------------------------------------

    def _rejected(self, ref: Ref, reason: RejectReason, instrument_id: InstrumentId) -> bytes:
        return self._payload(SubscribeRejected(ref, reason, f"instrument {instrument_id}"))

    def _payload(self, message: Subscribed | SubscribeRejected | Conflated) -> bytes:
        return self._frame(_encode([message]))


_SHORT_HEADERS: Final = [bytes((0x90 | count,)) for count in range(16)]


def array_header(count: int) -> bytes:
    """How MessagePack begins an array of `count` elements: the shortest of three forms."""
    if count < 16:
        return _SHORT_HEADERS[count]
    if count < 2**16:
        return b"\xdc" + count.to_bytes(2, "big")
    return b"\xdd" + count.to_bytes(4, "big")
