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

from carbonmatch.journal import snapshots
from carbonmatch.journal.archive import WithArchive
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.follower_mark import followed_segment
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind, StoredRecord, position
from carbonmatch.journal.segments import SUFFIX, segment_name
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.messages import (
    AccountId,
    AnyPublicEvent,
    AnyReport,
    DefineAccount,
    Entry,
    Executed,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    OnTrade,
    SessionId,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
    TradeKind,
)
from carbonmatch.matching.state import digest
from carbonmatch.protocol.batch import Record, StreamRecord, decode_public, decode_stream
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.server.archive import Archive
from carbonmatch.server.recovery import (
    Replay,
    Start,
    decoded,
    from_nothing,
    identity,
    not_a_batch,
    start_from,
)
from carbonmatch.server.trade_search import Absence, found, search
from carbonmatch.words import price_text, utc_text

ExportFormat = Literal["csv", "jsonl"]


class Verified(Struct, frozen=True):
    """What a whole pass over a journal has seen."""

    first_segment: int  # 1, unless older ones are in an archive
    segments: int
    records: int
    commands: int
    reports: int
    first_sequence: int
    last_sequence: int
    snapshots: int  # which lie where they say, in this journal
    closed: bool  # the last stop was a clean one
    torn_bytes: int  # of a write that a crash cut short: the next start cuts them off
    trades_proven: int = 0  # commands that carry the trade they are on, and it is the journaled one
    trades_unproven: int = 0  # whose trade is in an archive that was not named


def verify(directory: Path, *, archive: Path | None = None, running: bool = False) -> Verified:
    """Read every byte, check every checksum and digest, decode every message; and every snapshot likewise.

    Raises JournalDamaged at the first that is not as it was written.
    """
    storage = _storage(directory, archive)
    anchors = _anchors(storage)
    journal = _scan(storage, running=running, check_digests=True)
    first: StoredRecord | None = None
    carried: list[_Carried] = []
    records = commands = reports = last_sequence = 0
    for stored in journal:
        first = first or stored
        anchors.pop((stored.segment, stored.end_offset, stored.header_crc, stored.next_sequence - 1), None)
        if stored.kind is not Kind.DATA:
            continue
        record = decoded(stored)
        records += 1
        commands += stored.count
        reports += sum(len(_reports(stored, stream)) for stream in record.streams)
        carried += _carried(stored, record)
        last_sequence = stored.next_sequence - 1
        _public(stored, record)
    end = journal.end
    first_segment = first.segment if first else 1
    # The last segment is not read beside a running process, and older ones may be in an archive.
    read_up_to = first_segment + journal.segments_read
    for (segment, offset, chain, sequence), name in anchors.items():
        if first_segment <= segment < read_up_to:
            raise JournalDamaged(
                name,
                0,
                sequence,
                found="another record, or none",
                expected=f"a record that ends at byte {offset} of segment {segment} with {chain:#010x}",
            )
    unproven = sum(not _is_proven(storage, one) for one in carried)
    return Verified(
        first_segment,
        journal.segments_read,
        records,
        commands,
        reports,
        first.first_sequence if first else 1,
        last_sequence,
        len(snapshots.sequences(storage)) - len(anchors),
        closed=end is not None and end.closed,
        torn_bytes=0 if end is None else end.torn_bytes,
        trades_proven=len(carried) - unproven,
        trades_unproven=unproven,
    )


class _Carried(Struct, frozen=True):
    """A command with the trade that it was journaled with, and where."""

    on: OnTrade
    sequence: int
    segment: int
    offset: int

    @property
    def position(self) -> int:
        return position(self.segment, self.offset)


def _carried(stored: StoredRecord, record: Record) -> list[_Carried]:
    return [
        _Carried(command, sequence, stored.segment, stored.offset)
        for entry in record.entries
        for sequence, command in enumerate(entry.commands, entry.first_sequence)
        if isinstance(command, OnTrade) and command.trade is not None
    ]


def _is_proven(storage: DiskStorage, carried: _Carried) -> bool:
    """Whether the trade is the journaled one; False where its segment is in an archive.

    Raises JournalDamaged where it is another one. The engine takes the trade as given, and so does who
    executes the journal again.
    """
    on = carried.on
    sought = found(search(lambda: storage, on.command.trade_id, carried.position))
    if sought is Absence.ARCHIVED:
        return False
    if sought != on.trade:
        raise JournalDamaged(
            segment_name(carried.segment),
            carried.offset,
            carried.sequence,
            found=f"a command on trade {on.command.trade_id} with {on.trade}",
            expected=f"{sought}, as it was made",
        )
    return True


