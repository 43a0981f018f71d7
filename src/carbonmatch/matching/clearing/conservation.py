"""Units and money neither come nor go by trading: looked at after every batch, before anybody hears of it.

Only those accounts are looked at in which something has moved since the last time, so that it costs by what
has happened, and not by how many accounts there are. A venue in which nothing is cleared pays for a question.
"""

from typing import TYPE_CHECKING

from carbonmatch.matching.clearing.clearing import Clearing

if TYPE_CHECKING:
    from carbonmatch.matching.venue import Venue


def check_conservation(venue: "Venue") -> None:
    """Assert that all accounts together have as much more as has come in from outside, and nobody owes."""
    if not venue.cash:
        return
    for book in venue.books.values():
        if isinstance(book.clearing, Clearing):
            book.clearing.check_moved()
    for ledger in venue.cash.values():
        ledger.check_moved()
