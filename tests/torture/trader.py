"""A gateway that trades at random from a seed, over one `Session`, and keeps what it sent and saw."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from time import time_ns
from typing import Any, Final

from msgspec import structs

from carbonmatch.client import Access, Disconnected, SendBufferFull, Session
from carbonmatch.client.session import Event
from carbonmatch.matching.messages import (
    AccountId,
    AnyReport,
    Cancel,
    ClientCommand,
    InstrumentId,
    MassCancel,
    MassCancelScope,
    NewOrder,
    NewOrderLong,
    OrderFlag,
    OrderId,
    OrderStatusRequest,
    OrderType,
    Reduce,
    Ref,
    Replace,
    SelfTradePrevention,
    SessionId,
    Side,
    TimeInForce,
)
from carbonmatch.protocol.messages import LogonAccepted, SessionRejected
from tests.torture.venue import INSTRUMENTS, MIDDLE_TICKS

_BURST_COMMANDS_MAX: Final = 48
# Orders that a command may mean: mostly open ones, some gone, some never accepted.
_REMEMBERED_REFS: Final = 40
_PRICE_SPREAD_TICKS: Final = 6
# Of an order that ends by itself: some do while the engine is away.
_LIFETIME_NS: Final = (1_000_000, 1_000_000_000)
_NO_REF: Final = Ref(0)
_SIDES: Final = tuple(Side)
_PREVENTIONS: Final = tuple(SelfTradePrevention)


class Trader:
    """Sends bursts while it may, and checks as they come that its reports are dense.

    `sent` holds the commands that the journal has not been seen to hold, `unanswered` the refs without
    a report, `fresh` the reports which nobody has compared with the journal yet.
    """

    def __init__(self, access: Access, session_id: SessionId, seed: int) -> None:
        self.session_id = session_id
        self.sent: dict[Ref, ClientCommand] = {}
        self.unanswered: set[Ref] = set()
        self.fresh: deque[AnyReport] = deque()
        self.refused: list[SessionRejected] = []
        self.next_seq = 1
        self.answered_count = 0
        self.report_count = 0
        self.reconnect_count = 0
        self.connected = asyncio.Event()
        self.disconnected = asyncio.Event()
        self._access = access
        self._random = Random(seed)
        self.session = self._new_session()
        self._refs: deque[Ref] = deque(maxlen=_REMEMBERED_REFS)
        self._may_trade = asyncio.Event()
        self._answered = asyncio.Event()
        self._trading: asyncio.Task[None] | None = None

    # --- life --------------------------------------------------------------------------------

    async def start(self) -> None:
        await self.session.start()
        self.connected.set()
        self._trading = asyncio.create_task(self._trade())

    async def crash(self) -> None:
        """End as a process that is killed, and start anew: it knows its next seq, and nothing that it sent.

        What the engine had not taken by then never was: its refs are given to other commands.
        """
        assert self._trading is not None
        keeper = self.session._keeper
        assert keeper.connection is not None
        assert keeper._task is not None
        for task in (self._trading, keeper._task):
            task.cancel()
            await asyncio.wait({task})
        keeper.connection.abort("a crash")
        self.session = self._new_session()
        await self.session.start()
        for ref in [ref for ref in self.unanswered if ref > self.session.accepted.last_ref]:
            self.unanswered.remove(ref)
            del self.sent[ref]
        self._refs.clear()
        self._trading = asyncio.create_task(self._trade())

    def _new_session(self) -> Session:
        return Session(
            self._access,
            next_seq=self.next_seq,
            on_events=self._record,
            on_disconnect=self._lost,
            on_reconnect=self._found,
            random=Random(self._random.random()),
        )

    async def when_connected(self) -> None:
        """Raise what has ended the session, where it will never be."""
        assert self._trading is not None
        connected = asyncio.create_task(self.connected.wait())
        await asyncio.wait({connected, self._trading}, return_when=asyncio.FIRST_COMPLETED)
        if not connected.done():
            connected.cancel()
            self._trading.result()

    def go(self) -> None:
        self._may_trade.set()

    async def pause(self) -> None:
        """Send nothing more, and return when everything that was sent is answered."""
        self._may_trade.clear()
        await self._until(lambda: not self.unanswered)

    async def told(self, seq: int) -> None:
        """Return when the report of this number has come."""
        await self._until(lambda: self.next_seq > seq)

    async def stop(self) -> None:
        if self._trading is not None:
            self._trading.cancel()
            await asyncio.wait({self._trading})
        await self.session.stop()

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            assert self._trading is not None
            if self._trading.done():
                self._trading.result()
            self._answered.clear()
            await self._answered.wait()

    # --- what comes back ---------------------------------------------------------------------

    def _record(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, SessionRejected):
                self.refused.append(event)
                self.unanswered.discard(event.ref)
                continue
            assert event.seq == self.next_seq, f"report {event.seq}, expected {self.next_seq}"
            self.next_seq += 1
            self.report_count += 1
            self.fresh.append(event)
            if event.ref in self.unanswered:
                self.unanswered.remove(event.ref)
                self.answered_count += 1
        self._answered.set()

    def _lost(self, _: Disconnected) -> None:
        self.connected.clear()
        self.disconnected.set()

    def _found(self, _: LogonAccepted) -> None:
        self.reconnect_count += 1
        self.disconnected.clear()
        self.connected.set()

    # --- what goes out -----------------------------------------------------------------------

    async def _trade(self) -> None:
        random = self._random
        while True:
            await self._may_trade.wait()
            await self.session.ready()
            commands = [self._command() for _ in range(random.randint(1, _BURST_COMMANDS_MAX))]
            try:
                refs = self.session.send(commands)
            except (Disconnected, SendBufferFull):
                continue
            for ref, command in zip(refs, commands, strict=True):
                self.sent[Ref(ref)] = structs.replace(command, ref=Ref(ref))
                self.unanswered.add(Ref(ref))
                if isinstance(command, NewOrder | Replace):
                    self._refs.append(Ref(ref))
            # Sometimes one burst at a time, sometimes several on their way.
            window = random.choice((0, 0, 20, 100))
            while len(self.unanswered) > window:
                self._answered.clear()
                await self._answered.wait()

    def _command(self) -> ClientCommand:
        random = self._random
        kind = random.random()
        if kind < 0.60 or not self._refs:
            return self._new_order()
        if kind < 0.80:
            return Cancel(_NO_REF, order_ref=random.choice(self._refs))
        if kind < 0.88:
            price_ticks, quantity_lots = self._price_ticks(), random.randint(1, 30)
            return Replace(_NO_REF, random.choice(self._refs), OrderId(0), quantity_lots, price_ticks)
        if kind < 0.96:
            return Reduce(_NO_REF, random.choice(self._refs), OrderId(0), random.randint(0, 15))
        if kind < 0.98:
            return OrderStatusRequest(_NO_REF, order_ref=random.choice(self._refs))
        return MassCancel(
            _NO_REF,
            random.choice(tuple(MassCancelScope)),
            AccountId(0),
            random.choice((InstrumentId(0), *INSTRUMENTS)),
            random.randint(0, 2),
        )

    def _new_order(self) -> NewOrder:
        random = self._random
        order_type, time_in_force, flags = (
            OrderType.LIMIT,
            random.choice((TimeInForce.DAY, TimeInForce.GTC)),
            0,
        )
        price_ticks = self._price_ticks()
        kind = random.random()
        if kind > 0.85:
            return self._long_order()
        if kind < 0.15:
            time_in_force = TimeInForce.IOC
        elif kind < 0.20:
            time_in_force = TimeInForce.FOK
        elif kind < 0.25:
            order_type, time_in_force = OrderType.MARKET, TimeInForce.IOC
        elif kind < 0.30:
            flags = OrderFlag.POST_ONLY
        elif kind < 0.35:
            flags = OrderFlag.KEEP_ON_DISCONNECT
        elif kind < 0.37:
            price_ticks = 1
        return NewOrder(
            _NO_REF,
            # Two in a hundred to an instrument that does not exist.
            random.choice(INSTRUMENTS) if random.random() < 0.98 else InstrumentId(7),
            random.choice(_SIDES),
            random.randint(1, 30),
            price_ticks,
            order_type=order_type,
            time_in_force=time_in_force,
            self_trade_prevention=random.choice(_PREVENTIONS),
            flags=flags,
        )

    def _long_order(self) -> NewOrderLong:
        """A stop, a stop-limit, an iceberg, a minimum, or an order that ends by itself."""
        random = self._random
        kind = random.randrange(5)
        terms: dict[str, Any] = {}
        price_ticks = self._price_ticks()
        if kind == 0:
            terms = {"order_type": OrderType.STOP, "stop_price_ticks": self._price_ticks()}
            price_ticks = random.choice((0, price_ticks))
        elif kind == 1:
            terms = {"order_type": OrderType.STOP_LIMIT, "stop_price_ticks": self._price_ticks()}
        elif kind == 2:
            terms = {"display_lots": random.randint(1, 10)}
        elif kind == 3:
            terms = {"minimum_lots": random.randint(1, 10)}
        else:
            terms = {
                "time_in_force": TimeInForce.GTD,
                "expires_ns": time_ns() + random.randint(*_LIFETIME_NS),
            }
        return NewOrderLong(
            _NO_REF,
            random.choice(INSTRUMENTS),
            random.choice(_SIDES),
            random.randint(1, 30),
            price_ticks,
            self_trade_prevention=random.choice(_PREVENTIONS),
            **terms,
        )

    def _price_ticks(self) -> int:
        return MIDDLE_TICKS + self._random.randint(-_PRICE_SPREAD_TICKS, _PRICE_SPREAD_TICKS)
