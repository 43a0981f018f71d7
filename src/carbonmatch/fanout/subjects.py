"""The feed on core NATS: a subject for each instrument, snapshots on request: see docs/fanout.md.

NATS forgets: a message that nobody takes is gone, and so is one to a reader that is too slow. So the
messages are those of the feed with their numbers, each head names the batch before it of the same subject,
and a reader that sees a gap asks for a snapshot, as it does of the engine.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from carbonmatch.fanout.mirror import MirroredMarket
from carbonmatch.limits import NATS_BATCHES_MAX, NATS_STATUS_SECONDS
from carbonmatch.market_data.changes import FeedBatch
from carbonmatch.matching.messages import InstrumentId, Ref
from carbonmatch.ops.fanout_metrics import FanoutCounters
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.protocol.messages import BatchBegin, FeedKind, LoggedOut, LogoutReason, Subscribed

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

_RETRY_SECONDS: Final = 0.5
_encode: Final = msgspec.msgpack.Encoder().encode

# A subject behind the prefix, and its payload.
_Publication = tuple[str, bytes]


class FanoutError(Exception):
    """What was asked for cannot be done here."""


class Subjects:
    """An outlet of the relay. Invariant: what waits is in order; where it is too much, snapshots follow."""

    def __init__(self, server: str, prefix: str, counters: FanoutCounters | None = None) -> None:
        try:
            import nats
        except ImportError:
            raise FanoutError("--nats needs nats-py: pip install 'carbonmatch[nats]'") from None
        self._connect = nats.connect
        self._counters = counters or FanoutCounters()
        self._counters.nats_connected = 0
        self._server = server
        self._prefix = prefix
        self._client: Client | None = None
        self._market: MirroredMarket | None = None
        # The last batch of each instrument that its subject has been told, by which a reader sees a gap.
        self._told: dict[InstrumentId, int] = {}
        self._waiting: deque[_Publication] = deque()
        # Everything is to be told anew: readers cannot know what they have not heard.
        self._is_behind = False
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._publish_all()), asyncio.create_task(self._tell_status())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        if self._client is not None:
            await self._client.close()

    # --- the relay's side: nothing waits -----------------------------------------------------------

    def begin(self, market: MirroredMarket) -> None:
        self._market = market
        self._tell_anew()

    def publish(self, batch: FeedBatch) -> None:
        if self._is_behind:
            return
        if len(self._waiting) + len(batch.changes) > NATS_BATCHES_MAX:
            log("nats_behind", WARNING, waiting=len(self._waiting))
            self._tell_anew()
            return
        for instrument_id, changes in batch.changes.items():
            head = BatchBegin(batch.feed_sequence, batch.time_ns, self._told.get(instrument_id, 0))
            self._told[instrument_id] = batch.feed_sequence
            self._waiting.append((f"feed.{instrument_id}", _encode([head, *changes.select(FeedKind.ALL)])))
        self._changed.set()

    def end(self) -> None:
        self._market = None
        self._is_behind = False
        self._waiting.clear()
        self._waiting.append(
            ("status", _encode([LoggedOut(LogoutReason.SHUTTING_DOWN, "the engine is away")]))
        )
        self._changed.set()

    def _tell_anew(self) -> None:
        self._counters.nats_anew += 1
        self._waiting.clear()
        self._is_behind = True
        self._changed.set()

    # --- NATS's side -------------------------------------------------------------------------------

    async def _publish_all(self) -> None:
        client = await self._connected()
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._is_behind and self._market is not None:
                self._is_behind = False
                for instrument_id in self._market.followed_ids():
                    payload = self._snapshot(self._market, instrument_id)
                    self._told[instrument_id] = self._market.feed_sequence
                    self._waiting.append((f"feed.{instrument_id}", payload))
            while self._waiting:
                subject, payload = self._waiting.popleft()
                try:
                    await client.publish(f"{self._prefix}.{subject}", payload)
                    self._counters.nats_published += 1
                except Exception as error:  # its errors have no common class but this
                    # Gone: reconnecting tells everything anew.
                    log("nats_not_published", WARNING, text=Ours(repr(error)))
                    self._waiting.clear()

    async def _connected(self) -> "Client":
        """Connect for the first time, however long that takes; from then on the library reconnects."""
        while True:
            try:
                client = await self._connect(
                    self._server,
                    name="carbonmatch fanout",
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RETRY_SECONDS,
                    error_cb=self._failed,
                    disconnected_cb=self._lost,
                    reconnected_cb=self._found,
                    allow_reconnect=True,
                )
            except Exception as error:
                log("nats_unreachable", WARNING, server=self._server, text=Ours(repr(error)))
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await client.subscribe(f"{self._prefix}.snapshot.*", cb=self._answer)
            await client.subscribe(f"{self._prefix}.instruments", cb=self._answer_instruments)
            await client.flush()
            self._client = client
            self._counters.nats_connected = 1
            log("nats_connected", server=self._server)
            return client

    async def _failed(self, error: Exception) -> None:
        log("nats_error", WARNING, text=Ours(repr(error)))

    async def _lost(self) -> None:
        self._counters.nats_connected = 0
        log("nats_lost", WARNING, server=self._server)

    async def _found(self) -> None:
        self._counters.nats_connected = 1
        log("nats_connected", server=self._server)
        # Whatever was published meanwhile is lost.
        if self._market is not None:
            self._tell_anew()

    async def _tell_status(self) -> None:
        """Once a second: whoever hears nothing for longer cannot call its books current."""
        while True:
            await asyncio.sleep(NATS_STATUS_SECONDS)
            if self._market is not None and self._client is not None and self._client.is_connected:
                status = Subscribed(Ref(0), len(self._market.followed_ids()), self._market.feed_sequence)
                self._waiting.append(("status", _encode([status])))
                self._changed.set()

    # --- requests ----------------------------------------------------------------------------------

    async def _answer(self, request: "Msg") -> None:
        """A snapshot of the instrument that the subject ends with; nothing where that is none."""
        number = request.subject.rpartition(".")[2]
        market = self._market
        if market is not None and number.isdecimal() and InstrumentId(int(number)) in market:
            await request.respond(self._snapshot(market, InstrumentId(int(number))))
        else:
            await request.respond(_encode([]))

    async def _answer_instruments(self, request: "Msg") -> None:
        market = self._market
        definitions: list[Any] = []
        if market is not None:
            # The first message of a snapshot says what it is of.
            definitions = [market.snapshot(each, FeedKind.TRADES)[0] for each in market.followed_ids()]
        await request.respond(_encode(definitions))

    def _snapshot(self, market: MirroredMarket, instrument_id: InstrumentId) -> bytes:
        """As the answer to a subscription to this instrument alone."""
        begun = Subscribed(Ref(0), 1, market.feed_sequence)
        return _encode([begun, *market.snapshot(instrument_id)])
