"""A compliance cycle in a minute: months in which little happens, and the weeks before the deadline.

    python -m bench load burst                          # 60 seconds, 20,000 commands/s in the busiest days
    python -m bench load burst --peak 50000 --seconds 120

The shape is that of China's national market in its first cycle, 16 July to 31 December 2021, from the
published totals (carbonmatch.launch.figures): 142 of 179 million tonnes changed hands behind 26 November.
Every trading day takes the same part of the time, and sends at a rate in proportion to its volume. Latency
counts from when a command was due, so that what waits in the burst is charged for all of its waiting.

Behind the deadline the quietest rate goes on, and the time until p99 is what it was before the burst is the
recovery: from when the burst's last command was due to the first of a second of windows that are all below
twice the p99 of the quiet phases and a millisecond. Exit status 1 where that did not happen, the generator
was late, or an answer was wrong.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np
import uvloop
from msgspec import Struct

from bench.campaign import Campaign, campaign, place
from bench.generator import Measured, Plan
from bench.latency import Nanoseconds, fold, latency
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
from bench.progress import told
from bench.results import Burst, BurstPhase, Run
from bench.runs import Setup, checked_as, started_engine
from bench.schedule import Schedule, Step
from carbonmatch.launch import figures
from carbonmatch.launch.plan import trading_days

_AFTER: Final = "after the deadline"
# Of the highest rate: from then on until the deadline, the burst.
_BURST_SHARE: Final = 0.5
_WARMUP_SECONDS: Final = 1.0
_AFTER_SECONDS_MIN: Final = 4.0
# A second in windows, each with enough commands for a percentile at the quiet rate.
_WINDOW_NS: Final = 250_000_000
_WINDOWS_CALM: Final = 4
_CALM_RATIO: Final = 2.0
_CALM_US: Final = 1_000.0
_RATE_MAX: Final = 1_000_000
_SECONDS_MAX: Final = 900.0
_NOTHING: Final = latency(fold(np.array([], np.int64)))


class Days(Struct, frozen=True):
    """Trading days between two published totals, and what each of them traded."""

    name: str
    days: int
    tonnes_per_day: int


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        within("peak", options.peak, 100, _RATE_MAX)
        within("seconds", options.seconds, 2, _SECONDS_MAX)
        phases = phases_of(options.peak, options.seconds)
        plan = plan_of(phases, options.sessions, options.frame)
        frames = Schedule([step.pace(options.frame) for step in plan.steps]).frames
        commands = frames // options.sessions * options.sessions * options.frame
        workload = workload_of(options, options.sessions, commands, options.frame)
        setup = common_setup(options, "burst", workload, plan)
    except ArgumentsError as error:
        print(f"python -m bench load burst: {error}", file=sys.stderr)
        return 2
    return measuring("burst", arguments, options, setup, lambda: {"burst": measure(setup, phases)})


def parser() -> argparse.ArgumentParser:
    it = new_parser("burst", __doc__)
    add_workload(it, sessions=8, frame=1)
    burst = it.add_argument_group("burst")
    burst.add_argument(
        "--peak",
        type=int,
        default=20_000,
        metavar="R",
        help="commands a second in the busiest days, default 20,000: three from each of two operators of "
        "3,400 accounts",
    )
    burst.add_argument("--seconds", type=float, default=60.0, help="of the whole cycle, default 60")
    add_engine(it)
    add_run(it)
    return it


# --- the shape -----------------------------------------------------------------------------------


def cycle() -> list[Days]:
    """The first cycle between the days up to which its volume was published."""
    totals = {total.name: 0 for total in figures.NATIONAL}
    for total in figures.NATIONAL:
        # The whole where it was published, else its sections together.
        if total.section == "all" or not any(
            other.name == total.name and other.section == "all" for other in figures.NATIONAL
        ):
            totals[total.name] += total.tonnes
    up_to = [
        (figures.FIRST_DAY, totals["first day"]),
        (date(2021, 8, 11), totals["to 11 August"]),
        (date(2021, 8, 19), totals["to 19 August"]),
        (date(2021, 9, 30), totals["to October"] - totals["October"]),
        (date(2021, 10, 29), totals["to October"]),
        (date(2021, 11, 19), totals["to 26 November"] - totals["22 to 26 November"]),
        (date(2021, 11, 26), totals["to 26 November"]),
        (date(2021, 12, 14), totals["to 14 December"]),
        (date(2021, 12, 24), totals["first cycle"] - totals["last week"]),
        (figures.LAST_DAY, totals["first cycle"]),
    ]
    days = trading_days()
    found = [Days(_named(figures.FIRST_DAY, figures.FIRST_DAY), 1, up_to[0][1])]
    for (before, tonnes_before), (last, tonnes) in pairwise(up_to):
        inside = [day for day in days if before < day <= last]
        found.append(Days(_named(inside[0], last), len(inside), (tonnes - tonnes_before) // len(inside)))
    return found


def _named(first: date, last: date) -> str:
    if first == last:
        return f"{first:%-d %b}"
    return f"{first:%-d %b} to {last:%-d %b}"


def phases_of(peak_per_second: int, seconds: float) -> list[BurstPhase]:
    """Phases of the cycle in so many seconds, and one behind it; nothing is answered yet."""
    days = cycle()
    busiest = max(one.tonnes_per_day for one in days)
    a_day = seconds / sum(one.days for one in days)
    phases: list[BurstPhase] = []
    begin = 0.0
    for one in days:
        rate = max(1, round(peak_per_second * one.tonnes_per_day / busiest))
        phases.append(
            BurstPhase(one.name, one.days, one.tonnes_per_day, rate, begin, one.days * a_day, _NOTHING)
        )
        begin += one.days * a_day
    quietest = min(phase.rate_per_second for phase in phases)
    after = max(_AFTER_SECONDS_MIN, seconds / 10)
    phases.append(BurstPhase(_AFTER, 0, 0, quietest, begin, after, _NOTHING))
    return phases


def plan_of(phases: Sequence[BurstPhase], sessions: int, frame_commands: int) -> Plan:
    """A second of the quietest rate to warm up, then the phases."""
    steps = [Step(phase.rate_per_second, phase.seconds) for phase in phases]
    warmup = Step(phases[-1].rate_per_second, _WARMUP_SECONDS)
    return Plan(
        frame_commands,
        warmup_frames=warmup.pace(frame_commands).frames // sessions,
        steps=(warmup, *steps),
        seconds_max=2 * sum(step.seconds for step in steps) + 30,
    )


def burst_of(phases: Sequence[BurstPhase]) -> tuple[int, int]:
    """The first phase of the burst, and the one behind its last."""
    end = len(phases) - 1
    busiest = max(phase.rate_per_second for phase in phases)
    begin = end
    while begin and phases[begin - 1].rate_per_second >= _BURST_SHARE * busiest:
        begin -= 1
    return begin, end


# --- the run -------------------------------------------------------------------------------------


def measure(setup: Setup, phases: Sequence[BurstPhase]) -> Burst:
    with place(setup) as where, told(1) as progress:
        seconds = sum(phase.seconds for phase in phases)
        progress.doing(f"{setup.workload.commands:,} commands in {seconds:,.0f} s")
        with started_engine(setup, where.directory) as running:
            run, measured, done = uvloop.run(_play(setup, running))
        return burst_from(setup, phases, checked_as(run, where.check(setup, done)), measured)


async def _play(setup: Setup, running: Server) -> tuple[Run, Measured, Campaign]:
    async with campaign(setup, running) as it:
        run = await it.run(setup.plan, setup.workload.frames_per_session)
        assert it.driver.measured is not None
        return run, it.driver.measured, it


def burst_from(setup: Setup, phases: Sequence[BurstPhase], run: Run, measured: Measured) -> Burst:
    plan = setup.plan
    schedule = Schedule([step.pace(plan.frame_commands) for step in plan.steps])
    since_ns = measured.started_ns - int(measured.started_ns.min()) + _first_ns(setup, schedule)
    # The first pace is the warm-up.
    ends = np.array([*schedule.begin_ns[2:-1], np.iinfo(np.int64).max])
    at = np.searchsorted(ends, since_ns, side="right")
    parts = [measured.latency_ns[at == number] for number in range(len(phases))]
    answered = [
        BurstPhase(
            phase.name,
            phase.days,
            phase.tonnes_per_day,
            phase.rate_per_second,
            phase.begin_seconds,
            phase.seconds,
            latency(fold(part, plan.frame_commands)),
        )
        for phase, part in zip(phases, parts, strict=True)
    ]
    begin, end = burst_of(phases)
    # The opening day is no quiet one.
    quiet = latency(fold(np.concatenate(parts[1:begin])))
    calm_us = _CALM_RATIO * quiet.p99_us + _CALM_US
    deadline_ns = schedule.begin_ns[end + 1]
    after = at >= end
    recovery = recovery_seconds(since_ns[after] - deadline_ns, measured.latency_ns[after], calm_us)
    return Burst(setup.workload, answered, run, quiet.p99_us, calm_us, recovery)


def _first_ns(setup: Setup, schedule: Schedule) -> int:
    """When the first frame that is measured was due."""
    first = setup.plan.warmup_frames * setup.workload.sessions
    return int(schedule.due_ns(np.array([first]))[0])


def recovery_seconds(since_ns: Nanoseconds, latency_ns: Nanoseconds, calm_us: float) -> float | None:
    """When the first of a second of windows begins that are all calm; None where there is none.

    `since_ns`: when each command behind the deadline was due, since the deadline.
    """
    windows = since_ns // _WINDOW_NS
    calm = 0
    for number in range(int(windows.max(initial=-1)) + 1):
        inside = latency_ns[windows == number]
        is_calm = len(inside) > 0 and np.percentile(inside, 99, method="inverted_cdf") / 1_000 <= calm_us
        calm = calm + 1 if is_calm else 0
        if calm == _WINDOWS_CALM:
            return float((number - _WINDOWS_CALM + 1) * _WINDOW_NS / 1e9)
    return None
