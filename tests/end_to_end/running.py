"""Engines to test against: the real one, in this process or in one of its own."""

import asyncio
import contextlib
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.client import Session
from carbonmatch.config import Config, host_and_port
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.matching import state
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.log_events import EVENTS, OF_EVERY_LINE
from carbonmatch.server import service as service_module
from carbonmatch.server.commit import Commit, JournalThread
from carbonmatch.server.service import Service
from tests.end_to_end import market
from tests.end_to_end.wire import SECONDS_MAX, Wire

LISTENERS = ("order_entry", "market_data", "drop_copy", "ops")

REPOSITORY = Path(__file__).resolve().parents[2]


async def eventually(condition: Callable[[], bool]) -> None:
    """Return once it holds: for what no message tells a test of."""
    async with asyncio.timeout(SECONDS_MAX):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Addresses:
    """Where an engine listens, and the ways to get to it."""

    addresses: dict[str, str]

    @property
    def order_entry(self) -> tuple[str, int]:
        return host_and_port(self.addresses["order_entry"])

    @property
    def market_data(self) -> tuple[str, int]:
        return host_and_port(self.addresses["market_data"])

    @property
    def drop_copy(self) -> tuple[str, int]:
        return host_and_port(self.addresses["drop_copy"])

    def session(self, name: str, next_seq: int = 0, **options: Any) -> Session:
        return Session(market.access(self.order_entry, name, **options), next_seq=next_seq)

    def wire(self, name: str = "", next_seq: int = 0, **options: Any) -> AbstractAsyncContextManager[Wire]:
        """To order entry; logged on where a name is given."""
        if not name:
            return Wire.open(self.order_entry)
        return Wire.logged_on(self.order_entry, name, next_seq, **options)

    def feed_wire(self, name: str = "feed", **options: Any) -> AbstractAsyncContextManager[Wire]:
        return Wire.logged_on(self.market_data, name, **options)

    def copy_wire(
        self, next_seq: int = 0, name: str = "alice-copy", **options: Any
    ) -> AbstractAsyncContextManager[Wire]:
        return Wire.logged_on(self.drop_copy, name, next_seq, **options)

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page of the ops port."""
        head, body = (await self.http(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())).split(
            b"\r\n\r\n", 1
        )
        return int(head.split(b" ")[1]), body.decode()

    async def http(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*host_and_port(self.addresses["ops"]))
        try:
            writer.write(request)
            async with asyncio.timeout(SECONDS_MAX):
                return await reader.read()
        finally:
            writer.close()


class Venue(Addresses):
    """An engine on the test's own event loop; its state may be looked at, and only that."""

    def __init__(self, directory: Path, config: Config | None = None, **options: Any) -> None:
        self.directory = directory
        # What its file says: a test writes here, and has it read again.
        self.file: Config | Exception = config or market.config(directory, **options)
        self.service = Service(self._read_file(), self._read_file)
        self.addresses = self.service.addresses
        self._is_running = False
        self._thresholds = gc.get_threshold()

    async def start(self) -> None:
        await self.service.start()
        self._is_running = True

    async def stop(self) -> None:
        if self._is_running:
            self._is_running = False
            assert await self.service.stop() == 0
            # What the engine froze is the next test's garbage.
            gc.unfreeze()
            gc.set_threshold(*self._thresholds)

    def _read_file(self) -> Config:
        if isinstance(self.file, Exception):
            raise self.file
        return self.file

    async def reload(self, file: Config | Exception) -> None:
        """Return when what `file` says is in force, or refused."""
        self.file = file
        before = self.counters.reloads.total()
        self.service.reload()
        await eventually(lambda: self.counters.reloads.total() > before)

    @property
    def counters(self) -> Counters:
        return self.service.counters

    def sweep(self) -> None:
        """Look at deadlines, as the engine does twenty times a second."""
        gateway = self.service._gateway
        gateway.swept(gateway.clocks.monotonic_ns())

    @property
    def engine(self) -> Any:
        return self.service._engine

    @property
    def order_entry_peers(self) -> list[Any]:
        """The engine's side of its connections that are logged on."""
        return [peer for peer in self.service._gateway.peers if peer.rules.logon is not None]

    @property
    def drop_copy_peers(self) -> list[Any]:
        return [peer for peer in self.service._drop_copies.peers if peer.rules.logon is not None]

    @property
    def market_data_peers(self) -> list[Any]:
        return [peer for peer in self.service._publisher.peers if peer.rules.logon is not None]

    def digest(self) -> bytes:
        return state.digest(self.engine)

    def crash_copy(self, directory: Path) -> Path:
        """What a kill -9 right now would leave on the disk."""
        # A segment that is still being made may be gone before it is copied.
        return Path(shutil.copytree(self.directory, directory, ignore=shutil.ignore_patterns("*.tmp")))


@asynccontextmanager
async def running(directory: Path, config: Config | None = None, **options: Any) -> AsyncIterator[Venue]:
    """An engine that is stopped at the end of the block, and fails the test if anything of it fell over."""
    venue = Venue(directory, config, **options)
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
    await venue.start()
    try:
        yield venue
    finally:
        await venue.stop()
    assert not errors, errors


# --- what a test may hold still --------------------------------------------------------------------


