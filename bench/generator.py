"""The clients: moves pre-encoded frames, notes times, counts answers. Never makes or reads an order.

It shares the machine with what it measures, so a chunk of answers costs one clock reading, one decode
a frame and a handful of integer comparisons a report. Everything else happens after the run.

Closed loop: each session keeps a window of commands in flight, latency is from the write. Open loop:
frames are due at a fixed rate whatever the answers do, and latency is from when a frame was *due*, so
a server that stalls is charged with everything that should have been sent meanwhile.
"""

import asyncio
import gc
from array import array
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import perf_counter_ns
from typing import Final, cast

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.msgpack import Decoder

from bench.clock import IntervalTimer
from bench.latency import Nanoseconds
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
_HEARTBEAT_SECONDS: Final = 10.0
_LOGON_SECONDS_MAX: Final = 10.0
# A run in which nothing was answered for so long has failed: no batch takes that long.
_SILENCE_SECONDS_MAX: Final = 10.0


class RunError(Exception):
    """The server did something that makes the figures worthless."""


class Head(Struct, frozen=True, gc=False, array_like=True):
    """The start of any message: all that has to be known to count it."""

    tag: int
    seq: int = 0
    ref: int = 0


_decode_heads: Final = Decoder(list[Head]).decode


class Plan(Struct, frozen=True):
    """How the frames are sent. `rate_per_second` 0: closed loop with `window_commands` in flight."""

    frame_commands: int
    warmup_frames: int  # of each session
    window_commands: int = 0
    rate_per_second: int = 0
    seconds_max: float = 60.0

    def problem(self) -> str:
        if bool(self.rate_per_second) == bool(self.window_commands):
            return "expected either a window or a rate"
        if self.window_commands and self.window_commands < self.frame_commands:
            return f"a window of {self.window_commands} commands admits no frame of {self.frame_commands}"
        return ""


class Measured(Struct, frozen=True):
    """What a run has measured, before it is folded."""

    latency_ns: Nanoseconds  # of each measured frame, from when it was written (open loop: due)
    started_ns: Nanoseconds  # when each of those was written (open loop: due)
    lag_ns: Nanoseconds  # open loop: how late it was written
    seconds: float  # from the first measured frame's start to the last one's answer
    commands: int  # measured
    commands_all: int  # with the warm-up
    reports_by_tag: dict[int, int]  # with the warm-up
    problems: list[str]  # answers that are missing, twice, or out of order
    feed_bytes: int
    feed_frames: int


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


# --- one run -------------------------------------------------------------------------------------


