"""Bytes <-> payloads: a frame is a big-endian u32 payload length, then the payload.

Nothing here knows what a payload means, and nothing here knows a socket.
"""

from struct import Struct
from typing import Final

from carbonmatch.matching.messages import RejectReason
from carbonmatch.protocol.errors import ProtocolError

_LENGTH: Final = Struct(">I")
LENGTH_BYTES: Final = _LENGTH.size
_unpack_length = _LENGTH.unpack_from
assert LENGTH_BYTES == 4, "the frame is a promise: see proto/README.md"


def frame(payload: bytes) -> bytes:
    assert payload, "an empty payload is no frame"
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Cuts a stream of bytes into payloads.

    Holds at most one incomplete frame: its length is checked when the four bytes are there, before
    anything is kept for it. After a `ProtocolError` the reader is of no further use.
    """

    __slots__ = ("_partial", "frame_bytes_max", "incomplete")

    def __init__(self, frame_bytes_max: int) -> None:
        # May be raised while reading: a peer is trusted with larger frames after its logon.
        self.frame_bytes_max = frame_bytes_max
        # Whether a frame has begun that is not complete.
        self.incomplete = False
        self._partial = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return every payload that `chunk` completes; raise ProtocolError on a length out of bounds.

        Whole frames that stand before the wrong length in the same chunk are lost with it: their
        sender learns from `last_ref` at its next logon that they were not applied.
        """
        payloads: list[bytes] = []
        start = self._complete_partial(chunk, payloads) if self.incomplete else 0
        size = len(chunk)
        length_max = self.frame_bytes_max
        unpack_length = _unpack_length
        # The common case is whole frames and nothing kept: payloads are sliced from the chunk.
        while (body := start + LENGTH_BYTES) <= size:
            (length,) = unpack_length(chunk, start)
            if length > length_max or not length:
                raise self._length_error(length)
            end = body + length
            if end > size:
                break
            payloads.append(chunk[body:end])
            start = end
        if start < size:
            self._partial += chunk[start:]
            self.incomplete = True
        return payloads

    def _complete_partial(self, chunk: bytes, payloads: list[bytes]) -> int:
        """Give the kept frame the bytes it lacks; return how much of `chunk` that took.

        Only the missing bytes are added, so a large frame in many chunks is copied once.
        """
        partial = self._partial
        start = 0
        if len(partial) < LENGTH_BYTES:
            start = LENGTH_BYTES - len(partial)
            partial += chunk[:start]
            if len(partial) < LENGTH_BYTES:
                return len(chunk)
        length: int = _unpack_length(partial)[0]
        if not 0 < length <= self.frame_bytes_max:
            raise self._length_error(length)
        end = start + LENGTH_BYTES + length - len(partial)
        partial += chunk[start:end]
        if len(partial) < LENGTH_BYTES + length:
            return len(chunk)
        del partial[:LENGTH_BYTES]
        payloads.append(bytes(partial))
        partial.clear()
        self.incomplete = False
        return end

    def _length_error(self, length: int) -> ProtocolError:
        reason = RejectReason.FRAME_TOO_LONG if length else RejectReason.MALFORMED
        return ProtocolError(reason, f"frame of {length} bytes, expected 1 to {self.frame_bytes_max}")
