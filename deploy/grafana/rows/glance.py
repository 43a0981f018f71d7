"""The venue at a glance, and how long it takes."""

from typing import Final

from carbonmatch.matching.messages import Phase
from carbonmatch.ops.health import State
from deploy.grafana.panels import (
    BLUE,
    GREEN,
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
    number,
    per_second,
    quantile,
    quantiles,
    rising,
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
_GIB: Final = 2**30


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
            runbook="not-active",
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
            runbook="latency",
        ),
        number(
            "Within the objective",
            "percentunit",
            'min(1 - instance:carbonmatch_slow_commands:ratio_rate5m{instance=~"$instance"})',
            "Share of the commands of the last five minutes that were answered within 10 ms. The objective "
            "is 99.9 %.",
            thresholds=falling(0.99, 0.999),
            runbook="latency",
        ),
        number(
            "Capacity used",
            "percentunit",
            highest("carbonmatch_capacity_used_ratio"),
            "Share of the last second in which the loop was at work; at 100 % the venue is full.",
            thresholds=rising(0.5, 0.8),
        ),
        number(
            "Refused",
            "percentunit",
            f"{per_second('carbonmatch_messages_rejected_total')}"
            f" / ({per_second('carbonmatch_messages_received_total')} > 0) or vector(0)",
            "Share of the commands received that were refused, for any reason.",
            thresholds=rising(0.1, 0.5),
            runbook="rejects",
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
        ),
        number(
            "Follower behind",
            "s",
            "max(carbonmatch_follower_lag_seconds)",
            "Age of the last command that the follower has executed again, 0 where none is left.",
            thresholds=rising(1, 10),
            runbook="follower",
        ),
        number(
            "Disk free",
            "bytes",
            'min(carbonmatch_disk_free_bytes{instance=~"$instance"})',
            "Bytes free where the journal is. When none are left, new orders are refused.",
            thresholds=falling(2 * _GIB, 10 * _GIB),
            runbook="disk",
        ),
        number(
            "Running for",
            "s",
            f"time() - {highest('carbonmatch_start_time_seconds')}",
            "Since the venue was started.",
            thresholds=((None, YELLOW), (300, BLUE)),
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
            runbook="latency",
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
            runbook="latency",
            width=6,
        ),
        Panel(
            Kind.LINES,
            "Commit",
            "Writing and syncing one batch: what the disk does to every command.",
            "s",
            quantiles(_COMMIT, 0.5, 0.99, 0.999),
            thresholds=rising(0.01, 0.05),
            runbook="commit",
            width=6,
        ),
        Panel(
            Kind.LINES,
            "Commands in a batch",
            "The slower the disk, the more commands share a sync.",
            "short",
            quantiles("carbonmatch_commit_batch_commands", 0.5, 0.99),
            width=6,
        ),
        Panel(
            Kind.LINES,
            "Waiting",
            "How long the oldest frame that was read has waited for its turn.",
            "s",
            (each("carbonmatch_oldest_wait_seconds"),),
            width=6,
        ),
    ),
)
