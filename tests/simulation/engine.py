"""The engine's process: the real venue, journal and recovery, with a simulated loop, disk and thread.

What `server/service.py` does with threads and ports is done here in turns of the world, in the same order.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import structs

from carbonmatch.config import Config
from carbonmatch.config.calendars import Calendar, Schedule
from carbonmatch.config.clearing import ClearingTable, FeesOfTrades
from carbonmatch.config.composites import Composite, Member
from carbonmatch.config.prices import Prices
from carbonmatch.config.schema import SelfTrade
from carbonmatch.config.volatility import Volatility, Width
from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal import snapshots
from carbonmatch.journal.reader import scan
from carbonmatch.journal.record import Kind
from carbonmatch.journal.segments import segment_name
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.limits import COMMIT_DEAD_SECONDS, SEAL_IDLE_SECONDS
from carbonmatch.matching import auction_times, state
from carbonmatch.matching.messages import GroupId, InstrumentId
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.health import Facts, Health, assess
from carbonmatch.protocol.messages import LogoutReason
from carbonmatch.server.clocks import Clocks, SteadyClock
from carbonmatch.server.commit import Commit, JournalThread
from carbonmatch.server.floor import Floor
from carbonmatch.server.history import History
from carbonmatch.server.listener import Listener
from carbonmatch.server.recovery import Recovered, identity, recover_venue
from carbonmatch.server.sync_process import SyncProcess
from carbonmatch.server.venue_snapshot import VenueState, take_snapshot
from tests.end_to_end import market
from tests.simulation.checks import Journaled, demand
from tests.simulation.disk import SimulatedDisk
from tests.simulation.mechanisms import has_mechanisms, with_mechanisms
from tests.simulation.world import NS_PER_MS, NS_PER_SECOND, NS_PER_US, ProcessEnded, ProcessScheduler, World

_TICK_SECONDS = 0.1
_KEEPER_RETRY_SECONDS = 1.0


class SimulatedSyncing(SyncProcess):
    """The process that syncs, without one: it takes as long as the disk does, and its own turns."""

    def __init__(self, disk: SimulatedDisk, scheduler: ProcessScheduler) -> None:
        self.is_asked = False
        self.answered: Callable[[], object] = lambda: None
        self._disk = disk
        self._scheduler = scheduler
        self._error: OSError | None = None
        self._is_done = False
        self._sync_ns = 0

    @property
    def is_idle(self) -> bool:
        return not self.is_asked

    @property
    def has_answered(self) -> bool:
        return self._is_done

    def ask(self, file: int, segment: int) -> None:
        self.is_asked = True
        self._sync_ns = self._disk.sync_ns()
        self._scheduler.after(self._sync_ns, lambda: self._sync(file))

    def hear(self) -> int | None:
        if not self._is_done:
            return None
        self._is_done = self.is_asked = False
        if self._error is not None:
            raise self._error
        return self._sync_ns

    def _sync(self, file: int) -> None:
        try:
            self._disk.fdatasync(file)
        except OSError as error:
            self._error = error
        self._is_done = True
        self._scheduler.after(NS_PER_US * 20, self.answered)


class SimulatedJournal(JournalThread):
    """The journal thread's own steps, taken in turns of the world."""

    def __init__(
        self,
        disk: SimulatedDisk,
        writer: JournalWriter,
        scheduler: ProcessScheduler,
        journaled: Journaled,
        durable: Callable[[Commit], object],
    ) -> None:
        syncing = SimulatedSyncing(disk, scheduler)
        super().__init__(writer, self._back, _ended, disk.world.monotonic_ns, syncing)
        syncing.answered = self.hear
        self.error: OSError | None = None  # of the keeper's last attempt
        self._disk = disk
        self._journal_writer = writer
        self._scheduler = scheduler
        self._journaled = journaled
        self._pipeline_durable = durable
        self._idle_turns = 0
        self._keep()

    def commit(self, commit: Commit) -> None:
        self._idle_turns += 1
        self._journaled.in_flight = commit.payload
        if self._disk.world.random.random() < 0.5 or not self._commit_beside(commit):
            self._scheduler.after(self._disk.sync_ns(), lambda: self._take(commit))

    def close(self) -> None:
        self._idle_turns += 1
        self.take(None)

    def _take(self, commit: Commit) -> None:
        self.take(commit)

    def _seal(self, turn: int) -> None:
        """Where nothing has come since that turn."""
        if turn == self._idle_turns:
            self.idle()
            if self._unsealed:
                self._scheduler.call_later(SEAL_IDLE_SECONDS, partial(self._seal, turn))

    def commit_here(self, commit: Commit) -> bool:
        if self._disk.world.random.random() < 0.5:
            return False
        return super().commit_here(commit)

    def _append(self, commit: Commit) -> None:
        self._disk.holds_up = bool(self._here_since_ns)
        self._journaled.in_flight = commit.payload
        super()._append(commit)
        self._disk.holds_up = False

    def _note(self, commit: Commit, disk_ns: int) -> None:
        """As ever; and note what is durable from here on, having looked whether it is."""
        super()._note(commit, disk_ns)
        name = segment_name(self._journal_writer.segment)
        demand(self._disk.is_durable(name), "a commit is on the disk when it is called durable", name)
        self._journaled.take(commit.payload, commit.first_sequence)
        self._journaled.in_flight = None
        self._idle_turns += 1
        self._scheduler.call_later(SEAL_IDLE_SECONDS, partial(self._seal, self._idle_turns))
        if self._journal_writer.work.is_set():
            self._scheduler.after(NS_PER_US * 300, self._keep)

    def _back(self, commit: Commit) -> None:
        """From the thread to the loop."""
        self._scheduler.after(NS_PER_US * 20, lambda: self._pipeline_durable(commit))

    def _keep(self) -> None:
        """What the segment keeper does."""
        writer = self._journal_writer
        writer.work.clear()
        if writer.failed:
            return
        try:
            writer.prepare_next()
            self.error = None
        except OSError as error:
            self.error = error
            self._scheduler.call_later(_KEEPER_RETRY_SECONDS, self._keep)


