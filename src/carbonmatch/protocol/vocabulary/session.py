"""Session layer and drop copy: part of the vocabulary in `protocol.messages`, which others take them from."""

from enum import IntEnum, unique
from typing import Annotated, Final

from msgspec import Meta

from carbonmatch.limits import (
    CANCEL_ON_DISCONNECT_GRACE_MS_MAX,
    HEARTBEAT_MS_MAX,
    HEARTBEAT_MS_MIN,
)
from carbonmatch.matching.messages import (
    AnyReport,
    NameField,
    NumberField,
    Ref,
    RejectReason,
    SessionId,
    TextField,
)
from carbonmatch.protocol.vocabulary.base import Inbound, Outbound

# Integer version of the wire, agreed at logon.
PROTOCOL_VERSION: Final = 1

NONCE_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


@unique
class Role(IntEnum):
    """What a connection is for. Each listener admits certain roles."""

    TRADE = 1  # sends commands, receives its session's reports
    DROP_COPY = 2  # receives reports, sends nothing but heartbeats
    MARKET_DATA = 3  # subscribes to the feed
    OPERATOR = 4  # steers the venue


@unique
class LogoutReason(IntEnum):
    """Why a connection ends. A close without a logout is a failure of the peer or the network."""

    REQUESTED = 1  # the peer's own logout
    PROTOCOL_ERROR = 2  # the text says which
    HEARTBEAT_MISSED = 3  # nothing heard for three heartbeat intervals
    TAKEN_OVER = 4  # a second logon of the same session came
    SHUTTING_DOWN = 5  # the venue stops
    THROTTLED = 6  # too many commands over the rate for too long
    LOGON_TIMEOUT = 7  # no logon within its time
    LOGON_REFUSED = 8  # in logs only: on the wire the LogonRejected is the last message
    TOO_MANY_CONNECTIONS = 9  # the venue, or the address, has as many as it may
    FRAME_TIMEOUT = 10  # a frame begun was not completed within its time
    HISTORY_LOST = 11  # the reports that were asked for are no longer in the journal
    NOT_ENTITLED = 12  # its key was removed, has expired, or does not open this session in this role any more
    DISCONNECTED = 13  # an operator has ended it: the text says why


# --- client to engine -----------------------------------------------------------------------------


class Logon(Inbound, frozen=True, tag=1):
    """The first frame. `signature` covers `auth.logon_text` of all other fields and the nonce."""

    version_min: NumberField
    version_max: NumberField
    key_id: NameField  # which public key checks the signature
    session: NameField
    role: Role
    next_seq: NumberField  # the first report the client wants: 1 for all, 0 for only new ones
    heartbeat_ms: Annotated[int, Meta(ge=HEARTBEAT_MS_MIN, le=HEARTBEAT_MS_MAX)]
    cancel_on_disconnect: bool
    grace_ms: Annotated[int, Meta(ge=0, le=CANCEL_ON_DISCONNECT_GRACE_MS_MAX)]
    # Ed25519, over the text described in README.md.
    signature: Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


class Logout(Inbound, frozen=True, tag=2):
    text: TextField = ""


class Heartbeat(Inbound, frozen=True, tag=3):
    """Sent after `heartbeat_ms` of silence. `token` comes back in the engine's answer unless 0."""

    token: NumberField = 0


# --- engine to client -----------------------------------------------------------------------------


class Challenge(Outbound, frozen=True, tag=4):
    """The engine speaks first: sign this nonce."""

    server_id: str
    nonce: bytes  # 32 random bytes, for this connection only
    version_min: int
    version_max: int


class LogonAccepted(Outbound, frozen=True, tag=5):
    version: int  # of the protocol, in force from here on
    session: str
    epoch: int  # counts engine starts: information, never a reason to refuse
    next_seq: int  # seq of the first report that follows
    last_ref: Ref  # highest ref applied and durable: tells whether the last command arrived
    heartbeat_ms: int
    grace_ms: int
    commands_per_second: int  # 0: not throttled
    commands_burst: int  # commands that may come at once
    cancels_per_second: int  # of what only takes risk away: README.md
    cancels_burst: int  # cancels that may come at once
    time_ns: int
    durable: bool  # False: relaxed mode, reports are not on disk when they are sent


class ThrottleChanged(Outbound, frozen=True, tag=119):
    """An operator has changed how much the session may send, as of now: as in LogonAccepted."""

    commands_per_second: int  # 0: not throttled
    commands_burst: int  # commands that may come at once
    cancels_per_second: int  # of what only takes risk away: README.md
    cancels_burst: int  # cancels that may come at once


class LogonRejected(Outbound, frozen=True, tag=6):
    """`first_available` is the oldest seq that can be resumed from, where that was the reason."""

    reason: RejectReason
    text: str = ""
    first_available: int = 0  # seq; 0: does not apply


class LoggedOut(Outbound, frozen=True, tag=7):
    reason: LogoutReason
    text: str = ""


class HeartbeatAnswer(Outbound, frozen=True, tag=8):
    token: int
    time_ns: int


class SessionRejected(Outbound, frozen=True, tag=9):
    """A command that did not reach the market: nothing happened, its ref is not applied."""

    ref: Ref
    reason: RejectReason
    retry_after_us: int = 0
    text: str = ""


# --- drop copy, engine to client ------------------------------------------------------------------


class Copied(Outbound, frozen=True, tag=67):
    """One message of a drop copy's stream: a report as the session that it belongs to has it."""

    seq: int
    session_id: SessionId  # whose report it is
    report: AnyReport  # with its own tag, and its `seq` in the stream of that session
