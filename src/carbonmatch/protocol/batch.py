"""Commit batches <-> bytes: what the journal keeps of a batch.

A record payload is a MessagePack array of three, or of four where there are drop copies:

    [[time_ns, session_id, [command, ...]], ...]              entries, as they were received
    [[session_id, first_seq, ref_before, [report, ...]], ...] what they caused in each stream
    [public event, ...]                                       and what everyone may know of it
    [[session_id, first_seq, count, [[session_id, picked], ...]], ...]  and who gets copies of which reports

Each list of commands is the payload of the frame it came in, or of several that came together, and each list
of reports that of the frame it leaves in: the same bytes, encoded once and embedded.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from carbonmatch.matching.messages import (
    AnyCommand,
    AnyPublicEvent,
    AnyReport,
    CopyChunk,
    Entry,
    OnAmendment,
    Outputs,
    Ref,
    RejectReason,
    ReportFlag,
    SessionId,
)
from carbonmatch.protocol.errors import ProtocolError


class EntryRecord(Struct, frozen=True, gc=False, array_like=True):
    """An entry as it was received; its sequence follows from its place."""

    time_ns: int
    session_id: SessionId
    commands: Raw  # the payload of the frame, as it came in or encoded


class StreamRecord(Struct, frozen=True, gc=False, array_like=True):
    """What a batch caused in one stream."""

    session_id: SessionId
    first_seq: int
    ref_before: Ref  # the last ref applied before the batch
    reports: Raw  # the payload of `encode_stream`


class Record(Struct, frozen=True):
    """A batch read back: entries to apply again, and the bytes that they must cause again."""

    entries: list[Entry]
    streams: list[StreamRecord]
    public: Raw
    copies: list[CopyChunk] = []

    def is_caused_by(self, outputs: Outputs) -> bool:
        """Whether `outputs`, encoded, are these very bytes."""
        return _encoder.encode(stream_records(outputs)) == _encoder.encode(self.streams) and (
            _encoder.encode(outputs.public) == bytes(self.public) and outputs.copies == self.copies
        )


class Outline(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A record, but for what its reader looks at no closer."""

    entries: Raw
    streams: list[StreamRecord]
    public: Raw
    copies: list[CopyChunk] = []


class _StoredEntry(Struct, frozen=True, gc=False, array_like=True):
    time_ns: int
    session_id: SessionId
    commands: list[AnyCommand]


