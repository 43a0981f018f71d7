"""The money that accounts have in one currency, over all instruments that are traded in it."""

from carbonmatch.matching.messages import AccountId


class Cash:
    """So much money of one account, in minor units: free, or reserved for orders to buy.

    Invariant: neither is negative, and together they are `total_minor`. `proceeds_minor` came in by sales
    of trading days in progress: it may buy at once, but leaves the venue after the day only. What it has
    bought of the account by then counts as paid from other money, so that no more than is certain leaves.
    """

    __slots__ = ("checked_minor", "has_moved", "proceeds_minor", "reserved_minor", "total_minor")

    def __init__(self) -> None:
        self.total_minor = 0
        # Kept in place of what is free, which both sides of every trade would have to write as well.
        self.reserved_minor = 0
        self.proceeds_minor = 0
        # What it was when money was looked at last, and whether some has moved since.
        self.checked_minor = 0
        self.has_moved = False

    @property
    def free_minor(self) -> int:
        return self.total_minor - self.reserved_minor

    @property
    def withdrawable_minor(self) -> int:
        return max(0, self.free_minor - self.proceeds_minor)

    def add(self, minor: int) -> None:
        self.total_minor += minor

    def take(self, minor: int) -> None:
        """So much of its free money is the account's no longer."""
        assert minor <= self.free_minor, "nobody spends what it does not have"
        self.total_minor -= minor

    def check(self) -> None:
        assert 0 <= self.reserved_minor <= self.total_minor
        assert self.proceeds_minor >= 0


class CashLedger:
    """The cash of every account in one currency, and the fees that trades have left with the venue.

    Invariant: all of it together is what was deposited, less what was withdrawn.
    """

    __slots__ = ("accounts", "checked_minor", "currency", "deposited_minor", "fees_minor", "moved")

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.accounts: dict[AccountId, Cash] = {}
        self.fees_minor = 0
        self.deposited_minor = 0
        # What all had when money was looked at last, and the cash of which some has moved since.
        self.checked_minor = 0
        self.moved: list[Cash] = []

    def of(self, account_id: AccountId) -> Cash:
        """The account's cash; none at first."""
        cash = self.accounts.get(account_id)
        if cash is None:
            cash = self.accounts[account_id] = Cash()
        return cash

    def moving(self, account_id: AccountId) -> Cash:
        """The account's cash, of which some is about to come or go."""
        cash = self.of(account_id)
        self.look_at(cash)
        return cash

    def look_at(self, cash: Cash) -> None:
        """Let `check_moved` look at it, since some of it may have come or gone."""
        if not cash.has_moved:
            cash.has_moved = True
            self.moved.append(cash)

    def deposit(self, account_id: AccountId, minor: int) -> None:
        self.moving(account_id).add(minor)
        self.deposited_minor += minor

    def may_withdraw(self, account_id: AccountId, minor: int) -> bool:
        cash = self.accounts.get(account_id)
        return cash is not None and minor <= cash.withdrawable_minor

    def withdraw(self, account_id: AccountId, minor: int) -> None:
        """After `may_withdraw`."""
        assert self.may_withdraw(account_id, minor)
        self.moving(account_id).take(minor)
        self.deposited_minor -= minor

    def check_moved(self) -> None:
        """Assert that of all that has moved since the last time only deposits and fees have come or gone."""
        all_minor = self.checked_minor
        for cash in self.moved:
            cash.check()
            all_minor += cash.total_minor - cash.checked_minor
            cash.checked_minor = cash.total_minor
            cash.has_moved = False
        assert all_minor == self.deposited_minor - self.fees_minor, "money neither comes nor goes by trading"
        self.checked_minor = all_minor
        self.moved.clear()

    def check(self) -> None:
        for cash in self.accounts.values():
            cash.check()
        total_minor = sum(cash.total_minor for cash in self.accounts.values())
        assert total_minor + self.fees_minor == self.deposited_minor, (
            "money neither comes nor goes by trading"
        )
        assert self.fees_minor >= 0
