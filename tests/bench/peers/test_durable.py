"""The engine beside Redis: what is compared, and when a bar is reached."""

import json
from pathlib import Path

import pytest

from bench.builds import COMPILED, INTERPRETED
from bench.peers import command, redis
from bench.peers.durable import SETTINGS, Bar, Figures, order_bytes, verdicts


def _figures(rate: float, p50: float) -> Figures:
    return Figures(rate, p50, 2 * p50, 1.0, 1.0, [])


def test_ratios_are_taken_within_a_repetition() -> None:
    runs = {
        "redis": [_figures(100, 10), _figures(400, 10)],
        INTERPRETED: [_figures(90, 10), _figures(440, 10)],
    }
    [verdict] = verdicts((Bar("rate", True, {INTERPRETED: 1.0}),), runs)
    assert verdict.ratios == pytest.approx([0.9, 1.1])
    assert verdict.median == pytest.approx(1.0)


@pytest.mark.parametrize(("rate", "reached"), [(149, False), (150, True)])
def test_a_rate_has_to_be_at_least_its_bar(rate: float, reached: bool) -> None:
    runs = {"redis": [_figures(100, 10)], COMPILED: [_figures(rate, 10)]}
    [verdict] = verdicts((Bar("rate", True, {INTERPRETED: 1.0, COMPILED: 1.5}),), runs)
    assert verdict.reached is reached


@pytest.mark.parametrize(("p50", "reached"), [(125, True), (126, False)])
def test_a_latency_has_to_be_at_most_its_bar(p50: float, reached: bool) -> None:
    runs = {"redis": [_figures(100, 100)], INTERPRETED: [_figures(100, p50)]}
    [verdict] = verdicts((Bar("p50", False, {INTERPRETED: 1.25}),), runs)
    assert verdict.reached is reached


def test_a_set_carries_what_an_order_has() -> None:
    assert order_bytes([[b"x" * 128, b"x" * 130], [b"x" * 126, b"x" * 128]], frame_commands=4) == 32


def test_the_engine_has_as_much_in_flight_as_redis_or_what_it_is_asked_for() -> None:
    found = {one.name: (one.connections, one.pipeline, one.plan.window_commands) for one in SETTINGS}
    assert found == {"batched": (8, 128, 512), "single": (8, 16, 16), "round trip": (1, 1, 1)}
    assert all(one.connections == one.workload.sessions for one in SETTINGS)


@pytest.mark.skipif(bool(redis.missing()), reason=redis.missing())
def test_the_engine_and_redis_are_measured_in_turn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "result.json"
    arguments = ["durable", "--settings", "single", "--share", "0.002", "--repetitions", "1"]
    assert command.main([*arguments, "--directory", str(tmp_path), "--json", str(kept)]) == 0
    [found] = json.loads(kept.read_text())["durable"]
    assert {name: len(runs) for name, runs in found["runs"].items()} == {"redis": 1, INTERPRETED: 1}
    assert all(run["flaws"] == [] and run["rate_per_second"] > 0 for run in found["runs"][INTERPRETED])
    assert "rate of interpreted / Redis: " in capsys.readouterr().out
    assert [one.name for one in tmp_path.iterdir()] == ["result.json"]


def test_without_redis_it_is_said_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(redis, "missing", lambda: "no redis-server here")
    assert command.main(["durable"]) == 0
    assert capsys.readouterr().out == "SKIPPED durable: no redis-server here\n"


def test_a_setting_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    if redis.missing():
        pytest.skip(redis.missing())
    assert command.main(["durable", "--settings", "bathced"]) == 1
    assert "'batched', 'single', 'round trip'" in capsys.readouterr().err
