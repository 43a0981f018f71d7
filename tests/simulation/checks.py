"""What must hold, whatever goes wrong: known from the bytes that the disk has, and from nothing else.

`Journaled` is the truth: it takes each record once its sync has returned, and is held against what a
recovery finds, against what clients and subscribers see, and in the end against the reference venue.
"""

from typing import Any

from msgspec import structs

from carbonmatch.config.timetable import Timetable
from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import AnyReport, CancelReason, Side, Traded
from carbonmatch.protocol.batch import decode_public, decode_record, decode_stream
from tests.reference_book import ReferenceVenue


class Violated(AssertionError):
    """A promise is broken."""


def demand(holds: bool, what: str, *facts: object) -> None:
    if not holds:
        raise Violated(f"{what}: {', '.join(map(repr, facts))}" if facts else what)


class Journaled:
    """Everything durable, decoded."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.in_flight: bytes | None = None
        self.streams: dict[int, list[AnyReport]] = {}
        self.applied: dict[int, dict[int, Any]] = {}  # session to ref to command
        self.trades: dict[int, Traded] = {}
        self.public: list[Any] = []
        self.entries: list[m.Entry] = []
        self.sequence = 0
        self.time_ns = 0

    def take(self, payload: bytes, first_sequence: int) -> None:
        """Take in a record that is on the disk."""
        demand(first_sequence == self.sequence + 1, "sequences are dense", first_sequence, self.sequence)
        self.payloads.append(payload)
        record = decode_record(payload, first_sequence)
        for entry in record.entries:
            self._take_entry(entry)
        for stream in record.streams:
            reports = self.streams.setdefault(stream.session_id, [])
            demand(stream.first_seq == len(reports) + 1, "streams have no gaps", stream, len(reports))
            reports += decode_stream(stream.reports)
        for event in decode_public(record.public):
            self.public.append(event)
            if isinstance(event, Traded):
                demand(event.trade_id == len(self.trades) + 1, "trades are numbered densely", event)
                self.trades[event.trade_id] = event

    def _take_entry(self, entry: m.Entry) -> None:
        demand(entry.time_ns >= self.time_ns, "stamps never go back", entry.time_ns, self.time_ns)
        self.time_ns = entry.time_ns
        self.entries.append(entry)
        self.sequence += len(entry.commands)
        if entry.session_id == m.VENUE_SESSION_ID:
            return
        applied = self.applied.setdefault(entry.session_id, {})
        for command in entry.commands:
            ref = command.ref  # type: ignore[union-attr]
            last = next(reversed(applied), 0)
            demand(ref > last, "a command is applied once, in the order of its refs", command, last)
            applied[ref] = self._as_sent(command)

    def _as_sent(self, command: Any) -> Any:
        """An operator's command on a trade is journaled with the trade: `check_reference` looks which."""
        if not isinstance(command, m.OnTrade):
            return command
        trade_id = command.command.trade_id
        is_known = trade_id in self.trades
        demand((command.trade is not None) is is_known, "a durable trade is found", command)
        return command.command

    def recovered(self, records: list[tuple[bytes, int]]) -> None:
        """A recovery has found `records`: all that was durable, and at most what was on its way."""
        known = len(self.payloads)
        found = [payload for payload, _ in records]
        demand(found[:known] == self.payloads, "what was durable is there after a crash", known, len(found))
        more = records[known:]
        demand(len(more) <= 1, "nothing is there that was not written", len(more))
        if more:
            demand(more[0][0] == self.in_flight, "nothing is there that was not written")
            self.take(*more[0])
        self.in_flight = None


class ReferenceMarket(ReferenceVenue):
    """The reference, which has no use for what is about connections: logons, keys and copies."""

    def _venue_command(self, command: Any) -> None:
        if not isinstance(command, m.SessionOpened | m.DefineKey | m.DefineDropCopy):
            super()._venue_command(command)


