"""Results of `bench load` -> the data of plots. `bench/html/report.js` draws them."""

from collections.abc import Iterator, Sequence
from math import log10
from typing import Any, Final

from msgspec import Struct, structs

from bench.hgrm import merged
from bench.results import Burst, PresetResult, Result, Soak, Target
from bench.timeline import Timeline

# Of the percentile axis: points between 0 and 90 %, 90 and 99 %, and so on.
_POINTS_A_NINE: Final = 24
_NS_PER_US: Final = 1_000.0
_TARGETS: Final[tuple[Target, ...]] = ("engine", "bare")


class Named(Struct, frozen=True):
    """A result, and how the report calls it; an empty name where it is the only one."""

    name: str
    result: Result

    def label(self, *words: str) -> str:
        return " ".join(word for word in (self.name, *words) if word)


def titled(title: str, one: Named) -> str:
    return f"{title}: {one.name}" if one.name else title


class Series(Struct, frozen=True, omit_defaults=True):
    label: str
    colour: int
    dash: int = 0
    points: bool = False
    steps: bool = False


class Chart(Struct, frozen=True, omit_defaults=True):
    """`tables` have their x values first; those of several tables are joined."""

    id: str
    title: str
    note: str
    kind: str  # percentile, time or rate: what x is
    unit: str  # of y
    log: bool
    series: list[Series]
    tables: list[list[list[Any]]]
    lines: list[dict[str, Any]] = []  # at an x
    levels: list[dict[str, Any]] = []  # at a y
    bands: list[dict[str, Any]] = []  # from an x to another one


def charts(results: Sequence[Named], id_prefix: str = "plot") -> list[Chart]:
    """All plots of these results, in the order of the page."""
    found = [
        *percentile_charts(results),
        *timeline_charts(results),
        *knee_charts(results),
        *burst_charts(results),
        *soak_charts(results),
    ]
    return [structs.replace(chart, id=f"{id_prefix}-{number}") for number, chart in enumerate(found)]


# --- latency by percentile -----------------------------------------------------------------------


def percentile_charts(results: Sequence[Named]) -> Iterator[Chart]:
    """One plot for each preset, burst and soak, of whoever was measured in it."""
    curves: dict[str, list[tuple[str, list[str]]]] = {}
    for one in results:
        for title, label, histograms in _histograms(one):
            curves.setdefault(title, []).append((label, histograms))
    for title, found in curves.items():
        parts = [percentile_points(histograms) for _, histograms in found]
        yield Chart(
            "",
            title,
            "the further right, the rarer; each nine takes the same room",
            "percentile",
            "us",
            True,
            [Series(label, number) for number, (label, _) in enumerate(found)],
            [[[x for x, _ in points], [y for _, y in points]] for points in parts],
        )


def _histograms(one: Named) -> Iterator[tuple[str, str, list[str]]]:
    for preset in one.result.presets:
        for target in _TARGETS:
            runs = preset.runs(target)
            if runs:
                yield preset.preset, one.label(target), [run.histogram for run in runs]
    if one.result.burst is not None:
        yield "burst", one.label("engine"), [one.result.burst.run.histogram]
    if one.result.soak is not None and one.result.soak.histogram:
        yield "soak", one.label("engine"), [one.result.soak.histogram]
    if one.result.ramp is not None:
        held = [step for step in one.result.ramp.steps if not step.broken]
        for step in sorted(held, key=lambda step: step.rate_per_second)[-6:]:
            yield "ramp", one.label(f"{step.rate_per_second:,}/s"), [step.run.histogram]


def percentile_points(histograms: list[str]) -> list[tuple[float, float]]:
    """Microseconds over log10(1 / (1 - share)), up to the one value of all that is the largest."""
    whole = merged(histograms)
    if not whole.total_count:
        return []
    end = log10(whole.total_count)
    xs = [number / _POINTS_A_NINE for number in range(int(end * _POINTS_A_NINE) + 1)]
    shares = {x: 100.0 * (1.0 - 10.0**-x) for x in xs}
    at = whole.get_percentile_to_value_dict(list(shares.values()))
    highest = max(whole.max_value, 1)
    points = [(round(x, 4), min(at[share], highest) / _NS_PER_US) for x, share in shares.items()]
    return [*points, (round(end, 4), highest / _NS_PER_US)]


# --- over time -----------------------------------------------------------------------------------


def timeline_charts(results: Sequence[Named]) -> Iterator[Chart]:
    """The last repetition of the engine in each preset: latency, and below it the rate."""
    last: dict[str, list[tuple[Named, Timeline]]] = {}
    for one in results:
        for preset in one.result.presets:
            runs = preset.runs("engine") or preset.runs("bare")
            if runs and runs[-1].timeline.p50_us:
                last.setdefault(preset.preset, []).append((one, runs[-1].timeline))
    for name, found in last.items():
        yield _latency_over_time(f"Latency over time: {name}", "of the last repetition", found)
        yield Chart(
            "",
            f"Commands a second: {name}",
            "answered, of the last repetition",
            "time",
            "rate",
            False,
            [Series(one.label("answered"), number, steps=True) for number, (one, _) in enumerate(found)],
            [[_seconds(timeline)[:-1], _whole(timeline.answered_per_second)] for _, timeline in found],
        )


def _latency_over_time(title: str, note: str, found: Sequence[tuple[Named, Timeline]]) -> Chart:
    series: list[Series] = []
    for number, (one, _) in enumerate(found):
        for statistic, words in enumerate(("p50", "p99", "max")):
            is_alone = len(found) == 1
            colour = statistic if is_alone else number
            series.append(Series(one.label(words), colour, dash=0 if is_alone else statistic))
    tables: list[list[list[Any]]] = [
        [_seconds(timeline), timeline.p50_us, timeline.p99_us, timeline.max_us] for _, timeline in found
    ]
    return Chart("", title, note, "time", "us", True, series, tables)


