"""The report of results: everything is in one file, and a browser draws it without a word."""

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec import structs

from bench import __main__ as dispatch
from bench.environment import capture
from bench.generator import Plan
from bench.html.command import names_of
from bench.html.page import page
from bench.html.plots import Chart, Named, charts, percentile_points
from bench.latency import encoded, fold
from bench.results import (
    FORMAT,
    Burst,
    BurstPhase,
    Drift,
    PresetResult,
    Ramp,
    RampStep,
    Repetition,
    Result,
    Run,
    Soak,
)
from bench.timeline import Timeline
from bench.workload import Workload
from tests.bench.runs import a_run, flat_latency
from tests.bench.test_soak import CALM
from tests.chromium import chromium

WORKLOAD = Workload(1, 100, 1)
TIMELINE = Timeline(0.5, [10, 20, 5], [9, 20, 6], [100, None, 300], [200, None, 400], [300, None, 500])


def a_measured_run(rate: float = 1_000, p99: float = 200) -> Run:
    return structs.replace(a_run(rate=rate, p99=p99), timeline=TIMELINE, lag=flat_latency(10))


def a_result() -> Result:
    """With all that a report may have to show."""
    run = a_measured_run()
    preset = PresetResult(
        "open",
        WORKLOAD,
        "digest",
        Plan(1, 0, rate_per_second=1_000),
        1,
        [Repetition(run, structs.replace(run, target="bare"), 512, flat_latency(5), 64, flat_latency(2))],
        [],
    )
    steps = [
        RampStep(1_000, run, []),
        RampStep(2_000, a_measured_run(2_000, 9_000), ["p99 was <9,000> us, at most 5,000"]),
        RampStep(2_000, a_measured_run(2_000, 8_000), ["p99 was 8,000 us, at most 5,000"]),
    ]
    phases = [
        BurstPhase("16 Jul", 1, 4_000_000, 900, 0.0, 0.5, flat_latency(100)),
        BurstPhase("to the deadline", 5, 5_000_000, 1_000, 0.5, 0.5, flat_latency(900)),
        BurstPhase("after the deadline", 0, 0, 10, 1.0, 0.5, flat_latency(100)),
    ]
    windows = [structs.replace(CALM, begin_seconds=10.0 * at) for at in range(9)]
    return Result(
        FORMAT,
        ["python", "-m", "bench", "load", "--mix", "1:<2>"],
        capture(Path("/tmp"), "anywhere"),
        (0.0, 0.0, 0.0),
        presets=[preset],
        ramp=Ramp(WORKLOAD, 5_000, steps, 1_000, "engine", "at 2,000 commands/s it broke", None),
        burst=Burst(WORKLOAD, phases, run, 200.0, 1_400.0, 0.25),
        soak=Soak(
            WORKLOAD,
            100,
            windows,
            [Drift("p50", "us", 1, 2, 3, 4, False)],
            [],
            [],
            encoded(fold(np.array([1_000, 2_000]))),
            None,
            12.0,
        ),
        began="2026-01-02T03:04:05+00:00",
    )


def named(chart: str, found: list[Chart]) -> Chart:
    [one] = [one for one in found if one.title == chart]
    return one


def test_percentiles_stand_at_their_nines() -> None:
    points = dict(percentile_points([encoded(fold(np.arange(1, 1_001) * 1_000))]))
    assert points[0.0] == pytest.approx(1, rel=0.01)
    assert points[1.0] == pytest.approx(900, rel=0.01)
    assert points[2.0] == pytest.approx(990, rel=0.01)
    # A thousand values say nothing about what is rarer than one in a thousand.
    assert max(points) == 3.0
    assert points[3.0] == pytest.approx(1_000, rel=0.001)


def test_repetitions_are_one_curve() -> None:
    one = encoded(fold(np.array([1_000] * 50)))
    other = encoded(fold(np.array([5_000] * 50)))
    points = dict(percentile_points([one, other]))
    assert max(points) == 2.0
    assert points[2.0] == pytest.approx(5, rel=0.001)


def test_of_a_rate_that_was_tried_twice_the_better_is_shown() -> None:
    chart = named("Latency by offered rate", charts([Named("", a_result())]))
    assert chart.tables == [[[1_000, 2_000], [100, 100], [200, 8_000], [200, 8_000]]]
    assert chart.lines == [{"x": 1_000, "label": "knee 1,000/s"}]


def test_the_last_window_of_a_rate_is_no_fall() -> None:
    chart = named("Commands a second: open", charts([Named("", a_result())]))
    assert chart.tables == [[[0.0, 0.5], [9.0, 20.0]]]


def test_results_side_by_side_keep_their_colours_and_names() -> None:
    found = charts([Named("A", a_result()), Named("B", a_result())])
    assert [(one.label, one.colour, one.dash) for one in named("Latency over time: open", found).series] == [
        ("A p50", 0, 0),
        ("A p99", 0, 1),
        ("A max", 0, 2),
        ("B p50", 1, 0),
        ("B p99", 1, 1),
        ("B max", 1, 2),
    ]
    assert len({chart.id for chart in found}) == len(found)