class Process:
    """One start of the engine, up to its end. Raises ProcessEnded, or what a start may raise."""

    def __init__(
        self, world: World, disk: SimulatedDisk, journaled: Journaled, day: tuple[Calendar, Schedule]
    ) -> None:
        """`day`: what one of the instruments follows."""
        self.world = world
        self.disk = disk
        self.is_listening = False
        self.is_stopping = False
        self.last_digest = b""  # once it has stopped in order
        self.scheduler = ProcessScheduler(
            world,
            lambda: NS_PER_US * world.random.randint(50, 2_000),
            lambda: world.happens(disk.faults.failed_read),
        )
        usual = market.config(Path("unused"), throttle=_THROTTLE)
        usual = with_mechanisms(usual, world.seed)
        config = _composed(_restrained(_grouped(_scheduled(usual, *day)), world.seed), world.seed)
        if has_accounts(world.seed):
            config = _cleared(config)
        self.history = history = History(disk, self.scheduler)
        self.recovered: Recovered = recover_venue(disk, history, True, disk.faults.segment_bytes)
        self.writer = JournalWriter(disk, self.recovered.journal)
        records = [(one.payload, one.first_sequence) for one in scan(disk) if one.kind is Kind.DATA]
        journaled.recovered(records)
        history.durable_position = self.writer.durable_position
        self.journal = SimulatedJournal(disk, self.writer, self.scheduler, journaled, self._durable)
        clock = SteadyClock(world.utc_ns, self.recovered.engine.time_ns)
        self.floor = Floor(
            config,
            self.recovered,
            self.journal,
            history,
            Clocks(clock.time_ns, world.monotonic_ns),
            Counters(),
            self.scheduler,
            self.writer.epoch,
            world.random.randbytes(auction_times.SEED_BYTES),
        )
        self.floor.publisher.subscriptions._conflate_buffer_bytes = disk.faults.conflate_bytes
        self.engine = self.recovered.engine
        self.first_digest = state.digest(self.engine)
        self.floor.define(self._listen)

    def _durable(self, commit: Commit) -> None:
        self.floor.pipeline.durable(commit)

    def _listen(self) -> None:
        self.is_listening = True
        for listener in self._listeners():
            listener.start_sweeping()
        self._tick()

    def _listeners(self) -> list[Listener]:
        return [self.floor.gateway, self.floor.publisher, self.floor.drop_copies]

    def health(self) -> Health:
        return assess(
            Facts(
                recovered=True,
                stopping=self.is_stopping,
                commit_pending_seconds=self.floor.pipeline.commit_age_ns() / NS_PER_SECOND,
                spare_segments=self.writer.spare_segments,
                spares_error=str(self.journal.error or ""),
            )
        )

    def _tick(self) -> None:
        if self.floor.pipeline.commit_age_ns() > COMMIT_DEAD_SECONDS * NS_PER_SECOND:
            raise ProcessEnded("the disk does not answer")
        accepts = self.health().accepts_new_orders
        if accepts != self.floor.gateway.accepting_orders and not self.is_stopping:
            self.world.note("orders are taken again" if accepts else "new orders are refused")
            self.floor.gateway.accept_orders(accepts)
        self.scheduler.call_later(_TICK_SECONDS, self._tick)

    # --- a stop in order --------------------------------------------------------------------------

    def stop(self) -> None:
        """As the service does it: take nothing more, answer, say goodbye, close, keep the state."""
        if self.is_stopping or not self.is_listening:
            return
        self.is_stopping = True
        gateway = self.floor.gateway
        gateway.accepting_orders = False
        gateway.stop_reading()
        self.floor.pipeline.when_durable(self._say_goodbye)

    def _say_goodbye(self) -> None:
        for listener in self._listeners():
            listener.close(LogoutReason.SHUTTING_DOWN)
        self.scheduler.after(NS_PER_MS * 1_000, self._drop_connections)

    def _drop_connections(self) -> None:
        for listener in self._listeners():
            listener.stop()
        self.scheduler.after(NS_PER_MS, lambda: self.floor.pipeline.when_durable(self._close))

    def _close(self) -> None:
        self.journal.close()
        demand(
            self.floor.pipeline.durable_sequence == self.engine.sequence,
            "the state is what the journal gives",
        )
        self.last_digest = state.digest(self.engine)
        kept = VenueState(self.engine, self.floor.publisher.market_data, self.history.marks)
        snapshot = take_snapshot(kept, identity(True), self.writer.epoch, self.writer.anchor)
        try:
            snapshots.write(self.disk, snapshot)
        except OSError:
            self.world.note("no snapshot")
        raise ProcessEnded("a clean stop")

    # --- what tests look at -----------------------------------------------------------------------

    def is_idle(self) -> bool:
        """Whether everything applied is released, market data included."""
        return self.floor.pipeline._published_sequence == self.engine.sequence


