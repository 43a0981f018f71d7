"""Percentile files, as the plotter of HdrHistogram reads them."""

import re
from pathlib import Path

import numpy as np

from bench.hgrm import merged, percentile_lines, write
from bench.latency import encoded, fold


def test_the_columns_are_those_of_the_java_library() -> None:
    head, blank, *rows = percentile_lines(fold(np.arange(1, 1_001) * 1_000)).decode().splitlines()
    assert head == "       Value     Percentile TotalCount 1/(1-Percentile)"
    assert blank == ""
    # What the plotter looks for: four numbers a line, the last line of a file without the fourth.
    points = [row for row in rows if not row.startswith("#")]
    assert all(re.fullmatch(r" *\d+\.\d+ \d\.\d{12} +\d+ +\d+\.\d\d", row) for row in points[:-1])
    assert re.fullmatch(r" *\d+\.\d+ 1\.0{12} +1000", points[-1])
    for row in points[1:-1]:
        value, percentile, count, inverse = map(float, row.split())
        # Of 1 to 1,000 us, so many are at most this one, within the three digits of the histogram.
        assert abs(value - count) <= 0.001 * value + 0.5
        assert count >= 1_000 * percentile
        assert abs(inverse * (1 - percentile) - 1) < 0.01


def test_runs_are_added_up(tmp_path: Path) -> None:
    parts = [encoded(fold(np.array([1_000, 2_000]))), encoded(fold(np.array([5_000])))]
    assert merged(parts).total_count == 3
    path = write(tmp_path / "new", "open/engine ../1", parts)
    assert path == tmp_path / "new" / "open-engine-..-1.hgrm"
    assert "TotalCount     =        3.000" in path.read_text()
