"""What mutation testing found, against the rate of mutants that the tests have to kill.

    python -m tests.mutants mutants/mutmut-cicd-stats.json

after `mutmut run`; see `make mutants`. Exit status 1 below the rate.
"""

import json
import sys
from pathlib import Path
from typing import Final

KILLED_MIN: Final = 0.9


def main(path: str) -> int:
    stats = json.loads(Path(path).read_text())
    # A mutant that crashes or hangs the tests has been noticed as well.
    killed = stats["killed"] + stats["timeout"] + stats["segfault"]
    rate = killed / stats["total"]
    print(f"{killed:,} of {stats['total']:,} mutants killed: {rate:.1%}, expected {KILLED_MIN:.0%} at least")
    return 0 if rate >= KILLED_MIN else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