# What restrains the prices of EUA, which are around 1000: in turn by seed, in most worlds something.
_RESTRAINTS: Final = (
    Volatility(
        short=Width(ticks=8),
        short_window_ms=50,
        long=Width(basis_points=120),
        long_window_ms=2_000,
        auction_ms=300,
        auction_random_ms=100,
        extension=Width(ticks=6),
        extensions_max=2,
    ),
    Volatility(),
    Volatility(
        collar=Width(ticks=12),
        interval=Width(ticks=7),
        interval_recalculation_ms=200,
        interval_hold_ms=500,
    ),
)


def _restrained(config: Config, seed: int) -> Config:
    restraint = _RESTRAINTS[seed % len(_RESTRAINTS)]
    changes = {"volatility": restraint, "reference_price_ticks": 1_000}
    instruments = tuple(
        structs.replace(one, **changes) if one.id == market.EUA else one for one in config.instruments
    )
    return structs.replace(config, instruments=instruments)


def _composed(config: Config, seed: int) -> Config:
    """In every other world with a composite price of both instruments."""
    if seed % 2:
        return config
    instruments = tuple(structs.replace(one, prices=Prices(close="last")) for one in config.instruments)
    members = (Member("EUA", 2), Member("CEA", 1))
    composite = Composite(InstrumentId(90), "COMPOSITE", members)
    return structs.replace(config, instruments=instruments, composites=(composite,))


def has_accounts(seed: int) -> bool:
    """In one world of seven accounts hold units and money of CEA, where the reference plays as well."""
    return seed % 7 == 6 and not has_mechanisms(seed)


def _cleared(config: Config) -> Config:
    """What was bought may be sold at once: the day does not end in a world."""
    fees = (
        FeesOfTrades(("continuous",), buyer_basis_points=30, seller_basis_points=20, buyer_minor_per_lot=3),
        FeesOfTrades(("auction",), buyer_basis_points=10, seller_minor_per_lot=40),
    )
    table = ClearingTable(lag_days=0, position_max_lots=2_500, fees=fees)
    instruments = tuple(
        structs.replace(one, clearing=table) if one.id == market.CEA else one for one in config.instruments
    )
    return structs.replace(config, instruments=instruments)


def _scheduled(config: Config, calendar: Calendar, schedule: Schedule) -> Config:
    instruments = tuple(
        structs.replace(one, schedule=schedule.name) if one.id == market.CEA else one
        for one in config.instruments
    )
    return structs.replace(config, instruments=instruments, calendars=(calendar,), schedules=(schedule,))


def _grouped(config: Config) -> Config:
    """With Bob's account and Carol's one owner's, where EUA goes by groups."""
    rules = SelfTrade(key="group", modes=("none", "cancel_newest", "cancel_oldest", "decrement"))
    instruments = tuple(
        structs.replace(one, self_trade=rules) if one.id == market.EUA else one for one in config.instruments
    )
    participants = tuple(
        one
        if market.ALICE_ACCOUNT in (account.id for account in one.accounts)
        else structs.replace(
            one, accounts=tuple(structs.replace(account, group=GroupId(5)) for account in one.accounts)
        )
        for one in config.participants
    )
    return structs.replace(config, instruments=instruments, participants=participants)


def _ended(error: BaseException, _status: ExitCode) -> None:
    if isinstance(error, OSError):
        raise ProcessEnded(f"the disk failed: {error}") from error
    raise error


# Carol's: low enough to be reached.
_THROTTLE = "{ commands_per_second = 50, commands_burst = 20, cancels_per_second = 50, cancels_burst = 20 }"
