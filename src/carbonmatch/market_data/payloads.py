"""What is sent, as bytes that as many subscribers as possible share.

Each instrument is encoded once a batch for each set of kinds that differs there, and a batch is put together
once for each group; a snapshot is encoded once for each state of its instrument.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final

import msgspec

from carbonmatch.limits import FEED_SNAPSHOT_BYTES_MAX
from carbonmatch.matching.messages import InstrumentId, Ref
from carbonmatch.protocol.messages import (
    BatchBegin,
    Conflated,
    FeedKind,
    FeedSource,
    GapFilled,
    Subscribed,
    SubscribeRejected,
)

from .changes import ALWAYS, FeedBatch
from .feed import MarketData
from .groups import Group, Interest
from .merging import merged

_encode: Final = msgspec.msgpack.Encoder().encode

Answer = Subscribed | SubscribeRejected | Conflated | GapFilled


class Payloads:
    """Invariant: `_chunks` are of the newest batch alone."""

    def __init__(
        self,
        market_data: MarketData,
        frame: Callable[[bytes], bytes],
        snapshot_bytes_max: int = FEED_SNAPSHOT_BYTES_MAX,
    ) -> None:
        """`frame` is applied once to each payload before it is shared."""
        self._market_data = market_data
        self._frame = frame
        # Of the newest batch, by instrument, kinds and levels: how many messages, and their bytes.
        self._chunks: dict[tuple[InstrumentId, int, int], tuple[int, bytes]] = {}
        # By instrument, kinds and levels: the state (see `MarketData.changed_at`), and its snapshot's bytes.
        # The oldest goes first, and of what is kept together so many bytes.
        self._snapshots: dict[tuple[InstrumentId, int, int], tuple[int, bytes]] = {}
        self._snapshot_bytes_max = snapshot_bytes_max
        self.snapshot_bytes = 0

    def begin_batch(self) -> None:
        """Another batch is the newest."""
        self._chunks.clear()

    def portion(self, group: Group) -> bytes:
        """One array: the head, then the messages of the group's instruments."""
        batches = group.portion
        last = batches[-1]
        head = BatchBegin(last.feed_sequence, last.time_ns, group.previous_sequence, len(batches))
        parts = [b"", _encode(head)]
        count = 1
        # Chunks are of the newest batch alone: a group that conflates may be offered an older one.
        is_newest = len(batches) == 1 and last.feed_sequence == self._market_data.feed_sequence
        for instrument_id in group.changed:
            if is_newest:
                message_count, chunk = self._chunk(last, instrument_id, group.interest)
            else:
                message_count, chunk = self._merged_chunk(batches, instrument_id, group.interest)
            count += message_count
            parts.append(chunk)
        parts[0] = array_header(count)
        return self._frame(b"".join(parts))

    def _chunk(self, batch: FeedBatch, instrument_id: InstrumentId, interest: Interest) -> tuple[int, bytes]:
        """The instrument's messages of these kinds in the newest batch, one after the other.

        So a group costs a copy of bytes, and a thousand connections which all subscribe to
        something different do not make the engine encode the batch a thousand times.
        """
        changed = batch.changes[instrument_id]
        levels_max = interest.levels_max
        kinds = changed.kinds_within(levels_max) if levels_max else changed.kinds
        key = (instrument_id, kinds & (interest.kinds | ALWAYS), levels_max)
        chunk = self._chunks.get(key)
        if chunk is None:
            chunk = self._chunks[key] = _encoded(changed.select(interest.kinds, levels_max))
        return chunk

    def _merged_chunk(
        self, batches: Sequence[FeedBatch], instrument_id: InstrumentId, interest: Interest
    ) -> tuple[int, bytes]:
        selected = [
            changed.select(interest.kinds, interest.levels_max)
            for batch in batches
            for changed in [batch.changes.get(instrument_id)]
            if changed is not None
        ]
        return _encoded(merged(chain.from_iterable(selected)))

    def gap(
        self,
        ref: Ref,
        after_sequence: int,
        batches: Sequence[FeedBatch],
        interest: Interest,
        source: FeedSource,
        until_sequence: int,
    ) -> bytes:
        """Batches up to `until_sequence` again, one by one, as far as they have something for it."""
        chunks = []
        count = 0
        previous = after_sequence
        for batch in batches:
            selected = [
                changed.select(interest.kinds, interest.levels_max)
                for instrument_id, changed in batch.changes.items()
                if interest.hears(instrument_id)
            ]
            messages = list(chain.from_iterable(selected))
            if messages:
                count += 1
                head = BatchBegin(batch.feed_sequence, batch.time_ns, previous)
                chunks.append(_encoded([head, *messages]))
                previous = batch.feed_sequence
        answer = GapFilled(ref, after_sequence, until_sequence, source, count)
        parts = [array_header(1 + sum([message_count for message_count, _ in chunks])), _encode(answer)]
        parts += [chunk for _, chunk in chunks]
        return self._frame(b"".join(parts))

    def snapshot(self, instrument_id: InstrumentId, interest: Interest) -> bytes:
        kinds = interest.kinds & self._market_data.snapshot_kinds(instrument_id)
        levels_max = interest.levels_max if kinds & FeedKind.LEVELS else 0
        changed_at = self._market_data.changed_at(instrument_id)
        key = (instrument_id, kinds, levels_max)
        cached = self._snapshots.get(key)
        if cached is None or cached[0] != changed_at:
            payload = self._frame(_encode(self._market_data.snapshot(instrument_id, kinds, levels_max)))
            cached = (changed_at, payload)
            self._keep_snapshot(key, cached)
        return cached[1]

    def _keep_snapshot(self, key: tuple[InstrumentId, int, int], made: tuple[int, bytes]) -> None:
        snapshots = self._snapshots
        old = snapshots.pop(key, None)
        if old is not None:
            self.snapshot_bytes -= len(old[1])
        snapshots[key] = made
        self.snapshot_bytes += len(made[1])
        while self.snapshot_bytes > self._snapshot_bytes_max:
            _, payload = snapshots.pop(next(iter(snapshots)))
            self.snapshot_bytes -= len(payload)

    def answer(self, message: Answer) -> bytes:
        return self._frame(_encode([message]))


def _encoded(messages: Sequence[msgspec.Struct]) -> tuple[int, bytes]:
    """How many messages, and their bytes one after the other, without the array around them."""
    count = len(messages)
    return count, _encode(messages)[1 if count < 16 else len(array_header(count)) :]


_SHORT_HEADERS: Final = [bytes((0x90 | count,)) for count in range(16)]


def array_header(count: int) -> bytes:
    """How MessagePack begins an array of `count` elements: the shortest of three forms."""
    if count < 16:
        return _SHORT_HEADERS[count]
    if count < 2**16:
        return b"\xdc" + count.to_bytes(2, "big")
    return b"\xdd" + count.to_bytes(4, "big")
