"""One change after the other, each in a process of its own: is there a test that notices?"""

import __future__

import gc
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings
from msgspec import Struct

from tests.mutants.mutant import Mutant, file_of
from tests.mutants.report import Outcome, Result
from tests.mutants.tests_of_core import Recorded

# A test that takes so much longer than it did is taken for one that never ends; what it took was recorded
# with the lines, which costs about as much again.
_TIMES_AS_LONG: Final = 10
_SECONDS_MORE: Final = 2.0
# Nothing in the core waits. Should a change make it, the process must not be waited for.
_WAITED_SECONDS_MAX: Final = 600
# A change that makes the core keep all it sees ends as an error, before the machine has no memory.
_FURTHER_BYTES_MAX: Final = 2**30


_NOT_MADE: Final = 77


class Candidate(Struct, frozen=True):
    """A test that runs the changed lines."""

    test: str
    seconds: float


class Asked:
    """Which tests to ask about a change, and in which order."""

    def __init__(self, recorded: Iterable[Recorded], seconds_max: float) -> None:
        self._seconds_max = seconds_max
        self._by_line: dict[tuple[str, int], list[Candidate]] = defaultdict(list)
        self._killers: dict[str, Counter[str]] = defaultdict(Counter)
        for one in recorded:
            candidate = Candidate(one.test, one.seconds)
            for path, lines in one.lines.items():
                for line in lines:
                    self._by_line[path, line].append(candidate)

    def noticed(self, mutant: Mutant, test: str) -> None:
        self._killers[mutant.module][test] += 1

    def about(self, mutant: Mutant) -> list[Candidate]:
        """The quick ones, up to so many seconds; those first of them that noticed other changes of the file.

        What only longer ones would notice counts as unnoticed: the rate that is reported is never too good.
        """
        path = f"src/{mutant.module.replace('.', '/')}.py"
        found = {one.test: one for line in mutant.lines for one in self._by_line.get((path, line), [])}
        killers = self._killers[mutant.module]
        asked: list[Candidate] = []
        seconds = 0.0
        for one in sorted(found.values(), key=lambda one: (one.seconds, one.test)):
            seconds += one.seconds
            if asked and seconds > self._seconds_max:
                break
            asked.append(one)
        return sorted(asked, key=lambda one: (-killers[one.test], one.seconds, one.test))


