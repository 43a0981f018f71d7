"""What a second execution caused, against what was journaled: equal in every byte, or where it is not."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

import msgspec
from msgspec import Struct

from carbonmatch.journal.record import StoredRecord
from carbonmatch.matching.messages import AnyReport, Outputs, SessionId
from carbonmatch.protocol.batch import Record, decode_public, decode_stream
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.server.stream import Chunk

_encoder: Final = msgspec.msgpack.Encoder()


class Difference(Struct, frozen=True):
    """The first thing that is not the same."""

    sequences: tuple[int, int]  # of the command that caused it, or of its whole batch where that is not known
    what: str
    details: str


def is_caused_by(record: Record, chunks: list[Chunk], outputs: Outputs) -> bool:
    """Whether `outputs`, whose streams are encoded in `chunks`, are the very bytes of `record`."""
    journaled = record.streams
    if len(chunks) != len(journaled):
        return False
    for chunk, expected in zip(chunks, journaled, strict=True):
        if (
            chunk.session_id != expected.session_id
            or chunk.first_seq != expected.first_seq
            or chunk.ref_before != expected.ref_before
            or chunk.payload != bytes(expected.reports)
        ):
            return False
    return _encoder.encode(outputs.public) == bytes(record.public) and outputs.copies == record.copies


def first_difference(stored: StoredRecord, record: Record, outputs: Outputs) -> Difference:
    """For people: what they look at first, once something is wrong."""
    whole = (stored.first_sequence, stored.next_sequence - 1)
    try:
        found = list(_report_differences(whole, record, outputs))
        if found:
            return min(found, key=lambda difference: difference.sequences)
        return _public_difference(whole, record, outputs)
    except ProtocolError as error:
        return Difference(whole, "bytes", f"the journaled ones are no messages: {error}")


def _report_differences(whole: tuple[int, int], record: Record, outputs: Outputs) -> Iterator[Difference]:
    ours = {chunk.session_id: chunk.reports for chunk in outputs.streams}
    theirs = {stream.session_id: decode_stream(stream.reports) for stream in record.streams}
    for session_id in sorted({*ours, *theirs}):
        sequences = _sequences(record, session_id)
        for report, journaled in zip_longest(ours.get(session_id, []), theirs.get(session_id, [])):
            if report != journaled:
                sequence = _cause(sequences, [report, journaled])
                where = whole if sequence is None else (sequence, sequence)
                yield Difference(where, f"reports in stream {session_id}", f"{report}, journaled {journaled}")
                break
    refs = {stream.session_id: stream.ref_before for stream in record.streams}
    for chunk in outputs.streams:
        if chunk.ref_before != refs.get(chunk.session_id, chunk.ref_before):
            what = f"refs in stream {chunk.session_id}"
            yield Difference(whole, what, f"{chunk.ref_before}, journaled {refs[chunk.session_id]}")


def _public_difference(whole: tuple[int, int], record: Record, outputs: Outputs) -> Difference:
    for ours, theirs in zip_longest(outputs.public, decode_public(record.public)):
        if ours != theirs:
            return Difference(whole, "public events", f"{ours}, journaled {theirs}")
    if outputs.copies != record.copies:
        return Difference(whole, "drop copies", f"{outputs.copies}, journaled {record.copies}")
    return Difference(whole, "bytes", "the same messages in another encoding, or in another order")


def _sequences(record: Record, session_id: SessionId) -> dict[int, int]:
    """The sequence of each ref of a session in this batch."""
    return {
        getattr(command, "ref", 0): entry.first_sequence + number
        for entry in record.entries
        if entry.session_id == session_id
        for number, command in enumerate(entry.commands)
    }


def _cause(sequences: dict[int, int], reports: Sequence[AnyReport | None]) -> int | None:
    """Of the command which the first of these answers; None where they tell of somebody else's."""
    causes = [sequences[report.ref] for report in reports if report is not None and report.ref in sequences]
    return min(causes) if causes else None
