"""The judge: what a journal holds, read as it grows, and whether that is what everybody was told.

It follows from the reports alone what every order and every level must be, without the engine, so that
a wrong engine cannot prove itself right.
"""

from collections import defaultdict, deque
from pathlib import Path
from typing import Final

from msgspec import Struct

from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind, StoredRecord
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.matching.messages import (
    VENUE_SESSION_ID,
    Accepted,
    AcceptedLong,
    AccountId,
    AnyReport,
    Canceled,
    ClientCommand,
    Executed,
    InstrumentId,
    Liquidity,
    MassCancel,
    NewOrderLong,
    OrderId,
    OrderStatus,
    OrderType,
    Reduced,
    Ref,
    RejectReason,
    Replaced,
    SelfTradePrevented,
    SelfTradePrevention,
    SessionId,
    Side,
    Traded,
    TradeId,
    TradeKind,
    Triggered,
)
from carbonmatch.protocol.batch import Record, decode_public, decode_record, decode_stream
from tests.torture.copyist import Copyist
from tests.torture.spectator import Levels
from tests.torture.trader import Trader
from tests.torture.venue import ACCOUNT_OF, CLEARED, TREASURER

_STOPS: Final = (OrderType.STOP, OrderType.STOP_LIMIT)
# Their commands are not what is compared.
_NO_TRADERS: Final = frozenset({VENUE_SESSION_ID, TREASURER})


class OrderLife(Struct):
    """An order as its reports tell it: what was ordered has been executed, canceled, or is left."""

    instrument_id: InstrumentId
    side: Side
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    shown_lots: int = 0  # of what is left: all of it, unless this is an iceberg
    display_lots: int = 0  # of an iceberg, else 0
    waits: bool = False  # for its stop price, in no book
    executed_lots: int = 0
    canceled_lots: int = 0
    ended: bool = False

    def check(self, leaves_lots: int) -> None:
        assert not self.ended, "a report after the final one"
        assert self.leaves_lots == leaves_lots >= 0, f"{leaves_lots} lots left, expected {self.leaves_lots}"
        assert self.quantity_lots == self.executed_lots + self.leaves_lots

    def show(self) -> None:
        """Begin a fresh slice."""
        self.shown_lots = min(self.leaves_lots, self.display_lots) if self.display_lots else self.leaves_lots

    def take(self, lots: int, *, from_the_book: bool) -> None:
        """Have less left: of the slice that rests, or of an order that comes in and will show one."""
        self.leaves_lots -= lots
        self.shown_lots -= lots
        if not from_the_book or not self.shown_lots:
            self.show()

    def cancel(self, canceled_lots: int) -> None:
        self.check(canceled_lots)
        self.canceled_lots = canceled_lots
        self.leaves_lots = 0
        self.ended = True
        assert self.quantity_lots == self.executed_lots + self.canceled_lots


