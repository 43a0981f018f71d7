"""Our engine plays one flow, from whichever build is on the path: run by `bench.peers.cores`.

    python -m bench.peers.engine_worker WORKLOAD BOOKS

prints a line of JSON as `bench.peers.worker` does. Commands come from bytes of the wire, 64 an entry.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from bench.compare_worker import Played, entries_of, play
from bench.core import timed
from bench.peers.flow import trades_of
from bench.peers.worker import digest
from carbonmatch.matching.engine import Engine


def measure(path: Path, books: int) -> dict[str, Any]:
    before, after = msgspec.msgpack.decode(path.read_bytes(), type=tuple[Played, Played])
    before_entries = entries_of(before, 1)
    entries = entries_of(after, 1 + sum(len(commands) for _, commands in before))
    spent = []
    for _ in range(books):
        engine = Engine()
        play(engine, before_entries)
        spent.append(timed(engine, entries))
    return {"version": "", "ns": spent, "trades": digest(trades_of(before_entries, entries)), "note": ""}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
