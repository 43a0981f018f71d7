"""One torture: a venue, its traders and readers, over many lives of the engine."""

import asyncio
import signal
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final
from unittest.mock import patch

from msgspec import Struct

from carbonmatch.client import reconnect
from carbonmatch.journal import snapshots
from carbonmatch.journal.storage import TEMPORARY_SUFFIX, DiskStorage
from carbonmatch.journal_tools import replay, verify
from carbonmatch.matching.messages import AccountId
from tests.torture.copyist import Copyist
from tests.torture.engine import EngineFailed, EngineProcess
from tests.torture.ledger import Ledger
from tests.torture.shadow import Shadow
from tests.torture.spectator import Spectator
from tests.torture.summary import Summary
from tests.torture.trader import Trader
from tests.torture.treasurer import Treasurer, Wealth, follows
from tests.torture.venue import (
    TRADERS,
    copyist_access,
    free_ports,
    spectator_access,
    trader_access,
    treasurer_access,
)

# Load before a kill, in seconds, and how often: a few commands, a venue in full swing, and long enough for
# segments to be filled and the next ones to be made.
_LOADS: Final = ((0.0, 0.004), (0.004, 0.030), (0.030, 0.250))
_LOAD_WEIGHTS: Final = (40, 52, 8)
_LOGON_SECONDS: Final = (0.0, 0.020)
# Of a stop it takes half to say goodbye, and half to write the snapshot.
_STOPPING_SECONDS: Final = (0.0, 0.15)
# A kill while recovering comes at any moment of as long as the last start took, and a bit later.
_RECOVERING_STARTS: Final = 1.2
# A start makes about ten changes of the directory, every new segment and a stop three.
_CHANGES_MAX: Final = 24
_CHANGES_SECONDS: Final = (0.05, 0.4)
# One round of so many ends with a clean stop and a look at everything; kills between are dirty.
_QUIET_EVERY: Final = 25
# The gateways of a market wait longer, so as not to come all at once; here five wait for one.
_RECONNECT_WAIT_SECONDS: Final = (0.010, 0.020)
_CONNECTED_SECONDS_MAX: Final = 60.0
# With the engine, so that both begin again at once.
_FOLLOWER_DIES: Final = 0.3


class Kind(Struct, frozen=True):
    """What a torture is like."""

    segment_kib: int = 2_048  # of its journal; 0: as configured
    changes: float = 0.1  # how many of the deaths are at a change of the journal's directory
    follow: bool = False  # with a follower beside the engine, which is killed as well
    plant: str = ""  # a fault of the engine that is to be found: see `plants`


