"""The rules of the venue, as plainly as they can be written: slow, and right by inspection.

There is one list of open orders, in which stops wait as well. Whoever is next to trade, to fire or to
expire is found by sorting it, each time. Nothing is shared with the engine but the messages, so that a
mistake would have to be made twice.
"""

import copy
import hashlib
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import msgspec

from carbonmatch.limits import (
    AMENDED_TRADES_MAX,
    AUCTION_ROUNDS_MAX,
    ENTRY_EXPIRIES_MAX,
    ENTRY_STOPS_MAX,
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
    SESSION_OPEN_ORDERS_MAX,
    STATUS_ORDERS_MAX,
    VENUE_OPEN_ORDERS_MAX,
)
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AllowedFlag,
    CancelReason,
    OrderFlag,
    OrderType,
    Phase,
    RejectReason,
    SelfTradeKey,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from tests.reference_accounts import ReferenceAccounts

GATHERING = (Phase.PRE_OPEN, Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION, Phase.VOLATILITY_AUCTION)

TAKES_PART = {
    TimeInForce.AT_OPEN: (Phase.PRE_OPEN, Phase.OPENING_AUCTION),
    TimeInForce.AT_CLOSE: (Phase.CLOSING_AUCTION,),
    TimeInForce.GOOD_FOR_AUCTION: GATHERING,
}


def auction_price(
    orders: list[tuple[Side, int, int]], reference: int, increment: int
) -> tuple[int, int, int, m.AuctionRule]:
    """Price, volume, surplus of buyers and rule for orders of (side, price, lots): every price is tried."""
    limits = [price for _, price, _ in orders]
    if not limits:
        return 0, 0, 0, m.AuctionRule.NONE
    multiples = [price for price in range(min(limits), max(limits) + 1) if price % increment == 0]
    tried = []
    for price in sorted({*limits, *multiples}):
        bid = sum(lots for side, limit, lots in orders if side is Side.BUY and limit >= price)
        asked = sum(lots for side, limit, lots in orders if side is Side.SELL and limit <= price)
        tried.append((price, min(bid, asked), bid - asked))
    most = max(volume for _, volume, _ in tried)
    if most == 0:
        return 0, 0, 0, m.AuctionRule.NONE
    left = [one for one in tried if one[1] == most]
    if len(left) == 1:
        return *left[0], m.AuctionRule.VOLUME
    least = min(abs(surplus) for _, _, surplus in left)
    left = [one for one in left if abs(one[2]) == least]
    if len(left) == 1:
        return *left[0], m.AuctionRule.SURPLUS
    if all(surplus > 0 for _, _, surplus in left):
        return *left[-1], m.AuctionRule.PRESSURE
    if all(surplus < 0 for _, _, surplus in left):
        return *left[0], m.AuctionRule.PRESSURE
    if least:
        left = [max(one for one in left if one[2] > 0), min(one for one in left if one[2] < 0)]
    wanted = reference or (left[0][0] + left[-1][0]) // 2
    nearest = min(left, key=lambda one: (abs(one[0] - wanted), one[0]))
    return *nearest, m.AuctionRule.REFERENCE if reference else m.AuctionRule.MIDDLE


@dataclass
class ReferenceOrder:
    order_id: int
    session_id: int
    ref: int
    account_id: int
    instrument_id: int
    side: Side
    price: int
    total: int
    executed: int
    time_in_force: TimeInForce
    mode: SelfTradePrevention
    flags: int
    arrival: int  # what decides between orders at one price
    order_type: OrderType = OrderType.LIMIT
    shown: int = 0  # of what is left, once it rests
    stop: int = 0  # while it waits; then 0
    display: int = 0
    minimum: int = 0
    expires_ns: int = 0
    for_auction: bool = False  # goes after it
    aside: bool = False  # until its auction begins

    @property
    def waits(self) -> bool:
        return self.stop > 0

    @property
    def in_book(self) -> bool:
        return not self.waits and not self.aside

    @property
    def leaves(self) -> int:
        return self.total - self.executed


@dataclass
class ReferenceSession:
    account_ids: tuple[int, ...]
    operator: bool
    last_ref: int = 0
    reports: list[Any] = field(default_factory=list)  # since the start


@dataclass
class ReferenceLimits:
    """Interval price limits. `next_ns` is when the anchor is set anew."""

    anchor: int = 0
    next_ns: int = 0
    held: bool = False


class RefusedError(Exception):
    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason)
        self.reason = reason


