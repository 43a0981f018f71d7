"""A fan-out of a venue that is observed, so that Prometheus has its metrics too."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.observed import Observed
from tests.end_to_end.fanning import fanout_arguments
from tests.end_to_end.running import REPOSITORY
from tests.end_to_end.wire import SECONDS_MAX


@contextmanager
def fanned_out(live: Observed, directory: Path) -> Iterator[None]:
    """It follows the engine, and is scraped."""
    process = subprocess.Popen(
        [sys.executable, "-m", "carbonmatch", "fanout", *fanout_arguments(live.engine, directory)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        line = json.loads(process.stderr.readline())
        assert line["event"] == "ready", line
        live.prometheus.target("fanout", [line["ops"]])
        live.prometheus.until_some("rate(carbonmatch_fanout_received_batches_total[1m]) > 0")
        yield
        live.prometheus.target("fanout", [])
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS_MAX)
