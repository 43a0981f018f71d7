"""One measurement of one checkout, for `bench compare`: whichever engine is on the path plays a workload.

    python -P bench/compare_worker.py WORKLOAD ENGINES TIMED

prepares so many engines, lets so many of them play what is measured, and prints a line of JSON. It asks for
nothing of the engine but what every version has had: commands are decoded from the bytes of the wire.
"""

import gc
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import AnyCommand, Entry, SessionId

Played = list[tuple[int, list[AnyCommand]]]


def entries_of(played: Played, first_sequence: int) -> list[Entry]:
    """Entries of sessions with their commands, in their places in history, a microsecond a command apart."""
    entries = []
    for session_id, commands in played:
        entries.append(Entry(first_sequence, first_sequence * 1_000, SessionId(session_id), commands))
        first_sequence += len(commands)
    return entries


def play(engine: Engine, entries: Sequence[Entry]) -> None:
    for entry in entries:
        engine.apply(entry)
        engine.take_outputs()


def measure(path: Path, engine_count: int, timed_count: int) -> dict[str, Any]:
    """The least of the times; what was traded and is open is the same in each of them."""
    before, timed = msgspec.msgpack.decode(path.read_bytes(), type=tuple[Played, Played])
    before_entries = entries_of(before, 1)
    before_count = sum(len(commands) for _, commands in before)
    entries = entries_of(timed, before_count + 1)
    engines = []
    for _ in range(engine_count):
        engine = Engine()
        play(engine, before_entries)
        engines.append(engine)
    command_count = sum(len(commands) for _, commands in timed)
    spent_ns = []
    gc.collect()
    gc.freeze()
    gc.disable()
    for engine in engines[:timed_count]:
        began_ns = time.thread_time_ns()
        play(engine, entries)
        spent_ns.append(time.thread_time_ns() - began_ns)
    venue = engines[0].venue
    return {
        "commands": command_count,
        "ns": min(spent_ns) / command_count,
        "trades": venue.last_trade_id,
        "open_orders": venue.open_order_count,
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