class ReferenceVenue:
    def __init__(self) -> None:
        self.definitions: dict[int, m.InstrumentDefinition] = {}
        self.accounts = ReferenceAccounts(self.definitions)
        self.phases: dict[int, Phase] = {}
        # What a schedule has said last, with its end, and since when there is one; what operators hold.
        self.scheduled: dict[int, tuple[Phase, int]] = {}
        self.has_schedule: set[int] = set()
        self.holds: dict[int, tuple[Phase, int]] = {}
        self.planned: dict[int, m.StartAuction] = {}  # where what is scheduled is an auction
        self.participants: dict[int, int] = {}
        self.groups: dict[int, int] = {}  # of the accounts that are in one
        self.sessions: dict[int, ReferenceSession] = {}
        self.open: list[ReferenceOrder] = []
        self.made: dict[int, m.FoundTrade] = {}  # every trade, as it was
        self.stands: dict[int, tuple[int, int]] = {}  # and what is left of it: price, lots
        self.amended: set[int] = set()
        self.last: dict[int, int] = {}  # price of the last trade of each instrument
        self.reached: list[ReferenceOrder] = []  # stops which are to fire, in this order
        self.stops_left = 0
        self.stopped = False  # the order that trades, by a price outside of its limits
        self.compared: list[tuple[m.Width, list[int]]] = []  # what its prices are compared with
        self.history: dict[int, list[tuple[int, int]]] = {}  # (time, price) of all trades of each instrument
        self.references: dict[int, int] = {}  # static ones
        self.extensions: dict[int, int] = {}  # of the auction that interrupts trading
        self.limits: dict[int, ReferenceLimits] = {}  # of those instruments that have interval price limits
        self.public: list[Any] = []
        self.seed = b""
        self.timings: dict[int, tuple[int, m.StartAuction, bytes, Phase]] = {}
        self.frozen: set[int] = set()
        self.killed: list[tuple[m.KillScope, int]] = []  # what operators have stopped
        self.lost: dict[int, list[ReferenceOrder]] = {}  # by session: to be cancelled when it may be
        self.sequence = 0
        self.arrivals = 0
        self.trades = 0
        self.time_ns = 0
        self.reference_before = 0  # the reference price when an auction's price was last determined

    # --- entries ---

    def apply(self, entry: m.Entry) -> None:
        self.time_ns = entry.time_ns
        self.stops_left = ENTRY_STOPS_MAX
        self._expire_due()
        self._do_what_is_due()
        self._fire_reached()
        for command in entry.commands:
            self.sequence += 1
            if entry.session_id == m.VENUE_SESSION_ID:
                self._venue_command(command)
            else:
                self.sessions[entry.session_id].last_ref = command.ref  # type: ignore[union-attr]
                self._client_command(entry.session_id, command)
            self._fire_reached()

    def levels(self, instrument_id: int, side: Side) -> list[tuple[int, int, int]]:
        """(price, lots, orders), best first."""
        orders = [o for o in self.open if o.instrument_id == instrument_id and o.side is side and o.in_book]
        prices = sorted({o.price for o in orders}, reverse=side is Side.BUY)
        return [
            (p, sum(o.shown for o in orders if o.price == p), sum(o.price == p for o in orders))
            for p in prices
        ]

    def _venue_command(self, command: Any) -> None:
        match command:
            case m.DefineInstrument(definition=definition):
                former = self.definitions.get(definition.instrument_id)
                self.definitions[definition.instrument_id] = definition
                self.phases.setdefault(definition.instrument_id, definition.opening_phase)
                self.scheduled.setdefault(definition.instrument_id, (definition.opening_phase, 0))
                unveiled = msgspec.structs.replace(definition, volatility=None)
                self.public.append(m.InstrumentDefined(self.time_ns, unveiled))
                self._define_limits(definition, None if former is None else former.volatility)
            case m.DefineAccount():
                self.participants[command.account_id] = command.participant_id
                self.groups[command.account_id] = command.group_id
            case m.DefineSession():
                session = self.sessions.setdefault(command.session_id, ReferenceSession((), False))
                session.account_ids = command.account_ids
                session.operator = command.operator
            case m.SessionLost():
                for order in self._by_entry():
                    if (
                        order.session_id == command.session_id
                        and not order.flags & OrderFlag.KEEP_ON_DISCONNECT
                    ):
                        if order.instrument_id in self.frozen:
                            lost = self.lost.setdefault(command.session_id, [])
                            lost += [order] if order not in lost else []
                        else:
                            self._end(order, CancelReason.DISCONNECTED)
            case m.SetSeed():
                self.seed = command.seed
            case m.StartAuction():
                self._start_auction(command)
            case m.RemoveSession():
                for order in self._by_entry():
                    if order.session_id == command.session_id:
                        self._end(order, CancelReason.SESSION_REMOVED)
                self.sessions[command.session_id].account_ids = ()
                self.sessions[command.session_id].operator = False
            case m.SetPhase():
                self._set_phase(command)
            case m.SetBand():
                self._set_band(command)
            case m.Resume():
                self._resume(command, by_itself=True)
            case m.SchedulePhase():
                self._go_on(command)
            case m.TimePassed() | m.DefineDropCopy() | m.DefineComposite():
                pass
            case _:
                raise AssertionError(command)

    def _client_command(self, session_id: int, command: Any) -> None:
        try:
            match command:
                case m.NewOrder():
                    self._refuse_new_of(session_id, command)
                    self._new_order(session_id, command)
                case m.Kill():
                    self._refuse_unless(self.sessions[session_id].operator, RejectReason.NOT_ENTITLED)
                    self._kill(session_id, command)
                    self._report(session_id, m.Done, command.ref, self.sequence)
                case m.Release():
                    self._refuse_unless(self.sessions[session_id].operator, RejectReason.NOT_ENTITLED)
                    scope = (command.scope, command.scope_id)
                    self._refuse_unless(scope in self.killed, RejectReason.NOT_KILLED)
                    self.killed.remove(scope)
                    self._report(session_id, m.Done, command.ref, self.sequence)
                case m.Cancel():
                    self._cancel(session_id, command)
                case m.Reduce():
                    self._reduce(session_id, command)
                case m.Replace():
                    self._replace(session_id, command)
                case m.MassCancel():
                    self._mass_cancel(session_id, command)
                case m.OrderStatusRequest():
                    self._status(session_id, command)
                case m.SetPhase():
                    self._refuse_unless(self.sessions[session_id].operator, RejectReason.NOT_ENTITLED)
                    self._set_phase(command)
                    self._report(session_id, m.Done, command.ref, self.sequence)
                case m.Resume():
                    self._refuse_unless(self.sessions[session_id].operator, RejectReason.NOT_ENTITLED)
                    self._resume(command)
                    self._report(session_id, m.Done, command.ref, self.sequence)
                case m.SetBand():
                    self._refuse_unless(self.sessions[session_id].operator, RejectReason.NOT_ENTITLED)
                    self._set_band(command)
                    self._report(session_id, m.Done, command.ref, self.sequence)
                case m.Deposit() | m.Withdraw():
                    self._refuse_unless(self.sessions[session_id].operator, RejectReason.NOT_ENTITLED)
                    self._refuse_for(self.accounts.transfer(command, [*self.open]))
                    self._report(session_id, m.Done, command.ref, self.sequence)
                case m.OnTrade():
                    self._refuse_unless(self.sessions[session_id].operator, RejectReason.NOT_ENTITLED)
                    self._on_trade(session_id, command)
                case _:
                    raise AssertionError(command)
        except RefusedError as refused:
            self._report(session_id, m.Rejected, command.ref, refused.reason)

    # --- new orders ---

    def _new_order(self, session_id: int, command: m.NewOrder) -> None:
        session = self.sessions[session_id]
        if command.account_id == 0:
            self._refuse_unless(len(session.account_ids) > 0, RejectReason.UNKNOWN_ACCOUNT)
            account_id = session.account_ids[0]
        else:
            self._refuse_unless(command.account_id in session.account_ids, RejectReason.UNKNOWN_ACCOUNT)
            account_id = command.account_id
        definition = self.definitions.get(command.instrument_id)
        if definition is None:
            raise RefusedError(RejectReason.UNKNOWN_INSTRUMENT)
        self._check_phase(command.instrument_id, {Phase.CONTINUOUS, *GATHERING})
        gathers = self.phases[command.instrument_id] in GATHERING

        stop = display = minimum = expires_ns = 0
        if isinstance(command, m.NewOrderLong):
            stop, display = command.stop_price_ticks, command.display_lots
            minimum, expires_ns = command.minimum_lots, command.expires_ns
        is_stop = command.order_type in (OrderType.STOP, OrderType.STOP_LIMIT)
        is_market = command.order_type in (OrderType.STOP, OrderType.MARKET)
        at_once = command.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        post_only = command.flags in (1, 3)
        self._refuse_unless(
            command.flags in (0, 1, 2, 3)
            and not (post_only and (at_once or is_market or is_stop or minimum))
            and not (is_stop and at_once)
            and not (display and (is_market or at_once))
            and not (minimum and command.time_in_force is TimeInForce.FOK)
            and not (expires_ns and command.time_in_force is not TimeInForce.GTD)
            and not (command.time_in_force in TAKES_PART and (is_stop or minimum or post_only)),
            RejectReason.INCOMPATIBLE_INSTRUCTIONS,
        )
        self._check_allowed(definition, command, post_only, display, minimum)
        if command.time_in_force is TimeInForce.AT_OPEN:
            opens = self.phases[command.instrument_id] in TAKES_PART[TimeInForce.AT_OPEN]
            self._refuse_unless(opens, RejectReason.NOT_IN_THIS_PHASE)
        if gathers:
            at_once_too = at_once or post_only or (minimum > 0 and not is_stop)
            self._refuse_unless(not at_once_too, RejectReason.NOT_IN_THIS_PHASE)
        self._check_quantity(definition, command.quantity_lots)
        if display:
            self._check_display(definition, display, command.quantity_lots)
        self._refuse_unless(minimum <= command.quantity_lots, RejectReason.INVALID_MINIMUM)
        price = command.price_ticks
        if price or not is_market:
            self._check_price(definition, price)
        if is_stop:
            self._check_stop_price(definition, stop)
        else:
            self._refuse_unless(stop == 0, RejectReason.INVALID_STOP_PRICE)
        if command.time_in_force is TimeInForce.GTD:
            self._refuse_unless(expires_ns > self.time_ns, RejectReason.INVALID_EXPIRY)

        opposite = self._opposite(command.instrument_id, command.side)
        for_auction = command.time_in_force in TAKES_PART
        is_auction_market = (gathers or for_auction) and command.order_type is OrderType.MARKET
        if is_auction_market:
            self._refuse_unless(price > 0 or definition.band_high_ticks > 0, RejectReason.NO_PROTECTION_PRICE)
            limits = (definition.band_high_ticks, definition.band_low_ticks or 1)
            price = price or limits[command.side is Side.SELL]
        elif is_market and not price:
            self._refuse_unless(self._is_protected(definition), RejectReason.NO_PROTECTION_PRICE)
        if command.order_type is OrderType.MARKET and not is_auction_market:
            self._refuse_unless(len(opposite) > 0, RejectReason.NO_LIQUIDITY)
            price = price or self._protection(definition, command.side, opposite)
        elif not at_once:
            own = sum(o.session_id == session_id for o in self.open)
            self._refuse_unless(own < SESSION_OPEN_ORDERS_MAX, RejectReason.OPEN_ORDER_LIMIT)
            self._refuse_unless(len(self.open) < VENUE_OPEN_ORDERS_MAX, RejectReason.OPEN_ORDER_LIMIT)
        self._refuse_for(
            self.accounts.means_refusal(
                account_id,
                command.instrument_id,
                command.side,
                command.quantity_lots,
                price,
                [*self.open],
            )
        )

        self.arrivals += 1
        order = ReferenceOrder(
            self.sequence,
            session_id,
            command.ref,
            account_id,
            command.instrument_id,
            command.side,
            price,
            command.quantity_lots,
            0,
            command.time_in_force,
            command.self_trade_prevention,
            command.flags,
            self.arrivals,
            command.order_type,
            stop=stop,
            display=display,
            minimum=minimum,
            expires_ns=expires_ns,
            for_auction=is_auction_market or for_auction,
            aside=for_auction and self.phases[command.instrument_id] not in TAKES_PART[command.time_in_force],
        )
        if not is_stop and not gathers and not for_auction:
            if price and (command.price_ticks or not is_market):
                self._refuse_unless(self._is_inside_collar(order), RejectReason.OUTSIDE_COLLAR)
            if post_only:
                self._refuse_unless(self._next_maker(order) is None, RejectReason.POST_ONLY_WOULD_TRADE)
            if command.time_in_force is TimeInForce.FOK:
                fills = self._would_trade(order) >= order.total
                self._refuse_unless(fills, RejectReason.CANNOT_FILL)
            if minimum:
                enough = self._would_trade(order) >= minimum
                self._refuse_unless(enough, RejectReason.MINIMUM_NOT_MET)

        fields: list[Any] = [order.order_id, order.instrument_id, account_id, order.side, price, order.total]
        if isinstance(command, m.NewOrderLong):
            fields += [command.order_type, command.time_in_force, command.flags]
            fields += [stop, display, minimum, expires_ns]
            self._report(session_id, m.AcceptedLong, command.ref, *fields)
        else:
            self._report(session_id, m.Accepted, command.ref, *fields)
        if is_stop:
            self.open.append(order)
            self._reach_at_once(order)
        else:
            self._take(order, command.ref)

    def _take(self, order: ReferenceOrder, ref: int) -> None:
        """Trade; what is left rests or goes. Where orders gather, it just rests."""
        self.stopped = False
        if self.phases[order.instrument_id] in GATHERING or order.aside:
            order.shown = self._slice(order)
            self.open.append(order)
            return
        ended = self._trade(order, ref)
        if ended or order.leaves == 0:
            assert not self.stopped, "what has nothing left is not stopped"
            return
        reason = self._why_it_goes(order, self.stopped)
        if reason is not None:
            self._report_canceled(order.session_id, ref, order, reason)
        elif order.order_type in (OrderType.MARKET, OrderType.STOP):
            self._report_canceled(order.session_id, ref, order, CancelReason.MARKET_REMAINDER)
        elif order.time_in_force is TimeInForce.IOC:
            self._report_canceled(order.session_id, ref, order, CancelReason.IOC_REMAINDER)
        else:
            assert order.time_in_force is not TimeInForce.FOK
            order.minimum = 0
            order.shown = self._slice(order)
            self.open.append(order)

    @staticmethod
    def _slice(order: ReferenceOrder) -> int:
        return min(order.leaves, order.display) if order.display else order.leaves

    def _opposite(self, instrument_id: int, side: Side) -> list[ReferenceOrder]:
        return [o for o in self.open if o.instrument_id == instrument_id and o.side is not side and o.in_book]

    # --- stops and expiry ---

    def _is_reached(self, order: ReferenceOrder, price: int) -> bool:
        return price >= order.stop if order.side is Side.BUY else price <= order.stop

    def _reach_at_once(self, order: ReferenceOrder) -> None:
        last = self.last.get(order.instrument_id)
        if self.phases[order.instrument_id] is not Phase.CONTINUOUS:
            return
        if last is not None and self._is_reached(order, last):
            self.reached.append(order)

    def _reach(self, taker: ReferenceOrder, price: int) -> None:
        """A trade of `taker` at this price: who waits for it fires, the other side's first."""
        self.last[taker.instrument_id] = price
        found = [
            o
            for o in self.open
            if o.waits
            and o.instrument_id == taker.instrument_id
            and self._is_reached(o, price)
            and o not in self.reached
        ]
        nearest_first = 1 if taker.side is Side.BUY else -1
        own = [o for o in found if o.side is taker.side]
        other = [o for o in found if o.side is not taker.side]
        own.sort(key=lambda o: (nearest_first * o.stop, o.arrival))
        other.sort(key=lambda o: (-nearest_first * o.stop, o.arrival))
        self.reached += other + own

    def _fire_reached(self) -> None:
        while self.stops_left:
            ready = [o for o in self.reached if self.phases[o.instrument_id] is Phase.CONTINUOUS]
            if not ready:
                return
            self.stops_left -= 1
            self._fire(ready[0])

    def _fire(self, order: ReferenceOrder) -> None:
        definition = self.definitions[order.instrument_id]
        opposite = self._opposite(order.instrument_id, order.side)
        self.reached.remove(order)
        self.open.remove(order)
        refused = None
        price = order.price
        if price:
            try:
                self._check_price(definition, price)
                self._refuse_unless(self._is_inside_collar(order), RejectReason.OUTSIDE_COLLAR)
            except RefusedError:
                refused = CancelReason.REFUSED_WHEN_FIRED
        elif not self._is_protected(definition):
            refused = CancelReason.REFUSED_WHEN_FIRED
        elif opposite:
            price = self._protection(definition, order.side, opposite)
        self._report(order.session_id, m.Triggered, 0, order.order_id, order.stop, price)
        order.stop = 0
        order.price = price
        self.arrivals += 1
        order.arrival = self.arrivals
        if refused is None and order.minimum and self._would_trade(order) < order.minimum:
            refused = CancelReason.MINIMUM_NOT_MET
        if refused is not None:
            self._report_canceled(order.session_id, 0, order, refused)
        elif price == 0:
            self._report_canceled(order.session_id, 0, order, CancelReason.MARKET_REMAINDER)
        else:
            self._take(order, 0)

    def _expire_due(self) -> None:
        due = [o for o in self.open if o.expires_ns and o.expires_ns <= self.time_ns]
        due.sort(key=lambda o: (o.expires_ns, o.order_id))
        for order in due[:ENTRY_EXPIRIES_MAX]:
            self._end(order, CancelReason.EXPIRED)

    @staticmethod
    def _is_protected(definition: m.InstrumentDefinition) -> bool:
        return definition.market_protection_ticks > 0 or definition.band_high_ticks > 0

    @staticmethod
    def _protection(definition: m.InstrumentDefinition, side: Side, opposite: list[ReferenceOrder]) -> int:
        low = definition.band_low_ticks or 1
        high = definition.band_high_ticks or PRICE_TICKS_MAX
        if not definition.market_protection_ticks:
            return high if side is Side.BUY else low
        if side is Side.BUY:
            price = min(o.price for o in opposite) + definition.market_protection_ticks
        else:
            price = max(o.price for o in opposite) - definition.market_protection_ticks
        return sorted([low, price, high])[1]

    def _would_trade(self, order: ReferenceOrder) -> int:
        """Try it out on a copy of the world: what trades before self-trade prevention ends or reduces it."""
        world = ReferenceVenue()
        world.definitions = self.definitions
        world.participants = self.participants
        world.groups = self.groups
        world.sessions = {session_id: ReferenceSession((), False) for session_id in self.sessions}
        world.open = copy.deepcopy(self.open)
        world.arrivals = self.arrivals
        world.time_ns = self.time_ns
        world.history = copy.deepcopy(self.history)
        world.references = self.references
        world.limits = self.limits
        world._trade(copy.deepcopy(order), 0)
        lots = 0
        for report in world.sessions[order.session_id].reports:
            if isinstance(report, m.Executed) and report.liquidity is m.Liquidity.TAKER:
                lots += report.quantity_lots
            if (
                isinstance(report, m.SelfTradePrevented)
                and report.order_id == order.order_id
                and report.mode is not SelfTradePrevention.CANCEL_OLDEST
            ):
                break
        return lots

    # --- trading ---

    def _next_maker(self, taker: ReferenceOrder) -> ReferenceOrder | None:
        if taker.side is Side.BUY:
            makers = [o for o in self.open if o.side is Side.SELL and o.price <= taker.price]
            makers.sort(key=lambda o: (o.price, o.arrival))
        else:
            makers = [o for o in self.open if o.side is Side.BUY and o.price >= taker.price]
            makers.sort(key=lambda o: (-o.price, o.arrival))
        makers = [o for o in makers if o.instrument_id == taker.instrument_id and o.in_book]
        return makers[0] if makers else None

    def _trade(self, taker: ReferenceOrder, ref: int) -> bool:
        """Trade until nothing crosses; whether self-trade prevention has ended the taker."""
        self.compared = self._compared_with(taker.instrument_id)
        while taker.leaves:
            maker = self._next_maker(taker)
            if maker is None:
                return False
            lots = min(taker.leaves, maker.shown)
            mode = taker.mode
            if mode is SelfTradePrevention.INSTRUMENT_DEFAULT:
                mode = self.definitions[taker.instrument_id].self_trade_prevention
            if self._is_one_owners(taker, maker) and mode is not SelfTradePrevention.NONE:
                if self._prevent(taker, maker, lots, mode, ref):
                    return True
                continue
            if not self._admits(maker.price):
                self.stopped = True
                return False
            taker.executed += lots
            maker.executed += lots
            maker.shown -= lots
            self.trades += 1
            for order, order_ref, liquidity in (
                (taker, ref, m.Liquidity.TAKER),
                (maker, 0, m.Liquidity.MAKER),
            ):
                self._report(
                    order.session_id,
                    m.Executed,
                    order_ref,
                    order.order_id,
                    self.trades,
                    order.instrument_id,
                    order.account_id,
                    order.side,
                    maker.price,
                    lots,
                    order.leaves,
                    liquidity,
                )
            self.public.append(
                m.Traded(
                    m.InstrumentId(taker.instrument_id),
                    self.time_ns,
                    m.TradeId(self.trades),
                    maker.price,
                    lots,
                    taker.side,
                )
            )
            buyer, seller = (taker, maker) if taker.side is Side.BUY else (maker, taker)
            self._keep_trade(buyer, seller, maker.price, lots, m.TradeKind.CONTINUOUS)
            self._note_trade(taker, maker.price)
            self._reach(taker, maker.price)
            self._refresh(maker)
        return False

    def _keep_trade(
        self, buyer: ReferenceOrder, seller: ReferenceOrder, price: int, lots: int, kind: m.TradeKind
    ) -> None:
        instrument_id = m.InstrumentId(buyer.instrument_id)
        sides = self._side(buyer), self._side(seller)
        self.made[self.trades] = m.FoundTrade(instrument_id, self.time_ns, price, lots, *sides, kind)
        self.stands[self.trades] = (price, lots)
        self.accounts.move(self.made[self.trades], price, lots)

    @staticmethod
    def _side(order: ReferenceOrder) -> m.TradeSide:
        return m.TradeSide(
            m.SessionId(order.session_id), m.OrderId(order.order_id), m.AccountId(order.account_id)
        )

    def _is_one_owners(self, one: ReferenceOrder, other: ReferenceOrder) -> bool:
        key = self.definitions[one.instrument_id].self_trade.key
        if key is SelfTradeKey.ACCOUNT:
            return one.account_id == other.account_id
        groups = self.groups[one.account_id], self.groups[other.account_id]
        if key is SelfTradeKey.PARTICIPANT or groups == (0, 0):
            return self.participants[one.account_id] == self.participants[other.account_id]
        return groups[0] == groups[1]

    def _refresh(self, maker: ReferenceOrder) -> None:
        """Gone where it is used up; where only its slice is, behind the others with a new one."""
        if maker.leaves == 0:
            self.open.remove(maker)
        elif maker.shown == 0:
            maker.shown = self._slice(maker)
            self.arrivals += 1
            maker.arrival = self.arrivals

    def _prevent(
        self, taker: ReferenceOrder, maker: ReferenceOrder, lots: int, mode: SelfTradePrevention, ref: int
    ) -> bool:
        if mode is SelfTradePrevention.DECREMENT:
            taker.total -= lots
            maker.total -= lots
            maker.shown -= lots
        self._report(
            taker.session_id,
            m.SelfTradePrevented,
            ref,
            taker.order_id,
            maker.order_id,
            lots,
            taker.leaves,
            mode,
        )
        self._report(
            maker.session_id,
            m.SelfTradePrevented,
            0,
            maker.order_id,
            taker.order_id,
            lots,
            maker.leaves,
            mode,
        )
        taker_ends, maker_ends = {
            SelfTradePrevention.CANCEL_NEWEST: (True, False),
            SelfTradePrevention.CANCEL_OLDEST: (False, True),
            SelfTradePrevention.CANCEL_BOTH: (True, True),
            SelfTradePrevention.DECREMENT: (taker.leaves == 0, maker.leaves == 0),
        }[mode]
        if taker_ends:
            self._report_canceled(taker.session_id, ref, taker, CancelReason.SELF_TRADE)
        if maker_ends:
            self._end(maker, CancelReason.SELF_TRADE)
        elif mode is SelfTradePrevention.DECREMENT:
            self._refresh(maker)
        return taker_ends

    # --- volatility ---

    def _rules(self, instrument_id: int) -> m.VolatilityRules:
        return self.definitions[instrument_id].volatility or m.VolatilityRules()

    def _is_inside_collar(self, order: ReferenceOrder) -> bool:
        collar = self._rules(order.instrument_id).collar
        opposite = [o.price for o in self._opposite(order.instrument_id, order.side)]
        if self.phases[order.instrument_id] is not Phase.CONTINUOUS or order.aside:
            return True
        if not opposite or collar == m.Width():
            return True
        if order.side is Side.BUY:
            return order.price <= min(opposite) + _width(collar, min(opposite))
        return order.price >= max(opposite) - _width(collar, max(opposite))

    def _compared_with(self, instrument_id: int) -> list[tuple[m.Width, list[int]]]:
        """Widths, and the prices that trades of an order which comes now may not be further from."""
        rules = self._rules(instrument_id)
        if rules.interval != m.Width():
            anchor = self.limits[instrument_id].anchor
            return [(rules.interval, [anchor])] if anchor else []
        reference = self.references.get(instrument_id, 0)
        found = [(rules.static, [reference])] if reference and rules.static != m.Width() else []
        history = self.history.get(instrument_id, [])
        for width, length in ((rules.short, rules.short_window_ns), (rules.long, rules.long_window_ns)):
            if width != m.Width():
                recent = [price for time_ns, price in history if self.time_ns - time_ns < length]
                found.append((width, recent or [price for _, price in history[-1:]]))
        return found

    def _note_trade(self, taker: ReferenceOrder, price: int) -> None:
        """Its own trades count for the rest of the order, but not around a fixed price."""
        rules = self._rules(taker.instrument_id)
        self.history.setdefault(taker.instrument_id, []).append((self.time_ns, price))
        if rules.interval == m.Width():
            for width, prices in self.compared[rules.static != m.Width() and self._has_reference(taker) :]:
                assert width in (rules.short, rules.long)
                prices.append(price)

    def _has_reference(self, taker: ReferenceOrder) -> bool:
        return self.references.get(taker.instrument_id, 0) > 0

    def _admits(self, price: int) -> bool:
        """Whether the order that trades may do it at this price."""
        return all(
            abs(price - each) <= _width(width, each) for width, prices in self.compared for each in prices
        )

    def _why_it_goes(self, order: ReferenceOrder, stopped: bool) -> CancelReason | None:
        """What is stopped begins an auction or a hold."""
        if order.instrument_id in self.limits:
            return CancelReason.INTERVAL_LIMIT if self._goes_for_its_limit(order, stopped) else None
        if not stopped:
            return None
        self._interrupt(order.instrument_id, "volatility interruption")
        if self._goes_anyway(order):
            return CancelReason.VOLATILITY_INTERRUPTION
        return None

    @staticmethod
    def _goes_anyway(order: ReferenceOrder) -> bool:
        is_market = order.order_type in (OrderType.MARKET, OrderType.STOP)
        return is_market or order.time_in_force is TimeInForce.IOC

    def _goes_for_its_limit(self, order: ReferenceOrder, stopped: bool) -> bool:
        """Under an interval price limit: what was stopped, and what would rest beyond it."""
        limits = self.limits[order.instrument_id]
        if stopped and not limits.held:
            limits.held = True
            limits.next_ns = self.time_ns + self._rules(order.instrument_id).interval_hold_ns
            self._report_limits(order.instrument_id)
        if stopped:
            return True
        if self._goes_anyway(order) or not limits.anchor:
            return False
        width = _width(self._rules(order.instrument_id).interval, limits.anchor)
        if order.side is Side.BUY:
            return order.price > limits.anchor + width
        return order.price < limits.anchor - width

    def _anchor(self, instrument_id: int) -> int:
        price = self.last.get(instrument_id) or self.definitions[instrument_id].reference_price_ticks
        bids, asks = self.levels(instrument_id, Side.BUY), self.levels(instrument_id, Side.SELL)
        if price and bids and bids[0][0] > price:
            return bids[0][0]
        if price and asks and asks[0][0] < price:
            return asks[0][0]
        return price

    def _next_recalculation(self) -> tuple[int, int]:
        """When, and of which instrument."""
        due = [
            (limits.next_ns, instrument_id)
            for instrument_id, limits in self.limits.items()
            if self.phases[instrument_id] is Phase.CONTINUOUS
        ]
        return min(due, default=(2**64, 0))

    def _recalculate(self, instrument_id: int) -> None:
        limits = self.limits[instrument_id]
        while limits.next_ns <= self.time_ns:
            limits.next_ns += self._rules(instrument_id).interval_recalculation_ns
        self._set_anchor(instrument_id)

    def _set_anchor(self, instrument_id: int) -> None:
        limits, anchor = self.limits[instrument_id], self._anchor(instrument_id)
        changed = limits.held or anchor != limits.anchor
        limits.anchor, limits.held = anchor, False
        if changed:
            self._report_limits(instrument_id)

    def _restart_limits(self, instrument_id: int) -> None:
        if instrument_id in self.limits and self.phases[instrument_id] is Phase.CONTINUOUS:
            self.limits[instrument_id].next_ns = (
                self.time_ns + self._rules(instrument_id).interval_recalculation_ns
            )
            self._set_anchor(instrument_id)

    def _define_limits(self, definition: m.InstrumentDefinition, former: m.VolatilityRules | None) -> None:
        instrument_id = definition.instrument_id
        self.references[instrument_id] = definition.reference_price_ticks
        if definition.volatility == former:
            return
        self.history[instrument_id] = self.history.get(instrument_id, [])[-1:]
        self.history[instrument_id] = [(self.time_ns, price) for _, price in self.history[instrument_id]]
        self.extensions[instrument_id] = 0
        limits = self.limits.pop(instrument_id, None)
        if limits is not None and limits.anchor:
            self.public.append(
                m.LimitsChanged(m.InstrumentId(instrument_id), self.time_ns, 0, 1, PRICE_TICKS_MAX, 0)
            )
        if self._rules(instrument_id).interval != m.Width():
            self.limits[instrument_id] = ReferenceLimits()
            self._restart_limits(instrument_id)

    def _report_limits(self, instrument_id: int) -> None:
        limits = self.limits[instrument_id]
        width = _width(self._rules(instrument_id).interval, limits.anchor)
        self.public.append(
            m.LimitsChanged(
                m.InstrumentId(instrument_id),
                self.time_ns,
                limits.anchor,
                max(1, limits.anchor - width) if limits.anchor else 1,
                min(PRICE_TICKS_MAX, limits.anchor + width) if limits.anchor else PRICE_TICKS_MAX,
                limits.next_ns if limits.held else 0,
            )
        )

    # --- orders which rest ---

    def _named(self, session_id: int, order_ref: int, order_id: int) -> ReferenceOrder:
        self._refuse_unless((order_ref > 0) + (order_id > 0) == 1, RejectReason.INCOMPATIBLE_INSTRUCTIONS)
        for order in self.open:
            if order_ref and order.session_id == session_id and order.ref == order_ref:
                return order
            if order_id and order.order_id == order_id:
                self._refuse_unless(
                    order.account_id in self.sessions[session_id].account_ids, RejectReason.UNKNOWN_ORDER
                )
                return order
        raise RefusedError(RejectReason.UNKNOWN_ORDER)

    def _cancel(self, session_id: int, command: m.Cancel) -> None:
        order = self._named(session_id, command.order_ref, command.order_id)
        self._refuse_unless(order.instrument_id not in self.frozen, RejectReason.FROZEN)
        self._forget(order)
        self._report_canceled(session_id, command.ref, order, CancelReason.REQUESTED)
        if order.session_id != session_id:
            self._report_canceled(order.session_id, 0, order, CancelReason.REQUESTED_BY_OTHER_SESSION)

    def _reduce(self, session_id: int, command: m.Reduce) -> None:
        order = self._named(session_id, command.order_ref, command.order_id)
        self._refuse_unless(order.instrument_id not in self.frozen, RejectReason.FROZEN)
        self._check_phase(order.instrument_id, {Phase.CONTINUOUS, Phase.CANCEL_ONLY, Phase.BREAK, *GATHERING})
        self._refuse_unless(command.quantity_lots < order.total, RejectReason.NOT_AMENDABLE)
        if command.quantity_lots <= order.executed:
            self._end_filled(session_id, command.ref, order)
            return
        increment = self.definitions[order.instrument_id].quantity_increment_lots
        self._refuse_unless(command.quantity_lots % increment == 0, RejectReason.QUANTITY_INCREMENT)
        order.total = command.quantity_lots
        order.shown = min(order.shown, order.leaves)
        order.minimum = min(order.minimum, order.total)
        for told, ref in self._concerned(session_id, command.ref, order):
            self._report(told, m.Reduced, ref, order.order_id, order.total, order.leaves)

    def _replace(self, session_id: int, command: m.Replace) -> None:
        order = self._named(session_id, command.order_ref, command.order_id)
        self._refuse_killed(order.account_id, order.instrument_id)
        definition = self.definitions[order.instrument_id]
        self._refuse_unless(order.instrument_id not in self.frozen, RejectReason.FROZEN)
        self._check_phase(order.instrument_id, {Phase.CONTINUOUS, *GATHERING})
        self._check_quantity(definition, command.quantity_lots)
        is_waiting_market = order.waits and order.order_type is OrderType.STOP
        if command.price_ticks or not is_waiting_market:
            self._check_price(definition, command.price_ticks)
        else:
            self._refuse_unless(self._is_protected(definition), RejectReason.NO_PROTECTION_PRICE)
        if command.stop_price_ticks:
            self._refuse_unless(order.waits, RejectReason.INVALID_STOP_PRICE)
            self._check_stop_price(definition, command.stop_price_ticks)
        if command.display_lots:
            self._refuse_unless(order.display > 0, RejectReason.INCOMPATIBLE_INSTRUCTIONS)
            self._check_display(definition, command.display_lots, command.quantity_lots)
        self._refuse_unless(order.minimum <= command.quantity_lots, RejectReason.INVALID_MINIMUM)
        before = (order.total, order.price, order.stop, order.display)
        after = (
            command.quantity_lots,
            command.price_ticks,
            command.stop_price_ticks or order.stop,
            command.display_lots or order.display,
        )
        self._refuse_unless(after != before, RejectReason.NOT_AMENDABLE)
        moved = copy.copy(order)
        moved.price = command.price_ticks
        if not order.waits:
            self._refuse_unless(self._is_inside_collar(moved), RejectReason.OUTSIDE_COLLAR)
        if order.flags & OrderFlag.POST_ONLY:
            self._refuse_unless(self._next_maker(moved) is None, RejectReason.POST_ONLY_WOULD_TRADE)
        if command.quantity_lots <= order.executed:
            self._end_filled(session_id, command.ref, order)
            return
        self._refuse_for(
            self.accounts.means_refusal(
                order.account_id,
                order.instrument_id,
                order.side,
                command.quantity_lots - order.executed,
                command.price_ticks,
                [other for other in self.open if other is not order],
            )
        )

        self._forget(order)
        self.arrivals += 1
        order.arrival = self.arrivals
        order.total, order.price, order.stop, order.display = after
        for told, ref in self._concerned(session_id, command.ref, order):
            self._report(
                told,
                m.Replaced,
                ref,
                order.order_id,
                order.price,
                order.total,
                order.leaves,
                order.stop,
                order.display,
            )
        if order.session_id == session_id:
            order.ref = command.ref
        if order.waits:
            self.open.append(order)
            self._reach_at_once(order)
        else:
            self._take(order, command.ref if order.session_id == session_id else 0)

    @staticmethod
    def _concerned(session_id: int, ref: int, order: ReferenceOrder) -> list[tuple[int, int]]:
        """Who hears of an amendment, with which ref."""
        if order.session_id == session_id:
            return [(session_id, ref)]
        return [(session_id, ref), (order.session_id, 0)]

    def _end_filled(self, session_id: int, ref: int, order: ReferenceOrder) -> None:
        self._forget(order)
        self._report_canceled(session_id, ref, order, CancelReason.REDUCED_TO_FILLED)
        if order.session_id != session_id:
            self._report_canceled(order.session_id, 0, order, CancelReason.REQUESTED_BY_OTHER_SESSION)

    def _mass_cancel(self, session_id: int, command: m.MassCancel) -> None:
        account_ids = self.sessions[session_id].account_ids
        if command.account_id:
            self._refuse_unless(command.account_id in account_ids, RejectReason.UNKNOWN_ACCOUNT)
            account_ids = (command.account_id,)
        if command.instrument_id:
            self._refuse_unless(command.instrument_id in self.definitions, RejectReason.UNKNOWN_INSTRUMENT)
        chosen = [
            order
            for order in self._by_entry()
            if command.instrument_id in (0, order.instrument_id)
            and command.side in (0, order.side)
            and order.instrument_id not in self.frozen
        ]
        if command.scope is m.MassCancelScope.SESSION:
            chosen = [order for order in chosen if order.session_id == session_id]
            if command.account_id:
                chosen = [order for order in chosen if order.account_id == command.account_id]
        else:
            chosen = [order for each in account_ids for order in chosen if order.account_id == each]
        for order in chosen:
            self._forget(order)
            ref = command.ref if order.session_id == session_id else 0
            self._report_canceled(order.session_id, ref, order, CancelReason.MASS_CANCEL)
        self._report(session_id, m.MassCanceled, command.ref, len(chosen), self.sequence)

    def _kill(self, session_id: int, command: m.Kill) -> None:
        scope, number = command.scope, command.scope_id
        known, reason = {
            m.KillScope.VENUE: ({0}, RejectReason.INCOMPATIBLE_INSTRUCTIONS),
            m.KillScope.PARTICIPANT: ({*self.participants.values()}, RejectReason.UNKNOWN_PARTICIPANT),
            m.KillScope.ACCOUNT: ({*self.participants}, RejectReason.UNKNOWN_ACCOUNT),
            m.KillScope.INSTRUMENT: ({*self.definitions}, RejectReason.UNKNOWN_INSTRUMENT),
        }[scope]
        self._refuse_unless(number in known, reason)
        if (scope, number) not in self.killed:
            self.killed.append((scope, number))
        meant = [
            order
            for order in sorted(self.open, key=lambda order: (order.account_id, order.order_id))
            if (scope, number) in self._scopes_of(order.account_id, order.instrument_id)
        ]
        for order in meant:
            self._end(order, CancelReason.KILLED)
        lots = sum(order.leaves for order in meant)
        self._report(session_id, m.Pulled, command.ref, len(meant), lots, 0, 0, 0, False)

    def _scopes_of(self, account_id: int, instrument_id: int) -> list[tuple[m.KillScope, int]]:
        return [
            (m.KillScope.VENUE, 0),
            (m.KillScope.PARTICIPANT, self.participants[account_id]),
            (m.KillScope.ACCOUNT, account_id),
            (m.KillScope.INSTRUMENT, instrument_id),
        ]

    def _refuse_new_of(self, session_id: int, command: m.NewOrder) -> None:
        """Where the account or the instrument is stopped; unknown ones are refused for that."""
        own = self.sessions[session_id].account_ids
        account_id = command.account_id or (own[0] if own else 0)
        if account_id in own and command.instrument_id in self.definitions:
            self._refuse_killed(account_id, command.instrument_id)

    def _refuse_killed(self, account_id: int, instrument_id: int) -> None:
        scopes = self._scopes_of(account_id, instrument_id)
        self._refuse_unless(not any(scope in self.killed for scope in scopes), RejectReason.KILLED)

    def _status(self, session_id: int, command: m.OrderStatusRequest) -> None:
        if command.order_ref or command.order_id:
            orders = [self._named(session_id, command.order_ref, command.order_id)]
        else:
            orders = [
                order
                for order in self._by_entry()
                if order.session_id == session_id and order.order_id > command.after_order_id
            ]
        page = orders[:STATUS_ORDERS_MAX]
        for order in page:
            self._report(
                session_id,
                m.OrderStatus,
                command.ref,
                order.order_id,
                order.ref if order.session_id == session_id else 0,
                order.instrument_id,
                order.account_id,
                order.side,
                order.price,
                order.total,
                order.leaves,
                order.time_in_force,
                order.flags,
                order.order_type,
                order.stop,
                order.display,
                order.minimum,
                order.expires_ns,
            )
        self._report(session_id, m.StatusEnd, command.ref, len(page), len(orders) > len(page))

    # --- phases and bands ---

    def _set_phase(self, command: m.SetPhase) -> None:
        for instrument_id in self._steered(command.instrument_id):
            stops = command.phase in (Phase.HALTED, Phase.CANCEL_ONLY, Phase.CLOSED)
            self.holds.pop(instrument_id, None)
            if stops or command.until_ns or instrument_id in self.has_schedule:
                self.holds[instrument_id] = (command.phase, command.until_ns)
            else:
                self.scheduled[instrument_id] = (command.phase, self.scheduled[instrument_id][1])
            self._change_phase(instrument_id, command.text)

    def _start_auction(self, command: m.StartAuction, text: str = "") -> None:
        if not self._is_held(command.instrument_id):
            self._start(command, text)

    def _start(self, command: m.StartAuction, text: str, extension: int = 0) -> None:
        instrument_id = command.instrument_id
        seed, ended_ns = b"", command.ends_ns
        if command.random_ns:
            place = command.instrument_id.to_bytes(4, "big") + self.sequence.to_bytes(8, "big")
            place += extension.to_bytes(4, "big") if extension else b""
            seed = hashlib.blake2b(place, key=self.seed, digest_size=16).digest()
            drawn = Fraction(int.from_bytes(seed[:8], "big"), 2**64) * (command.random_ns + 1)
            ended_ns += int(drawn)
        timing = (ended_ns, command, seed, self._phase_now(instrument_id)[0])
        if self.phases[instrument_id] is command.phase:
            self._thaw(instrument_id)
        else:
            self._enter(instrument_id, command.phase, text, command.ends_ns)
        self.timings[instrument_id] = timing
        self._freeze()

    def _freeze(self) -> None:
        for instrument_id, (_, command, _, _) in self.timings.items():
            if command.freeze_ns and command.freeze_ns <= self.time_ns:
                self.frozen.add(instrument_id)

    def _do_what_is_due(self) -> None:
        self._freeze()
        while True:
            ends = [(timing[0], one) for one, timing in self.timings.items()]
            ended, recalculated = min(ends, default=(2**64, 0)), self._next_recalculation()
            if min(ended, recalculated)[0] > self.time_ns:
                return
            if recalculated < ended:
                self._recalculate(recalculated[1])
            else:
                self._end_in_time(ended[1])

    def _end_in_time(self, instrument_id: int) -> None:
        _, command, _, before = self.timings[instrument_id]
        phase, until_ns = self._phase_now(instrument_id)
        if phase is not before:
            self._change_phase(instrument_id, "")
        elif not self._extend(instrument_id):
            until_ns = until_ns if command.next_phase is phase else 0
            self._enter(instrument_id, command.next_phase, "", until_ns)

    def _interrupt(self, instrument_id: int, text: str, extension: int = 0) -> None:
        rules = self._rules(instrument_id)
        ends_ns = self.time_ns + rules.auction_ns
        self.extensions[instrument_id] = extension
        self._start(
            m.StartAuction(
                m.InstrumentId(instrument_id), Phase.VOLATILITY_AUCTION, ends_ns, rules.auction_random_ns
            ),
            text,
            extension,
        )

    def _extend(self, instrument_id: int) -> bool:
        """Where the price of an interruption is too far from the last trade it takes longer."""
        rules, phase = self._rules(instrument_id), self.phases[instrument_id]
        has_corridor = any(width != m.Width() for width in (rules.static, rules.short, rules.long))
        last = self.last.get(instrument_id) or self.references.get(instrument_id, 0)
        if phase is not Phase.VOLATILITY_AUCTION or not has_corridor or not last:
            return False
        price = self._auction_price(instrument_id)[0]
        if not price or rules.extension == m.Width() or abs(price - last) <= _width(rules.extension, last):
            return False
        count = self.extensions.get(instrument_id, 0)
        text, ends_ns = "volatility interruption, extended", self.time_ns + rules.auction_ns
        if count < rules.extensions_max:
            self._interrupt(instrument_id, "", count + 1)
        elif rules.waits_for_operator:
            text, ends_ns = "volatility interruption, until an operator ends it", 0
            del self.timings[instrument_id]
        else:
            return False
        told = m.PhaseChanged(m.InstrumentId(instrument_id), self.time_ns, phase, text, ends_ns)
        self.public.append(told)
        return True

    def _resume(self, command: m.Resume, *, by_itself: bool = False) -> None:
        for instrument_id in self._steered(command.instrument_id):
            # Where only the time of the hold is up, an interruption goes on to its end.
            if self.holds.pop(instrument_id, None) and not (by_itself and instrument_id in self.timings):
                self._change_phase(instrument_id, command.text)

    def _go_on(self, command: m.SchedulePhase) -> None:
        instrument_id = command.instrument_id
        before = self.phases[instrument_id], self._phase_now(instrument_id)[1]
        self.has_schedule.add(instrument_id)
        self.scheduled[instrument_id] = (command.phase, command.until_ns)
        self.planned.pop(instrument_id, None)
        if command.phase in (Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION) and command.until_ns:
            self.planned[instrument_id] = m.StartAuction(
                command.instrument_id,
                command.phase,
                command.until_ns,
                command.random_ns,
                command.freeze_ns,
                command.next_phase,
            )
        held, until_ns = self.holds.get(instrument_id, (None, 0))
        if held not in (None, Phase.HALTED, Phase.CANCEL_ONLY, Phase.CLOSED) and not until_ns:
            del self.holds[instrument_id]
        if instrument_id in self.timings and not self._is_held(instrument_id):
            return
        if self._phase_now(instrument_id) != before:
            self._change_phase(instrument_id, "")

    def _is_held(self, instrument_id: int) -> bool:
        held = self.holds.get(instrument_id)
        closes = instrument_id in self.has_schedule and self.scheduled[instrument_id][0] is Phase.CLOSED
        return held is not None and not (closes and held[0] in (Phase.HALTED, Phase.CANCEL_ONLY))

    def _steered(self, named: int) -> list[int]:
        if named:
            self._refuse_unless(named in self.definitions, RejectReason.UNKNOWN_INSTRUMENT)
        return [instrument_id for instrument_id in sorted(self.definitions) if named in (0, instrument_id)]

    def _phase_now(self, instrument_id: int) -> tuple[Phase, int]:
        """What holds by all that was said, and until when."""
        scheduled = self.scheduled[instrument_id]
        held = self.holds.get(instrument_id)
        if held is None:
            return scheduled
        if (
            instrument_id in self.has_schedule
            and scheduled[0] is Phase.CLOSED
            and held[0] in (Phase.HALTED, Phase.CANCEL_ONLY)
        ):
            return scheduled
        return held

    def _change_phase(self, instrument_id: int, text: str) -> None:
        planned = self.planned.get(instrument_id)
        if planned is not None and not self._is_held(instrument_id):
            self._start_auction(planned, text)
            return
        phase, until_ns = self._phase_now(instrument_id)
        self._enter(instrument_id, phase, text, until_ns)

    def _enter(self, instrument_id: int, phase: Phase, text: str, until_ns: int) -> None:
        before = self.phases[instrument_id]
        if (phase is Phase.CONTINUOUS and before is not Phase.CONTINUOUS) or (
            phase is Phase.CLOSED and before is Phase.CLOSING_AUCTION
        ):
            self._uncross(instrument_id)
        self.timings.pop(instrument_id, None)
        self._thaw(instrument_id)
        if phase in (Phase.CONTINUOUS, Phase.CLOSED):
            for order in [
                o
                for o in self._by_entry()
                if o.instrument_id == instrument_id and o.for_auction and not o.aside
            ]:
                self._end(order, CancelReason.AUCTION_OVER)
        if phase in GATHERING:
            for order in [
                o
                for o in self._by_entry()
                if o.instrument_id == instrument_id
                and not o.aside
                and phase not in TAKES_PART.get(o.time_in_force, GATHERING)
            ]:
                self._end(order, CancelReason.AUCTION_OVER)
        self.phases[instrument_id] = phase
        self.public.append(m.PhaseChanged(m.InstrumentId(instrument_id), self.time_ns, phase, text, until_ns))
        self._restart_limits(instrument_id)
        aside = [o for o in self.open if o.instrument_id == instrument_id and o.aside]
        for order in sorted(aside, key=lambda o: o.arrival):
            if phase in TAKES_PART[order.time_in_force]:
                order.aside = False
                self.arrivals += 1
                order.arrival = self.arrivals
        if phase is Phase.CLOSED:
            self._close(instrument_id)
        if phase is Phase.CONTINUOUS and instrument_id in self.last:
            last = self.last[instrument_id]
            waiting = [o for o in self.open if o.instrument_id == instrument_id and o.waits]
            found = [o for o in waiting if self._is_reached(o, last) and o not in self.reached]
            buys = sorted((o for o in found if o.side is Side.BUY), key=lambda o: (o.stop, o.arrival))
            sells = sorted((o for o in found if o.side is Side.SELL), key=lambda o: (-o.stop, o.arrival))
            self.reached += buys + sells

    def _thaw(self, instrument_id: int) -> None:
        self.frozen.discard(instrument_id)
        for lost in self.lost.values():
            for order in [o for o in lost if o in self.open and o.instrument_id == instrument_id]:
                self._end(order, CancelReason.DISCONNECTED)

    def _close(self, instrument_id: int) -> None:
        day = [
            o
            for o in self.open
            if o.instrument_id == instrument_id
            and (o.time_in_force is TimeInForce.DAY or o.time_in_force in TAKES_PART)
        ]
        buys = [o for o in day if o.side is Side.BUY]
        sells = [o for o in day if o.side is Side.SELL]
        bids = sorted((o for o in buys if o.in_book), key=lambda o: (-o.price, o.arrival))
        asks = sorted((o for o in sells if o.in_book), key=lambda o: (o.price, o.arrival))
        buy_stops = sorted((o for o in buys if o.waits), key=lambda o: (o.stop, o.arrival))
        sell_stops = sorted((o for o in sells if o.waits), key=lambda o: (-o.stop, o.arrival))
        buys_aside = sorted((o for o in buys if o.aside), key=lambda o: (-o.price, o.arrival))
        sells_aside = sorted((o for o in sells if o.aside), key=lambda o: (o.price, o.arrival))
        for order in bids + asks + buy_stops + sell_stops + buys_aside + sells_aside:
            self._end(order, CancelReason.EXPIRED)

    # --- auctions ---

    def _queue(self, instrument_id: int, side: Side) -> list[ReferenceOrder]:
        """Who trades first in an auction."""
        orders = [o for o in self.open if o.instrument_id == instrument_id and o.side is side and o.in_book]
        return sorted(orders, key=lambda o: (-o.price if side is Side.BUY else o.price, o.arrival))

    def _uncross(self, instrument_id: int) -> None:
        bids, asks = self._queue(instrument_id, Side.BUY), self._queue(instrument_id, Side.SELL)
        is_crossed = bool(bids and asks and bids[0].price >= asks[0].price)
        before = self.phases[instrument_id]
        if not is_crossed and before not in GATHERING:
            return
        prevented = rounds = 0
        while True:
            price, volume, surplus, rule = self._auction_price(instrument_id)
            lots = self._prevent_in_auction(instrument_id, price, rounds) if price else None
            if lots is None:
                break
            prevented += lots
            rounds += 1
        traded = self._trade_in_auction(instrument_id, price) if price else 0
        assert traded == volume
        self.public.append(
            m.AuctionEnded(
                m.InstrumentId(instrument_id),
                self.time_ns,
                before,
                price,
                traded,
                abs(surplus),
                0 if not surplus else Side.BUY if surplus > 0 else Side.SELL,
                rule,
                self._reference_price(instrument_id) if not traded else self.reference_before,
                prevented,
                *self._drawn(instrument_id),
            )
        )

    def _drawn(self, instrument_id: int) -> tuple[Any, ...]:
        if instrument_id not in self.timings or not self.timings[instrument_id][2]:
            return ()
        ended_ns, command, seed, _ = self.timings[instrument_id]
        return command.ends_ns, command.random_ns, ended_ns, seed

    def _reference_price(self, instrument_id: int) -> int:
        return self.last.get(instrument_id) or self.definitions[instrument_id].reference_price_ticks

    def _auction_price(self, instrument_id: int) -> tuple[int, int, int, m.AuctionRule]:
        """Price, volume, surplus of buyers, rule: found by trying every price there is."""
        reference = self.reference_before = self._reference_price(instrument_id)
        buys, sells = self._queue(instrument_id, Side.BUY), self._queue(instrument_id, Side.SELL)
        orders = [(Side.BUY if o.side is Side.BUY else Side.SELL, o.price, o.leaves) for o in buys + sells]
        return auction_price(orders, reference, self.definitions[instrument_id].price_increment_ticks)

    def indicated(self, instrument_id: int) -> m.AuctionIndicated:
        """How an auction would end now, but for self-trade prevention."""
        price, volume, surplus, _ = self._auction_price(instrument_id)
        side = 0 if not surplus else Side.BUY if surplus > 0 else Side.SELL
        return m.AuctionIndicated(
            m.InstrumentId(instrument_id), self.time_ns, price, volume, abs(surplus), side
        )

    def _prevent_in_auction(self, instrument_id: int, price: int, rounds: int) -> int | None:
        """What orders of one participant would have traded with each other; None if there were none."""
        found: int | None = None
        best_bid = self._queue(instrument_id, Side.BUY)[0].price
        best_ask = self._queue(instrument_id, Side.SELL)[0].price
        low, high = (best_ask, best_bid) if rounds >= AUCTION_ROUNDS_MAX else (price, price)
        accepting = [
            o
            for o in self._by_entry()
            if o.instrument_id == instrument_id
            and o.in_book
            and (o.price >= low if o.side is Side.BUY else o.price <= high)
        ]
        for newer in accepting:
            while newer in self.open:
                mode = newer.mode
                if mode is SelfTradePrevention.INSTRUMENT_DEFAULT:
                    mode = self.definitions[instrument_id].self_trade_prevention
                older = [
                    o
                    for o in accepting
                    if o in self.open
                    and o.order_id < newer.order_id
                    and o.side is not newer.side
                    and self._is_one_owners(o, newer)
                    and (newer.price >= o.price if newer.side is Side.BUY else newer.price <= o.price)
                ]
                if mode is SelfTradePrevention.NONE or not older:
                    break
                sign = -1 if newer.side is Side.SELL else 1
                other = min(older, key=lambda o: (sign * o.price, o.order_id))
                found = (found or 0) + self._keep_apart(newer, other, mode)
        return found

    def _keep_apart(self, newer: ReferenceOrder, older: ReferenceOrder, mode: SelfTradePrevention) -> int:
        lots = min(newer.leaves, older.leaves)
        if mode is SelfTradePrevention.DECREMENT:
            for order in (newer, older):
                order.total -= lots
                order.shown = min(order.shown, order.leaves)
        for one, other in ((newer, older), (older, newer)):
            self._report(
                one.session_id, m.SelfTradePrevented, 0, one.order_id, other.order_id, lots, one.leaves, mode
            )
        newer_ends, older_ends = {
            SelfTradePrevention.CANCEL_NEWEST: (True, False),
            SelfTradePrevention.CANCEL_OLDEST: (False, True),
            SelfTradePrevention.CANCEL_BOTH: (True, True),
            SelfTradePrevention.DECREMENT: (newer.leaves == 0, older.leaves == 0),
        }[mode]
        if newer_ends:
            self._end(newer, CancelReason.SELF_TRADE)
        if older_ends:
            self._end(older, CancelReason.SELF_TRADE)
        return lots

    def _trade_in_auction(self, instrument_id: int, price: int) -> int:
        traded = 0
        while True:
            buys = [o for o in self._queue(instrument_id, Side.BUY) if o.price >= price]
            sells = [o for o in self._queue(instrument_id, Side.SELL) if o.price <= price]
            if not buys or not sells:
                break
            buy, sell = buys[0], sells[0]
            lots = min(buy.leaves, sell.leaves)
            traded += lots
            self.trades += 1
            for order in (buy, sell):
                order.executed += lots
                order.shown = order.shown - lots if order.shown > lots else self._slice(order)
                self._report(
                    order.session_id,
                    m.Executed,
                    0,
                    order.order_id,
                    self.trades,
                    order.instrument_id,
                    order.account_id,
                    order.side,
                    price,
                    lots,
                    order.leaves,
                    m.Liquidity.AUCTION,
                )
                if order.leaves == 0:
                    self._forget(order)
            self.public.append(
                m.Traded(
                    m.InstrumentId(instrument_id),
                    self.time_ns,
                    m.TradeId(self.trades),
                    price,
                    lots,
                    max(buy, sell, key=lambda o: o.order_id).side,
                    m.TradeKind.AUCTION,
                )
            )
            self._keep_trade(buy, sell, price, lots, m.TradeKind.AUCTION)
            self.last[instrument_id] = price
        if traded:
            self.history[instrument_id] = [(self.time_ns, price)]
            self.references[instrument_id] = price
        return traded

    def _set_band(self, command: m.SetBand) -> None:
        definition = self.definitions.get(command.instrument_id)
        if definition is None:
            raise RefusedError(RejectReason.UNKNOWN_INSTRUMENT)
        numbers = (command.reference_price_ticks, command.band_low_ticks, command.band_high_ticks)
        self._refuse_unless(max(numbers) <= PRICE_TICKS_MAX, RejectReason.INVALID_PRICE)
        self._refuse_unless(numbers[1] <= numbers[2], RejectReason.INVALID_PRICE)
        self.definitions[command.instrument_id] = msgspec.structs.replace(
            definition,
            reference_price_ticks=numbers[0],
            band_low_ticks=numbers[1],
            band_high_ticks=numbers[2],
        )
        self.references[command.instrument_id] = numbers[0]
        self.public.append(m.BandChanged(command.instrument_id, self.time_ns, *numbers))

    # --- trades taken back and put right ---

    def _on_trade(self, session_id: int, on: m.OnTrade) -> None:
        command, trade = on.command, on.trade
        trade_id = command.trade_id
        if trade is None:
            raise RefusedError(RejectReason.UNKNOWN_TRADE)
        assert trade == self.made.get(trade_id), "what is carried is the trade that was made"
        price, lots = self.stands[trade_id]
        if isinstance(command, m.TradeStatusRequest):
            self._report(session_id, m.TradeStatus, command.ref, trade_id, price, lots, trade)
            return
        self._refuse_unless(lots > 0, RejectReason.ALREADY_BUSTED)
        has_room = trade_id in self.amended or len(self.amended) < AMENDED_TRADES_MAX
        self._refuse_unless(has_room, RejectReason.AMENDED_TRADE_LIMIT)
        if isinstance(command, m.BustTrade):
            after = (price, 0)
        else:
            self._check_correction(command, trade, price, lots)
            after = (command.price_ticks, command.quantity_lots)
        self._refuse_for(self.accounts.amend(trade, (price, lots), after, [*self.open]))
        self.stands[trade_id] = after
        self.amended.add(trade_id)
        for side, own in ((Side.BUY, trade.buyer), (Side.SELL, trade.seller)):
            subject = (own.order_id, trade_id, trade.instrument_id, own.account_id, side)
            if isinstance(command, m.BustTrade):
                self._report(own.session_id, m.Busted, 0, *subject, price, lots, trade.time_ns, command.text)
            else:
                becomes = self.stands[trade_id]
                self._report(
                    own.session_id,
                    m.Corrected,
                    0,
                    *subject,
                    *becomes,
                    price,
                    lots,
                    trade.time_ns,
                    command.text,
                )
        event = (trade.instrument_id, self.time_ns, trade_id)
        if isinstance(command, m.BustTrade):
            self.public.append(m.TradeBusted(*event, price, lots, trade.kind))
        else:
            self.public.append(m.TradeCorrected(*event, *self.stands[trade_id], price, lots, trade.kind))
        self._report(session_id, m.Done, command.ref, self.sequence)

    def _check_correction(self, command: m.CorrectTrade, trade: m.FoundTrade, price: int, lots: int) -> None:
        definition = self.definitions[trade.instrument_id]
        new_price, new_lots = command.price_ticks, command.quantity_lots
        self._refuse_unless(0 < new_price <= PRICE_TICKS_MAX, RejectReason.INVALID_PRICE)
        fits = new_price == price or new_price % definition.price_increment_ticks == 0
        self._refuse_unless(fits, RejectReason.PRICE_INCREMENT)
        self._refuse_unless(new_lots > 0, RejectReason.INVALID_QUANTITY)
        self._refuse_unless(new_lots <= trade.quantity_lots, RejectReason.ABOVE_MAXIMUM)
        fits = new_lots == lots or new_lots % definition.quantity_increment_lots == 0
        self._refuse_unless(fits, RejectReason.QUANTITY_INCREMENT)
        self._refuse_unless((new_price, new_lots) != (price, lots), RejectReason.NOT_AMENDABLE)

    # --- checks and reports ---

    @staticmethod
    def _refuse_for(reason: RejectReason | None) -> None:
        if reason is not None:
            raise RefusedError(reason)

    @staticmethod
    def _refuse_unless(right: bool, reason: RejectReason) -> None:
        if not right:
            raise RefusedError(reason)

    def _check_phase(self, instrument_id: int, allowed: set[Phase]) -> None:
        phase = self.phases[instrument_id]
        if phase not in allowed:
            breaks = phase is Phase.BREAK
            raise RefusedError(RejectReason.NOT_IN_THIS_PHASE if breaks else RejectReason[phase.name])

    def _check_allowed(
        self,
        definition: m.InstrumentDefinition,
        command: m.NewOrder,
        post_only: bool,
        display: int,
        minimum: int,
    ) -> None:
        def has(name: str) -> bool:
            return definition.allowed & getattr(AllowedFlag, name, 0) != 0

        for asked, name in (
            (True, command.order_type.name),
            (post_only, "POST_ONLY"),
            (display, "ICEBERG"),
            (minimum, "MINIMUM_QUANTITY"),
        ):
            self._refuse_unless(not asked or has(name), RejectReason.ORDER_TYPE_NOT_ALLOWED)
        self._refuse_unless(has(command.time_in_force.name), RejectReason.TIME_IN_FORCE_NOT_ALLOWED)
        mode = command.self_trade_prevention
        may_ask = mode == 0 or definition.self_trade.allowed & getattr(m.SelfTradeFlag, mode.name) != 0
        self._refuse_unless(may_ask, RejectReason.SELF_TRADE_PREVENTION_NOT_ALLOWED)

    def _check_display(self, definition: m.InstrumentDefinition, display: int, quantity: int) -> None:
        self._refuse_unless(display < quantity, RejectReason.INVALID_DISPLAY)
        self._refuse_unless(display >= definition.quantity_min_lots, RejectReason.INVALID_DISPLAY)
        self._refuse_unless(display % definition.quantity_increment_lots == 0, RejectReason.INVALID_DISPLAY)

    def _check_stop_price(self, definition: m.InstrumentDefinition, stop: int) -> None:
        self._refuse_unless(0 < stop <= PRICE_TICKS_MAX, RejectReason.INVALID_STOP_PRICE)
        self._refuse_unless(stop % definition.price_increment_ticks == 0, RejectReason.INVALID_STOP_PRICE)

    def _check_quantity(self, definition: m.InstrumentDefinition, lots: int) -> None:
        self._refuse_unless(0 < lots <= QUANTITY_LOTS_MAX, RejectReason.INVALID_QUANTITY)
        self._refuse_unless(lots % definition.quantity_increment_lots == 0, RejectReason.QUANTITY_INCREMENT)
        self._refuse_unless(lots >= definition.quantity_min_lots, RejectReason.BELOW_MINIMUM)
        self._refuse_unless(lots <= definition.quantity_max_lots, RejectReason.ABOVE_MAXIMUM)

    def _check_price(self, definition: m.InstrumentDefinition, ticks: int) -> None:
        self._refuse_unless(0 < ticks <= PRICE_TICKS_MAX, RejectReason.INVALID_PRICE)
        self._refuse_unless(ticks % definition.price_increment_ticks == 0, RejectReason.PRICE_INCREMENT)
        if definition.band_high_ticks:
            within = definition.band_low_ticks <= ticks <= definition.band_high_ticks
            self._refuse_unless(within, RejectReason.OUTSIDE_BAND)

    def _by_entry(self) -> list[ReferenceOrder]:
        return sorted(self.open, key=lambda order: order.order_id)

    def _forget(self, order: ReferenceOrder) -> None:
        self.open.remove(order)
        if order in self.reached:
            self.reached.remove(order)

    def _end(self, order: ReferenceOrder, reason: CancelReason) -> None:
        self._forget(order)
        self._report_canceled(order.session_id, 0, order, reason)

    def _report_canceled(
        self, session_id: int, ref: int, order: ReferenceOrder, reason: CancelReason
    ) -> None:
        self._report(session_id, m.Canceled, ref, order.order_id, order.leaves, reason)

    def _report(self, session_id: int, kind: Any, ref: int, *fields: Any) -> None:
        reports = self.sessions[session_id].reports
        reports.append(kind(len(reports) + 1, ref, self.time_ns, 0, *fields))


def _width(width: m.Width, around: int) -> int:
    return max(width.ticks, around * width.basis_points // 10_000)
