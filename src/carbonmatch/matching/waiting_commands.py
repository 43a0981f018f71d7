"""What waits for a second operator: only data, so that the venue can hold it."""

from typing import NamedTuple

from carbonmatch.matching.messages import Foreseeable, OnTrade, SessionId


class WaitingCommand(NamedTuple):
    """Who has proposed it, when, and by when it has to be confirmed."""

    command: Foreseeable | OnTrade
    session_id: SessionId
    time_ns: int
    expires_ns: int
