"""Rising rates, to the knee: the highest rate that the engine holds, and what gives way beyond it.

    python -m bench load ramp                           # from 2,000 commands/s on
    python -m bench load ramp --frame 16 --start 20000  # in frames of 16
    python -m bench load ramp --p99-ms 2                # held means: p99 at most 2 ms

One engine and one set of connections; every step is an open loop at its rate for some seconds, the first
quarter of which is not counted. A step is held where the generator was in time, the rate was achieved, the
queue did not grow and p99 stayed below the limit. Steps rise by a factor until one is not held twice in a row
(once may be the machine's other work), then the gap between the last that was held and the first that was not
is halved. Between steps there is a pause, in which frames are encoded and what waited is answered.

Where the generator was late or had a whole core, it gave way and not the engine: the knee is then at least
the rate that is told. Exit status 1 where no rate was held, an answer was wrong, or the machine had other
work when a rate was not held.
"""

import argparse
import sys
from collections.abc import Sequence
from math import sqrt
from typing import Final

import uvloop
from msgspec import Struct

from bench.campaign import Campaign, campaign, place
from bench.generator import Plan
from bench.options import (
    ArgumentsError,
    add_engine,
    add_run,
    add_workload,
    common_setup,
    new_parser,
    within,
    workload_of,
)
from bench.outcome import measuring
from bench.processes import Server
from bench.progress import Told, told
from bench.report import step_line
from bench.results import GaveWay, Ramp, RampStep, Run
from bench.runs import Setup, started_engine
from bench.validity import GENERATOR_SHARE_MAX, LAG_P99_US_MAX, Checked
from bench.workload import Workload

_SECONDS_MAX: Final = 30.0
_STEPS_MAX: Final = 40
RATE_MAX: Final = 2_000_000
# Of a step's time, before what counts.
_WARMUP_SHARE: Final = 0.25


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        for name, value, least, most in (
            ("start", options.start, 1, RATE_MAX),
            ("seconds", options.seconds, 0.1, _SECONDS_MAX),
            ("steps", options.steps, 1, _STEPS_MAX),
            ("factor", options.factor, 1.05, 10),
            ("halvings", options.halvings, 0, 10),
            ("p99-ms", options.p99_ms, 0.01, 60_000),
        ):
            within(name, value, least, most)
        workload = workload_of(options, options.sessions, options.sessions * options.frame, options.frame)
        setup = common_setup(options, "ramp", workload, Plan(options.frame, 0, rate_per_second=options.start))
    except ArgumentsError as error:
        print(f"python -m bench load ramp: {error}", file=sys.stderr)
        return 2
    return measuring("ramp", arguments, options, setup, lambda: {"ramp": measure(setup, Steps.of(options))})


def parser() -> argparse.ArgumentParser:
    it = new_parser("ramp", __doc__)
    add_workload(it, sessions=8, frame=1)
    ramp = it.add_argument_group("ramp")
    ramp.add_argument("--start", type=int, default=2_000, metavar="R", help="first rate, default 2,000")
    ramp.add_argument("--factor", type=float, default=1.5, help="of one rate to the next, default 1.5")
    ramp.add_argument("--seconds", type=float, default=2.0, help="of each step, default 2")
    ramp.add_argument("--steps", type=int, default=20, help="at most, default 20")
    ramp.add_argument("--halvings", type=int, default=3, help="of the gap at the knee, default 3")
    ramp.add_argument("--p99-ms", type=float, default=10.0, help="more is not held, default 10")
    add_engine(it)
    add_run(it)
    return it


class Steps(Struct, frozen=True):
    """How a ramp rises."""

    start: int
    factor: float
    seconds: float
    most: int
    halvings: int
    p99_us_max: float

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Steps":
        return cls(
            options.start,
            options.factor,
            options.seconds,
            options.steps,
            options.halvings,
            options.p99_ms * 1_000,
        )


