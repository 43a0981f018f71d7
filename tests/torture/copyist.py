"""A reader of a drop copy of everybody's orders, which comes back whenever the engine does."""

import asyncio
from collections import deque
from collections.abc import Sequence
from random import Random

from carbonmatch.client import Access, Disconnected
from carbonmatch.client.drop_copy import DropCopyClient
from carbonmatch.protocol.messages import Copied, LogonAccepted


class Copyist:
    """`fresh` holds the copies which nobody has compared with the journal yet."""

    def __init__(self, access: Access, seed: int) -> None:
        self.fresh: deque[Copied] = deque()
        self.copy_count = 0
        self.connected = asyncio.Event()
        self.disconnected = asyncio.Event()
        self._told = asyncio.Event()
        self._client = DropCopyClient(
            access,
            next_seq=1,
            on_copies=self._take,
            on_disconnect=self._lost,
            on_reconnect=self._found,
            random=Random(seed),
        )

    async def start(self) -> None:
        await self._client.start()
        self.connected.set()

    async def stop(self) -> None:
        await self._client.stop()

    async def told(self, count: int) -> None:
        """Return when so many copies have come, over all connections."""
        while self.copy_count < count:
            self._told.clear()
            await self._told.wait()

    def _take(self, copies: Sequence[Copied]) -> None:
        for copy in copies:
            self.copy_count += 1
            assert copy.seq == self.copy_count, f"copy {copy.seq}, expected {self.copy_count}"
        self.fresh += copies
        self._told.set()

    def _lost(self, _: Disconnected) -> None:
        self.connected.clear()
        self.disconnected.set()

    def _found(self, _: LogonAccepted) -> None:
        self.disconnected.clear()
        self.connected.set()
