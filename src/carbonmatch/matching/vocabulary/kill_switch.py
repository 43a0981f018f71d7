"""The kill switch: commands of operators and what they report; part of the vocabulary in `messages`.

Commands 150 to 152, reports 112 and 113. The rules of `messages` hold: append-only, golden bytes in
`proto/vectors/`.
"""

from enum import IntEnum, unique

from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.fields import NumberField, Ref, RefField, SessionId, TextField
from carbonmatch.matching.vocabulary.reports import Report


@unique
class KillScope(IntEnum):
    """What a kill switch stops."""

    VENUE = 1  # everything
    PARTICIPANT = 2  # all accounts of a firm
    ACCOUNT = 3
    INSTRUMENT = 4


class Kill(Command, frozen=True, tag=150):
    """Operators only: pulls all that is open in the scope, and refuses what is new there until Release.

    Answered by Pulled and Done; the rules are in [OPERATORS.md](OPERATORS.md).
    """

    ref: RefField
    scope: KillScope  # what is stopped
    scope_id: NumberField = 0  # which participant, account or instrument; 0: the venue
    text: TextField = ""  # the reason


class Release(Command, frozen=True, tag=151):
    """Operators only: what Kill has stopped goes on. What was pulled does not come back."""

    ref: RefField
    scope: KillScope  # what was stopped
    scope_id: NumberField = 0  # which participant, account or instrument; 0: the venue
    text: TextField = ""  # the reason


class KilledRequest(Command, frozen=True, tag=152):
    """Operators only: what is stopped now, answered by a Killed each, at most 256, and a StatusEnd."""

    ref: RefField
    after_scope: NumberField = 0  # where the last answer ended: its last `scope`
    after_scope_id: NumberField = 0  # and its last `scope_id`


class Pulled(Report, frozen=True, tag=112):
    """What a Kill has taken out of the market, all of it in this one command."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_count: int  # orders in books, stops, and orders for auctions to come
    order_lots: int  # what they had left, also what icebergs hid
    proposal_count: int  # offers of blocks
    bid_count: int  # bids in biddings that go on
    bidding_count: int  # biddings that were called off
    more: bool  # whether bids are left that this command had no room for: to be given again


class Killed(Report, frozen=True, tag=113):
    """What is stopped, by whom, since when and why."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    scope: int  # number of a [KillScope](#killscope)
    scope_id: int  # which participant, account or instrument; 0: the venue
    sequence: int
    since_ns: int  # when, UTC
    session_id: SessionId  # of the operator
    text: str  # the reason
