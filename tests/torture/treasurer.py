"""The operator who gives accounts what they trade with, and asks after each start what they have by then."""

from typing import Final

from carbonmatch.client import Access, Session
from carbonmatch.matching.messages import AccountId, Cash
from tests.torture.venue import ACCOUNT_OF, CLEARED, CURRENCY

# Enough for most orders, and not for all.
_UNITS_LOTS: Final = 20_000
_MONEY_MINOR: Final = 60_000_000

# What an account has: units and money, with what is reserved of both.
Wealth = tuple[int, int]


class Treasurer:
    """Comes with a connection of its own each time."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.check_count = 0

    async def deposit(self) -> None:
        """Once, before anybody trades."""
        async with Session(self._access) as session:
            for account_id in sorted(set(ACCOUNT_OF.values())):
                await session.deposit_units(account_id, CLEARED, _UNITS_LOTS, "to trade with")
                await session.deposit_money(account_id, CURRENCY, _MONEY_MINOR, "to trade with")

    async def check(self) -> dict[AccountId, Wealth]:
        """Raises AssertionError where there is more or less than was deposited; what each account has.

        All is told at one moment, whoever trades meanwhile.
        """
        async with Session(self._access) as session:
            told = await session.inspect_holdings()
        lots: dict[AccountId, int] = {}
        money: dict[AccountId, int] = {}
        for one in told:
            if isinstance(one, Cash):
                assert one.total_minor == one.available_minor + one.reserved_minor, one
                assert min(one.available_minor, one.reserved_minor) >= 0, one
                money[one.account_id] = one.total_minor
            else:
                assert one.total_lots == one.available_lots + one.reserved_lots + one.unsettled_lots, one
                assert min(one.available_lots, one.reserved_lots, one.unsettled_lots) >= 0, one
                lots[one.account_id] = one.total_lots
        accounts = sorted(map(AccountId, set(ACCOUNT_OF.values())))
        found = {one: (lots.get(one, 0), money.get(one, 0)) for one in accounts}
        expected = (len(accounts) * _UNITS_LOTS, len(accounts) * _MONEY_MINOR)
        total = (sum(one for one, _ in found.values()), sum(one for _, one in found.values()))
        assert total == expected, f"accounts have {total} in all, {expected} was deposited: {told}"
        self.check_count += 1
        return found


def follows(moved: dict[AccountId, Wealth]) -> dict[AccountId, Wealth]:
    """What each account must have after trades that have `moved` so much to it."""
    return {
        account_id: (_UNITS_LOTS + lots, _MONEY_MINOR + minor)
        for account_id, (lots, minor) in sorted(moved.items())
    }
