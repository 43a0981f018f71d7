"""What the commands of one frame need to know before they are applied: found out one after the other.

Trades are looked up in the journal, sessions where their connections are, and what the process itself carries
out is carried out. Meanwhile the frames behind it wait, since refs are applied in their order; everybody else
goes on.
"""

from typing import TYPE_CHECKING

from carbonmatch.limits import AMENDMENT_CHARS_MAX, AMENDMENTS_STATUS_MAX
from carbonmatch.matching.messages import (
    AmendmentCommand,
    AmendmentsRequest,
    ClientCommand,
    FoundTrade,
    OnAmendment,
    OnOutcome,
    OnSessions,
    OnTrade,
    ProcessCommand,
    Ref,
    SessionCommand,
    SessionsRequest,
    TradeCommand,
    TradeId,
)
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.messages import LoggedOut
from carbonmatch.protocol.session import Received
from carbonmatch.server.selection import Judged
from carbonmatch.server.steering import Result
from carbonmatch.server.trade_search import Absence, Sought

if TYPE_CHECKING:
    from carbonmatch.server.session_peer import SessionPeer

_Looked = TradeCommand | SessionsRequest | ProcessCommand | AmendmentCommand


class FrameLookUp:
    """Invariant: `is_done` exactly when all is known that the commands which may pass need."""

    def __init__(
        self, peer: "SessionPeer", judged: Judged, received: Received[ClientCommand], received_ns: int
    ) -> None:
        """`judged`: what may pass is settled before anything is found out, or done."""
        self.judged = judged
        self.received_ns = received_ns
        self._peer = peer
        self._received = received
        self._commands = list(judged.selection.passing)
        # By their places in the frame: a ref may come twice in it, with two trades.
        self._waiting = [
            (place, command) for place, command in enumerate(self._commands) if isinstance(command, _Looked)
        ]
        self._archived: list[Ref] = []
        # Whether no change of the configuration is waited for.
        self._settled = True

    @property
    def is_done(self) -> bool:
        return not self._waiting and self._settled

    @property
    def logged_out(self) -> LoggedOut | None:
        return self._received.logged_out

    def begin(self) -> None:
        """Find out what has to be; the peer is woken when that is done. It may be done at once."""
        while self._waiting:
            command = self._waiting[0][1]
            if isinstance(command, SessionsRequest):
                self._note(self._peer.listener.steering.sessions(command))
            elif isinstance(command, ProcessCommand):
                if self._peer.state.operator:
                    self._peer.listener.steering.carry_out(command, self._carried_out)
                    return
                self._note(OnOutcome(command, False, 0))
            elif isinstance(command, AmendmentCommand):
                # What follows from it is found out as it is applied; but not while another one is under way.
                self._note(command)
                self._settled = False
                self._peer.listener.steering.when_settled(self._has_settled)
                if not self._settled:
                    return
            elif not self._begin_trade(command):
                return

    def commands(self) -> list[SessionCommand]:
        """The frame's commands that pass, with what was found; without those on trades that were archived."""
        archived = set(self._archived)
        return self._with_amendments([one for one in self._commands if one.ref not in archived])

    def _with_amendments(self, commands: list[SessionCommand]) -> list[SessionCommand]:
        """Changes of the configuration with what follows from them as of now: one in a frame."""
        logon = self._peer.rules.logon
        assert logon is not None, "only who is logged on sends commands"
        found: list[SessionCommand] = []
        is_first = True
        for command in commands:
            if not isinstance(command, AmendmentCommand):
                found.append(command)
            elif is_first and self._peer.state.operator:
                is_first = False
                found.append(self._peer.listener.steering.amend(command, logon))
            else:
                found.append(OnAmendment(command, False, lines=("expected one change of it in a frame",)))
        return found

    def archived(self) -> list[Ref]:
        """Commands on trades which the journal that is here does not reach back to, each ref once."""
        return list(dict.fromkeys(self._archived))

    def _begin_trade(self, command: TradeCommand) -> bool:
        """Whether there is nothing to wait for."""
        peer = self._peer
        # Whoever may not ask learns nothing, and costs nothing; nor does an id that cannot be.
        if peer.state.operator and 0 < command.trade_id <= peer.pipeline.engine.last_trade_id:
            peer.listener.trades.find(TradeId(command.trade_id), self._found, peer.past_is_unreadable)
            return False
        self._note(OnTrade(command, None))
        return True

    def _found(self, sought: Sought) -> None:
        command = self._waiting[0][1]
        assert isinstance(command, TradeCommand)
        if sought is Absence.ARCHIVED:
            self._archived.append(command.ref)
        self._note(OnTrade(command, sought if isinstance(sought, FoundTrade) else None))
        self._go_on()

    def _carried_out(self, result: Result) -> None:
        command = self._waiting[0][1]
        assert isinstance(command, ProcessCommand)
        self._note(OnOutcome(command, result.applied, result.at_sequence, result.lines))
        self._go_on()

    def _has_settled(self) -> None:
        if not self._settled:
            self._settled = True
            self._go_on()

    def _go_on(self) -> None:
        if not self._peer.has_its_session:
            return  # nobody waits any more, and each of the others may read a segment
        self.begin()
        if self.is_done:
            self._peer.looked_up()

    def _note(self, command: SessionCommand) -> None:
        place, _ = self._waiting.pop(0)
        self._commands[place] = command


def found_bytes(command: SessionCommand) -> int:
    """How much larger it is than what was asked; those on trades are counted with all other commands."""
    if isinstance(command, AmendmentsRequest):
        # Of its answer: tables are larger than what asks for them.
        return AMENDMENTS_STATUS_MAX * AMENDMENT_CHARS_MAX
    return len(encode([command])) if isinstance(command, OnSessions | OnOutcome | OnAmendment) else 0
