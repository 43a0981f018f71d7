"""The Wireshark dissector on captures of golden vectors, of streams cut anywhere, and of what is wrong."""

import random
import struct
from itertools import pairwise
from pathlib import Path

from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.protocol.frames import frame
from tests.protocol.capture import write_capture
from tests.protocol.dissecting import dissected, expected, tshark
from tests.protocol.vectors import load, pack

FILES = ["session", "commands", "reports", "copies", "feed"]
MESSAGES = [bytes.fromhex(vector["hex"]) for file in FILES for vector in load(file)]


def payload(*messages: bytes) -> bytes:
    head = bytes([0x90 + len(messages)]) if len(messages) < 16 else b"\xdc" + struct.pack(">H", len(messages))
    return head + b"".join(messages)


def test_every_message_is_shown_with_every_field(tmp_path: Path) -> None:
    shown = dissected(tmp_path / "c.pcap", [[(False, frame(payload(each))) for each in MESSAGES]])
    assert [each.messages for each in shown] == [[expected(each)] for each in MESSAGES]
    assert not any(each.is_malformed or each.is_of_later_version for each in shown)


def test_a_stream_is_put_together_again_wherever_it_was_cut(tmp_path: Path) -> None:
    """Several messages a frame, several frames a segment, frames over several segments."""
    chance = random.Random(1)
    frames = []
    rest = list(MESSAGES)
    while rest:
        count = chance.randint(1, 20)
        frames.append(rest[:count])
        rest = rest[count:]
    stream = b"".join(frame(payload(*each)) for each in frames)
    cuts = sorted({0, len(stream), *(chance.randrange(len(stream)) for _ in range(60))})
    segments = [(True, stream[start:end]) for start, end in pairwise(cuts)]
    shown = dissected(tmp_path / "c.pcap", [segments])
    assert [each.messages for each in shown] == [[expected(message) for message in each] for each in frames]
    assert not any(each.is_malformed for each in shown)


MALFORMED = {
    "no payload": (struct.pack(">I", 0), "without a payload"),
    "too long": (struct.pack(">I", OUTBOUND_FRAME_BYTES_MAX + 1) + bytes(8), "a frame of 67108865 bytes"),
    "no array": (frame(b"\x01"), "a payload of type integer"),
    "a message that is none": (frame(b"\x91\x01"), "a message of type integer"),
    "no tag": (frame(b"\x91\x90"), "without a tag"),
    "a float": (frame(b"\x91\x92\x03\xcb" + bytes(8)), "begins with cb"),
    "a map": (frame(b"\x91\x92\x03\x80"), "begins with 80"),
    "a negative number": (frame(b"\x91\x92\x03\xd0\xff"), "a negative integer"),
    "cut short": (frame(b"\x92\x92\x03\x01"), "1 bytes are missing"),
    "bytes after it": (frame(b"\x91\x92\x03\x01\x00"), "1 bytes after the messages"),
    "another type": (frame(b"\x91\x92\x03\xa1x"), "token is of type text, expected integer"),
    "fields too few": (frame(b"\x91\x92\x10\x01"), "NewOrder has 1 fields, expected 4 at least"),
    "too deep": (frame(b"\x91" * 40 + b"\x01"), "more than 16 deep"),
}


def test_what_is_malformed_is_marked_and_nothing_else(tmp_path: Path) -> None:
    good = frame(payload(MESSAGES[2]))
    connections = [[(False, good), (False, data)] for data, _ in MALFORMED.values()]
    shown = dissected(tmp_path / "c.pcap", [*connections, [(False, good)]])
    assert not any(each.is_malformed for each in shown[::2])
    assert all(each.is_malformed for each in shown[1::2])
    problems = dict(zip(MALFORMED, shown[1::2], strict=True))
    for name, (_, problem) in MALFORMED.items():
        assert problem in problems[name].problem, name


def test_no_bytes_make_the_script_fail(tmp_path: Path) -> None:
    """Frames that are nearly right: bytes changed, cut out and put in twice, in a connection each."""
    chance = random.Random(5)
    connections = []
    for _ in range(400):
        data = bytearray(payload(*chance.sample(MESSAGES, 2)))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[place] = chance.randrange(256)
                case 1:
                    del data[place : place + chance.randint(1, 8)]
                case 2:
                    data[place:place] = data[place : place + chance.randint(1, 8)]
        connections.append([(False, frame(bytes(data) or b"\x90"))])
    shown = dissected(tmp_path / "c.pcap", connections)
    assert len(shown) == len(connections)
    assert 100 < sum(each.is_malformed for each in shown) < 400


def test_what_a_later_version_has_added_is_marked_as_that(tmp_path: Path) -> None:
    messages = [pack([126, 1, 2]), pack([3, 7, 8]), pack([9, 5, 99, 0, ""])]
    shown = dissected(tmp_path / "c.pcap", [[(False, frame(payload(each))) for each in messages]])
    assert all(each.is_of_later_version and not each.is_malformed for each in shown)
    assert [each.messages[0][0] for each in shown] == ["message 126", "Heartbeat", "SessionRejected"]


def test_one_can_filter_by_names_and_words(tmp_path: Path) -> None:
    file = tmp_path / "c.pcap"
    write_capture(file, [[(False, frame(payload(each))) for each in MESSAGES]])

    def found(filter_: str) -> list[str]:
        columns = tshark("-r", str(file), "-Y", filter_, "-T", "fields", "-e", "_ws.col.Info")
        return columns.split()

    assert set(found('carbonmatch.message == "Canceled"')) == {"Canceled"}
    assert "SessionRejected" in found('carbonmatch.word == "THROTTLED"')
    assert "NewOrder" in found("carbonmatch.side == 1")
    assert found("carbonmatch.malformed") == []
