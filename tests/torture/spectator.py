"""A subscriber of the feed that comes back whenever the engine does, and keeps the books."""

import asyncio
from random import Random
from typing import Any

from carbonmatch.client import Access, Disconnected, open_connection
from carbonmatch.client.book import BookBuilder
from carbonmatch.client.connection import Connection
from carbonmatch.client.reconnect import reconnect
from carbonmatch.matching.messages import InstrumentId, Ref, Side
from carbonmatch.protocol.codec import decode_feed
from carbonmatch.protocol.messages import SnapshotEnd, Subscribe, Subscribed, Trade

# Lots and orders at a price of one side of an instrument.
Levels = dict[tuple[InstrumentId, Side, int], tuple[int, int]]


class Spectator:
    """Invariant: what the feed sends is never damaged; a gap or a wrong checksum fails the torture."""

    def __init__(self, access: Access, seed: int) -> None:
        self.builder = BookBuilder()
        self.trade_ids: set[int] = set()
        # Set once every book is current.
        self.connected = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.disconnected.set()
        self._access = access
        self._random = Random(seed)
        self._watching: asyncio.Task[None] | None = None
        self._instrument_count = 0
        self._damage: AssertionError | None = None

    def start(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
            if not self._watching.cancelled():
                self._watching.result()

    def levels(self) -> Levels:
        """What the books hold; none of them may be waiting for a snapshot."""
        if self._damage is not None:
            raise self._damage
        found: Levels = {}
        for instrument_id, book in self.builder.books.items():
            assert book.is_current, f"the book of instrument {instrument_id} is not current"
            for side, levels in zip((Side.BUY, Side.SELL), book.depth(), strict=True):
                for level in levels:
                    key = (instrument_id, side, level.price_ticks)
                    found[key] = (level.quantity_lots, level.order_count)
        return found

    async def _watch(self) -> None:
        while True:
            connection = await reconnect(self._open, self._random, 120.0)
            self.disconnected.clear()
            try:
                connection.send([Subscribe(Ref(1))])
                await connection.wait_lost()
            except Disconnected:
                continue
            finally:
                connection.abort("the spectator leaves")
                self.connected.clear()
                self.disconnected.set()

    async def _open(self) -> Connection:
        return await open_connection(self._access, on_messages=self._take, decode=decode_feed)

    def _take(self, messages: list[Any]) -> None:
        damages = self.builder.apply(messages)
        if damages and self._damage is None:
            self._damage = AssertionError(f"the feed is damaged: {damages}")
        for message in messages:
            if type(message) is Subscribed:
                self._instrument_count = message.instrument_count
            elif type(message) is SnapshotEnd:
                current = sum(book.is_current for book in self.builder.books.values())
                if current == self._instrument_count:
                    self.connected.set()
            elif type(message) is Trade:
                # A snapshot brings no trades, so none comes twice, whatever was lost between.
                if message.trade_id in self.trade_ids and self._damage is None:
                    self._damage = AssertionError(f"trade {message.trade_id} came twice on the feed")
                self.trade_ids.add(message.trade_id)
