"""`carbonmatch export`: a journal with a little of everything, as tables, in every format."""

# Tests write ids as plain numbers.
# mypy: disable-error-code="arg-type"

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.export import orders as orders_module
from carbonmatch.export import writing
from carbonmatch.export.book import book_rows, book_table
from carbonmatch.export.columns import Column, Kind, Row, Table, described
from carbonmatch.export.command import main
from carbonmatch.export.fills import FILLS, fill_rows
from carbonmatch.export.orders import ORDERS, order_rows
from carbonmatch.export.writing import ExportError, Format, write
from carbonmatch.journal_tools import Batch
from carbonmatch.limits import EXPORT_LEVELS_MAX
from carbonmatch.matching.messages import (
    Accepted,
    AllowedFlag,
    BustTrade,
    Cancel,
    CorrectTrade,
    DefineAccount,
    DefineInstrument,
    DefineSession,
    Entry,
    Executed,
    FoundTrade,
    InstrumentDefinition,
    Liquidity,
    NewOrder,
    NewOrderLong,
    OnTrade,
    OrderType,
    Phase,
    Reduce,
    Replace,
    SelfTradePrevention,
    SessionId,
    SetPhase,
    Side,
    TimeInForce,
    TradeSide,
)
from tests.test_journal_tools import TIME_NS, Venue

ROOT = Path(__file__).parents[2]
SECOND_NS = 10**9
BUYER, SELLER, DESK, OPERATOR = 1, 2, 3, 4
CEA, EUA = 1, 2


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each command a second after the one before, from :00.000000007 on."""
    path = tmp_path_factory.mktemp("export") / "journal"
    venue = Venue(path)
    allowed = AllowedFlag.ALL
    venue.run(
        0,
        DefineInstrument(InstrumentDefinition(CEA, "CEA24", "CNY", 1, 2, 100, allowed=allowed)),
        DefineInstrument(InstrumentDefinition(EUA, "EUA", "EUR", 10, 3, 1)),
        DefineAccount(11, 1, "HN-1"),
        DefineAccount(12, 2, "DT-1"),
        DefineSession(BUYER, "buyer", (11,)),
        DefineSession(SELLER, "seller", (12,)),
        DefineSession(DESK, "desk", (11,)),
        DefineSession(OPERATOR, "operator", (), operator=True),
    )

    def run(session_id: int, *commands: Any) -> None:
        venue.time_ns += SECOND_NS
        venue.run(session_id, *commands)

    run(SELLER, NewOrder(1, CEA, Side.SELL, 10, 6010))  # :01, order 9
    run(BUYER, NewOrder(1, CEA, Side.BUY, 5, 6000))  # :02, order 10
    run(BUYER, NewOrder(2, CEA, Side.BUY, 4, 6010, time_in_force=TimeInForce.IOC))  # :03, trade 1
    run(SELLER, Replace(2, 1, 0, 10, 6020))  # :04
    run(SELLER, Reduce(3, 2, 0, 9))  # :05: 5 of 9 are left
    run(BUYER, NewOrder(3, CEA, Side.BUY, 7, 6020))  # :06, order 14: trades 5, 2 rest
    run(DESK, Cancel(1, 0, 14))  # :07, of another session of the account
    run(SELLER, NewOrder(4, EUA, Side.SELL, 0, 70_000))  # :08, refused
    run(SELLER, NewOrder(5, EUA, Side.SELL, 3, 70_000))  # :09, order 17
    run(BUYER, NewOrder(4, EUA, Side.BUY, 3, 70_001))  # :10, order 18, trade 3
    run(
        BUYER,
        NewOrderLong(
            5,
            CEA,
            Side.BUY,
            9,
            6005,
            order_type=OrderType.STOP_LIMIT,
            time_in_force=TimeInForce.GTD,
            stop_price_ticks=6030,
            display_lots=3,
            expires_ns=venue.time_ns + 3_600 * SECOND_NS,
        ),
    )  # :11, order 19, waits
    run(
        BUYER,
        NewOrder(6, CEA, Side.SELL, 1, 5990, self_trade_prevention=SelfTradePrevention.CANCEL_BOTH),
    )  # :12, order 20, against order 10
    run(DESK, NewOrder(2, CEA, Side.BUY, 1, 5980, time_in_force=TimeInForce.DAY))  # :13, order 21
    run(OPERATOR, SetPhase(1, CEA, Phase.CLOSED, "done"))  # :14
    eua = FoundTrade(EUA, TIME_NS + 10 * SECOND_NS, 70_000, 3, TradeSide(1, 18, 11), TradeSide(2, 17, 12))
    run(OPERATOR, OnTrade(CorrectTrade(2, 3, 69_000, 2), eua))  # :15
    cea = FoundTrade(CEA, TIME_NS + 3 * SECOND_NS, 6010, 4, TradeSide(1, 11, 11), TradeSide(2, 9, 12))
    run(OPERATOR, OnTrade(BustTrade(3, 1), cea))  # :16
    venue.stop()
    return path


Named = dict[str, Any]


def named(table: Table, rows: Iterator[Row]) -> list[Named]:
    return [dict(zip(table.names, row, strict=True)) for row in rows]


def picked(rows: list[Named], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def second(row: Named) -> int:
    """Counted from the journal's beginning: the commands of the fixture say theirs."""
    return int(row["time"] - TIME_NS) // SECOND_NS


