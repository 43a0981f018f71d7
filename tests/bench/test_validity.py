"""What makes a run worthless, and that it is found."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.generator import Plan
from bench.runs import DATA, Setup, attach_to, drive_engine, reports_by_tag, started_engine
from bench.validity import check_journal, shortfalls
from bench.workload import Workload, session_frames
from carbonmatch.journal import snapshots
from tests.bench.runs import flat_latency

SESSIONS, COMMANDS = 2, 640


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Path, dict[int, int]]]:
    """The journal of an engine that was driven and stopped, and how many reports of each tag clients got."""
    workload = Workload(SESSIONS, COMMANDS, 16)
    setup = Setup("validity", workload, Plan(16, 2, window_commands=32))
    frames = [session_frames(workload, index) for index in range(SESSIONS)]
    with tempfile.TemporaryDirectory() as name:
        with started_engine(setup, Path(name)) as running:
            run = drive_engine(setup, frames, attach_to(running))
        assert run.problems == []
        assert run.warmup_commands + run.commands == COMMANDS
        yield Path(name) / DATA, reports_by_tag(run.reports)


Played = tuple[Path, dict[int, int]]


def test_an_engine_that_did_right_is_found_right(played: Played) -> None:
    directory, reports = played
    found = check_journal(directory, SESSIONS, COMMANDS, reports)
    assert found.problems == []
    assert (found.commands, found.reports) == (COMMANDS, sum(reports.values()))
    assert found.open_orders > 0


def test_a_report_that_did_not_arrive_is_found(played: Played) -> None:
    directory, reports = played
    tag = next(tag for tag, count in reports.items() if count)
    made = reports[tag]
    [problem] = check_journal(directory, SESSIONS, COMMANDS, {**reports, tag: made - 1}).problems
    assert problem == f"{made:,} reports of tag {tag} are journaled, received were {made - 1:,}"


def test_a_command_that_was_not_applied_is_found(played: Played) -> None:
    directory, reports = played
    [problem] = check_journal(directory, SESSIONS, COMMANDS + 1, reports).problems
    assert problem == "640 commands are in the journal, sent were 641"


def test_a_state_that_the_journal_does_not_give_is_found(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, reports = played
    monkeypatch.setattr("bench.validity.digest", lambda _engine: bytes(32))
    [problem] = check_journal(directory, SESSIONS, COMMANDS, reports).problems
    assert problem.startswith("the engine stopped with the state ")


def test_an_engine_that_did_not_stop_in_order_is_found(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, reports = played
    monkeypatch.setattr(snapshots, "sequences", lambda _storage: [])
    [problem] = check_journal(directory, SESSIONS, COMMANDS, reports).problems
    assert problem.endswith("its newest snapshot is of 0")


def test_a_generator_that_could_not_keep_up_is_said() -> None:
    plan = Plan(1, 0, rate_per_second=1_000)
    assert shortfalls(plan, 1_000, flat_latency(1_000)) == []
    assert shortfalls(plan, 989, flat_latency(1)) == ["989 commands/s, asked for 1,000"]
    assert shortfalls(plan, 1_000, flat_latency(1_001)) == [
        "the generator was 1,001 us late at p99, at most 1,000"
    ]


@pytest.mark.parametrize("plan", [Plan(1, 0, window_commands=1), Plan(1, 0, rate_per_second=5)])
def test_a_generator_that_has_a_whole_core_measures_itself(plan: Plan) -> None:
    lag = None if plan.window_commands else flat_latency(1)
    assert shortfalls(plan, 5, lag, generator_share=0.9) == []
    [words] = shortfalls(plan, 5, lag, generator_share=0.91)
    assert words.startswith("the generator used 91% of a core")
