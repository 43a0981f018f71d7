"""What a soak calls a drift."""

from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from bench import load
from bench.results import Result, SoakWindow
from bench.soak import WATCHED, Length, Windows, drift, growth_mib_per_hour, invalid_of, slope_per_hour

CALM = SoakWindow(
    begin_seconds=0.0,
    seconds=10.0,
    commands=1_000,
    rate_per_second=100,
    p50_us=500.0,
    p99_us=2_000.0,
    max_us=9_000.0,
    lag_p99_us=100.0,
    server_cpu_us_per_command=20.0,
    others_cpu_share=0.0,
    resident_mib=60.0,
    open_files=30,
    threads=3,
    journal_mib=64.0,
)


def windows(field: str = "p50_us", values: list[float] | None = None) -> list[SoakWindow]:
    values = values or [getattr(CALM, field)] * 9
    return [
        structs.replace(CALM, begin_seconds=10.0 * at, **{field: value}) for at, value in enumerate(values)
    ]


def test_what_stays_as_it_is_does_not_drift() -> None:
    assert [drift(windows(), watched).failed for watched in WATCHED] == [False] * len(WATCHED)


@pytest.mark.parametrize(
    ("what", "field", "first", "most"),
    [
        ("resident memory", "resident_mib", 60.0, 67.0),
        ("open files", "open_files", 30, 32),
        ("threads", "threads", 3, 3),
        ("p50", "p50_us", 500.0, 950.0),
        ("p99", "p99_us", 2_000.0, 5_000.0),
        ("processor time a command", "server_cpu_us_per_command", 20.0, 26.0),
    ],
)
def test_more_than_the_limit_in_the_last_third_is_a_drift(
    what: str, field: str, first: float, most: float
) -> None:
    [watched] = [one for one in WATCHED if one.what == what]
    held = drift(windows(field, [first] * 6 + [most] * 3), watched)
    assert (held.first, held.last, held.failed) == (first, most, False)
    assert held.limit == pytest.approx(most)
    assert drift(windows(field, [first] * 6 + [most + 1] * 3), watched).failed


def test_one_bad_window_is_no_drift() -> None:
    [p99] = [one for one in WATCHED if one.what == "p99"]
    assert not drift(windows("p99_us", [2_000.0] * 8 + [90_000.0]), p99).failed


def test_a_slope_is_that_of_most_windows() -> None:
    seconds = [0.0, 10.0, 20.0, 30.0, 40.0]
    assert slope_per_hour(seconds, [1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(360)
    assert slope_per_hour(seconds, [1.0, 2.0, 300.0, 4.0, 5.0]) == pytest.approx(360)
    assert growth_mib_per_hour(windows("journal_mib", [64.0, 65.0, 66.0])) == pytest.approx(360)


def test_a_soak_that_was_not_the_load_it_claims_to_be_is_invalid() -> None:
    seen = Windows()
    assert invalid_of(seen) == ["no window was measured"]
    seen.windows = windows()
    seen.invalid = [[]] * 9
    assert invalid_of(seen) == []
    seen.invalid = [["too late"], *[[]] * 8]
    assert invalid_of(seen) == ["1 of 9 windows were not valid, at last: too late"]
    seen.invalid = [[]] * 9
    seen.windows = windows("others_cpu_share", [0.3] * 5 + [0.0] * 4)
    assert invalid_of(seen) == ["in 5 of 9 windows others had more than 10% of the machine"]


def test_a_quarter_at_most_is_warm_up() -> None:
    assert Length(1, 10.0, 600.0, 60.0).warmup_windows == 6
    assert Length(1, 10.0, 120.0, 60.0).warmup_windows == 3
    assert Length(1, 10.0, 120.0, 60.0).problem() == ""
    assert Length(1, 10.0, 100.0, 60.0).problem() == (
        "100 s leave 8 windows of 10 s behind the warm-up, expected at least 9"
    )


def test_a_real_engine_is_soaked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = tmp_path / "soak.json"
    arguments = ["soak", "--rate", "400", "--seconds", "1.2", "--window", "0.1", "--sessions", "2"]
    load.main([*arguments, "--directory", str(tmp_path), "--json", str(told)])
    soak = msgspec.json.decode(told.read_bytes(), type=Result).soak
    assert soak is not None
    assert len(soak.windows) == 9
    assert soak.problems == []
    assert soak.checked is not None
    assert soak.checked.commands == 12 * 40
    assert all(window.open_files > 5 and window.resident_mib > 10 for window in soak.windows)
    assert all(window.journal_mib > 1 for window in soak.windows)
    assert "resident memory" in capsys.readouterr().out


def test_a_soak_that_is_too_short_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert load.main(["soak", "--seconds", "60"]) == 2
    assert "expected at least 9" in capsys.readouterr().err