def check_reference(journaled: Journaled, engine: Engine) -> None:
    """The reference venue, given the entries, says, trades and holds the same."""
    reference = ReferenceMarket()
    for entry in journaled.entries:
        try:
            reference.apply(entry)
        except AssertionError as error:
            raise Violated(f"trades equal the reference's: {error}") from error
    for session_id, session in reference.sessions.items():
        reports = journaled.streams.get(session_id, [])
        for expected, found in zip(session.reports, reports, strict=False):
            demand(expected == found, "reports equal the reference's", expected, found)
        demand(len(session.reports) == len(reports), "reports equal the reference's", session_id)
    # The reference does not say when an auction is indicated, and what a composite price is.
    left_out = m.AuctionIndicated | m.CompositeChanged
    public = [event for event in journaled.public if not isinstance(event, left_out)]
    demand(public == reference.public, "public events equal the reference's")
    check_accounts(reference, engine)
    for instrument_id in engine.books:
        for side in Side:
            found_levels = [tuple(level) for level in levels_of(engine, instrument_id, side)]
            expected_levels = reference.levels(instrument_id, side)
            demand(found_levels == expected_levels, "the book equals the reference's", instrument_id, side)


def check_accounts(reference: ReferenceVenue, engine: Engine) -> None:
    """Everybody has what the reference reckons, of which what open orders do not need is free."""
    accounts, orders = reference.accounts, reference.open
    for instrument_id, book in engine.books.items():
        if not isinstance(book.clearing, Clearing):
            continue
        for owner, position in book.clearing.positions.items():
            found = position.total_lots, position.free_lots
            expected = (
                accounts.units[instrument_id, owner],
                accounts.free_units(instrument_id, owner, orders),
            )
            demand(found == expected, "units equal the reference's", instrument_id, owner, found, expected)
            demand(position.free_lots >= 0, "nobody has less than no units", owner)
    for currency, ledger in engine.venue.cash.items():
        for owner, cash in ledger.accounts.items():
            found = cash.total_minor, cash.free_minor
            expected = accounts.money[currency, owner], accounts.free_money(currency, owner, orders)
            demand(found == expected, "money equals the reference's", currency, owner, found, expected)
            demand(cash.free_minor >= 0, "nobody has less than no money", owner)
        demand(ledger.fees_minor == accounts.fees[currency], "fees equal the reference's", currency)


def levels_of(engine: Engine, instrument_id: int, side: Side) -> list[tuple[int, int, int]]:
    """(price, lots, orders), best first."""
    book = engine.books[instrument_id]  # type: ignore[index]
    ladder = book.bids if side is Side.BUY else book.asks
    return [
        (level.price_ticks, level.quantity_lots, level.order_count) for level in ladder.levels_from_best()
    ]


def check_not_crossed(engine: Engine) -> None:
    for instrument_id in engine.books:
        bids = levels_of(engine, instrument_id, Side.BUY)
        asks = levels_of(engine, instrument_id, Side.SELL)
        crossed = bool(bids and asks and bids[0][0] >= asks[0][0])
        crossed = crossed and engine.books[instrument_id].instrument.matches
        demand(not crossed, "the book is never crossed where it trades", instrument_id, bids[:1], asks[:1])


def check_schedule(journaled: Journaled, timetable: Timetable) -> None:
    """Every step that was made is one of the timetable's, on time or late, once and in order.

    Nothing that a session sent at the time of a step or later came before it.
    """
    last_ns = 0
    session_ns = 0  # of the last entry of a session
    for entry in journaled.entries:
        if entry.session_id != m.VENUE_SESSION_ID:
            session_ns = entry.time_ns
        for command in entry.commands:
            if not isinstance(command, m.SchedulePhase):
                continue
            demand(last_ns < command.step_ns <= entry.time_ns, "no step is early, or made twice", command)
            demand(session_ns < command.step_ns, "no order comes before a step of its time", command)
            planned = timetable.last_until(command.step_ns)
            demand(planned is not None, "steps are planned", command)
            assert planned is not None
            demand((planned.at_ns, planned.phase) == (command.step_ns, command.phase), "as planned", command)
            last_ns = command.step_ns


def check_units(streams: dict[int, list[AnyReport]]) -> None:
    """What was bought and stands was sold, and every order is accounted for to its last lot."""
    balance: dict[int, int] = {}
    standing: dict[tuple[int, Side], tuple[int, int]] = {}  # price and lots
    instruments: dict[int, int] = {}
    for reports in streams.values():
        orders: dict[int, OrderLife] = {}
        for report in reports:
            if isinstance(report, m.Accepted):
                orders[report.order_id] = OrderLife(report.quantity_lots)
            elif isinstance(report, m.Busted | m.Corrected):
                _take_amended(standing, report)
            elif (order_id := getattr(report, "order_id", 0)) in orders:
                orders[order_id].take(report)
            if isinstance(report, m.Executed):
                standing[report.trade_id, report.side] = report.price_ticks, report.quantity_lots
                instruments[report.trade_id] = report.instrument_id
    for (trade_id, side), (_, traded_lots) in standing.items():
        sign = 1 if side is Side.BUY else -1
        instrument_id = instruments[trade_id]
        balance[instrument_id] = balance.get(instrument_id, 0) + sign * traded_lots
    for instrument_id, lots in balance.items():
        demand(lots == 0, "as much is bought as is sold", instrument_id, lots)


