"""What a follower counts, and the names under which it is exported."""

from typing import Any, Final

from carbonmatch.limits import FOLLOWER_LAG_SECONDS_MAX
from carbonmatch.ops.health import Health, State
from carbonmatch.ops.metrics import counter as count
from carbonmatch.ops.metrics import gauge

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
        self.newest_sequence = 0
        self.lag_commands = 0
        self.lag_ns = 0
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


FOLLOWER_METRICS: Final = (
    gauge(
        "follower_start_time_seconds",
        "start_time_ns",
        "When the follower started, since 1970.",
        "seconds",
        nanoseconds=True,
    ),
    gauge("follower_diverged", "diverged", "1: the journal gave other events or another state; it stops."),
    gauge("follower_sequence", "sequence", "Sequence of the last command executed again."),
    gauge("follower_newest_sequence", "newest_sequence", "Sequence of the last command in the journal."),
    gauge("follower_lag_commands", "lag_commands", "Commands in the journal and not executed again yet."),
    gauge(
        "follower_lag_seconds",
        "lag_ns",
        "Age of the last command executed again, 0 where none is left.",
        "seconds",
        nanoseconds=True,
    ),
    count("follower_records", "records", "Records executed again and found to be the same."),
    count("follower_commands", "commands", "Commands in them."),
    count("follower_segments_verified", "segments_verified", "Segments read to the end whose digest holds."),
    count("follower_digests_compared", "digests_compared", "States compared with what the engine says."),
    count("follower_snapshots_written", "snapshots_written", "Snapshots written and read back."),
    count("follower_snapshots_failed", "snapshots_failed", "Snapshots which the disk did not take."),
    gauge("follower_snapshot_sequence", "snapshot_sequence", "Last command in the newest snapshot."),
    gauge(
        "follower_snapshot_age_seconds",
        "snapshot_age_ns",
        "Since the newest snapshot was written, or the start; 0 without any.",
        "seconds",
        nanoseconds=True,
    ),
    count("follower_segments_archived", "segments_archived", "Segments copied, verified and removed."),
    count("follower_archive_failures", "archive_failures", "Times the archive did not take a segment."),
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
