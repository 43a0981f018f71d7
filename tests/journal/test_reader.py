import threading
from pathlib import Path

import pytest

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.reader import (
    first_position,
    read_record,
    read_records,
    scan,
    verify,
)
from carbonmatch.journal.record import Kind, StoredRecord, pack, unpack_header
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.segments import segment_name
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal.writer import JournalWriter
from tests.journal.model_disk import ModelDisk
from tests.journal.worlds import IDENTITY, append, start


def data_of(records: list[StoredRecord]) -> list[bytes]:
    return [record.payload for record in records if record.kind is Kind.DATA]


def test_records_come_with_their_place_and_their_sequence() -> None:
    disk = ModelDisk()
    writer = start(disk)
    append(writer, b"one")
    append(writer, b"two and three", count=2)
    writer.seal()
    assert [(record.kind, record.first_sequence, record.count, record.offset) for record in scan(disk)] == [
        (Kind.SEGMENT_HEADER, 1, 0, 0),
        (Kind.DATA, 1, 1, 160),
        (Kind.DATA, 2, 2, 224),
        (Kind.SEAL, 4, 0, 288),
    ]


def test_a_record_larger_than_a_chunk_is_read_whole() -> None:
    disk = ModelDisk()
    writer = start(disk, segment_bytes=8 * 1024 * 1024)
    payload = bytes(range(256)) * 4096 * 3
    append(writer, b"before")
    position = append(writer, payload)
    append(writer, b"behind")
    assert data_of(list(scan(disk))) == [b"before", payload, b"behind"]
    assert read_record(disk, position, writer.durable_position).payload == payload


# --- beside a writer ---------------------------------------------------------------------------------


def test_records_are_read_from_any_position_over_segments() -> None:
    disk = ModelDisk()
    writer = start(disk)
    positions = [append(writer, b"%d" % number * 300) for number in range(20)]
    assert writer.segment > 2
    for number, position in enumerate(positions):
        records = list(read_records(disk, position, writer.durable_position))
        assert data_of(records) == [b"%d" % later * 300 for later in range(number, 20)]


def test_nothing_behind_the_durable_position_is_read() -> None:
    disk = ModelDisk()
    writer = start(disk)
    first = append(writer, b"one")
    durable = writer.durable_position
    append(writer, b"two")
    assert data_of(list(read_records(disk, first, durable))) == [b"one"]
    # Whatever lies there, half-written or not, is not even looked at.
    disk.bytes_of(segment_name(1))[durable & 0xFFFFFFFF] ^= 0xFF
    assert data_of(list(read_records(disk, first, durable))) == [b"one"]
    with pytest.raises(AssertionError, match="only what is durable"):
        read_record(disk, durable, durable)


def test_a_durable_record_that_reads_otherwise_is_damage() -> None:
    disk = ModelDisk()
    writer = start(disk)
    position = append(writer, b"one")
    disk.bytes_of(segment_name(1))[160 + 33] ^= 1
    with pytest.raises(JournalDamaged, match=r"0000000001\.cmj, byte 160"):
        read_record(disk, position, writer.durable_position)


def test_a_journal_begins_with_its_oldest_segment() -> None:
    disk = ModelDisk()
    writer = start(disk)
    for number in range(9):
        append(writer, b"%d" % number * 600)
    assert first_position(disk) == 1 << 32
    disk.remove(segment_name(1))
    disk.remove(segment_name(2))
    assert first_position(disk) == 3 << 32


def test_readers_follow_a_writer_from_other_threads(tmp_path: Path) -> None:
    storage = DiskStorage(tmp_path)
    writer = JournalWriter(storage, recover(storage, IDENTITY, segment_bytes=64 * 1024))
    start_position = append(writer, (0).to_bytes(4, "big") * 500)
    seen: list[list[bytes]] = [[], []]
    failures: list[BaseException] = []
    done = threading.Event()

    def follow(payloads: list[bytes]) -> None:
        try:
            position = start_position
            finished = False
            while not finished:
                finished = done.is_set()
                end = writer.durable_position
                if position < end:
                    payloads += data_of(list(read_records(storage, position, end)))
                    position = end
        except BaseException as failure:
            failures.append(failure)
            raise

    readers = [threading.Thread(target=follow, args=(payloads,)) for payloads in seen]
    for reader in readers:
        reader.start()
    for number in range(1, 200):
        append(writer, number.to_bytes(4, "big") * 500)
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert writer.segment > 4
    expected = [number.to_bytes(4, "big") * 500 for number in range(200)]
    assert seen == [expected, expected]
    writer.close()
    storage.release()


# --- verification ------------------------------------------------------------------------------------


def two_lives() -> ModelDisk:
    disk = ModelDisk()
    for _ in range(2):
        writer = start(disk)
        for number in range(6):
            append(writer, b"%d" % number * 300, count=2)
        writer.close()
        disk.process()
    return disk


def test_verify_says_what_the_journal_proves() -> None:
    disk = two_lives()
    result = verify(disk)
    assert (result.records, result.commands) == (12, 24)
    assert (result.first_sequence, result.last_sequence, result.epoch) == (1, 24, 2)
    assert (result.segments, result.digests_checked, result.closed, result.torn_bytes) == (4, 3, True, 0)
    assert verify(disk.copy()).digest == result.digest


def test_verify_of_an_empty_directory_proves_nothing_and_finds_no_fault() -> None:
    result = verify(ModelDisk())
    assert (result.segments, result.records, result.last_sequence) == (0, 0, 0)


def test_verify_beside_a_writer_leaves_its_segment_alone() -> None:
    disk = ModelDisk()
    writer = start(disk)
    for number in range(9):
        append(writer, b"%d" % number * 300)
    disk.bytes_of(segment_name(writer.segment))[600] ^= 1
    result = verify(disk, sealed_only=True)
    assert result.segments == writer.segment - 1
    assert not result.closed


def test_a_record_exchanged_with_all_its_checksums_is_found_by_the_digest() -> None:
    disk = two_lives()
    data = disk.bytes_of(segment_name(1))
    header = unpack_header(bytes(data), 160)
    assert header is not None
    # Somebody writes another payload and computes every checksum of the segment anew, and the
    # link in the next one too; of what they cannot compute, one digest is enough.
    forge(disk, header.previous_crc)
    assert len(list(scan(disk))) > 0
    with pytest.raises(JournalDamaged, match=r"0000000001\.cmj.*digest"):
        verify(disk)


def forge(disk: ModelDisk, chain: int) -> None:
    offset, number = 160, 1
    data = disk.bytes_of(segment_name(1))
    while True:
        header = unpack_header(bytes(data), offset)
        if header is None:
            return
        payload = bytes(data[offset + 32 : offset + 32 + header.payload_bytes])
        if (number, offset) == (1, 160):
            payload = b"9" + payload[1:]
        record, chain = pack(
            header.kind, header.first_sequence, header.count, payload, previous_crc=chain, offset=offset
        )
        data[offset : offset + len(record)] = record
        offset += len(record)
        if header.kind is Kind.SEGMENT_END:
            number, offset = number + 1, 0
            data = disk.bytes_of(segment_name(number))