def _seconds(timeline: Timeline, begin: float = 0.0) -> list[float]:
    return [round(begin + number * timeline.window_seconds, 4) for number in range(len(timeline.p50_us))]


def _whole(rates: list[float]) -> list[float]:
    """Without the last window, which ends with the run: a rate of a part of it would look like a fall."""
    return [round(rate, 1) for rate in rates[:-1]]


# --- the modes -----------------------------------------------------------------------------------


def knee_charts(results: Sequence[Named]) -> Iterator[Chart]:
    ramps = [(one, one.result.ramp) for one in results if one.result.ramp is not None]
    if not ramps:
        return
    series: list[Series] = []
    tables: list[list[list[Any]]] = []
    lines = []
    for number, (one, ramp) in enumerate(ramps):
        is_alone = len(ramps) == 1
        for statistic, words in enumerate(("p50", "p99", "p99.9")):
            series.append(
                Series(
                    one.label(words),
                    statistic if is_alone else number,
                    dash=0 if is_alone else statistic,
                    points=True,
                )
            )
        # Of a rate that was tried twice, the better one: the other try was why there was a second.
        best: dict[int, Any] = {}
        for step in ramp.steps:
            kept = best.get(step.rate_per_second)
            if kept is None or step.run.latency.p99_us < kept.run.latency.p99_us:
                best[step.rate_per_second] = step
        steps = [best[rate] for rate in sorted(best)]
        took = [step.run.latency for step in steps]
        tables.append(
            [
                [step.rate_per_second for step in steps],
                [one.p50_us for one in took],
                [one.p99_us for one in took],
                [one.p99_9_us for one in took],
            ]
        )
        if ramp.knee_per_second:
            lines.append({"x": ramp.knee_per_second, "label": one.label(f"knee {ramp.knee_per_second:,}/s")})
    limit = ramps[0][1].p99_us_max
    yield Chart(
        "",
        "Latency by offered rate",
        "open loop, from when each command was due",
        "rate",
        "us",
        True,
        series,
        tables,
        lines=lines,
        levels=[{"y": limit, "label": f"held: p99 at most {limit / 1_000:g} ms"}],
    )


def burst_charts(results: Sequence[Named]) -> Iterator[Chart]:
    bursts = [(one, one.result.burst) for one in results if one.result.burst is not None]
    for one, burst in bursts:
        timeline = burst.run.timeline
        bands = _burst_bands(burst)
        lines = [{"x": burst.phases[-1].begin_seconds, "label": "deadline"}]
        plain = _latency_over_time(
            titled("Latency over the cycle", one), "from when each command was due", [(one, timeline)]
        )
        yield structs.replace(plain, lines=lines, bands=bands)
        yield Chart(
            "",
            titled("Commands a second over the cycle", one),
            "due, and answered",
            "time",
            "rate",
            False,
            [Series("due", 0, steps=True), Series("answered", 1, steps=True)],
            [
                [
                    _seconds(timeline)[:-1],
                    _whole(timeline.started_per_second),
                    _whole(timeline.answered_per_second),
                ]
            ],
            lines=lines,
            bands=bands,
        )


def _burst_bands(burst: Burst) -> list[dict[str, Any]]:
    busiest = max(phase.rate_per_second for phase in burst.phases)
    hot = [phase for phase in burst.phases[1:] if phase.rate_per_second >= busiest / 2]
    if not hot:
        return []
    return [{"from": hot[0].begin_seconds, "to": hot[-1].begin_seconds + hot[-1].seconds, "label": "burst"}]


def soak_charts(results: Sequence[Named]) -> Iterator[Chart]:
    soaks = [(one, one.result.soak) for one in results if one.result.soak is not None]
    if not soaks:
        return
    for title, unit, log, fields in (
        ("Latency in each window", "us", True, ("p50_us", "p99_us", "max_us")),
        ("Resident memory of the engine", "MiB", False, ("resident_mib",)),
        ("Open files and threads", "count", False, ("open_files", "threads")),
        ("Journal and snapshots on the disk", "MiB", False, ("journal_mib",)),
        ("Processor time a command", "us", False, ("server_cpu_us_per_command",)),
    ):
        yield _soak_chart(title, unit, log, fields, soaks)


def _soak_chart(
    title: str, unit: str, log: bool, fields: Sequence[str], soaks: Sequence[tuple[Named, Soak]]
) -> Chart:
    series: list[Series] = []
    tables: list[list[list[Any]]] = []
    for number, (one, soak) in enumerate(soaks):
        tables.append(
            [
                [round(window.begin_seconds, 2) for window in soak.windows],
                *([getattr(window, field) for window in soak.windows] for field in fields),
            ]
        )
        is_alone = len(soaks) == 1
        for statistic, field in enumerate(fields):
            words = field.removesuffix("_us").removesuffix("_mib").replace("_", " ")
            series.append(
                Series(one.label(words), statistic if is_alone else number, dash=0 if is_alone else statistic)
            )
    return Chart("", title, "", "time", unit, log, series, tables)


def preset_ratios(preset: PresetResult) -> list[tuple[str, list[float]]]:
    """What was measured in one run with its limits, as ratios of each repetition."""
    found = []
    for words, field in (
        ("rate, engine / bare server", "rate_ratio"),
        ("p50, engine / bare server", "p50_ratio"),
        ("p50, engine / (sync + echo)", "floor_ratio"),
    ):
        values = [getattr(one, field) for one in preset.repetitions if getattr(one, field) is not None]
        if values:
            found.append((words, values))
    return found
