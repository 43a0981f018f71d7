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
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter_ns
from typing import Final

import numpy as np
from msgspec import Struct

from bench.clock import IntervalTimer
from bench.latency import Nanoseconds
from bench.market import Member
from bench.schedule import Pace, Schedule, Step
from bench.sessions import Address, Feed, Handshake, RunError, Session, check
from carbonmatch.protocol.messages import Role

_HEARTBEAT_SECONDS: Final = 10.0
# A run in which nothing was answered for so long has failed: no batch takes that long.
_SILENCE_SECONDS_MAX: Final = 10.0


class Plan(Struct, frozen=True):
    """How the frames are sent: in a closed loop with `window_commands` in flight, or in an open one.

    An open loop has one rate for all its frames, or `steps` with a rate each.
    """

    frame_commands: int
    warmup_frames: int  # of each session
    window_commands: int = 0
    rate_per_second: int = 0
    seconds_max: float = 60.0
    steps: tuple[Step, ...] = ()

    @property
    def is_open(self) -> bool:
        return not self.window_commands

    def problem(self) -> str:
        if [bool(self.rate_per_second), bool(self.steps), bool(self.window_commands)].count(True) != 1:
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
        self._schedule = Schedule([])
        self._first_due_ns = 0
        self._due_frames = 0
        self._due_step = 0
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

    def reload(self, plan: Plan, frames: list[list[bytes]]) -> None:
        """Further frames of each session, whose refs go on behind those that were answered."""
        assert not plan.problem(), plan.problem()
        self._plan = plan
        self._finished = asyncio.get_running_loop().create_future()
        self._measuring = False
        for session, one in zip(self._sessions, frames, strict=True):
            assert session.is_done, session.name
            session.load(one, session.last_ref + 1, session.next_seq)

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
        if self._plan.is_open:
            for session in self._sessions:
                session.on_answers = self._answered_open
            self._schedule = schedule = Schedule(self._paces())
            self._due_frames = self._due_step = 0
            # The timer expires when the frames are due. Begun by itself, it did so a little before or behind:
            # then a frame waited for the next interval, or all of them were late by as much.
            interval_ns = schedule.paces[0].interval_ns
            self._first_due_ns = perf_counter_ns() + interval_ns
            self._timer = IntervalTimer(interval_ns, self._send_due, self._first_due_ns)
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

    def _paces(self) -> list[Pace]:
        """One rate for all frames there are, or so many at each of the steps'."""
        plan = self._plan
        if plan.steps:
            return [step.pace(plan.frame_commands) for step in plan.steps]
        frames = sum(session.frames_max for session in self._sessions)
        return [Pace(frames, 1_000_000_000 * plan.frame_commands // plan.rate_per_second)]

    def _send_due(self) -> None:
        """Sessions take turns, so frame k of all is frame k // N of session k % N."""
        schedule = self._schedule
        due = schedule.due(perf_counter_ns() - self._first_due_ns, self._due_step)
        sessions = self._sessions
        count = len(sessions)
        for index in range(self._due_frames, due):
            session = sessions[index % count]
            if session.sent_frames < session.frames_max:
                if not self._measuring and session.sent_frames >= self._plan.warmup_frames:
                    self._measure()
                session.send(1)
        self._due_frames = max(due, self._due_frames)
        while self._due_step + 1 < len(schedule.paces) and due >= schedule.first_frames[self._due_step + 1]:
            self._due_step += 1
            assert self._timer is not None
            begin_ns = self._first_due_ns + schedule.begin_ns[self._due_step]
            self._timer.set(schedule.paces[self._due_step].interval_ns, begin_ns)

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
        if not self._plan.is_open:
            return sent, sent, done
        due = self._first_due_ns + self._schedule.due_ns(frames * len(self._sessions) + index)
        return due, sent, done


def _nothing() -> None:
    pass


async def _connect(peer: asyncio.Protocol, address: Address) -> None:
    await asyncio.get_running_loop().create_connection(lambda: peer, *address)
