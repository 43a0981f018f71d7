"""Whether a command costs the same however much there is: how it is reckoned, and that it is measured."""

import json
from pathlib import Path

import pytest
from msgspec import structs

from bench import core, flat
from tests.bench.runs import a_run


def test_ratios_are_taken_within_a_round() -> None:
    # The second round is twice as slow, as machines are.
    found = flat.ladder("resting orders", "ns", [1, 10], [[100.0, 120.0], [200.0, 240.0]])
    assert (found.costs, found.ratios) == ([150.0, 180.0], [1.0, 1.2])
    assert found.is_flat


def test_more_than_a_third_more_is_not_flat() -> None:
    assert not flat.ladder("resting orders", "ns", [1, 10, 100], [[100.0, 131.0, 120.0]]).is_flat
    assert flat.ladder("resting orders", "ns", [1, 10, 100], [[100.0, 130.0, 120.0]]).is_flat


def test_every_part_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "result.json"
    sizes = ["--most", "1000", "--rounds", "1", "--commands", "640", "--seconds", "0.1"]
    assert flat.main(["--parts", "orders,instruments,start", *sizes, "--json", str(kept)]) == 0
    found = json.loads(kept.read_text())
    assert found["orders"]["sizes"] == [1_000]
    assert found["instruments"]["sizes"] == [1, 10, 100, 1_000]
    assert all(cost > 0 for part in ("orders", "instruments") for cost in found[part]["costs"])
    assert len(found["start"]["seconds"]) == 1
    assert "start to ready: " in capsys.readouterr().out


def test_sessions_are_measured_over_tcp(tmp_path: Path) -> None:
    options = flat._parser().parse_args(
        ["--most", "10", "--commands", "400", "--seconds", "0.5", "--directory", str(tmp_path)]
    )
    found = flat.measure_sessions(options)
    assert (found.sizes, found.unit) == ([1, 10], "us")
    assert all(cost > 0 for cost in found.costs)


def test_a_number_of_sessions_whose_generator_was_late_decides_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = structs.replace(a_run(), invalid=["19,130 commands/s, asked for 20,000"])
    monkeypatch.setattr(flat, "_of_sessions", lambda size, _: late if size == 10 else a_run())
    arguments = ["--parts", "sessions", "--directory", str(tmp_path)]
    assert flat.main([*arguments, "--most", "1"]) == 0
    assert "bar <= 1.3: reached" in capsys.readouterr().out
    assert flat.main([*arguments, "--most", "10"]) == 1
    said = capsys.readouterr().out
    assert "bar <= 1.3: not decided" in said
    assert "INVALID: 10 sessions: 19,130 commands/s, asked for 20,000" in said


def test_the_memory_of_orders_is_the_engine_s_alone() -> None:
    remembered, forgotten = (core.resting(1_280, 7, remembered=kept)[0] for kept in (True, False))
    assert sum(map(len, remembered.open.values())) == 1_280
    assert not any(forgotten.open.values())


def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert flat.main(["--parts", "orders,ordres"]) == 2
    assert "no part ['ordres']" in capsys.readouterr().err
