"""Follows the venue's market data for the page, through lost connections and restarts, for ever."""

import asyncio
from collections.abc import Callable
from typing import Final

from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError, Disconnected
from carbonmatch.client.market_data import Batch, MarketDataClient
from carbonmatch.client.reconnect import is_final
from carbonmatch.dashboard.sources import in_words, source_of
from carbonmatch.dashboard.view import View
from carbonmatch.limits import DASHBOARD_TICK_SECONDS
from carbonmatch.matching.messages import InstrumentId
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.protocol.messages import PhaseUpdate

_CONFLATE_MS: Final = round(DASHBOARD_TICK_SECONDS * 1_000)
# The venue is down for the night: the page waits.
_RECONNECT_SECONDS: Final = 365.0 * 86_400
_AGAIN_SECONDS: Final = 1.0
# A logon that is refused counts against the address, so it is not tried again as fast.
_AGAIN_REFUSED_SECONDS: Final = 30.0


class FeedFollower:
    """Puts `feed` (whether the market is as it is now) and the market into the view, once a tick."""

    def __init__(self, access: Access, view: View, time_ns: Callable[[], int]) -> None:
        self._access = access
        self._view = view
        self._time_ns = time_ns
        self._feed: MarketDataClient | None = None
        # Whether all of the market has come from this client once.
        self._was_whole = False
        # Why each instrument is in its phase, as far as it was said while this process listened.
        self._texts: dict[InstrumentId, str] = {}
        self._problem = "connecting"

    async def run(self) -> None:
        while True:
            wait_seconds = _AGAIN_SECONDS
            try:
                await self._follow()
            except (ClientError, OSError) as error:
                self._problem = in_words(error)
                if is_final(error):
                    wait_seconds = _AGAIN_REFUSED_SECONDS
                    log("dashboard_feed_refused", WARNING, text=Ours(self._problem))
            await asyncio.sleep(wait_seconds)

    async def _follow(self) -> None:
        """Returns never: raises what has ended the client."""
        client = MarketDataClient(
            self._access,
            conflate_ms=_CONFLATE_MS,
            on_update=self._take,
            on_disconnect=self._lose,
            reconnect_seconds=_RECONNECT_SECONDS,
        )
        async with client as feed:
            self._feed, self._was_whole = feed, False
            while True:
                feed.check()
                await asyncio.sleep(_AGAIN_SECONDS)

    def tick(self) -> None:
        """Show what the feed knows by now. Until the market is whole, the last one stays on the page."""
        feed = self._feed
        if feed is None:
            self._tell(self._problem)
            return
        is_synced = feed.is_synced
        self._was_whole |= is_synced
        self._tell("" if is_synced else self._problem)
        if self._was_whole:
            self._view.take_market(feed.books, self._texts)

    def _tell(self, problem: str) -> None:
        self._view.put("feed", source_of(self._view.get("feed"), problem, self._time_ns()))

    def _take(self, batch: Batch) -> None:
        self._problem = "waiting for the whole market"
        for message in batch:
            if type(message) is PhaseUpdate:
                self._texts[message.instrument_id] = message.text

    def _lose(self, loss: Disconnected) -> None:
        self._problem = f"not connected to {self._access.host}:{self._access.port}: {loss}"
        log("dashboard_feed_lost", WARNING, text=Ours(self._problem))
