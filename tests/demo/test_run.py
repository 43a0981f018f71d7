"""The demo as people start it: a real engine in its own process, over real TCP."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def demo(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "carbonmatch", "demo", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def engine_of(run: "subprocess.Popen[str]", directory: Path) -> int:
    """Process id of the engine that a demo has started, once it is ready (its journal exists)."""
    while run.poll() is None:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = entry.read_bytes().split(b"\0")
            except OSError:
                continue
            if f"--data-dir={directory}".encode() in words and b"serve" in words and any(directory.iterdir()):
                return int(entry.parent.name)
    raise AssertionError("the demo ended before its engine was there")


def test_a_short_run_trades_and_everything_adds_up(tmp_path: Path) -> None:
    run = demo("--seconds", "1.5", "--json", f"--data-dir={tmp_path}")
    out, err = run.communicate(timeout=100)
    assert (run.returncode, err) == (0, "")
    summary = json.loads(out)
    assert summary["ok"] is True
    assert all(summary["checks"].values())
    assert len(summary["checks"]) == 5
    assert summary["trades"] > 100
    assert summary["commands"] == summary["answered"] > 1_000
    assert set(summary["proofs"]) == {"verify", "replay"}
    assert sum(one["tonnes"] for one in summary["instruments"]) == summary["tonnes"]
    assert 0 < summary["latency_us"]["p50"] <= summary["latency_us"]["p999"]
    assert any(tmp_path.iterdir()), "a directory that was given is kept"


def test_an_interrupt_ends_the_day_early_and_in_good_order(tmp_path: Path) -> None:
    run = demo("--seconds", "600", "--headless", f"--data-dir={tmp_path}")
    assert run.stderr is not None
    assert run.stderr.readline() == "trading for 600 s ...\n"
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=100)
    assert run.returncode == 0, out
    assert "good  every order ended once" in out


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the engine in /proc")
def test_an_engine_that_dies_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    run = demo("--seconds", "600", "--headless", f"--data-dir={tmp_path}")
    os.kill(engine_of(run, tmp_path), signal.SIGKILL)
    out, err = run.communicate(timeout=100)
    assert run.returncode == 1
    assert out == ""
    assert "carbonmatch: the engine" in err
