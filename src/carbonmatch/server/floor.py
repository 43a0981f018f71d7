"""What one start of the engine makes between its ports and its disk, and the order in which it begins.

Nothing here waits, reads a clock or opens anything: the service gives it a loop, a journal and ports,
a simulation gives it its own.
"""

from collections.abc import Callable
from typing import Final

from carbonmatch.config import Config, ConfigError
from carbonmatch.matching.auction import phase_until_ns
from carbonmatch.matching.blocks.endings import would_lose_offers
from carbonmatch.matching.messages import (
    AmendmentCommand,
    DefineComposite,
    DefineDropCopy,
    DefineInstrument,
    DropAmendment,
    OnAmendment,
    Outputs,
    RemoveSession,
    SessionId,
    SetSeed,
    TableKind,
    VenueCommand,
)
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.logs import WARNING, log
from carbonmatch.protocol import session
from carbonmatch.protocol.messages import Logon, Role
from carbonmatch.server.amending import Amending, in_force, overruled_amendments, refused
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.configured import (
    changed_definitions,
    credentials,
    drop_copies,
    gone,
    session_settings,
)
from carbonmatch.server.drop_copy import DropCopyListener
from carbonmatch.server.gateway import Gateway
from carbonmatch.server.history import History
from carbonmatch.server.networks import Networks
from carbonmatch.server.pipeline import NS_PER_SECOND, Journal, Pipeline
from carbonmatch.server.publisher import Publisher
from carbonmatch.server.recovery import Recovered
from carbonmatch.server.scheduler import Scheduler
from carbonmatch.server.schedules import Schedules
from carbonmatch.server.stream import Stream

# Definitions go to the journal this many to a batch, so that a large venue still fits its bounds.
_DEFINITIONS_PER_ENTRY: Final = 1_024