def _anchors(storage: DiskStorage) -> dict[tuple[int, int, int, int], str]:
    """Where each snapshot says that it ends, and its name; JournalDamaged for one with a wrong byte."""
    found = {}
    for sequence in snapshots.sequences(storage):
        anchor = snapshots.load(storage, sequence).anchor
        found[anchor.segment, anchor.offset, anchor.chain, sequence] = snapshots.snapshot_name(sequence)
    return found


class Archived(Struct, frozen=True):
    """What was moved, and the segment that a follower is in which some were left for, if any were."""

    segments: list[int]
    held_back_at: int | None


def archive_segments(directory: Path, archive: Path) -> Archived:
    """Move the segments that neither a start nor a follower needs any more."""
    storage, archived = _storage(directory, None), DiskStorage(archive)
    try:
        mover = Archive(storage, archived, lambda: followed_segment(storage))
        return Archived(mover.advance(), mover.held_back_at)
    finally:
        storage.release()
        archived.release()


class Replayed(Struct, frozen=True):
    """What a second execution of a journal came to."""

    records: int
    commands: int
    state_digest: bytes


def replay(
    directory: Path, *, archive: Path | None = None, running: bool = False, from_snapshot: int = 0
) -> Replayed:
    """Execute every command again and compare what comes out with what was journaled.

    From nothing, or behind the snapshot of sequence `from_snapshot`. Raises Diverged where it is not the
    same, byte for byte.
    """
    storage = _storage(directory, archive)
    start = start_from(storage, from_snapshot)
    execution = Replay(start.venue)
    for _ in _executed(storage, start, execution, running=running):
        pass
    return Replayed(execution.records, execution.commands, digest(start.venue.engine))


def released(
    directory: Path, *, archive: Path | None = None, running: bool = False
) -> Iterator[tuple[int, MarketData]]:
    """What the feed knew after each batch of a whole journal, and the time of that, executed again.

    It is one object, which the next step changes. Raises Diverged as `replay` does, and JournalDamaged where
    the journal's beginning is in an archive that was not named.
    """
    start = from_nothing()
    for time_ns in _executed(_storage(directory, archive), start, Replay(start.venue), running=running):
        yield time_ns, start.venue.market_data


def _executed(storage: DiskStorage, start: Start, execution: Replay, *, running: bool) -> Iterator[int]:
    """Execute batch after batch behind `start`, and give the time of each."""
    journal = JournalScan(
        storage,
        replay_from=start.snapshot_sequence + 1,
        anchor=start.anchor if start.snapshot_sequence else None,
        sealed_only=running,
    )
    relaxed = identity(durable=False)
    venue = start.venue
    for stored in journal:
        if stored.kind is not Kind.DATA or stored.next_sequence <= venue.engine.sequence + 1:
            continue
        assert journal.header is not None
        venue.engine.set_durable(journal.header.identity != relaxed)
        execution.apply(stored)
        yield execution.time_ns


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
    for stored, record in _batches(_scan(_storage(directory, archive), running=running)):
        if stored.next_sequence > from_sequence:
            output.write(msgspec.json.encode(_readable_batch(stored, record)).decode() + "\n")


def export(
    directory: Path,
    output: TextIO | None = None,
    *,
    archive: Path | None = None,
    form: ExportFormat = "csv",
    running: bool = False,
) -> int:
    """Write every fill, two for each trade, as it stands after busts and corrections; return how many.

    Raises JournalDamaged where the journal's beginning is in an archive that was not named: fills would be
    missing, and what prices are in would not be known.
    """
    output = sys.stdout if output is None else output
    found = map(_fill, fills(directory, archive=archive, running=running))
    return _write_csv(found, output) if form == "csv" else _write_json_lines(found, output)


# --- batches --------------------------------------------------------------------------------------


class Batch(Struct, frozen=True):
    """A batch with all that it holds: what came in, and what it caused."""

    entries: list[Entry]
    streams: list[tuple[SessionId, list[AnyReport]]]
    public: list[AnyPublicEvent]


def batches(directory: Path, *, archive: Path | None = None, running: bool = False) -> Iterator[Batch]:
    """Every batch of a whole journal. Raises JournalDamaged where its beginning is in an archive."""
    for stored, record in _batches(_whole(_storage(directory, archive), running=running)):
        streams = [(stream.session_id, _reports(stored, stream)) for stream in record.streams]
        yield Batch(record.entries, streams, _public(stored, record))


def _scan(storage: DiskStorage, *, running: bool, check_digests: bool = False) -> JournalScan:
    return JournalScan(storage, sealed_only=running, check_digests=check_digests)


def _whole(storage: DiskStorage, *, running: bool) -> JournalScan:
    return JournalScan(storage, replay_from=1, sealed_only=running)


