"""What was read of a session and is not cut into frames yet: large chunks are cut as they are served."""

from collections import deque
from typing import TYPE_CHECKING

from carbonmatch.limits import CUT_BYTES_MAX
from carbonmatch.protocol.errors import ProtocolError

if TYPE_CHECKING:
    from carbonmatch.server.session_peer import SessionPeer


class Uncut:
    """Invariant: while there is something here, frames of the session wait, and nothing is read of it.

    A chunk of the smallest frames takes milliseconds to cut, in which nobody else would be served. It is told
    of the connection with each call and does not keep it, as `LookUps`.
    """

    def __init__(self) -> None:
        # Pieces, with the time at which they were read.
        self._pieces: deque[tuple[bytes, int]] = deque()

    def __bool__(self) -> bool:
        return bool(self._pieces)

    @property
    def byte_count(self) -> int:
        return sum(len(piece) for piece, _ in self._pieces)

    def takes(self, peer: "SessionPeer", data: bytes) -> bool:
        """Take `data` if it is large, or comes behind what is here: cut its beginning, and keep the rest."""
        if len(data) <= CUT_BYTES_MAX and not self._pieces:
            return False
        self._add(peer, data)
        return True

    def _add(self, peer: "SessionPeer", data: bytes) -> None:
        if peer.rules.closed:
            return
        peer.listener.received_bytes += len(data)
        now_ns = peer.clocks.monotonic_ns()
        for start in range(0, len(data), CUT_BYTES_MAX):
            self._pieces.append((data[start : start + CUT_BYTES_MAX], now_ns))
        peer.pause_reading()
        try:
            self.cut(peer)
        except ProtocolError as error:
            peer.fail(error)

    def cut(self, peer: "SessionPeer") -> None:
        """Have frames again, where there is something to cut them from. Raises ProtocolError."""
        while self._pieces and not peer.frames:
            piece, read_ns = self._pieces.popleft()
            peer.received(peer.rules.feed(piece, read_ns), read_ns)

    def clear(self) -> None:
        self._pieces.clear()
