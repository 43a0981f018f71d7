"""The replay's ends of the sessions: commands out, each with what is to happen when it is answered."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from carbonmatch.launch.turns import Connection, Loop
from carbonmatch.launch.venue import Venue
from carbonmatch.matching.messages import ANY, Ref, Rejected, RejectReason
from carbonmatch.protocol.messages import (
    BandUpdate,
    Role,
    SessionRejected,
    SnapshotBegin,
    Subscribe,
    Subscribed,
    Trade,
)

Answer = Callable[[Any], object]


class LaunchFailed(Exception):
    """The engine did not do what the plan relies on."""


class Desk:
    """One session. Invariant: `next_seq` is the first report that it has not had."""

    def __init__(self, name: str, role: Role = Role.TRADE) -> None:
        self.name = name
        self.next_seq = 1
        self.reports = 0
        self.rejects: Counter[RejectReason] = Counter()
        self._role = role
        self._last_ref = 0
        self._answers: dict[int, Answer] = {}
        self._connection: Connection | None = None

    def connect(self, loop: Loop, venue: Venue) -> None:
        """Log on, and go on where the connection before has ended."""
        peer = venue.floor.gateway.make_peer()
        self._connection = Connection(loop, peer, self.name, self._role, self.next_seq, self._take)
        loop.run()
        accepted = self._connection.accepted
        if accepted is None or accepted.last_ref != self._last_ref:
            raise LaunchFailed(f"{self.name}: {accepted}, expected to go on after ref {self._last_ref}")

    def leave(self) -> None:
        """The venue stops: it ends the connection, and may."""
        assert self._connection is not None
        self._connection.is_leaving = True
        self._answers.clear()

    def send(self, make: Callable[[Ref], Any], answered: Answer) -> None:
        """Send what `make` makes of a new ref; `answered` hears of each report that carries it."""
        assert self._connection is not None
        self._last_ref += 1
        self._answers[self._last_ref] = answered
        self._connection.send([make(Ref(self._last_ref))])

    def forget(self) -> None:
        """The day is over: nobody waits for answers any more."""
        self._answers.clear()

    def _take(self, report: Any) -> None:
        if isinstance(report, SessionRejected):
            raise LaunchFailed(f"{self.name}: {report}")
        seq = getattr(report, "seq", None)
        if seq is None:
            return
        if seq != self.next_seq:
            raise LaunchFailed(f"{self.name}: report {seq}, expected {self.next_seq}")
        self.next_seq += 1
        self.reports += 1
        if isinstance(report, Rejected):
            self.rejects[report.reason] += 1
        answered = self._answers.get(report.ref)
        if answered is not None:
            answered(report)


class Watcher:
    """A subscriber of the feed that adds up the trades it hears of, by instrument."""

    def __init__(self, name: str) -> None:
        self.messages = 0
        self.trades: Counter[int] = Counter()
        self.tonnes: Counter[int] = Counter()
        self.fen: Counter[int] = Counter()
        # The lowest and the highest price that an instrument admits now.
        self.bands: dict[int, tuple[int, int]] = {}
        self._name = name
        self._connection: Connection | None = None
        self._subscribed = False

    def connect(self, loop: Loop, venue: Venue) -> None:
        peer = venue.floor.publisher.make_peer()
        self._connection = Connection(loop, peer, self._name, Role.MARKET_DATA, ANY, self._take)
        loop.run()
        self._subscribed = False
        self._connection.send([Subscribe(Ref(1))])
        loop.run()
        # Requests are answered in turns of their own, by a timer that is due at once.
        loop.advance(loop.now_ns)
        if not self._subscribed:
            raise LaunchFailed("the feed does not answer")

    def leave(self) -> None:
        assert self._connection is not None
        self._connection.is_leaving = True

    def _take(self, message: Any) -> None:
        self.messages += 1
        if isinstance(message, Trade):
            self.trades[message.instrument_id] += 1
            self.tonnes[message.instrument_id] += message.quantity_lots
            self.fen[message.instrument_id] += message.quantity_lots * message.price_ticks
        elif isinstance(message, SnapshotBegin | BandUpdate):
            self.bands[message.instrument_id] = (message.band_low_ticks, message.band_high_ticks)
        elif isinstance(message, Subscribed):
            self._subscribed = True
