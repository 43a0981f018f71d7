"""What an operator asks beside the market: answered outside of its stream, one question after the other."""

from collections import deque
from typing import TYPE_CHECKING

from carbonmatch.limits import FRAME_SEARCHES_MAX
from carbonmatch.matching.messages import Permission, RejectReason
from carbonmatch.protocol.audited import AuditedCommand
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.messages import Audited, AuditEnd, AuditRequest, Role
from carbonmatch.server.audit_search import AuditPage, line_of

if TYPE_CHECKING:
    from carbonmatch.server.session_peer import SessionPeer


class Questions:
    """Of one connection. At most as many wait as a frame may hold: each may read a segment of the journal."""

    def __init__(self, peer: "SessionPeer") -> None:
        self._peer = peer
        # In the order in which they came; the first one is being answered.
        self._waiting: deque[AuditRequest] = deque()

    def ask(self, question: AuditRequest) -> None:
        reason = self._refusal()
        if reason is not None:
            self._peer.send(encode([AuditEnd(question.token, reason, False, 0, 0)]))
            return
        self._waiting.append(question)
        if len(self._waiting) == 1:
            self._go_on()

    def _refusal(self) -> RejectReason | None:
        peer = self._peer
        logon = peer.rules.logon
        assert logon is not None
        if logon.role is not Role.OPERATOR or not peer.state.operator:
            return RejectReason.NOT_ENTITLED
        if peer.rules.permissions and not peer.rules.permissions & Permission.INSPECT:
            return RejectReason.NOT_PERMITTED
        return RejectReason.BUSY if len(self._waiting) >= FRAME_SEARCHES_MAX else None

    def _go_on(self) -> None:
        peer = self._peer
        peer.listener.audits.find(self._waiting[0], self._found, peer.past_is_unreadable)

    def _found(self, page: AuditPage) -> None:
        question = self._waiting.popleft()
        peer = self._peer
        if not peer.connected:
            return
        token = question.token
        end = AuditEnd(token, 0, page.more, page.position, page.after_sequence)
        peer.send(encode([*(self._line(token, one) for one in page.lines), end]))
        if self._waiting:
            self._go_on()

    def _line(self, token: int, one: AuditedCommand) -> Audited:
        session = self._peer.pipeline.engine.sessions.get(one.entry.session_id)
        return line_of(one, token, session.name if session else "")
