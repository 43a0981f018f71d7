"""`make mutants`: which changes are tried, what was noticed, and what that says of the rest."""

import ast
import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.mutants.mutant import Mutant, is_meant, sample
from tests.mutants.report import Outcome, Result, report, wilson
from tests.mutants.statements import statement_lines
from tests.mutants.tests_of_core import Recorded
from tests.mutants.trials import Asked


def results(file: str = "stops", **counts: int) -> list[Result]:
    outcomes = [Outcome[name.upper()] for name, count in counts.items() for _ in range(count)]
    return [
        Result(f"{file}.{number}", file, outcome, None, 3, 0.1) for number, outcome in enumerate(outcomes)
    ]


def test_nine_of_ten_are_enough_where_all_were_tried_and_fewer_are_not() -> None:
    assert report(results(killed=9, survived=1), population=10) == 0
    assert report(results(killed=89, survived=11), population=100) == 1


def test_nine_of_ten_are_not_enough_in_a_sample_as_the_lower_end_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert report(results(killed=900, survived=100), population=16_000) == 1
    assert "of all 16,000, 88.0% to 91.7%" in capsys.readouterr().out
    assert report(results(killed=930, survived=70), population=16_000) == 0
    assert "of all 16,000, 91.2% to 94.4%" in capsys.readouterr().out


def test_what_keeps_the_tests_from_ending_was_noticed_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(results(killed=8, timed_out=1, survived=1), population=10) == 0
    assert "9 of 10 mutants killed, 90.0% (8 killed, 1 timed out, 1 survived)" in capsys.readouterr().out


def test_each_file_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    found = [*results("stops", killed=3), *results("book", killed=1, survived=1)]
    assert report(found, population=5) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("book: 1 of 2 mutants killed, 50.0%")
    assert lines[1].startswith("stops: 3 of 3 mutants killed, 100.0%")
    assert lines[2].startswith("all: 4 of 5 mutants killed, 80.0%")


def test_where_none_was_tried_nothing_is_shown() -> None:
    assert report([], population=10) == 1


