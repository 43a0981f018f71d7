"""What traders and operators ask for: drawn from the seed, mostly sensible, on a market that trades."""

from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import structs

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    InstrumentId,
    MassCancelScope,
    NewOrder,
    OrderFlag,
    OrderId,
    OrderType,
    Phase,
    Ref,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradeId,
)
from tests.end_to_end.market import ALICE_ACCOUNT, BOB_ACCOUNT, CAROL_ACCOUNT, CEA, EUA
from tests.simulation.mechanisms import Mechanisms


class Trading:
    """Draws the commands of one session; knows the names that it has given and heard of."""

    def __init__(
        self, random: Random, utc_ns: Callable[[], int], mechanisms: Mechanisms | None = None
    ) -> None:
        self._random = random
        self._utc_ns = utc_ns
        self.mechanisms = mechanisms
        self.refs: list[Ref] = []
        self.order_ids: list[OrderId] = []  # of any session of the account

    def command(self, ref: Ref) -> Any:
        random = self._random
        if self.mechanisms is not None and random.random() < 0.4:
            return self.mechanisms.of_session(ref)
        kind = random.random()
        if kind < 0.75:
            self.refs.append(ref)
            return self._new_order(ref)
        if kind < 0.753:
            scope = random.choice(list(MassCancelScope))
            instrument_id = InstrumentId(random.choice((0, EUA, CEA)))
            return m.MassCancel(ref, scope, instrument_id=instrument_id, side=random.choice((0, 1, 2)))
        if kind < 0.78:
            return m.OrderStatusRequest(ref, *(self._name() if random.random() < 0.5 else ()))
        order_ref, order_id = self._name()
        if kind < 0.88:
            return m.Cancel(ref, order_ref, order_id)
        if kind < 0.94:
            return m.Reduce(ref, order_ref, order_id, 10 * random.randint(0, 12))
        self.refs.append(ref)
        return m.Replace(
            ref, order_ref, order_id, 10 * random.randint(1, 12), 1000 + 5 * random.randint(-5, 5)
        )

    def _new_order(self, ref: Ref) -> NewOrder:
        random = self._random
        instrument_id = random.choice((EUA, EUA, CEA))
        side = random.choice(list(Side))
        away = random.choice((3, 2, 2, 1, 1, 0, 0, -1, -2)) * 5
        price = 1000 - away if side is Side.BUY else 1000 + away
        lots = random.choice((20, 30, 50, 70, 100) * 6 + (15, 0))
        tif = random.choice((*(TimeInForce.GTC,) * 6, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK))
        kind = OrderType.MARKET if random.random() < 0.05 else OrderType.LIMIT
        flags = random.choice((0, 0, 0, 0, OrderFlag.POST_ONLY, OrderFlag.KEEP_ON_DISCONNECT))
        mode = random.choice((*SelfTradePrevention, *(SelfTradePrevention.NONE,) * 12))
        order = NewOrder(
            ref,
            instrument_id,
            side,
            lots,
            price,
            order_type=kind,
            time_in_force=tif,
            self_trade_prevention=mode,
            flags=flags,
        )
        return self._long(order) if instrument_id == EUA and random.random() < 0.15 else order

    def _long(self, order: NewOrder) -> m.NewOrderLong:
        """The same as a stop, as an iceberg, with a minimum or until a date."""
        random = self._random
        stop = display = minimum = expires_ns = 0
        kind, tif, flags = OrderType.LIMIT, TimeInForce.GTC, 0
        what = random.randrange(4)
        if what == 0:
            kind = OrderType.STOP_LIMIT
            stop = 1000 + 5 * random.randint(0, 3) * (1 if order.side is Side.BUY else -1)
        elif what == 1:
            display = random.choice((5, 10, 20))
        elif what == 2:
            minimum = random.choice((10, 20, 50))
        if what == 3 or random.random() < 0.2:
            tif = TimeInForce.GTD
            expires_ns = self._utc_ns() + random.choice((10**8, 10**9, 10**10))
        return m.NewOrderLong(
            **{
                **structs.asdict(order),
                "order_type": kind,
                "time_in_force": tif,
                "flags": flags,
                "stop_price_ticks": stop,
                "display_lots": display,
                "minimum_lots": minimum,
                "expires_ns": expires_ns,
            }
        )

    def _name(self) -> tuple[Ref, OrderId]:
        random = self._random
        if self.order_ids and random.random() < 0.4:
            return Ref(0), random.choice(self.order_ids[-8:])
        if self.refs:
            return random.choice(self.refs[-8:]), OrderId(0)
        return Ref(1), OrderId(0)