class Disk:
    """Keeps commits from becoming durable for as long as a test likes."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._answers = threading.Event()
        self._answers.set()
        append, commit_here = JournalWriter.append, JournalThread.commit_here
        commit_beside = JournalThread._commit_beside

        def held(writer: JournalWriter, payload: bytes, first_sequence: int, count: int) -> int:
            assert self._answers.wait(SECONDS_MAX), "a test has forgotten that it holds the disk"
            return append(writer, payload, first_sequence, count)

        def elsewhere(journal: JournalThread, commit: Commit) -> bool:
            # The loop, which is the test's as well, may not wait for a disk that is held.
            return self._answers.is_set() and commit_here(journal, commit)

        def by_the_thread(journal: JournalThread, commit: Commit) -> bool:
            return self._answers.is_set() and commit_beside(journal, commit)

        patch.setattr(JournalThread, "_commit_beside", by_the_thread)
        patch.setattr(JournalWriter, "append", held)
        patch.setattr(JournalThread, "commit_here", elsewhere)
        # Committed in the loop, a batch would hold the loop, and with it the test that is to let go.
        patch.setattr(JournalThread, "commit_here", lambda _thread, _commit: False)

    @contextmanager
    def held(self) -> Iterator[None]:
        self._answers.clear()
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        self._answers.set()


class Clock:
    """The engine's clocks, which a test can put forward: deadlines pass without waiting for them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._ahead_ns = 0
        self._utc_ahead_ns = 0
        self._stopped_ns: int | None = None
        patch.setattr(service_module, "time", self)

    def stop(self) -> None:
        """Let time pass by `advance` only."""
        self._stopped_ns = time.monotonic_ns()

    def advance(self, seconds: float) -> None:
        self._ahead_ns += round(seconds * 1e9)

    def advance_utc(self, seconds: float) -> None:
        """A step of the clock on the wall, of which the other one knows nothing."""
        self._utc_ahead_ns += round(seconds * 1e9)

    def monotonic_ns(self) -> int:
        now_ns = time.monotonic_ns() if self._stopped_ns is None else self._stopped_ns
        return now_ns + self._ahead_ns

    def thread_time_ns(self) -> int:
        return time.thread_time_ns()

    def time_ns(self) -> int:
        return time.time_ns() + self._ahead_ns + self._utc_ahead_ns


# --- a process -------------------------------------------------------------------------------------


class Process(Addresses):
    """`carbonmatch serve`, to be stopped, killed and refused like the real thing."""

    def __init__(self, directory: Path, files: Path | None = None) -> None:
        """`files`: the path of its log and configuration, but for their suffixes."""
        self.directory = directory
        files = directory if files is None else files
        self.log = files.with_suffix(".log")
        self._config = files.with_suffix(".toml")
        # What the file says.
        self.text = market.text()
        self._listen: dict[str, str] = {}
        # What Python runs; a test may have something done before the engine.
        self.program = ["-m", "carbonmatch"]
        self.environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def listen_again(self, addresses: dict[str, str]) -> None:
        """Have the next start bind these addresses and not any free ones."""
        self._listen = addresses

    async def start(self) -> None:
        """Return when it is ready; raise AssertionError with its log where it does not get there."""
        self.spawn()
        async with asyncio.timeout(SECONDS_MAX):
            while not (found := self.events("ready")):
                assert self._process is not None
                assert self._process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.01)
        self.addresses = {name: found[0][name] for name in LISTENERS}

    async def refused(self) -> tuple[int, str]:
        """Start it where it has to refuse; its exit status and its last line."""
        self.spawn()
        status = await self.wait()
        return status, self.log.read_text().splitlines()[-1]

    def spawn(self) -> None:
        """Start it, and wait for nothing."""
        self._config.write_text(self.text)
        serve = [*self.program, "serve"]
        serve += ["--config", str(self._config), "--data-dir", str(self.directory)]
        for name, address in self._listen.items():
            serve += [f"--{name.replace('_', '-')}", address]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *serve],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}", **self.environment},
            )

    async def stop(self) -> int:
        """Ask it to stop; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await self.wait()

    async def reload(self, text: str, event: str) -> dict[str, Any]:
        """Have it read `text` as its file; the first line with this event that it logs then."""
        before = len(self.events(event))
        self.text = text
        self._config.write_text(text)
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)
        await eventually(lambda: len(self.events(event)) > before)
        return self.events(event)[before]

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def wait(self) -> int:
        assert self._process is not None
        status = await asyncio.to_thread(self._process.wait, SECONDS_MAX)
        self._must_be_listed()
        return status

    def _must_be_listed(self) -> None:
        """Whatever a test has made it say, docs/logs.md tells of: also what is only named at run time."""
        for line in self._lines():
            event = EVENTS.get(line["event"])
            if event is not None:
                assert line.keys() <= {*event.fields, *OF_EVERY_LINE}, line
            else:
                assert "text" in line, f"not in ops/log_events, and of no library: {line}"

    def clean_up(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    async def said(self, name: str, **fields: Any) -> dict[str, Any]:
        """Wait for a line of its log with this event and these fields."""
        async with asyncio.timeout(SECONDS_MAX):
            while True:
                for event in self.events(name):
                    if fields.items() <= event.items():
                        return event
                await asyncio.sleep(0.01)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of its log with this event, oldest first."""
        return [line for line in self._lines() if line["event"] == name]

    def _lines(self) -> Iterator[dict[str, Any]]:
        for line in self.log.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                yield json.loads(line)
