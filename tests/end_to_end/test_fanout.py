"""`carbonmatch fanout`: what reads there has what reads at the engine, whatever happens to either."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from msgspec import structs

from carbonmatch.client import Access, LogonRefused, MarketDataClient, Session
from carbonmatch.client.book import BookBuilder, Damage
from carbonmatch.client.instrument_book import InstrumentBook
from carbonmatch.config import host_and_port
from carbonmatch.fanout.gauges import FanoutGauges
from carbonmatch.fanout.relay import Outlet, Relay
from carbonmatch.fanout.subjects import Subjects
from carbonmatch.limits import SUBSCRIBERS_PER_KEY_MAX
from carbonmatch.matching.messages import InstrumentId, Side, TimeInForce
from carbonmatch.ops.fanout_metrics import FanoutCounters
from carbonmatch.protocol.codec import decode_feed
from carbonmatch.protocol.messages import FeedKind, Instrument, LoggedOut, Role
from carbonmatch.protocol.session import Listener
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.configured import configured_credentials
from carbonmatch.server.guard import Bounds, Guard
from carbonmatch.server.vitals import Timepieces
from tests.end_to_end import market
from tests.end_to_end.fanning import fanout_arguments
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import REPOSITORY, Addresses, Process, Venue, eventually
from tests.end_to_end.test_client_library import NoWait


class Fanout:
    """A relay on the test's own loop."""

    def __init__(self, access: Access, outlets: tuple[Outlet, ...] = ()) -> None:
        self.ready_count = 0
        self.counters = FanoutCounters()
        self.gauges = FanoutGauges(
            self.counters, Timepieces(_monotonic_ns, time.thread_time_ns, held_ns=lambda: 0)
        )
        self.address = ("", 0)
        self.relay = Relay(
            access,
            Listener(
                market.SERVER_ID,
                frozenset({Role.MARKET_DATA}),
                configured_credentials(market.config(Path("unused"))),
            ),
            ("127.0.0.1", 0),
            Guard(self.counters, 0, Bounds(), lambda _host: False),
            Clocks(time.time_ns, _monotonic_ns),
            self.gauges,
            outlets=outlets,
            on_ready=self._ready,
            random=NoWait(),
        )

    def _ready(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))
        self.ready_count += 1

    def client(self, **options: Any) -> MarketDataClient:
        return MarketDataClient(market.access(self.address, "watcher"), random=NoWait(), **options)


def _monotonic_ns() -> int:
    return int(asyncio.get_running_loop().time() * 1e9)


@asynccontextmanager
async def fanout(engine: Addresses, outlets: tuple[Outlet, ...] = ()) -> AsyncIterator[Fanout]:
    """One that is ready."""
    one = Fanout(market.access(engine.market_data, "feed"), outlets)
    running = asyncio.create_task(one.relay.run())
    try:
        await eventually(lambda: one.ready_count > 0 or running.done())
        yield one
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def trade(session: Session, dice: random.Random, orders: int) -> None:
    for _ in range(orders):
        instrument_id, tick, lot = dice.choice(((EUA, 1, 1), (CEA, 5, 10)))
        side = dice.choice((Side.BUY, Side.SELL))
        lots = lot * dice.randint(2, 9)
        price_ticks = 1_000 + tick * dice.randint(-6, 6)
        time_in_force = dice.choice((TimeInForce.DAY, TimeInForce.DAY, TimeInForce.IOC))
        await session.new_order(instrument_id, side, lots, price_ticks, time_in_force=time_in_force)


def ladders(books: dict[InstrumentId, InstrumentBook], levels: int | None = None) -> dict[InstrumentId, Any]:
    """What one reads of them. A snapshot gives its own number to what follows it."""
    return {known: (book.depth(levels), _told(book), book.phase) for known, book in books.items()}


def _told(book: InstrumentBook) -> Any:
    found = book.statistics
    return None if found is None else structs.replace(found, instrument_seq=0)


# --- the same ------------------------------------------------------------------------------------


async def test_snapshots_are_the_engines_own_byte_for_byte(venue: Venue) -> None:
    dice = random.Random(1)
    async with venue.session("alice") as alice, venue.session("bob") as bob:
        # Some of it comes by snapshot, some by batches.
        await trade(alice, dice, 40)
        await trade(bob, dice, 40)
        async with fanout(venue) as one:
            await trade(alice, dice, 40)
            await trade(bob, dice, 40)
            market_data = venue.service._publisher.market_data
            mirror = one.relay._market
            await eventually(lambda: mirror.feed_sequence == market_data.feed_sequence)
            assert mirror.followed_ids() == market_data.followed_ids()
            for instrument_id in market_data.followed_ids():
                for kinds in (FeedKind.ALL, FeedKind.DEFAULT, FeedKind.LEVELS, FeedKind.TRADES):
                    for levels_max in (0, 1, 3):
                        assert mirror.snapshot(instrument_id, kinds, levels_max) == market_data.snapshot(
                            instrument_id, kinds, levels_max
                        )


