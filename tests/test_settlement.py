"""Settlement files: the same from every journal that says the same, and what a reader by hand comes to."""

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.config.trade_numbers import DEFAULT_FORMAT, problems_of, trade_number
from carbonmatch.journal.archive import archive_segments
from carbonmatch.journal.record import StoredRecord
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.messages import AccountId, Entry, InstrumentId, Phase, Ref, Side, TradeId, TradeKind
from carbonmatch.settlement.ledger import Ledger
from carbonmatch.settlement.make import (
    LEDGER_NAME,
    Made,
    SettlementError,
    opened_journal,
    settle_day,
    settle_what_is_missing,
)
from carbonmatch.settlement.text import Naming
from carbonmatch.settlement.trades import Run
from tests.matching.market import ALICE, BOB, CAROL, CEA, EUA, OPS, TIME_NS, VENUE, definition
from tests.server.journaled import Journaled
from tests.settlement import ByHand

DAY_NS = 24 * 3_600 * 10**9
FIRST_DAY = 20231101
NAMING = Naming("carbonmatch-shanghai")
# Its orders are selected, and blocks of it are negotiated.
LISTED = InstrumentId(3)
SELECTED = m.ScreenRules(m.ScreenMechanism.LISTING, levels_max=5, order_list=True)
LISTING = definition(
    LISTED,
    screen=SELECTED,
    blocks=m.BlockRules(),
    allowed=m.AllowedFlag.LIMIT | m.AllowedFlag.DAY | m.AllowedFlag.GTC,
)
ACCOUNTS = {ALICE: AccountId(11), BOB: AccountId(13), CAROL: AccountId(12)}


