"""A load that goes on whatever the answers do, and may be refused: orders and their cancels, when due.

As `bench.generator` in an open loop, for an engine that has more than it serves: a refusal is an answer
here, the rate may change within a run, and orders and cancels are told apart.
"""

import asyncio
import gc
from array import array
from collections.abc import Callable
from time import perf_counter_ns
from typing import Final, cast

import numpy as np
from msgspec.msgpack import Decoder
from numpy.typing import NDArray

from bench.clock import IntervalTimer
from bench.latency import Nanoseconds
from bench.market import Member
from bench.sessions import Address, Handshake, Head
from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.matching.messages import Cancel, ClientCommand, InstrumentId, NewOrder, Ref, Side
from carbonmatch.protocol.codec import decode_reports, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import Heartbeat, HeartbeatAnswer, Role, SessionRejected

_TICK_NS: Final = 1_000_000
_REFUSED_TAG: Final = SessionRejected.__struct_config__.tag
_HEARTBEAT_TAG: Final = HeartbeatAnswer.__struct_config__.tag
_decode_heads: Final = Decoder(list[Head]).decode

Outcomes = NDArray[np.int8]
UNANSWERED: Final = 0
APPLIED: Final = 1
REFUSED: Final = 2


class OpenSession(asyncio.Protocol):
    """One connection of the load: an order at every even place, its cancel at the next one."""

    def __init__(self, handshake: Handshake) -> None:
        self._handshake: Handshake | None = handshake
        self._reader = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._first_ref = 0
        self.frames: list[bytes] = []
        self.sent = 0
        self.answered = 0
        self.answered_ns = array("q")
        self.outcomes = array("b")
        self.failure = ""

    def load(self, first_ref: int, count: int) -> None:
        self._first_ref = first_ref
        self.frames = [frame(encode([_command(first_ref + place, place)])) for place in range(count)]
        self.answered_ns = array("q", bytes(8 * count))
        self.outcomes = array("b", bytes(count))

    def send(self, end: int) -> None:
        """Everything up to this place, in one write."""
        if end > self.sent:
            self._transport.write(b"".join(self.frames[self.sent : end]))
            self.sent = end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, chunk: bytes) -> None:
        now = perf_counter_ns()
        for payload in self._reader.feed(chunk):
            if self._handshake is None:
                self._count(payload, now)
            elif reply := self._handshake.answer(decode_reports(payload)):
                self._transport.write(reply)
        if self._handshake is not None and self._handshake.accepted.done():
            self._handshake = None

    def _count(self, payload: bytes, now: int) -> None:
        first_ref = self._first_ref
        for head in _decode_heads(payload):
            if head.tag == _HEARTBEAT_TAG:
                self._transport.write(frame(encode([Heartbeat()])))
                continue
            refused = head.tag == _REFUSED_TAG
            # A refusal has no number in the stream: its ref stands where that would.
            place = (head.seq if refused else head.ref) - first_ref
            if place >= 0 and not self.outcomes[place]:
                self.outcomes[place] = REFUSED if refused else APPLIED
                self.answered_ns[place] = now
                self.answered += 1

    def connection_lost(self, error: Exception | None) -> None:
        self.failure = f"connection lost: {error!r}"

    def close(self) -> None:
        self._transport.abort()


def _command(ref: int, place: int) -> ClientCommand:
    if place % 2:
        return Cancel(Ref(ref), Ref(ref - 1))
    return NewOrder(Ref(ref), InstrumentId(1), Side.BUY, 1, 9_900 - place % 64)


class Played:
    """What became of each command, in the order in which they were due."""

    def __init__(self, due_ns: Nanoseconds, sessions: list[OpenSession], late_ns: Nanoseconds) -> None:
        places = np.arange(len(due_ns))
        count = len(sessions)
        self.due_ns = due_ns
        self.late_ns = late_ns  # of the generator itself, each time it sent
        self.is_cancel = (places // count) % 2 == 1
        self.outcomes: Outcomes = np.empty(len(due_ns), np.int8)
        answered_ns = np.empty(len(due_ns), np.int64)
        for index, session in enumerate(sessions):
            self.outcomes[index::count] = np.frombuffer(session.outcomes, np.int8)
            answered_ns[index::count] = np.frombuffer(session.answered_ns, np.int64)
        self.latency_ns = answered_ns - due_ns


async def play(
    address: Address,
    members: list[Member],
    rates: list[tuple[int, float]],
    drain_seconds: float = 10.0,
    during: Callable[[], None] = lambda: None,
) -> Played:
    """Offer `rates` (commands a second, seconds) one after the other; wait for what is not answered yet.

    `during` is called every tenth of a second.
    """
    due_ns = _due(rates, len(members))
    sessions = []
    loop = asyncio.get_running_loop()
    for member in members:
        handshake = Handshake(member, Role.TRADE)
        session = OpenSession(handshake)
        await loop.create_connection(lambda one=session: one, *address)  # type: ignore[misc]
        session.load((await handshake.outcome()).last_ref + 1, len(due_ns) // len(members))
        sessions.append(session)
    gc.collect()
    gc.disable()
    try:
        return await _play(sessions, due_ns, drain_seconds, during)
    finally:
        gc.enable()
        for session in sessions:
            session.close()


async def _play(
    sessions: list[OpenSession], due_ns: Nanoseconds, drain_seconds: float, during: Callable[[], None]
) -> Played:
    count = len(sessions)
    begin_ns = perf_counter_ns() + 10_000_000
    due_ns = due_ns + begin_ns
    late = array("q")
    sent = 0

    def send_due() -> None:
        nonlocal sent
        now = perf_counter_ns()
        due = int(np.searchsorted(due_ns, now, side="right"))
        if due > sent:
            late.append(now - int(due_ns[sent]))
            for index, session in enumerate(sessions):
                session.send((due - index + count - 1) // count)
            sent = due

    timer = IntervalTimer(_TICK_NS, send_due)
    try:
        deadline = loop_time() + float(due_ns[-1] - begin_ns) / 1e9 + drain_seconds
        while sum(one.answered for one in sessions) < len(due_ns) and loop_time() < deadline:
            await asyncio.sleep(0.1)
            during()
            assert not any(one.failure for one in sessions), [one.failure for one in sessions]
    finally:
        timer.close()
    return Played(due_ns, sessions, np.frombuffer(late, np.int64))


def loop_time() -> float:
    return asyncio.get_running_loop().time()


def _due(rates: list[tuple[int, float]], sessions: int) -> Nanoseconds:
    """When each command is due, from 0; as many for each session."""
    parts = []
    begin = 0
    for rate, seconds in rates:
        count = round(rate * seconds)
        parts.append(begin + np.arange(count, dtype=np.int64) * 1_000_000_000 // rate)
        begin += round(seconds * 1e9)
    due = np.concatenate(parts)
    return due[: len(due) // (2 * sessions) * 2 * sessions]
