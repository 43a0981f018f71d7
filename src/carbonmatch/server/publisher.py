"""The market-data listener: released batches to whoever subscribed, encoded once for all."""

from collections import Counter, deque
from typing import Final

from carbonmatch.limits import CONFLATE_BUFFER_BYTES, SUBSCRIBERS_PER_KEY_MAX
from carbonmatch.market_data.changes import FeedBatch
from carbonmatch.market_data.feed import MarketData
from carbonmatch.market_data.subscriber import Subscriber
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import Outputs, Ref, RejectReason
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.logs import log
from carbonmatch.protocol import session
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import (
    FeedRequest,
    FeedSource,
    GapRequest,
    HeartbeatAnswer,
    LoggedOut,
    Logon,
    LogonAccepted,
    LogoutReason,
    Subscribe,
)
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.feed_turns import FeedTurns
from carbonmatch.server.gap_fills import GapFills
from carbonmatch.server.listener import Listener
from carbonmatch.server.peer import Peer
from carbonmatch.server.scheduler import Scheduler, Timer

# Requests of one connection that may wait while its answers are unread.
_WAITING_FRAMES_MAX: Final = 64
_NS_PER_SECOND: Final = 1_000_000_000


class Publisher(Listener):
    """Owns the released state of the market, and everybody who follows it."""

    def __init__(
        self,
        rules: session.Listener,
        clocks: Clocks,
        counters: Counters,
        scheduler: Scheduler,
        market_data: MarketData,
        epoch: int,
        durable: bool,
        gap_source: FeedSource = FeedSource.MEMORY,
    ) -> None:
        super().__init__(rules, clocks, counters, scheduler)
        self.market_data = market_data
        self.subscriptions = Subscriptions(market_data, frame, gap_source=gap_source)
        self.epoch = epoch
        self.durable = durable
        # In the order in which they came; and how many each key has.
        self.followers: dict[FeedPeer, None] = {}
        self.places: Counter[str] = Counter()
        self.turns = FeedTurns(clocks, scheduler)
        # Until what has gathered is due, for those who do not hear every batch.
        self._gathering: Timer | None = None
        # Who reads the journal for those who have lost more than memory has.
        self._gap_fills: GapFills | None = None

    def make_peer(self) -> "FeedPeer":
        return FeedPeer(self)

    def fill_gaps(self, gap_fills: GapFills) -> None:
        """Have these fill from now on what memory cannot."""
        self._gap_fills = gap_fills
        self.subscriptions.gaps.has_journal = True

    def have_journal_read(self, peer: "FeedPeer") -> list[bytes]:
        """For one that has lost something; the answer where it cannot be now."""
        assert self._gap_fills is not None
        if self._gap_fills.ask(peer):
            return []
        return self.subscriptions.gaps.give_up(peer.subscriber, self.clocks.monotonic_ns())

    # --- places ----------------------------------------------------------------------------------

    def take_place(self, peer: "FeedPeer", key_id: str) -> bool:
        """Let `peer` follow the feed; False where its key has as many places as it may."""
        if self.places[key_id] >= SUBSCRIBERS_PER_KEY_MAX:
            return False
        if self.subscriptions.is_full and not self._clear_place(key_id):
            return False
        peer.subscriber = self.subscriptions.join()
        self.followers[peer] = None
        self.places[key_id] += 1
        return True

    def leave_place(self, peer: "FeedPeer") -> None:
        if peer in self.followers:
            del self.followers[peer]
            self.subscriptions.leave(peer.subscriber)
            self.places[peer.key_id] -= 1

    def _clear_place(self, key_id: str) -> bool:
        """End a connection of the key that has most, unless that is hardly more than `key_id` has.

        The one that is furthest behind goes first, and where all keep up the one that came last.
        """
        most = max(self.places, key=self.places.__getitem__)
        if self.places[most] <= self.places[key_id] + 1:
            return False
        candidates = [peer for peer in self.followers if peer.key_id == most]
        behind = [peer for peer in candidates if peer.subscriber.is_waiting]
        leaving = min(behind, key=lambda peer: peer.subscriber.waiting_since_ns) if behind else candidates[-1]
        self.leave_place(leaving)
        leaving.log_out(LogoutReason.TOO_MANY_CONNECTIONS)
        return True

    # --- the feed --------------------------------------------------------------------------------

    def publish(self, outputs: Outputs, time_ns: int) -> None:
        """Take in one released batch and offer it to every subscriber."""
        if not outputs.levels and not outputs.public:
            return
        self.publish_batch(self.market_data.apply(outputs, time_ns))

    def publish_batch(self, batch: FeedBatch) -> None:
        if not batch.changes:
            return
        self.subscriptions.publish(batch)
        self.counters.feed_messages += batch.message_count
        if not self.followers:
            return
        self.counters.feed_batches += 1
        self._offer()

    def _offer(self) -> None:
        subscriptions = self.subscriptions
        subscriptions.begin_turn()
        now_ns = self.clocks.monotonic_ns()
        for peer in self.followers:
            framed = subscriptions.offer(peer.subscriber, peer.transport.get_write_buffer_size(), now_ns)
            if framed is not None:
                peer.transport.write(framed)
                self.sent_bytes += len(framed)
                peer.rules.sent(now_ns)
        if self._gathering is None:
            due_ns = subscriptions.due_ns
            if due_ns is not None:
                seconds = max(due_ns - now_ns, 0) / _NS_PER_SECOND
                self._gathering = self.scheduler.call_later(seconds, self._offer_gathered)

    def _offer_gathered(self) -> None:
        self._gathering = None
        self._offer()

    def stop(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
        if self._gap_fills is not None:
            self._gap_fills.stop()
        self.turns.stop()
        super().stop()


class FeedPeer(Peer):
    """One subscriber."""

    listener: Publisher
    # Set by the logon:
    key_id: str
    subscriber: Subscriber

    def __init__(self, publisher: Publisher) -> None:
        super().__init__(publisher)
        self.listener = publisher
        # Requests that wait until the peer has read more of the answers before them.
        self._waiting: deque[bytes] = deque()
        # What is still to be done of the frame before them.
        self._asked: deque[FeedRequest | list[HeartbeatAnswer] | LoggedOut] = deque()
        self._reading_paused = False
        self._refilling = False

    def logged_on(self, logon: Logon) -> None:
        publisher = self.listener
        self.key_id = logon.key_id
        if not publisher.take_place(self, logon.key_id):
            self.refuse_logon(RejectReason.SUBSCRIPTION, "no room for another subscriber")
            return
        log("subscriber_logged_on", session=logon.session, address=self.address)
        self.admit(logon, self._accepted(logon))

    def _accepted(self, logon: Logon) -> LogonAccepted:
        return LogonAccepted(
            self.rules.version,
            logon.session,
            self.listener.epoch,
            1,
            Ref(0),
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
        self.listener.leave_place(self)

    # --- requests --------------------------------------------------------------------------------

    def received(self, payloads: list[bytes], _now_ns: int) -> None:
        self._waiting += payloads
        if len(self._waiting) > _WAITING_FRAMES_MAX and not self._reading_paused:
            self._reading_paused = True
            self.transport.pause_reading()
            self.rules.pause()
        self.listener.turns.add(self)

    def take_turn(self) -> bool:
        """Answer one request, while the peer reads the answers; return whether there are more."""
        if not self.connected or self._closing_ns:
            return False
        if self.transport.get_write_buffer_size() > CONFLATE_BUFFER_BYTES:
            return False
        if self._asked:
            self._do(self._asked.popleft())
        elif self._waiting:
            try:
                self._look_into(self._waiting.popleft())
            except ProtocolError as error:
                self.fail(error)
                return False
        if not self._asked:
            self._refill()
            if not self._waiting:
                self._read_on()
        return bool(self._asked or self._waiting)

    def _look_into(self, payload: bytes) -> None:
        received = self.rules.receive_feed_requests(payload, self.clocks.time_ns())
        self._asked += received.requests
        if received.answers:
            self._asked.append(received.answers)
        if received.logged_out is not None:
            self._asked.append(received.logged_out)

    def _do(self, asked: FeedRequest | list[HeartbeatAnswer] | LoggedOut) -> None:
        subscriptions = self.listener.subscriptions
        now_ns = self.clocks.monotonic_ns()
        lost_before = self.subscriber.lost
        if isinstance(asked, Subscribe):
            answers = subscriptions.subscribe(self.subscriber, asked, now_ns)
        elif isinstance(asked, GapRequest):
            answers = subscriptions.request_gap(self.subscriber, asked, now_ns)
        elif isinstance(asked, LoggedOut):
            self._say_goodbye(asked)
            return
        else:
            self.send(encode(asked))
            return
        if self.subscriber.lost not in (None, lost_before):
            answers += self.listener.have_journal_read(self)
        for framed in answers:
            self.send_framed(framed)

    def _read_on(self) -> None:
        if self._reading_paused and self.connected:
            self._reading_paused = False
            self.rules.resume(self.clocks.monotonic_ns())
            self.transport.resume_reading()

    # --- snapshots -------------------------------------------------------------------------------

    def send_framed(self, framed: bytes) -> None:
        """As `send`, for what is framed already because others get the same bytes."""
        if self.connected and not self._closing_ns:
            self.transport.write(framed)
            self.listener.sent_bytes += len(framed)
            self.rules.sent(self.clocks.monotonic_ns())

    def drained(self) -> None:
        self.listener.turns.add(self)
        self._refill()

    def _refill(self) -> None:
        """Send snapshots to one that waits, a buffer at a time; the rest in later turns."""
        if self._refilling or not self.subscriber.is_waiting or not self.connected:
            return
        for framed in self.listener.subscriptions.drained(
            self.subscriber, self.clocks.monotonic_ns(), self.transport.get_write_buffer_size()
        ):
            self.send_framed(framed)
        if not self._write_paused_ns and bool(self.subscriber.pending):
            self._refilling = True
            self.listener.scheduler.call_soon(self._refill_later)

    def _refill_later(self) -> None:
        self._refilling = False
        self._refill()

    def sweep(self, now_ns: int) -> None:
        super().sweep(now_ns)
        if self not in self.listener.followers or self._closing_ns:
            return
        if self.subscriber.is_stalled(now_ns):
            self.cut("stopped reading")
        elif self.subscriber.is_waiting:
            self._refill()
