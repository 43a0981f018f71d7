"""What people do with a journal from the command line: prove it, read it, take its fills out of it.

Reads only; a journal that a process is writing may be read with `running`, which leaves out the
segment that is being written.
"""

import csv
import errno
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec
from msgspec import Struct, structs

from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind, StoredRecord
from carbonmatch.journal.segments import segment_name
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AccountId,
    DefineAccount,
    Executed,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
)
from carbonmatch.matching.state import digest
from carbonmatch.protocol.batch import Record, decode_public, decode_record, decode_stream
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.server.recovery import Diverged, identity
from carbonmatch.words import price_text, utc_text

ExportFormat = Literal["csv", "jsonl"]


class Verified(Struct, frozen=True):
    """What a whole pass over a journal has seen."""

    segments: int
    records: int
    commands: int
    reports: int
    last_sequence: int
    closed: bool  # the last stop was a clean one
    torn_bytes: int  # of a write that a crash cut short: the next start cuts them off


def verify(directory: Path, *, running: bool = False) -> Verified:
    """Read every byte, check every checksum and digest, decode every message.

    Raises JournalDamaged at the first that is not as it was written.
    """
    journal = _scan(directory, running=running, check_digests=True)
    records = commands = reports = last_sequence = 0
    for stored, record in _batches(journal):
        records += 1
        commands += stored.count
        reports += sum(len(decode_stream(stream.reports)) for stream in record.streams)
        last_sequence = stored.next_sequence - 1
        decode_public(record.public)
    end = journal.end
    return Verified(
        journal.segments_read,
        records,
        commands,
        reports,
        last_sequence,
        closed=end is not None and end.closed,
        torn_bytes=0 if end is None else end.torn_bytes,
    )


class Replayed(Struct, frozen=True):
    """What a second execution of a journal came to."""

    records: int
    commands: int
    state_digest: bytes


def replay(directory: Path, *, running: bool = False) -> Replayed:
    """Execute every command again, from nothing, and compare what comes out with what was journaled.

    Raises Diverged where it is not the same, byte for byte.
    """
    journal = _scan(directory, running=running)
    relaxed = identity(durable=False)
    engine = Engine()
    records = commands = 0
    for stored, record in _batches(journal):
        if stored.first_sequence != engine.sequence + 1:
            raise JournalRefused(
                f"{directory}: begins with sequence {stored.first_sequence}, expected 1: "
                "without its first segments a journal cannot be replayed from nothing"
            )
        assert journal.header is not None
        engine.set_durable(journal.header.identity != relaxed)
        for entry in record.entries:
            engine.apply(entry)
        if not record.is_caused_by(engine.take_outputs()):
            raise Diverged(stored, "events")
        records += 1
        commands += stored.count
    return Replayed(records, commands, digest(engine))


def dump(
    directory: Path, output: TextIO | None = None, *, from_sequence: int = 1, running: bool = False
) -> None:
    """Write each batch as a line of JSON, those left out that end before `from_sequence`."""
    output = sys.stdout if output is None else output
    for stored, record in _batches(_scan(directory, running=running)):
        if stored.next_sequence > from_sequence:
            output.write(msgspec.json.encode(_readable_batch(stored, record)).decode() + "\n")


def export(
    directory: Path, output: TextIO | None = None, *, form: ExportFormat = "csv", running: bool = False
) -> int:
    """Write every fill, two for each trade, and return how many there were."""
    output = sys.stdout if output is None else output
    fills = _fills(_scan(directory, running=running))
    return _write_csv(fills, output) if form == "csv" else _write_json_lines(fills, output)


# --- batches --------------------------------------------------------------------------------------


def _scan(directory: Path, *, running: bool, check_digests: bool = False) -> JournalScan:
    # Opening a storage makes its directory, which here would turn a wrong path into an empty journal.
    if not directory.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such directory", str(directory))
    return JournalScan(DiskStorage(directory), sealed_only=running, check_digests=check_digests)


def _batches(journal: JournalScan) -> Iterator[tuple[StoredRecord, Record]]:
    for stored in journal:
        if stored.kind is not Kind.DATA:
            continue
        try:
            yield stored, decode_record(stored.payload, stored.first_sequence)
        except ProtocolError as error:
            raise JournalDamaged(
                segment_name(stored.segment),
                stored.offset,
                stored.first_sequence,
                found=str(error),
                expected="a batch of this version",
            ) from error


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
                "reports": _readable(decode_stream(stream.reports)),
            }
            for stream in record.streams
        ],
        "public": _readable(decode_public(record.public)),
        "copies": [msgspec.structs.asdict(copy) for copy in record.copies],
    }


def _readable(messages: Iterable[Struct]) -> list[dict[str, Any]]:
    """Messages with the names of their fields, which on the wire and on the disk they do not have."""
    return [{"type": type(message).__name__, **_fields(message)} for message in messages]


def _fields(message: Struct) -> dict[str, Any]:
    values = structs.asdict(message)
    return {name: _fields(one) if isinstance(one, Struct) else one for name, one in values.items()}


# --- fills ----------------------------------------------------------------------------------------


class Fill(Struct, frozen=True):
    """One side of a trade, as a settlement department reads it. Names are empty where not in the journal."""

    time: str
    trade_id: int
    symbol: str
    side: str
    price: str
    currency: str
    tonnes: int
    account: str
    liquidity: str
    order_id: int
    instrument_id: int
    account_id: int
    session_id: int
    price_ticks: int
    quantity_lots: int
    value_minor: int


def _fills(journal: JournalScan) -> Iterator[Fill]:
    instruments: dict[InstrumentId, InstrumentDefinition] = {}
    accounts: dict[AccountId, str] = {}
    for _, record in _batches(journal):
        for entry in record.entries:
            for command in entry.commands:
                if type(command) is DefineAccount:
                    accounts[command.account_id] = command.name
        for event in decode_public(record.public):
            if type(event) is InstrumentDefined:
                instruments[event.definition.instrument_id] = event.definition
        for stream in record.streams:
            for report in decode_stream(stream.reports):
                if type(report) is Executed:
                    yield _fill(report, stream.session_id, instruments[report.instrument_id], accounts)


def _fill(
    report: Executed, session_id: int, definition: InstrumentDefinition, accounts: dict[AccountId, str]
) -> Fill:
    return Fill(
        time=utc_text(report.time_ns),
        trade_id=report.trade_id,
        symbol=definition.symbol,
        side=report.side.name.lower(),
        price=price_text(report.price_ticks, definition.price_decimals),
        currency=definition.currency,
        tonnes=report.quantity_lots * definition.lot_tonnes,
        account=accounts.get(report.account_id, ""),
        liquidity=report.liquidity.name.lower(),
        order_id=report.order_id,
        instrument_id=report.instrument_id,
        account_id=report.account_id,
        session_id=session_id,
        price_ticks=report.price_ticks,
        quantity_lots=report.quantity_lots,
        value_minor=report.price_ticks * report.quantity_lots * definition.tick_value_minor,
    )


def _write_csv(fills: Iterable[Fill], output: TextIO) -> int:
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(Fill.__struct_fields__)
    count = 0
    for fill in fills:
        writer.writerow(structs.astuple(fill))
        count += 1
    return count


def _write_json_lines(fills: Iterable[Fill], output: TextIO) -> int:
    count = 0
    for fill in fills:
        output.write(msgspec.json.encode(fill).decode() + "\n")
        count += 1
    return count