def _storage(directory: Path, archive: Path | None) -> DiskStorage:
    # Opening a storage makes its directory, which here would turn a wrong path into an empty journal.
    for path in (directory, archive):
        if path is not None and not path.is_dir():
            raise FileNotFoundError(errno.ENOENT, "No such directory", str(path))
    # The newest segment never leaves a journal: without one, an answer of "good" would be about nothing.
    if not any(directory.glob(f"*{SUFFIX}")):
        raise FileNotFoundError(errno.ENOENT, "No journal in this directory", str(directory))
    return DiskStorage(directory) if archive is None else WithArchive(directory, archive)


def _batches(journal: JournalScan) -> Iterator[tuple[StoredRecord, Record]]:
    for stored in journal:
        if stored.kind is not Kind.DATA:
            continue
        yield stored, decoded(stored)


def _reports(stored: StoredRecord, stream: StreamRecord) -> list[AnyReport]:
    try:
        return decode_stream(stream.reports)
    except ProtocolError as error:
        raise not_a_batch(stored, error) from error


def _public(stored: StoredRecord, record: Record) -> list[AnyPublicEvent]:
    try:
        return decode_public(record.public)
    except ProtocolError as error:
        raise not_a_batch(stored, error) from error


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
                "reports": _readable(_reports(stored, stream)),
            }
            for stream in record.streams
        ],
        "public": _readable(_public(stored, record)),
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
    state: str  # "busted": nothing of it stands; "corrected"; or empty


class Standing(Struct, frozen=True):
    """What a trade is now that was not made so."""

    price_ticks: int
    quantity_lots: int
    state: str


class StandingFill(Struct, frozen=True):
    """One side of a trade as its session was told, and what stands of it."""

    report: Executed
    standing: Standing
    kind: TradeKind
    session_id: SessionId
    definition: InstrumentDefinition
    account: str  # its name; empty where it is not in the journal


def fills(directory: Path, *, archive: Path | None = None, running: bool = False) -> Iterator[StandingFill]:
    """Every fill, two for each trade. Raises JournalDamaged as `export` does.

    Reads the journal twice: memory holds the trades that were amended, and one batch.
    """
    storage = _storage(directory, archive)
    standing = _standing(_whole(storage, running=running))
    return _fills(_whole(storage, running=running), standing)


def _standing(journal: JournalScan) -> dict[TradeId, Standing]:
    standing: dict[TradeId, Standing] = {}
    for stored, record in _batches(journal):
        for event in _public(stored, record):
            if isinstance(event, TradeBusted):
                standing[event.trade_id] = Standing(event.price_ticks, 0, "busted")
            elif isinstance(event, TradeCorrected):
                standing[event.trade_id] = Standing(event.price_ticks, event.quantity_lots, "corrected")
    return standing


def _fills(journal: JournalScan, standing: dict[TradeId, Standing]) -> Iterator[StandingFill]:
    instruments: dict[InstrumentId, InstrumentDefinition] = {}
    accounts: dict[AccountId, str] = {}
    for stored, record in _batches(journal):
        for entry in record.entries:
            for command in entry.commands:
                if type(command) is DefineAccount:
                    accounts[command.account_id] = command.name
        kinds: dict[TradeId, TradeKind] = {}
        for event in _public(stored, record):
            if type(event) is InstrumentDefined:
                instruments[event.definition.instrument_id] = event.definition
            elif type(event) is Traded:
                kinds[event.trade_id] = event.kind
        executed = [
            (report, stream.session_id)
            for stream in record.streams
            for report in _reports(stored, stream)
            if type(report) is Executed
        ]
        # A batch has stream after stream: so the two sides of a trade come together, and times only rise.
        executed.sort(key=lambda one: one[0].trade_id)
        for report, session_id in executed:
            yield StandingFill(
                report,
                standing.get(report.trade_id) or Standing(report.price_ticks, report.quantity_lots, ""),
                kinds[report.trade_id],
                session_id,
                instruments[report.instrument_id],
                accounts.get(report.account_id, ""),
            )


def _fill(found: StandingFill) -> Fill:
    report, now, definition = found.report, found.standing, found.definition
    return Fill(
        time=utc_text(report.time_ns),
        trade_id=report.trade_id,
        symbol=definition.symbol,
        side=report.side.name.lower(),
        price=price_text(now.price_ticks, definition.price_decimals),
        currency=definition.currency,
        tonnes=now.quantity_lots * definition.lot_tonnes,
        account=found.account,
        liquidity=report.liquidity.name.lower(),
        order_id=report.order_id,
        instrument_id=report.instrument_id,
        account_id=report.account_id,
        session_id=found.session_id,
        price_ticks=now.price_ticks,
        quantity_lots=now.quantity_lots,
        value_minor=now.price_ticks * now.quantity_lots * definition.tick_value_minor,
        state=now.state,
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
