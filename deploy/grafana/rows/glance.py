"""The venue at a glance, and how long it takes."""

from typing import Final

from carbonmatch.matching.messages import Phase
from carbonmatch.ops.health import State
from deploy.grafana.panels import (
    BLUE,
    GREEN,
    GREY,
    INSTANCE,
    PER_SECOND,
    RED,
    YELLOW,
    ZERO,
    Kind,
    Panel,
    Query,
    Row,
    Words,
    each,
    falling,
    highest,
    in_phase,
    mean,
    number,
    per_second,
    quantile,
    quantiles,
    rising,
    total,
)

_STATES: Final[Words] = {
    State.RECOVERING: ("recovering", BLUE),
    State.ACTIVE: ("active", GREEN),
    State.DEGRADED: ("degraded", RED),
    State.STOPPING: ("stopping", YELLOW),
    State.BUSY: ("busy", YELLOW),
}
_ORDER_LATENCY: Final = "carbonmatch_order_latency_seconds"
_COMMIT: Final = "carbonmatch_commit_duration_seconds"
_EXPIRY: Final = "carbonmatch_tls_certificate_expiry_time_seconds"
_DAY_SECONDS: Final = 86_400
_STAGES: Final = ("read", "decode", "match", "gather", "journal", "release")


OVERVIEW: Final = Row(
    "Overview",
    (
        number(
            "State",
            "short",
            each("carbonmatch_state"),
            "Active: all is taken. Busy: orders that have waited too long are refused. Degraded: the disk "
            "does not keep up, and only cancels are taken.",
            words=_STATES,
            runbook="CarbonmatchNotActive",
        ),
        number(
            "Alerts firing",
            "short",
            'count(ALERTS{alertstate="firing", alertname=~"Carbonmatch.+"}) or vector(0)',
            "Alerts of deploy/prometheus that fire now, of all processes.",
            thresholds=ZERO,
        ),
        number(
            "Commands",
            PER_SECOND,
            per_second("carbonmatch_commands_total"),
            "Commands applied and durable, a second: orders, cancels, changes, and the engine's own.",
        ),
        number(
            "Order latency p99",
            "s",
            quantile(0.99, _ORDER_LATENCY),
            "From reading a command to releasing its reports; one command in a hundred takes longer.",
            thresholds=rising(0.01, 0.05),
            runbook="CarbonmatchLatencyBurnFast",
        ),
        number(
            "Within the objective",
            "percentunit",
            'min(1 - instance:carbonmatch_slow_commands:ratio_rate5m{instance=~"$instance"})',
            "Share of the commands of the last five minutes that were answered within 10 ms. The objective "
            "is 99.9 %.",
            thresholds=falling(0.99, 0.999),
            runbook="CarbonmatchLatencyBurnFast",
        ),
        number(
            "Capacity used",
            "percentunit",
            highest("carbonmatch_capacity_used_ratio"),
            "Share of the last second in which the loop was at work; at 100 % the venue is full.",
            thresholds=rising(0.5, 0.8),
            runbook="CarbonmatchNearCapacity",
        ),
        number(
            "Refused",
            "percentunit",
            f"{per_second('carbonmatch_messages_rejected_total')}"
            f" / ({per_second('carbonmatch_messages_received_total')} > 0) or vector(0)",
            "Share of the commands received that were refused, for any reason.",
            thresholds=rising(0.1, 0.2),
            runbook="CarbonmatchRejectRatioHigh",
        ),
        number(
            "Trading",
            "short",
            in_phase(Phase.CONTINUOUS),
            "Instruments in continuous trading.",
        ),
        number(
            "Halted",
            "short",
            in_phase(Phase.HALTED),
            "Instruments that an operator has halted.",
            thresholds=ZERO,
            runbook="CarbonmatchInstrumentHalted",
        ),
        number(
            "Follower behind",
            "s",
            "max(carbonmatch_follower_lag_seconds)",
            "Age of the last command that the follower has executed again, 0 where none is left.",
            thresholds=rising(1, 10),
            runbook="CarbonmatchFollowerLagging",
        ),
        number(
            "Disk free",
            "percentunit",
            f"min(carbonmatch_disk_free_bytes{{{INSTANCE}}} / carbonmatch_disk_size_bytes{{{INSTANCE}}})",
            "Share that is free where the journal is. When nothing is left, new orders are refused.",
            thresholds=falling(0.05, 0.15),
            runbook="CarbonmatchDiskNearlyFull",
        ),
        number(
            "Running for",
            "s",
            f"time() - {highest('carbonmatch_start_time_seconds')}",
            "Since the venue was started.",
            thresholds=((None, YELLOW), (300, BLUE)),
            runbook="CarbonmatchRestarted",
        ),
        number(
            "Answers wait for the disk",
            "short",
            each("carbonmatch_durable"),
            "No: relaxed mode, in which a power cut may lose what was answered.",
            words={0: ("no", RED), 1: ("yes", GREEN)},
            runbook="CarbonmatchNotDurable",
        ),
        number(
            "Configuration read last",
            "short",
            each("carbonmatch_config_last_reload_successful"),
            "Refused: the venue goes on with the one before, and would not start with this one.",
            words={0: ("refused", RED), 1: ("in force", GREEN)},
            runbook="CarbonmatchReloadRefused",
        ),
        number(
            "Clock",
            "short",
            f"min(carbonmatch_clock_synchronized{{{INSTANCE}}}) or vector(-1)",
            "Whether the kernel says that its clock is synchronized; in some containers it cannot be asked.",
            words={-1: ("cannot be asked", GREY), 0: ("not synchronized", RED), 1: ("synchronized", GREEN)},
            runbook="CarbonmatchClockNotSynced",
        ),
        number(
            "Certificate expires in",
            "s",
            f"min(({_EXPIRY}{{{INSTANCE}}} > 0) - time()) or vector(-1)",
            "Until the first certificate of a listener expires.",
            thresholds=falling(7 * _DAY_SECONDS, 14 * _DAY_SECONDS),
            words={-1: ("no TLS", GREY)},
            runbook="CarbonmatchCertificateExpires",
        ),
        number(
            "Newest snapshot",
            "s",
            highest("carbonmatch_snapshot_age_seconds"),
            "Age of the newest snapshot beside the journal. A start executes again what came after it.",
            thresholds=rising(1_800, 7_200),
            words={0: ("none", GREY)},
            runbook="CarbonmatchSnapshotOld",
        ),
        number(
            "Kills in force",
            "short",
            total("carbonmatch_kills"),
            "Of the venue, of participants, accounts and instruments: nothing new is taken there before they "
            "are released. The audit trail says who did it, and why.",
            thresholds=ZERO,
        ),
    ),
)

