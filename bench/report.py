"""A result as a table for people. Figures of a preset are medians over its repetitions."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from bench.latency import Latency, median
from bench.results import Burst, PresetResult, Ramp, RampStep, Repetition, Result, Soak, Target

_COLUMNS = ("p50", "p90", "p99", "p99_9", "p99_99", "max")


def report(result: Result) -> str:
    where = result.environment
    lines = [
        f"{where.cpu}, {where.cores} cores, kernel {where.kernel}, {where.python}, "
        f"uvloop {where.packages['uvloop']}, msgspec {where.packages['msgspec']}",
        f"journal on {where.journal_filesystem}; {where.placement}; load average "
        f"{where.load_average[0]:.2f} before, {result.load_average_after[0]:.2f} after; "
        f"revision {where.git_revision[:12] or 'unknown'}{' with changes' if where.git_dirty else ''}",
    ]
    for preset in result.presets:
        lines += ["", *_preset(preset)]
    if result.ramp is not None:
        lines += ["", *_ramp(result.ramp)]
    if result.burst is not None:
        lines += ["", *_burst(result.burst)]
    if result.soak is not None:
        lines += ["", *_soak(result.soak)]
    lines += [f"FAILED: {failure}" for failure in result.failures]
    if any(preset.verdicts for preset in result.presets):
        lines += ["", *_verdicts(result)]
    return "\n".join(lines)


def _preset(preset: PresetResult) -> list[str]:
    workload, plan = preset.workload, preset.plan
    loop = (
        f"open loop at {plan.rate_per_second:,} commands/s"
        if plan.rate_per_second
        else f"closed loop, {plan.window_commands} in flight per session"
    )
    lines = [
        f"{preset.preset}: {workload.sessions} sessions, frames of {workload.frame_commands}, {loop}; "
        f"{len(preset.repetitions)} repetitions; workload {preset.workload_digest[:12]}",
        "",
        f"{'':<22}{'commands/s':>12}{'cpu us/cmd':>12}" + "".join(f"{_us(name):>10}" for name in _COLUMNS),
    ]
    for target in ("engine", "bare"):
        lines += _target(preset, target)
    lines += _limits(preset.repetitions)
    lines += _ratios(preset.repetitions)
    for run in preset.runs():
        lines += [f"INVALID ({run.target}): {reason}" for reason in run.invalid]
        if run.is_disturbed:
            share = run.others_cpu_share or 0.0
            lines.append(f"DISTURBED ({run.target}): others had {share:.0%} of the machine's processor time")
        lines += [f"WRONG ({run.target}): {problem}" for problem in run.problems]
    return lines


def _burst(burst: Burst) -> list[str]:
    workload = burst.workload
    lines = [
        f"burst: {workload.sessions} sessions, frames of {workload.frame_commands}, latency from when each "
        "was due",
        "",
        f"{'days of the first cycle':<24}{'t a day':>11}{'commands/s':>12}{'for s':>8}{'count':>10}"
        f"{'p50 us':>10}{'p99 us':>10}{'p99.9 us':>10}{'max us':>10}",
    ]
    for phase in burst.phases:
        took = phase.latency
        lines.append(
            f"{phase.name:<24}{phase.tonnes_per_day:>11,}{phase.rate_per_second:>12,}{phase.seconds:>8.1f}"
            f"{took.count:>10,}{took.p50_us:>10,.0f}{took.p99_us:>10,.0f}{took.p99_9_us:>10,.0f}"
            f"{took.max_us:>10,.0f}"
        )
    recovered = "never" if burst.recovery_seconds is None else f"after {burst.recovery_seconds:.2f} s"
    late = burst.run.lag
    lines += [
        "",
        f"recovered {recovered}: p99 below {burst.recovered_us_max:,.0f} us (quiet days: "
        f"{burst.quiet_p99_us:,.0f}); generator late {0.0 if late is None else late.p99_us:,.0f} us at p99",
    ]
    return lines


def _soak(soak: Soak) -> list[str]:
    workload, windows = soak.workload, soak.windows
    held = f"{windows[-1].begin_seconds:,.0f} s in {len(windows)} windows" if windows else "nothing measured"
    lines = [
        f"soak: {workload.sessions} sessions, frames of {workload.frame_commands}, open loop at "
        f"{soak.rate_per_second:,} commands/s; {held}",
        "",
        f"{'medians':<32}{'first third':>12}{'last third':>12}{'at most':>12}{'an hour':>12}",
    ]
    for one in soak.drifts:
        name = f"{one.what}{', ' if one.unit else ''}{one.unit}"
        lines.append(
            f"{name:<32}{one.first:>12,.1f}{one.last:>12,.1f}{one.limit:>12,.1f}{one.slope_per_hour:>+12,.1f}"
            f"{'  DRIFTED' if one.failed else ''}"
        )
    lines.append(f"journal and snapshots grow by {soak.journal_mib_per_hour:,.0f} MiB an hour")
    return lines


def _ramp(ramp: Ramp) -> list[str]:
    """A table for people."""
    workload = ramp.workload
    of = ramp.knee_per_second
    least = "at least " if ramp.gave_way != "engine" else ""
    return [
        f"ramp: {workload.sessions} sessions, frames of {workload.frame_commands}, open loop; held means p99 "
        f"at most {ramp.p99_us_max:,.0f} us",
        "",
        f"{'commands/s':>12}{'p50 us':>10}{'p99 us':>10}{'p99.9 us':>10}{'max us':>10}{'late p99':>10}"
        f"{'engine':>8}{'generator':>10}",
        *(step_line(step) for step in sorted(ramp.steps, key=lambda step: step.rate_per_second)),
        "",
        f"knee: {least}{of:,} commands/s; the {ramp.gave_way} gave way: {ramp.why}"
        if ramp.gave_way != "nothing"
        else f"knee: {least}{of:,} commands/s: {ramp.why}",
    ]


def step_line(step: RampStep) -> str:
    """A step of a ramp, as a row of its table."""
    run = step.run
    late = "-" if run.lag is None else f"{run.lag.p99_us:,.0f}"
    cpu = run.server_cpu_us_per_command
    engine = "-" if cpu is None else f"{cpu * run.rate_per_second / 1e6:.0%}"
    return (
        f"{step.rate_per_second:>12,}{run.latency.p50_us:>10,.0f}{run.latency.p99_us:>10,.0f}"
        f"{run.latency.p99_9_us:>10,.0f}{run.latency.max_us:>10,.0f}{late:>10}{engine:>8}"
        f"{run.generator_cpu_share:>10.0%}{'  not held: ' if step.broken else ''}{'; '.join(step.broken)}"
    )


def _us(column: str) -> str:
    return f"{column.replace('_', '.')} us"


def _target(preset: PresetResult, target: Target) -> list[str]:
    runs = preset.runs(target)
    if not runs:
        return []
    cpu = [run.server_cpu_us_per_command for run in runs if run.server_cpu_us_per_command is not None]
    rate = _median(runs, attrgetter("rate_per_second"))
    lines = [
        f"{target:<22}{rate:>12,.0f}{median(cpu):>12.2f}" + _latencies([run.latency for run in runs]),
        f"  generator{'':<23}{_median(runs, attrgetter('generator_cpu_us_per_command')):>12.2f}",
    ]
    lags = [run.lag for run in runs if run.lag is not None]
    if lags:
        lines.append(f"  generator late{'':<30}" + _latencies(lags))
        thirds = [_median(runs, attrgetter(f"{which}_third_p50_us")) for which in ("first", "last")]
        grows = "grows" if any(run.queue_grows for run in runs) else "does not grow"
        lines.append(
            f"  p50 {thirds[0]:,.0f} us in the first third, {thirds[1]:,.0f} in the last: queue {grows}"
        )
    reports = ", ".join(f"{kind} {count:,}" for kind, count in sorted(runs[-1].reports.items()))
    lines.append(f"  reports of the last run: {reports}; feed {runs[-1].feed_frames:,} frames")
    return lines


def _limits(repetitions: list[Repetition]) -> list[str]:
    syncs = [one.sync for one in repetitions if one.sync is not None]
    echoes = [one.echo for one in repetitions if one.echo is not None]
    lines = []
    if syncs:
        name = f"sync of {median([one.sync_bytes for one in repetitions]):,.0f} B"
        lines.append(f"{name:<46}" + _latencies(syncs))
    if echoes:
        name = f"echo of {median([one.echo_bytes for one in repetitions]):,.0f} B"
        lines.append(f"{name:<46}" + _latencies(echoes))
    return lines


def _ratios(repetitions: list[Repetition]) -> list[str]:
    lines = []
    for what, ratio in (
        ("rate, engine / bare", "rate_ratio"),
        ("p50, engine / bare", "p50_ratio"),
        ("p50, engine / (sync + echo)", "floor_ratio"),
    ):
        values = [getattr(one, ratio) for one in repetitions if getattr(one, ratio) is not None]
        if values:
            spread = f"{min(values):.2f} to {max(values):.2f}"
            lines.append(f"{what}: {median(values):.2f} ({spread} over the repetitions)")
    return lines


def _verdicts(result: Result) -> list[str]:
    lines = [f"{'target':<46}{'found':>12}  {'expected':<12}"]
    for preset in result.presets:
        for verdict in preset.verdicts:
            name = f"{preset.preset}: {verdict.what}"
            found = f"{verdict.found:,.0f}" if abs(verdict.found) >= 100 else f"{verdict.found:.2f}"
            outcome = "reached" if verdict.reached else "MISSED"
            lines.append(f"{name:<46}{found:>12}  {verdict.expected:<12}{outcome}")
    return lines


def _latencies(values: list[Latency]) -> str:
    return "".join(f"{_median(values, attrgetter(f'{name}_us')):>10,.0f}" for name in _COLUMNS)


def _median(values: Sequence[Any], of: Callable[[Any], float]) -> float:
    return median([of(value) for value in values])
