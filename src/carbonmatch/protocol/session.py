"""The rules of one connection, from challenge to logout, as a state machine without socket or clock.

Whoever has the socket passes in bytes and the time, and sends and does what is returned:

    connection = Connection(listener, nonce, now_ns)   send connection.challenge
    connection.feed(chunk, now_ns)                     payloads; the first one goes to `log_on`,
                                                       the others to `receive_*` of the role
    connection.poll(now_ns, time_ns)                   at `deadline_ns`, or regularly: a message to
                                                       send, after which to close if `closed`
    connection.sent(now_ns)                            after each write
    connection.fail(error)                             on a ProtocolError of any of these

`now_ns` is a clock that never steps; `time_ns` is UTC and only ever copied into messages.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final, Generic, Never, TypeVar, get_args

from msgspec import Struct

from carbonmatch.limits import (
    FRAME_BYTES_MAX,
    FRAME_COMPLETE_SECONDS_MAX,
    FRAME_SEARCHES_MAX,
    HEARTBEAT_MISSED_MAX,
    LOGON_FRAME_BYTES_MAX,
    LOGON_SECONDS_MAX,
)
from carbonmatch.matching.messages import (
    AccountCommand,
    AmendmentCommand,
    AmendmentsRequest,
    BiddingCommand,
    BlockStatusRequest,
    ClientCommand,
    DayCommand,
    Decide,
    HoldingsRequest,
    InspectHoldings,
    InstrumentStatusRequest,
    Kill,
    KillCommand,
    KilledRequest,
    MassCancel,
    OrderStatusRequest,
    ProcessCommand,
    RejectReason,
    Resume,
    SessionsRequest,
    SetBand,
    SetBlockPhase,
    SetPhase,
    SetReference,
    SettlementStatusRequest,
    SteeringCommand,
    TradeCommand,
)
from carbonmatch.protocol import auth, codec
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import FrameReader
from carbonmatch.protocol.messages import (
    PROTOCOL_VERSION,
    Challenge,
    FeedRequest,
    Heartbeat,
    HeartbeatAnswer,
    LoggedOut,
    Logon,
    LogonRejected,
    Logout,
    LogoutReason,
    OperatorQuestion,
    Role,
)
from carbonmatch.protocol.permissions import forbidden

_NS_PER_MS: Final = 1_000_000
_NS_PER_SECOND: Final = 1_000_000_000
_LOGON_NS: Final = round(LOGON_SECONDS_MAX * 1_000_000_000)
_FRAME_COMPLETE_NS: Final = round(FRAME_COMPLETE_SECONDS_MAX * 1_000_000_000)

_CONTROL: Final = frozenset({Logout, Heartbeat})
# What operators ask beside the market: the journal is read for it, or all that is open looked through.
QUESTIONS: Final[frozenset[type]] = frozenset(get_args(OperatorQuestion))
# Commands that look through all orders of a session, or through the journal, or are answered by hundreds of
# reports: of these a frame may have a few only.
_INQUIRIES: Final = frozenset({OrderStatusRequest, BlockStatusRequest, HoldingsRequest, InspectHoldings})
_STATUSES: Final = frozenset({SettlementStatusRequest, InstrumentStatusRequest, KilledRequest})
# What is journaled with what was found.
LOOKED_UP: Final[frozenset[type]] = frozenset(
    {
        *get_args(TradeCommand),
        SessionsRequest,
        *get_args(ProcessCommand),
        *get_args(AmendmentCommand),
        AmendmentsRequest,
    }
)
SEARCHES: Final = frozenset({MassCancel, Kill, Decide, *QUESTIONS, *_INQUIRIES, *_STATUSES, *LOOKED_UP})
# What operators send; the status of orders is everybody's to ask for.
_STEERING: Final = (
    frozenset(
        {
            SetPhase,
            SetBand,
            SetReference,
            Resume,
            SetBlockPhase,
            InstrumentStatusRequest,
            *get_args(BiddingCommand),
            *get_args(DayCommand),
            *get_args(AccountCommand),
            *get_args(KillCommand),
            Decide,
            *get_args(SteeringCommand),
        }
    )
    | LOOKED_UP
)
# What a role may not do, whatever its session may in others: a key for one role opens that one only.
NOT_ENTITLED: Final[Mapping[Role, frozenset[type]]] = {
    Role.TRADE: _STEERING,
    Role.OPERATOR: frozenset(get_args(ClientCommand)) - _STEERING - {OrderStatusRequest},
    Role.MARKET_DATA: frozenset(),
    Role.DROP_COPY: frozenset(),
}
# One answer to every logon that fails, so that it tells nothing about keys, sessions and roles.
_REFUSED: Final = LogonRejected(RejectReason.LOGON_REFUSED, "logon refused")

_Request = TypeVar("_Request")


class Credential(Struct, frozen=True):
    """What the owner of a key may log on as, until when, and from where."""

    public_key: bytes
    logons: frozenset[tuple[str, Role]]  # session and role, together
    expires_ns: int = 0  # UTC; 0: never
    networks: tuple[IPv4Network | IPv6Network, ...] = ()  # empty: any
    # By session, of those that may not give every command of their roles: see `protocol.permissions`.
    permissions: Mapping[str, int] = {}

    def admits(self, logon: Logon, time_ns: int, host: str) -> bool:
        return (
            (logon.session, logon.role) in self.logons
            and (not self.expires_ns or time_ns < self.expires_ns)
            and (not self.networks or any(ip_address(host) in network for network in self.networks))
        )


class Listener(Struct, frozen=True):
    """What the connections of one listener have in common."""

    server_id: str
    roles: frozenset[Role]
    credentials: Mapping[str, Credential]  # by key id; looked up at each logon, so it may change
    # Until when an operator keeps sessions out, UTC, by their names; it may change likewise.
    banned: Mapping[str, int] = {}


class State(Enum):
    AWAITING_LOGON = "awaiting logon"
    ACTIVE = "active"
    CLOSED = "closed"


class Received(Struct, Generic[_Request], frozen=True, gc=False):
    """What a frame asked for, apart from what the session itself answers."""

    requests: list[_Request]
    answers: list[HeartbeatAnswer]  # to send now
    logged_out: LoggedOut | None  # to send once all requests are answered; then close
    # What is to be answered beside the market, once the requests are applied.
    questions: list[OperatorQuestion]
    # The frame held the requests and nothing else, its role may make all of them, and none of them needs a
    # look-up: its payload may stand for them.
    whole: bool


class Connection:
    """The protocol state of one connection.

    Frames are small and one at a time until the logon, there is one logon, and every wait has a
    deadline: the logon, the rest of a frame that has begun, the next sign of life.
    """

    __slots__ = (
        "_expires_ns",
        "_frame_deadline_ns",
        "_frames",
        "_heard_ns",
        "_heartbeat_ns",
        "_listener",
        "_logon_deadline_ns",
        "_looked_at",
        "_not_whole",
        "_paused",
        "_sent_ns",
        "challenge",
        "credential",
        "known_key_id",
        "logon",
        "permissions",
        "state",
        "version",
    )

    def __init__(self, listener: Listener, nonce: bytes, now_ns: int) -> None:
        """`nonce` must be random and never used twice."""
        self.state = State.AWAITING_LOGON
        self.challenge: Final = Challenge(listener.server_id, nonce, PROTOCOL_VERSION, PROTOCOL_VERSION)
        self.logon: Logon | None = None  # once ACTIVE
        self.credential: Credential | None = None  # what it was admitted by, likewise
        # The key that a logon has named, if there is such a key: also of one that was refused.
        self.known_key_id = ""
        # Which commands it may give, of those that its role may; 0: all.
        self.permissions = 0
        self.version = 0
        self._listener = listener
        self._frames = FrameReader(LOGON_FRAME_BYTES_MAX)
        self._logon_deadline_ns = now_ns + _LOGON_NS
        self._frame_deadline_ns: int | None = None
        self._heartbeat_ns = 0
        self._heard_ns = now_ns
        self._sent_ns = now_ns
        self._paused = False
        self._expires_ns = 0
        self._not_whole: frozenset[type] = frozenset()
        self._looked_at: frozenset[type] = frozenset()

    @property
    def closed(self) -> bool:
        return self.state is State.CLOSED

    # --- bytes in --------------------------------------------------------------------------------

    def feed(self, chunk: bytes, now_ns: int) -> list[bytes]:
        """Return the payloads that `chunk` completes, or raise ProtocolError."""
        payloads = self._frames.feed(chunk)
        self._heard_ns = now_ns
        if not self._frames.incomplete:
            self._frame_deadline_ns = None
        elif payloads or self._frame_deadline_ns is None:
            # The deadline runs from a frame's first byte, and further bytes do not push it.
            self._frame_deadline_ns = now_ns + _FRAME_COMPLETE_NS
        if len(payloads) > 1 and self.state is State.AWAITING_LOGON:
            raise ProtocolError(
                RejectReason.NOT_LOGGED_ON, f"{len(payloads)} frames before the logon is answered, expected 1"
            )
        return payloads

    # --- logon -----------------------------------------------------------------------------------

    def log_on(
        self,
        payload: bytes,
        now_ns: int,
        time_ns: int,
        host: str,
        is_shut_out: Callable[[str], bool] = lambda _: False,
    ) -> Logon | LogonRejected:
        """Judge the first frame: on a Logon the connection is active, a LogonRejected ends it.

        `host` is the address that the connection comes from, as text; `is_shut_out` says of the id of a key
        that it is not to be tried from there for a while, and is answered as every other failure.

        What only the engine knows (whether the session is free, whether the reports it wants are
        there) is for the caller to judge then, and `close` to call where it is not so.
        """
        assert self.state is State.AWAITING_LOGON
        logon = codec.decode_logon_frame(payload)
        if logon.key_id in self._listener.credentials:
            self.known_key_id = logon.key_id
        rejected = self._refusal(logon, time_ns, host) or (
            _REFUSED if is_shut_out(self.known_key_id) else None
        )
        if rejected is not None:
            self.close()
            return rejected
        self.state = State.ACTIVE
        self.logon = logon
        self.renew()
        self.version = PROTOCOL_VERSION
        self._heartbeat_ns = logon.heartbeat_ms * _NS_PER_MS
        self._heard_ns = now_ns
        self._frames.frame_bytes_max = FRAME_BYTES_MAX
        return logon

    def still_entitled(self, time_ns: int, host: str) -> bool:
        """Whether the key that it logged on with would still admit it. For an active connection."""
        assert self.logon is not None
        assert self.credential is not None
        credential = self._listener.credentials.get(self.logon.key_id)
        return (
            credential is not None
            and credential.public_key == self.credential.public_key
            and credential.admits(self.logon, time_ns, host)
        )

    def renew(self) -> None:
        """Note what the key says now, where the connection is still entitled."""
        logon = self.logon
        assert logon is not None
        self.credential = self._listener.credentials[logon.key_id]
        self._expires_ns = self.credential.expires_ns
        self.permissions = self.credential.permissions.get(logon.session, 0)
        refused = NOT_ENTITLED[logon.role] | forbidden(self.permissions)
        self._not_whole = refused | LOOKED_UP
        self._looked_at = _CONTROL | SEARCHES | refused

    def _refusal(self, logon: Logon, time_ns: int, host: str) -> LogonRejected | None:
        if not logon.version_min <= PROTOCOL_VERSION <= logon.version_max:
            spoken = f"versions {logon.version_min} to {logon.version_max}"
            return LogonRejected(RejectReason.VERSION, f"{spoken}, expected to include {PROTOCOL_VERSION}")
        credential = self._listener.credentials.get(logon.key_id)
        # The signature is checked first and always: a failure takes the same time for each cause.
        signed = auth.verify(
            credential.public_key if credential else None,
            self._listener.server_id,
            self.challenge.nonce,
            logon,
        )
        entitled = (
            credential is not None
            and logon.role in self._listener.roles
            and credential.admits(logon, time_ns, host)
        )
        if not signed or not entitled:
            return _REFUSED
        until_ns = self._listener.banned.get(logon.session, 0)
        # Whoever has the key may know.
        return _banned(until_ns) if time_ns < until_ns else None

    # --- frames of an active connection ----------------------------------------------------------

    def receive_commands(self, payload: bytes, time_ns: int) -> Received[ClientCommand]:
        """For the roles TRADE and OPERATOR; raises ProtocolError."""
        assert self.state is State.ACTIVE
        return self._separate(codec.decode_client_frame(payload), time_ns)

    def receive_plain(self, payloads: Sequence[bytes]) -> list[ClientCommand] | None:
        """What is in frames of commands that need no more than to be applied.

        None: one of them is for `receive_commands`.
        """
        messages: list[Any] | None = codec.decode_if_valid(payloads)
        if messages is None or not self._looked_at.isdisjoint(map(type, messages)):
            return None
        return messages

    def receive_feed_requests(self, payload: bytes, time_ns: int) -> Received[FeedRequest]:
        """For the role MARKET_DATA; raises ProtocolError."""
        assert self.state is State.ACTIVE
        return self._separate(codec.decode_feed_frame(payload), time_ns)

    def receive_nothing(self, payload: bytes, time_ns: int) -> Received[Never]:
        """For the role DROP_COPY, which only listens; raises ProtocolError."""
        assert self.state is State.ACTIVE
        return self._separate(codec.decode_control_frame(payload), time_ns)

    def _separate(self, messages: list[Any], time_ns: int) -> Received[Any]:
        # Nearly every frame holds requests only: about 30 ns a message to know.
        if self._looked_at.isdisjoint(map(type, messages)):
            return Received(messages, [], None, [], True)
        searches = sum(type(message) in SEARCHES for message in messages)
        if searches > FRAME_SEARCHES_MAX:
            raise ProtocolError(
                RejectReason.MALFORMED,
                f"{searches} mass cancels, requests and commands on trades in a frame, "
                f"expected {FRAME_SEARCHES_MAX} at most",
            )
        requests: list[Any] = []
        answers: list[HeartbeatAnswer] = []
        questions: list[OperatorQuestion] = []
        for position, message in enumerate(messages, 1):
            if type(message) is Heartbeat:
                if message.token:
                    answers.append(HeartbeatAnswer(message.token, time_ns))
            elif type(message) is Logout:
                if position < len(messages):
                    raise ProtocolError(RejectReason.MALFORMED, "messages after a logout, expected none")
                return Received(requests, answers, self.end(LogoutReason.REQUESTED), questions, False)
            elif type(message) in QUESTIONS:
                questions.append(message)
            else:
                requests.append(message)
        whole = len(requests) == len(messages) and self._not_whole.isdisjoint(map(type, requests))
        return Received(requests, answers, None, questions, whole)

    # --- time ------------------------------------------------------------------------------------

    def sent(self, now_ns: int) -> None:
        """Note a write: what was sent stands in for a heartbeat."""
        self._sent_ns = now_ns

    def pause(self) -> None:
        """Note that the caller reads no more: nothing not read is held against the peer."""
        self._paused = True

    def resume(self, now_ns: int) -> None:
        """Note that the caller reads again: the peer's deadlines start anew."""
        self._paused = False
        self._heard_ns = now_ns
        if self._frame_deadline_ns is not None:
            self._frame_deadline_ns = now_ns + _FRAME_COMPLETE_NS

    @property
    def deadline_ns(self) -> int | None:
        """When `poll` may next have something to do; None once closed."""
        if self.state is State.CLOSED:
            return None
        if self.state is State.AWAITING_LOGON:
            return self._logon_deadline_ns
        deadline_ns = self._sent_ns + self._heartbeat_ns
        if self._paused:
            return deadline_ns
        deadline_ns = min(deadline_ns, self._heard_ns + self._heartbeat_ns * HEARTBEAT_MISSED_MAX)
        return deadline_ns if self._frame_deadline_ns is None else min(deadline_ns, self._frame_deadline_ns)

    def poll(self, now_ns: int, time_ns: int) -> HeartbeatAnswer | LoggedOut | None:
        """Return what the time demands to be sent now: a heartbeat, or the end of the connection."""
        if self.state is State.CLOSED:
            return None
        if self.state is State.AWAITING_LOGON:
            return self.end(LogoutReason.LOGON_TIMEOUT) if now_ns >= self._logon_deadline_ns else None
        if self._expires_ns and time_ns >= self._expires_ns:
            return self.end(LogoutReason.NOT_ENTITLED, "the key has expired")
        if not self._paused:
            if self._frame_deadline_ns is not None and now_ns >= self._frame_deadline_ns:
                return self.end(LogoutReason.FRAME_TIMEOUT)
            if now_ns >= self._heard_ns + self._heartbeat_ns * HEARTBEAT_MISSED_MAX:
                return self.end(LogoutReason.HEARTBEAT_MISSED)
        if now_ns < self._sent_ns + self._heartbeat_ns:
            return None
        self._sent_ns = now_ns
        return HeartbeatAnswer(0, time_ns)

    # --- the end ---------------------------------------------------------------------------------

    def end(self, reason: LogoutReason, text: str = "") -> LoggedOut:
        """Close, and return the last message to send."""
        self.close()
        return LoggedOut(reason, text)

    def fail(self, error: ProtocolError) -> LoggedOut:
        """Close because the peer broke the protocol, and return the last message to send."""
        return self.end(LogoutReason.PROTOCOL_ERROR, str(error))

    def close(self) -> None:
        self.state = State.CLOSED


def _banned(until_ns: int) -> LogonRejected:
    until = datetime.fromtimestamp(-(-until_ns // _NS_PER_SECOND), UTC)
    return LogonRejected(RejectReason.SESSION_BANNED, f"by an operator, until {until:%Y-%m-%dT%H:%M:%SZ}")
