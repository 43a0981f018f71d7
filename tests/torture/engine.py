"""The engine under torture: one life after the other on one journal, and what each has said."""

import asyncio
import json
import os
import signal
from asyncio import StreamReader, StreamReaderProtocol
from collections import deque
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final

from tests.torture.life import Life, Nursery, born_anew
from tests.torture.venue import Ports, configuration

_READY_SECONDS_MAX: Final = 60.0
_STOP_SECONDS_MAX: Final = 30.0
# A line may hold a traceback.
_LINE_BYTES_MAX: Final = 2**20
# Most lives are forked, these begin with a new interpreter.
_ANEW: Final = 0.05


class EngineFailed(Exception):
    """The engine did not start, or ended by itself."""


class EngineProcess:
    """`python -m carbonmatch serve` on one directory, started and killed again and again.

    `seconds_to_ready` is how long the last start took, for whoever wants to kill in the middle of the next.
    """

    def __init__(self, directory: Path, ports: Ports, random: Random, plant: str = "") -> None:
        """`plant`: a fault that every life has, see `plants`."""
        self.directory = directory
        self.journal = directory / "journal"
        self.anew_count = 0
        self.seconds_to_ready = 0.2
        # What the present life has said; its ready line wakes `ready`.
        self.events: dict[str, dict[str, Any]] = {}
        # Whether any life so far has refused new orders because of its disk.
        self.was_degraded = False
        self._random = random
        config = directory / "venue.toml"
        config.write_text(configuration())
        self._serve = ["serve", "--config", str(config), "--data-dir", str(self.journal)]
        for name in ("order_entry", "market_data", "drop_copy", "ops"):
            self._serve += [f"--{name.replace('_', '-')}", f"127.0.0.1:{getattr(ports, name)}"]
        self._planted = ["--plant", plant] if plant else []
        self._nursery = Nursery()
        self._life: Life | None = None
        self._listening: asyncio.Task[None] | None = None
        self._began = 0.0
        self._ready = asyncio.Event()
        self._log = (directory / "engine.log").open("ab")
        self._said: deque[str] = deque(maxlen=40)

    async def start(self, *fragile: str) -> None:
        """Start a process, which is not ready yet. `fragile` are options of that module."""
        assert self._life is None, "one life at a time"
        options = [*fragile, *self._planted]
        self._ready.clear()
        self.events.clear()
        reader = StreamReader(limit=_LINE_BYTES_MAX)
        ours, its = os.pipe()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: StreamReaderProtocol(reader), os.fdopen(ours, "rb")
        )
        self._began = monotonic()
        try:
            if self._random.random() < _ANEW:
                self.anew_count += 1
                module = "tests.torture.fragile" if options else "carbonmatch"
                self._life = await born_anew(["-m", module, *options, *self._serve], its)
            else:
                self._life = await self._nursery.born([*options, *self._serve], its)
        finally:
            os.close(its)
        self._listening = asyncio.create_task(self._listen(reader, transport))

    async def ready_or_ended(self) -> None:
        """Return once it listens, or never will."""
        async with asyncio.timeout(_READY_SECONDS_MAX):
            await self._ready.wait()

    async def ready(self) -> None:
        """Return once it listens; raise EngineFailed where it ends before."""
        await self.ready_or_ended()
        if "ready" not in self.events:
            raise EngineFailed(f"the engine did not start:\n{self.last_words()}")

    async def kill(self) -> None:
        """As the kernel kills: nothing is closed, nothing is said."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def stop(self) -> None:
        """In order; raise EngineFailed where that does not end with 0."""
        self.signal(signal.SIGTERM)
        status = await self.wait()
        if status != 0:
            raise EngineFailed(f"a stop ended with {status}:\n{self.last_words()}")

    def signal(self, number: signal.Signals) -> None:
        assert self._life is not None
        self._life.signal(number)

    async def ended(self) -> None:
        """Return when it has ended by itself or by a signal; `wait` tells how."""
        assert self._life is not None
        await self._life.ended()

    async def wait(self) -> int:
        """The exit status, once it has ended."""
        assert self._life is not None
        assert self._listening is not None
        async with asyncio.timeout(_STOP_SECONDS_MAX):
            status = await self._life.ended()
            await self._listening
        self._life = None
        return status

    async def __aenter__(self) -> "EngineProcess":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._life is not None:
            await self.kill()
        await self._nursery.close()
        self._log.close()

    def last_words(self) -> str:
        return "\n".join(self._said)

    async def _listen(self, output: StreamReader, transport: asyncio.ReadTransport) -> None:
        async for line in output:
            self._log.write(line)
            text = line.decode(errors="replace").rstrip()
            self._said.append(text)
            if text.startswith("{"):
                event: dict[str, Any] = json.loads(text)
                self.events[event["event"]] = event
                if event["event"] == "ready":
                    self.seconds_to_ready = monotonic() - self._began
                    self._ready.set()
                elif event["event"] == "state_changed":
                    self.was_degraded = True
        transport.close()
        self._log.flush()
        # Whoever waits for a life that has ended finds no ready line.
        self._ready.set()
