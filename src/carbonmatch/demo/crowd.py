"""What the companies of the demo want: who trades what, how much, at which price. Pure, and seeded.

Plausible, not calibrated. What is modelled is what makes this market unlike a stock exchange: few
companies trade at all until the deadline for handing in allowances comes near, then most do; nearly
everything happens in the newest vintages; sizes are spread over four powers of ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, log
from random import Random
from typing import Final

from carbonmatch.config import Instrument
from carbonmatch.matching.messages import (
    AccountId,
    Cancel,
    ClientCommand,
    InstrumentId,
    NewOrder,
    OrderId,
    Reduce,
    Ref,
    Replace,
    Side,
    TimeInForce,
)

# Shares of the activity by symbol; what is not named is thin.
_SHARES: Final = {"CEA25": 38, "CEA24": 27, "CEA23": 13, "CEA22": 7, "CEA21": 4, "CEA19-20": 3}
_THIN_SHARE: Final = 1

# Sizes: the median order, and the spread that takes one order in a hundred above 15,000 t.
_MEDIAN_LOTS: Final = 700
_SPREAD: Final = 1.35

# What is done, in percent of all commands; the rest are passive limit orders.
_CANCEL: Final = 26
_REPLACE: Final = 8
_REDUCE: Final = 3
_AGGRESSIVE: Final = 13
_IOC: Final = 6
# With more open orders than this at a gateway, half of what it sends are cancels: books stay readable.
_OPEN_ORDERS_MANY: Final = 300
_CANCEL_MANY: Final = 60

# Distances from the fair price, in ticks.
_PASSIVE_TICKS: Final = 9.0
_AGGRESSIVE_TICKS: Final = 3.0

# The fair price: how far it steps, how hard it is drawn back, how far the deadline lifts it.
_STEP_TICKS: Final = 0.35
_PULL: Final = 0.0005
_DEADLINE_LIFT: Final = 0.025


class OpenOrder:
    """An order of ours as its reports have told; `is_leaving` once its cancel was sent."""

    __slots__ = (
        "account_id",
        "filled_lots",
        "instrument_id",
        "is_leaving",
        "leaves_lots",
        "order_id",
        "price_ticks",
        "quantity_lots",
        "ref",
        "side",
        "slot",
    )

    def __init__(
        self,
        order_id: OrderId,
        ref: Ref,
        account_id: AccountId,
        instrument_id: InstrumentId,
        side: Side,
        price_ticks: int,
        quantity_lots: int,
    ) -> None:
        self.order_id = order_id
        self.ref = ref
        self.account_id = account_id
        self.instrument_id = instrument_id
        self.side = side
        self.price_ticks = price_ticks
        self.quantity_lots = quantity_lots
        self.leaves_lots = quantity_lots
        self.filled_lots = 0
        self.is_leaving = False
        self.slot = -1


@dataclass(slots=True)
class Company:
    """`needs_lots` is what it still has to buy; below zero it has allowances to sell."""

    account_id: AccountId
    gateway: int
    needs_lots: int


class FairPrice:
    """Where an instrument would trade: a walk that is drawn back to the reference, inside the band."""

    def __init__(self, instrument: Instrument) -> None:
        self._reference = float(instrument.reference_price_ticks)
        self._low = instrument.band_low_ticks
        self._high = instrument.band_high_ticks
        self._ticks = self._reference

    def step(self, random: Random, progress: float) -> float:
        """Move on and return the price. `progress` of the run lifts it: the deadline is a buyer's."""
        home = self._reference * (1 + _DEADLINE_LIFT * progress)
        self._ticks += random.gauss(0, _STEP_TICKS) + _PULL * (home - self._ticks)
        return self._ticks

    def clamp(self, price_ticks: float) -> int:
        """The nearest price that the band admits."""
        return min(max(round(price_ticks), self._low), self._high)


def tide(progress: float) -> float:
    """How busy the market is at `progress` of the run, with a mean of 1: most comes at the end."""
    return 0.4 + 1.8 * progress * progress


