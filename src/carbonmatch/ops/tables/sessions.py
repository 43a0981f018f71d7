"""Who is connected, how they came, and how they left."""

from typing import Final

from carbonmatch.ops.counters import TurnedAway
from carbonmatch.ops.metric import Group, Label, counter, gauge, gauge_of_ns
from carbonmatch.protocol.messages import LogoutReason, Role

_REASONS: Final = {None: "lost"} | {reason: reason.name.lower() for reason in LogoutReason}
DISCONNECTED: Final = Label("reason", _REASONS)
TURNED_AWAY: Final = Label("reason", {why: why.name.lower() for why in TurnedAway})
_ROLES: Final = {role: role.name.lower() for role in Role}

SESSIONS: Final = Group(
    "Sessions",
    (
        gauge(
            "connections",
            "connections",
            "Open connections, logged on or not.",
            use="Against the bound of the configuration.",
        ),
        gauge(
            "sessions",
            "sessions",
            "Sessions logged on.",
            use="Who is there; a fall of many at once is the network or the venue.",
            labels=(Label("role", _ROLES),),
        ),
        gauge(
            "sessions_in_grace",
            "sessions_in_grace",
            "Sessions that were lost and whose orders are cancelled unless they are back in time.",
            use="What is about to go from the books.",
        ),
        gauge(
            "sessions_catching_up",
            "sessions_catching_up",
            "Sessions logged on that are still sent their past reports from the journal.",
            use="Many at once: all have reconnected, and the journal is read for each of them.",
        ),
        counter(
            "logons_accepted",
            "logons_accepted",
            "Logons accepted.",
            use="Many without new sessions: reconnecting.",
        ),
        counter(
            "logons_rejected",
            "logons_rejected",
            "Logons refused.",
            use="A key that has expired, or somebody who tries.",
        ),
        counter(
            "disconnects",
            "disconnects",
            "Connections ended; lost: without a logout.",
            use="lost and heartbeat_missed are sessions that dropped; requested are not.",
            labels=(DISCONNECTED,),
        ),
        counter(
            "slow_readers_cut",
            "slow_readers_cut",
            "Connections cut because they did not read.",
            use="A client that hangs; it has lost nothing and may come back.",
        ),
        gauge(
            "unread_bytes_max",
            "unread_bytes_max",
            "Most bytes that wait for one connection of order entry or of market data to read them.",
            use="Who is about to be conflated or cut.",
        ),
        counter(
            "received_bytes", "received_bytes", "Bytes read from order entry.", "bytes", use="Bandwidth in."
        ),
        counter("sent_bytes", "sent_bytes", "Bytes written to order entry.", "bytes", use="Bandwidth out."),
    ),
)

SECURITY: Final = Group(
    "Security",
    (
        counter(
            "turned_away",
            "turned_away",
            "Connections closed as soon as they were accepted.",
            use="Too many at once, of one address or of all.",
            labels=(TURNED_AWAY,),
        ),
        counter(
            "addresses_blocked",
            "addresses_blocked",
            "Addresses blocked for failed logons.",
            use="Somebody tries keys.",
        ),
        counter(
            "keys_blocked",
            "keys_blocked",
            "Keys blocked from one address for failed logons.",
            use="Somebody tries one key, or a client has the wrong one.",
        ),
        counter(
            "tls_handshakes",
            "tls_handshakes",
            "TLS handshakes that ended.",
            use="Failing ones: a certificate that clients do not trust, or no TLS on their side.",
            labels=(Label("result", {"done": "done", "failed": "failed"}),),
        ),
        gauge_of_ns(
            "tls_certificate_expiry_time",
            "tls_certificate_expires_ns",
            "When the first certificate of a listener expires, since 1970; 0: there is none.",
            use="To be renewed and reloaded before.",
        ),
        gauge("keys", "keys", "Keys that may log on.", use="That a reload did what it was meant to."),
        gauge(
            "sessions_banned",
            "sessions_banned",
            "Sessions that an operator has sent away and that may not log on again yet.",
            use="Who does not come back by itself; the audit trail says why.",
        ),
    ),
)
