"""One price for several instruments, as for all vintages of an allowance: their average by given weights.

Of each member counts the last price of its screen, or else its reference price: SEEE 2025 No. 13 weights five
vintages with a fifth each. Nothing trades at a composite price.
"""

from collections.abc import Iterable
from typing import NamedTuple

from carbonmatch.matching.book import Book
from carbonmatch.matching.prices.bands import half_up


class Weighted(NamedTuple):
    """The price of one member, and how much it counts."""

    price_ticks: int  # 0: it has none yet
    weight: int


def member_price_ticks(book: Book) -> int:
    """The last price of the screen, or else the reference price; 0 where there is neither."""
    return book.last_price_ticks or book.instrument.definition.reference_price_ticks


def composite_price_ticks(members: Iterable[Weighted]) -> int:
    """The average by weight, to the nearest tick; of two that are as near, the higher.

    0 where a member has no price: an average without it would be that of another composite.
    """
    weighed = list(members)
    assert weighed, "a composite has at least one member"
    assert all(member.weight > 0 for member in weighed), "what does not count is no member"
    if not all(member.price_ticks for member in weighed):
        return 0
    total = sum(member.price_ticks * member.weight for member in weighed)
    return half_up(total, sum(member.weight for member in weighed))
