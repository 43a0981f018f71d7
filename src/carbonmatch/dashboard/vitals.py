"""How the venue is, from what its metrics say: figures, points of the charts, journal and follower. Pure."""

from collections import deque
from typing import Final

from msgspec import Struct

from carbonmatch.dashboard.scrape import Scrape
from carbonmatch.limits import DASHBOARD_POINTS_MAX, METRICS_INSTRUMENTS_MAX
from carbonmatch.ops.health import State

_MEDIAN: Final = 0.5
_RARE: Final = 0.99
_LATENCY: Final = "carbonmatch_order_latency_seconds"
_COMMIT: Final = "carbonmatch_commit_duration_seconds"
_LOOP_LAG: Final = "carbonmatch_event_loop_lag_seconds"
# Stages of an order in the order in which it passes them; those that a venue has not are left out.
_STAGES: Final = {
    "read": "carbonmatch_read_seconds",
    "decode": "carbonmatch_decode_seconds",
    "match": "carbonmatch_match_seconds",
    "gather": "carbonmatch_gather_seconds",
    "commit": _COMMIT,
    "release": "carbonmatch_release_seconds",
    "end to end": _LATENCY,
    "event loop late by": _LOOP_LAG,
}


class Stage(Struct, frozen=True, gc=False):
    """How long a stage took in the last seconds. None: nothing passed it."""

    name: str
    median_seconds: float | None
    p99_seconds: float | None


class Vitals(Struct, frozen=True, gc=False):
    """The last word of `/metrics`. None: it does not say, or not yet."""

    state: str
    start_time_seconds: float | None
    commands_per_second: float | None
    trades_per_second: float | None
    rejected_per_second: float | None
    # Of what was received in the last seconds.
    rejected_share: float | None
    latency_median_seconds: float | None
    latency_p99_seconds: float | None
    commit_p99_seconds: float | None
    loop_lag_p99_seconds: float | None
    capacity_used_ratio: float | None
    open_orders: float | None
    stages: list[Stage]
    # Sessions.
    sessions: dict[str, float]
    connections: float | None
    feed_subscribers: float | None
    logons_rejected: float | None
    slow_readers_cut: float | None
    # Journal.
    last_sequence: float | None
    durable_sequence: float | None
    spare_segments: float | None
    disk_free_bytes: float | None
    disk_size_bytes: float | None
    commits_slow: float | None
    snapshot_sequence: float | None
    snapshot_age_seconds: float | None
    is_durable: bool
    clock_synchronized: float | None
    # Process.
    memory_bytes: float | None
    cpu_share: float | None


class Following(Struct, frozen=True, gc=False):
    """Where the follower is."""

    sequence: float | None
    lag_commands: float | None
    lag_seconds: float | None
    snapshot_sequence: float | None
    snapshot_age_seconds: float | None
    diverged: bool


class Point(Struct, frozen=True, gc=False, array_like=True):
    """One moment of the charts; where the venue did not answer, nothing but its time."""

    time_seconds: float
    commands_per_second: float | None = None
    trades_per_second: float | None = None
    rejected_per_second: float | None = None
    latency_median_seconds: float | None = None
    latency_p99_seconds: float | None = None
    commit_p99_seconds: float | None = None


