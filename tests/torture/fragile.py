"""An engine that kills itself, for the moments which a kill from outside does not hit.

    python -m tests.torture.fragile --segment-kib 1024 --die-at 17 serve ...

It is `python -m carbonmatch` with segments as small as asked for, and with a storage that sends SIGKILL
to its own process instead of making the n-th of the calls that change the directory: to make, rename,
remove a file, or to sync the directory. Those happen at start-up, when a segment is full, when the next
one is made, and at a stop.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Final
from unittest.mock import patch

from carbonmatch.cli import main
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.server import recovery, service
from tests.torture.plants import PLANTS

_RARE_CALLS: Final = ("create", "rename", "remove", "fsync_dir")


class Fuse:
    """Counts calls over all threads; the last one is not made any more."""

    def __init__(self, calls: int) -> None:
        self._left = calls
        self._lock = threading.Lock()

    def burn(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def fragile_storage(fuse: Fuse) -> None:
    def before(name: str) -> Any:
        call = getattr(DiskStorage, name)

        def fused(*arguments: Any) -> Any:
            fuse.burn()
            return call(*arguments)

        return fused

    for name in _RARE_CALLS:
        setattr(DiskStorage, name, before(name))


def run(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.fragile")
    parser.add_argument("--segment-kib", type=int, default=0, help="of a new journal; 0: as configured")
    parser.add_argument("--die-at", type=int, default=0, help="which call is its last; 0: none")
    parser.add_argument("--plant", choices=PLANTS, help="a fault to begin with")
    options, rest = parser.parse_known_args(arguments)
    if options.die_at:
        fragile_storage(Fuse(options.die_at))

    if options.plant:
        PLANTS[options.plant]()
    # A plant may have its own.
    recover_venue: Callable[..., recovery.Recovered] = getattr(service, "recover_venue")  # noqa: B009

    def recover_small(
        storage: Any, history: Any, durable: bool, segment_bytes: int, **how: bool
    ) -> recovery.Recovered:
        return recover_venue(storage, history, durable, options.segment_kib * 1024 or segment_bytes, **how)

    with (
        patch.object(service, "recover_venue", recover_small),
        patch.object(sys, "argv", ["carbonmatch", *rest]),
    ):
        main()


if __name__ == "__main__":
    run(sys.argv[1:])
