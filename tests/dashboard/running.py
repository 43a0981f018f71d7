"""`carbonmatch dashboard` as a process, and a browser to look at it with."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, expect

from carbonmatch.config import host_and_port
from tests.end_to_end import market
from tests.end_to_end.running import REPOSITORY, Process
from tests.end_to_end.wire import SECONDS_MAX

expect.set_options(timeout=SECONDS_MAX * 1_000)


class DashboardProcess:
    """Of an engine that listens already; it keeps its port over a restart."""

    def __init__(self, engine: Process, directory: Path, *options: str, may_act: bool = True) -> None:
        self.engine = engine
        self.secret_file = directory / "secret"
        self.log = directory / "dashboard.log"
        self._port = 0
        self._options = [*_key(directory, "feed", "--"), *options]
        if may_act:
            self._options += [
                *_key(directory, "operator", "--operator-"),
                f"--secret-file={self.secret_file}",
            ]
        self.environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def secret(self) -> str:
        return self.secret_file.read_text().strip()

    async def start(self) -> None:
        """Return when it serves its page."""
        process = self._spawn()
        async with asyncio.timeout(SECONDS_MAX):
            while not (ready := self.events("ready")):
                assert process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.02)
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", ready[0]["dashboard"])
        assert found is not None
        self._port = int(found[1])

    def _spawn(self) -> subprocess.Popen[bytes]:
        addresses = self.engine.addresses
        arguments = [
            "dashboard",
            f"--port={self._port}",
            f"--market-data-port={host_and_port(addresses['market_data'])[1]}",
            f"--order-entry-port={host_and_port(addresses['order_entry'])[1]}",
            f"--metrics-url=http://{addresses['ops']}/metrics",
            *self._options,
        ]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "carbonmatch", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), **self.environment},
            )
        return self._process

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]
        return [line for line in lines if line["event"] == name]

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return await asyncio.to_thread(self._process.wait, SECONDS_MAX)

    def clean_up(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _key(directory: Path, name: str, prefix: str) -> list[str]:
    file = directory / f"{name}.private"
    file.write_text(market.private_key(name).hex())
    file.chmod(0o600)
    return [f"{prefix}key-id={name}", f"{prefix}key-file={file}", f"{prefix}session={name}"]


@asynccontextmanager
async def opened(
    browser: Browser, dashboard: DashboardProcess, width: int = 1440, height: int = 1000, **options: Any
) -> AsyncIterator[Page]:
    """The page, once it shows the market. Fails where anything of it is wrong, or comes from elsewhere."""
    context = await browser.new_context(viewport={"width": width, "height": height}, **options)
    page = await context.new_page()
    errors: list[str] = []
    elsewhere: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if _is_ours(said.type, said.text) else None)
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(f"{dashboard.url}/") else elsewhere.append(asked.url),
    )
    try:
        await page.goto(dashboard.url)
        await expect(page.locator("#rows tbody tr")).not_to_have_count(0)
        yield page
    finally:
        await context.close()
    assert not errors
    assert not elsewhere


def _is_ours(kind: str, text: str) -> bool:
    """A stream that breaks, and a refusal that a test has asked for, are told there as well."""
    return kind in ("error", "warning") and not text.startswith("Failed to load resource")