class World:
    """A venue with a journal, whose days are numbered from FIRST_DAY on; every call is a batch."""

    def __init__(
        self, directory: Path, segment_bytes: int = 2**20, clearing: m.ClearingRules | None = None
    ) -> None:
        self.directory = directory
        self.storage = DiskStorage(directory)
        self.venue = Journaled(self.storage, segment_bytes)
        self.by_hand = ByHand()
        self.trades: list[m.FoundTrade] = []
        self.refs: dict[m.SessionId, int] = defaultdict(int)
        self.day = FIRST_DAY
        self.time_ns = TIME_NS
        self.apply(
            (
                VENUE,
                [
                    m.DefineInstrument(definition(EUA, clearing=clearing)),
                    m.DefineInstrument(definition(CEA, clearing=clearing)),
                    m.DefineInstrument(msgspec.structs.replace(LISTING, clearing=clearing)),
                    m.DefineAccount(AccountId(11), m.ParticipantId(1), "alpha"),
                    m.DefineAccount(AccountId(12), m.ParticipantId(1), "alpha-2"),
                    m.DefineAccount(AccountId(13), m.ParticipantId(2), "beta"),
                    m.DefineSession(ALICE, "alice", (AccountId(11),)),
                    m.DefineSession(BOB, "bob", (AccountId(13),)),
                    m.DefineSession(CAROL, "carol", (AccountId(12),)),
                    m.DefineSession(OPS, "ops", (), operator=True),
                ],
            )
        )

    def apply(self, *entries: tuple[m.SessionId, list[Any]]) -> None:
        """One batch of entries."""
        engine = self.venue.engine
        sequence = engine.sequence
        batch = []
        for session, commands in entries:
            batch.append(Entry(sequence + 1, self.time_ns, session, commands))
            sequence += len(commands)
            self.time_ns += 1_000
        taken: list[m.Outputs] = []
        take = engine.take_outputs

        def heard() -> m.Outputs:
            taken.append(take())
            return taken[-1]

        engine.take_outputs = heard  # type: ignore[method-assign]
        self.venue.batch(batch)
        engine.take_outputs = take  # type: ignore[method-assign]
        engine.check()
        (outputs,) = taken
        self.by_hand.take(outputs)
        sides: dict[tuple[int, Side], m.TradeSide] = {}
        for stream in outputs.streams:
            for report in stream.reports:
                if isinstance(report, m.Executed):
                    side = m.TradeSide(stream.session_id, report.order_id, report.account_id)
                    sides[report.trade_id, report.side] = side
        self.trades += [
            m.FoundTrade(
                event.instrument_id,
                event.time_ns,
                event.price_ticks,
                event.quantity_lots,
                sides[event.trade_id, Side.BUY],
                sides[event.trade_id, Side.SELL],
                event.kind,
            )
            for event in outputs.public
            if isinstance(event, m.Traded)
        ]

    def ref(self, session: m.SessionId) -> Ref:
        self.refs[session] += 1
        return Ref(self.refs[session])

    def orders(
        self, instrument: InstrumentId, price: int, lots: int, buyer: m.SessionId, seller: m.SessionId
    ) -> list[tuple[m.SessionId, list[Any]]]:
        return [
            (session, [m.NewOrder(self.ref(session), instrument, side, lots, price)])
            for session, side in ((buyer, Side.BUY), (seller, Side.SELL))
        ]

    def trade(
        self,
        price: int = 100,
        lots: int = 1,
        instrument: InstrumentId = EUA,
        buyer: m.SessionId = ALICE,
        seller: m.SessionId = BOB,
    ) -> None:
        self.apply(*self.orders(instrument, price, lots, buyer, seller))

    def auction(self, price: int, lots: int, instrument: InstrumentId = EUA) -> None:
        self.apply(
            (OPS, [m.SetPhase(self.ref(OPS), instrument, Phase.OPENING_AUCTION)]),
            *self.orders(instrument, price, lots, CAROL, BOB),
            (OPS, [m.SetPhase(self.ref(OPS), instrument, Phase.CONTINUOUS)]),
        )

    def listed(self, price: int, lots: int) -> None:
        order = m.NewOrder(self.ref(BOB), LISTED, Side.SELL, lots, price)
        self.apply((BOB, [order]), (ALICE, [m.Select(self.ref(ALICE), LISTED, Side.BUY, lots)]))

    def block(self, price: int, lots: int) -> None:
        offer = m.BlockPropose(
            self.ref(CAROL), LISTED, Side.SELL, lots, price, counterparty_account_id=ACCOUNTS[BOB]
        )
        number = m.OrderId(self.venue.engine.sequence + 1)
        self.apply((CAROL, [offer]), (BOB, [m.BlockAccept(self.ref(BOB), number, lots, price)]))

    def bust(self, trade_id: int) -> None:
        command = m.BustTrade(self.ref(OPS), TradeId(trade_id), "never")
        self.apply((OPS, [m.OnTrade(command, self.trades[trade_id - 1])]))

    def correct(self, trade_id: int, price: int, lots: int) -> None:
        command = m.CorrectTrade(self.ref(OPS), TradeId(trade_id), price, lots, "other")
        self.apply((OPS, [m.OnTrade(command, self.trades[trade_id - 1])]))

    def ending(self, *instruments: InstrumentId) -> list[tuple[m.SessionId, list[Any]]]:
        numbers = instruments or (EUA, CEA, LISTED)
        return [
            *((OPS, [m.SetPhase(self.ref(OPS), number, Phase.CLOSED)]) for number in numbers),
            (OPS, [m.EndDay(self.ref(OPS), self.day, instruments)]),
            *((OPS, [m.Resume(self.ref(OPS), number)]) for number in numbers),
        ]

    def end(self, *instruments: InstrumentId) -> None:
        self.apply(*self.ending(*instruments))

    def next_day(self) -> None:
        self.day += 1
        self.time_ns += DAY_NS

    def settle(self, output: Path, day: int = FIRST_DAY) -> list[Made]:
        output.mkdir(exist_ok=True)
        return settle_day(self.storage, output, day, NAMING)

    def settle_missing(self, output: Path) -> list[Made]:
        output.mkdir(exist_ok=True)
        return settle_what_is_missing(self.storage, output, NAMING, self.venue.writer.durable_position)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "journal")


def rows_of(file: str | Path) -> dict[str, list[dict[str, str]]]:
    """The rows of a file by kind, each by its field names."""
    names: dict[str, list[str]] = {}
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    for kind, *values in csv.reader(io.StringIO(Path(file).read_text())):
        if kind.startswith("#"):
            names[kind[1:]] = values
        elif kind == "CHECKSUM":
            rows[kind].append({"sha256": values[0]})
        else:
            rows[kind].append(dict(zip(names[kind], values, strict=True)))
    return rows


# --- one day ------------------------------------------------------------------------------------------


