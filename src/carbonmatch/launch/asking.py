"""What companies ask for beside their deals: offers that nobody takes, and what the rules do not allow.

Offers rest away from the day's deals until the close, so that there is a book. What is not allowed has to be
refused, for the reason given: LaunchFailed where it is not.
"""

from collections import Counter
from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any, Final

from carbonmatch.config import Instrument
from carbonmatch.launch.desks import Desk, LaunchFailed
from carbonmatch.launch.firms import Firm
from carbonmatch.launch.plan import Deal
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    NewOrder,
    Rejected,
    RejectReason,
    Side,
)

At = Callable[[int, Callable[[], object]], None]

_QUOTES_A_SIDE: Final = 4
_QUOTE_TONNES_MAX: Final = 1_500
# What one firm may need at most for offers of a day that nobody takes: it is not planned for anything else.
QUOTED_TONNES_MAX: Final = _QUOTES_A_SIDE * _QUOTE_TONNES_MAX


class Asking:
    """One market's part."""

    def __init__(
        self,
        at: At,
        desks: dict[AccountId, Desk],
        instrument: Instrument,
        firms: list[Firm],
        random: Random,
    ) -> None:
        self.expected: Counter[RejectReason] = Counter()
        self._at = at
        self._desks = desks
        self._instrument = instrument
        self._firms = {firm.account: firm for firm in firms}
        self._sellers = [firm.account for firm in firms if firm.is_seller and firm.left >= QUOTED_TONNES_MAX]
        self._buyers = [firm.account for firm in firms if not firm.is_seller]
        # Sellers only ever sell, and most buyers only ever buy: they never have more than they began with.
        self._only_sell = [firm for firm in firms if firm.is_seller]
        self._only_buy = [firm for firm in firms if not firm.is_seller and not firm.has_resold]
        self._random = random

    def quote(self, deals: list[Deal], band: tuple[int, int], time_ns: int) -> None:
        """Offers on both sides of whatever the screen will trade today."""
        prices = [deal.price for deal in deals if not deal.is_block]
        if not prices:
            return
        tick = self._instrument.price_increment_ticks
        lowest, highest = min(prices) - tick, max(prices) + tick
        for step in range(_QUOTES_A_SIDE):
            for side, price, accounts in (
                (Side.SELL, highest + step * tick, self._sellers),
                (Side.BUY, lowest - step * tick, self._buyers),
            ):
                if band[0] <= price <= band[1]:
                    tonnes = self._random.randint(1, _QUOTE_TONNES_MAX)
                    self._order(time_ns, side, tonnes, price, self._random.choice(accounts), None)

    def break_rules(self, band: tuple[int, int], time_ns: int) -> None:
        """Ask for what this market does not have: a price beyond the band, an order that is too large."""
        if not band[1]:
            return
        tick = self._instrument.price_increment_ticks
        account = self._random.choice(self._sellers)
        self._order(time_ns, Side.SELL, 100, band[1] + tick, account, RejectReason.OUTSIDE_BAND)
        account = self._random.choice(self._buyers)
        self._order(time_ns, Side.BUY, 100, band[0] - tick, account, RejectReason.OUTSIDE_BAND)
        too_large = self._instrument.quantity_max_lots + 1
        if too_large < 1_000_000_000:
            self._order(time_ns, Side.BUY, too_large, band[0], account, RejectReason.ABOVE_MAXIMUM)

    def overreach(self, band: tuple[int, int], time_ns: int) -> None:
        """Ask for more than one has: to sell a tonne too much, and to buy one that the money is short of."""
        low, high = band
        most = self._instrument.quantity_max_lots
        short = [firm for firm in self._only_sell if firm.deposited < most]
        if short and high:
            firm = self._random.choice(short)
            self._order(
                time_ns,
                Side.SELL,
                firm.deposited + 1,
                high,
                firm.account,
                RejectReason.INSUFFICIENT_HOLDINGS,
            )
        poor = [firm for firm in self._only_buy if low and firm.funds // low < most]
        if poor:
            firm = self._random.choice(poor)
            self._order(
                time_ns,
                Side.BUY,
                firm.funds // low + 1,
                low,
                firm.account,
                RejectReason.INSUFFICIENT_CASH,
            )

    def sell_too_soon(self, deals: list[Deal], band: tuple[int, int], day: date, time_ns: int) -> None:
        """Somebody who has bought for the first time today wants to sell some of it at once."""
        for deal in deals:
            firm = self._firms[deal.buyer]
            if firm.first_bought == day and not firm.is_seller:
                self._order(time_ns, Side.SELL, 1, band[1], firm.account, RejectReason.INSUFFICIENT_HOLDINGS)
                return

    def _order(
        self, time_ns: int, side: Side, tonnes: int, price: int, account: int, refused: RejectReason | None
    ) -> None:
        """An order that is to be accepted and rest, or to be refused for that reason."""
        if refused is not None:
            self.expected[refused] += 1

        def answered(report: Any) -> None:
            found = report.reason if isinstance(report, Rejected) else None
            if found is not refused or not isinstance(report, Accepted | Rejected):
                raise LaunchFailed(
                    f"{self._instrument.symbol}, {tonnes} t at {price}: {report}, expected "
                    f"{refused.name if refused is not None else 'to rest'}"
                )

        instrument_id = self._instrument.id
        self._at(
            time_ns,
            lambda: self._desks[AccountId(account)].send(
                lambda ref: NewOrder(ref, instrument_id, side, tonnes, price, AccountId(account)), answered
            ),
        )
