"""The drop-copy listener: a participant's reports, of whatever session, to whoever may read them.

A reader is never pushed: it is given what it has room for, from memory or from the journal, so one that
does not read keeps nothing but its own place, and is cut when it has stopped reading for good.
"""

from carbonmatch.matching.messages import NO_REF, RejectReason, SessionId
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.logs import ERROR, Ours, log
from carbonmatch.protocol import session
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.messages import Logon, LogonAccepted, LogoutReason
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.history import History, Past
from carbonmatch.server.listener import Listener
from carbonmatch.server.peer import Peer
from carbonmatch.server.pipeline import Pipeline
from carbonmatch.server.scheduler import Scheduler
from carbonmatch.server.stream import Chunk, Stream, payload_from


class DropCopyListener(Listener):
    """Connections of drop copies: at most one for each of them."""

    def __init__(
        self,
        rules: session.Listener,
        clocks: Clocks,
        counters: Counters,
        scheduler: Scheduler,
        pipeline: Pipeline,
        history: History,
        copies: dict[str, SessionId],
        epoch: int,
        durable: bool,
    ) -> None:
        """`copies` has the id of each drop copy by its name."""
        super().__init__(rules, clocks, counters, scheduler)
        self.streams = pipeline.streams
        self.history = history
        self.copies = copies
        self.epoch = epoch
        self.durable = durable
        self.owners: dict[SessionId, CopyPeer] = {}
        pipeline.on_copies = self.deliver

    def make_peer(self) -> "CopyPeer":
        return CopyPeer(self)

    def deliver(self) -> None:
        """Copies were released: let everybody have theirs."""
        for peer in list(self.owners.values()):
            peer.deliver()


class CopyPeer(Peer):
    """One reader of a drop copy."""

    listener: DropCopyListener
    stream: Stream

    def __init__(self, listener: DropCopyListener) -> None:
        super().__init__(listener)
        self.listener = listener
        # The first copy that the reader has not been sent.
        self._next_seq = 0
        # Where it stands in the journal, while memory does not go back as far.
        self._past: Past | None = None
        self._reading = False

    # --- logon -----------------------------------------------------------------------------------

    def logged_on(self, logon: Logon) -> None:
        listener = self.listener
        session_id = listener.copies[logon.session]
        self.stream = listener.streams[session_id]
        next_seq = self.stream.released_seq + 1
        if logon.next_seq > next_seq:
            self.refuse_logon(
                RejectReason.NEXT_SEQ_IN_FUTURE, f"next_seq {logon.next_seq}, expected at most {next_seq}"
            )
            return
        self._next_seq = logon.next_seq or next_seq
        before = listener.owners.get(session_id)
        listener.owners[session_id] = self
        if before is not None:
            before.log_out(LogoutReason.TAKEN_OVER)
        log("drop_copy_logged_on", session=logon.session, address=self.address, next_seq=self._next_seq)
        self.admit(logon, self._accepted(logon))
        self.deliver()

    def _accepted(self, logon: Logon) -> LogonAccepted:
        return LogonAccepted(
            self.rules.version,
            logon.session,
            self.listener.epoch,
            self._next_seq,
            NO_REF,
            logon.heartbeat_ms,
            logon.grace_ms,
            0,
            0,
            0,
            0,
            self.clocks.time_ns(),
            self.listener.durable,
        )

    def lost(self) -> None:
        if self.rules.logon is None:
            return
        session_id = self.stream.session_id
        if self.listener.owners.get(session_id) is self:
            del self.listener.owners[session_id]

    # --- in --------------------------------------------------------------------------------------

    def received(self, payloads: list[bytes], _now_ns: int) -> None:
        for payload in payloads:
            received = self.rules.receive_nothing(payload, self.clocks.time_ns())
            if received.answers:
                self.send(encode(received.answers))
            if received.logged_out is not None:
                self._say_goodbye(received.logged_out)
                return

    # --- out -------------------------------------------------------------------------------------

    def drained(self) -> None:
        self.deliver()

    def deliver(self) -> None:
        """Send what the reader has room for; called again when it has read, and when there is more."""
        stream = self.stream
        while self._wants_more():
            if self._next_seq < stream.first_kept_seq:
                self._read_past()
                return
            self._past = None
            self._send(stream.chunk_with(self._next_seq))

    def _wants_more(self) -> bool:
        return (
            self.connected
            and not self.rules.closed
            and not self.is_unread
            and not self._reading
            and self._next_seq <= self.stream.released_seq
        )

    def _send(self, chunk: Chunk) -> None:
        self.send(payload_from(chunk, self._next_seq))
        self._next_seq = chunk.first_seq + chunk.count

    def _read_past(self) -> None:
        if self._past is None:
            self._past = self.listener.history.past(self.stream.session_id, self._next_seq)
        if self._past.at_end:
            self._history_lost(self.stream.first_kept_seq)
            return
        self._reading = True
        self._past.read(self._send_past, self._past_failed)

    def _send_past(self, chunks: list[Chunk]) -> None:
        self._reading = False
        if self.rules.closed:
            return
        if chunks and chunks[0].first_seq > self._next_seq:
            self._history_lost(chunks[0].first_seq)
            return
        for chunk in chunks:
            if chunk.first_seq > self.stream.released_seq:
                # It is durable, but its turn to be released has yet to come.
                self._past = None
                break
            self._send(chunk)
        self.deliver()

    def _history_lost(self, first_available_seq: int) -> None:
        self.log_out(LogoutReason.HISTORY_LOST, f"first available seq {first_available_seq}")

    def _past_failed(self, error: Exception) -> None:
        """Without its past a connection would wait for ever, or take its stream for complete."""
        self._reading = False
        if not self.rules.closed:
            log("past_unreadable", ERROR, address=self.address, text=Ours(repr(error)))
            self.abort()
