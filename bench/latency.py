"""Raw nanoseconds -> histogram -> percentiles.

`HdrHistogram.record_value` costs 0.7 us, too much between two frames. So a run only stores numbers,
and they are folded afterwards: quantised in numpy as the histogram would, then recorded once for
each distinct value.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from hdrh.histogram import HdrHistogram
from msgspec import Struct
from numpy.typing import NDArray

Nanoseconds = NDArray[np.int64]

# An hour, with three digits: a value is at most 0.1 % off.
HIGHEST_NS: Final = 3_600 * 10**9
SIGNIFICANT_DIGITS: Final = 3
# From 2**11 on, values are kept with 11 significant bits: what HdrHistogram does for three digits.
_SIGNIFICANT_BITS: Final = 11

PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9, 99.99)


class Latency(Struct, frozen=True):
    """Microseconds, of `count` values."""

    count: int
    p50_us: float
    p90_us: float
    p99_us: float
    p99_9_us: float
    p99_99_us: float
    max_us: float


def fold(values_ns: Nanoseconds, weight: int = 1) -> HdrHistogram:
    """The histogram of `values_ns`, each counted `weight` times; negative values count as 0."""
    histogram = HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS)
    if not len(values_ns):
        return histogram
    values = np.clip(values_ns, 0, HIGHEST_NS)
    bits = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(bits - _SIGNIFICANT_BITS, 0)
    distinct, counts = np.unique(values >> shift << shift, return_counts=True)
    for value, count in zip(distinct.tolist(), counts.tolist(), strict=True):
        histogram.record_value(value, count * weight)
    # Quantised, the extremes would be a little too small.
    histogram.max_value = int(values.max())
    return histogram


def latency(histogram: HdrHistogram) -> Latency:
    if not histogram.total_count:
        return Latency(0, *[float("nan")] * 6)
    at = histogram.get_percentile_to_value_dict(list(PERCENTILES))
    # The upper end of the last value's interval may lie above anything that was seen.
    values = [min(at[percentile], histogram.max_value) for percentile in PERCENTILES]
    return Latency(histogram.total_count, *[value / 1_000 for value in (*values, histogram.max_value)])


def encoded(histogram: HdrHistogram) -> str:
    """As every port of HdrHistogram can read it."""
    return str(histogram.encode().decode("ascii"))


def median(values: Sequence[float] | Nanoseconds) -> float:
    return float(np.median(values)) if len(values) else float("nan")
