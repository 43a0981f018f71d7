"""The state of the venue, and the few moves that keep its parts in step."""

from typing import NamedTuple

from carbonmatch.limits import AMENDED_TRADES_MAX
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.auction_times import Alarms
from carbonmatch.matching.bidding.bidding import Biddings
from carbonmatch.matching.blocks.proposals import Negotiations
from carbonmatch.matching.book import Book
from carbonmatch.matching.clearing.cash import CashLedger
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.held import check_reserved
from carbonmatch.matching.day.settlements import Settlements
from carbonmatch.matching.drop_copy import DropCopies
from carbonmatch.matching.expiry import Expiries
from carbonmatch.matching.kills import Killing, ScopeKey
from carbonmatch.matching.ladder import Level, Order, StopLadder
from carbonmatch.matching.messages import (
    VENUE_SESSION_ID,
    AccountId,
    AnyPublicEvent,
    AnyReport,
    Canceled,
    CancelReason,
    DefineConfirmation,
    DefineKey,
    Disconnection,
    InstrumentId,
    Ref,
    Rejected,
    RejectReason,
    ReportFlag,
    SessionId,
    Side,
    TradeId,
)
from carbonmatch.matching.prices.composite import Composite
from carbonmatch.matching.prices.day_prices import DayPrices
from carbonmatch.matching.steering.amended import Amended, AmendedKey
from carbonmatch.matching.waiting_commands import WaitingCommand


class AmendedTrade(NamedTuple):
    """What stands of a trade that was busted (nothing) or corrected."""

    price_ticks: int
    quantity_lots: int  # 0: it was busted