class Ledger:
    """Everything that the journal has been seen to hold, up to `next_sequence`."""

    def __init__(self, journal: Path) -> None:
        self.next_sequence = 1
        self.record_count = 0
        self.report_count = 0  # of traders
        self.operator_report_count = 0
        self.command_count = 0
        self.next_trade_id = 1
        self.last_refs: dict[SessionId, Ref] = defaultdict(lambda: Ref(0))
        self.next_seqs: dict[SessionId, int] = defaultdict(lambda: 1)
        self.orders: dict[SessionId, dict[OrderId, OrderLife]] = defaultdict(dict)
        # Units of the instrument that is cleared, and money, that trades have brought to each account.
        self.moved: dict[AccountId, tuple[int, int]] = {AccountId(one): (0, 0) for one in ACCOUNT_OF.values()}
        self.ended_order_count = 0
        self.long_order_count = 0
        self.mass_cancel_count = 0
        # What is not compared with what the traders saw: they may be behind, never ahead.
        self.commands: dict[SessionId, dict[Ref, ClientCommand]] = defaultdict(dict)
        self.streams: dict[SessionId, list[AnyReport]] = defaultdict(list)
        # Reports whose copies have not been compared, where there is any.
        self.copied: dict[SessionId, deque[AnyReport]] = {}
        self._journal = journal

    # --- reading -----------------------------------------------------------------------------

    def read(self) -> int:
        """Take in what was written since, while no engine runs; return the bytes cut off by a crash.

        Raises JournalDamaged also where what was read before is no longer there.
        """
        if not self._journal.is_dir():
            return 0
        storage = DiskStorage(self._journal)
        try:
            scan = JournalScan(storage, replay_from=self.next_sequence)
            for stored in scan:
                if stored.kind is Kind.DATA and stored.next_sequence > self.next_sequence:
                    self._take(stored)
            return 0 if scan.end is None else scan.end.torn_bytes
        finally:
            storage.release()

    def _take(self, stored: StoredRecord) -> None:
        try:
            self.take(decode_record(stored.payload, stored.first_sequence))
        except AssertionError as error:
            error.add_note(
                f"in the record of sequences {stored.first_sequence} to {stored.next_sequence - 1}"
            )
            raise

    def take(self, record: Record) -> None:
        """One batch: every command of it answered in it, every trade of it filled twice."""
        asked: set[tuple[SessionId, Ref]] = set()
        for entry in record.entries:
            assert entry.first_sequence == self.next_sequence, "sequences are dense"
            self.next_sequence += len(entry.commands)
            if entry.session_id in _NO_TRADERS:
                continue
            for command in entry.commands:
                self._executed_once(entry.session_id, command)  # type: ignore[arg-type]
                asked.add((entry.session_id, command.ref))  # type: ignore[union-attr]
        fills: dict[TradeId, list[Executed]] = defaultdict(list)
        answered: set[tuple[SessionId, Ref]] = set()
        for stream in record.streams:
            session_id = stream.session_id
            reports = decode_stream(stream.reports)
            if session_id in _NO_TRADERS:
                self.operator_report_count += len(reports)
                continue
            assert stream.first_seq == reports[0].seq
            for report in reports:
                self._follow(session_id, report)
                if report.ref:
                    answered.add((session_id, report.ref))
                if type(report) is Executed:
                    fills[report.trade_id].append(report)
            self.streams[session_id] += reports
            self.copied.setdefault(session_id, deque()).extend(reports)
        assert answered == asked, f"commands {asked ^ answered} and their answers are in different batches"
        for event in decode_public(record.public):
            if type(event) is Traded:
                assert event.trade_id == self.next_trade_id, "trade ids are dense"
                self.next_trade_id += 1
                _check_fills(event, fills.pop(event.trade_id, []))
        assert not fills, f"fills of trades which nobody was told of: {sorted(fills)}"
        self.record_count += 1

    def _executed_once(self, session_id: SessionId, command: ClientCommand) -> None:
        ref = Ref(command.ref)
        assert ref > self.last_refs[session_id], f"ref {ref} of session {session_id} is executed again"
        self.last_refs[session_id] = ref
        self.commands[session_id][ref] = command
        self.command_count += 1
        self.long_order_count += type(command) is NewOrderLong
        self.mass_cancel_count += type(command) is MassCancel

    # --- orders ------------------------------------------------------------------------------

    def _follow(self, session_id: SessionId, report: AnyReport) -> None:
        assert report.seq == self.next_seqs[session_id], (
            f"report {report.seq} of session {session_id}, expected {self.next_seqs[session_id]}"
        )
        self.next_seqs[session_id] += 1
        self.report_count += 1
        orders = self.orders[session_id]
        if isinstance(report, Accepted):
            assert report.order_id not in orders, f"order {report.order_id} is accepted again"
            orders[report.order_id] = _accepted(report)
            return
        order = orders.get(getattr(report, "order_id", OrderId(0)))
        if order is None:
            # About no order, or about a colleague's: its own session has a report of its own.
            return
        try:
            _apply(order, report)
        except AssertionError as error:
            error.add_note(f"order {report.order_id} of session {session_id}: {report}")  # type: ignore[union-attr]
            raise
        if type(report) is Executed and order.instrument_id == CLEARED:
            self._move(AccountId(ACCOUNT_OF[session_id]), order.side, report)
        if order.ended:
            self.ended_order_count += 1

    def _move(self, account_id: AccountId, side: Side, report: Executed) -> None:
        sign = 1 if side is Side.BUY else -1
        lots, minor = self.moved[account_id]
        bought_lots = sign * report.quantity_lots
        self.moved[account_id] = (lots + bought_lots, minor - bought_lots * report.price_ticks)

    def levels(self) -> Levels:
        """What the books must hold: every order that has something left rests, stops apart."""
        found: Levels = {}
        for orders in self.orders.values():
            for order in orders.values():
                if order.leaves_lots and not order.waits:
                    assert not order.ended
                    key = (order.instrument_id, order.side, order.price_ticks)
                    lots, count = found.get(key, (0, 0))
                    found[key] = (lots + order.shown_lots, count + 1)
        return found

    # --- against the traders -----------------------------------------------------------------

    def compare(self, trader: Trader) -> None:
        """Whatever the trader was told is in the journal, equal; whatever was executed, he has sent."""
        session_id = trader.session_id
        stream = self.streams[session_id]
        fresh = trader.fresh
        assert len(fresh) <= len(stream), (
            f"session {session_id} was told of reports up to {fresh[-1].seq}, the journal ends with "
            f"{self.next_seqs[session_id] - 1}"
        )
        for told, kept in zip(fresh, stream, strict=False):
            assert told == kept, f"session {session_id} was told {told}, the journal has {kept}"
        del stream[: len(fresh)]
        fresh.clear()
        executed = self.commands.pop(session_id, {})
        for ref, command in executed.items():
            sent = trader.sent.pop(ref, None)
            assert sent is not None, f"session {session_id} never sent ref {ref}: {command}"
            assert sent == command, f"session {session_id} sent {sent}, executed was {command}"

    def compare_copies(self, copyist: Copyist) -> None:
        """Whatever the copy shows is in the journal: each stream in its own order, everybody's."""
        for copy in copyist.fresh:
            kept = self.copied.get(copy.session_id)
            assert kept, f"copy {copy.seq} is of {copy.report}, which the journal does not have"
            report = kept.popleft()
            assert copy.report == report, f"copy {copy.seq} is of {copy.report}, the journal has {report}"
            if not kept:
                del self.copied[copy.session_id]
        copyist.fresh.clear()

    def settle_copies(self, copyist: Copyist) -> None:
        """As `compare_copies`, when nothing is on its way any more."""
        self.compare_copies(copyist)
        assert not self.copied, f"not copied: {next(iter(self.copied.values()))[0]}"
        assert copyist.copy_count == self.report_count

    def is_ahead_of(self, trader: Trader) -> bool:
        """Whether the journal has reports which the trader was not told."""
        return trader.next_seq < self.next_seqs[trader.session_id]

    def settle(self, trader: Trader, *, may_refuse: bool) -> None:
        """As `compare`, at the end, when nothing is on its way any more.

        `may_refuse`: the disk was slow for so long that new orders were refused. A machine that has too much
        to do refuses some by itself. None of those is executed.
        """
        self.compare(trader)
        session_id = trader.session_id
        refused = trader.refused
        reasons = {RejectReason.BUSY, RejectReason.DEGRADED_STORAGE} if may_refuse else {RejectReason.BUSY}
        for refusal in refused:
            assert refusal.reason in reasons, f"session {session_id} was refused {refusal}"
            assert trader.sent.pop(refusal.ref, None) is not None, f"{refusal} of a ref that was executed"
        refused.clear()
        assert not trader.unanswered, f"session {session_id}: no answer to {sorted(trader.unanswered)[:5]}"
        assert not trader.sent, f"session {session_id}: lost {list(trader.sent.values())[:3]}"
        assert not self.streams[session_id], (
            f"session {session_id} was not told {self.streams[session_id][:3]}"
        )
        assert trader.next_seq == self.next_seqs[session_id]


