"""The fills of a journal, as they stand after busts and corrections."""

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TextIO

import msgspec
from msgspec import Struct, structs

from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal_tools.batches import decoded_batches, opened, public_of, reports_of, whole
from carbonmatch.matching.messages import (
    AccountId,
    DefineAccount,
    Executed,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    SessionId,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
    TradeKind,
)
from carbonmatch.protocol.batch import made_commands
from carbonmatch.words import price_text, utc_text

ExportFormat = Literal["csv", "jsonl"]


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
    storage = opened(directory, archive)
    standing = _standing(whole(storage, running=running))
    return _fills(whole(storage, running=running), standing)


def _standing(journal: JournalScan) -> dict[TradeId, Standing]:
    standing: dict[TradeId, Standing] = {}
    for stored, record in decoded_batches(journal):
        for event in public_of(stored, record):
            if isinstance(event, TradeBusted):
                standing[event.trade_id] = Standing(event.price_ticks, 0, "busted")
            elif isinstance(event, TradeCorrected):
                standing[event.trade_id] = Standing(event.price_ticks, event.quantity_lots, "corrected")
    return standing


def _fills(journal: JournalScan, standing: dict[TradeId, Standing]) -> Iterator[StandingFill]:
    instruments: dict[InstrumentId, InstrumentDefinition] = {}
    accounts: dict[AccountId, str] = {}
    for stored, record in decoded_batches(journal):
        for entry in record.entries:
            for _, command in made_commands(entry):
                if type(command) is DefineAccount:
                    accounts[command.account_id] = command.name
        kinds: dict[TradeId, TradeKind] = {}
        for event in public_of(stored, record):
            if type(event) is InstrumentDefined:
                instruments[event.definition.instrument_id] = event.definition
            elif type(event) is Traded:
                kinds[event.trade_id] = event.kind
        executed = [
            (report, stream.session_id)
            for stream in record.streams
            for report in reports_of(stored, stream)
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