class Floor:
    """The pipeline and the listeners, on a state that was recovered."""

    def __init__(
        self,
        config: Config,
        recovered: Recovered,
        journal: Journal,
        history: History,
        clocks: Clocks,
        counters: Counters,
        scheduler: Scheduler,
        epoch: int,
        seed: bytes,
    ) -> None:
        """`seed` is random: what the ends of auctions are drawn from until the next start."""
        # As it was read, and with what operators have changed of it.
        self._file = config
        self.config = config = in_force(config, recovered.engine)
        # Whether a change is on its way to the disk, by a file that was read again or by an operator, and who
        # waits for it.
        self._is_changing = False
        self._until_settled: list[Callable[[], None]] = []
        self._seed = seed
        self.engine = recovered.engine
        self.counters = counters
        durable = config.journal.sync == "always"
        server_id = config.venue.server_id
        # Who may log on, as of what is durable. All listeners look here at each logon.
        self._credentials: dict[str, session.Credential] = {}
        # Until when operators keep sessions out, likewise.
        self._banned: dict[str, int] = {}
        # Where keys are used from, of those that say so.
        self.named_networks = Networks(())
        self.publisher = Publisher(
            session.Listener(server_id, frozenset({Role.MARKET_DATA}), self._credentials, self._banned),
            clocks,
            counters,
            scheduler,
            recovered.market_data,
            epoch,
            durable,
        )
        self.pipeline = Pipeline(
            recovered.engine,
            recovered.streams,
            journal,
            self.publisher.publish,
            history,
            counters,
            clocks,
            scheduler.call_soon,
        )
        self.schedules = Schedules(config, self.pipeline, clocks, scheduler)
        self.gateway = Gateway(
            session.Listener(
                server_id, frozenset({Role.TRADE, Role.OPERATOR}), self._credentials, self._banned
            ),
            clocks,
            counters,
            scheduler,
            self.pipeline,
            history,
            self.schedules,
            session_settings(config),
            epoch,
            durable,
            config.venue.order_wait_ms,
        )
        self.drop_copies = DropCopyListener(
            session.Listener(server_id, frozenset({Role.DROP_COPY}), self._credentials, self._banned),
            clocks,
            counters,
            scheduler,
            self.pipeline,
            history,
            drop_copies(config),
            epoch,
            durable,
        )
        self.gateway.steering.listeners = (self.gateway, self.publisher, self.drop_copies)
        self.gateway.steering.amend = self._amend
        self.gateway.steering.when_settled = self.when_settled
        self.pipeline.on_steered = self._admit_as_steered
        self.pipeline.after_steered = self._end_as_steered

    @property
    def connection_count(self) -> int:
        return len(self.gateway.peers) + len(self.publisher.peers) + len(self.drop_copies.peers)

    def define(self, done: Callable[[], None]) -> None:
        """Journal a new seed, and what the configuration says and the engine does not know yet; call `done`.

        Connections may be let in from then on.
        """

        def begin() -> None:
            self._begin()
            # Nobody is let in before the phases are those of now, and the feed shows them: what it shows is
            # what is durable.
            self.schedules.run()
            let_in()

        def let_in() -> None:
            self.pipeline.when_durable(let_in if self.pipeline.is_held_up else done)

        # The first entry may end an auction whose time has come, and its trades are counted.
        self._count_what_is_there()
        changed = changed_definitions(self.config, self.engine)
        self._journal([SetSeed(self._seed), *self._overruled(self._file), *changed], begin)

    def redefine(
        self,
        config: Config,
        done: Callable[[list[VenueCommand]], None],
        refused: Callable[[ConfigError], None],
    ) -> None:
        """As `define`, of a venue that runs: accounts, sessions, keys, throttles; not instruments.

        When it is durable it is in force: who is not entitled any more is logged off. `done` is told
        which definitions have changed; `refused` where it cannot be had. Not to be called again before that.
        """
        if self._is_changing:
            # An operator's change that is on its way to the disk: it takes a moment.
            self.when_settled(lambda: self.redefine(config, done, refused))
            return
        try:
            found = changed_definitions(in_force(config, self.engine), self.engine)
        except ConfigError as error:
            refused(error)
            return
        # What operators have changed of instruments stays until the start that takes over the file's.
        overruled = [one for one in self._overruled(config) if one.kind is not TableKind.INSTRUMENT]
        commands = [one for one in found if type(one) not in (DefineInstrument, DefineComposite)]
        self._is_changing = True

        def take_effect() -> None:
            self._file = config
            self._take_effect()
            done(commands)

        self._journal([*overruled, *commands], take_effect)

    def _take_effect(self) -> None:
        """What is durable now is in force: for who may log on, and for whom that is over."""
        self._let_in()
        self.gateway.end_unentitled()
        self.schedules.take(self.config)
        self.schedules.run()
        self.publisher.end_unentitled()
        self.drop_copies.end_unentitled()
        self._is_changing = False
        waiting, self._until_settled = self._until_settled, []
        for callback in waiting:
            callback()

    def _let_in(self, *, at_once: bool = False) -> None:
        """Whoever may log on by what is durable now, and as what; `at_once` is for throttles."""
        config = self.config = in_force(self._file, self.engine)
        self._open_to_keys()
        self.gateway.sessions_changed(session_settings(config), at_once=at_once)
        self.drop_copies.copies = drop_copies(config)

    def when_settled(self, callback: Callable[[], None]) -> None:
        """Call back when no change of the configuration is on its way."""
        if self._is_changing:
            self._until_settled.append(callback)
        else:
            callback()

    def _overruled(self, file: Config) -> list[DropAmendment]:
        """What operators have changed and the file says otherwise now."""
        overruled = overruled_amendments(file, self.engine)
        for drop in overruled:
            log("amendment_overruled", WARNING, kind=drop.kind.name.lower(), name=drop.name)
        return overruled

    # --- changes by operators ----------------------------------------------------------------------

    def _amend(self, command: AmendmentCommand, logon: Logon) -> OnAmendment:
        """What follows from an operator's command: to be applied at once."""
        if self._is_changing:
            return refused(command, ["another change is on its way to the disk; expected it to be in force"])
        # Nothing is due any more that would come between what is found here and the entry.
        self.schedules.run()
        amending = Amending(self._file, self.engine, has_drop_copies=bool(self.drop_copies.copies))
        found = amending.found(command, self.config, logon)
        self._is_changing = found.applied
        return found

    def _admit_as_steered(self, outputs: Outputs) -> None:
        """Before an operator is answered: who was let in may come then, and who was banned may not."""
        for disconnection in outputs.disconnects:
            self._banned[self._name_of(disconnection.session_id)] = disconnection.banned_until_ns
        if outputs.amended:
            self._let_in(at_once=True)

    def _end_as_steered(self, outputs: Outputs) -> None:
        """Once everybody has got his reports: connections that nobody is entitled to any more."""
        for disconnection in outputs.disconnects:
            name = self._name_of(disconnection.session_id)
            self.gateway.steering.disconnect(name, disconnection.text)
        if outputs.amended:
            self._take_effect()

    def _journal(self, commands: list[VenueCommand], then: Callable[[], None]) -> None:
        if self.gateway.is_closed:
            # The venue stops, and its journal with it; the next start defines what is left.
            return
        if not commands:
            then()
            return
        self._tell_of_removals(commands[:_DEFINITIONS_PER_ENTRY])
        self.pipeline.submit_venue(commands[:_DEFINITIONS_PER_ENTRY])
        # One entry to a batch: gathered, 65,536 definitions would be more than a record counts.
        self.pipeline.when_durable(lambda: self._journal(commands[_DEFINITIONS_PER_ENTRY:], then))

    def _tell_of_removals(self, commands: list[VenueCommand]) -> None:
        for command in commands:
            if type(command) is RemoveSession:
                state = self.engine.sessions[command.session_id]
                log("session_removed", WARNING, session=state.name, orders_cancelled=len(state.orders))
            elif type(command) is DefineDropCopy and not command.account_ids:
                log("drop_copy_removed", WARNING, name=command.name)

    def _name_of(self, session_id: SessionId) -> str:
        engine = self.engine
        return (engine.sessions.get(session_id) or engine.drop_copies[session_id]).name

    def _open_to_keys(self) -> None:
        """Let the keys in that the engine knows. Nothing of them may wait for the disk."""
        self._credentials.clear()
        self._credentials.update(credentials(self.engine))
        self.counters.keys = len(self._credentials)
        self.named_networks = Networks(
            network for credential in self._credentials.values() for network in credential.networks
        )
        for session_id in (*self.engine.sessions, *self.engine.drop_copies):
            self.pipeline.streams.setdefault(session_id, Stream(session_id))

    def _count_what_is_there(self) -> None:
        engine, counters = self.engine, self.counters
        for instrument_id, book in engine.books.items():
            counters.define(book.instrument.definition)
            counters.phases[instrument_id] = book.instrument.phase
            counters.phase_end_s[instrument_id] = phase_until_ns(book) // NS_PER_SECOND

    def _begin(self) -> None:
        engine = self.engine
        self._open_to_keys()
        for session_id, until_ns in engine.venue.banned.items():
            self._banned[self._name_of(session_id)] = until_ns
        for symbol, open_orders in gone(self.config, engine):
            log("not_configured", WARNING, kind="instrument", name=symbol, open_orders=open_orders)
        # Whoever was connected with cancel-on-disconnect when the engine stopped has lost its
        # connection like everybody else: the same grace time, counted from now.
        for session_id, state in engine.sessions.items():
            if state.cancel_on_disconnect and (state.orders or would_lose_offers(engine.venue, state)):
                self.gateway.arm(session_id, state.grace_ms)
