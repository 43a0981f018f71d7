"""The client library against a real engine: calls that are cancelled, and connections that are lost."""

import asyncio
import gc
import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from carbonmatch.client import reconnect as reconnect_module
from carbonmatch.client.commands import Answer
from carbonmatch.client.connection import Connection
from carbonmatch.client.session import Event, Session
from carbonmatch.matching.messages import Accepted, NewOrder, SessionId, Side, TimeInForce
from carbonmatch.server.session_peer import SessionPeer
from tests.client.clock import until
from tests.end_to_end.market import ALICE, BOB, EUA, access
from tests.end_to_end.running import Venue, running
from tests.torture.ledger import Ledger

CALLS = 150
RECONNECTS = 200
PRICE_TICKS = 7000


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is there all the time: nobody has to be spared by waiting."""
    monkeypatch.setattr(reconnect_module, "RECONNECT_WAIT_SECONDS_MIN", 0.002)


def session_of(venue: Venue, name: str, events: list[Event], seed: int = 0) -> Session:
    return Session(access(venue.order_entry, name), on_events=events.extend, random=Random(seed))


def lose(session: Session) -> None:
    """As when the network fails: what was on its way in either direction may be gone."""
    assert session._keeper.connection is not None
    session._keeper.connection.abort("lost by the test")


def ledger_of(journal: Path) -> Ledger:
    ledger = Ledger(journal)
    ledger.read()
    return ledger


def lots_of(ledger: Ledger, session_id: SessionId) -> Counter[int]:
    """How often an order of each quantity was executed: the quantity tells the calls apart."""
    commands = ledger.commands[session_id].values()
    return Counter(command.quantity_lots for command in commands if isinstance(command, NewOrder))


# --- cancelled calls -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.usefixtures("impatient")
async def test_calls_cancelled_at_any_moment_never_take_the_answers_of_others(
    seed: int, tmp_path: Path
) -> None:
    random = Random(seed)
    events: list[Event] = []
    async with running(tmp_path) as venue, session_of(venue, "alice", events, seed) as session:

        async def call(lots: int) -> Answer:
            await moments(random.randrange(40))
            side = random.choice(tuple(Side))
            return await session.new_order(
                EUA,
                side,
                lots,
                PRICE_TICKS + lots % 7,
                time_in_force=random.choice((TimeInForce.DAY, TimeInForce.IOC)),
            )

        async def cancelled(lots: int) -> None:
            task = asyncio.create_task(call(lots))
            await moments(random.randrange(80))
            task.cancel()
            await asyncio.wait({task})

        kept: dict[int, asyncio.Task[Answer]] = {}
        others: set[asyncio.Task[None]] = set()
        for lots in range(1, CALLS + 1):
            if random.random() < 0.5:
                kept[lots] = asyncio.create_task(call(lots))
            else:
                others.add(asyncio.create_task(cancelled(lots)))
            if random.random() < 0.03:
                await moments(random.randrange(40))
                lose(session)
        for lots, task in kept.items():
            accepted = (await task)[0]
            assert isinstance(accepted, Accepted)
            assert accepted.quantity_lots == lots
        await asyncio.wait(others)
        # And it goes on as if nothing had been.
        accepted = (await session.new_order(EUA, Side.BUY, CALLS + 1, PRICE_TICKS))[0]
        assert isinstance(accepted, Accepted)
        assert accepted.quantity_lots == CALLS + 1
        assert not session.unanswered
    ledger = ledger_of(tmp_path)
    assert events == ledger.streams[ALICE]
    executed = lots_of(ledger, ALICE)
    assert set(executed.values()) == {1}
    assert set(kept) <= set(executed)


async def moments(count: int) -> None:
    """Let the loop turn so many times, in which anything may happen."""
    for _ in range(count):
        await asyncio.sleep(0)


# --- lost connections ------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
async def test_a_storm_of_reconnects_loses_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    random = Random(1)
    told_alice: list[Event] = []
    told_bob: list[Event] = []
    async with (
        running(tmp_path) as venue,
        session_of(venue, "bob", told_bob) as bob,
        session_of(venue, "alice", told_alice) as alice,
    ):

        async def storm(numbers: range) -> dict[str, int]:
            for lots in numbers:
                await alice.ready()
                sold = asyncio.create_task(bob.new_order(EUA, Side.SELL, lots, PRICE_TICKS))
                bought = asyncio.create_task(alice.new_order(EUA, Side.BUY, lots, PRICE_TICKS))
                await moments(random.randrange(30))
                lose(alice)
                accepted = (await bought)[0]
                assert isinstance(accepted, Accepted)
                assert accepted.quantity_lots == lots
                await sold
            await alice.ready()
            await until(lambda: len(venue.service._gateway.peers) == 2)
            return belongings()

        # The first ones fill what is kept for good: a spare segment, the last connection that was lost.
        before = await storm(range(1, 6))
        logons = venue.service.counters.logons_accepted
        after = await storm(range(6, RECONNECTS + 6))
        assert venue.service.counters.logons_accepted - logons == RECONNECTS
        assert after["tasks"] <= before["tasks"]
        assert after["files"] <= before["files"] + 1
        assert after["objects"] <= before["objects"] + 1
    ledger = ledger_of(tmp_path)
    assert told_alice == ledger.streams[ALICE]
    assert told_bob == ledger.streams[BOB]
    assert lots_of(ledger, ALICE) == lots_of(ledger, BOB) == Counter(range(1, RECONNECTS + 6))
    assert ledger.levels() == {}


def belongings() -> dict[str, int]:
    """What both sides hold, in this one process."""
    gc.collect()
    return {
        "files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - only how many
        "tasks": len(asyncio.all_tasks()),
        "objects": sum(isinstance(one, SessionPeer | Connection) for one in gc.get_objects()),
    }
