"""Follows the engine's feed and serves it again, by the classes that the engine serves it with.

Readers are let in while the feed is followed, and only then. When the engine is lost, or what it says does
not fit together, they are sent away as by an engine that stops, and come back as they would there: nobody is
left with a book that looks current and is not.
"""

import asyncio
import ssl
from collections.abc import Callable
from random import Random
from typing import Any, Final, Protocol

from carbonmatch.client.connection import Access, Connection, open_connection
from carbonmatch.client.errors import ClientError
from carbonmatch.client.reconnect import is_final
from carbonmatch.fanout.gauges import FanoutGauges
from carbonmatch.fanout.mirror import MirroredMarket, OutOfStep
from carbonmatch.limits import RECONNECT_WAIT_SECONDS_MAX, RECONNECT_WAIT_SECONDS_MIN
from carbonmatch.market_data.changes import FeedBatch
from carbonmatch.matching.messages import Ref
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.protocol import session
from carbonmatch.protocol.codec import decode_feed
from carbonmatch.protocol.messages import FeedKind, LogoutReason, Subscribe
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.guard import Guard
from carbonmatch.server.publisher import Publisher
from carbonmatch.server.scheduler import LoopScheduler

# Snapshots of a whole venue, deep books included, come well within this.
_COMPLETE_SECONDS_MAX: Final = 30.0
# Where all snapshots have come and nothing follows for so long, nothing was left out either: what is left out
# while they are sent follows them at once.
_QUIET_SECONDS: Final = 0.2
# For goodbyes to get out before connections are dropped.
_GOODBYE_SECONDS: Final = 0.5


class Outlet(Protocol):
    """Where the feed goes beside the listener. It may not wait: it is called in the turn of a batch."""

    def begin(self, market: MirroredMarket) -> None:
        """The market is followed from here on."""

    def publish(self, batch: FeedBatch) -> None:
        """The next batch; the market has it already."""

    def end(self) -> None:
        """The engine is lost: nothing is current until `begin`."""


class Relay:
    """One listener, over as many connections to the engine as it takes."""

    def __init__(
        self,
        access: Access,
        rules: session.Listener,
        listen: tuple[str, int],
        guard: Guard,
        clocks: Clocks,
        gauges: FanoutGauges,
        *,
        tls: ssl.SSLContext | None = None,
        outlets: tuple[Outlet, ...] = (),
        on_ready: Callable[[str], object] = lambda _address: None,
        random: Random | None = None,
    ) -> None:
        """`on_ready` is told the address each time that readers are let in."""
        self._access = access
        self._rules = rules
        self._listen = listen
        self._guard = guard
        self._clocks = clocks
        self._tls = tls
        self._outlets = outlets
        self._on_ready = on_ready
        self._random = random or Random()
        self._gauges = gauges
        self._counters = gauges.counters
        self._scheduler = LoopScheduler()
        self._address: tuple[str, int] | None = None
        # Of the connection that there is:
        self._connection: Connection | None = None
        self._market = MirroredMarket()
        self._publisher: Publisher | None = None
        self._failure: OutOfStep | None = None
        self._heard = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. Raises what trying again cannot mend: a refused logon, a port that is taken."""
        wait_max = RECONNECT_WAIT_SECONDS_MIN
        while True:
            try:
                why = await self._follow_once()
            finally:
                await self._send_away()
            self._counters.losses["out_of_step" if isinstance(why, OutOfStep) else "connection"] += 1
            log("upstream_lost", WARNING, text=Ours(str(why)))
            wait_max = min(2 * wait_max, RECONNECT_WAIT_SECONDS_MAX)
            if self._market.is_ready:
                wait_max = RECONNECT_WAIT_SECONDS_MIN
            await asyncio.sleep(self._random.uniform(0, wait_max))

    async def _follow_once(self) -> Exception:
        """Follow one connection to its end, and return why it has ended."""
        self._market = MirroredMarket()
        self._failure = None
        try:
            connection = await open_connection(
                self._access, on_messages=self._take, on_logon=self._subscribe, decode=decode_feed
            )
        except (ClientError, OSError) as error:
            if is_final(error):
                raise
            return error
        try:
            lost = asyncio.ensure_future(connection.wait_lost())
            complete = asyncio.ensure_future(self._complete())
            await asyncio.wait({lost, complete}, return_when=asyncio.FIRST_COMPLETED)
            if complete.done():
                complete.result()
                await self._let_in(connection)
            loss = await lost
        except TimeoutError:
            return OutOfStep(f"no whole market within {_COMPLETE_SECONDS_MAX} s")
        finally:
            complete.cancel()
            lost.cancel()
            connection.abort("the fan-out goes on without it")
        failure = self._out_of_step()
        if is_final(loss) and failure is None:
            raise loss
        return failure or loss

    def _out_of_step(self) -> OutOfStep | None:
        """Why this side has ended the connection, if it has."""
        return self._failure

    def _subscribe(self, connection: Connection) -> None:
        self._connection = connection
        connection.send([Subscribe(Ref(1), (), FeedKind.ALL)])

    def _take(self, messages: list[Any]) -> None:
        try:
            batch = self._market.take(messages)
        except OutOfStep as error:
            self._failure = error
            assert self._connection is not None, "it has said something"
            self._connection.abort(str(error))
            return
        self._heard.set()
        counters = self._counters
        counters.received_messages += len(messages)
        if batch is None:
            return
        counters.received_batches += 1
        if self._publisher is None:
            return
        self._publisher.publish_batch(batch)
        for outlet in self._outlets:
            outlet.publish(batch)
        counters.lag_ns.record(self._clocks.time_ns() - batch.time_ns)

    async def _complete(self) -> None:
        """Return when the market is whole: the first batch says so, or that nothing more comes."""
        async with asyncio.timeout(_COMPLETE_SECONDS_MAX):
            while not self._market.is_ready:
                self._heard.clear()
                try:
                    async with asyncio.timeout(_QUIET_SECONDS):
                        await self._heard.wait()
                except TimeoutError:
                    if self._market.is_complete:
                        self._market.ready()

    async def _let_in(self, connection: Connection) -> None:
        accepted = connection.accepted
        publisher = Publisher(
            self._rules,
            self._clocks,
            self._counters,
            self._scheduler,
            self._market,
            accepted.epoch,
            accepted.durable,
        )
        # The same port each time, also where any free one was asked for.
        self._address = await publisher.open(*(self._address or self._listen), self._guard, self._tls)
        self._publisher = publisher
        self._counters.joins += 1
        self._gauges.opened(publisher)
        for outlet in self._outlets:
            outlet.begin(self._market)
        self._on_ready(f"{self._address[0]}:{self._address[1]}")

    async def _send_away(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is None:
            return
        self._gauges.left()
        for outlet in self._outlets:
            outlet.end()
        publisher.close(LogoutReason.SHUTTING_DOWN, "the engine is away")
        await asyncio.sleep(_GOODBYE_SECONDS if publisher.peers else 0)
        publisher.stop()
