import contextlib

import pytest
from msgspec import structs

from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.reader import JournalEnd, JournalScan, scan, verify
from carbonmatch.journal.record import Kind, StoredRecord, pack
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.segments import Identity, segment_name
from carbonmatch.journal.writer import JournalWriter
from tests.journal.model_disk import ModelDisk, PowerLost, fail_at, lose_power_at
from tests.journal.worlds import IDENTITY, SEGMENT_BYTES, append, payloads, recovered, start


def journal_with(*written: bytes) -> ModelDisk:
    """A journal whose process was killed after the last of these."""
    disk = ModelDisk()
    writer = start(disk)
    for payload in written:
        append(writer, payload)
    disk.process()
    return disk


def end_of(disk: ModelDisk) -> JournalEnd:
    journal = JournalScan(disk)
    assert list(journal)
    assert journal.end is not None
    return journal.end


def next_record(disk: ModelDisk, payload: bytes, kind: Kind = Kind.DATA) -> bytes:
    """What a writer would have written next."""
    end = end_of(disk)
    return pack(
        kind, end.next_sequence, int(bool(payload)), payload, previous_crc=end.chain, offset=end.offset
    )[0]


def tear(disk: ModelDisk, record: bytes, *, missing: slice) -> None:
    """Write `record` at the end of segment 1, with a part of it not having reached the disk."""
    offset = end_of(disk).offset
    torn = bytearray(record)
    torn[missing] = bytes(len(torn[missing]))
    disk.bytes_of(segment_name(1))[offset : offset + len(torn)] = torn


# --- what is taken up --------------------------------------------------------------------------------


def test_an_empty_directory_is_a_new_journal() -> None:
    recovery, records = recovered(ModelDisk())
    assert (recovery.next_sequence, recovery.epoch, recovery.torn_bytes, records) == (1, 1, 0, [])


def test_a_first_start_that_was_cut_short_is_a_new_journal() -> None:
    for call in range(12):
        disk = ModelDisk(call)
        disk.before = lose_power_at(call)
        with contextlib.suppress(PowerLost):
            start(disk)
        disk.lose_power()
        recovery = recover(disk, IDENTITY, segment_bytes=SEGMENT_BYTES)
        assert recovery.next_sequence == 1


def test_the_end_of_the_journal_goes_on_in_a_new_segment_and_epoch() -> None:
    disk = journal_with(b"one", b"two")
    recovery, records = recovered(disk)
    assert [record.payload for record in records] == [b"one", b"two"]
    assert (recovery.next_sequence, recovery.next_segment, recovery.epoch) == (3, 2, 2)
    assert not recovery.was_closed


def test_a_clean_stop_is_known_as_one() -> None:
    disk = ModelDisk()
    writer = start(disk)
    append(writer, b"one")
    writer.close()
    disk.process()
    assert recovered(disk)[0].was_closed


def test_what_only_the_page_cache_held_is_durable_when_recovery_returns() -> None:
    disk = ModelDisk(3)
    writer = start(disk)
    append(writer, b"answered")
    disk.before = lose_power_at(0, "fdatasync")
    with pytest.raises(PowerLost):
        append(writer, b"written, but not yet synced when the process was killed")
    disk.process()
    survivors = [record.payload for record in recovered(disk)[1]]
    assert len(survivors) == 2
    for _ in range(5):
        disk.lose_power()
        assert [record.payload for record in recovered(disk)[1]] == survivors


def test_a_second_recovery_without_commands_in_between_changes_nothing_but_the_epoch() -> None:
    disk = journal_with(b"one", b"two")
    for epoch in (2, 3, 4):
        writer = start(disk)
        assert writer.epoch == epoch
        disk.process()
    assert payloads(disk) == [b"one", b"two"]
    assert verify(disk).digests_checked == 3


def test_the_copy_of_the_last_segment_holds_the_same_bytes_and_an_end() -> None:
    disk = journal_with(b"one", b"two")
    original = bytes(disk.bytes_of(segment_name(1)))
    recovered(disk)
    copy = bytes(disk.bytes_of(segment_name(1)))
    written = len(copy) - 64
    assert copy[:written] == original[:written]
    assert not any(original[written:])
    assert [record.kind for record in scan(disk)][-1] is Kind.SEGMENT_END


def test_temporary_files_are_removed() -> None:
    disk = journal_with(b"one")
    disk.close(disk.create("0000000009.cmj.tmp"))
    recovered(disk)
    assert "0000000009.cmj.tmp" not in disk.list()


def test_an_existing_journal_keeps_its_segment_size() -> None:
    disk = journal_with(b"one")
    recovery = recover(disk, IDENTITY, segment_bytes=SEGMENT_BYTES * 8)
    assert recovery.segment_bytes == SEGMENT_BYTES


