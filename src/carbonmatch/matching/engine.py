"""The state machine: entries in, events out.

Deterministic by construction: no clock, no randomness, no I/O, no iteration over sets. The same
entries give the same events and the same state, which is what makes the journal a backup.

What a command does is in its own module: `orders` (new, cancel), `entering` (orders which are not
plain), `amend` (reduce, replace, mass cancel), `listing.select`, `queries`, `control`, `kill_switch`,
`trades` (bust, correct), `day` (the end of trading days); the matching loop is `price_time`, self-trade
prevention is `prevention`, the rules of entry are `checks`. What follows by itself is in `stops`, `expiry`
and `auction`. One-way bidding is in `bidding/`, blocks are in `blocks/`.
"""

from collections.abc import Callable
from typing import Any, Final

from carbonmatch.limits import (
    ENTRY_AUCTION_ORDERS_MAX,
    ENTRY_MAKERS_MAX,
    ENTRY_STOPS_MAX,
    SESSION_OPEN_ORDERS_MAX,
    VENUE_OPEN_ORDERS_MAX,
)
from carbonmatch.matching import amend, auction, control, entering, orders, queries, trades
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.bidding import commands as bidding
from carbonmatch.matching.blocks import negotiation
from carbonmatch.matching.blocks.phases import schedule_block
from carbonmatch.matching.blocks.steering import set_block_phase
from carbonmatch.matching.book import Book
from carbonmatch.matching.clearing import inquiries, transfers
from carbonmatch.matching.clearing.restrictions import restrict_account, set_account_limits
from carbonmatch.matching.confirmation import check_waiting, decide, define_confirmation, unless_proposed
from carbonmatch.matching.day import confirm
from carbonmatch.matching.day.end import end_day
from carbonmatch.matching.drop_copy import DropCopy
from carbonmatch.matching.expiry import expire_due
from carbonmatch.matching.foresight import FORESEEN, Foresight, foresee
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.kill_switch import (
    CONCERNED,
    check_killed,
    kill,
    release,
    unless_killed,
    what_is_killed,
)
from carbonmatch.matching.listing.order_list import take_changes
from carbonmatch.matching.listing.select import select
from carbonmatch.matching.messages import (
    NO_REF,
    VENUE_SESSION_ID,
    AccountId,
    AmendmentsRequest,
    AnnounceBidding,
    Bid,
    BlockAccept,
    BlockCounter,
    BlockDecline,
    BlockPropose,
    BlockStatusRequest,
    BlockWithdraw,
    Cancel,
    CancelBidding,
    ConfirmSettlement,
    Decide,
    DefineAccount,
    DefineComposite,
    DefineConfirmation,
    DefineDropCopy,
    DefineInstrument,
    DefineKey,
    DefineSession,
    Deposit,
    Disconnect,
    DropAmendment,
    EndDay,
    Entry,
    HoldingsRequest,
    InspectHoldings,
    InstrumentId,
    InstrumentStatusRequest,
    Kill,
    KilledRequest,
    LevelChanged,
    MassCancel,
    ModifyBid,
    NewOrder,
    NewOrderLong,
    OnAmendment,
    OnOutcome,
    OnSessions,
    OnTrade,
    OrderStatusRequest,
    Outputs,
    Reduce,
    Ref,
    Release,
    RemoveKey,
    RemoveSession,
    Replace,
    RestrictAccount,
    Resume,
    ScheduleBlock,
    SchedulePhase,
    Select,
    SessionCommand,
    SessionId,
    SessionLost,
    SessionOpened,
    SetAccountLimits,
    SetBand,
    SetBlockPhase,
    SetPhase,
    SetReference,
    SetSeed,
    SettlementStatusRequest,
    StartAuction,
    StreamChunk,
    TimePassed,
    TradeId,
    Withdraw,
    WithdrawBid,
)
from carbonmatch.matching.orders import cancel, new_order
from carbonmatch.matching.prices.collecting import collect
from carbonmatch.matching.prices.composite import Composite
from carbonmatch.matching.prices.composites import define_composite, tell_composites
from carbonmatch.matching.prices.settling import set_reference
from carbonmatch.matching.steering import amendments, outcomes, sessions
from carbonmatch.matching.steering.delisting import unless_delisted
from carbonmatch.matching.stops import fire_reached, may_fire
from carbonmatch.matching.venue import Venue

