"""A failed assertion ends the process: nothing is answered from a state that the journal cannot have."""

import os
import subprocess
import sys
from pathlib import Path

from carbonmatch.exit_codes import ExitCode

_SERVE_WITH_A_BUG = """
import asyncio, pathlib, sys
from carbonmatch.demo_market import demo_config
from carbonmatch.config import with_addresses, with_directory
from carbonmatch.server import service

start = service.Service.start

async def start_and_fail(self):
    await start(self)
    def bug(): assert False, "a bug"
    asyncio.get_running_loop().call_soon(bug)

service.Service.start = start_and_fail
config = with_directory(demo_config(), pathlib.Path(sys.argv[1]))
free = "127.0.0.1:0"
sys.exit(service.run(with_addresses(config, order_entry=free, market_data=free, ops=free)))
"""


def test_a_failed_assertion_in_a_callback_ends_the_process(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", _SERVE_WITH_A_BUG, str(tmp_path / "journal")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert process.returncode == ExitCode.BUG, process.stderr
