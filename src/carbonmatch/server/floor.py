"""What one start of the engine makes between its ports and its disk, and the order in which it begins.

Nothing here waits, reads a clock or opens anything: the service gives it a loop, a journal and ports,
a simulation gives it its own.
"""

from collections.abc import Callable
from typing import Final

from carbonmatch.config import Config
from carbonmatch.matching.auction import phase_until_ns
from carbonmatch.matching.blocks.endings import would_lose_offers
from carbonmatch.matching.messages import (
    DefineComposite,
    DefineDropCopy,
    DefineInstrument,
    Disconnection,
    RemoveSession,
    SessionId,
    SetSeed,
    VenueCommand,
)
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.logs import WARNING, log
from carbonmatch.protocol import session
from carbonmatch.protocol.messages import Role
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
        self.config = config
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
        self.pipeline.on_disconnect = self._disconnect

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
        self._journal([SetSeed(self._seed), *changed_definitions(self.config, self.engine)], begin)

    def redefine(self, config: Config, done: Callable[[list[VenueCommand]], None]) -> None:
        """As `define`, of a venue that runs: accounts, sessions, keys, throttles; not instruments.

        When it is durable it is in force: who is not entitled any more is logged off. `done` is told
        which definitions have changed. Not to be called again before that.
        """
        commands = [
            command
            for command in changed_definitions(config, self.engine)
            if type(command) not in (DefineInstrument, DefineComposite)
        ]

        def take_effect() -> None:
            self.config = config
            self._open_to_keys()
            self.gateway.sessions_changed(session_settings(config))
            self.gateway.end_unentitled()
            self.schedules.take(config)
            self.schedules.run()
            self.publisher.end_unentitled()
            self.drop_copies.copies = drop_copies(config)
            self.drop_copies.end_unentitled()
            done(commands)

        self._journal(commands, take_effect)

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

    def _disconnect(self, disconnection: Disconnection) -> None:
        name = self._name_of(disconnection.session_id)
        self._banned[name] = disconnection.banned_until_ns
        self.gateway.steering.disconnect(name, disconnection.text)

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
