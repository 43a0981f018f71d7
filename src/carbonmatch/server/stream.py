"""The numbered reports of one session: kept for resume and repeats, handed to its connection.

A stream outlives connections and engine starts. What is here has been released: it is on disk.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping
from typing import Protocol

from msgspec import Raw, Struct

from carbonmatch.limits import OUTBOX_BYTES_MAX
from carbonmatch.matching.messages import NO_REF, AnyReport, CopyChunk, Outputs, Ref, SessionId
from carbonmatch.protocol.batch import (
    decode_outline,
    encode_stream,
    find_copy,
    find_stream,
    repeats_of,
    report_count,
    without_first,
)
from carbonmatch.protocol.copies import copy_frames


class Chunk(Struct, frozen=True, gc=False):
    """One stream's reports of one batch; `payload` is the frame that carries them."""

    session_id: SessionId
    first_seq: int
    count: int
    ref_before: Ref  # the last ref applied before the batch
    payload: bytes


class Receiver(Protocol):
    """A connection, as its stream sees it."""

    def send(self, payload: bytes) -> None: ...


class Stream:
    """Released reports of a session, newest in memory.

    Invariant: the chunks are contiguous and end at `released_seq`; `durable_ref` is the highest ref
    whose outcome has been released.
    """

    __slots__ = ("_chunks", "_kept_bytes", "_opened", "durable_ref", "receiver", "released_seq", "session_id")

    def __init__(self, session_id: SessionId, released_seq: int = 0, durable_ref: Ref | None = None) -> None:
        self.session_id = session_id
        self.released_seq = released_seq
        self.durable_ref = durable_ref or Ref(0)
        # The live connection, set once it has caught up; until then it reads from the past.
        self.receiver: Receiver | None = None
        self._chunks: deque[Chunk] = deque()
        self._kept_bytes = 0
        # The chunk that a repeat was last looked for in, taken apart: one that comes back repeats many
        # refs of the same batch, and to decode that for each of them would take seconds.
        self._opened: tuple[Chunk, dict[Ref, list[AnyReport]]] | None = None

    @property
    def first_kept_seq(self) -> int:
        """The oldest seq that memory holds; `released_seq + 1` where it holds none."""
        return self._chunks[0].first_seq if self._chunks else self.released_seq + 1

    def release(self, chunk: Chunk, last_ref: Ref) -> None:
        """Take one batch's reports, now durable, and pass them on."""
        assert chunk.first_seq == self.released_seq + 1, "streams are released without gaps"
        self.released_seq += chunk.count
        self.durable_ref = last_ref
        self._chunks.append(chunk)
        self._kept_bytes += len(chunk.payload)
        self._opened = None
        while self._kept_bytes > OUTBOX_BYTES_MAX and len(self._chunks) > 1:
            self._kept_bytes -= len(self._chunks.popleft().payload)
        if self.receiver is not None:
            self.receiver.send(chunk.payload)

    def pass_over(self, count: int) -> None:
        """Take as released what only the journal is to hold; there must be no receiver."""
        assert self.receiver is None, "it would miss this"
        self.released_seq += count
        self._chunks.clear()
        self._kept_bytes = 0
        self._opened = None

    def payloads_from(self, next_seq: int) -> list[bytes]:
        """Frames with every report from `next_seq` on; the caller has checked that they are kept."""
        assert self.first_kept_seq <= next_seq <= self.released_seq + 1
        return [
            payload_from(chunk, next_seq)
            for chunk in self._chunks
            if chunk.first_seq + chunk.count > next_seq
        ]

    def chunk_with(self, seq: int) -> Chunk:
        """The chunk which holds report `seq`; the caller has checked that it is kept."""
        assert self.first_kept_seq <= seq <= self.released_seq
        return self._chunks[bisect_right(self._chunks, seq, key=_first_seq) - 1]

    def chunk_of(self, ref: Ref) -> Chunk | None:
        """The chunk which would hold the outcome of `ref`; None where memory does not go back so far."""
        assert ref <= self.durable_ref
        # A command's reports are all in one batch: the last one that began before the ref.
        at = bisect_right(self._chunks, ref - 1, key=_ref_before) - 1
        return self._chunks[at] if at >= 0 else None

    def outcome(self, ref: Ref) -> list[AnyReport]:
        """The reports that answered `ref`, flagged as possible duplicates; none where not kept."""
        chunk = self.chunk_of(ref)
        if chunk is None:
            return []
        if self._opened is None or self._opened[0] is not chunk:
            self._opened = (chunk, repeats_of(chunk.payload))
        return self._opened[1].get(ref, [])


def chunks_of(outputs: Outputs) -> list[Chunk]:
    """Each stream's reports of a batch, encoded once for the journal, the socket and the past."""
    return [
        Chunk(
            chunk.session_id,
            chunk.reports[0].seq,
            len(chunk.reports),
            chunk.ref_before,
            encode_stream(chunk.reports),
        )
        for chunk in outputs.streams
    ]


def chunks_of_copy(copy: CopyChunk, streams: Mapping[SessionId, bytes | Raw]) -> list[Chunk]:
    """A drop copy's part of a batch, of which `streams` are the payloads: a chunk for each frame."""
    return [
        Chunk(copy.session_id, frame.first_seq, frame.count, NO_REF, frame.payload)
        for frame in copy_frames(copy, streams)
    ]


def chunks_in(record: bytes, session_id: SessionId) -> list[Chunk]:
    """What a record of the journal holds of a stream, be it a session's or a drop copy."""
    outline = decode_outline(record)
    stream = find_stream(outline, session_id)
    if stream is not None:
        payload = bytes(stream.reports)
        return [Chunk(session_id, stream.first_seq, report_count(payload), stream.ref_before, payload)]
    copy = find_copy(outline, session_id)
    if copy is None:
        return []
    return chunks_of_copy(copy, {each.session_id: each.reports for each in outline.streams})


def payload_from(chunk: Chunk, next_seq: int) -> bytes:
    """The chunk's frame, without the reports before `next_seq`."""
    skip = next_seq - chunk.first_seq
    return chunk.payload if skip <= 0 else without_first(chunk.payload, skip)


def _first_seq(chunk: Chunk) -> int:
    return chunk.first_seq


def _ref_before(chunk: Chunk) -> int:
    return chunk.ref_before
