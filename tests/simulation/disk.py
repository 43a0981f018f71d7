"""The model disk, with a mind of its own: slow, full, failing and torn when chance says so."""

import errno

from tests.journal.model_disk import ModelDisk
from tests.simulation.faults import Faults
from tests.simulation.world import NS_PER_MS, NS_PER_US, ProcessEnded, World

_PLENTY_BYTES = 10**9


class SimulatedDisk(ModelDisk):
    """Draws its faults from the world. `crash_after` counts down calls, in recovery for example."""

    def __init__(self, world: World, faults: Faults) -> None:
        super().__init__()
        self.random = world.random
        self.world = world
        self.faults = faults
        self.short_writes = faults.short_writes
        self.crash_after: int | None = None
        # Whether everybody waits for the sync, because the loop does.
        self.holds_up = False
        # Whether the follower is at it, and not the engine.
        self.is_followed = False
        self.before = self._before

    def process(self) -> None:
        """The engine's process ended. Its files stay open, since the follower's are among them."""
        self.locked = False
        self.crash_after = None
        self.holds_up = False
        self.before = self._before

    def fill(self) -> None:
        """Somebody else's files take nearly all there is."""
        self.free = self.random.choice((0, 300, 5_000, self.faults.segment_bytes + 1_000))

    def clear(self) -> None:
        self.free = _PLENTY_BYTES

    def sync_ns(self) -> int:
        """How long the next write and its sync take."""
        if self.world.happens(self.faults.stalled_disk):
            return NS_PER_MS * self.random.choice((900, 1_500, 5_000, 11_000))
        if self.world.happens(self.faults.slow_disk):
            return NS_PER_MS * self.random.randint(1, 100)
        return NS_PER_US * self.random.randint(50, 500)

    def fdatasync(self, file: int, /) -> None:
        if self.holds_up:
            self.world.pass_time(self.sync_ns())
        super().fdatasync(file)

    def is_durable(self, name: str) -> bool:
        """Whether a loss of power right now would leave the file as it is."""
        file = self.names.get(name)
        return file is not None and not file.dirty and self.durable_names.get(name) is file

    def _before(self, called: str) -> None:
        # The model lists its calls for other tests; a long run would only grow by it.
        self.calls.clear()
        if self.is_followed:
            if called in ("fdatasync", "rename", "fsync_dir") and self.world.happens(
                self.faults.crash_in_commit
            ):
                raise ProcessEnded(f"a crash before the follower's {called}", power_lost=True)
            return
        if self.crash_after is not None:
            self.crash_after -= 1
            if self.crash_after < 0:
                raise ProcessEnded(f"a crash before {called}", power_lost=self.random.random() < 0.7)
        elif called == "fdatasync" and self.world.happens(self.faults.crash_in_commit):
            raise ProcessEnded("a crash before fdatasync", power_lost=self.random.random() < 0.7)
        if called == "fdatasync" and self.world.happens(self.faults.failed_sync):
            raise OSError(errno.EIO, "fdatasync fails")
