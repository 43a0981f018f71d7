"""One world from its seed to its end: trade while things go wrong, then heal, and look at everything.

simulate(seed)          raises Violated, or whatever else fell over; the same seed does so again
"""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

from msgspec import Struct

from carbonmatch.config.timetable import Timetable
from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.reader import verify
from carbonmatch.matching import state
from carbonmatch.matching.messages import (
    AnyPublicEvent,
    LimitsChanged,
    OrderFlag,
    Phase,
    PhaseChanged,
    Ref,
    SessionId,
)
from carbonmatch.protocol.messages import Role
from carbonmatch.server import gateway as gateway_module
from carbonmatch.server import history as history_module
from carbonmatch.server import pipeline as pipeline_module
from carbonmatch.server import publisher as publisher_module
from carbonmatch.server import session_peer as session_peer_module
from carbonmatch.server import stream as stream_module
from carbonmatch.server.history import History
from carbonmatch.server.listener import Listener
from carbonmatch.server.recovery import Diverged, recover_venue
from tests.end_to_end import market
from tests.server.turns import Turns
from tests.simulation.checks import (
    Journaled,
    check_not_crossed,
    check_reference,
    check_schedule,
    check_units,
    demand,
)
from tests.simulation.client import Connection
from tests.simulation.copier import Copier
from tests.simulation.day import day
from tests.simulation.disk import SimulatedDisk
from tests.simulation.engine import Process
from tests.simulation.faults import Faults, drawn, healed
from tests.simulation.mechanisms import check_mechanisms, has_mechanisms
from tests.simulation.network import Network
from tests.simulation.standby import Standby
from tests.simulation.subscriber import Subscriber
from tests.simulation.trader import Trader
from tests.simulation.world import NS_PER_MS, NS_PER_SECOND, ProcessEnded, World

STEPS = 4_000
# Everything is answered so soon once nothing goes wrong any more.
_HEALING_SECONDS = 120
_CHECK_EVERY_STEPS = 500


class Outcome(Struct):
    """What a run was, for whoever counts."""

    seed: int
    steps: int
    commands: int
    trades: int
    starts: int
    crashes: int
    torn: int
    flips: int
    snapshots: int
    restrained: int  # interruptions, and changes of interval price limits
    simulated_seconds: float
    digest: str


