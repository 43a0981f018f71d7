"""The whole state as bytes, and back.

The bytes are canonical: equal states give equal bytes, so a digest of them says whether two engines
would go on alike. They hold only what the future depends on; what can be derived (totals of levels,
best prices, the orders of an account) is made again. Outputs which gather are no part of it: take
them first.
"""

from hashlib import blake2b
from typing import Final

import msgspec

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.accounts_state import AccountState, restore_accounts, saved_accounts
from carbonmatch.matching.auction import set_alarm
from carbonmatch.matching.auction_state import TransitionState, restored_transition, saved_transition
from carbonmatch.matching.auction_times import Timing
from carbonmatch.matching.bidding.saved import BiddingSaved, restore_biddings, saved_biddings
from carbonmatch.matching.blocks.saved import BlocksState, restore_blocks, saved_blocks
from carbonmatch.matching.book import Book
from carbonmatch.matching.clearing.saved import (
    CashState,
    ClearingState,
    restore_cash,
    restore_clearing,
    saved_cash,
    saved_clearing,
)
from carbonmatch.matching.confirmation import WaitingState, restore_waiting, waiting_state
from carbonmatch.matching.course_state import CourseState, restored_course, saved_course
from carbonmatch.matching.day.settlements import SettlementRun
from carbonmatch.matching.day.state import DayState, restore_day, restore_settlements, saved_day
from carbonmatch.matching.drop_copy import DropCopy
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.guard_state import CorridorState, IntervalState, restore_guard, saved_guard
from carbonmatch.matching.indication import Indication
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.kill_switch import killed_state, restore_killed
from carbonmatch.matching.kills import Killing
from carbonmatch.matching.ladder import Ladder, Order
from carbonmatch.matching.listing import order_list
from carbonmatch.matching.messages import (
    AccountId,
    CompositeDefinition,
    DefineConfirmation,
    DefineKey,
    InstrumentDefinition,
    InstrumentId,
    KillScope,
    OrderId,
    OrderType,
    Phase,
    Ref,
    SelfTradePrevention,
    SessionId,
    Side,
    TimeInForce,
    TradeId,
)
from carbonmatch.matching.prices.composites import restore_composites, saved_composites
from carbonmatch.matching.prices.prices_state import PricesState, restore_prices, saved_prices
from carbonmatch.matching.steering.amended import Amended, AmendedKey
from carbonmatch.matching.terms import Terms
from carbonmatch.matching.venue import AmendedTrade

STATE_VERSION: Final = 24
# The oldest that is read, so that a newer package goes on from the snapshot of a stop: whatever a state has
# had since was appended to its part, with a default that means what was so before.
STATE_VERSION_MIN: Final = 19
DIGEST_BYTES: Final = 32