class _StoredRecord(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """As `Outline`, with the commands built: in one pass, where two of them take a fifth longer."""

    entries: list[_StoredEntry]
    streams: list[StreamRecord]
    public: Raw
    copies: list[CopyChunk] = []


_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_encoder: Final = msgspec.msgpack.Encoder()
_record_decoder: Final = msgspec.msgpack.Decoder(_StoredRecord)
_outline_decoder: Final = msgspec.msgpack.Decoder(Outline)
_entry_records_decoder: Final = msgspec.msgpack.Decoder(list[EntryRecord])
_reports_decoder: Final = msgspec.msgpack.Decoder(list[AnyReport])
_public_decoder: Final = msgspec.msgpack.Decoder(list[AnyPublicEvent])
_raw_list_decoder: Final = msgspec.msgpack.Decoder(list[Raw])

# --- writing -------------------------------------------------------------------------------------


def encode_stream(reports: Sequence[AnyReport]) -> bytes:
    """Return the payload of the frame that answers a session in one batch."""
    return _encoder.encode(reports)


def stream_records(outputs: Outputs) -> list[StreamRecord]:
    return [
        StreamRecord(
            chunk.session_id, chunk.reports[0].seq, chunk.ref_before, Raw(encode_stream(chunk.reports))
        )
        for chunk in outputs.streams
    ]


def encode_record(
    entries: Sequence[EntryRecord],
    streams: Sequence[StreamRecord],
    public: Sequence[AnyPublicEvent],
    copies: Sequence[CopyChunk] = (),
) -> bytes:
    return _encoder.encode((entries, streams, public, copies) if copies else (entries, streams, public))


def made_commands(entry: Entry) -> Iterator[tuple[int, AnyCommand]]:
    """Each command of an entry with its sequence; with an operator's change of the configuration, behind it,
    the definitions that it has made.
    """
    for sequence, command in enumerate(entry.commands, entry.first_sequence):
        yield sequence, command
        if type(command) is OnAmendment:
            for definition in command.definitions:
                yield sequence, definition


# --- reading -------------------------------------------------------------------------------------
# A record's checksums are right when it comes here, so what does not decode was written by another
# version, or by mistake: a ProtocolError, which recovery reports as damage.


def decode_record(payload: bytes, first_sequence: int) -> Record:
    """Return the batch whose first command has `first_sequence`."""
    try:
        stored = _record_decoder.decode(payload)
    except _UNDECODABLE as error:
        raise ProtocolError(RejectReason.MALFORMED, f"record of sequence {first_sequence}: {error}") from None
    entries = []
    sequence = first_sequence
    for entry in stored.entries:
        if not entry.commands:
            raise ProtocolError(RejectReason.MALFORMED, f"entry {sequence}: no command, expected at least 1")
        entries.append(Entry(sequence, entry.time_ns, entry.session_id, entry.commands))
        sequence += len(entry.commands)
    return Record(entries, stored.streams, stored.public, stored.copies)


def decode_outline(payload: bytes) -> Outline:
    """What a record holds, with neither its commands nor its reports built."""
    try:
        return _outline_decoder.decode(payload)
    except _UNDECODABLE as error:
        raise ProtocolError(RejectReason.MALFORMED, f"record: {error}") from None


def last_time_ns(payload: bytes) -> int:
    """The stamp of a record's last entry, which is that of the batch in the feed."""
    try:
        return _entry_records_decoder.decode(_outline_decoder.decode(payload).entries)[-1].time_ns
    except (*_UNDECODABLE, IndexError) as error:
        raise ProtocolError(RejectReason.MALFORMED, f"record: {error}") from None


def find_stream(outline: Outline, session_id: SessionId) -> StreamRecord | None:
    """What a record holds of one session's stream."""
    for stream in outline.streams:
        if stream.session_id == session_id:
            # A copy, so that keeping these reports does not keep the record in memory.
            return StreamRecord(stream.session_id, stream.first_seq, stream.ref_before, stream.reports.copy())
    return None


def find_copy(outline: Outline, session_id: SessionId) -> CopyChunk | None:
    """What a record holds of one drop copy."""
    return next((copy for copy in outline.copies if copy.session_id == session_id), None)


def decode_stream(reports: bytes | Raw) -> list[AnyReport]:
    try:
        return _reports_decoder.decode(reports)
    except _UNDECODABLE as error:
        raise ProtocolError(RejectReason.MALFORMED, f"reports: {error}") from None


def decode_public(public: bytes | Raw) -> list[AnyPublicEvent]:
    try:
        return _public_decoder.decode(public)
    except _UNDECODABLE as error:
        raise ProtocolError(RejectReason.MALFORMED, f"public events: {error}") from None


# --- resuming ------------------------------------------------------------------------------------


def report_count(reports: bytes | Raw) -> int:
    """How many reports a stream's payload holds: with its first seq, what comes next."""
    return len(_raw_reports(reports))


def without_first(reports: bytes | Raw, count: int) -> bytes:
    """The payload without its first `count` reports, for a client that has those already."""
    return _encoder.encode(_raw_reports(reports)[count:])


def _raw_reports(reports: bytes | Raw) -> list[Raw]:
    try:
        return _raw_list_decoder.decode(reports)
    except _UNDECODABLE as error:
        raise ProtocolError(RejectReason.MALFORMED, f"reports: {error}") from None


def repeat_of(reports: bytes, ref: Ref) -> list[AnyReport]:
    """The reports that answered `ref`, as they go out when it is sent again.

    They keep their seq, so that a client which has seen them knows them again.
    """
    return [_repeated(report) for report in decode_stream(reports) if report.ref == ref]


def repeats_of(reports: bytes | Raw) -> dict[Ref, list[AnyReport]]:
    """As `repeat_of`, for every ref that the reports answer."""
    repeats: dict[Ref, list[AnyReport]] = {}
    for report in decode_stream(reports):
        if report.ref:
            repeats.setdefault(report.ref, []).append(_repeated(report))
    return repeats


def _repeated(report: AnyReport) -> AnyReport:
    return msgspec.structs.replace(report, flags=report.flags | ReportFlag.POSSIBLE_DUPLICATE)
