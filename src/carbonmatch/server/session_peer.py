"""One gateway's connection: logon, commands in, its stream out, repeats."""

from collections import deque
from itertools import repeat
from typing import TYPE_CHECKING, Final, cast

from carbonmatch.limits import FRAME_MESSAGES_MAX, FRAME_WORK, QUEUED_FRAME_BYTES_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.messages import (
    NO_REF,
    AnyCommand,
    AnyReport,
    Cancel,
    ClientCommand,
    Reduce,
    Ref,
    RejectReason,
    SessionCommand,
    SessionId,
    SessionOpened,
)
from carbonmatch.ops.logs import ERROR, Ours, log
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.messages import (
    LoggedOut,
    Logon,
    LogonAccepted,
    LogoutReason,
    Role,
    SessionRejected,
    ThrottleChanged,
)
from carbonmatch.protocol.session import LOOKED_UP, Received
from carbonmatch.protocol.throttle import Throttle
from carbonmatch.server.catch_up import CatchUp
from carbonmatch.server.configured import SessionSettings
from carbonmatch.server.frame_look_up import FrameLookUp, found_bytes
from carbonmatch.server.frames_together import take_together
from carbonmatch.server.look_ups import LookUps
from carbonmatch.server.peer import Peer
from carbonmatch.server.questions import Questions
from carbonmatch.server.selection import ADDS_RISK, Circumstances, Judged, judge
from carbonmatch.server.stream import Stream
from carbonmatch.server.uncut import Uncut

if TYPE_CHECKING:
    from carbonmatch.server.gateway import Gateway


