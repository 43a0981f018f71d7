"""The tables of a report."""

from collections.abc import Iterator, Sequence
from html import escape
from operator import attrgetter
from typing import Final

from bench.html.plots import Named, preset_ratios, titled
from bench.latency import Latency, median
from bench.results import Result, Run

# Where there is nothing to say.
_NONE: Final = "-"
_LATENCY: Final = ("p50_us", "p90_us", "p99_us", "p99_9_us", "p99_99_us", "max_us")
_LATENCY_HEAD: Final = ("p50", "p90", "p99", "p99.9", "p99.99", "max")


def flaws(result: Result) -> list[str]:
    """Why the result is not to be believed, or not what was hoped for; each once."""
    found = list(result.failures)
    for preset in result.presets:
        for run in preset.runs():
            found += [f"{preset.preset}, {run.target}: {words}" for words in (*run.problems, *run.invalid)]
    return list(dict.fromkeys(found))


def glance(results: Sequence[Named]) -> Iterator[str]:
    """One row for whoever was measured in whatever; medians of the repetitions."""
    rows = []
    for one in results:
        for preset in one.result.presets:
            for target in ("engine", "bare"):
                runs = [run for run in preset.runs() if run.target == target]
                if runs:
                    rows.append(_run_row(one.label(preset.preset, target), runs))
        if one.result.burst is not None:
            rows.append(_run_row(one.label("burst", "engine"), [one.result.burst.run]))
    if rows:
        head = (
            "",
            "commands/s",
            *_LATENCY_HEAD,
            "server µs/cmd",
            "generator",
            "late p99",
            "others",
            "checked",
        )
        yield _section("At a glance", "Medians over the repetitions.", _table(head, rows))


def _run_row(name: str, runs: Sequence[Run]) -> tuple[bool, list[str]]:
    cpu = [run.server_cpu_us_per_command for run in runs if run.server_cpu_us_per_command is not None]
    lags = [run.lag.p99_us for run in runs if run.lag is not None]
    others = [run.others_cpu_share for run in runs if run.others_cpu_share is not None]
    checked = [run.checked for run in runs if run.checked is not None]
    return any(not run.is_sound for run in runs), [
        name,
        f"{median([run.rate_per_second for run in runs]):,.0f}",
        *_latency_cells([run.latency for run in runs]),
        f"{median(cpu):.2f}" if cpu else _NONE,
        f"{median([run.generator_cpu_share for run in runs]):.0%}",
        us(median(lags)) if lags else _NONE,
        f"{median(others):.0%}" if others else _NONE,
        f"{sum(one.commands for one in checked):,} commands" if checked else _NONE,
    ]


def _latency_cells(found: Sequence[Latency]) -> list[str]:
    return [us(median([attrgetter(field)(one) for one in found])) for field in _LATENCY]


def ramps(results: Sequence[Named]) -> Iterator[str]:
    for one in results:
        ramp = one.result.ramp
        if ramp is None:
            continue
        rows = [
            (
                bool(step.broken),
                [
                    f"{step.rate_per_second:,}",
                    *_latency_cells([step.run.latency]),
                    us(step.run.lag.p99_us) if step.run.lag is not None else _NONE,
                    _share(step.run),
                    f"{step.run.generator_cpu_share:.0%}",
                    "; ".join(step.broken) or "held",
                ],
            )
            for step in sorted(ramp.steps, key=lambda step: step.rate_per_second)
        ]
        least = "at least " if ramp.gave_way != "engine" else ""
        words = f"Knee: {least}{ramp.knee_per_second:,} commands a second. "
        words += ramp.why if ramp.gave_way == "nothing" else f"The {ramp.gave_way} gave way: {ramp.why}."
        head = ("offered/s", *_LATENCY_HEAD, "late p99", "engine core", "generator", "")
        yield _section(titled("Steps of the ramp", one), words, _table(head, rows, text_last=True))


def _share(run: Run) -> str:
    cpu = run.server_cpu_us_per_command
    return _NONE if cpu is None else f"{cpu * run.rate_per_second / 1e6:.0%}"


def bursts(results: Sequence[Named]) -> Iterator[str]:
    for one in results:
        burst = one.result.burst
        if burst is None:
            continue
        rows = [
            (
                False,
                [
                    phase.name,
                    f"{phase.tonnes_per_day:,}",
                    f"{phase.rate_per_second:,}",
                    f"{phase.seconds:.1f}",
                    f"{phase.latency.count:,}",
                    *_latency_cells([phase.latency]),
                ],
            )
            for phase in burst.phases
        ]
        recovery = burst.recovery_seconds
        words = "Never recovered" if recovery is None else f"Recovered {recovery:.2f} s after the deadline"
        words += (
            f": p99 below {us(burst.recovered_us_max)} again, on quiet days it was {us(burst.quiet_p99_us)}."
        )
        head = ("days of 2021", "t a day", "commands/s", "seconds", "count", *_LATENCY_HEAD)
        yield _section(titled("The cycle", one), words, _table(head, rows))


def soaks(results: Sequence[Named]) -> Iterator[str]:
    for one in results:
        soak = one.result.soak
        if soak is None:
            continue
        rows = [
            (
                drift.failed,
                [
                    f"{drift.what}{', ' if drift.unit else ''}{drift.unit}",
                    *(f"{value:,.1f}" for value in (drift.first, drift.last, drift.limit)),
                    f"{drift.slope_per_hour:+,.1f}",
                    "drifted" if drift.failed else "held",
                ],
            )
            for drift in soak.drifts
        ]
        head = ("medians", "first third", "last third", "at most", "an hour", "")
        words = (
            f"{len(soak.windows)} windows at {soak.rate_per_second:,} commands a second; the journal and its "
            f"snapshots grow by {soak.journal_mib_per_hour:,.0f} MiB an hour."
        )
        yield _section(titled("Drift", one), words, _table(head, rows))


def ratios(results: Sequence[Named]) -> Iterator[str]:
    rows = []
    for one in results:
        for preset in one.result.presets:
            for words, values in preset_ratios(preset):
                cells = [f"{value:.3f}" for value in (median(values), min(values), max(values))]
                rows.append((False, [one.label(preset.preset) + ": " + words, *cells, str(len(values))]))
    if rows:
        words = "Each ratio is taken within a repetition, so that a slow minute is slow for both."
        head = ("", "median", "least", "most", "repetitions")
        yield _section("Ratios to the limits of this machine", words, _table(head, rows))


def us(value: float) -> str:
    """Microseconds, as people write times."""
    if value != value:
        return _NONE
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}" if value < 1_000 * size else f"{value / size:,.0f} {unit}"
    return f"{value:.3g} µs"


def _table(head: Sequence[str], rows: Sequence[tuple[bool, list[str]]], text_last: bool = False) -> str:
    """Rows with whether they are bad."""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = []
    for is_bad, values in rows:
        last = len(values) - 1
        body.append(
            f"<tr{' class=bad' if is_bad else ''}>"
            + "".join(
                f"<td{' class=text' if text_last and number == last else ''}>{escape(value)}</td>"
                for number, value in enumerate(values)
            )
            + "</tr>"
        )
    return framed(cells, "".join(body))


def framed(head: str, body: str) -> str:
    """Cells and rows as a table, which scrolls where a page is too narrow."""
    return (
        f'<div class="scroll"><table class="figures"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _section(heading: str, words: str, body: str) -> str:
    return f"<section><h2>{escape(heading)}</h2><p>{escape(words)}</p>{body}</section>"
