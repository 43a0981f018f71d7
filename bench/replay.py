"""Where the time of a replayed command goes, by stage: a journal executed again in this process.

    python -m bench replay                                  batches of 12 frames of 64 commands, as under load
    python -m bench replay --frame 1 --batch 1              a record for each command, as of one in flight
    PYTHONPATH=build/accel/src:. python -m bench replay     the same, compiled

The flow is `touch` of `bench core`; its journal is written without syncs, and read from the kernel's cache.
Each record is timed stage by stage, in every repetition, and its least figures count: what else the machine
does has to leave one of the repetitions alone for as long as a record takes. What a start costs once,
whatever it replays, is in none of them: `bench recover` has it.
"""

import argparse
import gc
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Final

from msgspec import Raw

from bench.flows import prepare
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import Entry, SessionId
from carbonmatch.protocol.batch import EntryRecord, encode_record, stream_records
from carbonmatch.protocol.codec import encode
from carbonmatch.server import recovery
from carbonmatch.server.stream import Stream

_READ: Final = "read the record and check its checksums"
_REST: Final = "the rest: marks, what is freed"
# What `recovery.Replay` calls, in its order.
_STAGES: Final[tuple[tuple[Any, str, str], ...]] = (
    (recovery, "decoded", "decode"),
    (recovery, "execute", "match, and take the outputs"),
    (recovery, "chunks_of", "encode"),
    (recovery, "is_caused_by", "compare with what was journaled"),
    (MarketData, "apply", "bring the market data up to date"),
    (recovery, "release", "keep for those who resume"),
)


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="carbonmatch-bench-", dir=options.directory) as name:
        directory = Path(name)
        write_journal(directory, reframed(options.seed, options.commands, options.frame), options.batch)
        runs = [stages_of_records(directory) for _ in range(options.repetitions)]
    commands = sum(count for count, _ in runs[0])
    totals: dict[str, int] = {}
    for of_record in zip(*runs, strict=True):
        for stage in of_record[0][1]:
            least_ns = min(stages[stage] for _, stages in of_record)
            totals[stage] = totals.get(stage, 0) + least_ns
    print(f"{commands:,} commands in {len(runs[0]):,} records, ns a command")
    for stage, total_ns in totals.items():
        print(f"{total_ns / commands:10,.0f}  {stage}")
    whole_ns = sum(totals.values())
    print(f"{whole_ns / commands:10,.0f}  all of it: {commands / whole_ns * 1e9:,.0f} commands/s")
    return 0


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(
        prog="python -m bench replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("--commands", type=int, default=50_000, metavar="M")
    it.add_argument("--frame", type=int, default=64, metavar="B", help="commands a frame, at most 64")
    it.add_argument("--batch", type=int, default=12, metavar="N", help="frames a record")
    it.add_argument("--repetitions", type=int, default=5)
    it.add_argument("--seed", type=int, default=1)
    it.add_argument(
        "--directory", type=Path, help="where the journal goes (default: the temporary directory)"
    )
    return it


def reframed(seed: int, commands: int, frame_commands: int) -> Iterator[Entry]:
    """The entries of the flow, with so many commands each."""
    before, entries = prepare("touch", seed, commands)
    yield from before
    for entry in entries:
        for start in range(0, len(entry.commands), frame_commands):
            part = entry.commands[start : start + frame_commands]
            yield Entry(entry.first_sequence + start, entry.time_ns, entry.session_id, part)


def write_journal(directory: Path, entries: Iterator[Entry], batch_entries: int) -> None:
    """What an engine journals of `entries`, so many of them a record."""
    storage = DiskStorage(directory)
    writer = JournalWriter(storage, recover(storage, recovery.identity(True)), relaxed=True)
    engine = Engine()
    while batch := list(islice(entries, batch_entries)):
        for entry in batch:
            engine.apply(entry)
        outputs = engine.take_outputs()
        records = [EntryRecord(one.time_ns, one.session_id, Raw(encode(one.commands))) for one in batch]
        payload = encode_record(records, stream_records(outputs), outputs.public, outputs.copies)
        count = engine.sequence + 1 - batch[0].first_sequence
        writer.append(payload, batch[0].first_sequence, count)
        writer.prepare_next()
    writer.close()
    storage.release()


def stages_of_records(directory: Path) -> list[tuple[int, dict[str, int]]]:
    """Of each record: how many commands it has, and the time of each stage in ns."""
    storage = DiskStorage(directory)
    replay = recovery.Replay(recovery.from_nothing().venue)
    engine = replay.venue.engine
    engine.set_durable(True)
    streams: dict[SessionId, Stream] = {}
    found: list[tuple[int, dict[str, int]]] = []
    spent: dict[str, int] = {}
    gc.collect()
    gc.disable()
    try:
        with _timed(spent):
            records = iter(JournalScan(storage))
            while True:
                spent.clear()
                began_ns = perf_counter_ns()
                stored = next(records, None)
                spent[_READ] = read_ns = perf_counter_ns() - began_ns
                if stored is None:
                    return found
                if stored.kind is not Kind.DATA:
                    continue
                recovery.release(streams, replay.apply(stored), engine)
                others_ns = sum(spent.values()) - read_ns
                spent[_REST] = perf_counter_ns() - began_ns - read_ns - others_ns
                found.append((stored.count, dict(spent)))
    finally:
        gc.enable()
        storage.release()


@contextmanager
def _timed(spent: dict[str, int]) -> Iterator[None]:
    """While it lasts, what a stage takes is added up in `spent`."""
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in _STAGES]

    def timed(function: Callable[..., object], stage: str) -> Callable[..., object]:
        def run(*arguments: object) -> object:
            began_ns = perf_counter_ns()
            try:
                return function(*arguments)
            finally:
                spent[stage] = spent.get(stage, 0) + perf_counter_ns() - began_ns

        return run

    try:
        for owner, name, stage in _STAGES:
            setattr(owner, name, timed(getattr(owner, name), stage))
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