# --- rows ----------------------------------------------------------------------------------------


def test_fills_stand_as_they_were_put_right(directory: Path) -> None:
    rows = named(FILLS, fill_rows(directory))
    assert picked(
        rows, "trade_id", "symbol", "side", "price_ticks", "quantity_lots", "state", "order_id"
    ) == [
        (1, "CEA24", "buy", 6010, 0, "busted", 11),
        (1, "CEA24", "sell", 6010, 0, "busted", 9),
        (2, "CEA24", "buy", 6020, 5, None, 14),
        (2, "CEA24", "sell", 6020, 5, None, 9),
        (3, "EUA", "buy", 69_000, 2, "corrected", 18),
        (3, "EUA", "sell", 69_000, 2, "corrected", 17),
    ]
    assert [second(row) for row in rows] == [3, 3, 6, 6, 10, 10]
    assert picked(rows[2:4], "kind", "liquidity", "leaves_lots", "account", "account_id", "session_id") == [
        ("continuous", "taker", 2, "HN-1", 11, 1),
        ("continuous", "maker", 0, "DT-1", 12, 2),
    ]
    assert picked(rows[4:5], "currency", "price_decimals", "tick_value_minor", "lot_tonnes") == [
        ("EUR", 3, 10, 1)
    ]


def test_an_order_is_told_from_its_entry_to_its_end(directory: Path) -> None:
    rows = [row for row in named(ORDERS, order_rows(directory)) if row["order_id"] == 9]
    told = picked(
        rows, "event", "price_ticks", "quantity_lots", "leaves_lots", "event_price_ticks", "event_lots"
    )
    assert told == [
        ("accepted", 6010, 10, 10, None, None),
        ("executed", 6010, 10, 6, 6010, 4),
        ("replaced", 6020, 10, 6, None, None),
        ("reduced", 6020, 9, 5, None, None),
        ("executed", 6020, 9, 0, 6020, 5),
    ]
    assert [second(row) for row in rows] == [1, 3, 4, 5, 6]
    assert picked(rows, "command", "ref", "trade_id") == [
        ("new_order", 1, None),
        (None, None, 1),
        ("replace", 2, None),
        ("reduce", 3, None),
        (None, None, 2),
    ]
    assert set(picked(rows, "symbol", "side", "account", "session_id")) == {("CEA24", "sell", "DT-1", 2)}


def test_an_order_that_another_session_cancels_is_canceled_once(directory: Path) -> None:
    rows = [row for row in named(ORDERS, order_rows(directory)) if row["order_id"] == 14]
    assert picked(rows, "event", "session_id", "command", "reason", "event_lots", "leaves_lots")[-1:] == [
        ("canceled", 1, None, "requested_by_other_session", 2, 0)
    ]
    assert [row["event"] for row in rows] == ["accepted", "executed", "canceled"]


def test_what_was_refused_is_told_with_what_was_asked_for(directory: Path) -> None:
    (row,) = [row for row in named(ORDERS, order_rows(directory)) if row["event"] == "rejected"]
    asked = picked([row], "symbol", "side", "price_ticks", "quantity_lots", "command", "order_type", "reason")
    assert asked == [("EUA", "sell", 70_000, 0, "new_order", "limit", "invalid_quantity")]
    assert (row["order_id"], row["account"], row["session_id"], row["ref"]) == (None, None, 2, 4)


def test_what_only_the_long_layout_says_is_there(directory: Path) -> None:
    (row,) = [row for row in named(ORDERS, order_rows(directory)) if row["order_type"] == "stop_limit"]
    asked = picked([row], "price_ticks", "stop_price_ticks", "display_lots", "minimum_lots", "time_in_force")
    assert asked == [(6005, 6030, 3, None, "gtd")]
    assert row["expires"] - TIME_NS == (10 + 3_600) * SECOND_NS


