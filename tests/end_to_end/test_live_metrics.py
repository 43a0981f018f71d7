"""What a real process of each kind shows is its table, and Prometheus' own linter finds nothing in it."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from carbonmatch.ops.fanout_metrics import FANOUT_METRICS
from carbonmatch.ops.follower_metrics import FOLLOWER_METRICS
from carbonmatch.ops.metric import Metric
from carbonmatch.ops.metrics import METRICS
from carbonmatch.ops.process import PROCESS
from tests.end_to_end.following import FollowerProcess
from tests.end_to_end.running import Process
from tests.end_to_end.test_fanout import fanout_process

_CHECK: Final = ("promtool", "check", "metrics")
_HEAD: Final = re.compile(r"^# HELP (\w+) (.*)\n# TYPE \1 (\w+)$", re.MULTILINE)


def compare(metrics: str, table: Iterable[Metric]) -> None:
    shown = _HEAD.findall(metrics)
    assert shown[0][0] == "carbonmatch_build_info", "it is what it is, and in no table"
    names = {name for name, _, _ in shown}
    # What a machine cannot tell, or nobody has asked for, is left out; its names are those of nothing else.
    known = [one for one in (*table, *PROCESS.metrics) if not one.optional or one.name in names]
    assert shown[1:] == [(one.name, one.help, one.kind) for one in known]


def complaints(metrics: str) -> str:
    """What promtool says of it; with 0 it is a warning, 1 is no exposition, 3 is a bad name."""
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here; on Debian: apt install prometheus")
    done = subprocess.run(_CHECK, input=metrics, capture_output=True, text=True, timeout=30, check=False)
    return f"{done.returncode}\n{done.stdout}{done.stderr}".removeprefix("0\n")


def test_the_linter_does_complain() -> None:
    text = "# HELP carbonmatch_lag_milliseconds x\n# TYPE carbonmatch_lag_milliseconds gauge\n"
    assert complaints(text + "carbonmatch_lag_milliseconds 1\n")
    assert complaints("carbonmatch_lag{ 1\n")


async def test_an_engine_shows_its_table(process: Process) -> None:
    await process.start()
    status, body = await process.get("/metrics")
    compare(body, METRICS)
    assert (status, complaints(body)) == (200, "")


async def test_a_follower_shows_its_table(process: Process, tmp_path: Path) -> None:
    await process.start()
    follower = FollowerProcess(process.directory, tmp_path / "follower.log")
    try:
        await follower.start()
        status, body = await follower.page("/metrics")
    finally:
        follower.clean_up()
    compare(body, FOLLOWER_METRICS)
    assert (status, complaints(body)) == (200, "")


async def test_a_fan_out_shows_its_table(process: Process, tmp_path: Path) -> None:
    await process.start()
    async with fanout_process(process, tmp_path) as one:
        status, body = await one.get("/metrics")
    compare(body, FANOUT_METRICS)
    assert (status, complaints(body)) == (200, "")