class Crowd:
    """Every company behind every gateway."""

    def __init__(
        self,
        random: Random,
        instruments: Sequence[Instrument],
        accounts: Mapping[AccountId, int],
    ) -> None:
        """`accounts` says behind which gateway each account is."""
        self._random = random
        self._instruments = instruments
        self._index = {instrument.id: index for index, instrument in enumerate(instruments)}
        self._lots_max = [instrument.quantity_max_lots for instrument in instruments]
        self._fair = [FairPrice(instrument) for instrument in instruments]
        shares = [_SHARES.get(instrument.symbol, _THIN_SHARE) for instrument in instruments]
        self._share_sums = list(accumulate(shares))
        self.companies = {
            account_id: Company(account_id, gateway, self._first_need())
            for account_id, gateway in accounts.items()
        }
        # Large positions make busy companies, but less than in proportion.
        self._by_activity = list(self.companies.values())
        self._activity_sums = list(
            accumulate(1 + abs(company.needs_lots) ** 0.5 for company in self._by_activity)
        )

    def _first_need(self) -> int:
        """A surplus or a shortage; the large ones are in the millions of tonnes."""
        lots = round(exp(self._random.gauss(log(60_000), 1.5)))
        return lots if self._random.random() < 0.5 else -lots

    def choose(self) -> Company:
        return self._random.choices(self._by_activity, cum_weights=self._activity_sums)[0]

    def decide(self, company: Company, open_orders: Sequence[OpenOrder], progress: float) -> ClientCommand:
        """What `company`, or its gateway with one of its `open_orders`, does next."""
        random = self._random
        dice = random.random() * 100
        cancels = _CANCEL_MANY if len(open_orders) > _OPEN_ORDERS_MANY else _CANCEL
        if dice < cancels + _REPLACE + _REDUCE and open_orders:
            order = random.choice(open_orders)
            if not order.is_leaving:
                return self._amend(order, dice - cancels, progress)
        return self._new_order(company, dice, progress)

    def _amend(self, order: OpenOrder, dice: float, progress: float) -> ClientCommand:
        """Below 0 cancel, up to _REPLACE replace, then reduce, where there is something to reduce."""
        if 0 <= dice < _REPLACE:
            index = self._index[order.instrument_id]
            price_ticks = self._price(index, order.side, _PASSIVE_TICKS, progress)
            if price_ticks != order.price_ticks:
                return Replace(Ref(0), order.ref, OrderId(0), order.quantity_lots, price_ticks)
        elif dice >= _REPLACE and order.leaves_lots > 1:
            quantity_lots = order.quantity_lots - order.leaves_lots // 2
            return Reduce(Ref(0), order.ref, OrderId(0), quantity_lots)
        order.is_leaving = True
        return Cancel(Ref(0), order.ref)

    def _new_order(self, company: Company, dice: float, progress: float) -> NewOrder:
        random = self._random
        (index,) = random.choices(range(len(self._instruments)), cum_weights=self._share_sums)
        # Now and then a company does the other thing: it has sold too much, or trades for profit.
        buys = (company.needs_lots > 0) == (random.random() < 0.9)
        side = Side.BUY if buys else Side.SELL
        is_ioc = dice > 100 - _IOC
        is_aggressive = dice > 100 - _IOC - _AGGRESSIVE
        distance_ticks = -_AGGRESSIVE_TICKS if is_aggressive else _PASSIVE_TICKS
        return NewOrder(
            ref=Ref(0),
            instrument_id=self._instruments[index].id,
            side=side,
            quantity_lots=self._size(self._lots_max[index]),
            price_ticks=self._price(index, side, distance_ticks, progress),
            account_id=company.account_id,
            time_in_force=TimeInForce.IOC if is_ioc else TimeInForce.DAY,
        )

    def _price(self, index: int, side: Side, distance_ticks: float, progress: float) -> int:
        """Away from the fair price by about `distance_ticks`, to the better side of it if negative."""
        fair = self._fair[index]
        away = distance_ticks * self._random.expovariate(1.0) + (1 if distance_ticks > 0 else -1)
        sign = 1 if side is Side.BUY else -1
        return fair.clamp(fair.step(self._random, progress) - sign * away)

    def _size(self, lots_max: int) -> int:
        """People like round numbers, the larger the rounder."""
        lots = exp(self._random.gauss(log(_MEDIAN_LOTS), _SPREAD))
        step = 100 if lots >= 1_000 else 10 if lots >= 100 else 1
        return min(max(round(lots / step) * step, 1), lots_max)
