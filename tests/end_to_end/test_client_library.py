"""The client library against real engines: killed, restarted, left and found again a thousand times."""

import asyncio
import gc
import os
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from carbonmatch.client import Connection, DropCopyClient, MarketDataClient, Session, blocking
from carbonmatch.client.reconnect import Keeper
from carbonmatch.config import Config, with_addresses, with_directory
from carbonmatch.demo_market import demo_config
from carbonmatch.matching.messages import Accepted, Executed, Side
from tests.end_to_end import market
from tests.end_to_end.market import EUA
from tests.end_to_end.running import REPOSITORY, Process, Venue, eventually, running

RECONNECTS = 1_000


class NoWait(random.Random):
    """Comes back at once: the tests of `reconnect` hold how long it waits otherwise."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


# --- a thousand reconnects -----------------------------------------------------------------------


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def living() -> int:
    gc.collect()
    return len(gc.get_objects())


async def lose(keeper: Keeper, times: int) -> None:
    """Have its connection lost so often, each one after it was taken up again."""
    for _ in range(times):
        connection = keeper.connection
        assert connection is not None
        connection.abort("lost by the test")
        while (found := keeper.connection) is None or found is connection or not found.is_open:
            keeper.check()
            await asyncio.sleep(0)


async def test_a_thousand_reconnects_leave_nothing_behind(venue: Venue) -> None:
    """Of a session, a reader of the feed and one of a drop copy, side by side."""
    dice = NoWait()
    session = Session(market.access(venue.order_entry, "alice"), random=dice)
    feed = MarketDataClient(market.access(venue.market_data, "feed"), random=dice)
    copy = DropCopyClient(market.access(venue.drop_copy, "alice-copy"), random=dice)
    keepers = (session._keeper, feed._keeper, copy._keeper)

    async def reconnect_each(times: int) -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for keeper in keepers:
                group.create_task(lose(keeper, times))

    async def at_rest() -> tuple[int, int, int]:
        await eventually(lambda: venue.service._floor.connection_count == len(keepers))
        return len(asyncio.all_tasks()), descriptors(), living()

    async with session, feed, copy:
        await reconnect_each(50)
        tasks, files, objects = await at_rest()
        await reconnect_each(RECONNECTS)
        tasks_now, files_now, objects_now = await at_rest()
        assert (tasks_now, files_now) == (tasks, files)
        # Of each reconnect not even one object; of what the interpreter keeps for itself, some.
        assert objects_now - objects < RECONNECTS // 2, f"{objects_now - objects} objects more"
        ours = [one for one in gc.get_objects() if isinstance(one, Connection)]
        assert len(ours) == len(keepers)
        # And they do what they are for.
        (report,) = await session.new_order(EUA, Side.BUY, 5, price_ticks=7_000)
        assert isinstance(report, Accepted)
        await feed.synced()
        await eventually(lambda: feed.books[EUA].best()[0] is not None)


# --- a killed engine -----------------------------------------------------------------------------


@pytest.mark.timeout(180)
async def test_what_was_sent_while_the_engine_was_killed_is_executed_once_and_told_once(
    process: Process,
) -> None:
    """The orders cross each other: where one is not filled exactly once, the sums are wrong."""
    await process.start()
    process.listen_again(process.addresses)
    orders = 300
    told: dict[str, list[object]] = {"alice": [], "bob": []}
    sessions = {
        name: Session(market.access(process.order_entry, name), on_events=told[name].extend, random=NoWait())
        for name in told
    }
    feed = MarketDataClient(market.access(process.market_data, "feed"), random=NoWait())
    async with sessions["alice"] as alice, sessions["bob"] as bob, feed:

        async def trade(session: Session, side: Side) -> None:
            for _ in range(orders):
                await session.new_order(EUA, side, 1, price_ticks=7_000)

        async def kill() -> None:
            for after in (100, 300, 600):
                await eventually(lambda after=after: len(told["alice"]) + len(told["bob"]) > after)  # type: ignore[misc]
                await process.kill()
                await process.start()

        async with asyncio.TaskGroup() as group:
            group.create_task(trade(alice, Side.BUY))
            group.create_task(trade(bob, Side.SELL))
            group.create_task(kill())
        # The last fills of the one that rested come as events.
        await eventually(lambda: all(filled(one) == orders for one in told.values()))
        for reports in told.values():
            assert sum(isinstance(one, Accepted) for one in reports) == orders
            seqs = [one.seq for one in reports if isinstance(one, Accepted | Executed)]
            assert seqs == list(range(1, 2 * orders + 1))
        await feed.synced()
        await eventually(lambda: feed.books[EUA].best() == (None, None))
        statistics = feed.books[EUA].statistics
        assert statistics is not None
        assert statistics.volume_lots == orders


def filled(reports: list[object]) -> int:
    return sum(one.quantity_lots for one in reports if isinstance(one, Executed))


async def test_a_call_that_blocks_survives_a_killed_engine(process: Process) -> None:
    await process.start()
    process.listen_again(process.addresses)
    session = blocking(Session(market.access(process.order_entry, "alice"), random=NoWait()))
    await asyncio.to_thread(session.start)
    try:
        await asyncio.to_thread(session.new_order, EUA, Side.BUY, 5, 7_000)
        await process.kill()
        waiting = asyncio.create_task(asyncio.to_thread(session.new_order, EUA, Side.BUY, 6, 7_000))
        await process.start()
        (report,) = await waiting
        assert isinstance(report, Accepted)
        assert report.seq == 2
        *orders, _ = await asyncio.to_thread(session.order_status)
        assert len(orders) == 2
    finally:
        await asyncio.to_thread(session.stop)


# --- examples ------------------------------------------------------------------------------------


def demo_here(directory: Path) -> Config:
    """The demo market on free ports, with the few gateways that the examples are."""
    free = "127.0.0.1:0"
    config = with_directory(demo_config(gateways=2, companies=4), directory)
    return with_addresses(config, order_entry=free, market_data=free, drop_copy=free, ops=free)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Venue]:
    async with running(tmp_path / "journal", demo_here(tmp_path / "journal")) as venue:
        yield venue


async def example(name: str, *arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(REPOSITORY / "examples" / name),
        *map(str, arguments),
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def told(process: asyncio.subprocess.Process) -> list[str]:
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    return out.decode().splitlines()


async def test_the_examples_trade_follow_and_resume(demo: Venue, tmp_path: Path) -> None:
    defined = demo.engine.sequence
    follower = await example("follow_book.py", *demo.market_data, 3)
    assert follower.stdout is not None
    async with asyncio.timeout(30):
        assert await follower.stdout.readline() == b"bid none  ask none\n"
    assert await told(await example("trade.py", *demo.order_entry)) == [
        # Behind the definitions.
        f"offered 100 as order {defined + 1}",
        "bought 40 at 6050 ticks, trade 1",
        "sold 40, 60 left",
        "refused: OUTSIDE_BAND",
    ]
    assert await told(follower) == [
        "bid none  ask 100 at 6050",
        "bid none  ask 60 at 6050",
        "bid none  ask none",
    ]
    blocked = await example("trade_blocking.py", *demo.order_entry, demo.market_data[1])
    assert await told(blocked) == ["Accepted", "best bid 25 at 6010"]
    # The first gateway's reports so far: accepted, filled, canceled; accepted, canceled and counted.
    state = tmp_path / "state"
    assert await told(await example("resume.py", state, *demo.order_entry, 2)) == ["2: 40 at 6050"]
    assert state.read_text() == "2"
    assert await told(await example("resume.py", state, *demo.order_entry, 4)) == []
    assert state.read_text() == "6"
