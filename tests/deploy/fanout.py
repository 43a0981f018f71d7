"""`carbonmatch fanout` as a process that follows an engine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.deploy.prometheus import until
from tests.end_to_end import market
from tests.end_to_end.running import REPOSITORY, Process


class FanoutProcess:
    def __init__(self, engine: Process, directory: Path) -> None:
        self._log = directory / "fanout.log"
        key = directory / "feed.private"
        key.write_text(market.private_key("feed").hex())
        key.chmod(0o600)
        host, port = engine.market_data
        configuration = directory / "fanout.toml"
        configuration.write_text(engine.text)
        self._arguments = [
            *("fanout", "--config", str(configuration), "--host", host, "--port", str(port)),
            *("--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"),
            *("--key-id", "feed", "--key-file", str(key), "--session", "feed"),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """The address of its ops port, once it serves."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "carbonmatch", *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
            )
        return str(until(self._ready, "the fan-out serves")["ops"])

    def _ready(self) -> dict[str, Any] | None:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        lines = [json.loads(line) for line in self._log.read_text().splitlines() if line.endswith("}")]
        return next((line for line in lines if line["event"] == "ready"), None)

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
