"""Frames that came together and wait for their turn, taken as one entry.

A frame with a single order costs several times what the order does: an entry, its time, a look at what is
due, a note for the latency. Those of one session that were read at once are as good as one frame, and are
journaled as one: with eight orders read at once, 0.73 of the instructions an order.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from carbonmatch.limits import FRAME_WORK
from carbonmatch.matching.messages import ClientCommand, Ref
from carbonmatch.protocol.codec import FIXARRAY, FIXARRAY_MAX, is_short, joined
from carbonmatch.protocol.session import Connection

# Frames behind the first are decoded so many at once, then twice as many, and so on: where every second frame
# is for somebody else to look at, little is decoded in vain.
_AT_ONCE: Final = 8


class Together(Struct, frozen=True, gc=False):
    """Commands that may be applied as they are, each of them new, and their encoding."""

    commands: list[ClientCommand]
    payload: bytes
    frame_bytes: int  # of all the frames that they came in
    work: int


def take_together(
    frames: deque[tuple[bytes, int]], rules: Connection, last_ref: Ref, work_max: int
) -> Together | None:
    """Take the first of `frames` off the queue, and those behind it that were read at the same time.

    None, with nothing taken, where the first is for somebody else to look at: it cannot be decoded, it asks
    for more than to be applied, or some of it came before. Such a frame further back stays, with what
    is behind it. More than `work_max` is taken for the first frame only.
    """
    payload, received_ns = frames[0]
    commands = _new_commands(rules, (payload,), last_ref)
    if commands is None:
        return None
    frames.popleft()
    work = FRAME_WORK + len(commands)
    if not frames or work >= work_max or not is_short(payload):
        return Together(commands, payload, len(payload), work)

    payloads = [payload]
    behind = _read_with_it(frames, received_ns, work_max - work)
    start, length = 0, _AT_ONCE
    while start < len(behind):
        together = behind[start : start + length]
        found = _new_commands(rules, together, commands[-1].ref)
        is_whole = found is not None
        if found is None:
            # Seldom, so what is good is decoded again.
            together = _before_the_first_other(rules, together, commands[-1].ref)
            found = _new_commands(rules, together, commands[-1].ref)
            assert found is not None, "each of them was found good"
        payloads += together
        commands += found
        if not is_whole:
            break
        start, length = start + length, 2 * length

    for _ in payloads[1:]:
        frames.popleft()
    # One for each frame, which is cut and decoded by itself.
    work = FRAME_WORK + len(commands) + len(payloads) - 1
    return Together(commands, joined(payloads, len(commands)), sum(map(len, payloads)), work)


def _read_with_it(frames: deque[tuple[bytes, int]], received_ns: int, work_max: int) -> list[bytes]:
    """Those of the next frames that were read at `received_ns` and may be joined, if they are valid."""
    payloads: list[bytes] = []
    for payload, read_ns in frames:
        # As `is_short`, with how many messages it has if it is valid.
        count = payload[0] ^ FIXARRAY
        if count > FIXARRAY_MAX or read_ns != received_ns or work_max <= 0:
            break
        payloads.append(payload)
        work_max -= 1 + count
    return payloads


def _new_commands(rules: Connection, payloads: Sequence[bytes], last_ref: Ref) -> list[ClientCommand] | None:
    """What is in all these frames together; None where one of them is for somebody else to look at."""
    commands = rules.receive_plain(payloads)
    return commands if commands is not None and _are_new(commands, last_ref) else None


def _before_the_first_other(rules: Connection, payloads: list[bytes], last_ref: Ref) -> list[bytes]:
    for place, payload in enumerate(payloads):
        commands = _new_commands(rules, (payload,), last_ref)
        if commands is None:
            return payloads[:place]
        last_ref = commands[-1].ref
    return payloads


def _are_new(commands: list[ClientCommand], last_ref: Ref) -> bool:
    """Whether each of them has a larger ref than those before it. One comparison a command."""
    for command in commands:
        if command.ref <= last_ref:
            return False
        last_ref = command.ref
    return True
