"""Servers as child processes: started with ephemeral ports, found by what they say, stopped again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

REPOSITORY: Final = Path(__file__).resolve().parent.parent

_READY_SECONDS_MAX: Final = 30.0
_STOP_SECONDS_MAX: Final = 15.0
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """A server did not become ready."""


class Server(Struct):
    """A running server, and the lines it has told since."""

    pid: int
    ready: dict[str, Any]
    log: Path

    def address(self, name: str) -> tuple[str, int]:
        return parse_address(self.ready[name])

    def events(self, name: str) -> list[dict[str, Any]]:
        return [one for one in _events(self.log) if one.get("event") == name]

    def event(self, name: str) -> dict[str, Any]:
        """The last line with this event; empty where there is none."""
        found = [one for one in _events(self.log) if one.get("event") == name]
        return found[-1] if found else {}


@contextmanager
def server(
    arguments: Sequence[str], log: Path, cores: frozenset[int] | None = None, source: Path | None = None
) -> Iterator[Server]:
    """Run `python ARGUMENTS` until the block ends. Its stderr is a file, so it never waits for us.

    `source` holds the package, where it is not this checkout's.
    """
    with log.open("wb") as stderr, on_cores(cores):
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": _python_path(source)},
        )
    try:
        yield Server(process.pid, _await_ready(process, log), log)
    finally:
        _stop(process)


def kill(running: Server) -> None:
    """As a crash does it: nothing is closed, nothing is said."""
    os.kill(running.pid, signal.SIGKILL)


def parse_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"expected host:port, found {text!r}")
    return host.strip("[]"), int(port)


def cpu_seconds(pid: int) -> float:
    """What all threads of a process have used so far, in the steps of the kernel (10 ms)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def machine_busy_seconds() -> float:
    """What all cores have worked so far, for anybody, and what the hypervisor took away."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _python_path(source: Path | None) -> str:
    """This checkout or `source` first, whatever else is installed."""
    inherited = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return os.pathsep.join([str(source or REPOSITORY / "src"), str(REPOSITORY), *inherited])


@contextmanager
def on_cores(cores: frozenset[int] | None) -> Iterator[None]:
    """A child has the affinity that its parent has when it is made."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _await_ready(process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + _READY_SECONDS_MAX
    while time.monotonic() < deadline:
        for event in _events(log):
            if event.get("event") == "ready":
                return event
        if process.poll() is not None:
            raise StartError(f"exit status {process.returncode}: {_tail(log)}")
        time.sleep(0.02)
    raise StartError(f"not ready in {_READY_SECONDS_MAX} s: {_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _events(log: Path) -> list[dict[str, Any]]:
    events = []
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("{"):
            try:
                events.append(json.loads(line))
            except json.JSONDecodeError:
                continue  # still being written
    return events


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-1_000:].strip() or "it said nothing"
