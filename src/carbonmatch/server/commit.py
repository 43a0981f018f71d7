"""The journal thread: one batch at a time on its way to the disk, and what happens when it arrives.

Write and sync release the interpreter's lock, so the loop matches the next batch meanwhile. One
thread and not a pool, because records have to reach the journal in order.
"""

import os
import queue
import threading
from collections.abc import Callable
from typing import Final, NoReturn, Protocol

from carbonmatch.exit_codes import ExitCode
from carbonmatch.limits import COMMIT_DEAD_SECONDS, SEAL_IDLE_SECONDS

_STOP: Final = None

# The caller waits for a disk only if it has answered so many times in a row within this time: a disk that
# begins to stall is then waited for once. One answer in some hundreds is slower on a good disk.
_QUICK_NS: Final = 2_000_000
_QUICK_IN_A_ROW: Final = 16


class Appendable(Protocol):
    """The narrow side of the journal: a local file today, something else behind it tomorrow."""

    durable_position: int

    def append(self, payload: bytes, first_sequence: int, count: int) -> int: ...

    def seal(self) -> None: ...

    def close(self) -> None: ...


class Commit:
    """One record on its way: what is written, and whom to tell once it is durable."""

    __slots__ = ("count", "disk_ns", "durable_position", "first_sequence", "payload", "position")

    def __init__(self, payload: bytes, first_sequence: int, count: int) -> None:
        self.payload = payload
        self.first_sequence = first_sequence
        self.count = count
        # Once it is durable: where it is, and up to where the journal may be read.
        self.position = 0
        self.durable_position = 0
        # How long the disk took.
        self.disk_ns = 0


class JournalThread:
    """Owns the writer. `durable` hears of each commit, in order, once it is on the disk.

    `commit` hands a batch to the thread. `commit_here` does the same work in the caller, as long as the
    disk is quick: a batch that nobody else waits for is there 60 us earlier without two hand-overs
    between threads. (To hand over and to wait a little for the answer is no faster than not to wait.)
    """

    def __init__(
        self,
        writer: Appendable,
        durable: Callable[[Commit], object],
        failed: Callable[[BaseException, ExitCode], None],
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._writer = writer
        self._durable = durable
        self._failed = failed
        self._monotonic_ns = monotonic_ns
        self._queue: queue.SimpleQueue[Commit | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        # Held while the writer works, by this thread or by a caller of `commit_here`.
        self._writing = threading.Lock()
        self._unsealed = False
        # Since when a caller of `commit_here` has been waiting for the disk, 0 where none is.
        self._here_since_ns = 0
        self._quick_in_a_row = 0

    def start(self) -> None:
        self._thread.start()

    def commit(self, commit: Commit) -> None:
        """Have the thread write `commit`."""
        self._queue.put(commit)

    def commit_here(self, commit: Commit) -> bool:
        """Write `commit` now and return True, or return False: then it is for the thread.

        The caller waits for the disk, and with it the whole loop: once, where the disk begins to stall,
        and not again before it has been quick for a while.
        """
        if self._quick_in_a_row < _QUICK_IN_A_ROW or not self._writing.acquire(blocking=False):
            return False
        self._here_since_ns = self._monotonic_ns()
        try:
            self._append(commit)
        except BaseException as error:
            self._fail(error)
        finally:
            self._here_since_ns = 0
            self._writing.release()
        return True

    def stop(self, timeout_seconds: float) -> None:
        """Close the journal after everything that was handed over; nothing may follow."""
        self._queue.put(_STOP)
        self._thread.join(timeout_seconds)
        if self._thread.is_alive():
            raise TimeoutError(f"the journal did not close within {timeout_seconds} s")

    def _append(self, commit: Commit) -> None:
        began_ns = self._monotonic_ns()
        commit.position = self._writer.append(commit.payload, commit.first_sequence, commit.count)
        commit.durable_position = self._writer.durable_position
        self._unsealed = True
        commit.disk_ns = self._monotonic_ns() - began_ns
        quick = commit.disk_ns <= _QUICK_NS
        self._quick_in_a_row = self._quick_in_a_row + 1 if quick else 0

    def _run(self) -> None:
        more = True
        while more:
            try:
                commit = self._queue.get(timeout=SEAL_IDLE_SECONDS)
            except queue.Empty:
                self.idle()
            else:
                more = self.take(commit)

    def take(self, commit: Commit | None) -> bool:
        """One turn of the thread: make `commit` durable and tell of it, or close; whether more may come."""
        try:
            with self._writing:
                if commit is _STOP:
                    self._writer.close()
                    return False
                self._append(commit)
            self._durable(commit)
        except BaseException as error:
            self._fail(error)
        return True

    def idle(self) -> None:
        """Seal what was written, and see that nobody waits for a disk that is dead."""
        since_ns = self._here_since_ns
        if since_ns and self._monotonic_ns() - since_ns > COMMIT_DEAD_SECONDS * 1_000_000_000:
            self._fail(TimeoutError(f"the disk has not answered for {COMMIT_DEAD_SECONDS} s"))
        if self._unsealed and self._writing.acquire(blocking=False):
            try:
                self._unsealed = False
                self._writer.seal()
            except BaseException as error:
                self._fail(error)
            finally:
                self._writing.release()

    def _fail(self, error: BaseException) -> NoReturn:
        # After a failed sync the kernel may have dropped the pages, so a second try that succeeds
        # would prove nothing: no retry, no release, the next start is recovery.
        status = exit_code_of(error)
        self._failed(error, status)
        die(status)


def exit_code_of(error: BaseException) -> ExitCode:
    """What the process ends with: anything but the disk's own errors is ours."""
    return ExitCode.STORAGE_FAILED if isinstance(error, OSError) else ExitCode.BUG


def die(status: ExitCode) -> NoReturn:
    """End at once: no handler may run that could still tell somebody something."""
    os._exit(status)
