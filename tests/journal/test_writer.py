import errno
import threading
from pathlib import Path

import pytest

from carbonmatch.journal.errors import JournalFailed
from carbonmatch.journal.reader import read_record, scan, verify
from carbonmatch.journal.record import Kind
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal.writer import JournalWriter, SegmentKeeper
from tests.journal.model_disk import ModelDisk, fail_at
from tests.journal.worlds import IDENTITY, SEGMENT_BYTES, append, payloads, recovered, start


def test_a_record_is_durable_when_append_returns() -> None:
    for seed in range(20):
        disk = ModelDisk(seed)
        writer = start(disk)
        append(writer, b"first")
        append(writer, b"second, of two commands", count=2)
        disk.lose_power()
        recovery, records = recovered(disk)
        assert [record.payload for record in records] == [b"first", b"second, of two commands"]
        assert recovery.next_sequence == 4


def test_a_commit_is_one_write_and_one_sync() -> None:
    disk = ModelDisk()
    writer = start(disk)
    disk.calls.clear()
    append(writer, b"x" * 1000)
    assert disk.calls == ["pwrite", "fdatasync"]


def test_relaxed_writes_and_does_not_sync() -> None:
    disk = ModelDisk()
    writer = JournalWriter(disk, recover(disk, IDENTITY, segment_bytes=SEGMENT_BYTES), relaxed=True)
    disk.calls.clear()
    append(writer, b"x")
    writer.seal()
    assert disk.calls == ["pwrite", "pwrite"]
    disk.process()
    assert payloads(disk) == [b"x"]


def test_the_counters_say_what_was_written() -> None:
    disk = ModelDisk()
    writer = start(disk)
    append(writer, b"x" * 9, count=3)
    append(writer, b"y" * 90)
    assert (writer.records, writer.durable_sequence) == (2, 4)
    assert (writer.segment, writer.segments, writer.spare_segments) == (1, 1, 1)
    assert writer.bytes == writer.durable_position & 0xFFFFFFFF
    assert writer.free_bytes() == disk.free


def test_append_returns_the_position_to_read_the_record_at() -> None:
    disk = ModelDisk()
    writer = start(disk)
    positions = [append(writer, b"%d" % number * 300) for number in range(12)]
    assert positions == sorted(set(positions))
    for number, position in enumerate(positions):
        record = read_record(disk, position, writer.durable_position)
        assert record.payload == b"%d" % number * 300
        assert record.position == position


def test_commands_leave_no_gap() -> None:
    writer = start(ModelDisk())
    with pytest.raises(AssertionError, match="without gaps"):
        writer.append(b"x", 2, 1)


# --- segments ----------------------------------------------------------------------------------------


def test_the_journal_rolls_over_segments_made_ahead() -> None:
    disk = ModelDisk()
    writer = start(disk)
    for number in range(40):
        append(writer, b"%d" % number * 100)
        writer.prepare_next()
    assert writer.segment > 4
    assert payloads(disk) == [b"%d" % number * 100 for number in range(40)]
    assert verify(disk).digests_checked == writer.segment - 1


def test_a_roll_touches_no_name_when_a_spare_is_ready() -> None:
    disk = ModelDisk()
    writer = start(disk)
    append(writer, b"x" * 1200)
    disk.calls.clear()
    append(writer, b"x" * 1200)
    assert writer.segment == 2
    # The end of the old segment, the header of the new one, the record: each durable before the next.
    assert disk.calls == ["pwrite", "fdatasync"] * 3


def test_a_roll_without_a_spare_makes_the_segment_itself() -> None:
    disk = ModelDisk()
    writer = JournalWriter(disk, recover(disk, IDENTITY, segment_bytes=SEGMENT_BYTES))
    append(writer, b"x" * 1200)
    append(writer, b"y" * 1200)
    assert payloads(disk) == [b"x" * 1200, b"y" * 1200]


def test_the_largest_payload_fills_a_segment_and_one_byte_more_is_our_own_error() -> None:
    disk = ModelDisk()
    writer = start(disk)
    largest = 2048 - 512 - 128 - 64  # without a sector for the header, the ends, and the record's own frame
    append(writer, b"a" * 400)
    append(writer, b"x" * largest)
    assert writer.segment == 2
    with pytest.raises(AssertionError, match="fits into a segment"):
        append(writer, b"x" * (largest + 1))
    append(writer, b"b")
    assert len(payloads(disk)) == 3