class Generator:
    """Connects, runs a plan once, and hands back what it measured."""

    def __init__(self, plan: Plan) -> None:
        assert not plan.problem(), plan.problem()
        self._plan = plan
        self._sessions: list[Session] = []
        self._feeds: list[Feed] = []
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begin_measured: Callable[[], None] = _nothing
        self._measuring = False
        self._first_due_ns = 0
        self._due_frames = 0
        self._timer: IntervalTimer | None = None

    async def connect_bare(self, address: Address, frames: list[list[bytes]]) -> None:
        """To a server without sessions, which answers the first byte it gets."""
        for index, one in enumerate(frames):
            session = Session(f"connection {index}", self._plan.frame_commands)
            await _connect(session, address)
            session.load(one, first_ref=1, next_seq=1)
            self._sessions.append(session)

    async def connect(
        self, address: Address, members: list[Member], make_frames: Callable[[int, int], list[bytes]]
    ) -> None:
        """Log on every session; `make_frames(index, first_ref)` gives its frames."""
        for index, member in enumerate(members):
            handshake = Handshake(member, Role.TRADE)
            session = Session(member.session, self._plan.frame_commands, handshake)
            await _connect(session, address)
            accepted = await handshake.outcome()
            first_ref = accepted.last_ref + 1
            session.load(make_frames(index, first_ref), first_ref, accepted.next_seq)
            self._sessions.append(session)

    async def subscribe(self, address: Address, members: list[Member]) -> None:
        for member in members:
            handshake = Handshake(member, Role.MARKET_DATA)
            feed = Feed(handshake)
            await _connect(feed, address)
            await handshake.outcome()
            self._feeds.append(feed)

    async def run(self, begin_measured: Callable[[], None], end_measured: Callable[[], None]) -> Measured:
        """Send everything, or what fits into the time; return once all of it is answered.

        `begin_measured` is called when the first frame after the warm-up is sent.
        """
        self._begin_measured = begin_measured
        for session in self._sessions:
            session.arrived_ns = array("q")
            session.arrived_ref = array("q")
        watch = asyncio.ensure_future(self._watch())
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            self._start()
            await self._finished
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            self._stop_timer()
            gc.enable()
            gc.unfreeze()
        end_measured()
        return self._measured()

    def close(self) -> None:
        for session in self._sessions:
            session.close()
        for feed in self._feeds:
            feed.close()

    # --- sending ---------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._plan.rate_per_second:
            for session in self._sessions:
                session.on_answers = self._answered_open
            # The timer expires when the frames are due. Begun by itself, it did so a little before or behind:
            # then a frame waited for the next interval, or all of them were late by as much.
            self._first_due_ns = perf_counter_ns() + self._frame_interval_ns
            self._timer = IntervalTimer(self._frame_interval_ns, self._send_due, self._first_due_ns)
        else:
            for session in self._sessions:
                session.on_answers = self._answered_closed
            for session in self._sessions:
                self._answered_closed(session)

    def _answered_closed(self, session: Session) -> None:
        in_flight = session.sent_ref - session.last_ref
        room = (self._plan.window_commands - in_flight) // session.frame_commands
        if room > 0 and session.sent_frames < session.frames_max and not session.failure:
            if not self._measuring and session.sent_frames + room > self._plan.warmup_frames:
                self._measure()
            session.send(room)
        else:
            self._answered_open(session)

    def _answered_open(self, session: Session) -> None:
        if session.failure:
            self._fail(session.failure)
        elif session.is_done and not self._finished.done() and all(one.is_done for one in self._sessions):
            self._finished.set_result(None)

    @property
    def _frame_interval_ns(self) -> int:
        return 1_000_000_000 * self._plan.frame_commands // self._plan.rate_per_second

    def _send_due(self) -> None:
        """Sessions take turns, so frame k of all is frame k // N of session k % N."""
        due = (perf_counter_ns() - self._first_due_ns) // self._frame_interval_ns + 1
        sessions = self._sessions
        count = len(sessions)
        for index in range(self._due_frames, due):
            session = sessions[index % count]
            if session.sent_frames < session.frames_max:
                if not self._measuring and session.sent_frames >= self._plan.warmup_frames:
                    self._measure()
                session.send(1)
        self._due_frames = max(due, self._due_frames)

    def _measure(self) -> None:
        self._measuring = True
        self._begin_measured()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.close()
            self._timer = None

    # --- watching --------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Ends the run when its time is up, and fails it when nothing is answered any more."""
        loop = asyncio.get_running_loop()
        start = answered_at = beat_at = loop.time()
        answered = -1
        while True:
            await asyncio.sleep(0.1)
            now = loop.time()
            if now - start > self._plan.seconds_max:
                for session in self._sessions:
                    session.stop()
                    self._answered_open(session)
            if now - beat_at > _HEARTBEAT_SECONDS:
                beat_at = now
                for feed in self._feeds:
                    feed.heartbeat()
            total = sum(session.last_ref for session in self._sessions)
            if total != answered:
                answered, answered_at = total, now
            elif now - answered_at > _SILENCE_SECONDS_MAX:
                missing = sum(session.sent_ref - session.last_ref for session in self._sessions)
                self._fail(f"{missing} commands were not answered in {_SILENCE_SECONDS_MAX} s")

    def _fail(self, why: str) -> None:
        if not self._finished.done():
            self._finished.set_exception(RunError(why))

    # --- afterwards ------------------------------------------------------------------------------

    def _measured(self) -> Measured:
        sessions = self._sessions
        warmup = self._plan.warmup_frames
        parts = [self._times(index, session) for index, session in enumerate(sessions)]
        started = np.concatenate([one[0] for one in parts])
        sent = np.concatenate([one[1] for one in parts])
        done = np.concatenate([one[2] for one in parts])
        tags = np.sum([session.tags for session in sessions], axis=0)
        return Measured(
            latency_ns=done - started,
            started_ns=started,
            lag_ns=sent - started,
            seconds=float(done.max() - started.min()) / 1e9 if len(done) else 0.0,
            commands=len(done) * self._plan.frame_commands,
            commands_all=sum(session.sent_frames for session in sessions) * self._plan.frame_commands,
            reports_by_tag={tag: int(count) for tag, count in enumerate(tags) if count},
            problems=[
                *check(sessions),
                *(f"feed {index}: connection lost" for index, feed in enumerate(self._feeds) if feed.lost),
                *([] if len(done) else [f"no frame was sent after the warm-up of {warmup}"]),
            ],
            feed_bytes=sum(feed.bytes for feed in self._feeds),
            feed_frames=sum(feed.frames for feed in self._feeds),
        )

    def _times(self, index: int, session: Session) -> tuple[Nanoseconds, Nanoseconds, Nanoseconds]:
        """When each measured frame was started (open loop: due), written, and answered in full."""
        frames = np.arange(self._plan.warmup_frames, session.sent_frames)
        sent = np.frombuffer(session.sent_ns, np.int64)[frames]
        last_refs = session.first_ref - 1 + (frames + 1) * session.frame_commands
        arrivals = np.searchsorted(np.frombuffer(session.arrived_ref, np.int64), last_refs)
        done = np.frombuffer(session.arrived_ns, np.int64)[arrivals]
        if not self._plan.rate_per_second:
            return sent, sent, done
        due = self._first_due_ns + (frames * len(self._sessions) + index) * self._frame_interval_ns
        return due, sent, done


def _nothing() -> None:
    pass


async def _connect(peer: asyncio.Protocol, address: Address) -> None:
    await asyncio.get_running_loop().create_connection(lambda: peer, *address)


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
