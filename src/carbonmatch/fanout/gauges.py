"""The gauges of a fan-out, taken ten times a second; totals go on over the publishers that come and go."""

import asyncio
from typing import Final

from carbonmatch.ops.capacity import CapacityMeter
from carbonmatch.ops.fanout_metrics import FanoutCounters
from carbonmatch.server.publisher import Publisher
from carbonmatch.server.vitals import Timepieces

_TICK_SECONDS: Final = 0.1
_NS_PER_SECOND: Final = 1_000_000_000


class FanoutGauges:
    """Looks at the publisher that there is; `left` before it is let go."""

    def __init__(self, counters: FanoutCounters, timepieces: Timepieces) -> None:
        self.counters = counters
        self._timepieces = timepieces
        self._capacity = CapacityMeter()
        self._publisher: Publisher | None = None
        # Of all publishers before: bytes sent, conflations, batches left out.
        self._before = (0, 0, 0)

    async def run(self) -> None:
        """Until cancelled."""
        last_ns = self._timepieces.monotonic_ns()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now_ns = self._timepieces.monotonic_ns()
            lag_ns = now_ns - last_ns - int(_TICK_SECONDS * _NS_PER_SECOND)
            self.counters.event_loop_lag_ns.record(lag_ns)
            last_ns = now_ns
            used_ns = self._capacity.used_ns(now_ns, self._timepieces.thread_time_ns())
            self.counters.capacity_used_ns = used_ns
            self.take()

    def opened(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.take()

    def left(self) -> None:
        """The publisher says goodbye to its readers, and is looked at no more."""
        self.take()
        counters = self.counters
        self._before = (
            counters.feed_sent_bytes,
            counters.feed_conflations,
            counters.feed_batches_left_out,
        )
        self._publisher = None
        self.take()

    def take(self) -> None:
        counters, publisher = self.counters, self._publisher
        counters.following = int(publisher is not None)
        if publisher is None:
            counters.feed_subscribers = counters.connections = counters.unread_bytes_max = 0
            return
        subscriptions = publisher.subscriptions
        sent_bytes, conflations, left_out = self._before
        counters.feed_sent_bytes = sent_bytes + publisher.sent_bytes
        counters.feed_conflations = conflations + subscriptions.conflation_count
        counters.feed_batches_left_out = left_out + subscriptions.batches_left_out_count
        counters.feed_subscribers = subscriptions.subscriber_count
        counters.connections = len(publisher.peers)
        counters.feed_sequence = publisher.market_data.feed_sequence
        counters.unread_bytes_max = max(
            (peer.transport.get_write_buffer_size() for peer in publisher.peers if peer.connected), default=0
        )
