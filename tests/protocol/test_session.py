"""One connection from challenge to logout, the time passed in."""

from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from msgspec import structs

from carbonmatch.limits import (
    FRAME_BYTES_MAX,
    FRAME_COMPLETE_SECONDS_MAX,
    LOGON_FRAME_BYTES_MAX,
    LOGON_SECONDS_MAX,
)
from carbonmatch.matching.messages import InstrumentId, NewOrder, Ref, RejectReason, Side
from carbonmatch.protocol import auth
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import (
    Challenge,
    HeartbeatAnswer,
    LoggedOut,
    Logon,
    LogonRejected,
    LogoutReason,
    Role,
    Subscribe,
)
from carbonmatch.protocol.session import Connection, Credential, Listener, State
from tests.protocol.vectors import load, pack

MS = 1_000_000
SECOND = 1_000 * MS
START = 5 * SECOND
UTC = 1_772_589_600_123_456_789
HOST = "192.0.2.7"

VECTOR = load("logon")[0]
PRIVATE_KEY = bytes.fromhex(VECTOR["private_key"])
NONCE = bytes.fromhex(VECTOR["nonce"])
LOGON = msgspec.msgpack.decode(bytes.fromhex(VECTOR["logon"]), type=Logon)
GATEWAY = Credential(
    bytes.fromhex(VECTOR["public_key"]),
    frozenset({("gateway-1", Role.TRADE), ("gateway-1", Role.MARKET_DATA), ("feed-1", Role.MARKET_DATA)}),
)
# What sends the logon of the vector: a heartbeat each second, so dead after three.
HEARTBEAT_NS = SECOND


def connection(*roles: Role) -> Connection:
    listener = Listener("demo-venue", frozenset(roles or {Role.TRADE}), {"gateway-1": GATEWAY})
    return Connection(listener, NONCE, START)


def active(*roles: Role, **changes: Any) -> Connection:
    opened = connection(*roles)
    assert opened.log_on(signed(**changes), START, UTC, HOST) == opened.logon
    return opened


def signed(private_key: bytes = PRIVATE_KEY, **changes: Any) -> bytes:
    logon = msgspec.structs.replace(LOGON, **changes)
    signature = auth.sign(private_key, "demo-venue", NONCE, logon)
    return encode([msgspec.structs.replace(logon, signature=signature)])


# --- logon ---------------------------------------------------------------------------------------


def test_the_engine_speaks_first() -> None:
    assert connection().challenge == Challenge("demo-venue", NONCE, 1, 1)
    assert connection().state is State.AWAITING_LOGON


def test_a_good_logon_opens_the_connection() -> None:
    opened = connection()
    (payload,) = opened.feed(frame(signed()), START)
    assert opened.log_on(payload, START, UTC, HOST) == LOGON
    assert opened.state is State.ACTIVE
    assert opened.logon == LOGON
    assert opened.version == 1


@pytest.mark.parametrize(
    "payload",
    [
        signed(key_id="gateway-2"),
        signed(session="gateway-2"),
        signed(role=Role.MARKET_DATA),
        signed(role=Role.OPERATOR),
        signed(auth.generate_private_key()),
        encode([msgspec.structs.replace(LOGON, next_seq=1)]),
        encode([msgspec.structs.replace(LOGON, signature=bytes(64))]),
    ],
    ids=["key", "session", "role of the listener", "role of the key", "other key", "changed", "signature"],
)
def test_every_logon_that_fails_gets_the_same_answer(payload: bytes) -> None:
    opened = connection(Role.TRADE, Role.OPERATOR)
    assert opened.log_on(payload, START, UTC, HOST) == LogonRejected(
        RejectReason.LOGON_REFUSED, "logon refused"
    )
    assert opened.closed


