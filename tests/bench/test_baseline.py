"""A result held against an earlier one, where that says anything."""

from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from bench import load
from bench.baseline import advice, doubts, held_against, is_worse, lines, why_refused
from bench.environment import capture
from bench.generator import Plan
from bench.results import FORMAT, PresetResult, Repetition, Result
from bench.runs import Setup
from tests.bench.runs import a_run

ARGUMENTS = ["--preset", "unbatched", "--commands", "50", "--repetitions", "4"]
ENVIRONMENT = structs.replace(
    capture(Path("/tmp"), "server and generator where the kernel puts them"), git_revision="0123456789abcdef"
)


def a_setup(*arguments: str) -> Setup:
    (one,) = load.setups_of(load.parser().parse_args([*ARGUMENTS, *arguments]))
    return one


def a_baseline(p50: float = 100.0, rate: float = 1_000.0, repetitions: int = 4) -> Result:
    """Of an engine so fast, beside a bare server that is always the same."""
    setup = a_setup()
    bare = structs.replace(a_run(), target="bare")
    pairs = [Repetition(a_run(rate, p50), bare, 512, None, 64, None) for _ in range(repetitions)]
    preset = PresetResult("unbatched", setup.workload, "digest", setup.plan, setup.subscribers, pairs, [])
    return Result(FORMAT, [], ENVIRONMENT, (0.0, 0.0, 0.0), presets=[preset])


def test_the_same_load_on_the_same_machine_may_be_compared() -> None:
    # Revision, load average and whether anything was changed may differ: that is what is looked at.
    other = structs.replace(ENVIRONMENT, git_revision="other", git_dirty=True, load_average=(9.0, 9.0, 9.0))
    assert why_refused(other, [a_setup()], a_baseline(), 4) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cpu", "another one"),
        ("kernel", "another one"),
        ("core", "compiled?"),
        ("yardstick", "another one"),
        ("governor", "powersave!"),
        ("journal_filesystem", "tmpfs!"),
        ("packages", {}),
        ("placement", "pinned"),
    ],
)
def test_another_machine_is_refused_and_named(field: str, value: object) -> None:
    other = structs.replace(ENVIRONMENT, **{field: value})
    [why] = why_refused(other, [a_setup()], a_baseline(), 4)
    assert why == f"{field}: {value!r}, there {getattr(ENVIRONMENT, field)!r}"


@pytest.mark.parametrize(
    ("setup", "baseline", "repetitions", "words"),
    [
        (a_setup("--seed", "2"), a_baseline(), 4, "load Workload"),
        (a_setup("--seconds", "9"), a_baseline(), 4, "plan Plan"),
        (a_setup("--subscribers", "2"), a_baseline(), 4, "subscribers 2, there 1"),
        (a_setup("--sync", "relaxed"), a_baseline(), 4, "sync relaxed, there always"),
        (a_setup("--target", "engine"), a_baseline(), 4, "without the bare server"),
        (a_setup(), a_baseline(), 3, "3 repetitions now, at least 4"),
        (a_setup(), a_baseline(repetitions=3), 4, "3 repetitions there, at least 4"),
        (a_setup("--preset", "open"), a_baseline(), 4, "not in the baseline, which has unbatched"),
    ],
)
def test_another_load_is_refused(setup: Setup, baseline: Result, repetitions: int, words: str) -> None:
    assert any(words in why for why in why_refused(ENVIRONMENT, [setup], baseline, repetitions))


def test_a_baseline_that_is_not_valid_is_refused() -> None:
    wrong = a_baseline()
    assert wrong.presets[0].repetitions[0].engine is not None
    wrong.presets[0].repetitions[0].engine.problems.append("an answer is missing")
    assert why_refused(ENVIRONMENT, [a_setup()], wrong, 4) == ["unbatched: the baseline itself is not valid"]


def test_whichever_was_disturbed_is_told() -> None:
    busy = a_baseline()
    (preset,) = busy.presets
    engine = structs.replace(a_run(), others_cpu_share=0.3)
    pairs = [structs.replace(one, engine=engine) for one in preset.repetitions]
    busy = structs.replace(busy, presets=[structs.replace(preset, repetitions=pairs)])
    quiet = a_baseline()
    words = "unbatched, engine: others had up to 30% of the machine in 4 of 4 runs"
    assert doubts(quiet.presets, quiet) == []
    assert doubts(busy.presets, quiet) == [f"  DISTURBED now: {words}"]
    assert doubts(quiet.presets, busy) == [f"  DISTURBED there: {words}"]


@pytest.mark.parametrize(
    ("p50", "rate", "worse"),
    [(100, 1_000, []), (103, 1_000, ["p50"]), (97, 1_030, []), (100, 970, ["time a command (1 / rate)"])],
)
def test_a_figure_that_is_worse_beyond_the_tolerance_is_a_regression(
    p50: float, rate: float, worse: list[str]
) -> None:
    held = held_against(a_baseline(p50, rate).presets, a_baseline())
    assert [one.what for one in held if one.seen.outcome(0.02) == "worse"] == worse
    assert is_worse(held, 0.02) == bool(worse)
    assert not is_worse(held, 0.05)
    assert len(lines(held, 0.02)) == 4


def test_a_rate_that_was_prescribed_is_not_compared() -> None:
    closed = a_baseline()
    preset = structs.replace(closed.presets[0], plan=Plan(1, 0, rate_per_second=1_000))
    held = held_against([preset], structs.replace(closed, presets=[preset]))
    assert [one.what for one in held] == ["p50", "processor time"]


def test_who_is_refused_is_told_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "baseline.json"
    other = structs.replace(a_baseline(), environment=structs.replace(ENVIRONMENT, cpu="another one"))
    path.write_bytes(msgspec.json.encode(other))
    assert load.main([*ARGUMENTS, "--baseline", str(path)]) == 2
    said = capsys.readouterr().err
    assert "cpu: " in said
    assert advice(other, [a_setup()]) in said
    assert "python -m bench compare . 0123456789ab --load unbatched" in said
    assert load.main([*ARGUMENTS, "--baseline", str(tmp_path / "none.json")]) == 2
    assert "No such file" in capsys.readouterr().err
