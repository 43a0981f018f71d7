"""The journal, its disk and its snapshots."""

from typing import Final

from carbonmatch.ops.metric import Group, counter, gauge, gauge_of_ns

JOURNAL: Final = Group(
    "Journal",
    (
        gauge(
            "last_sequence",
            "last_sequence",
            "Sequence of the last command applied.",
            use="Where the venue is.",
        ),
        gauge(
            "journal_durable_sequence",
            "journal_durable_sequence",
            "Sequence of the last command on the disk.",
            use="What is between it and last_sequence is answered when the disk has it.",
        ),
        counter(
            "journal_records",
            "journal_records",
            "Records (commit batches) on the disk.",
            use="Commits a second, by `rate`.",
        ),
        counter(
            "journal_bytes",
            "journal_bytes",
            "Bytes of records on the disk.",
            "bytes",
            use="How fast the journal grows.",
        ),
        gauge(
            "journal_spare_segments",
            "journal_spare_segments",
            "Segments made ahead and not in use yet.",
            use="0 and a full disk: the next commit that needs one ends the venue.",
        ),
        gauge(
            "journal_torn_bytes",
            "journal_torn_bytes",
            "Bytes that the last recovery cut off the end.",
            "bytes",
            use="What a crash had not finished; nobody had been answered for it.",
        ),
        counter(
            "commits_slow",
            "commits_slow",
            "Commits that took longer than limits.COMMIT_SLOW_SECONDS.",
            use="A disk that begins to fail, or has to serve others.",
        ),
        gauge(
            "disk_free_bytes",
            "disk_free_bytes",
            "Bytes free where the journal is.",
            "bytes",
            use="By `predict_linear`, when it will be full.",
        ),
        gauge(
            "disk_size_bytes",
            "disk_size_bytes",
            "Bytes of the file system where the journal is.",
            "bytes",
            use="What the free ones are a share of.",
        ),
        gauge(
            "snapshot_sequence",
            "snapshot_sequence",
            "Sequence of the newest snapshot beside the journal; 0: there is none.",
            use="last_sequence less this is what a start has to replay.",
        ),
        gauge_of_ns(
            "snapshot_age",
            "snapshot_age_ns",
            "Age of the newest snapshot beside the journal, looked at every ten seconds; 0: there is none.",
            use="An old one on a busy venue: no follower makes new ones, and a restart takes long.",
        ),
    ),
)
