"""A short journal of a small market, read back by the tools."""

# Tests write ids as plain numbers.
# mypy: disable-error-code="arg-type"

import io
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw, structs

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.journal_tools import dump, export, replay, verify
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AllowedFlag,
    AnyCommand,
    BustTrade,
    CorrectTrade,
    DefineAccount,
    DefineInstrument,
    DefineSession,
    Entry,
    FoundTrade,
    InstrumentDefinition,
    NewOrder,
    OnTrade,
    SelfTradeFlag,
    Side,
    TradeCommand,
    TradeSide,
)
from carbonmatch.matching.state import digest
from carbonmatch.protocol.batch import EntryRecord, encode_record, encode_stream, stream_records
from carbonmatch.server.recovery import Diverged, identity

SEGMENT_BYTES = 1024 * 1024
# 2026-11-23 01:30:00.000000007 UTC
TIME_NS = 1_795_397_400_000_000_007

MARKET: list[AnyCommand] = [
    DefineInstrument(InstrumentDefinition(1, "CEA24", "CNY", 1, 2, 1)),
    DefineAccount(11, 1, "HN-1"),
    DefineAccount(12, 2, "DT-1"),
    DefineSession(1, "gateway", (11, 12)),
]
SELL = NewOrder(1, 1, Side.SELL, 5, 9805, account_id=11)
BUY = NewOrder(2, 1, Side.BUY, 3, 9810, account_id=12)


class Venue:
    """An engine and its journal, without a network."""

    def __init__(self, directory: Path, durable: bool = True) -> None:
        self.engine = Engine(durable=durable)
        self.time_ns = TIME_NS
        self.storage = DiskStorage(directory)
        recovery = recover(self.storage, identity(durable), segment_bytes=SEGMENT_BYTES)
        self.writer = JournalWriter(self.storage, recovery, relaxed=not durable)

    def apply(self, session_id: int, commands: list[AnyCommand], *, journaled: list[AnyCommand]) -> None:
        """Apply `commands`, and say in the journal that it was `journaled`."""
        first_sequence = self.engine.sequence + 1
        self.engine.apply(Entry(first_sequence, self.time_ns, session_id, commands))
        outputs = self.engine.take_outputs()
        record = EntryRecord(self.time_ns, session_id, Raw(encode_stream(journaled)))
        payload = encode_record([record], stream_records(outputs), outputs.public)
        self.writer.append(payload, first_sequence, len(commands))

    def run(self, session_id: int, *commands: AnyCommand) -> None:
        self.apply(session_id, list(commands), journaled=list(commands))

    def stop(self) -> None:
        self.writer.close()
        self.storage.release()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    venue = Venue(tmp_path / "journal")
    venue.run(0, *MARKET)
    venue.run(1, SELL, BUY)
    venue.stop()
    return tmp_path / "journal"


def test_a_good_journal_is_proven_by_numbers(directory: Path) -> None:
    found = verify(directory)
    assert (found.records, found.commands, found.last_sequence) == (2, 6, 6)
    assert found.reports == 4
    assert found.closed
    assert found.torn_bytes == 0


def test_one_flipped_bit_is_found(directory: Path) -> None:
    segment = sorted(directory.glob("*.cmj"))[0]
    data = bytearray(segment.read_bytes())
    data[data.index(b"HN-1")] ^= 1
    segment.write_bytes(data)
    with pytest.raises(JournalDamaged, match=rf"\A{segment.name}, byte \d+, sequence 1: found "):
        verify(directory)


@pytest.mark.parametrize("reports", ["00", "91c0"])
def test_a_batch_whose_reports_are_none_is_damage(tmp_path: Path, reports: str) -> None:
    storage = DiskStorage(tmp_path)
    writer = JournalWriter(storage, recover(storage, identity(True), segment_bytes=2**20))
    # [[[1000, 1, [[17, 1, 1]]]], [[1, 1, 0, reports]], []]
    payload = bytes.fromhex("93 91 93 cd03e8 01 91 93110101 91 94 01 01 00" + reports + "90")
    writer.append(payload, 1, 1)
    writer.close()
    storage.release()
    with pytest.raises(JournalDamaged, match="a batch of this version"):
        verify(tmp_path)


