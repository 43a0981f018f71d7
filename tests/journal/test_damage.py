"""Damage is refused, or proven harmless: the same records come back, each byte of them.

The journal under test has every kind of record, three segments, a sealed end and a spare. In a sealed
journal even the last command is provably damaged; in an unsealed one, all single bits are found too.
"""

import pytest

from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind, StoredRecord, pack
from carbonmatch.journal.segments import segment_name
from tests.journal.model_disk import ModelDisk
from tests.journal.worlds import append, recovered, start

SEGMENT_BYTES = 1024
PAYLOADS = [b"one", b"two and three", b"four" * 75, b"five" * 75, b"six!" * 78, b"last" * 60]


def small_journal(*, end: Kind) -> ModelDisk:
    """Seven commands in three segments and two epochs; the last record is of kind `end`."""
    disk = ModelDisk()
    writer = start(disk, segment_bytes=SEGMENT_BYTES)
    append(writer, PAYLOADS[0])
    append(writer, PAYLOADS[1], count=2)
    writer.seal()
    writer.close()
    disk.process()
    writer = start(disk, segment_bytes=SEGMENT_BYTES)
    for payload in PAYLOADS[2:]:
        append(writer, payload)
    assert writer.segment == 3
    writer.prepare_next()
    if end is Kind.SEAL:
        writer.seal()
    if end is Kind.CLOSE:
        writer.close()
    disk.process()
    return disk


def commands(disk: ModelDisk) -> list[StoredRecord]:
    """The commands that a recovery would hand out; reading is all of it that can refuse."""
    return [record for record in JournalScan(disk, replay_from=1) if record.kind is Kind.DATA]


def is_refused_or_harmless(disk: ModelDisk, expected: list[StoredRecord]) -> bool:
    """True where it is refused; fails where other commands come back."""
    try:
        found = commands(disk)
    except JournalDamaged:
        return True
    assert found == expected
    return False


@pytest.mark.parametrize("end", [Kind.DATA, Kind.SEAL, Kind.CLOSE])
def test_every_single_bit_flip_is_refused_or_harmless(end: Kind) -> None:
    disk = small_journal(end=end)
    expected = commands(disk)
    assert [record.payload for record in expected] == PAYLOADS
    written = 0
    for name in disk.list():
        data = disk.bytes_of(name)
        last_written = len(data.rstrip(b"\0"))
        for byte in range(len(data)):
            refused = True
            for bit in range(8):
                data[byte] ^= 1 << bit
                refused = is_refused_or_harmless(disk, expected) and refused
                data[byte] ^= 1 << bit
            if byte < last_written:
                assert refused, f"{name}, byte {byte}: a written byte was damaged and nobody said so"
                written += 1
    assert written > 1000
    assert commands(disk) == expected


@pytest.mark.parametrize("end", [Kind.DATA, Kind.SEAL, Kind.CLOSE])
def test_every_cut_of_every_file_is_refused(end: Kind) -> None:
    disk = small_journal(end=end)
    expected = commands(disk)
    for name in disk.list():
        data = disk.bytes_of(name)
        whole = bytes(data)
        # Behind the end of a segment that was left for the next one there are zeros that nobody misses.
        is_ended = name in (segment_name(1), segment_name(2))
        needed = len(whole.rstrip(b"\0")) if is_ended else len(whole)
        for length in range(needed):
            del data[length:]
            assert is_refused_or_harmless(disk, expected), f"{name} cut to {length} bytes"
            data[:] = whole


@pytest.mark.parametrize("end", [Kind.DATA, Kind.SEAL, Kind.CLOSE])
def test_a_zeroed_sector_is_refused_unless_it_is_the_very_last_one(end: Kind) -> None:
    disk = small_journal(end=end)
    expected = commands(disk)
    for name in disk.list():
        data = disk.bytes_of(name)
        whole = bytes(data)
        for start_byte in range(0, len(whole.rstrip(b"\0")), 512):
            sector = slice(start_byte, start_byte + 512)
            data[sector] = bytes(len(whole[sector]))
            if name == segment_name(3) and not any(data[start_byte:]):
                # The one thing nobody can tell from a write that never arrived.
                assert commands(disk) == expected[:-1]
            else:
                assert is_refused_or_harmless(disk, expected), f"{name}, sector at {start_byte}"
            data[:] = whole


def test_a_zeroed_sector_with_something_written_behind_its_record_is_refused() -> None:
    """It takes the headers of all the records behind along, and looks like one that was cut short."""
    disk = ModelDisk()
    writer = start(disk, segment_bytes=8192)
    for payload in (b"one" * 1000, b"two" * 20, b"three" * 120):
        append(writer, payload)
    disk.process()
    data = disk.bytes_of(segment_name(1))
    data[3072:3584] = bytes(512)
    assert any(data[3584:])
    with pytest.raises(JournalDamaged, match=r"byte 160, sequence 1: .* written behind its end at 3200"):
        commands(disk)