LATENCY: Final = Row(
    "Latency",
    (
        Panel(
            Kind.LINES,
            "Order latency",
            "From reading a command to releasing its reports, which includes the sync of its batch.",
            "s",
            quantiles(_ORDER_LATENCY, 0.5, 0.9, 0.99, 0.999),
            thresholds=rising(0.01, 0.05),
            runbook="CarbonmatchLatencyBurnFast",
            width=12,
        ),
        Panel(
            Kind.HEATMAP,
            "Order latency, all of it",
            "How many commands took how long: two bands are two kinds of commands, or a disk with two moods.",
            "short",
            (Query(per_second(f"{_ORDER_LATENCY}_bucket", by="le"), "{{le}}"),),
            width=12,
        ),
        Panel(
            Kind.LINES,
            "Stages p99",
            "Where the time goes: waiting for its turn, decoding, matching, waiting for the batch before, "
            "the disk, telling everybody. One in a hundred takes longer.",
            "s",
            tuple(Query(quantile(0.99, f"carbonmatch_{stage}_seconds"), stage) for stage in _STAGES),
            width=12,
        ),
        Panel(
            Kind.STACK,
            "Stages, on average",
            "The same as means, which add up; read, decode and match are of a frame, the others of a batch.",
            "s",
            tuple(Query(mean(f"carbonmatch_{stage}_seconds"), stage) for stage in _STAGES),
            width=12,
        ),
        Panel(
            Kind.LINES,
            "Objective spent",
            "How fast the commands that took longer than 10 ms use up the one in a thousand that may: at 1 "
            "all of it is used, at 14 two days are enough for a month's.",
            "suffix: x",
            tuple(
                Query(
                    f"max(instance:carbonmatch_slow_commands:ratio_rate{window}"
                    '{instance=~"$instance"}) / 0.001',
                    window,
                )
                for window in ("5m", "1h", "6h")
            ),
            thresholds=rising(1, 14.4),
            runbook="CarbonmatchLatencyBurnFast",
        ),
        Panel(
            Kind.LINES,
            "Commit",
            "Writing and syncing one batch: what the disk does to every command.",
            "s",
            quantiles(_COMMIT, 0.5, 0.99, 0.999),
            thresholds=rising(0.01, 0.05),
            runbook="CarbonmatchCommitSlow",
        ),
        Panel(
            Kind.LINES,
            "Waiting",
            "How long the oldest frame that was read has waited for its turn, and the batch that is on its "
            "way to the disk: where the disk hangs, this shows first.",
            "s",
            (
                each("carbonmatch_oldest_wait_seconds", "frame, for its turn"),
                each("carbonmatch_commit_pending_seconds", "batch, for the disk"),
            ),
        ),
    ),
)
