"""What a follower counts, and the names under which it is exported."""

from typing import Any, Final

from carbonmatch.limits import FOLLOWER_LAG_SECONDS_MAX
from carbonmatch.ops.health import Health, State
from carbonmatch.ops.metric import Group, counter, gauge, gauge_of_ns, metrics_of

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
        # When it last looked at its journal, by the monotonic clock; 0: not yet.
        self.looked_ns = 0

    @property
    def newest_sequence(self) -> int:
        return max(self.seen_sequence, self.sequence)

    @property
    def lag_commands(self) -> int:
        return self.newest_sequence - self.sequence

    @property
    def lag_ns(self) -> int:
        return self.age_ns if self.lag_commands else 0


FOLLOWER: Final = (
    Group(
        "Where it is",
        (
            gauge_of_ns(
                "follower_start_time",
                "start_time_ns",
                "When the follower started, since 1970.",
                use="That it changed says that the follower was restarted.",
            ),
            gauge(
                "follower_diverged",
                "diverged",
                "Whether the journal gave other events or another state: 1, and it stops.",
                use="The gravest of all alerts: engine and journal do not agree.",
            ),
            gauge(
                "follower_sequence",
                "sequence",
                "Sequence of the last command executed again.",
                use="Where the follower is.",
            ),
            gauge(
                "follower_newest_sequence",
                "newest_sequence",
                "Sequence of the last command in the journal that is known to be durable.",
                use="Where the journal is.",
            ),
            gauge(
                "follower_lag_commands",
                "lag_commands",
                "Commands known to be durable and not executed again yet.",
                use="What is left to do.",
            ),
            gauge_of_ns(
                "follower_lag",
                "lag_ns",
                "Age of the last command executed again, 0 where none is left.",
                use="Growing: the follower does not keep up, and snapshots get old.",
            ),
        ),
    ),
    Group(
        "What it has done since it was started",
        (
            counter(
                "follower_records",
                "records",
                "Records executed again and found to be the same.",
                use="That it works.",
            ),
            counter(
                "follower_commands", "commands", "Commands in them.", use="How fast it works, by `rate`."
            ),
            counter(
                "follower_segments_verified",
                "segments_verified",
                "Segments read to the end whose digest holds.",
                use="How much of the journal is proven.",
            ),
            counter(
                "follower_digests_compared",
                "digests_compared",
                "States compared with what the engine says.",
                use="That determinism is looked at: each was the same, or it had stopped.",
            ),
            counter(
                "follower_snapshots_written",
                "snapshots_written",
                "Snapshots written and read back.",
                use="That snapshots are made.",
            ),
            counter(
                "follower_snapshots_failed",
                "snapshots_failed",
                "Snapshots which the disk did not take.",
                use="A full or failing disk.",
            ),
            counter(
                "follower_segments_archived",
                "segments_archived",
                "Segments copied, verified and removed.",
                use="That the archive takes what the venue needs no more.",
            ),
            counter(
                "follower_archive_failures",
                "archive_failures",
                "Times that archiving stopped with an error.",
                use="The archive is full or away: the disk of the journal fills next.",
            ),
        ),
    ),
    Group(
        "The newest snapshot",
        (
            gauge(
                "follower_snapshot_sequence",
                "snapshot_sequence",
                "Last command in the newest snapshot.",
                use="Where a start would begin to replay.",
            ),
            gauge_of_ns(
                "follower_snapshot_age",
                "snapshot_age_ns",
                "Since it was written, or since the start; 0 without any.",
                use="An old one: a start takes longer.",
                answers="RTS 7 article 15: within two hours",
            ),
        ),
    ),
)
FOLLOWER_METRICS: Final = metrics_of(FOLLOWER)


def assess_follower(counters: FollowerCounters) -> Health:
    """Alive as long as it answers; ready where a start would lose no time through it."""
    lag_seconds = counters.lag_ns / _NS_PER_SECOND
    # Before all else: it goes nowhere from here, whatever it has still to read.
    if counters.diverged:
        return Health(State.STOPPING, False, ("the journal gives something else than it holds",))
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
    return Health(State.ACTIVE, True)
