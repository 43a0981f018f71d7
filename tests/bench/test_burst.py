"""The compliance cycle in a minute: its shape, its phases, and when it is over."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench import load
from bench.burst import burst_of, cycle, phases_of, plan_of, recovery_seconds
from bench.results import Result
from carbonmatch.launch import figures

MS = 1_000_000


def test_the_shape_is_that_of_the_published_totals() -> None:
    days = cycle()
    assert sum(one.days for one in days) == 114
    whole = next(one.tonnes for one in figures.NATIONAL if (one.name, one.section) == ("first cycle", "all"))
    # What the division into days leaves is less than a tonne a day.
    assert 0 <= whole - sum(one.days * one.tonnes_per_day for one in days) < 114
    assert (days[0].name, days[0].tonnes_per_day) == ("16 Jul", 4_100_000)
    assert (days[-1].name, days[-1].days) == ("27 Dec to 31 Dec", 5)
    assert days[-1].tonnes_per_day == 28_070_512 // 5
    # Four fifths of the volume in the last fifth of the days.
    assert sum(one.days for one in days[-3:]) == 25
    assert sum(one.days * one.tonnes_per_day for one in days[-3:]) > 0.79 * whole


def test_rates_are_in_proportion_to_volume_and_days_to_time() -> None:
    phases = phases_of(10_000, 57.0)
    assert max(phase.rate_per_second for phase in phases) == 10_000
    busiest = max(phases, key=lambda phase: phase.tonnes_per_day)
    for phase in phases[:-1]:
        assert abs(phase.rate_per_second - 10_000 * phase.tonnes_per_day / busiest.tonnes_per_day) <= 0.5
        assert phase.seconds == pytest.approx(phase.days / 2)
    assert phases[-1].begin_seconds == pytest.approx(57)
    assert phases[-1].rate_per_second == min(phase.rate_per_second for phase in phases)


def test_the_burst_is_the_weeks_before_the_deadline_and_not_the_opening() -> None:
    phases = phases_of(10_000, 57.0)
    begin, end = burst_of(phases)
    assert [phase.name for phase in phases[begin:end]] == [
        "29 Nov to 14 Dec",
        "15 Dec to 24 Dec",
        "27 Dec to 31 Dec",
    ]


def test_the_plan_begins_with_a_second_that_does_not_count() -> None:
    phases = phases_of(8_000, 57.0)
    plan = plan_of(phases, sessions=4, frame_commands=1)
    assert plan.steps[0].rate_per_second == phases[-1].rate_per_second
    assert plan.warmup_frames == phases[-1].rate_per_second // 4
    assert len(plan.steps) == len(phases) + 1
    assert plan.problem() == ""


@pytest.mark.parametrize(
    ("slow_until_ms", "expected"), [(0, 0.0), (100, 0.25), (600, 0.75), (3_900, None), (10_000, None)]
)
def test_the_burst_is_over_when_a_second_was_calm(slow_until_ms: int, expected: float | None) -> None:
    due = np.arange(0, 4_000, 10)
    took = np.where(due < slow_until_ms, 50, 1)
    assert recovery_seconds(due * MS, took * MS, calm_us=2_000) == expected


def test_a_relapse_is_no_recovery() -> None:
    due = np.arange(0, 4_000, 10)
    took = np.where((due < 300) | (due == 1_200), 50, 1)
    assert recovery_seconds(due * MS, took * MS, calm_us=2_000) == 1.25


def test_where_nothing_was_due_nothing_is_calm() -> None:
    nothing = np.array([], np.int64)
    assert recovery_seconds(nothing, nothing, calm_us=1) is None


def test_a_cycle_is_played_on_a_real_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = tmp_path / "burst.json"
    arguments = ["burst", "--seconds", "2", "--peak", "1000", "--sessions", "2", "--json", str(told)]
    load.main([*arguments, "--directory", str(tmp_path)])
    burst = msgspec.json.decode(told.read_bytes(), type=Result).burst
    assert burst is not None
    assert burst.run.problems == []
    assert burst.run.checked is not None
    assert sum(phase.latency.count for phase in burst.phases) == burst.run.commands
    # Rounding to whole frames leaves a few to the phase beside.
    for phase in burst.phases:
        assert abs(phase.latency.count - phase.rate_per_second * phase.seconds) <= 4
    assert "after the deadline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--peak", "1"], "--peak is 1, expected 100 to"), (["--seconds", "1000"], "--seconds is 1000")],
)
def test_a_burst_without_bounds_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load.main(["burst", *arguments]) == 2
    assert words in capsys.readouterr().err