_Handler = Callable[[Venue, SessionState, Any, Ref], None]


def _decide(venue: Venue, session: SessionState, command: Decide, ref: Ref) -> None:
    decide(venue, session, command, ref, _FROM_SESSIONS)


_FROM_SESSIONS: Final[dict[type, _Handler]] = {
    NewOrder: new_order,
    NewOrderLong: entering.enter,
    Cancel: cancel,
    Reduce: amend.reduce,
    Replace: amend.replace,
    MassCancel: amend.mass_cancel,
    OrderStatusRequest: queries.order_status,
    Select: select,
    SetPhase: control.set_phase,
    SetBand: control.set_band,
    OnTrade: trades.on_trade,
    Resume: control.resume,
    Bid: bidding.bid,
    ModifyBid: bidding.modify,
    WithdrawBid: bidding.withdraw,
    AnnounceBidding: unless_delisted(bidding.announce),
    CancelBidding: bidding.cancel,
    EndDay: end_day,
    ConfirmSettlement: confirm.confirm_settlement,
    SettlementStatusRequest: confirm.settlement_status,
    InstrumentStatusRequest: queries.instrument_status,
    BlockPropose: unless_delisted(negotiation.propose),
    BlockAccept: negotiation.accept,
    BlockCounter: negotiation.counter,
    BlockDecline: negotiation.decline,
    BlockWithdraw: negotiation.withdraw,
    BlockStatusRequest: negotiation.status,
    SetBlockPhase: set_block_phase,
    SetReference: set_reference,
    Deposit: transfers.deposit,
    Withdraw: transfers.withdraw,
    HoldingsRequest: inquiries.holdings,
    InspectHoldings: inquiries.inspect,
    RestrictAccount: restrict_account,
    SetAccountLimits: set_account_limits,
    Kill: kill,
    Release: release,
    KilledRequest: what_is_killed,
    Decide: _decide,
    OnSessions: sessions.on_sessions,
    Disconnect: sessions.disconnect,
    OnOutcome: outcomes.on_outcome,
    OnAmendment: amendments.on_amendment,
    AmendmentsRequest: amendments.amendments,
}
# While something is frozen or stopped, commands are looked at more closely: nearly always nothing is, and
# cancels and orders make most of the traffic.
_LOOKED_AT: Final[dict[type, _Handler]] = {
    **_FROM_SESSIONS,
    Cancel: orders.cancel_unless_frozen,
    **{kind: unless_killed(_FROM_SESSIONS[kind], concerned) for kind, concerned in CONCERNED.items()},
    **{kind: unless_proposed(_FROM_SESSIONS[kind]) for kind in FORESEEN},
}
_level_changed: Final = LevelChanged  # as in `orders`: this name is looked up once
_FROM_OPERATORS: Final = frozenset({SetPhase, SetBand, Resume, EndDay, SetBlockPhase, SetReference})
_FROM_VENUE: Final[dict[type, Callable[[Venue, Any], None]]] = {
    DefineInstrument: amendments.define,
    DefineComposite: define_composite,
    DropAmendment: amendments.drop_amendment,
    DefineAccount: control.define_account,
    DefineSession: control.define_session,
    RemoveSession: control.remove_session,
    SessionLost: auction.session_lost,
    StartAuction: auction.start_auction,
    SetSeed: auction.set_seed,
    SessionOpened: control.session_opened,
    TimePassed: control.time_passed,
    SchedulePhase: control.schedule_phase,
    ScheduleBlock: schedule_block,
    DefineDropCopy: control.define_drop_copy,
    DefineKey: control.define_key,
    RemoveKey: control.remove_key,
    DefineConfirmation: define_confirmation,
}


