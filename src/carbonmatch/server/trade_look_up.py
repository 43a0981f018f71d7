"""The trades that one frame names: looked up one after the other, then the frame is applied.

Meanwhile the frames behind it wait, since refs are applied in their order; everybody else goes on.
"""

from typing import TYPE_CHECKING

from carbonmatch.matching.messages import (
    ClientCommand,
    FoundTrade,
    OnTrade,
    Ref,
    SessionCommand,
    TradeCommand,
    TradeId,
)
from carbonmatch.protocol.messages import LoggedOut
from carbonmatch.protocol.session import Received
from carbonmatch.server.trade_search import Absence, Sought

if TYPE_CHECKING:
    from carbonmatch.server.session_peer import SessionPeer


class TradeLookUp:
    """Invariant: `is_done` exactly when every trade that is named was found, or is known not to be."""

    def __init__(
        self, peer: "SessionPeer", received: Received[ClientCommand], received_ns: int, last_ref: Ref
    ) -> None:
        """Only what comes behind `last_ref` is looked up: the rest is repeated, and answered as before."""
        self.received_ns = received_ns
        self._peer = peer
        self._received = received
        # By their places in the frame: a ref may come twice in it, with two trades.
        self._waiting = [
            (place, command)
            for place, command in enumerate(received.requests)
            if isinstance(command, TradeCommand) and command.ref > last_ref
        ]
        self._sought: dict[int, Sought] = {}

    @property
    def is_done(self) -> bool:
        return not self._waiting

    @property
    def logged_out(self) -> LoggedOut | None:
        return self._received.logged_out

    def begin(self) -> None:
        """Look up what has to be; the peer is woken when that is done. It may be done at once."""
        peer = self._peer
        engine = peer.pipeline.engine
        while self._waiting:
            trade_id = self._waiting[0][1].trade_id
            # Whoever may not ask learns nothing, and costs nothing; nor does an id that cannot be.
            if peer.state.operator and 0 < trade_id <= engine.last_trade_id:
                peer.listener.trades.find(TradeId(trade_id), self._found, peer.past_is_unreadable)
                return
            self._note(Absence.NEVER_WAS)

    def commands(self) -> list[SessionCommand]:
        """The frame's commands, those on trades with what was found."""
        return [self._with_trade(place, command) for place, command in enumerate(self._received.requests)]

    def archived(self) -> list[Ref]:
        """Commands on trades which the journal that is here does not reach back to, each ref once."""
        requests = self._received.requests
        sought_at = self._sought.items()
        return list(
            dict.fromkeys(requests[place].ref for place, sought in sought_at if sought is Absence.ARCHIVED)
        )

    def _found(self, sought: Sought) -> None:
        self._note(sought)
        if not self._peer.has_its_session:
            return  # nobody waits any more, and each of the others may read a segment
        self.begin()
        if self.is_done:
            self._peer.looked_up()

    def _note(self, sought: Sought) -> None:
        place, _ = self._waiting.pop(0)
        self._sought[place] = sought

    def _with_trade(self, place: int, command: ClientCommand) -> SessionCommand:
        if not isinstance(command, TradeCommand) or place not in self._sought:
            return command
        sought = self._sought[place]
        return OnTrade(command, sought if isinstance(sought, FoundTrade) else None)