def test_a_wrong_directory_is_not_an_empty_journal(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_dump_has_what_came_in_and_what_it_caused(directory: Path) -> None:
    output = io.StringIO()
    dump(directory, output)
    market, trading = (json.loads(line) for line in output.getvalue().splitlines())
    assert market["sequence"] == 1
    defined = market["entries"][0]["commands"][0]
    assert defined["type"] == "DefineInstrument"
    # What later mechanisms add to a definition is beside the point here.
    known = {
        "instrument_id": 1,
        "symbol": "CEA24",
        "currency": "CNY",
        "tick_value_minor": 1,
        "price_decimals": 2,
        "lot_tonnes": 1,
        "price_increment_ticks": 1,
        "quantity_increment_lots": 1,
        "quantity_min_lots": 1,
        "quantity_max_lots": 1_000_000_000,
        "reference_price_ticks": 0,
        "band_low_ticks": 0,
        "band_high_ticks": 0,
        "market_protection_ticks": 0,
        "self_trade_prevention": 2,
        "opening_phase": 1,
        "allowed": AllowedFlag.DEFAULT,
        "self_trade": {"key": 1, "allowed": SelfTradeFlag.ALL},
        "volatility": None,
    }
    assert {name: defined["definition"][name] for name in known} == known
    assert (trading["sequence"], trading["count"]) == (5, 2)
    (entry,) = trading["entries"]
    assert (entry["time"], entry["session_id"]) == ("2026-11-23T01:30:00.000000007Z", 1)
    assert [command["type"] for command in entry["commands"]] == ["NewOrder", "NewOrder"]
    (stream,) = trading["streams"]
    assert stream["first_seq"] == 1
    assert [report["type"] for report in stream["reports"]] == [
        "Accepted",
        "Accepted",
        "Executed",
        "Executed",
    ]
    assert [event["type"] for event in trading["public"]] == ["Traded"]


def test_a_dump_can_begin_later(directory: Path) -> None:
    output = io.StringIO()
    dump(directory, output, from_sequence=6)
    assert [json.loads(line)["sequence"] for line in output.getvalue().splitlines()] == [5]
    output = io.StringIO()
    dump(directory, output, from_sequence=7)
    assert output.getvalue() == ""


def test_fills_come_out_as_a_settlement_department_reads_them(directory: Path) -> None:
    output = io.StringIO()
    assert export(directory, output) == 2
    header, *rows = output.getvalue().splitlines()
    assert header == (
        "time,trade_id,symbol,side,price,currency,tonnes,account,liquidity,order_id,instrument_id,"
        "account_id,session_id,price_ticks,quantity_lots,value_minor,state"
    )
    assert sorted(rows) == [
        "2026-11-23T01:30:00.000000007Z,1,CEA24,buy,98.05,CNY,3,DT-1,taker,6,1,12,1,9805,3,29415,",
        "2026-11-23T01:30:00.000000007Z,1,CEA24,sell,98.05,CNY,3,HN-1,maker,5,1,11,1,9805,3,29415,",
    ]
    lines = io.StringIO()
    assert export(directory, lines, form="jsonl") == 2
    assert {json.loads(line)["account"] for line in lines.getvalue().splitlines()} == {"HN-1", "DT-1"}


@pytest.mark.parametrize("durable", [True, False])
def test_a_replay_comes_to_the_same_state(tmp_path: Path, durable: bool) -> None:
    venue = Venue(tmp_path, durable)
    venue.run(0, *MARKET)
    venue.run(1, SELL)
    venue.run(1, BUY)
    venue.stop()
    found = replay(tmp_path)
    assert (found.records, found.commands) == (3, 6)
    if durable:
        assert found.state_digest == digest(venue.engine)


def test_a_replay_that_comes_out_otherwise_is_said_to(tmp_path: Path) -> None:
    venue = Venue(tmp_path)
    venue.run(0, *MARKET)
    venue.apply(1, [SELL], journaled=[NewOrder(1, 1, Side.SELL, 4, 9805, account_id=11)])
    venue.stop()
    verify(tmp_path)
    with pytest.raises(Diverged, match=r"byte \d+, sequence 5: command 5 gave other reports in stream 1"):
        replay(tmp_path)


# --- trades taken back and put right ---------------------------------------------------------------

OPERATOR = DefineSession(2, "ops", (), operator=True)
TRADE = FoundTrade(1, TIME_NS, 9805, 3, TradeSide(1, 6, 12), TradeSide(1, 5, 11))


def amended(directory: Path, *commands: OnTrade) -> Path:
    venue = Venue(directory)
    venue.run(0, *MARKET)
    venue.run(1, SELL, BUY)
    venue.run(0, OPERATOR)
    for command in commands:
        venue.run(2, command)
    venue.stop()
    return directory


def test_a_command_on_a_trade_is_proven_to_carry_the_trade_that_was_made(tmp_path: Path) -> None:
    unknown = OnTrade(BustTrade(2, 7))
    found = verify(amended(tmp_path, OnTrade(CorrectTrade(1, 1, 9800, 2), TRADE), unknown))
    assert (found.trades_proven, found.trades_unproven) == (1, 0)


@pytest.mark.parametrize(
    "other",
    [{"quantity_lots": 4}, {"time_ns": TIME_NS - 1}, {"buyer": TradeSide(1, 6, 11)}, {"seller": TRADE.buyer}],
    ids=str,
)
def test_a_command_that_carries_another_trade_is_damage(tmp_path: Path, other: dict[str, Any]) -> None:
    directory = amended(tmp_path, OnTrade(BustTrade(1, 1), structs.replace(TRADE, **other)))
    with pytest.raises(JournalDamaged, match=r"sequence 8: found a command on trade 1 with FoundTrade"):
        verify(directory)


CORRECTION = CorrectTrade(1, 1, 9800, 2)


@pytest.mark.parametrize(
    ("commands", "tail"),
    [
        ([BustTrade(1, 1)], "12,1,9805,0,0,busted"),
        ([CORRECTION], "12,1,9800,2,19600,corrected"),
        ([CORRECTION, CorrectTrade(2, 1, 9801, 3)], "12,1,9801,3,29403,corrected"),
        ([CORRECTION, BustTrade(2, 1)], "12,1,9800,0,0,busted"),
    ],
    ids=["bust", "correction", "two corrections", "bust of a correction"],
)
def test_fills_come_out_as_they_stand(tmp_path: Path, commands: list[TradeCommand], tail: str) -> None:
    directory = amended(tmp_path, *(OnTrade(command, TRADE) for command in commands))
    output = io.StringIO()
    assert export(directory, output) == 2
    (bought,) = [row for row in output.getvalue().splitlines() if ",buy," in row]
    assert bought.endswith(tail)


def test_a_dump_names_what_is_inside_of_a_command_on_a_trade(tmp_path: Path) -> None:
    output = io.StringIO()
    dump(amended(tmp_path, OnTrade(BustTrade(1, 1, "why"), TRADE)), output, from_sequence=8)
    (line,) = output.getvalue().splitlines()
    (command,) = json.loads(line)["entries"][0]["commands"]
    assert command["type"] == "OnTrade"
    assert command["command"] == {"type": "BustTrade", "ref": 1, "trade_id": 1, "text": "why"}
    assert command["trade"]["buyer"] == {"session_id": 1, "order_id": 6, "account_id": 12}
