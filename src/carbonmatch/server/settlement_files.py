"""Has the settlement file of each run made, once it is durable that the day has ended.

A process of its own makes it (`carbonmatch.settlement`), at a lower priority: decoding the journal of a day
in a thread would take the interpreter from the loop. What it makes follows from the journal, so a file that a
crash has kept from being made is made after the next start, and one that is there already stays as it is.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import Final

import msgspec

from carbonmatch.config import Config
from carbonmatch.limits import SETTLEMENT_RETRY_SECONDS
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.server.history import History
from carbonmatch.server.pipeline import NS_PER_SECOND, Pipeline

_MODULE: Final = "carbonmatch.settlement"


class SettlementFiles:
    """Invariant: at most one process makes files at a time; `stop` has it ended and awaits it."""

    def __init__(
        self, config: Config, pipeline: Pipeline, history: History, monotonic_ns: Callable[[], int]
    ) -> None:
        self._config = config
        self._pipeline = pipeline
        self._history = history
        self._monotonic_ns = monotonic_ns
        # Up to which sequence all files are made; after a start nobody knows, and so all are looked for.
        self._made_sequence = 0
        self._not_before_ns = 0
        self._is_stopped = False
        self._task: asyncio.Task[None] | None = None

    @property
    def missing_count(self) -> int:
        """Runs whose file is not known to be there; 0 where the venue makes none."""
        if not self._config.settlement.directory:
            return 0
        last = self._pipeline.engine.venue.settlements.last
        if last is None or last.sequence <= self._made_sequence:
            return 0
        return sum(run.sequence > self._made_sequence for run in self._pipeline.engine.venue.settlements)

    def look(self) -> None:
        """Have made what is missing: to be called now and then."""
        last = self._pipeline.engine.venue.settlements.last
        if (
            not self._config.settlement.directory
            or last is None
            or last.sequence <= self._made_sequence
            or self._pipeline.durable_sequence < last.sequence
            or self._task is not None
            or self._is_stopped
            or self._monotonic_ns() < self._not_before_ns
        ):
            return
        self._task = asyncio.get_running_loop().create_task(
            self._make(last.sequence, self._history.durable_position)
        )
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End the process that makes files, if there is one."""
        self._is_stopped = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _make(self, sequence: int, until: int) -> None:
        try:
            error = await self._run(until)
        except OSError as failed:
            error = failed.strerror or str(failed)
        if error:
            log("settlement_failed", WARNING, text=Ours(error))
            self._not_before_ns = self._monotonic_ns() + SETTLEMENT_RETRY_SECONDS * NS_PER_SECOND
        else:
            self._made_sequence = sequence

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled():
            # Whatever it raises is a bug of ours.
            task.result()

    async def _run(self, until: int) -> str:
        """Run the process to its end; what went wrong, or nothing."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            # As isolated from the environment as the venue is.
            *(["-I"] if sys.flags.isolated else []),
            "-m",
            _MODULE,
            msgspec.json.encode(self._task_of(until)).decode(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            said, complained = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode:
            lines = complained.decode(errors="replace").splitlines()
            return lines[-1] if lines else f"it ended with {process.returncode}"
        for line in said.decode().splitlines():
            made = msgspec.json.decode(line)
            log("settlement_made", **{name: _ours(value) for name, value in made.items()})
        return ""

    def _task_of(self, until: int) -> dict[str, object]:
        config = self._config
        return {
            "journal": config.journal.directory,
            "archive": config.follower.archive,
            "output": config.settlement.directory,
            "venue": config.venue.server_id,
            "trade_number": config.settlement.trade_number,
            "until": until,
        }


def _ours(value: object) -> object:
    """Paths and digests are ours, and not cut as what members have sent is."""
    return Ours(value) if isinstance(value, str) else value
