"""The journal thread, with a writer that does as it is told."""

import threading

import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.limits import COMMIT_DEAD_SECONDS
from carbonmatch.server import commit as commit_module
from carbonmatch.server.commit import _IN_A_ROW, Commit, JournalThread
from carbonmatch.server.sync_process import SyncProcess

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
        self.room = 100
        self.file = 7
        self.segment = 1
        self.unsynced = b""
        self.failure: BaseException | None = None

    def append(self, payload: bytes, first_sequence: int, count: int) -> int:
        assert self.may_go.wait(SECONDS_MAX)
        if self.fails is not None:
            raise self.fails
        self.written.append(payload)
        self.durable_position += len(payload)
        return self.durable_position - len(payload)

    def fits(self, length: int) -> bool:
        return length <= self.room

    def write(self, payload: bytes, first_sequence: int, count: int) -> int:
        if self.fails is not None:
            raise self.fails
        self.unsynced = payload
        return self.durable_position

    def synced(self) -> None:
        self.written.append(self.unsynced)
        self.durable_position += len(self.unsynced)

    def fail(self, failure: BaseException) -> None:
        self.failure = failure

    def seal(self) -> None:
        self.sealed.set()

    def close(self) -> None:
        self.closed = True


class Syncing(SyncProcess):
    """A process beside, without one: it answers when it is told to."""

    def __init__(self) -> None:
        self.is_asked = False
        self.asked: list[tuple[int, int]] = []
        self.answer: int | BaseException | None = None

    @property
    def is_idle(self) -> bool:
        return not self.is_asked

    @property
    def has_answered(self) -> bool:
        return self.answer is not None

    @property
    def process_id(self) -> int:
        return 4711

    def ask(self, file: int, segment: int) -> None:
        self.is_asked = True
        self.asked.append((file, segment))

    def hear(self) -> int | None:
        answer, self.answer = self.answer, None
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None:
            self.is_asked = False
        return answer


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
        self.syncing = Syncing()
        self.thread = JournalThread(self.writer, self._hear, self._fail, lambda: self.now_ns, self.syncing)
        self.endings = 0
        self.thread.on_syncing_ended = self._end

    def _hear(self, commit: Commit) -> None:
        self.durable.append(commit)
        self.told.release()

    def _fail(self, error: BaseException, status: ExitCode) -> None:
        self.failures.append(error)
        self.statuses.append(status)
        self.told.release()

    def _end(self) -> None:
        self.endings += 1

    def wait(self) -> None:
        assert self.told.acquire(timeout=SECONDS_MAX)


def trusted(journal: Journal) -> Journal:
    """With a disk that has been quick for long enough, and nothing of that left in what it has written."""
    journal.thread.start()
    for _ in range(_IN_A_ROW):
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


def test_a_journal_is_not_idle_where_the_thread_alone_has_nothing_to_do(journal: Journal) -> None:
    trusted(journal).thread.stop(SECONDS_MAX)
    journal.writer.sealed.clear()
    for _ in range(3):
        assert journal.thread.commit_here(commit(b"here"))
        journal.thread.idle()
        assert not journal.writer.sealed.is_set()
    journal.thread.idle()
    assert journal.writer.sealed.is_set()


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


def test_whoever_looks_sees_what_is_durable_and_no_more(journal: Journal) -> None:
    one = commit(b"one")
    journal.writer.may_go.clear()
    journal.thread.start()
    journal.thread.commit(one)
    assert not one.is_durable
    journal.writer.may_go.set()
    journal.wait()
    assert one.is_durable


def test_what_the_disk_refused_is_not_durable(journal: Journal) -> None:
    one = commit(b"one")
    journal.writer.fails = OSError(5, "Input/output error")
    journal.thread.start()
    journal.thread.commit(one)
    journal.wait()
    assert not one.is_durable


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


