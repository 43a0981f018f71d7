"""One price for several instruments, as for all vintages of an allowance: their average by given weights.

Of each member counts the last trade of the day's screen that stands, or else its reference price, which is
the close of the day before: SEEE 2025 No. 13 weights five vintages with a fifth each. So a bust puts the
composite back to what it would be had the trade never been, and once the days of all members have ended it
is the average of their closes. Nothing trades at a composite price.
"""

from collections.abc import Iterable, Mapping

from carbonmatch.matching.book import Book
from carbonmatch.matching.messages import CompositeDefinition, InstrumentId
from carbonmatch.matching.prices.bands import half_up


class Composite:
    """One of a venue. Invariant: between batches everyone was told what it is."""

    __slots__ = ("definition", "told_ticks")

    def __init__(self, definition: CompositeDefinition, told_ticks: int | None = None) -> None:
        self.definition = definition
        self.told_ticks = told_ticks  # None: nothing of it was told yet

    def price_ticks(self, books: Mapping[InstrumentId, Book]) -> int:
        """What it is now; 0: there is none."""
        return composite_price_ticks(
            (member_price_ticks(books[member.instrument_id]), member.weight)
            for member in self.definition.members
        )


def member_price_ticks(book: Book) -> int:
    """The last trade of the day that stands, or else the reference price; 0 where there is neither."""
    last_ticks = 0 if book.prices is None else book.prices.last_ticks
    return last_ticks or book.instrument.definition.reference_price_ticks


def composite_price_ticks(members: Iterable[tuple[int, int]]) -> int:
    """The average of prices by their weights, to the nearest tick; of two that are as near, the higher.

    0 without members, and where one has no price (0): an average without it would be another composite's.
    """
    total = weights = 0
    for price_ticks, weight in members:
        assert weight > 0, "what does not count is no member"
        if not price_ticks:
            return 0
        total += price_ticks * weight
        weights += weight
    return half_up(total, weights) if weights else 0
