"""Frames cut and joined at any byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.matching.messages import RejectReason
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import FrameReader, frame

TWO = b"\x00\x00\x00\x03abc\x00\x00\x00\x01d"


def feed_in_two(reader: FrameReader, data: bytes, cut: int) -> list[bytes]:
    return reader.feed(data[:cut]) + reader.feed(data[cut:])


def test_a_frame_is_a_big_endian_length_and_the_payload() -> None:
    assert frame(b"abc") == b"\x00\x00\x00\x03abc"
    assert frame(b"x" * 258)[:4] == b"\x00\x00\x01\x02"


def test_whole_frames_come_out_at_once() -> None:
    reader = FrameReader(16)
    assert reader.feed(TWO) == [b"abc", b"d"]
    assert not reader.incomplete


def test_an_empty_chunk_changes_nothing() -> None:
    reader = FrameReader(16)
    assert reader.feed(b"") == []
    assert reader.feed(TWO[:5]) == []
    assert reader.feed(b"") == []
    assert reader.feed(TWO[5:]) == [b"abc", b"d"]


@pytest.mark.parametrize("cut", range(len(TWO) + 1))
def test_a_reader_says_whether_a_frame_has_begun(cut: int) -> None:
    reader = FrameReader(16)
    reader.feed(TWO[:cut])
    assert reader.incomplete == (cut not in (0, 7, len(TWO)))


def test_byte_by_byte() -> None:
    reader = FrameReader(16)
    fed = [reader.feed(TWO[place : place + 1]) for place in range(len(TWO))]
    assert [payloads for payloads in fed if payloads] == [[b"abc"], [b"d"]]
    assert fed[6] == [b"abc"], "a payload comes out with its last byte"


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.data())
def test_any_cut_of_the_bytes_gives_the_same_payloads(payloads: list[bytes], data: st.DataObject) -> None:
    sent = b"".join(map(frame, payloads))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(sent)), max_size=30)))
    reader = FrameReader(300)
    received = []
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        received += reader.feed(sent[start:end])
    assert received == payloads
    assert not reader.incomplete


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_are_payloads_within_bounds_or_a_protocol_error(chunks: list[bytes]) -> None:
    reader = FrameReader(32)
    for chunk in chunks:
        try:
            payloads = reader.feed(chunk)
        except ProtocolError:
            return
        assert all(1 <= len(payload) <= 32 for payload in payloads)


def test_the_longest_frame_passes() -> None:
    assert FrameReader(5).feed(b"\x00\x00\x00\x05abcde") == [b"abcde"]


@pytest.mark.parametrize("cut", range(5))
def test_a_frame_too_long_is_refused_by_its_length_alone(cut: int) -> None:
    reader = FrameReader(5)
    header = b"\x00\x00\x00\x06"
    with pytest.raises(ProtocolError, match=r"^frame of 6 bytes, expected 1 to 5$") as refused:
        feed_in_two(reader, header, cut)
    assert refused.value.reason is RejectReason.FRAME_TOO_LONG


@pytest.mark.parametrize("cut", range(5))
def test_the_largest_length_reserves_nothing(cut: int) -> None:
    reader = FrameReader(16 * 1024)
    header = b"\xff\xff\xff\xff"
    with pytest.raises(ProtocolError, match="4294967295"):
        feed_in_two(reader, header, cut)


@pytest.mark.parametrize("before", [b"", b"\x00\x00\x00\x01d", b"\x00\x00"])
def test_a_frame_of_no_bytes_is_refused(before: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"^frame of 0 bytes") as refused:
        FrameReader(5).feed(before + b"\x00\x00\x00\x00")
    assert refused.value.reason is RejectReason.MALFORMED


def test_the_bound_can_be_raised_between_frames() -> None:
    reader = FrameReader(1)
    assert reader.feed(b"\x00\x00\x00\x01a") == [b"a"]
    reader.frame_bytes_max = 2
    assert reader.feed(b"\x00\x00\x00\x02bc") == [b"bc"]
