"""The engine on a disk that takes so long for each sync, whatever the real one takes besides.

python -m bench.slow_disk --sync-us 500 serve --data-dir /dev/shm/journal
"""

import argparse
import os
import sys
import time
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sync-us", type=int, required=True)
    options, rest = parser.parse_known_args()
    seconds = options.sync_us / 1_000_000
    sync = os.fdatasync

    def slow(fd: Any) -> None:
        if seconds:
            time.sleep(seconds)
        sync(fd)

    # Before the journal takes it from there.
    os.fdatasync = slow
    from carbonmatch.cli import main as carbonmatch

    sys.argv = ["carbonmatch", *rest]
    carbonmatch()


if __name__ == "__main__":
    main()