# --- torn tails --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "missing",
    [slice(0, 512), slice(512, 1024), slice(0, 900)],
    ids=["the header's sector", "the last sector", "all but the last bytes"],
)
def test_a_torn_tail_is_cut_kept_and_counted(missing: slice) -> None:
    # A payload that puts the next record at the start of a sector.
    disk = journal_with(b"x" * (512 - 160 - 40))
    record = next_record(disk, b"torn" * 220)
    tear(disk, record, missing=missing)
    recovery, records = recovered(disk)
    assert [record.payload for record in records] == [b"x" * 312]
    assert recovery.torn_bytes in (512, 1024)
    [torn] = [name for name in disk.list() if name.endswith(".torn")]
    assert torn == "0000000001.cmj.512.torn"
    assert len(disk.bytes_of(torn)) == recovery.torn_bytes
    assert recovery.next_sequence == 2


def test_a_torn_seal_is_cut() -> None:
    disk = journal_with(b"x" * (480 - 160 - 40))
    # The header fills the last 32 bytes of a sector; the trailer in the next one is lost.
    tear(disk, next_record(disk, b"", Kind.SEAL), missing=slice(32, 64))
    recovery, records = recovered(disk)
    assert len(records) == 1
    assert recovery.torn_bytes == 32


def test_a_whole_record_with_a_wrong_byte_is_not_a_torn_one() -> None:
    disk = journal_with(b"one")
    record = bytearray(next_record(disk, b"two" * 300))
    record[700] ^= 1
    tear(disk, bytes(record), missing=slice(0, 0))
    with pytest.raises(JournalDamaged, match="no sector of it is missing"):
        recovered(disk)


def test_a_header_that_is_neither_whole_nor_zero_is_damage() -> None:
    disk = journal_with(b"one")
    tear(disk, next_record(disk, b"two"), missing=slice(0, 16))
    with pytest.raises(JournalDamaged, match="a whole header, or zeros"):
        recovered(disk)


def test_nothing_may_follow_a_clean_close() -> None:
    disk = ModelDisk()
    writer = start(disk)
    append(writer, b"one")
    writer.close()
    disk.process()
    disk.bytes_of(segment_name(1))[1024] = 1
    with pytest.raises(JournalDamaged, match="behind a clean close"):
        recovered(disk)


def test_a_later_record_proves_that_the_bad_one_was_durable() -> None:
    disk = journal_with(b"x" * 312, b"y" * 472, b"z" * 100)
    # The whole sector of the second record is gone; the third one is there.
    disk.bytes_of(segment_name(1))[512:1024] = bytes(512)
    with pytest.raises(JournalDamaged, match=r"byte 512, sequence 2: .* a later one is at 1024"):
        recovered(disk)


# --- refusals ----------------------------------------------------------------------------------------


def test_two_processes_cannot_have_one_journal() -> None:
    disk = ModelDisk()
    start(disk)
    with pytest.raises(JournalRefused, match="another process"):
        recovered(disk)
    assert JournalRefused.exit_code == 64


@pytest.mark.parametrize(
    "other", [Identity("1.0.1", IDENTITY.configuration_digest), Identity("1.0.0", b"\x08" * 32)]
)
def test_commands_of_another_engine_or_configuration_are_not_replayed(other: Identity) -> None:
    disk = journal_with(b"one")
    with pytest.raises(JournalRefused, match="take a snapshot"):
        recover(disk, other)
    disk.process()
    assert recover(disk, other, replay_other_identity=True).next_sequence == 2


def test_a_new_engine_goes_on_from_a_snapshot_behind_the_old_ones_last_command() -> None:
    disk = journal_with(b"one")
    new = Identity("2.0.0", IDENTITY.configuration_digest)
    recovery = recover(disk, new, replay_from=2)
    assert (recovery.next_sequence, recovery.identity) == (2, new)


def test_replay_begins_where_the_snapshot_ends() -> None:
    disk = ModelDisk()
    writer = start(disk)
    for number in range(1, 20):
        append(writer, b"%d" % number * 200)
    disk.process()
    recovery, records = recovered(disk, replay_from=15)
    assert [record.first_sequence for record in records] == [15, 16, 17, 18, 19]
    assert recovery.next_sequence == 20


def test_a_journal_that_ends_before_the_snapshot_is_damaged() -> None:
    with pytest.raises(JournalDamaged, match="a journal up to 2"):
        recovered(journal_with(b"one"), replay_from=3)
    with pytest.raises(JournalDamaged, match="no records"):
        recovered(ModelDisk(), replay_from=2)


def test_segments_may_be_archived_before_the_snapshot_and_not_behind_it() -> None:
    disk = ModelDisk()
    writer = start(disk)
    for number in range(1, 20):
        append(writer, b"%d" % number * 300)
    disk.process()
    del disk.names[segment_name(1)]
    first = next(iter(scan(disk))).first_sequence
    recovery, records = recovered(disk.copy(), replay_from=first)
    assert (records[0].first_sequence, recovery.next_sequence) == (first, 20)
    with pytest.raises(JournalDamaged, match=f"segments from sequence {first - 1} on"):
        recovered(disk, replay_from=first - 1)