def test_a_role_of_one_session_does_not_open_another_one_of_the_same_key() -> None:
    assert active(Role.MARKET_DATA, session="feed-1", role=Role.MARKET_DATA).state is State.ACTIVE
    assert connection(Role.TRADE).log_on(signed(session="feed-1"), START, UTC, HOST) == LogonRejected(
        RejectReason.LOGON_REFUSED, "logon refused"
    )


def test_a_role_that_the_listener_does_not_admit_is_refused() -> None:
    assert active(Role.MARKET_DATA, role=Role.MARKET_DATA).state is State.ACTIVE
    assert connection(Role.TRADE).log_on(signed(role=Role.MARKET_DATA), START, UTC, HOST) == LogonRejected(
        RejectReason.LOGON_REFUSED, "logon refused"
    )


@pytest.mark.parametrize(("low", "high"), [(2, 3), (0, 0), (2, 1)])
def test_a_version_that_is_not_spoken_is_said(low: int, high: int) -> None:
    opened = connection()
    answer = opened.log_on(signed(version_min=low, version_max=high), START, UTC, HOST)
    text = f"versions {low} to {high}, expected to include 1"
    assert answer == LogonRejected(RejectReason.VERSION, text)
    assert opened.closed


def test_a_version_is_agreed_where_the_ranges_meet() -> None:
    assert active(version_min=0, version_max=9).version == 1


def test_a_credential_may_be_added_while_the_listener_runs() -> None:
    credentials: dict[str, Credential] = {}
    listener = Listener("demo-venue", frozenset({Role.TRADE}), credentials)
    assert isinstance(Connection(listener, NONCE, START).log_on(signed(), START, UTC, HOST), LogonRejected)
    credentials["gateway-1"] = GATEWAY
    assert isinstance(Connection(listener, NONCE, START).log_on(signed(), START, UTC, HOST), Logon)


@pytest.mark.parametrize(
    ("credential", "admitted"),
    [
        (structs.replace(GATEWAY, expires_ns=UTC + 1), True),
        (structs.replace(GATEWAY, expires_ns=UTC), False),
        (structs.replace(GATEWAY, networks=(ip_network("192.0.2.0/24"),)), True),
        (structs.replace(GATEWAY, networks=(ip_network("2001:db8::/32"), ip_network("192.0.2.7"))), True),
        (structs.replace(GATEWAY, networks=(ip_network("192.0.3.0/24"),)), False),
    ],
)
def test_a_key_is_good_until_it_expires_and_from_its_networks(credential: Credential, admitted: bool) -> None:
    listener = Listener("demo-venue", frozenset({Role.TRADE}), {"gateway-1": credential})
    answer = Connection(listener, NONCE, START).log_on(signed(), START, UTC, HOST)
    assert isinstance(answer, Logon) is admitted
    if not admitted:
        assert answer == LogonRejected(RejectReason.LOGON_REFUSED, "logon refused")


def test_a_key_that_expires_ends_the_connection() -> None:
    credential = structs.replace(GATEWAY, expires_ns=UTC + SECOND)
    listener = Listener("demo-venue", frozenset({Role.TRADE}), {"gateway-1": credential})
    opened = Connection(listener, NONCE, START)
    opened.log_on(signed(), START, UTC, HOST)
    assert opened.poll(START, UTC + SECOND - 1) is None
    assert opened.poll(START, UTC + SECOND) == LoggedOut(LogoutReason.NOT_ENTITLED, "the key has expired")


def test_frames_are_small_until_the_logon_and_larger_after_it() -> None:
    opened = connection()
    with pytest.raises(ProtocolError, match=f"expected 1 to {LOGON_FRAME_BYTES_MAX}"):
        opened.feed(b"\x00\x00\x02\x01", START)
    opened = active()
    assert opened.feed(b"\x00\x00\x40\x00" + b"\x91" * FRAME_BYTES_MAX, START) != []
    with pytest.raises(ProtocolError, match=f"expected 1 to {FRAME_BYTES_MAX}"):
        opened.feed(b"\x00\x00\x40\x01", START)


