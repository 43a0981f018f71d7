"""Makes facts of batches. Invariant: it remembers open orders, names and bands, and nothing of the past."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from carbonmatch.journal_tools import Batch, made_commands
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    AnyReport,
    BandChanged,
    BlockPropose,
    Canceled,
    CancelReason,
    DefineAccount,
    DefineSession,
    Executed,
    FoundTrade,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    OnTrade,
    OrderId,
    Phase,
    PhaseChanged,
    Reduced,
    Rejected,
    RejectReason,
    Replaced,
    Select,
    SelfTradePrevented,
    SessionId,
    Side,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
)
from carbonmatch.surveillance.facts import (
    Amended,
    Closed,
    Dealt,
    Fact,
    Ordered,
    Prevented,
    Withdrawn,
)

_BY_OWNER = (CancelReason.REQUESTED, CancelReason.MASS_CANCEL, CancelReason.REQUESTED_BY_OTHER_SESSION)


class _Open(Struct):
    """An order that may trade."""

    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    leaves_lots: int


class Reader:
    """Facts of one batch after the other. Its memory: accounts, instruments, and the venue's open orders."""

    def __init__(self) -> None:
        self.accounts: dict[AccountId, DefineAccount] = {}
        self.instruments: dict[InstrumentId, InstrumentDefinition] = {}
        self._sessions: dict[SessionId, tuple[AccountId, ...]] = {}
        self._bands: dict[InstrumentId, tuple[int, int]] = {}
        # Trades that commands name: another operator may confirm one in a later batch.
        self._found: dict[TradeId, FoundTrade] = {}
        self._open: dict[OrderId, _Open] = {}
        # How many open orders stand at each price: its best is asked for once an order.
        self._levels: dict[tuple[InstrumentId, Side], dict[int, int]] = {}

    def facts(self, batch: Batch) -> Iterator[Fact]:
        sequence = batch.entries[0].first_sequence
        reports = [report for _, stream in batch.streams for report in stream]
        found = self._found
        for entry in batch.entries:
            for _, command in made_commands(entry):
                if type(command) is DefineAccount:
                    self.accounts[command.account_id] = command
                elif type(command) is DefineSession:
                    self._sessions[command.session_id] = command.account_ids
                elif type(command) is OnTrade and command.trade is not None:
                    found[command.command.trade_id] = command.trade
        for event in batch.public:
            if type(event) is InstrumentDefined:
                definition = event.definition
                self.instruments[definition.instrument_id] = definition
                band = definition.band_low_ticks, definition.band_high_ticks
                self._bands[definition.instrument_id] = band
        yield from self._ordered(reports, sequence)
        yield from self._dealt(batch, reports, sequence)
        yield from self._refused(batch)
        yield from self._ended(reports)
        for event in batch.public:
            if type(event) is BandChanged:
                self._bands[event.instrument_id] = event.band_low_ticks, event.band_high_ticks
            elif type(event) is PhaseChanged and event.phase is Phase.CLOSED:
                yield Closed(event.time_ns, event.instrument_id)
            elif type(event) is TradeBusted:
                yield _amended(event, found[event.trade_id], -event.quantity_lots)
            elif type(event) is TradeCorrected:
                change_lots = event.quantity_lots - event.quantity_before_lots
                yield _amended(event, found[event.trade_id], change_lots)

    def _ordered(self, reports: Iterable[AnyReport], sequence: int) -> Iterator[Fact]:
        """Orders and amendments, judged against the book as it was; then they are in it."""
        opposite = {key: self._best(key) for key in self._levels}
        for report in reports:
            if isinstance(report, Accepted):
                order = _Open(
                    report.instrument_id,
                    report.account_id,
                    report.side,
                    report.price_ticks,
                    report.quantity_lots,
                )
                self._rest(report.order_id, order)
                amended = False
            elif type(report) is Replaced and report.order_id in self._open:
                order = self._open[report.order_id]
                self._count(order, -1)
                order.price_ticks, order.leaves_lots = report.price_ticks, report.leaves_lots
                self._count(order, 1)
                amended = True
            elif type(report) is Reduced and report.order_id in self._open:
                order = self._open[report.order_id]
                amended = True
            else:
                continue
            other = Side.SELL if order.side is Side.BUY else Side.BUY
            yield Ordered(
                sequence,
                report.time_ns,
                order.instrument_id,
                order.account_id,
                report.order_id,
                order.side,
                order.price_ticks,
                report.quantity_lots,
                opposite.get((order.instrument_id, other), 0),
                *self._bands[order.instrument_id],
                amended,
            )

    def _dealt(self, batch: Batch, reports: Iterable[AnyReport], sequence: int) -> Iterator[Fact]:
        fills: dict[tuple[TradeId, Side], Executed] = {}
        for report in reports:
            if type(report) is Executed:
                fills[report.trade_id, report.side] = report
            # Both sides are told: the later order's report stands for both.
            elif type(report) is SelfTradePrevented and report.order_id > report.other_order_id:
                own, other = self._open.get(report.order_id), self._open.get(report.other_order_id)
                if own is not None and other is not None:
                    yield Prevented(
                        sequence,
                        report.time_ns,
                        own.instrument_id,
                        own.account_id,
                        report.order_id,
                        other.account_id,
                        report.other_order_id,
                        report.prevented_lots,
                    )
        for event in batch.public:
            if type(event) is Traded:
                buy, sell = fills[event.trade_id, Side.BUY], fills[event.trade_id, Side.SELL]
                yield Dealt(
                    sequence,
                    event.time_ns,
                    event.trade_id,
                    event.instrument_id,
                    event.kind,
                    event.price_ticks,
                    event.quantity_lots,
                    buy.account_id,
                    buy.order_id,
                    sell.account_id,
                    sell.order_id,
                )

    def _refused(self, batch: Batch) -> Iterator[Fact]:
        """Selections of own orders, and blocks offered to oneself."""
        refused = {
            (session_id, report.ref): report.time_ns
            for session_id, stream in batch.streams
            for report in stream
            if type(report) is Rejected and report.reason == RejectReason.SELF_SELECTION
        }
        if not refused:
            return
        for entry in batch.entries:
            for sequence, command in enumerate(entry.commands, entry.first_sequence):
                if isinstance(command, Select | BlockPropose):
                    time_ns = refused.get((entry.session_id, command.ref))
                    if time_ns is not None:
                        yield self._own(command, entry.session_id, sequence, time_ns)

    def _own(
        self, command: Select | BlockPropose, session_id: SessionId, sequence: int, time_ns: int
    ) -> Prevented:
        account_id = command.account_id or self._sessions[session_id][0]
        other, order_id = account_id, OrderId(0)
        if isinstance(command, BlockPropose):
            other = command.counterparty_account_id or account_id
        elif command.order_id in self._open:
            other, order_id = self._open[command.order_id].account_id, command.order_id
        return Prevented(
            sequence,
            time_ns,
            command.instrument_id,
            account_id,
            OrderId(0),
            other,
            order_id,
            command.quantity_lots,
        )

    def _ended(self, reports: Iterable[AnyReport]) -> Iterator[Fact]:
        """What is left of open orders after the batch."""
        for report in reports:
            if type(report) is Canceled and report.order_id in self._open:
                order = self._open[report.order_id]
                if report.reason in _BY_OWNER:
                    yield Withdrawn(report.time_ns, order.instrument_id, order.account_id)
                self._leaves(report.order_id, 0)
            elif type(report) in (Executed, Reduced, SelfTradePrevented):
                assert isinstance(report, Executed | Reduced | SelfTradePrevented)
                self._leaves(report.order_id, report.leaves_lots)

    def _rest(self, order_id: OrderId, order: _Open) -> None:
        self._open[order_id] = order
        self._count(order, 1)

    def _leaves(self, order_id: OrderId, lots: int) -> None:
        order = self._open.get(order_id)
        if order is None:
            return
        order.leaves_lots = lots
        if not lots:
            del self._open[order_id]
            self._count(order, -1)

    def _count(self, order: _Open, by: int) -> None:
        levels = self._levels.setdefault((order.instrument_id, order.side), {})
        levels[order.price_ticks] = levels.get(order.price_ticks, 0) + by
        if not levels[order.price_ticks]:
            del levels[order.price_ticks]

    def _best(self, key: tuple[InstrumentId, Side]) -> int:
        prices = [price for price in self._levels[key] if price]
        if not prices:
            return 0
        return max(prices) if key[1] is Side.BUY else min(prices)


def _amended(event: TradeBusted | TradeCorrected, trade: FoundTrade, change_lots: int) -> Amended:
    return Amended(
        event.trade_id,
        trade.time_ns,
        trade.instrument_id,
        trade.buyer.account_id,
        trade.seller.account_id,
        change_lots,
        type(event) is TradeBusted,
    )
