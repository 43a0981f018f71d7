"""Orders with a time to go: who is next, and letting go whose time is up.

Time passes with entries only. Every entry lets go what is due before its commands, so an order never
trades at its time or later, but for those beyond what one entry may let go.
"""

from typing import TYPE_CHECKING, Final

from sortedcontainers import SortedDict

from carbonmatch.limits import ENTRY_EXPIRIES_MAX, TIME_NS_MAX
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import NO_REF, CancelReason, OrderId

if TYPE_CHECKING:
    from carbonmatch.matching.venue import Venue

# Later than any entry.
NEVER_NS: Final = TIME_NS_MAX + 1


class Expiries:
    """The open orders that have a time, in the order of their times and then of their ids.

    Invariant: `next_ns` is the first of the times, NEVER_NS where there is none.
    """

    __slots__ = ("_orders", "next_ns")

    def __init__(self) -> None:
        self._orders: SortedDict[tuple[int, OrderId], Order] = SortedDict()
        self.next_ns = NEVER_NS

    def add(self, order: Order) -> None:
        """Take note of an open order; one without a time is left alone."""
        terms = order.terms
        if terms is None or not terms.expires_ns:
            return
        self._orders[terms.expires_ns, order.order_id] = order
        self.next_ns = min(self.next_ns, terms.expires_ns)

    def discard(self, order: Order) -> None:
        """Forget an order; one without a time was never noted."""
        terms = order.terms
        if terms is None or not terms.expires_ns:
            return
        del self._orders[terms.expires_ns, order.order_id]
        if terms.expires_ns == self.next_ns:
            self.next_ns = self._orders.peekitem(0)[0][0] if self._orders else NEVER_NS

    def first(self) -> Order:
        """The order which is next; there is one."""
        return self._orders.peekitem(0)[1]

    def check(self, orders: list[Order]) -> None:
        """Assert that exactly those of `orders` which have a time are here."""
        timed = [order for order in orders if order.terms is not None and order.terms.expires_ns]
        assert len(self._orders) == len(timed)
        for order in timed:
            assert order.terms is not None
            assert self._orders[order.terms.expires_ns, order.order_id] is order
        first_ns = min((key[0] for key in self._orders), default=NEVER_NS)
        assert self.next_ns == first_ns


def expire_due(venue: "Venue") -> None:
    """Let go the orders whose time is not after that of the entry, as many as one entry may."""
    expiries = venue.expiries
    for _ in range(ENTRY_EXPIRIES_MAX):
        if expiries.next_ns > venue.time_ns:
            break
        venue.end(expiries.first(), NO_REF, CancelReason.EXPIRED)
