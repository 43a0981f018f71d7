"""Lines about those who connect: who comes and goes, who is turned away, and readers of a fan-out."""

from typing import Final

from carbonmatch.ops.log_events.event import NOTHING, LogEvent
from carbonmatch.ops.logs import INFO, WARNING

CONNECTIONS: Final = (
    LogEvent(
        "session_logged_on",
        INFO,
        ("session", "address", "next_seq"),
        "A gateway or an operator has logged on; its reports go on with this number.",
        NOTHING,
    ),
    LogEvent(
        "subscriber_logged_on",
        INFO,
        ("session", "address"),
        "A reader of market data has logged on.",
        NOTHING,
    ),
    LogEvent(
        "gap_not_filled",
        WARNING,
        ("address", "text"),
        "A reader of market data has lost more batches than memory has and asked for them, and got snapshots:"
        " the journal could not be read for it, or not in time. It has missed trades.",
        "Look for `gap_not_read` before it. Where the reader needs what it has missed,"
        " `carbonmatch replay-feed --after-batch` gives it from the journal.",
    ),
    LogEvent(
        "gap_not_read",
        WARNING,
        ("feed_sequence", "text"),
        "What came after this batch could not be made again from the journal for a reader: see the text.",
        "Where segments are missing, say where the archive is (`follower.archive`). Damage is for"
        " `carbonmatch journal verify`.",
    ),
    LogEvent(
        "drop_copy_logged_on",
        INFO,
        ("session", "address", "next_seq"),
        "A reader of a drop copy has logged on; its copies go on with this number.",
        NOTHING,
    ),
    LogEvent(
        "logged_off",
        INFO,
        ("session", "address", "reason"),
        "A connection that was logged on has ended. `LOST`: it went without a word.",
        "Nothing, for one. Where many go at once, look at the network; where one goes again and again with"
        " the same reason, ask whose it is.",
    ),
    LogEvent(
        "session_orders_cancelled",
        INFO,
        ("session",),
        "A session that wished so was away for longer than its grace time; its orders are cancelled.",
        "Nothing. Its owner may ask why: this line is the answer.",
    ),
    LogEvent(
        "session_disconnected",
        INFO,
        ("session", "connections", "text"),
        "An operator has ended the connections of a session, for the reason in the text.",
        "Nothing. `carbonmatch admin sessions` says whether it is back.",
    ),
    LogEvent(
        "connection_ended",
        INFO,
        ("address", "reason"),
        "The engine has ended a connection whose time was up: no logon within the deadline, or no sign of"
        " life since.",
        "Nothing, for one. Where it repeats for one address, its side does not send heartbeats, or the"
        " network between holds them back.",
    ),
    LogEvent(
        "connection_cut",
        INFO,
        ("address", "why", "unread_bytes", "paused_seconds"),
        "The engine has cut a connection that left too much unread. What it missed it gets when it is back.",
        "Tell whose it is: the reader is too slow, or its network is.",
    ),
    LogEvent(
        "protocol_error",
        INFO,
        ("address", "reason", "text"),
        "A peer has sent what the protocol does not allow; it was told so, and its connection ended.",
        "`text` is what was found and expected: send it to whose client it is. From addresses that nobody"
        " knows: look at the firewall.",
    ),
    LogEvent(
        "logon_refused",
        INFO,
        ("address", "reason"),
        "A logon was refused. The peer is told no more than that.",
        "Nothing, for one. From a member: compare its key, session and address with the configuration.",
    ),
    LogEvent(
        "key_blocked",
        WARNING,
        ("address", "key_id", "seconds"),
        "A key was used wrongly too often from an address that members share; it is refused from there for"
        " so many seconds. Others there are not affected.",
        "Ask whose key it is: its private half is the wrong one, or somebody tries.",
    ),
    LogEvent(
        "address_blocked",
        WARNING,
        ("address", "seconds"),
        "Logons from an address failed too often; it is refused for so many seconds.",
        "Nothing, where nobody knows the address; shut it out at the firewall if it stays. A member's: see"
        " `logon_refused`.",
    ),
    LogEvent(
        "turned_away",
        WARNING,
        ("reason", "address", "count"),
        "So many connections since the last such line were reset as soon as they came: the venue is full, or"
        " one address has too many waiting. `address` is that of the last one.",
        "From one address: shut it out at the firewall. From members: raise `[connections]`.",
    ),
    LogEvent(
        "handshake_failed",
        INFO,
        ("address", "text"),
        "A connection did not get through its TLS handshake.",
        "Nothing, for one. From a member: its TLS is too old, or its certificate is none of ours.",
    ),
    LogEvent(
        "out_of_descriptors",
        WARNING,
        ("text",),
        "The process may open no more files or sockets, and turns connections away until some are free.",
        "Raise LimitNOFILE of the unit (`ulimit -n`), and look who has that many connections.",
    ),
    LogEvent(
        "upstream_lost",
        WARNING,
        ("text",),
        "The fan-out has lost the engine, told its readers so, and tries again.",
        "Look whether the engine runs. Where it does: the network between, and the key of the fan-out.",
    ),
    LogEvent(
        "nats_connected",
        INFO,
        ("server",),
        "The fan-out has reached the NATS server, and tells it all of the market anew.",
        NOTHING,
    ),
    LogEvent(
        "nats_lost",
        WARNING,
        ("server",),
        "The fan-out has lost the NATS server; it tries again by itself.",
        "Look whether that server runs. Readers at the fan-out's own port are not affected.",
    ),
    LogEvent(
        "nats_unreachable",
        WARNING,
        ("server", "text"),
        "The fan-out could not reach the NATS server; it tries again by itself.",
        "Look whether that server runs, and at the address after --nats.",
    ),
    LogEvent(
        "nats_behind",
        WARNING,
        ("waiting",),
        "The NATS server takes less than the market makes. What waited was dropped; its readers get the whole"
        " state anew.",
        "Look how busy that server is. Readers at the fan-out's own port are not affected.",
    ),
    LogEvent(
        "nats_not_published",
        WARNING,
        ("text",),
        "A message could not be handed to the NATS server. Once it is back, it is told everything anew.",
        "As for `nats_lost`.",
    ),
    LogEvent(
        "nats_error",
        WARNING,
        ("text",),
        "The NATS server has complained, or the library that talks to it.",
        "Do what `text` says; permissions of the fan-out there are the usual cause.",
    ),
)
