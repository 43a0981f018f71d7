"""The market-data feed, followed through lost connections: books that are right, or said to be not."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Any, Final

from msgspec import structs

from carbonmatch.client.book import BookBuilder, Damage, DamageCause, InstrumentBook
from carbonmatch.client.connection import Access, Connection, open_connection
from carbonmatch.client.errors import Disconnected, SubscriptionRefused
from carbonmatch.client.reconnect import Keeper, Kept
from carbonmatch.client.unread import Unread
from carbonmatch.limits import BATCHES_UNREAD_MAX, RECONNECT_SECONDS_MAX
from carbonmatch.matching.messages import InstrumentId, Ref
from carbonmatch.protocol.codec import decode_feed
from carbonmatch.protocol.messages import (
    Composite,
    FeedKind,
    FeedOutbound,
    LogonAccepted,
    Subscribe,
    Subscribed,
    SubscribeRejected,
)

Batch = Sequence[FeedOutbound]

# Snapshots of every instrument of a venue, deep books included, take well below this.
_SYNCED_SECONDS: Final = 15.0
# A snapshot that does not add up is a fault that asking again may not mend: not as fast as it can.
_NEXT_SNAPSHOT_SECONDS: Final = 1.0
_OF_SNAPSHOTS: Final = (DamageCause.LEVEL_COUNT, DamageCause.ORDER_COUNT, DamageCause.CHECKSUM)


class MarketDataClient(Kept):
    """`async with MarketDataClient(access) as feed:` subscribes; `feed.books` is the market from then on.

    After a connection is lost it subscribes anew, and goes on behind the last batch that it has: what it
    missed comes first, also over a restart of the engine. Where that is too much, snapshots come; of the
    trades of the time between the statistics tell then, or with `from_journal` the venue reads its journal
    for this reader. Until either is there, the old books stand and are not `is_current`.
    """

    def __init__(
        self,
        access: Access,
        *,
        instrument_ids: Sequence[int] = (),
        kinds: int = FeedKind.ALL,
        levels_max: int = 0,
        conflate_ms: int = 0,
        from_journal: bool = False,
        on_update: Callable[[Batch], None] | None = None,
        on_disconnect: Callable[[Disconnected], None] | None = None,
        on_reconnect: Callable[[LogonAccepted], None] | None = None,
        reconnect_seconds: float = RECONNECT_SECONDS_MAX,
        batches_max: int = BATCHES_UNREAD_MAX,
        random: Random | None = None,
    ) -> None:
        """`access.role` has to be MARKET_DATA. No `instrument_ids`: all of them.

        `levels_max` of each side are followed, 1: best bid and offer alone, 0: all. With `conflate_ms` a
        batch comes at most so often, with the last word on each level and every trade in between.

        `on_update` is called with the messages of each frame when they are in the books already, as
        an alternative to `batches()`.
        """
        self._access = access
        self._subscription = Subscribe(
            Ref(1),
            tuple(map(InstrumentId, instrument_ids)),
            kinds,
            levels_max,
            conflate_ms,
            from_journal=from_journal,
        )
        self._on_update = on_update
        self._on_disconnect = on_disconnect
        self._builder = BookBuilder(kinds, levels_max, conflate_ms)
        # Which start of the engine the books are of, and whether all that it said is on disk.
        self._epoch = 0
        self._was_durable = False
        self._batches: Unread[Batch] = Unread(batches_max)
        self._instrument_count: int | None = None
        self._next_ref = Ref(2)
        self._progress = asyncio.Event()
        self._keeper = Keeper(
            self._open,
            on_lost=self._lose,
            on_failed=self._failed,
            on_reconnect=on_reconnect,
            random=random,
            seconds=reconnect_seconds,
        )

    async def stop(self) -> None:
        self._batches.end()
        await self._keeper.stop("the market-data client was stopped")

    @property
    def books(self) -> dict[InstrumentId, InstrumentBook]:
        return self._builder.books

    @property
    def composites(self) -> dict[InstrumentId, Composite]:
        """Composite prices as they were last told: current while `is_synced`."""
        return self._builder.composites

    @property
    def feed_sequence(self) -> int:
        """The last batch that the engine has sent something of."""
        return self._builder.feed_sequence

    @property
    def batches_left_out(self) -> int:
        """Batches that this reader was too slow for, and got as newer snapshots instead."""
        return self._builder.batches_left_out

    @property
    def is_synced(self) -> bool:
        """Whether all that was subscribed to is there, and every book of it current."""
        books = self._builder.books
        count = self._instrument_count
        known = len(books) + len(self._builder.composites)
        return count is not None and known >= count and all(book.is_current for book in books.values())

    def check(self) -> None:
        """Raise what has ended the client, if anything has."""
        self._keeper.check()

    async def synced(self, seconds: float = _SYNCED_SECONDS) -> None:
        """Return once `is_synced`; raise what has ended the client, or TimeoutError."""
        async with asyncio.timeout(seconds):
            while not self.is_synced:
                self.check()
                self._progress.clear()
                await self._progress.wait()

    async def batches(self) -> AsyncIterator[Batch]:
        """What has come, frame by frame, when it is in the books already. For one reader.

        Raises EventsLost where it was too slow, and the client's error at its end.
        """
        async for batch in self._batches.read():
            yield batch

    # --- how it works ------------------------------------------------------------------------

    async def _open(self) -> Connection:
        return await open_connection(
            self._access, on_messages=self._take, on_logon=self._subscribe, decode=decode_feed
        )

    def _subscribe(self, connection: Connection) -> None:
        self._keeper.connection = connection
        accepted = connection.accepted
        # An engine that had not written everything down may use numbers again for something else.
        is_same = accepted.epoch == self._epoch or (self._was_durable and accepted.durable)
        after_sequence = self._builder.resume_after if is_same else 0
        self._epoch, self._was_durable = accepted.epoch, accepted.durable
        connection.send([structs.replace(self._subscription, after_feed_sequence=after_sequence)])

    def _take(self, messages: list[Any]) -> None:
        for damage in self._builder.apply(messages):
            self._mend(damage)
        for message in messages:
            if type(message) is Subscribed:
                self._instrument_count = message.instrument_count
            elif type(message) is SubscribeRejected:
                self._keeper.fail(SubscriptionRefused(message))
        if self._on_update is not None:
            self._on_update(messages)
        else:
            self._batches.put([messages])
        self._progress.set()

    def _mend(self, damage: Damage) -> None:
        """Ask for a snapshot: at once, unless it was a snapshot that was wrong; the next may be too."""
        connection = self._keeper.connection
        assert connection is not None
        if damage.cause in _OF_SNAPSHOTS:
            asyncio.get_running_loop().call_later(_NEXT_SNAPSHOT_SECONDS, self._ask, connection, damage)
        else:
            self._ask(connection, damage)

    def _ask(self, connection: Connection, damage: Damage) -> None:
        if connection.is_open:
            request = damage.request(self._next_ref)
            connection.send([structs.replace(request, from_journal=self._subscription.from_journal)])
            self._next_ref = Ref(self._next_ref + 1)

    def _lose(self, loss: Disconnected) -> None:
        self._instrument_count = None
        self._builder.interrupt()
        if self._on_disconnect is not None:
            self._on_disconnect(loss)

    def _failed(self, error: Exception) -> None:
        self._batches.end(error)
        self._progress.set()
