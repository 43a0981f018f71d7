"""Batches of the feed that are not in memory any more, made again from a journal that is being written.

The journal is executed from the newest snapshot before them, and compared as at every start: so they have the
numbers, times and bytes that they had.
"""

from collections.abc import Iterator
from typing import Final

from carbonmatch.journal import snapshots
from carbonmatch.journal.reader import first_position, opened, read_records
from carbonmatch.journal.record import Kind, StoredRecord, position
from carbonmatch.journal.segment_scan import SegmentScan
from carbonmatch.journal.segments import Identity, unpack_segment_header
from carbonmatch.journal.snapshots import Snapshot
from carbonmatch.journal.storage import Storage
from carbonmatch.limits import FEED_BATCH_MESSAGES_MAX, FEED_GAP_MESSAGES_MAX
from carbonmatch.market_data.changes import FeedBatch
from carbonmatch.market_data.groups import Interest
from carbonmatch.market_data.payloads import Payloads
from carbonmatch.market_data.windows import Windows
from carbonmatch.matching.messages import Ref
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import FeedSource
from carbonmatch.server.feed_span import NothingToReplay
from carbonmatch.server.recovery import Replay, Start, from_nothing, identity, start_behind

_RELAXED: Final = identity(durable=False)


class GapReader:
    """Invariant: the market is as of the last batch of the last piece."""

    def __init__(self, storage: Storage, interest: Interest, ref: Ref, after_sequence: int) -> None:
        """For the request `ref` of somebody who has everything up to `after_sequence`.

        Reads a snapshot. Raises JournalDamaged or OSError.
        """
        self.after_sequence = after_sequence
        self._storage = storage
        self._interest = interest
        self._ref = ref
        start = snapshots.newest(storage, self._start_before, lambda _text: None) or from_nothing()
        self._venue = start.venue
        self._replay = Replay(start.venue)
        self._payloads = Payloads(start.venue.market_data, frame)
        self._windows = Windows(start.venue.market_data)
        # What was executed; before the first record, the segment that it lies in.
        self._position = position(start.anchor.segment, start.anchor.offset)
        self._position = max(self._position, first_position(storage))
        self._identity: Identity | None = None
        if self._has_begun:
            self._begin()

    def pieces(self, until_position: int) -> Iterator[bytes]:
        """Frames with every batch that is not in one yet, up to a position before which all is durable.

        Raises NothingToReplay where that cannot be had, JournalDamaged, Diverged or OSError.
        """
        batches: list[FeedBatch] = []
        message_count = 0
        for batch in self._batches(until_position):
            if batch.message_count > FEED_BATCH_MESSAGES_MAX:
                raise NothingToReplay(f"batch {batch.feed_sequence} has {batch.message_count} messages")
            if message_count + batch.message_count > FEED_GAP_MESSAGES_MAX and batches:
                yield self._piece(batches)
                batches, message_count = [], 0
            batches.append(batch)
            message_count += batch.message_count
        if batches:
            yield self._piece(batches)

    def _piece(self, batches: list[FeedBatch]) -> bytes:
        after_sequence, self.after_sequence = self.after_sequence, batches[-1].feed_sequence
        return self._payloads.gap(
            self._ref, after_sequence, batches, self._interest, FeedSource.JOURNAL, self.after_sequence
        )

    def _batches(self, until_position: int) -> Iterator[FeedBatch]:
        if self._position >= until_position:
            return
        for stored in read_records(self._storage, self._position, until_position):
            if stored.kind is Kind.SEGMENT_HEADER:
                self._enter(unpack_segment_header(stored.payload).identity)
            elif stored.kind is Kind.DATA and stored.first_sequence > self._venue.engine.sequence:
                self._must_follow(stored)
                batch = self._apply(stored)
                if batch is not None:
                    yield batch
        self._position = until_position

    def _must_follow(self, stored: StoredRecord) -> None:
        wanted = self._venue.engine.sequence + 1
        if stored.first_sequence != wanted:
            raise NothingToReplay(
                f"sequence {wanted} is needed, and the journal goes on with {stored.first_sequence}: "
                "segments were taken away, and no snapshot is between them and what was lost"
            )

    def _apply(self, stored: StoredRecord) -> FeedBatch | None:
        """The batch, if it is one of those that are wanted."""
        if self._identity is None:
            with opened(self._storage, stored.segment) as file:
                self._enter(SegmentScan(self._storage, file, stored.segment, None).header.identity)
        is_wanted = self._has_begun
        self._replay.apply(stored)
        batch = self._replay.feed_batch
        assert batch is not None
        if not is_wanted:
            if self._has_begun:
                self._begin()
            return None
        if not batch.changes:
            return None
        if self._windows:
            self._windows.cut(batch)
        return batch

    @property
    def _has_begun(self) -> bool:
        return self._venue.market_data.feed_sequence >= self.after_sequence

    def _begin(self) -> None:
        """The market is as of the last batch that the reader has."""
        if self._interest.levels_max:
            self._windows.follow(self._interest.instrument_ids, self._interest.levels_max)

    def _enter(self, found: Identity) -> None:
        """Execute as whoever wrote this segment: another version is found by what it gives."""
        self._identity = found
        self._venue.engine.set_durable(found != _RELAXED)

    def _start_before(self, snapshot: Snapshot) -> Start:
        start = start_behind(snapshot)
        if start.venue.market_data.feed_sequence > self.after_sequence:
            raise ValueError("what was lost begins before this snapshot")
        return start
