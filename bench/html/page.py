"""The page: what was measured, by whom, whether it is valid; plots, tables, the machine."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

import msgspec

import carbonmatch.dashboard
from bench.environment import Environment
from bench.html import tables
from bench.html.plots import Chart, Named, charts
from bench.results import Result

_HERE: Final = Path(__file__).parent
# The library that draws the dashboard's charts, too; part of the package, with its licence.
_VENDOR: Final = Path(carbonmatch.dashboard.__file__).parent / "page" / "vendor"
# Nothing is fetched, whatever stands in the page.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

_FOR_PEOPLE: Final = {
    "cpu": "processor",
    "cores": "cores",
    "affinity": "cores that may be used",
    "placement": "placement",
    "kernel": "kernel",
    "hypervisor": "virtual machine",
    "governor": "governor",
    "memory_mib": "memory, MiB",
    "clock_source": "clock source",
    "python": "Python",
    "core": "matching core",
    "packages": "packages",
    "load_average": "load average before",
    "git_revision": "revision",
    "git_dirty": "with changes",
    "journal_filesystem": "file system of the journal",
    "yardstick": "source of the yardstick",
}


def page(results: Sequence[Named]) -> str:
    drawn = charts(results)
    data = msgspec.json.encode(drawn).decode().replace("<", "\\u003c")
    title = title_of(results)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{escape(title)}</title>",
            f"<style>{_file(_VENDOR / 'uPlot.min.css')}</style>",
            f"<style>{_file(_HERE / 'report.css')}</style>",
            "</head><body><main>",
            _header(results, title),
            *_sections(results, drawn),
            f"<footer>{_footer()}</footer></main>",
            f'<script type="application/json" id="charts">{data}</script>',
            f"<script>/*\n{_file(_VENDOR / 'uPlot.LICENSE')}*/",
            f"{_file(_VENDOR / 'uPlot.iife.min.js')}</script>",
            f"<script>{_file(_HERE / 'report.js')}</script>",
            "</body></html>",
            "",
        ]
    )


def title_of(results: Sequence[Named]) -> str:
    modes: list[str] = []
    for one in results:
        modes += [mode for mode in modes_of(one.result) if mode not in modes]
    names = " and ".join(one.name for one in results if one.name)
    return f"{', '.join(modes)}{': ' if names else ''}{names}"


def modes_of(result: Result) -> list[str]:
    found = [f"load {preset.preset}" for preset in result.presets]
    found += [name for name in ("ramp", "burst", "soak") if getattr(result, name) is not None]
    return found or ["nothing"]


def _file(path: Path) -> str:
    text = path.read_text()
    assert "</script" not in text, f"{path} would end the element that it stands in"
    return text


def _footer() -> str:
    return (
        "Latency of an open loop counts from when a command was due, of a closed one from when it was "
        "written. Absolute figures are worth what the machine was worth in that minute; ratios were measured "
        "in one run. "
        "Plots: drag over one to look closer, click twice to go back, click a name to leave it out. "
        "Drawn by uPlot."
    )


def _header(results: Sequence[Named], title: str) -> str:
    lines = ['<header><p class="kicker">carbonmatch bench</p>', f"<h1>{escape(title)}</h1>"]
    for number, one in enumerate(results):
        result = one.result
        flaws = tables.flaws(result)
        verdict = ("bad", "not valid") if flaws else ("good", "valid")
        if result.disturbances and not flaws:
            verdict = ("doubtful", "valid, disturbed")
        where = result.environment
        key = "" if len(results) == 1 else f'<span class="key" style="background:var(--s{number})"></span>'
        name = f"<b>{escape(one.name)}</b> " if one.name else ""
        lines.append(
            f'<p>{key}{name}<span class="verdict {verdict[0]}">{verdict[1]}</span> {_time(result.began)}, '
            f"{escape(where.cpu)}, {where.cores} cores, {escape(where.python)}, matching core {where.core}, "
            f"revision {escape(where.git_revision[:12] or 'unknown')}"
            f"{' with changes' if where.git_dirty else ''}</p>"
        )
        if flaws:
            items = "".join(f"<li>{escape(flaw)}</li>" for flaw in flaws)
            lines.append(f'<ul class="flaws">{items}</ul>')
        if result.disturbances:
            items = "".join(f"<li>{escape(one)}</li>" for one in result.disturbances)
            lines.append(f'<ul class="flaws doubtful">{items}</ul>')
    return "\n".join([*lines, "</header>"])


def _time(text: str) -> str:
    return escape(text.replace("T", " ").replace("+00:00", " UTC"))


def _sections(results: Sequence[Named], drawn: Sequence[Chart]) -> Iterator[str]:
    yield from tables.glance(results)
    for kind, heading, words in (
        ("percentile", "Latency by percentile", ""),
        ("rate", "The knee", "The highest rate that was held, and what latency does on the way there."),
        ("time", "Over time", "What a percentile of the whole run hides: pauses, drifts, queues that grow."),
    ):
        found = [chart for chart in drawn if chart.kind == kind]
        if found:
            figures = "".join(_figure(chart) for chart in found)
            wide = len(found) == 1 or kind != "time"
            body = figures if wide else f'<div class="grid2">{figures}</div>'
            yield section(heading, words, body)
        if kind == "rate":
            yield from tables.ramps(results)
            yield from tables.bursts(results)
            yield from tables.soaks(results)
    yield from tables.ratios(results)
    yield section(
        "The machine",
        "" if len(results) == 1 else "What differs is marked: figures of different machines do not compare.",
        _environment([one.name for one in results], [one.result.environment for one in results]),
    )
    yield section("To repeat it", "", "".join(_command(one) for one in results))


def section(heading: str, words: str, body: str) -> str:
    explained = f"<p>{escape(words)}</p>" if words else ""
    return f"<section><h2>{escape(heading)}</h2>{explained}{body}</section>"


def _figure(chart: Chart) -> str:
    note = f" <em>{escape(chart.note)}</em>" if chart.note else ""
    return (
        f"<figure><figcaption>{escape(chart.title)}{note}</figcaption>"
        f'<div class="plot" id="{chart.id}" role="img"></div></figure>'
    )


def _environment(names: Sequence[str], environments: Sequence[Environment]) -> str:
    rows = []
    for field, words in _FOR_PEOPLE.items():
        values = [_value(getattr(one, field)) for one in environments]
        differs = len(set(values)) > 1
        rows.append((words, values, differs))
    head = ["", *(name or "" for name in names)]
    body = "".join(
        f"<tr{' class=differs' if differs else ''}><td>{escape(words)}</td>"
        + "".join(f'<td class="text">{escape(value)}</td>' for value in values)
        + "</tr>"
        for words, values, differs in rows
    )
    cells = "".join(f'<th class="text">{escape(name)}</th>' for name in head)
    return tables.framed(cells, body)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(f"{one:.2f}" if isinstance(one, float) else str(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "none"


def _command(one: Named) -> str:
    name = f"{escape(one.name)}: " if one.name else ""
    return f"<p>{name}<code>{escape(' '.join(one.result.command))}</code></p>"
