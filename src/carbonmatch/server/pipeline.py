"""The order of things: apply, gather, commit, release.

Commands are applied at once but answered only when they are durable. While one batch is on its way
to the disk the next one gathers, with no timer: the slower the disk, the larger the batches. Nothing
outside sees an event that a crash could take back.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from msgspec import Raw

from carbonmatch.limits import (
    BATCH_COMMANDS_MAX,
    BATCH_REPORTS_MAX,
    COMMIT_SLOW_SECONDS,
    COMMIT_STALL_SECONDS,
    COPY_FRAME_MESSAGES,
    FOUND_BYTES_MAX,
    REPEATS_WAITING_MAX,
    TIME_NS_MAX,
)
from carbonmatch.matching.clearing.conservation import check_conservation
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.messages import (
    NO_REF,
    VENUE_SESSION_ID,
    AnyCommand,
    CopyChunk,
    EndDay,
    Entry,
    Outputs,
    Ref,
    Resume,
    SessionId,
    VenueCommand,
)
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.market_log import log_market
from carbonmatch.protocol.batch import EntryRecord, StreamRecord, encode_record
from carbonmatch.protocol.codec import encode
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.commit import Commit
from carbonmatch.server.history import History
from carbonmatch.server.stream import Chunk, Stream, chunks_of, chunks_of_copy

NS_PER_SECOND: Final = 1_000_000_000
# Later than any time.
NEVER_DUE_NS: Final = TIME_NS_MAX + 1

# Larger batches gain nothing from being committed in the loop: others may come meanwhile.
_HERE_COMMANDS_MAX: Final = 16


def _nothing() -> None:
    pass


def _without_effect(_: Outputs) -> None:
    pass


def _at_once(callback: Callable[[], None]) -> None:
    callback()


class Journal(Protocol):
    """Makes commits durable, in order; `Pipeline.durable` is called with each that `commit` was given.

    It may be called by `look`, which hears of what was finished meanwhile.
    """

    def commit(self, commit: Commit) -> None: ...

    def commit_here(self, commit: Commit) -> bool: ...

    def look(self) -> None: ...


class Repeater(Protocol):
    """A connection that repeated a ref and waits for the outcome."""

    def answer_repeat(self, stream: Stream, ref: Ref) -> None: ...


class Batch:
    """Entries applied since the last cut, on their way from the socket to the disk and back."""

    __slots__ = (
        "chunks",
        "commit",
        "count",
        "decode_ns",
        "entries",
        "first_applied_ns",
        "first_sequence",
        "found_bytes",
        "is_awaited",
        "last_refs",
        "match_ns",
        "outputs",
        "read_ns",
        "received",
        "sent_ns",
    )

    def __init__(self, first_sequence: int) -> None:
        self.first_sequence = first_sequence
        self.count = 0
        self.entries: list[EntryRecord] = []
        # When each frame was read, and how many commands it carried: for the latency histogram.
        self.received: list[tuple[int, int]] = []
        # How long its first frame waited for its turn, and when that was applied; what all of them took to
        # decode and to apply: two readings of the clock a frame; histograms of frames cost a microsecond.
        self.read_ns = 0
        self.first_applied_ns = 0
        self.decode_ns = 0
        self.match_ns = 0
        # Of entries with what was found for an operator, which are larger than what was asked.
        self.found_bytes = 0
        # Whether somebody waits for it who has sent nothing else: see `hurry`.
        self.is_awaited = False
        # Set when the batch is cut:
        self.outputs: Outputs | None = None
        self.chunks: list[Chunk] = []
        self.last_refs: list[Ref] = []
        self.commit: Commit | None = None
        self.sent_ns = 0


class Pipeline:
    """At most one batch gathers and at most one is being committed."""

    def __init__(
        self,
        engine: Engine,
        streams: dict[SessionId, Stream],
        journal: Journal,
        publish: Callable[[Outputs, int], None],
        history: History,
        counters: Counters,
        clocks: Clocks,
        later: Callable[[Callable[[], None]], object] = _at_once,
    ) -> None:
        """`later` calls back in a later turn of the loop, in the order in which it was asked."""
        self.engine = engine
        self.streams = streams
        self.clocks = clocks
        self.monotonic_ns = clocks.monotonic_ns
        self.durable_sequence = engine.sequence
        # Up to where market data and counters are out as well.
        self._published_sequence = engine.sequence
        self._journal = journal
        self._publish = publish
        self._history = history
        self._counters = counters
        self._gathering = Batch(engine.sequence + 1)
        self._outstanding: Batch | None = None
        # By session: refs that were repeated before their outcome is durable, and who asked last.
        self._repeats: dict[SessionId, dict[Ref, Repeater]] = {}
        self._later = later
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        # When work for the next frame began: decoding, and whatever else comes before it is applied.
        self._began_ns = 0
        # When the clock has something to do, and who does it: before anything of that time or later.
        self.due_ns = NEVER_DUE_NS
        self.on_due: Callable[[], None] = _nothing
        # Whether that has more to do than a batch takes: nobody is served before it is done.
        self.is_held_up = False
        # Whether a turn comes that adds to the gathering batch and ends it: small batches cost throughput.
        self.more_comes = False
        # Whether nobody is served, so that nothing is on its way: see `when_still`.
        self._is_stilled = False
        # Called when it is durable what operators have done to who may log on: before they are answered, and
        # once everybody is.
        self.on_steered: Callable[[Outputs], None] = _without_effect
        self.after_steered: Callable[[Outputs], None] = _without_effect
        # Called when drop copies were released: whoever reads them gets them then.
        self.on_copies: Callable[[], None] = _nothing
        # Called after each release: gateways go on reading where a full batch had stopped them.
        self.on_release: Callable[[], None] = _nothing

    # --- in --------------------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """Whether the gathering batch may take no further entry before it is cut."""
        return (
            self.is_held_up
            or self._is_stilled
            or self._gathering.count >= BATCH_COMMANDS_MAX
            or self.engine.gathered_report_count >= BATCH_REPORTS_MAX
            or self._gathering.found_bytes >= FOUND_BYTES_MAX
        )

    @property
    def gathered_count(self) -> int:
        """Commands in the gathering batch."""
        return self._gathering.count

    def begin_turn(self) -> None:
        """Somebody is served from now on."""
        self._began_ns = self.monotonic_ns()

    def submit(
        self,
        session_id: SessionId,
        commands: list[AnyCommand],
        payload: bytes,
        now_ns: int,
        received_ns: int,
    ) -> None:
        """Apply one frame of new commands; `payload` is their encoding as it was received."""
        if now_ns >= self.due_ns:
            self.on_due()
            now_ns = self.clocks.time_ns()
        batch = self._gathering
        count = len(commands)
        began_ns = self._began_ns
        decoded_ns = self.monotonic_ns()
        self.engine.apply(Entry(self.engine.sequence + 1, now_ns, session_id, commands))
        self._began_ns = applied_ns = self.monotonic_ns()
        if not batch.count:
            batch.read_ns = began_ns - received_ns
            batch.first_applied_ns = applied_ns
        batch.decode_ns += decoded_ns - began_ns
        batch.match_ns += applied_ns - decoded_ns
        batch.entries.append(EntryRecord(now_ns, session_id, Raw(payload)))
        batch.received.append((received_ns, count))
        batch.count += count

    def note_found(self, byte_count: int) -> None:
        """Count what was found for the commands that were just submitted against what a batch holds of it."""
        self._gathering.found_bytes += byte_count

    def submit_venue(self, commands: Sequence[VenueCommand | Resume | EndDay]) -> None:
        """Apply commands of the venue itself: configuration, schedule, cancel-on-disconnect."""
        now = self._began_ns = self.monotonic_ns()
        listed: list[AnyCommand] = list(commands)
        self.submit(VENUE_SESSION_ID, listed, encode(listed), self.clocks.time_ns(), now)
        self.flush()

    def await_outcome(self, repeater: Repeater, stream: Stream, ref: Ref) -> bool:
        """Answer a repeated ref: at once where its outcome is durable, else when it is.

        A ref repeated again while it waits is answered once. False where REPEATS_WAITING_MAX refs of the
        session wait: there is no answer then.
        """
        assert ref <= self.engine.sessions[stream.session_id].last_ref, "nobody waits for what never comes"
        if ref <= stream.durable_ref:
            repeater.answer_repeat(stream, ref)
            return True
        waiting = self._repeats.setdefault(stream.session_id, {})
        if len(waiting) >= REPEATS_WAITING_MAX and ref not in waiting:
            return False
        waiting[ref] = repeater
        return True

    # --- out -------------------------------------------------------------------------------------

    def flush(self, alone: bool = False) -> None:
        """Send the gathered batch to the disk, unless one is on its way already.

        `alone` says that nobody else is waiting to be served: then the disk may be waited for here.
        """
        if self._outstanding is None and self._gathering.count:
            self._cut(alone)

    def _cut(self, alone: bool) -> None:
        batch = self._gathering
        engine = self.engine
        outputs = engine.take_outputs()
        check_batch(engine.books, outputs)
        check_conservation(engine.venue)
        batch.outputs = outputs
        batch.chunks = chunks = chunks_of(outputs)
        sessions = engine.sessions
        batch.last_refs = [sessions[chunk.session_id].last_ref for chunk in chunks]
        payload = encode_record(batch.entries, stream_records(chunks), outputs.public, outputs.copies)
        batch.commit = Commit(payload, batch.first_sequence, batch.count)
        batch.sent_ns = self.monotonic_ns()
        self._outstanding = batch
        self._gathering = Batch(engine.sequence + 1)
        if alone and batch.count <= _HERE_COMMANDS_MAX and self._journal.commit_here(batch.commit):
            self.durable(batch.commit)
        else:
            self._journal.commit(batch.commit)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody for whom `hurry` was called has not been answered yet."""
        outstanding = self._outstanding
        return self._gathering.is_awaited or (outstanding is not None and outstanding.is_awaited)

    def hurry(self) -> None:
        """What was applied last is awaited by somebody who asked for little, while others ask for much.

        Until that is answered, `go_on` is to be called now and then.
        """
        self._gathering.is_awaited = True
        self.go_on()

    def go_on(self) -> None:
        """Take the next step if the disk is ready for it; else it is taken when this turn of the loop ends.

        Batches become smaller by it: done for everybody, it cost a fifth of the throughput.
        """
        batch = self._outstanding
        if batch is None:
            self.flush()
            return
        assert batch.commit is not None
        self._journal.look()
        if batch.commit.is_durable:
            self.durable(batch.commit)

    def durable(self, commit: Commit) -> None:
        """The outstanding batch is on the disk: release it, and send the next one."""
        if commit.is_released:
            # Somebody has looked before the journal thread could tell.
            return
        batch = self._outstanding
        assert batch is not None
        assert batch.commit is commit
        commit.is_released = True
        self._outstanding = None
        now = self.monotonic_ns()
        self.durable_sequence = batch.first_sequence + batch.count - 1
        self._history.durable_position = commit.durable_position
        assert batch.outputs is not None
        if batch.outputs.disconnects or batch.outputs.amended:
            self.on_steered(batch.outputs)
        self._answer(batch)
        # The next one goes after the answers of this one, which somebody waits for.
        if self._gathering.is_awaited or not self.more_comes:
            self.flush()
        self._later(lambda: self._publish_batch(batch, now))

    def _answer(self, batch: Batch) -> None:
        assert batch.commit is not None
        streams = self.streams
        note = self._history.marks.note
        position = batch.commit.position
        released: Iterable[tuple[Chunk, Ref]] = zip(batch.chunks, batch.last_refs, strict=True)
        if batch.is_awaited:
            # Who asked for little is told first: each write of what a flood was answered takes some 10 us.
            released = sorted(released, key=_report_count)
        for chunk, last_ref in released:
            streams[chunk.session_id].release(chunk, last_ref)
            note(chunk.session_id, chunk.first_seq, chunk.ref_before, position)
        if self._repeats:
            self._answer_repeats([chunk.session_id for chunk in batch.chunks])

    def _answer_repeats(self, session_ids: list[SessionId]) -> None:
        for session_id in session_ids:
            waiting = self._repeats.pop(session_id, {})
            stream = self.streams[session_id]
            for ref, repeater in waiting.items():
                if ref <= stream.durable_ref:
                    repeater.answer_repeat(stream, ref)
                else:
                    self._repeats.setdefault(session_id, {})[ref] = repeater

    def _publish_batch(self, batch: Batch, durable_ns: int) -> None:
        """What follows the answers: market data, counters, and whoever waited for the release.

        Done once the loop has sent the answers: publishing first kept a single order waiting for 20 us.
        """
        assert batch.outputs is not None
        self._publish(batch.outputs, batch.entries[-1].time_ns)
        if batch.outputs.copies:
            self._release_copies(batch, batch.outputs.copies)
        self._published_sequence = batch.first_sequence + batch.count - 1
        self._count(batch, batch.outputs, durable_ns)
        if batch.outputs.disconnects or batch.outputs.amended:
            self.after_steered(batch.outputs)
        self.on_release()
        waiting = self._waiting
        while waiting and waiting[0][0] <= self._published_sequence:
            waiting.popleft()[1]()

    def _release_copies(self, batch: Batch, copies: list[CopyChunk]) -> None:
        assert batch.commit is not None
        payloads = {chunk.session_id: chunk.payload for chunk in batch.chunks}
        for copy in copies:
            self._history.marks.note(copy.session_id, copy.first_seq, NO_REF, batch.commit.position)
            stream = self.streams.get(copy.session_id)
            if stream is None:
                # Defined in this very batch.
                stream = self.streams[copy.session_id] = Stream(copy.session_id)
            if copy.count > COPY_FRAME_MESSAGES:
                # 2 us each, for which everybody would wait here: readers have it made of the journal.
                stream.pass_over(copy.count)
                continue
            for chunk in chunks_of_copy(copy, payloads):
                stream.release(chunk, NO_REF)
        self.on_copies()

    def _count(self, batch: Batch, outputs: Outputs, durable_ns: int) -> None:
        counters = self._counters
        commit_ns = durable_ns - batch.sent_ns
        counters.read_ns.record(batch.read_ns)
        counters.decode_ns.record(batch.decode_ns)
        counters.match_ns.record(batch.match_ns)
        counters.gather_ns.record(batch.sent_ns - batch.first_applied_ns)
        assert batch.commit is not None
        counters.journal_ns.record(batch.commit.disk_ns)
        counters.commit_duration_ns.record(commit_ns)
        counters.commit_batch_commands.record(batch.count)
        if commit_ns > COMMIT_SLOW_SECONDS * NS_PER_SECOND:
            counters.commits_slow += 1
        released_ns = self.monotonic_ns()
        counters.release_ns.record(released_ns - durable_ns)
        record = counters.order_latency_ns.record
        for received_ns, count in batch.received:
            record(released_ns - received_ns, count)
        log_market(counters.count_batch(batch.count, outputs), counters.instruments)

    # --- state -----------------------------------------------------------------------------------

    def commit_age_ns(self) -> int:
        """How long the outstanding batch has been on its way; 0 where none is."""
        batch = self._outstanding
        return 0 if batch is None else self.monotonic_ns() - batch.sent_ns

    def is_stalled(self) -> bool:
        """Whether the disk has kept a batch waiting for so long that new orders are refused."""
        return self.commit_age_ns() > COMMIT_STALL_SECONDS * NS_PER_SECOND

    def when_durable(self, callback: Callable[[], None]) -> None:
        """Call back once everything applied so far is durable and released."""
        if self._published_sequence == self.engine.sequence:
            callback()
        else:
            self._waiting.append((self.engine.sequence, callback))
            self.flush()

    def when_still(self, callback: Callable[[], None]) -> None:
        """Call back once nothing is applied that is not durable and released; nobody is served until then."""
        self._is_stilled = True

        def look() -> None:
            if self._published_sequence < self.engine.sequence:
                # The clock has had something done meanwhile.
                self.when_durable(look)
                return
            try:
                callback()
            finally:
                self._is_stilled = False
            self.on_release()

        look()


def stream_records(chunks: list[Chunk]) -> list[StreamRecord]:
    return [
        StreamRecord(chunk.session_id, chunk.first_seq, chunk.ref_before, Raw(chunk.payload))
        for chunk in chunks
    ]


def _report_count(released: tuple[Chunk, Ref]) -> int:
    return released[0].count
