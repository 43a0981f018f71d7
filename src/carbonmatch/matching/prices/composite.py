"""One price for several instruments, as for all vintages of an allowance: their average by given weights.

Of each member counts the last trade of the day's screen that stands, or else its reference price, which is
the close of the day before: SEEE 2025 No. 13 weights five vintages with a fifth each. So a bust puts the
composite back to what it would be had the trade never been, and once the days of all members have ended it
is the average of their closes. Nothing trades at a composite price.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from carbonmatch.matching.book import Book
from carbonmatch.matching.messages import CompositeDefinition, InstrumentId
from carbonmatch.matching.prices.bands import half_up


class Weighted(NamedTuple):
    """The price of one member, and how much it counts."""

    price_ticks: int  # 0: it has none yet
    weight: int


class Composite:
    """One of a venue. Invariant: between batches everyone was told what it is."""

    __slots__ = ("definition", "told_ticks")

    def __init__(self, definition: CompositeDefinition, told_ticks: int | None = None) -> None:
        self.definition = definition
        self.told_ticks = told_ticks  # None: nothing of it was told yet

    def price_ticks(self, books: Mapping[InstrumentId, Book]) -> int:
        """What it is now; 0: there is none."""
        return composite_price_ticks(
            Weighted(member_price_ticks(books[member.instrument_id]), member.weight)
            for member in self.definition.members
        )


def member_price_ticks(book: Book) -> int:
    """The last trade of the day that stands, or else the reference price; 0 where there is neither."""
    last_ticks = 0 if book.prices is None else book.prices.last_ticks
    return last_ticks or book.instrument.definition.reference_price_ticks


def composite_price_ticks(members: Iterable[Weighted]) -> int:
    """The average by weight, to the nearest tick; of two that are as near, the higher.

    0 without members, and where one has no price: an average without it would be that of another composite.
    """
    weighed = list(members)
    assert all(member.weight > 0 for member in weighed), "what does not count is no member"
    if not weighed or not all(member.price_ticks for member in weighed):
        return 0
    total = sum(member.price_ticks * member.weight for member in weighed)
    return half_up(total, sum(member.weight for member in weighed))