@pytest.mark.parametrize(
    "options",
    [{}, {"levels_max": 2}, {"conflate_ms": 50}, {"kinds": FeedKind.LEVELS}, {"instrument_ids": [CEA]}],
    ids=str,
)
async def test_an_ordinary_client_cannot_tell_it_from_the_engine(
    venue: Venue, options: dict[str, Any]
) -> None:
    dice = random.Random(2)
    async with (
        venue.session("alice") as alice,
        venue.session("bob") as bob,
        fanout(venue) as one,
        MarketDataClient(market.access(venue.market_data, "watcher"), **options) as there,
        one.client(**options) as here,
    ):
        await there.synced()
        await here.synced()
        for _ in range(4):
            await asyncio.gather(trade(alice, dice, 15), trade(bob, dice, 15))
            await eventually(lambda: ladders(here.books) == ladders(there.books))
        assert here.feed_sequence == there.feed_sequence
        assert all(book.is_current for book in here.books.values())


async def test_the_engine_has_one_subscriber_however_many_read_here(venue: Venue) -> None:
    async with fanout(venue) as one, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(one.client()) for _ in range(40)]
        assert len(clients) < SUBSCRIBERS_PER_KEY_MAX
        for client in clients:
            await client.synced()
        async with venue.session("alice") as alice:
            await alice.new_order(EUA, Side.BUY, 5, 1_000)
        await eventually(lambda: all(client.books[EUA].best()[0] is not None for client in clients))
        assert len(venue.market_data_peers) == 1


# --- engines that go -------------------------------------------------------------------------------


async def test_after_a_killed_engine_it_heals_by_itself_and_nothing_looks_current_meanwhile(
    process: Process,
) -> None:
    await process.start()
    process.listen_again(process.addresses)
    async with fanout(process) as one, one.client() as client:
        await client.synced()
        async with Session(market.access(process.order_entry, "alice"), random=NoWait()) as alice:
            for lots in (5, 6):
                await alice.new_order(EUA, Side.BUY, lots, 1_000)
                await eventually(lambda lots=lots: client.is_synced and _best_lots(client) >= lots)  # type: ignore[misc]
                before = one.ready_count
                await process.kill()
                await eventually(lambda: not client.is_synced)
                await process.start()
                await eventually(lambda before=before: one.ready_count > before)  # type: ignore[misc]
                await client.synced()
        assert _best_lots(client) == 5 + 6


def _best_lots(client: MarketDataClient) -> int:
    book = client.books.get(EUA)
    bid = None if book is None else book.best()[0]
    return 0 if bid is None else bid.quantity_lots


async def test_a_key_that_the_engine_does_not_want_ends_it(venue: Venue) -> None:
    access = structs.replace(market.access(venue.market_data, "feed"), private_key=bytes(32))
    with pytest.raises(LogonRefused):
        await Fanout(access).relay.run()


async def test_a_feed_with_a_hole_is_followed_anew(venue: Venue) -> None:
    async with fanout(venue) as one, one.client() as client, venue.session("alice") as alice:
        await client.synced()
        # A batch that never was, as far as the mirror knows.
        one.relay._market._builder.feed_sequence -= 1
        one.relay._market.feed_sequence -= 1
        await alice.new_order(EUA, Side.BUY, 5, 1_000)
        await eventually(lambda: one.ready_count == 2)
        await eventually(lambda: client.is_synced and _best_lots(client) == 5)


# --- the process -----------------------------------------------------------------------------------


