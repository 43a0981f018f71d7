"""`carbonmatch follow` as a process."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from carbonmatch.config import host_and_port
from tests.end_to_end.running import REPOSITORY
from tests.end_to_end.wire import SECONDS_MAX


class FollowerProcess:
    """Its options are those of the command line."""

    def __init__(self, directory: Path, log: Path) -> None:
        self.directory = directory
        self.log = log
        self.environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self, *options: str) -> None:
        arguments = ["follow", "--data-dir", str(self.directory), "--ops", "127.0.0.1:0", *options]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "carbonmatch", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), **self.environment},
            )

    async def start(self, *options: str) -> None:
        """Return when it follows; raise AssertionError with its log where it does not get there."""
        self.spawn(*options)
        async with asyncio.timeout(SECONDS_MAX):
            while not self.events("ready"):
                assert self._process is not None
                assert self._process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.01)

    async def page(self, path: str) -> tuple[int, str]:
        reader, writer = await asyncio.open_connection(*host_and_port(self.events("ready")[0]["ops"]))
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            async with asyncio.timeout(SECONDS_MAX):
                head, body = (await reader.read()).split(b"\r\n\r\n", 1)
        finally:
            writer.close()
        return int(head.split(b" ")[1]), body.decode()

    async def metric(self, name: str) -> float:
        _, body = await self.page("/metrics")
        return next(
            float(line.split()[1])
            for line in body.splitlines()
            if line.startswith(f"carbonmatch_follower_{name} ")
        )

    async def until(self, name: str, value: float) -> None:
        """Wait until a metric is at least `value`."""
        async with asyncio.timeout(SECONDS_MAX):
            while await self.metric(name) < value:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return await self.wait()

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self.wait()

    async def wait(self) -> int:
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, SECONDS_MAX)

    async def refused(self, *options: str) -> tuple[int, str]:
        """Its exit status and its last line."""
        self.spawn(*options)
        status = await self.wait()
        return status, self.log.read_text().splitlines()[-1]

    def clean_up(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def events(self, name: str) -> list[dict[str, Any]]:
        found = []
        for line in self.log.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                if event["event"] == name:
                    found.append(event)
        return found
