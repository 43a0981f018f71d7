"""The follower beside the engine: the real one, taking its turns on the same disk."""

from carbonmatch.journal.tail import Tail
from carbonmatch.matching import state
from carbonmatch.matching.engine import Engine
from carbonmatch.ops.follower_metrics import FollowerCounters
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.follower import Follower, SnapshotPolicy
from carbonmatch.server.recovery import newest_start
from tests.simulation.disk import SimulatedDisk
from tests.simulation.world import NS_PER_MS, World


class Standby:
    """Re-executes the journal as it grows, and writes the snapshots that starts begin with.

    It outlives the engine, but not its machine. Whatever it raises breaks a promise: a record that it
    hands out was durable, and gives what was journaled.
    """

    def __init__(self, world: World, disk: SimulatedDisk) -> None:
        self.snapshots_written = 0
        self._world = world
        self._disk = disk
        self._follower: Follower | None = None
        self._counters = FollowerCounters()
        # Some follow closely and some from far behind; some write snapshots all the time.
        self._every_ms = world.random.choice((20, 200, 1_000))
        self._policy = SnapshotPolicy(world.random.choice((20, 200, 10_000)), 0.5)
        self._turn()

    def end(self) -> None:
        """Its machine is gone."""
        self._follower = None

    def _turn(self) -> None:
        self._world.after(NS_PER_MS * self._world.random.randint(1, self._every_ms), self._turn)
        self._disk.is_followed = True
        try:
            self._follow()
        finally:
            self._disk.is_followed = False

    def _follow(self) -> None:
        if self._follower is None:
            start = newest_start(self._disk)
            tail = Tail(self._disk, start.anchor, start.snapshot_sequence + 1, _never)
            clocks = Clocks(self._world.utc_ns, self._world.monotonic_ns)
            self._counters = FollowerCounters()
            self._follower = Follower(self._disk, tail, start, self._policy, clocks, self._counters)
        before = self._counters.snapshots_written
        self._follower.advance()
        self.snapshots_written += self._counters.snapshots_written - before

    def equals(self, engine: Engine) -> bool:
        """Whether it has come as far as `engine`, to the same state."""
        follower = self._follower
        return (
            follower is not None
            and follower.engine.sequence == engine.sequence
            and state.digest(follower.engine) == state.digest(engine)
        )


def _never(_seconds: float) -> None:
    raise AssertionError("a turn does not wait")
