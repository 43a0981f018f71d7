"""A Redis of our own, that syncs before it answers, and what `redis-benchmark` finds of it.

Nothing of it is asked of the project: where Debian's packages redis-server and redis-tools are not there,
`missing` says so.
"""

import csv
import io
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from bench.processes import StartError, cpu_seconds

_PROGRAMS: Final = ("redis-server", "redis-benchmark")
_HOST: Final = "127.0.0.1"
_READY_SECONDS_MAX: Final = 10.0
_STOP_SECONDS_MAX: Final = 15.0
_BENCHMARK_SECONDS_MAX: Final = 120.0
# Redis takes no port 0. Somebody else may take a free one before it does.
_PORTS_TRIED: Final = 3


class Redis(Struct, frozen=True):
    """A running server, whose log of commands is in `directory`."""

    pid: int
    port: int
    directory: Path


class RedisLoad(Struct, frozen=True):
    """`redis-benchmark -t set`: so many requests, over so many connections with so many in flight each."""

    requests: int
    connections: int
    pipeline: int
    value_bytes: int
    # 1: the same key each time, which is what Redis does fastest. More: any of so many.
    keys: int = 1


class RedisRun(Struct, frozen=True):
    """Latencies are those of a whole pipeline, to the microsecond."""

    rate_per_second: float
    p50_us: float
    p99_us: float
    server_cpu_us_per_request: float
    client_cpu_us_per_request: float


def missing() -> str:
    """Which of the programs is not there; empty where both are."""
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    return f"no {' and no '.join(absent)} here (Debian: redis-server, redis-tools)" if absent else ""


@contextmanager
def redis_server(directory: Path) -> Iterator[Redis]:
    """Run Redis until the block ends, with `appendfsync always` and nothing else that writes."""
    for tried in range(1, _PORTS_TRIED + 1):
        port = _free_port()
        with (directory / "redis.log").open("wb") as log:
            process = subprocess.Popen(
                _server_command(directory, port), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if _is_ready(process, port):
            break
        if tried == _PORTS_TRIED:
            raise StartError(f"Redis: {(directory / 'redis.log').read_text()[-500:]}")
    try:
        yield Redis(process.pid, port, directory)
    finally:
        _stop(process)


def _server_command(directory: Path, port: int) -> list[str]:
    # No snapshot and no rewrite of the log: both would take processor time from what is measured.
    return [
        "redis-server",
        *("--bind", _HOST, "--port", str(port), "--dir", str(directory), "--daemonize", "no"),
        *("--appendonly", "yes", "--appendfsync", "always"),
        *("--save", "", "--auto-aof-rewrite-percentage", "0"),
    ]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((_HOST, 0))
        return int(one.getsockname()[1])


def _is_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until it answers; whether it does. One that does not is ended."""
    deadline = time.monotonic() + _READY_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection((_HOST, port), timeout=1.0) as one:
                one.sendall(b"PING\r\n")
                if one.recv(7) == b"+PONG\r\n":
                    return True
        except OSError:
            pass
        time.sleep(0.02)
    _stop(process)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run_benchmark(redis: Redis, load: RedisLoad) -> RedisRun:
    """One run of `redis-benchmark`, of which everything has to be on the disk."""
    logged_before = logged_bytes(redis.directory)
    server_before = cpu_seconds(redis.pid)
    client_before = _children_seconds()
    done = subprocess.run(
        _benchmark_command(redis.port, load),
        capture_output=True,
        text=True,
        timeout=_BENCHMARK_SECONDS_MAX,
        check=True,
    )
    client = _children_seconds() - client_before
    server = cpu_seconds(redis.pid) - server_before
    logged = logged_bytes(redis.directory) - logged_before
    if logged < load.requests * load.value_bytes:
        raise ValueError(
            f"Redis logged {logged} bytes of {load.requests} requests with {load.value_bytes} bytes each: "
            "it does not keep what it answers"
        )
    rate, p50_us, p99_us = parse(done.stdout)
    return RedisRun(rate, p50_us, p99_us, server / load.requests * 1e6, client / load.requests * 1e6)


def _benchmark_command(port: int, load: RedisLoad) -> list[str]:
    return [
        "redis-benchmark",
        *("-h", _HOST, "-p", str(port), "-t", "set", "--csv"),
        *("-n", str(load.requests), "-c", str(load.connections), "-P", str(load.pipeline)),
        *("-d", str(load.value_bytes)),
        *(("-r", str(load.keys)) if load.keys > 1 else ()),
    ]


def parse(text: str) -> tuple[float, float, float]:
    """Requests a second, p50 and p99 in microseconds, of the CSV that `redis-benchmark` prints."""
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row.get("test") == "SET"]
    if len(rows) != 1:
        raise ValueError(f"redis-benchmark printed {len(rows)} lines of SET, expected one: {text!r}")
    [row] = rows
    try:
        return float(row["rps"]), float(row["p50_latency_ms"]) * 1_000, float(row["p99_latency_ms"]) * 1_000
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"redis-benchmark printed something else than expected ({error!r}): {text!r}"
        ) from None


def logged_bytes(directory: Path) -> int:
    return sum(one.stat().st_size for one in directory.glob("appendonlydir/*.aof"))


def _children_seconds() -> float:
    """Processor time of those children that have ended: there the server is not yet."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
