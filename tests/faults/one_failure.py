"""One failed call of the disk in the life of an engine, and everything that has to follow from it.

    python -m tests.faults.one_failure --calls 200

Fails each of the first calls after the start in turn, `fdatasync` and `pwrite`, with EIO and ENOSPC, under
the load of one session that sends one order after the other or many at once. Needs a C compiler.
"""

import argparse
import errno
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import uvloop
from msgspec import Struct

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal_tools import replay, verify
from carbonmatch.matching.messages import NewOrder, Ref, Side
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process
from tests.end_to_end.wire import Wire
from tests.faults.faults import Faults

# In flight at once, where not one after the other: several of them share a record.
_IN_FLIGHT: Final = 20


class Failure(Struct, frozen=True):
    """Which call fails, counted from when the session has logged on, and how."""

    call: Literal["sync", "write"]
    nth: int
    code: int
    in_flight: int = 1

    def __str__(self) -> str:
        return f"{self.call} {self.nth}, {errno.errorcode[self.code]}, {self.in_flight} in flight"


class Outcome(Struct, frozen=True):
    answered: int
    applied: int  # commands of the session in the journal after the restart
    exit_ms: float  # from the failed call to the end of the process


async def fail_once(process: Process, faults: Faults, failure: Failure) -> Outcome:
    """Let it happen, and start again on a good disk; fails where anything but the promised follows."""
    process.environment = faults.environment
    await process.start()
    async with process.wire("alice") as alice:
        if failure.call == "sync":
            faults.fail_sync(failure.nth, failure.code)
        else:
            faults.fail_write(failure.nth, failure.code)
        calls_before = faults.syncs
        answered = await _trade_until_cut(alice, failure.in_flight)
    status = await process.wait()
    ended_ns = time.monotonic_ns()
    assert status == ExitCode.STORAGE_FAILED, process.log.read_text()
    assert faults.failures == 1
    if failure.call == "sync":
        # A second sync would succeed, and prove nothing.
        assert faults.syncs == calls_before + failure.nth, "a sync after the one that failed"
    (said,) = process.events("journal_failed")
    assert f"OSError({failure.code}, " in said["text"]
    assert answered == list(range(1, len(answered) + 1)), "answers come in order, without gaps"

    process.environment = {}
    await process.start()
    async with process.wire("alice", next_seq=1) as alice:
        applied = alice.accepted.last_ref
        # What was written and not synced may be there or not; what was answered has to be.
        assert len(answered) <= applied <= len(answered) + failure.in_flight
        if failure.call == "write":
            assert applied == len(answered), "a record that was never written"
        assert [report.ref for report in await alice.reports(applied)] == list(range(1, applied + 1))
    assert await process.stop() == ExitCode.DONE
    assert verify(process.directory).closed
    assert replay(process.directory).commands >= applied
    return Outcome(len(answered), applied, (ended_ns - faults.failed_ns) / 1e6)


async def _trade_until_cut(wire: Wire, in_flight: int) -> list[int]:
    """The refs that were answered."""
    answered: list[int] = []
    ref = 0
    try:
        while True:
            for _ in range(in_flight):
                ref += 1
                wire.send(NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000))
            while len(answered) < ref:
                answered += [report.ref for report in await wire.frame()]
    except (EOFError, ConnectionError):
        return answered


async def _torture(calls: int, directory: Path) -> str:
    outcomes = []
    for nth in range(1, calls + 1):
        code = (errno.EIO, errno.ENOSPC)[nth % 2]
        in_flight = (1, _IN_FLIGHT)[nth % 3 == 0]
        for call in ("sync", "write"):
            failure = Failure(call, nth, code, in_flight)
            home = directory / f"{call}-{nth}"
            home.mkdir()
            process = Process(home / "journal")
            try:
                outcomes.append(await fail_once(process, Faults(home), failure))
            except BaseException as error:
                error.add_note(f"{failure}, in {home}")
                raise
            finally:
                process.clean_up()
    exits = sorted(outcome.exit_ms for outcome in outcomes)
    answers = sum(outcome.answered for outcome in outcomes)
    return (
        f"{len(outcomes)} failed calls: exit 70 each time, after {exits[len(exits) // 2]:.0f} ms at the "
        f"median and {exits[-1]:.0f} ms at most; {answers:,} answers, 0 for what failed, 0 lost, "
        "0 syncs after a failed one"
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.one_failure", description=__doc__)
    parser.add_argument("--calls", type=int, default=200, metavar="N")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="carbonmatch-faults-") as directory:
        print(uvloop.run(_torture(options.calls, Path(directory))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
