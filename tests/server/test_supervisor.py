"""What systemd is told of a process, and that it is told nothing where it did not ask."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbonmatch.server.supervisor import Progress, Supervisor, notification


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "notify"))
        one.setblocking(False)
        yield one


def told(systemd: socket.socket) -> list[dict[str, str]]:
    """Everything since the last time."""
    found: list[dict[str, str]] = []
    while True:
        try:
            lines = systemd.recv(65_536).decode().split("\n")
        except BlockingIOError:
            return found
        found.append(dict(line.split("=", 1) for line in lines))


def test_a_start_asks_for_more_time_and_a_ready_process_for_none() -> None:
    starting = notification(Progress.STARTING, "recovering", is_watched=False)
    assert starting == b"STATUS=recovering\nEXTEND_TIMEOUT_USEC=30000000"
    assert notification(Progress.READY, "active", is_watched=True) == b"STATUS=active\nREADY=1\nWATCHDOG=1"
    assert notification(Progress.STOPPING, "x", is_watched=False) == b"STATUS=x\nSTOPPING=1"


def test_no_status_can_write_a_line_of_its_own_and_none_is_long() -> None:
    message = notification(Progress.STARTING, "x\nREADY=1\n" + "y" * 1_000, is_watched=False).decode()
    status, extend = message.split("\n")
    assert status == "STATUS=x\\nREADY=1\\n" + "y" * (400 - len("x\\nREADY=1\\n"))
    assert extend.startswith("EXTEND_TIMEOUT_USEC=")


async def test_each_step_is_told_as_it_is_reached(systemd: socket.socket) -> None:
    words = ["recovering"]
    with Supervisor(lambda: words[0], {"NOTIFY_SOCKET": systemd.getsockname()}) as supervisor:
        assert told(systemd) == [{"STATUS": "recovering", "EXTEND_TIMEOUT_USEC": "30000000"}]
        words[0] = "active"
        supervisor.ready()
        assert told(systemd) == [{"STATUS": "active", "READY": "1"}]
        words[0] = "stopping"
        supervisor.stopping()
        assert told(systemd) == [{"STATUS": "stopping", "STOPPING": "1"}]
        supervisor.ready()
        assert told(systemd) == []


async def test_a_watched_process_gives_signs_of_life_from_its_loop(systemd: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "4000", "WATCHDOG_PID": "7"}
    with Supervisor(lambda: "active", environment, process_id=7) as supervisor:
        supervisor.ready()
        assert [message["WATCHDOG"] for message in told(systemd)] == ["1", "1"]
        async with asyncio.timeout(20):
            again = await asyncio.get_running_loop().sock_recv(systemd, 65_536)
        assert again == b"STATUS=active\nREADY=1\nWATCHDOG=1"


async def test_a_process_whose_work_hangs_beside_its_loop_gives_no_sign_of_life(
    systemd: socket.socket,
) -> None:
    environment = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "4000", "WATCHDOG_PID": "7"}
    works = [True]
    with Supervisor(lambda: "active", environment, 7, is_at_work=lambda: works[0]) as supervisor:
        works[0] = False
        supervisor.ready()
        assert ["WATCHDOG" in message for message in told(systemd)] == [True, False]


async def test_the_watchdog_of_another_process_is_none_of_ours(systemd: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "4000", "WATCHDOG_PID": "7"}
    with Supervisor(lambda: "active", environment, process_id=8):
        assert [sorted(message) for message in told(systemd)] == [["EXTEND_TIMEOUT_USEC", "STATUS"]]


async def test_an_abstract_address_begins_with_a_zero() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind("")
        one.setblocking(False)
        name = "@" + one.getsockname()[1:].decode()
        with Supervisor(lambda: "active", {"NOTIFY_SOCKET": name}):
            assert len(told(one)) == 1


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
async def test_a_process_goes_on_without_anybody_to_tell(environment: dict[str, str]) -> None:
    with Supervisor(lambda: "active", environment) as supervisor:
        supervisor.ready()
        supervisor.stopping()
