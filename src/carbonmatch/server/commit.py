"""The journal thread: one batch at a time on its way to the disk, and what happens when it arrives.

Write and sync release the interpreter's lock, so the loop matches the next batch meanwhile. One
thread and not a pool, because records have to reach the journal in order.
"""

import os
import queue
import threading
from collections.abc import Callable
from typing import Final, NoReturn, Protocol

from carbonmatch.limits import SEAL_IDLE_SECONDS

# Exit status after a failed write or sync: documented for operators, a supervisor restarts.
EXIT_STORAGE_FAILED: Final = 70

_STOP: Final = None


class Appendable(Protocol):
    """The narrow side of the journal: a local file today, something else behind it tomorrow."""

    def append(self, payload: bytes, first_sequence: int, count: int) -> int: ...

    def seal(self) -> None: ...

    def close(self) -> None: ...


class Commit:
    """One record on its way: what is written, and whom to tell once it is durable."""

    __slots__ = ("count", "first_sequence", "payload", "position")

    def __init__(self, payload: bytes, first_sequence: int, count: int) -> None:
        self.payload = payload
        self.first_sequence = first_sequence
        self.count = count
        self.position = 0


class JournalThread:
    """Owns the writer. `durable` is called in this thread with each commit, in order."""

    def __init__(
        self,
        writer: Appendable,
        durable: Callable[[Commit], object],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._writer = writer
        self._durable = durable
        self._failed = failed
        self._queue: queue.SimpleQueue[Commit | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def commit(self, commit: Commit) -> None:
        self._queue.put(commit)

    def stop(self, timeout_seconds: float) -> None:
        """Close the journal after everything that was handed over; nothing may follow."""
        self._queue.put(_STOP)
        self._thread.join(timeout_seconds)
        if self._thread.is_alive():
            raise TimeoutError(f"the journal did not close within {timeout_seconds} s")

    def _run(self) -> None:
        writer = self._writer
        sealed = True
        try:
            while True:
                try:
                    commit = self._queue.get(timeout=None if sealed else SEAL_IDLE_SECONDS)
                except queue.Empty:
                    writer.seal()
                    sealed = True
                    continue
                if commit is _STOP:
                    writer.close()
                    return
                commit.position = writer.append(commit.payload, commit.first_sequence, commit.count)
                sealed = False
                self._durable(commit)
        except BaseException as error:
            # After a failed sync the kernel may have dropped the pages, so a second try that
            # succeeds would prove nothing: no retry, no release, the next start is recovery.
            self._failed(error)
            die()


def die() -> NoReturn:
    """End at once: no handler may run that could still tell somebody something."""
    os._exit(EXIT_STORAGE_FAILED)