class Operating:
    """Draws an operator's commands: now and then a halt, and soon the way back."""

    def __init__(
        self,
        random: Random,
        utc_ns: Callable[[], int],
        trade_count: Callable[[], int],
        mechanisms: Mechanisms | None = None,
        *,
        has_accounts: bool = False,
    ) -> None:
        """`trade_count` says how many trades are durable: their ids are 1 to this."""
        self.mechanisms = mechanisms
        self._has_accounts = has_accounts
        self._random = random
        self._utc_ns = utc_ns
        self._trade_count = trade_count
        # What was stopped and is not let go on yet.
        self._killed: list[tuple[m.KillScope, int]] = []
        self.refs: list[Ref] = []
        self.order_ids: list[OrderId] = []

    def command(self, ref: Ref) -> Any:
        random = self._random
        if self._has_accounts and random.random() < 0.4:
            return self._transfer(ref)
        if self.mechanisms is not None and random.random() < 0.5:
            return self.mechanisms.of_operator(ref)
        if random.random() < 0.3:
            return self._on_trade(ref)
        if self._killed and random.random() < 0.5:
            return m.Release(ref, *self._killed.pop(), "simulated")
        if random.random() < 0.05:
            return self._kill(ref)
        instrument_id = random.choice((EUA, CEA))
        if random.random() < 0.2:
            low = random.choice((0, 900, 950))
            return m.SetBand(ref, instrument_id, 1000, low, 1100 if low else 0)
        if random.random() < 0.3:
            return m.Resume(ref, InstrumentId(random.choice((m.ANY, EUA, CEA))))
        phases = (*(Phase.CONTINUOUS,) * 40, Phase.HALTED, Phase.CANCEL_ONLY, Phase.CLOSED)
        until_ns = self._utc_ns() + random.choice((10**8, 10**9, 10**10)) if random.random() < 0.3 else 0
        return m.SetPhase(ref, instrument_id, random.choice(phases), "simulated", until_ns)

    def _kill(self, ref: Ref) -> m.Kill:
        """Of what is let go on soon."""
        accounts = (ALICE_ACCOUNT, BOB_ACCOUNT, CAROL_ACCOUNT)
        scopes = [(m.KillScope.VENUE, 0), (m.KillScope.INSTRUMENT, CEA), (m.KillScope.PARTICIPANT, 2)]
        scope = self._random.choice([*scopes, *[(m.KillScope.ACCOUNT, number) for number in accounts]])
        self._killed.append(scope)
        return m.Kill(ref, *scope, "simulated")

    def _transfer(self, ref: Ref) -> Any:
        """More comes than goes, so that there is something to trade with, and never enough."""
        random = self._random
        kind = random.choice((m.Deposit, m.Deposit, m.Deposit, m.Withdraw))
        account_id = random.choice((ALICE_ACCOUNT, BOB_ACCOUNT, CAROL_ACCOUNT))
        if random.random() < 0.5:
            return kind(ref, account_id, CEA, 10 * random.randint(1, 40))
        return kind(ref, account_id, currency="CNY", amount_minor=1_000_000 * random.randint(1, 40))

    def _on_trade(self, ref: Ref) -> Any:
        random = self._random
        last = self._trade_count()
        # One of the last, one of long ago, none, or one that is far from made.
        trade_id = TradeId(
            random.choice((max(0, last - random.randrange(8)), random.randint(0, last), 10**9))
        )
        kind = random.random()
        if kind < 0.2:
            return m.TradeStatusRequest(ref, trade_id)
        if kind < 0.6:
            return m.BustTrade(ref, trade_id, "simulated")
        price, lots = 1000 + 5 * random.randint(-3, 3), 10 * random.randint(0, 3)
        return m.CorrectTrade(ref, trade_id, price, lots, "simulated")
