"""When an instrument may be cleared by other rules: what is reserved or pending goes by those of before.

At once: limits and thresholds, fees of sellers, and how many days settlement takes. Once nothing is ordered
to be bought: fees of buyers, and what a tick is worth. Once the day has ended as well: the currency, and
whether money is held. Clearing begins when nothing is open, and it ends when nothing is held.
"""

from typing import TYPE_CHECKING

from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.messages import InstrumentDefinition

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book


def hindrance(book: "Book", definition: InstrumentDefinition) -> str | None:
    """What is in the way of clearing the book by this definition, found and expected; None: nothing."""
    clearing = book.clearing
    if not isinstance(clearing, Clearing):
        return None if definition.clearing is None else _at_the_beginning(book)
    if definition.clearing is None:
        return _bought(clearing, "clearing ends") or _at_the_end(clearing)
    rules, currency = definition.clearing, definition.currency
    if not clearing.holds_the_same(rules, currency):
        return _bought(clearing, "the currency changes, or whether money is held") or _of_today(clearing)
    if not clearing.reserves_the_same(rules, definition.tick_value_minor):
        return _bought(clearing, "fees of buyers or tick_value_minor change")
    return None


def _at_the_beginning(book: "Book") -> str | None:
    count = len([*book.orders(), *book.stops(), *book.waiting(), *book.biddings])
    count += 0 if book.blocks is None else len(book.blocks.proposals)
    found = f"{count} orders, blocks and biddings are open that have reserved nothing"
    return f"{found}; expected none where clearing begins" if count else None


def _at_the_end(clearing: Clearing) -> str | None:
    lots = clearing.deposited_lots
    if lots:
        return f"accounts hold {lots} lots; expected all to be withdrawn where clearing ends"
    return _of_today(clearing)


def _bought(clearing: Clearing, why: str) -> str | None:
    lots = sum(position.buying_lots for position in clearing.positions.values())
    return f"{lots} lots are ordered to be bought; expected none where {why}" if lots else None


def _of_today(clearing: Clearing) -> str | None:
    minor = sum(position.proceeds_minor for position in clearing.positions.values())
    found = f"sales of the trading day in progress have brought {minor} minor units"
    return f"{found}; expected the day to have ended" if minor else None
