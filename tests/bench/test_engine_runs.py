"""The engine under the generator, started and stopped as by hand: small, but all of the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from bench import load, recover
from bench.processes import REPOSITORY
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_measurement_that_is_ended_leaves_no_engine_and_no_directory(
    tmp_path: Path, number: signal.Signals
) -> None:
    arguments = ["load", "soak", "--seconds", "600", "--rate", "500", "--directory", str(tmp_path)]
    # Whoever runs the tests may ignore a signal, as under `nohup`, and what it starts would do so too.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        bench = subprocess.Popen(
            [sys.executable, "-m", "bench", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}"},
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(number, before)
    engine = _process_with(str(tmp_path), bench)
    bench.send_signal(number)
    _, told = bench.communicate(timeout=30)
    assert told == f"python -m bench: ended by {number.name}\n"
    assert bench.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []
    assert not Path(f"/proc/{engine}").exists()


def _process_with(argument: str, parent: subprocess.Popen[str]) -> int:
    """A child that has this in its command line, and a journal; waits until there is one."""
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert parent.poll() is None
        for child in children.read_text().split():
            if argument in _command_line(child) and any(Path(argument).rglob("*.cmj")):
                return int(child)
        time.sleep(0.05)
    raise AssertionError("no engine was started")


def _command_line(process: str) -> str:
    """Empty where it has ended meanwhile."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