class _State(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Base of the parts: field order is byte order."""


class _StreamState(_State, frozen=True):
    session_id: SessionId
    name: str
    account_ids: tuple[AccountId, ...]
    operator: bool
    next_seq: int
    last_ref: Ref
    cancel_on_disconnect: bool
    grace_ms: int
    permissions: int


class _TermsState(_State, frozen=True):
    order_type: OrderType
    price_ticks: int
    display_lots: int
    minimum_lots: int
    expires_ns: int
    waits_since: int
    ends_with_auction: bool


class _OrderState(_State, frozen=True):
    order_id: OrderId
    session_id: SessionId
    entry_ref: Ref
    ref: Ref
    account_id: AccountId
    side: Side
    price_ticks: int  # of its level: that of a stop which waits is its stop price
    quantity_lots: int
    leaves_lots: int
    hidden_lots: int
    time_in_force: TimeInForce
    self_trade_prevention: SelfTradePrevention
    flags: int
    terms: _TermsState | None


class _BookState(_State, frozen=True):
    configured: InstrumentDefinition
    reference_price_ticks: int
    band_low_ticks: int
    band_high_ticks: int
    phase: Phase
    course: CourseState
    last_price_ticks: int
    previous_price_ticks: int
    orders: list[_OrderState]  # bids then asks, best level first, in their priority
    stops: list[_OrderState]  # buyers' then sellers', in the order in which they would fire
    waiting: list[_OrderState]  # for an auction: buyers' then sellers', in their priority
    timing: Timing | None
    indication: tuple[tuple[int, int, int], int, bool] | None
    transition: TransitionState | None
    lost: dict[SessionId, int]
    corridor: CorridorState | None
    interval: IntervalState | None
    day: DayState
    prices: PricesState | None
    clearing: ClearingState | None


class _ReachedState(_State, frozen=True):
    """Stops which are to fire: those of one side, up to the price that was reached."""

    instrument_id: InstrumentId
    side: Side
    price_ticks: int
    sequence: int


class _CopyState(_State, frozen=True):
    session_id: SessionId
    name: str
    account_ids: tuple[AccountId, ...]
    next_seq: int


class _VenueState(_State, frozen=True):
    version: int
    durable: bool
    sequence: int
    time_ns: int
    last_trade_id: TradeId
    accounts: list[AccountState]
    sessions: list[_StreamState]
    books: list[_BookState]
    drop_copies: list[_CopyState]
    keys: list[DefineKey]
    reached: list[_ReachedState]
    uncrossing: list[InstrumentId]
    frozen: list[InstrumentId]
    gathering: list[InstrumentId]
    seed: bytes
    amended_trades: list[tuple[TradeId, AmendedTrade]]  # in the order of their ids
    biddings: list[BiddingSaved]  # in the order of their ids
    settlements: list[SettlementRun]  # in the order of their sequences
    blocks: BlocksState
    cash: list[CashState]  # in the order of their currencies
    composites: list[CompositeDefinition]  # in the order of their definition
    # From here on with defaults: see STATE_VERSION_MIN.
    killed: list[tuple[KillScope, int, Killing]] = []  # in the order of scopes and their ids
    banned: list[tuple[SessionId, int]] = []  # in the order of their numbers
    amendments: list[tuple[AmendedKey, Amended]] = []  # in the order of kinds and names
    confirmation: DefineConfirmation = DefineConfirmation()
    waiting_commands: list[WaitingState] = []  # in the order of their numbers


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What every version begins with."""

    version: int


_decode_head = msgspec.msgpack.Decoder(_Head).decode
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_VenueState)


def snapshot(engine: Engine) -> bytes:
    """The canonical bytes of the engine's state. Its outputs must have been taken."""
    venue = engine.venue
    assert not venue.touched, "a snapshot holds no reports which nobody has taken"
    assert not venue.public
    assert not venue.dirty
    return _encoder.encode(
        _VenueState(
            STATE_VERSION,
            venue.durable,
            venue.sequence,
            venue.time_ns,
            venue.last_trade_id,
            saved_accounts(venue),
            [_stream_state(session) for _, session in sorted(venue.sessions.items())],
            [_book_state(book) for _, book in sorted(venue.books.items())],
            [
                _CopyState(copy.session_id, copy.name, copy.account_ids, copy.next_seq)
                for _, copy in sorted(engine.drop_copies.items())
            ],
            [key for _, key in sorted(venue.keys.items())],
            [
                _ReachedState(stops.instrument_id, stops.side, stops.sign * key, sequence)
                for stops, key, sequence in venue.reached
            ],
            [book.instrument.instrument_id for book in venue.uncrossing],
            list(venue.frozen),
            list(venue.gathering),
            venue.seed,
            sorted(venue.amended_trades.items()),
            saved_biddings(venue),
            list(venue.settlements),
            saved_blocks(venue),
            saved_cash(venue),
            saved_composites(venue),
            killed_state(venue),
            sorted(venue.banned.items()),
            sorted(venue.amendments.items()),
            venue.confirmation,
            waiting_state(venue),
        )
    )


