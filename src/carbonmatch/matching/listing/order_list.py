"""The orders of a book one by one: what of them has changed in a batch, and which of them there are by id.

Only instruments that are selected from, or whose orders market data shows, keep such a list.
"""

from typing import TYPE_CHECKING

from carbonmatch.matching.clearing.reserving import choose_observers
from carbonmatch.matching.ladder import Observer, Order
from carbonmatch.matching.messages import OrderId, OrderListed, ScreenMechanism

if TYPE_CHECKING:
    from carbonmatch.matching.accounts import Account
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.venue import Venue


class OrderList(Observer):
    """Invariant: `orders` has each order in the book; `changed` nothing unless the list is public.

    `changed` has the orders that came, went or were reduced since the outputs were last taken, with whether
    they have come to stand behind the others of their level: in the order in which they did.
    """

    __slots__ = ("changed", "is_public", "orders")

    def __init__(self) -> None:
        self.orders: dict[OrderId, Order] = {}
        self.changed: dict[Order, bool] = {}
        self.is_public = False

    def rested(self, order: Order) -> None:
        self.orders[order.order_id] = order
        if self.is_public:
            # To the end: it stands behind whatever came before it.
            self.changed.pop(order, None)
            self.changed[order] = True

    def removed(self, order: Order) -> None:
        del self.orders[order.order_id]
        if self.is_public:
            self.changed[order] = False

    def reduced(self, order: Order, lots: int) -> None:  # noqa: ARG002
        self.note(order)

    def traded(self, order: Order, taker: "Account", lots: int) -> None:  # noqa: ARG002
        if not order.leaves_lots and not order.hidden_lots:
            self.removed(order)

    def note(self, order: Order) -> None:
        """It may have less, and stands where it stood."""
        if self.is_public:
            self.changed.setdefault(order, False)

    def take(self, book: "Book") -> list[OrderListed]:
        """What of its orders has changed; the list keeps nothing of it."""
        changed, self.changed = self.changed, {}
        instrument_id = book.instrument.instrument_id
        return [
            OrderListed(
                instrument_id,
                order.order_id,
                order.ladder.side,
                order.level.price_ticks,
                order.leaves_lots if order.order_id in self.orders else 0,
                is_last,
            )
            for order, is_last in changed.items()
        ]

    def check(self, book: "Book") -> None:
        assert self.orders == {order.order_id: order for order in book.orders()}
        assert self.is_public or not self.changed


def configure(venue: "Venue", book: "Book") -> None:
    """Give the book an order list where its definition asks for one, or take it away.

    Where the list becomes public, whatever rests is told as if it had just come, in its priority.
    """
    rules = book.instrument.definition.screen
    if rules.order_list or rules.mechanism is ScreenMechanism.LISTING:
        if book.order_list is None:
            book.order_list = OrderList()
            book.order_list.orders = {order.order_id: order for order in book.orders()}
            choose_observers(book)
        _publish(venue, book, book.order_list, is_public=rules.order_list)
    elif book.order_list is not None:
        _publish(venue, book, book.order_list, is_public=False)
        book.order_list = None
        choose_observers(book)


def _publish(venue: "Venue", book: "Book", order_list: OrderList, *, is_public: bool) -> None:
    if order_list.is_public == is_public:
        return
    order_list.is_public = is_public
    instrument_id = book.instrument.instrument_id
    if is_public:
        # In the order of their ids, as after a restart.
        venue.listed = dict(sorted({**venue.listed, instrument_id: book}.items()))
        for order in book.orders():
            order_list.rested(order)
    else:
        del venue.listed[instrument_id]
        order_list.changed = {}


def take_changes(venue: "Venue") -> list[OrderListed]:
    """What has changed of the orders of all public lists, before the dirty levels are forgotten.

    A maker that is left with less stays where it is, and no ladder is told (see `price_time`): but only the
    first order of a level can be such a maker, and the level is dirty then.
    """
    for level in venue.dirty:
        book = venue.listed.get(level.instrument_id)
        if book is not None and level.first is not None:
            assert book.order_list is not None
            book.order_list.note(level.first)
    changed: list[OrderListed] = []
    for book in venue.listed.values():
        assert book.order_list is not None
        changed += book.order_list.take(book)
    return changed
