"""A journal followed while it is written: nothing early, nothing twice, nothing lost, over crashes."""

import threading
from pathlib import Path
from random import Random

import pytest

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.record import Kind, pack, record_bytes
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.segments import ORIGIN, segment_name
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal.tail import Tail
from carbonmatch.journal.writer import JournalWriter
from tests.journal.model_disk import ModelDisk, PowerLost, fail_at, lose_power_at
from tests.journal.worlds import IDENTITY, append, payloads, start


def no_waiting(_: float) -> None:
    raise AssertionError("a test looks when it likes")


def tail_of(disk: ModelDisk) -> Tail:
    return Tail(disk, ORIGIN, 1, no_waiting)


def seen(tail: Tail) -> list[bytes]:
    """The commands that it hands out now."""
    return [record.payload for record in tail.records() if record.kind is Kind.DATA]


def append_and_seal(writer: JournalWriter, payload: bytes) -> None:
    append(writer, payload)
    writer.seal()


def test_a_record_is_handed_out_when_the_next_one_shows_that_it_is_durable() -> None:
    disk = ModelDisk()
    tail = tail_of(disk)
    assert seen(tail) == []
    writer = start(disk)
    append(writer, b"one")
    assert seen(tail) == []
    append(writer, b"two")
    assert seen(tail) == [b"one"]
    assert seen(tail) == []
    writer.seal()
    assert seen(tail) == [b"two"]
    writer.seal()
    assert seen(tail) == []


def test_it_knows_how_much_there_is_beyond() -> None:
    disk = ModelDisk()
    tail = tail_of(disk)
    assert tail.newest_sequence() == 0
    writer = start(disk)
    for number in range(1, 40):
        append(writer, b"%d" % number * 100, count=2)
        # All but the last record, which nothing shows to be durable yet.
        assert tail.newest_sequence() == 2 * (number - 1)
        if number == 25:
            seen(tail)
    assert writer.segment > 2
    writer.seal()
    assert tail.newest_sequence() == 2 * 39


def test_behind_a_writer_that_was_killed_nobody_is_late() -> None:
    disk = ModelDisk()
    tail = tail_of(disk)
    writer = start(disk)
    append(writer, b"one", count=2)
    append(writer, b"cut off before its seal", count=3)
    assert seen(tail) == [b"one"]
    assert tail.newest_sequence() == 2


def test_it_goes_from_segment_to_segment_and_proves_each_by_its_digest() -> None:
    disk = ModelDisk()
    tail = tail_of(disk)
    writer = start(disk)
    written = [b"%d" % number * 100 for number in range(60)]
    found = []
    for payload in written:
        append(writer, payload)
        found += seen(tail)
    writer.seal()
    found += seen(tail)
    assert found == written
    assert tail.segments_verified == writer.segment - 1 > 2
    assert tail.header.number == writer.segment


def test_it_begins_behind_any_anchor() -> None:
    disk = ModelDisk()
    writer = start(disk)
    anchors = [writer.anchor]
    written = [b"%d" % number * 100 for number in range(40)]
    for payload in written:
        append(writer, payload)
        anchors.append(writer.anchor)
    writer.close()
    for number, anchor in enumerate(anchors):
        tail = Tail(disk, anchor, number + 1, no_waiting)
        assert seen(tail) == written[number:]
        assert tail.is_closed()


@pytest.mark.parametrize("wrong", [1, 3])
def test_an_anchor_that_is_not_of_this_journal_is_refused(wrong: int) -> None:
    disk, other = ModelDisk(), ModelDisk()
    anchor = ORIGIN
    for one, payload in ((disk, b"ours"), (other, b"else")):
        writer = start(one)
        for _ in range(wrong):
            append(writer, payload)
        anchor = writer.anchor
        append(writer, payload)
        append(writer, payload)
    with pytest.raises(JournalDamaged, match="as the snapshot says"):
        seen(Tail(disk, anchor, wrong + 1, no_waiting))


def test_where_it_is_can_be_an_anchor() -> None:
    disk = ModelDisk()
    tail = tail_of(disk)
    writer = start(disk)
    for number in range(30):
        append(writer, b"%d" % number * 100)
        if seen(tail):
            assert seen(Tail(disk, tail.anchor, number + 1, no_waiting)) == []
    append(writer, b"last")
    writer.seal()
    assert seen(Tail(disk, tail.anchor, 30, no_waiting)) == [b"29" * 100, b"last"]


def test_what_a_failed_sync_takes_back_was_not_handed_out() -> None:
    for seed in range(40):
        disk = ModelDisk(seed)
        tail = tail_of(disk)
        writer = start(disk)
        append(writer, b"one")
        append(writer, b"two")
        found = seen(tail)
        disk.before = fail_at("fdatasync", seed % 2)
        with pytest.raises(OSError):
            append_and_seal(writer, b"lost" * 300)
        found += seen(tail)
        disk.process()
        restarted = start(disk)
        append(restarted, b"after")
        restarted.seal()
        found += seen(tail)
        assert found == payloads(disk)