def restore(data: bytes) -> Engine:
    """An engine which goes on exactly as the one that `data` is a snapshot of."""
    state = _decoder.decode(data)
    if not STATE_VERSION_MIN <= state.version <= STATE_VERSION:
        raise ValueError(f"state of version {state.version}, expected {STATE_VERSION_MIN} to {STATE_VERSION}")
    engine = Engine(state.durable)
    venue = engine.venue
    venue.sequence = state.sequence
    venue.time_ns = state.time_ns
    venue.last_trade_id = state.last_trade_id
    restore_accounts(venue, state.accounts)
    for stream in state.sessions:
        session = SessionState(stream.session_id)
        session.entitle(stream.name, stream.account_ids, stream.operator, venue.accounts, stream.permissions)
        session.next_seq = stream.next_seq
        session.last_ref = session.ref_before = stream.last_ref
        session.cancel_on_disconnect = stream.cancel_on_disconnect
        session.grace_ms = stream.grace_ms
        venue.sessions[stream.session_id] = session
    venue.keys.update((key.key_id, key) for key in state.keys)
    restore_cash(venue, state.cash)
    orders = []
    for kept_book in state.books:
        instrument = Instrument(kept_book.configured)
        instrument.set_band(
            kept_book.reference_price_ticks, kept_book.band_low_ticks, kept_book.band_high_ticks
        )
        instrument.enter(kept_book.phase)
        instrument.course = restored_course(kept_book.course)
        if instrument.course.hold_until_ns:
            venue.held_until_ns[instrument.instrument_id] = instrument.course.hold_until_ns
        book = Book(instrument)
        book.last_price_ticks = kept_book.last_price_ticks
        book.previous_price_ticks = kept_book.previous_price_ticks
        restore_day(book, kept_book.day)
        restore_prices(venue, book, kept_book.prices)
        venue.books[instrument.instrument_id] = book
        book.timing = kept_book.timing
        if kept_book.indication is not None:
            book.indication = Indication(*kept_book.indication)
        book.lost = kept_book.lost
        if kept_book.transition is not None:
            book.transition = restored_transition(kept_book.transition)
        restore_guard(book, kept_book.corridor, kept_book.interval)
        order_list.configure(venue, book)
        restore_clearing(venue, book, kept_book.clearing)
        for kept_order in kept_book.orders + kept_book.stops:
            orders.append(_restored_order(engine, book, kept_order))
        for kept_order in kept_book.waiting:
            orders.append(_restored_order(engine, book, kept_order, is_waiting=True))
    for kept_reached in state.reached:
        stops = _ladder(venue.books[kept_reached.instrument_id], kept_reached.side).stops
        venue.reached.append((stops, stops.sign * kept_reached.price_ticks, kept_reached.sequence))
    venue.uncrossing = [venue.books[instrument_id] for instrument_id in state.uncrossing]
    venue.seed = state.seed
    for instrument_id in state.frozen:
        book = venue.frozen[instrument_id] = venue.books[instrument_id]
        book.instrument.freeze(uncrossing=book.transition is not None)
    restore_biddings(venue, state.biddings)
    restore_blocks(venue, state.blocks)
    restore_composites(venue, state.composites)
    restore_killed(venue, state.killed)
    venue.banned.update(state.banned)
    venue.amendments.update(state.amendments)
    venue.confirmation = state.confirmation
    restore_waiting(venue, state.waiting_commands)
    for book in venue.books.values():
        if book.transition is None:
            set_alarm(venue, book)
    venue.amended_trades.update(state.amended_trades)
    restore_settlements(venue, state.settlements)
    # Sessions and accounts keep their orders in the order of entry.
    orders.sort(key=lambda order: order.order_id)
    for order in orders:
        venue.keep(order)
        # The session may have lost the account since.
        order.account.unindexed[order.session.session_id] = order.session
    for kept in state.drop_copies:
        copy = DropCopy(kept.session_id, kept.name, kept.account_ids, kept.next_seq)
        venue.drop_copies.define(copy, venue.accounts)
    # Everyone who needs the levels has them from before.
    engine.take_outputs()
    venue.gathering = {instrument_id: venue.books[instrument_id] for instrument_id in state.gathering}
    return engine