@pytest.mark.parametrize(
    ("noticed", "tried", "interval"),
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3.
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_the_interval_is_that_of_the_published_examples(
    noticed: int, tried: int, interval: tuple[float, float]
) -> None:
    assert wilson(noticed, tried) == pytest.approx(interval, abs=0.00005)


def mutant(name: str, source: str = "", lines: tuple[int, ...] = (1,)) -> Mutant:
    module, _, function = name.rpartition(".")
    return Mutant(f"{name}.1", module, None, function, source, list(lines), "")


def recorded(test: str, seconds: float, *lines: int, path: str = "src/toy.py") -> Recorded:
    return Recorded(test, seconds, True, {path: list(lines)})


def test_a_sample_is_the_same_for_its_seed_and_another_one_for_another() -> None:
    all_of_them = [mutant(f"toy.f{number}") for number in range(1000)]
    assert sample(all_of_them, 100, seed=1) == sample(all_of_them, 100, seed=1)
    assert sample(all_of_them, 100, seed=1) != sample(all_of_them, 100, seed=2)
    assert len({one.name for one in sample(all_of_them, 100, seed=1)}) == 100
    assert len(sample(all_of_them, None, seed=1)) == 1000


def test_a_directory_means_all_of_its_files_and_no_others() -> None:
    meant = mutant("carbonmatch.matching.clearing.cash.take")
    assert is_meant(meant, ["clearing"], [])
    assert is_meant(meant, ["stops", "clearing.cash"], [])
    assert not is_meant(meant, ["clear", "clearing.cas"], [])
    assert not is_meant(meant, [], ["carbonmatch.matching.clearing.cash.take.2"])


def test_only_tests_that_run_a_changed_line_are_asked_and_the_quick_ones_first() -> None:
    asked = Asked([recorded("slow", 0.5, 2), recorded("other", 0.1, 4), recorded("quick", 0.1, 2, 3)], 10.0)
    assert [one.test for one in asked.about(mutant("toy.f", lines=(2, 3)))] == ["quick", "slow"]
    assert asked.about(mutant("other.f", lines=(2, 3))) == []


def test_a_test_that_noticed_other_changes_of_the_file_is_asked_before_quicker_ones() -> None:
    asked = Asked([recorded("quick", 0.1, 2), recorded("sharp", 0.5, 2)], 10.0)
    asked.noticed(mutant("toy.g"), "sharp")
    assert [one.test for one in asked.about(mutant("toy.f", lines=(2,)))] == ["sharp", "quick"]


def test_no_more_seconds_of_tests_are_asked_for_than_were_given() -> None:
    asked = Asked([recorded(str(number), 0.4, 2) for number in range(9)], 1.0)
    assert len(asked.about(mutant("toy.f", lines=(2,)))) == 2


# What a child of its own does with changes of these, and with tests of them.
TOY = """
class Counter:
    def __init__(self): self.count = 0

class Toy(Counter):
    def __init__(self): super().__init__()

def at_least(found, least): return found >= least
def down(count):
    while count: count -= 1
    return count
def doubled(handler):
    return lambda count: handler(2 * count)
@doubled
def next_of(count): return count + 1
"""
TESTS = """
from toy import Toy, at_least, down, next_of
def test_quick(): assert at_least(2, 1)
def test_limit(): assert at_least(1, 1)
def test_down(): assert down(3) == 0
def test_class(): assert Toy().count == 0
def test_inside(): assert next_of(3) == 7
def test_fails_anyway(): assert False
"""
TRY = """
import sys, pytest
from tests.mutants import trials
from tests.mutants.mutant import Mutant
from tests.mutants.tests_of_core import Recorded
trials._SECONDS_MORE = 0.2
tests = ["fails_anyway", "quick", "limit", "down", "class", "inside"]
ran = {"src/toy.py": [1]}
asked = trials.Asked([Recorded(f"toy_test.py::test_{one}", 0.0, True, ran) for one in tests], 9.0)
changes = {
    "at_least": (None, "at_least", "def at_least(found, least): return found > least"),
    "same": (None, "at_least", "def at_least(found, least): return not found < least"),
    "down": (None, "down", "def down(count):\\n    while True: count -= 1"),
    "class": ("Toy", "__init__", "def __init__(self):\\n    super().__init__()\\n    self.count = 1"),
    "inside": (None, "doubled", "def doubled(handler):\\n    return lambda count: handler(count)"),
    "end": (None, "down", "def down(count):\\n    raise SystemExit"),
}
mutants = [Mutant(name, "toy", *change, [1], "") for name, change in changes.items()]
keep = lambda result: print(result.mutant, result.outcome.value, result.test, sep=", ")
pytest.main(["toy_test.py", "-qq", "--disable-warnings"], plugins=[trials.Trials(mutants, asked, keep, 1e12)])
"""


def test_what_a_test_notices_was_killed_and_what_none_does_has_survived(tmp_path: Path) -> None:
    for name, text in {"toy.py": TOY, "toy_test.py": TESTS, "try.py": TRY}.items():
        (tmp_path / name).write_text(text)
    paths = f"{tmp_path}:{Path.cwd()}:{Path.cwd() / 'src'}"
    environment = os.environ | {"PYTHONPATH": paths, "CI": "true"}
    found = subprocess.run(
        [sys.executable, "try.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip().splitlines() == [
        "at_least, killed, toy_test.py::test_limit",
        "same, survived, None",
        "down, timed out, toy_test.py::test_down",
        "class, killed, toy_test.py::test_class",
        "inside, killed, toy_test.py::test_inside",
        "end, killed, toy_test.py::test_down",
    ]
    assert "toy_test.py::test_fails_anyway fails without a change" in found.stderr


def test_a_change_is_the_one_that_mutmut_would_make() -> None:
    """Cut into the text here, written from the whole tree there."""
    file_mutation = pytest.importorskip("mutmut.mutation.file_mutation", reason="of the extra mutants")
    changes_of = importlib.import_module("tests.mutants.changes").changes_of
    path = Path("src/carbonmatch/matching/guards.py")
    ours = [ast.dump(ast.parse(one.source)) for one in changes_of(path)]
    tree, mutations, _, _ = file_mutation.create_mutations(str(path), path.read_text())
    changes = file_mutation.group_by_top_level_node(mutations)
    theirs = [
        ast.dump(
            ast.parse(
                textwrap.dedent(
                    tree.code_for_node(
                        file_mutation.deep_replace(function, change.original_node, change.mutated_node)
                    )
                )
            )
        )
        for function in [node for top in tree.body for node in (top, *getattr(top.body, "body", []))]
        for change in changes.get(function, [])
    ]
    assert ours == theirs
    assert len(ours) > 50


def test_the_lines_of_a_statement_belong_together_and_those_inside_of_it_do_not() -> None:
    lines = statement_lines(
        "def f(a):\n    if (a\n            > 1):\n        g(a,\n          1)\n    return a\n"
    )
    assert lines == {2: [2, 3], 3: [2, 3], 4: [4, 5], 5: [4, 5], 6: [6]}