def slow(journal: Journal, ns: int) -> None:
    """Have the next append take so long, whatever of it is the disk's."""
    append = journal.writer.append

    def appended(payload: bytes, first_sequence: int, count: int) -> int:
        journal.now_ns += ns
        journal.writer.append = append  # type: ignore[method-assign]
        return append(payload, first_sequence, count)

    journal.writer.append = appended  # type: ignore[method-assign]


def test_one_slow_answer_of_the_disk_sends_the_next_commits_to_the_thread(journal: Journal) -> None:
    slow(trusted(journal), 5_000_000)
    assert journal.thread.commit_here(commit(b"slow"))
    for _ in range(_IN_A_ROW):
        not_here = commit(b"not here")
        assert not journal.thread.commit_here(not_here)
        # By the thread, and not by the process.
        journal.writer.room = 0
        journal.thread.commit(not_here)
        journal.wait()
    assert journal.thread.commit_here(commit(b"here again"))
    assert journal.writer.written == [b"slow", *[b"not here"] * _IN_A_ROW, b"here again"]


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


def beside(journal: Journal, payload: bytes) -> Commit:
    """A commit on its way to the disk by the process."""
    sent = commit(payload)
    trusted(journal).thread.commit(sent)
    assert journal.syncing.asked == [(7, 1)]
    return sent


def test_a_commit_that_the_process_syncs_is_told_of_once_it_has(journal: Journal) -> None:
    sent = beside(journal, b"one")
    journal.thread.look()
    assert not sent.is_durable
    assert journal.durable == []
    journal.syncing.answer = 1
    journal.thread.look()
    assert journal.durable == [sent]
    assert (sent.position, sent.durable_position, sent.is_durable) == (0, 3, True)
    assert journal.writer.written == [b"one"]


def test_nothing_else_is_written_while_the_process_syncs(journal: Journal) -> None:
    beside(journal, b"one")
    assert not journal.thread.commit_here(commit(b"two"))
    journal.writer.sealed.clear()
    for _ in range(3):
        journal.thread.idle()
    assert not journal.writer.sealed.is_set()
    journal.syncing.answer = 1
    journal.thread.look()
    assert journal.thread.commit_here(commit(b"two"))


def test_a_failed_sync_of_the_process_ends_the_engine_and_nobody_hears_of_the_commit(
    journal: Journal,
) -> None:
    sent = beside(journal, b"one")
    journal.syncing.answer = error = OSError(5, "Input/output error")
    with pytest.raises(Died):
        journal.thread.look()
    assert journal.durable == []
    assert not sent.is_durable
    assert journal.writer.failure is error
    assert journal.statuses == [ExitCode.STORAGE_FAILED]


def test_a_process_that_ends_in_the_middle_of_a_sync_ends_the_engine(journal: Journal) -> None:
    sent = beside(journal, b"one")
    journal.syncing.answer = EOFError()
    with pytest.raises(Died):
        journal.thread.look()
    assert not sent.is_durable
    assert journal.writer.failure is not None
    assert journal.statuses == [ExitCode.STORAGE_FAILED]


def test_without_the_process_the_thread_goes_on(journal: Journal) -> None:
    trusted(journal)
    journal.syncing.answer = EOFError()
    journal.thread.look()
    assert journal.endings == 0, "nothing was asked of it"
    journal.thread.hear()
    assert journal.endings == 1
    journal.thread.hear()
    journal.thread.commit(commit(b"one"))
    journal.wait()
    assert journal.writer.written == [b"one"]
    assert journal.syncing.asked == []


def test_what_takes_long_is_left_to_the_thread(journal: Journal) -> None:
    trusted(journal)
    journal.writer.room = 2
    journal.thread.commit(commit(b"a segment more"))
    journal.wait()
    assert journal.syncing.asked == []
    assert journal.writer.written == [b"a segment more"]