class Torture:
    def __init__(self, directory: Path, seed: int, kind: Kind) -> None:
        self._kind = kind
        self.summary = Summary()
        self._random = Random(seed)
        # Not from the seed: two tortures with the same one may run beside each other.
        ports = free_ports(Random())
        self.engine = EngineProcess(directory, ports, self._random, kind.plant)
        self.ledger = Ledger(self.engine.journal)
        self.traders = [Trader(trader_access(ports, one), one, seed * 100 + one) for one in TRADERS]
        self.spectator = Spectator(spectator_access(ports), seed)
        self.copyist = Copyist(copyist_access(ports), seed)
        self.treasurer = Treasurer(treasurer_access(ports))
        self.shadow = Shadow(self.engine.journal, directory) if kind.follow else None
        self._fallen: list[dict[str, Any]] = []

    async def run(self, kills: int) -> Summary:
        """Raises AssertionError where anything was lost, done twice, or missing."""
        began = monotonic()
        # What is raised in a callback would cost a connection, which here nobody wonders at.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: self._fallen.append(context))
        shortest, longest = _RECONNECT_WAIT_SECONDS
        with (
            patch.object(reconnect, "RECONNECT_WAIT_SECONDS_MIN", shortest),
            patch.object(reconnect, "RECONNECT_WAIT_SECONDS_MAX", longest),
        ):
            async with self.engine:
                try:
                    await self._live(kills)
                finally:
                    for trader in self.traders:
                        await trader.stop()
                    await self.spectator.stop()
                    await self.copyist.stop()
                    if self.shadow is not None:
                        self.shadow.clean_up()
        self._prove()
        self.summary.seconds = monotonic() - began
        return self.summary

    async def _live(self, kills: int) -> None:
        small = ("--segment-kib", str(self._kind.segment_kib)) if self._kind.segment_kib else ()
        # A journal keeps the size of its segments.
        await self.engine.start(*small)
        await self.engine.ready()
        await self.treasurer.deposit()
        for trader in self.traders:
            await trader.start()
        self.spectator.start()
        await self.copyist.start()
        if self.shadow is not None:
            await self.shadow.start()
        while self.summary.kills < kills:
            before = self.summary.kills // _QUIET_EVERY
            await self._round()
            if self.summary.kills // _QUIET_EVERY != before:
                await self._connected()
                await self._stop_quietly()
                await self._revive()
        await self._connected()
        await self._stop_quietly()
        if self.shadow is not None:
            self.summary.followed_states = await self.shadow.stop()

    # --- ways to die -------------------------------------------------------------------------

    async def _round(self) -> None:
        """One death or several, from a running engine to a running engine."""
        random = self._random
        kind = random.random()
        for trader in self.traders:
            trader.go()
        if random.random() < self._kind.changes:
            await self._die_at_change()
            return
        if kind < 0.10:
            # The sessions are on their way in, or have just begun to send what was not answered.
            await asyncio.sleep(random.uniform(*_LOGON_SECONDS))
            self.summary.kills_during_logon += 1
            await self._kill()
        elif kind < 0.20:
            await self._load()
            self.engine.signal(signal.SIGTERM)
            await asyncio.sleep(random.uniform(*_STOPPING_SECONDS))
            self.summary.kills_while_stopping += 1
            await self._kill()
        else:
            await self._load()
            self.summary.kills_under_load += 1
            await self._kill()
        while random.random() < 0.15:
            await self.engine.start()
            await asyncio.sleep(random.uniform(0, _RECOVERING_STARTS * self.engine.seconds_to_ready))
            self.summary.kills_while_recovering += 1
            await self._kill()
        await self._revive()

    async def _load(self) -> None:
        """Some, and now and then a client that dies in the middle of it."""
        random = self._random
        await self._connected()
        await asyncio.sleep(self._load_seconds())
        if random.random() < 0.15:
            self.summary.client_crashes += 1
            await random.choice(self.traders).crash()
            await asyncio.sleep(self._load_seconds())

    def _load_seconds(self) -> float:
        (bounds,) = self._random.choices(_LOADS, _LOAD_WEIGHTS)
        return self._random.uniform(*bounds)

    async def _kill(self) -> None:
        self.summary.kills += 1
        await self.engine.kill()
        await self._died()

    async def _died(self) -> None:
        if any(self.engine.journal.glob(f"*{snapshots.SUFFIX}*{TEMPORARY_SUFFIX}")):
            self.summary.kills_while_writing_a_snapshot += 1
        if self.shadow is not None and self._random.random() < _FOLLOWER_DIES:
            self.summary.follower_kills += 1
            await self.shadow.kill()
            await self.shadow.start()
        await self._judge()

    async def _die_at_change(self) -> None:
        """End the life that is, and give a next one a random change of the directory to die at.

        That comes while it starts, under load, or when it is told to stop after a while.
        """
        random = self._random
        self.summary.kills_under_load += 1
        await self._kill()
        await self.engine.start("--die-at", str(random.randint(1, _CHANGES_MAX)))
        await self.engine.ready_or_ended()
        try:
            async with asyncio.timeout(random.uniform(*_CHANGES_SECONDS)):
                await self.engine.ended()
        except TimeoutError:
            self.engine.signal(signal.SIGTERM)
        status = await self.engine.wait()
        if status == -signal.SIGKILL:
            self.summary.kills += 1
            self.summary.kills_by_itself += 1
        # On a slow machine it may be told to stop before it has begun to listen to signals.
        elif status not in (0, -signal.SIGTERM):
            raise EngineFailed(f"the engine ended with {status}:\n{self.engine.last_words()}")
        await self._died()
        await self._revive()

    async def _revive(self) -> None:
        await self.engine.start()
        await self.engine.ready()
        await self._account()

    async def _account(self) -> dict[AccountId, Wealth]:
        """What accounts have, which is what was deposited, in all."""
        async with asyncio.timeout(_CONNECTED_SECONDS_MAX):
            return await self.treasurer.check()

    async def _connected(self) -> None:
        async with asyncio.timeout(_CONNECTED_SECONDS_MAX):
            for trader in self.traders:
                await trader.when_connected()
            await self.spectator.connected.wait()
            await self.copyist.connected.wait()

    async def _stop_quietly(self) -> None:
        """Let everything be answered, stop in order, and look at all there is."""
        async with asyncio.timeout(_CONNECTED_SECONDS_MAX):
            for trader in self.traders:
                await trader.pause()
        wealth = await self._account()
        await self._stop()
        if any(self.ledger.is_ahead_of(trader) for trader in self.traders) or self.ledger.copied:
            # With the goodbyes went the orders of those who want that. A second stop finds none of them.
            await self._revive()
            await self._connected()
            async with asyncio.timeout(_CONNECTED_SECONDS_MAX):
                for trader in self.traders:
                    await trader.told(self.ledger.next_seqs[trader.session_id] - 1)
                await self.copyist.told(self.ledger.report_count)
            await self._stop()
        for trader in self.traders:
            self.ledger.settle(trader, may_refuse=self.engine.was_degraded)
        self.ledger.settle_copies(self.copyist)
        expected_wealth = follows(self.ledger.moved)
        assert wealth == expected_wealth, f"accounts have {wealth}, by their trades {expected_wealth}"
        found, expected = self.spectator.levels(), self.ledger.levels()
        assert found == expected, f"the feed's books differ: {set(found.items()) ^ set(expected.items())}"

    async def _stop(self) -> None:
        await self.engine.stop()
        self.summary.clean_stops += 1
        await self._judge()
        if self.shadow is not None:
            await self.shadow.compared(self.ledger.next_sequence - 1)

    # --- judgement ---------------------------------------------------------------------------

    async def _judge(self) -> None:
        """With no engine running: everything that anybody was told has to be in the journal."""
        async with asyncio.timeout(_CONNECTED_SECONDS_MAX):
            # What was still in the sockets is read to the end first.
            for trader in self.traders:
                if trader.connected.is_set():
                    await trader.disconnected.wait()
            if self.copyist.connected.is_set():
                await self.copyist.disconnected.wait()
            await self.spectator.disconnected.wait()
        assert not self._fallen, f"a client fell over: {self._fallen[0]}"
        if self.ledger.read():
            self.summary.torn += 1
        for trader in self.traders:
            self.ledger.compare(trader)
        self.ledger.compare_copies(self.copyist)

    def _prove(self) -> None:
        """At the end the whole journal once more, by the tools that people have."""
        verified = verify(self.engine.journal)
        assert verified.closed
        assert verified.last_sequence == self.ledger.next_sequence - 1
        assert verified.reports == self.ledger.report_count + self.ledger.operator_report_count
        replayed = replay(self.engine.journal)
        assert replayed.commands == verified.commands
        for sequence in snapshots.sequences(DiskStorage(self.engine.journal)):
            again = replay(self.engine.journal, from_snapshot=sequence)
            assert again.state_digest == replayed.state_digest
        summary = self.summary
        summary.commands = sum(trader.answered_count for trader in self.traders)
        assert summary.commands == self.ledger.command_count
        summary.accounts_checks = self.treasurer.check_count
        summary.reports = self.ledger.report_count
        summary.copies = self.copyist.copy_count
        summary.trades = self.ledger.next_trade_id - 1
        summary.orders = sum(map(len, self.ledger.orders.values()))
        summary.long_orders = self.ledger.long_order_count
        summary.mass_cancels = self.ledger.mass_cancel_count
        summary.reconnects = sum(trader.reconnect_count for trader in self.traders)
        summary.records = verified.records
        summary.segments = verified.segments
        summary.lives_anew = self.engine.anew_count


async def torture(directory: Path, kills: int, seed: int, kind: Kind = Kind()) -> Summary:  # noqa: B008
    try:
        return await Torture(directory, seed, kind).run(kills)
    except BaseException as error:
        error.add_note(f"seed {seed}, journal in {directory}")
        raise