def test_a_page_stands_on_its_own_and_takes_nothing_for_markup() -> None:
    text = page([Named("<i>A</i>", a_result()), Named("B", a_result())])
    assert "<i>A" not in text
    assert "1:<2>" not in text
    assert "was <9,000>" not in text
    assert "&lt;9,000&gt;" in text
    assert not re.findall(
        r"(?:src|href)=|@import|url\(", re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    )
    assert "default-src 'none'" in text
    assert "Permission is hereby granted" in text


def test_the_page_of_a_result_is_always_the_same() -> None:
    result = a_result()
    assert page([Named("", result)]) == page([Named("", result)])


def test_what_is_wrong_with_a_result_stands_at_its_head() -> None:
    result = a_result()
    assert '<span class="verdict good">valid' in page([Named("", result)])
    assert result.ramp is not None
    wrong = structs.replace(result, ramp=structs.replace(result.ramp, knee_per_second=0))
    head = page([Named("", wrong)]).partition("</header>")[0]
    assert "not valid" in head
    assert "not even 1,000 commands/s were held" in head


def test_a_result_that_shared_its_machine_is_not_called_valid_without_a_word() -> None:
    result = a_result()
    (repetition,) = result.presets[0].repetitions
    busy = structs.replace(a_measured_run(), others_cpu_share=0.48)
    preset = structs.replace(result.presets[0], repetitions=[structs.replace(repetition, engine=busy)])
    head = page([Named("", structs.replace(result, presets=[preset]))]).partition("</header>")[0]
    assert '<span class="verdict doubtful">valid, disturbed<' in head
    assert "open, engine: others had up to 48% of the machine in its run" in head


def test_a_result_in_which_nothing_was_measured_is_not_valid() -> None:
    result = a_result()
    preset = structs.replace(result.presets[0], repetitions=[])
    empty = structs.replace(result, presets=[], ramp=None, burst=None, soak=None)
    for nothing in (structs.replace(result, presets=[preset]), empty):
        assert not nothing.is_sound
        assert "nothing was measured" in page([Named("", nothing)])


def test_a_server_that_answered_nothing_in_time_is_in_the_report() -> None:
    result = a_result()
    none = a_measured_run(rate=0.0)
    pair = structs.replace(
        result.presets[0].repetitions[0], engine=none, bare=structs.replace(none, target="bare")
    )
    preset = structs.replace(result.presets[0], repetitions=[pair])
    assert page([Named("", structs.replace(result, presets=[preset]))])


def test_what_differs_between_machines_is_marked() -> None:
    other = structs.replace(
        a_result(), environment=structs.replace(a_result().environment, kernel="another one")
    )
    text = page([Named("A", a_result()), Named("B", other)])
    assert re.findall(r"<tr class=differs><td>(.*?)</td>", text) == ["kernel"]
    assert "class=differs" not in page([Named("A", a_result()), Named("B", a_result())])


@pytest.mark.parametrize(
    ("files", "given", "names"),
    [
        (["x/a.json"], None, [""]),
        (["x/a.json", "y/b.json"], None, ["a", "b"]),
        (["x/a.json", "y/a.json"], None, ["1. a", "2. a"]),
        (["x/a.json", "y/b.json"], "before,after", ["before", "after"]),
        (["x/a.json", "y/b.json"], "before", ["before", "b"]),
    ],
)
def test_results_have_names_that_tell_them_apart(
    files: list[str], given: str | None, names: list[str]
) -> None:
    assert names_of([Path(file) for file in files], given) == names


def test_a_report_is_written_beside_its_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.json").write_bytes(msgspec.json.encode(a_result()))
    assert dispatch.main(["report", str(tmp_path / "one.json")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "one.html")
    assert (tmp_path / "one.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"nothing", "no result of `bench load`"),
        (b'{"format": 1}', "format 1, expected 2"),
        (b'{"format": 2}', "no result of `bench load`"),
        (b"[]", "no result of `bench load`"),
    ],
)
def test_what_is_no_result_is_refused(
    content: bytes | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "one.json").write_bytes(content)
    assert dispatch.main(["report", str(tmp_path / "one.json")]) == 2
    assert words in capsys.readouterr().err


def test_a_histogram_that_was_damaged_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one.json"
    (repetition,) = a_result().presets[0].repetitions
    assert repetition.engine is not None
    whole = repetition.engine.histogram
    for found in ("garbage", whole[:20], whole[:-8]):
        path.write_bytes(msgspec.json.encode(a_result()).replace(whole.encode(), found.encode()))
        assert dispatch.main(["report", str(path)]) == 2
        assert f"{path}: open-engine: no histogram" in capsys.readouterr().err


def test_more_results_than_have_colours_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.main(["report", *["one.json"] * 9]) == 2
    assert "9 files, at most 8" in capsys.readouterr().err


async def test_a_browser_draws_every_plot_and_asks_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    results = [Named("A", a_result()), Named("B", a_result())]
    path.write_text(page(results))
    async with chromium() as browser:
        tab = await browser.new_page()
        said: list[str] = []
        asked: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        await tab.goto(path.as_uri())
        drawn = await tab.evaluate("document.documentElement.dataset.drawn")
        canvases = await tab.locator(".plot canvas").count()
        labels = await tab.locator(".plot").evaluate_all(
            "all => all.map(one => one.getAttribute('aria-label'))"
        )
    assert said == []
    assert asked == [path.as_uri()]
    assert int(drawn) == canvases == len(charts(results))
    assert "Latency by offered rate" in labels