def test_a_day_is_settled_trade_by_trade(world: World, tmp_path: Path) -> None:
    world.trade(9805, 3)
    world.auction(9900, 2)
    world.trade(50, 7, CEA, BOB, ALICE)
    world.end()
    (made,) = world.settle(tmp_path / "out")
    assert Path(made.file).name == "settlement-20231101-1.csv"
    rows = rows_of(made.file)
    assert [",".join(row.values()) for row in rows["TRADE"]] == [
        "20231101-CONTINUOUS-00000001,1,CONTINUOUS,2023-11-14T22:13:20.000002000Z,1,I1,98.05,"
        "3,3,29415,EUR,1,11,alpha,0,2,13,beta,0,",
        "20231101-AUCTION-00000002,2,AUCTION,2023-11-14T22:13:20.000006000Z,1,I1,99.00,"
        "2,2,19800,EUR,1,12,alpha-2,0,2,13,beta,0,",
        "20231101-CONTINUOUS-00000003,3,CONTINUOUS,2023-11-14T22:13:20.000008000Z,2,I2,0.50,"
        "7,7,350,EUR,2,13,beta,0,1,11,alpha,0,",
    ]
    (header,) = rows["HEADER"]
    assert (header["venue"], header["trading_day"], header["run"]) == (
        "carbonmatch-shanghai",
        "20231101",
        "1",
    )
    assert int(header["last_sequence"]) == made.sequence
    assert [(row["instrument"], row["close"]) for row in rows["INSTRUMENT"]] == [
        ("I1", "99.00"),
        ("I2", "0.50"),
        ("I3", "0.00"),
    ]
    assert [
        (row["account"], row["instrument"], row["bought_lots"], row["sold_lots"], row["net_lots"])
        for row in rows["UNITS"]
    ] == [
        ("alpha", "I1", "3", "0", "3"),
        ("alpha", "I2", "0", "7", "-7"),
        ("alpha-2", "I1", "2", "0", "2"),
        ("beta", "I1", "0", "5", "-5"),
        ("beta", "I2", "7", "0", "7"),
    ]
    assert [
        (row["account"], row["paid_minor"], row["received_minor"], row["net_minor"]) for row in rows["CASH"]
    ] == [
        ("alpha", "29415", "350", "-29065"),
        ("alpha-2", "19800", "0", "-19800"),
        ("beta", "350", "49215", "48865"),
    ]
    (footer,) = rows["FOOTER"]
    assert footer == {
        "trades": "3", "adjustments": "0", "busted": "0", "accounts": "3", "quantity_lots": "12",
        "amount_minor": "49565", "fees_minor": "0",
    }  # fmt: skip


def test_the_mode_of_a_trade_is_in_its_number(world: World, tmp_path: Path) -> None:
    world.listed(100, 5)
    world.block(40, 200_000)
    world.auction(100, 1)
    world.end()
    world.next_day()
    world.bust(2)
    world.end()
    first, second = (world.settle(tmp_path / "out", FIRST_DAY + later)[0] for later in (0, 1))
    assert [(row["trade_number"], row["mode"]) for row in rows_of(first.file)["TRADE"]] == [
        ("20231101-LISTED-00000001", "LISTED"),
        ("20231101-BLOCK-00000002", "BLOCK"),
        ("20231101-AUCTION-00000003", "AUCTION"),
    ]
    assert [row["trade_number"] for row in rows_of(second.file)["ADJUSTMENT"]] == ["20231101-BLOCK-00000002"]


def test_the_checksum_is_of_all_bytes_before_it_and_the_digest_of_all(world: World, tmp_path: Path) -> None:
    world.trade()
    world.end()
    (made,) = world.settle(tmp_path / "out")
    data = Path(made.file).read_bytes()
    body, _, last = data.rpartition(b"CHECKSUM,")
    assert last == sha256(body).hexdigest().encode() + b"\n"
    assert made.sha256 == sha256(data).hexdigest()
    read = json.loads(Path(made.file).with_suffix(".json").read_text())
    assert read["csv_sha256"] == made.sha256
    assert [row["trade_id"] for row in read["trades"]] == [1]


def test_what_was_busted_is_left_out_and_what_was_corrected_is_as_it_stands(
    world: World, tmp_path: Path
) -> None:
    for _ in range(3):
        world.trade(100, 5)
    world.bust(1)
    world.correct(2, 90, 4)
    world.end()
    (made,) = world.settle(tmp_path / "out")
    rows = rows_of(made.file)
    assert [(row["trade_id"], row["price"], row["quantity_lots"], row["state"]) for row in rows["TRADE"]] == [
        ("2", "0.90", "4", "corrected"),
        ("3", "1.00", "5", ""),
    ]
    assert rows["FOOTER"][0]["busted"] == "1"
    assert rows["ADJUSTMENT"] == []


def test_a_correction_that_was_put_back_is_none(world: World, tmp_path: Path) -> None:
    world.trade(100, 5)
    world.correct(1, 90, 5)
    world.correct(1, 100, 5)
    world.end()
    (made,) = world.settle(tmp_path / "out")
    assert [row["state"] for row in rows_of(made.file)["TRADE"]] == [""]


