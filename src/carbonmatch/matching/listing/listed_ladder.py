"""A side of the book whose orders are listed one by one."""

from typing import TYPE_CHECKING

from carbonmatch.matching.ladder import Ladder, Level, Order

if TYPE_CHECKING:
    from carbonmatch.matching.listing.order_list import OrderList


class ListedLadder(Ladder):
    """A side of the book whose orders are in the book's order list.

    No slots of its own, so that a ladder can become one, and be one no longer, with orders on it.
    """

    __slots__ = ()

    def rest(self, order: Order, key: int, dirty: list[Level]) -> None:
        super().rest(order, key, dirty)
        self._order_list().rested(order)

    def remove(self, order: Order, dirty: list[Level]) -> None:
        super().remove(order, dirty)
        self._order_list().removed(order)

    def reduce(self, order: Order, lots: int, dirty: list[Level]) -> None:
        super().reduce(order, lots, dirty)
        self._order_list().reduced(order)

    def take_first(self, orders: list[Order], dirty: list[Level]) -> None:
        super().take_first(orders, dirty)
        for order in orders:
            self._order_list().removed(order)

    def _order_list(self) -> "OrderList":
        order_list = self.book.order_list
        assert order_list is not None, "a listed ladder is of a book with a list"
        return order_list
