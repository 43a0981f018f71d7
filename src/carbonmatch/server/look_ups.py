"""Outcomes of long ago: refs that a connection repeats and only the journal still knows."""

from functools import partial
from typing import TYPE_CHECKING

from carbonmatch.limits import LOOK_UPS_WAITING_MAX
from carbonmatch.matching.messages import NO_REF, Ref
from carbonmatch.protocol.batch import repeat_of
from carbonmatch.protocol.messages import LogoutReason
from carbonmatch.server.stream import Chunk

if TYPE_CHECKING:
    from carbonmatch.server.session_peer import SessionPeer


class LookUps:
    """Of one connection, and one after the other, so that a session which repeats much waits for itself.

    It is told of the connection with each call and does not keep it: the two would keep one another after its
    end, until the collector of cycles looks, which is seldom.
    """

    def __init__(self) -> None:
        # In the order in which they came; the first one is being looked up.
        self._refs: dict[Ref, None] = {}

    @property
    def waiting(self) -> bool:
        return bool(self._refs)

    def ask(self, peer: "SessionPeer", ref: Ref) -> None:
        if ref in self._refs:
            return  # asked again while it is looked up: answered once
        self._refs[ref] = None
        if len(self._refs) == 1:
            self._go_on(peer)
        elif len(self._refs) > LOOK_UPS_WAITING_MAX:
            peer.log_out(LogoutReason.THROTTLED)

    def _go_on(self, peer: "SessionPeer") -> None:
        ref = next(iter(self._refs))
        found = partial(self._found, peer)
        peer.listener.history.find(peer.stream.session_id, ref, found, peer.past_is_unreadable)

    def _found(self, peer: "SessionPeer", chunk: Chunk | None) -> None:
        if not peer.connected:
            return
        ref = next(iter(self._refs))
        del self._refs[ref]
        if chunk is None and ref != NO_REF:
            # Not a refusal: the command may have been applied, and its client would send it again.
            peer.log_out(LogoutReason.HISTORY_LOST, f"the answer to ref {ref} was archived")
            return
        peer.send_outcome(ref, [] if chunk is None else repeat_of(chunk.payload, ref))
        if self._refs:
            self._go_on(peer)
        else:
            peer.leave()
