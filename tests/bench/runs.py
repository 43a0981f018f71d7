"""Runs that nobody ran, for tests of what is made of them."""

import numpy as np

from bench.latency import Latency, encoded, fold
from bench.results import Run


def flat_latency(microseconds: float) -> Latency:
    return Latency(100, *[microseconds] * 6)


def a_run(rate: float = 1_000, p50: float = 100, p99: float = 200, last_third: float = 100) -> Run:
    """Of an engine, sound and undisturbed."""
    return Run(
        target="engine",
        commands=100,
        seconds=0.1,
        rate_per_second=rate,
        latency=Latency(100, p50, p99, p99, p99, p99, p99),
        first_third_p50_us=100,
        last_third_p50_us=last_third,
        lag=None,
        server_cpu_us_per_command=1.0,
        generator_cpu_us_per_command=0.5,
        others_cpu_share=0.0,
        server_resident_mib=50.0,
        reports={},
        feed_bytes=0,
        feed_frames=0,
        problems=[],
        invalid=[],
        histogram=encoded(fold(np.array([p50, p99]).astype(np.int64) * 1_000)),
    )
