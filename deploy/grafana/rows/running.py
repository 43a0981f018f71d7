"""What it runs on: connections, the journal and its follower, the processes."""

from typing import Final

from carbonmatch.limits import SPARE_SEGMENTS
from deploy.grafana.panels import (
    GREEN,
    INSTANCE,
    PER_SECOND,
    RED,
    ZERO,
    Kind,
    Panel,
    Query,
    Row,
    each,
    highest,
    in_range,
    number,
    per_second,
    quantile,
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
            runbook="CarbonmatchSessionsDropped",
        ),
        Panel(
            Kind.STACK,
            "Disconnected, by reason",
            "Connections ended, a second; lost: without a logout.",
            PER_SECOND,
            (Query(per_second("carbonmatch_disconnects_total", by="reason"), "{{reason}}"),),
            runbook="CarbonmatchSessionsDropped",
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
            runbook="CarbonmatchSessionsDropped",
        ),
        Panel(
            Kind.LINES,
            "Connections",
            "All that are open; sessions that were lost, whose orders go unless they are back in time; that "
            "read what they have missed; that an operator has sent away.",
            "short",
            (
                each("carbonmatch_connections", "open"),
                each("carbonmatch_sessions_in_grace", "lost, in grace"),
                each("carbonmatch_sessions_catching_up", "catching up"),
                each("carbonmatch_sessions_banned", "sent away"),
                each("carbonmatch_keys", "keys that may log on"),
            ),
        ),
        Panel(
            Kind.LINES,
            "Waiting bytes",
            "Frames that were read and wait for their turn, and the most that one connection has not read.",
            "bytes",
            (
                each("carbonmatch_waiting_bytes", "for their turn"),
                each("carbonmatch_unread_bytes_max", "for a reader"),
            ),
            runbook="CarbonmatchSlowReadersCut",
        ),
        Panel(
            Kind.LINES,
            "Configuration read again",
            "Times that the configuration was read again, in the time that is shown.",
            "short",
            (Query(in_range("carbonmatch_reloads_total", by="result", where=INSTANCE), "{{result}}"),),
            runbook="CarbonmatchReloadRefused",
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
            "Commands in a batch",
            "The slower the disk, the more commands share a sync.",
            "short",
            quantiles("carbonmatch_commit_batch_commands", 0.5, 0.99),
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
            runbook="CarbonmatchCommitSlow",
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
            runbook="CarbonmatchDiskFullWithinADay",
        ),
        Panel(
            Kind.LINES,
            "Commands the follower is behind",
            "Commands that the follower has not executed again yet.",
            "short",
            (each("carbonmatch_follower_lag_commands"),),
            runbook="CarbonmatchFollowerLagging",
        ),
        Panel(
            Kind.LINES,
            "Executed again",
            "Commands a second, in the journal and executed again: the lines lie on each other.",
            PER_SECOND,
            (
                Query(per_second("carbonmatch_commands_total"), "by the venue"),
                Query(per_second("carbonmatch_follower_commands_total"), "by the follower"),
            ),
            runbook="CarbonmatchFollowerLagging",
        ),
        Panel(
            Kind.LINES,
            "Records",
            "Batches a second in the journal, and executed again by the follower.",
            PER_SECOND,
            (
                Query(per_second("carbonmatch_journal_records_total"), "by the venue"),
                Query(per_second("carbonmatch_follower_records_total"), "by the follower"),
            ),
        ),
        Panel(
            Kind.LINES,
            "Age of the newest snapshot",
            "A start reads the newest snapshot, and executes again what came after it.",
            "s",
            (
                each("carbonmatch_snapshot_age_seconds", "beside the journal"),
                each("carbonmatch_follower_snapshot_age_seconds", "of the follower"),
            ),
            runbook="CarbonmatchSnapshotOld",
        ),
        number(
            "Diverged",
            "short",
            highest("carbonmatch_follower_diverged"),
            "The journal executed again gave something else: the follower stops, and somebody has to look.",
            words={0: ("no", GREEN), 1: ("yes", RED)},
            runbook="CarbonmatchFollowerDiverged",
            width=6,
        ),
        number(
            "States compared",
            "short",
            in_range("carbonmatch_follower_digests_compared_total", by="", where=INSTANCE),
            "Times that the follower's state was found to be the engine's, in the time that is shown.",
            width=6,
        ),
        number(
            "Segments verified",
            "short",
            in_range("carbonmatch_follower_segments_verified_total", by="", where=INSTANCE),
            "Segments read to the end whose digest holds, in the time that is shown.",
            width=6,
        ),
        number(
            "Snapshots written",
            "short",
            in_range("carbonmatch_follower_snapshots_written_total", by="", where=INSTANCE),
            "Snapshots written and read back, in the time that is shown.",
            width=6,
        ),
        number(
            "Snapshots failed",
            "short",
            in_range("carbonmatch_follower_snapshots_failed_total", by="", where=INSTANCE),
            "Snapshots that the disk did not take, in the time that is shown.",
            thresholds=ZERO,
            runbook="CarbonmatchSnapshotsFail",
            width=6,
        ),
        number(
            "Segments archived",
            "short",
            in_range("carbonmatch_follower_segments_archived_total", by="", where=INSTANCE),
            "Segments copied, verified and removed, in the time that is shown.",
            width=6,
        ),
        number(
            "Archive failures",
            "short",
            in_range("carbonmatch_follower_archive_failures_total", by="", where=INSTANCE),
            "Times that archiving stopped with an error, in the time that is shown.",
            thresholds=ZERO,
            runbook="CarbonmatchArchiveFails",
            width=6,
        ),
        number(
            "Cut off by the last recovery",
            "bytes",
            highest("carbonmatch_journal_torn_bytes"),
            "Bytes at the end of the journal that were not whole, as after a power cut; none was answered.",
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
            runbook="CarbonmatchMemoryHigh",
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
            runbook="CarbonmatchDescriptorsLow",
        ),
        Panel(
            Kind.LINES,
            "Event loop",
            "How late timers fire: what everybody waits for when somebody holds the loop.",
            "s",
            (
                *quantiles("carbonmatch_event_loop_lag_seconds", 0.5, 0.99),
                Query(quantile(0.99, "carbonmatch_fanout_event_loop_lag_seconds"), "p99 of fan-outs"),
            ),
            thresholds=rising(0.005, 0.05),
            runbook="CarbonmatchEventLoopLag",
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
            "Capacity",
            "Share of the last second, and the largest of any second of the last minute, in which the loop "
            "was at work.",
            "percentunit",
            (
                each("carbonmatch_capacity_used_ratio", "last second"),
                each("carbonmatch_capacity_used_peak_ratio", "peak of a minute"),
            ),
            thresholds=rising(0.5, 0.8),
            runbook="CarbonmatchNearCapacity",
        ),
        Panel(
            Kind.LINES,
            "Stamps and clock",
            "How far stamps are ahead of a clock that was set back, and how far off the kernel thinks it is.",
            "s",
            (
                each("carbonmatch_clock_held_seconds", "held"),
                each("carbonmatch_clock_offset_seconds", "to be corrected"),
                each("carbonmatch_clock_error_max_seconds", "at most"),
            ),
            runbook="CarbonmatchClockSetBack",
        ),
        Panel(
            Kind.LINES,
            "Scrapes and the last start",
            "How long Prometheus took to read the metrics, and how long the last recovery took.",
            "s",
            (
                each("scrape_duration_seconds"),
                each("carbonmatch_recovery_duration_seconds", "last recovery"),
            ),
            runbook="CarbonmatchRestartsRepeatedly",
        ),
        Panel(
            Kind.STACK,
            "Log, by level",
            "Lines a second. docs/logs.md says what each of them asks for.",
            PER_SECOND,
            (Query(per_second("carbonmatch_log_lines_total", by="level"), "{{level}}"),),
        ),
    ),
)
