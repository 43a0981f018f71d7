"""What it runs on: connections, the journal and its follower, the processes."""

from typing import Final

from carbonmatch.limits import SPARE_SEGMENTS
from deploy.grafana.panels import (
    GREEN,
    PER_SECOND,
    RED,
    ZERO,
    Kind,
    Panel,
    Query,
    Row,
    each,
    number,
    per_second,
    quantiles,
    rising,
    total,
)

SESSIONS: Final = Row(
    "Sessions",
    (
        Panel(
            Kind.STACK,
            "Sessions, by role",
            "Sessions logged on.",
            "short",
            (Query(total("carbonmatch_sessions", by="role"), "{{role}}"),),
        ),
        Panel(
            Kind.LINES,
            "Logons",
            "Logons a second; many that are refused: a gateway with a wrong key, or somebody who tries keys.",
            PER_SECOND,
            (
                Query(per_second("carbonmatch_logons_accepted_total"), "accepted"),
                Query(per_second("carbonmatch_logons_rejected_total"), "refused"),
            ),
            runbook="sessions",
        ),
        Panel(
            Kind.STACK,
            "Disconnected, by reason",
            "Connections ended, a second; lost: without a logout.",
            PER_SECOND,
            (Query(per_second("carbonmatch_disconnects_total", by="reason"), "{{reason}}"),),
            runbook="sessions",
        ),
        Panel(
            Kind.LINES,
            "Order entry",
            "Bytes a second read from and written to order entry, and bytes that wait to be looked at.",
            "Bps",
            (
                Query(per_second("carbonmatch_received_bytes_total"), "read"),
                Query(per_second("carbonmatch_sent_bytes_total"), "written"),
            ),
        ),
        Panel(
            Kind.LINES,
            "Cut and turned away",
            "Connections a second that did not read, that were closed as soon as they came, and blocks.",
            PER_SECOND,
            (
                Query(per_second("carbonmatch_slow_readers_cut_total"), "slow readers cut"),
                Query(per_second("carbonmatch_turned_away_total"), "turned away"),
                Query(per_second("carbonmatch_addresses_blocked_total"), "addresses blocked"),
                Query(per_second("carbonmatch_keys_blocked_total"), "keys blocked"),
            ),
            runbook="sessions",
        ),
        Panel(
            Kind.LINES,
            "TLS handshakes",
            "Handshakes that ended, a second.",
            PER_SECOND,
            (Query(per_second("carbonmatch_tls_handshakes_total", by="result"), "{{result}}"),),
        ),
    ),
)

JOURNAL: Final = Row(
    "Journal and follower",
    (
        Panel(
            Kind.LINES,
            "Written",
            "Bytes of journal a second.",
            "Bps",
            (Query(per_second("carbonmatch_journal_bytes_total"), "journal"),),
        ),
        Panel(
            Kind.LINES,
            "Not durable yet",
            "Commands applied whose batch is on its way to the disk; none of them is answered.",
            "short",
            (
                Query(
                    'carbonmatch_last_sequence{instance=~"$instance"}'
                    ' - carbonmatch_journal_durable_sequence{instance=~"$instance"}',
                    "{{instance}}",
                ),
            ),
        ),
        Panel(
            Kind.LINES,
            "Slow commits and spare segments",
            f"Commits slower than the bound in the time that is shown; of {SPARE_SEGMENTS} segments made "
            "ahead, how many are left.",
            "short",
            (
                Query('increase(carbonmatch_commits_slow_total{instance=~"$instance"}[$__range])', "slow"),
                each("carbonmatch_journal_spare_segments", "spare segments"),
            ),
            runbook="commit",
        ),
        Panel(
            Kind.LINES,
            "Disk, and what it will be in a day",
            "Bytes free where the journal is, and what will be left in a day at the pace of the last hour.",
            "bytes",
            (
                each("carbonmatch_disk_free_bytes", "{{instance}}"),
                Query(
                    "clamp_min(predict_linear(carbonmatch_disk_free_bytes"
                    '{instance=~"$instance"}[1h], 86400), 0)',
                    "in a day",
                ),
            ),
            runbook="disk",
        ),
        Panel(
            Kind.LINES,
            "Commands the follower is behind",
            "Commands that the follower has not executed again yet.",
            "short",
            (each("carbonmatch_follower_lag_commands"),),
            runbook="follower",
        ),
        Panel(
            Kind.LINES,
            "Age of the newest snapshot",
            "A start reads the newest snapshot, and executes again what came after it.",
            "s",
            (each("carbonmatch_follower_snapshot_age_seconds"),),
            runbook="snapshots",
        ),
        number(
            "Diverged",
            "short",
            "max(carbonmatch_follower_diverged)",
            "The journal executed again gave something else: the follower stops, and somebody has to look.",
            words={0: ("no", GREEN), 1: ("yes", RED)},
            runbook="follower",
            width=6,
        ),
        number(
            "States compared",
            "short",
            "sum(increase(carbonmatch_follower_digests_compared_total[$__range]))",
            "Times that the follower's state was found to be the engine's, in the time that is shown.",
            width=6,
        ),
        number(
            "Snapshots failed",
            "short",
            "sum(increase(carbonmatch_follower_snapshots_failed_total[$__range]))",
            "Snapshots that the disk did not take, in the time that is shown.",
            thresholds=ZERO,
            runbook="snapshots",
            width=6,
        ),
        number(
            "Archive failures",
            "short",
            "sum(increase(carbonmatch_follower_archive_failures_total[$__range]))",
            "Times that archiving stopped with an error, in the time that is shown.",
            thresholds=ZERO,
            width=6,
        ),
    ),
)

PROCESS: Final = Row(
    "Process",
    (
        Panel(
            Kind.LINES,
            "Processor",
            "Cores used. The loop that matches orders has one: at 1 it is full.",
            "short",
            (
                Query(
                    'rate(process_cpu_seconds_total{instance=~"$instance"}[$__rate_interval])', "{{instance}}"
                ),
            ),
            thresholds=rising(0.8, 1),
        ),
        Panel(
            Kind.LINES,
            "Memory",
            "Resident memory.",
            "bytes",
            (each("process_resident_memory_bytes"),),
        ),
        Panel(
            Kind.LINES,
            "Open files",
            "Connections and files, as a share of what the process may open.",
            "percentunit",
            (
                Query(
                    'process_open_fds{instance=~"$instance"} / process_max_fds{instance=~"$instance"}',
                    "{{instance}}",
                ),
            ),
            thresholds=rising(0.7, 0.9),
        ),
        Panel(
            Kind.LINES,
            "Event loop",
            "How late timers fire: what everybody waits for when somebody holds the loop.",
            "s",
            quantiles("carbonmatch_event_loop_lag_seconds", 0.5, 0.99),
            thresholds=rising(0.005, 0.05),
            runbook="event-loop",
        ),
        Panel(
            Kind.LINES,
            "Garbage collector",
            "Seconds of pauses a second.",
            "percentunit",
            (Query(per_second("carbonmatch_gc_pause_seconds_sum"), "pauses"),),
        ),
        Panel(
            Kind.LINES,
            "Scrapes",
            "How long Prometheus took to read the metrics.",
            "s",
            (each("scrape_duration_seconds"),),
        ),
    ),
)
