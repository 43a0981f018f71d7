"""What a replay came to, as one value: the report is drawn from it, and as JSON it is for programs."""

from datetime import date

import msgspec
from msgspec import Struct

from carbonmatch.launch import figures
from carbonmatch.launch.checks import Check
from carbonmatch.launch.ledger import Ledger
from carbonmatch.launch.plan import half_up


class Day(Struct, frozen=True):
    """A day of one market; prices in fen, 0 where nothing traded on the screen."""

    day: date
    screen_tonnes: int
    screen_fen: int
    block_tonnes: int
    block_fen: int
    trades: int
    low: int
    high: int
    close: int
    band_low: int
    band_high: int


class Accounts(Struct, frozen=True):
    """What a market's companies have had together; tonnes, and fen."""

    deposited_tonnes: int
    held_tonnes: int  # in the end
    moved_tonnes: int  # what the buyers have more of in the end than they began with
    companies_with_more: int
    companies_with_less: int
    deposited_fen: int
    held_fen: int  # in the end
    fees_fen: int


class Market(Struct, frozen=True):
    symbol: str
    place: str
    companies: int
    companies_that_dealt: int
    accounts: Accounts
    days: list[Day]

    @property
    def screen_tonnes(self) -> int:
        return sum(day.screen_tonnes for day in self.days)

    @property
    def block_tonnes(self) -> int:
        return sum(day.block_tonnes for day in self.days)

    @property
    def tonnes(self) -> int:
        return self.screen_tonnes + self.block_tonnes

    @property
    def fen(self) -> int:
        return sum(day.screen_fen + day.block_fen for day in self.days)

    @property
    def trades(self) -> int:
        return sum(day.trades for day in self.days)

    @property
    def block_share_basis_points(self) -> int:
        return half_up(10_000 * self.block_tonnes, self.tonnes) if self.tonnes else 0


class Machine(Struct, frozen=True):
    """What the run took, and what it wrote."""

    seconds: float  # of trading, and of reading and executing it again
    trading_seconds: float
    simulated_seconds: int
    restarts: int
    commands: int
    records: int
    reports: int
    feed_messages: int
    journal_bytes: int
    state_digest: str


class Outcome(Struct, frozen=True):
    seed: int
    version: str
    markets: list[Market]
    checks: list[Check]
    commands: dict[str, int]
    rejects: dict[str, int]
    cancels: dict[str, int]
    kinds: dict[str, dict[str, int]]
    machine: Machine

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def national(self) -> Market:
        return self.markets[0]

    @property
    def is_whole(self) -> bool:
        days = self.national.days
        return bool(days) and days[0].day == figures.FIRST_DAY and days[-1].day == figures.LAST_DAY

    def fourth_quarter_basis_points(self) -> int:
        """The last quarter's share of the national volume."""
        last = sum(day.screen_tonnes + day.block_tonnes for day in self.national.days if day.day.month >= 10)
        return half_up(10_000 * last, self.national.tonnes)


def market_of(ledger: Ledger, symbol: str, place: str, accounts: range, days: list[date]) -> Market:
    """What the ledger has of a market, whose companies have these accounts."""
    made = []
    band = (0, 0)
    close = 0
    for day in days:
        band = ledger.bands.get((symbol, day), band)
        screen = ledger.sections.get((symbol, day, False))
        block = ledger.sections.get((symbol, day, True))
        close = ledger.closes.get((symbol, day), close)
        made.append(
            Day(
                day,
                screen.sum.tonnes if screen else 0,
                screen.sum.fen if screen else 0,
                block.sum.tonnes if block else 0,
                block.sum.fen if block else 0,
                (screen.sum.trades if screen else 0) + (block.sum.trades if block else 0),
                screen.low_ticks if screen else 0,
                screen.high_ticks if screen else 0,
                close,
                *band,
            )
        )
    dealt = ledger.dealt()
    return Market(
        symbol,
        place,
        len(accounts),
        sum(account in dealt for account in accounts),
        _accounts_of(ledger, symbol, accounts),
        made,
    )


def _accounts_of(ledger: Ledger, symbol: str, accounts: range) -> Accounts:
    instrument_id = next(number for number, of in ledger.symbols.items() if of == symbol)
    nets = [one.net_tonnes for (_, of), one in ledger.holdings.items() if of == instrument_id]
    return Accounts(
        sum(tonnes for (_, of), tonnes in ledger.deposited.items() if of == instrument_id),
        sum(tonnes for (_, of), tonnes in ledger.held.items() if of == instrument_id),
        sum(net for net in nets if net > 0),
        sum(net > 0 for net in nets),
        sum(net < 0 for net in nets),
        sum(fen for account, fen in ledger.funded.items() if account in accounts),
        sum(fen for account, fen in ledger.cash.items() if account in accounts),
        sum(one.fees for (_, of), one in ledger.holdings.items() if of == instrument_id),
    )


def as_json(outcome: Outcome) -> bytes:
    """All of it, indented; days as ISO dates, money in fen."""
    found = {
        **msgspec.to_builtins(outcome),
        "ok": outcome.ok,
        "fourth_quarter_basis_points": outcome.fourth_quarter_basis_points(),
        "block_share_basis_points": {
            market.symbol: market.block_share_basis_points for market in outcome.markets
        },
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
