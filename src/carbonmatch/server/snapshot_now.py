"""Snapshots that an operator asks for: of the state between two commands, written beside the loop.

A follower makes them all day long (`server.follower`), and a clean stop makes one. This one is for the moment
before something that may go wrong. What holds the loop is the state's encoding, so it is bounded.
"""

from typing import Final

from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.snapshots import Snapshot
from carbonmatch.journal.storage import Storage
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.limits import SNAPSHOT_ORDERS_MAX
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.server.pipeline import Pipeline
from carbonmatch.server.recovery import identity
from carbonmatch.server.scheduler import Scheduler
from carbonmatch.server.steering import Result, Then, result
from carbonmatch.server.venue_snapshot import VenueState, take_snapshot

# In the making it goes by this name, so that the follower's and ours never are the same file.
SNAPSHOT_MAKER: Final = "operator"


class SnapshotNow:
    """One at a time; whoever asks meanwhile gets the next one."""

    def __init__(
        self,
        venue: VenueState,
        pipeline: Pipeline,
        writer: JournalWriter,
        storage: Storage,
        scheduler: Scheduler,
        durable: bool,
    ) -> None:
        self._venue = venue
        self._pipeline = pipeline
        self._writer = writer
        self._storage = storage
        self._scheduler = scheduler
        self._durable = durable
        self._asked: list[Then] = []
        self._is_busy = False

    def take(self, then: Then) -> None:
        problem = self._problem()
        if problem:
            then(result(applied=False, lines=[problem]))
            return
        self._asked.append(then)
        if not self._is_busy:
            self._begin()

    def _problem(self) -> str:
        """Why there is none to be had; empty where there is."""
        orders = self._pipeline.engine.open_order_count
        if not self._durable:
            return "the journal is relaxed: found sync = 'relaxed', expected 'always'"
        if orders > SNAPSHOT_ORDERS_MAX:
            return (
                f"found {orders} open orders, expected {SNAPSHOT_ORDERS_MAX} at most: trading would stand "
                "still meanwhile; run `carbonmatch follow`, which keeps snapshots beside the venue"
            )
        return ""

    def _begin(self) -> None:
        self._is_busy = True
        self._pipeline.when_still(self._take)

    def _take(self) -> None:
        asked, self._asked = self._asked, []
        snapshot = take_snapshot(
            self._venue, identity(self._durable), self._writer.epoch, self._writer.anchor
        )

        def written(_: None) -> None:
            log("snapshot_written", sequence=snapshot.sequence, bytes=len(snapshot.state))
            self._end(asked, result(applied=True, lines=[], at_sequence=snapshot.sequence))

        def failed(error: Exception) -> None:
            if not isinstance(error, OSError | JournalDamaged):
                raise error
            log("snapshot_failed", WARNING, text=Ours(repr(error)))
            self._end(asked, result(applied=False, lines=[f"it could not be written: {error}"]))

        self._scheduler.read(lambda: self._write(snapshot), written, failed)

    def _write(self, snapshot: Snapshot) -> None:
        """Beside the loop. What reads back otherwise would be passed over by the start it is for."""
        snapshots.write(self._storage, snapshot, SNAPSHOT_MAKER)
        if snapshots.load(self._storage, snapshot.sequence) != snapshot:
            raise OSError(f"snapshot {snapshot.sequence} reads back other than it was written")

    def _end(self, asked: list[Then], outcome: Result) -> None:
        self._is_busy = False
        if self._asked:
            self._begin()
        for then in asked:
            then(outcome)
