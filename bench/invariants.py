"""What the invariants that stay on cost, of a batch as the engine applies it.

    python -m bench.invariants [--commands N] [--batch N] [--runs N]

Entries are applied, checked, and encoded for the journal, as the pipeline does, in the thread's own CPU
time. The least of the runs counts.
"""

import argparse
import gc
import sys
import time
from collections.abc import Sequence

from bench.flows import prepare
from carbonmatch.matching.clearing.conservation import check_conservation
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.messages import Entry
from carbonmatch.protocol.batch import encode_record
from carbonmatch.server.pipeline import stream_records
from carbonmatch.server.stream import chunks_of


def cpu_ns(before: Sequence[Entry], entries: Sequence[Entry], a_batch: int) -> tuple[float, float]:
    """Of a command, in batches of so many entries: all but the checks, and the checks."""
    engine = Engine()
    for entry in before:
        engine.apply(entry)
    engine.take_outputs()
    gc.collect()
    gc.disable()
    checking_ns = 0
    clock = time.thread_time_ns
    began_ns = clock()
    for start in range(0, len(entries), a_batch):
        for entry in entries[start : start + a_batch]:
            engine.apply(entry)
        outputs = engine.take_outputs()
        check_began_ns = clock()
        check_batch(engine.books, outputs)
        check_conservation(engine.venue)
        checking_ns += clock() - check_began_ns
        encode_record([], stream_records(chunks_of(outputs)), outputs.public)
    spent_ns = clock() - began_ns
    gc.enable()
    commands = sum(len(entry.commands) for entry in entries)
    return (spent_ns - checking_ns) / commands, checking_ns / commands


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.invariants", description=__doc__)
    parser.add_argument("--commands", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=8, help="entries of 64 commands in a batch")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args(arguments)
    for flow in ("touch", "instruments"):
        before, entries = prepare(flow, 1, options.commands)
        runs = [cpu_ns(before, entries, options.batch) for _ in range(options.runs)]
        rest, checks = (min(figures) for figures in zip(*runs, strict=True))
        print(
            f"{flow}: {rest:,.0f} ns a command to apply and encode, {checks:,.0f} ns to check: "
            f"{100 * checks / rest:.1f} %"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
