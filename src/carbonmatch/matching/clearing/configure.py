"""Which instruments are cleared, and by which rules."""

from typing import TYPE_CHECKING

from carbonmatch.matching.clearing.cash import CashLedger
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.reserving import choose_observers

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.venue import Venue


def configure_clearing(venue: "Venue", book: "Book") -> None:
    """Clear the book by the rules of its definition, which has just come into force.

    What orders have reserved was computed by the rules from before, so other ones come while there is none.
    """
    definition = book.instrument.definition
    rules = definition.clearing
    clearing = book.clearing if isinstance(book.clearing, Clearing) else None
    if clearing is None and rules is None:
        return
    if clearing is not None and clearing.is_by(rules, definition.tick_value_minor, definition.currency):
        return
    assert not any(map(any, (book.orders(), book.stops(), book.waiting()))), "orders hold by other rules"
    if rules is None:
        assert clearing is not None
        assert not clearing.deposited_lots, "units that are held have to be withdrawn before"
        book.clearing = None
    else:
        assert clearing is None or not clearing.deposited_lots, "units are held by other rules"
        cash = cash_ledger(venue, definition.currency)
        book.clearing = Clearing(rules, definition.tick_value_minor, cash, venue.last_trade_id)
    choose_observers(book)


def cash_ledger(venue: "Venue", currency: str) -> CashLedger:
    """The cash of a currency; nobody has any at first."""
    ledger = venue.cash.get(currency)
    if ledger is None:
        ledger = venue.cash[currency] = CashLedger(currency)
    return ledger