class Simulation:
    """A machine with an engine on it, and those who use it."""

    def __init__(
        self, seed: int, faults: Faults | None = None, tell: Callable[[str], object] | None = None
    ) -> None:
        self.world = World(seed)
        self.world.tell = tell
        self.faults = drawn(self.world.random) if faults is None else faults
        # From a chance of its own: what it draws must not shift what else is drawn.
        self.day = day(Random(seed))
        self.journaled = Journaled()
        self.disk = SimulatedDisk(self.world, self.faults)
        self.standby = Standby(self.world, self.disk)
        self.network = Network(self.world, self.faults)
        self.process: Process | None = None
        self.starts = self.crashes = self.flips = 0
        self._mishaps_on = True
        self.traders = [
            Trader(self.world, self.faults, self.journaled, name, session_id)
            for name, session_id in (
                ("alice", market.ALICE),
                ("alice-2", market.ALICE_2),
                ("bob", market.BOB),
                ("carol", market.CAROL),
                ("operator", market.OPERATOR),
            )
        ]
        self.subscribers = [Subscriber(self.world, self.faults, self.journaled) for _ in range(2)]
        self.copier = Copier(self.world, self.faults, self.journaled)
        self.copier.connect = self._connect
        for trader in self.traders:
            trader.connect = self._connect
        for subscriber in self.subscribers:
            subscriber.connect = self._connect
        self.world.note(f"seed {seed}: {self.faults}")
        self._next_start = self.world.after(0, self._start)
        self._mishap_later()

    # --- connections ------------------------------------------------------------------------------

    def _connect(self, owner: Trader | Subscriber | Copier) -> Connection | None:
        process = self.process
        if process is None or not process.is_listening or process.is_stopping:
            return None
        floor = process.floor
        listener: Listener = floor.publisher
        role = Role.MARKET_DATA
        if isinstance(owner, Trader):
            listener, role = floor.gateway, market.role_of(owner.name)
        elif isinstance(owner, Copier):
            listener, role = floor.drop_copies, Role.DROP_COPY
        connection = Connection(self.world, owner, role)
        self.network.connect(connection, listener.make_peer)
        return connection

    # --- the engine's life --------------------------------------------------------------------------

    def _start(self) -> None:
        world, disk = self.world, self.disk
        disk.process()
        self._flip_a_bit()
        if world.happens(self.faults.crash_in_recovery):
            disk.crash_after = world.random.randrange(60)
        try:
            process = Process(world, disk, self.journaled, self.day)
        except OSError as error:
            world.note(f"no start: {error}")
            disk.process()
            self._next_start = world.after(NS_PER_MS * 500, self._start)
            return
        disk.crash_after = None
        self.process = process
        self.starts += 1
        recovered = process.recovered
        world.note(f"start {self.starts}: sequence {recovered.engine.sequence}")
        if recovered.snapshot_sequence:
            self._check_whole_replay(process.first_digest)

    def _check_whole_replay(self, digest: bytes) -> None:
        """From the first command the same state comes out as from the snapshot."""
        copy = self.disk.copy()
        for name in copy.list():
            if name.endswith(".cms"):
                copy.remove(name)
        again = recover_venue(copy, History(copy, Turns()), True, self.faults.segment_bytes)
        demand(state.digest(again.engine) == digest, "replay from a snapshot and from the start agree")

    def _flip_a_bit(self) -> None:
        """On a copy of the disk: a recovery refuses it, or finds what it finds without the flip."""
        random = self.world.random
        if not self.world.happens(self.faults.bit_flip) or not self.disk.names:
            return
        self.flips += 1
        whole, flipped = self.disk.copy(), self.disk.copy()
        # Most of a file is room for what is to come: there a flip teaches little.
        used = {name: len(flipped.bytes_of(name).rstrip(b"\0")) for name in flipped.list()}
        name = random.choices(list(used), [1 + length for length in used.values()])[0]
        data = flipped.bytes_of(name)
        if not data:
            return
        data[random.randrange(min(len(data), used[name] + 512))] ^= 1 << random.randrange(8)
        segment_bytes = self.faults.segment_bytes
        try:
            found = recover_venue(flipped, History(flipped, Turns()), True, segment_bytes)
        except (JournalDamaged, JournalRefused, Diverged):
            return
        expected = recover_venue(whole, History(whole, Turns()), True, segment_bytes)
        demand(
            state.digest(found.engine) == state.digest(expected.engine), "no flip of a bit changes the state"
        )

    def _end(self, ended: ProcessEnded) -> None:
        """The process is gone, or the whole machine."""
        world = self.world
        world.note(f"the engine ends: {ended.why}{', power lost' if ended.power_lost else ''}")
        self.crashes += ended.why != "a clean stop"
        if self.process is not None:
            self.process.scheduler.is_alive = False
            self.process = None
        for end in list(self.network.ends):
            if not isinstance(end.owner, Connection):
                end.vanish(delivered=not ended.power_lost)
        if ended.power_lost:
            self.standby.end()
            self.disk.lose_power()
        else:
            self.disk.process()
        # The machine may be lost again before the engine has begun.
        self._next_start.cancel()
        self._next_start = world.after(NS_PER_MS * world.random.choice((1, 50, 1_000)), self._start)

    # --- mishaps ------------------------------------------------------------------------------------

    def _mishap_later(self) -> None:
        delay_ns = int(NS_PER_SECOND * self.faults.mishap_seconds * self.world.random.expovariate(1))
        self.world.after(delay_ns, self._mishap)

    def _mishap(self) -> None:
        faults, random = self.faults, self.world.random
        kinds: dict[Callable[[], None], float] = {
            self._kill: faults.kill,
            self._cut_power: faults.power_cut,
            self.network.break_one: faults.connection_break * 5,
            self._fill_disk: faults.full_disk,
            self._step_clock: faults.clock_step,
            self._freeze_clock: faults.clock_freeze,
            self._stop: faults.clean_stop,
        }
        self._mishap_later()
        if self._mishaps_on and any(kinds.values()):
            random.choices(list(kinds), list(kinds.values()))[0]()

    def _kill(self) -> None:
        if self.process is not None:
            raise ProcessEnded("a kill")

    def _cut_power(self) -> None:
        if self.process is not None:
            raise ProcessEnded("a power cut", power_lost=True)

    def _fill_disk(self) -> None:
        self.world.note("the disk fills up")
        self.disk.fill()
        self.world.after(NS_PER_MS * self.world.random.randint(10, 5_000), self.disk.clear)

    def _step_clock(self) -> None:
        random = self.world.random
        by_ns = random.choice((1_000, 1_000_000, NS_PER_SECOND, 3_600 * NS_PER_SECOND)) * random.choice(
            (1, -1)
        )
        self.world.note(f"the clock steps by {by_ns} ns")
        self.world.step_utc(by_ns)

    def _set_clock_right(self) -> None:
        """Set a clock forward that is behind what was told by it: no auction would end before that."""
        behind_ns = self.journaled.time_ns - self.world.utc_ns()
        if behind_ns > 0:
            self.world.note(f"the clock steps by {behind_ns} ns")
            self.world.step_utc(behind_ns)

    def _freeze_clock(self) -> None:
        self.world.freeze_utc(True)
        self.world.after(
            NS_PER_MS * self.world.random.randint(1, 3_000), lambda: self.world.freeze_utc(False)
        )

    def _stop(self) -> None:
        if self.process is not None:
            self.world.note("told to stop")
            self.process.stop()

    # --- the run ------------------------------------------------------------------------------------

    def step(self) -> None:
        try:
            self.world.step()
        except ProcessEnded as ended:
            self._end(ended)
        if self.world.steps % _CHECK_EVERY_STEPS == 0 and self.process is not None:
            self.process.engine.check()
            check_not_crossed(self.process.engine)

    def run(self, steps: int) -> Outcome:
        while self.world.steps < steps:
            self.step()
        self._heal()
        self._until(self._is_settled, "everybody has everything once nothing goes wrong any more")
        self._check_all()
        self._check_cancel_on_disconnect()
        self._check_clean_stop()
        return Outcome(
            self.world.seed,
            self.world.steps,
            self.journaled.sequence,
            len(self.journaled.trades),
            self.starts,
            self.crashes,
            sum(name.endswith(".torn") for name in self.disk.names),
            self.flips,
            self.standby.snapshots_written,
            sum(_is_restraint(event) for event in self.journaled.public),
            self.world.now_ns / NS_PER_SECOND - 1,
            self.world.digest(),
        )

    def _heal(self) -> None:
        self.world.note("nothing goes wrong any more")
        self._mishaps_on = False
        calm = healed(self.faults)
        self._set_clock_right()
        self.disk.clear()
        self.disk.short_writes = False
        self.disk.crash_after = None
        self.faults = calm
        self.disk.faults = self.network.faults = self.copier.faults = calm
        for subscriber in self.subscribers:
            subscriber.faults = calm
        for trader in self.traders:
            trader.faults = calm
            trader.is_trading = False

    def _until(self, holds: Callable[[], bool], promise: str) -> None:
        deadline_ns = self.world.now_ns + _HEALING_SECONDS * NS_PER_SECOND
        while not holds():
            demand(self.world.now_ns < deadline_ns, promise, *self._unsettled())
            for _ in range(20):
                self.step()

    def _unsettled(self) -> list[str]:
        """What is missing, for whoever has to find out why."""
        missing = [f"{one.name}: {len(one.unanswered)} unanswered" for one in self.traders]
        if self.process is None or not self.process.is_listening:
            missing.append("no engine")
        return missing

    def _is_settled(self) -> bool:
        process = self.process
        return (
            process is not None
            and process.is_listening
            and process.is_idle()
            and all(one.is_done() and self._is_connected(one) for one in self.traders)
            and all(self._has_all(one) for one in self.traders)
            and all(one.equals(process.engine) for one in self.subscribers)
            and self.copier.has_all()
            and self.standby.equals(process.engine)
        )

    @staticmethod
    def _is_connected(trader: Trader) -> bool:
        return trader.connection is not None and trader.connection.is_active

    def _has_all(self, trader: Trader) -> bool:
        return trader.reports == self.journaled.streams.get(trader.session_id, [])

    def _check_all(self) -> None:
        process = self.process
        assert process is not None
        engine = process.engine
        engine.check()
        check_not_crossed(engine)
        for trader in self.traders:
            applied = self.journaled.applied.get(trader.session_id, {})
            demand(not trader.refused & applied.keys(), "what was refused was never applied", trader.name)
            for ref, command in applied.items():
                demand(
                    command in trader.sent.get(Ref(ref), []),
                    "only what was sent is applied",
                    trader.name,
                    command,
                )
        check_schedule(self.journaled, Timetable(self.day[1], self.day[0]))
        check_units({trader.session_id: trader.reports for trader in self.traders})
        if has_mechanisms(self.world.seed):
            check_mechanisms(self.journaled)
        else:
            check_reference(self.journaled, engine)

    def _check_cancel_on_disconnect(self) -> None:
        """Whoever leaves with cancel-on-disconnect leaves no order behind, but for those that it says."""
        for trader in self.traders:
            trader.wants_connection = False

        def all_cancelled() -> bool:
            process = self.process
            return process is not None and not any(
                not order.flags & OrderFlag.KEEP_ON_DISCONNECT
                for trader in self.traders
                if trader.grace_ms is not None
                for order in process.engine.sessions[SessionId(trader.session_id)].orders.values()
            )

        self._until(all_cancelled, "orders go with their connection")

    def _check_clean_stop(self) -> None:
        """A stop in order leaves a journal that verifies, and a state that comes back."""
        process = self.process
        assert process is not None
        starts = self.starts
        process.stop()
        while self.process is process:
            self.step()
        verification = verify(self.disk)
        demand(verification.closed, "a clean stop closes the journal")
        demand(verification.records == len(self.journaled.payloads), "the journal has every record")
        self._until(lambda: self.starts > starts, "it starts again")
        assert self.process is not None
        demand(self.process.recovered.journal.was_closed, "a clean stop is recognized")
        demand(self.process.first_digest == process.last_digest, "the state comes back")