class FanoutProcess:
    """`carbonmatch fanout`, of an engine that listens there."""

    def __init__(self, engine: Addresses, directory: Path) -> None:
        self._arguments = fanout_arguments(engine, directory)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Return when readers are let in."""
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "carbonmatch", "fanout", *self._arguments),
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        async with asyncio.timeout(20):
            line = json.loads(await process.stderr.readline())
        assert line["event"] == "ready", line
        self.market_data = host_and_port(line["market_data"])
        self.ops = line["ops"]

    async def get(self, path: str) -> tuple[int, str]:
        reader, writer = await asyncio.open_connection(*host_and_port(self.ops))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        async with asyncio.timeout(20):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), body.decode()

    async def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            return await self._process.wait()

    async def clean_up(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def fanout_process(engine: Addresses, directory: Path) -> AsyncIterator[FanoutProcess]:
    process = FanoutProcess(engine, directory)
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


async def test_the_process_serves_a_ladder_and_stops_when_told(venue: Venue, tmp_path: Path) -> None:
    async with fanout_process(venue, tmp_path) as process:
        async with MarketDataClient(market.access(process.market_data, "watcher")) as client:
            await client.synced()
            assert set(client.books) == {EUA, CEA}
        assert await process.stop() == 0


async def test_the_process_says_whether_readers_are_let_in(process: Process, tmp_path: Path) -> None:
    await process.start()
    async with fanout_process(process, tmp_path) as one:
        assert (await one.get("/readyz"))[0] == (await one.get("/healthz"))[0] == 200
        await process.kill()
        async with asyncio.timeout(20):
            while (await one.get("/readyz"))[0] != 503:
                pass
        status, body = await one.get("/healthz")
        assert (status, "the engine is not followed" in body) == (200, True)


# --- what it counts --------------------------------------------------------------------------------


async def test_readers_and_what_they_are_told_are_counted(venue: Venue) -> None:
    async with fanout(venue) as one, one.client() as client, venue.session("alice") as alice:
        await client.synced()
        counters, gauges = one.counters, one.gauges
        gauges.take()
        assert (counters.following, counters.joins, counters.feed_subscribers) == (1, 1, 1)
        assert counters.connections == counters.logons_accepted == 1
        heard, told = counters.received_batches, counters.feed_messages
        await alice.new_order(EUA, Side.BUY, 5, 1_000)
        await eventually(lambda: _best_lots(client) == 5)
        gauges.take()
        assert counters.received_batches == heard + 1
        assert counters.feed_messages > told
        assert counters.feed_sequence == venue.service._publisher.market_data.feed_sequence
        assert sum(counters.lag_ns.counts) == counters.feed_batches == counters.received_batches > 0
        assert 0 < counters.lag_ns.total < 60e9
        assert counters.feed_sent_bytes > 0


async def test_what_was_sent_before_an_engine_was_lost_still_counts(process: Process) -> None:
    await process.start()
    process.listen_again(process.addresses)
    async with fanout(process) as one, one.client() as client:
        await client.synced()
        one.gauges.take()
        sent = one.counters.feed_sent_bytes
        assert sent > 0
        await process.kill()
        await eventually(lambda: one.counters.following == 0)
        assert one.counters.feed_subscribers == one.counters.connections == 0
        assert one.counters.feed_sent_bytes >= sent
        await eventually(lambda: one.counters.losses["connection"] > 0)
        await process.start()
        await eventually(lambda: one.counters.joins == 2)
        await client.synced()
        one.gauges.take()
        assert one.counters.feed_sent_bytes > sent
        assert one.counters.losses["out_of_step"] == 0


async def test_a_feed_that_does_not_fit_is_counted_as_such(venue: Venue) -> None:
    async with fanout(venue) as one, venue.session("alice") as alice:
        one.relay._market._builder.feed_sequence -= 1
        one.relay._market.feed_sequence -= 1
        await alice.new_order(EUA, Side.BUY, 5, 1_000)
        await eventually(lambda: one.counters.joins == 2)
        assert one.counters.losses == {"connection": 0, "out_of_step": 1}


async def test_the_loop_of_a_fan_out_is_looked_at_too(venue: Venue) -> None:
    async with fanout(venue) as one:
        looking = asyncio.create_task(one.gauges.run())
        await eventually(lambda: sum(one.counters.event_loop_lag_ns.counts) >= 2)
        looking.cancel()
        assert 0 <= one.counters.capacity_used_ns <= 1_000_000_000


# --- NATS ------------------------------------------------------------------------------------------

needs_nats = pytest.mark.skipif(
    shutil.which("nats-server") is None, reason="no nats-server here; on Debian: apt install nats-server"
)


class NatsServer:
    """On one port, over its restarts."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"nats://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: ASYNC220
            ["nats-server", "--addr", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await eventually(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
async def nats_server() -> AsyncIterator[NatsServer]:
    one = NatsServer()
    await one.start()
    yield one
    one.kill()


class SubjectReader:
    """What a reader does: a builder for its subject, and a snapshot wherever it sees a gap."""

    def __init__(self, client: Any, instrument_id: InstrumentId) -> None:
        self._client = client
        client.readers.append(self)
        self._instrument_id = instrument_id
        self._builder = BookBuilder()
        self._requests: set[asyncio.Task[None]] = set()
        self.is_away = False

    async def start(self) -> None:
        await self._client.subscribe(f"md.v1.feed.{self._instrument_id}", cb=self._take)
        await self._client.subscribe("md.v1.status", cb=self._status)
        await self._ask()

    async def _take(self, message: Any) -> None:
        if self._apply(message.data):
            self.ask_later()

    async def _status(self, message: Any) -> None:
        self.is_away = type(decode_feed(message.data)[0]) is LoggedOut

    def ask_later(self) -> None:
        self._requests.add(asyncio.create_task(self._ask()))

    async def _ask(self) -> None:
        """Until there is an answer: the fan-out may not be back yet."""
        while True:
            try:
                reply = await self._client.request(f"md.v1.snapshot.{self._instrument_id}", timeout=1)
            except nats.errors.Error:
                await asyncio.sleep(0.05)
                continue
            # Answers and batches come by different subjects, and so in any order: an answer that is older
            # than what was heard meanwhile would take it back.
            answer: list[Any] = decode_feed(reply.data)
            if answer and answer[0].feed_sequence >= self._builder.feed_sequence:
                self._builder.apply(answer)
                return

    def _apply(self, payload: bytes) -> list[Damage]:
        messages: list[Any] = decode_feed(payload)
        return self._builder.apply(messages)

    @property
    def book(self) -> InstrumentBook | None:
        return self._builder.books.get(self._instrument_id)

    def shows(self, expected: InstrumentBook) -> bool:
        book = self.book
        return book is not None and book.is_current and ladders({EUA: book}) == ladders({EUA: expected})


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Any]:
    readers: list[SubjectReader] = []

    async def ignored(_error: Exception) -> None:
        """Restarts are what the tests are about."""

    async def ask_again() -> None:
        """What was published while the server was away, nobody tells."""
        for reader in readers:
            reader.ask_later()

    client: Any = await nats.connect(
        url,
        reconnect_time_wait=0.05,
        max_reconnect_attempts=-1,
        error_cb=ignored,
        reconnected_cb=ask_again,
    )
    client.readers = readers
    try:
        yield client
    finally:
        await client.close()


@needs_nats
async def test_subjects_have_the_feed_and_snapshots_on_request(venue: Venue, nats_server: NatsServer) -> None:
    dice = random.Random(3)
    async with (
        Subjects(nats_server.url, "md.v1") as subjects,
        venue.session("alice") as alice,
        venue.session("bob") as bob,
        fanout(venue, (subjects,)) as one,
        one.client() as there,
        reading(nats_server.url) as client,
    ):
        await there.synced()
        await eventually(lambda: subjects._client is not None)
        await trade(alice, dice, 30)
        readers = {each: SubjectReader(client, each) for each in (EUA, CEA)}
        for reader in readers.values():
            await reader.start()
        for _ in range(3):
            await asyncio.gather(trade(alice, dice, 20), trade(bob, dice, 20))
            await eventually(_all_show(readers, there))
        known = decode_feed((await client.request("md.v1.instruments", timeout=5)).data)
        symbols = [each.definition.symbol for each in known if isinstance(each, Instrument)]
        assert symbols == ["EUA", "CEA"]
        assert decode_feed((await client.request("md.v1.snapshot.99", timeout=5)).data) == []


def _all_show(readers: dict[InstrumentId, SubjectReader], there: MarketDataClient) -> Callable[[], bool]:
    return lambda: all(reader.shows(there.books[each]) for each, reader in readers.items())


@needs_nats
async def test_a_killed_nats_server_costs_nothing_but_the_time_that_it_is_away(
    venue: Venue, nats_server: NatsServer
) -> None:
    dice = random.Random(4)
    async with (
        Subjects(nats_server.url, "md.v1") as subjects,
        venue.session("alice") as alice,
        fanout(venue, (subjects,)) as one,
        one.client() as there,
        reading(nats_server.url) as client,
    ):
        await there.synced()
        await eventually(lambda: subjects._client is not None)
        readers = {EUA: SubjectReader(client, EUA)}
        await readers[EUA].start()
        for _ in range(2):
            nats_server.kill()
            # Nobody hears of these.
            await trade(alice, dice, 30)
            await nats_server.start()
            await eventually(_all_show(readers, there))
            await trade(alice, dice, 10)
            await eventually(_all_show(readers, there))


@needs_nats
async def test_readers_of_subjects_are_told_when_the_engine_is_away(
    process: Process, nats_server: NatsServer
) -> None:
    await process.start()
    process.listen_again(process.addresses)
    async with (
        Subjects(nats_server.url, "md.v1") as subjects,
        fanout(process, (subjects,)),
        reading(nats_server.url) as client,
    ):
        await eventually(lambda: subjects._client is not None)
        reader = SubjectReader(client, EUA)
        await reader.start()
        await process.kill()
        await eventually(lambda: reader.is_away)
        await process.start()
        await eventually(lambda: not reader.is_away)
        async with process.session("alice") as alice:
            await alice.new_order(EUA, Side.BUY, 5, 1_000)
        await eventually(lambda: reader.book is not None and reader.book.best()[0] is not None)
