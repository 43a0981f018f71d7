"""Identifiers and bounded fields: part of the vocabulary in `messages`, which others take them from."""

from typing import Annotated, Final, NewType

from msgspec import Meta

from carbonmatch.limits import (
    ACCOUNT_ID_MAX,
    INSTRUMENT_ID_MAX,
    NAME_CHARS_MAX,
    SESSION_ID_MAX,
    TEXT_CHARS_MAX,
    TIME_NS_MAX,
    WIRE_INT_MAX,
)

# Given by configuration, permanent.
InstrumentId = NewType("InstrumentId", int)
AccountId = NewType("AccountId", int)
ParticipantId = NewType("ParticipantId", int)
# Accounts that are one beneficial owner's, also over several participants. 0: none.
GroupId = NewType("GroupId", int)
SessionId = NewType("SessionId", int)
# The journal sequence of the command that entered the order: unique in the venue, for ever.
OrderId = NewType("OrderId", int)
# Dense from 1 over the venue.
TradeId = NewType("TradeId", int)
# Chosen by the client, strictly increasing in its session: names a command, and the order it made.
Ref = NewType("Ref", int)

# Strict bounds live on what comes in; what goes out is ours, and checked where it is made.
RefField = Annotated[Ref, Meta(ge=1, le=WIRE_INT_MAX)]
TradeIdField = Annotated[TradeId, Meta(ge=0, le=WIRE_INT_MAX)]
OptionalRefField = Annotated[Ref, Meta(ge=0, le=WIRE_INT_MAX)]
OrderIdField = Annotated[OrderId, Meta(ge=0, le=WIRE_INT_MAX)]
InstrumentIdField = Annotated[InstrumentId, Meta(ge=0, le=INSTRUMENT_ID_MAX)]
AccountIdField = Annotated[AccountId, Meta(ge=0, le=ACCOUNT_ID_MAX)]
ParticipantIdField = Annotated[ParticipantId, Meta(ge=1, le=ACCOUNT_ID_MAX)]
GroupIdField = Annotated[GroupId, Meta(ge=0, le=ACCOUNT_ID_MAX)]
SessionIdField = Annotated[SessionId, Meta(ge=1, le=SESSION_ID_MAX)]
# Any integer of the wire: what is too large or too small for a market is the engine's to refuse.
NumberField = Annotated[int, Meta(ge=0, le=WIRE_INT_MAX)]
# Times are the one thing on the wire that is larger: 2026 is near 2^61.
TimeField = Annotated[int, Meta(ge=0, le=TIME_NS_MAX)]
# `\Z`, because `$` would let a trailing newline through.
NameField = Annotated[
    str, Meta(min_length=1, max_length=NAME_CHARS_MAX, pattern=r"\A[A-Za-z0-9_.\-]{1,32}\Z")
]
# Or none.
OptionalNameField = Annotated[str, Meta(max_length=NAME_CHARS_MAX, pattern=r"\A[A-Za-z0-9_.\-]{0,32}\Z")]
# Without control characters: what people say ends in logs and on the terminals of others.
TextField = Annotated[str, Meta(max_length=TEXT_CHARS_MAX, pattern=r"\A[^\x00-\x1f\x7f-\x9f]*\Z")]
# What a connection is for: the session layer's `Role`, which the market does not look at.
RoleNumber = Annotated[int, Meta(ge=1, le=255)]
# The longest is an IPv6 address with its prefix.
NetworkField = Annotated[str, Meta(min_length=1, max_length=43)]

# The venue's own entries (configuration, schedule, cancel-on-disconnect) come from this session.
VENUE_SESSION_ID: Final = SessionId(0)
# No instrument, account or side given: all of them, or the session's default.
ANY: Final = 0
# In a report: not the answer to a command of this session.
NO_REF: Final = Ref(0)