class Engine:
    """Applies entries, and hands out what they have caused once the caller has a batch of them.

    The dicts are for reading: only entries change them.
    """

    def __init__(self, durable: bool = True) -> None:
        """Not `durable`: every report says that it was answered before the disk had it."""
        self.venue = Venue(durable)
        self.sessions: dict[SessionId, SessionState] = self.venue.sessions
        self.accounts: dict[AccountId, Account] = self.venue.accounts
        self.books: dict[InstrumentId, Book] = self.venue.books
        self.composites: dict[InstrumentId, Composite] = self.venue.composites
        self.keys: dict[str, DefineKey] = self.venue.keys

    @property
    def sequence(self) -> int:
        """Of the last command applied; 0 before the first."""
        return self.venue.sequence

    @property
    def time_ns(self) -> int:
        """Of the last entry applied; 0 before the first."""
        return self.venue.time_ns

    @property
    def last_trade_id(self) -> TradeId:
        """Trades are numbered densely from 1; 0 before the first."""
        return self.venue.last_trade_id

    @property
    def open_order_count(self) -> int:
        return self.venue.open_order_count

    @property
    def instruments(self) -> dict[InstrumentId, Instrument]:
        return {instrument_id: book.instrument for instrument_id, book in self.books.items()}

    @property
    def drop_copies(self) -> dict[SessionId, DropCopy]:
        return self.venue.drop_copies.by_session

    @property
    def gathered_report_count(self) -> int:
        """Reports since the outputs were last taken."""
        return self.venue.own_report_count + self.venue.foreign_report_count

    def is_due(self, time_ns: int) -> bool:
        """Whether an entry at this time would do something of itself: TimePassed is for that."""
        venue = self.venue
        return (
            venue.expiries.next_ns <= time_ns
            or (venue.alarms.next_ns <= time_ns and auction.is_due(venue, time_ns))
            or bool(venue.uncrossing)
            or may_fire(venue)
        )

    def apply(self, entry: Entry) -> None:
        """Apply the commands of one entry. What they cause gathers until `take_outputs`.

        Before its commands, what is due at its time is done; after each of them, stops fire which it
        has reached.

        A refused command is an answer (`Rejected`), not an exception: the only error this can raise
        is an assertion or a failed look-up, and that means a bug, here or in the caller. Repeated
        commands must have been filtered out: refs increase within a session.
        """
        venue = self.venue
        assert entry.first_sequence == venue.sequence + 1, "entries apply in order, without gaps"
        assert entry.commands, "an entry has at least one command"
        venue.time_ns = entry.time_ns
        venue.makers_left = ENTRY_MAKERS_MAX
        venue.stops_left = ENTRY_STOPS_MAX
        venue.auction_orders_left = ENTRY_AUCTION_ORDERS_MAX
        is_venue = entry.session_id == VENUE_SESSION_ID
        session = venue.venue_session if is_venue else venue.sessions[entry.session_id]
        own_count = len(session.orders)
        venue.foreign_order_count += len(venue.session.orders) - own_count
        venue.session = session
        if is_venue:
            self._apply_venue(entry)
            return
        most_count = own_count + len(entry.commands)
        venue.has_room = (
            most_count <= SESSION_OPEN_ORDERS_MAX
            and venue.foreign_order_count + most_count <= VENUE_OPEN_ORDERS_MAX
        )
        if not session.touched:
            session.touched = True
            venue.touched.append(session)
        reports = session.reports
        reports_before = len(reports)
        sequence = venue.sequence
        last_ref = session.last_ref
        reached = venue.reached
        time_ns = entry.time_ns
        if (
            reached
            or venue.expiries.next_ns <= time_ns
            or venue.alarms.next_ns <= time_ns
            or venue.uncrossing
        ):
            _do_what_is_due(venue)
        # An operator may stop something, or freeze it by ending an auction, in the middle of its own frame.
        is_looked_at = venue.frozen or venue.killed or session.operator
        handlers = _LOOKED_AT if is_looked_at else _FROM_SESSIONS
        # These are nearly all, and called by their names, which saves a compiled core 250 instructions each.
        new_kind, cancel_kind = (None, None) if is_looked_at else (NewOrder, Cancel)
        for command in entry.commands:
            sequence += 1
            venue.sequence = sequence
            ref: Ref = command.ref  # type: ignore[union-attr]
            assert ref > last_ref, "repeats are answered before the engine"
            last_ref = ref
            kind = type(command)
            if kind is new_kind:
                new_order(venue, session, command, ref)  # type: ignore[arg-type]  # it is one
            elif kind is cancel_kind:
                cancel(venue, session, command, ref)  # type: ignore[arg-type]
            else:
                handlers[kind](venue, session, command, ref)
            if reached:
                fire_reached(venue)
        session.last_ref = last_ref
        assert len(reports) > reports_before, "every command of a session is answered"
        venue.own_report_count += len(reports) - reports_before

    def foresee(self, session_id: SessionId, command: SessionCommand) -> Foresight:
        """What an operator's command would do, of those in `foresight.FORESEEN`; nothing changes."""
        return foresee(self.venue, self.venue.sessions[session_id], command)

    def take_outputs(self) -> Outputs:
        """What the entries since the last call have caused; the engine keeps nothing of it."""
        venue = self.venue
        if venue.gathering:
            auction.indicate_all(venue)
        if venue.priced:
            collect(venue)
        if venue.composites:
            tell_composites(venue)
        streams = []
        for session in venue.touched:
            streams.append(StreamChunk(session.session_id, session.ref_before, session.reports))
            session.ref_before = session.last_ref
            session.reports = []
            session.touched = False
        levels = [
            _level_changed(
                level.instrument_id, level.side, level.price_ticks, level.quantity_lots, level.order_count
            )
            for level in venue.dirty
        ]
        listed = take_changes(venue) if venue.listed else []
        for level in venue.dirty:
            level.dirty = False
        copies = venue.drop_copies.choose(streams, venue.sessions) if venue.drop_copies else []
        outputs = Outputs(
            streams,
            venue.public,
            levels,
            venue.refusals,
            venue.cancels,
            copies,
            venue.prevented,
            listed,
            venue.disconnects,
            venue.amended,
        )
        venue.refusals = []
        venue.cancels = []
        venue.prevented = []
        venue.disconnects = []
        venue.amended = False
        venue.touched = []
        venue.public = []
        venue.collected = 0
        venue.dirty = []
        venue.own_report_count = 0
        venue.foreign_report_count = 0
        return outputs

    def set_durable(self, durable: bool) -> None:
        """Say from now on whether reports wait for the disk: a choice of each start, not of an entry."""
        self.venue.set_durable(durable)

    def check(self) -> None:
        """Assert every invariant of the state: for tests, since it reads all there is."""
        self.venue.check()
        check_killed(self.venue)
        check_waiting(self.venue)

    def _apply_venue(self, entry: Entry) -> None:
        venue = self.venue
        session = venue.session
        _do_what_is_due(venue)
        for command in entry.commands:
            venue.sequence += 1
            kind = type(command)
            if kind in _FROM_OPERATORS:
                _FROM_SESSIONS[kind](venue, session, command, NO_REF)
            else:
                _FROM_VENUE[kind](venue, command)
            fire_reached(venue)


def _do_what_is_due(venue: Venue) -> None:
    """Whose time is up goes first, so that it does not trade with the stops that are left to fire."""
    expire_due(venue)
    auction.do_what_is_due(venue)
    fire_reached(venue)
