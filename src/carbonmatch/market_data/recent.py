"""The newest batches of the feed, in memory: for subscribers who have lost some of them or come back."""

from collections import deque

from .changes import FeedBatch


class RecentBatches:
    """Invariant: the batches are dense and end with the last one; together they hold few enough messages.

    After a start there are those that recovery has made again behind its snapshot, under the same numbers:
    so a reader goes on over a restart of the engine as over a lost connection.
    """

    __slots__ = ("_batches", "_message_count", "_messages_max")

    def __init__(self, messages_max: int) -> None:
        self._messages_max = messages_max
        self._batches: deque[FeedBatch] = deque()
        self._message_count = 0

    def keep(self, batch: FeedBatch) -> None:
        """Take in the next batch; the oldest go for it. One that is larger than all room is not kept."""
        batches = self._batches
        assert not batches or batch.feed_sequence == batches[-1].feed_sequence + 1, "batches come in order"
        assert batch.message_count, "what it holds is what bounds the memory"
        batches.append(batch)
        self._message_count += batch.message_count
        while self._message_count > self._messages_max:
            self._message_count -= batches.popleft().message_count

    def since(self, feed_sequence: int, last_sequence: int) -> list[FeedBatch] | None:
        """Every batch after `feed_sequence` up to `last_sequence`, the newest; None: not all are kept."""
        if feed_sequence == last_sequence:
            return []
        if feed_sequence > last_sequence or not self._batches:
            return None
        if feed_sequence < self._batches[0].feed_sequence - 1:
            return None
        found = []
        # From the end: nearly always few are asked for, and a deque is slow in its middle.
        for batch in reversed(self._batches):
            if batch.feed_sequence <= feed_sequence:
                break
            found.append(batch)
        found.reverse()
        return found
