"""What accounts may hold by the rules of their class, or of everybody, and from what on they are reported.

Limits of a class may add what the account was allocated, which operators say (SetAccountLimits): Beijing's of
2014 are the allocation and 1,000,000 t.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from carbonmatch.matching.accounts import Account
from carbonmatch.matching.messages import AccountId, ClearingRules

NO_ACCOUNTS: Final[Mapping[AccountId, Account]] = MappingProxyType({})


class Limits(NamedTuple):
    """Of one account; 0: any quantity, and nobody."""

    position_max_lots: int
    report_from_lots: int


class HolderLimits:
    """Of one instrument. What classes accounts are of, its venue says."""

    __slots__ = ("_accounts", "_of_class", "_of_everybody", "allocated_lots")

    def __init__(self, rules: ClearingRules, accounts: Mapping[AccountId, Account]) -> None:
        self._accounts = accounts
        # Only of accounts that were allocated something.
        self.allocated_lots: dict[AccountId, int] = {}
        self.go_by(rules)

    def go_by(self, rules: ClearingRules) -> None:
        """From now on they are these; allocations stay."""
        self._of_everybody = Limits(rules.position_max_lots, rules.report_from_lots)
        self._of_class = {one.holder_class: one for one in rules.holders}
        assert len(self._of_class) == len(rules.holders), "each class has its limits once"

    def allocate(self, account_id: AccountId, lots: int) -> None:
        """So much was allocated, in place of what was said before."""
        self.allocated_lots.pop(account_id, None)
        if lots:
            self.allocated_lots[account_id] = lots

    def of(self, account_id: AccountId) -> Limits:
        """By the rules: an account may have limits of its own in their place."""
        account = self._accounts.get(account_id)
        rules = None if account is None else self._of_class.get(account.holder_class)
        if rules is None:
            return self._of_everybody
        added_lots = self.allocated_lots.get(account_id, 0) if rules.adds_allocation else 0
        return Limits(
            rules.position_max_lots and rules.position_max_lots + added_lots,
            rules.report_from_lots and rules.report_from_lots + added_lots,
        )
