"""What the connections of one port have in common: the rules of logon, the clock, the deadlines' sweep."""

import ssl
from typing import TYPE_CHECKING, Final

from carbonmatch.limits import CONNECTIONS_LEAVING_MAX, CONNECTIONS_MAX
from carbonmatch.ops.counters import Counters
from carbonmatch.protocol import session
from carbonmatch.protocol.messages import LogoutReason
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.door import Arriving, Door
from carbonmatch.server.guard import Guard, Visit
from carbonmatch.server.scheduler import Scheduler, Timer

if TYPE_CHECKING:
    from carbonmatch.server.peer import Peer

# Deadlines are looked at this often; a connection has no timer of its own.
_SWEEP_SECONDS: Final = 0.05


class Listener:
    """Subclasses say what a connection is for, by the peer that they make."""

    def __init__(
        self, rules: session.Listener, clocks: Clocks, counters: Counters, scheduler: Scheduler
    ) -> None:
        self.rules = rules
        self.clocks = clocks
        self.counters = counters
        self.scheduler = scheduler
        self.connections_max = CONNECTIONS_MAX
        self.peers: dict[Peer, None] = {}
        # Of all its connections, for the metrics.
        self.received_bytes = 0
        self.sent_bytes = 0
        self.is_closed = False
        self.door: Door | None = None
        self._sweeper: Timer | None = None

    def make_peer(self) -> "Peer":
        raise NotImplementedError

    async def open(
        self, host: str, port: int, guard: Guard, tls: ssl.SSLContext | None = None
    ) -> tuple[str, int]:
        """Listen; return the address that was bound."""
        self.connections_max = guard.bounds.connections
        self.door = Door(guard, self.clocks.monotonic_ns, self._welcome, self._has_room, tls)
        address = await self.door.open(host, port)
        self.start_sweeping()
        return address

    def _welcome(self, visit: Visit) -> Arriving:
        peer = self.make_peer()
        peer.visit = visit
        return peer

    def start_sweeping(self) -> None:
        """Look at deadlines from now on."""
        self._sweeper = self.scheduler.call_later(_SWEEP_SECONDS, self._sweep)

    def _has_room(self, arriving: int) -> bool:
        """Whether one more may come; somebody who has waited long enough goes for it.

        Who was told to go takes a moment to be gone, and those are bounded as well.
        """
        there = len(self.peers) + arriving
        if there < self.connections_max:
            return True
        return there < self.connections_max + CONNECTIONS_LEAVING_MAX and self.make_room()

    def make_room(self) -> bool:
        """End the connection that has waited longest without a logon; False where all have logged on.

        Otherwise whoever opens connections and says nothing keeps everybody out. Strangers go before
        those whose address has logged on before, who are about to do so again.
        """
        longest = None
        for peer in self.peers:
            if peer.rules.state is session.State.AWAITING_LOGON:
                longest = longest or peer
                if peer.visit is None or not peer.visit.is_known:
                    longest = peer
                    break
        if longest is not None:
            longest.log_out(LogoutReason.TOO_MANY_CONNECTIONS)
        return longest is not None

    def close_door(self) -> None:
        """Take no more connections."""
        self.is_closed = True
        if self.door is not None:
            self.door.close()

    def close(self, reason: LogoutReason, text: str = "") -> None:
        """Take no more connections, and say goodbye to those there are."""
        self.close_door()
        for peer in list(self.peers):
            peer.log_out(reason, text)

    def stop(self) -> None:
        """Drop what has not gone by itself."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for peer in list(self.peers):
            peer.abort()

    def end_unentitled(self) -> None:
        """End the connections whose key does not admit them any more: keys have changed."""
        time_ns = self.clocks.time_ns()
        for peer in list(self.peers):
            if peer.rules.state is not session.State.ACTIVE:
                continue
            if peer.rules.still_entitled(time_ns, peer.host):
                peer.rules.renew()
            else:
                peer.log_out(LogoutReason.NOT_ENTITLED)

    def _sweep(self) -> None:
        self.start_sweeping()
        now_ns = self.clocks.monotonic_ns()
        for peer in list(self.peers):
            peer.sweep(now_ns)
        self.swept(now_ns)

    def swept(self, now_ns: int) -> None:
        """Hook: whatever else has deadlines on this listener."""