def _accepted(report: Accepted) -> OrderLife:
    lots = report.quantity_lots
    order = OrderLife(report.instrument_id, report.side, report.price_ticks, lots, lots)
    if type(report) is AcceptedLong:
        order.display_lots = report.display_lots
        order.waits = report.order_type in _STOPS
    order.show()
    return order


def _apply(order: OrderLife, report: AnyReport) -> None:
    if type(report) is Executed:
        assert not order.waits, "a stop trades that has not fired"
        order.executed_lots += report.quantity_lots
        order.take(report.quantity_lots, from_the_book=report.liquidity is Liquidity.MAKER)
        order.check(report.leaves_lots)
        order.ended = order.leaves_lots == 0
    elif type(report) is Canceled:
        order.cancel(report.canceled_lots)
    elif type(report) is Reduced:
        # What is hidden goes first.
        order.leaves_lots -= order.quantity_lots - report.quantity_lots
        order.shown_lots = min(order.shown_lots, order.leaves_lots)
        order.quantity_lots = report.quantity_lots
        order.check(report.leaves_lots)
    elif type(report) is Replaced:
        order.price_ticks = report.price_ticks
        order.quantity_lots = report.quantity_lots
        order.leaves_lots = order.quantity_lots - order.executed_lots
        order.display_lots = report.display_lots
        order.show()
        order.check(report.leaves_lots)
        assert order.waits is (report.stop_price_ticks != 0)
    elif type(report) is Triggered:
        assert order.waits, "a stop fires twice"
        order.waits = False
        order.price_ticks = report.price_ticks
        order.check(order.leaves_lots)
    elif type(report) is SelfTradePrevented:
        if report.mode is SelfTradePrevention.DECREMENT:
            order.quantity_lots -= report.prevented_lots
            order.take(report.prevented_lots, from_the_book=not report.ref)
        order.check(report.leaves_lots)
    elif type(report) is OrderStatus:
        order.check(report.leaves_lots)
        assert order.price_ticks == report.price_ticks
        assert order.waits is (report.stop_price_ticks != 0)


def _check_fills(trade: Traded, fills: list[Executed]) -> None:
    is_auction = trade.kind is TradeKind.AUCTION
    expected = [Liquidity.AUCTION] * 2 if is_auction else [Liquidity.MAKER, Liquidity.TAKER]
    assert sorted(fill.liquidity for fill in fills) == expected, (
        f"trade {trade.trade_id} has {len(fills)} fills, expected one of a maker and one of a taker"
    )
    for fill in fills:
        assert (fill.instrument_id, fill.price_ticks, fill.quantity_lots) == (
            trade.instrument_id,
            trade.price_ticks,
            trade.quantity_lots,
        )
        if not is_auction:
            assert (fill.side is trade.aggressor) is (fill.liquidity is Liquidity.TAKER)
