"""What an engine gets to do where it is measured: entries of 64 commands, made from a seed.

Flows, each from a seed: `touch`, one instrument, about 300 levels, 48 % new orders near the touch,
42 % cancels of random open orders, 5 % orders which cross, 5 % replacements; `instruments`, the same
over 8 of them; `deep`, the same mix on top of 100,000 orders on about 2,000 levels; `stops`, as
`touch` with 10,000 stops that wait and never fire; `icebergs`, as `touch` with new orders that show
two lots of what they rest with. 8 sessions of different participants take turns of 64 commands.
`groups`, as `touch` where self-trade prevention goes by groups of accounts, of which there are as many as
sessions. `collar`, `corridor` and `limits`, as `touch` where prices are restrained, but so widely that no
order meets it: what looking costs. `accounts`, as `touch` where accounts hold units and money, and all have
enough of both.
"""

import random
from collections.abc import Callable
from typing import Final

import msgspec

from carbonmatch.matching.messages import (
    AccountId,
    AllowedFlag,
    AnyCommand,
    Cancel,
    ClearingRules,
    DefineAccount,
    DefineInstrument,
    DefineSession,
    Deposit,
    Entry,
    Fees,
    GroupId,
    InstrumentDefinition,
    InstrumentId,
    NewOrder,
    NewOrderLong,
    OrderId,
    OrderType,
    ParticipantId,
    Ref,
    Replace,
    SelfTradeKey,
    SelfTradeRules,
    SessionId,
    Side,
    TimeInForce,
    TradeKind,
    VolatilityRules,
    Width,
)

BATCH_COMMANDS: Final = 64
SESSIONS: Final = 8
_OPERATOR: Final = SESSIONS + 1
MIDDLE_TICKS: Final = 1_000_000
# What the flows need and no more, so that versions without the latest types play the same.
_ALLOWED: Final = AllowedFlag.DEFAULT | AllowedFlag.STOP_LIMIT | AllowedFlag.ICEBERG