class SessionPeer(Peer):
    """One gateway's connection: commands in, its stream out."""

    listener: "Gateway"
    state: SessionState
    stream: Stream

    def __init__(self, gateway: "Gateway") -> None:
        super().__init__(gateway)
        self.listener = gateway
        self.pipeline = gateway.pipeline
        # Frames which wait for their turn, with the time they were read.
        self.frames: deque[tuple[bytes, int]] = deque()
        self.queued = False
        # Whether it was content with less than its share of a turn when it was last served.
        self.is_modest = False
        # Set by the logon:
        self.settings = _NOBODY
        self.throttle: Throttle | None = None
        self._admitted = False
        self.queued_bytes = 0
        self._reading_paused = False
        self._uncut = Uncut()
        self._catching_up: CatchUp | None = None
        # New orders that were read before this are too late to be applied.
        self._late_before_ns = 0
        # Commands of frames that come too late, taken together: see `_gather_late`.
        self._late: list[ClientCommand] = []
        self._late_received_ns = 0
        # Refusals of the frames that are being served: they go out as one frame.
        self._refused: list[SessionRejected] = []
        self._ref_at_logon = NO_REF
        # Durable is all that was asked for, but not all of it is answered.
        self._goodbye: LoggedOut | None = None
        self._look_ups = LookUps()
        self._questions = Questions()
        # Of the frame that is being applied, while what it needs is found out; no other is served.
        self.look_up: FrameLookUp | None = None

    # --- logon -----------------------------------------------------------------------------------

    def logged_on(self, logon: Logon) -> None:
        gateway = self.listener
        settings = gateway.sessions[logon.session]
        session_id = settings.session_id
        stream = self.pipeline.streams[session_id]
        next_seq = logon.next_seq or stream.released_seq + 1
        if next_seq > stream.released_seq + 1:
            self.refuse_logon(
                RejectReason.NEXT_SEQ_IN_FUTURE,
                f"next_seq {next_seq}, expected at most {stream.released_seq + 1}",
            )
            return
        self._take_over(session_id)
        self.settings = settings
        self.state = self.pipeline.engine.sessions[session_id]
        self.stream = stream
        self.throttle = gateway.throttle(settings)
        gateway.disarm(session_id)
        self.note_opening()
        if self.state.last_ref > stream.durable_ref:
            # What the session sent before is on its way to the disk, and its refs cannot be told yet. A
            # client that starts anew would use them again, and get the answers of its former life.
            self.pipeline.when_durable(lambda: self._admit(logon, next_seq))
        else:
            self._admit(logon, next_seq)

    def note_opening(self) -> None:
        """Journal what the logon asked for, where the session had otherwise: it holds after a restart.

        Not while the disk is in trouble, or one client could fill it by asking for something else each time.
        Until then it holds for this connection, and after a restart what held before.
        """
        logon = self.rules.logon
        assert logon is not None
        asked = (logon.cancel_on_disconnect, logon.grace_ms)
        if self.listener.accepting_orders and asked != (self.state.cancel_on_disconnect, self.state.grace_ms):
            self.pipeline.submit_venue([SessionOpened(self.settings.session_id, *asked)])

    def _admit(self, logon: Logon, next_seq: int) -> None:
        """Answer the logon: nothing of the session is on its way, so `last_ref` is the last it has used."""
        stream = self.stream
        if self.rules.closed or self.listener.owners.get(stream.session_id) is not self:
            return
        self._admitted = True
        self._ref_at_logon = self.state.last_ref
        log("session_logged_on", session=logon.session, address=self.address, next_seq=next_seq)
        self.admit(logon, self._accepted(logon, next_seq))
        if next_seq >= stream.first_kept_seq:
            self.go_live(next_seq)
        else:
            past = self.listener.history.past(stream.session_id, next_seq)
            self._catching_up = CatchUp(self, past, next_seq)
            self._catching_up.go_on()
        if self.frames:
            self._wake()

    def _accepted(self, logon: Logon, next_seq: int) -> LogonAccepted:
        settings = self.settings
        return LogonAccepted(
            self.rules.version,
            logon.session,
            self.listener.epoch,
            next_seq,
            self.stream.durable_ref,
            logon.heartbeat_ms,
            logon.grace_ms,
            settings.commands_per_second,
            settings.commands_burst,
            settings.cancels_per_second,
            settings.cancels_burst,
            self.clocks.time_ns(),
            self.listener.durable,
        )

    def change_throttle(self, settings: SessionSettings) -> None:
        """An operator has changed it: tell the session, unless its logon still is to be answered."""
        self.settings = settings
        self.throttle = self.listener.throttle(settings)
        if self._admitted:
            self.send(encode([ThrottleChanged(*settings.throttle)]))

    def _take_over(self, session_id: SessionId) -> None:
        """The newest logon has the session; the connection before it is told so."""
        before = self.listener.owners.get(session_id)
        self.listener.owners[session_id] = self
        if before is not None:
            before.give_up()

    def give_up(self) -> None:
        """Another connection has the session now: let go of its stream at once, and say goodbye."""
        self.stream.receiver = None
        if self._catching_up is not None:
            # Closing takes as long as the peer does not read; it must not go live meanwhile.
            self._catching_up.cancel()
        self.log_out(LogoutReason.TAKEN_OVER)

    # --- the stream ------------------------------------------------------------------------------

    def go_live(self, next_seq: int) -> None:
        """Send what memory has from `next_seq` on, and from now on what is released."""
        for payload in self.stream.payloads_from(next_seq):
            self.send(payload)
        self.stream.receiver = self
        self.leave()

    @property
    def waiting_bytes(self) -> int:
        return super().waiting_bytes + self.unserved_bytes

    @property
    def unserved_bytes(self) -> int:
        """What was read and waits for its turn, cut into frames or not."""
        return self.queued_bytes + self._uncut.byte_count

    def past_is_unreadable(self, error: Exception) -> None:
        """Without its past a connection would wait for ever, or take its stream for complete."""
        log("past_unreadable", ERROR, address=self.address, text=Ours(repr(error)))
        self.abort()

    def drained(self) -> None:
        if self._catching_up is not None:
            self._catching_up.drained()

    def lost(self) -> None:
        gateway = self.listener
        logon = self.rules.logon
        if self._catching_up is not None:
            self._catching_up.cancel()
            # The gateway may remember this connection for long, as the one that was served last.
            self._catching_up = None
        session_id = self.settings.session_id
        if logon is None or gateway.owners.get(session_id) is not self:
            return
        del gateway.owners[session_id]
        self.stream.receiver = None
        if logon.cancel_on_disconnect:
            gateway.arm(session_id, logon.grace_ms)

    # --- commands --------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if not (self._admitted and self._uncut.takes(self, data)):
            super().data_received(data)

    def received(self, payloads: list[bytes], now_ns: int) -> None:
        self.frames.extend(zip(payloads, repeat(now_ns), strict=False))
        self.queued_bytes += sum(map(len, payloads))
        if self.queued_bytes > QUEUED_FRAME_BYTES_MAX:
            self.pause_reading()
        if self._admitted:
            self._wake()

    def pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self.rules.pause()
            self.transport.pause_reading()

    def _wake(self) -> None:
        if not self.queued:
            self.queued = True
            self.listener.wake(self)

    def serve(self, work_max: int) -> int:
        """Apply waiting frames until `work_max` is reached; at least one. Returns the work."""
        frames = self.frames
        work = 0
        # Operators are few, and what their commands take with them has bounds by the frame.
        plain = self._role is Role.TRADE and self._is_unhindered
        self._late_before_ns = self.listener.late_before_ns()
        look_up = self.look_up
        if look_up is not None and self._is_given_up(look_up):
            # Woken, and then taken over: the other connection has been told which ref is the last.
            self.look_up = None
        elif look_up is not None:
            if not look_up.is_done:
                return work
            work += self._apply_looked_up(look_up)
        try:
            while frames and work < work_max and not self.rules.closed and self.look_up is None:
                work += (plain and self._apply_plain(work_max - work)) or self._apply_next()
                if not frames:
                    self._uncut.cut(self)
            work += self._apply_late()
        except ProtocolError as error:
            self._apply_late()
            self._send_refused()
            self.fail(error)
        self._send_refused()
        if self.rules.closed:
            frames.clear()
            self._uncut.clear()
            self.queued_bytes = 0
        elif self._reading_paused and not self._uncut and self.queued_bytes < QUEUED_FRAME_BYTES_MAX // 2:
            self._reading_paused = False
            self.rules.resume(self.clocks.monotonic_ns())
            self.transport.resume_reading()
        return work

    def _apply_plain(self, work_max: int) -> int:
        """Apply what is first in the queue where nothing keeps it from passing: the common case.

        Return the work; 0, with nothing done, where it is for `_apply_next`.
        """
        received_ns = self.frames[0][1]
        if received_ns < self._late_before_ns:
            return 0
        work = self._apply_late() if self._late else 0
        taken = take_together(self.frames, self.rules, self.state.last_ref, work_max)
        if taken is None:
            return work
        self.queued_bytes -= taken.frame_bytes
        self.pipeline.submit(
            self.settings.session_id,
            cast("list[AnyCommand]", taken.commands),
            taken.payload,
            self.clocks.time_ns(),
            received_ns,
        )
        return work + taken.work

    def _apply_next(self) -> int:
        payload, received_ns = self.frames.popleft()
        self.queued_bytes -= len(payload)
        now_ns = self.clocks.time_ns()
        received = self.rules.receive_commands(payload, now_ns)
        commands = received.requests
        if not received.whole and self._must_look_up(commands):
            work = FRAME_WORK + (self._apply_late() if self._late else 0)
            self._look_up(received, received_ns)
            return work
        may_be_late = received_ns < self._late_before_ns and received.whole and self._is_unhindered
        if may_be_late and _GATHERED.issuperset(map(type, commands)):
            return self._gather_late(commands, received_ns)
        late_work = self._apply_late() if self._late else 0
        selected = cast("list[SessionCommand]", commands)
        work = late_work + FRAME_WORK + self._apply_selected(selected, now_ns, received_ns)
        if received.answers:
            self._send_refused()
            self.send(encode(received.answers))
        for question in received.questions:
            self._questions.ask(self, question)
        if received.logged_out is not None:
            self._end_when_durable(received.logged_out)
        return work

    @property
    def _is_unhindered(self) -> bool:
        """Whether neither a throttle nor the disk keeps its commands from passing."""
        return self.throttle is None and self.listener.accepting_orders

    def _gather_late(self, commands: list[ClientCommand], received_ns: int) -> int:
        """Keep what came too late for the next `_apply_late`: the cancels of many small frames are one entry.

        It halves what a frame costs that has waited, and that decides how soon the queue is gone.
        """
        work = 1
        if len(self._late) + len(commands) > FRAME_MESSAGES_MAX:
            work += self._apply_late()
        if not self._late:
            self._late_received_ns = received_ns
        self._late += commands
        return work

    def _apply_late(self) -> int:
        if not self._late:
            return 0
        commands, self._late = self._late, []
        selected = cast("list[SessionCommand]", commands)
        return FRAME_WORK + self._apply_selected(selected, self.clocks.time_ns(), self._late_received_ns)

    def _apply_selected(self, commands: list[SessionCommand], now_ns: int, received_ns: int) -> int:
        """Refuse what may not pass now, apply the rest, answer repeats; the work of what was applied."""
        judged = self._judge(commands, received_ns)
        return self._carry_out(judged, judged.selection.passing, now_ns, received_ns)

    def _judge(self, commands: list[SessionCommand], received_ns: int) -> Judged:
        return judge(commands, self.state.last_ref, self._circumstances(received_ns))

    def _carry_out(self, judged: Judged, passing: list[SessionCommand], now_ns: int, received_ns: int) -> int:
        """`passing`: what may pass, with what was found for it."""
        selection = judged.selection
        if selection.busy:
            self.listener.refused_as_busy()
        if selection.refused:
            self._refuse(selection.refused)
        if passing:
            selected = cast("list[AnyCommand]", passing)
            self.pipeline.submit(self.settings.session_id, selected, encode(passing), now_ns, received_ns)
        # Only now is it known which of this frame's refs were applied.
        for ref in judged.repeated:
            self._repeat(ref)
        if selection.exhausted:
            self._end_when_durable(self.rules.end(LogoutReason.THROTTLED))
        # A refusal is a tenth of the work, a repeat is none to speak of.
        return len(passing) + len(selection.refused) // 8

    def _circumstances(self, received_ns: int) -> Circumstances:
        logon = self.rules.logon
        assert logon is not None
        return Circumstances(
            self.state,
            logon.role,
            self.throttle,
            self.clocks.monotonic_ns(),
            self.listener.accepting_orders,
            self.pipeline.engine.venue.negotiations,
            received_ns < self._late_before_ns,
            self.rules.permissions,
        )

    # --- commands that something is found out for ---------------------------------------------------

    def _must_look_up(self, commands: list[ClientCommand]) -> bool:
        return cast("Logon", self.rules.logon).role is Role.OPERATOR and not LOOKED_UP.isdisjoint(
            map(type, commands)
        )

    def _look_up(self, received: Received[ClientCommand], received_ns: int) -> None:
        if received.answers:
            self.send(encode(received.answers))
        # Whoever may not ask has nothing looked up, and nothing done.
        judged = self._judge(cast("list[SessionCommand]", received.requests), received_ns)
        look_up = self.look_up = FrameLookUp(self, judged, received, received_ns)
        look_up.begin()
        for question in received.questions:
            self._questions.ask(self, question)
        if look_up.is_done:
            self._apply_looked_up(look_up)

    @property
    def has_its_session(self) -> bool:
        """Whether it is connected, and no other connection has the session now."""
        return self.listener.owners.get(self.settings.session_id) is self

    def _is_given_up(self, look_up: FrameLookUp) -> bool:
        """Whether the connection has ended, but by the logout which the frame that waits ends with."""
        return not self.has_its_session or (self.rules.closed and look_up.logged_out is None)

    def looked_up(self) -> None:
        """The frame that waits can be applied; the session still is this connection's."""
        self._wake()

    def _apply_looked_up(self, look_up: FrameLookUp) -> int:
        self.look_up = None
        archived = look_up.archived()
        if archived:
            text = "the trade is in segments that were archived: name their place in follower.archive"
            reason = RejectReason.HISTORY_LOST
            self._refuse([SessionRejected(ref, reason, text=text) for ref in archived])
        passing = look_up.commands()
        now_ns = self.clocks.time_ns()
        work = FRAME_WORK + self._carry_out(look_up.judged, passing, now_ns, look_up.received_ns)
        self.pipeline.note_found(sum(map(found_bytes, passing)))
        self._send_refused()
        if look_up.logged_out is not None:
            self._end_when_durable(look_up.logged_out)
        return work

    def _refuse(self, refused: list[SessionRejected]) -> None:
        """To be followed by `_send_refused`."""
        self.counters.rejects.update(rejected.reason for rejected in refused)
        self._refused += refused

    def _send_refused(self) -> None:
        if self._refused:
            payload = encode(self._refused)
            self._refused = []
            self.send(payload)

    def _end_when_durable(self, goodbye: LoggedOut) -> None:
        """Say goodbye once everything before it is answered."""
        self._send_refused()

        def durable() -> None:
            self._goodbye = goodbye
            self.leave()

        self.pipeline.when_durable(durable)

    def leave(self) -> None:
        """Say the goodbye that waits, if one does, unless an answer is on its way from the journal."""
        if self._goodbye is None or self._closing_ns or self._look_ups.waiting:
            return
        has_asked = self.state.last_ref > self._ref_at_logon
        if has_asked and self.stream.receiver is not self:
            # What it asked for is answered in its stream, and that has not come as far.
            return
        self._say_goodbye(self._goodbye)

    # --- repeats ---------------------------------------------------------------------------------

    def _repeat(self, ref: Ref) -> None:
        self.counters.repeats += 1
        if ref > self.state.last_ref:
            # Refused in this very frame: nothing is on its way that could be waited for.
            self._refuse([SessionRejected(ref, RejectReason.REF_NOT_APPLIED)])
        elif not self.pipeline.await_outcome(self, self.stream, ref):
            self._send_refused()
            # Not a refusal: that would say of a command which may be applied that it never will be.
            self.log_out(LogoutReason.THROTTLED)

    def answer_repeat(self, stream: Stream, ref: Ref) -> None:
        """Called when the outcome of `ref` is durable."""
        if not self.has_room():
            return
        if stream.chunk_of(ref) is not None:
            self.send_outcome(ref, stream.outcome(ref))
            return
        self._look_ups.ask(self, ref)

    def send_outcome(self, ref: Ref, reports: list[AnyReport]) -> None:
        if reports:
            self.send(encode(reports))
        else:
            # A ref that is passed but caused nothing was refused by the session, or never sent.
            self._refuse([SessionRejected(ref, RejectReason.REF_NOT_APPLIED)])
            self._send_refused()


# What may be taken together from many frames. Searches may not: a frame is bounded in them for a reason.
_GATHERED: Final = ADDS_RISK | {Cancel, Reduce}
_NOBODY: Final = SessionSettings(SessionId(0), 0, 0, 0, 0)
