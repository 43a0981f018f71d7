"""A journal as lines of JSON: what came in, and what it caused."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import msgspec
from msgspec import Struct, structs

from carbonmatch.journal.record import StoredRecord
from carbonmatch.journal.segments import segment_name
from carbonmatch.journal_tools.batches import decoded_batches, opened, public_of, reports_of, scan
from carbonmatch.protocol.batch import Record
from carbonmatch.words import utc_text


def dump(
    directory: Path,
    output: TextIO | None = None,
    *,
    archive: Path | None = None,
    from_sequence: int = 1,
    running: bool = False,
) -> None:
    """Write each batch as a line of JSON, those left out that end before `from_sequence`."""
    output = sys.stdout if output is None else output
    for stored, record in decoded_batches(scan(opened(directory, archive), running=running)):
        if stored.next_sequence > from_sequence:
            output.write(msgspec.json.encode(_readable_batch(stored, record)).decode() + "\n")


def _readable_batch(stored: StoredRecord, record: Record) -> dict[str, Any]:
    return {
        "sequence": stored.first_sequence,
        "count": stored.count,
        "file": segment_name(stored.segment),
        "offset": stored.offset,
        "entries": [
            {
                "sequence": entry.first_sequence,
                "time": utc_text(entry.time_ns),
                "session_id": entry.session_id,
                "commands": _readable(entry.commands),
            }
            for entry in record.entries
        ],
        "streams": [
            {
                "session_id": stream.session_id,
                "first_seq": stream.first_seq,
                "ref_before": stream.ref_before,
                "reports": _readable(reports_of(stored, stream)),
            }
            for stream in record.streams
        ],
        "public": _readable(public_of(stored, record)),
        "copies": [msgspec.structs.asdict(copy) for copy in record.copies],
    }


def _readable(messages: Iterable[Struct]) -> list[dict[str, Any]]:
    """Messages with the names of their fields, which on the wire and on the disk they do not have."""
    return [{"type": type(message).__name__, **_fields(message)} for message in messages]


def _fields(message: Struct) -> dict[str, Any]:
    values = structs.asdict(message)
    return {name: _nested(one) if isinstance(one, Struct) else one for name, one in values.items()}


def _nested(value: Struct) -> dict[str, Any]:
    """A message inside of another one is as much in need of its name."""
    if value.__struct_config__.tag is None:
        return _fields(value)
    return {"type": type(value).__name__, **_fields(value)}