def test_a_seal_and_a_close_always_have_room() -> None:
    for length in range(1000, 1700, 31):
        disk = ModelDisk()
        writer = start(disk, segment_bytes=4096)
        append(writer, b"x" * length)
        append(writer, b"y" * length)
        for _ in range(30):
            writer.seal()
        writer.close()
        disk.process()
        recovery, records = recovered(disk)
        assert recovery.was_closed
        assert len(records) == 2


def test_every_start_begins_a_segment_of_its_own_in_a_new_epoch() -> None:
    disk = ModelDisk()
    for epoch in (1, 2, 3):
        writer = start(disk)
        assert writer.epoch == epoch
        append(writer, b"x")
        writer.close()
        disk.process()
    kinds = [(record.segment, record.kind) for record in scan(disk)]
    one_life = [Kind.SEGMENT_HEADER, Kind.DATA, Kind.CLOSE]
    assert kinds == [
        *[(1, kind) for kind in (*one_life, Kind.SEGMENT_END)],
        *[(2, kind) for kind in (*one_life, Kind.SEGMENT_END)],
        *[(3, kind) for kind in one_life],
    ]


# --- failures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["fdatasync", "pwrite"])
@pytest.mark.parametrize("nth", range(12))
def test_after_a_failure_nothing_is_acknowledged_or_written_any_more(call: str, nth: int) -> None:
    disk = ModelDisk(nth)
    writer = start(disk)
    writer.prepare_next()
    disk.before = fail_at(call, nth)
    acknowledged: list[bytes] = []

    def write_until_it_fails() -> None:
        for number in range(100):
            append(writer, b"%d" % number * 200)
            acknowledged.append(b"%d" % number * 200)

    with pytest.raises(OSError, match="fails"):
        write_until_it_fails()
    assert writer.failed
    durable = (writer.durable_sequence, writer.durable_position)
    disk.calls.clear()
    for late_call in (lambda: append(writer, b"late"), writer.seal, writer.close):
        with pytest.raises(JournalFailed):
            late_call()
    assert disk.calls == []
    assert (writer.durable_sequence, writer.durable_position) == durable
    assert writer.durable_sequence == len(acknowledged)

    disk.process()
    survivors = [record.payload for record in recovered(disk)[1]]
    # At most the one that failed may have arrived whole; the page cache is not believed.
    assert survivors[: len(acknowledged)] == acknowledged
    assert len(survivors) <= len(acknowledged) + 1
    disk.lose_power()
    assert [record.payload for record in recovered(disk)[1]] == survivors


def test_a_record_that_only_the_page_cache_shows_is_not_recovered() -> None:
    lost = 0
    for seed in range(40):
        disk = ModelDisk(seed)
        writer = start(disk)
        disk.before = fail_at("fdatasync", 0)
        with pytest.raises(OSError, match="fails"):
            append(writer, b"x" * 600)
        disk.process()
        lost += recovered(disk)[1] == []
    assert lost > 20


def test_short_writes_are_continued() -> None:
    disk = ModelDisk(1)
    disk.short_writes = True
    writer = start(disk, segment_bytes=16384)
    for number in range(10):
        append(writer, b"%d" % number * 5000)
    assert disk.calls.count("pwrite") > 30
    disk.lose_power()
    assert payloads(disk) == [b"%d" % number * 5000 for number in range(10)]


def test_a_full_disk_costs_the_spares_and_no_record() -> None:
    disk = ModelDisk()
    writer = start(disk, spares=2)
    disk.free = SEGMENT_BYTES // 2
    accepted = []
    for number in range(3):
        append(writer, b"%d" % number * 1200)
        accepted.append(b"%d" % number * 1200)
        if writer.spare_segments < 2:
            with pytest.raises(OSError, match=r"(?i)no space left"):
                writer.prepare_next()
            assert not writer.failed
    assert writer.spare_segments == 0
    assert not any(name.endswith(".tmp") for name in disk.list())

    with pytest.raises(OSError, match=r"(?i)no space left") as raised:
        append(writer, b"3" * 1200)
    assert raised.value.errno == errno.ENOSPC
    assert writer.failed

    # The operator makes room and starts again: the state is the one that was answered.
    disk.process()
    disk.free = 10**9
    assert [record.payload for record in recovered(disk)[1]] == accepted


