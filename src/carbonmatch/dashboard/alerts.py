"""What deserves somebody's attention: what Prometheus says, or else a few rules of our own. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from carbonmatch.dashboard.vitals import Following, Vitals
from carbonmatch.limits import (
    COMMIT_SLOW_SECONDS,
    DASHBOARD_ALERTS_MAX,
    FOLLOWER_LAG_SECONDS_MAX,
    SPARE_SEGMENTS,
)

Severity = Literal["critical", "warning"]

# Rules of our own: coarse, without a memory of more than two answers of /metrics. deploy/prometheus has those
# that look at minutes and hours; what means the same has the same name, and so a page in docs/runbooks.
_CAPACITY_USED_MAX: Final = 0.8
_REJECTED_SHARE_MAX: Final = 0.2
_LOOP_LAG_SECONDS_MAX: Final = 0.1
_DISK_FREE_BYTES_MIN: Final = 2 * 1024**3


class Alert(Struct, frozen=True, gc=False):
    """`since_ns` 0: not known."""

    name: str
    severity: str
    text: str
    state: str = "firing"
    since_ns: int = 0
    runbook: str = ""


class Facts(Struct, frozen=True):
    """What our own rules go by."""

    # Why the feed's books are not current, why /metrics and the follower do not answer; empty: all is well.
    feed_problem: str = ""
    metrics_problem: str = ""
    follower_problem: str = ""
    # What /readyz gives as reasons, and whether gateways should connect.
    is_ready: bool = True
    reasons: tuple[str, ...] = ()
    vitals: Vitals | None = None
    following: Following | None = None


def own_alerts(facts: Facts) -> list[Alert]:
    """In the order of the rules, without times."""
    return [Alert(name, severity, text) for name, severity, text in _own(facts)]


def _own(facts: Facts) -> Iterator[tuple[str, Severity, str]]:
    if facts.metrics_problem:
        yield "CarbonmatchDown", "critical", f"/metrics: {facts.metrics_problem}"
    if facts.feed_problem:
        yield "CarbonmatchFeedNotCurrent", "critical", facts.feed_problem
    if not facts.metrics_problem and (not facts.is_ready or facts.reasons):
        severity: Severity = "warning" if facts.is_ready else "critical"
        yield "CarbonmatchNotActive", severity, "; ".join(facts.reasons) or "not ready"
    if facts.vitals is not None:
        yield from _of_vitals(facts.vitals)
    if facts.follower_problem:
        yield "CarbonmatchFollowerDown", "warning", facts.follower_problem
    if facts.following is not None:
        yield from _of_following(facts.following)


def _of_vitals(vitals: Vitals) -> Iterator[tuple[str, Severity, str]]:
    commit = vitals.commit_p99_seconds
    if commit is not None and commit > COMMIT_SLOW_SECONDS:
        yield "CarbonmatchCommitSlow", "warning", _above("99 % of commits take", commit, COMMIT_SLOW_SECONDS)
    lag = vitals.loop_lag_p99_seconds
    if lag is not None and lag > _LOOP_LAG_SECONDS_MAX:
        found = _above("99 % of the loop's timers are late by", lag, _LOOP_LAG_SECONDS_MAX)
        yield "CarbonmatchEventLoopLag", "warning", found
    used = vitals.capacity_used_ratio
    if used is not None and used > _CAPACITY_USED_MAX:
        found = f"{used:.0%} of the capacity is used"
        yield "CarbonmatchNearCapacity", "warning", f"{found}, expected at most {_CAPACITY_USED_MAX:.0%}"
    share = vitals.rejected_share
    if share is not None and share > _REJECTED_SHARE_MAX:
        found = f"{share:.0%} of the commands refused"
        yield "CarbonmatchRejectRatioHigh", "warning", f"{found}, expected at most {_REJECTED_SHARE_MAX:.0%}"
    spare = vitals.spare_segments
    if spare is not None and spare < SPARE_SEGMENTS - 1:
        found = f"{spare:.0f} segments made ahead"
        yield "CarbonmatchSegmentsNotMade", "critical", f"{found}, expected {SPARE_SEGMENTS}"
    free = vitals.disk_free_bytes
    if free is not None and 0 < free < _DISK_FREE_BYTES_MIN:
        found = f"{free / 1024**3:.1f} GiB free where the journal is"
        yield "CarbonmatchDiskNearlyFull", "critical", f"{found}, expected {_DISK_FREE_BYTES_MIN >> 30}"
    if vitals.clock_synchronized == 0:
        yield "CarbonmatchClockNotSynced", "warning", "the kernel says that its clock is not synchronized"
    if not vitals.is_durable:
        yield "CarbonmatchNotDurable", "critical", "relaxed mode: answers do not wait for the disk"


def _of_following(following: Following) -> Iterator[tuple[str, Severity, str]]:
    if following.diverged:
        yield (
            "CarbonmatchFollowerDiverged",
            "critical",
            "the journal, executed again, gave other events or another state",
        )
    lag = following.lag_seconds
    if lag is not None and lag > FOLLOWER_LAG_SECONDS_MAX:
        yield (
            "CarbonmatchFollowerLagging",
            "warning",
            _above("the follower is behind by", lag, FOLLOWER_LAG_SECONDS_MAX),
        )


def _above(what: str, found_seconds: float, expected_seconds: float) -> str:
    return f"{what} {found_seconds:.3g} s, expected at most {expected_seconds:.3g} s"


class Since:
    """Remembers since when each of our own alerts holds, as long as it does."""

    def __init__(self) -> None:
        self._since_ns: dict[str, int] = {}

    def dated(self, alerts: list[Alert], now_ns: int) -> list[Alert]:
        self._since_ns = {alert.name: self._since_ns.get(alert.name, now_ns) for alert in alerts}
        return [
            Alert(alert.name, alert.severity, alert.text, since_ns=self._since_ns[alert.name])
            for alert in alerts
        ]


# --- Prometheus ------------------------------------------------------------------------------------


class _Told(Struct, frozen=True):
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    state: str = "firing"
    activeAt: str = ""  # noqa: N815 - Prometheus calls it so


class _Alerts(Struct, frozen=True):
    alerts: list[_Told]


class PrometheusAnswer(Struct, frozen=True):
    """What `/api/v1/alerts` of a Prometheus says."""

    status: str
    data: _Alerts


def alerts_of(answer: PrometheusAnswer) -> list[Alert]:
    """Those that fire before those that are about to."""
    found = [
        Alert(
            name=told.labels.get("alertname", ""),
            severity=told.labels.get("severity", ""),
            text=told.annotations.get("summary") or told.annotations.get("description", ""),
            state=told.state,
            since_ns=_time_ns(told.activeAt),
            runbook=_link(told.annotations.get("runbook_url", "")),
        )
        for told in answer.data.alerts
    ]
    found.sort(key=lambda alert: (alert.state != "firing", alert.severity != "critical", alert.name))
    return found[:DASHBOARD_ALERTS_MAX]


def _time_ns(text: str) -> int:
    """Of RFC 3339; 0 where it is none."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1e9)
    except ValueError:
        return 0


def _link(address: str) -> str:
    """A browser follows nothing else from here."""
    return address if address.startswith(("https://", "http://")) else ""
