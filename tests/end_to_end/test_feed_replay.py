"""A past day read from the journal by an ordinary subscriber, as it was live; and readers who come back."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from carbonmatch.client.book import ALL_INSTRUMENTS
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.config import host_and_port
from carbonmatch.matching.messages import Cancel, NewOrder, Ref, Side
from carbonmatch.protocol.messages import (
    BatchBegin,
    FeedKind,
    FeedSource,
    GapFilled,
    GapRequest,
    LoggedOut,
    LogoutReason,
    Subscribe,
    Trade,
)
from tests.end_to_end import market
from tests.end_to_end.market import EUA
from tests.end_to_end.running import REPOSITORY, Addresses, Process, Venue, eventually, running
from tests.end_to_end.wire import SECONDS_MAX, Wire

_ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}"}


class Replay:
    """`carbonmatch replay-feed` on any free port."""

    def __init__(self, directory: Path, log: Path, *options: str) -> None:
        self._log = log
        command = [sys.executable, "-m", "carbonmatch", "replay-feed", str(directory)]
        if not any(option.startswith("--market-data") for option in options):
            command += ["--market-data", "127.0.0.1:0"]
        command += options
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=_ENVIRONMENT)

    async def address(self) -> tuple[str, int]:
        async with asyncio.timeout(SECONDS_MAX):
            while not (ready := self.said("replay_ready")):
                assert self.process.poll() is None, self._log.read_text()
                await asyncio.sleep(0.01)
        return host_and_port(ready[0]["market_data"])

    async def end(self) -> int:
        return await asyncio.to_thread(self.process.wait, SECONDS_MAX)

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]


@asynccontextmanager
async def replaying(directory: Path, *options: str) -> AsyncIterator[Replay]:
    replay = Replay(directory, directory.with_suffix(".replay"), *options)
    try:
        yield replay
    finally:
        if replay.process.poll() is None:
            replay.process.kill()
        replay.process.wait()


async def listen(wire: Wire, heard: list[Any]) -> None:
    """Everything that comes, until the connection is over."""
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            heard += await wire.frame()


async def trade(venue: Addresses, first_ref: int, count: int) -> None:
    """So many trades, each in a batch of its own, with a level that comes before it and goes after it."""
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        for ref in range(first_ref, first_ref + 2 * count, 2):
            price = 9_900 + ref % 50
            alice.send(NewOrder(Ref(ref), EUA, Side.SELL, 2, price))
            await alice.reports(1)
            bob.send(NewOrder(Ref(ref), EUA, Side.BUY, 1, price))
            await bob.reports(2)
            await alice.reports(1)
            alice.send(Cancel(Ref(ref + 1), order_ref=Ref(ref)))
            await alice.reports(1)


def increments(heard: list[Any]) -> list[Any]:
    """What came behind the snapshots."""
    first = next(at for at, message in enumerate(heard) if isinstance(message, BatchBegin))
    return [message for message in heard[first:] if not isinstance(message, LoggedOut)]


async def test_a_past_day_is_heard_as_it_was_live(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    heard: list[Any] = []
    async with running(journal) as venue, venue.feed_wire() as feed:
        feed.send(Subscribe(Ref(1)))
        await feed.settle()
        listening = asyncio.ensure_future(listen(feed, heard))
        await trade(venue, 1, 20)
        listening.cancel()
    live = increments(heard)
    begin = min(message.time_ns for message in live if isinstance(message, BatchBegin))
    async with replaying(journal, "--speed", "0") as replay:
        async with Wire.logged_on(await replay.address(), "feed") as again:
            repeated: list[Any] = []
            again.send(Subscribe(Ref(1)))
            await listen(again, repeated)
        assert await replay.end() == 0
    goodbye = repeated[-1]
    assert isinstance(goodbye, LoggedOut)
    assert goodbye.reason is LogoutReason.SHUTTING_DOWN
    told = increments(repeated)
    # The replay begins earlier: with what the venue did before anybody listened.
    start = next(at for at, one in enumerate(told) if isinstance(one, BatchBegin) and one.time_ns == begin)
    assert told[start : start + len(live)] == live
    assert sum(isinstance(message, Trade) for message in told) == 20


async def test_a_reader_goes_on_in_the_journal_behind_what_memory_has(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with running(journal) as venue, venue.feed_wire() as feed:
        feed.send(Subscribe(Ref(1)))
        await feed.settle()
        await trade(venue, 1, 5)
        first = [message for frame in await feed.settle(2) for message in frame]
        last = max(message.feed_sequence for message in first if isinstance(message, BatchBegin))
        await trade(venue, 100, 5)
        second = [message for frame in await feed.settle(3) for message in frame]
    repeated: list[Any] = []
    async with (
        replaying(journal, "--speed", "0", "--after-batch", str(last)) as replay,
        Wire.logged_on(await replay.address(), "feed") as again,
    ):
        again.send(Subscribe(Ref(1), after_feed_sequence=last))
        await listen(again, repeated)
    (filled,) = [message for message in repeated if isinstance(message, GapFilled)]
    assert filled == GapFilled(Ref(1), last, last, FeedSource.JOURNAL, 0)
    trades = [message for message in repeated if isinstance(message, Trade)]
    assert trades == [message for message in second if isinstance(message, Trade)]


async def test_what_cannot_be_replayed_is_said_in_a_line(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with running(journal) as venue:
        await trade(venue, 1, 1)
    replay = Replay(journal, tmp_path / "log", "--market-data=0.0.0.0:0")
    assert await replay.end() == 1
    assert "carbonmatch: 0.0.0.0 is not a loopback address" in (tmp_path / "log").read_text()


async def test_a_replay_ends_when_it_is_told_to(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with running(journal) as venue:
        await trade(venue, 1, 1)
    async with replaying(journal) as replay:
        async with Wire.open(await replay.address()):
            replay.process.send_signal(signal.SIGTERM)
        assert await replay.end() == 0


# --- coming back to the living --------------------------------------------------------------------


async def test_a_reader_has_every_trade_once_over_a_kill_of_the_engine(process: Process) -> None:
    heard: list[int] = []

    def note(batch: Any) -> None:
        heard.extend(message.trade_id for message in batch if isinstance(message, Trade))

    await process.start()
    process.listen_again(process.addresses)
    access = market.access(process.market_data, "feed")
    async with MarketDataClient(access, on_update=note) as feed:
        await feed.synced()
        await trade(process, 1, 5)
        await process.kill()
        await process.start()
        # It may trade before the reader is back.
        await trade(process, 100, 5)
        await eventually(lambda: len(heard) >= 10)
        assert heard == list(range(1, 11))
        assert feed.is_synced


async def test_best_levels_and_an_interval_over_the_wire(venue: Venue) -> None:
    access = market.access(venue.market_data, "feed")
    async with (
        MarketDataClient(access, instrument_ids=[EUA], levels_max=1, conflate_ms=50) as best,
        MarketDataClient(access, instrument_ids=[EUA], kinds=FeedKind.LEVELS) as deep,
        venue.wire("alice") as alice,
    ):
        await best.synced()
        await deep.synced()
        alice.send(*[NewOrder(Ref(ref), EUA, Side.BUY, ref, 9_900 + ref) for ref in range(1, 21)])
        await alice.settle()
        await eventually(lambda: len(deep.books[EUA].depth()[0]) == 20)
        await eventually(lambda: best.feed_sequence == deep.feed_sequence)
        (level,) = best.books[EUA].depth()[0]
        assert level == deep.books[EUA].depth()[0][0]
        alice.send(Cancel(Ref(30), order_ref=Ref(20)))
        await alice.settle()
        await eventually(lambda: best.feed_sequence == deep.feed_sequence)
        bid, _ = best.books[EUA].best()
        assert bid == deep.books[EUA].best()[0]


async def test_lost_batches_come_again_over_the_wire(venue: Venue) -> None:
    async with venue.feed_wire() as feed:
        feed.send(Subscribe(Ref(1), (EUA,)))
        await feed.settle()
        await trade(venue, 1, 3)
        live = [message for frame in await feed.settle(2) for message in frame]
        heads = [message for message in live if isinstance(message, BatchBegin)]
        after = heads[1].feed_sequence
        feed.send(GapRequest(Ref(2), ALL_INSTRUMENTS, after))
        again = [message for frame in await feed.settle(3) for message in frame]
        assert again[0] == GapFilled(
            Ref(2), after, heads[-1].feed_sequence, FeedSource.MEMORY, len(heads) - 2
        )
        missing = live[live.index(heads[2]) :]
        assert [one for one in again if isinstance(one, Trade)] == [
            one for one in missing if isinstance(one, Trade)
        ]
