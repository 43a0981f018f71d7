"""The kill switch: how long a command takes that pulls ten thousand orders, as an operator sees it.

    python -m bench kill --orders 10000 --rounds 5

Eight sessions rest the orders, at a hundred prices. One command for the whole venue takes them out: it is
journaled, synced and answered, and every session is told of every order. Then the venue is released, for the
next round.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Final

import uvloop

from bench import market
from bench.generator import Plan
from bench.market import Member
from bench.runs import Setup, started_engine
from bench.sessions import Address
from bench.workload import MIDDLE_TICKS, Workload
from carbonmatch.client import Access, Session
from carbonmatch.client.commands import order_command
from carbonmatch.matching.messages import Canceled, InstrumentId, KillScope, Side, TimeInForce
from carbonmatch.protocol.messages import Role

KILL_MS_MAX: Final = 200.0
_SESSIONS: Final = 8
_FRAME: Final = 125
_PRICES: Final = 100


def main(arguments: Sequence[str]) -> int:
    it = argparse.ArgumentParser(prog="python -m bench kill", description=__doc__)
    it.add_argument("--orders", type=int, default=10_000)
    it.add_argument("--rounds", type=int, default=5)
    options = it.parse_args(arguments)
    workload = Workload(sessions=_SESSIONS, commands=_SESSIONS, frame_commands=1, instruments=1)
    setup = Setup("kill", workload, Plan(1, 0))
    with (
        tempfile.TemporaryDirectory(prefix="carbonmatch-kill-") as name,
        started_engine(setup, Path(name)) as running,
    ):
        took_ms = uvloop.run(_measure(running.address("order_entry"), options.orders, options.rounds))
    rounds = ", ".join(f"{one:.0f}" for one in took_ms)
    print(
        f"{options.orders:,} orders pulled by one command: median {median(took_ms):.0f} ms of {rounds}, "
        f"expected {KILL_MS_MAX:.0f}"
    )
    return 0


async def _measure(address: Address, orders: int, rounds: int) -> list[float]:
    """From the command to its answer, in ms, for each round."""
    async with AsyncExitStack() as stack:
        sessions = [
            await stack.enter_async_context(_session(address, member, Role.TRADE))
            for member in market.traders(_SESSIONS)
        ]
        operator = await stack.enter_async_context(_session(address, market.operator(), Role.OPERATOR))
        took_ms = []
        for _ in range(rounds):
            await asyncio.gather(*(_rest(session, orders // _SESSIONS) for session in sessions))
            told = asyncio.gather(*(_told(session, orders // _SESSIONS) for session in sessions))
            began_ns = time.perf_counter_ns()
            pulled = await operator.kill(KillScope.VENUE, 0, "measured")
            took_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
            assert pulled.order_count == orders // _SESSIONS * _SESSIONS
            assert not pulled.more
            await told
            await operator.release(KillScope.VENUE, 0, "measured")
        return took_ms


def _session(address: Address, member: Member, role: Role) -> Session:
    host, port = address
    return Session(
        Access(
            host=host,
            port=port,
            key_id=member.key_id,
            private_key=member.private_key,
            session=member.session,
            role=role,
        )
    )


async def _rest(session: Session, count: int) -> None:
    orders = [
        order_command(
            InstrumentId(1),
            Side.BUY,
            1,
            MIDDLE_TICKS - 1 - number % _PRICES,
            time_in_force=TimeInForce.GTC,
        )
        for number in range(count)
    ]
    for begin in range(0, count, _FRAME):
        await session.ready()
        session.send(orders[begin : begin + _FRAME])
    await session.drain()


async def _told(session: Session, count: int) -> None:
    async for event in session.events():
        count -= type(event) is Canceled
        if not count:
            return
