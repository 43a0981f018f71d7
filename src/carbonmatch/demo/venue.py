"""The engine of the demo: a process of its own, started, asked for its metrics, stopped, and proven."""

import asyncio
import json
import os
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Any, Final

from carbonmatch.client import ClientError
from carbonmatch.config import host_and_port

_READY_SECONDS_MAX: Final = 60.0
_STOP_SECONDS_MAX: Final = 30.0
_PROOF_SECONDS_MAX: Final = 600.0
_PAGE_SECONDS_MAX: Final = 2.0
_LOG_LINES_KEPT: Final = 20
_ANY_PORT: Final = "127.0.0.1:0"


class VenueFailed(ClientError):
    """The engine did not start, or did not stop as it should; its last words are in the text."""


class Venue:
    """`carbonmatch serve` with the demo market, on loopback ports that were free."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._addresses: dict[str, tuple[str, int]] = {}
        self._log: deque[str] = deque(maxlen=_LOG_LINES_KEPT)
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @property
    def order_entry(self) -> tuple[str, int]:
        return self._addresses["order_entry"]

    @property
    def market_data(self) -> tuple[str, int]:
        return self._addresses["market_data"]

    async def start(self) -> None:
        options = [f"--{name}={_ANY_PORT}" for name in ("order-entry", "market-data", "ops")]
        # A session of its own: Ctrl-C in the terminal is for the demo, which then stops the engine.
        self._process = await asyncio.create_subprocess_exec(
            *_command("serve", f"--data-dir={self.directory}", *options),
            env=_environment(),
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._listener = asyncio.create_task(self._listen(self._process))
        waiting = asyncio.create_task(self._ready.wait())
        await asyncio.wait(
            {waiting, self._listener}, timeout=_READY_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED
        )
        waiting.cancel()
        if not self._ready.is_set():
            raise VenueFailed(f"the engine did not get ready:\n{self._last_words()}")

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Read the log until the engine ends."""
        assert process.stderr is not None
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._log.append(text)
            if not self._ready.is_set() and '"ready"' in text:
                said: dict[str, Any] = json.loads(text)
                names = ("order_entry", "market_data", "ops")
                self._addresses = {name: host_and_port(said[name]) for name in names}
                self._ready.set()

    async def metrics(self) -> dict[str, float]:
        """Those without labels; none where the engine is too busy to answer."""
        try:
            async with asyncio.timeout(_PAGE_SECONDS_MAX):
                page = await self._page("/metrics")
        except OSError:
            return {}
        pairs = [line.split(" ") for line in page.splitlines() if line and line[0] not in "#{"]
        return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and "{" not in pair[0]}

    async def _page(self, path: str) -> str:
        reader, writer = await asyncio.open_connection(*self._addresses["ops"])
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            _, _, body = (await reader.read()).partition(b"\r\n\r\n")
            return body.decode()
        finally:
            writer.close()

    @property
    def has_ended(self) -> bool:
        """Whether the engine is gone, which before `stop` it never should."""
        return self._listener is not None and self._listener.done()

    async def stop(self) -> None:
        """Ask it to stop and wait; raise VenueFailed unless it has stopped in good order."""
        process = self._process
        if process is None:
            return
        self._process = None
        ended_early = process.returncode is not None
        if not ended_early:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_SECONDS_MAX):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            status = await process.wait()
        if self._listener is not None:
            await self._listener
        if status or ended_early:
            raise VenueFailed(f"the engine ended with status {status}:\n{self._last_words()}")

    async def prove(self, how: str) -> str:
        """Run `carbonmatch journal verify` or `replay` on what it wrote; return what that says."""
        process = await asyncio.create_subprocess_exec(
            *_command("journal", how, str(self.directory)),
            env=_environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(_PROOF_SECONDS_MAX):
            said, _ = await process.communicate()
        text = said.decode(errors="replace").strip()
        if process.returncode:
            raise VenueFailed(f"journal {how} ended with status {process.returncode}:\n{text}")
        return text

    def _last_words(self) -> str:
        return "\n".join(self._log)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "carbonmatch", *arguments]


def _environment() -> dict[str, str]:
    """Ours, but for settings that are meant for another venue."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CARBONMATCH_")}