def test_nothing_may_follow_the_logon_before_its_answer() -> None:
    with pytest.raises(ProtocolError, match="2 frames") as refused:
        connection().feed(b"\x00\x00\x00\x01\x90" * 2, START)
    assert refused.value.reason is RejectReason.NOT_LOGGED_ON


def test_a_first_frame_that_is_no_logon_is_a_protocol_error() -> None:
    opened = connection()
    with pytest.raises(ProtocolError, match="message 16 before the logon") as refused:
        opened.log_on(pack([[16, 1, 3, 1, 25]]), START, UTC, HOST)
    answer = opened.fail(refused.value)
    assert answer == LoggedOut(LogoutReason.PROTOCOL_ERROR, "message 16 before the logon")
    assert opened.closed


# --- frames --------------------------------------------------------------------------------------

ORDER = NewOrder(Ref(1), InstrumentId(3), Side.BUY, 25)


def test_a_frame_of_commands_is_whole() -> None:
    received = active().receive_commands(pack([[16, 1, 3, 1, 25]]), UTC)
    assert received.requests == [ORDER]
    assert received.answers == []
    assert received.logged_out is None
    assert received.whole


def test_a_frame_may_search_only_so_often() -> None:
    mass_cancel = [20, 1, 1]
    received = active().receive_commands(pack([mass_cancel] * 4 + [[16, 1, 3, 1, 25]]), UTC)
    assert len(received.requests) == 5
    assert received.whole
    with pytest.raises(
        ProtocolError, match="5 mass cancels, requests and commands on trades in a frame, expected 4"
    ):
        active().receive_commands(pack([mass_cancel] * 3 + [[21, 1]] * 2), UTC)


def test_heartbeats_are_answered_by_the_session_itself() -> None:
    opened = active()
    received = opened.receive_commands(pack([[3, 7], [16, 1, 3, 1, 25], [3], [3, 8]]), UTC)
    assert received.requests == [ORDER]
    assert received.answers == [HeartbeatAnswer(7, UTC), HeartbeatAnswer(8, UTC)]
    assert not received.whole
    assert not opened.closed


def test_a_logout_ends_the_connection_after_what_came_before_it() -> None:
    opened = active()
    received = opened.receive_commands(pack([[16, 1, 3, 1, 25], [2, "bye"]]), UTC)
    assert received.requests == [ORDER]
    assert received.logged_out == LoggedOut(LogoutReason.REQUESTED)
    assert opened.closed


def test_nothing_may_follow_a_logout() -> None:
    with pytest.raises(ProtocolError, match="after a logout"):
        active().receive_commands(pack([[2], [16, 1, 3, 1, 25]]), UTC)


def test_each_role_has_its_messages() -> None:
    opened = active()
    assert opened.receive_feed_requests(pack([[80, 1], [3, 7]]), UTC).requests == [Subscribe(Ref(1))]
    assert opened.receive_nothing(pack([[3, 7]]), UTC).answers == [HeartbeatAnswer(7, UTC)]
    with pytest.raises(ProtocolError):
        opened.receive_nothing(pack([[80, 1]]), UTC)
    with pytest.raises(ProtocolError):
        opened.receive_commands(pack([[80, 1]]), UTC)


def test_a_second_logon_is_refused() -> None:
    with pytest.raises(ProtocolError, match="second logon") as refused:
        active().receive_commands(signed(), UTC)
    assert refused.value.reason is RejectReason.ALREADY_LOGGED_ON


# --- time ----------------------------------------------------------------------------------------


def test_a_logon_has_a_deadline() -> None:
    opened = connection()
    deadline_ns = START + round(LOGON_SECONDS_MAX * SECOND)
    assert opened.deadline_ns == deadline_ns
    opened.feed(b"\x00\x00\x00\x6d", deadline_ns - 1)
    assert opened.poll(deadline_ns - 1, UTC) is None
    assert opened.poll(deadline_ns, UTC) == LoggedOut(LogoutReason.LOGON_TIMEOUT)
    assert opened.closed
    assert opened.deadline_ns is None
    assert opened.poll(deadline_ns, UTC) is None


