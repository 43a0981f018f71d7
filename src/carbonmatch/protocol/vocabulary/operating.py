"""What operators ask beside the market: nothing of it is journaled, and no answer is part of a stream.

Part of the vocabulary in `protocol.messages`, which others take them from. Answers are known by their token.
"""

from typing import Annotated

from msgspec import Meta

from carbonmatch.limits import SESSION_ID_MAX, TIME_NS_MAX
from carbonmatch.matching.messages import Foreseeable, NumberField, SessionId
from carbonmatch.protocol.vocabulary.base import Inbound, Outbound

_TimeField = Annotated[int, Meta(ge=0, le=TIME_NS_MAX)]

# --- client to engine -----------------------------------------------------------------------------


class AuditRequest(Inbound, frozen=True, tag=10):
    """Operators only: what operators did, oldest first, from the journal.

    Answered by an Audited each, at most about 256, and an AuditEnd.
    """

    token: NumberField
    from_ns: _TimeField = 0  # leaves out what was before, UTC; 0: nothing
    until_ns: _TimeField = 0  # leaves out what was at this time or later; 0: nothing
    session_id: Annotated[SessionId, Meta(ge=0, le=SESSION_ID_MAX)] = SessionId(0)  # whose; 0: everybody's
    kind: NumberField = 0  # tag of the command; 0: every command that changes something
    position: NumberField = 0  # in the journal: that of the last AuditEnd; 0: from `from_ns` on
    after_sequence: NumberField = 0  # that of the last AuditEnd; leaves out commands up to it
    waiting: bool = False  # only those that wait for confirmation now, all of them; the rest does not count


class DryRun(Inbound, frozen=True, tag=13):
    """Operators only: what a command would do, without doing it. Answered by Foreseen."""

    token: NumberField
    command: Foreseeable  # as it would be sent; its ref does not count


# --- engine to client -----------------------------------------------------------------------------


class Audited(Outbound, frozen=True, tag=11):
    """One command of an operator, or of the venue itself, as it is in the journal."""

    token: int
    sequence: int
    time_ns: int
    session_id: SessionId  # 0: the venue itself
    session: str  # its name now; empty: it has none
    sent: bytes  # the command as it was sent, with its tag
    reason: int  # number of a [RejectReason](#rejectreason); 0: it was done
    expires_ns: int = 0  # by when it has to be confirmed, UTC; 0: it does not wait


class AuditEnd(Outbound, frozen=True, tag=12):
    """The end of an answer. Where there is `more`, the same question with its last two fields goes on."""

    token: int
    reason: int  # number of a [RejectReason](#rejectreason) for which nothing is told; 0: none
    more: bool  # whether the journal was not read to its end
    position: int  # where to go on, in the journal
    after_sequence: int  # and behind which command


class Foreseen(Outbound, frozen=True, tag=14):
    """What a DryRun came to: for what the command would be refused; else what it would take out."""

    token: int
    reason: int  # number of a [RejectReason](#rejectreason); 0: it would be done
    order_count: int = 0  # orders in books, stops, and orders for auctions to come
    order_lots: int = 0  # what they have left, also what icebergs hide
    proposal_count: int = 0  # offers of blocks
    bid_count: int = 0  # bids in biddings that go on
    bidding_count: int = 0  # biddings that would be called off
    more: bool = False  # whether bids would be left, for the command to be given again
    instrument_count: int = 0  # how many it is about, of commands that name one or all; else 0