def test_replay_goes_on_behind_the_anchor_of_a_snapshot_and_reads_nothing_before_its_segment() -> None:
    disk = ModelDisk()
    writer = start(disk)
    anchors = []
    for number in range(1, 20):
        append(writer, b"%d" % number * 300)
        anchors.append(writer.anchor)
    disk.process()
    for sequence, anchor in enumerate(anchors, 1):
        later = disk.copy()
        for number in range(1, anchor.segment):
            later.remove(segment_name(number))
        records: list[StoredRecord] = []
        recovery = recover(later, IDENTITY, replay_from=sequence + 1, anchor=anchor, on_record=records.append)
        assert [record.first_sequence for record in records] == list(range(sequence + 1, 20))
        assert recovery.next_sequence == 20


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("chain", 0, "behind a record linked by"),
        ("offset", 512, "behind a record linked by"),
        ("offset", 1 << 20, "the end of the journal"),
        ("previous_digest", b"\x01" * 32, "found previous digest"),
        ("segment", 9, "no such segment"),
    ],
)
def test_a_journal_that_is_not_the_one_of_the_snapshot_is_damaged(
    field: str, value: object, found: str
) -> None:
    disk = ModelDisk()
    writer = start(disk)
    for number in range(1, 8):
        append(writer, b"%d" % number * 300)
    anchor = writer.anchor
    append(writer, b"another one")
    disk.process()
    other = structs.replace(anchor, **{field: value})
    with pytest.raises(JournalDamaged, match=found):
        recover(disk, IDENTITY, replay_from=8, anchor=other)
    with pytest.raises(JournalDamaged, match="sequence 8 behind a record"):
        recover(disk.copy(), IDENTITY, replay_from=7, anchor=anchor)
    assert recover(disk.copy(), IDENTITY, replay_from=8, anchor=anchor).next_sequence == 9


def test_what_a_replay_raises_ends_the_recovery_with_nothing_changed() -> None:
    disk = journal_with(b"one", b"two")
    before = {name: bytes(disk.bytes_of(name)) for name in disk.list()}

    def diverge(_: object) -> None:
        raise RuntimeError("other events")

    with pytest.raises(RuntimeError, match="other events"):
        recover(disk, IDENTITY, on_record=diverge)
    assert {name: bytes(disk.bytes_of(name)) for name in disk.list()} == before


# --- a full disk -------------------------------------------------------------------------------------


def full_journal(torn: slice | None = None) -> ModelDisk:
    """Two commands and a spare on a disk without a byte left, and perhaps a write that was cut short."""
    disk = ModelDisk(1)
    writer = start(disk, spares=2)
    append(writer, b"one")
    append(writer, b"two")
    disk.process()
    if torn is not None:
        tear(disk, next_record(disk, b"three" * 300), missing=torn)
    disk.free = 0
    return disk


@pytest.mark.parametrize("torn", [None, slice(224, 736), slice(0, 224)])
def test_a_full_disk_is_started_on_as_long_as_there_is_a_spare(torn: slice | None) -> None:
    disk = full_journal(torn)
    for epoch in (2, 3):
        recovery, records = recovered(disk)
        assert [record.payload for record in records] == [b"one", b"two"]
        assert recovery.epoch == epoch
        JournalWriter(disk, recovery, spare_segments=0)
        disk.process()
    with pytest.raises(OSError, match=r"(?i)no space left"):
        recovered(disk)
    disk.process()
    disk.free = 10 * SEGMENT_BYTES
    assert [record.payload for record in recovered(disk)[1]] == [b"one", b"two"]
    verify(disk)


@pytest.mark.parametrize("torn", [None, slice(224, 736), slice(0, 224)])
def test_power_may_fail_at_any_call_of_a_start_on_a_full_disk(torn: slice | None) -> None:
    for seed in range(20):
        for call in range(12):
            disk = full_journal(torn)
            disk.random.seed(seed)
            disk.before = lose_power_at(call)
            with contextlib.suppress(PowerLost):
                recovered(disk)
            disk.lose_power()
            assert [record.payload for record in recovered(disk)[1]] == [b"one", b"two"]


def test_what_was_only_cached_is_durable_after_a_start_on_a_full_disk() -> None:
    disk = full_journal()
    disk.free = 10**9
    writer = start(disk, spares=2)
    disk.before = fail_at("fdatasync", 0)
    with pytest.raises(OSError, match="fails"):
        append(writer, b"written, but the sync failed")
    disk.process()
    disk.free = 0
    survivors = [record.payload for record in recovered(disk)[1]]
    disk.lose_power()
    assert [record.payload for record in recovered(disk)[1]] == survivors
