"""The engine as a process, with bounds that a test can reach in no time.

    python -m tests.faults.engine --segment-kib 512 --stall-seconds 0.3 --dead-seconds 1 serve ...

It is `python -m carbonmatch` with segments as small, and a disk that is given up as soon, as asked for.
"""

import argparse
import resource
import sys
from typing import Any
from unittest.mock import patch

from carbonmatch import limits


def run(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.engine")
    parser.add_argument("--segment-kib", type=int, default=512)
    parser.add_argument("--stall-seconds", type=float, default=limits.COMMIT_STALL_SECONDS)
    parser.add_argument("--dead-seconds", type=float, default=limits.COMMIT_DEAD_SECONDS)
    parser.add_argument("--stop-seconds", type=float, help="how long a stop waits for the disk")
    parser.add_argument("--trust", action="store_true", help="wait for the disk in the loop from the start")
    parser.add_argument("--file-bytes-max", type=int, help="RLIMIT_FSIZE once it has started")
    options, rest = parser.parse_known_args(arguments)
    # Before anything takes them from there.
    limits.COMMIT_STALL_SECONDS = options.stall_seconds  # type: ignore[misc]
    limits.COMMIT_DEAD_SECONDS = options.dead_seconds  # type: ignore[misc]
    from carbonmatch.cli import main
    from carbonmatch.server import commit, recovery, service

    if options.stop_seconds is not None:
        service._STOP_SECONDS_MAX = options.stop_seconds  # type: ignore[misc]
    if options.trust:
        commit._IN_A_ROW = 0  # type: ignore[misc]

    def recover_small(storage: Any, history: Any, durable: bool, _: int, **how: bool) -> recovery.Recovered:
        recovered = recovery.recover_venue(storage, history, durable, options.segment_kib * 1024, **how)
        if options.file_bytes_max is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (options.file_bytes_max, resource.RLIM_INFINITY))
        return recovered

    with (
        patch.object(service, "recover_venue", recover_small),
        patch.object(sys, "argv", ["carbonmatch", *rest]),
    ):
        main()


if __name__ == "__main__":
    run(sys.argv[1:])
