"""Makes settlement files: reads a journal, writes what its runs come to, each file whole or not at all.

A file that is there already is never changed: made again, it has the same bytes, or something is wrong. Where
the runs are made one after the other, what was read is kept in a file of its own (the ledger), so that the
next run reads on from there. It is a copy of what the journal says: without it, or with one that does not
fit, the journal is read from its beginning.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal.archive import WithArchive
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.reader import JournalScan, read_records
from carbonmatch.journal.record import Kind, StoredRecord, position, record_bytes
from carbonmatch.journal.segments import (
    DIGEST_BYTES,
    NO_DIGEST,
    SUFFIX,
    segment_numbers,
    unpack_segment_header,
)
from carbonmatch.journal.storage import DiskStorage, Storage, write_file
from carbonmatch.settlement.ledger import Ledger
from carbonmatch.settlement.text import Naming, content_of, csv_of, json_of
from carbonmatch.settlement.trades import Run

LEDGER_NAME: Final = "settlement.ledger"
_LEDGER_VERSION: Final = 1


class SettlementError(Exception):
    """What keeps a file from being made, in words."""

    exit_code = ExitCode.REFUSED


class Made(Struct, frozen=True):
    """A run whose file is there now."""

    trading_day: int
    run: int
    sequence: int
    trades: int
    adjustments: int
    file: str
    sha256: str  # of all bytes of the CSV file: what the registry's answer names
    is_new: bool  # the file was not there before


class _SavedLedger(Struct, frozen=True, array_like=True):
    """What was read of a journal, up to a record of it and with it."""

    version: int
    segment: int
    offset: int
    chain: int
    previous_digest: bytes
    last_sequence: int  # of the last run
    ledger: bytes


def file_stem(trading_day: int, run: int) -> str:
    """What both files of a run are called, without their suffix."""
    return f"settlement-{trading_day}-{run}"


def opened_journal(directory: Path, archive: Path | None) -> DiskStorage:
    """For reading; with its archive, where it has one by now."""
    for path in (directory, *([archive] if archive else [])):
        if not path.is_dir():
            raise SettlementError(f"{path}: no such directory")
    # The newest segment never leaves a journal for its archive.
    if not any(directory.glob(f"*{SUFFIX}")):
        raise SettlementError(f"{directory}: no journal in this directory")
    return DiskStorage(directory) if archive is None else WithArchive(directory, archive)


def settle_day(
    journal: Storage, output: Path, trading_day: int, naming: Naming, *, running: bool = False
) -> list[Made]:
    """Make the files of all runs of a day, from the whole journal; SettlementError where it has none."""
    ledger = Ledger()
    made = []
    for stored, previous_digest in _whole(journal, running=running):
        for run in ledger.take(stored, previous_digest):
            if run.trading_day == trading_day:
                made.append(make_file(run, output, naming))
    if not made:
        raise SettlementError(f"no trading day {trading_day} has ended in this journal")
    return made


def settle_what_is_missing(journal: Storage, output: Path, naming: Naming, until: int) -> list[Made]:
    """Make the files of all runs up to the journal position `until` that the ledger does not know yet.

    The journal may be written to meanwhile, behind `until`.
    """
    keeper = _Keeper(journal, DiskStorage(output))
    made = []
    last_sequence = keeper.last_sequence
    last: tuple[StoredRecord, bytes] | None = None
    for stored, previous_digest in keeper.records(until):
        for run in keeper.ledger.take(stored, previous_digest):
            made.append(make_file(run, output, naming))
            last_sequence = run.sequence
        last = stored, previous_digest
    if last is not None:
        keeper.keep(*last, last_sequence)
    return made


def make_file(run: Run, output: Path, naming: Naming) -> Made:
    """Make both files of a run, the CSV last: where it is, the run is settled."""
    content = content_of(run, naming)
    data = csv_of(content)
    storage = DiskStorage(output)
    try:
        name = file_stem(run.trading_day, run.number)
        _write(storage, f"{name}.json", json_of(content))
        is_new = _write(storage, f"{name}.csv", data)
    finally:
        storage.release()
    return Made(
        run.trading_day,
        run.number,
        run.sequence,
        len(content.trades),
        len(content.adjustments),
        str(output / f"{name}.csv"),
        sha256(data).hexdigest(),
        is_new,
    )


def _write(storage: DiskStorage, name: str, data: bytes) -> bool:
    """Whether the file is new; SettlementError where there is another one of that name."""
    there = _contents(storage, name)
    if there is None:
        write_file(storage, name, [data])
        return True
    if there != data:
        raise SettlementError(
            f"{storage.directory / name}: another file is there ({len(there)} bytes, expected {len(data)}); "
            "what was sent to a registry is not changed: name another directory, or move it away"
        )
    return False


def _contents(storage: DiskStorage, name: str) -> bytes | None:
    try:
        return (storage.directory / name).read_bytes()
    except FileNotFoundError:
        return None


# --- reading --------------------------------------------------------------------------------------


def _whole(journal: Storage, *, running: bool) -> Iterator[tuple[StoredRecord, bytes]]:
    """Every record of commands, checked, with the digest of the segment before its own."""
    scan = JournalScan(journal, replay_from=1, sealed_only=running)
    for stored in scan:
        if stored.kind is Kind.DATA:
            assert scan.header is not None
            yield stored, scan.header.previous_digest


class _Keeper:
    """What is kept of a journal from run to run, if anything is that fits it."""

    def __init__(self, journal: Storage, output: DiskStorage) -> None:
        self._journal = journal
        self._output = output
        self._kept = self._read()
        self.ledger = Ledger() if self._kept is None else Ledger.of(self._kept.ledger)

    @property
    def last_sequence(self) -> int:
        """Of the last run whose file was made; 0: of none."""
        return 0 if self._kept is None else self._kept.last_sequence

    def records(self, until: int) -> Iterator[tuple[StoredRecord, bytes]]:
        """The records of commands behind what is kept, up to a position."""
        kept = self._kept
        previous_digest = NO_DIGEST if kept is None else kept.previous_digest
        start = self._start()
        if start >= until:
            return
        for stored in read_records(self._journal, start, until):
            if stored.kind is Kind.SEGMENT_HEADER:
                previous_digest = unpack_segment_header(stored.payload).previous_digest
            elif stored.kind is Kind.DATA:
                yield stored, previous_digest

    def keep(self, stored: StoredRecord, previous_digest: bytes, last_sequence: int) -> None:
        """Keep all that was read, up to this record and with it."""
        saved = _SavedLedger(
            _LEDGER_VERSION,
            stored.segment,
            stored.offset,
            stored.header_crc,
            previous_digest,
            last_sequence,
            self.ledger.saved(),
        )
        write_file(self._output, LEDGER_NAME, [msgspec.msgpack.encode(saved)])

    def _start(self) -> int:
        kept = self._kept
        if kept is None:
            first = segment_numbers(self._journal)[0]
            if first != 1:
                raise SettlementError(
                    f"the journal begins with segment {first}, expected 1: name its archive, or put back "
                    f"{LEDGER_NAME}"
                )
            return position(1, 0)
        (last,) = _one(read_records(self._journal, position(kept.segment, kept.offset), 2**63))
        return position(kept.segment, kept.offset + record_bytes(len(last.payload)))

    def _read(self) -> _SavedLedger | None:
        """None where there is none, or it is of another version or of another journal."""
        data = _contents(self._output, LEDGER_NAME)
        if data is None:
            return None
        try:
            kept = msgspec.msgpack.decode(data, type=_SavedLedger)
            if kept.version != _LEDGER_VERSION or len(kept.previous_digest) != DIGEST_BYTES:
                return None
            Ledger.of(kept.ledger)
            (last,) = _one(read_records(self._journal, position(kept.segment, kept.offset), 2**63))
        except (msgspec.DecodeError, ValueError, JournalDamaged, FileNotFoundError):
            return None
        return kept if last.header_crc == kept.chain else None


def _one(records: Iterator[StoredRecord]) -> list[StoredRecord]:
    """The first of them; the file is closed."""
    try:
        return [next(records)]
    finally:
        records.close()  # type: ignore[attr-defined]  # it is a generator, and holds a file
