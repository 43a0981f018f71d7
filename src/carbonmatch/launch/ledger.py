"""What a journal says of the replay: every trade, every account's units and money, read from records alone.

Nothing here knows of the plan: a tonne that the plan had and the journal has not is not there.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.launch.market import ZONE
from carbonmatch.matching.messages import (
    AccountId,
    AnyReport,
    BandChanged,
    Canceled,
    Cash,
    DayEnded,
    DefineInstrument,
    Deposit,
    Executed,
    InstrumentDefined,
    InstrumentId,
    Phase,
    PhaseChanged,
    Rejected,
    Side,
    Traded,
    TradeId,
    TradeKind,
)
from carbonmatch.matching.messages import (
    Holding as HoldingReport,
)
from carbonmatch.protocol.batch import Record, decode_public, decode_stream
from carbonmatch.server.recovery import decoded
from carbonmatch.settlement.fees import Tariff

_ZONE: Final = ZoneInfo(ZONE)
_NS_PER_SECOND: Final = 1_000_000_000


class Sum(Struct):
    tonnes: int = 0
    fen: int = 0
    trades: int = 0

    def add(self, tonnes: int, fen: int, trades: int = 1) -> None:
        self.tonnes += tonnes
        self.fen += fen
        self.trades += trades


class Section(Struct):
    """A day of an instrument in one way of trading."""

    sum: Sum = field(default_factory=Sum)
    first_ticks: int = 0
    last_ticks: int = 0
    low_ticks: int = 0
    high_ticks: int = 0


class Holding(Struct):
    """What the trades have made of one account in one instrument; in tonnes and fen, from nothing."""

    bought: int = 0
    sold: int = 0
    paid: int = 0
    received: int = 0
    fees: int = 0
    # The least that it has had of what was not bought the same day, and of money: how much below nothing.
    least_tonnes: int = 0
    least_fen: int = 0
    day: date | None = None
    bought_today: int = 0

    def buy(self, day: date, tonnes: int, fen: int, fee: int) -> None:
        self._turn_to(day)
        self.fees += fee
        self.bought += tonnes
        self.bought_today += tonnes
        self.paid += fen
        self.least_fen = min(self.least_fen, self.received - self.paid - self.fees)

    def sell(self, day: date, tonnes: int, fen: int, fee: int) -> None:
        self._turn_to(day)
        self.fees += fee
        self.sold += tonnes
        self.received += fen
        self.least_tonnes = min(self.least_tonnes, self.bought - self.bought_today - self.sold)

    @property
    def net_tonnes(self) -> int:
        return self.bought - self.sold

    @property
    def net_fen(self) -> int:
        return self.received - self.paid - self.fees

    def _turn_to(self, day: date) -> None:
        if day != self.day:
            self.day = day
            self.bought_today = 0


class Ledger(Struct):
    symbols: dict[InstrumentId, str] = field(default_factory=dict)
    # By symbol, day and whether it was a block.
    sections: dict[tuple[str, date, bool], Section] = field(default_factory=dict)
    holdings: dict[tuple[AccountId, InstrumentId], Holding] = field(default_factory=dict)
    # What came into each account from outside.
    deposited: Counter[tuple[AccountId, InstrumentId]] = field(default_factory=Counter)
    funded: Counter[AccountId] = field(default_factory=Counter)
    # What each account has, as the venue has said last.
    held: dict[tuple[AccountId, InstrumentId], int] = field(default_factory=dict)
    cash: dict[AccountId, int] = field(default_factory=dict)
    # Reference price in ticks and band, as of the opening of each day.
    references: dict[tuple[str, date], int] = field(default_factory=dict)
    bands: dict[tuple[str, date], tuple[int, int]] = field(default_factory=dict)
    # Closing prices in ticks, as the venue has computed them.
    closes: dict[tuple[str, date], int] = field(default_factory=dict)
    commands: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    cancels: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    executions: int = 0
    # Trades whose two reports are not there, or say something else than the public does.
    odd_trades: list[TradeId] = field(default_factory=list)

    def total(self, first: date, last: date, *, symbol: str = "", section: str = "all") -> Sum:
        """The sum over days, both included; without a symbol over all markets."""
        result = Sum()
        for (of, day, is_block), found in self.sections.items():
            wanted = section == "all" or is_block == (section == "block")
            if first <= day <= last and wanted and symbol in ("", of):
                result.add(found.sum.tonnes, found.sum.fen, found.sum.trades)
        return result

    def days(self) -> list[date]:
        return sorted({day for _, day, _ in self.sections})

    def dealt(self) -> set[AccountId]:
        return {account for account, _ in self.holdings}


def read_ledger(directory: Path) -> Ledger:
    """Raises JournalDamaged where a record is not as it was written."""
    return _Reader().read(directory)


class _Reader:
    def __init__(self) -> None:
        self.ledger = Ledger()
        # Trades that lack a side, with what the public was told and what the sides add up to.
        self._open: dict[TradeId, list[tuple[InstrumentId, int, int, int]]] = {}
        self._kinds: dict[TradeId, TradeKind] = {}
        self._tariffs: dict[InstrumentId, Tariff] = {}

        # Reference price and band as of the record that is read.
        self._in_force: dict[InstrumentId, tuple[int, tuple[int, int]]] = {}

    def read(self, directory: Path) -> Ledger:
        storage = DiskStorage(directory)
        for stored in JournalScan(storage, replay_from=1, check_digests=True):
            if stored.kind is Kind.DATA:
                self._take(decoded(stored))
        storage.release()
        self.ledger.odd_trades += sorted(self._open)
        return self.ledger

    def _take(self, record: Record) -> None:
        for entry in record.entries:
            for command in entry.commands:
                self.ledger.commands[type(command).__name__] += 1
                if type(command) is Deposit:
                    self._deposited(command)
                elif type(command) is DefineInstrument:
                    definition = command.definition
                    self._tariffs[definition.instrument_id] = Tariff(definition)
        for event in decode_public(record.public):
            if type(event) is Traded:
                self._traded(event)
            elif type(event) is BandChanged:
                band = (event.band_low_ticks, event.band_high_ticks)
                self._in_force[event.instrument_id] = (event.reference_price_ticks, band)
            elif type(event) is PhaseChanged:
                if event.phase is Phase.CONTINUOUS:
                    key = self.ledger.symbols[event.instrument_id], local_day(event.time_ns)
                    self.ledger.references[key], self.ledger.bands[key] = self._in_force[event.instrument_id]
            elif type(event) is DayEnded:
                day = local_day(event.time_ns)
                self.ledger.closes[self.ledger.symbols[event.instrument_id], day] = event.close_price_ticks
            elif type(event) is InstrumentDefined:
                self._defined(event)
        for report in self._reports(record):
            if type(report) is Executed:
                self._executed(report)
            elif type(report) is Rejected:
                self.ledger.rejects[report.reason.name] += 1
            elif type(report) is Canceled:
                self.ledger.cancels[report.reason.name] += 1
            elif type(report) is HoldingReport:
                self.ledger.held[report.account_id, report.instrument_id] = report.total_lots
            elif type(report) is Cash:
                self.ledger.cash[report.account_id] = report.total_minor

    @staticmethod
    def _reports(record: Record) -> Iterator[AnyReport]:
        for stream in record.streams:
            yield from decode_stream(stream.reports)

    def _deposited(self, command: Deposit) -> None:
        """That it was done, the venue's own word on what accounts have shows."""
        if command.instrument_id:
            self.ledger.deposited[command.account_id, command.instrument_id] += command.quantity_lots
        else:
            self.ledger.funded[command.account_id] += command.amount_minor

    def _defined(self, event: InstrumentDefined) -> None:
        ledger, definition = self.ledger, event.definition
        ledger.symbols[definition.instrument_id] = definition.symbol
        band = (definition.band_low_ticks, definition.band_high_ticks)
        self._in_force[definition.instrument_id] = (definition.reference_price_ticks, band)

    def _traded(self, event: Traded) -> None:
        ledger = self.ledger
        symbol = ledger.symbols[event.instrument_id]
        day = local_day(event.time_ns)
        section = ledger.sections.setdefault((symbol, day, is_block(event)), Section())
        price, tonnes = event.price_ticks, event.quantity_lots
        section.sum.add(tonnes, price * tonnes)
        section.first_ticks = section.first_ticks or price
        section.last_ticks = price
        section.low_ticks = min(section.low_ticks or price, price)
        section.high_ticks = max(section.high_ticks, price)
        ledger.kinds[symbol, TradeKind(event.kind).name] += 1
        self._kinds[event.trade_id] = event.kind
        self._side(event.trade_id, (event.instrument_id, price, tonnes, 0))

    def _executed(self, report: Executed) -> None:
        ledger = self.ledger
        ledger.executions += 1
        holding = ledger.holdings.setdefault((report.account_id, report.instrument_id), Holding())
        fen = report.price_ticks * report.quantity_lots
        day = local_day(report.time_ns)
        buyer_fee, seller_fee = self._tariffs[report.instrument_id].fees_minor(
            self._kinds[report.trade_id], report.price_ticks, report.quantity_lots
        )
        if report.side is Side.BUY:
            holding.buy(day, report.quantity_lots, fen, buyer_fee)
        else:
            holding.sell(day, report.quantity_lots, fen, seller_fee)
        said = (report.instrument_id, report.price_ticks, report.quantity_lots, int(report.side))
        self._side(report.trade_id, said)

    def _side(self, trade_id: TradeId, said: tuple[InstrumentId, int, int, int]) -> None:
        """One of the three words on a trade: the public one, the buyer's and the seller's."""
        words = self._open.setdefault(trade_id, [])
        words.append(said)
        if len(words) < 3:
            return
        del self._open[trade_id], self._kinds[trade_id]
        agrees = len({word[:3] for word in words}) == 1
        if not agrees or {word[3] for word in words} != {0, Side.BUY, Side.SELL}:
            self.ledger.odd_trades.append(trade_id)


def is_block(event: Traded) -> bool:
    return event.kind is TradeKind.BLOCK


def local_day(time_ns: int) -> date:
    return datetime.fromtimestamp(time_ns // _NS_PER_SECOND, UTC).astimezone(_ZONE).date()