def vitals_of(now: Scrape, before: Scrape | None) -> Vitals:
    """`before`: the answer before this one."""
    sums = now.sums
    latency = now.buckets(_LATENCY, before)
    received = now.rate("carbonmatch_messages_received_total", before)
    rejected = now.rate("carbonmatch_messages_rejected_total", before)
    return Vitals(
        state=_state(sums.get("carbonmatch_state")),
        start_time_seconds=sums.get("carbonmatch_start_time_seconds"),
        commands_per_second=now.rate("carbonmatch_commands_total", before),
        trades_per_second=_trades_per_second(now, before),
        rejected_per_second=rejected,
        rejected_share=None if not received or rejected is None else rejected / received,
        latency_median_seconds=latency.quantile(_MEDIAN),
        latency_p99_seconds=latency.quantile(_RARE),
        commit_p99_seconds=now.buckets(_COMMIT, before).quantile(_RARE),
        loop_lag_p99_seconds=now.buckets(_LOOP_LAG, before).quantile(_RARE),
        capacity_used_ratio=sums.get("carbonmatch_capacity_used_ratio"),
        open_orders=sums.get("carbonmatch_open_orders"),
        stages=[
            Stage(name, buckets.quantile(_MEDIAN), buckets.quantile(_RARE))
            for name, metric in _STAGES.items()
            if metric in now.histograms
            for buckets in [now.buckets(metric, before)]
        ],
        sessions=now.by_label.get("carbonmatch_sessions", {}),
        connections=sums.get("carbonmatch_connections"),
        feed_subscribers=sums.get("carbonmatch_feed_subscribers"),
        logons_rejected=sums.get("carbonmatch_logons_rejected_total"),
        slow_readers_cut=sums.get("carbonmatch_slow_readers_cut_total"),
        last_sequence=sums.get("carbonmatch_last_sequence"),
        durable_sequence=sums.get("carbonmatch_journal_durable_sequence"),
        spare_segments=sums.get("carbonmatch_journal_spare_segments"),
        disk_free_bytes=sums.get("carbonmatch_disk_free_bytes"),
        disk_size_bytes=sums.get("carbonmatch_disk_size_bytes"),
        commits_slow=sums.get("carbonmatch_commits_slow_total"),
        snapshot_sequence=sums.get("carbonmatch_snapshot_sequence"),
        snapshot_age_seconds=sums.get("carbonmatch_snapshot_age_seconds"),
        is_durable=sums.get("carbonmatch_durable") != 0,
        clock_synchronized=sums.get("carbonmatch_clock_synchronized"),
        memory_bytes=sums.get("process_resident_memory_bytes"),
        cpu_share=now.rate("process_cpu_seconds_total", before),
    )


def _trades_per_second(now: Scrape, before: Scrape | None) -> float | None:
    """None where there are more instruments than have metrics of their own."""
    if now.sums.get("carbonmatch_instruments", 0) > METRICS_INSTRUMENTS_MAX:
        return None
    return now.rate("carbonmatch_trades_total", before)


def following_of(now: Scrape) -> Following:
    sums = now.sums
    return Following(
        sequence=sums.get("carbonmatch_follower_sequence"),
        lag_commands=sums.get("carbonmatch_follower_lag_commands"),
        lag_seconds=sums.get("carbonmatch_follower_lag_seconds"),
        snapshot_sequence=sums.get("carbonmatch_follower_snapshot_sequence"),
        snapshot_age_seconds=sums.get("carbonmatch_follower_snapshot_age_seconds"),
        diverged=bool(sums.get("carbonmatch_follower_diverged")),
    )


def point_of(now_ns: int, vitals: Vitals | None) -> Point:
    """None: the venue did not answer."""
    if vitals is None:
        return Point(now_ns / 1e9)
    return Point(
        now_ns / 1e9,
        vitals.commands_per_second,
        vitals.trades_per_second,
        vitals.rejected_per_second,
        vitals.latency_median_seconds,
        vitals.latency_p99_seconds,
        vitals.commit_p99_seconds,
    )


def _state(number: float | None) -> str:
    try:
        return State(int(number)).name.lower() if number is not None else ""
    except ValueError:
        # A newer venue than this page.
        return f"state {number:g}"


class History:
    """The last points of the charts, each with the version of the page that it came with."""

    def __init__(self) -> None:
        self._points: deque[tuple[int, Point]] = deque(maxlen=DASHBOARD_POINTS_MAX)

    def add(self, point: Point, version: int) -> None:
        self._points.append((version, point))

    def since(self, version: int) -> list[Point]:
        """Those that came after `version`, the oldest first."""
        newer: list[Point] = []
        for came, point in reversed(self._points):
            if came <= version:
                break
            newer.append(point)
        newer.reverse()
        return newer