def test_a_spare_that_cannot_be_opened_is_made_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without file descriptors left nothing is lost: the segment in use and its spares are open."""
    disk = ModelDisk()
    writer = start(disk, spares=1)
    append(writer, b"x" * 1200)
    append(writer, b"y" * 1200)
    assert writer.spare_segments == 0

    def refused(_name: str, **_: bool) -> int:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(disk, "open", refused)
    with pytest.raises(OSError, match="too many open files"):
        writer.prepare_next()
    assert not writer.failed
    monkeypatch.undo()
    writer.prepare_next()
    append(writer, b"z" * 1200)
    assert payloads(disk) == [b"x" * 1200, b"y" * 1200, b"z" * 1200]


def test_a_directory_that_cannot_be_synced_is_the_end() -> None:
    disk = ModelDisk()
    writer = start(disk)
    append(writer, b"x" * 1200)
    append(writer, b"y" * 1200)
    disk.before = fail_at("fsync_dir", 0)
    with pytest.raises(OSError, match="fails"):
        writer.prepare_next()
    with pytest.raises(JournalFailed):
        append(writer, b"z")


def test_a_closed_writer_takes_nothing() -> None:
    writer = start(ModelDisk())
    writer.close()
    with pytest.raises(JournalFailed):
        append(writer, b"x")


# --- the keeper --------------------------------------------------------------------------------------


def test_the_keeper_makes_spares_while_the_writer_writes(tmp_path: Path) -> None:
    storage = DiskStorage(tmp_path / "journal")
    segment_bytes = 128 * 1024
    writer = JournalWriter(storage, recover(storage, IDENTITY, segment_bytes=segment_bytes))
    keeper = SegmentKeeper(writer)
    for number in range(400):
        append(writer, number.to_bytes(4, "big") * 1000)
    keeper.stop()
    assert keeper.error is None
    writer.prepare_next()
    assert writer.spare_segments == 2
    writer.close()
    storage.release()

    storage = DiskStorage(tmp_path / "journal")
    result = verify(storage)
    assert (result.commands, result.closed, result.segments) == (400, True, writer.segment)
    assert payloads(storage) == [number.to_bytes(4, "big") * 1000 for number in range(400)]
    storage.release()


def test_a_spare_that_nobody_waits_for_is_made_piece_by_piece() -> None:
    """So that the syncs of commands find the disk free in between."""
    disk = ModelDisk()
    writer = JournalWriter(disk, recover(disk, IDENTITY, segment_bytes=2**22), spare_segments=2)
    breaks: list[int] = []
    writer.prepare_next(lambda: breaks.append(disk.calls.count("fdatasync")))
    assert writer.spare_segments == 2
    assert len(breaks) == 4, "the last of the two, in pieces of 1 MiB"
    assert breaks == list(range(breaks[0], breaks[0] + 4)), "each is durable before the next one"


def test_a_spare_is_made_without_further_breaks_once_somebody_may_wait_for_it() -> None:
    """On a slow disk the pieces take seconds, and the last spare made before may be gone meanwhile."""
    disk = ModelDisk()
    writer = JournalWriter(disk, recover(disk, IDENTITY, segment_bytes=2**22), spare_segments=2)
    left: list[int] = []
    synced: list[int] = []

    def roll() -> None:
        left.append(writer.spare_segments)
        synced.append(disk.calls.count("fdatasync"))
        while writer.segment == 1:
            append(writer, bytes(100_000))
            synced[0] = disk.calls.count("fdatasync")

    writer.prepare_next(roll)
    assert writer.segment == 2
    assert left == [1, 1, 1, 1, 1], "one break of the spare that was waited for, four of the next one"
    assert synced[1] - synced[0] == 2, "of all the rest of the one, and of the first piece of the other"


def test_the_keeper_tries_again_when_the_disk_was_full(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = ModelDisk()
    writer = start(disk, spares=1)
    disk.free = 0
    failed, made = threading.Event(), threading.Event()

    def before(call: str) -> None:
        if call == "rename":
            made.set()

    def free_bytes() -> int:
        if disk.free == 0:
            failed.set()
        return disk.free

    disk.before = before
    monkeypatch.setattr(disk, "free_bytes", free_bytes)
    append(writer, b"x" * 1200)
    append(writer, b"y" * 1200)
    keeper = SegmentKeeper(writer)
    assert failed.wait(30)
    disk.free = 10**9
    writer.work.set()  # instead of waiting for the keeper's own time
    assert made.wait(30)
    keeper.stop()
    assert writer.spare_segments == 1