def test_a_thread_that_waits_for_the_interpreter_does_not_keep_commits_from_the_process(
    journal: Journal,
) -> None:
    journal.writer.room = 0
    slow(trusted(journal), 5_000_000)
    journal.thread.commit(commit(b"by the thread"))
    journal.wait()
    # It may have been the disk: nobody waits for it, and the process may well be asked.
    assert not journal.thread.commit_here(commit(b"here"))
    journal.writer.room = 100
    journal.thread.commit(commit(b"beside"))
    assert len(journal.syncing.asked) == 1


def test_a_sync_of_the_process_that_stalls_sends_the_next_commits_to_the_thread(journal: Journal) -> None:
    beside(journal, b"one")
    journal.syncing.answer = 25_000_000
    journal.thread.look()
    for _ in range(_IN_A_ROW):
        journal.thread.commit(commit(b"not beside"))
        journal.wait()
    assert len(journal.syncing.asked) == 1
    journal.thread.commit(commit(b"beside again"))
    assert len(journal.syncing.asked) == 2
    journal.syncing.answer = 1
    journal.thread.look()


def test_a_write_that_keeps_the_loop_waiting_sends_the_next_commits_to_the_thread(journal: Journal) -> None:
    write = trusted(journal).writer.write

    def held_up(payload: bytes, first_sequence: int, count: int) -> int:
        # As where dirty pages are throttled: all of the loop waits for it, however quick the sync is.
        journal.now_ns += 15_000_000
        return write(payload, first_sequence, count)

    journal.writer.write = held_up  # type: ignore[method-assign]
    journal.thread.commit(commit(b"one"))
    journal.syncing.answer = 3_000_000
    journal.thread.look()
    journal.thread.commit(commit(b"not beside"))
    assert len(journal.syncing.asked) == 1


def test_a_failed_write_for_the_process_ends_the_engine(journal: Journal) -> None:
    trusted(journal)
    journal.writer.fails = OSError(28, "No space left on device")
    with pytest.raises(Died):
        journal.thread.commit(commit(b"one"))
    assert journal.syncing.asked == []
    assert journal.statuses == [ExitCode.STORAGE_FAILED]


def test_a_process_that_does_not_answer_is_a_dead_disk(journal: Journal) -> None:
    journal.now_ns = 1
    beside(journal, b"one")
    with pytest.raises(Died):
        look_idly(journal, seconds=int(COMMIT_DEAD_SECONDS) * 2)
    # Also of the thread itself, where it was idle meanwhile.
    assert {type(error) for error in journal.failures} == {TimeoutError}
    journal.syncing.answer = 1
    journal.thread.look()


def look_idly(journal: Journal, seconds: int) -> None:
    for _ in range(10 * seconds):
        journal.now_ns += 100_000_000
        journal.thread.idle()


def test_a_loop_that_does_not_look_is_no_dead_disk(journal: Journal) -> None:
    journal.now_ns = 1
    sent = beside(journal, b"one")
    journal.syncing.answer = 1
    look_idly(journal, seconds=int(COMMIT_DEAD_SECONDS) * 2)
    # The loop has taken the answer from the socket, and not come to its end with it.
    journal.syncing.answer = None
    journal.thread.idle()
    assert journal.failures == []
    journal.syncing.answer = 1
    journal.thread.look()
    assert sent.is_durable


def test_an_engine_that_stood_still_with_its_process_has_no_dead_disk(journal: Journal) -> None:
    journal.now_ns = 1
    sent = beside(journal, b"one")
    journal.thread.idle()
    journal.now_ns += int(COMMIT_DEAD_SECONDS + 1) * 1_000_000_000
    # The process has not come to its answer yet.
    journal.thread.idle()
    assert journal.failures == []
    journal.syncing.answer = 1
    journal.thread.look()
    assert sent.is_durable


def test_whether_a_record_fits_is_asked_while_nobody_else_writes(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted(journal)
    held: list[bool] = []

    def fits(_length: int) -> bool:
        held.append(journal.thread._writing.locked())
        return False

    monkeypatch.setattr(journal.writer, "fits", fits)
    journal.thread.commit(commit(b"one"))
    journal.wait()
    assert held == [True]
    assert journal.syncing.asked == []