def measure(setup: Setup, steps: Steps) -> Ramp:
    with place(setup) as where, told(steps.most) as progress:
        with started_engine(setup, where.directory) as running:
            tried, done = uvloop.run(_climb(setup, steps, running, progress))
        return ramp_of(setup.workload, steps.p99_us_max, tried, where.check(setup, done))


async def _climb(
    setup: Setup, steps: Steps, running: Server, progress: Told
) -> tuple[list[RampStep], Campaign]:
    tried: list[RampStep] = []
    async with campaign(setup, running) as it:
        for _ in range(steps.most):
            rate = next_rate(steps, [(step.rate_per_second, not step.broken) for step in tried])
            if rate is None:
                break
            progress.doing(f"{rate:,} commands/s")
            run = await it.run(*_load(setup.workload, steps, rate))
            tried.append(RampStep(rate, run, broken(run, steps.p99_us_max)))
            progress.say(step_line(tried[-1]))
            progress.advance()
    return tried, it


def _load(workload: Workload, steps: Steps, rate: int) -> tuple[Plan, int]:
    """The plan of a step, and the frames of each session in it."""
    frames = max(4, round(rate * steps.seconds / workload.frame_commands / workload.sessions))
    return Plan(workload.frame_commands, round(frames * _WARMUP_SHARE), rate_per_second=rate), frames


def next_rate(steps: Steps, tried: Sequence[tuple[int, bool]]) -> int | None:
    """What to try behind these rates that were held or not; None where the knee is known well enough.

    A rate is only given up when it was not held twice.
    """
    if not tried:
        return steps.start
    held = max((rate for rate, is_held in tried if is_held), default=0)
    failed = [rate for rate, is_held in tried if not is_held and rate > held]
    given_up = min((rate for rate in failed if failed.count(rate) > 1), default=None)
    last, was_held = tried[-1]
    if not was_held and failed.count(last) == 1:
        return last
    if given_up is None:
        following = round(held * steps.factor)
        return following if following <= RATE_MAX else None
    if not held:
        return None
    # The first rates of the climb give the gap; each halving takes a factor's square root of it.
    between = round(sqrt(held * given_up))
    if given_up / held <= steps.factor ** (0.5**steps.halvings) * 1.001 or between in (held, given_up):
        return None
    return between


def broken(run: Run, p99_us_max: float) -> list[str]:
    """Why the rate of this run was not held; empty where it was."""
    found = list(run.invalid)
    if run.latency.p99_us > p99_us_max:
        found.append(f"p99 was {run.latency.p99_us:,.0f} us, at most {p99_us_max:,.0f}")
    if run.queue_grows:
        found.append(
            f"the queue grew: p50 {run.first_third_p50_us:,.0f} us in the first third, "
            f"{run.last_third_p50_us:,.0f} in the last"
        )
    return found


def ramp_of(workload: Workload, p99_us_max: float, tried: list[RampStep], checked: Checked | None) -> Ramp:
    knee = max((step.rate_per_second for step in tried if not step.broken), default=0)
    beyond = [step for step in tried if step.broken and step.rate_per_second > knee]
    if not beyond:
        why = f"nothing gave way up to {knee:,} commands/s"
        return Ramp(workload, p99_us_max, tried, knee, "nothing", why, checked)
    lowest = min(beyond, key=lambda step: step.rate_per_second)
    return Ramp(
        workload,
        p99_us_max,
        tried,
        knee,
        gave_way(lowest.run),
        f"at {lowest.rate_per_second:,} commands/s {'; '.join(lowest.broken)}",
        checked,
    )


def gave_way(run: Run) -> GaveWay:
    """What did not get further: late, or with a whole core, the generator had its limit before the engine."""
    if run.is_disturbed:
        return "machine"
    is_late = run.lag is not None and run.lag.p99_us > LAG_P99_US_MAX
    return "generator" if is_late or run.generator_cpu_share > GENERATOR_SHARE_MAX else "engine"
