"""A client that trades a little beside clients that send all they can.

    python -m bench hostile flood --flooders 2 --seconds 3 --rounds 3

The victim sends one command every other millisecond, latency counts from when it was due. Alone and
with flooders in turns, against the same engine, so that a slow minute is slow for all of them.
"""

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import numpy as np
import uvloop

from bench import market
from bench.generator import Generator, Plan
from bench.hostile.flooder import flooding
from bench.latency import Latency, Nanoseconds, fold, latency
from bench.runs import Setup, attach_to, started_engine
from bench.workload import Workload
from carbonmatch.matching.messages import Cancel, ClientCommand, InstrumentId, NewOrder, Ref, Side
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.frames import frame

# What the victim may wait at p99 beside two flooders.
VICTIM_P99_US_MAX: Final = 5_000.0
_RATE_PER_SECOND: Final = 500
# Frames of the flooders: none, one command each, 64 each.
_KINDS: Final = {"alone": 0, "frames of 1": 1, "frames of 64": 64}


def main(arguments: Sequence[str]) -> int:
    it = argparse.ArgumentParser(prog="python -m bench hostile flood", description=__doc__)
    it.add_argument("--flooders", type=int, default=2)
    it.add_argument("--seconds", type=float, default=3.0, help="of each kind in each round")
    it.add_argument("--rounds", type=int, default=3)
    it.add_argument("--enforce", action="store_true", help="exit with 1 where the target is missed")
    options = it.parse_args(arguments)
    measured = measure(options.flooders, options.seconds, options.rounds)
    print(_report(measured, options.flooders))
    worst = max(one.p99_us for one in measured.values())
    return int(options.enforce and worst > VICTIM_P99_US_MAX)


def measure(flooders: int, seconds: float, rounds: int) -> dict[str, Latency]:
    """The victim's latency beside each kind of flood."""
    workload = Workload(sessions=1 + flooders, commands=1 + flooders, frame_commands=1, instruments=1)
    plan = Plan(1, warmup_frames=_RATE_PER_SECOND // 5, rate_per_second=_RATE_PER_SECOND)
    found: dict[str, list[Nanoseconds]] = {kind: [] for kind in _KINDS}
    setup = Setup("flood", workload, plan, subscribers=1)
    with (
        tempfile.TemporaryDirectory(prefix="carbonmatch-hostile-") as name,
        started_engine(setup, Path(name)) as running,
    ):
        address = attach_to(running).order_entry
        for _ in range(rounds):
            for kind, size in _KINDS.items():
                with flooding(address, 1, flooders, size) if size else nullcontext():
                    found[kind].append(uvloop.run(_trade(address, plan, seconds)))
    return {kind: latency(fold(np.concatenate(parts))) for kind, parts in found.items()}


async def _trade(address: tuple[str, int], plan: Plan, seconds: float) -> Nanoseconds:
    count = plan.warmup_frames + round(seconds * plan.rate_per_second)
    generator = Generator(plan)
    try:
        await generator.connect(address, market.traders(1), lambda _, first_ref: _frames(first_ref, count))
        measured = await generator.run(lambda: None, lambda: None)
    finally:
        generator.close()
    assert not measured.problems, measured.problems
    return measured.latency_ns


def _frames(first_ref: int, count: int) -> list[bytes]:
    """An order far from the touch, its cancel, and so on."""
    commands: list[ClientCommand] = []
    for ref in range(first_ref, first_ref + count, 2):
        commands += [
            NewOrder(Ref(ref), InstrumentId(1), Side.BUY, 1, 9_100),
            Cancel(Ref(ref + 1), Ref(ref)),
        ]
    return [frame(encode([command])) for command in commands[:count]]


def _report(measured: dict[str, Latency], flooders: int) -> str:
    lines = [
        f"victim at {_RATE_PER_SECOND} commands/s beside {flooders} flooders, microseconds",
        f"{'':<16}{'count':>8}{'p50':>10}{'p90':>10}{'p99':>10}{'p99.9':>10}{'max':>10}{'p99/alone':>11}",
    ]
    alone = measured["alone"].p99_us
    for kind, one in measured.items():
        values = (one.p50_us, one.p90_us, one.p99_us, one.p99_9_us, one.max_us)
        figures = "".join(f"{value:>10,.0f}" for value in values)
        lines.append(f"{kind:<16}{one.count:>8,}{figures}{one.p99_us / alone:>11.1f}")
    return "\n".join(lines)
