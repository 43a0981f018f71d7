"""Real processes with a socket that listens as systemd does: readiness, status, signs of life, stops."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal.segments import segment_name
from tests.dashboard.running import DashboardProcess
from tests.end_to_end.fanning import fanout_arguments
from tests.end_to_end.following import FollowerProcess
from tests.end_to_end.running import REPOSITORY, Process, eventually
from tests.end_to_end.wire import SECONDS_MAX

# A sign of life every 10 ms: many turns of the loop, and far more often than a window without any is long.
WATCHDOG_USEC: Final = 40_000
SILENCE_SECONDS: Final = 0.5

# The loop runs in the thread that has signals: this one holds it, and no other thread.
HELD_LOOP: Final = """
import signal, sys, time
def held(number, frame):
    print("held", file=sys.stderr, flush=True)
    time.sleep(600)
signal.signal(signal.SIGUSR1, held)
from carbonmatch.cli import main
main()
"""


class Systemd:
    """Hears what a process tells, and nothing else."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(WATCHDOG_USEC)}

    def close(self) -> None:
        self._socket.close()

    async def heard(self) -> dict[str, str]:
        """The next datagram."""
        async with asyncio.timeout(SECONDS_MAX):
            data = await asyncio.get_running_loop().sock_recv(self._socket, 65_536)
        return dict(line.split("=", 1) for line in data.decode().split("\n"))

    async def until(self, name: str) -> tuple[list[dict[str, str]], dict[str, str]]:
        """What comes before the first datagram that says so, and that one."""
        before = []
        while name not in (message := await self.heard()):
            before.append(message)
        return before, message

    def drain(self) -> int:
        """Forget what is waiting; how many those were."""
        count = 0
        while True:
            try:
                self._socket.recv(65_536)
            except BlockingIOError:
                return count
            count += 1


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    one = Systemd(tmp_path / "notify")
    yield one
    one.close()


async def test_an_engine_is_ready_when_it_has_recovered_and_says_what_it_does(
    process: Process, systemd: Systemd
) -> None:
    process.environment = systemd.environment
    process.spawn()
    before, ready = await systemd.until("READY")
    assert all(message["STATUS"] == "recovering: recovering from the journal" for message in before)
    assert all("EXTEND_TIMEOUT_USEC" in message for message in before)
    # Whoever is started after it, connects to it.
    (logged,) = process.events("ready")
    process.addresses = {name: logged[name] for name in ("order_entry", "market_data", "ops")}
    sequence = logged["sequence"]
    assert ready["STATUS"] == f"active; 0 connections, 0 orders rest, sequence {sequence} is durable"
    async with process.wire("alice"):
        while not (await systemd.heard())["STATUS"].startswith("active; 1 connections"):
            pass
    process.signal(signal.SIGTERM)
    _, stopping = await systemd.until("STOPPING")
    assert stopping["STATUS"].startswith("stopping")
    assert await process.wait() == ExitCode.DONE


async def test_an_engine_that_refuses_its_journal_is_never_ready(process: Process, systemd: Systemd) -> None:
    await process.start()
    await process.kill()
    segment = process.directory / segment_name(1)
    data = bytearray(segment.read_bytes())
    data[20] ^= 1
    segment.write_bytes(data)
    process.environment = systemd.environment
    status, _ = await process.refused()
    assert status == ExitCode.JOURNAL_DAMAGED
    messages = [await systemd.heard()]
    assert [sorted(message) for message in messages] == [["EXTEND_TIMEOUT_USEC", "STATUS", "WATCHDOG"]]


async def test_a_loop_that_hangs_gives_no_sign_of_life_and_says_where_it_hung(
    process: Process, systemd: Systemd
) -> None:
    process.environment = systemd.environment
    process.program = ["-c", HELD_LOOP]
    await process.start()
    await systemd.until("READY")
    assert "WATCHDOG" in await systemd.heard()
    process.signal(signal.SIGUSR1)
    await eventually(lambda: "held" in process.log.read_text())
    systemd.drain()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SILENCE_SECONDS):
            await systemd.heard()
    # As systemd ends what it has not heard of.
    process.signal(signal.SIGABRT)
    assert await process.wait() == -signal.SIGABRT
    assert "in held" in process.log.read_text()


async def test_a_follower_is_ready_when_it_follows(process: Process, systemd: Systemd) -> None:
    await process.start()
    follower = FollowerProcess(process.directory, process.directory.with_name("follower.log"))
    follower.environment = systemd.environment
    try:
        await follower.start()
        _, ready = await systemd.until("READY")
        assert ready["STATUS"].startswith("active; sequence ")
        assert "WATCHDOG" in await systemd.heard()
        await follower.stop()
        _, stopping = await systemd.until("STOPPING")
        assert stopping["STATUS"].startswith("stopping; ")
    finally:
        follower.clean_up()
    assert await process.stop() == ExitCode.DONE


async def test_a_fan_out_is_ready_when_readers_can_have_the_market(
    process: Process, systemd: Systemd, tmp_path: Path
) -> None:
    await process.start()
    fanout = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "carbonmatch", "fanout", *fanout_arguments(process, tmp_path)),
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), **systemd.environment},
    )
    try:
        _, ready = await systemd.until("READY")
        assert ready["STATUS"] == "0 readers"
        assert "WATCHDOG" in await systemd.heard()
        fanout.send_signal(signal.SIGTERM)
        await systemd.until("STOPPING")
        assert await fanout.wait() == ExitCode.DONE
    finally:
        if fanout.returncode is None:
            fanout.kill()
            await fanout.wait()
    assert await process.stop() == ExitCode.DONE


async def test_a_dashboard_is_ready_when_browsers_can_have_its_page(
    process: Process, systemd: Systemd, tmp_path: Path
) -> None:
    await process.start()
    dashboard = DashboardProcess(process, tmp_path, may_act=False)
    dashboard.environment = systemd.environment
    try:
        await dashboard.start()
        _, ready = await systemd.until("READY")
        assert ready["STATUS"] == "shows the venue"
        assert "WATCHDOG" in await systemd.heard()
        assert await dashboard.stop() == ExitCode.DONE
        await systemd.until("STOPPING")
    finally:
        dashboard.clean_up()
    assert await process.stop() == ExitCode.DONE
