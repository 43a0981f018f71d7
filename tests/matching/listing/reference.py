"""A listing as plainly as it can be written: one list of orders, sorted and searched each time."""

from dataclasses import dataclass

from carbonmatch.matching.messages import (
    OrderChoice,
    OrderId,
    Oversize,
    RejectReason,
    ScreenRules,
    Side,
)


@dataclass
class Listed:
    order_id: OrderId
    owner: int
    side: Side
    price_ticks: int
    left_lots: int


class ReferenceListing:
    """Its orders in the order in which they came, or were last replaced."""

    def __init__(self, rules: ScreenRules, minimum_lots: int) -> None:
        self.rules = rules
        self.minimum_lots = minimum_lots
        self.orders: list[Listed] = []
        self.band = (1, 10**9)  # lowest and highest price

    def book(self, side: Side) -> list[tuple[OrderId, int, int]]:
        """Ids, prices and lots of a side: the best price first, and of one price who came first."""
        sign = -1 if side is Side.BUY else 1
        found = sorted(
            [order for order in self.orders if order.side is side], key=lambda order: sign * order.price_ticks
        )
        return [(order.order_id, order.price_ticks, order.left_lots) for order in found]

    def named(self, order_id: int) -> Listed | None:
        return next((order for order in self.orders if order.order_id == order_id), None)

    def admits(self, price_ticks: int) -> bool:
        low, high = self.band
        return low <= price_ticks <= high

    def enter(self, order: Listed) -> None:
        self.orders.append(order)

    def remove(self, order: Listed) -> None:
        self.orders.remove(order)

    def select(
        self, owner: int, side: Side, lots: int, order_id: int, worst_ticks: int
    ) -> RejectReason | tuple[OrderId, int, int]:
        """Why it is refused; or of which order, at which price, how many lots are traded."""
        other = Side.SELL if side is Side.BUY else Side.BUY
        listed = [self.named(one) for one, _, _ in self.book(other)]
        orders = [order for order in listed if order is not None]
        prices = list(dict.fromkeys(order.price_ticks for order in orders))
        admitted = [price for price in prices if self.admits(price)]
        best = admitted[: self.rules.levels_max or len(prices)]
        within = [order for order in orders if order.price_ticks in best]
        others = [order for order in within if order.owner != owner]
        if order_id:
            wanted = next((order for order in orders if order.order_id == order_id), None)
            if wanted is None:
                return RejectReason.NOT_SELECTABLE
            if wanted.owner == owner:
                return RejectReason.SELF_SELECTION
            if wanted.price_ticks not in admitted:
                return RejectReason.OUTSIDE_BAND
            if wanted not in others:
                return RejectReason.NOT_SELECTABLE
            if self.rules.strict_level_order and wanted.price_ticks != others[0].price_ticks:
                return RejectReason.NOT_SELECTABLE
            ahead = [order for order in others if order.price_ticks == wanted.price_ticks]
            if self.rules.order_choice is OrderChoice.FIRST and wanted is not ahead[0]:
                return RejectReason.NOT_SELECTABLE
        elif others:
            wanted = others[0]
        elif within:
            return RejectReason.SELF_SELECTION
        else:
            return RejectReason.OUTSIDE_BAND if orders else RejectReason.NO_LIQUIDITY
        if worst_ticks and (
            wanted.price_ticks > worst_ticks if side is Side.BUY else wanted.price_ticks < worst_ticks
        ):
            return RejectReason.NOT_SELECTABLE
        if lots < self.minimum_lots and lots != wanted.left_lots:
            return RejectReason.BELOW_MINIMUM
        if lots > wanted.left_lots and self.rules.oversize is Oversize.REJECT:
            return RejectReason.OVERSIZE
        traded = min(lots, wanted.left_lots)
        wanted.left_lots -= traded
        if not wanted.left_lots:
            self.orders.remove(wanted)
        return wanted.order_id, wanted.price_ticks, traded