def test_a_heartbeat_is_sent_after_silence_of_our_own() -> None:
    opened = active()
    opened.sent(START + 10)
    assert opened.deadline_ns == START + 10 + HEARTBEAT_NS
    assert opened.poll(START + HEARTBEAT_NS, UTC) is None
    assert opened.poll(START + 10 + HEARTBEAT_NS, UTC) == HeartbeatAnswer(0, UTC)
    assert opened.poll(START + 10 + HEARTBEAT_NS, UTC) is None
    assert opened.poll(START + 10 + 2 * HEARTBEAT_NS, UTC) == HeartbeatAnswer(0, UTC)


def test_the_peer_is_dead_after_three_silent_intervals() -> None:
    opened = active()
    opened.feed(b"\x00\x00\x00\x03\x91\x91\x03", START + 10)
    dead_ns = START + 10 + 3 * HEARTBEAT_NS
    opened.sent(dead_ns - 1)
    assert opened.deadline_ns == dead_ns
    assert opened.poll(dead_ns - 1, UTC) is None
    assert opened.poll(dead_ns, UTC) == LoggedOut(LogoutReason.HEARTBEAT_MISSED)
    assert opened.closed


def test_a_frame_must_be_complete_within_its_time_whatever_trickles_in() -> None:
    opened = active(heartbeat_ms=60_000)
    deadline_ns = START + round(FRAME_COMPLETE_SECONDS_MAX * SECOND)
    opened.feed(b"\x00", START)
    assert opened.deadline_ns == deadline_ns
    opened.feed(b"\x00", deadline_ns - 1)
    assert opened.poll(deadline_ns - 1, UTC) is None
    assert opened.poll(deadline_ns, UTC) == LoggedOut(LogoutReason.FRAME_TIMEOUT)


def test_the_time_for_a_frame_starts_anew_with_each_frame() -> None:
    opened = active(heartbeat_ms=60_000)
    frame_ns = round(FRAME_COMPLETE_SECONDS_MAX * SECOND)
    opened.feed(b"\x00\x00\x00\x01", START)
    opened.feed(b"\x90\x00\x00", START + frame_ns - 1)
    assert opened.deadline_ns == START + 2 * frame_ns - 1
    opened.feed(b"\x00\x01\x90", START + frame_ns)
    assert opened.poll(START + 10 * frame_ns, UTC) is None


def test_what_we_do_not_read_is_not_held_against_the_peer() -> None:
    opened = active()
    opened.feed(b"\x00", START)
    opened.pause()
    later_ns = START + 100 * SECOND
    assert opened.poll(later_ns, UTC) == HeartbeatAnswer(0, UTC)
    assert opened.deadline_ns == later_ns + HEARTBEAT_NS
    opened.resume(later_ns)
    assert opened.poll(later_ns + 3 * HEARTBEAT_NS - 1, UTC) == HeartbeatAnswer(0, UTC)
    assert opened.poll(later_ns + 3 * HEARTBEAT_NS, UTC) == LoggedOut(LogoutReason.HEARTBEAT_MISSED)


def test_the_interval_is_the_one_of_the_logon() -> None:
    opened = active(heartbeat_ms=100)
    assert opened.deadline_ns == START + 100 * MS
    assert opened.poll(START + 100 * MS, UTC) == HeartbeatAnswer(0, UTC)
    assert opened.poll(START + 300 * MS, UTC) == LoggedOut(LogoutReason.HEARTBEAT_MISSED)


def test_the_server_can_end_a_connection() -> None:
    opened = active()
    assert opened.end(LogoutReason.TAKEN_OVER) == LoggedOut(LogoutReason.TAKEN_OVER)
    assert opened.closed
