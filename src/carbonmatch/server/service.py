"""The whole of a running venue: what is made at start, in which order, and how it stops.

The only place that reads a clock: everybody else is given the time.
"""

import asyncio
import errno
import faulthandler
import gc
import os
import signal
import ssl
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import uvloop

from carbonmatch import __version__
from carbonmatch.config import Config, ListenerTls, host_and_port, tls_contexts
from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal import snapshots
from carbonmatch.journal.archive import WithArchive
from carbonmatch.journal.errors import JournalFailed, StorageUnusable
from carbonmatch.journal.recovery import Recovery
from carbonmatch.journal.storage import DiskStorage, Storage
from carbonmatch.journal.writer import JournalWriter, SegmentKeeper
from carbonmatch.limits import DESCRIPTORS_SPARE
from carbonmatch.market_data.groups import Interest
from carbonmatch.market_data.subscriber import Lost
from carbonmatch.matching.auction_times import SEED_BYTES
from carbonmatch.matching.engine import Engine
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.health import Facts, Health, assess
from carbonmatch.ops.logs import ERROR, WARNING, Ours, log
from carbonmatch.ops.metrics import METRICS
from carbonmatch.ops.pages import ops_pages
from carbonmatch.protocol.messages import LogoutReason
from carbonmatch.server.clocks import Clocks, SteadyClock
from carbonmatch.server.commit import Commit, JournalThread, start_sync_process
from carbonmatch.server.configured import drop_copies, refuse_the_demo
from carbonmatch.server.descriptors import reserve_descriptors
from carbonmatch.server.floor import Floor
from carbonmatch.server.gap_fills import GapFills
from carbonmatch.server.gap_worker import GapOrder, GapProcess
from carbonmatch.server.guard import Bounds, Guard
from carbonmatch.server.history import History
from carbonmatch.server.kernel_clock import clock_status
from carbonmatch.server.ops_port import OpsPort
from carbonmatch.server.recovery import Recovered, identity, recover_venue
from carbonmatch.server.reload import Reload
from carbonmatch.server.scheduler import LoopScheduler
from carbonmatch.server.settlement_files import SettlementFiles
from carbonmatch.server.snapshot_now import SnapshotNow
from carbonmatch.server.steering import Then, result
from carbonmatch.server.supervisor import Supervisor
from carbonmatch.server.surroundings import Surroundings, note_clock
from carbonmatch.server.venue_snapshot import VenueState, take_snapshot
from carbonmatch.server.vitals import CollectionMeter, Timepieces, Vitals

# The journal thread comes back from the disk while the loop is busy, and has to wait for the
# interpreter's lock: with the default of 5 ms a commit took 5 to 10 ms then, with this 0.5 to 0.9.
_SWITCH_INTERVAL_SECONDS: Final = 0.0002

_STOP_SECONDS_MAX: Final = 10.0
# 65,536 definitions are 64 commits.
_DEFINE_SECONDS_MAX: Final = 60.0
_NS_PER_SECOND: Final = 1_000_000_000


