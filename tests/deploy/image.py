"""The image that deploy/image.sh has built, run as a venue: traded on, found healthy, stopped, started again.

    python -m tests.deploy.image build/image

Without a Docker engine: buildah runs what the image says, as the user that it says, in a change of root.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from carbonmatch.client import connect
from carbonmatch.config import host_and_port
from carbonmatch.demo_market import GATEWAY_KEY_ID, gateway_session, private_key_bytes
from carbonmatch.matching.messages import Accepted, Side

_IMAGE: Final = "localhost/carbonmatch"
_USER: Final = "10001:10001"
_SECONDS_MAX: Final = 60.0


class Container:
    """A container of the image, with its data in `data`."""

    def __init__(self, images: Path, data: Path) -> None:
        roots = ["--root", str(images / "store"), "--runroot", str(images / "run")]
        self._buildah = ["buildah", *roots, "--storage-driver", "vfs"]
        self._data = data
        self.log = data.with_suffix(".log")
        self.image = json.loads(self._said("inspect", "--type", "image", _IMAGE))["Docker"]["config"]
        self.image_size = self._said("images", "--format", "{{.Size}}", _IMAGE).strip()
        # As many files as a Docker engine allows a container; buildah would allow 1,024.
        self._name = self._said("from", "--ulimit", "nofile=8192:8192", _IMAGE).strip()
        self._process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._said("rm", self._name)

    def start(self) -> tuple[dict[str, Any], float]:
        """Run what the image runs; its line `ready`, and after how many seconds."""
        began = time.monotonic()
        listeners = ("order-entry", "market-data", "drop-copy", "ops")
        ports = [f"--{name}=127.0.0.1:0" for name in listeners]
        command = [*self.image["Entrypoint"], *self.image["Cmd"], *ports]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._run(f"--volume={self._data}:/var/lib/carbonmatch:rw", command=command),
                stdout=log,
                stderr=log,
            )
        while not (ready := self.events("ready")):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() - began < _SECONDS_MAX, self.log.read_text()
            time.sleep(0.02)
        return ready[0], time.monotonic() - began

    def is_healthy(self, ops_port: int) -> bool:
        """What the image's own check says."""
        kind, *check = self.image["Healthcheck"]["Test"]
        assert kind == "CMD", kind
        asked = self._run(f"--env=CARBONMATCH_OPS_PORT={ops_port}", command=check)
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def stop(self) -> int:
        """Ask as the image says that it wants to be asked; the exit status."""
        assert self._process is not None
        assert self.image["StopSignal"] == "SIGTERM"
        os.kill(self.process_id, signal.SIGTERM)
        return self._process.wait(_SECONDS_MAX)

    @property
    def process_id(self) -> int:
        """Of the venue, which is the last of the line that began with buildah."""
        assert self._process is not None
        number = self._process.pid
        while children := _children(number):
            (number,) = children
        return number

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]
        return [line for line in lines if line["event"] == name]

    def _run(self, *options: str, command: list[str]) -> list[str]:
        return [*self._buildah, "run", "--isolation", "chroot", *options, self._name, "--", *command]

    def _said(self, *arguments: str) -> str:
        return subprocess.run([*self._buildah, *arguments], capture_output=True, text=True, check=True).stdout


def _children(process_id: int) -> list[int]:
    """Of whichever thread: what is written in Go starts processes in any."""
    tasks = Path(f"/proc/{process_id}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        data.mkdir()
        user, group = map(int, _USER.split(":"))
        os.chown(data, user, group)
        # The user of the image has to get to it.
        Path(directory).chmod(0o711)
        container = Container(options.images.absolute(), data)
        try:
            _try(container, data, user)
        finally:
            container.close()
            shutil.rmtree(data)


def _try(container: Container, data: Path, user: int) -> None:
    assert container.image["User"] == _USER, container.image["User"]
    ready, first_seconds = container.start()
    assert Path(f"/proc/{container.process_id}").stat().st_uid == user
    assert {path.stat().st_uid for path in data.iterdir()} == {user}
    ops_port = host_and_port(ready["ops"])[1]
    assert container.is_healthy(ops_port)
    asyncio.run(_trade(ready["order_entry"]))
    assert container.stop() == 0, container.log.read_text()
    (stopped,) = container.events("stopped")
    assert not container.is_healthy(ops_port), "nobody is there to be healthy"
    again, seconds = container.start()
    assert again["sequence"] > stopped["sequence"] > ready["sequence"]
    assert container.events("recovered")[0]["commands"] == 0
    assert container.stop() == 0, container.log.read_text()
    print(
        f"image of {container.image_size}; ready {first_seconds:.1f} s after `run` with a new "
        f"journal, {seconds:.1f} s with one that is there; healthy, traded on, stopped, as user {user}"
    )


async def _trade(address: str) -> None:
    host, port = host_and_port(address)
    key = private_key_bytes(GATEWAY_KEY_ID)
    async with connect(
        host=host, port=port, session=gateway_session(1), key_id=GATEWAY_KEY_ID, private_key=key
    ) as session:
        answer = await session.new_order(1, Side.BUY, quantity_lots=100, price_ticks=4_800)
        assert isinstance(answer[0], Accepted), answer


if __name__ == "__main__":
    main()
