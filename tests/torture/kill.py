"""Kill the engine under load, start it again, and see that nothing answered was lost or done twice.

    python -m tests.torture.kill --kills 150 --seed 1
    python -m tests.torture.kill --kills 150 --seed 1 --segment-kib 1024
    python -m tests.torture.kill --kills 150 --seed 3 --follow
    python -m tests.torture.kill --kills 10000

The second kind has small segments, and most of its kills come at a change of the journal's directory: see
`fragile`. The third has a follower beside the engine, which is killed as well, and whose snapshots every
start goes on from.

A real engine process, real TCP, real sessions that reconnect and resume. The seed gives the commands
and the moments; where they meet is up to the machine, so a seed repeats the kind of a run and not each
of its instructions.

More than 250 kills are several tortures, one after the other, each with the next seed, a journal of its own
that is deleted when it has been proven, and a line that says how far it has got.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final
from unittest.mock import patch

from msgspec import Struct

from carbonmatch.client import reconnect
from carbonmatch.journal import snapshots
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal_tools import replay, verify
from tests.torture.ledger import Ledger
from tests.torture.shadow import Shadow
from tests.torture.spectator import Spectator
from tests.torture.trader import Trader
from tests.torture.venue import (
    TRADERS,
    EngineFailed,
    EngineProcess,
    free_ports,
    spectator_access,
    trader_access,
)

# Load before a kill, as research on what tears has it: long enough to be in full swing, short enough
# for many.
_LOAD_SECONDS: Final = (0.020, 0.250)
# From the start of the process: most of a start is in here, whatever the machine is busy with.
_RECOVERING_SECONDS: Final = (0.0, 1.5)
_STOPPING_SECONDS: Final = (0.0, 0.3)
_LOGON_SECONDS: Final = (0.0, 0.020)
# A start makes about ten changes of the directory, every new segment and a stop three.
_CHANGES_MAX: Final = 24
# One round of so many ends with a clean stop and a look at everything; kills between are dirty.
_QUIET_EVERY: Final = 25
# The gateways of a market wait longer, so as not to come all at once; here four wait for one.
_RECONNECT_WAIT_SECONDS_MAX: Final = 0.1
_CONNECTED_SECONDS_MAX: Final = 60.0
# With the engine, so that both begin again at once.
_FOLLOWER_DIES: Final = 0.3
# A torture keeps its journal, and what was told, to its end: so many are 1 GB and a few minutes.
_KILLS_A_TORTURE_MAX: Final = 250
# A batch of this load has to fit into a segment.
_SEGMENT_KIB_MIN: Final = 512


class Summary(Struct):
    """What a torture has done to the engine, and what that has answered."""

    seed: int
    kills: int = 0
    kills_while_recovering: int = 0
    kills_while_stopping: int = 0
    kills_during_logon: int = 0
    kills_by_itself: int = 0
    clean_stops: int = 0
    client_crashes: int = 0
    commands: int = 0
    reports: int = 0
    trades: int = 0
    orders: int = 0
    reconnects: int = 0
    records: int = 0
    segments: int = 0
    torn: int = 0
    follower_kills: int = 0
    followed_states: int = 0
    seconds: float = 0.0

    def add(self, other: "Summary") -> None:
        """Count in what another torture has done."""
        for name in self.__struct_fields__:
            if name != "seed":
                setattr(self, name, getattr(self, name) + getattr(other, name))

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.kills:,} kills ({self.kills_while_recovering} while recovering, "
            f"{self.kills_during_logon} during logon, {self.kills_while_stopping} while stopping, "
            f"{self.kills_by_itself} at changes of the directory), "
            f"{self.clean_stops} clean stops, {self.reconnects} reconnects, "
            f"{self.client_crashes} clients that started anew; "
            f"{self.commands:,} commands answered by {self.reports:,} reports, {self.orders:,} orders, "
            f"{self.trades:,} trades; {self.records:,} records in {self.segments} segments, "
            f"{self.torn} torn; "
            f"{self.follower_kills} kills of the follower, {self.followed_states} states compared; "
            f"lost 0, duplicate 0, gap 0; {self.seconds:.0f} s"
        )


class Torture:
    """One venue, its traders and a spectator, over many lives of the engine."""

    def __init__(self, directory: Path, seed: int, segment_kib: int, follow: bool) -> None:
        """With `segment_kib` 0 the engine is started as everybody starts it."""
        self._segment_kib = segment_kib
        self.summary = Summary(seed)
        self._random = Random(seed)
        # Not from the seed: two tortures with the same one may run beside each other.
        ports = free_ports(Random())
        self.engine = EngineProcess(directory, ports)
        self.ledger = Ledger(self.engine.journal)
        self.traders = [Trader(trader_access(ports, one), one, seed * 100 + one) for one in TRADERS]
        self.spectator = Spectator(spectator_access(ports), seed)
        self.shadow = Shadow(self.engine.journal, directory) if follow else None

    async def run(self, kills: int) -> Summary:
        began = monotonic()
        patched = patch.object(reconnect, "RECONNECT_WAIT_SECONDS_MAX", _RECONNECT_WAIT_SECONDS_MAX)
        with patched:
            async with self.engine:
                try:
                    await self._live(kills)
                finally:
                    for trader in self.traders:
                        await trader.stop()
                    await self.spectator.stop()
                    if self.shadow is not None:
                        self.shadow.clean_up()
        self._prove()
        self.summary.seconds = monotonic() - began
        return self.summary

    async def _live(self, kills: int) -> None:
        await self._revive()
        for trader in self.traders:
            await trader.start()
        self.spectator.start()
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
        if self._segment_kib and random.random() < 0.5:
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
            await self._kill()
        while random.random() < 0.15:
            await self._start()
            await asyncio.sleep(random.uniform(*_RECOVERING_SECONDS))
            self.summary.kills_while_recovering += 1
            await self._kill()
        await self._revive()

    async def _load(self) -> None:
        """Some, and now and then a client that dies in the middle of it."""
        random = self._random
        await self._connected()
        await asyncio.sleep(random.uniform(*_LOAD_SECONDS))
        if random.random() < 0.3:
            self.summary.client_crashes += 1
            await random.choice(self.traders).crash()
            await asyncio.sleep(random.uniform(*_LOAD_SECONDS))

    async def _kill(self) -> None:
        self.summary.kills += 1
        await self.engine.kill()
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
        await self._kill()
        await self._start(die_at=random.randint(1, _CHANGES_MAX))
        ended = asyncio.create_task(self.engine.ended())
        try:
            async with asyncio.timeout(random.uniform(1.0, 3.0)):
                await asyncio.shield(ended)
        except TimeoutError:
            self.engine.signal(signal.SIGTERM)
            await ended
        status = await self.engine.wait()
        if status == -signal.SIGKILL:
            self.summary.kills += 1
            self.summary.kills_by_itself += 1
        # On a slow machine it may be told to stop before it has begun to listen to signals.
        elif status not in (0, -signal.SIGTERM):
            raise EngineFailed(f"the engine ended with {status}:\n{self.engine.last_words()}")
        await self._judge()
        await self._revive()

    async def _revive(self) -> None:
        await self._start()
        await self.engine.ready()

    async def _start(self, die_at: int = 0) -> None:
        if not self._segment_kib:
            await self.engine.start()
            return
        module = ("-m", "tests.torture.fragile", "--segment-kib", str(self._segment_kib))
        await self.engine.start(*module, "--die-at", str(die_at))

    async def _connected(self) -> None:
        async with asyncio.timeout(_CONNECTED_SECONDS_MAX):
            for trader in self.traders:
                await trader.when_connected()
            await self.spectator.connected.wait()

    async def _stop_quietly(self) -> None:
        """Let everything be answered, stop in order, and look at all there is."""
        async with asyncio.timeout(_CONNECTED_SECONDS_MAX):
            for trader in self.traders:
                await trader.pause()
        await self._stop()
        if any(self.ledger.is_ahead_of(trader) for trader in self.traders):
            # With the goodbyes went the orders of those who want that. A second stop finds none of them.
            await self._revive()
            await self._connected()
            async with asyncio.timeout(_CONNECTED_SECONDS_MAX):
                for trader in self.traders:
                    await trader.told(self.ledger.next_seqs[trader.session_id] - 1)
            await self._stop()
        for trader in self.traders:
            self.ledger.settle(trader, may_refuse=self.engine.was_degraded)
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
            for trader in self.traders:
                # What was still in the sockets is read to the end first.
                if trader.connected.is_set():
                    await trader.disconnected.wait()
            await self.spectator.disconnected.wait()
        if self.ledger.read():
            self.summary.torn += 1
        for trader in self.traders:
            self.ledger.compare(trader)

    def _prove(self) -> None:
        """At the end the whole journal once more, by the tools that people have."""
        verified = verify(self.engine.journal)
        assert verified.closed
        assert verified.last_sequence == self.ledger.next_sequence - 1
        assert verified.reports == self.ledger.report_count
        replayed = replay(self.engine.journal)
        assert replayed.commands == verified.commands
        for sequence in snapshots.sequences(DiskStorage(self.engine.journal)):
            again = replay(self.engine.journal, from_snapshot=sequence)
            assert again.state_digest == replayed.state_digest
        summary = self.summary
        summary.commands = sum(trader.answered_count for trader in self.traders)
        assert summary.commands == self.ledger.command_count
        summary.reports = self.ledger.report_count
        summary.trades = self.ledger.next_trade_id - 1
        summary.orders = sum(map(len, self.ledger.orders.values()))
        summary.reconnects = sum(trader.reconnect_count for trader in self.traders)
        summary.records = verified.records
        summary.segments = verified.segments


async def torture(
    directory: Path, kills: int, seed: int, segment_kib: int = 0, follow: bool = False
) -> Summary:
    try:
        return await Torture(directory, seed, segment_kib, follow).run(kills)
    except BaseException as error:
        error.add_note(f"seed {seed}, journal in {directory}")
        raise


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, help="where journals go; they stay after a failure only")
    parser.add_argument("--segment-kib", type=int, default=0, metavar="K")
    parser.add_argument("--follow", action="store_true", help="with a follower beside the engine")
    options = parser.parse_args(arguments)
    if 0 < options.segment_kib < _SEGMENT_KIB_MIN:
        parser.error(f"--segment-kib {options.segment_kib}, expected at least {_SEGMENT_KIB_MIN}")
    total = Summary(options.seed)
    seed = options.seed
    while total.kills < options.kills:
        kills = min(_KILLS_A_TORTURE_MAX, options.kills - total.kills)
        directory = Path(tempfile.mkdtemp(prefix="carbonmatch-torture-", dir=options.directory))
        total.add(asyncio.run(torture(directory, kills, seed, options.segment_kib, options.follow)))
        # Only now: what failed is kept for whoever wants to know why.
        shutil.rmtree(directory)
        if total.kills < options.kills:
            print(f"{total.kills:,} of {options.kills:,} kills in {total.seconds:,.0f} s", flush=True)
        seed += 1
    print(total)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
