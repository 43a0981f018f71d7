"""What a follower counts, and the names under which it is exported."""

from typing import Any, Final

from carbonmatch.limits import FOLLOWER_LAG_SECONDS_MAX
from carbonmatch.ops.health import Health, State
from carbonmatch.ops.metrics import Metric

_NS_PER_SECOND: Final = 1_000_000_000


class FollowerCounters:
    """Plain integers, written by the following thread and read by the ops port's."""

    def __init__(self) -> None:
        # There are no metrics by instrument.
        self.instruments: dict[Any, Any] = {}
        self.start_time_ns = 0
        self.recovered = False
        self.stopping = False
        self.diverged = 0
        # Where it is.
        self.sequence = 0
        # Looked up now and then; what is executed meanwhile is newer.
        self.seen_sequence = 0
        self.age_ns = 0
        # What it has done since it was started.
        self.records = 0
        self.commands = 0
        self.segments_verified = 0
        self.digests_compared = 0
        self.snapshots_written = 0
        self.snapshots_failed = 0
        self.segments_archived = 0
        self.archive_failures = 0
        # The newest snapshot.
        self.snapshot_sequence = 0
        self.snapshot_age_ns = 0

    @property
    def newest_sequence(self) -> int:
        return max(self.seen_sequence, self.sequence)

    @property
    def lag_commands(self) -> int:
        return self.newest_sequence - self.sequence

    @property
    def lag_ns(self) -> int:
        return self.age_ns if self.lag_commands else 0


def _counter(name: str, text: str) -> Metric:
    return Metric(f"carbonmatch_follower_{name}_total", "counter", "", text, name)


def _gauge(name: str, text: str) -> Metric:
    return Metric(f"carbonmatch_follower_{name}", "gauge", "", text, name)


def _seconds(name: str, source: str, text: str) -> Metric:
    return Metric(f"carbonmatch_follower_{name}_seconds", "gauge", "seconds", text, source, nanoseconds=True)


FOLLOWER_METRICS: Final = (
    _seconds("start_time", "start_time_ns", "When the follower started, since 1970."),
    _gauge("diverged", "1: the journal gave other events or another state; it stops."),
    # Where it is.
    _gauge("sequence", "Sequence of the last command executed again."),
    _gauge("newest_sequence", "Sequence of the last command in the journal."),
    _gauge("lag_commands", "Commands in the journal and not executed again yet."),
    _seconds("lag", "lag_ns", "Age of the last command executed again, 0 where none is left."),
    # What it has done since it was started.
    _counter("records", "Records executed again and found to be the same."),
    _counter("commands", "Commands in them."),
    _counter("segments_verified", "Segments read to the end whose digest holds."),
    _counter("digests_compared", "States compared with what the engine says."),
    _counter("snapshots_written", "Snapshots written and read back."),
    _counter("snapshots_failed", "Snapshots which the disk did not take."),
    _counter("segments_archived", "Segments copied, verified and removed."),
    _counter("archive_failures", "Times that archiving stopped with an error."),
    # The newest snapshot.
    _gauge("snapshot_sequence", "Last command in the newest snapshot."),
    _seconds("snapshot_age", "snapshot_age_ns", "Since it was written, or since the start; 0 without any."),
)


def assess_follower(counters: FollowerCounters) -> Health:
    """Alive as long as it answers; ready where a start would lose no time through it."""
    lag_seconds = counters.lag_ns / _NS_PER_SECOND
    if counters.stopping:
        return Health(State.STOPPING, True, ("stopping",))
    if not counters.recovered:
        return Health(State.RECOVERING, True, ("reading the newest snapshot",))
    if lag_seconds > FOLLOWER_LAG_SECONDS_MAX:
        return Health(
            State.RECOVERING,
            True,
            (f"{counters.lag_commands} commands and {lag_seconds:.1f} s behind the journal",),
        )
    return Health(State.ACTIVE, not counters.diverged)
