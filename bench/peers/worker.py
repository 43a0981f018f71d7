"""One engine plays one flow, in the Python that it wants, in a process of its own: for `bench.peers.cores`.

    python -m bench.peers.worker NAME FLOW BOOKS

prints a line of JSON: nanoseconds a command of each of so many fresh books, and the trades as a digest; or
that the engine is absent, and why.
"""

import gc
import json
import sys
import time
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.peers.adapters import ADAPTERS, Adapter, Call, Step


def measure(name: str, flow: dict[str, Any], books: int) -> dict[str, Any]:
    kind = ADAPTERS[name]
    try:
        adapter: Adapter = kind(True)
    except (ImportError, OSError) as error:
        return {"absent": f"{kind.package}: {error}"}
    adapter.results = [call(*given) for call, given in adapter.calls(flow["before"] + flow["timed"])]
    trades = adapter.trades()
    return {
        "version": _version(kind.package),
        "ns": [timed(kind, flow["before"], flow["timed"]) for _ in range(books)],
        "trades": None if trades is None else digest(trades),
        "note": kind.note,
    }


def timed(kind: type[Adapter], before: list[Step], steps: list[Step]) -> float:
    """Nanoseconds of this thread for a step, the garbage collector off, as for our own engine."""
    adapter = kind(False)
    play(adapter.calls(before))
    calls = adapter.calls(steps)
    gc.collect()
    gc.freeze()
    gc.disable()
    began_ns = time.thread_time_ns()
    play(calls)
    spent_ns = time.thread_time_ns() - began_ns
    gc.enable()
    gc.unfreeze()
    return spent_ns / len(steps)


def play(calls: list[Call]) -> None:
    for call, given in calls:
        call(*given)


def digest(trades: list[tuple[int, int, int, int]]) -> str:
    return sha256(json.dumps(trades).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3]))))
