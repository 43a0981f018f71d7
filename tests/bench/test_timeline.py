"""A run cut into windows."""

import numpy as np

from bench.timeline import NO_TIMELINE, timeline

MS = 1_000_000


def test_a_command_is_in_the_window_in_which_it_was_started_and_answered_in_another_one() -> None:
    found = timeline(np.array([0, 40, 160]) * MS, np.array([1, 70, 2]) * MS, 2, window_ns=50 * MS)
    assert found.window_seconds == 0.05
    assert found.started_per_second == [80, 0, 0, 40]
    assert found.answered_per_second == [40, 0, 40, 40]
    assert found.p50_us == [1_000, None, None, 2_000]
    assert found.p99_us == found.max_us == [70_000, None, None, 2_000]


def test_a_long_run_has_no_more_windows_than_a_plot_shows() -> None:
    found = timeline(np.arange(3_000) * 1_000 * MS, np.full(3_000, MS), 1)
    assert 200 <= len(found.p50_us) <= 240
    assert round(sum(found.started_per_second) * found.window_seconds) == 3_000


def test_nothing_measured_has_no_windows() -> None:
    assert timeline(np.array([], np.int64), np.array([], np.int64), 1) == NO_TIMELINE