def test_what_becomes_of_trades_of_earlier_days_is_settled_by_adjustments(
    world: World, tmp_path: Path
) -> None:
    for _ in range(2):
        world.trade(100, 5)
    world.end()
    world.next_day()
    world.trade(110, 1, buyer=CAROL)
    world.correct(1, 90, 4)
    world.correct(1, 80, 4)
    world.bust(2)
    world.end()
    world.next_day()
    world.bust(1)
    world.bust(3)
    world.end()
    second, third = (world.settle(tmp_path / "out", FIRST_DAY + later)[0] for later in (1, 2))
    assert [
        (
            row["trade_number"], row["trading_day"], row["state"], row["price"], row["quantity_lots"],
            row["quantity_change_lots"], row["amount_change_minor"],
        )
        for row in rows_of(second.file)["ADJUSTMENT"]
    ] == [
        ("20231101-CONTINUOUS-00000001", "20231101", "corrected", "0.90", "4", "-1", "-140"),
        ("20231101-CONTINUOUS-00000001", "20231101", "corrected", "0.80", "4", "0", "-40"),
        ("20231101-CONTINUOUS-00000002", "20231101", "busted", "1.00", "0", "-5", "-500"),
    ]  # fmt: skip
    assert [(row["account"], row["net_lots"]) for row in rows_of(second.file)["UNITS"]] == [
        ("alpha", "-6"),
        ("alpha-2", "1"),
        ("beta", "5"),
    ]
    assert [
        (row["trade_number"], row["trading_day"], row["amount_change_minor"])
        for row in rows_of(third.file)["ADJUSTMENT"]
    ] == [
        ("20231101-CONTINUOUS-00000001", "20231101", "-320"),
        ("20231102-CONTINUOUS-00000003", "20231102", "-110"),
    ]
    assert rows_of(third.file)["TRADE"] == []


def test_a_day_without_trades_has_a_file_too(world: World, tmp_path: Path) -> None:
    world.end()
    (made,) = world.settle(tmp_path / "out")
    rows = rows_of(made.file)
    assert (made.trades, rows["TRADE"], rows["CASH"], rows["FEES"]) == (0, [], [], [])
    assert rows["FOOTER"][0]["trades"] == "0"


def test_what_ends_apart_is_settled_apart(world: World, tmp_path: Path) -> None:
    world.trade(instrument=EUA)
    world.trade(instrument=CEA)
    world.end(CEA)
    world.trade(instrument=EUA)
    world.trade(instrument=CEA)
    world.end(EUA)
    first, second = world.settle(tmp_path / "out")
    assert [row["trade_id"] for row in rows_of(first.file)["TRADE"]] == ["2"]
    assert [row["trade_id"] for row in rows_of(second.file)["TRADE"]] == ["1", "3"]
    assert (first.run, second.run) == (1, 2)


def test_trades_and_ends_in_one_batch_are_told_apart_by_their_order(world: World, tmp_path: Path) -> None:
    world.apply(
        *world.orders(EUA, 100, 1, ALICE, BOB), *world.ending(), *world.orders(EUA, 101, 1, ALICE, BOB)
    )
    world.next_day()
    world.end()
    output = tmp_path / "out"
    assert [row["trade_id"] for row in rows_of(world.settle(output)[0].file)["TRADE"]] == ["1"]
    assert [row["trade_id"] for row in rows_of(world.settle(output, FIRST_DAY + 1)[0].file)["TRADE"]] == ["2"]


def test_two_runs_of_one_batch_are_two_files(world: World, tmp_path: Path) -> None:
    world.trade()
    world.apply(*world.ending(EUA), *world.ending(CEA))
    assert [made.trades for made in world.settle(tmp_path / "out")] == [1, 0]


def test_accounts_are_called_what_they_were_when_the_day_ended(world: World, tmp_path: Path) -> None:
    world.trade()
    rename = m.DefineAccount(AccountId(11), m.ParticipantId(7), "omega")
    again = m.DefineAccount(AccountId(13), m.ParticipantId(8), "psi")
    world.apply((VENUE, [rename]), *world.ending(), (VENUE, [again]))
    (made,) = world.settle(tmp_path / "out")
    (trade,) = rows_of(made.file)["TRADE"]
    assert (trade["buyer_account"], trade["buyer_participant_id"], trade["seller_account"]) == (
        "omega",
        "7",
        "beta",
    )


def test_an_instrument_counts_with_the_definition_that_it_traded_with(world: World, tmp_path: Path) -> None:
    world.trade(100, 1)
    other = m.DefineInstrument(definition(EUA, price_increment_ticks=5))
    world.apply((VENUE, [other]))
    world.trade(105, 1)
    world.end()
    (made,) = world.settle(tmp_path / "out")
    assert [row["amount_minor"] for row in rows_of(made.file)["TRADE"]] == ["100", "105"]


# --- made again ---------------------------------------------------------------------------------------


