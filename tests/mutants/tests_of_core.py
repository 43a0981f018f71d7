"""Which lines of the core each test runs, and how long it takes.

Only a test that runs a changed line may notice the change, and the quick ones are asked first.
"""

import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import coverage
import pytest
from _pytest.runner import runtestprotocol
from msgspec import Struct

from tests.mutants.mutant import CORE

ARGUMENTS: Final = [
    "tests/matching",
    # Counts instructions, which the recording adds to.
    "--ignore=tests/matching/test_cost.py",
    # Messages of failed assertions cost more than the tests: nobody reads them here.
    "--assert=plain",
    "--tb=no",
    "--capture=no",
    "-qq",
    "--no-summary",
    "--disable-warnings",
    "-pno:cacheprovider",
    "--override-ini=timeout=0",
]

# A test that takes longer is not asked about any change, as if it were not there: it would be asked about
# thousands. The rate is not the better for that.
_SECONDS_MAX: Final = 1.5


# What was recorded is kept after so many.
_TESTS_AT_ONCE: Final = 50


class Recorded(Struct, frozen=True):
    test: str
    # Of the processor, with the recording.
    seconds: float
    # Neither failed nor took too long.
    passed: bool
    # By the path of the file.
    lines: dict[str, list[int]]


class Recorder:
    """Runs the tests that are not `known` yet until the time is over, and gives what each ran to `keep`."""

    def __init__(self, known: set[str], keep: Callable[[Recorded], None], until: float) -> None:
        self._known = known
        self._keep = keep
        self._until = until

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        measured = coverage.Coverage(data_file=None, config_file=False, include=[f"{CORE}/*"])
        signal.signal(signal.SIGPROF, _end_test)
        left = [item for item in session.items if item.nodeid not in self._known]
        for first in range(0, len(left), _TESTS_AT_ONCE):
            if time.monotonic() > self._until:
                break
            self._record(left[first : first + _TESTS_AT_ONCE], measured)
        return True

    def _record(self, items: list[pytest.Item], measured: coverage.Coverage) -> None:
        ran: dict[str, tuple[float, bool]] = {}
        measured.erase()
        measured.start()
        for item in items:
            measured.switch_context(item.nodeid)
            ran[item.nodeid] = _run(item)
        measured.stop()
        lines = _lines_by_test(measured.get_data(), ran)
        for test, (seconds, passed) in ran.items():
            self._keep(Recorded(test, seconds, passed, lines[test]))


def _run(item: pytest.Item) -> tuple[float, bool]:
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, _SECONDS_MAX)
    reports = runtestprotocol(item, log=False, nextitem=None)
    signal.setitimer(signal.ITIMER_PROF, 0)
    return round(time.process_time() - started, 4), not any(report.failed for report in reports)


class TooLongError(BaseException):
    """Of no kind that a test or Hypothesis would catch."""


def _end_test(number: int, frame: object) -> None:
    raise TooLongError


def _lines_by_test(data: Any, tests: Iterable[str]) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = {test: {} for test in tests}
    here = Path.cwd()
    for file in data.measured_files():
        path = str(Path(file).relative_to(here))
        for line, contexts in data.contexts_by_lineno(file).items():
            for test in contexts:
                if test:
                    found[test].setdefault(path, []).append(line)
    return found
