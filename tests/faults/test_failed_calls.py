"""A disk that fails one call of a running engine and then says that all is well: the kernel's lie."""

import errno
from pathlib import Path

import pytest

from tests.end_to_end.running import Process
from tests.faults.faults import Faults
from tests.faults.one_failure import Failure, fail_once

FAILURES = [
    Failure("sync", 1, errno.EIO),
    Failure("sync", 7, errno.ENOSPC, in_flight=20),
    Failure("write", 1, errno.ENOSPC, in_flight=20),
    Failure("write", 6, errno.EIO),
]


@pytest.mark.parametrize("failure", FAILURES, ids=str)
async def test_a_failed_call_ends_the_engine_with_nothing_answered_over_it(
    process: Process, tmp_path: Path, failure: Failure
) -> None:
    await fail_once(process, Faults(tmp_path), failure)
