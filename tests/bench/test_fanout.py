"""The bench of market data to many: it measures both ways, and reckons what a subscriber more costs."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench import fanout
from bench.fanout import Served, added_us
from bench.latency import fold, latency


def _served(way: str, subscribers: int, engine_ms: float, fanout_ms: float = 0.0) -> Served:
    none = latency(fold(np.array([1_000], np.int64)))
    return Served(way, subscribers, 1.0, 1_000.0, 9_000.0, none, engine_ms, fanout_ms)


def test_a_subscriber_more_is_charged_to_whoever_sends_to_him() -> None:
    found = [
        _served("engine", 1, engine_ms=100),
        _served("engine", 11, engine_ms=120),
        _served("fan-out", 1, engine_ms=100, fanout_ms=10),
        _served("fan-out", 11, engine_ms=100, fanout_ms=20),
    ]
    # 20 ms a second for ten more of 1,000 messages each; the other way half of it.
    assert added_us(found, "engine") == pytest.approx(2.0)
    assert added_us(found, "fan-out") == pytest.approx(1.0)
    assert added_us(found[:1], "engine") is None


def test_both_ways_serve_the_same_feed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "result.json"
    small = ["--subscribers", "2", "--rate", "400", "--seconds", "0.5", "--directory", str(tmp_path)]
    assert fanout.main([*small, "--json", str(kept)]) == 0
    served = json.loads(kept.read_text())["served"]
    assert [(one["way"], one["subscribers"]) for one in served] == [("engine", 2), ("fan-out", 2)]
    assert all(one["messages_per_second"] > 0 and one["latency"]["count"] > 0 for one in served)
    assert "fan-out ms/s" in capsys.readouterr().out
