"""When an instrument may be cleared by other rules: what is reserved or pending goes by those of before.

At once: limits and thresholds, fees of sellers, and how many days settlement takes; which days count for what
is carried over, as long as none of them has ended. Beside a cut-off the days of settlement change once all
is settled that was bought. Once nothing is ordered to be bought: fees of buyers, and what a tick is worth.
Once the day has ended as well: the currency, and whether money is held. Clearing begins when nothing is
open, and it ends when nothing is held.
"""

from typing import TYPE_CHECKING

from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.cut_off import saved_days
from carbonmatch.matching.messages import CarryOverRules, ClearingRules, InstrumentDefinition

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
    return _settling(clearing, rules) or _counted(clearing, rules.carry_over)


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


def _settling(clearing: Clearing, rules: ClearingRules) -> str | None:
    """Beside a cut-off what is pending keeps its day, and a bust finds it by the rules in force."""
    before = clearing.rules
    if not (saved_days(before) or saved_days(rules)):
        return None
    is_the_same = (before.lag_days, before.late_lag_days) == (rules.lag_days, rules.late_lag_days)
    # Where all that is pending was bought today, all of it was bought in time for the first cut-off.
    is_the_first = not saved_days(before) and before.lag_days == rules.lag_days == 1
    lots = sum(sum(position.unsettled_lots) for position in clearing.positions.values())
    if is_the_same or is_the_first or not lots:
        return None
    why = "lag_days or late_lag_days change beside a cut_off"
    return f"{lots} lots are bought and not settled yet; expected none where {why}"


def _counted(clearing: Clearing, rules: CarryOverRules | None) -> str | None:
    """What was not counted as a day ended is known of no day, and what was counted of all together."""
    if clearing.net_sales is None or rules is None:
        return None
    before, until_day = clearing.net_sales.rules, clearing.rolled_day
    if _ended_days(before, until_day) == _ended_days(rules, until_day):
        return None
    found = f"net sales are counted from {before.from_day} to {before.until_day}, and {until_day} has ended"
    return f"{found}; expected no other days of those that have ended, or no carry_over, which forgets them"


def _ended_days(rules: CarryOverRules, until_day: int) -> tuple[int, int] | None:
    """The first and the last day that counts, of those up to this one; None: there is none."""
    days = (rules.from_day, min(rules.until_day, until_day))
    return days if days[0] <= days[1] else None


def _of_today(clearing: Clearing) -> str | None:
    minor = sum(position.proceeds_minor for position in clearing.positions.values())
    found = f"sales of the trading day in progress have brought {minor} minor units"
    return f"{found}; expected the day to have ended" if minor else None
