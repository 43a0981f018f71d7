"""One batch at a time on its way to the disk, and what happens when it arrives.

On a steady disk a batch is written here and synced by a process beside (`sync_process`); on a quick one,
where nobody else waits to be served, here as well. Everything that may take long (the next segment, a disk
that stalls, the close) is the journal thread's: write and sync release the interpreter's lock, so the loop
matches the next batch meanwhile. One thread and not a pool, because records have to reach the journal in
order.
"""

import errno
import os
import queue
import threading
from collections.abc import Callable
from typing import Final, NoReturn, Protocol

from carbonmatch.exit_codes import ExitCode
from carbonmatch.limits import COMMIT_DEAD_SECONDS, SEAL_IDLE_SECONDS
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.server.sync_process import SyncProcess

_STOP: Final = None

# A disk is trusted with the loop's time once it has answered so often in a row within one of the two bounds
# that follow: where it begins to stall, the loop then waits for it once.
_IN_A_ROW: Final = 16

# Quick: the loop may write and sync. One answer in some hundreds is slower on a good disk.
_QUICK_NS: Final = 2_000_000

# Steady: the loop may write, and the process beside syncs, for only a disk that stalls keeps a write to the
# kernel's memory waiting. The journal thread measures its waits for the interpreter's lock as well, some
# milliseconds where the loop is busy: by `_QUICK_NS`, one slow record left a busy venue to the thread.
_STEADY_NS: Final = 20_000_000

# Of that, what the write itself may take: all of the loop waits for it, and for the sync nobody does.
_HELD_UP_NS: Final = 10_000_000

# Whoever looks at a wait does so every 0.1 s or more often: between two looks that are further apart than
# this it was kept from running, as all of the engine may have been.
_SEEN_NS_MAX: Final = 250_000_000


def _nothing() -> None:
    pass


class Appendable(Protocol):
    """The narrow side of the journal: a local file today, something else behind it tomorrow."""

    durable_position: int

    def append(self, payload: bytes, first_sequence: int, count: int) -> int: ...

    def fits(self, length: int) -> bool: ...

    @property
    def file(self) -> int: ...

    @property
    def segment(self) -> int: ...

    def write(self, payload: bytes, first_sequence: int, count: int) -> int: ...

    def synced(self) -> None: ...

    def fail(self, failure: BaseException) -> None: ...

    def seal(self) -> None: ...

    def close(self) -> None: ...


class Commit:
    """One record on its way: what is written, and whom to tell once it is durable."""

    __slots__ = (
        "count",
        "disk_ns",
        "durable_position",
        "first_sequence",
        "is_durable",
        "is_released",
        "payload",
        "position",
    )

    def __init__(self, payload: bytes, first_sequence: int, count: int) -> None:
        self.payload = payload
        self.first_sequence = first_sequence
        self.count = count
        # Once it is durable: where it is, and up to where the journal may be read.
        self.position = 0
        self.durable_position = 0
        # How long the disk took.
        self.disk_ns = 0
        # Set by the thread, behind all the others: the loop may look before it is told.
        self.is_durable = False
        # Set by the loop.
        self.is_released = False


class Wait:
    """A wait for the disk, as far as somebody who looks now and then was there to see it.

    Where all of the engine stood still, as in a machine that was paused, nothing had a chance to answer.
    """

    __slots__ = ("_looked_ns", "_seen_ns")

    def __init__(self) -> None:
        self._looked_ns = 0
        self._seen_ns = 0

    def seen_ns(self, now_ns: int, waited_ns: int) -> int:
        """How much was seen of the wait that has lasted for `waited_ns` by now, 0 where nobody waits."""
        passed_ns = min(now_ns - self._looked_ns, _SEEN_NS_MAX)
        self._looked_ns = now_ns
        self._seen_ns = min(waited_ns, self._seen_ns + passed_ns)
        return self._seen_ns


