"""A trading day of the demo: open, trade with the tide, close, and see that everything adds up."""

import asyncio
import gc
from collections import Counter, deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random
from typing import Final

from carbonmatch import demo_market
from carbonmatch.client import Access, MarketDataClient, Session
from carbonmatch.client.market_data import Batch
from carbonmatch.demo.crowd import Crowd, tide
from carbonmatch.demo.desk import Desk
from carbonmatch.demo.tally import Tally
from carbonmatch.demo.venue import Venue
from carbonmatch.matching.messages import (
    ANY,
    AccountId,
    CancelReason,
    ClientCommand,
    Executed,
    InstrumentId,
    Phase,
    Ref,
    RejectReason,
    SetPhase,
    Side,
)
from carbonmatch.ops.counters import Histogram
from carbonmatch.protocol.messages import Role, Statistics, Trade

# Commands are decided in steps of this length, so a gateway's commands of one step share a frame.
_STEP_SECONDS: Final = 0.005
# After a pause of the machine the crowd does not make up for all of it at once.
_CATCH_UP_SECONDS_MAX: Final = 0.25
_TRADES_SHOWN: Final = 64
_SETTLE_SECONDS_MAX: Final = 30.0


class Day:
    """Everything that trades and watches. Numbers are live while `trade` runs."""

    def __init__(self, venue: Venue, seed: int, seconds: float, rate: float) -> None:
        self.seconds = seconds
        self.rate = rate
        self.progress = 0.0
        self.traded_seconds = 0.0
        self.tally = Tally()
        self.latency_ns = Histogram()
        self.last_trades: deque[Trade] = deque(maxlen=_TRADES_SHOWN)
        # Volume and trades of each instrument before we came, by the feed's own statistics.
        self._before: dict[InstrumentId, tuple[int, int, int]] = {}
        self._random = Random(seed)
        self._stopped = asyncio.Event()
        config = demo_market.demo_config()
        gateways = [one for one in config.sessions if "trade" in one.roles]
        accounts: dict[AccountId, int] = {
            account_id: number for number, one in enumerate(gateways) for account_id in one.accounts
        }
        self.crowd = Crowd(self._random, config.instruments, accounts)
        self.desks = [
            Desk(
                _access(venue.order_entry, Role.TRADE, demo_market.GATEWAY_KEY_ID, one.name),
                self.latency_ns,
                self._fill,
            )
            for one in gateways
        ]
        key_id, session = demo_market.MARKET_DATA_KEY_ID, demo_market.MARKET_DATA_SESSION
        self.feed = MarketDataClient(
            _access(venue.market_data, Role.MARKET_DATA, key_id, session), on_update=self._follow
        )
        key_id, session = demo_market.OPERATOR_KEY_ID, demo_market.OPERATOR_SESSION
        self._operator = Session(_access(venue.order_entry, Role.OPERATOR, key_id, session))

    # --- the day -----------------------------------------------------------------------------

    async def run(self) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._operator)
            # A given directory may hold orders of a run that was broken off: their day is over.
            await self._set_phase(Phase.CLOSED)
            await self._set_phase(Phase.CONTINUOUS)
            await stack.enter_async_context(self.feed)
            for desk in self.desks:
                await stack.enter_async_context(desk.session)
            await self.feed.synced()
            self._before = self._statistics()
            # What exists now stays until the end: collections need not look at it.
            gc.freeze()
            await self._trade()
            for desk in self.desks:
                await desk.session.drain()
            await self._until(self._feed_has_caught_up)
            self.after = self._statistics()
            # The close cancels every order of the day: what is still open then was lost somewhere.
            await self._set_phase(Phase.CLOSED)
            await self._until(lambda: not self.open_order_count)

    def stop(self) -> None:
        """Call it a day."""
        self._stopped.set()

    async def _trade(self) -> None:
        loop = asyncio.get_running_loop()
        started = last = loop.time()
        due = 0.0
        while not self._stopped.is_set() and last - started < self.seconds:
            await asyncio.sleep(_STEP_SECONDS)
            now = loop.time()
            self.progress = min((now - started) / self.seconds, 1.0)
            due += self.rate * tide(self.progress) * min(now - last, _CATCH_UP_SECONDS_MAX)
            self._act(int(due))
            due -= int(due)
            last = now
        self.traded_seconds = last - started

    def _act(self, count: int) -> None:
        """Let `count` companies act; each gateway sends what its own have decided in one frame."""
        by_gateway: dict[int, list[ClientCommand]] = {}
        for _ in range(count):
            company = self.crowd.choose()
            open_orders = self.desks[company.gateway].open_orders
            command = self.crowd.decide(company, open_orders, self.progress)
            by_gateway.setdefault(company.gateway, []).append(command)
        for gateway, commands in by_gateway.items():
            self.desks[gateway].send(commands)

    async def _set_phase(self, phase: Phase) -> None:
        await self._operator.call(SetPhase(Ref(0), InstrumentId(ANY), phase, "demo"))

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Return when `holds`, or after a while: then the checks say what is missing."""
        for _ in range(int(_SETTLE_SECONDS_MAX / _STEP_SECONDS)):
            if holds():
                return
            await asyncio.sleep(_STEP_SECONDS)

    # --- what is heard -----------------------------------------------------------------------

    def _fill(self, report: Executed) -> None:
        self.tally.fill(report)
        company = self.crowd.companies[report.account_id]
        company.needs_lots -= report.quantity_lots if report.side == Side.BUY else -report.quantity_lots

    def _follow(self, batch: Batch) -> None:
        for message in batch:
            if type(message) is Trade:
                self.tally.trade(message)
                self.last_trades.append(message)

    # --- numbers -----------------------------------------------------------------------------

    @property
    def open_order_count(self) -> int:
        return sum(len(desk.open_orders) for desk in self.desks)

    def total(self, name: str) -> int:
        """The sum of one of the desks' counts."""
        return sum(getattr(desk, name) for desk in self.desks)

    def rejects(self) -> Counter[RejectReason]:
        return sum((desk.rejects for desk in self.desks), Counter())

    def cancels(self) -> Counter[CancelReason]:
        return sum((desk.cancels for desk in self.desks), Counter())

    def _feed_has_caught_up(self) -> bool:
        return len(self.tally.trades) >= len(self.tally.fills) or bool(self.feed.batches_left_out)

    def _statistics(self) -> dict[InstrumentId, tuple[int, int, int]]:
        return {instrument_id: _volume(book.statistics) for instrument_id, book in self.feed.books.items()}

    def statistics_differ(self) -> list[InstrumentId]:
        """Instruments whose official volume, turnover or trade count is not what the fills add up to."""
        counted: dict[InstrumentId, list[int]] = {one: [0, 0, 0] for one in self.after}
        for seen in self.tally.fills.values():
            sums = counted[seen.instrument_id]
            sums[0] += seen.quantity_lots
            sums[1] += seen.quantity_lots * seen.price_ticks
            sums[2] += 1
        return [
            one
            for one, sums in counted.items()
            if [a - b for a, b in zip(self.after[one], self._before[one], strict=True)] != sums
        ]


def _volume(statistics: Statistics | None) -> tuple[int, int, int]:
    if statistics is None:
        return 0, 0, 0
    return statistics.volume_lots, statistics.turnover_ticks_lots, statistics.trade_count


def _access(address: tuple[str, int], role: Role, key_id: str, session: str) -> Access:
    host, port = address
    return Access(
        host=host,
        port=port,
        key_id=key_id,
        private_key=demo_market.private_key_bytes(key_id),
        session=session,
        role=role,
    )