def test_a_file_that_is_made_again_is_the_same_and_stays_as_it_is(world: World, tmp_path: Path) -> None:
    world.trade()
    world.end()
    (made,) = world.settle(tmp_path / "out")
    world.next_day()
    world.trade()
    world.bust(1)
    world.end()
    (again,) = world.settle(tmp_path / "out")
    assert (again.is_new, again.sha256) == (False, made.sha256)
    (elsewhere,) = world.settle(tmp_path / "other")
    assert (elsewhere.is_new, elsewhere.sha256) == (True, made.sha256)


def test_another_file_of_that_name_is_never_overwritten(world: World, tmp_path: Path) -> None:
    world.trade()
    world.end()
    (made,) = world.settle(tmp_path / "out")
    Path(made.file).write_text("sent")
    with pytest.raises(SettlementError, match="another file is there"):
        world.settle(tmp_path / "out")
    assert Path(made.file).read_text() == "sent"


def test_a_day_that_has_not_ended_has_no_file(world: World, tmp_path: Path) -> None:
    world.trade()
    with pytest.raises(SettlementError, match="no trading day 20231101 has ended"):
        world.settle(tmp_path / "out")


def test_run_after_run_reads_on_where_the_last_one_ended(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    read = []
    take = Ledger.take

    def counted(ledger: Ledger, stored: StoredRecord, previous_digest: bytes) -> Iterator[Run]:
        read.append(stored)
        return take(ledger, stored, previous_digest)

    monkeypatch.setattr(Ledger, "take", counted)
    assert world.settle_missing(output) == []
    for day in range(3):
        read.clear()
        world.trade(100 + day, 2)
        if day:
            world.bust(day)
        world.end()
        (made,) = world.settle_missing(output)
        assert made.trading_day == FIRST_DAY + day
        assert len(read) == (2 if not day else 3)
        assert world.settle_missing(output) == []
        world.next_day()
    for day in range(3):
        (alone,) = world.settle(tmp_path / "alone", FIRST_DAY + day)
        for suffix in (".csv", ".json"):
            name = Path(alone.file).with_suffix(suffix).name
            assert (output / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


@pytest.mark.parametrize("damage", [b"", b"\x00" * 40, None])
def test_a_ledger_that_does_not_fit_is_made_anew(world: World, tmp_path: Path, damage: bytes | None) -> None:
    output = tmp_path / "out"
    world.trade()
    world.end()
    world.settle_missing(output)
    if damage is None:
        other = World(tmp_path / "other")
        other.trade(7, 7)
        other.end()
        other.settle_missing(tmp_path / "others")
        damage = (tmp_path / "others" / LEDGER_NAME).read_bytes()
    (output / LEDGER_NAME).write_bytes(damage)
    world.next_day()
    world.trade()
    world.end()
    assert [(made.trading_day, made.is_new) for made in world.settle_missing(output)] == [
        (FIRST_DAY, False),
        (FIRST_DAY + 1, True),
    ]


def test_a_journal_without_its_beginning_needs_its_archive_or_the_ledger(tmp_path: Path) -> None:
    world = World(tmp_path / "journal", segment_bytes=16 * 1024)
    output, archive = tmp_path / "out", tmp_path / "archive"
    world.trade()
    world.end()
    world.settle_missing(output)
    kept = (output / LEDGER_NAME).read_bytes()
    world.next_day()
    for _ in range(80):
        world.trade()
    world.end()
    archive_segments(world.storage, DiskStorage(archive), 2)
    (output / LEDGER_NAME).unlink()
    with pytest.raises(SettlementError, match="begins with segment 2, expected 1"):
        world.settle_missing(output)
    whole = opened_journal(tmp_path / "journal", archive)
    until = world.venue.writer.durable_position
    assert [made.trades for made in settle_what_is_missing(whole, output, NAMING, until)] == [1, 80]
    (output / LEDGER_NAME).write_bytes(kept)
    assert [made.is_new for made in settle_what_is_missing(whole, output, NAMING, until)] == [False]
    # However it was read, the file says where in which segment the day ended, and what came before.
    (tmp_path / "alone").mkdir()
    (alone,) = settle_day(whole, tmp_path / "alone", FIRST_DAY + 1, NAMING)
    assert rows_of(alone.file)["HEADER"][0]["segment"] != "1"
    assert Path(alone.file).read_bytes() == (output / Path(alone.file).name).read_bytes()
    whole.release()


def test_a_directory_without_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettlementError, match="no such directory"):
        opened_journal(tmp_path / "none", None)
    with pytest.raises(SettlementError, match="no journal in this directory"):
        opened_journal(tmp_path, None)


class Killed(BaseException):
    """The process is gone."""


def test_a_crash_between_any_two_steps_leaves_what_the_next_start_completes(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call to the disk is one step. What is there is whole, and what comes is what would have come."""
    world.trade(100, 2)
    world.end()
    world.next_day()
    world.bust(1)
    world.trade(101, 3)
    world.end()
    expected = tmp_path / "expected"
    world.settle_missing(expected)
    calls = ("create", "pwrite", "fdatasync", "rename", "fsync_dir")
    left = 0

    def counted(name: str) -> Any:
        real = getattr(DiskStorage, name)

        def call(*given: Any) -> Any:
            nonlocal left
            if not left:
                raise Killed
            left -= 1
            return real(*given[1:]) if name in ("pwrite", "fdatasync") else real(*given)

        return call

    steps = 0
    while True:
        output = tmp_path / f"out-{steps}"
        output.mkdir()
        with monkeypatch.context() as patch:
            for name in calls:
                patch.setattr(DiskStorage, name, counted(name))
            left = steps
            try:
                world.settle_missing(output)
            except Killed:
                pass
            else:
                break
        for file in output.iterdir():
            if file.suffix in (".csv", ".json"):
                assert file.read_bytes() == (expected / file.name).read_bytes()
        world.settle_missing(output)
        for file in expected.iterdir():
            assert (output / file.name).read_bytes() == file.read_bytes(), (steps, file.name)
        steps += 1
    assert steps > 20


# --- by hand ------------------------------------------------------------------------------------------

INSTRUMENTS = st.sampled_from((EUA, CEA))
PRICES = st.integers(95, 105)
LOTS = st.integers(1, 9)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), PRICES, LOTS, INSTRUMENTS, st.sampled_from((ALICE, CAROL)), st.just(BOB)),
        st.tuples(st.just("trade"), PRICES, LOTS, INSTRUMENTS, st.just(BOB), st.sampled_from((ALICE, CAROL))),
        st.tuples(st.just("auction"), PRICES, LOTS, INSTRUMENTS),
        st.tuples(st.just("listed"), PRICES, LOTS),
        st.tuples(st.just("block"), PRICES, LOTS),
        st.tuples(st.just("bust"), st.integers(0, 50)),
        st.tuples(st.just("correct"), st.integers(0, 50), PRICES, LOTS),
        st.tuples(st.just("end"), st.sampled_from(((), (EUA,), (CEA, LISTED)))),
    ),
    max_size=30,
)


@settings(max_examples=40)
@given(STEPS)
def test_a_file_is_what_one_would_come_to_by_hand(
    tmp_path_factory: pytest.TempPathFactory, steps: Any
) -> None:
    directory = tmp_path_factory.mktemp("world")
    world = World(directory / "journal")
    made: list[Made] = []
    for name, *given_ in steps:
        if name == "end":
            world.end(*given_[0])
            world.next_day()
        elif name in ("bust", "correct"):
            if world.trades:
                getattr(world, name)(1 + given_[0] % len(world.trades), *given_[1:])
        else:
            getattr(world, name)(*given_)
        made += world.settle_missing(directory / "out")
    assert [(one.trading_day, one.run) for one in made] == [
        (run["day"], run["run"]) for run in world.by_hand.runs
    ]
    for one, run in zip(made, world.by_hand.runs, strict=True):
        rows = rows_of(one.file)
        assert [
            (int(row["trade_id"]), round(float(row["price"]) * 100), int(row["quantity_lots"]))
            for row in rows["TRADE"]
        ] == run["trades"]
        assert [
            (
                int(row["trade_id"]),
                int(row["trading_day"]),
                int(row["quantity_change_lots"]),
                int(row["amount_change_minor"]),
            )
            for row in rows["ADJUSTMENT"]
        ] == [
            (trade, day, after[1] - before[1], after[0] * after[1] - before[0] * before[1])
            for trade, day, before, after in run["adjustments"]
        ]
        assert {
            (int(row["account_id"]), int(row["instrument"][1:])): int(row["net_lots"])
            for row in rows["UNITS"]
        } == dict(run["units"])
        assert {int(row["account_id"]): int(row["net_minor"]) for row in rows["CASH"]} == dict(run["cash"])
        assert sum(run["units"].values()) == sum(run["cash"].values()) == 0
        numbers = [row["trade_number"] for row in rows["TRADE"]]
        assert [number.split("-")[0] for number in numbers] == [str(run["day"])] * len(numbers)
        assert [number.split("-")[1] for number in numbers] == [
            world.by_hand.kinds[trade].name for trade, _, _ in run["trades"]
        ]


# --- accounts -----------------------------------------------------------------------------------------

FEES = (
    m.Fees(TradeKind.CONTINUOUS, 30, 40, 1, 2),
    m.Fees(TradeKind.AUCTION, 10, 0, 0, 7),
    m.Fees(TradeKind.LISTED, 5, 5),
    m.Fees(TradeKind.BLOCK, 0, 9_999, 1, 60),
)


class Accounts:
    """What accounts have by the engine, in everything that the world trades."""

    def __init__(self, world: World, lots: int, minor: int) -> None:
        self.engine = world.venue.engine
        for number in (EUA, CEA, LISTED):
            for account in ACCOUNTS.values():
                self.clearing(number).deposit(account, lots)
        for account in ACCOUNTS.values():
            self.engine.venue.cash["EUR"].deposit(account, minor)

    def clearing(self, number: InstrumentId) -> Clearing:
        clearing = self.engine.books[number].clearing
        assert isinstance(clearing, Clearing)
        return clearing

    def units(self, instruments: Iterable[int]) -> Counter[tuple[int, int]]:
        return Counter(
            {
                (account, number): self.clearing(InstrumentId(number)).of(account).total_lots
                for number in instruments
                for account in ACCOUNTS.values()
            }
        )

    def money(self) -> Counter[int]:
        cash = self.engine.venue.cash["EUR"]
        return Counter({account: cash.of(account).total_minor for account in ACCOUNTS.values()})

    def fees(self) -> int:
        return self.engine.venue.cash["EUR"].fees_minor


def test_fees_are_those_that_were_taken(tmp_path: Path) -> None:
    world = World(tmp_path / "journal", clearing=m.ClearingRules(fees=FEES))
    accounts = Accounts(world, 1_000, 10_000_000)
    world.trade(100, 50)
    world.auction(100, 50)
    world.listed(100, 50)
    world.block(100, 50)
    world.correct(1, 100, 25)
    world.bust(2)
    world.end()
    (made,) = world.settle(tmp_path / "out")
    rows = rows_of(made.file)
    # Of the block the seller's fee is more than the money, which is all that is taken.
    assert [(row["mode"], row["buyer_fee_minor"], row["seller_fee_minor"]) for row in rows["TRADE"]] == [
        ("CONTINUOUS", "32", "60"),
        ("LISTED", "2", "2"),
        ("BLOCK", "50", "5000"),
    ]
    assert rows["FEES"] == [{"currency": "EUR", "fees_minor": str(accounts.fees())}]
    assert accounts.fees() == 32 + 60 + 2 + 2 + 50 + 5_000


def test_fees_of_an_earlier_day_are_given_back_by_adjustments(tmp_path: Path) -> None:
    world = World(tmp_path / "journal", clearing=m.ClearingRules(fees=FEES))
    accounts = Accounts(world, 1_000, 10_000_000)
    world.trade(100, 50)
    world.trade(100, 10)
    world.end()
    before = accounts.fees()
    world.next_day()
    world.correct(1, 50, 50)
    world.bust(2)
    world.end()
    (made,) = world.settle(tmp_path / "out", FIRST_DAY + 1)
    rows = rows_of(made.file)
    assert [
        (row["buyer_fee_change_minor"], row["seller_fee_change_minor"]) for row in rows["ADJUSTMENT"]
    ] == [
        ("-8", "-10"),
        ("-13", "-24"),
    ]
    assert rows["FEES"] == [{"currency": "EUR", "fees_minor": str(accounts.fees() - before)}]


def test_a_trade_from_before_there_were_accounts_has_no_fees_whatever_becomes_of_it(tmp_path: Path) -> None:
    world = World(tmp_path / "journal")
    world.trade(100, 50)
    world.trade(100, 50)
    rules = m.ClearingRules(fees=FEES)
    world.apply((VENUE, [m.DefineInstrument(definition(EUA, clearing=rules))]))
    world.correct(1, 90, 50)
    world.end(EUA)
    (first,) = world.settle_missing(tmp_path / "out")
    world.next_day()
    world.bust(2)
    world.end(EUA)
    (second,) = world.settle_missing(tmp_path / "out")
    assert {row["buyer_fee_minor"] for row in rows_of(first.file)["TRADE"]} == {"0"}
    (adjusted,) = rows_of(second.file)["ADJUSTMENT"]
    assert (adjusted["quantity_change_lots"], adjusted["buyer_fee_change_minor"]) == ("-50", "0")
    assert world.venue.engine.venue.cash["EUR"].fees_minor == 0


def test_fees_of_before_are_given_back_as_they_were_taken(tmp_path: Path) -> None:
    world = World(tmp_path / "journal", clearing=m.ClearingRules(fees=FEES))
    accounts = Accounts(world, 1_000, 10_000_000)
    settled = Settled(accounts)
    for number, share in enumerate((0, 300, 700)):
        world.trade(100, 50)
        rules = m.ClearingRules(fees=(m.Fees(TradeKind.CONTINUOUS, share, share),))
        changed = msgspec.structs.replace(definition(EUA, clearing=rules), tick_value_minor=number + 1)
        world.apply((VENUE, [m.DefineInstrument(changed)]))
    world.correct(1, 100, 25)
    world.end(EUA)
    settled.take(*world.settle_missing(tmp_path / "out"))
    world.next_day()
    for trade_id in (1, 2, 3):
        world.bust(trade_id)
    world.trade(100, 10)
    world.end(EUA)
    (made,) = world.settle_missing(tmp_path / "out")
    settled.take(made)
    settled.check()
    adjusted = rows_of(made.file)["ADJUSTMENT"]
    assert [row["trade_id"] for row in adjusted] == ["1", "2", "3"]
    assert accounts.fees() == 2 * 3 * 100 * 10 * 700 // 10_000


class Settled:
    """What files say, held against what has moved in the accounts of the world they are of."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.units = accounts.units((EUA, CEA, LISTED))
        self.money, self.fees = accounts.money(), accounts.fees()

    def take(self, made: Made) -> None:
        """The units of its instruments have moved since their last run as it says."""
        rows = rows_of(made.file)
        after = self.accounts.units(int(row["instrument_id"]) for row in rows["INSTRUMENT"])
        for row in rows["UNITS"]:
            self.units[int(row["account_id"]), int(row["instrument"][1:])] += int(row["net_lots"])
        assert {key: self.units[key] for key in after} == after
        for row in rows["CASH"]:
            self.money[int(row["account_id"])] += int(row["net_minor"])
        self.fees += sum(int(row["fees_minor"]) for row in rows["FEES"])

    def check(self) -> None:
        """Once everything that was traded is in some run."""
        assert self.money == self.accounts.money()
        assert self.fees == self.accounts.fees()


@settings(max_examples=30)
@given(
    steps=STEPS,
    lag_days=st.sampled_from((0, 1, 2)),
    fees=st.permutations(FEES).map(lambda fees: tuple(fees[:3])),
    lots=st.sampled_from((25, 60, 1_000)),
)
def test_files_are_what_has_moved_in_every_account(
    tmp_path_factory: pytest.TempPathFactory,
    steps: Any,
    lag_days: int,
    fees: tuple[m.Fees, ...],
    lots: int,
) -> None:
    directory = tmp_path_factory.mktemp("world")
    world = World(directory / "journal", clearing=m.ClearingRules(lag_days=lag_days, fees=fees))
    settled = Settled(Accounts(world, lots, lots * 300))
    for name, *given_ in [*steps, ("end", ())]:
        if name == "end":
            world.end(*given_[0])
            world.next_day()
        elif name in ("bust", "correct"):
            if world.trades:
                getattr(world, name)(1 + given_[0] % len(world.trades), *given_[1:])
        else:
            getattr(world, name)(*given_)
        for made in world.settle_missing(directory / "out"):
            settled.take(made)
    settled.check()


# --- numbers ------------------------------------------------------------------------------------------


def test_a_number_is_day_mode_and_trade() -> None:
    assert trade_number(DEFAULT_FORMAT, 20210716, TradeKind.BLOCK, TradeId(42)) == "20210716-BLOCK-00000042"
    assert (
        trade_number("{kind}{day}{trade_id:012}", 20210716, TradeKind.LISTED, TradeId(7))
        == "320210716000000000007"
    )


@pytest.mark.parametrize("form", [DEFAULT_FORMAT, "{trade_id}", "T{day}/{kind:02}/{trade_id:016}"])
def test_formats_that_name_the_trade_are_taken(form: str) -> None:
    assert problems_of(form) == []


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ("{day}-{mode}", "two trades would have one number"),
        ("{day}-{trade_id}-{account}", "{account} is unknown"),
        ("{trade_id.__class__}", "{trade_id.__class__} is unknown"),
        ("{trade_id:x}", "shown as 'x'"),
        ("{trade_id:017}", "shown as '017'"),
        ("{trade_id!r}", "shown as 'r'"),
        ("{trade_id}{mode:08}", "shown as '08'"),
        ("{trade_id},{day}", "a comma"),
        ("{trade_id", "is no format"),
        ("{}", "{} is unknown"),
    ],
)
def test_other_formats_are_refused_in_words(form: str, problem: str) -> None:
    assert problem in "; ".join(problems_of(form))
