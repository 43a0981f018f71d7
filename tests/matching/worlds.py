"""Markets of chance: every 20 bytes are one command, so that Hypothesis can shrink and seeds repeat.

Zeros are the plainest choice: a resting limit order of the first session.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import TypeVar

import msgspec

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AccountId,
    AllowedFlag,
    AnyCommand,
    Entry,
    GroupId,
    InstrumentDefinition,
    InstrumentId,
    NewOrder,
    NewOrderLong,
    OrderId,
    OrderType,
    Outputs,
    ParticipantId,
    Phase,
    Ref,
    SelfTradePrevention,
    SessionId,
    Side,
    TimeInForce,
    TradeId,
    VolatilityRules,
    Width,
)

COMMAND_BYTES = 20
SESSIONS: tuple[tuple[int, ...], ...] = ((11,), (11, 12), (13,), (14, 13), ())
OPERATOR = len(SESSIONS)
T = TypeVar("T")
ALL = AllowedFlag.ALL


def definitions() -> list[InstrumentDefinition]:
    return [
        InstrumentDefinition(InstrumentId(1), "EUA", "EUR", 1, 2, 1, market_protection_ticks=3, allowed=ALL),
        InstrumentDefinition(
            InstrumentId(2),
            "CEA",
            "CNY",
            1,
            2,
            1,
            price_increment_ticks=2,
            quantity_increment_lots=2,
            quantity_min_lots=4,
            quantity_max_lots=30,
            reference_price_ticks=100,
            band_low_ticks=94,
            band_high_ticks=108,
            self_trade_prevention=SelfTradePrevention.DECREMENT,
            allowed=ALL,
            self_trade=m.SelfTradeRules(m.SelfTradeKey.GROUP),
        ),
    ]


def other_definitions() -> list[InstrumentDefinition]:
    """What the venue may come to define: fewer types, no protection, other owners and modes."""
    eua, cea = definitions()
    modes = m.SelfTradeFlag
    by_account = m.SelfTradeRules(m.SelfTradeKey.ACCOUNT, modes.ALL & ~modes.CANCEL_BOTH)
    by_group = m.SelfTradeRules(m.SelfTradeKey.GROUP)
    never_none = m.SelfTradeRules(m.SelfTradeKey.GROUP, modes.ALL & ~modes.NONE)
    return [
        *(eua, cea) * 8,
        *[msgspec.structs.replace(eua, self_trade=rules) for rules in (by_group, by_group, never_none)],
        *[msgspec.structs.replace(cea, self_trade=rules) for rules in (by_account, never_none)],
        msgspec.structs.replace(eua, market_protection_ticks=0),
        msgspec.structs.replace(eua, allowed=AllowedFlag.LIMIT | AllowedFlag.DAY | AllowedFlag.STOP),
        msgspec.structs.replace(cea, allowed=ALL & ~AllowedFlag.GTD & ~AllowedFlag.POST_ONLY),
    ]


# Rules of markets with small prices, in which a command takes a nanosecond. None: as there were none.
COLLAR = VolatilityRules(collar=Width(ticks=3, basis_points=450))
INTERVAL = VolatilityRules(
    collar=Width(8), interval=Width(2, 250), interval_recalculation_ns=30, interval_hold_ns=80
)
OTHER_INTERVAL = VolatilityRules(
    interval=Width(basis_points=300), interval_recalculation_ns=7, interval_hold_ns=20
)
CORRIDOR = VolatilityRules(
    short=Width(2), short_window_ns=20, long=Width(basis_points=350), long_window_ns=200, auction_ns=25
)
OTHER_CORRIDOR = VolatilityRules(
    collar=Width(9),
    static=Width(4),
    short=Width(2),
    short_window_ns=60,
    auction_ns=20,
    auction_random_ns=9,
    extension=Width(ticks=1, basis_points=150),
    extensions_max=2,
)
WAITING_CORRIDOR = msgspec.structs.replace(
    OTHER_CORRIDOR, extension=Width(1), extensions_max=1, waits_for_operator=True
)
LIMITED: tuple[VolatilityRules | None, ...] = (INTERVAL, COLLAR, None, OTHER_INTERVAL, INTERVAL)
INTERRUPTED: tuple[VolatilityRules | None, ...] = (
    CORRIDOR,
    OTHER_CORRIDOR,
    WAITING_CORRIDOR,
    None,
)
# Mostly none, and now and then one of all.
SOME: tuple[VolatilityRules | None, ...] = (None, None, None, *LIMITED, *INTERRUPTED)


class World:
    """Turns bytes into entries. Knows the names that commands may have given to orders.

    `rules` are those that its instruments begin with, in turn, and may come to have.
    """

    def __init__(self, rules: Sequence[VolatilityRules | None] = SOME) -> None:
        self.rules = rules
        self.sequence = 0
        self.steps = 0  # of schedules
        self.last_ref = dict.fromkeys(range(len(SESSIONS) + 1), 0)
        # A venue that has gone the same way: it knows the trades.
        self._scout = Engine()
        self._not_scouted: list[Entry] = []
        self._trades: list[m.FoundTrade] = []
        # Of each session: what may name an order.
        self.names: dict[int, list[tuple[Ref, OrderId]]] = {}
        # What was stopped, and is let go on soon, or nothing would trade.
        self.killed: list[tuple[m.KillScope, int]] = []

    def setup(self) -> Entry:
        commands: list[AnyCommand] = [
            m.DefineInstrument(msgspec.structs.replace(each, volatility=rules))
            for each, rules in zip(definitions(), cycle(self.rules), strict=False)
        ]
        # Group 1 is not participant 1, and spans two others.
        for account, participant, group in ((11, 1, 0), (12, 1, 7), (13, 13, 1), (14, 14, 1)):
            commands.append(
                m.DefineAccount(AccountId(account), ParticipantId(participant), f"a{account}", GroupId(group))
            )
        for number, accounts in enumerate(SESSIONS, 1):
            account_ids = tuple(AccountId(account) for account in accounts)
            commands.append(m.DefineSession(SessionId(number), f"s{number}", account_ids, number == OPERATOR))
        commands.append(m.SetSeed(bytes(range(16))))
        # Of two accounts of several sessions, and of all there are: their numbers are part of what comes out.
        commands.append(m.DefineDropCopy(SessionId(41), "copy", (AccountId(11), AccountId(13))))
        commands.append(m.DefineDropCopy(SessionId(42), "all", tuple(map(AccountId, (11, 12, 13, 14)))))
        return self.frame(0, commands)

    def entry(self, choices: Sequence[bytes]) -> Entry:
        """One entry, of the session that the first command chooses."""
        kind = choices[0][0] % 64
        session = (
            0 if kind == 63 else OPERATOR if kind in (61, 62) else 1 + choices[0][1] % (len(SESSIONS) - 1)
        )
        commands = []
        for number, chosen in enumerate(choices):
            commands.append(self._command(session, self.sequence + 1 + number, Choices(chosen)))
        return self.frame(session, commands)

    def frame(self, session: int, commands: list[AnyCommand]) -> Entry:
        """The next entry of the world."""
        entry = Entry(self.sequence + 1, self._time_ns(), SessionId(session), commands)
        self.sequence += len(commands)
        self._not_scouted.append(entry)
        return entry

    def _command(self, session: int, sequence: int, choices: "Choices") -> AnyCommand:
        if session == 0:
            return self._venue_command(choices)
        self.last_ref[session] += 1
        ref = Ref(self.last_ref[session])
        kind = choices.byte()
        choices.byte()  # the session's
        if session == OPERATOR and kind % 2:
            return self._operator_command(ref, choices)
        kind %= 64
        if kind < 38:
            return self._new_order(session, ref, sequence, choices)
        if kind == 38:
            return self._mass_cancel(ref, choices)
        order_ref, order_id = self._name(session, choices)
        if kind < 44:
            return m.Cancel(ref, order_ref, order_id)
        if kind < 50:
            return m.Reduce(ref, order_ref, order_id, 2 * (choices.byte() % 8))
        if kind < 57:
            self.names.setdefault(session, []).append((ref, order_id))
            lots, chance = choices.byte() % 24, choices.byte()
            price = 94 + 2 * (chance % 8) + (chance >= 248)
            stop = choices.of((0,) * 9 + (98, 99, 100, 101, 102, 104))
            display = choices.of((0,) * 12 + (2, 4, 6))
            return m.Replace(ref, order_ref, order_id, lots, 0 if price == 108 else price, stop, display)
        if kind < 59:
            return m.OrderStatusRequest(ref, order_ref, order_id)
        if kind == 63:
            # Not the first of its entry, whose session would be the venue: it is refused.
            killed, self.killed = self.killed, []
            command = self._operator_command(ref, choices)
            self.killed = killed
            return command
        return m.OrderStatusRequest(ref, after_order_id=order_id)

    def _new_order(self, session: int, ref: Ref, sequence: int, choices: "Choices") -> NewOrder:
        instrument = choices.of((1,) * 12 + (2,) * 11 + (3,))
        side = choices.of((Side.BUY, Side.SELL))
        lots = choices.of((4, 6, 8, 10, 12, 20) * 5 + (1, 2, 3, 5, 0, 40, 10**9 + 1))
        # Buyers bid below 100 and sellers ask above, but for some.
        distance = choices.of((1, 2, 3, 4, 5) * 6 + (0, -1, -2, -4, 7, 100, -(10**9))) * min(2, instrument)
        price = max(0, 100 - distance if side is Side.BUY else 100 + distance)
        tif = choices.of(
            (TimeInForce.DAY, TimeInForce.GTC) * 18
            + (TimeInForce.IOC, TimeInForce.FOK) * 6
            + (TimeInForce.GTD, TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE, TimeInForce.GOOD_FOR_AUCTION)
        )
        mode = choices.of((*SelfTradePrevention, *[SelfTradePrevention.NONE] * 4))
        flags = choices.of((0,) * 20 + (2,) * 6 + (1,) * 4 + (3, 4))
        chance = choices.byte()
        market = chance % 10 == 9
        # Now and then one that is not on the second instrument's increment.
        price += chance >= 250
        if market and lots % 4 == 0:
            price = 0
        account = choices.of((0,) * 60 + (11, 12, 13, 14, 99))
        if not market and tif in (TimeInForce.DAY, TimeInForce.GTC):
            self.names.setdefault(session, []).append((ref, OrderId(sequence)))
        kind = OrderType.MARKET if market else OrderType.LIMIT
        order = NewOrder(
            ref, InstrumentId(instrument), side, lots, price, AccountId(account), kind, tif, mode, flags
        )
        return self._long(session, order, sequence, choices) if choices.byte() % 3 == 2 else order

    def _long(self, session: int, order: NewOrder, sequence: int, choices: "Choices") -> NewOrderLong:
        """The same with one or more of what the long layout adds."""
        kind, tif, price = order.order_type, order.time_in_force, order.price_ticks
        flags = order.flags
        if choices.byte() % 8:
            # Mostly such that it goes together.
            kind, flags = OrderType.LIMIT, flags & m.OrderFlag.KEEP_ON_DISCONNECT
            tif = tif if tif in (TimeInForce.DAY, TimeInForce.GTC) else TimeInForce.DAY
        stop = display = minimum = expires_ns = 0
        what = choices.byte() % 16
        self.names.setdefault(session, []).append((order.ref, OrderId(sequence)))
        if what < 8:
            kind = OrderType.STOP if what < 4 else OrderType.STOP_LIMIT
            stop = 100 + choices.of((2, 4, 6, 1, 3, 5, 0, -2, -4)) * (1 if order.side is Side.BUY else -1)
            stop = 0 if what == 3 else stop
            price = 0 if what in (1, 2) else price
        if what in (4, 9, 10, 11, 12):
            display = choices.of((4, 2, 4, 4, 6, 2, 4, 1, 8, 30))
        if what in (2, 5, 12, 13, 14):
            minimum = choices.of((2, 4, 6, 10, 30))
        if what in (6, 11, 15):
            tif = TimeInForce.GTD
            expires_ns = self._time_ns() + choices.of((5, 20, 40, 80, 0, -1))
        return NewOrderLong(
            order.ref,
            order.instrument_id,
            order.side,
            order.quantity_lots,
            price,
            order.account_id,
            kind,
            tif,
            order.self_trade_prevention,
            flags,
            stop,
            display,
            minimum,
            expires_ns,
        )

    def _time_ns(self) -> int:
        """Of the entry that is made now."""
        return 1_000 + self.sequence

    def _name(self, session: int, choices: "Choices") -> tuple[Ref, OrderId]:
        """Mostly of a recent order, which may have traded or been refused: own by ref, or any by id."""
        how = choices.byte() % 20
        back = choices.byte() % 12
        owner = session if how < 16 else 1 + choices.byte() % (len(SESSIONS) - 1)
        names = self.names.get(owner, [])
        order_ref, order_id = names[max(-len(names), -1 - back)] if names else (Ref(0), OrderId(0))
        if how < 11:
            return order_ref, OrderId(0)
        if how < 18:
            return Ref(0), order_id
        return (order_ref, order_id) if how == 18 else (order_ref, OrderId(0))

    def _mass_cancel(self, ref: Ref, choices: "Choices") -> m.MassCancel:
        return m.MassCancel(
            ref,
            choices.of(tuple(m.MassCancelScope)),
            AccountId(choices.of((0, 0, 11, 12, 13, 99))),
            InstrumentId(choices.of((1, 2, 0, 3))),
            choices.of((1, 2, 0)),
        )

    def _operator_command(self, ref: Ref, choices: "Choices") -> AnyCommand:
        how = choices.byte()
        if self.killed and how >= 128:
            return m.Release(ref, *self.killed.pop(), "on")
        if how >= 232:
            return self._kill(ref, choices)
        if how % 8 == 1:
            return m.Resume(ref, InstrumentId(choices.of((1, 2, 0, 3))), "on")
        if how % 8 in (2, 6):
            return self._trade_command(ref, choices)
        if how % 2:
            return m.SetPhase(
                ref,
                InstrumentId(choices.of((1, 2, 0, 3))),
                choices.of((*Phase, *[Phase.CONTINUOUS] * 12)),
                "why",
                choices.of((0, 0, 1_000_000)),
            )
        low = 90 + choices.byte() % 12
        high = choices.of((low + 10, 110, 110, 0, 0, 0, 10**9 + 1, low - 1))
        return m.SetBand(ref, InstrumentId(choices.of((1, 2, 3))), 100, low if high else 0, high)

    def _kill(self, ref: Ref, choices: "Choices") -> m.Kill:
        scopes = [(m.KillScope.ACCOUNT, number) for number in (11, 12, 13, 14, 99)]
        scopes += [(m.KillScope.PARTICIPANT, number) for number in (1, 13, 14, 99)]
        scopes += [(m.KillScope.INSTRUMENT, number) for number in (1, 2, 3)]
        scope = choices.of((*scopes, (m.KillScope.VENUE, 0), (m.KillScope.VENUE, 1)))
        self.killed.append(scope)
        return m.Kill(ref, *scope, "why")

    def _trade_command(self, ref: Ref, choices: "Choices") -> m.OnTrade:
        """On one of the last trades, mostly; as the venue journals it, with what it has found."""
        for entry in self._not_scouted:
            self._scout.apply(entry)
            self._trades += trades_of(self._scout.take_outputs())
        self._not_scouted.clear()
        last = len(self._trades)
        trade_id = TradeId(choices.of((*range(last, max(0, last - 16), -1), 0, last + 1)))
        trade = self._trades[trade_id - 1] if 0 < trade_id <= last else None
        kind = choices.byte() % 8
        if kind == 0:
            return m.OnTrade(m.TradeStatusRequest(ref, trade_id), trade)
        if kind < 4:
            return m.OnTrade(m.BustTrade(ref, trade_id, "never"), trade)
        price = choices.of((98, 99, 100, 101, 102, 96, 104, 0, 10**9 + 1))
        lots = choices.of((2, 4, 1, 3, 6, 8, 0, 30))
        return m.OnTrade(m.CorrectTrade(ref, trade_id, price, lots, "other"), trade)

    def _venue_command(self, choices: "Choices") -> AnyCommand:
        choices.byte()
        choices.byte()
        kind = choices.byte() % 20
        if kind == 0:
            return m.SessionLost(SessionId(1 + choices.byte() % len(SESSIONS)))
        if kind == 1:
            return m.SetPhase(Ref(0), InstrumentId(choices.of((0, 1, 2))), choices.of(tuple(Phase)))
        if kind == 2:
            account = choices.of((12, 13, 14))
            participant = ParticipantId(choices.of((1, 1, account)))
            group = GroupId(choices.of((0, 7, 1, 8)))
            return m.DefineAccount(AccountId(account), participant, "new-name", group)
        if kind == 3:
            # Most of all as it was.
            chosen = choices.of(other_definitions())
            rules = self.rules[chosen.instrument_id % len(self.rules)]
            if choices.byte() % 4 == 3:
                rules = choices.of(self.rules)
            return m.DefineInstrument(msgspec.structs.replace(chosen, volatility=rules))
        if kind == 4:
            return m.TimePassed()
        if kind in (5, 12):
            # Nearly always back to what it was: a session that is gone has its commands refused until then.
            number = 1 + choices.byte() % len(SESSIONS)
            if choices.byte() % 12 == 0:
                return m.RemoveSession(SessionId(number))
            account_ids = tuple(AccountId(account) for account in SESSIONS[number - 1])
            return m.DefineSession(SessionId(number), f"s{number}", account_ids, number == OPERATOR)
        if kind == 8:
            self.steps += 1
            until_ns = choices.of((0, self._time_ns() + 10, self._time_ns() + 40))
            return m.SchedulePhase(
                InstrumentId(choices.of((1, 2))),
                choices.of((*Phase, Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION, *[Phase.CONTINUOUS] * 12)),
                self.steps,
                until_ns,
                choices.of((0, 0, 20)),
                choices.of((0, self._time_ns() + 8)),
                choices.of((Phase.CONTINUOUS, Phase.CONTINUOUS, Phase.CLOSED)),
            )
        if kind in (11, 13):
            if choices.byte() % 4 == 0:
                return m.SetSeed(bytes([choices.byte()] * 16))
            ends_ns = self._time_ns() + choices.of((10, 20, 40, 80, 0))
            return m.StartAuction(
                InstrumentId(choices.of((1, 2))),
                choices.of(
                    (Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION, Phase.VOLATILITY_AUCTION, Phase.PRE_OPEN)
                ),
                ends_ns,
                choices.of((0, 0, 10, 30)),
                choices.of((0, ends_ns - 8, ends_ns - 40, ends_ns)),
                choices.of((Phase.CONTINUOUS,) * 5 + (Phase.CLOSED, Phase.HALTED, Phase.CLOSING_AUCTION)),
            )
        if kind in (9, 10):
            return m.Resume(Ref(0), InstrumentId(choices.of((0, 1, 2))))
        # Most of all back to trading, or there would be nothing to see.
        return m.SetPhase(Ref(0), InstrumentId(0), Phase.CONTINUOUS)


def trades_of(outputs: Outputs) -> list[m.FoundTrade]:
    """The trades of a batch, in the order of their ids, with both sides of each."""
    sides: dict[tuple[TradeId, Side], m.TradeSide] = {}
    for stream in outputs.streams:
        for report in stream.reports:
            if isinstance(report, m.Executed):
                side = m.TradeSide(stream.session_id, report.order_id, report.account_id)
                sides[report.trade_id, report.side] = side
    return [
        m.FoundTrade(
            event.instrument_id,
            event.time_ns,
            event.price_ticks,
            event.quantity_lots,
            sides[event.trade_id, Side.BUY],
            sides[event.trade_id, Side.SELL],
            event.kind,
        )
        for event in outputs.public
        if isinstance(event, m.Traded)
    ]


class Choices:
    """Bytes read one after the other; past their end, zeros."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def byte(self) -> int:
        return next(self._data, 0)

    def of(self, options: Sequence[T]) -> T:
        return options[self.byte() % len(options)]


def seeded(seed: int, commands: int, rules: Sequence[VolatilityRules | None] = SOME) -> Iterator[Entry]:
    """A world of so many commands or a few more, in entries of one to eight."""
    chance = random.Random(seed)
    world = World(rules)
    yield world.setup()
    while world.sequence < commands:
        yield world.entry([chance.randbytes(COMMAND_BYTES) for _ in range(1 + chance.randrange(8))])