def _is_restraint(event: AnyPublicEvent) -> bool:
    return isinstance(event, LimitsChanged) or (
        isinstance(event, PhaseChanged) and event.phase is Phase.VOLATILITY_AUCTION
    )


def simulate(
    seed: int,
    steps: int = STEPS,
    faults: Faults | None = None,
    tell: Callable[[str], object] | None = None,
) -> Outcome:
    """Run one world. An error carries a note with the seed and the step that repeat it."""
    simulation = Simulation(seed, faults, tell)
    with _small_bounds(simulation), _quiet():
        try:
            return simulation.run(steps)
        except BaseException as error:
            error.add_note(
                f"step {simulation.world.steps}; repeat with: "
                f"python -m tests.simulation --seed {seed} --steps {steps} --trace"
            )
            raise


@contextmanager
def _small_bounds(simulation: Simulation) -> Iterator[None]:
    """The bounds that this world has drawn, where the real ones would never be reached; and its nonces."""
    faults = simulation.faults
    random = simulation.world.random
    small: list[tuple[Any, str, Any]] = [
        (stream_module, "OUTBOX_BYTES_MAX", faults.outbox_bytes),
        (history_module, "_SLICE_BYTES", faults.slice_bytes),
        (pipeline_module, "BATCH_COMMANDS_MAX", faults.batch_commands),
        (gateway_module, "TURN_SESSION_WORK_MAX", faults.turn_session_work),
        (publisher_module, "CONFLATE_BUFFER_BYTES", faults.conflate_bytes),
        (session_peer_module, "QUEUED_FRAME_BYTES_MAX", faults.queued_frame_bytes),
        (secrets, "token_bytes", random.randbytes),
    ]
    patches = [patch.object(*one) for one in small]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("carbonmatch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