def run(config: Config, read_again: Callable[[], Config] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    At SIGHUP `read_again` gives the configuration to go on with.
    Raises JournalRefused, JournalDamaged, Diverged or OSError where it cannot start.
    """
    # A watchdog ends a process that hangs with SIGABRT: then stderr says where it hung.
    faulthandler.enable()
    sys.setswitchinterval(_SWITCH_INTERVAL_SECONDS)
    return uvloop.run(_serve(config, read_again))


async def _serve(config: Config, read_again: Callable[[], Config] | None) -> int:
    service = Service(config, read_again)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_fell_over)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_or_die, number, stopped, service)
    loop.add_signal_handler(signal.SIGHUP, service.reload)
    with service.supervisor:
        await service.start()
        await stopped.wait()
        return await service.stop()


def _stop_or_die(number: signal.Signals, stopped: asyncio.Event, service: "Service") -> None:
    """The first signal asks, the second one does not.

    Nor does the first one while the journal is read: that may take minutes, and whatever it is
    interrupted at, the next start takes it up.
    """
    if service.is_recovering:
        log("stopped_while_recovering")
        os._exit(ExitCode.DONE)
    if stopped.is_set():
        os._exit(ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED)
    stopped.set()


def _fell_over(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What no callback has caught: a peer's OSError or a task that only reads costs one connection;
    anything else is our own bug.

    The loop would go on, with an engine that has applied commands the journal will never have: what
    it answered next would be lost, and the journal could not be replayed.
    """
    error = context.get("exception")
    text = Ours(f"{context.get('message')}: {error!r}")
    if error is None or isinstance(error, OSError) or "future" in context:
        log("loop_error", WARNING, text=text)
        return
    log("bug", ERROR, text=text, trace=Ours("".join(traceback.format_exception(error))))
    os._exit(ExitCode.BUG)


class Service:
    """A venue, from its directory to its ports."""

    def __init__(self, config: Config, read_again: Callable[[], Config] | None = None) -> None:
        self.config = config
        self._read_again = read_again
        self._reload: Reload | None = None
        self.durable = config.journal.sync == "always"
        self.counters = Counters()
        self.addresses: dict[str, str] = {}
        # Reading the journal: nobody has been answered yet.
        self.is_recovering = False
        # Once it is ready.
        self._vitals: Vitals | None = None
        self._stopping = False
        self.supervisor = Supervisor(self.status)
        self._collections = CollectionMeter(self.counters, time.monotonic_ns)
        self._with_archive: WithArchive | None = None

    # --- start -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Recover, apply the configuration, listen. The venue is ready when this returns."""
        began_ns = time.monotonic_ns()
        counters = self.counters
        counters.start_time_ns = counters.config_read_ns = time.time_ns()
        counters.durable = int(self.durable)
        note_clock(counters, clock_status())
        gc.callbacks.append(self._collections)
        config = self.config
        self._ops = OpsPort(ops_pages(Exposition(self.counters, METRICS), self.health))
        listeners = 3 if drop_copies(config) else 2
        reserve_descriptors(listeners * config.connections.max + DESCRIPTORS_SPARE)
        self._tls = tls_contexts(config)
        self.addresses["ops"] = _address(
            await self._ops.open(
                host_and_port(config.listen.ops), time.monotonic_ns, self._context("ops"), self.counters
            )
        )
        if not self.durable:
            log("relaxed_mode", WARNING, text=Ours("answers do not wait for the disk; reports say so"))

        recovered = await self._recover(Path(config.journal.directory))
        try:
            self._build(recovered)
            self._log_recovery(recovered, time.monotonic_ns() - began_ns)
            refuse_the_demo(config, recovered.engine)
            await self._define()
            await self._listen()
        except BaseException:
            # Its thread answers to this loop, and would take the loop's end for a failure of the disk.
            await self._close_journal()
            raise
        # What exists now lives as long as the process: no collection looks at it again. What comes is
        # orders that rest and are no garbage: looking at 50,000 new ones takes a millisecond, looking
        # at all of a million 100, so the first is done now and then and the second hardly ever.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 100, 100)
        self._settlement = SettlementFiles(
            self.config, self._floor.pipeline, self._history, time.monotonic_ns
        )
        self._vitals = Vitals(
            self._floor,
            self._writer,
            self._keeper,
            self.counters,
            self._scheduler,
            Timepieces(time.monotonic_ns, time.thread_time_ns, self._clock.held_ns),
            self.durable,
            self._settlement,
        )
        self._vitals.start()
        self._surroundings = Surroundings(
            Path(config.journal.directory), self._storage, counters, self._scheduler, time.time_ns
        )
        self._surroundings.start()
        log(
            "ready",
            **self.addresses,
            version=__version__,
            epoch=self._writer.epoch,
            sequence=self._engine.sequence,
            durable=self.durable,
            directory=Ours(config.journal.directory),
        )
        self.supervisor.ready()

    async def _recover(self, directory: Path) -> Recovered:
        self.is_recovering = True
        segment_bytes = self.config.journal.segment_mib * 2**20
        try:
            self._storage = DiskStorage(directory)
            self._scheduler = LoopScheduler()
            # Waits for a process, which nobody who reads may have to.
            self._gap_scheduler = LoopScheduler()
            self._history = History(self._storage, self._scheduler)
            self._history.whole = self._whole_journal
            # In a thread, so that the ops port can say meanwhile that the venue is alive and recovers: a
            # supervisor that hears nothing would kill it, and the next start would take as long.
            recovered = await asyncio.to_thread(
                recover_venue, self._storage, self._history, self.durable, segment_bytes, blank_beside=True
            )
            self.is_recovering = False
            self._open_journal(recovered.journal)
        except OSError as error:
            raise _unusable(directory, error) from error
        return recovered

    def _whole_journal(self) -> Storage:
        """For reading: with the archive, if there is one by now."""
        archive = Path(self.config.follower.archive)
        if self._with_archive is None and self.config.follower.archive and archive.is_dir():
            self._with_archive = WithArchive(Path(self.config.journal.directory), archive)
        return self._with_archive or self._storage

    def _gap_process(self, lost: Lost, interest: Interest) -> GapProcess:
        archive = Path(self.config.follower.archive)
        order = GapOrder(
            self.config.journal.directory,
            str(archive) if self.config.follower.archive and archive.is_dir() else "",
            lost.ref,
            lost.after_sequence,
            tuple(sorted(interest.instrument_ids or ())),
            interest.kinds,
            interest.levels_max,
        )
        return GapProcess(order)

    def _open_journal(self, journal: Recovery) -> None:
        loop = asyncio.get_running_loop()
        self._writer = JournalWriter(self._storage, journal, relaxed=not self.durable)
        self._keeper = SegmentKeeper(self._writer)
        # What was there before the start is durable, and asked for before the first new batch.
        self._history.durable_position = self._writer.durable_position

        def durable(commit: Commit) -> None:
            loop.call_soon_threadsafe(self._pipeline.durable, commit)

        self._syncing = syncing = start_sync_process() if self.durable else None
        self._journal = JournalThread(self._writer, durable, _journal_failed, time.monotonic_ns, syncing)
        if syncing is not None:
            loop.add_reader(syncing.socket, self._journal.hear)
            self._journal.on_syncing_ended = lambda: loop.remove_reader(syncing.socket)
        self._journal.start()

    def _build(self, recovered: Recovered) -> None:
        self._clock = SteadyClock(time.time_ns, recovered.engine.time_ns)
        self._floor = Floor(
            self.config,
            recovered,
            self._journal,
            self._history,
            Clocks(self._clock.time_ns, time.monotonic_ns),
            self.counters,
            self._scheduler,
            self._writer.epoch,
            os.urandom(SEED_BYTES),
        )
        self._engine: Engine = recovered.engine
        self._publisher = self._floor.publisher
        self._pipeline = self._floor.pipeline
        self._gateway = self._floor.gateway
        self._drop_copies = self._floor.drop_copies
        self._publisher.fill_gaps(
            GapFills(self._gap_process, lambda: self._history.durable_position, self._gap_scheduler)
        )
        if self._read_again is not None:
            self._reload = Reload(
                self.config,
                self._read_again,
                self._floor,
                self._exchange_certificates,
                self._scheduler,
                self.counters,
                self.reload,
            )
            self._gateway.steering.reload = self.reload
        self._gateway.steering.snapshot = SnapshotNow(
            VenueState(self._engine, self._publisher.market_data, self._history.marks),
            self._pipeline,
            self._writer,
            self._storage,
            self._scheduler,
            self.durable,
        ).take

    async def _define(self) -> None:
        defined = asyncio.Event()
        self._floor.define(defined.set)
        async with asyncio.timeout(_DEFINE_SECONDS_MAX):
            await defined.wait()

    async def _listen(self) -> None:
        listen, bounds = self.config.listen, self.config.connections
        guard = Guard(
            self.counters,
            time.monotonic_ns(),
            Bounds(bounds.max, bounds.waiting_per_address, bounds.failed_logons),
            lambda host: host in self._floor.named_networks,
        )
        gateway = await self._gateway.open(
            *host_and_port(listen.order_entry), guard, self._context("order_entry")
        )
        publisher = await self._publisher.open(
            *host_and_port(listen.market_data), guard, self._context("market_data")
        )
        self.addresses["order_entry"] = _address(gateway)
        self.addresses["market_data"] = _address(publisher)
        if self._drop_copies.copies:
            copies = await self._drop_copies.open(
                *host_and_port(listen.drop_copy), guard, self._context("drop_copy")
            )
            self.addresses["drop_copy"] = _address(copies)

    def _context(self, listener: str) -> ssl.SSLContext | None:
        self.counters.tls_certificate_expires_ns = min(
            (one.expires_ns for one in self._tls.values()), default=0
        )
        tls = self._tls.get(listener)
        return None if tls is None else tls.context

    def _log_recovery(self, recovered: Recovered, took_ns: int) -> None:
        self.counters.recovery_duration_ns = took_ns
        self.counters.journal_torn_bytes = recovered.journal.torn_bytes
        log(
            "recovered",
            snapshot_sequence=recovered.snapshot_sequence,
            sequence=recovered.engine.sequence,
            records=recovered.records,
            commands=recovered.commands,
            clean_stop=recovered.journal.was_closed,
            torn_bytes=recovered.journal.torn_bytes,
            seconds=took_ns / _NS_PER_SECOND,
        )

    # --- while it runs ---------------------------------------------------------------------------

    def health(self) -> Health:
        if self._vitals is None:
            return assess(Facts(recovered=False, durable=self.durable))
        return self._vitals.health()

    def status(self) -> str:
        """What the venue does, in a line for people."""
        words = self.health().words
        if self._vitals is None:
            return words
        connections, orders = self._floor.connection_count, self._engine.open_order_count
        sequence = self._pipeline.durable_sequence
        return f"{words}; {connections} connections, {orders} orders rest, sequence {sequence} is durable"

    def reload(self, then: Then | None = None) -> None:
        """Read the configuration again and go on with what it says; a bad one changes nothing."""
        if self._reload is None or self._vitals is None or self._stopping:
            text = "the venue starts, stops, or has no file"
            log("reload_ignored", WARNING, text=Ours(text))
            if then is not None:
                then(result(applied=False, lines=[text]))
        else:
            self._reload.ask(then)

    def _exchange_certificates(self, tls: dict[str, ListenerTls]) -> None:
        """Show these to whoever connects from now on. Whether a listener has TLS is settled at the start."""
        if tls.keys() != self._tls.keys():
            return
        self._tls = tls
        doors = {
            "order_entry": self._gateway.door,
            "market_data": self._publisher.door,
            "drop_copy": self._drop_copies.door,
            "ops": self._ops.door,
        }
        for name, door in doors.items():
            if door is not None:
                door.tls = self._context(name)

    # --- stop ------------------------------------------------------------------------------------

    async def stop(self) -> int:
        """Take nothing more, answer what was taken, keep the state, close the journal."""
        self._stopping = True
        log("stopping", sequence=self._engine.sequence)
        if self._vitals is not None:
            self._vitals.stop()
            self.supervisor.stopping()
            self._surroundings.stop()
            # The next start makes what is missing.
            await self._settlement.stop()
        self._gateway.accepting_orders = False
        self._gateway.stop_reading()
        await self._wait_until_durable()
        self._gateway.close(LogoutReason.SHUTTING_DOWN)
        self._publisher.close(LogoutReason.SHUTTING_DOWN)
        self._drop_copies.close(LogoutReason.SHUTTING_DOWN)
        await self._wait_for_peers()
        self._gateway.stop()
        self._publisher.stop()
        self._drop_copies.stop()
        self._ops.close()
        # Goodbyes have ended connections, and that may have cancelled orders.
        await self._wait_until_durable()
        await self._close_journal()
        assert self._pipeline.durable_sequence == self._engine.sequence, "the state is what the journal gives"
        state = VenueState(self._engine, self._publisher.market_data, self._history.marks)
        snapshot = take_snapshot(state, identity(self.durable), self._writer.epoch, self._writer.anchor)
        try:
            snapshots.write(self._storage, snapshot)
        except OSError as error:
            # The journal has everything: the next start takes longer, and that is all.
            log("snapshot_failed", WARNING, text=Ours(repr(error)))
        self._storage.release()
        gc.callbacks.remove(self._collections)
        log("stopped", sequence=self._engine.sequence, digest=snapshot.state_digest.hex())
        return 0

    async def _close_journal(self) -> None:
        self._keeper.stop()
        await _from_the_disk(asyncio.to_thread(self._journal.stop, _STOP_SECONDS_MAX), 2 * _STOP_SECONDS_MAX)
        if self._syncing is not None:
            asyncio.get_running_loop().remove_reader(self._syncing.socket)
            await asyncio.to_thread(self._syncing.close)
        self._scheduler.close()
        self._gap_scheduler.close()

    async def _wait_until_durable(self) -> None:
        durable = asyncio.Event()
        self._pipeline.when_durable(durable.set)
        await _from_the_disk(durable.wait(), _STOP_SECONDS_MAX)

    async def _wait_for_peers(self) -> None:
        """Give goodbyes a second to be read."""
        for _ in range(20):
            if not self._floor.connection_count:
                return
            await asyncio.sleep(0.05)


async def _from_the_disk(answer: Awaitable[object], seconds: float) -> None:
    """Wait for what only the disk keeps us from; JournalFailed where that takes too long."""
    try:
        async with asyncio.timeout(seconds):
            await answer
    except TimeoutError as error:
        raise JournalFailed(str(error) or f"the disk has not answered for {seconds:.0f} s") from error


def _unusable(directory: Path, error: OSError) -> StorageUnusable:
    """What a start could not do with `directory`, and how to help it."""
    reason = _reason(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason += "; a start needs room for a journal segment: free some and start again"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason += "; the venue has to own its journal's directory, and write to it"
    elif error.errno in (errno.EEXIST, errno.ENOTDIR):
        reason = "no directory, and a journal needs one of its own"
    return StorageUnusable(f"{directory}: {reason}")


def _reason(error: OSError | None) -> str:
    return "" if error is None else error.strerror or str(error)


def _address(bound: tuple[str, int]) -> str:
    return f"{bound[0]}:{bound[1]}"


def _journal_failed(error: BaseException, status: ExitCode) -> None:
    trace = Ours("".join(traceback.format_exception(error)))
    log("journal_failed", ERROR, text=Ours(repr(error)), exit_status=int(status), trace=trace)