class Flow:
    """Makes entries from a seed. Numbers its commands, and knows which orders may be open."""

    def __init__(
        self,
        seed: int,
        instruments: int,
        levels: int,
        icebergs: bool = False,
        groups: bool = False,
        volatility: VolatilityRules | None = None,
        clearing: ClearingRules | None = None,
    ) -> None:
        self.random = random.Random(seed)
        self.instruments = instruments
        self.icebergs = icebergs
        self.groups = groups
        self.volatility = volatility
        self.clearing = clearing
        self.levels_a_side = levels // 2
        self.sequence = 0
        self.last_ref = dict.fromkeys(range(1, SESSIONS + 1), 0)
        # Of each session: refs which name its orders, with their side.
        self.open: dict[int, list[tuple[int, Side]]] = {session: [] for session in self.last_ref}

    def definitions(self) -> Entry:
        key = SelfTradeKey.GROUP if self.groups else SelfTradeKey.PARTICIPANT
        commands: list[AnyCommand] = [
            DefineInstrument(
                InstrumentDefinition(
                    InstrumentId(number + 1),
                    f"EUA{number}",
                    "EUR",
                    1,
                    2,
                    1_000,
                    allowed=_ALLOWED,
                    self_trade=SelfTradeRules(key),
                    volatility=self.volatility,
                    clearing=self.clearing,
                )
            )
            for number in range(self.instruments)
        ]
        for number in range(1, SESSIONS + 1):
            group_id = GroupId(number if self.groups else 0)
            commands.append(
                DefineAccount(AccountId(number), ParticipantId(number), f"account-{number}", group_id)
            )
            commands.append(DefineSession(SessionId(number), f"session-{number}", (AccountId(number),)))
        if self.clearing is not None:
            commands.append(DefineSession(SessionId(_OPERATOR), "operator", (), operator=True))
        return self.entry_of(0, commands)

    def deposits(self) -> Entry:
        """More units and money for every account than it will need."""
        refs = iter(range(1, 10**6))
        commands: list[AnyCommand] = []
        for account in map(AccountId, range(1, SESSIONS + 1)):
            commands.append(Deposit(Ref(next(refs)), account, currency="EUR", amount_minor=10**15))
            commands += [
                Deposit(Ref(next(refs)), account, InstrumentId(number + 1), 10**9)
                for number in range(self.instruments)
            ]
        return self.entry_of(_OPERATOR, commands)

    def entries(self, commands: int, command: Callable[[int], AnyCommand]) -> list[Entry]:
        """About so many commands, by sessions in turn, in entries of 64."""
        turns = range(max(1, commands // BATCH_COMMANDS))
        return [self.entry(1 + turn % SESSIONS, command) for turn in turns]

    def entry(self, session: int, command: Callable[[int], AnyCommand]) -> Entry:
        return self.entry_of(session, [command(session) for _ in range(BATCH_COMMANDS)])

    def mixed(self, session: int) -> AnyCommand:
        """One command of the mix."""
        kind = self.random.random()
        if kind < 0.05:
            return self._crossing(session)
        if kind < 0.52 and self.open[session]:
            ref, side = self._take_open(session)
            if kind < 0.10:
                new_ref = self.next_ref(session)
                self.open[session].append((new_ref, side))
                return Replace(
                    Ref(new_ref),
                    Ref(ref),
                    OrderId(0),
                    self.random.randint(11, 20),
                    self._price(side, near=True),
                )
            return Cancel(Ref(self.next_ref(session)), Ref(ref))
        return self.resting(session, near=True)

    def resting(self, session: int, near: bool = False) -> NewOrder:
        """A new order that does not cross: close to the touch, or anywhere on the levels."""
        side = Side.BUY if self.random.random() < 0.5 else Side.SELL
        ref = self.next_ref(session)
        self.open[session].append((ref, side))
        order = NewOrder(
            Ref(ref),
            InstrumentId(self.random.randint(1, self.instruments)),
            side,
            self.random.randint(1, 10),
            self._price(side, near),
            time_in_force=TimeInForce.GTC,
        )
        if not self.icebergs:
            return order
        fields = msgspec.structs.asdict(order) | {"quantity_lots": order.quantity_lots + 2}
        return NewOrderLong(**fields, display_lots=2)

    def waiting(self, session: int, stop_price_ticks: int = 2 * MIDDLE_TICKS) -> NewOrderLong:
        """A buy stop-limit order which takes one lot when it fires."""
        return NewOrderLong(
            Ref(self.next_ref(session)),
            InstrumentId(self.random.randint(1, self.instruments)),
            Side.BUY,
            1,
            stop_price_ticks,
            order_type=OrderType.STOP_LIMIT,
            time_in_force=TimeInForce.GTC,
            stop_price_ticks=stop_price_ticks,
        )

    def waiting_far(self, session: int) -> NewOrderLong:
        """One above all that is traded, at any of 8,000 prices."""
        return self.waiting(session, MIDDLE_TICKS + self.random.randint(1_000, 9_000))

    def taking(self, session: int) -> NewOrder:
        """Takes a lot at the middle, and never rests."""
        ref = Ref(self.next_ref(session))
        return NewOrder(ref, InstrumentId(1), Side.BUY, 1, MIDDLE_TICKS, time_in_force=TimeInForce.IOC)

    def next_ref(self, session: int) -> int:
        self.last_ref[session] += 1
        return self.last_ref[session]

    def _crossing(self, session: int) -> NewOrder:
        side = Side.BUY if self.random.random() < 0.5 else Side.SELL
        price = MIDDLE_TICKS + (10 if side is Side.BUY else -10)
        return NewOrder(
            Ref(self.next_ref(session)),
            InstrumentId(self.random.randint(1, self.instruments)),
            side,
            self.random.randint(1, 20),
            price,
            time_in_force=TimeInForce.IOC,
        )

    def _take_open(self, session: int) -> tuple[int, Side]:
        refs = self.open[session]
        place = self.random.randrange(len(refs))
        refs[place], refs[-1] = refs[-1], refs[place]
        return refs.pop()

    def _price(self, side: Side, near: bool) -> int:
        distance = int(self.random.expovariate(1 / 30)) if near else self.random.randrange(self.levels_a_side)
        distance = 1 + min(distance, self.levels_a_side - 1)
        return MIDDLE_TICKS - distance if side is Side.BUY else MIDDLE_TICKS + distance

    def entry_of(self, session: int, commands: list[AnyCommand]) -> Entry:
        first_sequence = self.sequence + 1
        self.sequence += len(commands)
        return Entry(first_sequence, first_sequence * 1_000, SessionId(session), commands)


FLOWS: Final[dict[str, dict[str, int]]] = {
    "touch": {"instruments": 1, "levels": 300, "resting": 0},
    "instruments": {"instruments": 8, "levels": 300, "resting": 0},
    "deep": {"instruments": 1, "levels": 2_000, "resting": 100_000},
    "stops": {"instruments": 1, "levels": 300, "resting": 0, "stops": 10_000},
    "icebergs": {"instruments": 1, "levels": 300, "resting": 0, "icebergs": 1},
    "groups": {"instruments": 1, "levels": 300, "resting": 0, "groups": 1},
    "collar": {"instruments": 1, "levels": 300, "resting": 0},
    "corridor": {"instruments": 1, "levels": 300, "resting": 0},
    "limits": {"instruments": 1, "levels": 300, "resting": 0},
}
# As `touch`, where accounts hold units and money: both sides pay fees, and there is a limit.
ACCOUNTS: Final = ClearingRules(
    lag_days=1, fees=(Fees(TradeKind.CONTINUOUS, 5, 5, 1, 1),), position_max_lots=2 * 10**9
)
# An entry of 64 commands takes 64 microseconds here, so the windows hold some 1,000 and 15,000 of them.
_WIDE: Final = Width(ticks=MIDDLE_TICKS // 2)
RULES: Final[dict[str, VolatilityRules]] = {
    "collar": VolatilityRules(collar=_WIDE),
    "corridor": VolatilityRules(
        short=_WIDE,
        short_window_ns=1_000_000,
        long=_WIDE,
        long_window_ns=15_000_000,
        static=_WIDE,
        auction_ns=1,
    ),
    "limits": VolatilityRules(
        interval=_WIDE, interval_recalculation_ns=1_000_000, interval_hold_ns=1_000_000
    ),
}


def trades(seed: int, count: int, stops: int) -> tuple[list[Entry], list[Entry]]:
    """So many takers of a lot from one order that has enough, beside stops of which none fires."""
    flow = Flow(seed, 1, 300)
    offer = NewOrder(Ref(flow.next_ref(1)), InstrumentId(1), Side.SELL, 10**9, MIDDLE_TICKS)
    before = [flow.definitions(), flow.entry_of(1, [offer])]
    if stops:
        before += flow.entries(stops, flow.waiting_far)
    takers = [
        flow.entry(2 + turn % (SESSIONS - 1), flow.taking) for turn in range(max(1, count // BATCH_COMMANDS))
    ]
    return before, takers


def flow_of(
    parameters: dict[str, int],
    seed: int,
    rules: VolatilityRules | None = None,
    clearing: ClearingRules | None = None,
) -> Flow:
    return Flow(
        seed,
        parameters["instruments"],
        parameters["levels"],
        icebergs="icebergs" in parameters,
        groups="groups" in parameters,
        volatility=rules,
        clearing=clearing,
    )


def prepare(name: str, seed: int, commands: int) -> tuple[list[Entry], list[Entry]]:
    """Entries that set up the flow, and those to be timed."""
    parameters = FLOWS["touch" if name == "accounts" else name]
    flow = flow_of(parameters, seed, RULES.get(name), ACCOUNTS if name == "accounts" else None)
    before = [flow.definitions()]
    if flow.clearing is not None:
        before.append(flow.deposits())
    if "stops" in parameters:
        before += flow.entries(
            parameters["stops"],
            flow.waiting_far,
        )
        # From here on the same commands as without them, under other numbers.
        flow.random = random.Random(seed)
    if parameters["resting"]:
        before += flow.entries(parameters["resting"], flow.resting)
    return before, flow.entries(commands, flow.mixed)