class Venue:
    """All that entries change: who trades, the books, the counters, and the outputs which gather.

    Invariant: an open order, in the book or a stop which waits, is in its level, in its session's orders
    and, where the session is indexed, in its account's, and in `expiries` where it has a time;
    `open_order_count` counts them. Stops whose price has been reached fire before the next command, but for
    those that `reached` still holds.
    """

    __slots__ = (
        "accounts",
        "alarms",
        "amended",
        "amended_trades",
        "amendments",
        "auction_orders_left",
        "banned",
        "biddings",
        "books",
        "cancels",
        "cash",
        "collected",
        "composites",
        "confirmation",
        "dirty",
        "disconnects",
        "drop_copies",
        "durable",
        "expiries",
        "foreign_order_count",
        "foreign_report_count",
        "frozen",
        "gathering",
        "has_room",
        "held_until_ns",
        "keys",
        "killed",
        "last_trade_id",
        "listed",
        "makers_left",
        "negotiations",
        "own_report_count",
        "prevented",
        "priced",
        "public",
        "reached",
        "refusals",
        "report_flags",
        "seed",
        "sequence",
        "session",
        "sessions",
        "settlements",
        "stops_left",
        "time_ns",
        "touched",
        "uncrossing",
        "venue_session",
        "waiting_commands",
    )

    def __init__(self, durable: bool) -> None:
        self.set_durable(durable)
        self.last_trade_id = TradeId(0)
        self.accounts: dict[AccountId, Account] = {}
        self.sessions: dict[SessionId, SessionState] = {}
        self.books: dict[InstrumentId, Book] = {}
        self.expiries = Expiries()
        self.biddings = Biddings()
        # Of every currency that an instrument with clearing has had.
        self.cash: dict[str, CashLedger] = {}
        # When holds end that have an end. Their ends are due for whoever looks after the schedule.
        self.held_until_ns: dict[InstrumentId, int] = {}
        # What stops are to fire, in this order: those on a ladder, from a key on, which have waited since
        # a sequence or longer. Nearly always empty.
        self.reached: list[tuple[StopLadder, int, int]] = []
        self.drop_copies = DropCopies()
        # What stands of trades that were busted or corrected; of all others, what they were.
        self.amended_trades: dict[TradeId, AmendedTrade] = {}
        # What ended together is settled together, and the registry answers to it.
        self.settlements = Settlements()
        # Who may log on, by key id. Nothing in the market depends on it.
        self.keys: dict[str, DefineKey] = {}
        # Which commands of operators a second one confirms, and those that wait for that, by sequence.
        self.confirmation = DefineConfirmation()
        self.waiting_commands: dict[int, WaitingCommand] = {}
        # What operators have stopped: nearly always empty.
        self.killed: dict[ScopeKey, Killing] = {}
        # What operators have changed of the configuration, by what it is of. What follows from it is
        # elsewhere, as what follows from the file.
        self.amendments: dict[AmendedKey, Amended] = {}
        # Until when operators keep sessions out. Nothing in the market depends on it.
        self.banned: dict[SessionId, int] = {}
        # Blocks that are negotiated, in all instruments.
        self.negotiations = Negotiations()
        # Acts for the venue itself; it has no stream.
        self.venue_session = SessionState(VENUE_SESSION_ID)

        # Instruments whose auctions are being carried out, one after the other. Nearly always empty.
        self.uncrossing: list[Book] = []
        # Those in which nothing may be cancelled now, in the order in which they froze.
        self.frozen: dict[InstrumentId, Book] = {}
        # Those in which orders gather for an auction, and how it would end is told.
        self.gathering: dict[InstrumentId, Book] = {}
        # Those of whose orders market data shows each, in the order of their ids.
        self.listed: dict[InstrumentId, Book] = {}
        # What the rules of instruments make prices of, and how many of `public` they have taken in.
        self.priced: dict[InstrumentId, DayPrices] = {}
        self.collected = 0
        # Prices that are averages of several instruments.
        self.composites: dict[InstrumentId, Composite] = {}
        self.alarms = Alarms()
        # What the ends of auctions are drawn from; empty until the first SetSeed.
        self.seed = b""

        # What is being applied: the command's sequence, its entry's time and session. Afterwards,
        # `sequence` is that of the last command.
        self.sequence = 0
        self.time_ns = 0
        self.session = self.venue_session
        # Open orders of all sessions but that one. Its own are counted by its dict: nearly all that come and
        # go are its own, and counting each cost 2 % of all commands.
        self.foreign_order_count = 0
        # Whether there is room for as many orders as the entry has commands. If not, each asks for itself.
        self.has_room = True
        # How many makers the entry may still meet, how many stops may fire in it, and how many orders its
        # auctions may deal with.
        self.makers_left = 0
        self.stops_left = 0
        self.auction_orders_left = 0

        # Outputs since they were last taken: sessions with reports, in the order in which they got
        # their first; public events; levels which changed.
        self.touched: list[SessionState] = []
        self.public: list[AnyPublicEvent] = []
        self.dirty: list[Level] = []
        self.refusals: list[RejectReason] = []
        self.cancels: list[CancelReason] = []
        self.prevented: list[tuple[InstrumentId, int]] = []
        self.disconnects: list[Disconnection] = []
        self.amended = False
        # Reports to sessions in their own entries, counted once an entry, and to others, counted
        # one by one.
        self.own_report_count = 0
        self.foreign_report_count = 0

    def set_durable(self, durable: bool) -> None:
        self.durable = durable
        self.report_flags = 0 if durable else ReportFlag.NOT_DURABLE

    @property
    def open_order_count(self) -> int:
        """Of the venue, stops that wait and orders that wait for an auction included."""
        return self.foreign_order_count + len(self.session.orders)

    def stream(self, session: SessionState) -> list[AnyReport]:
        """Where the next report of `session` goes: to be asked again for each report.

        The session whose entry is applied may have its reports appended without asking.
        """
        assert session is not self.venue_session, "the venue has no stream"
        if session is not self.session:
            self.foreign_report_count += 1
            if not session.touched:
                self.touch(session)
        return session.reports

    def touch(self, session: SessionState) -> None:
        """Reports are appended to the session, and have to be taken."""
        session.touched = True
        self.touched.append(session)

    def keep(self, order: Order) -> None:
        """The order is open from now on: let its session and its account find it."""
        session = order.session
        session.orders[order.entry_ref] = order
        if session.indexed:
            order.account.indexed_orders[order.order_id] = order
        if session is not self.session:
            self.foreign_order_count += 1
        if order.terms is not None:
            self.expiries.add(order)
            order.ladder.book.note(order)

    def forget(self, order: Order) -> None:
        """The order is open no longer."""
        session = order.session
        del session.orders[order.entry_ref]
        if order.ref != order.entry_ref:
            del session.replaced[order.ref]
        if session.indexed:
            del order.account.indexed_orders[order.order_id]
        if session is not self.session:
            self.foreign_order_count -= 1
        if order.terms is not None:
            self.expiries.discard(order)
            order.ladder.book.discard(order)

    def forget_all(self, orders: list[Order]) -> None:
        """As `forget` of each, for many that have left their levels together."""
        own_before = len(self.session.orders)
        for order in orders:
            session = order.session
            del session.orders[order.entry_ref]
            if session.indexed:
                del order.account.indexed_orders[order.order_id]
            # Neighbours that knew each other would be left to the garbage collector, which may never come.
            order.behind = None
            if order.ref != order.entry_ref:
                del session.replaced[order.ref]
            if order.terms is not None:
                self.expiries.discard(order)
                order.ladder.book.discard(order)
        own_count = own_before - len(self.session.orders)
        self.foreign_order_count -= len(orders) - own_count

    def reach(self, stops: StopLadder, price_ticks: int) -> None:
        """A trade at this price reaches stops of the ladder: note that they are to fire."""
        self.reached.append((stops, stops.sign * price_ticks, self.sequence))

    def mark(self, level: Level) -> None:
        """The level has changed: it is to be published with the outputs."""
        if not level.dirty:
            level.dirty = True
            self.dirty.append(level)

    def end(self, order: Order, ref: Ref, reason: CancelReason) -> None:
        """Take an open order out of everything and report it to its owner."""
        order.ladder.remove(order, self.dirty)
        self.forget(order)
        self.report_canceled(order.session, order, ref, reason)

    def report_canceled(self, session: SessionState, order: Order, ref: Ref, reason: CancelReason) -> None:
        self.cancels.append(reason)
        if session is not self.session:
            # As `stream`, whose call would cost as much as half of this.
            self.foreign_report_count += 1
            if not session.touched:
                self.touch(session)
        seq = session.next_seq
        session.next_seq = seq + 1
        session.reports.append(
            Canceled(
                seq,
                ref,
                self.time_ns,
                self.report_flags,
                order.order_id,
                order.leaves_lots + order.hidden_lots,
                reason,
            )
        )

    def reject(self, session: SessionState, ref: Ref, reason: RejectReason) -> None:
        """Refuse the command that is being applied."""
        self.refusals.append(reason)
        reports = self.stream(session)
        seq = session.next_seq
        session.next_seq = seq + 1
        reports.append(Rejected(seq, ref, self.time_ns, self.report_flags, reason))

    def check(self) -> None:
        """Assert every invariant: for tests, since it reads all there is."""
        open_orders: list[Order] = []
        for instrument_id, book in self.books.items():
            assert book.instrument.instrument_id == instrument_id
            book.check()
            if isinstance(book.clearing, Clearing):
                book.clearing.check()
            assert self.priced.get(instrument_id) is book.prices
            assert (book.prices is None) == (book.instrument.definition.prices is None)
            if book.prices is not None:
                book.prices.check()
            here = [*book.orders(), *book.stops(), *book.waiting()]
            assert (instrument_id in self.frozen) == book.instrument.is_frozen
            gathers = book.instrument.is_gathering and not book.instrument.is_uncrossing
            assert (instrument_id in self.gathering) == (book.indication is not None) == gathers
            assert (book in self.uncrossing) == (book.transition is not None)
            is_public = book.order_list is not None and book.order_list.is_public
            assert (instrument_id in self.listed) == is_public == book.instrument.definition.screen.order_list
            open_orders += here
            for order in here:
                session = order.session
                assert self.sessions[session.session_id] is session
                assert session.orders[order.entry_ref] is order
                account = order.account
                if session.indexed:
                    assert account.indexed_orders[order.order_id] is order
                else:
                    assert account.unindexed[session.session_id] is session
                if order.ref != order.entry_ref:
                    assert session.replaced[order.ref] is order
            self._check_stops(book)
        for composite_id, composite in self.composites.items():
            assert composite.definition.composite_id == composite_id
            assert composite_id not in self.books
            if not self.public and composite.told_ticks is not None:
                assert composite.told_ticks == composite.price_ticks(self.books)
        self.expiries.check(open_orders)
        self.biddings.check()
        self.negotiations.check(list(self.books.values()))
        courses = {number: book.instrument.course for number, book in self.books.items()}
        assert self.held_until_ns == {
            number: course.hold_until_ns for number, course in courses.items() if course.hold_until_ns
        }
        assert self.open_order_count == len(open_orders)
        indexed_orders = [order.order_id for order in open_orders if order.session.indexed]
        assert sum(len(one.indexed_orders) for one in self.accounts.values()) == len(indexed_orders)
        assert sum(len(session.orders) for session in self.sessions.values()) == len(open_orders)
        for session in self.sessions.values():
            assert all(order.ref == ref for ref, order in session.replaced.items())
            assert len(session.replaced) == sum(
                order.ref != order.entry_ref for order in session.orders.values()
            )
            ids = [order.order_id for order in session.orders.values()]
            assert ids == sorted(ids)
        for trade_id, amended in self.amended_trades.items():
            assert 0 < trade_id <= self.last_trade_id
            assert amended.price_ticks > 0
            assert amended.quantity_lots >= 0
        assert len(self.amended_trades) <= AMENDED_TRADES_MAX
        self.settlements.check()
        assert all(one in self.sessions or one in self.drop_copies.by_session for one in self.banned)
        for ledger in self.cash.values():
            ledger.check()
        check_reserved(self)
        for book in self.books.values():
            assert book.day.after_sequence <= self.sequence
            assert book.day.after_trade_id <= self.last_trade_id
        if not self.touched:
            self.drop_copies.check(open_orders)
        gathered = sum(len(session.reports) for session in self.sessions.values())
        assert gathered == self.own_report_count + self.foreign_report_count
        assert {id(session) for session in self.touched} == {
            id(session) for session in self.sessions.values() if session.reports
        }

    def _check_stops(self, book: Book) -> None:
        """Where it trades, no stop waits that the last price has reached, unless it is in `reached`."""
        for order in book.stops():
            stops = book.buy_stops if order.ladder.side is Side.BUY else book.sell_stops
            assert order.ladder is stops
            assert order.terms is not None
            since = order.terms.waits_since
            if not book.instrument.is_trading:
                continue
            if book.last_price_ticks and order.level.key >= stops.sign * book.last_price_ticks:
                assert any(
                    ladder is stops and order.level.key >= key and since <= sequence
                    for ladder, key, sequence in self.reached
                )