def test_what_it_hands_out_survives_every_loss_of_power() -> None:
    """Whatever the disk keeps, the follower has seen no more than it, and goes on behind it."""
    for seed in range(300):
        random = Random(seed)
        disk = ModelDisk(seed)
        tail = tail_of(disk)
        found: list[bytes] = []
        disk.before = lose_power_at(random.randrange(4, 60))
        try:
            _write_and_follow(disk, tail, found, random)
        except PowerLost:
            disk.lose_power()
        assert payloads(disk)[: len(found)] == found
        # The follower is gone as well: what it has kept is tied to its anchor.
        resumed = Tail(disk, tail.anchor, len(found) + 1, no_waiting) if found else tail_of(disk)
        writer = start(disk)
        append(writer, b"after")
        writer.seal()
        assert found + seen(resumed) == payloads(disk)


def test_over_kills_of_the_writer_nothing_is_lost_and_nothing_comes_twice() -> None:
    for seed in range(100):
        random = Random(seed)
        disk = ModelDisk(seed)
        tail = tail_of(disk)
        found: list[bytes] = []
        for _ in range(4):
            disk.before = lose_power_at(random.randrange(4, 40))
            try:
                _write_and_follow(disk, tail, found, random)
            except PowerLost:
                # Here only the process ends: the page cache stays, and half a write with it.
                disk.process()
            found += seen(tail)
        writer = start(disk)
        append(writer, b"after")
        writer.seal()
        found += seen(tail)
        assert found == payloads(disk)


def _write_and_follow(disk: ModelDisk, tail: Tail, found: list[bytes], random: Random) -> None:
    writer = start(disk)
    for number in range(30):
        append(writer, b"%d," % number * random.randrange(1, 200))
        if random.random() < 0.3:
            writer.seal()
        if random.random() < 0.3:
            writer.prepare_next()
        if random.random() < 0.5:
            found += seen(tail)
    writer.close()


def test_it_follows_a_writer_of_another_thread_on_a_real_disk(tmp_path: Path) -> None:
    storage = DiskStorage(tmp_path)
    writer = JournalWriter(storage, recover(storage, IDENTITY, segment_bytes=64 * 1024))
    tail = Tail(DiskStorage(tmp_path), ORIGIN, 1, no_waiting)
    written = [number.to_bytes(4, "big") * (1 + number % 700) for number in range(300)]

    def write() -> None:
        for payload in written:
            append(writer, payload)
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    found: list[bytes] = []
    while thread.is_alive():
        new = seen(tail)
        found += new
        if not new:
            tail.check()
    thread.join()
    found += seen(tail)
    assert found == written
    assert tail.segments_verified == writer.segment - 1 > 2
    assert tail.is_closed()


# --- damage ------------------------------------------------------------------------------------------


def followed(records: int) -> tuple[ModelDisk, JournalWriter, Tail]:
    disk = ModelDisk()
    writer = start(disk)
    for number in range(records):
        append(writer, b"%d" % number * 50)
    return disk, writer, tail_of(disk)


def test_a_damaged_record_stops_it_where_a_later_one_shows_that_it_is_damage() -> None:
    disk, _, tail = followed(5)
    disk.bytes_of(segment_name(1))[160 + 2 * record_bytes(50) + 40] ^= 1
    assert len(seen(tail)) == 1
    tail.check()
    with pytest.raises(JournalDamaged, match="a record, as a later one is at"):
        tail.check()


def test_a_record_that_is_still_being_written_is_no_damage() -> None:
    disk, writer, tail = followed(3)
    offset = writer.anchor.offset
    record, _ = pack(Kind.DATA, 4, 1, b"x" * 600, previous_crc=writer.anchor.chain, offset=offset)
    file = disk.bytes_of(segment_name(1))
    file[offset : offset + 300] = record[:300]
    assert len(seen(tail)) == 2
    for _ in range(3):
        tail.check()
    file[offset : offset + len(record)] = record
    assert len(seen(tail)) == 1


def test_a_segment_that_others_follow_without_its_end_is_damage() -> None:
    disk, writer, tail = followed(40)
    assert writer.segment > 2
    file = disk.bytes_of(segment_name(1))
    file[160 + 3 * record_bytes(50) :] = bytes(len(file) - 160 - 3 * record_bytes(50))
    assert len(seen(tail)) == 2
    tail.check()
    with pytest.raises(JournalDamaged, match="as the next segment is in use"):
        tail.check()


def test_a_segment_whose_digest_is_not_the_one_that_the_next_one_has_is_damage() -> None:
    disk = ModelDisk()
    writer = start(disk)
    append(writer, b"one")
    writer._digest._hasher.update(b"another byte")
    tail = tail_of(disk)
    for _ in range(20):
        append(writer, b"x" * 300)
    with pytest.raises(JournalDamaged, match="as the next segment says"):
        seen(tail)
    assert tail.segments_verified == 0


def test_a_journal_without_the_segment_to_go_on_in_is_refused() -> None:
    disk, _, tail = followed(40)
    disk.remove(segment_name(1))
    with pytest.raises(JournalDamaged, match="restore it from the archive"):
        seen(tail)


def test_a_journal_that_was_never_begun_is_waited_for() -> None:
    disk = ModelDisk()
    tail = tail_of(disk)
    assert seen(tail) == []
    tail.check()
    assert tail.newest_sequence() == 0
