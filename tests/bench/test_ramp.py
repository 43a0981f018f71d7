"""A ramp: which rates it tries, what it calls held, and who gave way."""

from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from bench import load
from bench.ramp import Steps, broken, gave_way, next_rate, ramp_of
from bench.results import RampStep, Result, Run
from bench.workload import Workload
from tests.bench.runs import a_run, flat_latency

STEPS = Steps(start=1_000, factor=2.0, seconds=1.0, most=20, halvings=2, p99_us_max=10_000)


def climb(holds_up_to: int, steps: Steps = STEPS, flukes: tuple[int, ...] = ()) -> list[tuple[int, bool]]:
    """All that is tried where rates up to this one are held, but for the first try of those in `flukes`."""
    tried: list[tuple[int, bool]] = []
    while (rate := next_rate(steps, tried)) is not None and len(tried) < steps.most:
        is_fluke = rate in flukes and (rate, False) not in tried
        tried.append((rate, rate <= holds_up_to and not is_fluke))
    return tried


def knee(tried: list[tuple[int, bool]]) -> int:
    return max((rate for rate, is_held in tried if is_held), default=0)


def test_rates_rise_until_one_is_not_held_twice_and_then_the_gap_is_halved() -> None:
    tried = climb(5_000)
    assert [rate for rate, _ in tried] == [1_000, 2_000, 4_000, 8_000, 8_000, 5_657, 5_657, 4_757]
    assert knee(tried) == 4_757


@pytest.mark.parametrize("limit", [1_000, 1_999, 2_000, 3_333, 70_000])
def test_the_knee_is_within_the_last_halving(limit: int) -> None:
    assert limit / STEPS.factor ** (0.5**STEPS.halvings) * 0.999 <= knee(climb(limit)) <= limit


def test_a_rate_that_failed_once_is_no_knee() -> None:
    tried = climb(5_000, flukes=(2_000,))
    assert (2_000, False) in tried
    assert knee(tried) == 4_757


def test_where_the_first_rate_is_not_held_there_is_nothing_to_look_for() -> None:
    assert climb(500) == [(1_000, False), (1_000, False)]


def test_nothing_above_what_anybody_could_send_is_tried() -> None:
    assert max(rate for rate, _ in climb(10**9)) <= 2_000_000


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (a_run(), []),
        (a_run(p99=10_001), ["p99 was 10,001 us, at most 10,000"]),
        (a_run(last_third=700), ["the queue grew: p50 100 us in the first third, 700 in the last"]),
        (structs.replace(a_run(), invalid=["too late"]), ["too late"]),
    ],
)
def test_a_rate_is_held_where_nothing_speaks_against_it(run: Run, words: list[str]) -> None:
    assert broken(run, 10_000) == words


@pytest.mark.parametrize(
    ("run", "who"),
    [
        (a_run(), "engine"),
        (structs.replace(a_run(), lag=flat_latency(1_001)), "generator"),
        (structs.replace(a_run(), generator_cpu_share=0.91), "generator"),
        (structs.replace(a_run(), others_cpu_share=0.3, lag=flat_latency(1_001)), "machine"),
    ],
)
def test_what_was_at_its_limit_gave_way(run: Run, who: str) -> None:
    assert gave_way(run) == who


def test_a_knee_that_other_work_made_is_no_result() -> None:
    workload = Workload(1, 1, 1)
    held = RampStep(1_000, a_run(), [])
    disturbed = RampStep(2_000, structs.replace(a_run(), others_cpu_share=0.3), ["late"])
    assert ramp_of(workload, 10_000, [held], None).failures == []
    assert "busy with something else" in ramp_of(workload, 10_000, [held, disturbed], None).failures[0]
    assert "not even 2,000" in ramp_of(workload, 10_000, [disturbed], None).failures[0]


def test_a_ramp_of_a_real_engine_ends_with_books_that_its_journal_gives_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "ramp.json"
    arguments = ["ramp", "--sessions", "2", "--start", "200", "--seconds", "0.2", "--steps", "2"]
    files = ["--directory", str(tmp_path), "--json", str(told), "--hgrm", str(tmp_path / "hgrm")]
    load.main([*arguments, *files])
    result = msgspec.json.decode(told.read_bytes(), type=Result)
    assert result.ramp is not None
    assert result.ramp.steps[0].rate_per_second == 200
    assert [step.run.problems for step in result.ramp.steps] == [[], []]
    assert result.ramp.checked is not None
    assert (result.ramp.checked.problems, result.ramp.checked.reports > 0) == ([], True)
    # Each run counts its own commands, and what came before as warm-up.
    assert result.ramp.checked.commands == sum(
        step.run.commands + step.run.warmup_commands for step in result.ramp.steps
    )
    assert (tmp_path / "hgrm" / "ramp-200.hgrm").read_text().split()[:2] == ["Value", "Percentile"]
    assert "knee: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--start", "0"], "--start is 0, expected 1 to"),
        (["--seconds", "31"], "--seconds is 31, expected 0.1 to 30"),
        (["--steps", "41"], "--steps is 41, expected 1 to 40"),
        (["--factor", "1"], "--factor is 1, expected 1.05 to 10"),
        (["--sessions", "0"], "sessions is 0"),
        (["--pin", "0"], "expected cores like 0/1"),
    ],
)
def test_a_ramp_that_has_no_end_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load.main(["ramp", *arguments]) == 2
    assert words in capsys.readouterr().err
