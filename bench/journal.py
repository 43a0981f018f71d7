"""What the journal costs on top of the disk: append against the bare calls, and the speed of a scan.

    python -m bench.journal --directory DIR

All figures of a table come from one run in which the candidates take turns, one commit each, so that
the disk's own moods cancel out; the ratio to `bare` is the figure to compare between machines. DIR must
lie on the disk in question, not on a tmpfs.

- append: JournalWriter.append, one record, durable when it returns
- bare: os.pwrite of as many bytes into a zero-filled file, then os.fdatasync
- dsync: os.pwritev of as many bytes with RWF_DSYNC, one call instead of two

`busy` repeats that from a thread while the main thread computes: every call that lets go of the
interpreter lock has to get it back afterwards.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from carbonmatch.journal.reader import scan
from carbonmatch.journal.record import Kind, record_bytes
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.segments import Identity
from carbonmatch.journal.storage import DiskStorage, write_file, zero_chunks
from carbonmatch.journal.writer import JournalWriter, SegmentKeeper
from carbonmatch.limits import SEGMENT_BYTES

PAYLOAD_BYTES = (100, 1_000, 10_000, 100_000)
IDENTITY = Identity("bench", bytes(32))


class Bare:
    """The same bytes at the same pace into a file of the same kind, without a journal."""

    def __init__(self, storage: DiskStorage, name: str, length: int) -> None:
        write_file(storage, name, zero_chunks(SEGMENT_BYTES))
        self._file = storage.open(name, writable=True)
        self._data = os.urandom(length)
        self._offset = 0

    def fdatasync(self) -> None:
        os.pwrite(self._file, self._data, self._next())
        os.fdatasync(self._file)

    def dsync(self) -> None:
        os.pwritev(self._file, [self._data], self._next(), os.RWF_DSYNC)

    def close(self) -> None:
        os.close(self._file)

    def _next(self) -> int:
        offset = self._offset
        self._offset = offset + len(self._data)
        if self._offset + len(self._data) > SEGMENT_BYTES:
            self._offset = 0
        return offset


def commit_latency(directory: Path, payload_bytes: int, commits: int, *, busy: bool) -> dict[str, object]:
    """Microseconds a commit, for each candidate, taking turns."""
    storage = DiskStorage(directory)
    writer = JournalWriter(storage, recover(storage, IDENTITY))
    keeper = SegmentKeeper(writer)
    length = record_bytes(payload_bytes)
    bare, dsync = Bare(storage, "bare", length), Bare(storage, "dsync", length)
    payload = os.urandom(payload_bytes)
    candidates: dict[str, Callable[[], object]] = {
        "append": lambda: writer.append(payload, writer.durable_sequence + 1, 1),
        "bare": bare.fdatasync,
        "dsync": dsync.dsync,
    }
    times: dict[str, list[int]] = {name: [] for name in candidates}
    thread = threading.Thread(target=take_turns, args=(candidates, times, commits))
    thread.start()
    while busy and thread.is_alive():
        sum(range(1000))
    thread.join()
    keeper.stop()
    writer.close()
    bare.close()
    dsync.close()
    storage.release()

    result: dict[str, object] = {"payload_bytes": payload_bytes, "busy": busy}
    for name, spent in times.items():
        result[name] = {"p50_us": round(median(spent) / 1000, 1), "p99_us": round(p99(spent) / 1000, 1)}
    for name in ("append", "dsync"):
        result[f"{name}_ratio"] = {
            "p50": round(median(times[name]) / median(times["bare"]), 3),
            "p99": round(p99(times[name]) / p99(times["bare"]), 3),
        }
    return result


def take_turns(
    candidates: dict[str, Callable[[], object]], times: dict[str, list[int]], commits: int
) -> None:
    # Each one comes first, second and third as often: what follows a sync finds cold caches.
    order = list(candidates.items())
    for _ in range(commits):
        for name, commit in order:
            begin = time.perf_counter_ns()
            commit()
            times[name].append(time.perf_counter_ns() - begin)
        order.append(order.pop(0))


def p99(values: list[int]) -> float:
    return quantiles(values, n=100)[98]


def scan_rate(directory: Path, payload_bytes: int, total_bytes: int) -> dict[str, object]:
    """Records and bytes a second of CPU, everything checked, the page cache as the journal leaves it."""
    storage = DiskStorage(directory)
    writer = JournalWriter(storage, recover(storage, IDENTITY), relaxed=True)
    payload = os.urandom(payload_bytes)
    for sequence in range(1, total_bytes // record_bytes(payload_bytes) + 1):
        writer.append(payload, sequence, 1)
    writer.close()
    storage.release()

    storage = DiskStorage(directory)
    begin = time.process_time()
    records = sum(record.kind is Kind.DATA for record in scan(storage))
    seconds = time.process_time() - begin
    storage.release()
    return {
        "payload_bytes": payload_bytes,
        "records": records,
        "records_per_cpu_second": round(records / seconds),
        "mib_per_cpu_second": round(records * record_bytes(payload_bytes) / seconds / 2**20),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--directory", type=Path, default=Path(), help="where to write (default: here)")
    parser.add_argument("--commits", type=int, default=2_000, help="of each candidate (default: 2000)")
    parser.add_argument("--scan-mib", type=int, default=64, help="size of the journal to scan (default: 64)")
    parser.add_argument(
        "--switch-interval", type=float, default=0.0002, help="seconds, for `busy` (default: 0.0002)"
    )
    options = parser.parse_args(arguments)
    sys.setswitchinterval(options.switch_interval)

    def fresh() -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(dir=options.directory, prefix="bench-journal-")

    latency = []
    for busy in (False, True):
        for payload_bytes in PAYLOAD_BYTES:
            with fresh() as directory:
                latency.append(commit_latency(Path(directory), payload_bytes, options.commits, busy=busy))
    scans = []
    for payload_bytes in (100, 1_000, 10_000):
        with fresh() as directory:
            scans.append(scan_rate(Path(directory), payload_bytes, options.scan_mib * 2**20))
    json.dump({"commit": latency, "scan": scans}, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
