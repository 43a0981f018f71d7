"""The journal, read as the registry needs it: trades by instrument and day, and what became of them.

A fold over the records, in order: equal journals give equal runs, and what was read of a journal may be kept
(`saved`) and gone on from.
"""

from collections import deque
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from carbonmatch.journal.record import StoredRecord
from carbonmatch.matching.clearing.net_sales import carry_over_max_lots
from carbonmatch.matching.messages import (
    AccountId,
    DayEnded,
    DefineAccount,
    DefineInstrument,
    Executed,
    FoundTrade,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    OnTrade,
    Side,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
    TradeKind,
)
from carbonmatch.protocol.batch import Record, decode_public, decode_stream, made_commands
from carbonmatch.server.recovery import decoded
from carbonmatch.settlement.carry_over import SalesBook, SavedSales
from carbonmatch.settlement.fees import Tariff, Tariffs
from carbonmatch.settlement.trades import (
    NO_FEES,
    AccountCode,
    Adjustment,
    CarriedOver,
    JournalPlace,
    Run,
    SettledTrade,
    Terms,
)

_STATE_VERSION = 4


class _InstrumentBook:
    """What an instrument has had since its last day ended, and which days those were."""

    __slots__ = ("adjustments", "definition", "ended", "sales", "tariffs", "trades")

    def __init__(self, definition: InstrumentDefinition, since_trade_id: TradeId) -> None:
        self.definition = definition
        self.tariffs = Tariffs(definition, since_trade_id)
        self.trades: dict[TradeId, SettledTrade] = {}
        self.adjustments: list[Adjustment] = []
        self.ended: list[tuple[TradeId, int]] = []  # the last trade id of each day, and the day
        self.sales = SalesBook()
        self.sales.go_by(definition.clearing, since_trade_id, TradeId(0))

    def define(self, definition: InstrumentDefinition, last_trade_id: TradeId) -> None:
        """It is another one from now on, after this trade of the venue."""
        self.definition = definition
        self.tariffs.define(definition, last_trade_id)
        self.sales.go_by(definition.clearing, last_trade_id, self.ended[-1][0] if self.ended else TradeId(0))

    def made(self, kind: TradeKind, price_ticks: int, lots: int) -> Terms:
        """What a trade is worth that is made now."""
        return _terms(self.tariffs.current, kind, price_ticks, lots)

    def amended(
        self,
        trade_id: TradeId,
        kind: TradeKind,
        price_ticks: int,
        lots: int,
        fees_before: tuple[int, int] = NO_FEES,
    ) -> Terms:
        """What a trade is worth that is busted or corrected, by its own tariff; fees from before all stay."""
        tariff = self.tariffs.of(trade_id)
        if tariff is not None:
            return _terms(tariff, kind, price_ticks, lots)
        return msgspec.structs.replace(self.made(kind, price_ticks, lots), fees_minor=fees_before)

    def day_of(self, trade_id: TradeId) -> int:
        """The day that ended with this trade among its own."""
        return next(day for last_trade_id, day in self.ended if trade_id <= last_trade_id)


def _terms(tariff: Tariff, kind: TradeKind, price_ticks: int, lots: int) -> Terms:
    amount_minor = price_ticks * lots * tariff.definition.tick_value_minor
    return Terms(price_ticks, lots, amount_minor, tariff.fees_minor(kind, price_ticks, lots))


class _SavedBook(Struct, frozen=True, array_like=True):
    definition: InstrumentDefinition
    since_trade_id: TradeId  # of its tariffs
    past: list[tuple[TradeId, InstrumentDefinition]]
    trades: list[SettledTrade]
    adjustments: list[Adjustment]
    ended: list[tuple[TradeId, int]]
    sales: SavedSales | None = None


class _SavedLedger(Struct, frozen=True, array_like=True):
    version: int
    last_trade_id: TradeId
    accounts: list[AccountCode]
    books: list[_SavedBook]
    proposed: list[tuple[TradeId, FoundTrade]] = []


