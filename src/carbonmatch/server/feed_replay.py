"""A past day's feed, made again from the journal and sent to ordinary subscribers at a chosen speed.

The journal is executed again, batch by batch, and compared as at every start: what subscribers hear has the
numbers, times and bytes that it had then. The process that writes the journal is not asked anything.
"""

from collections.abc import Callable, Iterator
from typing import Final

from carbonmatch.journal import snapshots
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind, StoredRecord
from carbonmatch.journal.snapshots import Snapshot
from carbonmatch.journal.storage import Storage
from carbonmatch.limits import CONFLATE_BUFFER_BYTES
from carbonmatch.market_data.changes import FeedBatch
from carbonmatch.protocol.batch import last_time_ns
from carbonmatch.protocol.session import Credential
from carbonmatch.server.configured import credentials
from carbonmatch.server.feed_span import NothingToReplay, Span
from carbonmatch.server.publisher import FeedPeer, Publisher
from carbonmatch.server.recovery import Replay, Start, from_nothing, identity, start_behind
from carbonmatch.server.scheduler import Scheduler

_NS_PER_SECOND: Final = 1_000_000_000
# Whether those who are waited for have come, and whether a slow reader has read, is looked at so often.
_LOOK_SECONDS: Final = 0.02
# The loop serves others after so long a time of executing.
_TURN_NS: Final = 10_000_000


class FeedTape:
    """The batches of a span in order. Invariant: the market is as of the batch that `next` returned last."""

    def __init__(self, storage: Storage, span: Span, *, running: bool = False) -> None:
        """Execute the journal up to where the span begins; NothingToReplay where it has no such place.

        `running` leaves out the segment that a process is writing. Raises JournalDamaged, JournalRefused,
        Diverged or OSError, as a start does.
        """
        self._span = span
        start = snapshots.newest(storage, self._start_before, lambda _text: None) or from_nothing()
        self.venue = start.venue
        self.epoch = 0
        self._scan = JournalScan(
            storage,
            replay_from=start.snapshot_sequence + 1,
            anchor=start.anchor if start.snapshot_sequence else None,
            sealed_only=running,
        )
        self._records = self._of_the_span(iter(self._scan))
        self._replay = Replay(self.venue)
        self._next: StoredRecord | None = None
        # When the next batch was, as its stamp says; None: the span is over.
        self.next_ns: int | None = None
        self._look_ahead()
        while self.next_ns is not None and not self._has_begun(self.next_ns):
            self._apply()
        if self.next_ns is None or self.next_ns > span.until_ns:
            raise NothingToReplay("the journal has nothing of the feed in this time or behind this batch")

    def next(self) -> FeedBatch:
        """Execute the next batch; what it told the public then, if anything."""
        batch = self._apply()
        if self.next_ns is not None and self.next_ns > self._span.until_ns:
            self.next_ns = None
        return batch

    def credentials(self) -> dict[str, Credential]:
        """Who may read: whoever might have then."""
        return credentials(self.venue.engine)

    def _start_before(self, snapshot: Snapshot) -> Start:
        start = start_behind(snapshot)
        span, venue = self._span, start.venue
        if span.after_feed_sequence:
            is_before = venue.market_data.feed_sequence <= span.after_feed_sequence
        else:
            is_before = venue.engine.time_ns < span.from_ns
        if not is_before:
            raise ValueError("the span begins before this snapshot")
        return start

    def _has_begun(self, next_ns: int) -> bool:
        if not self.venue.engine.keys:
            # Nobody could have read anything yet.
            return False
        span = self._span
        if span.after_feed_sequence:
            return self.venue.market_data.feed_sequence >= span.after_feed_sequence
        return next_ns >= span.from_ns

    def _of_the_span(self, records: Iterator[StoredRecord]) -> Iterator[StoredRecord]:
        for stored in records:
            if stored.kind is Kind.DATA and stored.next_sequence > self.venue.engine.sequence + 1:
                yield stored

    def _look_ahead(self) -> None:
        self._next = next(self._records, None)
        self.next_ns = None if self._next is None else last_time_ns(self._next.payload)

    def _apply(self) -> FeedBatch:
        stored = self._next
        assert stored is not None
        header = self._scan.header
        assert header is not None
        self.epoch = header.epoch
        self.venue.engine.set_durable(header.identity != _RELAXED)
        self._replay.apply(stored)
        batch = self._replay.feed_batch
        assert batch is not None
        self._look_ahead()
        return batch


class FeedReplay:
    """Publishes a tape in the rhythm of then, `speed` times as fast; 0: as fast as all readers read."""

    def __init__(
        self,
        tape: FeedTape,
        publisher: Publisher,
        scheduler: Scheduler,
        speed: float,
        readers: int,
        on_end: Callable[[Exception | None], object],
    ) -> None:
        """It begins once so many `readers` have all their snapshots; `on_end` is told what has ended it."""
        assert speed >= 0
        self.batches = 0
        self._tape = tape
        self._publisher = publisher
        self._scheduler = scheduler
        self._speed = speed
        self._readers = readers
        self._on_end = on_end
        # Where the two clocks began; None: it waits for readers.
        self._origin: tuple[int, int] | None = None

    def begin(self) -> None:
        """Wait for the readers, then go on to the end by itself."""
        ready = [
            peer
            for peer in self._publisher.followers
            if peer.subscriber.group is not None and not peer.subscriber.is_waiting
        ]
        if len(ready) < self._readers:
            self._scheduler.call_later(_LOOK_SECONDS, self.begin)
            return
        assert self._tape.next_ns is not None, "a tape begins with a batch"
        self._origin = (self._publisher.clocks.monotonic_ns(), self._tape.next_ns)
        self._go_on()

    def _go_on(self) -> None:
        try:
            is_over = self._publish_due()
        except Exception as error:
            self._on_end(error)
        else:
            if is_over:
                self._on_end(None)

    def _publish_due(self) -> bool:
        """Publish what is due by now, and see that this is called again; whether it was the end."""
        began_ns = self._publisher.clocks.monotonic_ns()
        while self._tape.next_ns is not None:
            now_ns = self._publisher.clocks.monotonic_ns()
            if now_ns - began_ns > _TURN_NS:
                self._scheduler.call_soon(self._go_on)
                return False
            wait_seconds = self._wait_seconds(now_ns, self._tape.next_ns)
            if wait_seconds > 0:
                self._scheduler.call_later(wait_seconds, self._go_on)
                return False
            batch = self._tape.next()
            self.batches += bool(batch.changes)
            self._publisher.publish_batch(batch)
        return True

    def _wait_seconds(self, now_ns: int, next_ns: int) -> float:
        if not self._speed:
            return _LOOK_SECONDS if any(map(_is_behind, self._publisher.followers)) else 0
        assert self._origin is not None
        began_ns, first_ns = self._origin
        return ((next_ns - first_ns) / self._speed - (now_ns - began_ns)) / _NS_PER_SECOND


def _is_behind(peer: FeedPeer) -> bool:
    """Whether it would be conflated soon: at its own speed nobody misses anything."""
    buffered_bytes = peer.transport.get_write_buffer_size()
    return peer.subscriber.is_waiting or buffered_bytes > CONFLATE_BUFFER_BYTES // 2


_RELAXED: Final = identity(durable=False)
