"""Accounts as a part of the state: see `matching.state`."""

from msgspec import Struct

from carbonmatch.matching.accounts import Account
from carbonmatch.matching.messages import AccountId, GroupId, ParticipantId
from carbonmatch.matching.venue import Venue


class AccountState(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    account_id: AccountId
    participant_id: ParticipantId
    name: str
    group_id: GroupId
    holder_class: str = ""


def saved_accounts(venue: Venue) -> list[AccountState]:
    """In the order of their numbers."""
    return [
        AccountState(one.account_id, one.participant_id, one.name, one.group_id, one.holder_class)
        for _, one in sorted(venue.accounts.items())
    ]


def restore_accounts(venue: Venue, accounts: list[AccountState]) -> None:
    for one in accounts:
        venue.accounts[one.account_id] = Account(
            one.account_id, one.participant_id, one.name, one.group_id, one.holder_class
        )