def is_of_this_version(data: bytes) -> bool:
    """Whether `snapshot` of an engine restored from `data` is `data` again, and not longer."""
    return _decode_head(data).version == STATE_VERSION


def digest(engine: Engine) -> bytes:
    """BLAKE2b of the canonical bytes: 32 bytes that differ where the states do."""
    return digest_of(snapshot(engine))


def digest_of(snapshot: bytes) -> bytes:
    """The digest of the engine whose snapshot these bytes are."""
    return blake2b(snapshot, digest_size=DIGEST_BYTES).digest()


def _stream_state(session: SessionState) -> _StreamState:
    return _StreamState(
        session.session_id,
        session.name,
        session.account_ids,
        session.operator,
        session.next_seq,
        session.last_ref,
        session.cancel_on_disconnect,
        session.grace_ms,
        session.permissions,
    )


def _book_state(book: Book) -> _BookState:
    definition = book.instrument.definition
    return _BookState(
        book.instrument.configured,
        definition.reference_price_ticks,
        definition.band_low_ticks,
        definition.band_high_ticks,
        book.instrument.phase,
        saved_course(book.instrument.course),
        book.last_price_ticks,
        book.previous_price_ticks,
        [_order_state(order) for order in book.orders()],
        [_order_state(order) for order in book.stops()],
        [_order_state(order) for order in book.waiting()],
        book.timing,
        None if (one := book.indication) is None else (one.told, one.from_ns, one.is_pending),
        None if book.transition is None else saved_transition(book.transition),
        book.lost,
        *saved_guard(book),
        saved_day(book),
        saved_prices(book),
        saved_clearing(book),
    )


def _order_state(order: Order) -> _OrderState:
    terms = order.terms
    return _OrderState(
        order.order_id,
        order.session.session_id,
        order.entry_ref,
        order.ref,
        order.account.account_id,
        order.ladder.side,
        order.level.price_ticks,
        order.quantity_lots,
        order.leaves_lots,
        order.hidden_lots,
        order.time_in_force,
        order.self_trade_prevention,
        order.flags,
        None
        if terms is None
        else _TermsState(
            terms.order_type,
            terms.price_ticks,
            terms.display_lots,
            terms.minimum_lots,
            terms.expires_ns,
            terms.waits_since,
            terms.ends_with_auction,
        ),
    )


def _restored_order(engine: Engine, book: Book, kept: _OrderState, *, is_waiting: bool = False) -> Order:
    order = Order()
    order.order_id = kept.order_id
    order.ref = kept.ref
    order.entry_ref = kept.entry_ref
    order.session = engine.sessions[kept.session_id]
    order.account = engine.accounts[kept.account_id]
    terms = kept.terms
    ladder = _ladder(book, kept.side)
    if is_waiting:
        order.ladder = ladder.waiting
    else:
        order.ladder = ladder.stops if terms is not None and terms.waits_since else ladder
    order.quantity_lots = kept.quantity_lots
    order.leaves_lots = kept.leaves_lots
    order.hidden_lots = kept.hidden_lots
    order.time_in_force = kept.time_in_force
    order.self_trade_prevention = kept.self_trade_prevention
    order.flags = kept.flags
    order.terms = (
        None
        if terms is None
        else Terms(
            terms.order_type,
            terms.price_ticks,
            terms.display_lots,
            terms.minimum_lots,
            terms.expires_ns,
            terms.waits_since,
            terms.ends_with_auction,
        )
    )
    if order.ref != order.entry_ref:
        order.session.replaced[order.ref] = order
    order.ladder.rest(order, order.ladder.sign * kept.price_ticks, engine.venue.dirty)
    return order


def _ladder(book: Book, side: Side) -> Ladder:
    return book.bids if side is Side.BUY else book.asks
