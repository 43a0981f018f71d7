"""The rules of the venue, as plainly as they can be written: slow, and right by inspection.

There is one list of open orders. Whoever is next to trade is found by sorting it, each time. Nothing
is shared with the engine but the messages, so that a mistake would have to be made twice.
"""

import copy
from dataclasses import dataclass, field
from typing import Any

import msgspec

from carbonmatch.limits import (
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
    SESSION_OPEN_ORDERS_MAX,
    STATUS_ORDERS_MAX,
    VENUE_OPEN_ORDERS_MAX,
)
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    CancelReason,
    OrderFlag,
    OrderType,
    Phase,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)


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

    @property
    def leaves(self) -> int:
        return self.total - self.executed


@dataclass
class ReferenceSession:
    account_ids: tuple[int, ...]
    operator: bool
    last_ref: int = 0
    reports: list[Any] = field(default_factory=list)  # since the start


class RefusedError(Exception):
    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason)
        self.reason = reason


class ReferenceVenue:
    def __init__(self) -> None:
        self.definitions: dict[int, m.InstrumentDefinition] = {}
        self.phases: dict[int, Phase] = {}
        self.participants: dict[int, int] = {}
        self.sessions: dict[int, ReferenceSession] = {}
        self.open: list[ReferenceOrder] = []
        self.public: list[Any] = []
        self.sequence = 0
        self.arrivals = 0
        self.trades = 0
        self.time_ns = 0

    # --- entries ---

    def apply(self, entry: m.Entry) -> None:
        self.time_ns = entry.time_ns
        for command in entry.commands:
            self.sequence += 1
            if entry.session_id == m.VENUE_SESSION_ID:
                self._venue_command(command)
            else:
                self.sessions[entry.session_id].last_ref = command.ref  # type: ignore[union-attr]
                self._client_command(entry.session_id, command)

    def levels(self, instrument_id: int, side: Side) -> list[tuple[int, int, int]]:
        """(price, lots, orders), best first."""
        orders = [o for o in self.open if o.instrument_id == instrument_id and o.side is side]
        prices = sorted({o.price for o in orders}, reverse=side is Side.BUY)
        return [
            (p, sum(o.leaves for o in orders if o.price == p), sum(o.price == p for o in orders))
            for p in prices
        ]

    def _venue_command(self, command: Any) -> None:
        match command:
            case m.DefineInstrument(definition=definition):
                self.definitions[definition.instrument_id] = definition
                self.phases.setdefault(definition.instrument_id, definition.opening_phase)
                self.public.append(m.InstrumentDefined(self.time_ns, definition))
            case m.DefineAccount():
                self.participants[command.account_id] = command.participant_id
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
                        self._end(order, CancelReason.DISCONNECTED)
            case m.SetPhase():
                self._set_phase(command)
            case m.SetBand():
                self._set_band(command)
            case _:
                raise AssertionError(command)

    def _client_command(self, session_id: int, command: Any) -> None:
        try:
            match command:
                case m.NewOrder():
                    self._new_order(session_id, command)
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
                case m.SetBand():
                    self._refuse_unless(self.sessions[session_id].operator, RejectReason.NOT_ENTITLED)
                    self._set_band(command)
                    self._report(session_id, m.Done, command.ref, self.sequence)
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
        self._check_phase(command.instrument_id, {Phase.CONTINUOUS})

        never_rests = command.order_type is OrderType.MARKET or command.time_in_force in (
            TimeInForce.IOC,
            TimeInForce.FOK,
        )
        post_only = command.flags in (1, 3)
        self._refuse_unless(command.flags in (0, 1, 2, 3), RejectReason.INCOMPATIBLE_INSTRUCTIONS)
        self._refuse_unless(not (post_only and never_rests), RejectReason.INCOMPATIBLE_INSTRUCTIONS)
        self._check_quantity(definition, command.quantity_lots)

        opposite = [
            o for o in self.open if o.instrument_id == command.instrument_id and o.side is not command.side
        ]
        price = command.price_ticks
        if command.order_type is OrderType.LIMIT:
            self._check_price(definition, price)
            if not never_rests:
                own = sum(o.session_id == session_id for o in self.open)
                self._refuse_unless(own < SESSION_OPEN_ORDERS_MAX, RejectReason.OPEN_ORDER_LIMIT)
                self._refuse_unless(len(self.open) < VENUE_OPEN_ORDERS_MAX, RejectReason.OPEN_ORDER_LIMIT)
        else:
            if price:
                self._check_price(definition, price)
            else:
                protected = definition.market_protection_ticks or definition.band_high_ticks
                self._refuse_unless(protected > 0, RejectReason.NO_PROTECTION_PRICE)
            self._refuse_unless(len(opposite) > 0, RejectReason.NO_LIQUIDITY)
            if not price:
                price = self._protection(definition, command.side, opposite)

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
        )
        if post_only:
            self._refuse_unless(self._next_maker(order) is None, RejectReason.POST_ONLY_WOULD_TRADE)
        if command.time_in_force is TimeInForce.FOK:
            self._refuse_unless(self._would_fill(order), RejectReason.CANNOT_FILL)

        self._report(
            session_id,
            m.Accepted,
            command.ref,
            order.order_id,
            order.instrument_id,
            account_id,
            order.side,
            price,
            order.total,
        )
        ended = self._trade(order, command.ref)
        if ended or order.leaves == 0:
            return
        if command.order_type is OrderType.MARKET:
            self._report_canceled(session_id, command.ref, order, CancelReason.MARKET_REMAINDER)
        elif command.time_in_force is TimeInForce.IOC:
            self._report_canceled(session_id, command.ref, order, CancelReason.IOC_REMAINDER)
        else:
            assert command.time_in_force is not TimeInForce.FOK
            self.open.append(order)

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

    def _would_fill(self, order: ReferenceOrder) -> bool:
        """Try it out on a copy of the world."""
        world = ReferenceVenue()
        world.definitions = self.definitions
        world.participants = self.participants
        world.sessions = {session_id: ReferenceSession((), False) for session_id in self.sessions}
        world.open = copy.deepcopy(self.open)
        trial = copy.deepcopy(order)
        return not world._trade(trial, 0) and trial.leaves == 0 and trial.total == order.total

    # --- trading ---

    def _next_maker(self, taker: ReferenceOrder) -> ReferenceOrder | None:
        if taker.side is Side.BUY:
            makers = [o for o in self.open if o.side is Side.SELL and o.price <= taker.price]
            makers.sort(key=lambda o: (o.price, o.arrival))
        else:
            makers = [o for o in self.open if o.side is Side.BUY and o.price >= taker.price]
            makers.sort(key=lambda o: (-o.price, o.arrival))
        makers = [o for o in makers if o.instrument_id == taker.instrument_id]
        return makers[0] if makers else None

    def _trade(self, taker: ReferenceOrder, ref: int) -> bool:
        """Trade until nothing crosses; whether self-trade prevention has ended the taker."""
        while taker.leaves:
            maker = self._next_maker(taker)
            if maker is None:
                return False
            lots = min(taker.leaves, maker.leaves)
            mode = taker.mode
            if mode is SelfTradePrevention.INSTRUMENT_DEFAULT:
                mode = self.definitions[taker.instrument_id].self_trade_prevention
            same = self.participants[taker.account_id] == self.participants[maker.account_id]
            if same and mode is not SelfTradePrevention.NONE:
                if self._prevent(taker, maker, lots, mode, ref):
                    return True
                continue
            taker.executed += lots
            maker.executed += lots
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
            if maker.leaves == 0:
                self.open.remove(maker)
        return False

    def _prevent(
        self, taker: ReferenceOrder, maker: ReferenceOrder, lots: int, mode: SelfTradePrevention, ref: int
    ) -> bool:
        if mode is SelfTradePrevention.DECREMENT:
            taker.total -= lots
            maker.total -= lots
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
        return taker_ends

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
        self.open.remove(order)
        self._report_canceled(session_id, command.ref, order, CancelReason.REQUESTED)
        if order.session_id != session_id:
            self._report_canceled(order.session_id, 0, order, CancelReason.REQUESTED_BY_OTHER_SESSION)

    def _reduce(self, session_id: int, command: m.Reduce) -> None:
        order = self._named(session_id, command.order_ref, command.order_id)
        self._check_phase(order.instrument_id, {Phase.CONTINUOUS, Phase.CANCEL_ONLY})
        self._refuse_unless(command.quantity_lots < order.total, RejectReason.NOT_AMENDABLE)
        if command.quantity_lots <= order.executed:
            self._end_filled(session_id, command.ref, order)
            return
        increment = self.definitions[order.instrument_id].quantity_increment_lots
        self._refuse_unless(command.quantity_lots % increment == 0, RejectReason.QUANTITY_INCREMENT)
        order.total = command.quantity_lots
        for told, ref in self._concerned(session_id, command.ref, order):
            self._report(told, m.Reduced, ref, order.order_id, order.total, order.leaves)

    def _replace(self, session_id: int, command: m.Replace) -> None:
        order = self._named(session_id, command.order_ref, command.order_id)
        definition = self.definitions[order.instrument_id]
        self._check_phase(order.instrument_id, {Phase.CONTINUOUS})
        self._check_quantity(definition, command.quantity_lots)
        self._check_price(definition, command.price_ticks)
        self._refuse_unless(
            (command.quantity_lots, command.price_ticks) != (order.total, order.price),
            RejectReason.NOT_AMENDABLE,
        )
        if order.flags & OrderFlag.POST_ONLY:
            moved = copy.copy(order)
            moved.price = command.price_ticks
            self._refuse_unless(self._next_maker(moved) is None, RejectReason.POST_ONLY_WOULD_TRADE)
        if command.quantity_lots <= order.executed:
            self._end_filled(session_id, command.ref, order)
            return

        self.open.remove(order)
        self.arrivals += 1
        order.arrival = self.arrivals
        order.total = command.quantity_lots
        order.price = command.price_ticks
        concerned = self._concerned(session_id, command.ref, order)
        for told, ref in concerned:
            self._report(told, m.Replaced, ref, order.order_id, order.price, order.total, order.leaves)
        if order.session_id == session_id:
            order.ref = command.ref
        ended = self._trade(order, command.ref if order.session_id == session_id else 0)
        if not ended and order.leaves:
            self.open.append(order)

    @staticmethod
    def _concerned(session_id: int, ref: int, order: ReferenceOrder) -> list[tuple[int, int]]:
        """Who hears of an amendment, with which ref."""
        if order.session_id == session_id:
            return [(session_id, ref)]
        return [(session_id, ref), (order.session_id, 0)]

    def _end_filled(self, session_id: int, ref: int, order: ReferenceOrder) -> None:
        self.open.remove(order)
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
            if command.instrument_id in (0, order.instrument_id) and command.side in (0, order.side)
        ]
        if command.scope is m.MassCancelScope.SESSION:
            chosen = [order for order in chosen if order.session_id == session_id]
            if command.account_id:
                chosen = [order for order in chosen if order.account_id == command.account_id]
        else:
            chosen = [order for each in account_ids for order in chosen if order.account_id == each]
        for order in chosen:
            self.open.remove(order)
            ref = command.ref if order.session_id == session_id else 0
            self._report_canceled(order.session_id, ref, order, CancelReason.MASS_CANCEL)
        self._report(session_id, m.MassCanceled, command.ref, len(chosen), self.sequence)

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
            )
        self._report(session_id, m.StatusEnd, command.ref, len(page), len(orders) > len(page))

    # --- phases and bands ---

    def _set_phase(self, command: m.SetPhase) -> None:
        if command.instrument_id:
            self._refuse_unless(command.instrument_id in self.definitions, RejectReason.UNKNOWN_INSTRUMENT)
        for instrument_id in sorted(self.definitions):
            if command.instrument_id not in (0, instrument_id):
                continue
            self.phases[instrument_id] = command.phase
            self.public.append(
                m.PhaseChanged(m.InstrumentId(instrument_id), self.time_ns, command.phase, command.text)
            )
            if command.phase is Phase.CLOSED:
                day = [
                    o
                    for o in self.open
                    if o.instrument_id == instrument_id and o.time_in_force is TimeInForce.DAY
                ]
                bids = sorted((o for o in day if o.side is Side.BUY), key=lambda o: (-o.price, o.arrival))
                asks = sorted((o for o in day if o.side is Side.SELL), key=lambda o: (o.price, o.arrival))
                for order in bids + asks:
                    self._end(order, CancelReason.EXPIRED)

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
        self.public.append(m.BandChanged(command.instrument_id, self.time_ns, *numbers))

    # --- checks and reports ---

    @staticmethod
    def _refuse_unless(right: bool, reason: RejectReason) -> None:
        if not right:
            raise RefusedError(reason)

    def _check_phase(self, instrument_id: int, allowed: set[Phase]) -> None:
        phase = self.phases[instrument_id]
        if phase not in allowed:
            raise RefusedError(RejectReason[phase.name])

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

    def _end(self, order: ReferenceOrder, reason: CancelReason) -> None:
        self.open.remove(order)
        self._report_canceled(order.session_id, 0, order, reason)

    def _report_canceled(
        self, session_id: int, ref: int, order: ReferenceOrder, reason: CancelReason
    ) -> None:
        self._report(session_id, m.Canceled, ref, order.order_id, order.leaves, reason)

    def _report(self, session_id: int, kind: Any, ref: int, *fields: Any) -> None:
        reports = self.sessions[session_id].reports
        reports.append(kind(len(reports) + 1, ref, self.time_ns, 0, *fields))
