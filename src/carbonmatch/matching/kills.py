"""What operators have stopped with the kill switch: a lookup for each new order while there is anything.

Nothing is stopped nearly always: then nobody looks, see `kill_switch.unless_killed`.
"""

from typing import NamedTuple

from carbonmatch.matching.accounts import Account
from carbonmatch.matching.messages import InstrumentId, KillScope, SessionId

# The scope, and which one of it; 0 for the venue.
ScopeKey = tuple[KillScope, int]
WHOLE_VENUE: ScopeKey = (KillScope.VENUE, 0)


class Killing(NamedTuple):
    """Who has stopped it, when and why."""

    sequence: int
    time_ns: int
    session_id: SessionId
    text: str


def is_killed(killed: dict[ScopeKey, Killing], account: Account, instrument_id: InstrumentId) -> bool:
    """Whether the account may enter nothing new in the instrument."""
    return (
        WHOLE_VENUE in killed
        or (KillScope.INSTRUMENT, instrument_id) in killed
        or (KillScope.ACCOUNT, account.account_id) in killed
        or (KillScope.PARTICIPANT, account.participant_id) in killed
    )