def test_prevented_trades_come_before_the_cancels_that_they_cause(directory: Path) -> None:
    rows = [row for row in named(ORDERS, order_rows(directory)) if row["order_id"] in (10, 20)][1:]
    assert picked(rows, "event", "order_id", "event_lots", "leaves_lots", "reason") == [
        ("accepted", 20, None, 1, None),
        ("prevented", 20, 1, 1, None),
        ("prevented", 10, 1, 5, None),
        ("canceled", 20, 1, 0, "self_trade"),
        ("canceled", 10, 5, 0, "self_trade"),
    ]


def test_orders_of_one_batch_come_in_the_order_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch holds entries of many times, and stream after stream what they have caused."""
    buyer, seller = NewOrder(1, CEA, Side.BUY, 5, 6000), NewOrder(1, CEA, Side.SELL, 5, 6000)
    batch = Batch(
        [Entry(1, 1_000, BUYER, [buyer]), Entry(2, 2_000, SELLER, [seller])],
        [
            (
                SessionId(BUYER),
                [
                    Accepted(1, 1, 1_000, 0, 1, CEA, 11, Side.BUY, 6000, 5),
                    Executed(2, 0, 2_000, 0, 1, 1, CEA, 11, Side.BUY, 6000, 5, 0, Liquidity.MAKER),
                    Accepted(3, 2, 3_000, 0, 3, CEA, 11, Side.BUY, 6000, 5),
                ],
            ),
            (SessionId(SELLER), [Accepted(1, 1, 2_000, 0, 2, CEA, 12, Side.SELL, 6000, 5)]),
        ],
        [],
    )
    monkeypatch.setattr(orders_module, "batches", lambda *_arguments, **_options: [batch])
    rows = named(ORDERS, order_rows(Path()))
    assert picked(rows, "time", "event", "order_id") == [
        (1_000, "accepted", 1),
        (2_000, "executed", 1),
        (2_000, "accepted", 2),
        (3_000, "accepted", 3),
    ]


def test_the_book_is_told_after_each_batch_that_changed_its_best_levels(directory: Path) -> None:
    rows = named(book_table(2), book_rows(directory, 2))
    cea = [row for row in rows if row["symbol"] == "CEA24"]
    assert [second(row) for row in cea] == [0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14]
    best = picked(
        cea, "bid_price_ticks_1", "bid_lots_1", "ask_price_ticks_1", "ask_lots_1", "bid_price_ticks_2"
    )
    assert best[2:8] == [
        (6000, 5, 6010, 10, None),
        (6000, 5, 6010, 6, None),
        (6000, 5, 6020, 6, None),
        (6000, 5, 6020, 5, None),
        (6020, 2, None, None, 6000),
        (6000, 5, None, None, None),
    ]
    assert picked(cea[-1:], "phase", "bid_price_ticks_1", "bid_orders_1") == [("closed", None, None)]
    # A change below the levels that were asked for is none.
    shallow = named(book_table(1), book_rows(directory, 1))
    assert len(shallow) == len(rows)


def test_a_change_below_the_levels_that_were_asked_for_is_no_row(tmp_path: Path) -> None:
    venue = Venue(tmp_path)
    venue.run(
        0,
        DefineInstrument(InstrumentDefinition(CEA, "CEA24", "CNY", 1, 2, 100)),
        DefineAccount(11, 1, "HN-1"),
        DefineSession(BUYER, "buyer", (11,)),
    )
    for ref, price_ticks in enumerate((6000, 5990, 5980), 1):
        venue.run(BUYER, NewOrder(ref, CEA, Side.BUY, 1, price_ticks))
    venue.stop()
    assert [len(list(book_rows(tmp_path, levels))) for levels in (1, 2, 3)] == [2, 3, 4]


# --- files ---------------------------------------------------------------------------------------

TABLES = [FILLS, ORDERS, book_table(2)]


def rows_of(table: Table, directory: Path) -> Iterator[Row]:
    if table.name == "book":
        return book_rows(directory, 2)
    return fill_rows(directory) if table is FILLS else order_rows(directory)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_columns_hold_the_rows_and_say_what_they_are(
    directory: Path, tmp_path: Path, table: Table, form: Format
) -> None:
    out = tmp_path / "out"
    expected = list(rows_of(table, directory))
    assert write(table, rows_of(table, directory), form, out) == len(expected)
    found = pyarrow.parquet.read_table(out) if form == "parquet" else pyarrow.ipc.open_file(out).read_all()
    times = [at for at, column in enumerate(table.columns) if column.kind is Kind.TIME]
    for at in times:
        assert str(found.schema.field(at).type) == "timestamp[ns, tz=UTC]"
        found = found.set_column(at, found.schema.field(at).name, found.column(at).cast("int64"))
    assert found.column_names == table.names
    assert [tuple(row.values()) for row in found.to_pylist()] == expected
    about = found.schema.metadata
    assert (about[b"table"], about[b"schema_version"]) == (table.name.encode(), b"1")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_csv_has_the_same_columns_and_times_as_people_read_them(
    directory: Path, tmp_path: Path, table: Table
) -> None:
    out = tmp_path / "out.csv"
    write(table, rows_of(table, directory), "csv", out)
    header, *rows = csv.reader(out.read_text().splitlines())
    assert header == table.names
    assert len(rows) == len(list(rows_of(table, directory)))
    assert rows[0][0].startswith("2026-11-23T01:30:0")
    assert rows[0][0].endswith(".000000007Z")
    assert "None" not in out.read_text()


def test_columns_are_written_so_many_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "EXPORT_VALUES_AT_ONCE", 10)
    table = Table("numbers", "", (Column("number", Kind.NUMBER, ""), Column("twice", Kind.NUMBER, "")))
    write(table, ((number, 2 * number) for number in range(13)), "parquet", tmp_path / "out")
    file = pyarrow.parquet.ParquetFile(tmp_path / "out")
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [5, 5, 3]


@pytest.mark.parametrize("form", ["parquet", "arrow", "csv"])
def test_a_table_that_is_cut_short_replaces_nothing(tmp_path: Path, form: Format) -> None:
    def broken() -> Iterator[Row]:
        yield (1,)
        raise OSError("the disk is gone")

    out = tmp_path / "out"
    out.write_text("before")
    with pytest.raises(OSError, match="the disk is gone"):
        write(Table("numbers", "", (Column("number", Kind.NUMBER, ""),)), broken(), form, out)
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError, match=r"pip install 'carbonmatch\[export\]'"):
        write(FILLS, iter(()), "parquet", tmp_path / "out")
    write(FILLS, iter(()), "csv", tmp_path / "out")


# --- the command ---------------------------------------------------------------------------------


def exported(directory: Path, capsys: pytest.CaptureFixture[str], **options: Any) -> list[list[str]]:
    main("orders", directory, **options)
    return list(csv.reader(capsys.readouterr().out.splitlines()))[1:]


def test_instruments_and_times_can_be_picked(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ORDERS.names.index("symbol")
    assert {row[at] for row in exported(directory, capsys, symbol=("EUA",))} == {"EUA"}
    rows = exported(directory, capsys, since="2026-11-23T09:30:04+08:00", until="2026-11-23T01:30:06Z")
    assert [row[:2] for row in rows] == [
        ["2026-11-23T01:30:04.000000007Z", "replaced"],
        ["2026-11-23T01:30:05.000000007Z", "reduced"],
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"form": "parquet"}, "parquet is no text: name a file with --out"),
        ({"since": "yesterday"}, "'yesterday' is no time"),
        ({"until": "2026-11-23T01:30:06"}, "lacks its offset from UTC"),
    ],
)
def test_what_cannot_be_exported_is_said(directory: Path, options: Named, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        main("fills", directory, **options)


def test_more_levels_than_there_may_be_are_refused(directory: Path) -> None:
    command = [sys.executable, "-m", "carbonmatch", "export", "book", str(directory), "--levels"]
    for levels, status in ((EXPORT_LEVELS_MAX, 0), (EXPORT_LEVELS_MAX + 1, ExitCode.REFUSED)):
        done = subprocess.run(
            [*command, str(levels)],
            env={"PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stderr


# --- documents -----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [FILLS, ORDERS, book_table(1)], ids=lambda table: table.name)
def test_the_page_has_every_column_as_it_is(table: Table) -> None:
    text = (ROOT / "docs" / "export.md").read_text()
    section = text.partition(f"\n## `{table.name}`\n")[2].partition("\n## ")[0]
    assert f"\n{described(table)}\n" in f"{section}\n"
    assert table.meaning.split(",")[0] in section


def test_the_example_computes_prices_spreads_and_depth(directory: Path, tmp_path: Path) -> None:
    for table in (FILLS, book_table(2)):
        write(table, rows_of(table, directory), "parquet", tmp_path / table.name)
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "market_quality.py", tmp_path / "fills", tmp_path / "book"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    # Both sides of CEA24 stand for four seconds: 10, 10, 20 and 20 ticks apart, with 15, 11, 11 and 10 lots.
    cea, eua = done.stdout.splitlines()
    assert cea.split("  ")[-4:] == [
        "spread 0.1500",
        "(25.0 bp)",
        "at the best 11.8 lots,",
        "in all levels 11.8",
    ]
    assert cea.split()[:6] == ["CEA24", "VWAP", "60.2000", "of", "5", "lots"]
    assert eua.split() == ["EUA", "VWAP", "69.0000", "of", "2", "lots"]
