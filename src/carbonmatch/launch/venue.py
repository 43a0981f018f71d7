"""The venue of the replay: the real floor, journal and recovery of a service, on a loop of the replay's own.

What `server.service` does with threads and ports is done here in turns, in the same order.
"""

from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Final

from carbonmatch.config import Config
from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal import snapshots
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal.writer import JournalWriter, SegmentKeeper
from carbonmatch.launch.turns import Loop
from carbonmatch.matching.auction_times import SEED_BYTES
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.state import digest
from carbonmatch.ops.counters import Counters
from carbonmatch.protocol.messages import LogoutReason
from carbonmatch.server.clocks import Clocks, SteadyClock
from carbonmatch.server.commit import Commit, JournalThread
from carbonmatch.server.floor import Floor
from carbonmatch.server.history import History
from carbonmatch.server.recovery import identity, recover_venue
from carbonmatch.server.venue_snapshot import VenueState, take_snapshot

# No gain from anything smaller: a replay fills some hundred MiB.
_DURABLE: Final = True


class _TurnJournal(JournalThread):
    """The journal thread's own steps, each taken when it is asked for."""

    def commit(self, commit: Commit) -> None:
        self.take(commit)

    def stop(self, timeout_seconds: float = 0) -> None:  # noqa: ARG002 nothing is waited for
        self.take(None)


class Venue:
    """One start of the engine, up to its stop in good order."""

    def __init__(self, config: Config, directory: Path, loop: Loop, seed: int) -> None:
        """Recover what is in `directory`, define the market, and let connections in."""
        self.loop = loop
        self.counters = Counters()
        self._storage = DiskStorage(directory)
        self._history = History(self._storage, loop)
        recovered = recover_venue(self._storage, self._history, _DURABLE)
        self.recovered_commands = recovered.commands
        self._writer = JournalWriter(self._storage, recovered.journal)
        self._keeper = SegmentKeeper(self._writer)
        self._history.durable_position = self._writer.durable_position
        self._journal = _TurnJournal(self._writer, self._durable, _failed, loop.monotonic_ns)
        clock = SteadyClock(loop.time_ns, recovered.engine.time_ns)
        self.floor = Floor(
            config,
            recovered,
            self._journal,
            self._history,
            Clocks(clock.time_ns, loop.monotonic_ns),
            self.counters,
            loop,
            self._writer.epoch,
            blake2b(f"{seed} {self._writer.epoch}".encode(), digest_size=SEED_BYTES).digest(),
        )
        self.engine: Engine = recovered.engine
        defined: list[bool] = []
        self.floor.define(lambda: defined.append(True))
        loop.run()
        assert defined, "nothing here waits for anything but turns"

    def _durable(self, commit: Commit) -> None:
        self.loop.call_soon(partial(self.floor.pipeline.durable, commit))

    def pass_time(self, to_ns: int) -> None:
        """Let time pass up to `to_ns`; what is due on the way happens at its own time."""
        pipeline, loop = self.floor.pipeline, self.loop
        while pipeline.due_ns <= to_ns:
            loop.advance(max(pipeline.due_ns, loop.now_ns))
            self.floor.schedules.look()
            loop.run()
        loop.advance(to_ns)
        # What the gateway does twenty times a second of real time.
        self.floor.gateway.swept(loop.monotonic_ns())
        loop.run()

    def stop(self) -> bytes:
        """As a service does it; return the digest of the state, which the snapshot holds."""
        floor = self.floor
        floor.gateway.accepting_orders = False
        floor.gateway.stop_reading()
        self.loop.run()
        for listener in (floor.gateway, floor.publisher, floor.drop_copies):
            listener.close(LogoutReason.SHUTTING_DOWN)
        self.loop.run()
        assert floor.pipeline.durable_sequence == self.engine.sequence, "the state is what the journal gives"
        self._keeper.stop()
        self._journal.stop()
        state = VenueState(self.engine, floor.publisher.market_data, self._history.marks)
        snapshots.write(
            self._storage, take_snapshot(state, identity(_DURABLE), self._writer.epoch, self._writer.anchor)
        )
        self._storage.release()
        return digest(self.engine)


def _failed(error: BaseException, _status: ExitCode) -> None:
    raise error
