"""The process that syncs the journal's file."""

import os
import resource
import select
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from carbonmatch.server.sync_process import SyncProcess

SECONDS_MAX = 30


@pytest.fixture
def syncing() -> Iterator[SyncProcess]:
    process = SyncProcess()
    assert wait(process) is None
    yield process
    process.close()


def wait(process: SyncProcess) -> int | None:
    """What it has to say next."""
    assert select.select([process.socket], [], [], SECONDS_MAX)[0], "it says something"
    return process.hear()


def test_it_may_be_asked_once_it_has_begun() -> None:
    process = SyncProcess()
    assert not process.is_idle
    assert wait(process) is None
    assert process.is_idle
    process.close()


def test_a_terminal_interrupts_the_venue_alone_and_both_share_the_processors(syncing: SyncProcess) -> None:
    assert os.getpgid(syncing.process_id) == syncing.process_id
    assert os.getsid(syncing.process_id) == os.getsid(0)


def test_it_says_how_long_a_sync_took_in_any_file_that_it_is_given(
    syncing: SyncProcess, tmp_path: Path
) -> None:
    for segment in (1, 1, 2):
        file = os.open(tmp_path / f"{segment}", os.O_RDWR | os.O_CREAT)
        os.pwrite(file, b"x" * 5_000, 0)
        syncing.ask(file, segment)
        assert not syncing.is_idle
        took_ns = wait(syncing)
        assert took_ns is not None
        assert took_ns > 0
        assert syncing.is_idle
        assert not syncing.has_answered
        os.close(file)


def test_whether_it_has_answered_is_known_before_anybody_hears_it(
    syncing: SyncProcess, tmp_path: Path
) -> None:
    file = os.open(tmp_path / "1", os.O_RDWR | os.O_CREAT)
    syncing.ask(file, 1)
    assert select.select([syncing.socket], [], [], SECONDS_MAX)[0]
    assert syncing.has_answered
    assert syncing.hear() is not None
    os.close(file)


def test_it_says_nothing_before_it_has_synced(syncing: SyncProcess) -> None:
    assert syncing.hear() is None
    assert syncing.is_idle


def test_the_error_of_a_sync_is_told(syncing: SyncProcess) -> None:
    reading, writing = os.pipe()
    syncing.ask(writing, 1)
    # A pipe cannot be synced: another file than a disk's, another error, the same way.
    with pytest.raises(OSError, match="Invalid argument"):
        wait(syncing)
    os.close(reading)
    os.close(writing)


def test_a_file_that_did_not_reach_it_is_an_error_and_not_the_file_before(
    syncing: SyncProcess, tmp_path: Path
) -> None:
    files = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("1", "2")]
    syncing.ask(files[0], 1)
    assert wait(syncing) is not None
    used = {int(file.name) for file in Path(f"/proc/{syncing.process_id}/fd").iterdir()}
    first_free = next(number for number in count() if number not in used)
    resource.prlimit(syncing.process_id, resource.RLIMIT_NOFILE, (first_free, first_free))
    syncing.ask(files[1], 2)
    with pytest.raises(OSError, match="Bad file descriptor"):
        wait(syncing)
    for file in files:
        os.close(file)


def test_its_end_is_told(syncing: SyncProcess) -> None:
    os.kill(syncing.process_id, signal.SIGKILL)
    with pytest.raises(EOFError):
        wait(syncing)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_with_the_venue_and_not_before(
    syncing: SyncProcess, tmp_path: Path, number: signal.Signals
) -> None:
    os.kill(syncing.process_id, number)
    file = os.open(tmp_path / "1", os.O_RDWR | os.O_CREAT)
    syncing.ask(file, 1)
    assert wait(syncing) is not None
    os.close(file)
    syncing.close()
    with pytest.raises(ProcessLookupError):
        os.kill(syncing.process_id, 0)
