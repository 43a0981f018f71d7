"""Market data to many subscribers: from the engine itself, and from a fan-out process that follows it.

    python -m bench fanout
    python -m bench fanout --subscribers 10,100 --rate 5000

The same load each time, an open loop of 8 sessions; all subscribers take all levels, and run in a process of
their own. Latency is from the time that the engine gave a batch to its arrival, of ten subscribers. Processor
time is that of the engine's process (and of the fan-out's) for a second of load; *a subscriber more* is what
each one adds to that of whoever sends to him, from the fewest subscribers to the most.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from time import perf_counter
from typing import Final

import msgspec
import numpy as np
import uvloop
from msgspec import Struct

from bench import market
from bench.environment import capture
from bench.generator import Generator, Plan
from bench.hostile.followers import following
from bench.latency import Latency, fold, latency
from bench.processes import Server, StartError, cpu_seconds, server
from bench.runs import Setup, started_engine
from bench.sessions import Address, RunError
from bench.workload import Workload, session_frames

_SESSIONS: Final = 8
_WAYS: Final = ("engine", "fan-out")


class Served(Struct, frozen=True):
    """One number of subscribers, served one way."""

    way: str
    subscribers: int
    seconds: float
    messages_per_second: float  # that one subscriber got
    bytes_per_second: float  # that one subscriber got
    latency: Latency
    engine_cpu_ms: float  # in a second
    fanout_cpu_ms: float  # in a second

    @property
    def sender_cpu_ms(self) -> float:
        """Of whoever sends to the subscribers."""
        return self.fanout_cpu_ms if self.way == "fan-out" else self.engine_cpu_ms


def main(arguments: Sequence[str]) -> int:
    it = argparse.ArgumentParser(
        prog="python -m bench fanout",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("--subscribers", default="1,10,100", help="numbers of them")
    it.add_argument("--rate", type=int, default=5_000, help="commands a second")
    it.add_argument("--seconds", type=float, default=3.0)
    it.add_argument("--directory", type=Path, default=Path(gettempdir()), help="where journals go")
    it.add_argument("--json", type=Path)
    options = it.parse_args(arguments)
    counts = [int(one) for one in options.subscribers.split(",")]
    try:
        found = [
            measure(way, count, options.rate, options.seconds, options.directory)
            for count in counts
            for way in _WAYS
        ]
    except (RunError, StartError, TimeoutError, OSError) as error:
        print(f"python -m bench fanout: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print("\n".join(as_text(found)))
    if options.json:
        environment = capture(options.directory, "all processes where the kernel puts them")
        kept = {"environment": environment, "rate": options.rate, "served": found}
        options.json.write_text(json.dumps(msgspec.to_builtins(kept), indent=2))
    return 0


def measure(way: str, subscribers: int, rate: int, seconds: float, disk: Path) -> Served:
    workload = Workload(_SESSIONS, round(rate * seconds), frame_commands=1)
    plan = Plan(1, warmup_frames=rate // _SESSIONS // 4, rate_per_second=rate)
    # One more, with which the fan-out follows.
    setup = Setup("fanout", workload, plan, subscribers=subscribers + 1)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="carbonmatch-fanout-", dir=disk)))
        engine = stack.enter_context(started_engine(setup, directory))
        relay = None
        if way == "fan-out":
            relay = stack.enter_context(_fanout(engine, directory, market.subscribers(subscribers + 1)[-1]))
        feed = (relay or engine).address("market_data")
        pipe = stack.enter_context(following(feed, subscribers))
        pipe.send("look")
        before, began = _cpu(engine, relay), perf_counter()
        uvloop.run(_trade(engine.address("order_entry"), setup))
        after, took = _cpu(engine, relay), perf_counter() - began
        pipe.send("tell")
        latency_ns = np.frombuffer(pipe.recv(), np.int64)
        pipe.send("count")
        counts: list[tuple[int, int]] = pipe.recv()
    engine_ms, fanout_ms = ((late - early) * 1_000 / took for late, early in zip(after, before, strict=True))
    return Served(
        way,
        subscribers,
        took,
        # Ten of them look at what comes, the first always.
        counts[0][1] / took,
        counts[0][0] / took,
        latency(fold(latency_ns)),
        engine_ms,
        fanout_ms,
    )


@contextmanager
def _fanout(engine: Server, directory: Path, member: market.Member) -> Iterator[Server]:
    key = directory / "feed.private"
    key.write_text(market.key_text(member))
    key.chmod(0o600)
    host, port = engine.address("market_data")
    arguments = [
        *("-m", "carbonmatch", "fanout", "--config", str(directory / "engine.toml")),
        *("--host", host, "--port", str(port), "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"),
        *("--key-id", member.key_id, "--key-file", str(key), "--session", member.session),
    ]
    with server(arguments, directory / "fanout.log") as running:
        yield running


def _cpu(engine: Server, relay: Server | None) -> tuple[float, float]:
    return cpu_seconds(engine.pid), cpu_seconds(relay.pid) if relay is not None else 0.0


async def _trade(address: Address, setup: Setup) -> None:
    generator = Generator(setup.plan)
    try:
        await generator.connect(
            address,
            market.traders(_SESSIONS),
            lambda index, first_ref: session_frames(setup.workload, index, first_ref),
        )
        await generator.run(lambda: None, lambda: None)
    finally:
        generator.close()


def added_us(found: Sequence[Served], way: str) -> float | None:
    """What a subscriber more costs whoever sends, a message that he gets; None where nothing can be said."""
    of_way = sorted((one for one in found if one.way == way), key=lambda one: one.subscribers)
    if len(of_way) < 2 or not of_way[-1].messages_per_second:
        return None
    least, most = of_way[0], of_way[-1]
    more = most.subscribers - least.subscribers
    return (most.sender_cpu_ms - least.sender_cpu_ms) * 1_000 / (more * most.messages_per_second)


def as_text(found: Sequence[Served]) -> list[str]:
    lines = [
        f"{'':<10}{'readers':>8}{'messages/s':>12}{'KiB/s':>8}{'p50 us':>9}{'p99 us':>9}{'max us':>9}"
        f"{'engine ms/s':>13}{'fan-out ms/s':>14}"
    ]
    for one in found:
        at = one.latency
        lines.append(
            f"{one.way:<10}{one.subscribers:>8,}{one.messages_per_second:>12,.0f}"
            f"{one.bytes_per_second / 1024:>8,.0f}{at.p50_us:>9,.0f}{at.p99_us:>9,.0f}{at.max_us:>9,.0f}"
            f"{one.engine_cpu_ms:>13,.0f}{one.fanout_cpu_ms:>14,.0f}"
        )
    for way in _WAYS:
        added = added_us(found, way)
        if added is not None:
            lines.append(f"a subscriber more, {way}: {added:.2f} us a message of whoever sends")
    return lines
