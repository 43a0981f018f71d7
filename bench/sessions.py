"""The connections of the generator: they move bytes, note times and count answers, and know no order.

They share the machine with what is measured, so a chunk of answers costs one clock reading, one decode a
frame and a handful of integer comparisons a report.
"""

import asyncio
from array import array
from collections.abc import Callable, Iterable
from time import perf_counter_ns
from typing import Final, cast

import msgspec
from msgspec import Struct
from msgspec.msgpack import Decoder

from bench.market import Member
from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.matching.messages import Accepted, Ref, Rejected, Replaced
from carbonmatch.protocol.auth import sign
from carbonmatch.protocol.codec import REPORT_TAGS, decode_feed, decode_reports, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import (
    PROTOCOL_VERSION,
    SIGNATURE_BYTES,
    Challenge,
    FeedKind,
    Heartbeat,
    LoggedOut,
    Logon,
    LogonAccepted,
    Role,
    SessionRejected,
    Subscribe,
)

Address = tuple[str, int]

_FIRST_REPORT_TAG: Final = REPORT_TAGS.start
_TAGS_MAX: Final = 128

# A peer of ours is silent only between runs; heartbeats then keep it, well within this limit.
_HEARTBEAT_MS: Final = 30_000
_LOGON_SECONDS_MAX: Final = 10.0


class RunError(Exception):
    """The server did something that makes the figures worthless."""


class Head(Struct, frozen=True, gc=False, array_like=True):
    """The start of any message: all that has to be known to count it."""

    tag: int
    seq: int = 0
    ref: int = 0


_decode_heads: Final = Decoder(list[Head]).decode


class Handshake:
    """Answers the challenge, and says how it ended."""

    def __init__(self, member: Member, role: Role) -> None:
        self._member = member
        self._role = role
        self.accepted: asyncio.Future[LogonAccepted] = asyncio.get_running_loop().create_future()

    def answer(self, messages: Iterable[object]) -> bytes:
        """What to write in answer to the first messages of an engine."""
        reply = b""
        for message in messages:
            if type(message) is Challenge:
                reply = frame(encode([signed_logon(self._member, self._role, message)]))
            elif type(message) is LogonAccepted:
                # Whoever waited for it may have been told to end meanwhile.
                if not self.accepted.done():
                    self.accepted.set_result(message)
            else:
                self.fail(repr(message))
        return reply

    def fail(self, why: str) -> None:
        if not self.accepted.done():
            self.accepted.set_exception(RunError(f"{self._member.session}: {why}"))

    async def outcome(self) -> LogonAccepted:
        async with asyncio.timeout(_LOGON_SECONDS_MAX):
            return await self.accepted


