"""A bounded load on a real engine: sessions that trade, cancel, are refused and read, until told to stop."""

import asyncio
import threading
from itertools import count
from typing import Final

from carbonmatch.client import Disconnected, MarketDataClient, OrderRejected, Session, SessionRejectedError
from carbonmatch.matching.messages import MassCancelScope, Side, TimeInForce
from tests.end_to_end import market
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Process

# Between rounds of half a dozen commands: enough for every rate, little for a machine that is shared.
_ROUND_SECONDS: Final = 0.05
_STOP_SECONDS_MAX: Final = 20.0
# Nobody is to forget a load that runs for ever.
_ROUNDS_MAX: Final = 20_000
_PRICE_TICKS: Final = 1_000
# CEA takes steps of 10 lots: this is refused.
_ODD_LOTS: Final = 25
_REFUSED_AT_ONCE: Final = 20


class Load:
    """Invariant: between `start` and `stop` its thread runs, or its error is raised by `check`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        # What the next rounds do; a test changes it while they run.
        self.trades = True
        self.refused = False
        # Nobody does anything, and all stay logged on.
        self.rests = False
        # Set by a test that breaks the engine: a round that comes to nothing is then no failure.
        self.disturbed = False
        self.rounds = 0
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Log everybody out."""
        self._stopped.set()
        self._thread.join(_STOP_SECONDS_MAX)
        assert not self._thread.is_alive(), "the load does not stop"
        self.check()

    def check(self) -> None:
        """Raise what the load has ended with, if it has."""
        if self._error is not None:
            raise AssertionError("the load has failed") from self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._play())
        except BaseException as error:
            self._error = error

    async def _play(self) -> None:
        feed_access = market.access(self._process.market_data, "watcher")
        async with (
            self._process.session("alice") as alice,
            self._process.session("bob") as bob,
            self._process.session("carol") as carol,
            MarketDataClient(feed_access, on_update=lambda _batch: None),
        ):
            for number in count():
                if self._stopped.is_set() or number == _ROUNDS_MAX:
                    break
                try:
                    if not self.rests:
                        await self._round(alice, bob, carol, number)
                    self.rounds += 1
                except (Disconnected, OrderRejected, SessionRejectedError, TimeoutError):
                    if not self.disturbed:
                        raise
                await asyncio.sleep(_ROUND_SECONDS)

    async def _round(self, alice: Session, bob: Session, carol: Session, number: int) -> None:
        price_ticks = _PRICE_TICKS + number % 5
        if self.trades:
            await alice.new_order(EUA, Side.SELL, 3, price_ticks)
            await bob.new_order(EUA, Side.BUY, 3, price_ticks, time_in_force=TimeInForce.IOC)
        await alice.new_order(EUA, Side.SELL, 5, price_ticks + 20)
        await bob.new_order(CEA, Side.BUY, 30, 950)
        if number % 10 == 9:
            await bob.mass_cancel(MassCancelScope.SESSION)
            await alice.mass_cancel(MassCancelScope.SESSION)
        for _ in range(_REFUSED_AT_ONCE if self.refused else number % 10 == 0):
            await refused(carol)


async def refused(session: Session) -> None:
    try:
        await session.new_order(CEA, Side.BUY, _ODD_LOTS, 950)
    except OrderRejected:
        return
    raise AssertionError("an order of odd lots was accepted")
