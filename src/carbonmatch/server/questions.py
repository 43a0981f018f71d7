"""What an operator asks beside the market: answered outside of its stream, one question after the other."""

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from carbonmatch.limits import FRAME_SEARCHES_MAX
from carbonmatch.matching.foresight import Foresight
from carbonmatch.matching.messages import (
    BustTrade,
    CorrectTrade,
    FoundTrade,
    OnTrade,
    Permission,
    RejectReason,
    SessionCommand,
)
from carbonmatch.protocol.audited import AuditedCommand
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.messages import (
    Audited,
    AuditEnd,
    AuditRequest,
    DryRun,
    Foreseen,
    OperatorAnswer,
    OperatorQuestion,
    Role,
)
from carbonmatch.protocol.permissions import forbidden
from carbonmatch.server.audit_search import AuditPage, line_of, waiting_line
from carbonmatch.server.trade_search import Absence, Sought

if TYPE_CHECKING:
    from carbonmatch.server.session_peer import SessionPeer


class Questions:
    """Of one connection. At most as many wait as a frame may hold: each may read a segment of the journal.

    It is told of the connection with each call and does not keep it, as `LookUps`.
    """

    def __init__(self) -> None:
        # In the order in which they came; the first one is being answered.
        self._waiting: deque[OperatorQuestion] = deque()

    def ask(self, peer: "SessionPeer", question: OperatorQuestion) -> None:
        reason = self._refusal(peer, question)
        if reason is not None:
            peer.send(encode([_refused(question, reason)]))
            return
        self._waiting.append(question)
        if len(self._waiting) == 1:
            self._go_on(peer)

    def _refusal(self, peer: "SessionPeer", question: OperatorQuestion) -> RejectReason | None:
        logon = peer.rules.logon
        assert logon is not None
        permissions = peer.rules.permissions
        if logon.role is not Role.OPERATOR or not peer.state.operator:
            return RejectReason.NOT_ENTITLED
        if isinstance(question, AuditRequest):
            is_permitted = not permissions or permissions & Permission.INSPECT
        else:
            is_permitted = type(question.command) not in forbidden(permissions)
        if not is_permitted:
            return RejectReason.NOT_PERMITTED
        return RejectReason.BUSY if len(self._waiting) >= FRAME_SEARCHES_MAX else None

    def _go_on(self, peer: "SessionPeer") -> None:
        question = self._waiting[0]
        if isinstance(question, AuditRequest) and question.waiting:
            self._tell_waiting(peer, question)
            return
        if isinstance(question, AuditRequest):
            peer.listener.audits.find(question, partial(self._read, peer), peer.past_is_unreadable)
            return
        command = question.command
        if not isinstance(command, BustTrade | CorrectTrade):
            self._foresee(peer, command)
        elif 0 < command.trade_id <= peer.pipeline.engine.last_trade_id:
            found = partial(self._found, peer)
            peer.listener.trades.find(command.trade_id, found, peer.past_is_unreadable)
        else:
            self._foresee(peer, OnTrade(command, None))

    def _found(self, peer: "SessionPeer", sought: Sought) -> None:
        question = self._waiting[0]
        assert isinstance(question, DryRun)
        command = question.command
        assert isinstance(command, BustTrade | CorrectTrade)
        if sought is Absence.ARCHIVED:
            self._answer(peer, [_refused(question, RejectReason.HISTORY_LOST)])
        else:
            self._foresee(peer, OnTrade(command, sought if isinstance(sought, FoundTrade) else None))

    def _foresee(self, peer: "SessionPeer", command: SessionCommand) -> None:
        """Tell it once what it is made of is durable: a crash could take that back."""
        foresight = peer.pipeline.engine.foresee(peer.state.session_id, command)
        answer = _foreseen(self._waiting[0].token, foresight)
        peer.pipeline.when_durable(lambda: self._answer(peer, [answer]))

    def _read(self, peer: "SessionPeer", page: AuditPage) -> None:
        token = self._waiting[0].token
        end = AuditEnd(token, 0, page.more, page.position, page.after_sequence)
        self._answer(peer, [*(_line(peer, token, one) for one in page.lines), end])

    def _tell_waiting(self, peer: "SessionPeer", question: AuditRequest) -> None:
        """As the engine has them, once that is durable."""
        engine = peer.pipeline.engine
        now_ns = peer.clocks.time_ns()
        lines = [
            waiting_line(number, one, question.token, engine.sessions[one.session_id].name)
            for number, one in engine.venue.waiting_commands.items()
            if one.expires_ns > now_ns
        ]
        answer: list[OperatorAnswer] = [*lines, AuditEnd(question.token, 0, False, 0, 0)]
        peer.pipeline.when_durable(lambda: self._answer(peer, answer))

    def _answer(self, peer: "SessionPeer", messages: list[OperatorAnswer]) -> None:
        self._waiting.popleft()
        if not peer.connected:
            return
        peer.send(encode(messages))
        if self._waiting:
            self._go_on(peer)


def _line(peer: "SessionPeer", token: int, one: AuditedCommand) -> Audited:
    session = peer.pipeline.engine.sessions.get(one.entry.session_id)
    return line_of(one, token, session.name if session else "")


def _refused(question: OperatorQuestion, reason: RejectReason) -> OperatorAnswer:
    if isinstance(question, AuditRequest):
        return AuditEnd(question.token, reason, False, 0, 0)
    return Foreseen(question.token, reason)


def _foreseen(token: int, foresight: Foresight) -> Foreseen:
    found = foresight.found
    return Foreseen(
        token,
        foresight.reason or 0,
        len(found.orders),
        found.order_lots,
        len(found.proposals),
        len(found.bids),
        len(found.biddings),
        foresight.more,
        foresight.instrument_count,
    )
