"""One connection that asked for reports which only the journal has."""

from typing import TYPE_CHECKING

from carbonmatch.protocol.messages import LogoutReason
from carbonmatch.server.history import Past
from carbonmatch.server.stream import Chunk, payload_from

if TYPE_CHECKING:
    from carbonmatch.server.session_peer import SessionPeer


class CatchUp:
    """Sends the past at the pace at which the peer reads it, then lets the connection go live.

    A peer that does not read meanwhile is cut as any other is, when its deadline has passed.
    """

    def __init__(self, peer: "SessionPeer", past: Past, next_seq: int) -> None:
        self._peer = peer
        self._past = past
        self._next_seq = next_seq
        self._waiting = False
        self._ended = False

    def cancel(self) -> None:
        """The connection has lost its stream: send nothing more, and never go live."""
        self._ended = True

    def drained(self) -> None:
        """The peer has read most of what was sent."""
        if self._waiting and not self._peer.is_unread:
            self._waiting = False
            self.go_on()

    def go_on(self) -> None:
        """Ask for the next slice, or go live where there is none."""
        if self._ended:
            return
        if self._peer.is_unread:
            self._waiting = True
        elif not self._past.at_end:
            self._past.read(self._send, self._failed)
        elif self._next_seq < self._peer.stream.first_kept_seq:
            self._lost(self._peer.stream.first_kept_seq)
        else:
            self._ended = True
            self._peer.go_live(self._next_seq)

    def _send(self, chunks: list[Chunk]) -> None:
        if self._ended:
            return
        if chunks and chunks[0].first_seq > self._next_seq:
            self._lost(chunks[0].first_seq)
            return
        for chunk in chunks:
            self._peer.send(payload_from(chunk, self._next_seq))
            self._next_seq = chunk.first_seq + chunk.count
        self.go_on()

    def _lost(self, first_available_seq: int) -> None:
        self._ended = True
        self._peer.log_out(LogoutReason.HISTORY_LOST, f"first available seq {first_available_seq}")

    def _failed(self, error: Exception) -> None:
        if not self._ended:
            self._peer.past_is_unreadable(error)
