"""What a machine for a venue has to have: figures for docs/sizing.md, each from a real engine.

    python -m bench sizing [--directory DIR] [--seconds S]

- journal: bytes on the disk for each command, by how many share a batch
- orders: resident memory and bytes of a snapshot for each order at rest
- sessions: resident memory for each gateway that is logged on and has traded a little
- sync: commands a second, and what one order waits, by how long the disk takes for a sync. The journal is
  in memory (/dev/shm) for that, and the sync sleeps: it is the latency that is varied and nothing else.

Bytes are the same on every machine. Times are this machine's, and other work on it disturbs them.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.core import measure_memory, resting
from bench.environment import capture
from bench.generator import Plan
from bench.processes import StartError
from bench.runs import Setup, attach_to, drive_engine, started_engine
from bench.sessions import RunError
from bench.workload import Workload, session_frames
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.matching import state

# Sessions, commands in a frame, commands in flight of each session: what gathers in a batch.
_JOURNAL_LOADS: Final = ((1, 1, 1), (8, 1, 8), (8, 64, 512))
_JOURNAL_COMMANDS: Final = 40_000
_ORDERS: Final = 300_000
_SESSIONS: Final = (8, 208)
_SYNCS_US: Final = (0, 100, 500, 2_000, 10_000)
_MEMORY_DISK: Final = Path("/dev/shm")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench sizing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load that is timed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        result = {
            # First, as what is freed later would hide it.
            "orders": _orders(),
            "environment": capture(options.directory, "the kernel's"),
            "journal": [_journal(options.directory, *load) for load in _JOURNAL_LOADS],
            "sessions": _sessions(options.directory),
            "sync": [_sync(sync_us, options.seconds) for sync_us in _SYNCS_US],
        }
    except (RunError, StartError, TimeoutError, OSError) as error:
        print(f"python -m bench sizing: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result, default=str) if options.json else _text(result))
    return 0


def _setup(sessions: int, commands: int, frame: int, window: int, seconds: float = 60.0) -> Setup:
    workload = Workload(sessions, commands, frame, 1)
    return Setup("sizing", workload, Plan(frame, 0, window_commands=window, seconds_max=seconds))


def _journal(
    within: Path, sessions: int, frame: int, window: int, commands: int = _JOURNAL_COMMANDS
) -> dict[str, Any]:
    """Drive an engine, stop it, and measure what it has left on the disk."""
    setup = _setup(sessions, commands, frame, window)
    frames = [session_frames(setup.workload, index) for index in range(sessions)]
    with tempfile.TemporaryDirectory(prefix="carbonmatch-bench-", dir=within) as name:
        directory = Path(name)
        with started_engine(setup, directory) as running:
            before = running.ready["sequence"]
            drive_engine(setup, frames, attach_to(running))
        stored = _stored(directory / "data", before)
    return {"sessions": sessions, "frame": frame, "window": window, **stored}


def _orders() -> dict[str, float]:
    """What an order at rest takes in this process, in a book of many."""
    grown = measure_memory(_ORDERS, seed=1)
    _, engine = resting(_ORDERS, seed=2)
    return {
        "memory_bytes": grown / _ORDERS,
        "snapshot_bytes": len(state.snapshot(engine)) / engine.open_order_count,
    }


def _stored(directory: Path, before: int) -> dict[str, float]:
    """Records behind `before`, in bytes."""
    storage = DiskStorage(directory)
    sizes = [
        (record.count, record.end_offset - record.offset)
        for record in JournalScan(storage)
        if record.kind is Kind.DATA and record.first_sequence > before
    ]
    commands = sum(count for count, _ in sizes)
    return {
        "commands_per_batch": commands / len(sizes),
        "bytes_per_command": sum(size for _, size in sizes) / commands,
    }


def _sessions(within: Path) -> dict[str, float]:
    """Resident bytes of engines that differ in the number of their gateways."""
    found = []
    for sessions in _SESSIONS:
        setup = _setup(sessions, sessions * 64, 64, 64)
        frames = [session_frames(setup.workload, index) for index in range(sessions)]
        with (
            tempfile.TemporaryDirectory(prefix="carbonmatch-bench-", dir=within) as name,
            started_engine(setup, Path(name)) as running,
        ):
            run = drive_engine(setup, frames, attach_to(running))
            found.append((sessions, run.server_resident_mib or 0.0))
    (few, few_mib), (many, many_mib) = found
    return {"mib": few_mib, "kib_per_session": (many_mib - few_mib) * 1024 / (many - few)}


def _sync(sync_us: int, seconds: float) -> dict[str, Any]:
    """The rate of eight busy sessions, and the latency of a single order, with such a disk."""
    rates = {}
    for name, (sessions, frame, window, commands) in {
        "batched": (8, 64, 512, int(200_000 * seconds)),
        "single": (1, 1, 1, int(10_000 * seconds)),
    }.items():
        setup = _setup(sessions, commands, frame, window, seconds)
        frames = [session_frames(setup.workload, index) for index in range(sessions)]
        program = ("-m", "bench.slow_disk", "--sync-us", str(sync_us))
        with (
            tempfile.TemporaryDirectory(prefix="carbonmatch-bench-", dir=_MEMORY_DISK) as directory,
            started_engine(setup, Path(directory), program) as running,
        ):
            rates[name] = drive_engine(setup, frames, attach_to(running))
    return {
        "sync_us": sync_us,
        "commands_per_second": rates["batched"].rate_per_second,
        "cpu_us_per_command": rates["batched"].server_cpu_us_per_command,
        "single_p50_us": rates["single"].latency.p50_us,
        "single_p99_us": rates["single"].latency.p99_us,
        "others_cpu_share": rates["batched"].others_cpu_share,
    }


def _text(result: dict[str, Any]) -> str:
    orders = result["orders"]
    lines = [
        f"an order at rest: {orders['memory_bytes']:.0f} bytes of memory, "
        f"{orders['snapshot_bytes']:.0f} bytes of a snapshot",
        "journal, bytes a command:",
    ]
    lines += [
        f"  {one['sessions']} sessions, frames of {one['frame']}, {one['window']} in flight each: "
        f"{one['bytes_per_command']:.0f} bytes, {one['commands_per_batch']:.1f} commands a batch"
        for one in result["journal"]
    ]
    sessions = result["sessions"]
    lines.append(
        f"memory: {sessions['mib']:.0f} MiB with {_SESSIONS[0]} sessions, "
        f"{sessions['kib_per_session']:.0f} KiB for each one more"
    )
    lines.append("sync latency: commands/s of 8 busy sessions, p50 and p99 of one order at a time")
    lines += [
        f"  {one['sync_us']:>6} us: {one['commands_per_second']:>9,.0f}/s "
        f"{one['cpu_us_per_command']:.1f} us of processor each; {one['single_p50_us']:,.0f} us, "
        f"{one['single_p99_us']:,.0f} us; others had {one['others_cpu_share'] or 0:.0%} of the machine"
        for one in result["sync"]
    ]
    return "\n".join(lines)
