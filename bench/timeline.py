"""A run cut into windows of its time: what a percentile of the whole run hides."""

from typing import Final

import numpy as np
from msgspec import Struct

from bench.latency import Nanoseconds

WINDOWS_MAX: Final = 240
# Shorter ones would hold too few commands for a percentile.
WINDOW_NS_MIN: Final = 50_000_000


class Timeline(Struct, frozen=True):
    """Windows of `window_seconds` from the first measured frame on. Latency of what was started in each, us.

    A window in which nothing was started has no latency; commands count where they were answered.
    """

    window_seconds: float
    started_per_second: list[float]
    answered_per_second: list[float]
    p50_us: list[float | None]
    p99_us: list[float | None]
    max_us: list[float | None]


NO_TIMELINE: Final = Timeline(0.0, [], [], [], [], [])


def timeline(
    started_ns: Nanoseconds, latency_ns: Nanoseconds, frame_commands: int, window_ns: int = 0
) -> Timeline:
    """Of frames that were started (open loop: due) then, and took so long. `window_ns` 0: as fits."""
    if not len(started_ns):
        return NO_TIMELINE
    begin_ns = int(started_ns.min())
    span_ns = int((started_ns + latency_ns).max()) - begin_ns + 1
    window_ns = window_ns or max(WINDOW_NS_MIN, -(-span_ns // WINDOWS_MAX))
    count = -(-span_ns // window_ns)
    started = (started_ns - begin_ns) // window_ns
    answered = (started_ns + latency_ns - begin_ns) // window_ns
    seconds = window_ns / 1e9
    order = np.argsort(started, kind="stable")
    ends = np.searchsorted(started[order], np.arange(1, count))
    windows = np.split(latency_ns[order], ends)
    return Timeline(
        seconds,
        (np.bincount(started, minlength=count) * frame_commands / seconds).tolist(),
        (np.bincount(answered, minlength=count) * frame_commands / seconds).tolist(),
        [_percentile_us(window, 50) for window in windows],
        [_percentile_us(window, 99) for window in windows],
        [_percentile_us(window, 100) for window in windows],
    )


def _percentile_us(window: Nanoseconds, percentile: int) -> float | None:
    """The value at that rank, as HdrHistogram counts them; never one between two that were seen."""
    if not len(window):
        return None
    return float(np.percentile(window, percentile, method="inverted_cdf")) / 1_000