class Ledger:
    """Invariant: a trade is with its instrument until its day ends, and then in one run, once."""

    def __init__(self) -> None:
        self._accounts: dict[AccountId, AccountCode] = {}
        self._books: dict[InstrumentId, _InstrumentBook] = {}
        self._last_trade_id = TradeId(0)
        # Looked up for commands that may still be confirmed by another operator, in a later batch.
        self._proposed: dict[TradeId, FoundTrade] = {}

    def take(self, stored: StoredRecord, previous_digest: bytes) -> Iterator[Run]:
        """Take in a record of commands; the runs that it ends, in their order.

        To be read to its end. Raises JournalDamaged for a record of another version.
        """
        place = JournalPlace(stored.segment, stored.offset, stored.header_crc, previous_digest)
        batch = _Batch(decoded(stored))
        self._proposed.update(batch.found)
        closing: _Closing | None = None
        for event in batch.events:
            if type(event) is DayEnded:
                if closing is not None and closing.ends[0].sequence != event.sequence:
                    yield self._run(closing, place)
                    closing = None
                if closing is None:
                    self._name(batch, event.sequence)
                    closing = _Closing()
                closing.take(event, self._books[event.instrument_id])
            elif type(event) is Traded:
                self._trade(event, batch)
            elif type(event) is TradeBusted:
                self._amend(event, event.price_ticks, 0)
            elif type(event) is TradeCorrected:
                self._amend(event, event.price_ticks, event.quantity_lots)
            elif type(event) is InstrumentDefined:
                self._define(batch.definition(event.definition.instrument_id))
        if closing is not None:
            yield self._run(closing, place)
        self._name(batch, stored.next_sequence)

    def _run(self, closing: "_Closing", place: JournalPlace) -> Run:
        """What has ended by one command, once all of it is taken in."""
        run = closing.run(self._accounts, place)
        days: list[tuple[SettledTrade | Adjustment, int]]
        days = [(one, run.trading_day) for one in run.standing]
        days += [(one, one.trading_day) for one in run.adjustments]
        counted = sorted(
            {
                (account_id, one.instrument_id)
                for one, trading_day in days
                if self._books[one.instrument_id].sales.counts(trading_day)
                for account_id in (one.buyer, one.seller)
            }
        )
        return msgspec.structs.replace(run, carried_over=[self._carried_over(*key) for key in counted])

    def _carried_over(self, account_id: AccountId, instrument_id: InstrumentId) -> CarriedOver:
        sales = self._books[instrument_id].sales.sales
        assert sales is not None
        counted = [each for book in self._books.values() if (each := book.sales.sales) is not None]
        group_lots = sum(
            each.sold_lots.get(account_id, 0) for each in counted if each.rules.group == sales.rules.group
        )
        return CarriedOver(
            account_id,
            instrument_id,
            sales.sold_lots.get(account_id, 0),
            sales.rules.group,
            group_lots,
            carry_over_max_lots(sales.rules, group_lots),
        )

    def _define(self, definition: InstrumentDefinition) -> None:
        book = self._books.get(definition.instrument_id)
        if book is None:
            self._books[definition.instrument_id] = _InstrumentBook(definition, self._last_trade_id)
        else:
            book.define(definition, self._last_trade_id)

    def _name(self, batch: "_Batch", before_sequence: int) -> None:
        """Take in what the batch says of accounts before this sequence."""
        while batch.names and batch.names[0][0] < before_sequence:
            _, command = batch.names.popleft()
            self._accounts[command.account_id] = AccountCode(
                command.account_id, command.participant_id, command.name
            )

    def _trade(self, event: Traded, batch: "_Batch") -> None:
        book = self._books[event.instrument_id]
        self._last_trade_id = event.trade_id
        made = book.made(event.kind, event.price_ticks, event.quantity_lots)
        buyer, seller = batch.sides_of(event.trade_id)
        book.trades[event.trade_id] = SettledTrade(
            event.trade_id,
            event.instrument_id,
            event.kind,
            event.time_ns,
            buyer,
            seller,
            made,
            made,
        )

    def _amend(self, event: TradeBusted | TradeCorrected, price_ticks: int, lots: int) -> None:
        book = self._books[event.instrument_id]
        trade = book.trades.get(event.trade_id)
        found = self._proposed[event.trade_id]
        kind = found.kind
        if trade is not None:
            fees_before = trade.stands.fees_minor
            trade.stands = book.amended(event.trade_id, kind, price_ticks, lots, fees_before)
            return
        if type(event) is TradeCorrected:
            stood = (event.price_before_ticks, event.quantity_before_lots)
        else:
            stood = (event.price_ticks, event.quantity_lots)
        adjustment = Adjustment(
            book.day_of(event.trade_id),
            event.trade_id,
            event.instrument_id,
            kind,
            event.time_ns,
            found.buyer.account_id,
            found.seller.account_id,
            book.amended(event.trade_id, kind, *stood),
            book.amended(event.trade_id, kind, price_ticks, lots),
        )
        book.adjustments.append(adjustment)
        book.sales.amend(adjustment)

    # --- to be gone on from ----------------------------------------------------------------------

    def saved(self) -> bytes:
        """Everything, in one form for each state."""
        books = [
            _SavedBook(
                book.definition,
                book.tariffs.since_trade_id,
                [(last_trade_id, tariff.definition) for last_trade_id, tariff in book.tariffs.past],
                list(book.trades.values()),
                book.adjustments,
                book.ended,
                book.sales.saved(),
            )
            for _, book in sorted(self._books.items())
        ]
        accounts = [account for _, account in sorted(self._accounts.items())]
        proposed = sorted(self._proposed.items())
        return _encode(_SavedLedger(_STATE_VERSION, self._last_trade_id, accounts, books, proposed))

    @classmethod
    def of(cls, data: bytes) -> "Ledger":
        """What `saved()` was made of. Raises msgspec.DecodeError, or ValueError for another version's."""
        saved = _decode(data)
        if saved.version != _STATE_VERSION:
            raise ValueError(f"ledger of version {saved.version}, expected {_STATE_VERSION}")
        ledger = cls()
        ledger._last_trade_id = saved.last_trade_id
        ledger._proposed = dict(saved.proposed)
        ledger._accounts = {account.account_id: account for account in saved.accounts}
        for one in saved.books:
            book = _InstrumentBook(one.definition, one.since_trade_id)
            ledger._books[one.definition.instrument_id] = book
            book.tariffs.past = [(last, Tariff(definition)) for last, definition in one.past]
            book.trades = {trade.trade_id: trade for trade in one.trades}
            book.adjustments = one.adjustments
            book.ended = one.ended
            book.sales = SalesBook.of(one.sales)
        return ledger


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_SavedLedger).decode


