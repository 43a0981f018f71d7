"""Change the core, and see whether its tests notice.

    python -m tests.mutants --sample 1000 --seed 1

What was found is kept in build/mutants for as long as neither the core nor a test of it changes: the same
command goes on where it was stopped. Exit status 1 where fewer are noticed than should be, 3 where the time
was over before.
"""

import argparse
import hashlib
import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import pytest

from tests.mutants.changes import changes_of
from tests.mutants.mutant import CORE, Mutant, is_meant, sample
from tests.mutants.report import Outcome, Result, report
from tests.mutants.tests_of_core import ARGUMENTS, Recorded, Recorder
from tests.mutants.trials import Asked, Trials

T = TypeVar("T")

_UNFINISHED: Final = 3
# What decides which changes there are and what is noticed: the tests of the core, and what they import.
_SOURCES: Final = ("src/**/*.py", "tests/matching/**/*.py", "tests/*.py")


def main() -> int:
    given = _arguments()
    # Hypothesis draws the same examples each time then.
    os.environ["CI"] = "true"
    until = time.monotonic() + given.minutes * 60
    kept = Path("build/mutants") / _digest()
    kept.mkdir(parents=True, exist_ok=True)
    mutants = _mutants(kept / "mutants")
    population = [mutant for mutant in mutants if is_meant(mutant, given.files, given.only)]
    tried = sample(population, given.sample, given.seed)
    if not _all_recorded(kept / "tests.jsonl", until):
        print("not all tests are recorded yet: the same command goes on")
        return _UNFINISHED
    known = {one.mutant: one for one in _lines(kept / "results.jsonl", Result)}
    left = [mutant for mutant in tried if mutant.name not in known]
    recorded = _lines(kept / "tests.jsonl", Recorded)
    of_use = [one for one in recorded if one.passed]
    print(f"{len(of_use):,} tests, and {len(recorded) - len(of_use):,} that take too long or fail")
    asked = Asked(of_use, given.test_seconds)
    with open(kept / "results.jsonl", "ab") as file:

        def keep(result: Result) -> None:
            known[result.mutant] = result
            _append(file.fileno(), result)

        if left:
            pytest.main(ARGUMENTS, plugins=[Trials(left, asked, keep, until)])
    found = [(mutant, known[mutant.name]) for mutant in tried if mutant.name in known]
    for mutant, result in found:
        if result.outcome is Outcome.SURVIVED:
            print(f"survived {result.tests} tests: {mutant.name}\n{mutant.difference}")
    verdict = report((result for _, result in found), len(population))
    if len(found) < len(tried):
        print(f"{len(tried) - len(found):,} more were to be tried: the same command goes on")
        return _UNFINISHED
    return verdict


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, help="so many by chance, else all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--files", nargs="*", default=[], help="stops blocks.negotiation; clearing is all of it"
    )
    parser.add_argument("--only", nargs="*", default=[], help="mutants by their names")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--test-seconds", type=float, default=10.0, help="of tests for each mutant")
    return parser.parse_args()


def _digest() -> str:
    found = hashlib.sha256()
    for path in sorted(path for pattern in _SOURCES for path in Path().glob(pattern)):
        if not path.match("tests/test_*.py"):
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _mutants(kept: Path) -> list[Mutant]:
    """All that there are; listing them takes half a minute, and goes on where it was stopped."""
    kept.mkdir(exist_ok=True)
    return [mutant for path in sorted(CORE.rglob("*.py")) for mutant in _mutants_of(path, kept)]


def _mutants_of(path: Path, kept: Path) -> list[Mutant]:
    file = kept / f"{'.'.join(path.relative_to(CORE).parts)}.jsonl"
    if not file.exists():
        part = file.with_suffix(".part")
        part.write_bytes(msgspec.json.Encoder().encode_lines(changes_of(path)))
        part.rename(file)
    return _lines(file, Mutant)


def _all_recorded(kept: Path, until: float) -> bool:
    """Record what is left of the tests in another process: theirs may keep what they computed."""
    if kept.with_suffix(".complete").exists():
        return True
    recording = multiprocessing.get_context("fork").Process(target=_record, args=(kept, until))
    recording.start()
    recording.join()
    return recording.exitcode == 0


def _record(kept: Path, until: float) -> None:
    known = {one.test for one in _lines(kept, Recorded)}
    asked = [0]
    with open(kept, "ab") as file:

        def keep(one: Recorded) -> None:
            known.add(one.test)
            _append(file.fileno(), one)

        class Count:
            def pytest_collection_finish(self, session: pytest.Session) -> None:
                asked[0] = len(session.items)

        pytest.main(ARGUMENTS, plugins=[Recorder(known, keep, until), Count()])
    if not asked[0] or len(known) < asked[0]:
        sys.exit(1)
    kept.with_suffix(".complete").touch()


def _lines(kept: Path, kind: type[T]) -> list[T]:
    return msgspec.json.Decoder(kind).decode_lines(kept.read_bytes()) if kept.exists() else []


def _append(file: int, one: msgspec.Struct) -> None:
    os.write(file, msgspec.json.encode(one) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