def _take_amended(standing: dict[tuple[int, Side], tuple[int, int]], report: m.Busted | m.Corrected) -> None:
    """A trade that stands is another one now, or none. The order of the fill may have ended."""
    stood = standing.get((report.trade_id, report.side))
    if isinstance(report, m.Busted):
        before, becomes = (report.price_ticks, report.quantity_lots), (report.price_ticks, 0)
    else:
        before = (report.price_before_ticks, report.quantity_before_lots)
        becomes = (report.price_ticks, report.quantity_lots)
    demand(stood == before and before[1] > 0, "what is amended is what stood", report, stood)
    standing[report.trade_id, report.side] = becomes


class OrderLife:
    """One order as the reports of its own session tell it: quantity = executed + leaves + canceled."""

    def __init__(self, quantity_lots: int) -> None:
        self.total = quantity_lots
        self.executed = 0
        self.is_final = False

    @property
    def leaves(self) -> int:
        return self.total - self.executed

    def take(self, report: AnyReport) -> None:
        demand(not self.is_final, "an order has one final state", report)
        match report:
            case m.Executed():
                self.executed += report.quantity_lots
                demand(report.leaves_lots == self.leaves, "fills add up", report, self.leaves)
                self.is_final = self.leaves == 0
            case m.Canceled():
                demand(report.canceled_lots == self.leaves, "what is cancelled was left", report, self.leaves)
                self.is_final = True
            case m.Reduced() | m.Replaced():
                self.total = report.quantity_lots
                demand(report.leaves_lots == self.leaves, "amendments add up", report, self.leaves)
            case m.SelfTradePrevented():
                if report.mode is m.SelfTradePrevention.DECREMENT:
                    self.total -= report.prevented_lots
                demand(report.leaves_lots == self.leaves, "preventions add up", report, self.leaves)
            case m.Triggered():
                demand(self.executed == 0, "a stop has not traded before it fires", report)
            case m.OrderStatus():
                told = (report.quantity_lots, report.leaves_lots)
                demand(told == (self.total, self.leaves), "a status tells what is", report, self.leaves)
            case _:
                demand(False, "no report of a kind that the model does not know", report)
        demand(self.leaves >= 0, "nothing trades more than it has", report)


def is_repeat_of(repeat: AnyReport, original: AnyReport) -> bool:
    flag = m.ReportFlag.POSSIBLE_DUPLICATE
    return repeat == structs.replace(original, flags=original.flags | flag)


def expects(command: Any, answer: AnyReport) -> bool:
    """Whether `answer` can be one to `command`, and not to another command of the same ref."""
    match answer:
        case m.Accepted():
            return (
                isinstance(command, m.NewOrder | m.Select)
                and (answer.instrument_id, answer.side, answer.quantity_lots)
                == (command.instrument_id, command.side, command.quantity_lots)
                and command.price_ticks in (0, answer.price_ticks)
            )
        case m.Replaced():
            return isinstance(command, m.Replace) and (answer.price_ticks, answer.quantity_lots) == (
                command.price_ticks,
                command.quantity_lots,
            )
        case m.Reduced():
            return isinstance(command, m.Reduce) and answer.quantity_lots == command.quantity_lots
        case m.MassCanceled():
            return isinstance(command, m.MassCancel)
        case m.OrderStatus() | m.StatusEnd():
            return isinstance(command, m.OrderStatusRequest)
        case m.Done():
            steering = m.SetPhase | m.SetBand | m.Resume | m.BustTrade | m.CorrectTrade
            steering |= m.AnnounceBidding | m.EndDay | m.Deposit | m.Withdraw | m.KillSwitch
            return isinstance(command, steering)
        case m.Pulled():
            return isinstance(command, m.Kill)
        case m.TradeStatus():
            return isinstance(command, m.TradeStatusRequest) and answer.trade_id == command.trade_id
        case m.Canceled(reason=CancelReason.MASS_CANCEL):
            return isinstance(command, m.MassCancel)
    return True
