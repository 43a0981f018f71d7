"""The journal thread, with a writer that does as it is told."""

import threading
from collections.abc import Callable

import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.server import commit as commit_module
from carbonmatch.server.commit import _QUICK_IN_A_ROW, Commit, JournalThread

SECONDS_MAX = 10


class Writer:
    """Notes what is written; may fail, and may be held."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.sealed = threading.Event()
        self.closed = False
        self.fails: BaseException | None = None
        self.may_go = threading.Event()
        self.may_go.set()
        self.durable_position = 0

    def append(self, payload: bytes, first_sequence: int, count: int) -> int:
        assert self.may_go.wait(SECONDS_MAX)
        if self.fails is not None:
            raise self.fails
        self.written.append(payload)
        self.durable_position += len(payload)
        return self.durable_position - len(payload)

    def seal(self) -> None:
        self.sealed.set()

    def close(self) -> None:
        self.closed = True


class Died(BaseException):
    """Stands for the end of the process, where a test would see it."""


class Journal:
    """A thread over a writer, with what it says."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.now_ns = 0
        self.durable: list[Commit] = []
        self.failures: list[BaseException] = []
        self.statuses: list[ExitCode] = []
        self.told = threading.Semaphore(0)
        self.thread = JournalThread(self.writer, self._hear, self._fail, lambda: self.now_ns)

    def _hear(self, commit: Commit) -> None:
        self.durable.append(commit)
        self.told.release()

    def _fail(self, error: BaseException, status: ExitCode) -> None:
        self.failures.append(error)
        self.statuses.append(status)
        self.told.release()

    def wait(self) -> None:
        assert self.told.acquire(timeout=SECONDS_MAX)


def trusted(journal: Journal) -> Journal:
    """With a disk that has been quick for long enough, and nothing of that left in what it has written."""
    journal.thread.start()
    for _ in range(_QUICK_IN_A_ROW):
        journal.thread.commit(commit(b"quick"))
        journal.wait()
    journal.writer.written.clear()
    journal.writer.durable_position = 0
    journal.durable.clear()
    return journal


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    def die(_status: ExitCode) -> None:
        # The journal thread ends by itself then, and an exception would only disturb other tests.
        if threading.current_thread() is threading.main_thread():
            raise Died

    monkeypatch.setattr(commit_module, "die", die)
    return Journal()


def commit(payload: bytes) -> Commit:
    return Commit(payload, 1, 1)


def test_commits_are_written_in_order_and_told_of(journal: Journal) -> None:
    journal.thread.start()
    commits = [commit(b"one"), commit(b"two"), commit(b"three")]
    for each in commits:
        journal.thread.commit(each)
    for _ in commits:
        journal.wait()
    assert journal.writer.written == [b"one", b"two", b"three"]
    assert journal.durable == commits
    assert [(each.position, each.durable_position) for each in commits] == [(0, 3), (3, 6), (6, 11)]
    journal.thread.stop(SECONDS_MAX)
    assert journal.writer.closed


def test_an_idle_journal_is_sealed(journal: Journal) -> None:
    journal.thread.start()
    assert not journal.writer.sealed.is_set()
    journal.thread.commit(commit(b"one"))
    assert journal.writer.sealed.wait(SECONDS_MAX)
    journal.thread.stop(SECONDS_MAX)


def test_a_failed_write_ends_the_process_and_nobody_hears_of_the_commit(journal: Journal) -> None:
    journal.writer.fails = OSError(5, "Input/output error")
    journal.thread.start()
    journal.thread.commit(commit(b"one"))
    journal.wait()
    assert journal.durable == []
    assert [type(error) for error in journal.failures] == [OSError]
    assert journal.statuses == [ExitCode.STORAGE_FAILED]


def test_a_bug_of_ours_at_the_disk_is_not_blamed_on_the_disk(journal: Journal) -> None:
    journal.writer.fails = AssertionError("commands are journaled in order")
    journal.thread.start()
    journal.thread.commit(commit(b"one"))
    journal.wait()
    assert journal.durable == []
    assert journal.statuses == [ExitCode.BUG]


def test_a_failed_write_in_the_loop_ends_the_process_too(journal: Journal) -> None:
    trusted(journal)
    journal.writer.fails = OSError(5, "Input/output error")
    with pytest.raises(Died):
        journal.thread.commit_here(commit(b"one"))
    assert [type(error) for error in journal.failures] == [OSError]


def test_the_caller_may_commit_while_the_thread_has_nothing_to_do(journal: Journal) -> None:
    one = commit(b"one")
    assert trusted(journal).thread.commit_here(one)
    assert journal.writer.written == [b"one"]
    assert one.durable_position == 3
    assert journal.durable == [], "the caller knows"


def test_one_slow_answer_of_the_disk_sends_the_next_commits_to_the_thread(journal: Journal) -> None:
    def slow(append: Callable[[bytes, int, int], int]) -> Callable[[bytes, int, int], int]:
        def appended(payload: bytes, first_sequence: int, count: int) -> int:
            journal.now_ns += 5_000_000
            return append(payload, first_sequence, count)

        return appended

    quick = trusted(journal).writer.append
    journal.writer.append = slow(quick)  # type: ignore[method-assign,assignment]
    assert journal.thread.commit_here(commit(b"slow"))
    journal.writer.append = quick  # type: ignore[method-assign]
    for _ in range(_QUICK_IN_A_ROW):
        not_here = commit(b"not here")
        assert not journal.thread.commit_here(not_here)
        journal.thread.commit(not_here)
        journal.wait()
    assert journal.thread.commit_here(commit(b"here again"))
    assert journal.writer.written == [b"slow", *[b"not here"] * _QUICK_IN_A_ROW, b"here again"]


def test_a_disk_that_nobody_knows_is_not_waited_for(journal: Journal) -> None:
    assert not journal.thread.commit_here(commit(b"one"))
    assert journal.writer.written == []


def test_a_stop_writes_what_was_handed_over_before_it(journal: Journal) -> None:
    journal.thread.commit(commit(b"one"))
    journal.thread.start()
    journal.thread.stop(SECONDS_MAX)
    assert journal.writer.written == [b"one"]
    assert journal.writer.closed


def test_a_stop_that_does_not_come_back_is_an_error(journal: Journal) -> None:
    journal.writer.may_go.clear()
    journal.thread.start()
    journal.thread.commit(commit(b"one"))
    with pytest.raises(TimeoutError, match="did not close"):
        journal.thread.stop(0.01)
    journal.writer.may_go.set()
    journal.wait()
