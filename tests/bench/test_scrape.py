"""The measurement of a scrape: that it measures, and what its figures mean."""

from pathlib import Path

import numpy as np
import pytest

from bench.scrape import _held_us, measure


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the kernel does not count by thread")
def test_a_real_engine_is_scraped() -> None:
    found = measure(instruments=2, sessions=3, rounds=1, seconds=0.3)
    assert found.page_bytes > 10_000
    assert len(found.scrape_us) == 1


def test_what_a_scrape_holds_is_what_others_wait_longer_than_without() -> None:
    # Each millisecond a question, answered in 100 us; while the scrapes at 10 and 30 ms last, in 700.
    pings = [(ms * 1_000_000, ms * 1_000_000 + (700_000 if ms in (11, 31) else 100_000)) for ms in range(50)]
    windows = [(start * 1_000_000, (start + 3) * 1_000_000) for start in (10, 30)]
    assert _held_us(np.array(pings, np.int64), windows) == 600
    assert _held_us(np.zeros((0, 2), np.int64), windows) == 0
