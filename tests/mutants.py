"""What mutation testing found, file by file, against the rate of mutants that the tests have to kill.

    mutmut results --all true | python -m tests.mutants

after `mutmut run`; see `make mutants`. Exit status 1 below the rate, and where nothing was tried.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Final

KILLED_MIN: Final = 0.9
# A mutant that crashes or hangs the tests has been noticed as well.
_NOTICED: Final = frozenset({"killed", "timeout", "segfault"})
_NOT_TRIED: Final = frozenset({"not checked", "skipped"})
_RESULT: Final = re.compile(r"^\s*(?:[\w.]+\.)?(\w+)\.\S+__mutmut_\d+: (.+?)\s*$")


def main(lines: Iterable[str]) -> int:
    tried: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for line in lines:
        found = _RESULT.match(line)
        if found is None:
            continue
        file, result = found.groups()
        if result in _NOT_TRIED:
            left[file] += 1
            continue
        tried[file] += 1
        killed[file] += result in _NOTICED
    for file in sorted(tried):
        print(f"{file}: {_rate(killed[file], tried[file])}")
    if left:
        print(f"not tried: {left.total():,} mutants of {', '.join(sorted(left))}")
    if not tried:
        print("no mutant was tried", file=sys.stderr)
        return 1
    print(f"{_rate(killed.total(), tried.total())}, expected {KILLED_MIN:.0%} at least")
    return 0 if killed.total() >= KILLED_MIN * tried.total() else 1


def _rate(killed: int, tried: int) -> str:
    return f"{killed:,} of {tried:,} mutants killed, {killed / tried:.1%}"


if __name__ == "__main__":
    sys.exit(main(sys.stdin))
