"""The engine under the generator, started and stopped as by hand: small, but all of the way."""

from pathlib import Path

import msgspec
import pytest

from bench import load, recover
from bench.results import Result
from bench.workload import Workload


def test_the_engine_answers_each_command_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--sessions", "3", "--frame", "16", "--window", "64", "--commands", "4800"]
    options = ["--target", "engine", "--repetitions", "1", "--directory", str(tmp_path), "--json", "-"]
    assert load.main([*arguments, *options]) == 0
    result = msgspec.json.decode(capsys.readouterr().out, type=Result)
    (run,) = result.presets[0].runs("engine")
    assert run.problems == []
    assert run.commands == 4_800 - 3 * 20 * 16
    assert run.reports["Accepted"] > 2_000
    assert run.reports["Executed"] > 100
    # The subscriber has seen something of it.
    assert run.feed_frames > 1


def test_a_killed_engine_comes_back_with_all_that_was_answered(tmp_path: Path) -> None:
    found = recover.measure(Workload(sessions=2, commands=3_200, frame_commands=16), tmp_path)
    assert found.problems == []
    assert found.after_kill.commands >= 3_200
    assert found.after_kill.ready_sequence == found.after_stop.sequence
    assert (found.after_kill.snapshot_sequence, found.after_stop.commands) == (0, 0)
    assert found.after_stop.snapshot_sequence == found.after_stop.sequence


def test_recover_refuses_what_cannot_be_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert recover.main(["--commands", "100"]) == 2
    assert "100 commands do not fill a frame" in capsys.readouterr().err