class Trials:
    """A plugin of pytest, which runs no tests here but in its children."""

    def __init__(
        self, mutants: list[Mutant], asked: Asked, keep: Callable[[Result], None], until: float
    ) -> None:
        self._mutants = mutants
        self._asked = asked
        self._keep = keep
        self._until = until
        self._is_child = False
        self._passes_unchanged: dict[str, bool] = {}

    def pytest_configure(self) -> None:
        # Before the tests are imported, which take their settings from these. Nobody reads a smaller example.
        settings.register_profile("mutants", settings(), phases=[Phase.explicit, Phase.reuse, Phase.generate])
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        gc.collect()
        # What the children share with us stays shared.
        gc.freeze()
        for mutant in self._mutants:
            if time.monotonic() > self._until:
                break
            self._keep(self._result(mutant, items))
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """The first failure decides, and is not worth a report."""
        if not self._is_child or call.excinfo is None:
            return
        if not isinstance(call.excinfo.value, pytest.skip.Exception):
            os._exit(1)

    def _result(self, mutant: Mutant, items: dict[str, pytest.Item]) -> Result:
        started = time.monotonic()
        tests = [one for one in self._asked.about(mutant) if one.test in items]
        while True:
            outcome, test = self._tried(mutant, tests, items)
            if outcome is Outcome.SURVIVED or test is None or self._passes(test, items):
                break
            print(f"{test.test} fails without a change, and is not asked again", file=sys.stderr)
            tests = [one for one in tests if self._passes_unchanged.get(one.test, True)]
        if test is not None and outcome is not Outcome.SURVIVED:
            self._asked.noticed(mutant, test.test)
        by = test.test if test and outcome is not Outcome.SURVIVED else None
        seconds = round(time.monotonic() - started, 2)
        return Result(mutant.name, file_of(mutant), outcome, by, len(tests), seconds)

    def _passes(self, test: Candidate, items: dict[str, pytest.Item]) -> bool:
        """Whether a test passes by itself where nothing is changed: else it has not noticed anything."""
        if test.test not in self._passes_unchanged:
            outcome, _ = self._tried(None, [test], items)
            self._passes_unchanged[test.test] = outcome is Outcome.SURVIVED
        return self._passes_unchanged[test.test]

    def _tried(
        self, mutant: Mutant | None, tests: list[Candidate], items: dict[str, pytest.Item]
    ) -> tuple[Outcome, Candidate | None]:
        """What came of it, and the test that ran last."""
        if not tests:
            return Outcome.SURVIVED, None
        told, telling = os.pipe()
        child = os.fork()
        if not child:
            os.close(told)
            self._is_child = True
            self._run(mutant, tests, items, telling)
        os.close(telling)
        with open(told, "rb") as pipe:
            begun = pipe.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code != _NOT_MADE, f"{mutant.name if mutant else 'nothing'} could not be changed"
        last = tests[len(begun) - 1] if begun else None
        if code == 0:
            return Outcome.SURVIVED, last
        is_late = code in (-signal.SIGPROF, -signal.SIGALRM)
        return Outcome.TIMED_OUT if is_late else Outcome.KILLED, last

    def _run(
        self, mutant: Mutant | None, tests: list[Candidate], items: dict[str, pytest.Item], telling: int
    ) -> None:
        """The whole life of a child: the change is made, and the tests are run until one fails."""
        try:
            if mutant is not None:
                make(mutant)
            _be_quiet()
            _bound()
        except BaseException:
            # Of no test: it must not count as noticed.
            traceback.print_exc()
            os._exit(_NOT_MADE)
        try:
            for place, one in enumerate(tests):
                os.write(telling, b".")
                signal.setitimer(signal.ITIMER_PROF, _SECONDS_MORE + _TIMES_AS_LONG * one.seconds)
                following = items[tests[place + 1].test] if place + 1 < len(tests) else None
                runtestprotocol(items[one.test], log=False, nextitem=following)
            os._exit(0)
        except BaseException:
            # What stops pytest itself has been noticed as well.
            os._exit(1)


def make(mutant: Mutant) -> None:
    """Give the function its changed code, wherever it was imported to."""
    module = sys.modules[mutant.module]
    names = dict(vars(module))
    holder: Any = module
    if mutant.class_name is not None:
        holder = vars(module)[mutant.class_name]
        names |= vars(holder)
    function = vars(holder)[mutant.function_name]
    function = getattr(function, "__func__", function)
    # Inside of another function, as super() needs the class from around it.
    inside = "\n".join(f"    {line}" for line in mutant.source.strip("\n").splitlines())
    source = f"def around(__class__):\n{inside}\n    return {mutant.function_name}\n"
    flags = __future__.annotations.compiler_flag
    exec(compile(source, mutant.name, "exec", flags, dont_inherit=True), names)
    changed = names["around"](None)
    _make_inside(function.__code__, changed.__code__)
    function.__code__ = changed.__code__
    function.__defaults__ = changed.__defaults__
    function.__kwdefaults__ = changed.__kwdefaults__


def _make_inside(before: CodeType, after: CodeType) -> None:
    """Give functions that this one has returned already, as decorators do at import, their changed code."""
    functions = [[one for one in code.co_consts if isinstance(one, CodeType)] for code in (before, after)]
    for one, changed in zip(*functions, strict=False):
        if (one.co_name, one.co_freevars) == (changed.co_name, changed.co_freevars):
            # What is frozen nobody finds.
            gc.unfreeze()
            for holder in gc.get_referrers(one):
                if isinstance(holder, FunctionType):
                    holder.__code__ = changed


def _be_quiet() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def _bound() -> None:
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    bound = pages * resource.getpagesize() + _FURTHER_BYTES_MAX
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for late in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(late, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, _WAITED_SECONDS_MAX)
