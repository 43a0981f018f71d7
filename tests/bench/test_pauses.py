"""Pauses of the loop: what the metrics say of them is read right."""

from pathlib import Path

import pytest

from bench import pauses

_PAGE = """\
# TYPE carbonmatch_gc_pause_seconds histogram
carbonmatch_gc_pause_seconds_bucket{le="0.001"} 3
carbonmatch_gc_pause_seconds_bucket{le="0.0025"} 4
carbonmatch_gc_pause_seconds_bucket{le="+Inf"} 5
carbonmatch_gc_pause_seconds_count 5
carbonmatch_gc_pause_seconds_sum 0.25
carbonmatch_gc_pause_seconds_other 9
"""


def test_a_histogram_is_read_in_milliseconds() -> None:
    found = pauses.times(_PAGE, "carbonmatch_gc_pause_seconds")
    assert found.counts == {1.0: 3, 2.5: 4, float("inf"): 5}
    assert (found.count, found.total_ms, found.longest_ms) == (5, 250.0, float("inf"))


def test_what_was_before_is_not_of_the_load() -> None:
    before = pauses.times(_PAGE, "carbonmatch_gc_pause_seconds")
    later = (
        _PAGE.replace('0.0025"} 4', '0.0025"} 6')
        .replace('+Inf"} 5', '+Inf"} 7')
        .replace("_count 5", "_count 7")
    )
    found = pauses.times(later.replace("0.25", "0.253"), "carbonmatch_gc_pause_seconds").less(before)
    assert (found.count, found.longest_ms) == (2, 2.5)
    assert found.total_ms == pytest.approx(3.0)


def test_no_pause_is_no_long_pause() -> None:
    before = pauses.times(_PAGE, "carbonmatch_gc_pause_seconds")
    assert before.less(before).longest_ms == 0.0


def test_a_page_without_it_is_refused() -> None:
    with pytest.raises(OSError, match="no carbonmatch_gc_pause_seconds"):
        pauses.times("carbonmatch_up 1\n", "carbonmatch_gc_pause_seconds")


def test_an_engine_under_load_is_asked(tmp_path: Path) -> None:
    found = pauses.measure(rate=800, frame=4, seconds=0.5, disk=tmp_path)
    assert found.commands_per_second > 0
    assert found.collector.count >= 0
    assert found.idle_late_ms