@pytest.mark.parametrize("end", [Kind.DATA, Kind.SEAL, Kind.CLOSE])
def test_a_missing_segment_is_refused(end: Kind) -> None:
    for number in (1, 2, 3):
        disk = small_journal(end=end)
        del disk.names[segment_name(number)]
        with pytest.raises(JournalDamaged):
            commands(disk)
        # Several of them, up to the newest.
        for later in range(number + 1, 4):
            del disk.names[segment_name(later)]
            with pytest.raises(JournalDamaged):
                commands(disk)


def test_a_missing_spare_is_harmless_unless_the_journal_went_on_in_it() -> None:
    disk = small_journal(end=Kind.SEAL)
    expected = commands(disk)
    del disk.names[segment_name(4)]
    assert commands(disk) == expected
    # The end of a copied segment says that a next one exists.
    disk = small_journal(end=Kind.SEAL)
    del disk.names[segment_name(4)]
    recovered(disk)
    disk.process()
    del disk.names[segment_name(4)]
    with pytest.raises(JournalDamaged, match=r"0000000004\.cmj.*no such file"):
        commands(disk)


@pytest.mark.parametrize(("first", "second"), [(1, 2), (1, 3), (2, 3), (3, 4)])
def test_swapped_segments_are_refused(first: int, second: int) -> None:
    disk = small_journal(end=Kind.SEAL)
    names = disk.names
    one, other = segment_name(first), segment_name(second)
    names[one], names[other] = names[other], names[one]
    with pytest.raises(JournalDamaged):
        commands(disk)


@pytest.mark.parametrize("copied", [1, 2, 3])
@pytest.mark.parametrize("over", [1, 2, 3, 4, 5])
def test_a_segment_copied_over_or_behind_another_is_refused(copied: int, over: int) -> None:
    if copied == over:
        return
    disk = small_journal(end=Kind.SEAL)
    disk.names[segment_name(over)] = disk.copy().names[segment_name(copied)]
    with pytest.raises(JournalDamaged):
        commands(disk)


def test_a_segment_under_a_strange_name_is_refused() -> None:
    disk = small_journal(end=Kind.SEAL)
    disk.names["0000000002 (copy).cmj"] = disk.names[segment_name(2)]
    with pytest.raises(JournalDamaged, match="10 digits"):
        commands(disk)


def test_a_record_written_twice_or_left_out_is_refused() -> None:
    disk = small_journal(end=Kind.SEAL)
    data = disk.bytes_of(segment_name(1))
    whole = bytes(data)
    # Header of the segment to 160, "one" to 224, "two and three" to 288.
    data[224:288] = whole[160:224]
    with pytest.raises(JournalDamaged, match=r"0000000001\.cmj, byte 224, sequence 2"):
        commands(disk)
    data[:] = whole[:160] + whole[224:] + bytes(64)
    with pytest.raises(JournalDamaged, match=r"0000000001\.cmj, byte 160, sequence 1"):
        commands(disk)


def test_a_record_of_another_journal_with_the_same_sequence_breaks_the_chain() -> None:
    disk = small_journal(end=Kind.SEAL)
    other, _ = pack(Kind.DATA, 1, 1, b"won", previous_crc=0xDEADBEEF, offset=160)
    disk.bytes_of(segment_name(1))[160:224] = other
    with pytest.raises(JournalDamaged, match=r"byte 160, sequence 1: found .* linked to 0xdeadbeef"):
        commands(disk)


def test_bytes_behind_the_end_of_a_segment_are_refused() -> None:
    disk = small_journal(end=Kind.SEAL)
    data = disk.bytes_of(segment_name(2))
    data[-1] = 1
    with pytest.raises(JournalDamaged, match="only zeros behind a segment end"):
        commands(disk)


def test_the_refusal_names_file_offset_and_sequence() -> None:
    disk = small_journal(end=Kind.SEAL)
    disk.bytes_of(segment_name(1))[224 + 32] ^= 1
    with pytest.raises(JournalDamaged) as raised:
        commands(disk)
    damage = raised.value
    assert (damage.file, damage.offset, damage.sequence) == ("0000000001.cmj", 224, 2)
    assert damage.exit_code == 65


def test_a_refused_journal_is_left_as_it_is() -> None:
    disk = small_journal(end=Kind.SEAL)
    disk.bytes_of(segment_name(2))[300] ^= 1
    before = {name: bytes(disk.bytes_of(name)) for name in disk.list()}
    with pytest.raises(JournalDamaged):
        recovered(disk)
    assert {name: bytes(disk.bytes_of(name)) for name in disk.list()} == before


def test_a_version_that_is_not_known_is_refused_and_not_called_damage() -> None:
    disk = small_journal(end=Kind.SEAL)
    data = disk.bytes_of(segment_name(1))
    payload = (2).to_bytes(4, "little") + bytes(data[36 : 32 + 93])
    record, _ = pack(Kind.SEGMENT_HEADER, 1, 0, payload, previous_crc=0, offset=0)
    data[: len(record)] = record
    with pytest.raises(JournalRefused, match="journal format 2, expected 1"):
        commands(disk)