class Session(asyncio.Protocol):
    """One order-entry connection. Refs are dense, so `last_ref` says how far the answers have come."""

    def __init__(self, name: str, frame_commands: int, handshake: Handshake | None = None) -> None:
        self.name = name
        self.frame_commands = frame_commands
        self.first_ref = 1
        self.last_ref = 0
        self.next_seq = 1
        self.frames: list[bytes] = []
        self.frames_max = 0
        self.sent_frames = 0
        self.sent_ns = array("q")
        self.arrived_ns = array("q")
        self.arrived_ref = array("q")
        self.tags = [0] * _TAGS_MAX
        self.seq_gaps = 0
        self.misplaced = 0
        self.repeated = 0
        self.failure = ""
        self.on_answers: Callable[[Session], None] = _ignore
        self._handshake = handshake
        self._reader = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._transport: asyncio.Transport | None = None

    def load(self, frames: list[bytes], first_ref: int, next_seq: int) -> None:
        self.frames = frames
        self.frames_max = len(frames)
        self.sent_frames = 0
        self.first_ref = first_ref
        self.last_ref = first_ref - 1
        self.next_seq = next_seq
        self.sent_ns = array("q", bytes(8 * len(frames)))

    # --- run -------------------------------------------------------------------------------------

    @property
    def sent_ref(self) -> int:
        return self.first_ref - 1 + self.sent_frames * self.frame_commands

    @property
    def is_done(self) -> bool:
        """Whether everything that was sent is answered, and nothing more will be sent."""
        return self.sent_frames == self.frames_max and self.last_ref >= self.sent_ref

    def send(self, count: int) -> None:
        """Write the next `count` frames, in one call."""
        start = self.sent_frames
        end = self.sent_frames = min(start + count, self.frames_max)
        now = perf_counter_ns()
        sent_ns = self.sent_ns
        for index in range(start, end):
            sent_ns[index] = now
        self.write(self.frames[start] if end == start + 1 else b"".join(self.frames[start:end]))

    def stop(self) -> None:
        """Send nothing more."""
        self.frames_max = self.sent_frames

    def data_received(self, chunk: bytes) -> None:
        now = perf_counter_ns()
        for payload in self._reader.feed(chunk):
            if self._handshake is None:
                self._count(payload)
            else:
                self._log_on(payload)
        self.arrived_ns.append(now)
        self.arrived_ref.append(self.last_ref)
        self.on_answers(self)

    def _count(self, payload: bytes) -> None:
        try:
            heads = _decode_heads(payload)
        except msgspec.ValidationError:
            # Only messages that end a session have a text where reports have numbers.
            self.failure = f"{self.name}: {decode_reports(payload)!r}"
            return
        tags = self.tags
        last_ref = self.last_ref
        next_seq = self.next_seq
        for head in heads:
            tag = head.tag
            tags[tag] += 1
            if tag < _FIRST_REPORT_TAG:
                self._control(tag, payload)
                continue
            if head.seq != next_seq:
                self.seq_gaps += 1
            next_seq = head.seq + 1
            ref = head.ref
            if ref == last_ref + 1:
                last_ref = ref
            elif ref:  # 0: caused by somebody else
                if ref != last_ref:
                    self.misplaced += 1
                elif tag in _OPENING_TAGS:
                    self.repeated += 1
        self.last_ref = last_ref
        self.next_seq = next_seq

    def _control(self, tag: int, payload: bytes) -> None:
        if tag == _HEARTBEAT_TAG:
            self.heartbeat()
        elif tag in (SessionRejected.__struct_config__.tag, LoggedOut.__struct_config__.tag):
            self.failure = f"{self.name}: {decode_reports(payload)!r}"

    # --- connection ------------------------------------------------------------------------------

    def _log_on(self, payload: bytes) -> None:
        assert self._handshake is not None
        if reply := self._handshake.answer(decode_reports(payload)):
            self.write(reply)
        if self._handshake.accepted.done():
            self._handshake = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._handshake is not None:
            self._handshake.fail(f"connection lost: {error!r}")
        if not self.is_done:
            self.failure = self.failure or f"{self.name}: connection lost: {error!r}"
        self.on_answers(self)

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def heartbeat(self) -> None:
        self.write(frame(encode([Heartbeat()])))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


_HEARTBEAT_TAG: Final = Heartbeat.__struct_config__.tag
# A command causes at most one of these, always as its first report.
_OPENING_TAGS: Final = frozenset(kind.__struct_config__.tag for kind in (Accepted, Rejected, Replaced))


def _ignore(_: Session) -> None:
    pass


class Feed(asyncio.Protocol):
    """A market-data subscriber that takes everything and reads nothing but frame lengths."""

    def __init__(self, handshake: Handshake) -> None:
        self._handshake: Handshake | None = handshake
        self._reader = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._transport: asyncio.Transport | None = None
        self.bytes = 0
        self.frames = 0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, chunk: bytes) -> None:
        self.bytes += len(chunk)
        payloads = self._reader.feed(chunk)
        self.frames += len(payloads)
        if self._handshake is not None:
            for payload in payloads:
                if reply := self._handshake.answer(decode_feed(payload)):
                    self.write(reply)
            if self._handshake.accepted.done():
                self._handshake = None
                self.write(frame(encode([Subscribe(Ref(1), kinds=FeedKind.ALL)])))

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if self._handshake is not None:
            self._handshake.fail(f"connection lost: {error!r}")

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def heartbeat(self) -> None:
        if not self.lost:
            self.write(frame(encode([Heartbeat()])))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def signed_logon(member: Member, role: Role, challenge: Challenge) -> Logon:
    """No cancel-on-disconnect: what a run leaves behind is not part of the next one."""
    unsigned = Logon(
        PROTOCOL_VERSION,
        PROTOCOL_VERSION,
        member.key_id,
        member.session,
        role,
        0,
        _HEARTBEAT_MS,
        False,
        0,
        bytes(SIGNATURE_BYTES),
    )
    signature = sign(member.private_key, challenge.server_id, challenge.nonce, unsigned)
    return msgspec.structs.replace(unsigned, signature=signature)


def check(sessions: list[Session]) -> list[str]:
    """What is wrong with the answers, by session; empty where each command was answered exactly once."""
    problems = []
    for session in sessions:
        counts = {
            "commands not answered": session.sent_ref - session.last_ref,
            "commands answered twice": session.repeated,
            "reports out of ref order": session.misplaced,
            "gaps in seq": session.seq_gaps,
        }
        problems += [f"{session.name}: {count} {what}" for what, count in counts.items() if count]
    return problems