class JournalThread:
    """Owns the writer. `durable` hears of each commit, in order, once it is on the disk.

    `commit` hands a batch to the thread. `commit_here` does the same work in the caller, as long as the
    disk is quick: a batch that nobody else waits for is there 60 us earlier without two hand-overs
    between threads. (To hand over and to wait a little for the answer is no faster than not to wait.)
    With a `syncing` process, `commit` writes in the caller as well, as long as the disk does not stall, and
    the process syncs: the loop is to call `hear` whenever its socket is readable, and may `look` in between.
    """

    def __init__(
        self,
        writer: Appendable,
        durable: Callable[[Commit], object],
        failed: Callable[[BaseException, ExitCode], None],
        monotonic_ns: Callable[[], int],
        syncing: SyncProcess | None = None,
    ) -> None:
        self._writer = writer
        self._syncing = syncing
        # What the process was asked to sync and has not answered for, and what that took to write.
        self._asked: Commit | None = None
        self._wrote_ns = 0
        self._durable = durable
        self._failed = failed
        self._monotonic_ns = monotonic_ns
        self._queue: queue.SimpleQueue[Commit | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        # Held while the writer works, by this thread or by a caller of `commit_here`.
        self._writing = threading.Lock()
        # Whether records follow the last seal, and whether one has come since the thread last was idle: as
        # long as the loop and the process commit, the thread is idle even under full load.
        self._unsealed = False
        self._has_news = False
        # Since when a commit that is not the thread's has been waiting for the disk, 0 where none is.
        self._here_since_ns = 0
        self._quick_in_a_row = 0
        self._steady_in_a_row = 0
        self._wait = Wait()
        # Called when there is no process beside any more, whose socket is to be left alone then.
        self.on_syncing_ended: Callable[[], object] = _nothing

    def start(self) -> None:
        self._thread.start()

    def commit(self, commit: Commit) -> None:
        """Have `commit` written, and `durable` called later."""
        if not self._commit_beside(commit):
            self._queue.put(commit)

    def look(self) -> None:
        """See whether the process beside has done what it was asked for: `durable` may be called at once."""
        if self._asked is not None:
            self.hear()

    def hear(self) -> None:
        """Hear what the process beside has to say, if anything: `durable` may be called at once."""
        syncing = self._syncing
        if syncing is None:
            return
        try:
            took_ns = syncing.hear()
        except EOFError:
            self._syncing_ended(syncing)
            return
        except OSError as error:
            self._writer.fail(error)
            self._fail(error)
        if took_ns is None:
            return
        commit = self._asked
        assert commit is not None
        self._asked = None
        self._writer.synced()
        self._note(commit, self._wrote_ns + took_ns)
        if self._wrote_ns > _HELD_UP_NS:
            self._steady_in_a_row = 0
        self._here_since_ns = 0
        self._writing.release()
        self._durable(commit)

    def _commit_beside(self, commit: Commit) -> bool:
        """Write `commit` and ask the process to sync it; False where it is for the thread."""
        syncing = self._syncing
        if (
            syncing is None
            or not syncing.is_idle
            or self._steady_in_a_row < _IN_A_ROW
            or not self._writing.acquire(blocking=False)
        ):
            return False
        # Only now, for the thread may have sealed the journal just before, which takes room.
        if not self._writer.fits(len(commit.payload)):
            self._writing.release()
            return False
        # The lock is held until the end is heard of.
        self._here_since_ns = began_ns = self._monotonic_ns()
        try:
            commit.position = self._writer.write(commit.payload, commit.first_sequence, commit.count)
            self._asked = commit
            self._wrote_ns = self._monotonic_ns() - began_ns
            syncing.ask(self._writer.file, self._writer.segment)
        except ConnectionError:
            # It has ended idle, and nobody has heard of it yet. A record is written by now that nobody is
            # going to sync, so that ends the engine.
            self.hear()
        except BaseException as error:
            self._fail(error)
        return True

    def _syncing_ended(self, syncing: SyncProcess) -> None:
        """Go on without it; but what it was doing when it ended may have failed, and would never be told."""
        if self._asked is not None:
            error = OSError(errno.EIO, "the process that syncs the journal has ended in the middle of a sync")
            self._writer.fail(error)
            self._fail(error)
        self._syncing = None
        self.on_syncing_ended()
        log("sync_process_ended", WARNING, process=syncing.process_id)

    def commit_here(self, commit: Commit) -> bool:
        """Write `commit` now and return True, or return False: then it is for the thread.

        The caller waits for the disk, and with it the whole loop: once, where the disk begins to stall,
        and not again before it has been quick for a while.
        """
        if self._quick_in_a_row < _IN_A_ROW or not self._writing.acquire(blocking=False):
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
        self._note(commit, self._monotonic_ns() - began_ns)

    def _note(self, commit: Commit, disk_ns: int) -> None:
        """Note that it is durable, and how quick the disk was."""
        commit.durable_position = self._writer.durable_position
        self._unsealed = self._has_news = True
        commit.disk_ns = disk_ns
        self._quick_in_a_row = self._quick_in_a_row + 1 if disk_ns <= _QUICK_NS else 0
        self._steady_in_a_row = self._steady_in_a_row + 1 if disk_ns <= _STEADY_NS else 0
        commit.is_durable = True

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
        """See that nobody waits for a disk that is dead, and seal what was written once no more comes."""
        now_ns = self._monotonic_ns()
        since_ns = self._here_since_ns
        waited_ns = 0 if since_ns == 0 or self._is_answered() else now_ns - since_ns
        if self._wait.seen_ns(now_ns, waited_ns) > COMMIT_DEAD_SECONDS * 1_000_000_000:
            self._fail(TimeoutError(f"the disk has not answered for {COMMIT_DEAD_SECONDS} s"))
        if self._has_news:
            # Sealed under load, it was synced a hundred times a second for nobody, and kept others waiting.
            self._has_news = False
        elif self._unsealed and self._writing.acquire(blocking=False):
            try:
                self._unsealed = False
                self._writer.seal()
            except BaseException as error:
                self._fail(error)
            finally:
                self._writing.release()

    def _is_answered(self) -> bool:
        """Whether only the loop has not looked yet: all of the engine may have stood still."""
        syncing = self._syncing
        return self._asked is not None and syncing is not None and syncing.has_answered

    def _fail(self, error: BaseException) -> NoReturn:
        # After a failed sync the kernel may have dropped the pages, so a second try that succeeds
        # would prove nothing: no retry, no release, the next start is recovery.
        status = exit_code_of(error)
        self._failed(error, status)
        die(status)


def start_sync_process() -> SyncProcess | None:
    """The process that syncs the journal; None where the system refuses one: then the thread syncs."""
    try:
        return SyncProcess()
    except OSError as error:
        log("sync_process_refused", WARNING, text=Ours(str(error)))
        return None


def exit_code_of(error: BaseException) -> ExitCode:
    """What the process ends with: anything but the disk's own errors is ours."""
    return ExitCode.STORAGE_FAILED if isinstance(error, OSError) else ExitCode.BUG


def die(status: ExitCode) -> NoReturn:
    """End at once: no handler may run that could still tell somebody something."""
    os._exit(status)
