"""A drop copy's frames, made from the streams of a batch and from what the engine has chosen of them.

The same function makes them when a batch is released and when a copy is read back from the journal, so
whoever resumes gets the bytes that were sent before.
"""

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw, Struct

from carbonmatch.limits import COPY_FRAME_MESSAGES
from carbonmatch.matching.messages import NO_REF, CopyChunk, CopyPart, Executed, Ref, SessionId
from carbonmatch.protocol.messages import Copied


class CopyFrame(Struct, frozen=True, gc=False):
    """The payload of one frame: `count` copies from `first_seq` on."""

    first_seq: int
    count: int
    payload: bytes


class _Head(Struct, frozen=True, gc=False, array_like=True):
    """What every report begins with, and what tells the fills of a batch apart."""

    tag: int
    seq: int
    ref: Ref
    time_ns: int
    flags: int
    subject: Any = 0  # an order, or a reason, or a count, or whatever else a report has there
    trade_id: Any = 0  # where the tag is that of Executed; else whatever a report has there


class _Found(NamedTuple):
    """A report that is copied."""

    session_id: SessionId
    head: _Head
    report: Raw


_encoder: Final = msgspec.msgpack.Encoder()
_reports_decoder: Final = msgspec.msgpack.Decoder(list[Raw])
_heads_decoder: Final = msgspec.msgpack.Decoder(list[_Head])
_COPIED: Final = Copied.__struct_config__.tag
_EXECUTED: Final = Executed.__struct_config__.tag


def copy_frames(copy: CopyChunk, streams: Mapping[SessionId, bytes | Raw]) -> list[CopyFrame]:
    """The frames with what `copy` takes from `streams`, which are payloads of reports by session."""
    found = [report for part in copy.parts for report in _picked(part, streams[part.session_id])]
    assert len(found) == copy.count, "the numbers were given to these very reports"
    found = _in_order(found)
    frames = []
    for start in range(0, copy.count, COPY_FRAME_MESSAGES):
        first_seq = copy.first_seq + start
        messages = [
            (_COPIED, seq, each.session_id, each.report)
            for seq, each in enumerate(found[start : start + COPY_FRAME_MESSAGES], first_seq)
        ]
        frames.append(CopyFrame(first_seq, len(messages), _encoder.encode(messages)))
    return frames


def _picked(part: CopyPart, reports: bytes | Raw) -> list[_Found]:
    raws = _reports_decoder.decode(reports)
    heads = _heads_decoder.decode(reports)
    found = [_Found(part.session_id, *each) for each in zip(heads, raws, strict=True)]
    if not part.picked:
        return found
    digits = f"{int.from_bytes(part.picked, 'big'):0{8 * len(part.picked)}b}"
    return list(compress(found, map(int, digits)))


def _in_order(found: Sequence[_Found]) -> list[_Found]:
    """In the order of the market; each stream's reports stay in their own order.

    The time tells entries apart, and the trades of an entry their reports: the taker's fill, the maker's,
    and what else each of their streams has before its next trade, that of the entry's sender first.
    """
    senders = {each.head.time_ns: each.session_id for each in found if each.head.ref != NO_REF}
    keys = []
    entry: tuple[SessionId, int] | None = None
    trade_id = 0
    for each in found:
        if entry != (each.session_id, each.head.time_ns):
            entry = (each.session_id, each.head.time_ns)
            trade_id = 0
        is_fill = each.head.tag == _EXECUTED
        if is_fill:
            trade_id = each.head.trade_id
        is_caused_by_another = senders.get(each.head.time_ns) != each.session_id
        keys.append((each.head.time_ns, trade_id, not is_fill, is_caused_by_another))
    order = sorted(range(len(found)), key=keys.__getitem__)
    return [found[at] for at in order]
