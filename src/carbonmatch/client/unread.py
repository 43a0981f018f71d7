"""What a reader has not read yet, bounded: a reader that is too slow is told what it lost."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Generic, TypeVar

from carbonmatch.client.errors import EventsLost

_Item = TypeVar("_Item")


class Unread(Generic[_Item]):
    """A queue for one reader. Above `items_max` everything unread is dropped, and counted."""

    def __init__(self, items_max: int) -> None:
        self._items: deque[_Item] = deque()
        self._items_max = items_max
        self._lost_count = 0
        self._changed = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None

    def put(self, items: Sequence[_Item]) -> None:
        self._items.extend(items)
        if len(self._items) > self._items_max:
            self._lost_count += len(self._items)
            self._items.clear()
        self._changed.set()

    def end(self, error: Exception | None = None) -> None:
        """Nothing will follow: what is unread can still be read, then comes `error`, if there is one.

        The first call counts.
        """
        if self._ended:
            return
        self._ended = True
        self._error = error
        self._changed.set()

    async def read(self) -> AsyncIterator[_Item]:
        """Yield in order; raise EventsLost where items are missing, after which reading may go on."""
        while True:
            if self._lost_count:
                lost_count, self._lost_count = self._lost_count, 0
                raise EventsLost(lost_count)
            if self._items:
                yield self._items.popleft()
            elif self._ended:
                if self._error is not None:
                    raise self._error
                return
            else:
                self._changed.clear()
                await self._changed.wait()
