"""What trades cost and bring, in minor units, and how much an order to buy has to reserve for them.

Fees are rounded down trade by trade, and down again for what an order reserves. Parts that are rounded down
never sum up to more than their whole, so that an order's reservation covers its trades however it is
divided into them.
"""

from typing import Final, NamedTuple

from carbonmatch.matching.messages import SCREEN_TRADES, TradeKind
from carbonmatch.matching.vocabulary.clearing import Fees

BASIS_POINTS: Final = 10_000


class Rate(NamedTuple):
    """What a trade costs one side: a share of the money, rounded down, and so much a lot."""

    basis_points: int
    minor_per_lot: int


class Amounts:
    """The money of trades in one instrument, by their kind.

    An order in the book may trade in any way that the screen has, and an auction may come: it reserves
    for the most expensive of them. Blocks and biddings are what they are from the beginning.
    """

    __slots__ = (
        "_reserved",
        "fees",
        "of_screen",
        "of_trades",
        "tick_value_minor",
    )

    def __init__(self, all_fees: tuple[Fees, ...], tick_value_minor: int) -> None:
        by_kind = {fees.kind: fees for fees in all_fees}
        assert len(by_kind) == len(all_fees), "each kind has its fees once"
        self.fees = all_fees
        self.tick_value_minor = tick_value_minor
        # By the number of the kind, of which there is none 0: a look-up by a member costs twice as much.
        of_kinds = [Fees(TradeKind.CONTINUOUS)] + [by_kind.get(kind, Fees(kind)) for kind in TradeKind]
        of_buyers = [Rate(fees.buyer_basis_points, fees.buyer_minor_per_lot) for fees in of_kinds]
        of_sellers = [Rate(fees.seller_basis_points, fees.seller_minor_per_lot) for fees in of_kinds]
        # What a tick of a lot is worth, what buyers pay, and what sellers do; None: the same.
        self.of_trades = [
            (tick_value_minor, *buyers, None if sellers == buyers else sellers)
            for buyers, sellers in zip(of_buyers, of_sellers, strict=True)
        ]
        of_screen = [of_buyers[kind] for kind in sorted(SCREEN_TRADES)]
        self.of_screen = highest = Rate(
            max(rate.basis_points for rate in of_screen), max(rate.minor_per_lot for rate in of_screen)
        )
        self._reserved = [highest if kind in SCREEN_TRADES else rate for kind, rate in enumerate(of_buyers)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Amounts) and (self.fees, self.tick_value_minor) == (
            other.fees,
            other.tick_value_minor,
        )

    def reserves_the_same(self, other: "Amounts") -> bool:
        """Whether every order to buy reserves as much by the other ones."""
        return self._reserved == other._reserved and self.tick_value_minor == other.tick_value_minor

    def reserved_minor(self, lots: int, price_ticks: int, kind: TradeKind) -> int:
        """What an order to buy so many lots reserves: the money at its limit, with the highest fee."""
        money = lots * price_ticks * self.tick_value_minor
        basis_points, minor_per_lot = self._reserved[kind]
        return money + money * basis_points // BASIS_POINTS + lots * minor_per_lot

    def moved_minor(self, lots: int, price_ticks: int, kind: TradeKind) -> tuple[int, int]:
        """What a trade takes of its buyer and what it brings its seller, who never pays for selling.

        The difference are the fees of both sides.
        """
        tick_value_minor, basis_points, minor_per_lot, of_seller = self.of_trades[kind]
        money = lots * price_ticks * tick_value_minor
        fee = money * basis_points // BASIS_POINTS + lots * minor_per_lot
        paid = money + fee
        if of_seller is not None:
            fee = money * of_seller.basis_points // BASIS_POINTS + lots * of_seller.minor_per_lot
        return paid, money - fee if fee < money else 0
