"""Whether the journal holds what was published: each figure beside what the records add up to.

Everything found is of the `ledger`. The plan is only asked for what nobody has published: the days of a
replay that is cut short, and how the pilots' total was divided.
"""

from collections import Counter
from datetime import date
from typing import Literal

from msgspec import Struct

from carbonmatch.launch import assumptions, figures
from carbonmatch.launch.ledger import Ledger, Sum
from carbonmatch.launch.plan import NATIONAL, Plan

Unit = Literal["t", "CNY", "CNY/t", ""]


class Check(Struct, frozen=True):
    """A figure, what the journal says instead of it, and who published it."""

    group: Literal["published", "plan", "conserved", "held", "journal"]
    name: str
    unit: Unit  # of both numbers; CNY: they are in fen
    expected: int | str
    found: int | str
    source: str = ""

    @property
    def ok(self) -> bool:
        return self.expected == self.found


def published(ledger: Ledger, last: date) -> list[Check]:
    """The figures of days that the replay has reached, up to `last`."""
    checks = []
    for total in figures.NATIONAL:
        if total.last > last:
            continue
        found = ledger.total(total.first, total.last, symbol=NATIONAL, section=total.section)
        name = f"{total.name}, {total.section}" if total.section != "all" else total.name
        checks.append(Check("published", name, "t", total.tonnes, found.tonnes, total.source.key))
        if total.fen is not None:
            checks.append(Check("published", name, "CNY", total.fen, found.fen, total.source.key))
    checks += [_price(ledger, price) for price in figures.PRICES if price.day <= last]
    for extreme in figures.EXTREMES:
        if extreme.last > last:
            continue
        sections = [
            section
            for (symbol, day, is_block), section in ledger.sections.items()
            if symbol == NATIONAL and extreme.first <= day <= extreme.last and not is_block
        ]
        low = min(section.low_ticks for section in sections)
        high = max(section.high_ticks for section in sections)
        key = extreme.source.key
        checks.append(Check("published", f"{extreme.name}, lowest", "CNY/t", extreme.low, low, key))
        checks.append(Check("published", f"{extreme.name}, highest", "CNY/t", extreme.high, high, key))
    if last == figures.LAST_DAY:
        found = _pilots(ledger)
        checks.append(Check("published", "seven pilots", "t", figures.PILOT_TONNES, found.tonnes, "press"))
        checks.append(Check("published", "seven pilots", "CNY", figures.PILOT_FEN, found.fen, "press"))
    return checks


def _pilots(ledger: Ledger) -> Sum:
    result = Sum()
    for pilot in assumptions.PILOTS:
        found = ledger.total(figures.FIRST_DAY, figures.LAST_DAY, symbol=pilot.symbol)
        result.add(found.tonnes, found.fen, found.trades)
    return result


def _price(ledger: Ledger, price: figures.Price) -> Check:
    name = f"{price.name} of {price.day:%-d %B}"
    section = ledger.sections.get((NATIONAL, price.day, False))
    if price.name == "reference":
        found = ledger.references.get((NATIONAL, price.day), 0)
    elif section is None:
        found = 0
    elif price.name == "first trade":
        found = section.first_ticks
    else:
        found = ledger.closes.get((NATIONAL, price.day), 0)
    return Check("published", name, "CNY/t", price.fen, found, price.source.key)


def planned(ledger: Ledger, plan: Plan, last: date) -> list[Check]:
    """Each market's days up to `last`, as the plan has them."""
    expected: dict[tuple[str, date, bool], Sum] = {}
    for deal in plan.deals:
        if deal.day <= last:
            key = (deal.market, deal.day, deal.is_block)
            expected.setdefault(key, Sum()).add(deal.tonnes, deal.tonnes * deal.price)
    found = {key: section.sum for key, section in ledger.sections.items()}
    keys = [*expected, *(key for key in found if key not in expected)]
    differing = [key for key in keys if expected.get(key) != found.get(key)]
    words = ", ".join(f"{symbol} {day}" for symbol, day, _ in differing[:3])
    checks = [Check("plan", "days of a market's section that differ", "", "none", words or "none")]
    for pilot in assumptions.PILOTS:
        sums = [one for (symbol, _, _), one in expected.items() if symbol == pilot.symbol]
        total = ledger.total(figures.FIRST_DAY, last, symbol=pilot.symbol)
        tonnes, fen = sum(one.tonnes for one in sums), sum(one.fen for one in sums)
        checks.append(Check("plan", pilot.place, "t", tonnes, total.tonnes))
        checks.append(Check("plan", pilot.place, "CNY", fen, total.fen))
    return checks


def covered(ledger: Ledger) -> list[Check]:
    """Nobody has sold what it had not, or had bought the same day, and nobody has paid what it had not."""
    short = [key for key, one in ledger.holdings.items() if ledger.deposited[key] + one.least_tonnes < 0]
    overdrawn = [
        account for (account, _), one in ledger.holdings.items() if ledger.funded[account] + one.least_fen < 0
    ]
    return [
        Check("conserved", "accounts that sold what they did not have yet", "", 0, len(short)),
        Check("conserved", "accounts that paid what they did not have", "", 0, len(overdrawn)),
    ]


def held(ledger: Ledger) -> list[Check]:
    """What accounts have in the end, by the venue, is what came in and what their trades have moved."""
    checks = []
    for instrument_id, symbol in ledger.symbols.items():
        came, there = (
            sum(tonnes for (_, of), tonnes in units.items() if of == instrument_id)
            for units in (ledger.deposited, ledger.held)
        )
        checks.append(Check("held", f"{symbol} in all accounts", "t", came, there))
    fees = sum(one.fees for one in ledger.holdings.values())
    money = sum(ledger.cash.values())
    units, fen = Counter(ledger.deposited), Counter(ledger.funded)
    for key, one in ledger.holdings.items():
        units[key] += one.net_tonnes
        fen[key[0]] += one.net_fen
    odd_units = [key for key in {**units, **ledger.held} if units[key] != ledger.held.get(key, 0)]
    odd_money = [key for key in {**fen, **ledger.cash} if fen[key] != ledger.cash.get(key, 0)]
    return [
        *checks,
        Check("held", "money in all accounts, and fees", "CNY", ledger.funded.total(), money + fees),
        Check("held", "accounts with other units than came in and were traded", "", 0, len(odd_units)),
        Check("held", "accounts with other money than came in and was traded", "", 0, len(odd_money)),
    ]


def conserved(ledger: Ledger) -> list[Check]:
    """What was bought was sold, what was paid was received, and every trade is told alike to all three."""
    checks = []
    for instrument_id, symbol in ledger.symbols.items():
        those = [held for (_, of), held in ledger.holdings.items() if of == instrument_id]
        traded = ledger.total(date.min, date.max, symbol=symbol)
        for name, tonnes in (
            ("bought", sum(one.bought for one in those)),
            ("sold", sum(one.sold for one in those)),
        ):
            checks.append(Check("conserved", f"{symbol} {name}", "t", traded.tonnes, tonnes))
        for name, fen in (
            ("paid", sum(one.paid for one in those)),
            ("received", sum(one.received for one in those)),
        ):
            checks.append(Check("conserved", f"{symbol} {name}", "CNY", traded.fen, fen))
    odd = ", ".join(map(str, ledger.odd_trades[:3]))
    checks.append(Check("conserved", "trades whose three reports do not agree", "", "none", odd or "none"))
    return checks
