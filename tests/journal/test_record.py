from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.journal.record import Kind, is_torn, pack, place, position, unpack_header, unpack_payload

# A batch of two commands, 7 and 8, with a payload of nine bytes: worked through in proto/JOURNAL.md.
LITERAL = bytes.fromhex(
    "c1434d4a 09000000 0700000000000000 ddccbbaa 0200 02 00 a3ea9b4d 33b787ce"  # header
    "6f6e65206f72646572"  # "one order"
    "064f3ee8 454e4431"  # trailer
    "000000000000000000000000000000"  # zeros up to 64
)

payload_bytes = st.binary(min_size=1, max_size=700) | st.lists(
    st.sampled_from([bytes(512), bytes(100), b"\x01" * 512, b"\xc1CMJ", bytes(1)]), min_size=1, max_size=6
).map(b"".join)
offsets = st.integers(0, 40).map(lambda units: units * 32)


def packed(payload: bytes, offset: int = 0) -> bytes:
    return pack(Kind.DATA, 7, 2, payload, previous_crc=0xAABBCCDD, offset=offset)[0]


def read(data: bytes) -> bytes | None:
    header = unpack_header(data)
    return None if header is None else unpack_payload(header, data)


def test_a_record_is_these_bytes() -> None:
    assert pack(Kind.DATA, 7, 2, b"one order", previous_crc=0xAABBCCDD, offset=0) == (LITERAL, 0xCE87B733)


def test_these_bytes_are_a_record() -> None:
    header = unpack_header(LITERAL)
    assert header is not None
    assert (header.kind, header.first_sequence, header.count) == (Kind.DATA, 7, 2)
    assert (header.previous_crc, header.crc) == (0xAABBCCDD, 0xCE87B733)
    assert (header.payload_crc, header.zero_sectors, header.record_bytes) == (crc32(b"one order"), 0, 64)
    assert unpack_payload(header, LITERAL) == b"one order"


def test_a_record_cut_at_any_byte_is_never_misread() -> None:
    for length in range(len(LITERAL)):
        assert read(LITERAL[:length]) is None


def test_a_record_with_any_bit_flipped_is_never_misread() -> None:
    for bit in range(len(LITERAL) * 8):
        data = bytearray(LITERAL)
        data[bit // 8] ^= 1 << bit % 8
        assert read(bytes(data)) is None


@given(payload_bytes, offsets)
def test_a_record_reads_back_as_it_was_written(payload: bytes, offset: int) -> None:
    data = packed(payload, offset)
    assert len(data) % 32 == 0
    assert read(data) == payload


@given(payload_bytes, offsets, st.data())
def test_a_record_with_sectors_missing_is_torn_and_one_with_a_flipped_bit_is_not(
    payload: bytes, offset: int, data: st.DataObject
) -> None:
    record = bytearray(packed(payload, offset))
    header = unpack_header(bytes(record))
    assert header is not None
    # The sectors behind the first one: without the first there is no header to judge by.
    starts = list(range(512 - offset % 512, len(record), 512))
    written = [start for start in starts if any(record[start : start + 512])]
    if written:
        torn = bytearray(record)
        for start in data.draw(st.lists(st.sampled_from(written), min_size=1, unique=True)):
            torn[start : start + 512] = bytes(len(torn[start : start + 512]))
        assert is_torn(header, bytes(torn), offset)
    # Two bits, so that a sector which holds a single one is not emptied.
    byte = data.draw(st.integers(32, len(record) - 1))
    record[byte] ^= 0x41 if record[byte] not in (0x41, 0x40, 0x01) else 0x82
    assert not is_torn(header, bytes(record), offset)


def test_the_header_counts_the_sectors_which_the_payload_itself_leaves_zero() -> None:
    header = unpack_header(packed(bytes(512 * 4)))
    assert header is not None
    # 32 bytes of header and 480 of zeros; three sectors of zeros; 32 of zeros and the trailer.
    assert header.zero_sectors == 3


def test_a_payload_with_too_many_zero_sectors_to_count_is_never_called_torn() -> None:
    data = packed(bytes(512 * 400))
    header = unpack_header(data)
    assert header is not None
    assert header.zero_sectors == 255
    assert not is_torn(header, bytes(len(data)), 0)


@pytest.mark.parametrize(
    ("kind", "count"), [(Kind.DATA, 0), (Kind.SEAL, 1), (Kind.CLOSE, 1), (Kind.SEGMENT_HEADER, 2)]
)
def test_only_data_and_all_data_carries_commands(kind: Kind, count: int) -> None:
    assert unpack_header(pack(kind, 1, count, b"x", previous_crc=0, offset=0)[0]) is None


def test_positions_grow_with_the_journal() -> None:
    assert position(1, 0) < position(1, 32) < position(1, 2**32 - 32) < position(2, 0)
    assert place(position(3, 96)) == (3, 96)


def test_the_example_in_the_format_document_is_true() -> None:
    document = (Path(__file__).parents[2] / "proto" / "JOURNAL.md").read_text()
    example = document.partition("```hex\n")[2].partition("```")[0]
    assert bytes.fromhex("".join(line.split()[0] for line in example.splitlines())) == LITERAL
