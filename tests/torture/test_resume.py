"""What a session is given when it comes back, on a real engine: everything, from wherever it lies."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from carbonmatch.client import Session
from carbonmatch.matching.messages import NewOrder, Ref, Side
from tests.torture.trader import Trader
from tests.torture.venue import TRADERS, EngineProcess, free_ports, trader_access


@pytest.fixture
async def engine(tmp_path: Path):
    async with EngineProcess(tmp_path, free_ports(Random())) as engine:
        await engine.start()
        await engine.ready()
        yield engine


async def test_a_stream_can_be_resumed_from_its_beginning_after_a_clean_stop(engine: EngineProcess) -> None:
    trader = Trader(trader_access(engine.ports, TRADERS[0]), TRADERS[0], 1)
    await trader.start()
    trader.go()
    while trader.answered_count < 500:
        await asyncio.sleep(0.01)
    await trader.pause()
    await trader.stop()
    await engine.stop()

    await engine.start()
    await engine.ready()
    again = Trader(trader_access(engine.ports, TRADERS[0]), TRADERS[0], 1)
    async with asyncio.timeout(10):
        await again.start()
        while again.next_seq < trader.next_seq:
            await asyncio.sleep(0.01)
    assert list(again.fresh) == list(trader.fresh)
    await again.stop()
    await engine.stop()
