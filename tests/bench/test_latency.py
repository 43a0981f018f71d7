"""Raw nanoseconds to percentiles: as if each had been recorded by itself."""

import math
from random import Random

import numpy as np
from hdrh.histogram import HdrHistogram

from bench.latency import HIGHEST_NS, encoded, fold, latency, median


def test_folding_counts_as_recording_one_by_one_does() -> None:
    draw = Random(7)
    values = [draw.randrange(2 ** draw.randrange(1, 40)) for _ in range(5_000)] + [0, 1, 2047, 2048, 2049]
    one_by_one = HdrHistogram(1, HIGHEST_NS, 3)
    for value in values:
        one_by_one.record_value(value)
    folded = fold(np.array(values))
    assert list(folded.counts) == list(one_by_one.counts)
    assert folded.total_count == len(values)
    assert folded.max_value == max(values)


def test_percentiles_are_the_values_at_their_rank() -> None:
    # 1 to 1,000 us: p50 is 500 us, within the three digits of the histogram.
    found = latency(fold(np.arange(1, 1_001) * 1_000))
    assert found.count == 1_000
    assert math.isclose(found.p50_us, 500, rel_tol=0.001)
    assert math.isclose(found.p90_us, 900, rel_tol=0.001)
    assert math.isclose(found.p99_us, 990, rel_tol=0.001)
    assert math.isclose(found.p99_9_us, 999, rel_tol=0.001)
    assert found.p99_99_us == found.max_us == 1_000


def test_a_frame_counts_for_each_of_its_commands() -> None:
    found = latency(fold(np.array([5_000, 7_000]), weight=64))
    assert found.count == 128
    assert found.max_us == 7


def test_one_slow_frame_of_ten_thousand_is_the_maximum_and_not_the_tail() -> None:
    found = latency(fold(np.array([100] * 9_999 + [10**9])))
    assert found.p99_9_us == 0.1
    assert found.max_us == 1_000_000


def test_nothing_measured_is_no_latency() -> None:
    found = latency(fold(np.array([], np.int64)))
    assert found.count == 0
    assert math.isnan(found.p50_us)
    assert math.isnan(median([]))


def test_the_encoded_histogram_can_be_read_again() -> None:
    text = encoded(fold(np.array([1_000, 2_000, 2_000])))
    again = HdrHistogram.decode(text)
    assert again.total_count == 3
    assert again.get_value_at_percentile(99) == 2_000
