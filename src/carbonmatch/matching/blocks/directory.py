"""Which sessions look after an account, or after any account of a participant: made from what is defined.

It is no state: it is forgotten where a definition changes, and made anew when somebody asks.
"""

from carbonmatch.limits import SIDE_SESSIONS_MAX
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.messages import AccountId, ParticipantId, SessionId


class Directory:
    """At most SIDE_SESSIONS_MAX sessions each, those with the lowest ids. Every participant is there."""

    __slots__ = ("of_account", "of_participant")

    def __init__(self, accounts: dict[AccountId, Account], sessions: dict[SessionId, SessionState]) -> None:
        self.of_account: dict[AccountId, list[SessionState]] = {number: [] for number in accounts}
        self.of_participant: dict[ParticipantId, list[SessionState]] = {
            account.participant_id: [] for account in accounts.values()
        }
        for _, session in sorted(sessions.items()):
            for account_id in session.account_ids:
                _add(self.of_account[account_id], session)
                _add(self.of_participant[accounts[account_id].participant_id], session)


def _add(told: list[SessionState], session: SessionState) -> None:
    if len(told) < SIDE_SESSIONS_MAX and session not in told:
        told.append(session)