class _Closing:
    """A run while its instruments end their day."""

    def __init__(self) -> None:
        self.ends: list[DayEnded] = []
        self._definitions: dict[InstrumentId, InstrumentDefinition] = {}
        self._trades: list[SettledTrade] = []
        self._adjustments: list[Adjustment] = []

    def take(self, event: DayEnded, book: _InstrumentBook) -> None:
        self.ends.append(event)
        self._definitions[event.instrument_id] = book.definition
        assert all(event.after_trade_id < number <= event.last_trade_id for number in book.trades)
        book.sales.roll(event.trading_day, book.trades.values(), event.last_trade_id)
        self._trades += book.trades.values()
        self._adjustments += book.adjustments
        book.trades, book.adjustments = {}, []
        book.ended.append((event.last_trade_id, event.trading_day))

    def run(self, accounts: dict[AccountId, AccountCode], place: JournalPlace) -> Run:
        return Run(
            self.ends,
            self._definitions,
            dict(accounts),
            sorted(self._trades, key=lambda trade: trade.trade_id),
            sorted(self._adjustments, key=lambda one: (one.time_ns, one.trade_id)),
            place,
        )


class _Batch:
    """A record's events in their order, and what its entries and streams say to them."""

    def __init__(self, record: Record) -> None:
        self.events = decode_public(record.public)
        self.names: deque[tuple[int, DefineAccount]] = deque()
        self.found: dict[TradeId, FoundTrade] = {}
        self._definitions: dict[InstrumentId, deque[InstrumentDefinition]] = {}
        self._record = record
        self._sides: dict[TradeId, dict[Side, AccountId]] | None = None
        for entry in record.entries:
            for sequence, command in made_commands(entry):
                if type(command) is DefineAccount:
                    self.names.append((sequence, command))
                elif type(command) is DefineInstrument:
                    definition = command.definition
                    self._definitions.setdefault(definition.instrument_id, deque()).append(definition)
                elif type(command) is OnTrade and command.trade is not None:
                    self.found[command.command.trade_id] = command.trade

    def definition(self, instrument_id: InstrumentId) -> InstrumentDefinition:
        """The next one that a command gives it: the public is not told all of it."""
        return self._definitions[instrument_id].popleft()

    def sides_of(self, trade_id: TradeId) -> tuple[AccountId, AccountId]:
        """Who has bought and who has sold."""
        if self._sides is None:
            self._sides = {}
            for stream in self._record.streams:
                for report in decode_stream(stream.reports):
                    if type(report) is Executed:
                        self._sides.setdefault(report.trade_id, {})[report.side] = report.account_id
        sides = self._sides[trade_id]
        return sides[Side.BUY], sides[Side.SELL]
