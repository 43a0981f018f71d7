"""Icebergs: a slice of the order is in the book for everyone to see, the rest waits behind it.

`leaves_lots` of a resting order is its slice and `hidden_lots` the rest. While an order takes, all of it
is in `leaves_lots`. A fresh slice goes to the back of its level, so nobody jumps a queue by hiding.
"""

from carbonmatch.matching.ladder import Ladder, Level, Order


def show_slice(order: Order) -> None:
    """Split what an order has left before it rests; an order that is no iceberg shows all of it."""
    terms = order.terms
    if terms is None or not terms.display_lots:
        return
    left_lots = order.leaves_lots + order.hidden_lots
    order.leaves_lots = min(left_lots, terms.display_lots)
    order.hidden_lots = left_lots - order.leaves_lots


def refresh(ladder: Ladder, order: Order, dirty: list[Level]) -> None:
    """The slice is used up: show the next one, at the back of its level."""
    assert order.leaves_lots == 0
    assert order.hidden_lots
    key = order.level.key
    ladder.remove(order, dirty)
    show_slice(order)
    ladder.rest(order, key, dirty)
