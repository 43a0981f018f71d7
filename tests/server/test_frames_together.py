"""Which of the frames that wait are taken as one."""

from collections import deque
from collections.abc import Sequence

import pytest

from carbonmatch.limits import FRAME_WORK
from carbonmatch.matching.messages import Ref
from carbonmatch.protocol import codec, session
from carbonmatch.protocol.codec import decode_if_valid
from carbonmatch.protocol.messages import ClientInbound, Role
from carbonmatch.server.frames_together import take_together
from tests.matching.test_cost import counted

# Frames of a message: [17, ref, order_ref] cancels, [3] is a heartbeat, [20, ref, scope] a mass cancel and
# [128, ref, instrument_id, phase] an operator's.
CANCEL_5 = b"\x91\x93\x11\x05\x01"
CANCEL_6 = b"\x91\x93\x11\x06\x01"
CANCEL_9 = b"\x91\x93\x11\x09\x01"
TWO_CANCELS = b"\x92\x93\x11\x07\x01\x93\x11\x08\x02"
HEARTBEAT = b"\x91\x92\x03\x00"
MASS_CANCEL = b"\x91\x93\x14\x06\x01"
SET_PHASE = b"\x91\x94\xcc\x80\x06\x01\x01"
GARBAGE = b"\x91\xc1"
LONG = b"\xdc\x00\x01\x93\x11\x06\x01"
AMPLE = 1_000


@pytest.fixture
def rules() -> session.Connection:
    """Of a connection that trades."""
    connection = session.Connection(session.Listener("venue", frozenset(), {}), bytes(16), 0)
    connection._looked_at = session._CONTROL | session.SEARCHES | session.NOT_ENTITLED[Role.TRADE]
    return connection


def queued(*payloads: bytes) -> deque[tuple[bytes, int]]:
    return deque((payload, 100) for payload in payloads)


def test_frames_that_were_read_at_once_are_one_with_all_their_commands(rules: session.Connection) -> None:
    frames = queued(CANCEL_5, CANCEL_6, TWO_CANCELS, CANCEL_9)
    taken = take_together(frames, rules, Ref(4), AMPLE)
    assert taken is not None
    assert [command.ref for command in taken.commands] == [5, 6, 7, 8, 9]
    assert taken.payload == bytes.fromhex("95 931105 01 931106 01 931107 01 931108 02 931109 01")
    assert taken.frame_bytes == sum(map(len, (CANCEL_5, CANCEL_6, TWO_CANCELS, CANCEL_9)))
    assert not frames


def test_what_was_read_later_waits_for_its_own_turn(rules: session.Connection) -> None:
    frames = deque([(CANCEL_5, 100), (CANCEL_6, 101)])
    taken = take_together(frames, rules, Ref(4), AMPLE)
    assert taken is not None
    assert taken.payload == CANCEL_5
    assert list(frames) == [(CANCEL_6, 101)]


@pytest.mark.parametrize("other", [HEARTBEAT, MASS_CANCEL, SET_PHASE, GARBAGE, CANCEL_5, LONG])
def test_a_frame_that_cannot_be_joined_stays_with_what_is_behind_it(
    rules: session.Connection, other: bytes
) -> None:
    frames = queued(CANCEL_5, other, CANCEL_9)
    taken = take_together(frames, rules, Ref(4), AMPLE)
    assert taken is not None
    assert taken.payload == CANCEL_5
    assert [payload for payload, _ in frames] == [other, CANCEL_9]


@pytest.mark.parametrize("first", [HEARTBEAT, MASS_CANCEL, SET_PHASE, GARBAGE, CANCEL_5])
def test_nothing_is_taken_where_the_first_frame_is_for_somebody_else(
    rules: session.Connection, first: bytes
) -> None:
    frames = queued(first, CANCEL_9)
    assert take_together(frames, rules, Ref(5), AMPLE) is None
    assert len(frames) == 2


def test_no_more_is_taken_than_there_is_work_for_but_the_first_frame_whole(rules: session.Connection) -> None:
    frames = queued(CANCEL_5, CANCEL_6, TWO_CANCELS, CANCEL_9)
    taken = take_together(frames, rules, Ref(4), FRAME_WORK + 2)
    assert taken is not None
    assert (len(taken.commands), taken.work) == (2, FRAME_WORK + 3)
    taken = take_together(frames, rules, Ref(6), 1)
    assert taken is not None
    assert taken.payload == TWO_CANCELS


def test_more_messages_than_one_byte_counts_are_joined_under_a_longer_head(rules: session.Connection) -> None:
    cancels = [b"\x91\x93\x11" + bytes([ref]) + b"\x01" for ref in range(1, 18)]
    taken = take_together(queued(*cancels), rules, Ref(0), AMPLE)
    assert taken is not None
    assert taken.payload == b"\xdc\x00\x11" + b"".join(cancel[1:] for cancel in cancels)
    assert taken.commands == rules.receive_plain([taken.payload])


def steps_of(count: int, rules: session.Connection) -> int:
    """Of the interpreter, to take so many frames of one command together."""
    frames = queued(*[b"\x91\x93\x11" + bytes([ref]) + b"\x01" for ref in range(1, count + 1)])
    steps = counted(lambda: take_together(frames, rules, Ref(0), AMPLE))
    assert not frames
    return steps


def test_a_frame_behind_the_first_costs_a_look_and_no_call_of_its_own(rules: session.Connection) -> None:
    """63 steps on CPython 3.11, 57 on 3.13; decoded each by itself it was 123."""
    steps_of(1, rules)
    assert (steps_of(60, rules) - steps_of(20, rules)) / 40 < 70


def test_where_every_second_frame_is_for_somebody_else_few_are_decoded_in_vain(
    rules: session.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []

    def counting(payloads: Sequence[bytes]) -> list[ClientInbound] | None:
        decoded.append(len(payloads))
        return decode_if_valid(payloads)

    monkeypatch.setattr(codec, "decode_if_valid", counting)
    frames = queued(*[CANCEL_5, HEARTBEAT] * 200)
    assert take_together(frames, rules, Ref(4), AMPLE) is not None
    assert len(frames) == 399
    assert sum(decoded) < 20


def test_a_bad_frame_far_behind_leaves_all_that_is_before_it(rules: session.Connection) -> None:
    cancels = [b"\x91\x93\x11" + bytes([ref, 1]) for ref in range(5, 45)]
    frames = queued(*cancels, GARBAGE, CANCEL_9)
    taken = take_together(frames, rules, Ref(4), AMPLE)
    assert taken is not None
    assert [command.ref for command in taken.commands] == list(range(5, 45))
    assert taken.work == FRAME_WORK + 40 + 39
    assert [payload for payload, _ in frames] == [GARBAGE, CANCEL_9]
