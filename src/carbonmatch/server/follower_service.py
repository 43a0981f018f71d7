"""The process of a follower: its thread, its ops port, its signals. Reads the clocks."""

import asyncio
import faulthandler
import gc
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from carbonmatch import __version__
from carbonmatch.config import Config, host_and_port, tls_contexts
from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.follower_mark import FollowerMark
from carbonmatch.journal.storage import TEMPORARY_SUFFIX, DiskStorage
from carbonmatch.journal.tail import Tail
from carbonmatch.limits import FOLLOWER_DIVERGED_SECONDS, FOLLOWER_HUNG_SECONDS, FOLLOWER_RECORD_COMMANDS
from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.follower_metrics import FOLLOWER_METRICS, FollowerCounters, assess_follower
from carbonmatch.ops.logs import ERROR, WARNING, Ours, log
from carbonmatch.ops.pages import ops_pages
from carbonmatch.server.archive import Archive
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.follower import SNAPSHOT_MAKER, Follower, SnapshotPolicy
from carbonmatch.server.ops_port import OpsPort
from carbonmatch.server.recovery import Diverged, newest_start
from carbonmatch.server.supervisor import Supervisor

_NS_PER_SECOND: Final = 1_000_000_000


def run(config: Config) -> int:
    """Follow the journal until SIGTERM or SIGINT; return the exit status.

    Raises Diverged, JournalDamaged, JournalRefused or OSError where it cannot go on.
    """
    # As in the engine: a watchdog that ends it has stderr say where it hung.
    faulthandler.enable()
    return asyncio.run(_follow(config))


async def _follow(config: Config) -> int:
    counters = FollowerCounters()
    counters.start_time_ns = time.time_ns()
    stopping = threading.Event()
    loop = asyncio.get_running_loop()

    supervisor = Supervisor(
        lambda: _status(counters), is_at_work=lambda: is_at_work(counters, time.monotonic_ns())
    )

    def stop() -> None:
        counters.stopping = True
        supervisor.stopping()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # Told to both processes, say by one `systemctl reload`, it must not end this one.
    loop.add_signal_handler(signal.SIGHUP, _ignore_reload)
    exposition = Exposition(counters, FOLLOWER_METRICS)
    ops = OpsPort(ops_pages(exposition, lambda: assess_follower(counters)))
    tls = tls_contexts(config).get("ops")
    host, port = await ops.open(
        host_and_port(config.follower.ops), time.monotonic_ns, None if tls is None else tls.context
    )
    try:
        with supervisor:
            await asyncio.to_thread(
                _work,
                config,
                counters,
                stopping,
                f"{host}:{port}",
                lambda: loop.call_soon_threadsafe(supervisor.ready),
            )
    except Diverged as error:
        counters.diverged = 1
        log("diverged", ERROR, text=Ours(str(error)), sequence=counters.sequence)
        await asyncio.to_thread(stopping.wait, FOLLOWER_DIVERGED_SECONDS)
        raise
    finally:
        ops.close()
    log("stopped", sequence=counters.sequence, snapshot_sequence=counters.snapshot_sequence)
    return ExitCode.DONE


def _status(counters: FollowerCounters) -> str:
    words = assess_follower(counters).words
    return f"{words}; sequence {counters.sequence} is executed, snapshot {counters.snapshot_sequence}"


def is_at_work(counters: FollowerCounters, monotonic_ns: int) -> bool:
    """Whether the following thread moves, or has not begun to: the loop beside it never hangs with it."""
    silent_ns = monotonic_ns - counters.looked_ns
    return not counters.looked_ns or silent_ns <= FOLLOWER_HUNG_SECONDS * _NS_PER_SECOND


def _ignore_reload() -> None:
    log("reload_ignored", WARNING, text=Ours("the follower reads its file at its start only"))


def _work(
    config: Config,
    counters: FollowerCounters,
    stopping: threading.Event,
    ops: str,
    on_ready: Callable[[], object],
) -> None:
    """All of the following, in a thread: the loop beside it goes on answering."""
    storage, mark = opened_journal(Path(config.journal.directory))
    start = newest_start(storage)
    mark.move_to(start.anchor.segment)
    counters.sequence = counters.snapshot_sequence = start.snapshot_sequence
    tail = Tail(storage, start.anchor, start.snapshot_sequence + 1, stopping.wait)
    wanted = config.follower
    policy = SnapshotPolicy(wanted.snapshot_commands, wanted.snapshot_seconds, FOLLOWER_RECORD_COMMANDS)
    clocks = Clocks(time.time_ns, time.monotonic_ns)
    archive = archiver(config, storage, counters, lambda: mark.segment)
    follower = Follower(storage, tail, start, policy, clocks, counters, archive, mark.move_to)
    # As in the engine: what exists lives long, and what comes is orders and no garbage in cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 100, 100)
    counters.recovered = True
    log(
        "ready",
        ops=ops,
        version=__version__,
        snapshot_sequence=start.snapshot_sequence,
        directory=Ours(config.journal.directory),
    )
    on_ready()
    follower.run(stopping.is_set)


def archiver(
    config: Config,
    storage: DiskStorage,
    counters: FollowerCounters,
    followed: Callable[[], int | None] = lambda: None,
) -> Callable[[], None]:
    """What is done after each snapshot."""
    if not config.follower.archive:
        return lambda: None
    archive = Archive(storage, DiskStorage(Path(config.follower.archive)), followed)

    def advance() -> None:
        try:
            moved = archive.advance()
        except (JournalDamaged, JournalRefused, OSError) as error:
            # Nothing is lost by it but room; what is damaged stays where it is, for a person to look at.
            counters.archive_failures += 1
            log("archive_failed", ERROR, text=Ours(str(error)))
            return
        counters.segments_archived += len(moved)
        if moved:
            log("archived", first_segment=moved[0], last_segment=moved[-1])

    return advance


def opened_journal(directory: Path) -> tuple[DiskStorage, FollowerMark]:
    """The journal of another process, for its only follower; what an earlier one left over is removed."""
    if not directory.is_dir():
        raise JournalRefused(f"{directory}: no such directory; start the venue first")
    storage = DiskStorage(directory)
    try:
        mark = FollowerMark(storage)
    except BlockingIOError as error:
        raise JournalRefused(f"{directory}: another follower is there already") from error
    for name in storage.list():
        if name.endswith(f".{SNAPSHOT_MAKER}{TEMPORARY_SUFFIX}"):
            storage.remove(name)
    return storage, mark
