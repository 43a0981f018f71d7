"""Which instruments are cleared, and by which rules."""

from typing import TYPE_CHECKING

from carbonmatch.matching.clearing.cash import CashLedger
from carbonmatch.matching.clearing.changes import hindrance
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.reserving import choose_observers
from carbonmatch.matching.messages import InstrumentDefinition

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.venue import Venue


def configure_clearing(venue: "Venue", book: "Book", definition: InstrumentDefinition) -> None:
    """Clear the book as the definition says, in whose way there is nothing."""
    assert (found := hindrance(book, definition)) is None, found
    rules, clearing = definition.clearing, book.clearing
    if rules is None:
        if isinstance(clearing, Clearing):
            # Nobody looks at its positions afterwards, through which the money is found that has moved.
            clearing.check_moved()
            book.clearing = None
            choose_observers(book)
        return
    cash = cash_ledger(venue, definition.currency)
    if isinstance(clearing, Clearing):
        clearing.go_by(rules, definition.tick_value_minor, cash, venue.last_trade_id)
    else:
        book.clearing = Clearing(
            rules, definition.tick_value_minor, cash, venue.last_trade_id, venue.accounts
        )
    choose_observers(book)


def cash_ledger(venue: "Venue", currency: str) -> CashLedger:
    """The cash of a currency; nobody has any at first."""
    ledger = venue.cash.get(currency)
    if ledger is None:
        ledger = venue.cash[currency] = CashLedger(currency)
    return ledger
