"""The order-entry listener: sessions in turn, each with a budget, and their streams back to them."""

from collections import deque
from typing import Final

from carbonmatch.limits import (
    BATCH_COMMANDS_SHARED_MAX,
    BUSY_TOLD_SECONDS,
    SHORT_TURN_NS_MAX,
    SHORT_TURNS_NS,
    TURN_SESSION_WORK_MAX,
    TURN_WORK_MAX,
)
from carbonmatch.matching.blocks.endings import would_lose_offers
from carbonmatch.matching.messages import (
    OrderFlag,
    SessionId,
    SessionLost,
    TimePassed,
)
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.logs import log
from carbonmatch.protocol import session
from carbonmatch.protocol.throttle import Throttle
from carbonmatch.server.audit_search import AuditFinder
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.configured import SessionSettings
from carbonmatch.server.history import History
from carbonmatch.server.listener import Listener
from carbonmatch.server.pipeline import Pipeline
from carbonmatch.server.scheduler import Scheduler
from carbonmatch.server.schedules import Schedules
from carbonmatch.server.session_peer import SessionPeer
from carbonmatch.server.steering import Steering
from carbonmatch.server.trade_search import TradeFinder

_NS_PER_MS: Final = 1_000_000


class Gateway(Listener):
    """Order entry and operators."""

    def __init__(
        self,
        rules: session.Listener,
        clocks: Clocks,
        counters: Counters,
        scheduler: Scheduler,
        pipeline: Pipeline,
        history: History,
        schedules: Schedules,
        sessions: dict[str, SessionSettings],
        epoch: int,
        durable: bool,
        order_wait_ms: int = 0,
    ) -> None:
        """`order_wait_ms`: a new order that has waited longer for its turn is refused; 0: none is."""
        super().__init__(rules, clocks, counters, scheduler)
        self.pipeline = pipeline
        self.history = history
        self.trades = TradeFinder(history)
        self.audits = AuditFinder(history)
        self.schedules = schedules
        self.steering = Steering(pipeline.engine, self)
        self.sessions = sessions
        self.epoch = epoch
        self.durable = durable
        # Who is logged on, by session: at most one connection each.
        self.owners: dict[SessionId, SessionPeer] = {}
        self.accepting_orders = True
        self.order_wait_ns = order_wait_ms * _NS_PER_MS
        # When an order was last refused because it had waited too long.
        self._busy_ns: int | None = None
        self._throttles: dict[SessionId, Throttle] = {}
        # Who has frames waiting: those who were content with less than their share when they were served
        # last, and all others.
        self._modest: deque[SessionPeer] = deque()
        self._ready: deque[SessionPeer] = deque()
        self._scheduled = False
        # What was done since batches were last offered to the disk.
        self._work = 0
        # Until when turns are short, because somebody modest was served while others waited.
        self._short_until_ns = 0
        self._has_short_turns = False
        self._served_last: SessionPeer | None = None
        # Sessions whose orders go when this time has come, unless they are back before.
        self._lost_at_ns: dict[SessionId, int] = {}
        self._stopping = False
        pipeline.on_release = self.schedule

    def make_peer(self) -> "SessionPeer":
        return SessionPeer(self)

    def throttle(self, settings: SessionSettings) -> Throttle | None:
        """A session's buckets outlive its connections: reconnecting does not refill them."""
        if not settings.commands_per_second and not settings.cancels_per_second:
            return None
        throttle = self._throttles.get(settings.session_id)
        if throttle is None:
            throttle = self._throttles[settings.session_id] = Throttle(
                settings.commands_per_second,
                settings.commands_burst,
                settings.cancels_per_second,
                settings.cancels_burst,
                self.clocks.monotonic_ns(),
            )
        return throttle

    def settings_of(self, name: str) -> SessionSettings | None:
        """What the configuration says of a session; None where it says nothing."""
        return self.sessions.get(name)

    def refused_count(self, session_id: SessionId) -> int:
        """Commands that the session's throttle, as it is now, has refused."""
        throttle = self._throttles.get(session_id)
        return 0 if throttle is None else throttle.refused_count

    def accept_orders(self, accepting: bool) -> None:
        """Whether new orders are taken from now on; where they are again, note what logons have asked for."""
        self.accepting_orders = accepting
        if accepting:
            for peer in self.owners.values():
                peer.note_opening()

    def sessions_changed(self, sessions: dict[str, SessionSettings], *, at_once: bool = False) -> None:
        """A session whose throttle is another one now gets it with its next logon, which announces it.

        `at_once`: where it is connected it is told, and the throttle holds from here on.
        """
        before = {settings.session_id: settings.throttle for settings in self.sessions.values()}
        self.sessions = sessions
        for settings in sessions.values():
            if before.get(settings.session_id) == settings.throttle:
                continue
            self._throttles.pop(settings.session_id, None)
            owner = self.owners.get(settings.session_id)
            if at_once and owner is not None:
                owner.change_throttle(settings)

    # --- turns -----------------------------------------------------------------------------------

    def wake(self, peer: SessionPeer) -> None:
        """`peer` has frames; it is not in the queue yet."""
        if self.is_closed:
            return
        queue = self._modest if peer.is_modest else self._ready
        queue.append(peer)
        if (
            peer is self._served_last
            and len(self._modest) + len(self._ready) == 1
            and not self._scheduled
            and not self.pipeline.is_full
        ):
            # Whoever trades alone need not wait for another turn of the loop: 7 % of a round trip.
            self._turn()
        else:
            self.schedule()

    def schedule(self) -> None:
        if not self._scheduled and self._may_serve():
            self._scheduled = True
            self.scheduler.call_soon(self._turn)

    def _may_serve(self) -> bool:
        """Whether somebody waits for whom the gathering batch has room."""
        return (bool(self._modest) and not self.pipeline.is_full) or (
            bool(self._ready) and not self._is_full_for_others()
        )

    def _is_full_for_others(self) -> bool:
        """Whether the rest of the gathering batch is for those who ask for little, if they are about."""
        pipeline = self.pipeline
        if pipeline.is_full:
            return True
        return self._has_short_turns and pipeline.gathered_count >= BATCH_COMMANDS_SHARED_MAX

    def _turn(self) -> None:
        """Serve whoever waits, one budget each, then send what has gathered to the disk."""
        self._scheduled = False
        modest, ready = self._modest, self._ready
        pipeline = self.pipeline
        pipeline.begin_turn()
        now_ns = self.clocks.monotonic_ns()
        # The only session there is, which sends again when it is answered: it need not wait for the
        # journal thread to be woken. With a second one, though it only listen, the loop must not wait
        # for the disk: that may take seconds, in which nobody's heartbeat or cancel would be heard.
        alone = self._is_alone()
        if modest:
            self._serve_modest(now_ns)
        is_short = self._has_short_turns = now_ns < self._short_until_ns
        ends_ns = now_ns + SHORT_TURN_NS_MAX
        is_over = False
        while ready and not is_over and not self._is_full_for_others():
            self._work += self._serve(ready.popleft())
            if pipeline.is_awaited:
                pipeline.go_on()
            is_over = self._work >= TURN_WORK_MAX or (is_short and self.clocks.monotonic_ns() >= ends_ns)
        self._end_turn(alone)

    def _is_alone(self) -> bool:
        if len(self._modest) + len(self._ready) != 1 or len(self.owners) != 1:
            return False
        return (self._modest or self._ready)[0] is self._served_last

    def _end_turn(self, alone: bool) -> None:
        """Let the disk have what has gathered, unless there is not the work of a turn in it yet."""
        pipeline = self.pipeline
        pipeline.more_comes = self._work < TURN_WORK_MAX and self._may_serve() and not pipeline.is_awaited
        if not pipeline.more_comes:
            self._work = 0
            pipeline.flush(alone and not self._modest and not self._ready)
        self.schedule()

    def _serve_modest(self, now_ns: int) -> None:
        """Serve those first who want little: what they ask for waits for nobody else.

        A session that floods would keep them waiting for its own share of the turn. Together they have half
        of a turn at most: everybody who waits is served at some time.
        """
        modest, pipeline = self._modest, self.pipeline
        work = 0
        while modest and work < TURN_WORK_MAX // 2 and not pipeline.is_full:
            work += self._serve(modest.popleft())
        self._work += work
        if self._ready:
            self._short_until_ns = now_ns + SHORT_TURNS_NS
            pipeline.hurry()

    def _serve(self, peer: SessionPeer) -> int:
        """One session's share of a turn; returns its work."""
        self._served_last = peer
        work = peer.serve(TURN_SESSION_WORK_MAX)
        has_more = bool(peer.frames) and peer.look_up is None
        peer.is_modest = not has_more and work < TURN_SESSION_WORK_MAX
        if has_more:
            self._ready.append(peer)
        else:
            peer.queued = False
        return work

    def late_before_ns(self) -> int:
        """New orders that were read before this are too late to be applied."""
        return self.clocks.monotonic_ns() - self.order_wait_ns if self.order_wait_ns else 0

    def refused_as_busy(self) -> None:
        self._busy_ns = self.clocks.monotonic_ns()

    @property
    def is_busy(self) -> bool:
        """Whether orders were refused a moment ago because they had waited too long."""
        if self._busy_ns is None:
            return False
        return self.clocks.monotonic_ns() - self._busy_ns < BUSY_TOLD_SECONDS * 1e9

    def waiting(self) -> tuple[int, int]:
        """Of all frames that wait for their turn: how long the oldest has, in ns, and their bytes."""
        peers = [peer for peer in (*self._modest, *self._ready) if peer.frames]
        if not peers:
            return 0, 0
        oldest_ns = min(peer.frames[0][1] for peer in peers)
        return self.clocks.monotonic_ns() - oldest_ns, sum(peer.unserved_bytes for peer in peers)

    @property
    def in_grace_count(self) -> int:
        """Sessions that were lost and whose orders go unless they are back in time."""
        return len(self._lost_at_ns)

    @property
    def catching_up_count(self) -> int:
        """Sessions that have logged on and are not live yet."""
        return sum(peer.stream.receiver is not peer for peer in self.owners.values())

    def stop_reading(self) -> None:
        """Take no more frames; what was applied is still to be answered.

        Nobody is let in, who would send again what is better answered after the restart. Nor do
        orders go with their connections from here on: it is the venue that leaves, and the next start
        gives everybody the grace time again.
        """
        self.close_door()
        self._stopping = True
        self.schedules.stop()
        self._lost_at_ns.clear()
        self._modest.clear()
        self._ready.clear()
        for peer in self.peers:
            if peer.connected:
                peer.transport.pause_reading()

    # --- cancel on disconnect --------------------------------------------------------------------

    def arm(self, session_id: SessionId, grace_ms: int) -> None:
        if self._stopping:
            return
        self._lost_at_ns[session_id] = self.clocks.monotonic_ns() + grace_ms * _NS_PER_MS

    def disarm(self, session_id: SessionId) -> None:
        self._lost_at_ns.pop(session_id, None)

    def swept(self, now_ns: int) -> None:
        for session_id in [i for i, at_ns in self._lost_at_ns.items() if at_ns <= now_ns]:
            del self._lost_at_ns[session_id]
            engine = self.pipeline.engine
            state = engine.sessions[session_id]
            keeps_orders = all(order.flags & OrderFlag.KEEP_ON_DISCONNECT for order in state.orders.values())
            if keeps_orders and not would_lose_offers(engine.venue, state):
                # An entry that changes nothing: one client that comes and goes could fill a disk with them.
                continue
            log("session_orders_cancelled", session=state.name)
            self.pipeline.submit_venue([SessionLost(session_id)])
        self._pass_time()
        self.schedules.look()

    # --- time ------------------------------------------------------------------------------------

    def _pass_time(self) -> None:
        """Let what is due happen in a market in which nobody does anything.

        Every entry does it, so this only looks whether one is missing: twenty times a second, and again
        in the next turn while one entry cannot do it all.
        """
        pipeline = self.pipeline
        if self._stopping or pipeline.is_full or not pipeline.engine.is_due(self.clocks.time_ns()):
            return
        pipeline.submit_venue([TimePassed()])
        self.scheduler.call_soon(self._pass_time)
