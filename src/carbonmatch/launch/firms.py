"""Who deals: the companies, what they begin with, and who stands on either side of each deal of a plan.

Sizes and sides are drawn from a seed. A seller has what it sells, and has not bought it the same day; a
buyer begins with the money for everything that it will buy.
"""

from datetime import date
from random import Random
from typing import Final

from msgspec import Struct

from carbonmatch.launch import assumptions
from carbonmatch.launch.plan import NATIONAL, Deal, Plan
from carbonmatch.matching.clearing.amounts import Amounts
from carbonmatch.matching.messages import TradeKind

# How many of the companies have more allowances than they need.
_SELLERS_SHARE: Final = 0.45
# Of the small deals, so many sell what was bought on an earlier day.
_RESALE_SHARE: Final = 0.06
_RESALE_TONNES_MAX: Final = 20_000
_DRAWS_MAX: Final = 40
# A pilot's companies begin with so many times what they sell together.
_PILOT_ALLOCATION: Final = 8
# What a buyer has beside the money for its deals: for orders that do not trade.
SPARE_FEN: Final = 2_000_000_00


class Firm(Struct):
    """A company with one account in one market."""

    account: int
    name: str
    market: str
    weight: float  # its size among those of its market
    is_seller: bool
    # Tonnes of a year, on top of which some markets limit what a company may hold.
    allocated: int
    # Tonnes with which it comes to the market. Who needs some leaves its own at the registry.
    deposited: int
    funds: int = 0  # fen, at the beginning
    left: int = 0  # tonnes that it may sell in deals of the plan
    bought: int = 0  # tonnes bought before today, and not sold again
    bought_today: int = 0
    has_dealt: bool = False
    first_bought: date | None = None
    has_resold: bool = False


def found_firms(seed: int, companies: int, pilot_companies: int) -> dict[str, list[Firm]]:
    """The companies of each market, by its symbol; accounts are numbered through all of them from 1."""
    random = Random(f"firms {seed}")
    firms = {NATIONAL: _firms_of(random, NATIONAL, "POWER", 1, companies, assumptions.ALLOCATED_TONNES)}
    account = companies + 1
    for pilot in assumptions.PILOTS:
        allocation = pilot.tonnes * _PILOT_ALLOCATION
        firms[pilot.symbol] = _firms_of(
            random, pilot.symbol, pilot.symbol, account, pilot_companies, allocation
        )
        account += pilot_companies
    return firms


def _firms_of(random: Random, market: str, name: str, first: int, count: int, tonnes: int) -> list[Firm]:
    weights = [random.lognormvariate(0, 1.1) for _ in range(count)]
    sellers = set(random.sample(range(count), max(1, round(count * _SELLERS_SHARE))))
    whole = sum(weights)
    return [
        Firm(
            first + number,
            f"{name}-{number + 1:04d}",
            market,
            weight,
            number in sellers,
            allocated,
            deposited := allocated if number in sellers else 0,
            left=deposited,
        )
        for number, weight in enumerate(weights)
        for allocated in [int(tonnes * weight / whole)]
    ]


def assign(plan: Plan, firms: dict[str, list[Firm]], amounts: dict[str, Amounts], seed: int) -> None:
    """Find a seller and a buyer for each deal, and give every firm the money that its deals will take."""
    for market, those in firms.items():
        _Pairing(Random(f"{market} {seed}"), those, amounts[market]).pair(
            [deal for deal in plan.deals if deal.market == market]
        )


class _Pairing:
    """The firms of one market. Invariant: nobody sells what it has not, or has only bought today."""

    def __init__(self, random: Random, firms: list[Firm], amounts: Amounts) -> None:
        self._random = random
        self._amounts = amounts
        self._firms = firms
        self._sellers = [firm for firm in firms if firm.is_seller]
        self._buyers = [firm for firm in firms if not firm.is_seller]
        self._new_sellers = random.sample(self._sellers, len(self._sellers))
        self._new_buyers = random.sample(self._buyers, len(self._buyers))
        self._sellers_weights = [firm.weight for firm in self._sellers]
        self._buyers_weights = [firm.weight for firm in self._buyers]
        self._resellers: list[Firm] = []

    def pair(self, deals: list[Deal]) -> None:
        today: date | None = None
        for deal in deals:
            if deal.day != today:
                today = deal.day
                self._settle()
            seller = self._seller(deal)
            deal.seller = seller.account
            buyer = self._buyer(deal)
            deal.buyer = buyer.account
            seller.has_dealt = buyer.has_dealt = True
            buyer.bought_today += deal.tonnes
            buyer.first_bought = buyer.first_bought or deal.day
            kind = TradeKind.BLOCK if deal.is_block else TradeKind.CONTINUOUS
            buyer.funds += self._amounts.reserved_minor(deal.tonnes, deal.price, kind)
        for firm in self._firms:
            firm.funds += SPARE_FEN

    def _settle(self) -> None:
        """What was bought the day before may be sold from now on."""
        self._resellers = []
        for firm in self._buyers:
            firm.bought += firm.bought_today
            firm.bought_today = 0
            if firm.bought:
                self._resellers.append(firm)

    def _seller(self, deal: Deal) -> Firm:
        random = self._random
        if deal.tonnes <= _RESALE_TONNES_MAX and self._resellers and random.random() < _RESALE_SHARE:
            firm = random.choice(self._resellers)
            if firm.bought >= deal.tonnes:
                firm.bought -= deal.tonnes
                firm.has_resold = True
                return firm
        # Sooner or later everybody deals.
        if self._new_sellers and not deal.is_block and self._new_sellers[-1].left >= deal.tonnes:
            firm = self._new_sellers.pop()
        else:
            draws = random.choices(self._sellers, self._sellers_weights, k=_DRAWS_MAX)
            firm = next((one for one in draws if one.left >= deal.tonnes), draws[0])
            if firm.left < deal.tonnes:
                firm = max(self._sellers, key=lambda one: one.left)
        assert firm.left >= deal.tonnes, f"{deal}: nobody has so much"
        firm.left -= deal.tonnes
        return firm

    def _buyer(self, deal: Deal) -> Firm:
        """Anybody of those that need some, and not the seller."""
        if self._new_buyers and not deal.is_block and self._new_buyers[-1].account != deal.seller:
            return self._new_buyers.pop()
        while True:
            firm = self._random.choices(self._buyers, self._buyers_weights)[0]
            if firm.account != deal.seller:
                return firm
